//! What can change while sessions go on: the backends of the config file, and the certificates.

use std::io::ErrorKind;

use nix::sys::signal::{SigSet, Signal};

use crate::config::{self, Config, ConfigFile};
use crate::event::{ConfigPart, Event, emit};
use crate::net::certificate_folder::Validity;
use crate::net::certificates::Certificates;
use crate::serve::Context;
use crate::serve::clock::now;

/// Lets a SIGHUP wait until [`take`]: one that comes earlier would end the process. To be called before the first thread.
pub fn hold() {
    // Where it cannot be, the signal does what it always did.
    let _ = hangup().thread_block();
}

/// From here on SIGHUP comes, also the one that waited. To be called when it has a handler.
pub(super) fn take() {
    let _ = hangup().thread_unblock();
}

fn hangup() -> SigSet {
    let mut set = SigSet::empty();
    set.add(Signal::SIGHUP);
    set
}

/// Puts the backends of the file in force; sessions go on with what they began with. Associations are in the book.
pub(super) fn config(config: &Config, file: &ConfigFile, context: &Context) {
    let text = match file.read() {
        Ok(text) => text,
        // Not one character of it is known, so there is nothing to judge.
        Err(error) if error.kind() != ErrorKind::InvalidData => {
            let number = u64::try_from(error.raw_os_error().unwrap_or(0)).unwrap_or(0);
            return emit(Event::ConfigUnreadable { error: number });
        }
        Err(_) => return emit(Event::ReloadRefused { errors: 1 }),
    };
    match config::read(&text) {
        Ok(fresh) => {
            let backends = fresh.backends.len();
            let waits = waiting(config, &fresh, file, context);
            config::tell_unread(&fresh.associations, &context.book);
            config::tell_astray(&fresh.backends, &context.book);
            context.reload(fresh.backends);
            // All else of it is as at the start.
            super::statement::tell(config, context);
            emit(Event::Reloaded { backends: backends as u64 });
            if waits > 0 {
                emit(Event::RestartNeeded { sections: waits.count_ones().into(), changed: waits });
            }
        }
        Err(problems) => emit(Event::ReloadRefused { errors: problems.len() as u64 }),
    }
}

/// Which parts of the file changed that only a restart takes over, as a bit of each. A field that is new in the config has to be named here.
fn waiting(config: &Config, fresh: &Config, file: &ConfigFile, context: &Context) -> u64 {
    #[rustfmt::skip] // a list
    let Config {
        hostname, state_dir, user, tls, authorities, listens, onion, share, separator, access, help_url, web_url, mx, hosts, notices_from, policy,
        sandbox_required, limits, pool, patience, sizes, quota, forwarding, sending, drain,
        // Taken over, or in the book since the first start; the folder is known by what was read from it.
        backends: _, associations: _, policy_folder: _,
    } = config;
    let parts = [
        (ConfigPart::Listen, fresh.listens != *listens),
        (ConfigPart::Tls, fresh.tls != *tls || fresh.authorities != *authorities),
        (ConfigPart::Limits, fresh.limits != *limits || fresh.patience != *patience || fresh.sizes != *sizes),
        (ConfigPart::Sending, fresh.sending != *sending),
        (ConfigPart::Sieve, fresh.forwarding != *forwarding),
        (ConfigPart::HelpUrl, fresh.help_url != *help_url),
        (ConfigPart::Web, (&fresh.web_url, &fresh.mx, &fresh.hosts) != (web_url, mx, hosts)),
        (ConfigPart::Onion, fresh.onion != *onion),
        // The other nodes stand among the backends.
        (ConfigPart::Share, fresh.share != *share),
        (ConfigPart::Quota, fresh.quota != *quota),
        (ConfigPart::Pool, fresh.pool != *pool),
        (ConfigPart::RecipientSeparator, fresh.separator != *separator),
        (ConfigPart::Hostname, fresh.hostname != *hostname),
        (ConfigPart::Drain, fresh.drain != *drain),
        (ConfigPart::User, fresh.user != *user),
        (ConfigPart::StateDir, fresh.state_dir != *state_dir),
        (ConfigPart::Admin, fresh.access != *access),
        (ConfigPart::Notices, fresh.notices_from != *notices_from),
        (ConfigPart::Policy, fresh.policy.digest() != policy.digest()),
        (ConfigPart::Sandbox, fresh.sandbox_required != *sandbox_required),
        // The kernel was told once which ports and folders there are.
        (ConfigPart::Places, config::plan(fresh, file.path()) != context.enforcement.plan),
    ];
    ConfigPart::bits(parts.into_iter().filter(|(_, changed)| *changed).map(|(part, _)| part))
}

/// Reads the certificates again.
pub(super) fn certificates(certificates: &Certificates) {
    let report = certificates.reload(now().as_secs());
    for (_, position, _) in &report.broken {
        emit(Event::CertificateBroken { position: *position as u64 });
    }
    emit(Event::CertificatesReloaded { names: report.names as u64 });
}

/// Says which certificates are over, or will be soon. To be called at the start, and once a day.
pub(super) fn tell_ends(certificates: &Certificates) {
    let now = now().as_secs();
    for (position, standing) in certificates.standing().into_iter().enumerate() {
        let Some(validity) = standing.validity else { continue };
        let position = position as u64;
        match u64::try_from(validity.days(now)) {
            Err(_) => emit(Event::CertificateOver { position }),
            Ok(days) if validity.is_short(now) => emit(Event::CertificateEnds { position, days }),
            Ok(_) => {}
        }
    }
}

/// The same of the certificate that this node shows to other nodes, which was read at the start.
pub(super) fn tell_end_among_nodes(validity: Validity) {
    let now = now().as_secs();
    match u64::try_from(validity.days(now)) {
        Err(_) => emit(Event::NodeCertificateOver {}),
        Ok(days) if validity.is_short(now) => emit(Event::NodeCertificateEnds { days }),
        Ok(_) => {}
    }
}
