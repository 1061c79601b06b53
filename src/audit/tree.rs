//! The files of a machine, from its root or from a folder that holds another machine's (a container, a mounted disk).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::pattern::{fits, is_pattern};
use super::settings::origin::Joined;
use crate::store::open_regular;

/// No settings are longer, one file or all of a server; a file that is, is none.
const LONGEST: u64 = 8 << 20;
/// No settings include each other over more files.
const DEEPEST: usize = 8;
/// Files that one pattern may name, and that may be included in all: a circle of many is long before it is deep.
const MOST: usize = 5000;

/// The files under a root.
///
/// What is there and cannot be read is not empty: it is noted, and an audit that skipped it would call clean what it has not seen.
pub struct Tree {
    root: PathBuf,
    unread: RefCell<BTreeMap<String, String>>,
}

/// From where a path counts that does not begin at the root.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IncludeBase {
    /// From the folder of the file that names it.
    Own,
    /// From the folder of the file that is read first, wherever it is named.
    First,
}

/// A file or tool that cannot be read, for the admin's terminal.
pub struct Unreadable {
    /// The file or command.
    pub what: String,
    /// What the system said.
    pub why: String,
}

/// What a line includes: a path or pattern, relative to the file's own folder where it is not absolute.
pub type Includes = fn(&str) -> Option<String>;

struct Joining {
    includes: Includes,
    /// The folder of the first file, where paths count from there.
    first: Option<String>,
    /// The files that the present one is included by, and itself.
    open: Vec<String>,
    left: usize,
    joined: Joined,
}

impl Tree {
    /// Of this machine, or of the folder.
    pub fn new(root: Option<&Path>) -> Tree {
        Tree { root: root.unwrap_or(Path::new("/")).to_owned(), unread: RefCell::default() }
    }

    /// What was there and could not be read so far.
    pub fn into_unread(self) -> Vec<Unreadable> {
        self.unread.into_inner().into_iter().map(|(what, why)| Unreadable { what, why }).collect()
    }

    /// The text of a file named by its absolute path inside. `None`: it is not there, or it is noted.
    pub fn read(&self, path: &str) -> Option<String> {
        let found = self.find(path)?;
        // How a file is switched off.
        if found.ends_with("dev/null") {
            return Some(String::new());
        }
        self.told(path, open_regular(&found).and_then(text))
    }

    fn told<T>(&self, path: &str, done: io::Result<T>) -> Option<T> {
        done.map_err(|error| self.note(path, &error.to_string())).ok()
    }

    fn note(&self, path: &str, why: &str) {
        self.unread.borrow_mut().insert(path.to_owned(), why.to_owned());
    }

    /// The files that `pattern` names (as the shell has it, within one component), in the order of their names.
    pub fn list(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        for component in pattern.split('/').filter(|component| !component.is_empty()) {
            let mut next = Vec::new();
            for folder in &found {
                if is_pattern(component) {
                    let place = self.find(folder).filter(|path| path.is_dir());
                    let entries = place.and_then(|path| self.told(folder, fs::read_dir(path))).into_iter().flatten().flatten();
                    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
                    let matching = names.filter(|name| fits(component, name) && !is_left_over(name));
                    next.extend(matching.map(|name| format!("{folder}/{name}")));
                } else {
                    next.push(format!("{folder}/{component}"));
                }
            }
            next.sort();
            if next.len() > MOST {
                self.note(pattern, "names more files than are read");
                next.truncate(MOST);
            }
            found = next;
        }
        found.retain(|path| self.find(path).is_some_and(|path| path.is_file()));
        found
    }

    /// `file` with all that it includes, in its place.
    pub fn join(&self, file: &str, base: IncludeBase, includes: Includes) -> Option<Joined> {
        let text = self.read(file)?;
        let first = (base == IncludeBase::First).then(|| folder(file).to_owned());
        let mut joining = Joining { includes, first, open: Vec::new(), left: MOST, joined: Joined::default() };
        self.add(file, &text, &mut joining);
        Some(joining.joined)
    }

    /// All files of these patterns, one after the other.
    pub fn concatenate(&self, patterns: &[&str]) -> Option<Joined> {
        let mut joined = Joined::default();
        for file in patterns.iter().flat_map(|pattern| self.list(pattern)) {
            self.read(&file).into_iter().for_each(|text| joined.push_file(&file, &text));
        }
        (!joined.text.is_empty()).then_some(joined)
    }

