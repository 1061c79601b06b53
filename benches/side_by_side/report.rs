//! The figures, the bars they must reach (DESIGN section 8), and the three forms in which they are told.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::Res;
use crate::peers::{self, Peer};
use crate::rows::Row;

/// One thing that is measured, smaller being better unless it is a speed.
pub struct Figure {
    pub row: Row,
    pub name: &'static str,
    pub unit: &'static str,
    pub bar: Bar,
}

/// What nologd must reach.
pub enum Bar {
    None,
    /// At most this share of nginx's figure in the same run.
    OfNginx(f64),
    BelowBoth,
    AtMost(f64),
}

/// The list of all figures, in the order of the report.
pub mod figures {
    use super::Bar::{self, AtMost, BelowBoth, OfNginx};
    use super::{Figure, Row};

    const fn figure(row: Row, name: &'static str, unit: &'static str, bar: Bar) -> Figure {
        Figure { row, name, unit, bar }
    }

    pub static LOGIN_CPU: Figure = figure(Row::Login, "TLS login and logout: CPU", "ms", OfNginx(0.6));
    pub static LOGIN_P50: Figure = figure(Row::Login, "the same, 8 at once: p50", "ms", BelowBoth);
    pub static LOGIN_P99: Figure = figure(Row::Login, "the same: p99", "ms", Bar::None);
    pub static TRIPS_CPU: Figure = figure(Row::Roundtrips, "1000 round trips: CPU", "ms", OfNginx(0.8));
    pub static TRIPS_P50: Figure = figure(Row::Roundtrips, "one round trip: p50", "ms", Bar::None);
    pub static FETCH_CPU: Figure = figure(Row::Fetch, "FETCH of 64 MiB: CPU", "s/GB", OfNginx(0.5));
    pub static FETCH_SPEED: Figure = figure(Row::Fetch, "the same: speed", "MB/s", Bar::None);
    pub static APPEND_SYNC_CPU: Figure = figure(Row::Append, "APPEND of 50 MB: CPU", "s/GB", OfNginx(0.6));
    pub static APPEND_SYNC_SPEED: Figure = figure(Row::Append, "the same: speed", "MB/s", Bar::None);
    pub static APPEND_PLUS_CPU: Figure = figure(Row::Append, "APPEND, LITERAL+: CPU", "s/GB", OfNginx(0.6));
    pub static APPEND_PLUS_SPEED: Figure = figure(Row::Append, "the same: speed", "MB/s", Bar::None);
    pub static IDLE_EACH: Figure = figure(Row::Idle, "idle IMAPS session: PSS", "KiB", AtMost(12.0));
    pub static IDLE_DEAREST: Figure = figure(Row::Idle, "the same: dearest step", "KiB", AtMost(12.0));
    pub static IDLE_FIRST: Figure = figure(Row::Idle, "PSS with 100 sessions", "MiB", Bar::None);
    pub static SUBMIT_CPU: Figure = figure(Row::Submit, "submission of 10 kB: CPU", "ms", OfNginx(1.0));
    pub static SUBMIT_P50: Figure = figure(Row::Submit, "the same, 4 at once: p50", "ms", BelowBoth);
    pub static SUBMIT_P99: Figure = figure(Row::Submit, "the same: p99", "ms", Bar::None);
    pub static LARGE_PEAK: Figure = figure(Row::SubmitLarge, "25 MB in flight: peak memory", "KiB", AtMost(1000.0));
    pub static LARGE_P50: Figure = figure(Row::SubmitLarge, "the same, 8 at once: p50", "ms", Bar::None);
    pub static STARVE_P50: Figure = figure(Row::Starve, "NOOP beside 4 FETCHes: p50", "ms", Bar::None);
    pub static STARVE_P99: Figure = figure(Row::Starve, "the same: p99", "ms", Bar::None);

