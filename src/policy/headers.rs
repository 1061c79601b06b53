//! `policy/headers.toml`: what is done to each header field, as a lookup by name.
//!
//! An admin's file replaces the built-in one as a whole and passes the same checks; [`Headers::loosened`] then names what it
//! no longer does, for status, statement and audit (DESIGN section 5, rule 7).

use std::cmp::Reverse;

use serde::Deserialize;
use toml::Spanned;

use super::Problem;

/// The built-in file.
pub const BUILT_IN: &str = include_str!("../../policy/headers.toml");

/// No RFC bounds a field name but by the line of 998 octets (RFC 5322 2.1.1); longer ones are treated as nameless.
const NAME_LIMIT: usize = 128;

/// Octets a header block may be bounded to. Below, real mail is refused; above, sessions use too much memory.
const HEADER_LIMITS: std::ops::RangeInclusive<usize> = 4096..=1_048_576;

/// Where a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A message on its way out.
    Submission,
    /// The member's own copy, appended to the Sent mailbox.
    Sent,
}

/// What is done to a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing: byte for byte.
    #[default]
    Keep,
    /// The field goes, with its folds.
    Drop,
    /// Same instant, in +0000.
    NormaliseDate,
    /// Keyed hash of the old identifier.
    RewriteMessageId,
    /// Comments go out of MIME-Version.
    PlainVersion,
}

/// What is done to a field in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// What is done.
    pub action: Action,
    /// It is done even if a signature in the message covers the field.
    pub signed_too: bool,
}

/// What becomes of a line that is no header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Malformed {
    /// The message is refused.
    Refuse,
    /// The line goes, with its folds.
    Drop,
}

/// What an encrypted or opaquely signed payload, which may hold protected headers, does to the outer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnseenPayload {
    /// They stay, as if the payload protected them.
    Leave,
    /// They are scrubbed, as if it did not.
    Scrub,
}

/// The rules in force.
#[derive(Clone)]
pub struct Headers {
    exact: Vec<Entry>,
    families: Vec<Entry>,
    reasons: Vec<(String, String)>,
    header_limit: usize,
    malformed: Malformed,
    unseen_payload: UnseenPayload,
}

impl Headers {
    /// The rules that are compiled in.
    pub fn built_in() -> Headers {
        // Holds because the text is a constant, and a test below reads it.
        Headers::parse(BUILT_IN).unwrap_or_else(|_| unreachable!("policy/headers.toml is checked by a test"))
    }

    /// Reads a policy file. Unknown keys are errors.
    ///
    /// # Errors
    /// Everything that is wrong with it; of mere TOML mistakes, the first one.
    pub fn parse(text: &str) -> Result<Headers, Vec<Problem>> {
        let file: File = toml::from_str(text).map_err(|error| vec![Problem::from_toml(text, &error)])?;
        let mut problems = Vec::new();
        let limit = *file.header_limit.get_ref();
        if !HEADER_LIMITS.contains(&limit) {
            let text_of = format!("must be from {} to {} octets", HEADER_LIMITS.start(), HEADER_LIMITS.end());
            problems.push(Problem::at(text, file.header_limit.span().start, "header_limit", text_of));
        }
        // The key stays, so that the file says what is done and older files are still read.
        if file.bare_line_ends.get_ref() != "refuse" {
            let text_of = "must be \"refuse\": to put CRLF in their place would change the body, and what a signature covers";
            problems.push(Problem::at(text, file.bare_line_ends.span().start, "bare_line_ends", text_of));
        }
        let mut headers = Headers {
            exact: Vec::new(),
            families: Vec::new(),
            reasons: Vec::new(),
            header_limit: limit,
            malformed: file.malformed,
            unseen_payload: file.unseen_payload,
        };
        for rule in &file.rule {
            headers.add(rule, text, &mut problems);
        }
        headers.exact.sort_by(|a, b| a.text.cmp(&b.text));
        headers.families.sort_by_key(|family| Reverse(family.text.len()));
        if problems.is_empty() { Ok(headers) } else { Err(problems) }
    }

    /// What is done to the field called `name`, in any case of letters. The more exact rule wins; without one, `Keep`.
    pub fn rule(&self, name: &[u8], profile: Profile) -> Rule {
        let mut buffer = [0; NAME_LIMIT];
        let Some(lower) = buffer.get_mut(..name.len()) else { return Rule::default() };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.find(lower, profile).unwrap_or_default()
    }

    /// The bound of a header block in octets, its blank line included.
    pub fn header_limit(&self) -> usize {
        self.header_limit
    }

    /// What becomes of lines that are no field, at submission.
    pub fn malformed(&self) -> Malformed {
        self.malformed
    }

    /// What a payload that cannot be seen does to the outer Date and Message-ID.
    pub fn unseen_payload(&self) -> UnseenPayload {
        self.unseen_payload
    }

