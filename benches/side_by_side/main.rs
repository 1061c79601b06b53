//! The side-by-side benchmark: nologd, nginx's mail proxy and Dovecot's login proxy in front of one fast made-up backend.
//!
//! `cargo bench --bench side_by_side -- --help` says how to call it, `benches/README.md` what the figures mean.
//! Order of a run: one laboratory (temp dir, certificate, backend process), then for each row and peer a fresh peer process,
//! a warm-up, the measurement, the end of the peer. A peer that cannot start or a row that fails has no figure, only a reason.
#![allow(clippy::disallowed_macros, clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its results")]
#![allow(clippy::disallowed_methods, reason = "peers' settings are files in a temp dir; no mail data is ever stored")]
#![forbid(unsafe_code)]

mod account;
mod args;
mod dovecot;
mod fake_imap;
mod fake_smtp;
mod figures;
mod imap;
mod lab;
mod load;
mod memory_rows;
mod nginx;
mod nologd;
mod peers;
mod report;
mod rows;
mod smtp;
mod transfer_rows;

use std::process::ExitCode;
use std::time::Duration;

use args::{Args, Wish};
use lab::Lab;
use peers::Peer;
use report::{Cell, Report};
use rows::Row;

/// What can go wrong in a benchmark is told to the person at the terminal, in words.
pub type Res<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let done = match Args::read() {
        Wish::Nothing => return ExitCode::SUCCESS,
        Wish::Help(text) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Wish::Wrong(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
        Wish::Backend => lab::runtime().and_then(|runtime| runtime.block_on(lab::serve_backend())),
        Wish::Run(args) => lab::runtime().and_then(|runtime| runtime.block_on(run(&args))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmark: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C and SIGTERM drop the measurement, and with it the guards that end children and remove the temp dir.
async fn run(args: &Args) -> Res<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = measure(args) => done,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        _ = terminate.recv() => Err("terminated".into()),
    }
}

async fn measure(args: &Args) -> Res<()> {
    peers::refuse_if_missing(&args.peers)?;
    lab::raise_file_limit();
    let lab = Lab::new()?;
    let mut report = Report::new(&args.peers);
    for &row in &args.rows {
        let turns = (0..args.repeat).flat_map(|_| &args.peers);
        for &peer in turns {
            if report.is_absent(row, peer) {
                continue;
            }
            eprintln!("{} / {} ...", row.name(), peer.name());
            match one(&lab, row, peer, args.full).await {
                Ok(cells) => report.add(peer, cells),
                Err(error) => {
                    eprintln!("{} / {}: {error}", row.name(), peer.name());
                    report.absent(row, peer, &error.to_string());
                }
            }
        }
    }
    println!("{}", if args.json { report.json() } else { report.table() });
    if args.write {
        report.write()?;
    }
    Ok(())
}

/// One row on one peer, from its start to its end. The limit is hard: a stalled peer costs a figure, not the run.
async fn one(lab: &Lab, row: Row, peer: Peer, full: bool) -> Res<Vec<Cell>> {
    let running = peers::start(lab, peer).await?;
    let measured = tokio::time::timeout(row.limit(full), rows::measure(row, &running.target(lab), full)).await;
    let cells = measured.unwrap_or_else(|_| Err(format!("not done after {} s", row.limit(full).as_secs()).into()));
    running.stop().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    cells
}