    pub static ALL: [&Figure; 21] = [
        &LOGIN_CPU,
        &LOGIN_P50,
        &LOGIN_P99,
        &TRIPS_CPU,
        &TRIPS_P50,
        &FETCH_CPU,
        &FETCH_SPEED,
        &APPEND_SYNC_CPU,
        &APPEND_SYNC_SPEED,
        &APPEND_PLUS_CPU,
        &APPEND_PLUS_SPEED,
        &IDLE_EACH,
        &IDLE_DEAREST,
        &IDLE_FIRST,
        &SUBMIT_CPU,
        &SUBMIT_P50,
        &SUBMIT_P99,
        &LARGE_PEAK,
        &LARGE_P50,
        &STARVE_P50,
        &STARVE_P99,
    ];
}

/// A measured value.
pub struct Cell {
    figure: &'static Figure,
    value: f64,
}

impl Cell {
    pub fn new(figure: &'static Figure, value: f64) -> Self {
        Self { figure, value }
    }

    /// One cell, or none where there is nothing to measure.
    pub fn maybe(figure: &'static Figure, value: Option<f64>) -> Vec<Self> {
        value.map(|value| Self::new(figure, value)).into_iter().collect()
    }
}

/// All that was measured in one run, and why the rest was not.
pub struct Report {
    peers: Vec<Peer>,
    cells: Vec<(Peer, Cell)>,
    absent: Vec<(Row, Peer, String)>,
}

impl Report {
    pub fn new(peers: &[Peer]) -> Self {
        Self { peers: peers.to_vec(), cells: Vec::new(), absent: Vec::new() }
    }

    pub fn add(&mut self, peer: Peer, cells: Vec<Cell>) {
        self.cells.extend(cells.into_iter().map(|cell| (peer, cell)));
    }

    /// One failed round costs the row: a median of the lucky ones would be a made-up figure.
    pub fn absent(&mut self, row: Row, peer: Peer, reason: &str) {
        self.absent.push((row, peer, reason.to_owned()));
    }

    pub fn is_absent(&self, row: Row, peer: Peer) -> bool {
        self.absent.iter().any(|(other, whose, _)| *other == row && *whose == peer)
    }

