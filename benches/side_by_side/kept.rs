//! The kept figures of the last run of everything, and what has moved since: ratios, because machines differ.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Res;
use crate::figures::Figure;
use crate::peers::Peer;

/// From this on a ratio has moved; below it is noise.
const MOVED: f64 = 0.10;

/// What a run of everything wrote.
pub struct Kept(Value);

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results.json")
}

impl Kept {
    pub fn read() -> Res<Self> {
        let text = fs::read_to_string(place()).map_err(|error| format!("benches/results.json: {error}"))?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    pub fn write(json: &str) -> Res<()> {
        Ok(fs::write(place(), json.to_owned() + "\n")?)
    }

    /// nologd's share of `peer`'s figure then.
    pub fn ratio(&self, figure: &Figure, peer: Peer) -> Option<f64> {
        let figures = self.0.get("figures")?.as_array()?;
        let kept = figures.iter().find(|kept| kept.get("name").and_then(Value::as_str) == Some(figure.name))?;
        let value = |peer: Peer| kept.get("values")?.get(peer.name())?.as_f64();
        Some(value(Peer::Nologd)? / value(peer)?)
    }
}

/// The last cell of a line: how far `now` is from `then`.
pub fn moved(now: f64, then: Option<f64>) -> String {
    match then {
        None => "no kept figure".to_owned(),
        Some(then) if (now / then - 1.0).abs() > MOVED => format!("MOVED {:+.0} %", (now / then - 1.0) * 100.0),
        Some(_) => String::new(),
    }
}
