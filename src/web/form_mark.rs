//! By what the same form is known when it comes again.

use aws_lc_rs::digest::{SHA256, digest};

/// The hash of all that was sent, the token of its session included: nothing of it can be read from this, or guessed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FormMark([u8; 32]);

impl FormMark {
    /// Of this body.
    pub fn of(body: &[u8]) -> FormMark {
        let mut hash = [0; 32];
        hash.iter_mut().zip(digest(&SHA256, body).as_ref()).for_each(|(to, from)| *to = *from);
        FormMark(hash)
    }
}
