//! What a start needs, tried one after the other: the user, the groups, the sockets, the ports, the open files.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use nix::unistd::{AccessFlags, Gid, Group, User, eaccess, getgrouplist};

use super::book::{KnownBook, known};
use super::certificates::certificates;
use super::finding::Faults;
use super::mend::Mend;
use super::nodes::nodes;
use super::opened::opened;
use super::reach::reach;
use super::rights::{Mends, closed_way, keys};
use super::shell::word;
use super::starter::Starter;
use super::state::state;
use super::unit::Unit;
use crate::config::{self, Config, ConfigFile, Listen, ReloadLimit, StartTrouble};
use crate::sandbox;
use crate::serve::Service;

/// The longest path of a Unix socket (unix(7)), without the zero at its end.
const LONGEST_PATH: usize = 107;

/// Tries it. The associations, from wherever they are now.
pub(super) fn try_start(config: &Config, file: &Path, found: &mut Faults) -> KnownBook {
    let unit = Unit::of_machine();
    let starter = Starter::new(config, file, &unit);
    let book = known(config, &starter, found);
    user(config, &unit, &starter, found);
    groups(config, &starter, found);
    read_again(file, &unit, &starter, found);
    certificates(config, &unit, &starter, found);
    state(config, &unit, &starter, found);
    pair(config, &starter, found);
    nodes(config, &unit, &starter, found);
    opened(config, &unit, &starter, found);
    keys(config, &starter, found);
    sockets(config, &unit, &starter, found);
    ports(config, &book, found);
    files(config, &unit, found);
    without_a_domain(config, &book, found);
    reach(config, &starter, &book, found);
    book
}

fn user(config: &Config, unit: &Unit, starter: &Starter, found: &mut Faults) {
    let is_root = |name: &str| name == "root" || User::from_name(name).ok().flatten().is_some_and(|user| user.uid.is_root());
    match &config.user {
        // Whom systemd starts stays who he is.
        Some(name) if is_root(name) && starter.becomes().is_none_or(is_root) => found.wrong(
            "user: as root, nologd has more rights than it needs, and so has who breaks into it: user = \"nologd\" (and `useradd --system \
             --home-dir /nonexistent --shell /usr/sbin/nologin nologd`)",
        ),
        None if starter.root && unit.user.is_none() => found.wrong(
            "user: started as root, nologd has to know which user to become: user = \"nologd\" (and `useradd --system --home-dir \
             /nonexistent --shell /usr/sbin/nologin nologd`)",
        ),
        Some(name) if name != "root" && User::from_name(name).ok().flatten().is_none() => found.wrong(format!(
            "user: there is no user {name} on this machine: `useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin {}`",
            word(name)
        )),
        _ if starter.as_user(|| ()).is_none() => {
            let name = starter.becomes().unwrap_or_default();
            found.note(format!("not tried: what user {name} may read and write. Run this check as root or as {name}"));
        }
        Some(name) if starter.by_unit && starter.becomes().is_some_and(|user| user != name) => found.note(format!(
            "user: the systemd unit starts nologd as {}, who it stays; user = \"{name}\" holds only where root starts it",
            starter.becomes().unwrap_or_default()
        )),
        _ => {}
    }
}

/// Started without root, the daemon can give a socket only to groups that its user is in.
fn groups(config: &Config, starter: &Starter, found: &mut Faults) {
    let Some(user) = starter.becomes().filter(|_| config.user.is_none()).and_then(|name| User::from_name(name).ok().flatten())
    else {
        return;
    };
    let theirs = CString::new(&*user.name).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
    let Some(theirs) = theirs else { return };
    for gid in config.listens.iter().filter_map(|listen| listen.group).chain(config.access.group) {
        let gid = Gid::from_raw(gid);
        if !theirs.contains(&gid) {
            let group = Group::from_gid(gid).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name);
            found.wrong(format!(
                "group {group}: user {user} is not in it, so nologd cannot give a socket to it, and does not start: `usermod -aG {} {}`",
                word(&group),
                word(&user.name),
                user = user.name
            ));
        }
    }
}

