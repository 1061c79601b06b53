//! What was measured, what was not and why, and the forms in which it is told: tables, JSON, RESULTS.md, and the short table in
//! the README.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::figures::{self, Bar, Figure};
use crate::kept::{self, Kept};
use crate::peers::{self, Peer};
use crate::rows::{Row, Table};
use crate::{Res, graphs, lab};

/// Between these lines of README.md stands the short table.
const BEGIN: &str = "<!-- figures: written by `make bench WRITE=1` -->\n";
const END: &str = "<!-- end of figures -->";

/// A measured value.
pub struct Cell {
    figure: &'static Figure,
    value: f64,
}

impl Cell {
    pub fn new(figure: &'static Figure, value: f64) -> Self {
        Self { figure, value }
    }

    /// What one round measured, for who wants to see how far rounds differ.
    pub fn told(&self) -> String {
        format!("{} {} {}", self.figure.name, significant(self.value), self.figure.unit)
    }

    /// One cell, or none where there is nothing to measure.
    pub fn maybe(figure: &'static Figure, value: Option<f64>) -> Vec<Self> {
        value.map(|value| Self::new(figure, value)).into_iter().collect()
    }
}

/// All that was measured in one run, and why the rest was not.
pub struct Report {
    rounds: usize,
    /// How long a morning was.
    morning: Duration,
    cells: Vec<(Peer, Cell)>,
    absent: Vec<(Row, Peer, String)>,
}

