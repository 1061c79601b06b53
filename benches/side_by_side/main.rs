//! The side-by-side benchmark: nologd, nginx's mail proxy, Dovecot's login proxies, HAProxy and the floor in front of one fast made-up backend;
//! nologd and imapproxy in front of a real Dovecot; and nologd beside itself.
//!
//! `cargo bench --bench side_by_side -- --help` says how to call it, `benches/README.md` what the figures mean.
//! Order of a run: one laboratory (temp dir, certificate, backend process), then for each row and peer a fresh peer process,
//! a warm-up, the measurement, the end of the peer. A peer that cannot start or a row that fails has no figure, only a reason.
#![allow(clippy::disallowed_macros, clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its results")]
#![allow(clippy::disallowed_methods, reason = "peers' settings are files in a temp dir; no mail data is ever stored")]
#![forbid(unsafe_code)]

mod account;
mod alone_rows;
mod args;
mod beside;
mod book;
mod comeback;
mod copy;
mod dovecot;
mod fake_imap;
mod fake_pop3;
mod fake_sieve;
mod fake_smtp;
mod figures;
mod graphs;
mod haproxy;
mod imap;
mod imapproxy;
mod incoming;
mod incoming_rows;
mod kept;
mod lab;
mod load;
mod mailstore;
mod memory_rows;
mod morning;
mod morning_people;
mod nginx;
mod node_rows;
mod nodes;
mod nologd;
mod one_core;
mod peers;
mod report;
mod rows;
mod small_rows;
mod smtp;
mod svg;
mod tls_copy;
mod transfer_rows;
mod webmail_page;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use args::{Args, Form, Wish};
use kept::Kept;
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
        Wish::Book(folder, associations, reservations) => book::run(&folder, associations, reservations),
        Wish::Copy(port, backend) => copy::run(port, backend),
        Wish::TlsCopy { port, backend, chain, key } => tls_copy::run(port, backend, &chain, &key),
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
    peers::refuse_if_missing(&args.runs)?;
    lab::raise_file_limit();
    let lab = Lab::new(args.morning)?;
    let mut report = Report::new(args.repeat, args.morning);
    for (row, peers) in &args.runs {
        let turns = (0..args.repeat).flat_map(|_| peers);
        for &peer in turns {
            if report.is_absent(*row, peer) {
                continue;
            }
            let start = Instant::now();
            match one(&lab, *row, peer).await {
                Ok(cells) => {
                    let told: Vec<_> = cells.iter().map(Cell::told).collect();
                    eprintln!("{} / {}, {:.0} s: {}", row.name(), peer.name(), start.elapsed().as_secs_f64(), told.join("; "));
                    report.add(peer, cells);
                }
                Err(error) => {
                    eprintln!("{} / {}: {error}", row.name(), peer.name());
                    report.absent(*row, peer, &error.to_string());
                }
            }
        }
        // What is known so far is not lost when a long run is ended.
        eprintln!("{}", report.of_row(*row));
    }
    let text = match args.form {
        Form::Tables => report.tables(),
        Form::Json => report.json(),
        Form::Moved => report.moved(&Kept::read()?),
    };
    println!("{text}");
    if args.write {
        report.write()?;
    }
    Ok(())
}

/// One row on one peer, from its start to its end. The limit is hard: a stalled peer costs a figure, not the run.
async fn one(lab: &Lab, row: Row, peer: Peer) -> Res<Vec<Cell>> {
    if row.is_alone() {
        return limited(lab, row, rows::measure_alone(row, peer, lab)).await;
    }
    let running = peers::start(lab, row, peer).await?;
    let cells = limited(lab, row, rows::measure(row, &running.target(), lab)).await;
    running.stop().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    cells
}

async fn limited(lab: &Lab, row: Row, work: impl Future<Output = Res<Vec<Cell>>>) -> Res<Vec<Cell>> {
    let limit = row.limit(lab);
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(format!("not done after {} s", limit.as_secs()).into()))
}