    /// Name and reason of each rule, in the order of the file, for the statement.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reasons.iter().map(|(name, reason)| (name.as_str(), reason.as_str()))
    }

    /// Names of the rules and settings of `built_in` that hold no longer, or for fewer fields. Dropping what was rewritten
    /// is not looser.
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
        for (number, (name, _)) in built_in.reasons.iter().enumerate() {
            let entries = built_in.exact.iter().map(|entry| (entry, false));
            let families = built_in.families.iter().map(|entry| (entry, true));
            let mut own = entries.chain(families).filter(|(entry, _)| entry.rule_number == number);
            if own.any(|(entry, family)| self.is_looser(built_in, entry, family)) {
                names.push(name.clone());
            }
        }
        names
    }

    fn is_looser(&self, built_in: &Headers, entry: &Entry, family: bool) -> bool {
        let profile = entry.profile;
        if !family {
            return looser(self.find(&entry.text, profile), Some(entry.rule));
        }
        // A family: its start as such, and every more exact rule of ours inside of it.
        let inside =
            self.exact.iter().chain(&self.families).filter(|own| own.profile == profile && own.text.starts_with(&entry.text));
        looser(self.find_family(&entry.text, profile), Some(entry.rule))
            || inside.into_iter().any(|own| looser(Some(own.rule), built_in.find(&own.text, profile)))
    }

    fn find(&self, lower: &[u8], profile: Profile) -> Option<Rule> {
        let start = self.exact.partition_point(|entry| *entry.text < *lower);
        let same = self.exact.get(start..)?.iter().take_while(|entry| *entry.text == *lower);
        let exact = same.into_iter().find(|entry| entry.profile == profile).map(|entry| entry.rule);
        exact.or_else(|| self.find_family(lower, profile))
    }

    fn find_family(&self, lower: &[u8], profile: Profile) -> Option<Rule> {
        let mut families = self.families.iter();
        families.find(|family| family.profile == profile && lower.starts_with(&family.text)).map(|family| family.rule)
    }

    fn add(&mut self, rule: &FileRule, source: &str, problems: &mut Vec<Problem>) {
        let mut wrong = |value: &Spanned<String>, text: &str| {
            problems.push(Problem::at(source, value.span().start, value.get_ref(), text));
        };
        if self.reasons.iter().any(|(name, _)| name == rule.name.get_ref()) || rule.name.get_ref().is_empty() {
            wrong(&rule.name, "each rule needs a name of its own");
        }
        if rule.reason.get_ref().trim().is_empty() {
            wrong(&rule.reason, "a rule needs a reason");
        }
        let rule_number = self.reasons.len();
        self.reasons.push((rule.name.get_ref().clone(), rule.reason.get_ref().clone()));
        for field in &rule.fields {
            let (text, family) = match field.get_ref().strip_suffix('*') {
                Some(start) => (start, true),
                None => (field.get_ref().as_str(), false),
            };
            if !is_name(text) {
                wrong(field, "is not a field name, or the start of one with a `*` at its end");
                continue;
            }
            let text: Box<[u8]> = text.to_ascii_lowercase().into_bytes().into();
            let list = if family { &mut self.families } else { &mut self.exact };
            for profile in rule.r#where.profiles() {
                if list.iter().any(|entry| entry.profile == *profile && entry.text == text) {
                    wrong(field, "is named twice for the same place");
                    break;
                }
                let action = Rule { action: rule.action, signed_too: rule.signed == Signed::Too };
                list.push(Entry { text: text.clone(), profile: *profile, rule: action, rule_number });
            }
        }
    }
}

