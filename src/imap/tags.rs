//! The tags of commands that the backend has not answered yet, oldest first.
//!
//! An answer with a tag that nobody asked for ends the session: it may be somebody else's. One small vector serves all,
//! and is given back when it is empty. Our own tags are not among them: `question` asks only when none of these is open.

use super::tag::Tag;

/// Commands that a client may have under way at once; more are held back until the first is answered.
const MOST: usize = 256;

/// Makes the tags of our commands. Each call must give another one, that no client can guess; none where there is no randomness.
pub type FreshTag = fn() -> Option<Tag<'static>>;

/// Open tags, each behind its length.
#[derive(Default)]
pub struct Tags {
    open: Vec<u8>,
    count: usize,
}

impl Tags {
    /// Whether every command was answered.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether no more commands are taken for the moment.
    pub fn is_full(&self) -> bool {
        self.count >= MOST
    }

    /// A command was passed on.
    pub fn open(&mut self, tag: &Tag<'_>) {
        // At most 64.
        let tag = tag.octets();
        self.open.reserve_exact(1 + tag.len());
        self.open.push(u8::try_from(tag.len()).unwrap_or(u8::MAX));
        self.open.extend_from_slice(&tag[..tag.len().min(usize::from(u8::MAX))]);
        self.count += 1;
    }

    /// Whether the backend still owes an answer for `tag`.
    pub fn holds(&self, tag: &Tag<'_>) -> bool {
        self.find(tag).is_some()
    }

    /// The backend answered it. False: nobody asked.
    pub fn close(&mut self, tag: &Tag<'_>) -> bool {
        let Some(place) = self.find(tag) else { return false };
        self.open.drain(place);
        self.count -= 1;
        if self.count == 0 {
            self.open = Vec::new();
        }
        true
    }

    fn find(&self, tag: &Tag<'_>) -> Option<std::ops::Range<usize>> {
        let mut at = 0;
        while let Some(&len) = self.open.get(at) {
            let end = at + 1 + usize::from(len);
            if self.open.get(at + 1..end) == Some(tag.octets()) {
                return Some(at..end);
            }
            at = end;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tag::tag;
    use super::*;

    #[test]
    fn each_tag_is_answered_once() {
        let mut tags = Tags::default();
        tags.open(&tag(b"a1"));
        tags.open(&tag(b"a2"));
        assert!(!tags.close(&tag(b"a")));
        assert!(tags.close(&tag(b"a2")));
        assert!(!tags.close(&tag(b"a2")));
        assert!(tags.close(&tag(b"a1")));
        assert!(!tags.close(&tag(b"a1")));
        assert_eq!(tags.open.capacity(), 0);
    }
}
