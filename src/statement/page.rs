//! The statement put together, and its two forms: text and HTML.

use std::fmt::Write as _;

use crate::audit::Report;
use crate::audit::check::{Holds, Kind, Server};
use crate::fault::Lang;
use crate::policy::headers::{Action, Profile, UnseenPayload, Writer};

use super::InForce;
use super::machine::Verdict;
use super::sentence::{Part, Proof, SENTENCES, Sentence};
use super::words::Words;

const WIDTH: usize = 92;

/// The whole statement.
pub struct Page {
    lang: Lang,
    title: String,
    introduction: String,
    digest: String,
    loosened: Option<String>,
    parts: Vec<(String, Vec<Line>)>,
}

/// One sentence as it is said.
pub struct Line {
    /// The words.
    pub text: String,
    /// What stands behind it.
    pub proof: String,
    /// The rule holds; otherwise this is the opposite, or says that nobody looked.
    pub holds: bool,
}

impl Page {
    /// What `in_force` allows to say.
    pub fn new(in_force: &InForce, lang: Lang) -> Page {
        let words = Words::of(lang);
        let loosened = in_force.loosened();
        let parts = Part::ALL.iter().map(|part| {
            let sentences = SENTENCES.iter().filter(|sentence| sentence.part == *part);
            (words.heading(*part).to_owned(), sentences.flat_map(|sentence| lines(sentence, in_force, &words)).collect())
        });
        Page {
            lang,
            parts: parts.collect(),
            title: words.title.clone(),
            introduction: words.introduction.clone(),
            digest: words.digest.replace("{digest}", in_force.policy.digest()),
            loosened: (!loosened.is_empty())
                .then(|| words.loosened.replace("{list}", &words.list(loosened.iter().map(String::as_str)))),
        }
    }

