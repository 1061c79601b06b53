//! `[policy]` in the config file: the built-in rules, or those of a folder.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::groups::is_sealed;
use super::reader::{Reader, Section};
use crate::policy::{FILES, Policy};

/// Reads `[policy]`: the built-in files, with those of `directory` in their place.
pub(super) fn read(reader: &mut Reader<'_>, root: &mut Section<'_>) -> (Option<Policy>, Option<PathBuf>) {
    let mut section = root.section(reader, "policy");
    let directory = section.text(reader, "directory");
    let allow = section.flag(reader, "allow_loosened");
    section.end(reader);
    let Some(directory) = directory else { return (Some(Policy::built_in()), None) };
    let folder = PathBuf::from(&directory.value);
    let mut own = Vec::new();
    let listed = fs::read_dir(&folder);
    // A folder that the kernel was not told of at the start is no mistake of the file: it is among the places that wait for a restart.
    if is_sealed() && listed.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        return (Some(Policy::built_in()), Some(folder));
    }
    for entry in listed.into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = FILES.iter().find(|(file, _)| *file == name);
        match (known, fs::read_to_string(entry.path())) {
            (Some((file, _)), Ok(text)) => own.push((*file, text)),
            (Some(_), Err(_)) => reader.wrong(&directory, &format!("has a {name} that cannot be read")),
            // A misspelt name would leave the built-in rules in force, unseen.
            (None, _) if name.ends_with(".toml") => {
                reader.wrong(&directory, &format!("has a {name}, which is no file of a policy"))
            }
            (None, _) => {}
        }
    }
    if own.is_empty() {
        let names = FILES.map(|(file, _)| file).join(", ");
        reader.wrong(&directory, &format!("has none of {names} that can be read"));
        return (None, None);
    }
    match Policy::parse(|file| own.iter().find(|(name, _)| *name == file).map(|(_, text)| text.clone())) {
        Ok(policy) => {
            let loosened: Vec<_> = policy.loosened().iter().map(|rule| format!("{} of {}", rule.rule, rule.file)).collect();
            if !allow && !loosened.is_empty() {
                let text = format!("loosens {}; say allow_loosened = true if that is meant", loosened.join(", "));
                reader.wrong(&directory, &text);
            }
            (Some(policy), Some(folder))
        }
        Err(problems) => {
            for (file, problem) in problems {
                let text = format!("{file} line {}: {} {}", problem.line, problem.key, problem.text);
                reader.wrong(&directory, &text);
            }
            (None, None)
        }
    }
}
