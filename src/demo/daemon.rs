//! nologd itself as a child process: its config file, its ports, its start and end.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};

use super::place::{Owner, Place};
use super::process::{Process, times};
use super::program::Program;
use super::{ASSOCIATIONS, Trouble};

/// The example certificate, for clients that want to check it.
pub const CERTIFICATE: &[u8] = include_bytes!("../../certs-example/mail.nolog.example/fullchain.pem");
pub(super) const KEY: &[u8] = include_bytes!("../../certs-example/mail.nolog.example/privkey.pem");

/// The socket for admins, in the demo's folder.
pub(super) const SOCKET: &str = "admin.sock";

/// The four ports that mail programs connect to, the two for the relay that brings mail, and the two for a webmail.
#[derive(Clone, Copy)]
pub struct Ports {
    /// IMAP with TLS from the first byte.
    pub imaps: u16,
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// Submission with TLS from the first byte.
    pub submissions: u16,
    /// Submission with STARTTLS.
    pub submission: u16,
    /// Incoming mail.
    pub lmtp: u16,
    /// Postfix's questions about incoming mail.
    pub policy: u16,
    /// A webmail that reads.
    pub webmail_imap: u16,
    /// A webmail that sends.
    pub webmail_submission: u16,
}

impl Ports {
    /// Any free ones.
    pub fn any(place: &Place) -> Result<Ports, Trouble> {
        let (imaps, imap) = (place.port()?, place.port()?);
        let (submissions, submission) = (place.port()?, place.port()?);
        let (lmtp, policy) = (place.port()?, place.port()?);
        let (webmail_imap, webmail_submission) = (place.port()?, place.port()?);
        Ok(Ports { imaps, imap, submissions, submission, lmtp, policy, webmail_imap, webmail_submission })
    }

    /// The usual ones plus 10,000, where they are free.
    pub fn usual(place: &Place) -> Result<Ports, Trouble> {
        Ok(Ports {
            imaps: place.port_near(10_993)?,
            imap: place.port_near(10_143)?,
            submissions: place.port_near(10_465)?,
            submission: place.port_near(10_587)?,
            lmtp: place.port_near(10_024)?,
            policy: place.port_near(10_040)?,
            webmail_imap: place.port_near(11_143)?,
            webmail_submission: place.port_near(11_587)?,
        })
    }
}

/// One mail server behind nologd, on loopback.
#[derive(Clone, Copy)]
pub struct Behind<'a> {
    /// Its name in the config.
    pub name: &'a str,
    /// Its IMAP port.
    pub imap: u16,
    /// Its LMTP port.
    pub lmtp: u16,
    /// Its relay's SMTP port.
    pub relay: u16,
}

/// A running nologd. Stopped when dropped.
pub struct Daemon {
    process: Process,
    ports: Ports,
    config: PathBuf,
    output: PathBuf,
}

/// What the daemon says when it serves.
const STARTED: &str = "nologd: started ";

impl Daemon {
    /// Writes config, certificates and state folder into `place` and starts `program run`. The first of `behind` serves every
    /// association that has no backend of its own; `more` has lines of config for associations. Returns when it serves.
    pub fn start(
        place: &Place,
        program: &Path,
        ports: Ports,
        behind: &[Behind],
        more: &[(&str, &str)],
    ) -> Result<Daemon, Trouble> {
        let (user, owner) = unprivileged()?;
        place.make("state", owner)?;
        place.make("certs/mail.nolog.example", Owner::me())?;
        place.write("certs/mail.nolog.example/fullchain.pem", CERTIFICATE)?;
        place.write("certs/mail.nolog.example/privkey.pem", KEY)?;
        let config = place.write("nologd.toml", config(place.folder(), user, ports, behind, more).as_bytes())?;
        let output = place.path("nologd.out");
        let before = times(&output, STARTED);
        let process = launch(program, &config, &output)?;
        let mut daemon = Daemon { process, ports, config, output };
        daemon.ready(before)?;
        Ok(daemon)
    }

    /// Starts it again with the same config, ports and state; what is left of the old process is ended first.
    pub fn restart(&mut self, program: &Path) -> Result<(), Trouble> {
        self.process.signal(Signal::SIGTERM);
        self.process.wait(Duration::from_secs(60));
        let before = times(&self.output, STARTED);
        self.process = launch(program, &self.config, &self.output)?;
        self.ready(before)
    }

