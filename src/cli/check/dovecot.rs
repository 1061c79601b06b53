//! What Dovecot on this machine is set to, as far as it matters with nologd in front: everybody comes from one address now. Of one on another
//! machine nothing is known, which is said.

use std::path::{Path, PathBuf};

use super::book::KnownBook;
use super::finding::Faults;
use super::shell::word;
use super::talk::place;
use crate::audit::settings::{ConnectionLimit, DovecotFront, DovecotHabit};
use crate::audit::tool_output;
use crate::config::Config;
use crate::event::BackendService;
use crate::route::{Backend, ClientHint, SocketName, is_loopback};
use crate::serve::Service;

/// IMAP connections of one member from one address, from all the devices and programs together.
const ENOUGH: u64 = 50;
/// The same of the others, which come for a moment: what Dovecot gives to one address by itself.
const ENOUGH_FOR_A_MOMENT: u64 = 10;

/// Looks at it, where one of the mail servers behind is on this machine, or the admin names its file.
pub(super) fn look(file: Option<&Path>, config: &Config, book: &KnownBook, found: &mut Faults) {
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        config.backends.iter().map(|(_, backend)| backend).partition(|backend| file.is_some() || is_here(&backend.imap.socket));
    for backend in elsewhere {
        found.note(format!(
            "[[backend]] {}, imap = {}: is not on loopback, so what its server is set to was not looked at. If that is a Dovecot of this machine, \
             name it: --dovecot FILE; else see there that one address has enough connections (mail_max_userip_connections = 100), that wrong \
             passwords of one make nobody else wait (anvil-auth-penalty), and that usage is told (docs/admin/usage.md)",
            backend.name,
            place(&backend.imap)
        ));
    }
    if here.is_empty() {
        return;
    }
    let mut arguments = vec!["-n".to_owned()];
    if let Some(file) = file {
        arguments.extend(["-c".to_owned(), file.display().to_string()]);
    }
    let text = match tool_output("doveconf", &arguments, "") {
        None => return,
        Some(Ok(text)) => text,
        Some(Err(why)) => return found.note(format!("doveconf -n: {why}. Dovecot's settings were not looked at")),
    };
    let front = DovecotFront::read(&text);
    connections(&front, &here, config, found);
    penalty(&front, &here, found);
    usage(&front, config, book, found);
    limits(&front, found);
}

fn is_here(socket: &SocketName) -> bool {
    match socket {
        SocketName::Tcp(host, _) => is_loopback(host),
        SocketName::Unix(_) => true,
    }
}

fn enough(service: BackendService) -> u64 {
    if service == BackendService::Imap { ENOUGH } else { ENOUGH_FOR_A_MOMENT }
}

fn connections(front: &DovecotFront, here: &[&Backend], config: &Config, found: &mut Faults) {
    for ConnectionLimit { service, most, block } in &front.connections {
        let enough = enough(*service);
        let asked = here.iter().any(|backend| backend.endpoints().any(|(own, _)| own == *service));
        if asked && *most < enough {
            let place = block.as_ref().map_or(String::new(), |block| format!(" in {block} {{ }}"));
            found.wrong(format!(
                "Dovecot: mail_max_userip_connections = {most} for {}{place}: all programs of a member come from one address now, and the next one \
                 is refused. Write mail_max_userip_connections = 100{}",
                service.word(),
                if block.is_some() { " there" } else { "" }
            ));
        }
    }
    let is_elsewhere = here.iter().any(|backend| !is_here(&backend.imap.socket));
    if let Some(limit) = front.by_other_ways.filter(|limit| is_elsewhere && *limit < ENOUGH) {
        found.note(format!(
            "Dovecot: mail_max_userip_connections = {limit} in a block for some addresses (remote {{ }}, local {{ }}): where nologd's is one of them, \
             write 100 there, for all programs of a member come from it now"
        ));
    }
    let members = config.limits.sessions as u64;
    if front.sessions < members {
        found.note(format!(
            "Dovecot: service imap {{ process_limit = {} }}: so many sessions at once, and nologd lets {members} in ([limits] sessions)",
            front.sessions
        ));
    }
}

