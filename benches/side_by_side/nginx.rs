//! nginx's mail module as Debian packages it: two workers, packaged defaults for all that is not named here.

use std::fs;
use std::process::{Command, Stdio};

use crate::Res;
use crate::lab::{DOMAIN, Guard, Lab};
use crate::rows::Spoken;

pub const PROGRAM: &str = "/usr/sbin/nginx";
pub const MODULE: &str = "/usr/lib/nginx/modules/ngx_mail_module.so";

/// `door` is for what the load speaks: IMAP, with submission at the other port, or POP3.
pub fn start(lab: &Lab, spoken: Spoken, door: u16, submission: u16) -> Res<Guard> {
    let folder = lab.folder.path().join("nginx");
    fs::create_dir_all(&folder)?;
    let config = folder.join("nginx.conf");
    fs::write(&config, settings(lab, spoken, door, submission))?;
    let mut command = Command::new(PROGRAM);
    command.arg("-c").arg(&config).arg("-p").arg(&folder).arg("-e").arg(folder.join("error.log"));
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// `worker_connections` is what 10,000 sessions need even if one worker takes them all; its cost is there with one session
/// too, so that it is not in the figure per session. `user` is ignored (with a warning) where we are not root.
fn settings(lab: &Lab, spoken: Spoken, door: u16, submission: u16) -> String {
    let folder = lab.folder.path().display();
    let (chain, key, auth) = (lab.folder.chain(), lab.folder.key(), lab.ports.auth);
    let (chain, key) = (chain.display(), key.display());
    let servers = match spoken {
        Spoken::Pop3 => format!("  server {{ listen 127.0.0.1:{door} ssl; protocol pop3; }}\n"),
        _ => format!(
            "  server {{ listen 127.0.0.1:{door} ssl; protocol imap; }}\n  server {{ listen 127.0.0.1:{submission} ssl; protocol smtp; }}\n"
        ),
    };
    format!(
        "load_module {MODULE};
daemon off;
user www-data;
worker_processes 2;
worker_rlimit_nofile 65536;
pid {folder}/nginx/nginx.pid;
error_log {folder}/nginx/error.log crit;
events {{ worker_connections 24000; }}
mail {{
  server_name {DOMAIN};
  auth_http 127.0.0.1:{auth}/auth;
  ssl_certificate {chain};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  imap_capabilities IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE UIDPLUS UNSELECT SPECIAL-USE QUOTA;
  smtp_capabilities PIPELINING \"SIZE 104857600\" 8BITMIME SMTPUTF8 DSN CHUNKING ENHANCEDSTATUSCODES;
  smtp_auth plain login;
{servers}}}
"
    )
}
