//! A command of ours with a secret in it, in the pieces that a literal makes of it (RFC 9051 4.3).

use zeroize::Zeroizing;

/// A command in pieces, each of which waits for the backend's `+`. Sized before they are filled: they hold the password, and no
/// copy of it may be left behind.
pub(super) struct Pieces {
    capacity: usize,
    all: Vec<Zeroizing<Vec<u8>>>,
}

impl Pieces {
    pub(super) fn new(capacity: usize) -> Pieces {
        Pieces { capacity, all: vec![Zeroizing::new(Vec::with_capacity(capacity))] }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        if let Some(last) = self.all.last_mut() {
            last.extend_from_slice(bytes);
        }
    }

    /// The line ends here, and the rest waits.
    pub(super) fn wait(&mut self) {
        self.add(b"\r\n");
        self.all.push(Zeroizing::new(Vec::with_capacity(self.capacity)));
    }

    /// As a quoted string, or as a literal where a quoted string cannot hold it (RFC 3501 9: ASCII without CR, LF and NUL). A
    /// backend that takes only shorter literals unasked than `non_sync`, or none, is asked first (RFC 7888).
    pub(super) fn astring(&mut self, value: &[u8], non_sync: u64) {
        if value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.add(b"\"");
            for byte in value {
                if matches!(byte, b'"' | b'\\') {
                    self.add(b"\\");
                }
                self.add(&[*byte]);
            }
            return self.add(b"\"");
        }
        if value.len() as u64 <= non_sync {
            self.add(format!("{{{}+}}\r\n", value.len()).as_bytes());
        } else {
            self.add(format!("{{{}}}", value.len()).as_bytes());
            self.wait();
        }
        self.add(value);
    }

    /// The first, and the others with the last in front.
    pub(super) fn into_parts(self) -> (Zeroizing<Vec<u8>>, Vec<Zeroizing<Vec<u8>>>) {
        let mut pieces = self.all;
        let first = if pieces.is_empty() { Zeroizing::default() } else { pieces.remove(0) };
        pieces.reverse();
        (first, pieces)
    }
}
