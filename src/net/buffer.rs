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
    #[expect(clippy::vec_box, reason = "lent and taken back as it is")]
    static FREE: RefCell<Vec<Box<Block>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not yet consumed. Empty means: no memory held; and to an idle session it is one pointer.
#[derive(Default)]
pub struct Buffer(Option<Box<Block>>);

struct Block {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// How far it was ever written since it was borrowed: what has to be wiped.
    touched: usize,
}

impl Buffer {
    /// The bytes, oldest first.
    pub fn filled(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |block| &block.bytes[block.start..block.end])
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |block| block.end - block.start)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no byte more fits until some are consumed.
    pub fn is_full(&self) -> bool {
        self.len() == BLOCK
    }

    /// Forgets the first `count` bytes, and the block with the last of them.
    pub fn consume(&mut self, count: usize) {
        if let Some(block) = &mut self.0 {
            block.start = (block.start + count).min(block.end);
        }
        self.release_if_empty();
    }

    /// Free room behind the bytes; borrows a block, moves the bytes to its front if there is no room otherwise.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let block = self.0.get_or_insert_with(borrow);
        // Moving costs a copy; do it only when less than a quarter is left behind the bytes.
        if block.start > 0 && BLOCK - block.end < BLOCK / 4 {
            block.bytes.copy_within(block.start..block.end, 0);
            block.end -= block.start;
            block.start = 0;
        }
        &mut block.bytes[block.end..]
    }

    /// Tells that `count` bytes of [`Buffer::room`] were written.
    pub(super) fn grew(&mut self, count: usize) {
        if let Some(block) = &mut self.0 {
            block.end = (block.end + count).min(BLOCK);
            block.touched = block.touched.max(block.end);
        }
    }

    /// Gives the block back if there is nothing in it.
    pub(super) fn release_if_empty(&mut self) {
        if self.is_empty() {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Some(mut block) = self.0.take() {
            let touched = block.touched;
            block.bytes[..touched].fill(0);
            (block.start, block.end, block.touched) = (0, 0, 0);
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

fn borrow() -> Box<Block> {
    let kept = FREE.try_with(|free| free.borrow_mut().pop()).ok().flatten();
    kept.unwrap_or_else(|| Box::new(Block { bytes: vec![0; BLOCK].into_boxed_slice(), start: 0, end: 0, touched: 0 }))
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
        assert!(buffer.0.is_none());
        put(&mut buffer, b"secret");
        assert_eq!(buffer.filled(), b"secret");
        buffer.consume(4);
        assert_eq!(buffer.filled(), b"et");
        buffer.consume(2);
        assert!(buffer.0.is_none());
        assert!(FREE.with(|free| free.borrow().iter().all(|block| block.bytes.iter().all(|byte| *byte == 0))));
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
