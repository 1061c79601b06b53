//! nologd as it is installed: the built-in policy, quota and scrubbing on, one association, one backend.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::Res;
use crate::lab::{DOMAIN, Guard, Lab};

/// TO FILL IN as soon as the settings file has keys for them: a benchmark is one client that logs in a thousand times a second,
/// which is what the limits are made to stop. Of `limit::Params` these must be out of reach: sessions (10,000 and more),
/// sessions per network, connections per minute; and the number of messages that a user may send. Nothing here may switch off
/// quota, scrubbing or a no-log rule.
const LIMITS: &str = "
[limits]
sessions = 100000
sessions_per_network = 100000
connections_per_minute = 1000000
";

pub fn start(lab: &Lab, imap: u16, submission: u16) -> Res<Guard> {
    let folder = lab.folder.path().join("nologd");
    // A fresh state for every row: what one row wrote must not be read back in the next.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("state"))?;
    fs::set_permissions(folder.join("state"), fs::Permissions::from_mode(0o700))?;
    let config = folder.join("nologd.toml");
    fs::write(&config, settings(lab, imap, submission))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(&config);
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()))
}

fn settings(lab: &Lab, imap: u16, submission: u16) -> String {
    let folder = lab.folder.path().display();
    let certificates = lab.folder.certificates();
    let certificates = certificates.display();
    let (imap_backend, smtp_backend) = (lab.ports.imap, lab.ports.smtp);
    format!(
        "hostname = \"{DOMAIN}\"
state_dir = \"{folder}/nologd/state\"
user = \"root\"
[tls]
certificates = \"{certificates}\"
default = \"{DOMAIN}\"
[[listen]]
service = \"imap\"
address = \"127.0.0.1:{imap}\"
tls = \"implicit\"
[[listen]]
service = \"submission\"
address = \"127.0.0.1:{submission}\"
tls = \"implicit\"
[[backend]]
name = \"store1\"
imap = \"imap://127.0.0.1:{imap_backend}\"
relay = \"smtp://127.0.0.1:{smtp_backend}\"
auth = \"imap\"
default = true
[[association]]
name = \"bench\"
domains = [\"{DOMAIN}\"]
{LIMITS}"
    )
}
