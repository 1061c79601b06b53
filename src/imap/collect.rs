//! A command that is judged whole, as it comes in: its lines, and literals between them.

use super::tag::Tag;
use super::verbs::{JudgedAs, VerbRow};

/// Octets of a command that is collected, literals included: as long as a line may be, and a few names more.
const COLLECT: usize = 72 * 1024;

/// A command that is collected with its literals, because it is judged whole.
pub(super) struct Collect {
    pub(super) tag: Tag<'static>,
    pub(super) row: &'static VerbRow,
    pub(super) judged: JudgedAs,
    pub(super) by_uid: bool,
    /// Where the arguments of the verb start in `text`.
    pub(super) start: usize,
    pub(super) text: Vec<u8>,
    /// Octets of the literal that are still to come.
    left: Option<usize>,
}

impl Collect {
    pub(super) fn new(tag: &Tag<'_>, (row, judged): (&'static VerbRow, JudgedAs), by_uid: bool, start: usize) -> Collect {
        Collect { tag: tag.kept(), row, judged, by_uid, start, text: Vec::new(), left: None }
    }

    /// Takes a line. `literal`: how many octets follow it. False: it would be too much.
    pub(super) fn line(&mut self, line: &[u8], literal: u64) -> bool {
        self.text.extend_from_slice(line);
        let room = COLLECT.checked_sub(self.text.len());
        self.left = usize::try_from(literal).ok().filter(|size| room.is_some_and(|room| *size <= room));
        self.left.is_some()
    }

    /// Takes octets of a literal from the front of `input`, and says how many. None: a line is next.
    pub(super) fn literal(&mut self, input: &[u8]) -> Option<usize> {
        let left = self.left?;
        let taken = left.min(input.len());
        self.text.extend_from_slice(&input[..taken]);
        self.left = Some(left - taken);
        Some(taken)
    }

    /// Whether the literal is complete; then a line is next.
    pub(super) fn is_complete(&mut self) -> bool {
        let complete = self.left == Some(0);
        if complete {
            self.left = None;
        }
        complete
    }

    /// The arguments up to `end`.
    pub(super) fn arguments(&self, end: usize) -> &[u8] {
        self.text.get(self.start..end).unwrap_or_default()
    }
}
