//! Before login we are the server: greeting, CAPABILITY, ID, NOOP, STARTTLS, LOGIN, AUTHENTICATE, LOGOUT (RFC 9051 6.1, 6.2).
//!
//! Whole commands are collected here, with their literals, in at most [`COMMAND`] octets: nobody has proven anything yet.
//! LOGIN is read by our own few lines and not by imap-codec, because its values would leave copies of the password in
//! memory that nobody wipes.

use zeroize::Zeroizing;

use super::command::{self, CommandHead};
use super::frame::{Direction, Flaw, Frame, Framer, Literal};
use super::tag::Tag;
use super::verbs::Verb;
use super::{capability, reply};
use crate::fault::{Fault, RefusalCode, Side};
use crate::private::{Credential, Mechanism, Private, Secret};
use crate::wire::protection::Protection;
use crate::wire::sasl::{self, Exchange, MechanismName};
use crate::wire::tokens::Tokens;

/// Octets of one command before login, literals included. The longest honest ones are AUTHENTICATE with a token, and ID with as many
/// and as long fields as RFC 2971 3.3 allows: 31,806 octets.
pub const COMMAND: usize = 34 * 1024;

/// Commands before login, also honest ones. A mail program needs about five.
const COMMANDS: u8 = 50;

/// What a node's word of itself begins with, in its greeting to another node (docs/many-nodes.md).
pub const NODE_WORD: &str = "XNOLOGD-NODE=";

/// What to do with the first bytes from a client that has not logged in.
pub enum Before {
    /// More bytes are needed.
    Need,
    /// Take the bytes away and answer (with nothing, maybe).
    Answer(usize, Vec<u8>),
    /// Take the bytes away, answer, drop all other input, and start TLS.
    StartTls(usize, Vec<u8>),
    /// Take the bytes away and try this at the backend.
    Try(usize, LoginAttempt),
    /// The client said LOGOUT, or an error ends the session: these are the last words.
    Close(usize, Vec<u8>, Option<Fault>),
}

/// One login attempt, to be answered with its tag.
pub struct LoginAttempt {
    /// The tag of LOGIN or AUTHENTICATE.
    pub tag: Tag<'static>,
    /// What was presented.
    pub credential: Credential,
}

/// A session before login.
pub struct ImapLogin {
    framer: Framer,
    protection: Protection,
    command: Zeroizing<Vec<u8>>,
    exchange: Option<(Tag<'static>, Exchange)>,
    /// What backends take besides passwords.
    tokens: Tokens,
    left: u8,
}

impl ImapLogin {
    /// A new session. After STARTTLS a new one is made: nothing from before counts.
    pub fn new(protection: Protection) -> ImapLogin {
        let framer = Framer::new(Direction::Client);
        let (command, tokens) = Default::default();
        ImapLogin { framer, protection, command, exchange: None, tokens, left: COMMANDS }
    }

    /// The same, with these mechanisms for tokens besides those for passwords: a backend has them.
    pub fn offering(self, tokens: Tokens) -> ImapLogin {
        ImapLogin { tokens, ..self }
    }

    /// The first line we send (not after STARTTLS).
    pub fn greeting(&self) -> Vec<u8> {
        format!("* OK [CAPABILITY {}] nologd ready\r\n", self.capabilities()).into_bytes()
    }

    /// The same to another node, which is told what this one is.
    pub fn greeting_to_node(&self, word: &str) -> Vec<u8> {
        format!("* OK [CAPABILITY {} {NODE_WORD}{word}] nologd ready\r\n", self.capabilities()).into_bytes()
    }

    fn capabilities(&self) -> String {
        capability::before_login(self.protection == Protection::Secure, self.tokens)
    }

    /// What to do with the first bytes of `input`.
    pub fn next(&mut self, input: &[u8]) -> Before {
        match self.framer.next(input, input.len() >= COMMAND) {
            Err(fault) => close(input.len(), fault),
            Ok(Frame::Need) => Before::Need,
            Ok(Frame::Piece { len }) => close(len, Fault::TooLong(Side::Client)),
            Ok(Frame::Literal { len, .. }) => {
                self.keep(&input[..len]);
                Before::Answer(len, Vec::new())
            }
            Ok(Frame::Line { len, flaw: Some(Flaw::Ambiguous), .. }) => close(len, Fault::Garbage(Side::Client)),
            Ok(Frame::Line { len, literal, flaw }) => self.line(&input[..len], literal, flaw),
        }
    }

