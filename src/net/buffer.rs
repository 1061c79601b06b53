//! Read buffers that exist only while there is something in them.
//!
//! An idle session must hold no buffer (the aim is 12 KiB per idle TLS session, and two 8 KiB buffers alone would
//! make 27 KiB of it). So a [`Buffer`] borrows a block from a free list of the thread when bytes arrive and gives it back
//! when the last byte is consumed. The number of blocks follows the sessions that are busy in the same moment, not the
//! sessions that are open. Blocks are wiped when they come back: no mail and no password lingers in the free list.

use std::cell::RefCell;

/// Octets in a block, and so the longest line that can be looked at whole. 64 KiB: relaying costs 350 MB per core-second
/// with 4 KiB, 686 with 16 KiB and 980 with 64 KiB.
pub const BLOCK: usize = 64 * 1024;

/// Blocks that a thread keeps for the next session; more are given back to the allocator.
const KEPT: usize = 32;

thread_local! {
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not yet consumed. Empty means: no memory held.
#[derive(Default)]
pub struct Buffer {
    block: Option<Box<[u8]>>,
    start: usize,
    end: usize,
    /// How far the block was ever written since it was borrowed: what has to be wiped.
    touched: usize,
}

impl Buffer {
    /// The bytes, oldest first.
    pub fn filled(&self) -> &[u8] {
        self.block.as_ref().map_or(&[], |block| &block[self.start..self.end])
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether no byte more fits until some are consumed.
    pub fn is_full(&self) -> bool {
        self.len() == BLOCK
    }

    /// Forgets the first `count` bytes, and the block with the last of them.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            self.release();
        }
    }

    /// Free room behind the bytes; borrows a block, moves the bytes to its front if there is no room otherwise.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let block = self.block.get_or_insert_with(borrow);
        // Moving costs a copy; do it only when less than a quarter is left behind the bytes.
        if self.start > 0 && BLOCK - self.end < BLOCK / 4 {
            block.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        &mut block[self.end..]
    }

    /// Tells that `count` bytes of [`Buffer::room`] were written.
    pub(super) fn grew(&mut self, count: usize) {
        self.end = (self.end + count).min(BLOCK);
        self.touched = self.touched.max(self.end);
    }

    /// Gives the block back if there is nothing in it.
    pub(super) fn release_if_empty(&mut self) {
        if self.is_empty() {
            self.release();
        }
    }

    fn release(&mut self) {
        (self.start, self.end) = (0, 0);
        let touched = std::mem::take(&mut self.touched);
        if let Some(mut block) = self.block.take() {
            block[..touched].fill(0);
            // `try_with`: at the end of a thread the list may be gone already.
            let _ = FREE.try_with(|free| {
                let mut free = free.borrow_mut();
                if free.len() < KEPT {
                    free.push(block);
                }
            });
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.release();
    }
}

fn borrow() -> Box<[u8]> {
    let kept = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
    kept.unwrap_or_else(|| vec![0; BLOCK].into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(buffer: &mut Buffer, bytes: &[u8]) {
        buffer.room()[..bytes.len()].copy_from_slice(bytes);
        buffer.grew(bytes.len());
    }

    #[test]
    fn holds_memory_only_while_filled_and_leaves_nothing_behind() {
        let mut buffer = Buffer::default();
        assert!(buffer.block.is_none());
        put(&mut buffer, b"secret");
        assert_eq!(buffer.filled(), b"secret");
        buffer.consume(4);
        assert_eq!(buffer.filled(), b"et");
        buffer.consume(2);
        assert!(buffer.block.is_none());
        assert!(FREE.with(|free| free.borrow().iter().all(|block| block.iter().all(|byte| *byte == 0))));
    }

    #[test]
    fn moves_to_the_front_when_the_end_is_near() {
        let mut buffer = Buffer::default();
        put(&mut buffer, &vec![b'a'; BLOCK]);
        assert!(buffer.is_full());
        buffer.consume(BLOCK - 10);
        assert_eq!(buffer.room().len(), BLOCK - 10);
        assert_eq!(buffer.filled(), [b'a'; 10]);
    }
}
