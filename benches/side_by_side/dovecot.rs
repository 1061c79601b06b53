//! Dovecot's login processes as proxies, as Debian packages them, in their fast mode (`service_count = 0`): the default mode
//! makes one process for each connection and would not be a fair peer.

use std::fs;
use std::process::{Command, Stdio};

use crate::Res;
use crate::lab::{Guard, Lab};

pub const PROGRAM: &str = "/usr/sbin/dovecot";
pub const SUBMISSION: &str = "/usr/lib/dovecot/submission-login";

pub fn start(lab: &Lab, imap: u16, submission: u16) -> Res<Guard> {
    let folder = lab.folder.path().join("dovecot");
    fs::create_dir_all(&folder)?;
    let config = folder.join("dovecot.conf");
    fs::write(&config, settings(lab, imap, submission))?;
    let mut command = Command::new(PROGRAM);
    command.arg("-F").arg("-c").arg(&config);
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// The address space limits are lifted: at 10,000 sessions the packaged 256 MB would be what is measured.
fn settings(lab: &Lab, imap: u16, submission: u16) -> String {
    let folder = lab.folder.path().display();
    let (chain, key) = (lab.folder.chain(), lab.folder.key());
    let (chain, key) = (chain.display(), key.display());
    let (imap_backend, smtp_backend) = (lab.ports.imap, lab.ports.smtp);
    format!(
        "base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
instance_name = bench
listen = 127.0.0.1
protocols = imap submission
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
  args = proxy=y host=127.0.0.1 port=%{{if;%s;eq;imap;{imap_backend};{smtp_backend}}} nopassword=y
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imap}
    ssl = yes
  }}
}}
service submission-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener submission {{
    port = 0
  }}
  inet_listener submissions {{
    port = {submission}
    ssl = yes
  }}
}}
"
    )
}
