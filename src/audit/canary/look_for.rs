//! The search alone, without flying: for tests of what it finds.

use std::net::Ipv4Addr;
use std::path::Path;

use zeroize::Zeroizing;

use super::planted::{Planted, Rightful};
use super::search::{Search, Territory};
use crate::audit::finding::{Canary, Trace};

/// Looks for one address in one place.
pub fn look_for(address: Ipv4Addr, path: &Path) -> Vec<Trace> {
    let value = Zeroizing::new(address.to_string());
    let planted = [Planted { name: "client-address", value, place: Rightful::Nowhere }];
    let mut found = Canary::default();
    Search::new(&planted, address).path(path, Territory::Logs, &mut found);
    found.traces.sort();
    found.traces
}
