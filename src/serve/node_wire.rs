//! The octets between this process and the witness: lines, and what follows some of them; each bounded in size and time.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::fault::{Fault, Side};
use crate::node::{COPY_OCTETS, LINE_OCTETS, WitnessWord};

/// Silence of the witness after which the connection is as good as gone: it is asked each second, and answers.
const SILENCE: Duration = Duration::from_secs(5);
/// To bring a copy, or a part of the counts.
const BRINGING: Duration = Duration::from_secs(60);

/// The witness's next word, and what follows it.
pub(super) async fn heard(input: &mut BufReader<OwnedReadHalf>) -> Result<(WitnessWord, Vec<u8>), Fault> {
    let (slow, gone, garbage) = (Fault::Slow(Side::Backend), Fault::Gone(Side::Backend), Fault::Garbage(Side::Backend));
    let mut line = Vec::new();
    let mut bounded = (&mut *input).take(LINE_OCTETS);
    timeout(SILENCE, bounded.read_until(b'\n', &mut line)).await.map_err(|_| slow)?.map_err(|_| gone)?;
    let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
    let word = text.and_then(WitnessWord::read).filter(|word| word.octets() <= COPY_OCTETS).ok_or(garbage)?;
    let mut octets = Vec::new();
    let mut bounded = (&mut *input).take(word.octets());
    let read = timeout(BRINGING, bounded.read_to_end(&mut octets)).await.map_err(|_| slow)?.map_err(|_| gone)?;
    if read as u64 == word.octets() { Ok((word, octets)) } else { Err(gone) }
}

/// Sends what comes, to the end of either.
pub(super) async fn send(mut write: OwnedWriteHalf, mut lines: Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(line) = lines.recv().await {
        write.write_all(&line).await?;
    }
    Ok(())
}
