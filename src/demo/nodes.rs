//! Several nologd that all take clients (docs/many-nodes.md), each with a folder, a state and ports of its own, before one etcd and one Dovecot.

use std::fmt::Write as _;
use std::fs::{File, Permissions, set_permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::chown;

use super::authority::certificate;
use super::daemon::{Behind, CERTIFICATE, KEY, unprivileged};
use super::place::{Owner, Place};
use super::process::{Process, times};
use super::program::Program;
use super::{ASSOCIATIONS, Dovecot, EtcdServer, MEMBERS, Trouble};

/// What a node is called.
pub(super) const NAMES: [&str; 3] = ["front-a", "front-b", "front-c"];

const STARTED: &str = "nologd: started ";

/// Where one node is reached: by mail programs, by the relay, and by the other nodes for each of the two.
#[derive(Clone, Copy)]
pub(super) struct NodePorts {
    /// IMAP with TLS from the first byte.
    pub imaps: u16,
    /// Incoming mail.
    pub lmtp: u16,
    share: [u16; 2],
}

impl NodePorts {
    /// `usual`: the usual ones plus 10,000, 11,000 and 12,000, where they are free.
    fn of(place: &Place, at: usize, usual: bool) -> Result<NodePorts, Trouble> {
        let near = |port: u16| match usual {
            true => place.port_near(port + 10_000 + 1000 * at as u16),
            false => place.port(),
        };
        Ok(NodePorts { imaps: near(993)?, lmtp: near(24)?, share: [place.port()?, place.port()?] })
    }
}

/// All of them, with what asks the storage beside each. Stopped when dropped.
pub(super) struct Nodes {
    counters: Vec<Process>,
    daemons: Vec<Process>,
    ports: Vec<NodePorts>,
    program: PathBuf,
    folder: PathBuf,
}

impl Nodes {
    /// Starts the first `count` of [`NAMES`], and makes the settings of the first those of all.
    pub fn start(place: &Place, count: usize, usual: bool, etcd: &EtcdServer, dovecot: &Dovecot) -> Result<Nodes, Trouble> {
        let program = std::env::current_exe().map_err(Trouble::Folder)?;
        certificate(place.folder(), "authority", true)?;
        place.make("certs/mail.nolog.example", Owner::me())?;
        place.write("certs/mail.nolog.example/fullchain.pem", CERTIFICATE)?;
        place.write("certs/mail.nolog.example/privkey.pem", KEY)?;
        count_program(place)?;
        let ports = (0..count).map(|at| NodePorts::of(place, at, usual)).collect::<Result<Vec<_>, _>>()?;
        let mut key = [0; 32];
        File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut key)).map_err(Trouble::Folder)?;
        let folder = place.folder().to_owned();
        let mut nodes = Nodes { counters: Vec::new(), daemons: Vec::new(), ports, program, folder };
        for at in 0..count {
            nodes.prepare(place, at, &key, etcd, dovecot)?;
            let daemon = nodes.launch(at)?;
            nodes.daemons.push(daemon);
            let mut command = Command::new(&nodes.program);
            command.args(["share", "count", "--program"]).arg(place.path("count")).arg("--socket").arg(nodes.socket(at));
            nodes.counters.push(Process::start(command, Program::Nologd, Some(&place.path("count.out")))?);
        }
        Ok(nodes)
    }

    fn prepare(&self, place: &Place, at: usize, key: &[u8; 32], etcd: &EtcdServer, dovecot: &Dovecot) -> Result<(), Trouble> {
        let ((user, owner), name) = (unprivileged()?, NAMES[at]);
        certificate(place.folder(), name, false)?;
        place.make(name, owner)?;
        let state = place.make(&format!("{name}/state"), owner)?;
        // All of them have the same one.
        let key = place.write(&format!("{name}/state/message-id.key"), key)?;
        for path in [state, key] {
            chown(&path, Some(owner.uid), Some(owner.gid)).map_err(|error| Trouble::Folder(error.into()))?;
        }
        let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: 0 };
        let config = config(place.folder(), user, at, &self.ports, etcd.port(), behind);
        place.write(&format!("{name}/nologd.toml"), config.as_bytes()).map(drop)
    }

    fn launch(&self, at: usize) -> Result<Process, Trouble> {
        let folder = self.folder.join(NAMES[at]);
        let (output, mut command) = (folder.join("out"), Command::new(&self.program));
        let before = times(&output, STARTED);
        command.arg("run").arg("--config").arg(folder.join("nologd.toml"));
        let mut process = Process::start(command, Program::Nologd, Some(&output))?;
        process.listening(Program::Nologd, self.ports[at].imaps)?;
        process.says(Program::Nologd, &output, STARTED, before)?;
        Ok(process)
    }

    /// Starts one again that has ended.
    pub fn again(&mut self, at: usize) -> Result<(), Trouble> {
        self.daemons[at] = self.launch(at)?;
        Ok(())
    }

    /// Kills one, in the middle of whatever it does.
    pub fn kill(&mut self, at: usize) {
        self.daemons[at].signal(Signal::SIGKILL);
        self.daemons[at].wait(std::time::Duration::from_secs(10));
    }

    /// Whether this one has ended.
    pub fn has_ended(&mut self, at: usize) -> bool {
        self.daemons[at].ended().is_some()
    }

    /// What `kill` takes.
    pub fn pid(&self, at: usize) -> i32 {
        self.daemons[at].pid().as_raw()
    }

    /// Of each, in the order of [`NAMES`].
    pub fn ports(&self) -> &[NodePorts] {
        &self.ports
    }

    /// The program that runs here.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// For admins.
    pub fn socket(&self, at: usize) -> PathBuf {
        self.folder.join(NAMES[at]).join("admin.sock")
    }

    /// All that it wrote.
    pub fn output(&self, at: usize) -> String {
        std::fs::read_to_string(self.folder.join(NAMES[at]).join("out")).unwrap_or_default()
    }

    /// Gives node `at` a command; what it printed, where it was done.
    pub fn ask(&self, at: usize, words: &[&str]) -> Option<String> {
        let mut command = Command::new(&self.program);
        let output = command.args(words).arg("--socket").arg(self.socket(at)).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The node that judges `association`, where it says itself that it may store.
    pub fn judge_of(&self, association: &str) -> Option<usize> {
        let judges = |at: &usize| {
            let told: Option<serde_json::Value> =
                self.ask(*at, &["share", "show", "--json"]).and_then(|told| serde_json::from_str(&told).ok());
            let of = |told: serde_json::Value| {
                told["associations"]
                    .as_array()?
                    .iter()
                    .find(|one| one["name"] == association)
                    .map(|one| one["judged"] == "judged")
            };
            told.and_then(of) == Some(true)
        };
        (0..self.ports.len()).find(judges)
    }
}

