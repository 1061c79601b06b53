//! A MariaDB and a PostgreSQL of our own: in a temporary folder, on a Unix socket, gone with the test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

pub struct Server {
    child: Option<Child>,
    pub folder: PathBuf,
    is_postgres: bool,
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn found(names: &[&str]) -> PathBuf {
    let found = names.iter().map(PathBuf::from).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("none of {names:?}: install mariadb-server and postgresql"))
}

fn postgres(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("install postgresql");
    let found = versions.map(|entry| entry.unwrap().path().join("bin").join(program)).find(|path| path.exists());
    found.expect("install postgresql")
}

/// `program` as a user who may run it: neither server runs as root.
fn as_user(user: &str, program: &Path) -> Command {
    if !Uid::effective().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--clear-groups").arg(program);
    command
}

fn folder(name: &str, user: &str) -> PathBuf {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    // Short: a socket's path has a bound.
    let folder = PathBuf::from(format!("/tmp/nlgd-{name}-{}-{number}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    if Uid::effective().is_root() {
        run(Command::new("chown").arg(format!("{user}:{user}")).arg(&folder));
    }
    folder
}

impl Server {
    pub fn mariadb() -> Server {
        let folder = folder("maria", "mysql");
        let install = found(&["/usr/bin/mariadb-install-db", "/usr/bin/mysql_install_db"]);
        let data = folder.join("data");
        run(as_user("mysql", &install)
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .args(["--auth-root-authentication-method=socket", "--skip-test-db"])
            .arg(format!("--auth-root-socket-user={}", nix::unistd::User::from_uid(Uid::effective()).unwrap().unwrap().name)));
        let mut command = as_user("mysql", &found(&["/usr/sbin/mariadbd", "/usr/sbin/mysqld"]));
        command
            .args(["--no-defaults", "--skip-networking", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.join("s").display()))
            .arg(format!("--pid-file={}", folder.join("pid").display()));
        Server::start(folder, command, false, |server| server.sql_done("SELECT 1"))
    }

    pub fn postgresql() -> Server {
        let folder = folder("pg", "postgres");
        let me = nix::unistd::User::from_uid(Uid::effective()).unwrap().unwrap().name;
        let data = folder.join("data");
        run(as_user("postgres", &postgres("initdb"))
            .arg("-D")
            .arg(&data)
            .args(["-A", "peer", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-U"])
            .arg(&me));
        let mut command = as_user("postgres", &postgres("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        Server::start(folder, command, true, |server| server.sql_done("SELECT 1"))
    }

    fn start(folder: PathBuf, mut command: Command, is_postgres: bool, answers: impl Fn(&Server) -> bool) -> Server {
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut server = Server { child: Some(child), folder, is_postgres };
        let end = Instant::now() + Duration::from_secs(60);
        while !answers(&server) {
            let ended = server.child.as_mut().unwrap().try_wait().unwrap().is_some();
            let log = fs::read_to_string(server.folder.join("log")).unwrap_or_default();
            assert!(!ended && Instant::now() < end, "{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    pub fn socket(&self) -> PathBuf {
        if self.is_postgres { self.folder.clone() } else { self.folder.join("s") }
    }

    fn client(&self, database: &str) -> Command {
        if self.is_postgres {
            let mut command = Command::new(postgres("psql"));
            command.arg("-h").arg(&self.folder).args([
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                if database.is_empty() { "postgres" } else { database },
            ]);
            command
        } else {
            let mut command = Command::new(found(&["/usr/bin/mariadb", "/usr/bin/mysql"]));
            command
                .arg("--no-defaults")
                .arg("--default-character-set=utf8mb4")
                .arg(format!("--socket={}", self.folder.join("s").display()));
            command.args((!database.is_empty()).then_some(database));
            command
        }
    }

    fn sql_done(&self, text: &str) -> bool {
        self.feed("", text).0
    }

    fn feed(&self, database: &str, text: &str) -> (bool, String) {
        let mut client =
            self.client(database).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut client.stdin.take().unwrap(), text.as_bytes()).unwrap();
        let output = client.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Runs statements that must be done.
    pub fn sql(&self, database: &str, text: &str) {
        let (done, errors) = self.feed(database, text);
        assert!(done, "{errors}");
    }

    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let _ = kill(pid, if self.is_postgres { Signal::SIGINT } else { Signal::SIGTERM });
        let _ = child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
