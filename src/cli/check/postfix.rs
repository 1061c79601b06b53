//! What Postfix on this machine is set to: whether the domains that it takes and those of the book are the same, whether their mail comes
//! to nologd, and what the port judges by that members' mail leaves through.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::book::{KnownAssociation, KnownBook};
use super::finding::Faults;
use super::panel;
use crate::audit::settings::postfix_ways::{ListEntry, entries, keys, leads_to, port_settings, value};
use crate::audit::tool_output;
use crate::config::Config;
use crate::event::BackendService;
use crate::route::{self, is_loopback};
use crate::serve::Service;

/// The parameters that matter here.
const NAMES: [&str; 6] =
    ["virtual_mailbox_domains", "virtual_transport", "transport_maps", "mydestination", "relay_domains", "virtual_alias_domains"];

/// Where a client, a sender or a recipient can be refused.
const RESTRICTIONS: [&str; 7] = [
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
];

/// How many names are said at once.
const SAID: usize = 20;

/// Postfix's tools, for one folder of settings.
struct Tools<'a> {
    folder: Option<&'a Path>,
}

impl Tools<'_> {
    fn run(&self, program: &str, words: &[&str], input: &str) -> Option<Result<String, String>> {
        let folder = self.folder.map(|folder| ["-c".to_owned(), folder.display().to_string()]);
        let arguments: Vec<_> = folder.into_iter().flatten().chain(words.iter().map(|word| (*word).to_owned())).collect();
        tool_output(program, &arguments, input)
    }

    /// Which of `domains` a table has, with what it says about each. `None`: it cannot be asked.
    fn ask(&self, table: &str, domains: &BTreeSet<&str>) -> Option<Vec<(String, String)>> {
        let input: String = domains.iter().map(|domain| format!("{domain}\n")).collect();
        let said = self.run("postmap", &["-q", "-", table], &input)?.ok()?;
        let pair = |line: &str| line.split_once('\t').map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
        Some(said.lines().filter_map(pair).collect())
    }

    /// All keys of a table. `None`: this kind can only be asked (a database).
    fn keys(&self, table: &str) -> Option<Vec<String>> {
        let (kind, path) = table.split_once(':')?;
        match kind {
            // Its text may have changed since; what counts is what Postfix reads.
            "hash" | "btree" | "lmdb" | "cdb" | "dbm" => {
                let said = self.run("postmap", &["-s", table], "")?.ok()?;
                Some(keys(&said).map(str::to_owned).collect())
            }
            "texthash" => Some(keys(&fs::read_to_string(path).ok()?).map(str::to_owned).collect()),
            _ => None,
        }
    }
}

/// Looks at it, where one of the relays is on this machine.
pub(super) fn look(folder: Option<&Path>, config: &Config, book: &KnownBook, found: &mut Faults) {
    let tools = Tools { folder };
    let settings = match tools.run("postconf", &[&["-x"][..], &NAMES[..], &RESTRICTIONS[..]].concat(), "") {
        None => return,
        Some(Ok(settings)) => settings,
        Some(Err(why)) => return found.note(format!("postconf: {why}. Postfix's settings were not looked at")),
    };
    // Why they are not known was told.
    let known = book.associations().map(of_book);
    if let Some(known) = &known {
        domains(&tools, &settings, config, known, found);
    }
    ways(&tools, &settings, config, known.as_ref(), found);
    asks(&settings, config, found);
    inner(&tools, &settings, config, found);
}

fn of_book(associations: &[KnownAssociation]) -> BTreeSet<&str> {
    associations.iter().flat_map(|member| &member.domains).map(String::as_str).collect()
}

/// Both ways: what Postfix takes and no association has; what an association has and Postfix does not take.
fn domains(tools: &Tools<'_>, settings: &str, config: &Config, known: &BTreeSet<&str>, found: &mut Faults) {
    let Some(served) = value(settings, "virtual_mailbox_domains") else {
        return found.note("Postfix: postconf does not tell virtual_mailbox_domains: its domains were not compared".to_owned());
    };
    let served = Served::of(tools, served, known, 0);
    let lacking: Vec<_> = known.iter().filter(|domain| !served.names.contains(**domain)).copied().collect();
    let foreign: Vec<_> = served.names.iter().filter(|domain| !known.contains(domain.as_str())).map(String::as_str).collect();
    if !lacking.is_empty() && served.unread.is_empty() {
        found.wrong(format!(
            "Postfix: takes no mail for {}, which {} of an association: add to virtual_mailbox_domains",
            list(&lacking),
            if lacking.len() == 1 { "is" } else { "are" }
        ));
    }
    if !foreign.is_empty() && listener(config, Service::Lmtp).is_some() {
        found.wrong(format!(
            "Postfix: takes mail for {}, which no association has: nologd defers it ([quota] unknown), and in the end it bounces. \
             `nologd association set NAME --domain DOMAIN`, or take it out of virtual_mailbox_domains",
            list(&foreign)
        ));
    }
    for table in &served.asked {
        found.note(format!("Postfix: {table} can only be asked, not listed: domains that only it has were not looked for"));
    }
    for table in &served.unread {
        found.note(format!("Postfix: {table} of virtual_mailbox_domains cannot be read: run this check as root"));
    }
    for name in ["mydestination", "relay_domains", "virtual_alias_domains"] {
        let Some(other) = value(settings, name) else {
            found.note(format!("Postfix: postconf does not tell {name}: it was not looked at"));
            continue;
        };
        let other = Served::of(tools, other, known, 0);
        let both: Vec<_> = known.iter().filter(|domain| other.names.contains(**domain)).copied().collect();
        for table in &other.unread {
            found.note(format!("Postfix: {table} of {name} cannot be read: run this check as root"));
        }
        if !both.is_empty() {
            found.wrong(format!("Postfix: {} in {name}: its mail does not come to nologd. Take it out there", stands(&both)));
        }
    }
}

