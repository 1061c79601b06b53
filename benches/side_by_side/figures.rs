//! The figures, in the order of the report, and the bars that nologd must reach.

use Bar::{AtLeast, AtMost, FasterThan, Of};

use crate::peers::Peer::{self, Direct, Dovecot, Haproxy, Imapproxy, Nginx, TlsCopy, Without};
use crate::rows::Row;

/// One thing that is measured, smaller being better unless it is a speed.
pub struct Figure {
    pub row: Row,
    pub name: &'static str,
    pub unit: &'static str,
    /// Every one of them is to be reached.
    pub bars: &'static [Bar],
}

/// What nologd must reach.
#[derive(Clone, Copy)]
pub enum Bar {
    /// At most this share of the peer's figure in the same run.
    Of(Peer, f64),
    /// At least this share of the peer's speed in the same run.
    FasterThan(Peer, f64),
    AtMost(f64),
    AtLeast(f64),
}

const NONE: &[Bar] = &[];
const BELOW_BOTH: &[Bar] = &[Of(Nginx, 1.0), Of(Dovecot, 1.0)];
const CLICK: &[Bar] = &[Of(Direct, 0.3), Of(Imapproxy, 0.7)];
const FASTER: &[Bar] = &[FasterThan(Direct, 0.9)];
const IDLE: &[Bar] = &[AtMost(12.0), Of(TlsCopy, 1.1), Of(Haproxy, 0.6)];

const fn figure(row: Row, name: &'static str, unit: &'static str, bars: &'static [Bar]) -> Figure {
    Figure { row, name, unit, bars }
}

pub static LOGIN_CPU: Figure = figure(Row::Login, "TLS login and logout: CPU", "ms", &[Of(Nginx, 0.6), Of(TlsCopy, 1.15)]);
pub static LOGIN_P50: Figure = figure(Row::Login, "TLS login, 8 at once: p50", "ms", BELOW_BOTH);
pub static LOGIN_P99: Figure = figure(Row::Login, "TLS login, 8 at once: p99", "ms", NONE);
pub static TRIPS_CPU: Figure = figure(Row::Roundtrips, "1000 round trips: CPU", "ms", &[Of(TlsCopy, 1.1)]);
pub static TRIPS_ONE_CORE: Figure = figure(Row::Roundtrips, "1000 round trips, all on one core: CPU", "ms", NONE);
pub static TRIPS_P50: Figure = figure(Row::Roundtrips, "one round trip: p50", "ms", NONE);

/// How many sessions are open, CPU of a login then, CPU of 1,000 round trips then.
pub static CROWDED: [(usize, Figure, Figure); 4] = [
    (10, crowded("login beside 10 sessions: CPU"), crowded("1000 round trips beside 10: CPU")),
    (100, crowded("login beside 100 sessions: CPU"), crowded("1000 round trips beside 100: CPU")),
    (1000, crowded("login beside 1,000 sessions: CPU"), crowded("1000 round trips beside 1,000: CPU")),
    (10_000, crowded("login beside 10,000 sessions: CPU"), crowded("1000 round trips beside 10,000: CPU")),
];

const fn crowded(name: &'static str) -> Figure {
    figure(Row::Crowded, name, "ms", NONE)
}

