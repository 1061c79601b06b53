//! The words of the statement in one language.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::audit::check::{AuditedServer, Holds};
use crate::fault::Lang;

use super::machine::RuleVerdict;
use super::sentence::StatementPart;

const EN: &str = include_str!("../../policy/statement/en/sentences.toml");
const FR: &str = include_str!("../../policy/statement/fr/sentences.toml");

/// All words of one language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Of the whole.
    pub title: String,
    /// Under the title.
    pub introduction: String,
    /// With `{digest}`.
    pub digest: String,
    /// With `{list}`.
    pub loosened: String,
    /// On top, with `{day}`.
    pub made: String,
    /// On top, with `{contact}`.
    pub contact: String,
    /// Over the summary.
    pub in_short: String,
    /// Over what stands behind the sentences of a part.
    pub behind: String,
    /// Over what has changed, with `{day}`.
    pub since: String,
    /// With `{old}` and `{new}`.
    pub changed: String,
    /// With `{new}`.
    pub added: String,
    /// With `{old}`.
    pub gone: String,
    /// The rules changed.
    pub other_rules: String,
    /// Nothing did.
    pub unchanged: String,
    /// Between the last two of a list.
    pub and: String,
    months: [String; 12],
    headings: BTreeMap<String, String>,
    holds: BTreeMap<String, String>,
    servers: BTreeMap<String, String>,
    /// The five lines, by name.
    pub summary: BTreeMap<String, Forms>,
    /// By name.
    pub sentence: BTreeMap<String, Forms>,
}

/// The forms of a sentence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forms {
    /// What is said while it holds.
    pub holds: String,
    /// The honest opposite. Empty where there is none: then nothing is said.
    pub otherwise: String,
    /// What is said where nobody looked. Empty where somebody always does, or where another sentence says it.
    #[serde(default)]
    pub unknown: String,
}

impl Forms {
    /// The one for `verdict`.
    pub fn of(&self, verdict: RuleVerdict) -> &str {
        match verdict {
            RuleVerdict::Holds => &self.holds,
            RuleVerdict::Otherwise => &self.otherwise,
            RuleVerdict::Unknown => &self.unknown,
        }
    }
}

impl Words {
    /// Those of `lang`.
    pub fn of(lang: Lang) -> Words {
        let text = match lang {
            Lang::En => EN.to_owned(),
            // The sign that French print has; the file has the one that keyboards have.
            Lang::Fr => FR.replace('\'', "’"),
        };
        // Holds because the texts are constants, and a test reads both.
        toml::from_str(&text).unwrap_or_else(|_| unreachable!("policy/statement is checked by a test"))
    }

    /// The heading over a part.
    pub fn heading(&self, part: StatementPart) -> &str {
        self.headings.get(part.key()).map_or("", String::as_str)
    }

    /// What is written down, in words.
    pub fn holds(&self, holds: Holds) -> &str {
        self.holds.get(holds.word()).map_or("", String::as_str)
    }

    /// A server, by the name that people know it by.
    pub fn server(&self, server: AuditedServer) -> &str {
        self.servers.get(server.name()).map_or(server.name(), String::as_str)
    }

    /// The same within a sentence: an article is small there, and the name of a program stays as it is.
    pub fn server_inside(&self, server: AuditedServer) -> String {
        let name = self.server(server);
        let mut letters = name.chars();
        match letters.next().filter(|_| name != server.name()) {
            Some(first) => first.to_lowercase().chain(letters).collect(),
            None => name.to_owned(),
        }
    }

    /// `2027-03-01` as people write it. What is no day stays as it is.
    pub fn day(&self, day: &str) -> String {
        let parts: Vec<_> = day.split('-').collect();
        let [year, month, number] = parts.as_slice() else { return day.to_owned() };
        let month = month.parse::<usize>().ok().and_then(|month| self.months.get(month.checked_sub(1)?));
        let (Some(month), Ok(number)) = (month, number.parse::<u8>()) else { return day.to_owned() };
        // French says "le premier", and numbers from there on.
        let first = if number == 1 && self.and == " et " { "er" } else { "" };
        format!("{number}{first} {month} {year}")
    }

    /// `a, b and c`.
    pub fn list<'a>(&self, items: impl IntoIterator<Item = &'a str>) -> String {
        let mut items: Vec<&str> = items.into_iter().collect();
        let last = items.pop().unwrap_or_default();
        if items.is_empty() { last.to_owned() } else { format!("{}{}{last}", items.join(", "), self.and) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sentences::SENTENCES;
    use super::*;

    #[test]
    fn both_languages_have_all_words_and_the_same_places_to_fill() {
        let (en, fr) = (Words::of(Lang::En), Words::of(Lang::Fr));
        assert_eq!(en.sentence.keys().collect::<Vec<_>>(), fr.sentence.keys().collect::<Vec<_>>());
        assert_eq!(en.sentence.len(), SENTENCES.len());
        for words in [&en, &fr] {
            assert!(StatementPart::ALL.iter().all(|part| !words.heading(*part).is_empty()));
            assert!(Holds::ALL.iter().all(|holds| !words.holds(*holds).is_empty()));
            assert!(words.digest.contains("{digest}") && words.loosened.contains("{list}"));
        }
        assert_eq!(en.servers.keys().collect::<Vec<_>>(), fr.servers.keys().collect::<Vec<_>>());
        assert_eq!(en.summary.keys().collect::<Vec<_>>(), fr.summary.keys().collect::<Vec<_>>());
        let whole = SENTENCES.iter().map(|sentence| (sentence.name, &en.sentence[sentence.name], &fr.sentence[sentence.name]));
        let short = en.summary.iter().map(|(name, forms)| (name.as_str(), forms, &fr.summary[name]));
        for (name, en, fr) in whole.chain(short) {
            for (en, fr) in [(&en.holds, &fr.holds), (&en.otherwise, &fr.otherwise), (&en.unknown, &fr.unknown)] {
                assert_eq!(places(en), places(fr), "{name}");
                assert_eq!(en.is_empty(), fr.is_empty(), "{name}");
                assert!(en.is_empty() || en != fr, "{name} is not translated");
            }
        }
    }

    fn places(text: &str) -> Vec<&str> {
        let mut found: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        found.sort_unstable();
        found
    }

    /// In French a space stands before these signs. A plain one lets the sign begin a line alone.
    #[test]
    fn french_signs_stay_with_their_word() {
        for (number, line) in FR.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let alone = [" :", " ;", " !", " ?", " %", " »", "« "].into_iter().find(|sign| line.contains(sign));
            assert_eq!(alone, None, "line {}", number + 1);
        }
    }

    #[test]
    fn days() {
        assert_eq!(Words::of(Lang::En).day("2027-03-01"), "1 March 2027");
        assert_eq!(Words::of(Lang::Fr).day("2027-03-01"), "1er mars 2027");
        assert_eq!(Words::of(Lang::Fr).day("2027-08-22"), "22 août 2027");
        assert_eq!(Words::of(Lang::Fr).day("2027-13-22"), "2027-13-22");
    }

    #[test]
    fn lists() {
        let words = Words::of(Lang::Fr);
        assert_eq!(words.list(["a", "b", "c"]), "a, b et c");
        assert_eq!(words.list(["a"]), "a");
    }
}