/// What `nologd share count` runs: doveadm, for everyone in the demo.
fn count_program(place: &Place) -> Result<(), Trouble> {
    let users: String = MEMBERS.iter().map(|member| format!(" {}", member.address)).collect();
    let text = format!(
        "#!/bin/sh\nprintf 'Username\\tmessages\\tvsize\\n'\nfor user in{users}; do\n\
         doveadm -c {} -f tab mailbox status -u $user -t 'messages vsize' '*' | sed -n \"2s/^/$user\\t/p\"\ndone\n",
        place.path("dovecot/dovecot.conf").display()
    );
    let path = place.write("count", text.as_bytes())?;
    set_permissions(path, Permissions::from_mode(0o755)).map_err(Trouble::Folder)
}

fn config(all: &Path, user: &str, at: usize, ports: &[NodePorts], etcd: u16, behind: Behind<'_>) -> String {
    let (all, name, own) = (all.display(), NAMES[at], &ports[at]);
    let user = if user.is_empty() { String::new() } else { format!("user      = \"{user}\"\n") };
    let mut text = format!(
        "# Written by the demo. The format is explained in docs/admin/reference.md.\n\
         hostname  = \"mail.nolog.example\"\nstate_dir = \"{all}/{name}/state\"\n{user}\n\
         [tls]\ncertificates = \"{all}/certs\"\ndefault = \"mail.nolog.example\"\n\n\
         [[listen]]\nservice = \"admin\"\naddress = \"unix:{all}/{name}/admin.sock\"\ntls     = \"none\"\n"
    );
    let listeners = [
        ("imap", own.imaps, "implicit"),
        ("lmtp", own.lmtp, "none"),
        ("share-imap", own.share[0], "implicit"),
        ("share-lmtp", own.share[1], "implicit"),
    ];
    for (service, port, tls) in listeners {
        let _ = write!(text, "\n[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls     = \"{tls}\"\n");
    }
    let _ = write!(
        text,
        "\n[share]\nname        = \"{name}\"\netcd        = [\"http://127.0.0.1:{etcd}\"]\nauthority   = \"{all}/authority.pem\"\n\
         certificate = \"{all}/{name}.pem\"\nkey         = \"{all}/{name}.key\"\n"
    );
    for (other, ports) in ports.iter().enumerate().filter(|(other, _)| *other != at) {
        let ([imap, lmtp], other) = (ports.share, NAMES[other]);
        let _ = write!(
            text,
            "\n[[share.node]]\nname = \"{other}\"\nimap = \"imaps://127.0.0.1:{imap}\"\nlmtp = \"lmtps://127.0.0.1:{lmtp}\"\n"
        );
    }
    let Behind { name, imap, lmtp, .. } = behind;
    let _ = write!(
        text,
        "\n[[backend]]\nname = \"{name}\"\nimap = \"imap://127.0.0.1:{imap}\"\nlmtp = \"lmtp://127.0.0.1:{lmtp}\"\n"
    );
    for association in ASSOCIATIONS {
        let (name, domain) = (association.name, association.domain);
        let _ = write!(text, "\n[[association]]\nname    = \"{name}\"\ndomains = [\"{domain}\"]\nstorage = \"100M\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_of_each_node_is_toml_and_names_the_others() {
        let place = Place::new().unwrap();
        let ports: Vec<_> = (0..NAMES.len()).map(|at| NodePorts::of(&place, at, false).unwrap()).collect();
        let behind = Behind { name: "store1", imap: 5, lmtp: 6, relay: 0 };
        for (at, name) in NAMES.into_iter().enumerate() {
            let text = config(Path::new("/place"), "nobody", at, &ports, 7, behind);
            let table: toml::Table = text.parse().unwrap();
            let others: Vec<_> =
                table["share"]["node"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap()).collect();
            assert_eq!(others, NAMES.iter().copied().filter(|other| *other != name).collect::<Vec<_>>());
            assert_eq!((table["share"]["name"].as_str(), table["listen"].as_array().unwrap().len()), (Some(name), 5));
        }
    }
}
