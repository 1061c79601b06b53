//! Tries from inside what must be refused, and tells what was. Harmless where it is not refused: what was made is removed.
//!
//! For `nologd check --sandbox` and for the audit; never called while people are served.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, remove_file};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, id};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::{ptrace, signal::kill};
use nix::unistd::getppid;

/// Something that must not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Make a file in the machine's temporary folder.
    WriteTemporary,
    /// Make a file in the folder for logs.
    WriteLog,
    /// Open the log of the kernel or of the machine for writing, as a device.
    WriteDevice,
    /// Read a file that the config does not name.
    ReadElsewhere,
    /// Connect to a port that the config does not name.
    ConnectElsewhere,
    /// Listen.
    Listen,
    /// Start a program.
    Exec,
    /// Make a socket that the system's log is written with.
    SystemLog,
    /// Read the memory of the process that started us.
    ReadProcess,
    /// Signal it.
    SignalProcess,
    /// Let it trace us.
    Trace,
    /// Move into namespaces of our own.
    Namespace,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel refused.
    Refused,
    /// It was not refused.
    Possible,
}

impl Attempt {
    /// All of them.
    pub const ALL: &'static [Attempt] = &[
        Attempt::WriteTemporary,
        Attempt::WriteLog,
        Attempt::WriteDevice,
        Attempt::ReadElsewhere,
        Attempt::ConnectElsewhere,
        Attempt::Listen,
        Attempt::Exec,
        Attempt::SystemLog,
        Attempt::ReadProcess,
        Attempt::SignalProcess,
        Attempt::Trace,
        Attempt::Namespace,
    ];

    /// For the admin.
    pub fn text(self) -> &'static str {
        match self {
            Attempt::WriteTemporary => "write a file in the folder for temporary files",
            Attempt::WriteLog => "write a file in /var/log",
            Attempt::WriteDevice => "write to a device",
            Attempt::ReadElsewhere => "read a file that the config does not name",
            Attempt::ConnectElsewhere => "connect to a port that the config does not name",
            Attempt::Listen => "listen on a port",
            Attempt::Exec => "start a program",
            Attempt::SystemLog => "make a socket for the system's log",
            Attempt::ReadProcess => "read the memory of another process",
            Attempt::SignalProcess => "signal another process",
            Attempt::Trace => "be traced by another process",
            Attempt::Namespace => "move into a new namespace",
        }
    }
}

/// Tries everything, once.
pub fn probe() -> Vec<(Attempt, Outcome)> {
    Attempt::ALL.iter().map(|attempt| (*attempt, attempt.run())).collect()
}

impl Attempt {
    fn run(self) -> Outcome {
        match self {
            Attempt::WriteTemporary => write_in(std::env::temp_dir()),
            Attempt::WriteLog => write_in(PathBuf::from("/var/log")),
            Attempt::WriteDevice => judge(OpenOptions::new().write(true).open("/dev/kmsg")),
            Attempt::ReadElsewhere => judge(File::open("/etc/passwd")),
            Attempt::ConnectElsewhere => judge(TcpStream::connect((Ipv4Addr::LOCALHOST, 1))),
            Attempt::Listen => judge(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))),
            Attempt::Exec => judge(Command::new("/bin/true").env_clear().status()),
            Attempt::SystemLog => judge(UnixDatagram::unbound()),
            Attempt::ReadProcess => judge(File::open(format!("/proc/{}/mem", getppid()))),
            Attempt::SignalProcess => judge(kill(getppid(), None).map_err(std::io::Error::from)),
            Attempt::Trace => judge(ptrace::traceme().map_err(std::io::Error::from)),
            Attempt::Namespace => judge(unshare(CloneFlags::CLONE_NEWNS).map_err(std::io::Error::from)),
        }
    }
}

fn write_in(folder: PathBuf) -> Outcome {
    let mut name = OsString::from(".nologd-self-check-");
    name.push(id().to_string());
    let path = folder.join(name);
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    if made.is_ok() {
        let _ = remove_file(path);
    }
    judge(made)
}

/// Only a refusal by rights or rules counts; "not found" or "nobody listens there" means that it was tried.
fn judge<T>(tried: std::io::Result<T>) -> Outcome {
    let refused = tried
        .err()
        .is_some_and(|error| error.kind() == ErrorKind::PermissionDenied || error.raw_os_error() == Some(Errno::EPERM as i32));
    if refused { Outcome::Refused } else { Outcome::Possible }
}