pub static FETCH_CPU: Figure = figure(Row::Fetch, "FETCH of 64 MiB: CPU", "s/GB", &[Of(Nginx, 0.5), Of(TlsCopy, 1.05)]);
pub static FETCH_SPEED: Figure = figure(Row::Fetch, "FETCH, one session: speed", "MB/s", NONE);
pub static MANY_CPU: Figure = figure(Row::FetchMany, "FETCH, 16 sessions: CPU", "s/GB", NONE);
pub static MANY_SPEED: Figure = figure(Row::FetchMany, "FETCH, 16 sessions: speed", "MB/s", NONE);
pub static APPEND_SYNC_CPU: Figure = figure(Row::Append, "APPEND of 50 MB: CPU", "s/GB", &[Of(Nginx, 0.6), Of(TlsCopy, 1.1)]);
pub static APPEND_SYNC_SPEED: Figure = figure(Row::Append, "APPEND of 50 MB: speed", "MB/s", NONE);
pub static APPEND_PLUS_CPU: Figure = figure(Row::Append, "APPEND, LITERAL+: CPU", "s/GB", &[Of(Nginx, 0.6), Of(TlsCopy, 1.1)]);
pub static APPEND_PLUS_SPEED: Figure = figure(Row::Append, "APPEND, LITERAL+: speed", "MB/s", NONE);
pub static SMALL_CPU: Figure = figure(Row::AppendSmall, "APPEND of 10 kB: CPU", "ms", NONE);
pub static SMALL_P50: Figure = figure(Row::AppendSmall, "APPEND of 10 kB: p50", "ms", NONE);
pub static IDLE_EACH: Figure = figure(Row::Idle, "idle IMAPS session, 100 to 10,000: PSS", "KiB", IDLE);
pub static IDLE_DEAREST: Figure = figure(Row::Idle, "idle session, dearest step: PSS", "KiB", IDLE);
/// How many sessions are open, and the memory of all then.
pub static IDLE_ALL: [(usize, Figure); 5] = [
    (10, figure(Row::Idle, "all, with 10 sessions: PSS", "MiB", NONE)),
    (100, figure(Row::Idle, "all, with 100 sessions: PSS", "MiB", NONE)),
    (1000, figure(Row::Idle, "all, with 1,000 sessions: PSS", "MiB", NONE)),
    (5000, figure(Row::Idle, "all, with 5,000 sessions: PSS", "MiB", NONE)),
    (10_000, figure(Row::Idle, "all, with 10,000 sessions: PSS", "MiB", NONE)),
];
pub static MORNING_IDLE: Figure = figure(Row::Morning, "NOOP on the idle machine: p99", "ms", NONE);
pub static MORNING_P99: Figure = figure(Row::Morning, "NOOP in the morning: p99", "ms", NONE);
pub static MORNING_TIMES: Figure =
    figure(Row::Morning, "NOOP in the morning: p99, times the idle machine's", "x", &[AtMost(2.0)]);
/// Not in the tables: drawn.
pub static MORNING_PARTS: [Figure; 12] =
    [const { figure(Row::Morning, "NOOP in a twelfth of the morning: p99", "ms", NONE) }; 12];
pub static MORNING_REFUSED: Figure = figure(Row::Morning, "who was not served in the morning", "people", &[AtMost(0.0)]);
pub static MORNING_HOUR: Figure = figure(Row::Morning, "an hour of the morning: CPU", "s", NONE);
pub static MORNING_MEMORY: Figure = figure(Row::Morning, "memory at the end of the morning: PSS", "MiB", NONE);
pub static MORNING_GROWTH: Figure =
    figure(Row::Morning, "memory in the morning: its end, times its first quarter's", "x", &[AtMost(1.05)]);
pub static COMEBACK_P99: Figure =
    figure(Row::Comeback, "all come back: until 99 % are served", "ms", &[Of(Nginx, 1.0), Of(Haproxy, 1.0)]);
pub static COMEBACK_CPU: Figure = figure(Row::Comeback, "all come back: CPU of each", "ms", NONE);
pub static SUBMIT_CPU: Figure = figure(Row::Submit, "submission of 10 kB: CPU", "ms", &[Of(Nginx, 0.4)]);
pub static SUBMIT_P50: Figure = figure(Row::Submit, "submission, 4 at once: p50", "ms", BELOW_BOTH);
pub static SUBMIT_P99: Figure = figure(Row::Submit, "submission, 4 at once: p99", "ms", NONE);
pub static LARGE_PEAK: Figure = figure(Row::SubmitLarge, "25 MB in flight: peak memory of each", "KiB", &[AtMost(1000.0)]);
pub static LARGE_P50: Figure = figure(Row::SubmitLarge, "25 MB, 8 at once: p50", "ms", NONE);
pub static STARVE_P50: Figure = figure(Row::Starve, "NOOP beside 4 FETCHes: p50", "ms", NONE);
pub static STARVE_P99: Figure = figure(Row::Starve, "NOOP beside 4 FETCHes: p99", "ms", &[Of(Nginx, 0.7)]);
pub static POP3_LOGIN_CPU: Figure = figure(Row::Pop3Login, "POP3 TLS login and QUIT: CPU", "ms", &[Of(Nginx, 0.5)]);
pub static POP3_LOGIN_P50: Figure = figure(Row::Pop3Login, "POP3 TLS login, 8 at once: p50", "ms", NONE);
pub static RETR_CPU: Figure = figure(Row::Retr, "RETR of 64 MiB: CPU", "s/GB", &[Of(Nginx, 0.5)]);
pub static RETR_SPEED: Figure = figure(Row::Retr, "RETR, one session: speed", "MB/s", NONE);
pub static POP3_IDLE: Figure = figure(Row::Pop3Idle, "idle POP3S session, 100 to 10,000: PSS", "KiB", &[AtMost(12.0)]);
pub static SIEVE_LOGIN_CPU: Figure = figure(Row::SieveLogin, "ManageSieve TLS login and LOGOUT: CPU", "ms", &[Of(Dovecot, 0.5)]);
pub static SIEVE_LOGIN_P50: Figure =
    figure(Row::SieveLogin, "ManageSieve TLS login, 8 at once, with 50 ms behind the greeting: p50", "ms", NONE);
