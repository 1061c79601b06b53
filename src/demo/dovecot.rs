//! A real Dovecot, 2.3 or 2.4, with IMAP and LMTP on loopback, all its files under a [`Place`]. Runs as root and as an ordinary user.
//!
//! Absent on purpose: TLS (nologd speaks plain text to it on loopback) and quota (nologd keeps the book).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Group, Pid, Uid, User};

use super::place::{Owner, Place};
use super::process::Process;
use super::program::Program;
use super::{MEMBERS, Trouble};

/// A running Dovecot. Stopped when dropped.
pub struct Dovecot {
    process: Process,
    imap: u16,
    lmtp: u16,
    folder: PathBuf,
}

impl Dovecot {
    /// Writes the config for all [`MEMBERS`] into the folder `name` of `place`, and starts it. Returns when it greets.
    pub fn start(place: &Place, name: &str) -> Result<Dovecot, Trouble> {
        Dovecot::start_with(place, name, "")
    }

    /// The same with lines at the end of its config, which win over those before.
    pub fn start_with(place: &Place, name: &str, lines: &str) -> Result<Dovecot, Trouble> {
        let (imap, lmtp) = (place.port()?, place.port()?);
        let folder = place.make(name, Owner::me())?;
        let users = Users::find()?;
        place.make(&format!("{name}/mail"), users.mail)?;
        place.write(&format!("{name}/users"), accounts().as_bytes())?;
        let text = config(Dialect::installed()?.template(), &folder, &users, imap, lmtp) + lines;
        place.write(&format!("{name}/dovecot.conf"), text.as_bytes())?;
        let process = launch(&folder)?;
        let mut dovecot = Dovecot { process, imap, lmtp, folder };
        dovecot.ready()?;
        Ok(dovecot)
    }

    /// The port of its IMAP, without TLS.
    pub fn imap(&self) -> u16 {
        self.imap
    }

    /// The port of its LMTP.
    pub fn lmtp(&self) -> u16 {
        self.lmtp
    }

    /// Where it writes what it did; read by tests that look for leaks.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The Maildir of one member.
    #[cfg(any(test, feature = "testing"))]
    pub fn maildir(&self, address: &str) -> PathBuf {
        self.folder.join("mail").join(address).join("Maildir")
    }

    /// Kills it with all its sessions, in the middle of whatever they do. [`Dovecot::restart`] brings it back.
    ///
    /// Asked politely, it would let every session go on until it is idle for ten seconds.
    pub fn crash(&mut self) {
        let master = self.process.pid();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
        // The master first, so that it starts no others.
        self.process.signal(Signal::SIGKILL);
        for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
        }
        self.process.wait(Duration::from_secs(10));
    }

    /// Starts it again with the same config, ports and mail.
    pub fn restart(&mut self) -> Result<(), Trouble> {
        self.process = launch(&self.folder)?;
        self.ready()
    }

    fn ready(&mut self) -> Result<(), Trouble> {
        self.process.greeted(Program::Dovecot, self.imap)?;
        self.process.greeted(Program::Dovecot, self.lmtp)
    }
}

fn program() -> Result<PathBuf, Trouble> {
    let places = ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot"].map(PathBuf::from);
    places.into_iter().find(|path| path.exists()).ok_or(Trouble::Missing(Program::Dovecot))
}

/// How settings are called: between 2.3 and 2.4 most of them got other names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// As in Debian 12.
    V23,
    /// As in Debian 13, and what is newer.
    V24,
}

impl Dialect {
    /// That of the Dovecot that is installed.
    pub fn installed() -> Result<Dialect, Trouble> {
        let said = Command::new(program()?).arg("--version").output().map_err(|_| Trouble::NotStarted(Program::Dovecot))?;
        match said.stdout.as_slice() {
            [b'2', b'.', b'3', ..] => Ok(Dialect::V23),
            [b'2'..=b'9', b'.', ..] => Ok(Dialect::V24),
            _ => Err(Trouble::NotStarted(Program::Dovecot)),
        }
    }

    /// The version, as the files for admins have it in their names.
    pub fn version(self) -> &'static str {
        match self {
            Dialect::V23 => "2.3",
            Dialect::V24 => "2.4",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Dialect::V23 => include_str!("dovecot.conf"),
            Dialect::V24 => include_str!("dovecot-2.4.conf"),
        }
    }
}

fn launch(folder: &Path) -> Result<Process, Trouble> {
    let mut command = Command::new(program()?);
    // LMTP is a package of its own: without it Dovecot starts and stops again, and nobody sees why.
    if !Path::new("/usr/lib/dovecot/lmtp").exists() && !Path::new("/usr/libexec/dovecot/lmtp").exists() {
        return Err(Trouble::Missing(Program::Dovecot));
    }
    command.arg("-F").arg("-c").arg(folder.join("dovecot.conf"));
    let process = Process::start(command, Program::Dovecot, Some(&folder.join("out")))?;
    Ok(process)
}

/// Who runs which part. An ordinary user runs all of it.
struct Users {
    internal: String,
    internal_group: String,
    login: String,
    mail: Owner,
}

impl Users {
    fn find() -> Result<Users, Trouble> {
        let missing = Trouble::Missing(Program::Dovecot);
        if !Uid::effective().is_root() {
            let own = |error: nix::Error| Trouble::Folder(error.into());
            let user = User::from_uid(Uid::effective()).map_err(own)?.ok_or(Trouble::NoUser)?;
            let group = Group::from_gid(Gid::effective()).map_err(own)?.ok_or(Trouble::NoUser)?;
            let (internal, login) = (user.name.clone(), user.name);
            return Ok(Users { internal, internal_group: group.name, login, mail: Owner::me() });
        }
        let nobody = User::from_name("nobody").ok().flatten().ok_or(Trouble::NoUser)?;
        if User::from_name("dovenull").ok().flatten().is_none() {
            return Err(missing);
        }
        Ok(Users {
            internal: "dovecot".to_owned(),
            internal_group: "dovecot".to_owned(),
            login: "dovenull".to_owned(),
            mail: Owner { uid: nobody.uid, gid: nobody.gid },
        })
    }
}

fn accounts() -> String {
    MEMBERS.iter().map(|member| format!("{}:{{PLAIN}}{}\n", member.address, member.password)).collect()
}

fn config(template: &str, folder: &Path, users: &Users, imap: u16, lmtp: u16) -> String {
    let _ = fs::create_dir_all(folder.join("run"));
    template
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@INTERNAL@", &users.internal)
        .replace("@GROUP@", &users.internal_group)
        .replace("@LOGIN@", &users.login)
        .replace("@UID@", &users.mail.uid.to_string())
        .replace("@GID@", &users.mail.gid.to_string())
        .replace("@IMAP@", &imap.to_string())
        .replace("@LMTP@", &lmtp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left_in_the_config() {
        let users = Users { internal: "a".into(), internal_group: "b".into(), login: "c".into(), mail: Owner::me() };
        let place = Place::new().unwrap();
        for template in [include_str!("dovecot.conf"), include_str!("dovecot-2.4.conf")] {
            let text = config(template, place.folder(), &users, 1, 2);
            assert!(!text.contains('@'), "{text}");
            assert!(text.contains("port = 1") && text.contains("port = 2"));
        }
    }
}
