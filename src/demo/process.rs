//! A server that was started here and is ended here: by its own process id, never by a name.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Trouble;
use super::program::Program;

/// How long a server may take to answer after its start; a loaded machine with two cores is slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A running server process. Ended when dropped.
pub struct Process {
    child: Child,
    /// Who gets the signals: the child, or the server that it looks after.
    target: Pid,
}

impl Process {
    /// Starts `command` with its output in the file `log`, or on the terminal when there is none.
    #[allow(clippy::disallowed_methods)] // the file is in the temporary folder of a demo or a test
    pub fn start(mut command: Command, program: Program, log: Option<&Path>) -> Result<Process, Trouble> {
        if let Some(log) = log {
            let out = File::options().create(true).append(true).open(log).map_err(Trouble::Folder)?;
            let errors = out.try_clone().map_err(Trouble::Folder)?;
            command.stdout(out).stderr(errors);
        }
        let child = command.stdin(Stdio::null()).spawn().map_err(|_| Trouble::Missing(program))?;
        let target = Pid::from_raw(child.id() as i32);
        Ok(Process { child, target })
    }

    /// Directs signals to another process, the one that does the work.
    pub fn aim(&mut self, target: Pid) {
        self.target = target;
    }

    /// The process id that signals go to.
    pub fn pid(&self) -> Pid {
        self.target
    }

    /// Sends `signal`; a process that is gone does not mind.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.target, signal);
    }

    /// Whether it has ended, and how well.
    pub fn ended(&mut self) -> Option<bool> {
        self.child.try_wait().ok().flatten().map(|status| status.success())
    }

    /// Waits for its end, at most `limit`. `None`: it still runs. Otherwise whether it ended well.
    pub fn wait(&mut self, limit: Duration) -> Option<bool> {
        let end = Instant::now() + limit;
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() > end {
                return ended;
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until something answers on `port` with at least one byte, as every mail server does.
    pub fn greeted(&mut self, program: Program, port: u16) -> Result<(), Trouble> {
        self.until(program, || greeting(port))
    }

    /// Waits until `port` takes connections; for TLS ports, which greet only after the handshake.
    pub fn listening(&mut self, program: Program, port: u16) -> Result<(), Trouble> {
        self.until(program, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// Waits until there is more than `before` of `words` in the file that it writes to.
    pub fn says(&mut self, program: Program, log: &Path, words: &str, before: usize) -> Result<(), Trouble> {
        self.until(program, || times(log, words) > before)
    }

    fn until(&mut self, program: Program, ready: impl Fn() -> bool) -> Result<(), Trouble> {
        let end = Instant::now() + PATIENCE;
        while !ready() {
            if self.ended().is_some() || Instant::now() > end {
                return Err(Trouble::NotStarted(program));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// How often `words` stand in the file `log`.
pub(super) fn times(log: &Path, words: &str) -> usize {
    std::fs::read_to_string(log).map_or(0, |said| said.matches(words).count())
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.signal(Signal::SIGTERM);
        if self.wait(GRACE).is_none() {
            self.signal(Signal::SIGKILL);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn greeting(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    stream.read(&mut [0; 1]).is_ok_and(|count| count == 1)
}
