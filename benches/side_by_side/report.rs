//! What was measured, what was not and why, and the three forms in which it is told: table, JSON, RESULTS.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::Res;
use crate::figures::{self, Bar, Figure};
use crate::peers::{self, Peer};
use crate::rows::Row;

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
