//! A real Dovecot that takes mail by LMTP and answers Postfix's questions about room (its quota-status), for who comes in the way.

use std::fs;
use std::os::unix::fs::chown;
use std::process::{Command, Stdio};

use nix::unistd::User;

use crate::Res;
use crate::dovecot::PROGRAM;
use crate::lab::{Guard, Lab};

/// Loopback ports.
#[derive(Clone, Copy)]
pub struct IncomingPorts {
    pub imap: u16,
    pub lmtp: u16,
    pub questions: u16,
}

/// With empty mailboxes.
pub fn start(lab: &Lab, ports: IncomingPorts) -> Res<Guard> {
    let folder = lab.folder.path().join("incoming");
    let _ = fs::remove_dir_all(&folder);
    let nobody = User::from_name("nobody")?.ok_or("no user nobody")?;
    let (uid, gid) = (nobody.uid, nobody.gid);
    fs::create_dir_all(folder.join("mail"))?;
    chown(folder.join("mail"), Some(uid.as_raw()), Some(gid.as_raw()))?;
    let config = folder.join("dovecot.conf");
    let (place, IncomingPorts { imap, lmtp, questions }) = (folder.display(), ports);
    fs::write(
        &config,
        format!(
            "base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/dovecot.log
instance_name = bench-incoming
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:~/Maildir
mail_plugins = quota
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={place}/mail/%u allow_all_users=yes
}}
plugin {{
  quota = count:mailbox
  quota_rule = *:storage=100T
  quota_vsizes = yes
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
  quota_status_overquota = 552 5.2.2 full
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  process_min_avail = 8
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service quota-status {{
  executable = quota-status -p postfix
  client_limit = 1
  process_min_avail = 2
  inet_listener questions {{
    port = {questions}
  }}
}}
namespace inbox {{
  inbox = yes
}}
"
        ),
    )?;
    let mut command = Command::new(PROGRAM);
    command.arg("-F").arg("-c").arg(&config);
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}