/// The domains of a list, tables asked and read.
#[derive(Default)]
struct Served {
    names: BTreeSet<String>,
    /// Tables that could be asked and not listed.
    asked: Vec<String>,
    /// Tables that could not even be asked.
    unread: Vec<String>,
}

impl Served {
    fn of(tools: &Tools<'_>, list: &str, known: &BTreeSet<&str>, depth: u8) -> Served {
        let mut served = Served::default();
        for entry in entries(list) {
            match entry {
                ListEntry::Domain(domain) => {
                    served.names.insert(domain);
                }
                ListEntry::Table(table) => served.table(tools, table, known),
                // A file may name files; that has an end.
                ListEntry::File(file) if depth < 3 => match fs::read_to_string(&file) {
                    Ok(text) => {
                        let inside: Vec<_> = keys(&text).collect();
                        let inside = Served::of(tools, &inside.join(" "), known, depth + 1);
                        served.names.extend(inside.names);
                        served.asked.extend(inside.asked);
                        served.unread.extend(inside.unread);
                    }
                    Err(_) => served.unread.push(file),
                },
                ListEntry::File(file) => served.unread.push(file),
            }
        }
        served
    }

    fn table(&mut self, tools: &Tools<'_>, table: String, known: &BTreeSet<&str>) {
        if let Some(keys) = tools.keys(&table) {
            self.names.extend(keys.into_iter().map(|key| key.to_ascii_lowercase()));
        } else if let Some(found) = tools.ask(&table, known) {
            self.names.extend(found.into_iter().map(|(domain, _)| domain));
            self.asked.push(table);
        } else {
            self.unread.push(table);
        }
    }
}

/// Where the mail of the book's domains goes.
fn ways(tools: &Tools<'_>, settings: &str, config: &Config, known: Option<&BTreeSet<&str>>, found: &mut Faults) {
    let Some(own) = listener(config, Service::Lmtp) else {
        found.note("Postfix: the config has no listener with service = \"lmtp\", so incoming mail goes around nologd: limits do not hold for it");
        return;
    };
    let tables = entries(value(settings, "transport_maps").unwrap_or_default()).into_iter().filter_map(|entry| match entry {
        ListEntry::Table(table) => Some(table),
        ListEntry::File(_) | ListEntry::Domain(_) => None,
    });
    let (panels, tables): (Vec<_>, Vec<_>) =
        tables.map(|table| (panel::delivers(&table), table)).partition(|(delivers, _)| delivers.is_some());
    for (delivers, table) in &panels {
        if delivers.as_ref().and_then(Option::as_ref).is_none_or(|place| !is_ours(place, config)) {
            found.wrong(format!(
                "Postfix: {table} asks AlternC who delivers to each address, which is not nologd: incoming mail goes around it, whatever \
                 virtual_transport says. See policy/backends/panels/alternc-mytransport.cf; it has to name {}",
                written(own)
            ));
        }
    }
    let transport = value(settings, "virtual_transport").unwrap_or("virtual");
    // Where AlternC says it for each address, nobody reads the other.
    if panels.is_empty() && !is_ours(transport, config) {
        found.wrong(format!(
            "Postfix: virtual_transport = {transport}: incoming mail goes around nologd, and limits do not hold for it. Write \
             virtual_transport = {}",
            written(own)
        ));
    }
    let Some(known) = known else { return };
    for (_, table) in tables {
        let Some(said) = tools.ask(&table, known) else {
            found.note(format!("Postfix: {table} of transport_maps cannot be asked: run this check as root"));
            continue;
        };
        for (domain, transport) in said.into_iter().filter(|(_, transport)| !is_ours(transport, config)).take(SAID) {
            found.wrong(format!(
                "Postfix: {table} sends the mail of {domain} to {transport}, around nologd: take that line out, or write {} there",
                written(own)
            ));
        }
    }
}

