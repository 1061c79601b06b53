//! Towards the backend, until it accepts the credentials: greeting, STARTTLS where asked for, AUTHENTICATE or LOGIN.
//!
//! Pure: it is fed with what the backend sent and says what to send next. One round trip after the greeting, where the
//! backend tells its capabilities in the greeting, as Dovecot and Cyrus do.
//! Absent on purpose: sending ID, but for a [`Hint`] where the admin wants one. A backend learns nothing about clients, and of us
//! only what the conversation shows. The hint goes out in front of the login in one piece with it: it costs no round trip.
//! Nor is a password sent to a backend that says it takes none here (LOGINDISABLED, RFC 9051 7.2.2).

use zeroize::Zeroizing;

use super::capability;
use super::frame::{Direction, Frame, Framer};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Credential, Hint, Mechanism};
use crate::wire::sasl::{self, Tokens};

/// What comes next.
pub enum LoginProgress {
    /// More bytes are needed.
    Need,
    /// Take the bytes away and send these (nothing, maybe).
    Send(usize, Zeroizing<Vec<u8>>),
    /// Take all bytes away and start TLS; then go on with an empty input.
    StartTls,
    /// Take the bytes away: the person is logged in.
    Done(usize),
}

/// The conversation with one backend.
pub struct UpstreamLogin {
    framer: Framer,
    stage: Stage,
    starttls: bool,
    hint: Option<Hint>,
    capabilities: Vec<u8>,
    /// What it takes besides passwords, as soon as that is known.
    tokens: Option<Tokens>,
    /// What is still to be sent of the login, the last piece first: each waits for a `+` of its own.
    pieces: Vec<Zeroizing<Vec<u8>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    StartTls,
    /// TLS has just begun: nothing is known of what came before.
    Secured,
    /// CAPABILITY was asked for, before login.
    Asked,
    /// AUTHENTICATE or LOGIN was sent, or its first piece.
    Trying,
    /// CAPABILITY was asked for, after login.
    AskedAgain,
}

/// The tag of ID, with what follows it.
const HINTED: &[u8] = b"n0 ";
const STARTTLS: &[u8] = b"n1 STARTTLS\r\n";
const CAPABILITY: &[u8] = b"n2 CAPABILITY\r\n";
const CAPABILITY_AGAIN: &[u8] = b"n4 CAPABILITY\r\n";

impl UpstreamLogin {
    /// Begins with the backend's greeting; `starttls`: TLS is asked for and nothing is said without it. `hint` is told in ID to
    /// a backend that has it.
    pub fn new(starttls: bool, hint: Option<Hint>) -> UpstreamLogin {
        let (framer, stage) = (Framer::new(Direction::Server), Stage::Greeting);
        UpstreamLogin { framer, stage, starttls, hint, capabilities: Vec::new(), tokens: None, pieces: Vec::new() }
    }

