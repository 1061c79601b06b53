//! Capability lists: what we say before login, and what is taken out of or put into the backend's lists after it.
//!
//! A list may come untagged, in a response code, or in a greeting (RFC 9051 7.2.2, 7.1); the same filter serves all.

use super::verbs::{self, Effect};
use crate::wire::sasl::MechanismName;
use crate::wire::tokens::Tokens;

/// Before login; in the clear STARTTLS is all that leads on. LITERAL+ is ours there: the framer takes both kinds. Mechanisms for
/// `tokens` are the backends'.
pub fn before_login(secure: bool, tokens: Tokens) -> String {
    const ALWAYS: &str = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE";
    if !secure {
        return format!("{ALWAYS} STARTTLS LOGINDISABLED");
    }
    let names = [MechanismName::Plain, MechanismName::Login, MechanismName::XOAuth2, MechanismName::OAuthBearer];
    let offered = names.into_iter().filter(|name| tokens.allow(*name)).map(|name| format!(" AUTH={}", name.word()));
    [ALWAYS.to_owned()].into_iter().chain(offered).collect()
}

/// The mechanisms for tokens in a backend's list.
pub fn tokens(list: &[u8]) -> Tokens {
    Tokens { bearer: has(list, b"AUTH=OAUTHBEARER"), xoauth2: has(list, b"AUTH=XOAUTH2") }
}

/// Whether the backend's `capability` is passed on after login: not where [`verbs`] refuses the command that it stands for.
fn passes(capability: &[u8]) -> bool {
    const HIDDEN: &[&[u8]] = &[
        // Would bring message bodies around the scrubber.
        b"CATENATE",
        b"URLAUTH",
        b"URLAUTH=BINARY",
        b"URL-PARTIAL",
        b"BURL",
        // Would end or blind the session that we follow.
        b"LOGINDISABLED",
        b"LOGIN-REFERRALS",
        b"MAILBOX-REFERRALS",
        b"XCLIENT",
        // Answered by us, put back below.
        b"QUOTA",
        b"QUOTASET",
        b"X-QUOTA",
        b"APPENDLIMIT",
    ];
    // Cyrus tells the kinds of its own quota as X-QUOTA=.
    const FAMILIES: &[&[u8]] = &[b"AUTH=", b"QUOTA=", b"X-QUOTA=", b"APPENDLIMIT="];
    // COMPRESS=, FILTER=, REPLACE, XMOVE ...: what is refused is not told of; ID is put back below.
    let verb = capability.split(|byte| *byte == b'=').next().unwrap_or_default();
    if matches!(verbs::row(verb).effect, Effect::Refused | Effect::Ours) {
        return false;
    }
    let capability = capability.to_ascii_uppercase();
    !HIDDEN.contains(&&*capability) && !FAMILIES.iter().any(|family| capability.starts_with(family))
}

/// The backend's list (words, separated by spaces) as the client is told it. `append_limit`: most octets of a message that
/// may be stored (RFC 7889).
pub fn after_login(list: &[u8], append_limit: u64) -> Vec<u8> {
    let words = list.split(|byte| *byte == b' ').filter(|word| !word.is_empty() && passes(word));
    let mut merged = words.fold(Vec::with_capacity(list.len() + 4), |mut merged, word| {
        merged.extend_from_slice(word);
        merged.push(b' ');
        merged
    });
    let ours = format!("ID QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE APPENDLIMIT={append_limit}");
    merged.extend_from_slice(ours.as_bytes());
    merged
}

/// Whether `list` holds `capability`, in any case of letters.
pub fn has(list: &[u8], capability: &[u8]) -> bool {
    list.split(|byte| *byte == b' ').any(|word| word.eq_ignore_ascii_case(capability))
}

/// Largest literal that a backend with this list takes without being asked first (RFC 7888 5).
pub fn non_sync(list: &[u8]) -> Option<u64> {
    if has(list, b"LITERAL+") { Some(u64::MAX) } else { has(list, b"LITERAL-").then_some(4096) }
}

/// Whether a connection to a backend with this list can be put to rest behind a selected mailbox (RFC 3691, RFC 9051 6.4.2).
pub fn can_unselect(list: &[u8]) -> bool {
    has(list, b"UNSELECT") || has(list, b"IMAP4rev2")
}

/// Where in a server line (without CRLF) a capability list stands: `* CAPABILITY list` or `... [CAPABILITY list] text`.
pub fn find(line: &[u8]) -> Option<std::ops::Range<usize>> {
    const UNTAGGED: &[u8] = b"* CAPABILITY ";
    const CODE: &[u8] = b"[CAPABILITY ";
    if line.len() > UNTAGGED.len() && line[..UNTAGGED.len()].eq_ignore_ascii_case(UNTAGGED) {
        return Some(UNTAGGED.len()..line.len());
    }
    // The code is the first thing behind tag and OK: a folder name further on must not be taken for it.
    let second = line.iter().position(|byte| *byte == b' ')? + 1;
    let third = second + line[second..].iter().position(|byte| *byte == b' ')? + 1;
    let rest = &line[third..];
    if rest.len() <= CODE.len() || !rest[..CODE.len()].eq_ignore_ascii_case(CODE) {
        return None;
    }
    let start = third + CODE.len();
    let end = start + line[start..].iter().position(|byte| *byte == b']')?;
    Some(start..end)
}

/// `line` with its capability list as the client is told it; `None` if it holds no list.
pub fn rewrite(line: &[u8], append_limit: u64) -> Option<Vec<u8>> {
    let text = line.strip_suffix(b"\r\n")?;
    let list = find(text)?;
    let mut out = Vec::with_capacity(line.len() + 8);
    out.extend_from_slice(&line[..list.start]);
    out.extend_from_slice(&after_login(&line[list.clone()], append_limit));
    out.extend_from_slice(&line[list.end..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> Option<String> {
        rewrite(line.as_bytes(), 7).map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn lists_are_found_and_filtered_wherever_they_stand() {
        let told = "* CAPABILITY IMAP4rev1 IDLE COMPRESS=DEFLATE FILTER=SIEVE URLAUTH AUTH=PLAIN QRESYNC\r\n";
        assert_eq!(
            rewritten(told).unwrap(),
            "* CAPABILITY IMAP4rev1 IDLE QRESYNC ID QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE APPENDLIMIT=7\r\n"
        );
        let told = "* CAPABILITY IMAP4rev1 QUOTA XMOVE X-QUOTA X-QUOTA=STORAGE x-quota=X-NUM-FOLDERS XLIST\r\n";
        assert_eq!(
            rewritten(told).unwrap(),
            "* CAPABILITY IMAP4rev1 XLIST ID QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE APPENDLIMIT=7\r\n"
        );
        let told = "a1 OK [CAPABILITY IMAP4rev1 ID CATENATE] Logged in\r\n";
        assert_eq!(
            rewritten(told).unwrap(),
            "a1 OK [CAPABILITY IMAP4rev1 ID QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE APPENDLIMIT=7] Logged in\r\n"
        );
        assert_eq!(rewritten("a1 NO folder [CAPABILITY x]\r\n"), None);
        assert_eq!(rewritten("* LIST () \"/\" [CAPABILITY\r\n"), None);
    }
}
