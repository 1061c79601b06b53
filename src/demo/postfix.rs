//! A real Postfix for the tests, all its files under a [`Place`]. It needs root; the demo has [`Relay`](super::Relay) instead.
//!
//! It delivers the mail of the demo's domains by LMTP and throws everything else away: no test can send mail to the world.
//! The system's own Postfix is neither read nor touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Pid, Uid, User};

use super::place::{Owner, Place};
use super::process::Process;
use super::program::Program;
use super::{ASSOCIATIONS, MEMBERS, Trouble};

/// A running Postfix. Stopped when dropped.
pub struct Postfix {
    process: Process,
    smtp: u16,
    log: PathBuf,
}

impl Postfix {
    /// Writes the config into `place` and starts it in front of an LMTP server on loopback. Returns when it greets.
    pub fn start(place: &Place, lmtp: u16) -> Result<Postfix, Trouble> {
        Postfix::start_with(place, lmtp, "")
    }

    /// The same with more lines for its `main.cf`, each a setting; they take the place of ours.
    pub fn start_with(place: &Place, lmtp: u16, settings: &str) -> Result<Postfix, Trouble> {
        let user = User::from_name("postfix").ok().flatten().ok_or(Trouble::Missing(Program::Postfix))?;
        if !Uid::effective().is_root() {
            return Err(Trouble::NeedsRoot(Program::Postfix));
        }
        let smtp = place.port()?;
        let root = Owner { uid: Uid::from_raw(0), gid: Gid::from_raw(0) };
        let config = place.make("postfix", root)?;
        place.make("queue", root)?;
        place.make("data", Owner { uid: user.uid, gid: user.gid })?;
        place.write("postfix/main.cf", with(&main_cf(place.folder(), lmtp), settings).as_bytes())?;
        place.write("postfix/master.cf", include_str!("master.cf").replace("@SMTP@", &smtp.to_string()).as_bytes())?;
        place.write("postfix/mailboxes", mailboxes().as_bytes())?;
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(&config).arg("start-fg");
        let mut process = Process::start(command, Program::Postfix, Some(&place.path("postfix.out")))?;
        process.greeted(Program::Postfix, smtp)?;
        // A shell script looks after the real daemon and does not pass signals on.
        process.aim(master(&place.path("queue/pid/master.pid"))?);
        Ok(Postfix { process, smtp, log: place.path("postfix.log") })
    }

    /// The port of its SMTP server, which takes mail from loopback without a login.
    pub fn smtp(&self) -> u16 {
        self.smtp
    }

    /// Where it writes what it did; read by tests that look for leaks.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The process that signals go to.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }
}

fn master(file: &Path) -> Result<Pid, Trouble> {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Ok(number) = text.trim().parse() {
            return Ok(Pid::from_raw(number));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(Trouble::NotStarted(Program::Postfix))
}

fn mailboxes() -> String {
    MEMBERS.iter().map(|member| format!("{} there\n", member.address)).collect()
}

fn main_cf(folder: &Path, lmtp: u16) -> String {
    let domains: Vec<_> = ASSOCIATIONS.iter().map(|association| association.domain).collect();
    include_str!("main.cf")
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@DOMAINS@", &domains.join(" "))
        .replace("@LMTP@", &lmtp.to_string())
}

/// `settings` instead of the lines of `text` that set the same. Every daemon of Postfix warns of a setting that stands there
/// twice, through its log daemon, which starts with such warnings itself: once its queue is full, all wait for each other.
fn with(text: &str, settings: &str) -> String {
    let name = |line: &str| line.split_once('=').map(|(name, _)| name.trim().to_owned());
    let set: Vec<_> = settings.lines().filter_map(name).collect();
    let kept = text.lines().filter(|line| name(line).is_none_or(|name| !set.contains(&name)));
    kept.chain(settings.lines()).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_stands_there_once() {
        assert_eq!(with("# a = 1\na = 1\nb = 2\n", "a = 3\nc = 4\n"), "# a = 1\nb = 2\na = 3\nc = 4\n");
    }

    #[test]
    fn no_placeholder_is_left_and_foreign_mail_is_thrown_away() {
        let text = main_cf(Path::new("/somewhere"), 24);
        assert!(!text.contains('@'), "{text}");
        assert!(text.contains("default_transport = discard:"));
    }
}