/// Whether a later reload can read the file.
fn read_again(file: &Path, unit: &Unit, starter: &Starter, found: &mut Faults) {
    let Some(limited) = starter.as_user(|| ConfigFile::open(file).limited()) else { return };
    let (shown, who) = (file.display(), starter.said());
    match limited {
        None => {}
        Some(ReloadLimit::SharedFolder) => found.note(format!(
            "{shown}: lies in a folder that is shared with others, so nologd may read this one file and none that is put in its place. After \
             a save by rename (vim, sed -i, ansible) only a restart reads it: give it a folder of its own, such as /etc/nologd/nologd.toml"
        )),
        Some(ReloadLimit::Rights) => {
            let user = starter.becomes().unwrap_or("nologd");
            let mend = Mends::of(starter, user).of_file(file).unwrap_or_else(|| Mend::of_path(user, file, 0o4));
            let text = format!(
                "{shown}: {who} may not read it. Started as root, nologd reads it once and at no reload; started by systemd, not at all: {mend}"
            );
            if unit.user.is_some() { found.wrong(text) } else { found.note(text) }
        }
    }
}

/// One of two machines does not make a key of its own.
fn pair(config: &Config, starter: &Starter, found: &mut Faults) {
    if !config.listens.iter().any(|listen| listen.service == Service::Node) {
        return;
    }
    match starter.as_user(|| fs::metadata(config.state_dir.join(config::KEY_FILE))) {
        Some(Ok(key)) if key.len() == 0 => found.wrong(StartTrouble::NoKey.to_string()),
        Some(Err(error)) if error.kind() == ErrorKind::NotFound => found.wrong(StartTrouble::NoKey.to_string()),
        Some(Err(error)) => found.wrong(StartTrouble::UnreadKey(error).to_string()),
        // Whether it can be read is looked at with the state folder.
        Some(Ok(_)) | None => {}
    }
}

fn sockets(config: &Config, unit: &Unit, starter: &Starter, found: &mut Faults) {
    for listen in &config.listens {
        let Some(path) = listen.address.strip_prefix("unix:").map(Path::new) else { continue };
        let (shown, service) = (path.display(), listen.words());
        let folder = path.parent().unwrap_or(Path::new("/"));
        if path.as_os_str().len() > LONGEST_PATH {
            found.wrong(format!(
                "{shown} ({service}): this path is longer than the {LONGEST_PATH} octets that a socket's may have"
            ));
        } else if unit.makes(folder) {
        } else if !folder.is_dir() {
            let owner = starter.becomes().unwrap_or("nologd");
            found.wrong(format!(
                "{}: there is no such folder for the socket of service \"{service}\": RuntimeDirectory=nologd in the systemd unit makes \
                 /run/nologd; by hand, `install -d -o {} {}`",
                folder.display(),
                word(owner),
                word(folder)
            ));
        } else if fs::symlink_metadata(path).is_ok_and(|data| !data.file_type().is_socket()) {
            found.wrong(format!(
                "{shown} ({service}): something else has this name, and nologd replaces only sockets: move it away"
            ));
        } else if let Some(line) = unit.closes(folder).filter(|_| starter.by_unit) {
            found.wrong(format!("{shown} ({service}): {}", line.text(folder)));
        } else if starter.by_unit && starter.becomes().is_some() {
            if let Some(Err(_)) = starter.may_write(folder) {
                let why = closed_way(starter, folder).map_or(String::new(), |way| format!(": {way}"));
                found.wrong(format!("{} ({service}): {} may make no socket there{why}", folder.display(), starter.said()));
            }
        } else if eaccess(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
            found.wrong(format!("{} ({service}): who runs this check may make no socket there", folder.display()));
        }
    }
}

/// Binds all ports, as a start does, and gives them back.
fn ports(config: &Config, book: &KnownBook, found: &mut Faults) {
    let places = config.listens.iter().filter_map(|listen| Some((listen, listen.address.parse::<SocketAddr>().ok()?)));
    let places: Vec<_> = places.collect();
    let mut bound = Vec::new();
    for (at, (listen, address)) in places.iter().enumerate() {
        let earlier = places.iter().take(at).find(|(_, other)| overlap(*other, *address));
        if let Some((other, _)) = earlier {
            found.wrong(together(listen, other));
            continue;
        }
        match TcpListener::bind(address) {
            Ok(listener) => bound.push(listener),
            Err(error) => {
                if let Some(text) = unbound(listen, *address, error.kind(), book) {
                    found.wrong(text);
                }
            }
        }
    }
}

