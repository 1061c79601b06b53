//! `policy/headers.toml`: what is done to each header field, as a lookup by name.
//!
//! An admin's file replaces the built-in one as a whole and passes the same checks; [`Headers::loosened`] then names what it
//! no longer does, for status, statement and audit.

mod file;
mod loosened;

use serde::Deserialize;

/// The built-in file.
pub const BUILT_IN: &str = include_str!("../../../policy/headers.toml");

/// Octets of the longest name that a rule can have. No RFC bounds a field name but by the line of 998 octets (RFC 5322 2.1.1);
/// a longer one belongs to its family by its start, and to no rule for one name.
const NAME_LIMIT: usize = 128;

/// First octets by which families are told apart quickly: `x-m`.
const NEAR: usize = 3;

/// Where fields go that the rules do not order: behind all others, as they came.
const LAST: usize = usize::MAX;

/// Where a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A message on its way out.
    Submission,
    /// The member's own copy, appended to the Sent mailbox.
    Sent,
}

/// Who writes: a rule is the same for both, but a field without one is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A person with a mail program.
    Person,
    /// A program that sends by itself (newsletters, shops, printers), from a mailbox that the host declared as such: fields
    /// that no rule names stay, because other programs may act on them.
    Machine,
}

/// What is done to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The value stays.
    Keep,
    /// The field goes, with its folds.
    Drop,
    /// Stays, and so does every field that its `h=` names, byte for byte.
    Signature,
    /// Same instant, in +0000.
    NormaliseDate,
    /// Keyed hash of the old identifier.
    RewriteMessageId,
    /// Only identifiers stay; those of the writer's own earlier messages are hashed like them.
    MessageIds,
    /// `1.0`, whatever stood there.
    PlainVersion,
    /// Only the words of the rule stay, without comments; with none of them the field goes.
    KnownWords,
    /// Only the parameters of the rule stay, without comments.
    Parameters,
    /// Stays if it names addresses of From or Reply-To and no others, else the field goes.
    AsAuthor,
}

/// What is done to a field in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderRule<'a> {
    /// What is done.
    pub action: Action,
    /// It is done even if a signature in the message covers the field.
    pub signed_too: bool,
    /// The words or parameters that stay.
    pub list: &'a [String],
    /// The name as it is written on its way out. `None` for families, and where there is no rule: as it came.
    pub spelling: Option<&'a str>,
    /// The place in the order of fields on the way out. Equal places keep their order.
    pub place: usize,
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

/// What becomes of a field that no rule names, where a person writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownFields {
    /// It goes: a mail program that comes up with a new field leaks nothing by it.
    Drop,
    /// It stays.
    Keep,
}

/// The rules in force.
#[derive(Clone)]
pub struct Headers {
    exact: Vec<NameEntry>,
    families: Vec<NameEntry>,
    rules: Vec<Named>,
    header_limit: usize,
    malformed: Malformed,
    unseen_payload: UnseenPayload,
    unknown: UnknownFields,
}

/// One `[[rule]]`.
#[derive(Clone)]
struct Named {
    name: String,
    reason: String,
    action: Action,
    signed_too: bool,
    list: Vec<String>,
}

/// One name, or one start of names, in one place.
#[derive(Clone)]
struct NameEntry {
    /// In lower case, without the `*`.
    text: Box<[u8]>,
    spelling: Box<str>,
    profile: Profile,
    rule: usize,
    place: usize,
}

impl Headers {
    /// The rules that are compiled in.
    pub fn built_in() -> Headers {
        // Holds because the text is a constant, and a test below reads it.
        Headers::parse(BUILT_IN).unwrap_or_else(|_| unreachable!("policy/headers.toml is checked by a test"))
    }

    /// What is done to the field called `name`, in any case of letters. The more exact rule wins; without one, it is what
    /// [`Headers::unknown`] says, and for a machine `Keep`.
    pub fn rule(&self, name: &[u8], profile: Profile, writer: Writer) -> HeaderRule<'_> {
        let mut buffer = [0; NAME_LIMIT];
        let start = &name[..name.len().min(NAME_LIMIT)];
        let lower = &mut buffer[..start.len()];
        lower.copy_from_slice(start);
        lower.make_ascii_lowercase();
        let found = if name.len() > NAME_LIMIT { self.find_family(lower, profile) } else { self.find(lower, profile) };
        found.unwrap_or(self.without_rule(writer))
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

    /// What becomes of fields that no rule names, where a person writes.
    pub fn unknown(&self) -> UnknownFields {
        self.unknown
    }

    /// Name and reason of each rule, in the order of the file, for the statement.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.iter().map(|rule| (rule.name.as_str(), rule.reason.as_str()))
    }

    fn without_rule(&self, writer: Writer) -> HeaderRule<'_> {
        let action = match (self.unknown, writer) {
            (UnknownFields::Drop, Writer::Person) => Action::Drop,
            _ => Action::Keep,
        };
        HeaderRule { action, signed_too: false, list: &[], spelling: None, place: LAST }
    }

    fn find(&self, lower: &[u8], profile: Profile) -> Option<HeaderRule<'_>> {
        let exact = named(&self.exact, lower, profile);
        exact.map(|entry| self.of(entry, Some(&entry.spelling))).or_else(|| self.find_family(lower, profile))
    }

    fn find_family(&self, lower: &[u8], profile: Profile) -> Option<HeaderRule<'_>> {
        // What a name starts with stands before it, the longest start last. Those with other first octets are skipped.
        let near = lower.get(..NEAR).unwrap_or(lower);
        let from = self.families.partition_point(|family| *family.text < *near);
        let to = self.families.partition_point(|family| *family.text <= *lower);
        let mut families = self.families.get(from..to).unwrap_or_default().iter().rev();
        let family = families.find(|family| family.profile == profile && lower.starts_with(&family.text));
        let shorter = || (1..near.len()).rev().find_map(|length| named(&self.families, lower.get(..length)?, profile));
        family.or_else(shorter).map(|family| self.of(family, None))
    }

    fn of<'a>(&'a self, entry: &NameEntry, spelling: Option<&'a str>) -> HeaderRule<'a> {
        let place = entry.place;
        // `add` gives every entry a rule that is there.
        self.rules.get(entry.rule).map_or(self.without_rule(Writer::Person), |rule| HeaderRule {
            action: rule.action,
            signed_too: rule.signed_too,
            list: &rule.list,
            spelling,
            place,
        })
    }
}

