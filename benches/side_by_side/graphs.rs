//! What is drawn of a run of everything: CPU and memory against the number of sessions, and the morning.

use std::fs;
use std::path::Path;

use crate::figures::{self, Figure};
use crate::peers::Peer::{self, Dovecot, Haproxy, Nginx, Nologd, TlsCopy};
use crate::report::Report;
use crate::svg::{Axis, Chart, Line};
use crate::{Res, lab};

/// Who is drawn, each with its colour in all charts.
const DRAWN: [Peer; 5] = [Nologd, Nginx, Dovecot, TlsCopy, Haproxy];
const SESSIONS: &str = "sessions in IDLE";

/// Writes the charts into `folder`, and gives lines of Markdown that show them. `minutes`: how long the morning was.
pub fn write(report: &Report, minutes: f64, folder: &Path) -> Res<String> {
    fs::create_dir_all(folder.join("graphs"))?;
    let mut text = String::new();
    for (name, chart) in [("login", login(report)), ("memory", memory(report)), ("morning", morning(report, minutes))] {
        // A row that failed for all leaves nothing to draw.
        let Some(chart) = chart else { continue };
        fs::write(folder.join(format!("graphs/{name}.svg")), chart.draw())?;
        text += &format!("![{}](graphs/{name}.svg)\n\n", chart.title);
    }
    Ok(text)
}

fn login(report: &Report) -> Option<Chart> {
    let steps = figures::CROWDED.iter().map(|(count, login, _)| (sessions(*count), login));
    let lines = lines(report, &steps.collect::<Vec<_>>());
    let y = Axis::from_zero("CPU of the peer, ms", values(&lines).fold(0.0, f64::max));
    chart("CPU of a TLS login and logout, beside other sessions", counts(), y, lines)
}

fn memory(report: &Report) -> Option<Chart> {
    let steps = figures::IDLE_ALL.iter().map(|(count, figure)| (sessions(*count), figure));
    let lines = lines(report, &steps.collect::<Vec<_>>());
    let y = Axis::decades("memory of the peer (PSS), MiB", values(&lines));
    chart("Memory with so many sessions", counts(), y, lines)
}

/// Each part of the morning at its middle; dashed, the idle machine.
fn morning(report: &Report, minutes: f64) -> Option<Chart> {
    let each = minutes / figures::MORNING_PARTS.len() as f64;
    let steps = figures::MORNING_PARTS.iter().enumerate().map(|(at, figure)| ((at as f64 + 0.5) * each, figure));
    let mut lines = lines(report, &steps.collect::<Vec<_>>());
    let idle = lines.iter().filter_map(|line| {
        let peer = DRAWN.get(line.colour).copied()?;
        let value = report.value(&figures::MORNING_IDLE, peer)?;
        Some(Line { name: format!("{}, idle", line.name), dashed: true, points: vec![(0.0, value), (minutes, value)], ..*line })
    });
    let idle: Vec<_> = idle.collect();
    lines.extend(idle);
    let y = Axis::from_zero("99th percentile of NOOP, ms", values(&lines).fold(0.0, f64::max));
    chart("A small command in the morning, and on the idle machine", Axis::from_zero("minutes", minutes), y, lines)
}

fn chart(title: &'static str, x: Axis, y: Axis, lines: Vec<Line>) -> Option<Chart> {
    (!lines.is_empty()).then_some(Chart { title, x, y, lines })
}

fn counts() -> Axis {
    Axis { name: SESSIONS, marks: [10.0, 100.0, 1000.0, 10_000.0].to_vec(), logarithmic: true }
}

/// As many as could be opened.
fn sessions(count: usize) -> f64 {
    count.min(lab::most_sessions()) as f64
}

fn lines(report: &Report, steps: &[(f64, &'static Figure)]) -> Vec<Line> {
    let of = |(colour, peer): (usize, Peer)| {
        let points: Vec<_> = steps.iter().filter_map(|(x, figure)| Some((*x, report.value(figure, peer)?))).collect();
        (!points.is_empty()).then(|| Line { name: peer.name().to_owned(), colour, dashed: false, points })
    };
    DRAWN.into_iter().enumerate().filter_map(of).collect()
}

fn values(lines: &[Line]) -> impl Iterator<Item = f64> + Clone {
    lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y)
}
