//! What a session holds in the book until the backend answers a command: space, and messages or folders that change their place.

use super::status::Status;
use super::tag::Tag;
use crate::fault::RefusalCode;
use crate::quota::{Amount, Counted, Deletion, Released, Reservation, Shift, Turn};

/// All that is held, each for the command of its tag.
#[derive(Default)]
pub(super) struct HeldSpace {
    items: Vec<(Tag<'static>, Item)>,
    /// Beginnings and ends of renames and deletions of this session in the person's own folders.
    renames: u64,
}

enum Item {
    Space {
        reservation: Reservation,
        /// The backend has all of the command.
        sent: bool,
        /// What is stored on OK.
        stored: Amount,
    },
    Shift(Shift, Turn, Whose),
    Deletion(Deletion, Whose),
}

/// Whose folders or messages change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    SomebodyElses,
}

/// How sure the person's number is after an answer; the worse is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Settled {
    /// As sure as before.
    Sure,
    /// Whoever counted meanwhile, if anybody did, left the next count to this session.
    PerhapsLeft,
    /// What was stored may be in it twice.
    PerhapsTwice,
    /// There is less than it says.
    Less,
    /// Nobody knows what became of it.
    Doubt,
}

impl HeldSpace {
    /// Holds `reservation` for the command `tag`; `stored` of it are counted when the backend says OK.
    pub(super) fn space(&mut self, tag: &Tag<'_>, reservation: Reservation, stored: Amount) {
        self.items.push((tag.kept(), Item::Space { reservation, sent: false, stored }));
    }

    /// Messages or folders change until `tag` is answered.
    pub(super) fn shift(&mut self, tag: &Tag<'_>, shift: Shift, turn: Turn, whose: Whose) {
        self.turned(turn, whose);
        self.items.push((tag.kept(), Item::Shift(shift, turn, whose)));
    }

    /// Messages go until `tag` is answered.
    pub(super) fn deletion(&mut self, tag: &Tag<'_>, deletion: Deletion, whose: Whose) {
        self.items.push((tag.kept(), Item::Deletion(deletion, whose)));
    }

    fn turned(&mut self, turn: Turn, whose: Whose) {
        self.renames += u64::from(turn != Turn::Move && whose == Whose::Own);
    }

    /// How often renames and deletions of this session began or ended in the person's own folders.
    pub(super) fn renames(&self) -> u64 {
        self.renames
    }

    /// The message that was announced last for `tag` is `more` octets larger than announced.
    ///
    /// # Errors
    /// There is no room for that.
    pub(super) fn grow(&mut self, tag: &Tag<'_>, more: u64) -> Result<(), RefusalCode> {
        let last = self.items.iter_mut().rev().find(|(holder, _)| holder == tag);
        let (Some((_, Item::Space { reservation, stored, .. })), true) = (last, more > 0) else { return Ok(()) };
        let more = Amount { octets: more, messages: 0 };
        reservation.grow(more).map_err(|verdict| verdict.code())?;
        *stored = stored.plus(more);
        Ok(())
    }

    fn spaces<'a>(&'a mut self, tag: &'a Tag<'_>) -> impl Iterator<Item = (&'a mut Reservation, &'a mut bool)> {
        self.items.iter_mut().filter_map(move |(holder, item)| match item {
            Item::Space { reservation, sent, .. } if holder == tag => Some((reservation, sent)),
            _ => None,
        })
    }

    /// The backend has all of `tag`: only its answer tells what became of it.
    pub(super) fn handed_over(&mut self, tag: &Tag<'_>) {
        for (reservation, sent) in self.spaces(tag) {
            reservation.handed_over();
            *sent = true;
        }
    }

    /// The octets of `tag` do not come: what is set aside for it is let go until they do.
    pub(super) fn pause(&mut self, tag: &Tag<'_>) {
        self.spaces(tag).for_each(|(reservation, _)| reservation.pause());
    }

    /// They come again.
    ///
    /// # Errors
    /// There is no room any more.
    pub(super) fn resume(&mut self, tag: &Tag<'_>) -> Result<(), RefusalCode> {
        self.spaces(tag).try_for_each(|(reservation, _)| reservation.resume().map_err(|verdict| verdict.code()))
    }

    /// The session is over: what the backend has not heard to its end will not be stored.
    pub(super) fn abandon(&mut self) {
        self.items.retain(|(_, item)| !matches!(item, Item::Space { sent: false, .. }));
    }

    /// Whether an answer is waited for that decides about what the backend has whole.
    pub(super) fn waits_for_answer(&self) -> bool {
        self.items.iter().any(|(_, item)| !matches!(item, Item::Space { sent: false, .. }))
    }

    /// The backend has answered `tag`: what was set aside is counted, or given back.
    pub(super) fn settle(&mut self, tag: &Tag<'_>, status: Status) -> Settled {
        let mut settled = Settled::Sure;
        while let Some(at) = self.items.iter().position(|(holder, _)| holder == tag) {
            let (_, item) = self.items.swap_remove(at);
            settled = settled.max(self.settle_item(item, status));
        }
        if self.items.is_empty() {
            self.items = Vec::new();
        }
        settled
    }

    fn settle_item(&mut self, item: Item, status: Status) -> Settled {
        match (item, status) {
            (Item::Space { reservation, stored, .. }, Status::Ok) => match reservation.commit_as(stored) {
                Counted::PerhapsTwice => Settled::PerhapsTwice,
                Counted::Once => Settled::Sure,
            },
            (Item::Space { reservation, .. }, Status::No | Status::Bad) => match reservation.release() {
                Released::Doubt => Settled::Doubt,
                Released::Free => Settled::PerhapsLeft,
            },
            // Whatever the backend said, some may be gone.
            (Item::Deletion(deletion, whose), _) => {
                drop(deletion);
                if whose == Whose::Own { Settled::Less } else { Settled::Sure }
            }
            (Item::Shift(shift, turn, whose), status) => {
                self.turned(turn, whose);
                // It may have copied some, and then failed. What is BAD was not begun.
                match (turn, status, whose) {
                    (Turn::Move, Status::No, Whose::Own) => return Settled::Doubt,
                    (Turn::Move, Status::No, Whose::SomebodyElses) => shift.failed(),
                    _ => {}
                }
                Settled::Sure
            }
        }
    }

    /// No answer comes any more: a move may have copied, and not removed. What was handed over stays in doubt by itself.
    pub(super) fn fail(&mut self) {
        for (_, item) in self.items.drain(..) {
            if let Item::Shift(shift, ..) = item {
                shift.failed();
            }
        }
    }
}
