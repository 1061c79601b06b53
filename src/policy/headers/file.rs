//! The file as it is written, and what can be wrong with it.

use serde::Deserialize;
use toml::Spanned;

use super::{Action, Headers, Malformed, NAME_LIMIT, NameEntry, Named, Profile, UnknownFields, UnseenPayload};
use crate::policy::Problem;

/// Octets a header block may be bounded to. Below, real mail is refused; above, sessions use too much memory.
const HEADER_LIMITS: std::ops::RangeInclusive<usize> = 4096..=1_048_576;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    header_limit: Spanned<usize>,
    malformed: Malformed,
    bare_line_ends: Spanned<String>,
    unseen_payload: UnseenPayload,
    // Files of before, which know no such key, get the stricter reading.
    #[serde(default = "strict")]
    unknown: UnknownFields,
    #[serde(default)]
    rule: Vec<FileRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    name: Spanned<String>,
    fields: Vec<Spanned<String>>,
    action: Action,
    r#where: ProfileWord,
    #[serde(default)]
    signed: SignedFields,
    #[serde(default)]
    words: Vec<Spanned<String>>,
    #[serde(default)]
    parameters: Vec<Spanned<String>>,
    reason: Spanned<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProfileWord {
    Both,
    Sent,
    Submission,
}

impl ProfileWord {
    fn profiles(self) -> &'static [Profile] {
        match self {
            ProfileWord::Both => &[Profile::Submission, Profile::Sent],
            ProfileWord::Sent => &[Profile::Sent],
            ProfileWord::Submission => &[Profile::Submission],
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SignedFields {
    #[default]
    Untouched,
    Too,
}

impl Headers {
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
            rules: Vec::new(),
            header_limit: limit,
            malformed: file.malformed,
            unseen_payload: file.unseen_payload,
            unknown: file.unknown,
        };
        for rule in &file.rule {
            headers.add(rule, text, &mut problems);
        }
        headers.exact.sort_by(|a, b| a.text.cmp(&b.text));
        headers.families.sort_by(|a, b| a.text.cmp(&b.text));
        if problems.is_empty() { Ok(headers) } else { Err(problems) }
    }

    fn add(&mut self, rule: &FileRule, source: &str, problems: &mut Vec<Problem>) {
        let mut wrong = |value: &Spanned<String>, text: &str| {
            problems.push(Problem::at(source, value.span().start, value.get_ref(), text));
        };
        if self.rules.iter().any(|known| known.name == *rule.name.get_ref()) || rule.name.get_ref().is_empty() {
            wrong(&rule.name, "each rule needs a name of its own");
        }
        if rule.reason.get_ref().trim().is_empty() {
            wrong(&rule.reason, "a rule needs a reason");
        }
        let (words, parameters) = (rule.action == Action::KnownWords, rule.action == Action::Parameters);
        if words == rule.words.is_empty() || parameters == rule.parameters.is_empty() {
            wrong(
                &rule.name,
                "`words` belong to the action \"known-words\", `parameters` to \"parameters\", and each needs some",
            );
        }
        let list = rule.words.iter().chain(&rule.parameters);
        for word in list.clone().filter(|word| !is_name(word.get_ref())) {
            wrong(word, "is no word of letters, digits and signs");
        }
        let number = self.rules.len();
        for field in &rule.fields {
            let (text, family) = match field.get_ref().strip_suffix('*') {
                Some(start) => (start, true),
                None => (field.get_ref().as_str(), false),
            };
            if !is_name(text) {
                wrong(field, "is not a field name, or the start of one with a `*` at its end");
                continue;
            }
            let place = 1 + self.exact.len() + self.families.len();
            let list = if family { &mut self.families } else { &mut self.exact };
            let spelling: Box<str> = text.into();
            let text: Box<[u8]> = text.to_ascii_lowercase().into_bytes().into();
            for profile in rule.r#where.profiles() {
                if list.iter().any(|entry| entry.profile == *profile && entry.text == text) {
                    wrong(field, "is named twice for the same place");
                    break;
                }
                let spelling = spelling.clone();
                list.push(NameEntry { text: text.clone(), spelling, profile: *profile, rule: number, place });
            }
        }
        self.rules.push(Named {
            name: rule.name.get_ref().clone(),
            reason: rule.reason.get_ref().clone(),
            action: rule.action,
            signed_too: rule.signed == SignedFields::Too,
            list: list.map(|word| word.get_ref().clone()).collect(),
        });
    }
}

fn strict() -> UnknownFields {
    UnknownFields::Drop
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_LIMIT && text.bytes().all(|b| matches!(b, 33..=126) && b != b':' && b != b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "header_limit = 262144\nmalformed = \"refuse\"\nbare_line_ends = \"refuse\"\n\
        unseen_payload = \"leave\"\nunknown = \"drop\"\n";

    fn told(text: &str) -> String {
        let all = Headers::parse(text).err().unwrap_or_default();
        assert!(!all.is_empty(), "{text}");
        all.iter().map(|problem| format!("{} {}", problem.line, problem.key)).collect::<Vec<_>>().join(", ")
    }

    fn rule(fields: &str, action: &str, rest: &str) -> String {
        let rule = format!("name = \"a\"\nfields = {fields}\naction = \"{action}\"\nwhere = \"both\"\nreason = \"b\"\n{rest}");
        format!("{START}[[rule]]\n{rule}")
    }

    #[test]
    fn mistakes_are_told_with_line_and_key() {
        assert_eq!(told(&rule("[\"X-A\"]", "drop", "colour = 1")), "12 colour");
        assert_eq!(told(&rule("[\"X A\", \"*\", \"X-B*\", \"X-B*\"]", "drop", "")), "8 X A, 8 *, 8 X-B*");
        assert_eq!(told(&START.replace("262144", "1")), "1 header_limit");
        assert_eq!(told(&START.replace("bare_line_ends = \"refuse\"", "bare_line_ends = \"normalise\"")), "3 bare_line_ends");
        assert_eq!(told(&START.replace("\"leave\"", "\"maybe\"")), "4 \"maybe\"");
        assert!(Headers::parse(&rule("[\"X-A\", \"X-A*\"]", "drop", "")).is_ok());
        assert_eq!(told(&rule("[\"X-A\"]", "known-words", "")), "7 a");
        assert_eq!(told(&rule("[\"X-A\"]", "keep", "words = [\"high\"]")), "7 a");
        assert_eq!(told(&rule("[\"X-A\"]", "parameters", "parameters = [\"a b\"]")), "12 a b");
        assert!(Headers::parse(&rule("[\"X-A\"]", "known-words", "words = [\"1\"]")).is_ok());
    }
}
