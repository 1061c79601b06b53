//! One client of the walk: sessions, deliveries, and what happens around nologd.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::chance::Chance;
use super::talk::{Talk, deliver, last, letter};
use super::walk::Road;
use crate::wire::Wire;

/// What was done.
#[derive(Default, Debug)]
pub struct Counts {
    pub logins: AtomicUsize,
    pub appends: AtomicUsize,
    pub refused: AtomicUsize,
    pub deliveries: AtomicUsize,
    pub cuts: AtomicUsize,
    pub around: AtomicUsize,
    pub pops: AtomicUsize,
}

pub struct Walker<'a> {
    road: &'a Road,
    chance: Chance,
    /// Keeps its session open while all others rest.
    keeps: bool,
    session: Option<Talk>,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl<'a> Walker<'a> {
    pub fn new(road: &'a Road, seed: u64, number: usize) -> Walker<'a> {
        let chance = Chance::new(seed.wrapping_mul(7919).wrapping_add(number as u64));
        Walker { road, chance, keeps: number.is_multiple_of(5), session: None }
    }

    /// Until the walk is over.
    pub fn run(&mut self) {
        while !self.road.over.load(Ordering::SeqCst) {
            self.rest();
            match self.chance.below(10) {
                0..=3 => self.deliver(),
                4 => self.around(),
                5 => self.pop3(),
                _ => self.session(),
            }
        }
    }

    fn mailbox(&mut self) -> String {
        let all = self.road.ours.len() + self.road.around.len();
        let at = self.chance.below(all);
        self.road.ours.get(at).unwrap_or_else(|| &self.road.around[at - self.road.ours.len()]).clone()
    }

    /// Stands still as long as all do.
    fn rest(&mut self) {
        if !self.road.paused.load(Ordering::SeqCst) {
            return;
        }
        if !self.keeps {
            self.session = None;
        }
        self.road.resting.fetch_add(1, Ordering::SeqCst);
        while self.road.paused.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(5));
        }
        self.road.resting.fetch_sub(1, Ordering::SeqCst);
    }

    fn deliver(&mut self) {
        let message = letter(100 + self.chance.below(30_000));
        let to: Vec<_> = (0..=self.chance.below(3)).map(|_| self.mailbox()).collect();
        let to: Vec<_> = to.iter().map(String::as_str).collect();
        count(&self.road.counts.deliveries);
        if self.chance.once_in(30) {
            // The relay is gone before the answer.
            let mut wire = Wire::plain(self.road.stage.lmtp);
            wire.line();
            wire.ask("LHLO x\r\n", "250 ");
            wire.ask("MAIL FROM:<>\r\n", "");
            wire.ask(&format!("RCPT TO:<{}>\r\n", to[0]), "");
            wire.ask("DATA\r\n", "");
            wire.send(format!("{message}.\r\n").as_bytes());
            self.road.note(to[0], "a delivery that was cut");
            return;
        }
        deliver(self.road.stage.lmtp, &to, &message);
        to.iter().for_each(|user| self.road.note(user, "a delivery"));
    }

    /// Deliveries to Dovecot itself, and deletions by POP3.
    fn around(&mut self) {
        let user = self.road.around[self.chance.below(self.road.around.len())].clone();
        count(&self.road.counts.around);
        if self.chance.once_in(2) {
            deliver(self.road.stage.dovecot.lmtp(), &[&user], &letter(100 + self.chance.below(20_000)));
            self.road.note(&user, "a delivery around");
            return;
        }
        let mut wire = Wire::plain(self.road.stage.pop3);
        wire.line();
        for command in
            [format!("USER {user}"), "PASS secret".to_owned(), "DELE 1".into(), "DELE 2".into(), "DELE 3".into(), "QUIT".into()]
        {
            wire.ask(&format!("{command}\r\n"), "");
        }
        self.road.note(&user, "POP3 around");
    }

    /// Deletes by POP3 through nologd: with QUIT, with a QUIT whose answer nobody hears, or with none.
    fn pop3(&mut self) {
        let user = self.mailbox();
        let mut wire = Wire::plain(self.road.stage.pop3_front);
        wire.line();
        wire.ask(&format!("USER {user}\r\n"), "");
        if !wire.ask("PASS secret\r\n", "").starts_with("+OK") {
            return;
        }
        for _ in 0..self.chance.below(5) {
            wire.ask(&format!("DELE {}\r\n", 1 + self.chance.below(4)), "");
        }
        if self.chance.once_in(6) {
            wire.ask("RSET\r\n", "");
        }
        count(&self.road.counts.pops);
        let how = match self.chance.below(4) {
            0 => "POP3 without QUIT",
            1 => {
                wire.send(b"QUIT\r\n");
                "POP3, QUIT not heard"
            }
            _ => {
                wire.ask("QUIT\r\n", "");
                "POP3"
            }
        };
        drop(wire);
        self.road.note(&user, how);
    }

    fn session(&mut self) {
        let user = self.mailbox();
        self.session = Talk::try_log_in(self.road.stage.imap, &user);
        if self.session.is_none() {
            return;
        }
        count(&self.road.counts.logins);
        self.ask("SELECT INBOX");
        for _ in 0..3 + self.chance.below(20) {
            self.rest();
            if self.session.is_none() || self.road.over.load(Ordering::SeqCst) {
                self.road.note(&user, "a session that had to end");
                return;
            }
            self.step();
        }
        let how = match self.chance.below(4) {
            0 => {
                self.cut();
                "a session that was cut in a command"
            }
            1 => {
                self.session = None;
                "a session that was cut"
            }
            _ => {
                self.ask("LOGOUT");
                self.session = None;
                "a session"
            }
        };
        self.road.note(&user, how);
    }

    fn step(&mut self) {
        let folder = self.chance.pick(&["INBOX", "Drafts", "Sent", "Trash", "Junk", "f0", "f1", "f2"]).to_owned();
        let set = self.chance.pick(&["1", "1:3", "*", "2:5", "1:*", "1:*"]).to_owned();
        match self.chance.below(16) {
            0..=3 => self.append(&folder, 1),
            4 => {
                let messages = 2 + self.chance.below(2);
                self.append(&folder, messages);
            }
            5 | 6 => self.ask(&format!("COPY {set} {folder}")),
            7 => self.ask(&format!("UID MOVE {set} {folder}")),
            8..=10 => {
                self.ask(&format!("STORE {set} +FLAGS.SILENT (\\Deleted)"));
                let end = self.chance.pick(&["EXPUNGE", "EXPUNGE", "UID EXPUNGE 1:*", "CLOSE"]).to_owned();
                self.ask(&end);
                if end == "CLOSE" {
                    self.ask(&format!("SELECT {folder}"));
                }
            }
            11 => self.ask(&format!("CREATE {folder}")),
            12 if folder.starts_with('f') => self.ask(&format!("DELETE {folder}")),
            13 => {
                let from = self.chance.pick(&["f0", "f1", "f2"]).to_owned();
                let to = self.chance.below(3);
                self.ask(&format!("RENAME {from} f{to}"));
            }
            14 => self.ask("GETQUOTAROOT INBOX"),
            _ => self.ask(&format!("SELECT {folder}")),
        }
    }

    fn message(&mut self, folder: &str) -> String {
        let most = [500, 5_000, 60_000][self.chance.below(3)];
        let message = letter(60 + self.chance.below(most));
        if folder == "Sent" { format!("X-Mailer: canary\r\nUser-Agent: canary\r\n{message}") } else { message }
    }

    fn append(&mut self, folder: &str, messages: usize) {
        let mut command = format!("APPEND {folder}");
        for _ in 0..messages {
            let message = self.message(folder);
            command.push_str(&format!(" {{{}+}}\r\n{message}", message.len()));
        }
        count(&self.road.counts.appends);
        self.ask(&command);
    }

    /// A connection that breaks in the middle of an APPEND, right behind it, or behind an EXPUNGE or COPY.
    fn cut(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        let message = self.message("INBOX");
        let command = match self.chance.below(4) {
            0 => "EXPUNGE".to_owned(),
            1 => "COPY 1:* Drafts".to_owned(),
            _ => format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()),
        };
        let length = if self.chance.once_in(2) { command.len() } else { self.chance.below(command.len()) };
        match length == command.len() {
            true => drop(session.send(command.as_bytes())),
            false => drop(session.wire.send(&[b"x ", &command.as_bytes()[..length]].concat())),
        }
        count(&self.road.counts.cuts);
    }

    /// A session that has ended, or that is not in step, is left.
    fn ask(&mut self, command: &str) {
        let Some(session) = &mut self.session else { return };
        let answer = session.ask(command);
        match last(&answer).split(' ').next() {
            Some("OK" | "BAD") => {}
            Some("NO") => {
                if answer.contains("[OVERQUOTA]") {
                    count(&self.road.counts.refused);
                }
            }
            _ => self.session = None,
        }
    }
}