    /// A Markdown table, which also reads well on a terminal.
    pub fn table(&self) -> String {
        let mut lines = vec![self.head()];
        lines.extend(self.figures().map(|figure| self.line(figure)));
        let columns = lines.first().map_or(0, Vec::len);
        let widths: Vec<usize> =
            (0..columns).map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0)).collect();
        let rule = widths.iter().map(|width| "-".repeat(*width)).collect();
        lines.insert(1, rule);
        let mut text = String::new();
        for line in lines {
            let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        for (row, peer, reason) in &self.absent {
            let _ = writeln!(text, "\nabsent: {} / {}: {reason}", row.name(), peer.name());
        }
        text
    }

    pub fn json(&self) -> String {
        let figures: Vec<_> = self.figures().map(|figure| self.json_figure(figure)).collect();
        let absent: Vec<_> = self.absent.iter().map(|(row, peer, why)| json!([row.name(), peer.name(), why])).collect();
        format!("{:#}", json!({ "machine": machine(), "figures": figures, "absent": absent }))
    }

    /// Writes `benches/RESULTS.md`: date, processors and kernel; no host name, no path.
    pub fn write(&self) -> Res<()> {
        let versions: Vec<_> = self.peers.iter().map(|&peer| peers::version(peer)).collect();
        let text = format!(
            "# Side by side\n\n{}. {}.\nWritten by `cargo bench --bench side_by_side -- --write`; what the figures mean is in \
             [README.md](README.md).\n\n{}",
            machine(),
            versions.join("; "),
            self.table()
        );
        Ok(fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md"), text)?)
    }

    /// The figures of the rows that were asked for.
    fn figures(&self) -> impl Iterator<Item = &'static Figure> {
        let asked = |row| {
            self.cells.iter().any(|(_, cell)| cell.figure.row == row) || self.absent.iter().any(|(other, ..)| *other == row)
        };
        figures::ALL.into_iter().filter(move |figure| asked(figure.row))
    }

    /// The median of all rounds (of two in the middle, the lower).
    fn value(&self, figure: &Figure, peer: Peer) -> Option<f64> {
        if self.is_absent(figure.row, peer) {
            return None;
        }
        let same = |(other, cell): &&(Peer, Cell)| *other == peer && std::ptr::eq(cell.figure, figure);
        let mut rounds: Vec<f64> = self.cells.iter().filter(same).map(|(_, cell)| cell.value).collect();
        rounds.sort_by(f64::total_cmp);
        rounds.get(rounds.len().saturating_sub(1) / 2).copied()
    }

    fn ratio(&self, figure: &Figure, other: Peer) -> Option<f64> {
        Some(self.value(figure, Peer::Nologd)? / self.value(figure, other)?)
    }

    /// Whether nologd reaches the bar; `None` where there is no bar or a figure is missing.
    fn reached(&self, figure: &Figure) -> Option<bool> {
        match figure.bar {
            Bar::None => None,
            Bar::AtMost(most) => Some(self.value(figure, Peer::Nologd)? <= most),
            Bar::OfNginx(share) => Some(self.ratio(figure, Peer::Nginx)? <= share),
            Bar::BelowBoth => Some(self.ratio(figure, Peer::Nginx)? < 1.0 && self.ratio(figure, Peer::Dovecot)? < 1.0),
        }
    }

    fn head(&self) -> Vec<String> {
        let mut head = vec!["work".to_owned(), "unit".to_owned()];
        head.extend(self.peers.iter().map(|peer| peer.name().to_owned()));
        head.extend(["x nginx", "x dovecot", "bar", "reached"].map(str::to_owned));
        head
    }

    fn line(&self, figure: &Figure) -> Vec<String> {
        let mut line = vec![figure.name.to_owned(), figure.unit.to_owned()];
        line.extend(self.peers.iter().map(|&peer| self.shown(figure, peer)));
        line.extend(
            [Peer::Nginx, Peer::Dovecot]
                .map(|peer| self.ratio(figure, peer).map(|ratio| format!("{ratio:.2}")).unwrap_or_default()),
        );
        line.push(match figure.bar {
            Bar::None => String::new(),
            Bar::OfNginx(share) => format!("{share} x nginx"),
            Bar::BelowBoth => "below both".to_owned(),
            Bar::AtMost(most) => format!("{most}"),
        });
        line.push(match (self.reached(figure), &figure.bar) {
            (Some(true), _) => "yes".to_owned(),
            (Some(false), _) => "NO".to_owned(),
            (None, Bar::None) => String::new(),
            (None, _) => "not measured".to_owned(),
        });
        line
    }

    /// Three significant digits; a peer that failed is `absent`, what makes no sense for it (CPU of nobody) is empty.
    fn shown(&self, figure: &Figure, peer: Peer) -> String {
        match self.value(figure, peer) {
            Some(value) if value >= 100.0 => format!("{value:.0}"),
            Some(value) if value >= 10.0 => format!("{value:.1}"),
            Some(value) if value >= 1.0 => format!("{value:.2}"),
            Some(value) => format!("{value:.3}"),
            None if self.is_absent(figure.row, peer) => "absent".to_owned(),
            None => String::new(),
        }
    }

    fn json_figure(&self, figure: &Figure) -> serde_json::Value {
        let values: serde_json::Map<_, _> =
            self.peers.iter().map(|&peer| (peer.name().to_owned(), json!(self.value(figure, peer)))).collect();
        json!({ "row": figure.row.name(), "name": figure.name, "unit": figure.unit, "values": values, "reached": self.reached(figure) })
    }
}

/// Date, processors, kernel version; what follows the version's first dash may name a machine and is left out.
fn machine() -> String {
    let date = Command::new("date").args(["-u", "+%F"]).output().map(|output| output.stdout).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    format!("{}, {processors} processors, Linux {kernel}", String::from_utf8_lossy(&date).trim())
}