impl Report {
    pub fn new(rounds: usize, morning: Duration) -> Self {
        Self { rounds, morning, cells: Vec::new(), absent: Vec::new() }
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

    /// Markdown tables, which also read well on a terminal.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        for table in Table::ALL {
            let figures = self.figures(|row| row.table() == table);
            if !figures.is_empty() {
                let _ = writeln!(text, "## {}\n\n{}", table.title(), self.table(table, &figures));
            }
        }
        let most = lab::most_sessions();
        if most < 10_000 && !self.figures(|row| matches!(row, Row::Idle | Row::Crowded)).is_empty() {
            let _ = writeln!(text, "For 10,000 sessions read {most}: more files may not be open on this machine.\n");
        }
        if !self.figures(|row| row == Row::Morning).is_empty() {
            let _ = writeln!(text, "The morning lasted {} minutes.\n", self.minutes());
        }
        for (row, peer, reason) in &self.absent {
            let _ = writeln!(text, "absent: {} / {}: {reason}\n", row.name(), peer.name());
        }
        text
    }

    /// The lines of one row.
    pub fn of_row(&self, row: Row) -> String {
        self.table(row.table(), &self.figures(|other| other == row))
    }

    pub fn json(&self) -> String {
        let figures: Vec<_> = self.figures(|_| true).into_iter().map(|figure| self.json_figure(figure)).collect();
        let absent: Vec<_> = self.absent.iter().map(|(row, peer, why)| json!([row.name(), peer.name(), why])).collect();
        format!("{:#}", json!({ "machine": machine(), "rounds": self.rounds, "figures": figures, "absent": absent }))
    }

    fn minutes(&self) -> u64 {
        self.morning.as_secs() / 60
    }

    /// Writes `benches/RESULTS.md` with its graphs, and the short table in `README.md`: date, processors and kernel; no host name, no path.
    pub fn write(&self) -> Res<()> {
        let place = Path::new(env!("CARGO_MANIFEST_DIR"));
        let versions: Vec<_> = Peer::ALL.into_iter().filter_map(peers::version).collect();
        let (machine, versions, rounds) = (machine(), versions.join("; "), self.rounds);
        let graphs = graphs::write(self, self.minutes() as f64, &place.join("benches"))?;
        let text = format!(
            "# Side by side\n\n{machine}; the median of {rounds} rounds. {versions}.\nWritten by `make bench WRITE=1`; what the figures \
             mean, and what limits each, is in [README.md](README.md).\n\n{graphs}{}",
            self.tables()
        );
        fs::write(place.join("benches/RESULTS.md"), text.trim_end().to_owned() + "\n")?;
        Kept::write(&self.json())?;
        let readme = place.join("README.md");
        let old = fs::read_to_string(&readme)?;
        let (before, rest) = old.split_once(BEGIN).ok_or("README.md has no place for the figures")?;
        let (_, after) = rest.split_once(END).ok_or("README.md has no end of the figures")?;
        Ok(fs::write(readme, format!("{before}{BEGIN}{machine}; {versions}.\n\n{}{END}{after}", self.short()))?)
    }

    /// The ratios of this run beside those of the last run of everything.
    pub fn moved(&self, kept: &Kept) -> String {
        let mut lines = vec![["work", "peer", "kept", "now", "moved"].map(str::to_owned).to_vec()];
        for figure in self.figures(|_| true) {
            for peer in Peer::ALL.into_iter().filter(|peer| *peer != Peer::Nologd) {
                let Some(now) = self.ratio(figure, peer) else { continue };
                let then = kept.ratio(figure, peer);
                let shown = then.map(|then| format!("{then:.2}")).unwrap_or_default();
                let moved = kept::moved(now, then);
                lines.push(vec![figure.name.to_owned(), peer.name().to_owned(), shown, format!("{now:.2}"), moved]);
            }
        }
        markdown(lines)
    }

    /// What has a bar, in four columns.
    fn short(&self) -> String {
        let mut lines = vec![["work", "nologd", "beside", "asked for"].map(str::to_owned).to_vec()];
        for figure in self.figures(|_| true).into_iter().filter(|figure| !figure.bars.is_empty()) {
            let others = columns(figure.row.table(), &self.cells).into_iter().filter(|peer| *peer != Peer::Nologd);
            let beside: Vec<_> = others
                .filter_map(|peer| Some(format!("{:.2} x {}", self.ratio(figure, peer)?, named(peer, figure.row.table()))))
                .collect();
            let missed = if self.reached(figure) == Some(true) { "" } else { " (**not reached**)" };
            let value = format!("{} {}", self.shown(figure, Peer::Nologd), figure.unit);
            lines.push(vec![figure.name.to_owned(), value, beside.join(", "), bars(figure) + missed]);
        }
        markdown(lines)
    }

    fn table(&self, table: Table, figures: &[&'static Figure]) -> String {
        let columns = columns(table, &self.cells);
        let others: Vec<_> = columns.iter().copied().filter(|peer| *peer != Peer::Nologd).collect();
        let name = |peer: &Peer| named(*peer, table);
        let mut head = vec!["work".to_owned(), "unit".to_owned()];
        head.extend(columns.iter().map(|peer| name(peer).to_owned()));
        head.extend(others.iter().map(|peer| format!("x {}", name(peer))));
        head.extend(["bar", "reached"].map(str::to_owned));
        let mut lines = vec![head];
        for figure in figures {
            let mut line = vec![figure.name.to_owned(), figure.unit.to_owned()];
            line.extend(columns.iter().map(|&peer| self.shown(figure, peer)));
            let ratio = |&peer: &Peer| self.ratio(figure, peer).map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            line.extend(others.iter().map(ratio));
            line.push(bars(figure));
            line.push(match self.reached(figure) {
                Some(true) => "yes".to_owned(),
                Some(false) => "NO".to_owned(),
                None if figure.bars.is_empty() => String::new(),
                None => "not measured".to_owned(),
            });
            lines.push(line);
        }
        markdown(lines)
    }

    /// The figures of the rows that were run, in the order of the report.
    fn figures(&self, wanted: impl Fn(Row) -> bool) -> Vec<&'static Figure> {
        let run = |row| {
            self.cells.iter().any(|(_, cell)| cell.figure.row == row) || self.absent.iter().any(|(other, ..)| *other == row)
        };
        figures::all().into_iter().filter(|figure| wanted(figure.row) && run(figure.row)).collect()
    }

    /// The median of all rounds (of two in the middle, the lower).
    pub fn value(&self, figure: &Figure, peer: Peer) -> Option<f64> {
        if self.is_absent(figure.row, peer) {
            return None;
        }
        let same = |(other, cell): &&(Peer, Cell)| *other == peer && std::ptr::eq(cell.figure, figure);
        let mut rounds: Vec<f64> = self.cells.iter().filter(same).map(|(_, cell)| cell.value).collect();
        rounds.sort_by(f64::total_cmp);
        rounds.get(rounds.len().saturating_sub(1) / 2).copied()
    }

    fn ratio(&self, figure: &Figure, other: Peer) -> Option<f64> {
        // Of nothing there is no share.
        Some(self.value(figure, Peer::Nologd)? / self.value(figure, other).filter(|other| *other != 0.0)?)
    }

    /// Whether nologd reaches every bar; `None` where there is no bar or a figure is missing.
    fn reached(&self, figure: &Figure) -> Option<bool> {
        let each = figure.bars.iter().map(|bar| {
            Some(match *bar {
                Bar::Of(peer, share) => self.ratio(figure, peer)? <= share,
                Bar::FasterThan(peer, share) => self.ratio(figure, peer)? >= share,
                Bar::AtMost(most) => self.value(figure, Peer::Nologd)? <= most,
                Bar::AtLeast(least) => self.value(figure, Peer::Nologd)? >= least,
            })
        });
        let each: Vec<bool> = each.collect::<Option<_>>()?;
        (!each.is_empty()).then(|| each.into_iter().all(|reached| reached))
    }

    /// A peer that failed is `absent`, what makes no sense for it (CPU of nobody) is empty.
    fn shown(&self, figure: &Figure, peer: Peer) -> String {
        match self.value(figure, peer) {
            Some(value) => significant(value),
            None if self.is_absent(figure.row, peer) => "absent".to_owned(),
            None => String::new(),
        }
    }

    fn json_figure(&self, figure: &Figure) -> serde_json::Value {
        let measured = Peer::ALL.into_iter().filter_map(|peer| Some((peer.name().to_owned(), json!(self.value(figure, peer)?))));
        let values: serde_json::Map<_, _> = measured.collect();
        json!({ "row": figure.row.name(), "name": figure.name, "unit": figure.unit, "values": values, "reached": self.reached(figure) })
    }
}

