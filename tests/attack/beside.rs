//! Random POP3 and ManageSieve, in front of Dovecot and Pigeonhole that write down every octet they read (`rawlog_dir`): valid, nearly
//! valid and wild lines, cut anywhere.
//!
//! What is held: a backend reads commands in our spelling alone; of what was valid, all and in order; of what was wild, nothing; a
//! session has as many of the rest as nearly valid lines were said, at most. And on the disk: a message goes only where a valid DELE and a QUIT
//! were said, and no filter is there that forwards.

use std::fs;
use std::time::{Duration, Instant};

use nix::unistd::User;
use nologd::demo::{CERTIFICATE, Dovecot, MEMBERS, Owner, Place};
use nologd::sieve::script::{self, ScriptKind};

use super::account::raw;
use super::chance::Chance;
use super::walk::POP3;
use crate::dialect;
use crate::in_process;
use crate::support::mail_files;
use crate::wire::Wire;

/// Both protocols with an account of what they read, below `@RAW@`.
const DOVECOT: &str = "protocols = imap lmtp pop3 sieve
auth_failure_delay = 0
service managesieve-login {
  chroot =
  service_count = 0
  inet_listener sieve {
    address = 127.0.0.1
    port = @SIEVE@
  }
}
protocol sieve {
  rawlog_dir = @RAW@/sieve
}
protocol pop3 {
  rawlog_dir = @RAW@/pop3
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
}
";

/// What one line is to be for the backend.
#[derive(Clone)]
enum Meant {
    /// This, in our spelling.
    Goes(String),
    /// One command or none.
    Perhaps,
    /// Nothing.
    Stays,
}

/// Plays `count` sessions of each protocol.
pub fn attack(seed: u64, count: usize) {
    let place = Place::new().unwrap();
    let nobody = User::from_name("nobody").unwrap().unwrap();
    for folder in ["raw/pop3", "raw/sieve"] {
        place.make(folder, Owner { uid: nobody.uid, gid: nobody.gid }).unwrap();
    }
    let ports = [0; 4].map(|_: u16| place.port().unwrap());
    let [pop3, sieve, pop3_front, sieve_front] = ports;
    let raw = place.path("raw").display().to_string();
    let lines = dialect::spoken(&format!("{DOVECOT}{POP3}"))
        .replace("@POP3@", &pop3.to_string())
        .replace("@SIEVE@", &sieve.to_string())
        .replace("@RAW@", &raw);
    let dovecot = Dovecot::start_with(&place, "dovecot", &lines).unwrap();
    let certificate = place.write("chain.pem", CERTIFICATE).unwrap();
    let text = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n[tls]\nbackend_authorities = \"{}\"\n[limits]\nconnections_per_minute = 1000000\n\
         [sieve]\nforward = \"refuse\"\n{}{}[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\npop3 = \"pop3://127.0.0.1:{pop3}\"\n\
         sieve = \"sieve://127.0.0.1:{sieve}\"\n[[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n",
        place.path("book").display(),
        certificate.display(),
        in_process::listen("pop3", &format!("127.0.0.1:{pop3_front}")),
        in_process::listen("sieve", &format!("127.0.0.1:{sieve_front}")),
        dovecot.imap(),
    );
    let (_book, _runtime) = in_process::in_process(&text);
    let mut chance = Chance::new(seed);
    let mut ran = [0, 0];
    for number in 0..count {
        ran[0] += pop3_session(&place, &dovecot, pop3_front, &mut chance, &format!("seed {seed}, session {number}"));
        ran[1] += sieve_session(&place, &dovecot, sieve_front, &mut chance, &format!("seed {seed}, session {number}"));
    }
    println!("beside: seed {seed}, {count} sessions each, {ran:?} commands ran behind: nothing got past");
    assert!(ran[0] > count && ran[1] > count, "hardly anything ran: {ran:?}");
}

