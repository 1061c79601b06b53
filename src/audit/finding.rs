//! What the audit found: for people, and as JSON for machines and the statement.
//!
//! Absent on purpose: the values of settings. A setting may hold an address (`debug_peer_list`), and a report travels.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::check::{AuditedServer, Check, Holds, LeakKind};
use super::itself::{Itself, Tried};

/// One setting that would write a person down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The name of the check.
    pub check: String,
    /// The file, or the tool whose output was read.
    pub file: String,
    /// The line in it; none where the setting is absent and its default counts.
    pub line: Option<usize>,
    /// The setting.
    pub setting: String,
    /// What to write instead.
    pub instead: String,
}

impl Finding {
    /// A finding of `check` at `line` of `file`.
    pub fn new(check: &Check, file: &str, line: Option<usize>, setting: &str, instead: &str) -> Finding {
        let (file, setting, instead) = (file.to_owned(), setting.to_owned(), instead.to_owned());
        Finding { check: check.name.to_owned(), file, line, setting, instead }
    }
}

/// What one planted value turned up as. It says where to look, and nothing that stood around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trace {
    /// Which planted value, for example `subject`.
    pub planted: String,
    /// In which form: `plain`, `base64`, `session-id` ...
    pub form: String,
    /// The file.
    pub file: String,
    /// The first place in it, rounded down to 4096 octets.
    pub near: u64,
}

/// What the canary did and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The steps that were done.
    pub steps: Vec<String>,
    /// How many values were planted.
    pub planted: usize,
    /// How many files were searched.
    pub files: usize,
    /// Files that are compressed or encrypted, and were not looked into. Old ones, usually: what was just planted is not in them.
    pub closed: Vec<String>,
    /// Files and folders that could not be read: whatever is in them was not seen.
    pub unreadable: Vec<String>,
    /// What turned up.
    pub traces: Vec<Trace>,
}

/// The whole report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// The day it was made, `YYYY-MM-DD` in UTC.
    pub made: String,
    /// The servers whose settings were read.
    pub read: Vec<String>,
    /// What their settings write down.
    pub findings: Vec<Finding>,
    /// The canary, if it flew.
    pub canary: Option<Canary>,
    /// What was tried from inside the sandbox, if it was.
    #[serde(rename = "self", default)]
    pub itself: Option<Itself>,
}

impl AuditReport {
    /// Whether nothing was found that a setting could stop, no trace at all, nothing was left unread, and the sandbox refused all.
    pub fn is_clean(&self) -> bool {
        let flown_clean = |canary: &Canary| canary.traces.is_empty() && canary.unreadable.is_empty();
        self.leaks().next().is_none()
            && self.canary.as_ref().is_none_or(flown_clean)
            && self.itself.as_ref().is_none_or(Itself::is_clean)
    }

    /// Whether the settings of `server` were read.
    pub fn has_read(&self, server: AuditedServer) -> bool {
        self.read.iter().any(|name| name == server.name())
    }

    /// What a setting could stop.
    pub fn leaks(&self) -> impl Iterator<Item = &Finding> {
        self.of_kind(LeakKind::Leak)
    }

    /// The findings of one server, with what each check means. Findings of unknown checks are left out.
    pub fn of(&self, server: AuditedServer) -> impl Iterator<Item = (&Finding, &'static Check)> {
        let known = self.findings.iter().filter_map(|finding| Some((finding, Check::find(&finding.check)?)));
        known.filter(move |(_, check)| check.server == server)
    }

