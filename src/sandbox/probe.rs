//! Tries from inside what must be refused, and tells what was. Harmless where it is not refused: what was made is removed.
//!
//! Absent on purpose: calls that no safe wrapper makes (bpf, io_uring, keyrings, SysV shared memory ...). `tests/sandbox/calls.py`
//! tries those under the same rules.
//!
//! For `nologd check --sandbox` and for the audit; never called while people are served.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, remove_file};
use std::io::{Error, IoSliceMut};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, id};

use nix::mqueue::{MQ_OFlag, mq_open, mq_unlink};
use nix::sched::{CloneFlags, unshare};
use nix::sys::inotify::{InitFlags, Inotify};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::Mode;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::{ptrace, signal::kill};
use nix::unistd::{getppid, getuid, setuid};

use super::network;
use super::outcome::{Outcome, all, judge};

/// Something that must not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Make a file in the machine's temporary folder.
    WriteTemporary,
    /// Make a file in the folder for logs.
    WriteLog,
    /// Open the log of the kernel or of the machine for writing, as a device.
    WriteDevice,
    /// Read a file that the config does not name.
    ReadElsewhere,
    /// Read who is connected to this machine.
    ReadConnections,
    /// Be told by the kernel when files of others change.
    Watch,
    /// Connect to a port that the config does not name.
    ConnectElsewhere,
    /// Send to such a port with the first packet of a connection that nobody asked for.
    FastOpen,
    /// Make sockets of protocols whose ports no rule names: MPTCP, SMC, SCTP, DCCP, UDP-Lite, ping, raw.
    OtherProtocols,
    /// Make sockets that lead elsewhere: to the host of a virtual machine, to the kernel, to the network card.
    OtherFamilies,
    /// Turn a TCP socket into something else by its options.
    SocketOptions,
    /// Listen.
    Listen,
    /// Listen on whichever port is free.
    ListenUnbound,
    /// Connect to the sockets of the machine's own services.
    ConnectUnix,
    /// Have an abstract Unix socket, or connect to one.
    Abstract,
    /// Hand an open file to another process.
    PassDescriptor,
    /// Start a program.
    Exec,
    /// Make a file in memory, as programs are started from that are on no disk.
    MemoryFile,
    /// Make a queue that other processes read.
    MessageQueue,
    /// Make a socket that the system's log is written with.
    SystemLog,
    /// Read the memory of the process that started us.
    ReadProcess,
    /// Signal it.
    SignalProcess,
    /// Let it trace us.
    Trace,
    /// Let others read our memory again.
    Dumpable,
    /// Set the limit of core dumps.
    CoreDumps,
    /// Move into namespaces of our own.
    Namespace,
    /// Change who we are.
    User,
}

impl Probe {
    /// All of them.
    pub const ALL: &'static [Probe] = &[
        Probe::WriteTemporary,
        Probe::WriteLog,
        Probe::WriteDevice,
        Probe::ReadElsewhere,
        Probe::ReadConnections,
        Probe::Watch,
        Probe::ConnectElsewhere,
        Probe::FastOpen,
        Probe::OtherProtocols,
        Probe::OtherFamilies,
        Probe::SocketOptions,
        Probe::Listen,
        Probe::ListenUnbound,
        Probe::ConnectUnix,
        Probe::Abstract,
        Probe::PassDescriptor,
        Probe::Exec,
        Probe::MemoryFile,
        Probe::MessageQueue,
        Probe::SystemLog,
        Probe::ReadProcess,
        Probe::SignalProcess,
        Probe::Trace,
        Probe::Dumpable,
        Probe::CoreDumps,
        Probe::Namespace,
        Probe::User,
    ];

    /// For the admin.
    pub fn text(self) -> &'static str {
        match self {
            Probe::WriteTemporary => "write a file in the folder for temporary files",
            Probe::WriteLog => "write a file in /var/log",
            Probe::WriteDevice => "write to a device",
            Probe::ReadElsewhere => "read a file that the config does not name",
            Probe::ReadConnections => "read the list of the machine's connections",
            Probe::Watch => "be told when files of others change",
            Probe::ConnectElsewhere => "connect to a port that the config does not name",
            Probe::FastOpen => "send to such a port without connecting first",
            Probe::OtherProtocols => "speak another protocol than TCP over the network",
            Probe::OtherFamilies => "make a socket to the kernel, the network card or a virtual machine's host",
            Probe::SocketOptions => "change what a socket is by its options",
            Probe::Listen => "listen on a port",
            Probe::ListenUnbound => "listen on whichever port is free",
            Probe::ConnectUnix => "connect to a socket of the machine's services",
            Probe::Abstract => "use a Unix socket that has no path",
            Probe::PassDescriptor => "hand an open file to another process",
            Probe::Exec => "start a program",
            Probe::MemoryFile => "make a program in memory",
            Probe::MessageQueue => "leave messages for other processes",
            Probe::SystemLog => "make a socket for the system's log",
            Probe::ReadProcess => "read the memory of another process",
            Probe::SignalProcess => "signal another process",
            Probe::Trace => "be traced by another process",
            Probe::Dumpable => "let other processes read its own memory",
            Probe::CoreDumps => "allow core dumps again",
            Probe::Namespace => "move into a new namespace",
            Probe::User => "become another user",
        }
    }
}

