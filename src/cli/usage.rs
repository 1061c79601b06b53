//! `nologd usage load`: reads what `doveadm -f tab quota get -A` prints, and sends it in batches. Only totals are printed.

use std::io::{self, stdin};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use super::arguments::{LoadOptions, Usage};
use super::daemon_options::DaemonOptions;
use super::programs::whole_lines;
use super::quota_rows::{QuotaRows, WAITING};
use super::run::told;
use super::usage_count::count;
use super::{REFUSED, refuse, say};
use crate::admin::usage::{LoadUsage, UsageLoaded};
use crate::terminal::Progress;

/// Carries it out.
pub fn usage(asked: Usage) -> ExitCode {
    match asked {
        Usage::Load(options) => load_all(options),
        Usage::Count(options) => count(&options),
    }
}

/// Exit code 1 when nothing was loaded.
fn load_all(LoadOptions { backend, daemon: DaemonOptions { place, output } }: LoadOptions) -> ExitCode {
    let socket = match place.socket() {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    match load(&socket, backend.as_deref()) {
        Ok(totals) => {
            say(&if output.json { format!("{:#}", totals.json()) } else { totals.text() });
            if totals.loaded > 0 { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
        }
        Err(text) => {
            refuse(output, &text);
            ExitCode::from(REFUSED)
        }
    }
}

fn load(socket: &Path, backend: Option<&str>) -> Result<Totals, String> {
    let (mut rows, mut totals, mut progress) = (QuotaRows::default(), Totals::default(), Progress::new());
    let lines = lines();
    let mut due = Instant::now() + WAITING;
    loop {
        let line = lines.recv_timeout(due.saturating_duration_since(Instant::now()));
        let is_over = match line {
            Ok(line) => {
                rows.take(&line.map_err(|error| format!("standard input: {error}"))?);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if is_over || rows.is_full() || Instant::now() >= due {
            let batch = rows.batch(is_over);
            if !batch.is_empty() {
                totals.add(&told(socket, &LoadUsage::new(batch, backend))?);
            }
            progress.show(|| format!("{} mailboxes loaded", totals.loaded));
            due = Instant::now() + WAITING;
        }
        if is_over {
            totals.odd = rows.odd();
            return Ok(totals);
        }
    }
}

/// Standard input, line by line, read beside: doveadm may think for minutes about one mailbox, and what it said before must not wait.
fn lines() -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = sync_channel(1000);
    thread::spawn(move || whole_lines(stdin().lock()).try_for_each(|line| sender.send(line)));
    receiver
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    loaded: u64,
    strangers: u64,
    elsewhere: u64,
    odd: u64,
}

impl Totals {
    fn add(&mut self, part: &UsageLoaded) {
        self.loaded += part.loaded;
        self.strangers += part.not_in_the_book;
        self.elsewhere += part.elsewhere;
    }

    fn json(self) -> Value {
        json!({
            "loaded": self.loaded,
            "not-in-the-book": self.strangers,
            "elsewhere": self.elsewhere,
            "not-understood": self.odd,
        })
    }

    fn text(self) -> String {
        format!(
            "loaded           {}\n\
             not in the book  {}  (no association has the domain, or it has all the mailboxes that it may)\n\
             elsewhere        {}  (not at the backend of --backend; without it, not where the association is)\n\
             not understood   {}  (a line of another form, or a mailbox without both numbers)",
            self.loaded, self.strangers, self.elsewhere, self.odd
        )
    }
}
