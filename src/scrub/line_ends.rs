//! Line ends of a copy for Sent, which need not be CRLF.

use std::borrow::Cow;

use memchr::memchr_iter;

/// Every LF alone becomes CRLF. A CR alone stays: it is no line end to anybody.
pub(super) fn with_crlf(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr_iter(b'\n', text).all(|at| at > 0 && text.get(at - 1) == Some(&b'\r')) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    let mut last = 0;
    for &byte in text {
        if byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        last = byte;
    }
    Cow::Owned(out)
}

/// Every CRLF becomes LF.
pub(super) fn without_cr(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte != b'\r' || bytes.peek() != Some(&&b'\n') {
            out.push(*byte);
        }
    }
    out
}
