//! A sentence of the statement: its place, and what stands behind it. All of them are in `sentences`.

use crate::sandbox::{Probe, Unenforced};

/// A part of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementPart {
    /// What is kept.
    Kept,
    /// What is not kept.
    NotKept,
    /// What is taken out of mail.
    Mail,
    /// What holds the daemon to it.
    Machine,
    /// What the other servers write down.
    Servers,
    /// What nobody here can prevent.
    Limits,
}

impl StatementPart {
    /// All, in the order of the statement.
    pub const ALL: [StatementPart; 6] = [
        StatementPart::Kept,
        StatementPart::NotKept,
        StatementPart::Mail,
        StatementPart::Machine,
        StatementPart::Servers,
        StatementPart::Limits,
    ];

    /// Its key in the files of words.
    pub(super) fn key(self) -> &'static str {
        match self {
            StatementPart::Kept => "kept",
            StatementPart::NotKept => "not-kept",
            StatementPart::Mail => "mail",
            StatementPart::Machine => "machine",
            StatementPart::Servers => "servers",
            StatementPart::Limits => "limits",
        }
    }
}

/// HeldByRules of one file of the policy.
pub type HeldByRules = (&'static str, &'static [&'static str]);

/// How it is known whether a sentence is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By its rules alone: none is loosened.
    Policy,
    /// Its rule keeps fields: at least one of these is still sent.
    Sent(&'static [&'static str]),
    /// A setting of `headers.toml`: encrypted payloads are left alone.
    UnseenPayload,
    /// A test of this source: a file, and a function in it. What it holds cannot be switched off.
    Test(&'static str, &'static str),
    /// The kernel was asked for it, and tried where the daemon did not answer.
    Kernel(&'static [Unenforced], &'static [Probe]),
    /// No backend has `client_hint`: from the daemon, or from its config file.
    NoHint,
    /// A listener has `proxy_protocol`: somebody stands in front. Nothing is said where nobody does.
    Balancer,
    /// A listener for node: two machines hold the book. Nothing is said where there is one.
    Pair,
    /// The config has `[share]`: several nodes hold the book. Nothing is said where there is one.
    Shared,
    /// The config has `onion`: there is a listener without addresses. Nothing is said where there is none.
    Onion,
    /// Who looked at the machine.
    Witness,
    /// Where the daemon's outputs end.
    Outputs,
    /// The audit of settings, as a whole.
    Audit,
    /// The audit's canary.
    Canary,
    /// A check of the audit that tells what no setting can stop.
    Check(&'static str),
    /// Nothing here: it is outside of what any program can hold. It is said because silence would promise it.
    Outside,
}

/// One sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its key in the files of words.
    pub name: &'static str,
    /// Where it stands.
    pub part: StatementPart,
    /// The rules that it puts into words.
    pub rules: &'static [HeldByRules],
    /// What holds it up.
    pub proof: Proof,
}

impl Sentence {
    /// For the brackets behind it: its rules, then what was looked at.
    pub fn backing(&self) -> String {
        let mut parts: Vec<String> = self.rules.iter().map(|(file, names)| format!("{file}: {}", names.join(", "))).collect();
        match self.proof {
            Proof::Policy | Proof::Sent(_) | Proof::UnseenPayload => {}
            Proof::Test(file, name) => parts.push(format!("test: {file} {name}")),
            Proof::Kernel(needs, _) => {
                let words: Vec<_> = needs.iter().map(|rule| rule.word()).collect();
                parts.push(format!("kernel: {}", words.join(", ")));
            }
            Proof::NoHint => parts.push("setting: client_hint".to_owned()),
            Proof::Balancer => parts.push("setting: proxy_protocol".to_owned()),
            Proof::Pair => parts.push("setting: node".to_owned()),
            Proof::Shared => parts.push("setting: share".to_owned()),
            Proof::Onion => parts.push("setting: onion".to_owned()),
            Proof::Witness => parts.push("check: status, or check --sandbox".to_owned()),
            Proof::Outputs => parts.push("check: output-kept".to_owned()),
            Proof::Audit => parts.push("check: audit".to_owned()),
            Proof::Canary => parts.push("check: canary".to_owned()),
            Proof::Check(name) => parts.push(format!("check: {name}")),
            Proof::Outside => parts.push(format!("limit: {}", self.name)),
        }
        parts.join("; ")
    }
}
