//! A client over a bare socket, that gives answers in a form in which two servers' answers can be compared.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    /// Connects and reads the greeting.
    pub fn connect(port: u16) -> Wire {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut wire = Wire { stream: BufReader::new(stream) };
        assert!(wire.line().starts_with("* OK"));
        wire
    }

    /// The answer to LOGIN.
    pub fn log_in(&mut self, user: &str, password: &str) -> Result<(), String> {
        let answer = self.ask(&format!("LOGIN {user} {password}"));
        if answer.contains("t OK") { Ok(()) } else { Err(answer) }
    }

    /// AUTH PLAIN at a submission listener.
    pub fn may_submit(port: u16, user: &str, password: &str) -> bool {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut wire = Wire { stream: BufReader::new(stream) };
        assert!(wire.line().starts_with("220"));
        wire.send(b"EHLO webmail.example\r\n");
        while wire.line().starts_with("250-") {}
        let secret = STANDARD.encode(format!("\0{user}\0{password}"));
        wire.send(format!("AUTH PLAIN {secret}\r\n").as_bytes());
        wire.line().starts_with("235")
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // The other side may be gone already; then there is nothing to read either.
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Reads and forgets what comes within `limit` of silence.
    pub fn drain(&mut self, limit: Duration) {
        self.stream.get_mut().set_read_timeout(Some(limit)).unwrap();
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && self.stream.get_mut().read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("no answer: {error}"),
        }
        String::from_utf8(line).unwrap()
    }

    /// The whole answer to `command`, in comparable form; the last line is the tagged one, or `END` if the server closed.
    pub fn ask(&mut self, command: &str) -> String {
        self.send(format!("t {command}\r\n").as_bytes());
        self.answer()
    }

    /// IDLE and DONE.
    pub fn idle(&mut self) -> String {
        self.send(b"t IDLE\r\n");
        let begun = self.line();
        if !begun.starts_with('+') {
            return comparable(&begun);
        }
        self.send(b"DONE\r\n");
        self.answer()
    }

    fn answer(&mut self) -> String {
        let (mut lines, mut listed) = (Vec::new(), Vec::new());
        loop {
            let mut line = self.line();
            while let Some(length) = literal(&line) {
                let mut bytes = vec![0; length];
                self.stream.read_exact(&mut bytes).unwrap();
                line.push_str(&String::from_utf8(bytes).unwrap());
                line.push_str(&self.line());
            }
            let last = line.starts_with("t ") || line.is_empty();
            let line = if line.is_empty() { "END\n".to_owned() } else { comparable(&line) };
            // The order of folders on a disk is nobody's promise.
            if line.starts_with("* L") {
                listed.push(line)
            } else {
                lines.push(line)
            }
            if last {
                listed.sort();
                return listed.concat() + &lines.concat();
            }
        }
    }

    /// The untagged lines of a command that must succeed.
    pub fn ok(&mut self, command: &str) -> String {
        let answer = self.ask(command);
        let at = answer.rfind("t OK").unwrap_or_else(|| panic!("{command}: {answer}"));
        let code = answer[at..].trim_start_matches("t OK").trim();
        if code.is_empty() { answer[..at].to_owned() } else { answer }
    }

    pub fn fails(&mut self, command: &str) -> bool {
        let answer = self.ask(command);
        answer.contains("t NO") || answer.contains("t BAD")
    }

    pub fn append(&mut self, mailbox: &str, subject: &str) -> String {
        let message = format!("From: canary@velo.example\r\nSubject: {subject}\r\n\r\nThe body of {subject}.\r\n");
        self.ask(&format!("APPEND {mailbox} (\\Seen) \"01-Jan-2026 10:00:00 +0000\" {{{}+}}\r\n{message}", message.len()))
    }

    pub fn log_out(mut self) {
        let answer = self.ask("LOGOUT");
        assert!(answer.contains("* BYE") || answer.contains("END"), "{answer}");
    }
}

fn literal(line: &str) -> Option<usize> {
    line.trim_end().strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

/// Without what differs between two accounts and two moments: free text, times, numbers made of times, `\Recent`.
fn comparable(line: &str) -> String {
    let (head, text) = line.split_at(line.find(' ').map_or(0, |at| at + 1));
    let status = ["OK", "NO", "BAD", "BYE"].iter().find(|word| text.starts_with(*word));
    let mut line = match status {
        Some(status) => {
            let rest = &text[status.len()..];
            let code = rest.strip_prefix(" [").and_then(|rest| rest.split(']').next()).map(|code| format!(" [{code}]"));
            let code = code.filter(|code| !["CAPABILITY", "UNAVAILABLE"].iter().any(|word| code.contains(word)));
            format!("{head}{status}{}\n", code.unwrap_or_default())
        }
        None if line.ends_with(" RECENT\r\n") => String::new(),
        // Marks depend on whether an index was written, which our own questions about usage do.
        None => [" \\UnMarked", " \\Marked", "\\Recent ", " \\Recent", "\\Recent"]
            .iter()
            .fold(line.to_owned(), |line, flag| line.replace(flag, "")),
    };
    for name in ["UIDVALIDITY ", "APPENDUID ", "COPYUID ", "MODSEQ (", "MODSEQ "] {
        let Some(start) = line.find(name).map(|at| at + name.len()) else { continue };
        let digits = line[start..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            line.replace_range(start..start + digits, "#");
        }
    }
    line
}
