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
use crate::admin::zones::TellZones;
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
                let look =
                    |domains: &[Domain]| dns_check::check(&resolver, domains, |domain| lines(domain, &site.ports, &mail, pages));
                let knows_mx = arguments.mx.is_some() || site.mx.is_some();
                if arguments.tell { tell(arguments, &domains, look, knows_mx) } else { show(&look(&domains), arguments.json) }
            }
            Err(code) => code,
        };
    }
    match &arguments.domain {
        Some(domain) => say(zone(domain, &site.ports, &mail, pages).trim_end()),
        None => return ExitCode::from(USAGE),
    }
    ExitCode::SUCCESS
}

/// Domains that are looked at before they are told: whoever ends this has told something.
const TOLD_AT_ONCE: usize = 48;

/// Shows what is there and tells the daemon, part by part. Exit code 0 when it was told, whatever is there: who is told looks at that.
fn tell(
    arguments: &DnsArguments,
    domains: &[Domain],
    look: impl Fn(&[Domain]) -> Vec<dns_check::DomainChecked>,
    knows_mx: bool,
) -> ExitCode {
    let socket = match socket(arguments) {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    let (mut all, mut strangers, mut trouble) = (Vec::new(), 0, None);
    for part in domains.chunks(TOLD_AT_ONCE) {
        let checked = look(part);
        let seen: Vec<_> = part.iter().zip(&checked).filter_map(|(domain, checked)| checked.seen(domain, knows_mx)).collect();
        if checked.iter().all(dns_check::DomainChecked::is_unknown) {
            trouble = Some("No resolver answers. Nothing more was looked at.".to_owned());
        }
        for zones in seen.chunks(TellZones::PART) {
            match run::told(&socket, &TellZones::new(zones.to_vec())) {
                Ok(taken) => strangers += (zones.len() as u64).saturating_sub(taken.zones),
                Err(why) => trouble = Some(why),
            }
        }
        all.extend(checked);
        if trouble.is_some() {
            break;
        }
    }
    let _ = show(&all, arguments.json);
    if strangers > 0 && trouble.is_none() {
        trouble = Some(format!("{strangers} of these domains are no association's here: nothing is kept of them."));
    }
    match trouble {
        None => ExitCode::SUCCESS,
        Some(trouble) => {
            refuse(OutputOptions { json: false }, &trouble);
            ExitCode::from(REFUSED)
        }
    }
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
