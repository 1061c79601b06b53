//! The conversation with the witness, on a thread of its own, so that nothing else keeps a lease from being renewed: it asks each second, hears,
//! and takes over copies.
//!
//! Whoever connects to the socket last is `nologd node link`; the one before is closed. Absent on purpose: any address of a machine. The link
//! knows how the witness is reached.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc::channel;
use tokio::time::{MissedTickBehavior, interval};

use super::clock::boot_time;
use super::node::NodeLink;
use super::node_state::{CountWord, Fetch};
use super::node_wire::{heard, send};
use crate::admin::Request;
use crate::admin::node::CopyTrouble;
use crate::fault::{Fault, Side};
use crate::net::conn::Conn;
use crate::net::listen::Bound;
use crate::net::shutdown::pair;
use crate::node::{Duty, EVERY, Millis, NodeWord, VERSION, WitnessWord};
use crate::quota::SCHEMA;
use crate::store::{StoreError, adopt, is_emptier};

/// Words that wait for the other side to listen. It is asked each second, and silence of five seconds ends the connection: so many never wait for
/// one that does, a copy and what is asked while it is on its way among them.
const WAITING: usize = 32;

/// How soon a copy that could not be taken over is tried again.
const AGAIN: Millis = 10_000;

impl NodeLink {
    /// Serves the socket on a thread of its own, to the end of the process.
    ///
    /// # Errors
    /// No thread.
    pub fn start(self: &Arc<NodeLink>, bound: Bound, number: u64, life: u64) -> io::Result<()> {
        let link = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serve = async move {
            let (_stopper, stop) = pair();
            let asking = link.clone();
            tokio::spawn(async move { asking.ask().await });
            let mut last: Option<tokio::task::AbortHandle> = None;
            let take = |conn, _| {
                let Conn::Unix(stream) = conn else { return };
                let link = link.clone();
                if let Some(last) = last.take() {
                    last.abort();
                }
                last = Some(tokio::spawn(async move { link.converse(stream, life).await }).abort_handle());
            };
            bound.serve(number, stop, take).await;
        };
        std::thread::Builder::new().name("node".into()).spawn(move || runtime.block_on(serve)).map(drop)
    }

    async fn ask(&self) {
        let mut tick = interval(Duration::from_millis(EVERY / 4));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tick.tick().await;
            let mut held = self.lock();
            if held.node.duty() == Duty::Over {
                return;
            }
            if held.out.is_none() {
                continue;
            }
            // Oftener, while the other side works for us.
            let now = boot_time();
            if now < held.asked + EVERY && !held.node.is_closing() {
                continue;
            }
            held.asked = now;
            let (number, bid) = held.node.ask(now);
            let _ = held.say(&NodeWord::Ask(number, bid), b"");
        }
    }

    async fn converse(self: Arc<NodeLink>, stream: UnixStream, life: u64) {
        let (read, write) = stream.into_split();
        let (out, lines) = channel(WAITING);
        let turn = self.change(|held| {
            held.hang_up();
            (held.out, held.turn) = (Some(out), held.turn + 1);
            let _ = held.say(&NodeWord::Hello(VERSION, life), b"");
            held.turn
        });
        let _end = Ending(self.clone(), turn);
        tokio::select! {
            _ = self.read(read) => {}
            _ = send(write, lines) => {}
        }
    }

    async fn read(self: &Arc<NodeLink>, read: OwnedReadHalf) -> Result<(), Fault> {
        let mut input = BufReader::new(read);
        loop {
            let (word, octets) = heard(&mut input).await?;
            self.heard(word, octets).await?;
        }
    }

    async fn heard(self: &Arc<NodeLink>, word: WitnessWord, octets: Vec<u8>) -> Result<(), Fault> {
        match word {
            WitnessWord::Hello(VERSION, name) => self.change(|held| {
                held.name = Some(name);
                if held.trouble == Some(CopyTrouble::OtherVersion) {
                    held.say_trouble(None);
                }
            }),
            WitnessWord::Hello(..) => {
                self.change(|held| held.say_trouble(Some(CopyTrouble::OtherVersion)));
                return Err(Fault::Garbage(Side::Backend));
            }
            WitnessWord::Lease(number, word, term, newest, called) => self.change(|held| {
                held.leaving |= held.node.heard(number, word, term, newest, called);
                let waits = matches!(held.node.duty(), Duty::Waiting | Duty::Won);
                if waits && held.fetch == Fetch::Nothing && boot_time() >= held.not_before && held.node.wanted().is_some() {
                    // Where it is not heard, nobody was asked.
                    held.fetch = Fetch::Asked;
                    let _ = held.say(&NodeWord::Get, b"");
                }
            }),
            WitnessWord::Kept(number) => self.lock().kept(Some(number)),
            WitnessWord::NotKept => self.lock().kept(None),
            WitnessWord::Copy(number, _) => self.take_over(number, octets),
            WitnessWord::Load(_) => {
                let request = Request::read(&octets).map_err(|_| Fault::Garbage(Side::Backend))?;
                // Nothing else may be asked by this way.
                if !matches!(request, Request::LoadUsage(_)) {
                    return Err(Fault::Garbage(Side::Backend));
                }
                self.lock().tell(CountWord::Rows(Box::new(request)));
            }
            WitnessWord::Counted(whole) => self.lock().tell(CountWord::Done(whole)),
        }
        Ok(())
    }

    /// A copy has come. Its owner is whoever judges: a machine that judges itself takes none. It is put into the store aside, one at a time, and
    /// whether or not this connection lasts.
    fn take_over(self: &Arc<NodeLink>, number: u64, sealed: Vec<u8>) {
        let begins = self.change(|held| {
            if held.fetch == Fetch::Adopting {
                return false;
            }
            // It may have begun with its own book meanwhile.
            let begins = held.node.wanted() == Some(number);
            held.fetch = if begins { Fetch::Adopting } else { Fetch::Nothing };
            begins
        });
        if !begins {
            return;
        }
        let link = self.clone();
        tokio::task::spawn_blocking(move || {
            let opened = link.key.open(&sealed, number).ok_or(CopyTrouble::OtherKey);
            let taken = opened.and_then(|copy| {
                let told = |error| match error {
                    StoreError::Newer(_) => CopyTrouble::Newer,
                    StoreError::Damaged => CopyTrouble::OtherKey,
                    _ => CopyTrouble::Unwritable,
                };
                if is_emptier(&*link.store, &copy).map_err(told)? {
                    return Err(CopyTrouble::Empty);
                }
                adopt(&*link.store, &copy, SCHEMA.version()).map_err(told)
            });
            link.change(|held| {
                held.fetch = Fetch::Nothing;
                match taken {
                    Ok(()) => held.node.took(number),
                    Err(_) => held.not_before = boot_time() + AGAIN,
                }
                held.say_trouble(taken.err());
            });
        });
    }
}

/// Hangs up when a conversation ends, in whichever way.
struct Ending(Arc<NodeLink>, u64);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.change(|held| {
            // Not that of who came after.
            if held.turn == self.1 {
                held.hang_up();
            }
        });
    }
}
