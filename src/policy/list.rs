//! A closed list of names that a policy file gives its own words to: what is wrong with it.

use toml::Spanned;

use super::Problem;

/// Collects what is wrong with a list of names.
pub(super) struct List<'a> {
    text: &'a str,
    seen: Vec<String>,
    problems: Vec<Problem>,
}

impl<'a> List<'a> {
    pub(super) fn new(text: &'a str) -> List<'a> {
        List { text, seen: Vec::new(), problems: Vec::new() }
    }

    pub(super) fn wrong(&mut self, name: &Spanned<String>, what: &str) {
        self.problems.push(Problem::at(self.text, name.span().start, name.get_ref(), what));
    }

    pub(super) fn entry(&mut self, name: &Spanned<String>, reason: &str) {
        if self.seen.contains(name.get_ref()) {
            self.wrong(name, "stands twice");
        }
        if reason.trim().is_empty() {
            self.wrong(name, "needs a reason in words");
        }
        self.seen.push(name.get_ref().clone());
    }

    pub(super) fn complete(&mut self, names: impl Iterator<Item = &'static str>) {
        for name in names.filter(|name| !self.seen.iter().any(|seen| seen == name)).collect::<Vec<_>>() {
            self.problems.push(Problem::at(self.text, self.text.len(), name, "is missing; no policy can switch it off"));
        }
    }

    pub(super) fn end<T>(self, file: T) -> Result<T, Vec<Problem>> {
        if self.problems.is_empty() { Ok(file) } else { Err(self.problems) }
    }
}
