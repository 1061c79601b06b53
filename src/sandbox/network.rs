//! The attempts that are made with sockets: other ways to the network than the ones that the kernel judges by port.

use std::io::{Error, IoSlice, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::outcome::{Outcome, all, judge};

/// Nobody listens there; where it is not refused, the answer is another.
const NOWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 1);

/// Data that opens the connection that it goes through (RFC 7413).
pub(super) fn send_fast() -> Outcome {
    let tried = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.send_to_with_flags(b"", &SocketAddr::from(NOWHERE).into(), libc::MSG_FASTOPEN)
    };
    judge(tried())
}

/// Over the families that may be used.
pub(super) fn other_protocols() -> Outcome {
    let streams = [libc::IPPROTO_MPTCP, libc::IPPROTO_SCTP, SMC].map(|protocol| (Type::STREAM, protocol));
    let datagrams = [libc::IPPROTO_UDPLITE, libc::IPPROTO_ICMP].map(|protocol| (Type::DGRAM, protocol));
    let others = [(Type::from(libc::SOCK_DCCP), libc::IPPROTO_DCCP), (Type::SEQPACKET, libc::IPPROTO_SCTP)];
    let raw = [(Type::from(libc::SOCK_RAW), libc::IPPROTO_RAW)];
    let kinds = streams.into_iter().chain(datagrams).chain(others).chain(raw);
    let tried = kinds.flat_map(|(kind, protocol)| [Domain::IPV4, Domain::IPV6].map(|domain| (domain, kind, protocol)));
    all(tried.map(|(domain, kind, protocol)| judge(Socket::new(domain, kind, Some(Protocol::from(protocol))))))
}

/// `IPPROTO_SMC`, Linux 6.10.
const SMC: i32 = 256;

/// Every family of addresses but those of the Internet and of Unix. Of the kernel's own (netlink), what is not about addresses.
pub(super) fn other_families() -> Outcome {
    let kinds = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET];
    let families =
        (1..FAMILIES).filter(|family| ![libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK].contains(family));
    let others = families.flat_map(|family| kinds.map(|kind| (family, kind, 0)));
    let netlink = [libc::NETLINK_SOCK_DIAG, libc::NETLINK_AUDIT, libc::NETLINK_GENERIC];
    let netlink = netlink.map(|protocol| (libc::AF_NETLINK, libc::SOCK_RAW, protocol));
    let tried = others.chain(netlink).map(|(family, kind, protocol)| {
        judge(Socket::new(Domain::from(family), Type::from(kind), Some(Protocol::from(protocol))))
    });
    all(tried)
}

/// One more than the last family that there is, AF_MCTP.
const FAMILIES: i32 = 46;

/// Fast open, and other protocols above TCP.
pub(super) fn options() -> Outcome {
    let Ok(socket) = Socket::new(Domain::IPV4, Type::STREAM, None) else { return Outcome::Refused };
    let fast = setsockopt(&socket, sockopt::TcpFastOpenConnect, &true).map_err(Error::from);
    let layer = setsockopt(&socket, sockopt::TcpUlp::default(), b"smc").map_err(Error::from);
    all([judge(fast), judge(layer), judge(socket.set_reuse_port(true))])
}

/// Without `bind`, the kernel takes any port.
pub(super) fn listen_unbound() -> Outcome {
    judge(Socket::new(Domain::IPV4, Type::STREAM, None).and_then(|socket| socket.listen(1)))
}

/// The journal takes lines from everybody at the first, and so on. Where none of them is, a path that is no socket: then the kernel's
/// answer is about rights, or about making a socket at all.
pub(super) fn connect_unix() -> Outcome {
    let known = ["/run/systemd/journal/stdout", "/run/dbus/system_bus_socket", "/run/nscd/socket", "/"];
    all(known.iter().filter(|path| Path::new(path).exists()).map(|path| judge(UnixStream::connect(path))))
}

/// With a name that begins with NUL: those are in no folder. Nobody listens at this one, but for a test; where nobody does, the kernel
/// asks no rule.
pub(super) fn abstract_socket() -> Outcome {
    let tried = || -> Result<[Outcome; 2]> {
        let address = net::SocketAddr::from_abstract_name(ABSTRACT)?;
        let connected = if UnixStream::connect_addr(&address).is_ok() { Outcome::Possible } else { Outcome::Refused };
        Ok([judge(UnixListener::bind_addr(&address)), connected])
    };
    tried().map_or(Outcome::Possible, all)
}

const ABSTRACT: &[u8] = b"nologd-self-check-of-the-sandbox";

/// SCM_RIGHTS (unix(7)), over a pair that nobody else has.
pub(super) fn pass_descriptor() -> Outcome {
    let tried = || {
        let (one, _other) = UnixStream::pair()?;
        let file = [one.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&file)];
        let sent = sendmsg::<()>(one.as_raw_fd(), &[IoSlice::new(b"x")], &rights, MsgFlags::empty(), None);
        sent.map_err(Error::from)
    };
    judge(tried())
}
