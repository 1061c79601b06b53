//! `nologd dns`: the lines for the zone of an association's domain. It reads the config file and asks nobody; with `--check` it asks the
//! resolver of this machine, and the daemon for the associations; with `--tell` the daemon hears what is there.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::arguments::DnsArguments;
use super::daemon_options::{OutputOptions, SocketOptions};
use super::resolver::Resolver;
use super::{REFUSED, USAGE, complain, dns_check, load, refuse, run, say};
use crate::admin::association::ListAssociations;
use crate::admin::zones::{SeenZone, TellZones};
use crate::config;
use crate::private::Domain;
use crate::serve::Service;
use crate::web::zone::{lines, zone};

/// `nologd dns DOMAIN`, `nologd dns --check`.
pub fn dns(arguments: &DnsArguments) -> ExitCode {
    let Some(config) = load(&arguments.config) else { return ExitCode::from(REFUSED) };
    let site = config::site(&config);
    let named = arguments.mx.as_ref().map(|mx| mx.reveal().to_owned()).or_else(|| site.mx.as_deref().map(Into::into));
    let mail = named.unwrap_or_else(|| config.hostname.to_string());
    let has_pages = config.listens.iter().any(|listen| listen.services().contains(&Service::Web));
    let pages = has_pages.then(|| site.pages_host());
    if arguments.check {
        return match resolver(arguments).and_then(|resolver| Ok((resolver, domains(arguments)?))) {
            Ok((resolver, domains)) => {
                let all = dns_check::check(&resolver, &domains, |domain| lines(domain, &site.offer, &mail, pages));
                let knows_mx = arguments.mx.is_some() || site.mx.is_some();
                let seen = domains.iter().zip(&all).map(|(domain, checked)| checked.seen(domain, knows_mx));
                match arguments.tell.then(|| tell(arguments, seen.collect())) {
                    Some(Err(code)) => code,
                    Some(Ok(())) | None => show(&all, arguments.json),
                }
            }
            Err(code) => code,
        };
    }
    match &arguments.domain {
        Some(domain) => say(zone(domain, &site.offer, &mail, pages).trim_end()),
        None => return ExitCode::from(USAGE),
    }
    ExitCode::SUCCESS
}

/// The daemon takes the place of no resolver: it is told.
fn tell(arguments: &DnsArguments, zones: Vec<SeenZone>) -> Result<(), ExitCode> {
    let socket = socket(arguments)?;
    for part in zones.chunks(TellZones::PART) {
        run::told(&socket, &TellZones::new(part.to_vec())).map_err(|trouble| {
            refuse(OutputOptions { json: arguments.json }, &trouble);
            ExitCode::from(REFUSED)
        })?;
    }
    Ok(())
}

fn show(all: &[dns_check::DomainChecked], json: bool) -> ExitCode {
    match json {
        true => say(&format!("{:#}", serde_json::json!({ "domains": all }))),
        false => say(dns_check::print(all).trim_end()),
    }
    if all.iter().all(dns_check::DomainChecked::is_well) { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

fn resolver(arguments: &DnsArguments) -> Result<Resolver, ExitCode> {
    let Some(text) = &arguments.resolver else {
        return Resolver::of_file(Path::new("/etc/resolv.conf")).ok_or_else(|| {
            complain("/etc/resolv.conf names no resolver. Name one: --resolver 127.0.0.1");
            ExitCode::from(REFUSED)
        });
    };
    let whole = text.parse::<SocketAddr>().ok();
    let server = whole.or_else(|| text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53)));
    server.map(Resolver::at).ok_or_else(|| {
        complain("--resolver takes an address, like 127.0.0.1 or [::1]:5353.");
        ExitCode::from(USAGE)
    })
}

fn socket(arguments: &DnsArguments) -> Result<PathBuf, ExitCode> {
    SocketOptions { socket: arguments.socket.clone(), config: Some(arguments.config.clone()) }.socket()
}

/// The one that was named, or those of all associations, in the order of the associations.
fn domains(arguments: &DnsArguments) -> Result<Vec<Domain>, ExitCode> {
    if let Some(domain) = &arguments.domain {
        return Ok(vec![domain.clone()]);
    }
    let socket = socket(arguments)?;
    let listed = run::told(&socket, &ListAssociations {}).map_err(|trouble| {
        refuse(OutputOptions { json: arguments.json }, &trouble);
        ExitCode::from(REFUSED)
    })?;
    Ok(listed.associations().flat_map(|(association, _)| association.all_domains().cloned().collect::<Vec<_>>()).collect())
}