    /// What the backend takes besides passwords; known when a login is sent.
    pub fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }

    /// The backend's capabilities; complete after [`LoginProgress::Done`].
    pub fn capabilities(&self) -> &[u8] {
        &self.capabilities
    }

    /// Largest literal that the backend takes without being asked first (RFC 7888 5).
    pub fn non_sync(&self) -> Option<u64> {
        capability::non_sync(&self.capabilities)
    }

    /// What comes next, for the first bytes of `input`. Without a `credential` it is done as soon as [`UpstreamLogin::tokens`] is
    /// known, and nobody is logged in.
    ///
    /// # Errors
    /// `Denied` when the credentials are refused, `Barred` when the person is for another reason, or everybody; `Down` when the
    /// backend says that it cannot judge them, `Garbage(Backend)` for everything that is no IMAP at this point.
    pub fn next(&mut self, input: &[u8], full: bool, credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        if self.stage == Stage::Secured {
            self.stage = Stage::Asked;
            return Ok(send(0, CAPABILITY));
        }
        match self.framer.next(input, full)? {
            Frame::Need => Ok(LoginProgress::Need),
            Frame::Line { len, literal: None, .. } => self.line(&input[..len], credential),
            _ => Err(Fault::Garbage(Side::Backend)),
        }
    }

    fn line(&mut self, line: &[u8], credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        let len = line.len();
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        if let Some(list) = capability::find(text) {
            self.capabilities = text[list].to_vec();
        }
        let untagged = line.starts_with(b"* ");
        if untagged && line.len() >= 5 && line[2..5].eq_ignore_ascii_case(b"BYE") {
            return Err(if is_too_many(line) { Fault::Barred(RefusalCode::TooManyConnections) } else { Fault::Down });
        }
        match self.stage {
            Stage::Greeting => self.greeting(line, credential),
            // Without a piece: a challenge that tells why a token is refused (RFC 7628 3.2.3); cancelled, so that the refusal comes.
            Stage::Trying if line.starts_with(b"+") => match self.pieces.pop() {
                Some(piece) => Ok(LoginProgress::Send(len, piece)),
                None => Ok(send(len, b"*\r\n")),
            },
            _ if untagged => Ok(send(len, b"")),
            // A backend that refuses the hint is no worse off than one that never got it.
            Stage::Trying if self.hint.is_some() && line.starts_with(HINTED) => Ok(send(len, b"")),
            _ => self.tagged(line, credential),
        }
    }

    fn greeting(&mut self, line: &[u8], credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        // PREAUTH would mean to be somebody already; it is refused like any other nonsense.
        if line.len() < 5 || !line[..5].eq_ignore_ascii_case(b"* OK ") {
            return Err(Fault::Garbage(Side::Backend));
        }
        if self.starttls {
            self.stage = Stage::StartTls;
            return Ok(send(line.len(), STARTTLS));
        }
        if self.capabilities.is_empty() {
            self.stage = Stage::Asked;
            return Ok(send(line.len(), CAPABILITY));
        }
        self.attempt(line.len(), credential)
    }

    fn tagged(&mut self, line: &[u8], credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        let tag: &[u8] = match self.stage {
            Stage::StartTls => b"n1 ",
            Stage::Asked => b"n2 ",
            Stage::AskedAgain => b"n4 ",
            _ => b"n3 ",
        };
        let status = line.strip_prefix(tag).ok_or(Fault::Garbage(Side::Backend))?;
        let ok = status.len() >= 3 && status[..3].eq_ignore_ascii_case(b"OK ");
        match self.stage {
            Stage::Trying if !ok => Err(refusal(status)),
            // An OK to half a login: nobody can say who is logged in.
            Stage::Trying if !self.pieces.is_empty() => Err(Fault::Garbage(Side::Backend)),
            _ if !ok => Err(Fault::Garbage(Side::Backend)),
            Stage::StartTls => {
                // What was said in the clear may be somebody else's word.
                self.capabilities.clear();
                self.stage = Stage::Secured;
                Ok(LoginProgress::StartTls)
            }
            Stage::Asked => self.attempt(line.len(), credential),
            Stage::Trying if self.capabilities.is_empty() => {
                self.stage = Stage::AskedAgain;
                Ok(send(line.len(), CAPABILITY_AGAIN))
            }
            _ => Ok(LoginProgress::Done(line.len())),
        }
    }

    fn attempt(&mut self, len: usize, credential: Option<&Credential>) -> Result<LoginProgress, Fault> {
        self.tokens = Some(capability::tokens(&self.capabilities));
        let Some(credential) = credential else { return Ok(LoginProgress::Done(len)) };
        let (name, response) = sasl::initial_response(credential);
        let offered = capability::has(&self.capabilities, format!("AUTH={}", name.word()).as_bytes());
        match (offered, credential.mechanism) {
            (true, _) => {}
            (false, Mechanism::Password) if capability::has(&self.capabilities, b"LOGINDISABLED") => {
                return Err(Fault::Barred(RefusalCode::BackendSetup));
            }
            (false, Mechanism::Password) => {}
            // It cannot read the token, so nothing is known of it.
            (false, Mechanism::OAuthBearer | Mechanism::XOAuth2) => return Err(Fault::Barred(RefusalCode::LoginMethod)),
        }
        let sasl_ir = capability::has(&self.capabilities, b"SASL-IR");
        let non_sync = self.non_sync().unwrap_or(0);
        self.hint = self.hint.filter(|_| capability::has(&self.capabilities, b"ID"));
        // The list after login is another one.
        self.capabilities.clear();
        self.stage = Stage::Trying;
        let mut pieces = Pieces::new(2 * response.len() + 256);
        if let Some(hint) = self.hint {
            pieces.add(format!("n0 ID (\"x-originating-ip\" \"{}\")\r\n", hint.reveal()).as_bytes());
        }
        if offered {
            pieces.add(format!("n3 AUTHENTICATE {}", name.word()).as_bytes());
            match sasl_ir {
                true => pieces.add(b" "),
                false => pieces.wait(),
            }
            pieces.add(&response);
        } else {
            pieces.add(b"n3 LOGIN ");
            pieces.astring(credential.user.reveal().as_bytes(), non_sync);
            pieces.add(b" ");
            pieces.astring(credential.secret.reveal(), non_sync);
        }
        pieces.add(b"\r\n");
        let (first, rest) = pieces.into_parts();
        self.pieces = rest;
        Ok(LoginProgress::Send(len, first))
    }
}

