//! `[limits]` in the config file: rates, times and sizes.

use std::time::Duration;

use super::reader::{Reader, Section};
use crate::limit;
use crate::serve::{Patience, Sizes};

pub(super) fn limits(reader: &mut Reader<'_>, root: &mut Section<'_>) -> (limit::LimitParams, Patience, Sizes) {
    let mut section = root.section(reader, "limits");
    let (params, patience, sizes) = (limit::LimitParams::default(), Patience::default(), Sizes::default());
    let mut number = |name: &str, most: u64, default: u64| section.number(reader, name, most).unwrap_or(default);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let seconds = Duration::from_secs;
    let params = limit::LimitParams {
        sessions: usize::try_from(number("sessions", 1_000_000, params.sessions as u64)).unwrap_or(params.sessions),
        before_login: usize::try_from(number("sessions_before_login", 1_000_000, params.before_login as u64))
            .unwrap_or(params.before_login),
        sessions_per_network: small(number("sessions_per_network", 1_000_000, params.sessions_per_network.into())),
        connections_per_minute: small(number("connections_per_minute", 1_000_000, params.connections_per_minute.into())),
        wrong_per_network: small(number("wrong_passwords_per_network", 1_000_000, params.wrong_per_network.into())),
        wrong_per_account: small(number("wrong_passwords_per_account", 1_000_000, params.wrong_per_account.into())),
        forgive: seconds(number("wrong_password_forgiven_seconds", 86_400, params.forgive.as_secs())),
        ..params
    };
    let patience = Patience {
        login: seconds(number("login_seconds", 3600, patience.login.as_secs())),
        backend: seconds(number("backend_seconds", 600, patience.backend.as_secs())),
        idle: seconds(number("idle_seconds", 86_400, patience.idle.as_secs())),
        stall: seconds(number("stall_seconds", 3600, patience.stall.as_secs())),
        least_rate: number("least_octets_per_second", 1_000_000, patience.least_rate),
    };
    let sizes = Sizes {
        message: number("message_octets", 1 << 40, sizes.message),
        recipients: small(number("recipients", 100_000, sizes.recipients.into())),
    };
    section.end(reader);
    (params, patience, sizes)
}
