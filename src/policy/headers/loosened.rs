//! Where an admin's file does less than the built-in one: never left unsaid.

use std::collections::BTreeSet;

use super::{Action, HeaderRule, Headers, Malformed, NameEntry, UnknownFields, UnseenPayload, Writer};

const WRITERS: [Writer; 2] = [Writer::Person, Writer::Machine];

impl Headers {
    /// Names of the rules and settings of `built_in` that hold no longer, or for fewer fields; `unknown` also where a field is
    /// kept that `built_in` does not know. Dropping what was rewritten is not looser.
    pub fn loosened(&self, built_in: &Headers) -> Vec<String> {
        let mut names = Vec::new();
        if self.malformed != built_in.malformed && self.malformed == Malformed::Drop {
            names.push("malformed".to_owned());
        }
        // Above the bound a copy in Sent is kept as it is, so a smaller one scrubs less.
        if self.header_limit < built_in.header_limit {
            names.push("header_limit".to_owned());
        }
        if self.unseen_payload != built_in.unseen_payload && self.unseen_payload == UnseenPayload::Leave {
            names.push("unseen_payload".to_owned());
        }
        let unknown = self.unknown != built_in.unknown && self.unknown == UnknownFields::Keep;
        if unknown || self.keeps_what_is_unknown_to(built_in) {
            names.push("unknown".to_owned());
        }
        let loose = self.loose_rules(built_in);
        let rules = built_in.rules.iter().enumerate().filter(|(number, _)| loose.contains(number));
        names.extend(rules.map(|(_, rule)| rule.name.clone()));
        names
    }

    fn keeps_what_is_unknown_to(&self, built_in: &Headers) -> bool {
        let keeps = |own: &&NameEntry| self.of(own, None).action != Action::Drop;
        let mut exact = self.exact.iter().filter(keeps);
        // A family holds names that no exact rule of ours speaks of.
        let mut families = self.families.iter().filter(keeps);
        built_in.unknown == UnknownFields::Drop
            && (exact.any(|own| built_in.find(&own.text, own.profile).is_none())
                || families.any(|own| built_in.find_family(&own.text, own.profile).is_none()))
    }

    /// The numbers of rules of `built_in`.
    fn loose_rules(&self, built_in: &Headers) -> BTreeSet<usize> {
        let exact = built_in.exact.iter().map(|entry| (entry, false));
        let entries = exact.chain(built_in.families.iter().map(|entry| (entry, true)));
        entries.filter(|(entry, family)| self.is_looser(built_in, entry, *family)).map(|(entry, _)| entry.rule).collect()
    }

    fn is_looser(&self, built_in: &Headers, entry: &NameEntry, family: bool) -> bool {
        let profile = entry.profile;
        let ours = built_in.of(entry, None);
        if !family {
            return WRITERS.iter().any(|writer| looser(self.rule(&entry.text, profile, *writer), ours));
        }
        // A family: its start as such, and every more exact rule of ours inside of it.
        let start = |writer: &Writer| self.find_family(&entry.text, profile).unwrap_or(self.without_rule(*writer));
        let mut inside =
            self.exact.iter().chain(&self.families).filter(|own| own.profile == profile && own.text.starts_with(&entry.text));
        WRITERS.iter().any(|writer| looser(start(writer), ours))
            || inside.any(|own| looser(self.of(own, None), built_in.rule(&own.text, profile, Writer::Person)))
    }
}

/// Whether `own` does less than `built_in` does.
fn looser(own: HeaderRule<'_>, built_in: HeaderRule<'_>) -> bool {
    let more_words = own.action == built_in.action && own.list.iter().any(|word| !built_in.list.contains(word));
    let acts_less = own.action != built_in.action && own.action != Action::Drop && built_in.action != Action::Keep;
    // What a signature covers is left alone.
    let signs = own.action == Action::Signature && built_in.action != Action::Signature;
    acts_less || more_words || signs || built_in.signed_too && !own.signed_too
}

#[cfg(test)]
mod tests {
    use super::super::BUILT_IN;
    use super::*;

    fn loosened(text: &str) -> Vec<String> {
        match Headers::parse(text) {
            Ok(own) => own.loosened(&Headers::built_in()),
            Err(problems) => panic!("{problems:?}"),
        }
    }

    /// The built-in file with something in place of something that is there.
    fn with(old: &str, new: &str) -> String {
        assert!(BUILT_IN.contains(old), "{old}");
        BUILT_IN.replacen(old, new, 1)
    }

    #[test]
    fn an_override_is_told_where_it_is_looser() {
        assert!(loosened(BUILT_IN).is_empty());
        // A machine's mailbox would keep it.
        assert_eq!(loosened(&with("\"X-Mozilla-*\", ", "")), ["client-families"]);
        assert_eq!(loosened(&with("\"X-Mozilla-*\"", "\"X-Moz*\"")), [""; 0]);
        assert_eq!(loosened(&with("\"Organization\"", "\"Organization\", \"X-Mozilla-Keys\"")), ["client-families"]);
        assert_eq!(loosened(&BUILT_IN.replace("\"normalise-date\"", "\"drop\"")), [""; 0]);
        assert_eq!(loosened(&BUILT_IN.replace("\"normalise-date\"", "\"keep\"")), ["resent-date", "date"]);
        assert_eq!(loosened(&with("signed  = \"too\"\n", "")), ["blind-copies"]);
        assert_eq!(loosened(&with("malformed = \"refuse\"", "malformed = \"drop\"")), ["malformed"]);
    }

    #[test]
    fn to_keep_the_unknown_is_looser_as_a_setting_and_by_name() {
        assert_eq!(loosened(&with("unknown = \"drop\"", "unknown = \"keep\"")), ["unknown"]);
        assert_eq!(loosened(&with("\"Organization\"", "\"Organization\", \"X-New\"")), ["unknown"]);
        assert_eq!(loosened(&with("\"Organization\"", "\"Organization\", \"X-*\"")), ["unknown"]);
        // Also where the name alone is known.
        assert_eq!(loosened(&with("\"Subject\"", "\"Subject\", \"Subject*\"")), ["unknown"]);
        assert_eq!(loosened(&with("\"charset\"", "\"charset\", \"x-unix-mode\"")), ["content-type"]);
        assert_eq!(
            loosened(&with("action  = \"known-words\"", "action  = \"keep\"").replacen("words   =", "#", 1)),
            ["priority"]
        );
        let start = &BUILT_IN[..BUILT_IN.find("[[rule]]").unwrap_or_default()];
        let all = loosened(start);
        assert!(all.len() > 6 && !all.contains(&"subject".to_owned()) && !all.contains(&"unknown".to_owned()));
    }
}