/// A command in pieces, each of which waits for the backend's `+`. Sized before they are filled: they hold the password, and no
/// copy of it may be left behind.
struct Pieces {
    capacity: usize,
    all: Vec<Zeroizing<Vec<u8>>>,
}

impl Pieces {
    fn new(capacity: usize) -> Pieces {
        Pieces { capacity, all: vec![Zeroizing::new(Vec::with_capacity(capacity))] }
    }

    fn add(&mut self, bytes: &[u8]) {
        if let Some(last) = self.all.last_mut() {
            last.extend_from_slice(bytes);
        }
    }

    /// The line ends here, and the rest waits.
    fn wait(&mut self) {
        self.add(b"\r\n");
        self.all.push(Zeroizing::new(Vec::with_capacity(self.capacity)));
    }

    /// As a quoted string, or as a literal where a quoted string cannot hold it (RFC 3501 9: ASCII without CR, LF and NUL). A
    /// backend that takes only shorter literals unasked than `non_sync`, or none, is asked first (RFC 7888).
    fn astring(&mut self, value: &[u8], non_sync: u64) {
        if value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.add(b"\"");
            for byte in value {
                if matches!(byte, b'"' | b'\\') {
                    self.add(b"\\");
                }
                self.add(&[*byte]);
            }
            return self.add(b"\"");
        }
        if value.len() as u64 <= non_sync {
            self.add(format!("{{{}+}}\r\n", value.len()).as_bytes());
        } else {
            self.add(format!("{{{}}}", value.len()).as_bytes());
            self.wait();
        }
        self.add(value);
    }

    /// The first, and the others with the last in front.
    fn into_parts(self) -> (Zeroizing<Vec<u8>>, Vec<Zeroizing<Vec<u8>>>) {
        let mut pieces = self.all;
        let first = if pieces.is_empty() { Zeroizing::default() } else { pieces.remove(0) };
        pieces.reverse();
        (first, pieces)
    }
}

