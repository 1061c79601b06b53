//! HAProxy as Debian packages it: it ends TLS and passes octets on, and knows no login.

use std::fs;
use std::process::{Command, Stdio};

use crate::Res;
use crate::lab::{self, Guard, Lab};

pub const PROGRAM: &str = "/usr/sbin/haproxy";

pub fn start(lab: &Lab, imap: u16, submission: u16) -> Res<Guard> {
    let folder = lab.folder.path().join("haproxy");
    fs::create_dir_all(&folder)?;
    // Chain and key in one file.
    let pem = folder.join("both.pem");
    fs::write(&pem, [fs::read(lab.folder.chain())?, fs::read(lab.folder.key())?].concat())?;
    let config = folder.join("haproxy.cfg");
    // It does not start where it may not open as many files as these need.
    let (pem, store, relay, most) = (pem.display(), lab.ports.imap, lab.ports.smtp, lab::most_sessions() + 500);
    fs::write(
        &config,
        format!(
            "global
  nbthread 2
  maxconn {most}
defaults
  mode tcp
  timeout connect 5s
  timeout client 30m
  timeout server 30m
listen imap
  bind 127.0.0.1:{imap} ssl crt {pem}
  server store 127.0.0.1:{store}
listen submission
  bind 127.0.0.1:{submission} ssl crt {pem}
  server relay 127.0.0.1:{relay}
"
        ),
    )?;
    let mut command = Command::new(PROGRAM);
    command.arg("-db").arg("-f").arg(&config);
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}