    /// All files of these patterns, each by itself.
    pub fn each(&self, patterns: &[&str]) -> Vec<(String, String)> {
        let files = patterns.iter().flat_map(|pattern| self.list(pattern));
        files.filter_map(|file| self.read(&file).map(|text| (file, text))).collect()
    }

    fn add(&self, file: &str, text: &str, joining: &mut Joining) {
        joining.open.push(file.to_owned());
        for (number, line) in text.lines().enumerate() {
            let Some(named) = (joining.includes)(line.trim()) else {
                joining.joined.push(file, number + 1, line);
                continue;
            };
            let base = joining.first.as_deref().unwrap_or(folder(file));
            let pattern = if named.starts_with('/') { named } else { format!("{base}/{named}") };
            if pattern.contains("${") {
                self.note(&pattern, "names a variable, so what is there cannot be known: write the path");
            }
            for file in self.named(&pattern) {
                // Of a circle all lines are there already.
                if !joining.open.contains(&file) {
                    self.include(&file, joining);
                }
            }
        }
        joining.open.pop();
    }

    /// The files of a pattern, or all of a folder.
    fn named(&self, pattern: &str) -> Vec<String> {
        let mut folders = vec![pattern.trim_end_matches('/').to_owned()];
        let mut files = Vec::new();
        for _ in 0..DEEPEST {
            let is_folder = |path: &String| !is_pattern(path) && self.find(path).is_some_and(|path| path.is_dir());
            let (inside, others): (Vec<_>, Vec<_>) = folders.into_iter().partition(is_folder);
            files.extend(others.iter().flat_map(|path| self.list(path)));
            folders = inside.iter().flat_map(|folder| self.entries(folder)).collect();
        }
        files
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let entries = self.find(folder).and_then(|path| self.told(folder, fs::read_dir(path))).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut all: Vec<_> = names.filter(|name| !is_left_over(name)).map(|name| format!("{folder}/{name}")).collect();
        all.sort();
        all
    }

    fn include(&self, file: &str, joining: &mut Joining) {
        let fits = joining.open.len() <= DEEPEST && joining.joined.text.len() as u64 <= LONGEST;
        let left = joining.left.checked_sub(1).filter(|_| fits);
        let Some(left) = left else { return self.note(file, "is included behind more files than are read") };
        joining.left = left;
        if let Some(text) = self.read(file) {
            self.add(file, &text, joining);
        }
    }

    /// An absolute link (sites-enabled has some) leads to the same root.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let mut found = self.root.join(path.trim_start_matches('/'));
        for _ in 0..DEEPEST {
            match fs::read_link(&found) {
                Ok(target) if target.is_absolute() => found = self.root.join(target.strip_prefix("/").ok()?),
                Ok(target) => found = found.parent()?.join(target),
                // A folder on the way that may not be looked into hides it: that is not "not there".
                Err(_) => return self.told(path, found.try_exists()).filter(|there| *there).map(|_| found),
            }
        }
        None
    }
}

/// The text of a file of the admin's.
///
/// # Errors
/// What the system says; a file that is too large.
pub fn read(file: &Path) -> io::Result<String> {
    // A pipe is welcome: `<(doveconf -n)`.
    text(File::open(file)?)
}

/// The text of what was opened. How long it is, is seen when it is read: a device says nothing of it.
fn text(file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // An accent in Latin-1 in a comment is no reason to refuse.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What an editor or dpkg left behind is read by nobody.
fn is_left_over(name: &str) -> bool {
    name.ends_with('~') || name.contains(".dpkg-")
}

fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        for (device, why) in [("/dev/zero", io::ErrorKind::FileTooLarge), ("/proc", io::ErrorKind::IsADirectory)] {
            assert_eq!(read(Path::new(device)).unwrap_err().kind(), why, "{device}");
        }
        // In a tree nothing but a file is one: a link there may lead to a device, and a pipe has an end only when somebody writes.
        let tree = Tree::new(None);
        assert!(tree.read("/dev/zero").is_none() && tree.read("/dev/null").is_some_and(|text| text.is_empty()));
        assert_eq!(tree.into_unread().len(), 1);
    }
}