    /// For a person at a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for server in AuditedServer::ALL {
            if self.has_read(server) {
                self.server(server, &mut text);
            }
        }
        if let Some(canary) = &self.canary {
            canary.text(&mut text);
        }
        if let Some(itself) = &self.itself {
            itself.text(&mut text);
        }
        let leaks = self.leaks().count();
        let traces = self.canary.as_ref().map_or(0, |canary| canary.traces.len());
        let verdict = if self.is_clean() { "clean" } else { "NOT clean" };
        let possible = self.itself.iter().flat_map(|itself| &itself.tried).filter(|tried| !tried.refused).count();
        let _ = write!(text, "audit: {verdict}: {leaks} settings to change, {traces} traces, {possible} attempts not refused");
        let unsearched = self.canary.as_ref().map_or(0, |canary| canary.unreadable.len());
        let _ = if unsearched > 0 { writeln!(text, ", {unsearched} not searched") } else { writeln!(text) };
        text
    }

    fn of_kind(&self, kind: LeakKind) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| Check::find(&finding.check).is_none_or(|check| check.kind == kind))
    }

    // What one line cures is told together.
    fn server(&self, server: AuditedServer, text: &mut String) {
        let found: Vec<_> = self.of(server).collect();
        let _ = writeln!(text, "{}", server.name());
        if !found.iter().any(|(_, check)| check.kind == LeakKind::Leak) {
            text.push_str("  no setting writes a person down\n");
        }
        let mut told: Vec<&Finding> = Vec::new();
        for (finding, check) in &found {
            if told.contains(finding) {
                continue;
            }
            let place = finding.line.map_or_else(|| "not set, default".to_owned(), |line| format!("line {line}"));
            let remains = if check.kind == LeakKind::Remains { "remains: " } else { "" };
            let _ = writeln!(text, "  {remains}{} ({}, {place})", finding.setting, finding.file);
            let same = |other: &Finding| {
                (&other.file, other.line, &other.setting, &other.instead)
                    == (&finding.file, finding.line, &finding.setting, &finding.instead)
            };
            for (other, check) in found.iter().filter(|(other, _)| same(other)) {
                let holds: Vec<_> = check.holds.iter().map(|holds: &Holds| holds.word()).collect();
                let _ = writeln!(text, "    {} [{}]\n      {}", check.name, holds.join(" "), check.writes);
                told.push(other);
            }
            for line in finding.instead.lines() {
                let _ = writeln!(text, "    -> {line}");
            }
        }
    }
}

impl Itself {
    fn text(&self, text: &mut String) {
        let _ = writeln!(text, "nologd itself, with the policy {}", self.policy);
        for rule in &self.loosened {
            let _ = writeln!(text, "  loosened: {rule}");
        }
        for rule in &self.not_enforced {
            let _ = writeln!(text, "  not enforced: {rule}");
        }
        for Tried { what, refused } in &self.tried {
            let outcome = if *refused { "refused" } else { "POSSIBLE" };
            let _ = writeln!(text, "  {outcome}: {what}");
        }
    }
}

impl Canary {
    fn text(&self, text: &mut String) {
        let _ = writeln!(text, "Canary\n  {} values planted: {}", self.planted, self.steps.join(", "));
        let _ = writeln!(text, "  {} files searched", self.files);
        for file in &self.closed {
            let _ = writeln!(text, "  not searched, compressed: {file}");
        }
        for file in &self.unreadable {
            let _ = writeln!(text, "  NOT SEARCHED, could not be read: {file}");
        }
        for Trace { planted, form, file, near } in &self.traces {
            let _ = writeln!(text, "  FOUND: {planted} ({form}) in {file}, after octet {near}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn one_cure_is_told_once_with_all_that_it_cures() {
        let finding = |check| Finding::new(check, "main.cf", None, "maillog_file", "maillog_file = /dev/null");
        let report = AuditReport {
            read: vec!["Postfix".into()],
            findings: vec![finding(&check::POSTFIX_SESSIONS), finding(&check::POSTFIX_ENVELOPES)],
            ..AuditReport::default()
        };
        let text = report.text();
        assert_eq!(text.matches("-> maillog_file").count(), 1, "{text}");
        assert!(text.contains("postfix-session-lines") && text.contains("postfix-envelope-lines"), "{text}");
        assert!(text.ends_with("audit: NOT clean: 2 settings to change, 0 traces, 0 attempts not refused\n"), "{text}");
    }

    #[test]
    fn a_loosened_policy_is_told() {
        let itself = Itself { loosened: vec!["unknown of headers.toml".into()], ..Itself::default() };
        let text = AuditReport { itself: Some(itself), ..AuditReport::default() }.text();
        assert!(text.contains("\n  loosened: unknown of headers.toml\n"), "{text}");
    }

    #[test]
    fn what_no_setting_can_stop_is_told_and_is_no_failure() {
        let remains = Finding::new(&check::POSTFIX_QUEUE, "main.cf", None, "queue_directory", "");
        let mut report = AuditReport { read: vec!["Postfix".into()], findings: vec![remains], ..AuditReport::default() };
        assert!(report.is_clean() && report.text().contains("remains: queue_directory"));
        report.canary = Some(Canary::default());
        assert!(report.is_clean());
        let trace = Trace { planted: "subject".into(), form: "plain".into(), file: "mail.log".into(), near: 0 };
        report.canary = Some(Canary { traces: vec![trace], ..Canary::default() });
        assert!(!report.is_clean());
        report.canary = Some(Canary { unreadable: vec!["mail.log".into()], ..Canary::default() });
        assert!(!report.is_clean(), "what was not seen is not clean");
        assert!(report.text().ends_with(", 1 not searched\n"), "{}", report.text());
    }
}
