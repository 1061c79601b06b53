//! Dovecot's login processes as proxies, as Debian packages them, in their fast mode (`service_count = 0`): the default mode
//! makes one process for each connection and would not be a fair peer.

use std::fs;
use std::process::{Command, Stdio};

use crate::Res;
use crate::lab::{Guard, Lab};
use crate::rows::Spoken;

pub const PROGRAM: &str = "/usr/sbin/dovecot";
pub const SUBMISSION: &str = "/usr/lib/dovecot/submission-login";
pub const POP3: &str = "/usr/lib/dovecot/pop3-login";
pub const SIEVE: &str = "/usr/lib/dovecot/managesieve-login";

/// `door` is for what the load speaks: IMAP, with submission at the other port, POP3 or ManageSieve.
pub fn start(lab: &Lab, spoken: Spoken, door: u16, submission: u16) -> Res<Guard> {
    let folder = lab.folder.path().join("dovecot");
    fs::create_dir_all(&folder)?;
    let config = folder.join("dovecot.conf");
    fs::write(&config, settings(lab, spoken, door, submission))?;
    let mut command = Command::new(PROGRAM);
    command.arg("-F").arg("-c").arg(&config);
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// The address space limits are lifted: at 10,000 sessions the packaged 256 MB would be what is measured.
fn settings(lab: &Lab, spoken: Spoken, door: u16, submission: u16) -> String {
    let folder = lab.folder.path().display();
    let (chain, key) = (lab.folder.chain(), lab.folder.key());
    let (chain, key) = (chain.display(), key.display());
    let ports = lab.ports;
    let (protocols, backend, services) = match spoken {
        Spoken::Mail => {
            let submission = service("submission", "submission", "submissions", submission);
            let backend = format!("%{{if;%s;eq;imap;{};{}}}", ports.imap, ports.smtp);
            ("imap submission", backend, service("imap", "imap", "imaps", door) + &submission)
        }
        Spoken::Pop3 => ("pop3", ports.pop3.to_string(), service("pop3", "pop3", "pop3s", door)),
        Spoken::Sieve => ("sieve", ports.sieve.to_string(), service("managesieve", "sieve", "sieves", door)),
    };
    format!(
        "base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
instance_name = bench
listen = 127.0.0.1
protocols = {protocols}
hostname = bench.example
log_path = {folder}/dovecot/dovecot.log
info_log_path = /dev/null
ssl = required
ssl_cert = <{chain}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
default_vsz_limit = 0
default_client_limit = 24000
default_process_limit = 100
passdb {{
  driver = static
  args = proxy=y host=127.0.0.1 port={backend} nopassword=y
}}
{services}"
    )
}

/// The login processes of one protocol, with TLS from the first octet at `port`.
fn service(name: &str, plain: &str, tls: &str, port: u16) -> String {
    format!(
        "service {name}-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener {plain} {{
    port = 0
  }}
  inet_listener {tls} {{
    port = {port}
    ssl = yes
  }}
}}
"
    )
}
