//! One connection: the transactions that are open in it, and what becomes of each.

use super::command::{Key, UsageCommand};
use super::frame::UsageFrame;
use super::reply;
use crate::fault::Fault;
use crate::private::Address;

/// Transactions that may be open in one connection. Dovecot has one.
const MAX_OPEN: usize = 16;

/// What to do.
#[derive(PartialEq, Eq)]
pub enum UsageStep {
    /// Nothing.
    GoOn,
    /// Send this.
    Answer(Vec<u8>),
    /// Tell the book, then send this. There may be nothing to send.
    Push(Push, Vec<u8>),
}

/// What a mailbox holds, of the moment when Dovecot looked.
#[derive(PartialEq, Eq)]
pub struct Push {
    /// Whose.
    pub mailbox: Address,
    /// Octets in all its folders; none when that was not told, which is not zero.
    pub octets: Option<u64>,
    /// Messages; the same.
    pub messages: Option<u64>,
}

/// The state of one connection. An idle one holds no memory.
#[derive(Default)]
pub struct UsageSession {
    user: Option<Address>,
    open: Vec<Open>,
}

struct Open {
    id: u64,
    user: Option<Address>,
    octets: Option<u64>,
    messages: Option<u64>,
}

impl UsageSession {
    /// Takes one line.
    ///
    /// # Errors
    /// For what is not this protocol. Close the connection then.
    pub fn decide(&mut self, frame: UsageFrame<'_>) -> Result<UsageStep, Fault> {
        Ok(match UsageCommand::parse(frame)? {
            UsageCommand::Hello(user) => {
                self.user = user;
                UsageStep::GoOn
            }
            UsageCommand::Begin(id, user) => {
                let user = user.unwrap_or_else(|| self.user.clone());
                self.begin(Open { id, user, octets: None, messages: None });
                UsageStep::GoOn
            }
            UsageCommand::Set(id, key, value) => self.change(id, key, |_| value),
            UsageCommand::Unset(id, key) => self.change(id, key, |_| None),
            // What it is more than may be known to Dovecot, not to us.
            UsageCommand::Add(id, key, more) => self.change(id, key, |was| was?.checked_add_signed(more?)),
            UsageCommand::Commit(id) => self.end(id, reply::taken(id)),
            UsageCommand::CommitUnasked(id) => self.end(id, Vec::new()),
            UsageCommand::RollBack(id) => {
                self.take(id);
                UsageStep::GoOn
            }
            UsageCommand::LookUp => UsageStep::Answer(reply::not_there()),
            UsageCommand::Iterate => UsageStep::Answer(reply::no_more()),
            UsageCommand::Aside => UsageStep::GoOn,
        })
    }

    fn begin(&mut self, new: Open) {
        self.take(new.id);
        // The oldest was forgotten by Dovecot itself. Should it be committed, that is answered, and tells nothing.
        if self.open.len() == MAX_OPEN {
            self.open.remove(0);
        }
        self.open.push(new);
    }

    fn change(&mut self, id: u64, key: Key, now: impl FnOnce(Option<u64>) -> Option<u64>) -> UsageStep {
        if let Some(open) = self.open.iter_mut().find(|open| open.id == id) {
            match key {
                Key::Storage => open.octets = now(open.octets),
                Key::Messages => open.messages = now(open.messages),
                Key::Other => {}
            }
        }
        UsageStep::GoOn
    }

    /// Answered in any case: also what was never begun, and what is about nobody or nothing that we know.
    fn end(&mut self, id: u64, answer: Vec<u8>) -> UsageStep {
        let push = self.take(id).and_then(Open::push);
        match push {
            Some(push) => UsageStep::Push(push, answer),
            None if answer.is_empty() => UsageStep::GoOn,
            None => UsageStep::Answer(answer),
        }
    }

    fn take(&mut self, id: u64) -> Option<Open> {
        let at = self.open.iter().position(|open| open.id == id)?;
        let taken = self.open.remove(at);
        if self.open.is_empty() {
            self.open = Vec::new();
        }
        Some(taken)
    }
}

