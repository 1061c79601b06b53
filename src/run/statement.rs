//! The statement for the pages, made once at the start: from the rules in force and from what the kernel gave this process.
//!
//! Absent on purpose: an audit, which looks into other programs' settings as root. The statement says itself that none is known.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::Config;
use crate::fault::Lang;
use crate::quota::Day;
use crate::serve::{Context, Service};
use crate::statement::{Front, InForce, Letterhead, LogDestination, Machine, Page};

/// Gives the statement to the pages, where there are any. `config` is that of the start; the backends are those in force.
pub(super) fn tell(config: &Config, context: &Context) {
    if !config.listens.iter().any(|listen| listen.services().contains(&Service::Web)) {
        return;
    }
    let enforcement = &context.enforcement;
    let output = match (enforcement.kept_outputs.is_empty(), enforcement.lost_outputs.is_empty()) {
        (false, _) => Some(LogDestination::Kept),
        (true, false) => None,
        (true, true) => Some(LogDestination::Forgotten),
    };
    let in_force = InForce {
        policy: config.policy.clone(),
        machine: Machine::Daemon { missing: enforcement.missing.clone(), output },
        audit: None,
        hinted: Some(context.backends.load().hinted().next().is_some()),
        front: Front::of(config),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let pages = [Lang::En, Lang::Fr].map(|lang| {
        let head = Letterhead { host: Some(config.hostname.to_string()), contact: None, made: Day::from_unix(now).print() };
        Page::new(&in_force, lang).with_head(head).html_among_pages()
    });
    let style = pages[0].split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).map_or("", |(style, _)| style);
    let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
    context.web.tell_statement(pages, &format!("sha256-{hash}"));
}
