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

    /// Whether `mailbox` is the Sent mailbox.
    pub fn holds(&self, mailbox: &[u8]) -> bool {
        let usual = || {
            let name = String::from_utf8_lossy(mailbox).to_lowercase();
            let last = name.rsplit(['/', '.']).next().unwrap_or(&name);
            USUAL.contains(&last)
        };
        self.0.iter().any(|known| **known == *mailbox) || usual()
    }
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
}