impl Open {
    fn push(self) -> Option<Push> {
        let Open { user, octets, messages, .. } = self;
        let told = octets.is_some() || messages.is_some();
        user.filter(|_| told).map(|mailbox| Push { mailbox, octets, messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `lines` come to: answers, and `name octets messages` of each push.
    fn told(lines: &[&str]) -> (String, Vec<String>) {
        let (mut session, mut said, mut pushed) = (UsageSession::default(), Vec::new(), Vec::new());
        for line in lines {
            match session.decide(UsageFrame::Line(line.as_bytes())) {
                Ok(UsageStep::GoOn) => {}
                Ok(UsageStep::Answer(answer)) => said.extend(answer),
                Ok(UsageStep::Push(push, answer)) => {
                    said.extend(answer);
                    pushed.push(format!("{} {:?} {:?}", push.mailbox.reveal_local(), push.octets, push.messages));
                }
                Err(_) => said.extend(b"closed"),
            }
            assert!(session.open.len() <= MAX_OPEN);
        }
        (String::from_utf8(said).unwrap(), pushed)
    }

    const BEGIN: &str = "B1\talice@velo.example\t0";

    #[test]
    fn both_numbers_come_with_the_commit() {
        let (said, pushed) =
            told(&["H4\t0\t0\t\tquota", BEGIN, "S1\tpriv/quota/storage\t7014", "S1\tpriv/quota/messages\t1", "C1"]);
        assert_eq!((said.as_str(), pushed), ("O1\n", vec!["alice Some(7014) Some(1)".to_owned()]));
        let (said, pushed) = told(&["H2\t0\t0\talice@velo.example\tquota", "B7", "S7\tpriv/quota/storage\t1", "D7"]);
        assert_eq!((said.as_str(), pushed), ("", vec!["alice Some(1) None".to_owned()]));
    }

    #[test]
    fn unset_is_not_zero_and_more_of_the_unknown_is_unknown() {
        let unset = ["U1\tpriv/quota/storage", "U1\tpriv/quota/messages"];
        assert_eq!(told(&[BEGIN, unset[0], unset[1], "C1"]), ("O1\n".into(), vec![]));
        let (_, pushed) = told(&[BEGIN, unset[0], "S1\tpriv/quota/storage\t5", unset[1], "A1\tpriv/quota/messages\t2", "C1"]);
        assert_eq!(pushed, ["alice Some(5) None"]);
        let (_, pushed) = told(&[BEGIN, "S1\tpriv/quota/storage\t5", "A1\tpriv/quota/storage\t-3", "C1"]);
        assert_eq!(pushed, ["alice Some(2) None"]);
        let (_, pushed) = told(&[BEGIN, "S1\tpriv/quota/storage\t5", "A1\tpriv/quota/storage\t-6", "C1"]);
        assert!(pushed.is_empty(), "below nothing there is nothing");
        let (_, pushed) = told(&[BEGIN, "S1\tpriv/quota/storage\t5", "S1\tpriv/quota/storage\tx", "C1"]);
        assert!(pushed.is_empty(), "the last word counts, and it is none");
    }

    #[test]
    fn every_commit_is_answered_and_nothing_fails() {
        for lines in [
            &["C1"][..],
            &["B1\tnobody", "S1\tpriv/quota/storage\t1", "C1"],
            &["B1", "S1\tpriv/quota/storage\t1", "C1"],
            &[BEGIN, "S1\tshared/other\t1", "C1"],
            &[BEGIN, "S1\tpriv/quota/storage\t1", "R1", "C1"],
            &[BEGIN, "S2\tpriv/quota/storage\t1", "C1"],
        ] {
            assert_eq!(told(lines), ("O1\n".into(), vec![]), "{lines:?}");
        }
        assert_eq!(told(&["Lpriv/quota/storage\talice", "I0\t0\tpriv/", "T1\t1\t1", "V1\t1"]).0, "N\n\n");
        assert_eq!(told(&["X1"]).0, "closed");
    }

    #[test]
    fn transactions_are_their_own_and_not_without_number() {
        let (said, pushed) =
            told(&[BEGIN, "B2\tbob@velo.example\t0", "S2\tpriv/quota/storage\t2", "S1\tpriv/quota/storage\t1", "C2", "C1"]);
        assert_eq!((said.as_str(), pushed), ("O2\nO1\n", vec!["bob Some(2) None".to_owned(), "alice Some(1) None".to_owned()]));
        let many: Vec<_> = (0..1000).map(|id| format!("B{id}\talice@velo.example")).collect();
        told(&many.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
