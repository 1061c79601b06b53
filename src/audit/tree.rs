//! The files of a machine, from its root or from a folder that holds another machine's (a container, a mounted disk).

use std::fs;
use std::path::{Path, PathBuf};

use super::settings::origin::Joined;

/// No settings are longer; a file that is, is none.
const LONGEST: u64 = 8 << 20;
/// Files that include each other in a circle end here.
const DEEPEST: usize = 8;
/// Files that one pattern may name, and that may be included in all: a circle of many is long before it is deep.
const MOST: usize = 5000;

/// The files under a root.
pub struct Tree(PathBuf);

/// What a line includes: a path or pattern, relative to the file's own folder where it is not absolute.
pub type Includes = fn(&str) -> Option<String>;

struct Joining {
    includes: Includes,
    left: usize,
    joined: Joined,
}

impl Tree {
    /// Of this machine, or of the folder.
    pub fn new(root: Option<&Path>) -> Tree {
        Tree(root.unwrap_or(Path::new("/")).to_owned())
    }

    /// The text of a file named by its absolute path inside.
    pub fn read(&self, path: &str) -> Option<String> {
        read(&self.find(path)?).ok()
    }

    /// The files that `pattern` names (`*` within one component), in the order of their names.
    pub fn list(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        for component in pattern.split('/').filter(|component| !component.is_empty()) {
            let mut next = Vec::new();
            for folder in &found {
                if component.contains('*') {
                    let entries = self.find(folder).and_then(|path| fs::read_dir(path).ok()).into_iter().flatten().flatten();
                    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
                    // What an editor or dpkg left behind is read by nobody.
                    let matching = names.filter(|name| fits(component, name) && !name.ends_with('~') && !name.contains(".dpkg-"));
                    next.extend(matching.map(|name| format!("{folder}/{name}")));
                } else {
                    next.push(format!("{folder}/{component}"));
                }
            }
            next.sort();
            next.truncate(MOST);
            found = next;
        }
        found.retain(|path| self.find(path).is_some_and(|path| path.is_file()));
        found
    }

    /// `file` with all that it includes, in its place.
    pub fn join(&self, file: &str, includes: Includes) -> Option<Joined> {
        let mut joining = Joining { includes, left: MOST, joined: Joined::default() };
        self.add(file, &self.read(file)?, 0, &mut joining);
        Some(joining.joined)
    }

    /// All files of these patterns, one after the other.
    pub fn concatenate(&self, patterns: &[&str]) -> Option<Joined> {
        let mut joined = Joined::default();
        for file in patterns.iter().flat_map(|pattern| self.list(pattern)) {
            joined.push_file(&file, &self.read(&file).unwrap_or_default());
        }
        (!joined.text.is_empty()).then_some(joined)
    }

    /// All files of these patterns, each by itself.
    pub fn each(&self, patterns: &[&str]) -> Vec<(String, String)> {
        let files = patterns.iter().flat_map(|pattern| self.list(pattern));
        files.filter_map(|file| self.read(&file).map(|text| (file, text))).collect()
    }

    fn add(&self, file: &str, text: &str, depth: usize, joining: &mut Joining) {
        for (number, line) in text.lines().enumerate() {
            let named = (joining.includes)(line.trim()).filter(|_| depth < DEEPEST);
            let Some(named) = named else {
                joining.joined.push(file, number + 1, line);
                continue;
            };
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let pattern = if named.starts_with('/') { named } else { format!("{folder}/{named}") };
            for file in self.list(&pattern) {
                let Some(left) = joining.left.checked_sub(1) else { return };
                joining.left = left;
                self.add(&file, &self.read(&file).unwrap_or_default(), depth + 1, joining);
            }
        }
    }

    /// An absolute link (sites-enabled has some) leads to the same root.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let mut found = self.0.join(path.trim_start_matches('/'));
        for _ in 0..DEEPEST {
            match fs::read_link(&found) {
                Ok(target) if target.is_absolute() => found = self.0.join(target.strip_prefix("/").ok()?),
                Ok(target) => found = found.parent()?.join(target),
                Err(_) => return found.exists().then_some(found),
            }
        }
        None
    }
}

/// The text of a file of the admin's.
///
/// # Errors
/// What the system says; a file that is too large.
pub fn read(file: &Path) -> std::io::Result<String> {
    if fs::metadata(file)?.len() > LONGEST {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    // An accent in Latin-1 in a comment is no reason to refuse.
    fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// `*` stands for any letters, but not for a dot in front.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let hidden = before.is_empty() && name.starts_with('.');
    let Some(rest) = name.strip_prefix(before).filter(|_| !hidden) else { return false };
    (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits_rest(after, &rest[at..]))
}

fn fits_rest(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits_rest(after, &rest[at..]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name) in [("*", "a"), ("*.conf", "a.b.conf"), ("a*b*c", "axbyc"), ("x", "x"), ("*.conf", "é.conf")] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*", ".a"), ("*.conf", "a.conf~"), ("a*b", "ac"), ("x", "y")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