/// What a NO to the login says of the password (RFC 5530 3): most words say that it is not at fault.
fn refusal(status: &[u8]) -> Fault {
    let code = status.get(3..).and_then(|text| text.strip_prefix(b"[")).unwrap_or_default();
    let word = code.split(|byte| matches!(byte, b']' | b' ')).next().unwrap_or_default().to_ascii_uppercase();
    match &*word {
        b"LIMIT" => Fault::Barred(RefusalCode::TooManyConnections),
        b"UNAVAILABLE" if is_too_many(status) => Fault::Barred(RefusalCode::TooManyConnections),
        b"UNAVAILABLE" | b"SERVERBUG" | b"INUSE" => Fault::Down,
        b"EXPIRED" => Fault::Barred(RefusalCode::PasswordExpired),
        b"CONTACTADMIN" => Fault::Barred(RefusalCode::AskAdmins),
        b"AUTHORIZATIONFAILED" | b"NOPERM" => Fault::Barred(RefusalCode::NotAllowed),
        b"PRIVACYREQUIRED" => Fault::Barred(RefusalCode::BackendSetup),
        _ => Fault::Denied,
    }
}

/// Dovecot 2.3 has no code of its own for it (2.4 says LIMIT), and an admin would look for an outage.
fn is_too_many(line: &[u8]) -> bool {
    memchr::memmem::find(&line.to_ascii_lowercase(), b"maximum number of connections").is_some()
}

