//! The laboratory: temp dir, certificate, the backend process, and the guard that ends what was started.
//!
//! Children are ended by their own pid only, and by the pids of their descendants read just before. The backend also ends
//! by itself when its standard input closes; only SIGKILL to the benchmark itself can leave a peer and the temp dir behind.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::{Res, account, args, fake_imap, fake_pop3, fake_sieve, fake_smtp};

/// The name in the certificate, and the domain of all made-up mailboxes.
pub const DOMAIN: &str = "bench.example";

/// Fields are dropped in this order: the backend ends before its folder goes.
pub struct Lab {
    _backend: Guard,
    pub ports: BackendPorts,
    /// How long a morning is.
    pub morning: Duration,
    pub folder: Folder,
}

/// Loopback ports of the made-up backend, and of the HTTP service that nginx asks about every login.
#[derive(Clone, Copy)]
pub struct BackendPorts {
    pub imap: u16,
    pub smtp: u16,
    pub pop3: u16,
    pub sieve: u16,
    pub auth: u16,
}

impl Lab {
    pub fn new(morning: Duration) -> Res<Self> {
        let folder = Folder::new()?;
        make_certificate(&folder.certificates().join(DOMAIN), DOMAIN, None)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(args::BACKEND).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut backend = Guard::start(&mut command)?;
        let output = backend.output().ok_or("the backend has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ports: Vec<u16> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [imap, smtp, pop3, sieve, auth] = ports[..] else { return Err("the backend did not start".into()) };
        Ok(Self { _backend: backend, ports: BackendPorts { imap, smtp, pop3, sieve, auth }, morning, folder })
    }
}

/// The hidden sub-command: prints the ports, then serves until standard input ends.
pub async fn serve_backend() -> Res<()> {
    raise_file_limit();
    let mut listeners = Vec::new();
    for _ in 0..5 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await?);
    }
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<Res<Vec<u16>>>()?;
    let words: Vec<_> = ports.iter().map(u16::to_string).collect();
    println!("{}", words.join(" "));
    std::io::stdout().flush()?;
    let Ok([imap, smtp, pop3, sieve, auth]) = <[TcpListener; 5]>::try_from(listeners) else { return Err("no listeners".into()) };
    tokio::spawn(serve(imap, fake_imap::session));
    tokio::spawn(serve(smtp, fake_smtp::session));
    tokio::spawn(serve(pop3, fake_pop3::session));
    tokio::spawn(serve(sieve, fake_sieve::session));
    let asked = vec![("smtp", ports[1]), ("pop3", ports[2])];
    tokio::spawn(fake_smtp::serve_auth_http(auth, ports[0], asked));
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}

/// A session for each connection.
async fn serve<Done>(listener: TcpListener, session: fn(TcpStream) -> Done)
where
    Done: Future<Output = Res<()>> + Send + 'static,
{
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(session(socket));
    }
}

/// Two workers for both programs: the load and the backend must not be the bottleneck by having too few or too many.
pub fn runtime() -> Res<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Two descriptors per proxied session: 10,000 sessions need far more than the usual 1,024. Children inherit the limit.
pub fn raise_file_limit() {
    const ENOUGH: u64 = 65_536;
    if setrlimit(Resource::RLIMIT_NOFILE, ENOUGH, ENOUGH).is_err() {
        let _ = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    }
}

/// Open files that this process and its children may have.
fn file_limit() -> usize {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| usize::try_from(soft).unwrap_or(usize::MAX))
}

/// How many sessions a peer can have open at once here, 10,000 at most: two descriptors each, and some for itself: nologd keeps
/// thousands for connections that rest, incoming mail, questions, webmails and those who have not logged in yet.
pub fn most_sessions() -> usize {
    (file_limit().saturating_sub(8000) / 2).min(10_000)
}

/// A free loopback port, each once. Not one of those that the kernel gives to thousands of connections of the load: with the kernel's
/// own choice a peer found its port taken, once in some hundred starts. Another program could still take it before the peer
/// does: then the peer is absent and says so.
pub fn free_port() -> Res<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(12_000);
    const END: u16 = 32_000;
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if port >= END {
            return Err("no free port below those of connections".into());
        }
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}

/// A temp dir that goes when dropped. Peers' unprivileged processes may enter it, the private key they may not read.
pub struct Folder(PathBuf);

impl Folder {
    fn new() -> Res<Self> {
        let path = std::env::temp_dir().join(format!("nologd-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The certificates in the layout nologd wants; the other peers are given the two files.
    pub fn certificates(&self) -> PathBuf {
        self.0.join("certs")
    }

    pub fn chain(&self) -> PathBuf {
        self.certificates().join(DOMAIN).join("fullchain.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.certificates().join(DOMAIN).join("privkey.pem")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// P-256: what certificate authorities hand out today, and the same for all peers. `key` may be one that is there already.
pub fn make_certificate(folder: &Path, name: &str, key: Option<&Path>) -> Res<()> {
    fs::create_dir_all(folder)?;
    let (chain, own) = (folder.join("fullchain.pem"), folder.join("privkey.pem"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-days", "2", "-subj", &format!("/CN={name}")]);
    command.args(["-addext", &format!("subjectAltName=DNS:{name}")]).arg("-out").arg(&chain);
    match key {
        Some(key) => {
            fs::copy(key, &own)?;
            command.arg("-key").arg(&own);
        }
        None => {
            command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]).arg("-keyout").arg(&own);
        }
    }
    let made = command.output().map_err(|error| format!("openssl (package openssl): {error}"))?;
    if !made.status.success() {
        return Err("openssl could not make a certificate".into());
    }
    fs::set_permissions(own, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// A started child. Dropped or ended: SIGTERM, five seconds of patience, then SIGKILL to what is left of its tree.
pub struct Guard {
    child: Child,
}

impl Guard {
    pub fn start(command: &mut Command) -> Res<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("{name} does not start: {error}"))?;
        Ok(Self { child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it prints, if that was asked for at its start; once.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Some text if the child has already ended.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| format!("ended with {status}"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        let family = account::tree(&[self.pid()]);
        signal(self.pid(), Signal::SIGTERM);
        let patience = Instant::now() + Duration::from_secs(5);
        while self.ended().is_none() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // A pid may be taken anew after its process ended: only those that still have the same start time are ours.
        for member in family.iter().filter(|member| account::still_there(member)) {
            signal(member.pid, Signal::SIGKILL);
        }
    }
}

/// To a child that was started here.
pub fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}
