//! `nologd dns --check`: which of the lines of `nologd dns` are really there, for one domain or for those of all associations.
//!
//! What could not be asked is told as unknown: a resolver that is down makes no domain bad, and none good. What is found is printed with
//! control characters taken out, for it comes from anybody's zone.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::resolver::{DnsRecord, NoAnswer, RecordKind, Resolver};
use crate::admin::zones::{Amiss, LineAmiss, SeenZone};
use crate::private::Domain;
use crate::web::zone::{LineData, ZoneLine};

/// Domains that are asked about at once.
const AT_ONCE: usize = 12;

/// How a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LineStanding {
    /// As it is to be.
    There,
    /// Nothing of the kind is.
    Missing,
    /// Something else is.
    Other,
    /// Nobody answered.
    Unknown,
}

/// A line, and how it stands.
#[derive(Serialize)]
pub(super) struct Judged {
    standing: LineStanding,
    kind: &'static str,
    name: String,
    /// What is to be there.
    wanted: String,
    /// What is there instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    found: String,
}

/// A domain and its lines.
#[derive(Serialize)]
pub(super) struct DomainChecked {
    domain: String,
    lines: Vec<Judged>,
}

impl DomainChecked {
    fn has(&self, standing: LineStanding) -> bool {
        self.lines.iter().any(|line| line.standing == standing)
    }

    /// For the daemon, as domain `of`; none where not all could be asked, for that says nothing. A line with the MX is told only where it
    /// `knows_mx`: a wrong one loses mail.
    pub(super) fn seen(&self, of: &Domain, knows_mx: bool) -> Option<SeenZone> {
        let mut amiss = Vec::new();
        for line in self.lines.iter().filter(|line| knows_mx || line.kind != "MX") {
            let standing = match line.standing {
                LineStanding::There => continue,
                LineStanding::Missing => Amiss::Missing,
                LineStanding::Other => Amiss::Other,
                LineStanding::Unknown => return None,
            };
            amiss.push(LineAmiss { standing, kind: line.kind.into(), name: line.name.clone(), wanted: line.wanted.clone() });
        }
        Some(SeenZone { domain: of.clone(), with_mx: knows_mx, amiss })
    }

    /// Whether nothing could be asked.
    pub(super) fn is_unknown(&self) -> bool {
        self.lines.iter().all(|line| line.standing == LineStanding::Unknown)
    }

    /// Whether all of it is there.
    pub(super) fn is_well(&self) -> bool {
        self.lines.iter().all(|line| line.standing == LineStanding::There)
    }
}

/// Looks at all of `domains`, whose lines `lines` tells. In the order in which they came.
pub(super) fn check(
    resolver: &Resolver,
    domains: &[Domain],
    lines: impl Fn(&Domain) -> Vec<ZoneLine> + Sync,
) -> Vec<DomainChecked> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, domain)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, domains.get(at)?))) {
            done.push((at, one(resolver, domain, lines(domain))));
        }
        done
    };
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE.min(domains.len())).map(|_| scope.spawn(work)).collect();
        // What went wrong is not passed over: a domain that nobody looked at would seem well.
        let done = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done.flatten().collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, checked)| checked).collect()
}

fn one(resolver: &Resolver, domain: &Domain, lines: Vec<ZoneLine>) -> DomainChecked {
    let judged = lines.into_iter().map(|line| judge(resolver, line)).collect();
    DomainChecked { domain: domain.reveal_written().into(), lines: judged }
}

fn judge(resolver: &Resolver, line: ZoneLine) -> Judged {
    let (standing, found) = match stands(resolver, &line) {
        Ok((standing, found)) => (standing, found),
        Err(NoAnswer) => (LineStanding::Unknown, String::new()),
    };
    Judged { standing, kind: line.data.kind(), name: line.name, wanted: line.data.print(), found: printable(&found) }
}