pub static SIEVE_IDLE: Figure = figure(Row::SieveIdle, "idle ManageSieve session, 100 to 10,000: PSS", "KiB", &[AtMost(12.0)]);
pub static CLICK_P50: Figure = figure(Row::Click, "a webmail's click: p50", "ms", &[Of(Direct, 0.06), Of(Imapproxy, 0.7)]);
pub static CLICK_P99: Figure = figure(Row::Click, "a webmail's click: p99", "ms", NONE);
pub static CLICK_KEPT: Figure = figure(Row::Click, "of a click: SELECT and FETCH alone: p50", "ms", NONE);
pub static CLICK_CPU: Figure = figure(Row::Click, "a webmail's click, proxy and Dovecot: CPU", "ms", CLICK);
pub static CLICK_PROXY: Figure = figure(Row::Click, "a webmail's click, the proxy alone: CPU", "ms", NONE);
pub static PAGE_P50: Figure = figure(Row::WebmailPage, "Roundcube in a browser, list and message: p50", "ms", &[Of(Direct, 0.7)]);
pub static PAGE_LIST: Figure = figure(Row::WebmailPage, "Roundcube, from the login to the list of 50: p50", "ms", NONE);
pub static PAGE_MESSAGE: Figure = figure(Row::WebmailPage, "Roundcube, a message: p50", "ms", NONE);
pub static IMAPLIB_P50: Figure = figure(Row::Imaplib, "APPEND by imaplib, small: p50", "ms", &[Of(Direct, 1.2)]);
pub static DELIVERY_CPU: Figure = figure(Row::Delivery, "LMTP, 10 kB to one: the proxy's CPU", "ms", &[AtMost(0.25)]);
pub static DELIVERY_RATE: Figure = figure(Row::Delivery, "LMTP, 10 kB to one: messages", "1/s", FASTER);
pub static DELIVERY_P50: Figure = figure(Row::Delivery, "LMTP, 10 kB to one, 4 at once: p50", "ms", NONE);
pub static DELIVERY_MANY: Figure = figure(Row::Delivery, "LMTP, 10 kB to fifty: copies", "1/s", FASTER);
pub static DELIVERY_LARGE: Figure = figure(Row::Delivery, "LMTP, 25 MB to one: speed", "MB/s", FASTER);
pub static POLICY_CPU: Figure = figure(Row::Policy, "a question whether there is room: CPU", "ms", &[Of(Dovecot, 0.2)]);
pub static POLICY_P50: Figure = figure(Row::Policy, "a question whether there is room: p50", "ms", NONE);
pub static QUOTA_CPU: Figure = figure(Row::Quota, "APPEND of 10 kB with limits: CPU", "ms", NONE);
pub static SANDBOX_LOGIN: Figure = figure(Row::Sandbox, "login in the sandbox: CPU", "ms", NONE);
pub static SANDBOX_TRIPS: Figure = figure(Row::Sandbox, "1000 round trips in the sandbox: CPU", "ms", NONE);
pub static BOOK_RATE: Figure = figure(Row::Book, "quota reservations on one core", "1/s", &[AtLeast(100_000.0)]);
pub static START_EMPTY: Figure = figure(Row::Startup, "start, empty book", "ms", NONE);
pub static START_FULL: Figure = figure(Row::Startup, "start, 300 associations, 30,000 mailboxes", "ms", NONE);
pub static START_HUGE: Figure = figure(Row::Startup, "start, 1,000,000 mailboxes", "ms", &[AtMost(2500.0)]);
pub static START_HUGE_EACH: Figure = figure(Row::Startup, "memory of each of 1,000,000 mailboxes", "octets", &[AtMost(120.0)]);
pub static RELOAD_TIME: Figure = figure(Row::Reload, "reload of 3,000 certificates", "ms", NONE);
pub static RELOAD_WAIT: Figure = figure(Row::Reload, "longest NOOP during reloads", "ms", &[AtMost(5.0)]);
pub static NODES_ASKED_P50: Figure = figure(Row::Nodes, "space set aside by another node: p50", "ms", NONE);
pub static NODES_ASKED_P99: Figure = figure(Row::Nodes, "space set aside by another node: p99", "ms", NONE);
pub static NODES_P50: Figure = figure(Row::Nodes, "APPEND of 10 kB through another node: p50", "ms", &[Of(Without, 1.3)]);
pub static NODES_P99: Figure = figure(Row::Nodes, "APPEND of 10 kB through another node: p99", "ms", NONE);
pub static GRANTED_P50: Figure = figure(Row::Granted, "APPEND of 10 kB, one node with etcd: p50", "ms", &[Of(Without, 1.1)]);
pub static GRANTED_P99: Figure = figure(Row::Granted, "APPEND of 10 kB, one node with etcd: p99", "ms", NONE);
pub static GRANTED_CPU: Figure = figure(Row::Granted, "APPEND of 10 kB, one node with etcd: CPU", "ms", NONE);

