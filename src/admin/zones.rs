//! `dns tell`: how the zones of associations stand, as `nologd dns --check --tell` saw them from outside. The daemon asks no DNS; the contact's page
//! and `association show` say what it was told, and on which day. In memory only, and of domains that are in the book.

use serde::{Deserialize, Serialize};

pub use super::seen_zones::{Amiss, LineAmiss, SeenZone, ZoneShown};
use super::{AdminCommand, Audience, Executor, Moment, NotDone};

/// Lines of one zone.
const LINES: usize = 32;
/// Octets of each text of a line.
const TEXT: usize = 400;

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

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<ZonesTaken, NotDone> {
        if !self.is_bounded() {
            return Err(NotDone::because("A zone has too many lines, or one is too long."));
        }
        Ok(ZonesTaken { zones: executor.zones.take(&self.zones, &executor.book, at.today) })
    }

    fn print(_: &ZonesTaken) -> String {
        String::new()
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
