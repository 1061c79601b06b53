//! `nologd dns`: the lines for the zone of an association's domain. It reads the config file and asks nobody.

use std::process::ExitCode;

use super::arguments::DnsArguments;
use super::{REFUSED, load, say};
use crate::config;
use crate::serve::Service;
use crate::web::zone::zone;

/// `nologd dns DOMAIN`.
pub fn dns(arguments: &DnsArguments) -> ExitCode {
    let Some(config) = load(&arguments.config) else { return ExitCode::from(REFUSED) };
    let site = config::site(&config);
    let mail = arguments.mx.as_ref().map_or_else(|| config.hostname.to_string(), |mx| mx.reveal().to_owned());
    let has_pages = config.listens.iter().any(|listen| listen.service == Service::Web);
    let pages = has_pages.then(|| site.pages_host());
    say(zone(&arguments.domain, &site.offer, &mail, pages).trim_end());
    ExitCode::SUCCESS
}