/// Sends `octets` in pieces.
fn send(wire: &mut Wire, octets: &[u8], chance: &mut Chance) {
    let mut rest = octets;
    while !rest.is_empty() {
        let size = if chance.once_in(3) { 1 + chance.below(9) } else { 1 + chance.below(400) };
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        if !wire.send(piece) {
            return;
        }
        rest = behind;
    }
}

const WILD: &[&str] = &[
    "\0",
    "\r",
    "DELE 1\rDELE 2",
    "\u{e9}",
    "XCLIENT ADDR=1.2.3.4",
    "APOP a b",
    "USER bob@velo.example",
    "PASS x",
    "AUTH PLAIN AGE=",
    "STLS",
    "DELE",
    "DELE 1 2",
    "RETR x",
    "DELE -1",
    "TOP 1",
    "LIST 1 2",
    "STARTTLS",
    "{3+}",
    "\"",
    "GET / HTTP/1.1",
];

fn pop3_line(chance: &mut Chance) -> (Vec<u8>, Meant) {
    let number = 1 + chance.below(5);
    let valid = match chance.below(12) {
        0 => "STAT".to_owned(),
        1 => "LIST".to_owned(),
        2 => format!("LIST {number}"),
        3 => "UIDL".to_owned(),
        4 => format!("UIDL {number}"),
        5 | 6 => format!("RETR {number}"),
        7 => format!("TOP {number} {}", chance.below(4)),
        8 | 9 => format!("DELE {number}"),
        10 => ["NOOP", "RSET"][chance.below(2)].to_owned(),
        _ => "CAPA".to_owned(),
    };
    match chance.below(8) {
        0 => (chance.pick(WILD).as_bytes().to_vec(), Meant::Stays),
        // A line that ends in LF alone is no line here, wherever it stands.
        1 => (format!("{valid}\nDELE 1").into_bytes(), Meant::Perhaps),
        2 => {
            let mut line = valid.into_bytes();
            let at = chance.below(line.len() + 1);
            line.insert(at, b" \t0;x"[chance.below(5)]);
            (line, Meant::Perhaps)
        }
        3 => {
            let meant = Meant::Goes(valid.clone());
            (valid.to_lowercase().into_bytes(), meant)
        }
        _ => (valid.clone().into_bytes(), Meant::Goes(valid)),
    }
}

fn is_pop3(line: &str) -> bool {
    let number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["CAPA" | "STAT" | "LIST" | "UIDL" | "RSET" | "NOOP" | "QUIT" | "UTF8" | "LANG"] => true,
        ["LIST" | "UIDL" | "RETR" | "DELE", one] => number(one),
        ["TOP", one, lines] => number(one) && number(lines),
        _ => false,
    }
}

/// How many commands ran.
fn pop3_session(place: &Place, dovecot: &Dovecot, port: u16, chance: &mut Chance, what: &str) -> usize {
    let member = &MEMBERS[0];
    let inbox = dovecot.maildir(member.address);
    fill(dovecot, member.address, 3);
    let mut wire = Wire::plain(port);
    wire.line();
    wire.ask(&format!("USER {}\r\n", member.address), "+OK");
    assert!(wire.ask(&format!("PASS {}\r\n", member.password), "").starts_with("+OK"), "{what}");
    let (mut all, mut meant) = (Vec::new(), Vec::new());
    for _ in 0..1 + chance.below(25) {
        let (line, means) = pop3_line(chance);
        all.extend([&line[..], b"\r\n"].concat());
        meant.push(means);
    }
    let quits = chance.once_in(2);
    let cut = !quits && chance.once_in(2);
    if quits {
        all.extend(b"QUIT\r\n");
        meant.push(Meant::Goes("QUIT".to_owned()));
    }
    if cut {
        let len = chance.below(all.len());
        all.truncate(len);
    }
    send(&mut wire, &all, chance);
    if quits {
        assert!(wire.ends(Duration::from_secs(20)), "{what}: it does not end");
    } else if !cut {
        // All that was said has been answered when this is.
        wire.send(b"TOP 77777 0\r\n");
        meant.push(Meant::Goes("TOP 77777 0".to_owned()));
        let end = Instant::now() + Duration::from_secs(20);
        let marker: &[u8] = b"77777";
        while !wire.heard.windows(marker.len()).any(|part| part == marker) && Instant::now() < end {
            if !wire.hear(Duration::from_secs(5)) {
                break;
            }
        }
    }
    drop(wire);
    let read = raw(&place.path("raw/pop3"), what);
    let lines: Vec<_> = read.split_terminator("\r\n").map(str::to_owned).collect();
    assert!(lines.iter().all(|line| is_pop3(line)), "{what}: the backend read {lines:?}\nof {:?}", String::from_utf8_lossy(&all));
    judge(&lines, &meant, cut, what, &all);
    let deletes = quits && lines.iter().any(|line| line.starts_with("DELE "));
    let left = mail_files(&inbox).len();
    assert!(deletes || left == 3, "{what}: {left} of 3 messages are left, and nobody deleted: {lines:?}");
    lines.len()
}