/// In the order of the report.
pub fn all() -> Vec<&'static Figure> {
    let mut all = vec![&LOGIN_CPU, &LOGIN_P50, &LOGIN_P99, &TRIPS_CPU, &TRIPS_ONE_CORE, &TRIPS_P50];
    all.extend(CROWDED.iter().map(|(_, login, _)| login));
    all.extend(CROWDED.iter().map(|(_, _, trips)| trips));
    all.extend([
        &FETCH_CPU,
        &FETCH_SPEED,
        &MANY_CPU,
        &MANY_SPEED,
        &APPEND_SYNC_CPU,
        &APPEND_SYNC_SPEED,
        &APPEND_PLUS_CPU,
        &APPEND_PLUS_SPEED,
        &SMALL_CPU,
        &SMALL_P50,
        &IDLE_EACH,
        &IDLE_DEAREST,
        &IDLE_ALL[1].1,
        &IDLE_ALL[4].1,
        &COMEBACK_P99,
        &COMEBACK_CPU,
        &MORNING_IDLE,
        &MORNING_P99,
        &MORNING_TIMES,
        &MORNING_REFUSED,
        &MORNING_HOUR,
        &MORNING_MEMORY,
        &MORNING_GROWTH,
        &SUBMIT_CPU,
        &SUBMIT_P50,
        &SUBMIT_P99,
        &LARGE_PEAK,
        &LARGE_P50,
        &STARVE_P50,
        &STARVE_P99,
        &POP3_LOGIN_CPU,
        &POP3_LOGIN_P50,
        &RETR_CPU,
        &RETR_SPEED,
        &POP3_IDLE,
        &SIEVE_LOGIN_CPU,
        &SIEVE_LOGIN_P50,
        &SIEVE_IDLE,
        &CLICK_P50,
        &CLICK_P99,
        &CLICK_KEPT,
        &CLICK_CPU,
        &CLICK_PROXY,
        &PAGE_P50,
        &PAGE_LIST,
        &PAGE_MESSAGE,
        &IMAPLIB_P50,
        &DELIVERY_CPU,
        &DELIVERY_RATE,
        &DELIVERY_P50,
        &DELIVERY_MANY,
        &DELIVERY_LARGE,
        &POLICY_CPU,
        &POLICY_P50,
        &QUOTA_CPU,
        &SANDBOX_LOGIN,
        &SANDBOX_TRIPS,
        &BOOK_RATE,
        &START_EMPTY,
        &START_FULL,
        &START_HUGE,
        &START_HUGE_EACH,
        &RELOAD_TIME,
        &RELOAD_WAIT,
        &NODES_ASKED_P50,
        &NODES_ASKED_P99,
        &NODES_P50,
        &NODES_P99,
        &GRANTED_P50,
        &GRANTED_P99,
        &GRANTED_CPU,
    ]);
    all
}
