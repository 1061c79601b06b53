//! How zones stand, as it was told last of each domain.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::private::{Domain, revealed};
use crate::quota::{Book, Day};

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

/// What was told last of each domain.
#[derive(Default)]
pub(super) struct SeenZones(Mutex<HashMap<Domain, ZoneShown>>);

impl SeenZones {
    /// Takes what is told of domains in the book; of how many.
    pub(super) fn take(&self, zones: &[SeenZone], book: &Book, day: Day) -> u64 {
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