/// What ran is what was meant, in order.
fn judge(lines: &[String], meant: &[Meant], cut: bool, what: &str, all: &[u8]) {
    let mut at = 0;
    let mut may = 0;
    for means in meant {
        match means {
            Meant::Stays => {}
            Meant::Perhaps => may += 2,
            Meant::Goes(spelling) => {
                let found = (at..=(at + may).min(lines.len())).find(|at| lines.get(*at) == Some(spelling));
                let Some(found) = found else {
                    assert!(
                        cut && at + may >= lines.len(),
                        "{what}: {spelling} did not run: {lines:?}\nof {:?}",
                        String::from_utf8_lossy(all)
                    );
                    return;
                };
                may -= (found - at).min(may);
                at = found + 1;
            }
        }
    }
    assert!(lines.len() <= at + may, "{what}: more ran than was said: {lines:?}\nof {:?}", String::from_utf8_lossy(all));
}

/// `count` messages in the inbox, and no others.
fn fill(dovecot: &Dovecot, address: &str, count: usize) {
    let inbox = dovecot.maildir(address);
    mail_files(&inbox).iter().for_each(|file| fs::remove_file(file).unwrap());
    for number in 0..count {
        super::talk::deliver(dovecot.lmtp(), &[address], &super::talk::letter(100 + 40 * number));
    }
    assert_eq!(mail_files(&inbox).len(), count);
}

const SCRIPTS: &[&str] = &[
    "keep;",
    "discard;",
    "# redirect \"a@b.example\";\r\nkeep;",
    "redirect \"a@b.example\";",
    "require \"enotify\"; notify \"mailto:a@b.example\";",
    "require \"vacation\"; vacation text:\r\nredirect \"x\";\r\n.\r\n;",
    "require \"vacation\"; vacation text:\r\n.\r\n;redirect \"a@b.example\";",
    "/* */ redirect \"a@b.example\";",
    "LOGOUT\r\nDELETESCRIPT \"a\"\r\n",
    "kee;",
    "",
];

fn sieve_line(chance: &mut Chance) -> Vec<u8> {
    let name = ["a", "b", "c d", "e\\\"f", "", "\u{e9}"][chance.below(6)];
    let script = chance.pick(SCRIPTS);
    let stated = if chance.once_in(9) { chance.below(60) } else { script.len() };
    let mut line = match chance.below(12) {
        0..=3 => format!("PUTSCRIPT \"{name}\" {{{stated}+}}\r\n{script}"),
        4 => format!("CHECKSCRIPT {{{stated}+}}\r\n{script}"),
        5 => format!("PUTSCRIPT \"{name}\" \"{}\"", script.replace('\\', "\\\\").replace('"', "\\\"")),
        6 => "LISTSCRIPTS".to_owned(),
        7 => format!("GETSCRIPT \"{name}\""),
        8 => format!("SETACTIVE {{{}+}}\r\n{name}", name.len()),
        9 => format!("DELETESCRIPT \"{name}\""),
        10 => format!("RENAMESCRIPT \"{name}\" \"g\""),
        _ => format!("HAVESPACE \"{name}\" {}", chance.below(9999)),
    }
    .into_bytes();
    match chance.below(9) {
        0 => chance.pick(WILD).as_bytes().to_vec(),
        1 => {
            let at = chance.below(line.len() + 1);
            line.insert(at, b" \"{}\\\r\n\0x"[chance.below(9)]);
            line
        }
        2 => {
            let at = chance.below(line.len());
            line.remove(at);
            line
        }
        _ => line,
    }
}

