//! What needs root: such a test is in a module named `as_root`, so that it can be left out by that name, and begins with [`needed`]. Without
//! root it fails and says why; it never passes without having looked.

use nix::unistd::Uid;

/// Fails where the test does not run as root.
#[track_caller]
pub fn needed() {
    assert!(Uid::effective().is_root(), "this needs root, as in `make test`; without it, leave it out: `-E 'not test(as_root)'`");
}