    /// All sentences, in order.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.parts.iter().flat_map(|(_, lines)| lines)
    }

    /// For a terminal or a letter.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.title, "=".repeat(self.title.chars().count()));
        wrap(&self.introduction, "", &mut text);
        if let Some(loosened) = &self.loosened {
            text.push('\n');
            wrap(loosened, "", &mut text);
        }
        for (heading, lines) in &self.parts {
            let _ = write!(text, "\n{heading}\n{}\n\n", "-".repeat(heading.chars().count()));
            for line in lines {
                wrap(&format!("{} [{}]", line.text, line.proof), "- ", &mut text);
            }
        }
        let _ = write!(text, "\n{}\n", self.digest);
        text
    }

    /// A page of its own, without scripts, pictures or anything from elsewhere.
    pub fn html(&self) -> String {
        let lang = self.lang.word();
        let title = escape(&self.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>body {{ max-width: 42rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif }} \
             code {{ font-size: .8rem; color: #555 }} .not {{ font-weight: bold }}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{}</p>\n",
            escape(&self.introduction)
        );
        if let Some(loosened) = &self.loosened {
            let _ = writeln!(html, "<p class=\"not\">{}</p>", escape(loosened));
        }
        for (heading, lines) in &self.parts {
            let _ = writeln!(html, "<h2>{}</h2>\n<ul>", escape(heading));
            for Line { text, proof, holds } in lines {
                let class = if *holds { "" } else { " class=\"not\"" };
                let _ = writeln!(html, "<li{class}>{} <code>[{}]</code></li>", escape(text), escape(proof));
            }
            html.push_str("</ul>\n");
        }
        let _ = write!(html, "<p><code>{}</code></p>\n</body>\n</html>\n", escape(&self.digest));
        html
    }
}

/// A sentence as it is said; none where it has nothing to say; several for those about servers.
fn lines(sentence: &Sentence, in_force: &InForce, words: &Words) -> Vec<Line> {
    let audit = in_force.audit.as_ref();
    let one = |verdict: Verdict| vec![(verdict, Vec::new())];
    let said: Said = match sentence.proof {
        _ if in_force.has_loosened(sentence) => one(Verdict::Otherwise),
        Proof::Policy | Proof::Test(..) | Proof::Outside => one(Verdict::Holds),
        Proof::Sent(fields) => {
            let headers = &in_force.policy.headers;
            let rule = |field: &str| headers.rule(field.as_bytes(), Profile::Submission, Writer::Person);
            one(fields.iter().any(|field| rule(field).action == Action::Keep).into())
        }
        Proof::UnseenPayload => one((in_force.policy.headers.unseen_payload() == UnseenPayload::Leave).into()),
        Proof::Kernel(needs, attempts) => one(in_force.machine.grants(needs, attempts)),
        Proof::NoHint => one(in_force.hinted.map_or(Verdict::Unknown, |hinted| (!hinted).into())),
        Proof::Witness => one(in_force.machine.witness()),
        Proof::Outputs => one(in_force.machine.output()),
        Proof::Check(name) => {
            let found = audit.is_some_and(|report| report.findings.iter().any(|finding| finding.check == name));
            if found { one(Verdict::Otherwise) } else { Vec::new() }
        }
        Proof::Audit => by_audit(sentence.name, audit, words),
        Proof::Canary => by_canary(sentence.name, audit, words),
    };
    let forms = words.sentence.get(sentence.name);
    let said = said.into_iter().filter_map(|(verdict, places)| {
        let form = forms.map(|forms| forms.of(verdict)).filter(|form| !form.is_empty())?;
        let text = places.iter().fold(form.to_owned(), |text, (place, value)| text.replace(place, value));
        Some(Line { text, proof: sentence.backing(), holds: verdict == Verdict::Holds })
    });
    said.collect()
}

type Said = Vec<(Verdict, Vec<(&'static str, String)>)>;

fn by_audit(name: &str, audit: Option<&Report>, words: &Words) -> Said {
    let Some(report) = audit else { return if name == "audit" { vec![(Verdict::Otherwise, Vec::new())] } else { Vec::new() } };
    let writers = [Server::Dovecot, Server::Postfix, Server::Nginx, Server::Roundcube];
    match name {
        "audit" if report.read.is_empty() => vec![(Verdict::Otherwise, Vec::new())],
        "audit" => {
            let servers = words.list(report.read.iter().map(String::as_str));
            vec![(Verdict::Holds, vec![("{day}", words.day(&report.made)), ("{servers}", servers)])]
        }
        "server-clean" => {
            let read = Server::ALL.iter().filter(|server| report.has_read(**server));
            read.map(|server| {
                let held = held(report, *server);
                let list = words.list(held.iter().map(|holds| words.holds(*holds)));
                (held.is_empty().into(), vec![("{server}", server.name().to_owned()), ("{list}", list)])
            })
            .collect()
        }
        _ => {
            let unread = writers.iter().filter(|server| !report.has_read(**server));
            unread.map(|server| (Verdict::Otherwise, vec![("{server}", server.name().to_owned())])).collect()
        }
    }
}

/// What the settings of `server` let it write down.
fn held(report: &Report, server: Server) -> Vec<Holds> {
    let leaks = report.of(server).filter(|(_, check)| check.kind == Kind::Leak);
    let mut held: Vec<_> = leaks.flat_map(|(_, check)| check.holds.iter().copied()).collect();
    held.sort_unstable();
    held.dedup();
    held
}

fn by_canary(name: &str, audit: Option<&Report>, words: &Words) -> Said {
    let flown = audit.and_then(|report| Some((report, report.canary.as_ref()?)));
    let Some((report, canary)) = flown else {
        return if name == "canary" { vec![(Verdict::Otherwise, Vec::new())] } else { Vec::new() };
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
        ("canary-found", false) => vec![(Verdict::Otherwise, places)],
        _ => Vec::new(),
    }
}

fn wrap(text: &str, bullet: &str, out: &mut String) {
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column == 0 {
            out.push_str(bullet);
            column = bullet.len();
        } else if column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(bullet.len()));
            column = bullet.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