fn sieve_session(place: &Place, dovecot: &Dovecot, port: u16, chance: &mut Chance, what: &str) -> usize {
    const ALICE: &str = "AGFsaWNlQHZlbG8uZXhhbXBsZQBiZWxsLWFuZC1iYXNrZXQ=";
    let mut wire = Wire::plain(port);
    wire.until("OK ");
    assert!(wire.ask(&format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n"), "").starts_with("OK"), "{what}");
    let mut all = Vec::new();
    for _ in 0..1 + chance.below(20) {
        all.extend(sieve_line(chance));
        all.extend(b"\r\n");
    }
    if chance.once_in(3) {
        let len = chance.below(all.len());
        all.truncate(len);
    }
    send(&mut wire, &all, chance);
    wire.send(b"LOGOUT\r\n");
    // It may wait for octets that were announced and are not there.
    wire.ends(Duration::from_millis(500));
    drop(wire);
    let read = raw(&place.path("raw/sieve"), what);
    let said = format!("{what}: the backend read {read:?}\nof {:?}", String::from_utf8_lossy(&all));
    let (mut rest, mut ran) = (read.as_bytes(), 0);
    while !rest.is_empty() {
        ran += 1;
        rest = sieve_command(rest, &said);
    }
    let home = dovecot.maildir(MEMBERS[0].address);
    let scripts = home.parent().unwrap().join("sieve");
    for entry in fs::read_dir(scripts).into_iter().flatten().flatten().filter(|entry| entry.path().is_file()) {
        let text = fs::read(entry.path()).unwrap();
        assert_eq!(script::kind(&text), ScriptKind::Stays, "{said}\non the disk: {:?}", String::from_utf8_lossy(&text));
    }
    ran
}

/// Takes one command off, as a server reads it.
fn sieve_command<'a>(read: &'a [u8], said: &str) -> &'a [u8] {
    const KNOWN: &[&str] = &[
        "CAPABILITY",
        "CHECKSCRIPT",
        "DELETESCRIPT",
        "GETSCRIPT",
        "HAVESPACE",
        "LISTSCRIPTS",
        "LOGOUT",
        "NOOP",
        "PUTSCRIPT",
        "RENAMESCRIPT",
        "SETACTIVE",
    ];
    let end = read.windows(2).position(|pair| pair == b"\r\n").unwrap_or_else(|| panic!("half a command: {said}"));
    let line = String::from_utf8_lossy(&read[..end]);
    let verb = line.split(' ').next().unwrap_or_default();
    assert!(KNOWN.contains(&verb), "{verb:?} is no command of ours: {said}");
    let rest = &read[end + 2..];
    let Some(size) = line.strip_suffix("+}").and_then(|line| line.rsplit('{').next()?.parse::<usize>().ok()) else { return rest };
    assert!(matches!(verb, "PUTSCRIPT" | "CHECKSCRIPT"), "{said}");
    let script = rest.get(..size).unwrap_or_else(|| panic!("half a script was held, and went on: {said}"));
    assert_eq!(script::kind(script), ScriptKind::Stays, "{said}");
    rest[size..].strip_prefix(b"\r\n").unwrap_or_else(|| panic!("more than a script: {said}"))
}