fn unbound(listen: &Listen, address: SocketAddr, why: ErrorKind, book: &KnownBook) -> Option<String> {
    let (service, port) = (listen.words(), address.port());
    match why {
        ErrorKind::AddrInUse if book.daemon_listens(&listen.address) => None,
        ErrorKind::AddrInUse => {
            Some(format!("{address} ({service}): another program listens there. Which one: `ss -ltnp 'sport = :{port}'`"))
        }
        ErrorKind::AddrNotAvailable => {
            Some(format!("{address} ({service}): this machine does not have this address: see `ip address`"))
        }
        ErrorKind::PermissionDenied => Some(format!(
            "{address} ({service}): ports below 1024 need root, or CAP_NET_BIND_SERVICE as in the systemd unit. Run this check as root"
        )),
        other => Some(format!("{address} ({service}): cannot listen there: {other}")),
    }
}

/// Whether the kernel refuses the second: the same port, at the same address or at all of them. `[::]` is all of IPv4 too.
fn overlap(one: SocketAddr, two: SocketAddr) -> bool {
    let all = |place: SocketAddr| place.ip().is_unspecified();
    let covers = |wide: SocketAddr, other: SocketAddr| all(wide) && (wide.is_ipv6() || other.is_ipv4());
    one.port() == two.port() && one.port() != 0 && (one.ip() == two.ip() || covers(one, two) || covers(two, one))
}

fn together(listen: &Listen, other: &Listen) -> String {
    let both = [&listen.address, &other.address];
    let two_families = both.iter().any(|address| address.starts_with("[::]")) && both.iter().any(|address| is_v4(address));
    let instead = if two_families { "[::] alone serves IPv4 too: take the other away" } else { "take one away" };
    format!(
        "{} ({}): cannot be had together with {} ({}), which is the same port of the same machine: {instead}",
        listen.address,
        listen.words(),
        other.address,
        other.words()
    )
}

fn is_v4(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| matches!(address.ip(), IpAddr::V4(_)))
}

fn files(config: &Config, unit: &Unit, found: &mut Faults) {
    let needed = config::descriptors(config);
    let granted = unit.files.unwrap_or_else(|| sandbox::descriptors(needed));
    if granted < needed {
        found.note(format!(
            "few descriptors: from here nologd could open {granted} files, and its limits need {needed}. It would cut them to what fits. \
             Set LimitNOFILE={needed} in the systemd unit, or fewer `sessions`"
        ));
    }
}

/// Whoever logs in without a domain is of the listener's default one; somebody has to have it.
fn without_a_domain(config: &Config, book: &KnownBook, found: &mut Faults) {
    let Some(associations) = book.associations() else { return };
    let has = |domain: &str| associations.iter().flat_map(|member| &member.domains).any(|own| own == domain);
    let named: BTreeSet<&str> = config.listens.iter().filter_map(|listen| listen.default_domain.as_deref()).collect();
    for domain in named.into_iter().filter(|domain| !has(&domain.to_ascii_lowercase())) {
        let text = format!(
            "default_domain = \"{domain}\": no association has it, so who logs in without a domain is refused: `nologd association set NAME \
             --domain {domain}`, or name another one"
        );
        // Before the first association there is nothing to be right or wrong.
        if associations.is_empty() { found.note(text) } else { found.wrong(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_bound_together_is_known() {
        let overlap = |one: &str, two: &str| {
            let (one, two): (SocketAddr, SocketAddr) = (one.parse().unwrap(), two.parse().unwrap());
            assert_eq!(overlap(one, two), overlap(two, one));
            // The kernel is the judge: with two addresses of this machine, and a port that is free.
            overlap(one, two)
        };
        assert!(overlap("0.0.0.0:993", "[::]:993") && overlap("0.0.0.0:993", "127.0.0.1:993"));
        assert!(overlap("[::]:993", "127.0.0.1:993") && overlap("[::]:993", "[::1]:993"));
        assert!(!overlap("0.0.0.0:993", "[::1]:993") && !overlap("127.0.0.1:993", "127.0.0.2:993"));
        assert!(!overlap("0.0.0.0:993", "[::]:143"));
    }
}
