//! Cyrus and Courier from unpacked packages, on loopback, all their files under a [`Place`]. As root: each runs in namespaces of its own, and
//! so does [`super::sogo`].

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex};

use nologd::demo::{MEMBERS, Owner, Place};

use crate::support::client;
use crate::{root, wire};

/// A server with IMAP and POP3 behind nologd. All of it ends when dropped.
pub struct Server {
    _contained: Contained,
    /// All that it writes.
    pub folder: PathBuf,
    pub imap: u16,
    pub pop3: u16,
    /// Nobody listens there where the server has no LMTP.
    pub lmtp: u16,
    pub sieve: Option<u16>,
    syslog: Option<Arc<Mutex<String>>>,
}

/// What a script started, in namespaces of its own.
pub struct Contained(Child);

impl Drop for Contained {
    /// With the one that looks after it goes the first process, and with that one its whole namespace.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// IMAP, POP3, LMTP and ManageSieve.
    pub fn cyrus(place: &Place) -> Server {
        let folder = prepared(place, "cyrus");
        let [imap, pop3, lmtp, sieve] = std::array::from_fn(|_| place.port().unwrap());
        let bin = unpacked("root/usr/lib/cyrus/bin").display().to_string();
        let ports = [("@IMAP@", imap), ("@POP3@", pop3), ("@LMTP@", lmtp), ("@SIEVE@", sieve)];
        for (name, text) in [("imapd.conf", include_str!("cyrus-imapd.conf")), ("cyrus.conf", include_str!("cyrus.conf"))] {
            let text = text.replace("@FOLDER@", &folder.display().to_string()).replace("@BIN@", &bin);
            let text = ports.iter().fold(text, |text, (mark, port)| text.replace(mark, &port.to_string()));
            place.write(&format!("cyrus/{name}"), text.as_bytes()).unwrap();
        }
        let syslog = UnixDatagram::bind(folder.join("syslog")).unwrap();
        fs::set_permissions(folder.join("syslog"), fs::Permissions::from_mode(0o666)).unwrap();
        let contained = Contained::start("tests/others/cyrus.sh", &folder, &[]);
        let server = Server {
            _contained: contained,
            folder,
            imap,
            pop3,
            lmtp,
            sieve: Some(sieve),
            syslog: Some(read_by_a_thread(syslog)),
        };
        [imap, pop3, lmtp, sieve].into_iter().for_each(wire::greeted);
        server
    }

    /// IMAP and POP3.
    pub fn courier(place: &Place) -> Server {
        let folder = prepared(place, "courier");
        let [imap, pop3, lmtp] = std::array::from_fn(|_| place.port().unwrap());
        let contained = Contained::start("tests/others/courier.sh", &folder, &[imap, pop3]);
        let server = Server { _contained: contained, folder, imap, pop3, lmtp, sieve: None, syslog: None };
        [imap, pop3].into_iter().for_each(wire::greeted);
        server
    }

    /// What it printed, and what it told syslog.
    pub fn log(&self) -> String {
        let printed = fs::read_to_string(self.folder.join("out")).unwrap();
        printed + &self.syslog.as_ref().map(|told| told.lock().unwrap().clone()).unwrap_or_default()
    }
}

/// The outcomes of `rspamd.sh`.
pub fn rspamd() -> String {
    root::needed();
    let mut command = client("unshare", "util-linux");
    command.args(["--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child", "sh"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/others/rspamd.sh")).arg(unpacked("root"));
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

/// All that comes on a socket. The thread stays: the kernel keeps ten lines, and whoever tells the eleventh waits.
fn read_by_a_thread(socket: UnixDatagram) -> Arc<Mutex<String>> {
    let text = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut line = [0; 8192];
        while let Ok(len) = socket.recv(&mut line) {
            kept.lock().unwrap().push_str(&(String::from_utf8_lossy(&line[..len]) + "\n"));
        }
    });
    text
}

/// What `make test-others` unpacked.
fn unpacked(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/others").join(name);
    assert!(path.exists(), "{} is not there: make test-others", path.display());
    path
}

/// A folder `name` of the place, with the members in it.
pub fn prepared(place: &Place, name: &str) -> PathBuf {
    root::needed();
    let folder = place.make(name, Owner::me()).unwrap();
    let members: String = MEMBERS.iter().map(|member| format!("{} {}\n", member.address, member.password)).collect();
    place.write(&format!("{name}/members"), members.as_bytes()).unwrap();
    folder
}

impl Contained {
    /// Runs `script` with the folder, the unpacked packages and the ports as its arguments.
    pub fn start(script: &str, folder: &Path, ports: &[u16]) -> Contained {
        let mut command = client("unshare", "util-linux");
        command.args(["--mount", "--pid", "--mount-proc", "--fork", "--kill-child", "sh"]);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).arg(folder).arg(unpacked("root"));
        command.args(ports.iter().map(u16::to_string));
        let libraries = fs::read_to_string(unpacked("libraries")).unwrap();
        let out = fs::File::options().create(true).append(true).open(folder.join("out")).unwrap();
        Contained(command.env("LD_LIBRARY_PATH", libraries.trim()).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap())
    }
}