/// The entry of this text, in lower case, in a list that is sorted by them.
fn named<'a>(sorted: &'a [NameEntry], lower: &[u8], profile: Profile) -> Option<&'a NameEntry> {
    let start = sorted.partition_point(|entry| *entry.text < *lower);
    let mut same = sorted.get(start..)?.iter().take_while(|entry| *entry.text == *lower);
    same.find(|entry| entry.profile == profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(name: &str, profile: Profile) -> Action {
        Headers::built_in().rule(name.as_bytes(), profile, Writer::Person).action
    }

    #[test]
    fn the_built_in_file_is_right() {
        assert_eq!(Headers::parse(BUILT_IN).err().unwrap_or_default(), []);
        assert_eq!(action("bcc", Profile::Submission), Action::Drop);
        assert_eq!(action("Bcc", Profile::Sent), Action::Keep);
        assert_eq!(action("X-MOZILLA-Draft-Info", Profile::Sent), Action::Drop);
        assert_eq!(action("X-Mozilla", Profile::Sent), Action::Drop);
        assert_eq!(action("Resent-Message-Id", Profile::Sent), Action::RewriteMessageId);
        assert_eq!(action("References", Profile::Submission), Action::MessageIds);
        let headers = Headers::built_in();
        assert!(headers.reasons().all(|(name, reason)| !name.is_empty() && reason.ends_with('.')));
        assert_eq!(headers.rule(b"message-id", Profile::Sent, Writer::Person).spelling, Some("Message-ID"));
        let place = |name: &[u8]| headers.rule(name, Profile::Submission, Writer::Person).place;
        assert!(place(b"from") < place(b"to") && place(b"to") < place(b"subject") && place(b"subject") < place(b"date"));
        assert!(place(b"content-type") < place(b"x-nobody-knows"));
    }

    #[test]
    fn what_no_rule_names_goes_but_for_machines_and_where_the_file_says_so() {
        let long = "X".repeat(500);
        for (name, machine) in [
            ("X-New-Program", Action::Keep),
            (long.as_str(), Action::Keep),
            ("X-Originating-IP", Action::Drop),
            (&format!("X-Mozilla-{long}"), Action::Drop),
        ] {
            for profile in [Profile::Submission, Profile::Sent] {
                assert_eq!(action(name, profile), Action::Drop, "{name}");
                assert_eq!(Headers::built_in().rule(name.as_bytes(), profile, Writer::Machine).action, machine, "{name}");
            }
        }
        let Ok(keep) = Headers::parse(&BUILT_IN.replace("unknown = \"drop\"", "unknown = \"keep\"")) else { panic!() };
        assert_eq!(keep.rule(b"X-New-Program", Profile::Submission, Writer::Person).action, Action::Keep);
        assert_eq!(keep.rule(b"X-Mozilla-Draft", Profile::Submission, Writer::Person).action, Action::Drop);
    }

    #[test]
    fn the_longest_family_wins() {
        let rule = |number: usize, family: &str, action: &str| {
            let rule = format!("fields = [\"{family}\"]\naction = \"{action}\"\nwhere = \"both\"\nreason = \"r\"\n");
            format!("[[rule]]\nname = \"{number}\"\n{rule}")
        };
        let start = &BUILT_IN[..BUILT_IN.find("[[rule]]").unwrap_or_default()];
        let rules = [("X*", "keep"), ("X-*", "drop"), ("X-Ab*", "keep"), ("X-Abc*", "drop"), ("X-Abb*", "plain-version")];
        let text: String = rules.iter().enumerate().map(|(number, (family, action))| rule(number, family, action)).collect();
        let Ok(headers) = Headers::parse(&format!("{start}{text}")) else { panic!("{text}") };
        for (name, action) in [
            ("X", Action::Keep),
            ("Xy", Action::Keep),
            ("X-", Action::Drop),
            ("X-A", Action::Drop),
            ("X-Ab", Action::Keep),
            ("X-Abd", Action::Keep),
            ("X-Abba", Action::PlainVersion),
            ("X-Abc-d", Action::Drop),
            ("Y-Abc", Action::Drop),
            ("", Action::Drop),
        ] {
            assert_eq!(headers.rule(name.as_bytes(), Profile::Sent, Writer::Person).action, action, "{name}");
        }
    }

    #[test]
    fn what_mail_needs_is_never_dropped_by_default() {
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
            "List-Unsubscribe-Post",
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
            "Disposition-Notification-To",
            "Mail-Followup-To",
        ] {
            for profile in [Profile::Submission, Profile::Sent] {
                assert_ne!(action(name, profile), Action::Drop, "{name}");
            }
        }
    }
}
