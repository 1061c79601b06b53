//! Questions of ours to the backend, inside a session, while the client waits: how much is in the mailbox, how big the messages
//! are that a COPY wants to double, whose the folders are, whether a folder is there.
//!
//! A question begins only when the backend owes no answer, so whatever comes of the kinds that were asked for is ours and is
//! swallowed; everything else (a new message, an expunge) passes to the client as usual. Each command of ours has a fresh
//! tag that nobody can guess. An answer that is missing, odd, NO or BAD is *unknown*, and unknown is never taken for zero.

use super::count::Count;
use super::frame::Frame;
use super::places::{Places, Reading};
use super::sizes::{NamedMessages, SizeQuestion};
use super::status::{Status, Then, is};
use super::tag::Tag;
use super::tags::FreshTag;
use crate::quota::{Amount, Refresh};

/// One question under way.
pub(super) struct Question {
    /// None where there is no randomness: then no answer is taken for one to us.
    tag: Option<Tag<'static>>,
    fresh: FreshTag,
    aim: Aim,
    /// In the middle of a response of ours: its next frames are swallowed too.
    inside: bool,
}

/// What was asked before a refusal. Each step is taken once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// How big the messages are.
    Sizes,
    /// The backend was counted, or could not be.
    Usage,
    /// Whether the folder is there; none: not known.
    Folder(Option<bool>),
}

/// What is asked.
pub(super) enum Aim {
    /// The usage of the whole mailbox.
    Usage(Count, Refresh),
    /// The sizes of some messages.
    Sizes(SizeQuestion),
    /// Whose the folders are, and which are special.
    Places(Reading),
    /// Whether a folder is there, once that was answered.
    Exists(Option<bool>),
}

/// What came out.
pub(super) enum Learned {
    /// What the mailbox holds; none: unknown.
    Usage(Refresh, Option<Amount>),
    /// The messages, or what to tell the client instead: they are unknown.
    Sizes(Result<NamedMessages, Status>),
    /// Whose the folders are; none: unknown.
    Places(Option<Places>),
    /// Whether a folder is there; none: unknown.
    Exists(Option<bool>),
}

/// What a frame from the backend means for the question.
pub(super) enum Heard {
    /// It is not for us.
    Other,
    /// It is ours.
    Ours,
    /// It is ours, and this is what to send next.
    Next(Vec<u8>),
    /// The last of ours.
    Last,
}

impl Question {
    /// A question, and what to send first.
    pub(super) fn new(aim: Aim, command: &[u8], fresh: FreshTag) -> (Box<Question>, Vec<u8>) {
        let mut question = Box::new(Question { tag: None, fresh, aim, inside: false });
        let line = question.tagged(command);
        (question, line)
    }

    fn tagged(&mut self, command: &[u8]) -> Vec<u8> {
        self.tag = (self.fresh)();
        [self.tag.as_ref().map_or(&[][..], Tag::octets), b" ", command, b"\r\n"].concat()
    }

    /// What was found, behind [`Heard::Last`].
    pub(super) fn found(self) -> Learned {
        match self.aim {
            Aim::Usage(count, refresh) => Learned::Usage(refresh, count.found()),
            Aim::Sizes(sizes) => Learned::Sizes(sizes.found()),
            Aim::Places(reading) => Learned::Places(reading.found()),
            Aim::Exists(there) => Learned::Exists(there),
        }
    }

    /// Looks at a frame; `bytes` are its bytes, `begins` tells whether a response begins with it.
    pub(super) fn hear(&mut self, frame: &Frame, bytes: &[u8], begins: bool) -> Heard {
        if begins {
            if let Some(status) = self.status(bytes) {
                return self.answered(status);
            }
            self.inside = match &self.aim {
                Aim::Usage(count, _) => count.is_ours(bytes),
                Aim::Sizes(_) => SizeQuestion::is_ours(bytes),
                Aim::Places(reading) => reading.is_ours(bytes),
                Aim::Exists(_) => is(bytes, b"* STATUS "),
            };
        }
        if !self.inside {
            return Heard::Other;
        }
        match &mut self.aim {
            Aim::Usage(count, _) => count.hear(frame, bytes, begins),
            Aim::Sizes(sizes) => sizes.hear(frame, bytes, begins),
            Aim::Places(reading) => reading.hear(frame, bytes, begins),
            Aim::Exists(_) => {}
        }
        Heard::Ours
    }

    fn status(&self, line: &[u8]) -> Option<Status> {
        let status = line.strip_prefix(self.tag.as_ref()?.octets())?.strip_prefix(b" ")?;
        Some(match () {
            () if is(status, b"OK ") || is(status, b"OK\r") => Status::Ok,
            () if is(status, b"NO ") || is(status, b"NO\r") => Status::No,
            () => Status::Bad,
        })
    }

    fn answered(&mut self, status: Status) -> Heard {
        let then = match &mut self.aim {
            Aim::Usage(count, _) => count.answered(status),
            Aim::Sizes(sizes) => sizes.answered(status),
            Aim::Places(reading) => reading.answered(status),
            Aim::Exists(there) => {
                *there = match status {
                    Status::Ok => Some(true),
                    Status::No => Some(false),
                    Status::Bad => None,
                };
                Then::Done
            }
        };
        match then {
            Then::Ask(command) => Heard::Next(self.tagged(&command)),
            Then::Done => Heard::Last,
        }
    }
}
