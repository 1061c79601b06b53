//! What is known of the connection to the witness, and what waits for its answers. The machine that it belongs to is in `node`.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;

use tokio::sync::mpsc::{Sender, UnboundedSender};

use crate::admin::Request;
use crate::admin::node::CopyTrouble;
use crate::event::{Event, emit};
use crate::node::{Millis, Node, NodeWord};

/// What of the counts has come.
pub enum CountWord {
    /// What some mailboxes hold: `usage load`.
    Rows(Box<Request>),
    /// That was all: whole, or with some missing.
    Done(bool),
}

/// What becomes of the newest copy.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fetch {
    #[default]
    Nothing,
    /// The witness is to bring it.
    Asked,
    /// It is being put into the store; that goes on when the connection ends.
    Adopting,
}

#[derive(Default)]
pub(super) struct LinkState {
    pub(super) node: Node,
    /// As the witness calls it.
    pub(super) name: Option<String>,
    pub(super) out: Option<Sender<Vec<u8>>>,
    /// Copies that are on their way, in their order.
    pub(super) puts: VecDeque<SyncSender<Option<u64>>>,
    pub(super) counts: Option<UnboundedSender<CountWord>>,
    /// When it was asked last.
    pub(super) asked: Millis,
    pub(super) fetch: Fetch,
    pub(super) not_before: Millis,
    pub(super) trouble: Option<CopyTrouble>,
    /// Which connection this is.
    pub(super) turn: u64,
    /// It is to leave: the other one is called for, or an admin said so.
    pub(super) leaving: bool,
}

impl LinkState {
    /// Says `word`, and the octets behind it. False: there is no connection, or the other side does not listen; then it is as good as gone.
    pub(super) fn say(&mut self, word: &NodeWord, octets: &[u8]) -> bool {
        let said = self.out.as_ref().is_some_and(|out| out.try_send([word.to_string().as_bytes(), octets].concat()).is_ok());
        if !said {
            self.hang_up();
        }
        said
    }

    /// The connection is no more: what waits for an answer gets none.
    pub(super) fn hang_up(&mut self) {
        (self.out, self.counts, self.name) = (None, None, None);
        if self.fetch == Fetch::Asked {
            self.fetch = Fetch::Nothing;
        }
        self.asked = 0;
        self.node.hung_up();
        self.puts.clear();
    }

    /// What is wrong with copies now; told where that is new.
    pub(super) fn say_trouble(&mut self, trouble: Option<CopyTrouble>) {
        if let Some(why) = trouble.filter(|why| self.trouble != Some(*why)) {
            emit(Event::CopyUnusable { why: why as u64 });
        }
        self.trouble = trouble;
    }

    pub(super) fn kept(&mut self, number: Option<u64>) {
        if let Some(put) = self.puts.pop_front() {
            let _ = put.send(number);
        }
    }

    pub(super) fn tell(&mut self, word: CountWord) {
        if let Some(counts) = &self.counts {
            let _ = counts.send(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;

    #[test]
    fn nothing_is_kept_for_who_does_not_listen() {
        let (out, _lines) = channel(2);
        let mut held = LinkState { out: Some(out), ..LinkState::default() };
        let said = [(); 4].map(|()| held.say(&NodeWord::Get, b""));
        assert_eq!((said, held.out.is_none()), ([true, true, false, false], true));
    }
}
