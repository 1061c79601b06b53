//! A member's session and a relay's, one command after the other, and the questions that the tests ask of the book.

use std::time::{Duration, Instant};

use super::stage::{PASSWORD, Stage};
use super::truth::{self, Sum};
use crate::wire::Wire;

/// One session of a member.
pub struct Talk {
    pub wire: Wire,
    count: usize,
}

impl Talk {
    /// Logged in, or the test fails.
    pub fn log_in(port: u16, user: &str) -> Talk {
        Talk::try_log_in(port, user).unwrap_or_else(|| panic!("{user} cannot log in"))
    }

    pub fn try_log_in(port: u16, user: &str) -> Option<Talk> {
        let mut talk = Talk { wire: Wire::plain(port), count: 0 };
        talk.wire.line();
        let answer = talk.ask(&format!("LOGIN {user} {PASSWORD}"));
        last(&answer).starts_with("OK").then_some(talk)
    }

    /// All lines of the answer; what came, where none ends it within ten seconds.
    pub fn ask(&mut self, command: &str) -> String {
        self.ask_octets(command.as_bytes())
    }

    pub fn ask_octets(&mut self, command: &[u8]) -> String {
        let tag = self.send(command);
        self.wire.until(&tag)
    }

    /// Sends it with a tag and a line end, and returns the tag with a blank.
    pub fn send(&mut self, command: &[u8]) -> String {
        self.count += 1;
        let tag = format!("t{} ", self.count);
        self.wire.send(&[tag.as_bytes(), command, b"\r\n"].concat());
        tag
    }

    /// It must be answered with OK.
    pub fn ok(&mut self, command: &str) -> String {
        let answer = self.ask(command);
        assert!(last(&answer).starts_with("OK"), "{}: {answer}", command.get(..80).unwrap_or(command));
        answer
    }

    /// The end of the answer to APPEND, without the tag.
    pub fn append(&mut self, folder: &str, message: &str) -> String {
        last(&self.ask(&format!("APPEND {folder} {{{}+}}\r\n{message}", message.len()))).to_owned()
    }

    /// Stores `octets` in pieces of a megabyte at most.
    pub fn fill(&mut self, folder: &str, octets: usize) {
        let mut left = octets;
        while left > 0 {
            let size = left.min(1 << 20);
            let answer = self.append(folder, &letter(size));
            assert!(answer.starts_with("OK"), "{answer}");
            left -= size;
        }
    }
}

/// The last line of an answer behind its tag.
pub fn last(answer: &str) -> &str {
    answer.trim_end().lines().next_back().and_then(|line| line.split_once(' ')).map_or("", |(_, rest)| rest)
}

/// A message of exactly so many octets, 40 at least.
pub fn letter(octets: usize) -> String {
    let mut text = "From: <x@elsewhere.example>\r\n\r\n".to_owned();
    let left = octets.saturating_sub(text.len() + 2);
    text.push_str(&format!("{}\r\n", "x".repeat(74)).repeat(left / 76));
    text.push_str(&"y".repeat(octets.saturating_sub(text.len() + 2)));
    text + "\r\n"
}

/// One message to some recipients by LMTP: the answer to each, of RCPT where it was refused there.
pub fn deliver(port: u16, to: &[&str], message: &str) -> Vec<String> {
    let mut wire = Wire::plain(port);
    wire.line();
    wire.ask("LHLO relay.example\r\n", "250 ");
    wire.ask("MAIL FROM:<ann@elsewhere.example>\r\n", "2");
    let mut answers: Vec<_> = to.iter().map(|to| wire.ask(&format!("RCPT TO:<{to}>\r\n"), "")).collect();
    if answers.iter().any(|answer| answer.starts_with('2')) {
        wire.ask("DATA\r\n", "3");
        wire.send(format!("{message}.\r\n").as_bytes());
        answers.iter_mut().filter(|answer| answer.starts_with('2')).for_each(|answer| *answer = wire.line());
    }
    answers
}

impl Stage {
    pub fn session(&self, user: &str) -> Talk {
        Talk::log_in(self.imap, user)
    }

    /// A session at Dovecot itself.
    pub fn around(&self, user: &str) -> Talk {
        Talk::log_in(self.dovecot.imap(), user)
    }

    /// What the book has stored for `user`.
    pub fn used(&self, user: &str) -> Sum {
        truth::of(self, user).0
    }

    /// Book and truth are equal within `patience`, or the test fails.
    pub fn settles(&self, user: &str, patience: Duration) -> Sum {
        let end = Instant::now() + patience;
        loop {
            let (stored, (used, with)) = (truth::told(self, user), truth::of(self, user));
            if stored == used && used == with {
                return stored;
            }
            assert!(Instant::now() < end, "{user}: stored {stored:?}, in the book {used:?}, with what is set aside {with:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The book does not have less than there is. What is set aside counts: it keeps others out.
    pub fn not_below(&self, user: &str) {
        let before = truth::there(self, user);
        let (_, with) = truth::of(self, user);
        let stored = truth::both(&before, &truth::there(self, user));
        assert!(
            stored.octets <= with.octets && stored.messages <= with.messages,
            "{user}: stored {stored:?}, in the book {with:?}"
        );
    }
}
