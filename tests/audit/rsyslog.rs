//! A real rsyslogd with Debian's own rules, alone and with our template before them: where the lines of mail servers end. The machine's
//! own /dev/log is not touched: the lines, real ones, are handed in with logger.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nologd::audit::check::AuditedServer;
use nologd::demo::{Owner, Place};

use super::{report, source, templates};

/// As Dovecot and Postfix write them.
const LINES: &[(&str, &str)] = &[
    ("mail.info", "imap-login: Login: user=<alice@velo.example>, method=PLAIN, rip=198.51.100.7, session=<RlyNwNdgAa3GM2QH>"),
    ("mail.warn", "warning: unknown[198.51.100.7]: SASL PLAIN authentication failed, sasl_username=alice@velo.example"),
    ("mail.err", "imap: Error: chdir(/srv/vmail/alice@velo.example/) failed"),
];
/// A line of somebody else, which must still be written: if it is not, nothing was shown.
const OTHER: &str = "a line of cron";

#[test]
fn debians_rules_write_people_down_and_our_template_stops_it() {
    let debian = fs::read_to_string("/etc/rsyslog.conf").expect("apt install rsyslog");
    let written = written_with(&debian, None);
    assert!(written.contains("alice@velo.example") && written.contains("198.51.100.7") && written.contains(OTHER), "{written}");
    let ours = written_with(&debian, Some(&templates::read("rsyslog.conf")));
    assert!(ours.contains(OTHER), "{ours}");
    for word in ["alice", "velo", "198.51.100.7", "session"] {
        assert!(!ours.contains(word), "{word}:\n{ours}");
    }
    // And what the audit says of the very same files.
    let found = |text: &str| report(&[source(AuditedServer::Rsyslog, text)]).findings.len();
    assert!(found(&debian) > 0);
    assert_eq!(found(&format!("{}{debian}", templates::read("rsyslog.conf"))), 0);
}

/// Everything that rsyslogd writes into files when [`LINES`] come in.
fn written_with(debian: &str, template: Option<&str>) -> String {
    let place = Place::new().unwrap();
    let folder = place.folder().display().to_string();
    for name in ["log", "spool", "rsyslog.d"] {
        place.make(name, Owner::me()).unwrap();
    }
    let socket = place.path("socket");
    // Its own socket and folders, no kernel messages; else as it is.
    let config: String = debian
        .replace("/var/log", &format!("{folder}/log"))
        .replace("/var/spool/rsyslog", &format!("{folder}/spool"))
        .replace("/etc/rsyslog.d", &format!("{folder}/rsyslog.d"))
        .lines()
        .filter(|line| !line.contains("imklog") && !line.starts_with("$File") && !line.starts_with("$Priv"))
        .map(|line| if line.contains("imuxsock") { "module(load=\"imuxsock\" SysSock.Use=\"off\")" } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = format!("{config}\ninput(type=\"imuxsock\" Socket=\"{}\")\n", socket.display());
    let file = place.write("rsyslog.conf", config.as_bytes()).unwrap();
    if let Some(template) = template {
        place.write("rsyslog.d/00-nologd.conf", template.as_bytes()).unwrap();
    }
    let mut daemon = Rsyslog::start(&place, &file);
    until("the socket", || socket.exists());
    for (priority, line) in LINES.iter().copied().chain([("cron.info", OTHER)]) {
        let mut logger = Command::new("logger");
        assert!(logger.arg("--socket").arg(&socket).args(["--priority", priority, line]).status().unwrap().success());
    }
    until("the last line", || all_of(&place.path("log")).contains(OTHER));
    daemon.end();
    all_of(&place.path("log")) + &all_of(&place.path("spool"))
}

struct Rsyslog(Child);

impl Rsyslog {
    fn start(place: &Place, config: &Path) -> Rsyslog {
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command.arg("-n").arg("-f").arg(config).arg("-i").arg(place.path("pid"));
        Rsyslog(command.spawn().expect("apt install rsyslog"))
    }

    fn end(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.end();
    }
}

fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !reached() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn all_of(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap_or_default());
    files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}