    fn line(&mut self, line: &[u8], literal: Option<Literal>, flaw: Option<Flaw>) -> Before {
        let len = line.len();
        // The bound is the same whether the line came in one piece or in many.
        if len > COMMAND.saturating_sub(self.command.len()) {
            return close(len, Fault::TooLong(Side::Client));
        }
        if let Some(literal) = literal {
            if literal.size > (COMMAND - self.command.len().min(COMMAND)).saturating_sub(len) as u64 {
                return close(len, Fault::TooLong(Side::Client));
            }
            self.keep(line);
            self.framer.enter(literal.size);
            return Before::Answer(len, if literal.sync { reply::go_on() } else { Vec::new() });
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return close(len, Fault::Limit);
        }
        if let Some((tag, exchange)) = self.exchange.take() {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            return self.sasl(len, tag, exchange.answer(text));
        }
        if self.command.is_empty() {
            return self.decide(line, len, flaw);
        }
        self.keep(line);
        let command = std::mem::take(&mut self.command);
        self.decide(&command, len, flaw)
    }

    // Grows in one step: a vector that grows bit by bit leaves copies of a password behind.
    fn keep(&mut self, bytes: &[u8]) {
        if self.command.capacity() == 0 {
            self.command.reserve_exact(COMMAND + 1024);
        }
        let room = self.command.capacity() - self.command.len();
        self.command.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn decide(&mut self, command: &[u8], len: usize, flaw: Option<Flaw>) -> Before {
        let Some(head) = command::head(first_line(command)).filter(|_| flaw.is_none()) else {
            return Before::Answer(len, reply::bad_line(command, RefusalCode::Syntax));
        };
        let secure = self.protection == Protection::Secure;
        let answer = match head.row.verb {
            Verb::Capability => {
                let list = format!("* CAPABILITY {}\r\n", self.capabilities());
                [list.as_bytes(), &reply::ok(&head.tag, "CAPABILITY done")].concat()
            }
            Verb::Noop => reply::ok(&head.tag, "NOOP done"),
            Verb::Id => reply::id(&head.tag),
            Verb::Logout => {
                let words = [b"* BYE Goodbye\r\n", &reply::ok(&head.tag, "LOGOUT done")[..]].concat();
                return Before::Close(len, words, None);
            }
            Verb::StartTls if !secure && head.arguments.is_empty() => {
                return Before::StartTls(len, reply::ok(&head.tag, "Begin TLS negotiation now"));
            }
            Verb::Login | Verb::Authenticate if !secure => reply::refused(&head.tag, RefusalCode::TlsFirst),
            Verb::Login => return self.login(command, &head, len),
            Verb::Authenticate => return self.authenticate(&head, len),
            Verb::StartTls => reply::bad(&head.tag, RefusalCode::NotHere),
            _ => reply::bad(&head.tag, RefusalCode::LoginFirst),
        };
        Before::Answer(len, answer)
    }

    fn login(&mut self, command: &[u8], head: &CommandHead<'_>, len: usize) -> Before {
        let start = head.tag.octets().len() + b" LOGIN ".len();
        let credential = command.get(start..).and_then(user_and_password);
        match credential {
            // As a wrong one, RFC 9051 7.1: the mail program asks its person. No backend is asked.
            Some(credential) if credential.secret.reveal().is_empty() => Before::Answer(len, denied(&head.tag)),
            Some(credential) => Before::Try(len, LoginAttempt { tag: head.tag.kept(), credential }),
            None => Before::Answer(len, reply::bad(&head.tag, RefusalCode::Syntax)),
        }
    }

    fn authenticate(&mut self, head: &CommandHead<'_>, len: usize) -> Before {
        let mut words = head.arguments.splitn(2, |byte| *byte == b' ');
        let name = words.next().and_then(MechanismName::parse).filter(|name| self.tokens.allow(*name));
        let initial = words.next();
        match name {
            Some(name) => self.sasl(len, head.tag.kept(), sasl::start(name, initial)),
            None => Before::Answer(len, reply::refused(&head.tag, RefusalCode::LoginMethod)),
        }
    }

    fn sasl(&mut self, len: usize, tag: Tag<'static>, step: sasl::SaslStep) -> Before {
        match step {
            sasl::SaslStep::Challenge(text, exchange) => {
                self.exchange = Some((tag, exchange));
                Before::Answer(len, [b"+ ", text.as_bytes(), b"\r\n"].concat())
            }
            sasl::SaslStep::Done(credential) => Before::Try(len, LoginAttempt { tag, credential }),
            sasl::SaslStep::Refused(sasl::SaslRefusal::Foreign | sasl::SaslRefusal::Empty) => Before::Answer(len, denied(&tag)),
            sasl::SaslStep::Refused(_) => Before::Answer(len, reply::bad(&tag, RefusalCode::Syntax)),
        }
    }
}

/// The answer to a login that was refused: the same for an unknown user, an unknown domain and a wrong password.
pub fn denied(tag: &Tag<'_>) -> Vec<u8> {
    reply::refused(tag, RefusalCode::WrongPassword)
}

/// The answer to a login that the backend accepted, with its capabilities as the client is told them.
pub fn welcome(tag: &Tag<'_>, capabilities: &[u8], append_limit: u64) -> Vec<u8> {
    let list = capability::after_login(capabilities, append_limit);
    [tag.octets(), b" OK [CAPABILITY ", &list, b"] Logged in\r\n"].concat()
}

fn close(len: usize, fault: Fault) -> Before {
    Before::Close(len, reply::bye(fault), Some(fault))
}

fn first_line(command: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', command).map_or(command.len(), |at| at + 1);
    &command[..end]
}

fn user_and_password(arguments: &[u8]) -> Option<Credential> {
    let (user, taken) = value(arguments)?;
    let rest = arguments.get(taken..)?.strip_prefix(b" ")?;
    let (password, taken) = value(rest)?;
    let usable = rest.get(taken..)? == b"\r\n" && !password.contains(&0);
    let user = std::str::from_utf8(&user).ok().filter(|user| !user.is_empty() && !user.chars().any(char::is_control))?;
    let secret = Secret::new(&password);
    usable.then(|| Credential { user: Private::new(user.into()), secret, mechanism: Mechanism::Password })
}

/// An astring that may be a literal with its bytes behind it.
fn value(text: &[u8]) -> Option<(Zeroizing<Vec<u8>>, usize)> {
    if let Some((value, taken)) = command::astring(text) {
        return Some((Zeroizing::new(value), taken));
    }
    let line = text.strip_prefix(b"{")?;
    let end = memchr::memchr(b'\n', line)?;
    let digits = line[..end].strip_suffix(b"}\r")?;
    let digits = digits.strip_suffix(b"+").or(digits.strip_suffix(b"-")).unwrap_or(digits);
    let size: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let start = end + 2;
    let bytes = text.get(start..start.checked_add(size)?)?;
    Some((Zeroizing::new(bytes.to_vec()), start + size))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Feeds all of `input`, and gives what was said and what is tried.
    fn talk(protection: Protection, input: &[u8]) -> (String, Option<(String, Vec<u8>)>) {
        let (mut login, mut said, mut rest) = (ImapLogin::new(protection), Vec::new(), input);
        loop {
            match login.next(rest) {
                Before::Need => return (String::from_utf8(said).unwrap(), None),
                Before::Answer(len, answer) => {
                    said.extend(answer);
                    rest = &rest[len..];
                }
                Before::Try(_, LoginAttempt { credential, .. }) => {
                    let found = (credential.user.reveal().to_string(), credential.secret.reveal().to_vec());
                    return (String::from_utf8(said).unwrap(), Some(found));
                }
                Before::StartTls(_, words) | Before::Close(_, words, _) => {
                    said.extend(words);
                    return (String::from_utf8(said).unwrap(), None);
                }
            }
        }
    }

    #[test]
    fn every_form_of_login() {
        let alice = Some(("alice@velo.example".to_owned(), b"p w\"".to_vec()));
        for input in [
            &b"a LOGIN alice@velo.example \"p w\\\"\"\r\n"[..],
            b"a login {18}\r\nalice@velo.example {4}\r\np w\"\r\n",
            b"a LOGIN {18+}\r\nalice@velo.example {4+}\r\np w\"\r\n",
            b"a AUTHENTICATE PLAIN AGFsaWNlQHZlbG8uZXhhbXBsZQBwIHci\r\n",
            b"a AUTHENTICATE PLAIN\r\nAGFsaWNlQHZlbG8uZXhhbXBsZQBwIHci\r\n",
            b"a AUTHENTICATE LOGIN\r\nYWxpY2VAdmVsby5leGFtcGxl\r\ncCB3Ig==\r\n",
        ] {
            assert!(talk(Protection::Secure, input).1 == alice, "{}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn nothing_is_tried_without_tls_and_nothing_wrong_is_tried() {
        let (said, tried) = talk(Protection::StartTls, b"a LOGIN alice secret\r\nb AUTHENTICATE PLAIN\r\n");
        assert!(tried.is_none() && said.contains("a NO [PRIVACYREQUIRED]") && said.contains("b NO [PRIVACYREQUIRED]"));
        for input in
            [&b"a LOGIN alice\r\n"[..], b"a LOGIN alice x y\r\n", b"a LOGIN \"al\r\n", b"a LOGIN {0}\r\n x\r\n", b"a LOGIN\r\n"]
        {
            let (said, tried) = talk(Protection::Secure, input);
            assert!(tried.is_none() && said.contains("a BAD"), "{said}");
        }
    }

    #[test]
    fn an_empty_password_is_answered_as_a_wrong_one_and_not_tried() {
        for input in [
            &b"a LOGIN alice \"\"\r\n"[..],
            b"a LOGIN alice {0}\r\n\r\n",
            b"a AUTHENTICATE PLAIN AGFsaWNlQHZlbG8uZXhhbXBsZQA=\r\n",
            b"a AUTHENTICATE LOGIN\r\nYWxpY2U=\r\n\r\n",
        ] {
            let (said, tried) = talk(Protection::Secure, input);
            assert!(tried.is_none() && said.contains("a NO [AUTHENTICATIONFAILED]"), "{said}");
        }
    }

    /// A mechanism that no backend has is not offered, and a try with it is none.
    #[test]
    fn tokens_are_taken_where_a_backend_has_them() {
        let blob = b"user=alice@velo.example\x01auth=Bearer t\x01\x01";
        let command = [&b"a AUTHENTICATE XOAUTH2 "[..], STANDARD.encode(blob).as_bytes(), b"\r\n"].concat();
        let mut login = ImapLogin::new(Protection::Secure);
        assert!(!login.greeting().windows(12).any(|word| word == b"AUTH=XOAUTH2"));
        let Before::Answer(_, answer) = login.next(&command) else { panic!("it was tried") };
        assert!(answer.starts_with(b"a NO [CANNOT] ") && answer.ends_with(b" (LOGIN-METHOD)\r\n"));
        let mut login = ImapLogin::new(Protection::Secure).offering(Tokens { xoauth2: true, bearer: false });
        let greeting = String::from_utf8(login.greeting()).unwrap();
        assert!(greeting.contains(" AUTH=XOAUTH2") && !greeting.contains("OAUTHBEARER"), "{greeting}");
        assert!(matches!(login.next(&command), Before::Try(..)));
        assert!(matches!(login.next(b"b AUTHENTICATE OAUTHBEARER\r\n"), Before::Answer(..)));
        let clear = ImapLogin::new(Protection::StartTls).offering(Tokens { xoauth2: true, bearer: true });
        assert!(!String::from_utf8(clear.greeting()).unwrap().contains("AUTH="));
    }

    #[test]
    fn bounds() {
        let (said, _) = talk(Protection::Secure, b"a LOGIN {40000}\r\n");
        assert!(said.contains("* BYE") && said.contains("LINE-TOO-LONG"));
        let (said, _) = talk(Protection::Secure, &vec![b'x'; COMMAND]);
        assert!(said.contains("LINE-TOO-LONG"));
        let (said, _) = talk(Protection::Secure, &b"a NOOP\r\n".repeat(60));
        assert!(said.contains("* BYE [LIMIT]"));
    }

    #[test]
    fn login_reads_what_imap_codec_reads() {
        use imap_codec::CommandCodec;
        use imap_codec::decode::Decoder;
        use imap_codec::imap_types::command::CommandBody;
        for input in
            [&b"a LOGIN alice secret\r\n"[..], b"a LOGIN \"al\\\\ice\" \"s\\\"\"\r\n", b"a LOGIN {2+}\r\nab {3+}\r\nx\"y\r\n"]
        {
            let (_, oracle) = CommandCodec::default().decode(input).unwrap();
            let CommandBody::Login { username, password } = oracle.body else { panic!() };
            let (user, secret) = talk(Protection::Secure, input).1.unwrap();
            assert_eq!(user.as_bytes(), username.as_ref());
            assert_eq!(secret, password.declassify().as_ref());
        }
    }
}
