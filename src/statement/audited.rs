//! What the last audit lets the statement say about the other servers.

use crate::audit::AuditReport;
use crate::audit::check::{AuditedServer, Holds, LeakKind};

use super::machine::RuleVerdict;
use super::words::Words;

/// What is said: the verdict, and what the places in the sentence are filled with.
pub(super) type Said = Vec<(RuleVerdict, Vec<(&'static str, String)>)>;

/// Those that write people down in every mail host, and whose silence must not be taken for cleanness.
const WRITERS: [AuditedServer; 5] =
    [AuditedServer::Postfix, AuditedServer::Nginx, AuditedServer::Apache, AuditedServer::Dovecot, AuditedServer::Roundcube];

/// The place for a server's name; it also tells apart the sentences that are said once for each server.
pub(super) const SERVER: &str = "{server}";

/// The sentences about settings.
pub(super) fn by_audit(name: &str, audit: Option<&AuditReport>, words: &Words) -> Said {
    let Some(report) = audit else {
        return if name == "audit" { vec![(RuleVerdict::Otherwise, Vec::new())] } else { Vec::new() };
    };
    match name {
        "audit" if report.read.is_empty() => vec![(RuleVerdict::Otherwise, Vec::new())],
        "audit" => {
            let read = AuditedServer::ALL.iter().filter(|server| report.has_read(**server));
            let servers = read.map(|server| words.server_inside(*server)).collect::<Vec<_>>();
            let servers = words.list(servers.iter().map(String::as_str));
            vec![(RuleVerdict::Holds, vec![("{day}", words.day(&report.made)), ("{servers}", servers)])]
        }
        "server-clean" => {
            // Relay and web server first: they keep most.
            let others = AuditedServer::ALL.iter().filter(|server| !WRITERS.contains(server));
            let read = WRITERS.iter().chain(others).filter(|server| report.has_read(**server));
            read.map(|server| {
                let held = held(report, *server);
                let list = words.list(held.iter().map(|holds| words.holds(*holds)));
                (held.is_empty().into(), vec![(SERVER, words.server(*server).to_owned()), ("{list}", list)])
            })
            .collect()
        }
        _ => {
            let web = [AuditedServer::Nginx, AuditedServer::Apache];
            let has_web = web.iter().any(|server| report.has_read(*server));
            // A host has one web server: where it was read, nobody asks for the other.
            let unread = WRITERS.iter().filter(|server| !(report.has_read(**server) || has_web && web.contains(server)));
            unread.map(|server| (RuleVerdict::Unknown, vec![(SERVER, words.server(*server).to_owned())])).collect()
        }
    }
}

/// What the settings of `server` let it write down.
pub(super) fn held(report: &AuditReport, server: AuditedServer) -> Vec<Holds> {
    let leaks = report.of(server).filter(|(_, check)| check.kind == LeakKind::Leak);
    let mut held: Vec<_> = leaks.flat_map(|(_, check)| check.holds.iter().copied()).collect();
    held.sort_unstable();
    held.dedup();
    held
}

/// The sentences about the canary.
pub(super) fn by_canary(name: &str, audit: Option<&AuditReport>, words: &Words) -> Said {
    let flown = audit.and_then(|report| Some((report, report.canary.as_ref()?)));
    let Some((report, canary)) = flown else {
        return if name == "canary" { vec![(RuleVerdict::Otherwise, Vec::new())] } else { Vec::new() };
    };
    let mut traces: Vec<_> = canary.traces.iter().filter_map(|trace| Holds::planted(&trace.planted)).collect();
    traces.sort_unstable();
    traces.dedup();
    let places = vec![
        ("{day}", words.day(&report.made)),
        ("{files}", canary.files.to_string()),
        ("{list}", words.list(traces.iter().map(|holds| words.holds(*holds)))),
    ];
    match (name, canary.traces.is_empty()) {
        // A search of nothing finds nothing, and what could not be read may hold anything.
        ("canary", true) => vec![((canary.files > 0 && canary.unreadable.is_empty()).into(), places)],
        ("canary-found", false) => vec![(RuleVerdict::Otherwise, places)],
        _ => Vec::new(),
    }
}