/// Three significant digits.
fn significant(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The peers that have a figure in this table.
fn columns(table: Table, cells: &[(Peer, Cell)]) -> Vec<Peer> {
    let has = |peer: &Peer| cells.iter().any(|(other, cell)| other == peer && cell.figure.row.table() == table);
    Peer::ALL.into_iter().filter(has).collect()
}

/// Above its column.
fn named(peer: Peer, table: Table) -> &'static str {
    if peer == Peer::Without { table.without() } else { peer.name() }
}

fn bars(figure: &Figure) -> String {
    let each = figure.bars.iter().map(|bar| match *bar {
        Bar::Of(peer, share) => format!("{share} x {}", peer.name()),
        Bar::FasterThan(peer, share) => format!("at least {share} x {}", peer.name()),
        Bar::AtMost(most) => format!("at most {most}"),
        Bar::AtLeast(least) => format!("at least {least}"),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The first line is the head.
fn markdown(mut lines: Vec<Vec<String>>) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    lines.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
    let mut text = String::new();
    for line in lines {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// Date, processors, kernel version; what follows the version's first dash may name a machine and is left out.
fn machine() -> String {
    let date = Command::new("date").args(["-u", "+%F"]).output().map(|output| output.stdout).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    format!("{}, {processors} processors, Linux {kernel}", String::from_utf8_lossy(&date).trim())
}