    // Ports are bound before the book is opened, and a connection to them waits; whoever looks at the book does not.
    fn ready(&mut self, before: usize) -> Result<(), Trouble> {
        let Ports { imaps, imap, submissions, submission, lmtp, policy, webmail_imap, webmail_submission } = self.ports;
        for port in [imaps, imap, submissions, submission, lmtp, policy, webmail_imap, webmail_submission] {
            self.process.listening(Program::Nologd, port)?;
        }
        self.process.says(Program::Nologd, &self.output, STARTED, before)
    }

    /// Where mail programs connect.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Its config file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The file with all that it wrote to standard output and standard error.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// The process, to send signals and to wait for.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn launch(program: &Path, config: &Path, output: &Path) -> Result<Process, Trouble> {
    let mut command = Command::new(program);
    command.arg("run").arg("--config").arg(config);
    Process::start(command, Program::Nologd, Some(output))
}

/// Who nologd shall become, and who must own its state folder. An ordinary user stays who it is.
pub(super) fn unprivileged() -> Result<(&'static str, Owner), Trouble> {
    if !Uid::effective().is_root() {
        return Ok(("", Owner::me()));
    }
    let nobody = User::from_name("nobody").ok().flatten().ok_or(Trouble::NoUser)?;
    Ok(("nobody", Owner { uid: nobody.uid, gid: nobody.gid }))
}

fn config(folder: &Path, user: &str, ports: Ports, behind: &[Behind], more: &[(&str, &str)]) -> String {
    let folder = folder.display();
    let user = if user.is_empty() { String::new() } else { format!("user      = \"{user}\"\n") };
    let mut text = format!(
        "# Written by the demo. The format is explained in docs/admin/reference.md.\n\
         hostname  = \"mail.nolog.example\"\n\
         state_dir = \"{folder}/state\"\n{user}\n\
         [tls]\ncertificates = \"{folder}/certs\"\ndefault = \"mail.nolog.example\"\n"
    );
    let listeners = [
        ("imap", ports.imaps, "implicit"),
        ("imap", ports.imap, "starttls"),
        ("submission", ports.submissions, "implicit"),
        ("submission", ports.submission, "starttls"),
        ("lmtp", ports.lmtp, "none"),
        ("policy", ports.policy, "none"),
        ("webmail-imap", ports.webmail_imap, "none"),
        ("webmail-submission", ports.webmail_submission, "none"),
    ];
    for (service, port, tls) in listeners {
        let _ = write!(text, "\n[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls     = \"{tls}\"\n");
    }
    let _ = write!(text, "\n[[listen]]\nservice = \"admin\"\naddress = \"unix:{folder}/{SOCKET}\"\ntls     = \"none\"\n");
    for (position, Behind { name, imap, lmtp, relay }) in behind.iter().enumerate() {
        let _ = write!(
            text,
            "\n[[backend]]\nname  = \"{name}\"\nimap  = \"imap://127.0.0.1:{imap}\"\nlmtp  = \"lmtp://127.0.0.1:{lmtp}\"\n\
             relay = \"smtp://127.0.0.1:{relay}\"\nauth  = \"imap\"\ndefault = {}\n",
            position == 0
        );
    }
    for association in ASSOCIATIONS {
        let _ = write!(
            text,
            "\n[[association]]\nname    = \"{}\"\ndomains = [\"{}\"]\nsenders = \"mailbox\"\n",
            association.name, association.domain
        );
        for (_, line) in more.iter().filter(|(name, _)| *name == association.name) {
            let _ = writeln!(text, "{line}");
        }
        let _ = write!(
            text,
            "[[association.alias]]\naddress   = \"contact@{}\"\nmailboxes = [\"{}\"]\n",
            association.domain, association.contact
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_is_toml_with_its_listeners_and_the_backends_asked_for() {
        let ports = Ports::any(&Place::new().unwrap()).unwrap();
        let behind = |name| Behind { name, imap: 5, lmtp: 6, relay: 7 };
        let text =
            config(Path::new("/place"), "nobody", ports, &[behind("one"), behind("two")], &[("jardin", "backend = \"two\"")]);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["user"].as_str(), Some("nobody"));
        assert_eq!(table["listen"].as_array().unwrap().len(), 9);
        assert_eq!(table["backend"][1]["default"].as_bool(), Some(false));
        assert_eq!(table["association"][1]["backend"].as_str(), Some("two"));
        assert_eq!(table["association"][0]["alias"][0]["address"].as_str(), Some("contact@velo.example"));
    }
}