/// Whether it asks the policy service.
fn asks(settings: &str, config: &Config, found: &mut Faults) {
    let Some(own) = listener(config, Service::Policy) else { return };
    let place = own.strip_prefix("unix:").unwrap_or(own);
    let restrictions = value(settings, "smtpd_recipient_restrictions").unwrap_or_default();
    if !restrictions.contains("check_policy_service") || !restrictions.contains(place) {
        found.note(format!(
            "Postfix: does not ask at {own} whether there is room, so a full mailbox is seen after the message has come, and a bounce is made: \
             in smtpd_recipient_restrictions, behind reject_unauth_destination, check_policy_service {{ inet:{own}, default_action=DUNNO }}"
        ));
    }
}

/// What judges members' mail at the port that it leaves through, though it is meant for strangers.
fn inner(tools: &Tools<'_>, settings: &str, config: &Config, found: &mut Faults) {
    let Some(Ok(master)) = tools.run("postconf", &["-P"], "") else {
        return found
            .note("Postfix: `postconf -P` says nothing: the restrictions at the inner port were not looked at".to_owned());
    };
    let backends = config.backends.iter().map(|(_, backend)| backend);
    let mut ports: Vec<u16> =
        backends.filter_map(|backend| local_port(&backend.endpoint(BackendService::Relay)?.socket)).collect();
    ports.sort_unstable();
    ports.dedup();
    for port in ports {
        let own = port_settings(&master, port);
        for name in RESTRICTIONS {
            let inherited = value(settings, name).unwrap_or_default();
            let is_set = own.iter().any(|(set, _)| *set == name);
            if !is_set && !inherited.is_empty() && !inherited.starts_with("permit_mynetworks") {
                found.note(format!(
                    "Postfix: port {port} judges members' mail by the {name} of main.cf, which is meant for strangers: in master.cf, \
                     -o {name}={}",
                    if name.contains("relay") || name.contains("recipient") { "permit_mynetworks,reject" } else { "" }
                ));
            }
        }
    }
}

fn local_port(socket: &route::SocketName) -> Option<u16> {
    match socket {
        route::SocketName::Tcp(host, port) if is_loopback(host) => Some(*port),
        _ => None,
    }
}

fn listener(config: &Config, service: Service) -> Option<&str> {
    config.listens.iter().find(|listen| listen.service == service).map(|listen| &*listen.address)
}

fn is_ours(transport: &str, config: &Config) -> bool {
    let mut own = config.listens.iter().filter(|listen| listen.service == Service::Lmtp);
    own.any(|listen| leads_to(transport, &listen.address))
}

fn written(address: &str) -> String {
    if address.starts_with("unix:") { format!("lmtp:{address}") } else { format!("lmtp:inet:{address}") }
}

fn list(names: &[&str]) -> String {
    let more = names.len().saturating_sub(SAID);
    let said: Vec<_> = names.iter().take(SAID).copied().collect();
    if more > 0 { format!("{} and {more} more", said.join(", ")) } else { said.join(", ") }
}

fn stands(names: &[&str]) -> String {
    format!("{} {}", list(names), if names.len() == 1 { "stands" } else { "stand" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a host with AlternC, whose table of transports has this `query`.
    fn said(query: &str) -> Vec<String> {
        let text = "hostname = \"mail.nolog.example\"\nstate_dir = \"/var/lib/nologd\"\n\
            [[listen]]\nservice = \"lmtp\"\naddress = \"127.0.0.1:10026\"\ntls = \"none\"\n\
            [[backend]]\nname = \"one\"\nimap = \"imap://127.0.0.1:10143\"\nlmtp = \"lmtp://127.0.0.1:10024\"\n";
        let config = crate::config::read(text).unwrap_or_else(|problems| panic!("{problems:?}"));
        let place = crate::demo::Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        let file = place.write("mytransport.cf", format!("hosts = localhost\nquery = {query}\n").as_bytes());
        let file = file.unwrap_or_else(|trouble| panic!("{trouble}"));
        let settings = format!("virtual_transport = virtual\ntransport_maps = proxy:mysql:{}\n", file.display());
        let mut found = Faults::default();
        ways(&Tools { folder: None }, &settings, &config, None, &mut found);
        found.all_wrong().to_vec()
    }

    #[test]
    fn where_alternc_says_who_delivers_nothing_else_is_asked() {
        let to = |place: &str| said(&format!("SELECT REPLACE(delivery, 'dovecot', '{place}') FROM mailbox WHERE x = '%s'"));
        assert_eq!(to("lmtp:inet:127.0.0.1:10026"), [""; 0]);
        for around in [to("lmtp:inet:127.0.0.1:24"), said("SELECT delivery FROM mailbox WHERE x = '%s'")] {
            assert!(around.len() == 1 && around[0].contains("alternc-mytransport.cf"), "{around:?}");
        }
        // A table of somebody else's says nothing about the rest.
        let other = said("SELECT transport FROM domains WHERE x = '%s'");
        assert!(other.len() == 1 && other[0].contains("Write virtual_transport"), "{other:?}");
    }
}
