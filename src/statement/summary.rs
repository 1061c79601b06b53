//! Five lines for whoever reads no further. Each is made from the verdicts of the sentences that it sums up, and is as bad as the
//! worst of them.

use crate::audit::AuditReport;
use crate::audit::check::{AuditedServer, Holds};

use super::audited::held;
use super::line::StatementLine;
use super::machine::RuleVerdict;
use super::sentence::StatementPart;
use super::words::Words;

/// Each line, and the sentences that it sums up.
const LINES: [(&str, &[&str]); 3] = [
    ("not-written", &["connections", "correspondence", "programs", "failures"]),
    ("kept", &["book", "book-forgets", "sending"]),
    ("mail", &["mail-origin", "mail-login", "mail-program", "mail-message-id", "mail-date", "mail-language", "mail-bcc"]),
];

/// The five lines.
pub(super) fn lines(
    parts: &[(StatementPart, Vec<StatementLine>)],
    audit: Option<&AuditReport>,
    words: &Words,
) -> Vec<StatementLine> {
    let all = |names: &[&str]| {
        let said = parts.iter().flat_map(|(_, lines)| lines).filter(|line| names.contains(&line.name.as_str()));
        worst(said.map(|line| line.verdict))
    };
    let of = |part: StatementPart| {
        let lines = parts.iter().filter(|(own, _)| *own == part).flat_map(|(_, lines)| lines);
        worst(lines.filter(|line| line.name != "outputs" && line.name != "witness").map(|line| line.verdict))
    };
    let (servers, list) = servers(audit);
    let list = words.list(list.iter().map(|holds| words.holds(*holds)));
    let day = audit.map_or_else(String::new, |report| words.day(&report.made));
    let mut summed: Vec<_> = LINES.iter().map(|(name, sentences)| (*name, all(sentences))).collect();
    summed.extend([("servers", servers), ("machine", of(StatementPart::Machine))]);
    let line = |(name, verdict): (&str, RuleVerdict)| {
        let form = words.summary.get(name).map_or("", |forms| forms.of(verdict));
        let text = form.replace("{list}", &list).replace("{day}", &day);
        StatementLine { name: name.to_owned(), text, proof: String::new(), holds: verdict == RuleVerdict::Holds, verdict }
    };
    summed.into_iter().map(line).collect()
}

/// What the other servers write down, all together. Unknown where nobody looked at the relay and the mailbox server.
fn servers(audit: Option<&AuditReport>) -> (RuleVerdict, Vec<Holds>) {
    let Some(report) = audit else { return (RuleVerdict::Unknown, Vec::new()) };
    let mut list: Vec<_> = AuditedServer::ALL.iter().flat_map(|server| held(report, *server)).collect();
    let traces = report.canary.iter().flat_map(|canary| &canary.traces);
    list.extend(traces.filter_map(|trace| Holds::planted(&trace.planted)));
    list.sort_unstable();
    list.dedup();
    let read = report.has_read(AuditedServer::Dovecot) && report.has_read(AuditedServer::Postfix);
    match (list.is_empty(), read) {
        (false, _) => (RuleVerdict::Otherwise, list),
        (true, true) => (RuleVerdict::Holds, list),
        (true, false) => (RuleVerdict::Unknown, list),
    }
}

fn worst(verdicts: impl Iterator<Item = RuleVerdict>) -> RuleVerdict {
    let rank = |verdict: &RuleVerdict| match verdict {
        RuleVerdict::Holds => 0,
        RuleVerdict::Unknown => 1,
        RuleVerdict::Otherwise => 2,
    };
    verdicts.max_by_key(rank).unwrap_or(RuleVerdict::Holds)
}
