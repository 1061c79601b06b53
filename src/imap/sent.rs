//! Which mailbox is the Sent one: the special use `\Sent` (RFC 6154) as the backend tells it, or a usual name.

use super::command::astring;

/// Names learnt from the backend that are kept; a person has one or two.
const KEPT: usize = 4;

/// Usual names of the Sent mailbox, in lower case: English, French, German, Spanish, Italian, Dutch, Portuguese, Polish,
/// Catalan, Breton. Those with letters beyond ASCII in both forms, UTF-8 and modified UTF-7 (RFC 3501 5.1.3).
const USUAL: &[&str] = &[
    "sent",
    "sent items",
    "sent messages",
    "sent mail",
    "sent-mail",
    "sentmail",
    "envoyés",
    "envoy&aok-s",
    "messages envoyés",
    "messages envoy&aok-s",
    "éléments envoyés",
    "&aok-l&aok-ments envoy&aok-s",
    "courrier envoyé",
    "courrier envoy&aok-",
    "gesendet",
    "gesendete objekte",
    "gesendete elemente",
    "enviados",
    "elementos enviados",
    "itens enviados",
    "enviats",
    "inviati",
    "inviata",
    "posta inviata",
    "verzonden",
    "verzonden items",
    "wysłane",
    "wys&auij-ane",
    "kaset",
];

/// The names that the backend marked.
#[derive(Default)]
pub struct SentNames(Vec<Box<[u8]>>);

impl SentNames {
    /// Looks at an untagged line of the backend: `* LIST (\Sent) "/" Sent` (also `LSUB`, `XLIST`).
    pub fn learn(&mut self, line: &[u8]) {
        let Some(rest) = line.strip_prefix(b"* ") else { return };
        let listed = ["LIST (", "LSUB (", "XLIST ("].iter().find(|word| starts_with(rest, word));
        let Some(rest) = listed.map(|word| &rest[word.len()..]) else { return };
        let Some(close) = rest.iter().position(|byte| *byte == b')') else { return };
        let marked = rest[..close].split(|byte| *byte == b' ').any(|flag| flag.eq_ignore_ascii_case(b"\\Sent"));
        // Behind the flags: the separator (a quoted character or NIL), then the name.
        let Some((_, taken)) = rest.get(close + 2..).and_then(astring) else { return };
        let Some((name, _)) = rest.get(close + 3 + taken..).and_then(astring) else { return };
        if marked && self.0.len() < KEPT && !self.0.iter().any(|known| **known == *name) {
            self.0.push(name.into());
        }
    }

    /// Looks at all untagged lines of the answer to `LIST "" "*" RETURN (SPECIAL-USE)` (RFC 6154 3), also where the name comes
    /// as a literal. What is cut off or odd is passed over: then the usual names still hold.
    pub fn learn_all(&mut self, answer: &[u8]) {
        let mut rest = answer;
        while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
            let (line, after) = rest.split_at(end + 2);
            rest = after;
            let Some((start, size)) = announced(line) else {
                self.learn(line);
                continue;
            };
            let Some((name, after)) = rest.split_at_checked(size) else { return };
            rest = after;
            if name.iter().all(|byte| !matches!(byte, b'\r' | b'\n' | 0)) {
                let escaped = name.iter().flat_map(|byte| {
                    let escape = matches!(byte, b'"' | b'\\').then_some(b'\\');
                    escape.into_iter().chain([*byte])
                });
                self.learn(&start.iter().copied().chain([b'"']).chain(escaped).chain(*b"\"\r\n").collect::<Vec<_>>());
            }
        }
    }

    /// Whether `mailbox` is the Sent mailbox, or in it (`Sent/2026`).
    pub fn holds(&self, mailbox: &[u8]) -> bool {
        let usual = || {
            let name = String::from_utf8_lossy(mailbox).to_lowercase();
            name.split(['/', '.']).any(|part| USUAL.contains(&part))
        };
        let within =
            |known: &[u8]| mailbox.strip_prefix(known).is_some_and(|rest| matches!(rest.first(), None | Some(b'/' | b'.')));
        self.0.iter().any(|known| within(known)) || usual()
    }
}

/// What stands before the literal at the end of `line`, and its octets.
fn announced(line: &[u8]) -> Option<(&[u8], usize)> {
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    let digits = line.get(open + 1..)?.strip_suffix(b"}\r\n")?;
    let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((line.get(..open)?, size))
}

fn starts_with(text: &[u8], word: &str) -> bool {
    text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_or_learnt() {
        let mut names = SentNames::default();
        for name in ["Sent", "INBOX.Sent", "INBOX/Sent Items", "Envoy&AOk-s", "Éléments envoyés", "&AOk-l&AOk-ments envoy&AOk-s"]
        {
            assert!(names.holds(name.as_bytes()), "{name}");
        }
        assert!(!names.holds(b"Drafts") && !names.holds(b"Sentinel") && !names.holds(b"Post"));
        names.learn(b"* LIST (\\HasNoChildren \\Sent) \"/\" \"Mes envois\"\r\n");
        names.learn(b"* LIST (\\Drafts) \"/\" Post\r\n");
        names.learn(b"* LIST (\\Sent) NIL Out\r\n");
        assert!(names.holds(b"Mes envois") && names.holds(b"Out") && !names.holds(b"Post"));
    }

    #[test]
    fn what_is_in_the_sent_mailbox_is_sent_too() {
        let mut names = SentNames::default();
        names.learn(b"* LIST (\\Sent) \"/\" Out\r\n");
        for name in ["Out/2026", "Sent/2026", "INBOX.Sent.2026.11"] {
            assert!(names.holds(name.as_bytes()), "{name}");
        }
        assert!(!names.holds(b"Outer") && !names.holds(b"Archive/2026"));
    }

    #[test]
    fn the_answer_to_a_question_is_read_as_a_whole() {
        let mut names = SentNames::default();
        names.learn_all(
            b"* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\Drafts) \"/\" {5}\r\nKladd\r\n\
              * LIST (\\HasNoChildren \\Sent) \"/\" \"Odeslan&AOk-\"\r\n* LIST (\\Sent) \"/\" {10}\r\nSkickat\"\\x\r\n\
              t OK done\r\n",
        );
        assert!(names.holds(b"Odeslan&AOk-") && names.holds(b"Skickat\"\\x") && !names.holds(b"Kladd"));
        // A name that holds a line must not become one.
        let mut names = SentNames::default();
        names.learn_all(b"* LIST () \"/\" {26}\r\n* LIST (\\Sent) \"/\" INBOX\r\n\r\n* LIST (\\Sent) \"/\" {9}\r\nx");
        assert!(!names.holds(b"INBOX") && !names.holds(b"x"));
    }
}