fn send(len: usize, bytes: &[u8]) -> LoginProgress {
    LoginProgress::Send(len, Zeroizing::new(bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::{Private, Secret};

    fn alice() -> Credential {
        Credential { user: Private::new("alice".into()), secret: Secret::new(b"pw"), mechanism: Mechanism::Password }
    }

    /// What we send in answer to each of the backend's lines, and how it ends.
    fn talk(starttls: bool, lines: &[&str]) -> (Vec<String>, Result<&'static str, Fault>) {
        talk_about(None, starttls, lines)
    }

    fn talk_about(hint: Option<Hint>, starttls: bool, lines: &[&str]) -> (Vec<String>, Result<&'static str, Fault>) {
        talk_as(&alice(), hint, starttls, lines)
    }

    fn talk_as(
        who: &Credential,
        hint: Option<Hint>,
        starttls: bool,
        lines: &[&str],
    ) -> (Vec<String>, Result<&'static str, Fault>) {
        let (mut login, mut sent) = (UpstreamLogin::new(starttls, hint), Vec::new());
        for line in lines {
            let mut input = line.as_bytes();
            loop {
                match login.next(input, false, Some(who)) {
                    Err(fault) => return (sent, Err(fault)),
                    Ok(LoginProgress::Need) => break,
                    Ok(LoginProgress::Done(_)) => return (sent, Ok("done")),
                    Ok(LoginProgress::StartTls) => {
                        sent.push("<tls>".into());
                        input = b"";
                    }
                    Ok(LoginProgress::Send(len, bytes)) => {
                        input = &input[len..];
                        if !bytes.is_empty() {
                            sent.push(String::from_utf8(bytes.to_vec()).unwrap());
                        }
                    }
                }
            }
        }
        (sent, Ok("waiting"))
    }

    #[test]
    fn one_round_trip_where_the_backend_tells_all() {
        let (sent, end) =
            talk(false, &["* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n", "n3 OK [CAPABILITY IMAP4rev1 X] in\r\n"]);
        assert_eq!(sent, ["n3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n"]);
        assert_eq!(end, Ok("done"));
    }

    #[test]
    fn asks_where_the_backend_tells_nothing() {
        let lines =
            ["* OK hi\r\n", "* CAPABILITY IMAP4rev1\r\nn2 OK\r\n", "n3 OK in\r\n", "* CAPABILITY IMAP4rev1\r\nn4 OK done\r\n"];
        let (sent, end) = talk(false, &lines);
        assert_eq!(sent, ["n2 CAPABILITY\r\n"]);
        assert_eq!(end, Err(Fault::Garbage(Side::Backend)));
        let lines = [
            "* OK hi\r\n",
            "* CAPABILITY IMAP4rev1\r\nn2 OK done\r\n",
            "n3 OK in\r\n",
            "* CAPABILITY IMAP4rev1\r\nn4 OK done\r\n",
        ];
        let (sent, end) = talk(false, &lines);
        assert_eq!(sent, ["n2 CAPABILITY\r\n", "n3 LOGIN \"alice\" \"pw\"\r\n", "n4 CAPABILITY\r\n"]);
        assert_eq!(end, Ok("done"));
    }

    #[test]
    fn starttls_forgets_what_came_before() {
        let greeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hi\r\n";
        let injected = "n1 OK go\r\nn2 OK injected\r\n";
        let (sent, end) = talk(true, &[greeting, injected]);
        assert_eq!(sent, ["n1 STARTTLS\r\n", "<tls>", "n2 CAPABILITY\r\n"]);
        assert_eq!(end, Ok("waiting"));
    }

    #[test]
    fn refusals() {
        let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
        for (line, fault) in [
            ("n3 NO [AUTHENTICATIONFAILED] no\r\n", Fault::Denied),
            ("n3 NO no\r\n", Fault::Denied),
            ("n3 BAD [CANARY] no\r\n", Fault::Denied),
            ("n3 NO [UNAVAILABLE] later\r\n", Fault::Down),
            ("n3 NO [inuse] later\r\n", Fault::Down),
            ("n3 NO see [EXPIRED]\r\n", Fault::Denied),
            ("n3 NO [EXPIRED] old\r\n", Fault::Barred(RefusalCode::PasswordExpired)),
            ("n3 NO [CONTACTADMIN] x\r\n", Fault::Barred(RefusalCode::AskAdmins)),
            ("n3 NO [AuthorizationFailed] x\r\n", Fault::Barred(RefusalCode::NotAllowed)),
            ("n3 NO [PRIVACYREQUIRED] x\r\n", Fault::Barred(RefusalCode::BackendSetup)),
            ("n3 NO [LIMIT] x\r\n", Fault::Barred(RefusalCode::TooManyConnections)),
            (
                "n3 NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=4)\r\n",
                Fault::Barred(RefusalCode::TooManyConnections),
            ),
            ("* BYE full\r\n", Fault::Down),
            ("a1 OK somebody else\r\n", Fault::Garbage(Side::Backend)),
        ] {
            assert_eq!(talk(false, &[greeting, line]).1, Err(fault));
        }
        assert_eq!(talk(false, &["* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"]).1, Err(Fault::Garbage(Side::Backend)));
    }

    /// No password leaves for a backend that says it takes none; a token that it cannot read is no wrong password.
    #[test]
    fn a_backend_without_a_way_to_log_in_is_told_nothing() {
        for greeting in
            ["* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n", "* OK [CAPABILITY IMAP4rev1 logindisabled ID] x\r\n"]
        {
            assert_eq!(talk(false, &[greeting]), (vec![], Err(Fault::Barred(RefusalCode::BackendSetup))));
        }
        let greeting = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED SASL-IR AUTH=PLAIN] hi\r\n";
        assert_eq!(talk(false, &[greeting]).0, ["n3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n"]);
        for mechanism in [Mechanism::XOAuth2, Mechanism::OAuthBearer] {
            let token = Credential { mechanism, secret: Secret::new(b"user=alice\x01auth=Bearer t\x01\x01"), ..alice() };
            let told = talk_as(&token, None, false, &[greeting]);
            assert_eq!(told, (vec![], Err(Fault::Barred(RefusalCode::LoginMethod))));
        }
    }

    #[test]
    fn what_a_backend_takes_is_known_without_a_login() {
        let mut login = UpstreamLogin::new(false, None);
        let greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2] hi\r\n";
        assert!(login.tokens().is_none());
        assert!(matches!(login.next(greeting, false, None), Ok(LoginProgress::Done(_))));
        assert_eq!(login.tokens(), Some(Tokens { xoauth2: true, bearer: false }));
    }

    /// Courier has neither AUTH=PLAIN without TLS nor LITERAL+.
    #[test]
    fn a_password_outside_of_ascii_waits_for_the_backend() {
        let with = |user: &str, secret: &str| Credential {
            user: Private::new(user.into()),
            secret: Secret::new(secret.as_bytes()),
            mechanism: Mechanism::Password,
        };
        let greeting = "* OK [CAPABILITY IMAP4rev1 THREAD=REFERENCES] Courier-IMAP ready\r\n";
        let done = "n3 OK [CAPABILITY IMAP4rev1] in\r\n";
        let (sent, end) = talk_as(&with("alice", "clé"), None, false, &[greeting, "+ OK\r\n", done]);
        assert_eq!(sent, ["n3 LOGIN \"alice\" {4}\r\n", "clé\r\n"]);
        assert_eq!(end, Ok("done"));
        let (sent, end) = talk_as(&with("zoé", "clé"), None, false, &[greeting, "+ OK\r\n", "+ OK\r\n", "n3 NO wrong\r\n"]);
        assert_eq!(sent, ["n3 LOGIN {4}\r\n", "zoé {4}\r\n", "clé\r\n"]);
        assert_eq!(end, Err(Fault::Denied));
        // Refused before the password was sent; and an OK to half a login is none.
        assert_eq!(talk_as(&with("alice", "clé"), None, false, &[greeting, "n3 NO [UNAVAILABLE] x\r\n"]).1, Err(Fault::Down));
        let half = talk_as(&with("alice", "clé"), None, false, &[greeting, done]);
        assert_eq!(half.1, Err(Fault::Garbage(Side::Backend)));
        // What is longer than LITERAL- takes unasked is asked for; what is shorter is not.
        let minus = greeting.replace("THREAD=REFERENCES", "LITERAL-");
        let long = "é".repeat(2049);
        assert_eq!(talk_as(&with("a", &long), None, false, &[&minus]).0, ["n3 LOGIN \"a\" {4098}\r\n"]);
        assert_eq!(talk_as(&with("a", "é"), None, false, &[&minus]).0, ["n3 LOGIN \"a\" {2+}\r\né\r\n"]);
    }

    #[test]
    fn a_hint_goes_out_with_the_login_and_only_where_there_is_id() {
        let keys = crate::private::Pseudonymiser::new().unwrap();
        let hint = keys.hint(keys.account("alice"));
        let told = format!("n0 ID (\"x-originating-ip\" \"{}\")\r\nn3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n", hint.reveal());
        assert!(told.contains("\"fd"), "{told}");
        let with = "* OK [CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN] hi\r\n";
        let done = "n3 OK [CAPABILITY IMAP4rev1 X] in\r\n";
        for answer in ["* ID (\"name\" \"x\")\r\nn0 OK done\r\n", "* ID NIL\r\nn0 NO never\r\n", "n0 BAD what\r\n"] {
            let lines: Vec<_> = std::iter::once(with).chain(answer.split_inclusive('\n')).chain([done]).collect();
            assert_eq!(talk_about(Some(hint), false, &lines), (vec![told.clone()], Ok("done")));
        }
        let without = with.replace(" ID", "");
        let (sent, end) = talk_about(Some(hint), false, &[&without, done]);
        assert_eq!((&sent[..], end), (&["n3 AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n".to_owned()][..], Ok("done")));
        let unasked = talk(false, &[with, "n0 OK done\r\n"]);
        assert_eq!(unasked.1, Err(Fault::Garbage(Side::Backend)));
        // Nothing is told before TLS.
        let (sent, _) =
            talk_about(Some(hint), true, &[with, "n1 OK go\r\n", "* CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN\r\nn2 OK\r\n"]);
        assert_eq!(sent[..3], ["n1 STARTTLS\r\n", "<tls>", "n2 CAPABILITY\r\n"]);
    }
}
