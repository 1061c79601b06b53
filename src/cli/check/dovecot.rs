//! What Dovecot on this machine is set to, as far as it matters with nologd in front: everybody comes from one address now.

use std::path::Path;

use super::book::KnownBook;
use super::finding::Faults;
use crate::audit::settings::{DovecotFront, DovecotHabit};
use crate::audit::tool_output;
use crate::config::Config;
use crate::route::{Place, is_loopback};
use crate::serve::Service;

/// Connections of one member from one address, from all the devices and programs together.
const ENOUGH: u64 = 50;

/// Looks at it, where one of the mail servers behind is on this machine.
pub(super) fn look(file: Option<&Path>, config: &Config, book: &KnownBook, found: &mut Faults) {
    let backends = config.backends.iter().map(|(_, backend)| backend);
    let here = |place: &Place| match place {
        Place::Tcp(host, _) => is_loopback(host),
        Place::Unix(_) => true,
    };
    if file.is_none() && !backends.map(|backend| &backend.imap.place).any(here) {
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
    told(&DovecotFront::read(&text), config, book, found);
}

fn told(front: &DovecotFront, config: &Config, book: &KnownBook, found: &mut Faults) {
    if front.connections < ENOUGH {
        found.wrong(format!(
            "Dovecot: mail_max_userip_connections = {}: all programs of a member come from one address now, and the next one is refused. \
             Write mail_max_userip_connections = 100",
            front.connections
        ));
    }
    if front.does(DovecotHabit::Penalty) && !config.backends.hinted().any(|_| true) {
        found.wrong(
            "Dovecot: anvil-auth-penalty is on: after wrong passwords of one person everybody waits, for all come from one address. Write \
             service anvil { unix_listener anvil-auth-penalty { mode = 0 } }, stop Dovecot, remove that socket's file, start it; or give \
             the backend client_hint = \"pseudonym\"",
        );
    }
    let members = config.limits.sessions as u64;
    if front.sessions < members {
        found.note(format!(
            "Dovecot: service imap {{ process_limit = {} }}: so many sessions at once, and nologd lets {members} in ([limits] sessions)",
            front.sessions
        ));
    }
    let listens = config.listens.iter().any(|listen| listen.service == Service::Usage);
    match (listens, front.does(DovecotHabit::Tells)) {
        (true, false) => found.wrong(
            "Dovecot: nologd listens for usage, and nobody tells it: mail_plugins has no quota_clone. See policy/backends/dovecot-2.3-usage.conf \
             and dovecot-2.4-usage.conf",
        ),
        (false, true) => found.note("Dovecot: tells usage (quota_clone), and nologd has no listener with service = \"usage\""),
        (false, false) => found.note(
            "Dovecot: usage is not told (quota_clone), so what others store or delete is seen at the next login only. See \
             policy/backends/dovecot-2.3-usage.conf",
        ),
        (true, true) if book.pushed == Some(0) => {
            found.note("Dovecot: is set to tell usage (quota_clone), and told none since nologd started");
        }
        (true, true) => {}
    }
    if front.does(DovecotHabit::Enforces) {
        found.wrong(
            "Dovecot: refuses what does not fit, beside nologd: two judges, and one of them bounces. Its quota root must count only \
             (:noenforcing; in 2.4 enforce = no). See dovecot-2.3-usage.conf and dovecot-2.4-usage.conf in policy/backends, and for a panel \
             policy/backends/panels",
        );
    }
    if front.does(DovecotHabit::WarnsInVain) {
        found.wrong("Dovecot: a quota_warning is empty, so Dovecot 2.3 lets nobody in. Write quota_warning = storage=1000T none");
    }
    if front.does(DovecotHabit::Warns) {
        found.note("Dovecot: sends warnings of full mailboxes (quota_warning) by limits of its own, beside nologd's notices");
    }
    if !front.does(DovecotHabit::Counts) {
        found.note("Dovecot: has no plugin quota, so mailboxes are counted folder by folder: mail_plugins = ... quota");
    }
}
