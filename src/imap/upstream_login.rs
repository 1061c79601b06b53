//! Towards the backend, until it accepts the credentials: greeting, STARTTLS where asked for, AUTHENTICATE or LOGIN.
//!
//! Pure: it is fed with what the backend sent and says what to send next. One round trip after the greeting, where the
//! backend tells its capabilities in the greeting, as Dovecot and Cyrus do.
//! Absent on purpose: sending ID, but for a [`Hint`] where the admin wants one. A backend learns nothing about clients, and of us
//! only what the conversation shows. The hint goes out in front of the login in one piece with it: it costs no round trip.

use zeroize::Zeroizing;

use super::capability;
use super::frame::{Direction, Frame, Framer};
use crate::fault::{Fault, Side};
use crate::private::{Credential, Hint, Mechanism};
use crate::wire::sasl;

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
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    StartTls,
    /// TLS has just begun: nothing is known of what came before.
    Secured,
    /// CAPABILITY was asked for, before login.
    Asked,
    /// AUTHENTICATE or LOGIN was sent; `response`: a `+` is still to be answered with the initial response.
    Trying {
        response: bool,
    },
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
        UpstreamLogin { framer: Framer::new(Direction::Server), stage: Stage::Greeting, starttls, hint, capabilities: Vec::new() }
    }

    /// The backend's capabilities; complete after [`LoginProgress::Done`].
    pub fn capabilities(&self) -> &[u8] {
        &self.capabilities
    }

    /// Largest literal that the backend takes without being asked first (RFC 7888 5).
    pub fn non_sync(&self) -> Option<u64> {
        capability::non_sync(&self.capabilities)
    }

    /// What comes next, for the first bytes of `input`.
    ///
    /// # Errors
    /// `Denied` when the credentials are refused, `Down` when the backend says that it cannot judge them,
    /// `Garbage(Backend)` for everything that is no IMAP at this point.
    pub fn next(&mut self, input: &[u8], full: bool, credential: &Credential) -> Result<LoginProgress, Fault> {
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

    fn line(&mut self, line: &[u8], credential: &Credential) -> Result<LoginProgress, Fault> {
        let len = line.len();
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        if let Some(list) = capability::find(text) {
            self.capabilities = text[list].to_vec();
        }
        let untagged = line.starts_with(b"* ");
        if untagged && line.len() >= 5 && line[2..5].eq_ignore_ascii_case(b"BYE") {
            return Err(Fault::Down);
        }
        match self.stage {
            Stage::Greeting => self.greeting(line, credential),
            Stage::Trying { response: true } if line.starts_with(b"+") => {
                self.stage = Stage::Trying { response: false };
                let (_, mut response) = sasl::initial_response(credential);
                response.extend_from_slice(b"\r\n");
                Ok(LoginProgress::Send(len, response))
            }
            // A challenge that tells why a token is refused (RFC 7628 3.2.3); cancelled, so that the refusal comes.
            Stage::Trying { response: false } if line.starts_with(b"+") => Ok(send(len, b"*\r\n")),
            _ if untagged => Ok(send(len, b"")),
            // A backend that refuses the hint is no worse off than one that never got it.
            Stage::Trying { .. } if self.hint.is_some() && line.starts_with(HINTED) => Ok(send(len, b"")),
            _ => self.tagged(line, credential),
        }
    }

    fn greeting(&mut self, line: &[u8], credential: &Credential) -> Result<LoginProgress, Fault> {
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

    fn tagged(&mut self, line: &[u8], credential: &Credential) -> Result<LoginProgress, Fault> {
        let tag: &[u8] = match self.stage {
            Stage::StartTls => b"n1 ",
            Stage::Asked => b"n2 ",
            Stage::AskedAgain => b"n4 ",
            _ => b"n3 ",
        };
        let status = line.strip_prefix(tag).ok_or(Fault::Garbage(Side::Backend))?;
        let ok = status.len() >= 3 && status[..3].eq_ignore_ascii_case(b"OK ");
        match self.stage {
            Stage::Trying { .. } if !ok => Err(refusal(status)),
            _ if !ok => Err(Fault::Garbage(Side::Backend)),
            Stage::StartTls => {
                // What was said in the clear may be somebody else's word.
                self.capabilities.clear();
                self.stage = Stage::Secured;
                Ok(LoginProgress::StartTls)
            }
            Stage::Asked => self.attempt(line.len(), credential),
            Stage::Trying { .. } if self.capabilities.is_empty() => {
                self.stage = Stage::AskedAgain;
                Ok(send(line.len(), CAPABILITY_AGAIN))
            }
            _ => Ok(LoginProgress::Done(line.len())),
        }
    }

    fn attempt(&mut self, len: usize, credential: &Credential) -> Result<LoginProgress, Fault> {
        let (name, response) = sasl::initial_response(credential);
        let offered = capability::has(&self.capabilities, format!("AUTH={}", name.word()).as_bytes());
        let sasl_ir = capability::has(&self.capabilities, b"SASL-IR");
        let non_sync = self.non_sync().is_some();
        self.hint = self.hint.filter(|_| capability::has(&self.capabilities, b"ID"));
        // The list after login is another one.
        self.capabilities.clear();
        self.stage = Stage::Trying { response: offered && !sasl_ir };
        // Grows in one step: LOGIN holds the password, and no copy of it may be left behind.
        let mut command = Zeroizing::new(Vec::with_capacity(2 * response.len() + 256));
        if let Some(hint) = self.hint {
            command.extend_from_slice(format!("n0 ID (\"x-originating-ip\" \"{}\")\r\n", hint.reveal()).as_bytes());
        }
        command.extend_from_slice(b"n3 ");
        match (offered, credential.mechanism) {
            (true, _) => {
                command.extend_from_slice(b"AUTHENTICATE ");
                command.extend_from_slice(name.word().as_bytes());
                if sasl_ir {
                    command.push(b' ');
                    command.extend_from_slice(&response);
                }
            }
            (false, Mechanism::Password) => {
                command.extend_from_slice(b"LOGIN ");
                astring(&mut command, credential.user.reveal().as_bytes(), non_sync)?;
                command.push(b' ');
                astring(&mut command, credential.secret.reveal(), non_sync)?;
            }
            // A token for a backend that takes none: as wrong as a wrong password.
            (false, _) => return Err(Fault::Denied),
        }
        command.extend_from_slice(b"\r\n");
        Ok(LoginProgress::Send(len, command))
    }
}

/// As a quoted string, or as a literal where a quoted string cannot hold it.
fn astring(command: &mut Vec<u8>, value: &[u8], non_sync: bool) -> Result<(), Fault> {
    if value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        command.push(b'"');
        for byte in value {
            if matches!(byte, b'"' | b'\\') {
                command.push(b'\\');
            }
            command.push(*byte);
        }
        command.push(b'"');
        return Ok(());
    }
    if !non_sync {
        return Err(Fault::Denied);
    }
    command.extend_from_slice(format!("{{{}+}}\r\n", value.len()).as_bytes());
    command.extend_from_slice(value);
    Ok(())
}

fn refusal(status: &[u8]) -> Fault {
    let code = status.iter().position(|byte| *byte == b'[').map_or(&b""[..], |at| &status[at..]);
    let unable = [&b"[UNAVAILABLE]"[..], b"[SERVERBUG]", b"[INUSE]", b"[LIMIT]"];
    let said = |word: &&[u8]| code.len() >= word.len() && code[..word.len()].eq_ignore_ascii_case(word);
    if unable.iter().any(said) { Fault::Down } else { Fault::Denied }
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
        let (mut login, mut sent) = (UpstreamLogin::new(starttls, hint), Vec::new());
        for line in lines {
            let mut input = line.as_bytes();
            loop {
                match login.next(input, false, &alice()) {
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
            ("n3 NO [UNAVAILABLE] later\r\n", Fault::Down),
            ("* BYE full\r\n", Fault::Down),
            ("a1 OK somebody else\r\n", Fault::Garbage(Side::Backend)),
        ] {
            assert_eq!(talk(false, &[greeting, line]).1, Err(fault));
        }
        assert_eq!(talk(false, &["* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"]).1, Err(Fault::Garbage(Side::Backend)));
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
