//! The statement put together: which sentences are said in which form, and in which order. Its forms are in `text`, `html` and
//! `record`.

use crate::fault::Lang;
use crate::policy::headers::{Action, Profile, UnseenPayload, Writer};

use super::audited::{SERVER, Said, by_audit, by_canary};
use super::in_force::InForce;
use super::line::{Letterhead, StatementLine};
use super::machine::RuleVerdict;
use super::record::{RecordedSentence, Snapshot, language, word};
use super::sentence::{Proof, Sentence, StatementPart};
use super::sentences::SENTENCES;
use super::since::Changes;
use super::summary;
use super::words::Words;

/// The whole statement.
pub struct Page {
    pub(super) lang: Lang,
    pub(super) words: Words,
    pub(super) head: Letterhead,
    pub(super) digest: String,
    pub(super) loosened: Option<String>,
    pub(super) summary: Vec<StatementLine>,
    pub(super) changes: Option<Changes>,
    pub(super) parts: Vec<(StatementPart, Vec<StatementLine>)>,
}

impl Page {
    /// What `in_force` allows to say.
    pub fn new(in_force: &InForce, lang: Lang) -> Page {
        let words = Words::of(lang);
        let loosened = in_force.loosened();
        let part = |part: &StatementPart| {
            let sentences = SENTENCES.iter().filter(|sentence| sentence.part == *part);
            (*part, sentences.flat_map(|sentence| lines(sentence, in_force, &words)).collect::<Vec<_>>())
        };
        let mut parts: Vec<_> = StatementPart::ALL.iter().map(part).collect();
        let summary = summary::lines(&parts, in_force.audit.as_ref(), &words);
        worst_first(&mut parts);
        Page {
            lang,
            parts,
            summary,
            head: Letterhead::default(),
            changes: None,
            digest: words.digest.replace("{digest}", in_force.policy.digest()),
            loosened: (!loosened.is_empty())
                .then(|| words.loosened.replace("{list}", &words.list(loosened.iter().map(String::as_str)))),
            words,
        }
    }

    /// With what stands on top.
    #[must_use]
    pub fn with_head(self, head: Letterhead) -> Page {
        Page { head, ..self }
    }

    /// With what has changed since an earlier one.
    #[must_use]
    pub fn with_changes(self, changes: Changes) -> Page {
        Page { changes: Some(changes), ..self }
    }

    /// All sentences, in order; those of the summary are not among them.
    pub fn lines(&self) -> impl Iterator<Item = &StatementLine> {
        self.parts.iter().flat_map(|(_, lines)| lines)
    }

    /// For machines.
    pub fn record(&self) -> Snapshot {
        let Letterhead { host, contact, made } = self.head.clone();
        let told = self.lines().map(|line| RecordedSentence {
            name: line.name.clone(),
            verdict: word(line.verdict).to_owned(),
            text: line.text.clone(),
            proof: line.proof.clone(),
        });
        let lang = language(self.lang).to_owned();
        Snapshot { made, host, contact, lang, digest: self.digest.clone(), sentences: told.collect() }
    }

    /// The lines under the title: host, day, contact; what is known of them.
    pub(super) fn top(&self) -> Vec<String> {
        let Letterhead { host, contact, made } = &self.head;
        let words = &self.words;
        let made = (!made.is_empty()).then(|| words.made.replace("{day}", &words.day(made)));
        let contact = contact.as_ref().map(|contact| words.contact.replace("{contact}", contact));
        host.clone().into_iter().chain(made).chain(contact).collect()
    }
}

/// What other servers write down comes before anything else, if they do; and within it what does not hold, the relay and the web
/// server before the others.
fn worst_first(parts: &mut [(StatementPart, Vec<StatementLine>)]) {
    let Some(at) = parts.iter().position(|(part, _)| *part == StatementPart::Servers) else { return };
    parts[at].1.sort_by_key(|line| match line.verdict {
        RuleVerdict::Otherwise if line.name.contains(':') => 0,
        RuleVerdict::Otherwise | RuleVerdict::Unknown => 1,
        RuleVerdict::Holds => 2,
    });
    if parts[at].1.iter().any(|line| line.name.starts_with("server-clean:") && !line.holds) {
        parts[..=at].rotate_right(1);
    }
}

/// A sentence as it is said; none where it has nothing to say; several for those about servers.
fn lines(sentence: &Sentence, in_force: &InForce, words: &Words) -> Vec<StatementLine> {
    let audit = in_force.audit.as_ref();
    let one = |verdict: RuleVerdict| vec![(verdict, Vec::new())];
    let said: Said = match sentence.proof {
        _ if in_force.has_loosened(sentence) => one(RuleVerdict::Otherwise),
        Proof::Policy | Proof::Test(..) | Proof::Outside => one(RuleVerdict::Holds),
        Proof::Sent(fields) => {
            let headers = &in_force.policy.headers;
            let rule = |field: &str| headers.rule(field.as_bytes(), Profile::Submission, Writer::Person);
            one(fields.iter().any(|field| rule(field).action == Action::Keep).into())
        }
        Proof::UnseenPayload => one((in_force.policy.headers.unseen_payload() == UnseenPayload::Leave).into()),
        Proof::Kernel(needs, attempts) => one(in_force.machine.grants(needs, attempts)),
        Proof::NoHint => one(in_force.hinted.map_or(RuleVerdict::Unknown, |hinted| (!hinted).into())),
        Proof::Pair if in_force.front.pair => one(RuleVerdict::Holds),
        Proof::Shared if in_force.front.shared => one(RuleVerdict::Holds),
        Proof::Pair | Proof::Shared => Vec::new(),
        Proof::Balancer if in_force.front.balancers => one(RuleVerdict::Holds),
        Proof::Balancer => Vec::new(),
        Proof::Onion => {
            let onion = in_force.front.onion.iter();
            onion.map(|name| (RuleVerdict::Holds, vec![("{onion}", name.clone())])).collect()
        }
        Proof::Witness => one(in_force.machine.witness()),
        Proof::Outputs => one(in_force.machine.output()),
        Proof::Check(name) => {
            let found = audit.is_some_and(|report| report.findings.iter().any(|finding| finding.check == name));
            if found { one(RuleVerdict::Otherwise) } else { Vec::new() }
        }
        Proof::Audit => by_audit(sentence.name, audit, words),
        Proof::Canary => by_canary(sentence.name, audit, words),
    };
    let forms = words.sentence.get(sentence.name);
    let said = said.into_iter().filter_map(|(verdict, places)| {
        let form = forms.map(|forms| forms.of(verdict)).filter(|form| !form.is_empty())?;
        let text = places.iter().fold(form.to_owned(), |text, (place, value)| text.replace(place, value));
        let server = places.iter().find(|(place, _)| *place == SERVER).map(|(_, server)| server);
        let name = server.map_or_else(|| sentence.name.to_owned(), |server| format!("{}:{server}", sentence.name));
        Some(StatementLine { name, text, proof: sentence.backing(), holds: verdict == RuleVerdict::Holds, verdict })
    });
    said.collect()
}
