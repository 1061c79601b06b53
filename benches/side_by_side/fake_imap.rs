//! The made-up IMAP backend: as fast as it can be, so that the proxies in front are what is measured.
//!
//! Any password is right. `SELECT B1000` makes the body of message 1 a thousand octets long, whatever is fetched; `SELECT W1000`
//! brings a letter to who waits in IDLE for a thousand milliseconds. APPENDed
//! octets are read and forgotten. No mailbox has a state. What is not known gets OK: the peers ask all sorts of things.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::{Res, load};

const CAPABILITY: &str = "CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE NAMESPACE UIDPLUS UNSELECT SPECIAL-USE \
                          QUOTA STATUS=SIZE AUTH=PLAIN AUTH=LOGIN";
/// Lines of 76 characters, as base64 comes in mail; longer bodies repeat it.
const CHUNK: usize = 78 * 1024;

/// Where a session stands: the size of the body it will be asked for, and when the next letter comes.
struct Session {
    io: BufReader<TcpStream>,
    body: usize,
    letter: Option<Duration>,
}

pub async fn session(socket: TcpStream) -> Res<()> {
    socket.set_nodelay(true)?;
    // Small: ten thousand idle sessions are kept open.
    let mut session = Session { io: BufReader::with_capacity(4096, socket), body: 1000, letter: None };
    session.say(format!("* OK [{CAPABILITY}] ready\r\n")).await?;
    while let Some(line) = session.line().await? {
        let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let (verb, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
        let verb = verb.to_ascii_uppercase();
        session.answer(tag, &verb, arguments).await?;
        if verb == "LOGOUT" {
            break;
        }
    }
    Ok(())
}

impl Session {
    async fn answer(&mut self, tag: &str, verb: &str, arguments: &str) -> Res<()> {
        match verb {
            "APPEND" => return self.append(tag, arguments).await,
            "UID" | "FETCH" if arguments.to_ascii_uppercase().contains("BODY") => return self.body(tag).await,
            "AUTHENTICATE" if !arguments.contains(' ') => {
                self.say("+ \r\n".into()).await?;
                self.line().await?;
            }
            "IDLE" => {
                self.say("+ idling\r\n".into()).await?;
                self.wait().await?;
            }
            _ => self.literals(arguments).await?,
        }
        let text = match verb {
            "CAPABILITY" => format!("* {CAPABILITY}\r\n{tag} OK done\r\n"),
            "LOGIN" | "AUTHENTICATE" => format!("{tag} OK [{CAPABILITY}] logged in\r\n"),
            "ID" => format!("* ID NIL\r\n{tag} OK done\r\n"),
            "SELECT" | "EXAMINE" => self.select(tag, arguments),
            "STATUS" => {
                let name = arguments.split(" (").next().unwrap_or("INBOX");
                format!("* STATUS {name} (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1 UNSEEN 0 SIZE 1000)\r\n{tag} OK done\r\n")
            }
            "LIST" => format!("* LIST () \"/\" INBOX\r\n* LIST (\\Sent) \"/\" Sent\r\n{tag} OK done\r\n"),
            "NAMESPACE" => format!("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n{tag} OK done\r\n"),
            "GETQUOTAROOT" | "GETQUOTA" => {
                format!(
                    "* QUOTAROOT INBOX \"u\"\r\n* QUOTA \"u\" (STORAGE 1 1000000000 MESSAGE 1 100000000)\r\n{tag} OK done\r\n"
                )
            }
            "LOGOUT" => format!("* BYE bye\r\n{tag} OK done\r\n"),
            _ => format!("{tag} OK done\r\n"),
        };
        self.say(text).await
    }

    fn select(&mut self, tag: &str, arguments: &str) -> String {
        let name = arguments.trim_matches('"');
        if let Some(size) = name.strip_prefix('B').and_then(|size| size.parse().ok()) {
            self.body = size;
        }
        self.letter = name.strip_prefix('W').and_then(|time| time.parse().ok()).map(Duration::from_millis);
        format!(
            "* FLAGS (\\Seen)\r\n* 1 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 2] ok\r\n\
             {tag} OK [READ-WRITE] done\r\n"
        )
    }

    /// In IDLE, until DONE. What came when the letter is told is not lost: it stays in the buffer.
    async fn wait(&mut self) -> Res<()> {
        if let Some(letter) = self.letter {
            let quiet = tokio::time::timeout(letter, self.io.fill_buf()).await.is_err();
            if quiet {
                self.say("* 2 EXISTS\r\n".into()).await?;
            }
        }
        self.line().await.map(drop)
    }

    async fn body(&mut self, tag: &str) -> Res<()> {
        self.say(format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n", self.body)).await?;
        let chunk = body_chunk();
        let mut left = self.body;
        while left > 0 {
            let part = chunk.get(..left).unwrap_or(chunk);
            self.io.get_mut().write_all(part).await?;
            left -= part.len();
        }
        self.say(format!(")\r\n{tag} OK done\r\n")).await
    }

    /// Mailbox names given as literals come first, the message last: all are swallowed alike, and so is MULTIAPPEND.
    async fn append(&mut self, tag: &str, arguments: &str) -> Res<()> {
        self.literals(arguments).await?;
        self.say(format!("{tag} OK [APPENDUID 1 2] done\r\n")).await
    }

    /// RFC 3501 4.3, RFC 7888: while the line ends in a literal, its octets and a further line belong to the command.
    async fn literals(&mut self, arguments: &str) -> Res<()> {
        let mut line = arguments.to_owned();
        while let Some((size, wait)) = literal(&line) {
            if wait {
                self.say("+ go on\r\n".into()).await?;
            }
            load::swallow(&mut self.io, size).await?;
            line = self.line().await?.unwrap_or_default();
        }
        Ok(())
    }

    async fn line(&mut self) -> Res<Option<String>> {
        let mut line = Vec::new();
        if self.io.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    async fn say(&mut self, text: String) -> Res<()> {
        Ok(self.io.get_mut().write_all(text.as_bytes()).await?)
    }
}

/// The size announced at the end of a line, and whether the sender waits for `+`.
fn literal(line: &str) -> Option<(u64, bool)> {
    let inside = line.strip_suffix('}')?;
    let size = inside.get(inside.rfind('{')? + 1..)?;
    match size.strip_suffix(['+', '-']) {
        Some(size) => Some((size.parse().ok()?, false)),
        None => Some((size.parse().ok()?, true)),
    }
}

pub fn body_chunk() -> &'static [u8] {
    static TEXT: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| [vec![b'x'; 76], b"\r\n".to_vec()].concat().repeat(CHUNK / 78))
}
