//! A real Dovecot with mailboxes, hashed passwords and Debian's defaults, for the webmail's click.
//!
//! All that is not named in its settings is as packaged: a login process for each connection, no cache of passwords.

use std::fs;
use std::os::unix::fs::chown;
use std::process::{Command, Stdio};

use nix::unistd::User;

use crate::Res;
use crate::dovecot::PROGRAM;
use crate::imap::user;
use crate::lab::{Guard, Lab};

/// People who click.
pub const USERS: usize = 20;
/// Messages in each INBOX, as many as a webmail lists, and octets of each.
const MESSAGES: usize = 50;
const SIZE: usize = 10_000;

pub fn start(lab: &Lab, port: u16) -> Res<Guard> {
    let folder = lab.folder.path().join("mailstore");
    if !folder.exists() {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("users"), users()?)?;
        fill(lab)?;
    }
    let config = folder.join("dovecot.conf");
    fs::write(&config, settings(lab, port)?)?;
    let mut command = Command::new(PROGRAM);
    command.arg("-F").arg("-c").arg(&config);
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// `openssl passwd -6`: SHA512-CRYPT with 5,000 rounds, the cheapest of what hosts with virtual users have. The hash of
/// Debian's own accounts (yescrypt, by PAM) costs ten times as much at each login, and would flatter every pool.
fn users() -> Res<String> {
    let hash = Command::new("openssl").args(["passwd", "-6", "-salt", "nologdbench", "secret"]).output()?;
    let hash = String::from_utf8(hash.stdout)?;
    Ok((0..USERS).map(|number| format!("{}:{{SHA512-CRYPT}}{}\n", user(number), hash.trim())).collect())
}

/// Maildirs as Dovecot makes them; it writes its indexes at the first look, in the warm-up.
fn fill(lab: &Lab) -> Res<()> {
    let nobody = User::from_name("nobody")?.ok_or("no user nobody")?;
    let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    let mail = lab.folder.path().join("mailstore/mail");
    fs::create_dir_all(&mail)?;
    chown(&mail, Some(uid), Some(gid))?;
    for number in 0..USERS {
        let home = mail.join(user(number));
        for part in ["", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"] {
            fs::create_dir_all(home.join(part))?;
            chown(home.join(part), Some(uid), Some(gid))?;
        }
        for message in 0..MESSAGES {
            let head = format!("From: friend@elsewhere.example\nTo: {}\nSubject: {message}\n\n", user(number));
            let body = "A line of a letter between friends, as long as they are.\n".repeat((SIZE - head.len()) / 57);
            let file = home.join(format!("Maildir/cur/{}.M{message}P1.bench:2,S", 1_700_000_000 + message));
            fs::write(&file, head + &body)?;
            chown(&file, Some(uid), Some(gid))?;
        }
    }
    Ok(())
}

fn settings(lab: &Lab, port: u16) -> Res<String> {
    let folder = lab.folder.path().display();
    let nobody = User::from_name("nobody")?.ok_or("no user nobody")?;
    let (uid, gid) = (nobody.uid, nobody.gid);
    Ok(format!(
        "base_dir = {folder}/mailstore/run
state_dir = {folder}/mailstore/state
log_path = {folder}/mailstore/dovecot.log
instance_name = bench-mailstore
protocols = imap
listen = 127.0.0.1
ssl = no
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/mailstore/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mailstore/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
namespace inbox {{
  inbox = yes
}}
"
    ))
}