/// Whether a wrong password of one makes others wait. No wrong one is tried: it would.
fn penalty(front: &DovecotFront, here: &[&Backend], found: &mut Faults) {
    let (hinted, bare): (Vec<&Backend>, Vec<_>) = here.iter().partition(|backend| backend.hint == ClientHint::Pseudonym);
    let socket = front.penalty_socket.display();
    if !front.does(DovecotHabit::Penalty) {
        if front.penalty_socket.exists() {
            found.wrong(format!(
                "Dovecot: {socket}: is switched off (mode = 0), and its file is there: each start of Dovecot's auth waits 5 seconds for it, \
                 and so does who logs in then. `systemctl stop dovecot; rm -f {}; systemctl start dovecot`",
                word(&front.penalty_socket)
            ));
        }
        return;
    }
    if !bare.is_empty() {
        found.wrong(format!(
            "Dovecot: anvil-auth-penalty is on: after wrong passwords of one person everybody waits, for all come from one address. Write \
             service anvil {{ unix_listener anvil-auth-penalty {{ mode = 0 }} }}, stop Dovecot, remove {socket}, start it (a reload is not \
             enough{}); or give the backend client_hint = \"pseudonym\"",
            if front.series == "2.4" { ", and 2.4.1 may crash at it" } else { "" }
        ));
    }
    for backend in hinted.iter().filter(|_| !front.does(DovecotHabit::Trusts)) {
        found.wrong(format!(
            "[[backend]] {}: client_hint = \"pseudonym\" is not believed, for Dovecot has no login_trusted_networks: after wrong passwords of one \
             person everybody waits. Write login_trusted_networks = 127.0.0.1 in Dovecot, the address that nologd comes from and nobody else",
            backend.name
        ));
    }
}

fn usage(front: &DovecotFront, config: &Config, book: &KnownBook, found: &mut Faults) {
    let listens: Vec<_> = config.listens.iter().filter(|listen| listen.service == Service::Usage).collect();
    let sockets: Vec<PathBuf> =
        listens.iter().filter_map(|listen| listen.address.strip_prefix("unix:").map(PathBuf::from)).collect();
    let file = format!("policy/backends/dovecot-{}-usage.conf", front.series);
    match (sockets.first(), front.does(DovecotHabit::Tells)) {
        (Some(socket), false) => found.wrong(format!(
            "Dovecot: nologd listens for usage at {}, and nobody tells it: mail_plugins has no quota_clone. See {file}",
            socket.display()
        )),
        (None, true) => found.note("Dovecot: tells usage (quota_clone), and nologd has no listener with service = \"usage\""),
        (None, false) => found.note(format!(
            "Dovecot: usage is not told (quota_clone), so what others store or delete is seen at the next login only. See {file}"
        )),
        (Some(socket), true) => told(front, socket, &sockets, book, found),
    }
}

/// It is set to tell: whether that comes to nologd.
fn told(front: &DovecotFront, socket: &Path, sockets: &[PathBuf], book: &KnownBook, found: &mut Faults) {
    let at = front.tells_at.as_deref();
    if !at.is_some_and(|at| sockets.iter().any(|socket| is_same(Path::new(at), socket))) {
        let shown = socket.display();
        let instead = if front.series == "2.4" {
            format!("in quota_clone {{ dict proxy {{ }} }}, socket_path = {shown}")
        } else {
            format!("in plugin {{ }}, quota_clone_dict = proxy:{shown}:quota")
        };
        let told = at.map_or_else(|| "is told to nobody".to_owned(), |at| format!("is told at {at}"));
        return found.wrong(format!("Dovecot: usage (quota_clone) {told}, and nologd listens at {shown}. Write, {instead}"));
    }
    match book.pushed {
        Some(0) => found.note(format!(
            "Dovecot: is set to tell usage (quota_clone), and told none since nologd started. Where that stays so after a delivery, its mail \
             processes may not write to {}: `doveadm log errors` names it",
            socket.display()
        )),
        None => found.note(
            "Dovecot: is set to tell usage (quota_clone); whether it comes is seen while nologd runs and judges: then this check or `nologd status` \
             tells",
        ),
        Some(_) => {}
    }
}

/// The same file, also by way of `/var/run`.
fn is_same(one: &Path, two: &Path) -> bool {
    let real = |path: &Path| Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    one == two || real(one).is_some_and(|one| real(two) == Some(one))
}

/// Nobody else is to judge.
fn limits(front: &DovecotFront, found: &mut Faults) {
    if front.does(DovecotHabit::Enforces) {
        let how = if front.series == "2.4" { "enforce = no" } else { ":noenforcing" };
        found.wrong(format!(
            "Dovecot: refuses what does not fit, beside nologd: two judges, and one of them bounces. Its quota root must count only \
             ({how}). See policy/backends/dovecot-{}-usage.conf, and for a panel policy/backends/panels",
            front.series
        ));
    }
    if front.does(DovecotHabit::WarnsInVain) {
        found.wrong("Dovecot: a quota_warning is empty, so Dovecot 2.3 lets nobody in. Write quota_warning = storage=1000T none");
    }
    if front.does(DovecotHabit::Warns) {
        found.note("Dovecot: sends warnings of full mailboxes (quota_warning) by limits of its own, beside nologd's notices");
    }
    if !front.does(DovecotHabit::Counts) {
        let how = if front.series == "2.4" { "mail_plugins { quota = yes }" } else { "mail_plugins = ... quota" };
        found.note(format!("Dovecot: has no plugin quota, so mailboxes are counted folder by folder: {how}"));
    }
}