/// One name, or one start of names, in one place.
#[derive(Clone)]
struct Entry {
    /// In lower case, without the `*`.
    text: Box<[u8]>,
    profile: Profile,
    rule: Rule,
    rule_number: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    header_limit: Spanned<usize>,
    malformed: Malformed,
    bare_line_ends: Spanned<String>,
    unseen_payload: UnseenPayload,
    #[serde(default)]
    rule: Vec<FileRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    name: Spanned<String>,
    fields: Vec<Spanned<String>>,
    action: Action,
    r#where: Where,
    #[serde(default)]
    signed: Signed,
    reason: Spanned<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Where {
    Both,
    Sent,
    Submission,
}

impl Where {
    fn profiles(self) -> &'static [Profile] {
        match self {
            Where::Both => &[Profile::Submission, Profile::Sent],
            Where::Sent => &[Profile::Sent],
            Where::Submission => &[Profile::Submission],
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Signed {
    #[default]
    Untouched,
    Too,
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_LIMIT && text.bytes().all(|b| matches!(b, 33..=126) && b != b':' && b != b'*')
}

/// Whether `own` does less than `built_in` does.
fn looser(own: Option<Rule>, built_in: Option<Rule>) -> bool {
    let (own, built_in) = (own.unwrap_or_default(), built_in.unwrap_or_default());
    let acts_less = own.action != built_in.action && own.action != Action::Drop && built_in.action != Action::Keep;
    acts_less || built_in.signed_too && !own.signed_too
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str =
        "header_limit = 262144\nmalformed = \"refuse\"\nbare_line_ends = \"refuse\"\nunseen_payload = \"leave\"\n";

    fn problems(text: &str) -> Vec<Problem> {
        Headers::parse(text).err().unwrap_or_default()
    }

    #[test]
    fn the_built_in_file_is_right() {
        assert_eq!(problems(BUILT_IN), []);
        let headers = Headers::built_in();
        let action = |name: &str, profile| headers.rule(name.as_bytes(), profile).action;
        assert_eq!(action("bcc", Profile::Submission), Action::Drop);
        assert_eq!(action("Bcc", Profile::Sent), Action::Keep);
        assert_eq!(action("X-MOZILLA-Draft-Info", Profile::Sent), Action::Drop);
        assert_eq!(action("X-Mozilla", Profile::Sent), Action::Keep);
        assert_eq!(action("Resent-Message-Id", Profile::Sent), Action::RewriteMessageId);
        assert_eq!(action("References", Profile::Submission), Action::Keep);
        assert_eq!(action(&"X".repeat(500), Profile::Submission), Action::Keep);
        assert!(headers.reasons().all(|(name, reason)| !name.is_empty() && reason.ends_with('.')));
    }

    #[test]
    fn what_must_never_be_acted_on_by_default() {
        let headers = Headers::built_in();
        for name in [
            "From",
            "To",
            "Cc",
            "Subject",
            "Reply-To",
            "Sender",
            "In-Reply-To",
            "References",
            "List-Id",
            "List-Unsubscribe",
            "Autocrypt",
            "Auto-Submitted",
            "Precedence",
            "Content-Type",
            "Content-Transfer-Encoding",
            "DKIM-Signature",
            "ARC-Seal",
            "Chat-Version",
            "Archived-At",
            "X-Priority",
            "Importance",
            "Openpgp",
            "X-Loop",
        ] {
            for profile in [Profile::Submission, Profile::Sent] {
                assert_eq!(headers.rule(name.as_bytes(), profile), Rule::default(), "{name}");
            }
        }
    }

    #[test]
    fn mistakes_are_told_with_line_and_key() {
        let told = |text: &str| {
            let all = problems(text);
            assert!(!all.is_empty(), "{text}");
            all.iter().map(|problem| format!("{} {}", problem.line, problem.key)).collect::<Vec<_>>().join(", ")
        };
        let rule = |fields: &str, rest: &str| {
            format!(
                "{START}[[rule]]\nname = \"a\"\nfields = {fields}\naction = \"drop\"\nwhere = \"both\"\nreason = \"b\"\n{rest}"
            )
        };
        assert_eq!(told(&rule("[\"X-A\"]", "colour = 1")), "11 colour");
        assert_eq!(told(&rule("[\"X A\", \"*\", \"X-B*\", \"X-B*\"]", "")), "7 X A, 7 *, 7 X-B*");
        assert_eq!(told(&START.replace("262144", "1")), "1 header_limit");
        assert_eq!(told(&START.replace("bare_line_ends = \"refuse\"", "bare_line_ends = \"normalise\"")), "3 bare_line_ends");
        assert_eq!(told(&START.replace("\"leave\"", "\"maybe\"")), "4 \"maybe\"");
        assert!(Headers::parse(&rule("[\"X-A\", \"X-A*\"]", "")).is_ok());
    }

    #[test]
    fn an_override_is_told_where_it_is_looser() {
        let built_in = Headers::built_in();
        let loosened = |text: &str| match Headers::parse(text) {
            Ok(own) => own.loosened(&built_in),
            Err(problems) => panic!("{problems:?}"),
        };
        assert!(loosened(BUILT_IN).is_empty());
        assert_eq!(loosened(&BUILT_IN.replace("\"X-Mozilla-*\", ", "")), ["client-families"]);
        assert_eq!(loosened(&BUILT_IN.replace("\"X-Mozilla-*\"", "\"X-Moz*\"")), [""; 0]);
        let exception = BUILT_IN.replace("\"Organization\"", "\"X-Mozilla-Keys\"");
        assert_eq!(loosened(&exception), ["client-families"]);
        assert_eq!(loosened(&BUILT_IN.replace("\"normalise-date\"", "\"drop\"")), [""; 0]);
        assert_eq!(loosened(&BUILT_IN.replace("\"normalise-date\"", "\"keep\"")), ["date"]);
        assert_eq!(loosened(&BUILT_IN.replace("signed  = \"too\"\n", "")), ["blind-copies"]);
        assert_eq!(loosened(&BUILT_IN.replace("malformed = \"refuse\"", "malformed = \"drop\"")), ["malformed"]);
        let all = loosened(START);
        assert!(all.len() > 8 && !all.contains(&"receipts".to_owned()));
    }
}
