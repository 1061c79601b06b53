//! What stands in for the nodes in unit tests of the book.

use std::sync::Mutex;

use super::{Amount, Bench, Name};

/// One node, and whether it is the judge. It bounds nothing.
pub(super) struct OneNode(Mutex<bool>);

impl OneNode {
    pub(super) fn new(judges: bool) -> OneNode {
        OneNode(Mutex::new(judges))
    }

    /// It becomes the judge, or is it no more; whether it was.
    pub(super) fn judges(&self, judges: bool) -> bool {
        std::mem::replace(&mut *self.0.lock().unwrap(), judges)
    }
}

impl Bench for OneNode {
    fn tenant(&self, association: &Name) -> u64 {
        association.reveal().len() as u64
    }
    fn withheld(&self, _: u64) -> Option<Amount> {
        self.0.lock().unwrap().then_some(Amount::ZERO)
    }
    fn grant(&self, _: u64, _: u64) -> Option<u64> {
        Some(1)
    }
    fn weight(&self, amount: Amount) -> u64 {
        amount.octets
    }
    fn is_going_on(&self, _: u64, _: u64) -> bool {
        true
    }
    fn is_cut(&self, _: u64, _: u64) -> bool {
        false
    }
    fn end(&self, _: u64, _: u64, _: u64, _: bool) {}
    fn is_elsewhere(&self, _: u64) -> bool {
        !*self.0.lock().unwrap()
    }
    fn speaks(&self, _: u64) -> bool {
        *self.0.lock().unwrap()
    }
    fn has_settings_of_all(&self) -> bool {
        true
    }
}
