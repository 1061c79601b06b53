//! nologd as it is installed: the built-in policy, quota, scrubbing and sandbox on, one association with limits, one backend.
//!
//! What a row switches off, to see what it costs, is one field of [`Setup`]. It is in the open here and never in the daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Res;
use crate::incoming::IncomingPorts;
use crate::lab::{DOMAIN, Guard, Lab};
use crate::rows::Spoken;

/// A benchmark is one client that logs in a thousand times a second, which is what the daemon's limits are made to stop: these
/// are put out of reach. Nothing here may switch off quota, scrubbing or a no-log rule.
const RATES: &str = "
[sending]
messages_per_hour = 1000000000
messages_per_day = 1000000000
recipients_per_hour = 1000000000
recipients_per_day = 1000000000
[limits]
sessions = 100000
sessions_before_login = 256
sessions_per_network = 100000
connections_per_minute = 1000000
";

/// Limits of the association and its mailboxes: out of reach, but looked at before every write.
const SPACE: &str = "storage = \"100000G\"\nmailbox_default = \"10000G\"\nmailboxes = 1000\nmessages = 1000000000\n";

/// Grants every file, port and socket, and denies no call: what is left of the sandbox does nothing.
const LOOSE: &str = "
[[rule]]
name = \"files\"
write = [\"/\"]
reason = \"A benchmark of what the sandbox costs.\"
[[rule]]
name = \"ports\"
connect = [\"any\"]
reason = \"As above.\"
[[rule]]
name = \"sockets\"
sockets = [\"inet-stream\", \"inet6-stream\", \"inet-datagram\", \"inet6-datagram\", \"unix-stream\", \"unix-datagram\", \"netlink-route\"]
reason = \"As above.\"
";

/// The webmail's listener always has a pool. With room for one, and people who come in turn, nothing is ever found in it.
const NO_POOL: &str = "[pool]\ntotal = 1\nper_backend = 1\nper_user = 1\n";

/// What differs from row to row.
pub struct Setup {
    /// Service, loopback port, kind of TLS.
    doors: Vec<(&'static str, u16, &'static str)>,
    /// Port of the IMAP backend, and of the relay.
    backend: (u16, Option<u16>),
    /// What else the backend has, as lines of the config.
    beside: String,
    certificates: PathBuf,
    limits: bool,
    pool: bool,
    sandbox: bool,
    /// Its folder; and what else is in its config.
    name: &'static str,
    more: String,
}

impl Setup {
    /// In front of the made-up backend.
    pub fn proxy(lab: &Lab, imap: u16, submission: u16) -> Self {
        let doors = vec![("imap", imap, "implicit"), ("submission", submission, "implicit")];
        let backend = (lab.ports.imap, Some(lab.ports.smtp));
        Self {
            doors,
            backend,
            beside: String::new(),
            certificates: lab.folder.certificates(),
            limits: true,
            pool: true,
            sandbox: true,
            name: "nologd",
            more: String::new(),
        }
    }

    /// The same with a door for what else `spoken` is, in place of the one for IMAP.
    pub fn speaking(self, lab: &Lab, spoken: Spoken, door: u16) -> Self {
        let (service, port) = match spoken {
            Spoken::Mail => return self,
            Spoken::Pop3 => ("pop3", lab.ports.pop3),
            Spoken::Sieve => ("sieve", lab.ports.sieve),
        };
        let beside = format!("{service} = \"{service}://127.0.0.1:{port}\"\n");
        Self { doors: vec![(service, door, "implicit")], beside, ..self }
    }

    /// For the webmail, in front of a real Dovecot at `backend`.
    pub fn webmail(lab: &Lab, imap: u16, backend: u16) -> Self {
        Self { doors: vec![("webmail-imap", imap, "none")], backend: (backend, None), ..Self::proxy(lab, 0, 0) }
    }

    /// For the relay that brings mail by LMTP, and asks whether there is room.
    pub fn incoming(lab: &Lab, (lmtp, questions): (u16, u16), behind: IncomingPorts) -> Self {
        let doors = vec![("lmtp", lmtp, "none"), ("policy", questions, "none")];
        let backend = (behind.imap, None);
        let beside = format!("lmtp = \"lmtp://127.0.0.1:{}\"\n", behind.lmtp);
        Self { doors, backend, beside, ..Self::proxy(lab, 0, 0) }
    }

    pub fn without_limits(self) -> Self {
        Self { limits: false, ..self }
    }

    pub fn without_pool(self) -> Self {
        Self { pool: false, ..self }
    }

    pub fn without_sandbox(self) -> Self {
        Self { sandbox: false, ..self }
    }

    /// One of several nodes, with these lines in its config. No mail comes in.
    pub fn into_node(self, name: &'static str, more: String) -> Self {
        Self { name, more, beside: "lmtp = \"lmtp://127.0.0.1:9\"\n".to_owned(), ..self }
    }

    pub fn with_certificates(self, certificates: PathBuf) -> Self {
        Self { certificates, ..self }
    }

    /// With a state folder of its own: what one row wrote must not be read back in the next.
    pub fn start(&self, lab: &Lab) -> Res<Guard> {
        let state = state_of(lab, self.name)?;
        // All nodes have the same.
        fs::write(state.join("message-id.key"), [7; 32])?;
        self.start_again(lab)
    }

    /// With the state folder as it is.
    pub fn start_again(&self, lab: &Lab) -> Res<Guard> {
        let folder = lab.folder.path().join(self.name);
        let config = folder.join("nologd.toml");
        fs::write(&config, self.settings(lab))?;
        if !self.sandbox {
            fs::create_dir_all(folder.join("policy"))?;
            fs::write(folder.join("policy/sandbox.toml"), LOOSE)?;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.arg("run").arg("--config").arg(&config);
        Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()))
    }

    fn settings(&self, lab: &Lab) -> String {
        let (folder, name, more) = (lab.folder.path().display(), self.name, &self.more);
        let certificates = self.certificates.display();
        let (imap, relay) = self.backend;
        let beside = &self.beside;
        let relay = relay.map(|port| format!("relay = \"smtp://127.0.0.1:{port}\"\n")).unwrap_or_default();
        let listens = self.doors.iter().map(|(service, port, tls)| {
            format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n")
        });
        let listens: String = listens.collect();
        let space = if self.limits { SPACE } else { "" };
        let pool = if self.pool { "" } else { NO_POOL };
        let policy = if self.sandbox {
            String::new()
        } else {
            format!("[policy]\ndirectory = \"{folder}/nologd/policy\"\nallow_loosened = true\n")
        };
        format!(
            "hostname = \"{DOMAIN}\"\nstate_dir = \"{folder}/{name}/state\"\nuser = \"root\"\n\
             [tls]\ncertificates = \"{certificates}\"\ndefault = \"{DOMAIN}\"\n{listens}\
             [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{imap}\"\n{beside}{relay}auth = \"imap\"\ndefault = true\n\
             [[association]]\nname = \"bench\"\ndomains = [\"{DOMAIN}\"]\n{space}{pool}{policy}{RATES}{more}"
        )
    }
}

/// An empty state folder; returns where the book goes in it.
pub fn fresh_state(lab: &Lab) -> Res<PathBuf> {
    Ok(state_of(lab, "nologd")?.join("store"))
}

fn state_of(lab: &Lab, name: &str) -> Res<PathBuf> {
    let state = lab.folder.path().join(name).join("state");
    let _ = fs::remove_dir_all(&state);
    fs::create_dir_all(&state)?;
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700))?;
    Ok(state)
}
