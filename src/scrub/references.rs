//! In-Reply-To and References: identifiers and nothing else (RFC 5322 3.6.4; the phrases of 4.5.4 hold names, dates and zones).
//!
//! A program keeps its own copies with the identifiers that it made (in a local folder, mostly), and replies to itself with
//! them. Outside nobody ever saw those, and they name the machine; so they are hashed as the message's own identifier was.
//! Which are the writer's own? Those with the same right-hand side as this message's own old identifier, where that names a
//! machine. Where it is a domain of mail or a word that all copies of a program share, others have it too: nothing is hashed.

use super::message_id::identifiers;

/// Identifiers in one field. Real threads have fewer; of more, the first and the last ones stay, as RFC 5322 3.6.4 lets one.
const MOST: usize = 200;

/// Right-hand sides that programs write on every machine.
const SHARED: [&[u8]; 8] = [
    b"localhost",
    b"localhost.localdomain",
    b"localhost.local",
    b"local",
    b"spark",
    b"getmailspring.com",
    b"mail.gmail.com",
    b"android.com",
];

/// The right-hand side by which the writer's own earlier identifiers are told: that of `old`, unless `mail` says that mail is
/// addressed to it.
pub(super) fn own_side(old: &[u8], mail: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let side = side(old)?.to_ascii_lowercase();
    let shared = side.is_empty() || SHARED.contains(&&side[..]) || mail(&side);
    (!shared).then_some(side)
}

/// The value anew: each identifier of `value`, those of `own` as `rewrite` says. `None` if there is none.
pub(super) fn rewritten(value: &[u8], own: Option<&[u8]>, rewrite: impl Fn(&[u8]) -> String) -> Option<Vec<u8>> {
    let ids = identifiers(value);
    let mut out = Vec::with_capacity(value.len());
    for (at, id) in ids.iter().enumerate() {
        if at > 0 && at + MOST <= ids.len() {
            continue;
        }
        out.extend_from_slice(if out.is_empty() { b"<" } else { b"\r\n\t<" });
        let is_own = own.is_some_and(|own| side(id).is_some_and(|side| side.eq_ignore_ascii_case(own)));
        match is_own {
            true => out.extend_from_slice(rewrite(id).as_bytes()),
            false => out.extend_from_slice(id),
        }
        out.push(b'>');
    }
    (!out.is_empty()).then_some(out)
}

fn side(id: &[u8]) -> Option<&[u8]> {
    let at = id.iter().rposition(|b| *b == b'@')?;
    id.get(at + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(own: &str, value: &str) -> String {
        let own = own_side(own.as_bytes(), |side| side == b"asso.example");
        let rewrite = |id: &[u8]| format!("new-{}", id.len());
        let value = rewritten(value.as_bytes(), own.as_deref(), rewrite).unwrap_or_default();
        String::from_utf8(value).unwrap()
    }

    #[test]
    fn own_ones_are_hashed_and_those_of_others_stay() {
        assert_eq!(
            mapped("b@laptop.local", " <a@LAPTOP.local> <x@elsewhere.example>\r\n"),
            "<new-14>\r\n\t<x@elsewhere.example>"
        );
        assert_eq!(mapped("b@asso.example", "<a@asso.example>"), "<a@asso.example>");
        assert_eq!(mapped("b@Spark", "<a@Spark>"), "<a@Spark>");
        assert_eq!(mapped("b", "<a>"), "<a>");
    }

    #[test]
    fn nothing_but_identifiers_stays() {
        assert_eq!(mapped("b@c", "<a@b>\r\n (Bob's message of \"Sun, 22 Nov 2026 17:40:02 +0100\")\r\n"), "<a@b>");
        assert_eq!(mapped("b@c", "Your message of \"Sun +0100 <x@y>\" <a@\r\n b>"), "<a@b>");
        assert_eq!(mapped("b@c", "yesterday's"), "");
        let many = (0..1000).map(|n| format!("<{n}@d>")).collect::<String>();
        let kept = mapped("b@c", &many);
        assert_eq!(kept.matches('<').count(), MOST);
        assert!(kept.starts_with("<0@d>\r\n\t<801@d>") && kept.ends_with("<999@d>"));
    }
}
