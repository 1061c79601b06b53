//! `dns tell`: how the zones of associations stand, as `nologd dns --check --tell` saw them from outside. The daemon asks no DNS; the contact's page
//! and `association show` say what it was told, and on which day. In memory only, and of domains that are in the book.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{AdminCommand, Audience, Declined, Executor, Moment};
use crate::private::{Domain, revealed};
use crate::quota::{Book, Day};

/// Lines of one zone.
const LINES: usize = 32;
/// Octets of each text of a line.
const TEXT: usize = 400;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amiss {
    /// Nothing of the kind is there.
    Missing,
    /// Something else is.
    Other,
}

words! { Amiss, "A line is missing, or another is there.": Missing = "missing", Other = "other" }

/// A line that is not as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineAmiss {
    /// How it stands.
    pub standing: Amiss,
    /// MX, SRV, CNAME or TXT.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What is to be there.
    pub wanted: String,
}

/// A zone that was looked at, all of it: what could not be asked is not told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeenZone {
    /// The domain.
    #[serde(with = "revealed")]
    pub domain: Domain,
    /// Whether the MX was looked at, too: only where the config names it.
    pub with_mx: bool,
    /// What is amiss: nothing where every line is there.
    pub amiss: Vec<LineAmiss>,
}

/// The same, with the day on which that was told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneShown {
    /// The day.
    pub day: Day,
    /// What was told.
    pub zone: SeenZone,
}

/// `dns tell`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TellZones {
    zones: Vec<SeenZone>,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZonesTaken {
    /// Zones that are kept: those of domains in the book.
    pub zones: u64,
}

impl TellZones {
    /// Zones in one request each: a request is bounded.
    pub const PART: usize = 10;

    /// Of a part of them.
    pub fn new(zones: Vec<SeenZone>) -> TellZones {
        TellZones { zones }
    }

    /// It comes from whoever may speak to the socket, and is shown to contacts.
    fn is_bounded(&self) -> bool {
        let is_plain = |text: &str| text.len() <= TEXT && !text.chars().any(char::is_control);
        self.zones.iter().all(|zone| {
            let plain = |line: &LineAmiss| [&line.kind, &line.name, &line.wanted].into_iter().all(|text| is_plain(text));
            zone.amiss.len() <= LINES && zone.amiss.iter().all(plain)
        })
    }
}

impl AdminCommand for TellZones {
    const WORD: &'static str = "dns tell";
    type Told = ZonesTaken;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<ZonesTaken, Declined> {
        if !self.is_bounded() {
            return Err(Declined::because("A zone has too many lines, or one is too long."));
        }
        Ok(ZonesTaken { zones: executor.zones.take(&self.zones, &executor.book, at.today) })
    }

    fn print(_: &ZonesTaken) -> String {
        String::new()
    }
}

/// What was told last of each domain.
#[derive(Default)]
pub(super) struct SeenZones(Mutex<HashMap<Domain, ZoneShown>>);

impl SeenZones {
    fn take(&self, zones: &[SeenZone], book: &Book, day: Day) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_here = |domain: &Domain| book.route(domain, day).is_some();
        // What left the book is forgotten.
        all.retain(|domain, _| is_here(domain));
        let here = zones.iter().filter(|zone| is_here(&zone.domain));
        let taken = here.map(|zone| all.insert(zone.domain.clone(), ZoneShown { day, zone: zone.clone() })).count();
        taken as u64
    }

    /// Those of `domains` that were told, in that order.
    pub(super) fn of<'a>(&self, domains: impl Iterator<Item = &'a Domain>) -> Vec<ZoneShown> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        domains.filter_map(|domain| all.get(domain).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Principal;
    use crate::admin::tests::stage::TestStage;

    #[test]
    fn what_is_told_is_shown_to_whose_domain_it_is_and_bounded() {
        let stage = TestStage::new();
        let line = LineAmiss {
            standing: Amiss::Missing,
            kind: "TXT".into(),
            name: "_dmarc.velo.example".into(),
            wanted: "\"v=DMARC1 ...\"".into(),
        };
        let zone = |domain: &str, amiss: Vec<LineAmiss>| SeenZone { domain: domain.parse().unwrap(), with_mx: true, amiss };
        let tell = |zones: Vec<SeenZone>| {
            let request = crate::admin::ask(&TellZones::new(zones));
            stage.say(&Principal::Admin, &crate::admin::Request::read(request.as_bytes()).ok().unwrap())
        };
        let told = tell(vec![zone("velo.example", vec![line.clone()]), zone("nowhere.example", Vec::new())]);
        assert!(told.contains("\"zones\":1"), "{told}");
        let show = |name: &str| {
            let fields = format!(r#"{{"nologd":1,"command":"association show","name":"{name}"}}"#);
            stage.say(&Principal::Admin, &crate::admin::Request::read(fields.as_bytes()).ok().unwrap())
        };
        assert!(show("velo").contains("_dmarc.velo.example") && !show("jardin").contains("_dmarc"), "{}", show("velo"));
        // Looked at again, it is as it is then.
        assert!(tell(vec![zone("velo.example", Vec::new())]).contains("\"zones\":1") && !show("velo").contains("_dmarc"));
        for bad in [
            vec![line.clone(); LINES + 1],
            vec![LineAmiss { wanted: "x".repeat(TEXT + 1), ..line.clone() }],
            vec![LineAmiss { name: "a\nb".into(), ..line.clone() }],
        ] {
            assert!(tell(vec![zone("velo.example", bad)]).contains("too many lines"));
        }
        // The largest that is taken fits into a request.
        let long = LineAmiss { name: "n".repeat(253), wanted: "w".repeat(270), ..line };
        let part: Vec<_> =
            (0..TellZones::PART).map(|_| zone(&format!("{}.example", "d".repeat(60)), vec![long.clone(); 11])).collect();
        assert!(crate::admin::ask(&TellZones::new(part)).len() < crate::admin::MAX_REQUEST);
    }
}
