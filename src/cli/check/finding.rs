//! What a check found, each in a sentence with the place and what to do.

/// All that was found, in the order of the search.
#[derive(Default)]
pub(super) struct Faults {
    wrong: Vec<String>,
    notes: Vec<String>,
}

impl Faults {
    /// Keeps nologd from starting, or from working as it should.
    pub(super) fn wrong(&mut self, text: impl Into<String>) {
        self.wrong.push(text.into());
    }

    /// Worth knowing; it works all the same.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// And what another search found.
    pub(super) fn add(&mut self, other: Faults) {
        self.wrong.extend(other.wrong);
        self.notes.extend(other.notes);
    }

    /// What is wrong.
    pub(super) fn all_wrong(&self) -> &[String] {
        &self.wrong
    }

    /// What is worth knowing.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }
}
