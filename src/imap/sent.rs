//! The usual names of the Sent mailbox; what the backend marks with `\Sent` (RFC 6154) is in [`super::places`].

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

/// Whether `mailbox` has a usual name of the Sent mailbox, at any depth, or stands below one that has.
pub(super) fn is_usual_sent(mailbox: &[u8]) -> bool {
    let name = String::from_utf8_lossy(mailbox).to_lowercase();
    name.split(['/', '.']).any(|part| USUAL.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known() {
        for name in ["Sent", "INBOX.Sent", "INBOX/Sent Items", "Envoy&AOk-s", "Éléments envoyés", "&AOk-l&AOk-ments envoy&AOk-s"]
        {
            assert!(is_usual_sent(name.as_bytes()), "{name}");
        }
        assert!(is_usual_sent(b"Sent/2026"));
        assert!(!is_usual_sent(b"Drafts") && !is_usual_sent(b"Sentinel") && !is_usual_sent(b"Post"));
    }
}
