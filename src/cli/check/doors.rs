//! `check --connect` for POP3 and ManageSieve: whether what greets is such a server, has TLS where it is asked for, takes passwords, and
//! takes that of the test login. Nothing is read of a mailbox, and nothing is stored.

use zeroize::Zeroizing;

use super::finding::Faults;
use super::talk::{Talk, TestLogin, place, shown};
use crate::event::BackendService;
use crate::fault::Fault;
use crate::net::tls::TlsClient;
use crate::private::Credential;
use crate::route::{Backend, Endpoint};
use crate::wire::sasl;

/// A protocol in which a server answers lines with a good word or a bad one.
pub(super) struct DoorWords {
    pub(super) service: BackendService,
    what: &'static str,
    good: &'static str,
    bad: &'static [&'static str],
    /// Whether its first words are its capabilities; else it is asked for them, and they end with a dot.
    tells: bool,
    starttls: &'static str,
    leave: &'static str,
}

/// Each of these protocols.
pub(super) const ALL: &[DoorWords] = &[POP3, SIEVE];

const POP3: DoorWords = DoorWords {
    service: BackendService::Pop3,
    what: "POP3",
    good: "+OK",
    bad: &["-ERR"],
    tells: false,
    starttls: "STLS",
    leave: "QUIT",
};

const SIEVE: DoorWords = DoorWords {
    service: BackendService::Sieve,
    what: "ManageSieve",
    good: "OK",
    bad: &["NO", "BYE"],
    tells: true,
    starttls: "STARTTLS",
    leave: "LOGOUT",
};

/// Talks to one, and logs in where there is somebody who may.
pub(super) async fn door(
    words: &DoorWords,
    (backend, endpoint): (&Backend, &Endpoint),
    tls: &TlsClient,
    login: Option<&TestLogin>,
    found: &mut Faults,
) -> Result<(), Fault> {
    let (name, key) = (&backend.name, words.service.word());
    let mut talk = Talk::open(endpoint, tls).await?;
    let mut told = match words.greeting(&mut talk).await? {
        Ok(told) => told,
        Err(line) => {
            found.wrong(format!(
                "[[backend]] {name}, {key} = {}: greets with {:?}, which is no {} server that takes logins",
                place(endpoint),
                shown(&line),
                words.what
            ));
            return Ok(());
        }
    };
    if talk.wants_starttls() {
        talk.say(words.starttls).await?;
        if !words.is_good(&words.last(&mut talk, &mut Vec::new()).await?) {
            found.wrong(format!(
                "[[backend]] {name}, {key}: offers no {}: use {key}s://, or {key}:// on loopback",
                words.starttls
            ));
            return Ok(());
        }
        talk = talk.secure().await?;
        if words.tells {
            words.last(&mut talk, &mut told).await?;
        }
    }
    if !words.tells {
        told = words.asked(&mut talk).await?;
    }
    let words_of = |line: &String| line.replace('"', " ").to_ascii_uppercase();
    let has = |name: &str, way: &str| {
        told.iter().map(words_of).any(|line| {
            let mut line = line.split_ascii_whitespace();
            line.next() == Some(name) && (way.is_empty() || line.any(|word| word == way))
        })
    };
    let (plain, user) = (has("SASL", "PLAIN"), !words.tells && (has("USER", "") || told.is_empty()));
    if !plain && !user {
        found.wrong(format!("[[backend]] {name}, {key}: takes no passwords on this connection, so nobody can log in"));
    } else if let Some(TestLogin { address, credential }) = login {
        let address = address.reveal();
        match words.log_in(&mut talk, plain, credential).await? {
            Some(true) => {}
            Some(false) => found.wrong(format!("[[backend]] {name}, {key}: refuses the login of {address} with this password")),
            None => found.note(format!(
                "[[backend]] {name}, {key}: the login of {address} was not tried: this server knows USER and PASS alone, and they cannot \
                 carry this password"
            )),
        }
    }
    talk.say(words.leave).await
}

impl DoorWords {
    fn is_good(&self, line: &str) -> bool {
        line.split(' ').next() == Some(self.good)
    }

    /// The lines of the greeting before its last one, or what is none.
    async fn greeting(&self, talk: &mut Talk<'_>) -> Result<Result<Vec<String>, String>, Fault> {
        let mut told = Vec::new();
        let line = self.last(talk, &mut told).await?;
        Ok(if self.is_good(&line) { Ok(told) } else { Err(line) })
    }

    /// Reads up to the line that says how it went. What comes before is in `told`; where nothing may, the first line is the last.
    async fn last(&self, talk: &mut Talk<'_>, told: &mut Vec<String>) -> Result<String, Fault> {
        told.clear();
        loop {
            let line = talk.line().await?;
            let first = line.split(' ').next().unwrap_or_default();
            if first == self.good || self.bad.contains(&first) || !self.tells || !line.starts_with('"') {
                return Ok(line);
            }
            told.push(line);
        }
    }

    /// The answer to CAPA; nothing where it is not known.
    async fn asked(&self, talk: &mut Talk<'_>) -> Result<Vec<String>, Fault> {
        let mut told = Vec::new();
        talk.say("CAPA").await?;
        if !self.is_good(&talk.line().await?) {
            return Ok(told);
        }
        loop {
            match talk.line().await? {
                line if line == "." => return Ok(told),
                line => told.push(line),
            }
        }
    }

    /// As the daemon does it: USER where there is no PLAIN. `None`: a line cannot carry that password.
    async fn log_in(&self, talk: &mut Talk<'_>, plain: bool, credential: &Credential) -> Result<Option<bool>, Fault> {
        if !plain {
            return user_pass(talk, credential).await;
        }
        let (_, response) = sasl::initial_response(credential);
        let (before, behind): (&[u8], &[u8]) =
            if self.tells { (b"AUTHENTICATE \"PLAIN\" \"", b"\"\r\n") } else { (b"AUTH PLAIN ", b"\r\n") };
        talk.send(&joined([before, &response, behind])).await?;
        Ok(Some(self.is_good(&self.last(talk, &mut Vec::new()).await?)))
    }
}

/// RFC 1939 section 7, for a server of POP3 without SASL.
async fn user_pass(talk: &mut Talk<'_>, credential: &Credential) -> Result<Option<bool>, Fault> {
    let password = credential.secret.reveal();
    if password.iter().any(u8::is_ascii_control) {
        return Ok(None);
    }
    talk.say(&format!("USER {}", credential.user.reveal())).await?;
    // A server that knows no such user may say so here.
    if !POP3.is_good(&talk.line().await?) {
        return Ok(Some(false));
    }
    talk.send(&joined([b"PASS ", password, b"\r\n"])).await?;
    Ok(Some(POP3.is_good(&talk.line().await?)))
}

/// Sized before it is filled: a buffer that grows would leave copies of the secret behind.
fn joined(parts: [&[u8]; 3]) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| line.extend_from_slice(part));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IMAP and those that take mail have conversations of their own.
    #[test]
    fn no_protocol_is_forgotten() {
        let own = [BackendService::Imap, BackendService::Lmtp, BackendService::Relay];
        for service in BackendService::ALL.iter().filter(|service| !own.contains(service)) {
            assert_eq!(ALL.iter().filter(|words| words.service == *service).count(), 1, "{}", service.word());
        }
    }
}