/// Tries everything, once.
pub fn probe() -> Vec<(Probe, Outcome)> {
    Probe::ALL.iter().map(|attempt| (*attempt, attempt.run())).collect()
}

impl Probe {
    fn run(self) -> Outcome {
        match self {
            Probe::WriteTemporary => write_in(std::env::temp_dir()),
            Probe::WriteLog => write_in(PathBuf::from("/var/log")),
            Probe::WriteDevice => write_device(),
            Probe::ReadElsewhere => judge(File::open("/etc/passwd")),
            Probe::ReadConnections => judge(File::open("/proc/self/net/tcp")),
            Probe::Watch => judge(Inotify::init(InitFlags::empty()).map_err(Error::from)),
            Probe::ConnectElsewhere => judge(TcpStream::connect((Ipv4Addr::LOCALHOST, 1))),
            Probe::FastOpen => network::send_fast(),
            Probe::OtherProtocols => network::other_protocols(),
            Probe::OtherFamilies => network::other_families(),
            Probe::SocketOptions => network::options(),
            Probe::Listen => judge(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))),
            Probe::ListenUnbound => network::listen_unbound(),
            Probe::ConnectUnix => network::connect_unix(),
            Probe::Abstract => network::abstract_socket(),
            Probe::PassDescriptor => network::pass_descriptor(),
            Probe::Exec => judge(Command::new("/bin/true").env_clear().status()),
            Probe::MemoryFile => judge(memfd_create("", MFdFlags::empty()).map_err(Error::from)),
            Probe::MessageQueue => message_queue(),
            Probe::SystemLog => judge(UnixDatagram::unbound()),
            Probe::ReadProcess => read_memory(),
            Probe::SignalProcess => judge(kill(getppid(), None).map_err(Error::from)),
            Probe::Trace => judge(ptrace::traceme().map_err(Error::from)),
            Probe::Dumpable => dumpable(),
            Probe::CoreDumps => judge(setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(Error::from)),
            Probe::Namespace => judge(unshare(CloneFlags::CLONE_NEWNS).map_err(Error::from)),
            Probe::User => judge(setuid(getuid()).map_err(Error::from)),
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

/// A container may lack the kernel's log; what is not there proves nothing.
fn write_device() -> Outcome {
    let there = ["/dev/kmsg", "/dev/full", "/dev/zero"].into_iter().find(|device| Path::new(device).exists());
    judge(OpenOptions::new().write(true).open(there.unwrap_or("/dev/kmsg")))
}

fn read_memory() -> Outcome {
    let read = |octets: &mut [u8]| {
        let there = [RemoteIoVec { base: 4096, len: octets.len() }];
        process_vm_readv(getppid(), &mut [IoSliceMut::new(octets)], &there).map_err(Error::from)
    };
    all([judge(File::open(format!("/proc/{}/mem", getppid()))), judge(read(&mut [0]))])
}

fn message_queue() -> Outcome {
    let name = format!("/nologd-self-check-{}", id());
    let made = mq_open(&*name, MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDWR, Mode::S_IRUSR, None);
    if made.is_ok() {
        let _ = mq_unlink(&*name);
    }
    judge(made.map_err(Error::from))
}

fn dumpable() -> Outcome {
    let set = set_dumpable(true);
    if set.is_ok() {
        let _ = set_dumpable(false);
    }
    judge(set.map_err(Error::from))
}