fn stands(resolver: &Resolver, line: &ZoneLine) -> Result<(LineStanding, String), NoAnswer> {
    match &line.data {
        LineData::Mx(host) => {
            let found = resolver.ask(&line.name, RecordKind::Mx)?;
            let mut all: Vec<_> = found
                .iter()
                .filter_map(|one| if let DnsRecord::Mx(preference, to) = one { Some((*preference, to)) } else { None })
                .collect();
            all.sort_unstable();
            // Mail goes to the most preferred one, and Thunderbird asks that one alone.
            let first = all.first().map(|(preference, _)| *preference);
            let ours = all.iter().any(|(preference, to)| Some(*preference) == first && *to == host);
            Ok(told(ours, all.iter().map(|(preference, to)| format!("{preference} {to}"))))
        }
        LineData::Srv(wanted) => {
            let found = resolver.ask(&line.name, RecordKind::Srv)?;
            let all: Vec<_> = found
                .iter()
                .filter_map(|one| if let DnsRecord::Srv(port, to) = one { Some((*port, to.as_str())) } else { None })
                .collect();
            let ours = match wanted {
                Some((port, host)) => all.iter().any(|(at, to)| at == port && to == host),
                // "Not here" is said by a dot alone (RFC 6186 3.4).
                None => all.iter().any(|(_, to)| to.is_empty()),
            };
            Ok(told(ours, all.iter().map(|(port, to)| format!("{port} {}", if to.is_empty() { "." } else { to }))))
        }
        LineData::Cname(host) => {
            let found = [resolver.ask(&line.name, RecordKind::A)?, resolver.ask(&line.name, RecordKind::Aaaa)?].concat();
            let named = found.iter().any(|one| matches!(one, DnsRecord::Cname(to) if to == host));
            let theirs = addresses(&found);
            // Written as addresses it does the same.
            let same = || {
                Ok(!theirs.is_disjoint(&addresses(
                    &[resolver.ask(host, RecordKind::A)?, resolver.ask(host, RecordKind::Aaaa)?].concat(),
                )))
            };
            let ours = named || (!theirs.is_empty() && same()?);
            let names = found.iter().filter_map(|one| if let DnsRecord::Cname(to) = one { Some(to.clone()) } else { None });
            let names: BTreeSet<_> = names.chain(theirs.iter().map(IpAddr::to_string)).collect();
            Ok(told(ours, names.into_iter()))
        }
        LineData::TxtBegins(begin) => {
            let found = resolver.ask(&line.name, RecordKind::Txt)?;
            let ours = found.iter().any(|one| matches!(one, DnsRecord::Txt(text) if text.starts_with(begin)));
            // Other texts are nobody's business here.
            Ok((if ours { LineStanding::There } else { LineStanding::Missing }, String::new()))
        }
    }
}

fn addresses(found: &[DnsRecord]) -> BTreeSet<IpAddr> {
    found.iter().filter_map(|one| if let DnsRecord::Address(address) = one { Some(*address) } else { None }).collect()
}

fn told(ours: bool, found: impl Iterator<Item = String>) -> (LineStanding, String) {
    let found = found.take(4).collect::<Vec<_>>().join(", ");
    match (ours, found.is_empty()) {
        (true, _) => (LineStanding::There, String::new()),
        (false, true) => (LineStanding::Missing, String::new()),
        (false, false) => (LineStanding::Other, found),
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(200).collect()
}

/// For people.
pub(super) fn print(all: &[DomainChecked]) -> String {
    let mut text = String::new();
    for checked in all {
        if checked.is_well() {
            text += &format!("{}: every line is there\n", checked.domain);
            continue;
        }
        text += &format!("{}:\n", checked.domain);
        for line in &checked.lines {
            let (word, rest) = match line.standing {
                LineStanding::There => ("there", String::new()),
                LineStanding::Missing => ("missing", String::new()),
                LineStanding::Other => ("other", format!("   but {}", line.found)),
                LineStanding::Unknown => ("unknown", String::new()),
            };
            text += &format!("    {word:<8} {:<44} {:<5} {}{rest}\n", line.name, line.kind, line.wanted);
        }
    }
    let number = |with: LineStanding| all.iter().filter(|checked| checked.has(with)).count();
    let elsewhere =
        |checked: &&DomainChecked| checked.lines.iter().any(|line| line.kind == "MX" && line.standing == LineStanding::Other);
    let well = all.iter().filter(|checked| checked.is_well()).count();
    text += &format!("{well} of {} domains have every line.\n", all.len());
    for (count, words) in [
        (number(LineStanding::Missing), "without some line"),
        (all.iter().filter(elsewhere).count(), "whose mail goes elsewhere"),
        (number(LineStanding::Unknown), "of which not all could be asked"),
    ] {
        if count > 0 {
            text += &format!("{count} {words}.\n");
        }
    }
    text
}
