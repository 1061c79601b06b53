//! What is counted, by whom, and the page that is made of it every minute.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use aws_lc_rs::rand;

use super::shown::Shown;

/// Counted by sessions, at a login or at the end of a message and never for a command. No order between them is needed.
#[derive(Default)]
pub struct Counters {
    logins_accepted: AtomicU64,
    logins_refused: AtomicU64,
    messages_accepted: AtomicU64,
    messages_refused: AtomicU64,
    pool_reused: AtomicU64,
}

impl Counters {
    /// A backend judged a login, or a limit refused it.
    pub fn login(&self, accepted: bool) {
        let counter = if accepted { &self.logins_accepted } else { &self.logins_refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A message at submission came to its end: the relay has it, or it was refused.
    pub fn message(&self, accepted: bool) {
        let counter = if accepted { &self.messages_accepted } else { &self.messages_refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A login was given a connection that rested.
    pub fn reused(&self) {
        self.pool_reused.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is known elsewhere, at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Sessions that are open.
    pub sessions: u64,
    /// Writes that the book refused, since the start.
    pub reservations_refused: u64,
    /// Servers behind that did not take their last connection.
    pub backends_down: u64,
    /// How often one stopped to, since the start.
    pub backend_failures: u64,
    /// Whole days until the first certificate is over; 0 too when it is. None: there is none, or its dates cannot be read.
    pub certificate_days: Option<u64>,
    /// Whether this machine, as one of two, may let everything be stored that fits. None: there is no other one.
    pub takes_mail: Option<bool>,
}

/// The counters, and what is shown of them.
pub struct Metrics {
    /// For sessions.
    pub counters: Counters,
    board: Mutex<[Shown; 7]>,
    page: ArcSwap<String>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let metrics = Metrics {
            counters: Counters::default(),
            board: Mutex::new(std::array::from_fn(|_| Shown::new(draw()))),
            page: ArcSwap::default(),
        };
        metrics.publish(Now::default());
        metrics
    }
}

impl Metrics {
    /// Makes the page anew. To be called every minute, and not more often: asking often shall gain nothing.
    pub fn publish(&self, now: Now) {
        let counters = &self.counters;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let about_people = [
            ("sessions", "gauge", "Sessions open now", now.sessions),
            ("logins_accepted_total", "counter", "Logins that a mailbox server accepted", count(&counters.logins_accepted)),
            (
                "logins_refused_total",
                "counter",
                "Logins that were refused, or could not be judged",
                count(&counters.logins_refused),
            ),
            ("messages_accepted_total", "counter", "Messages that a relay took over", count(&counters.messages_accepted)),
            ("messages_refused_total", "counter", "Messages refused after their envelope", count(&counters.messages_refused)),
            ("reservations_refused_total", "counter", "Writes that found no room", now.reservations_refused),
            ("pool_reused_total", "counter", "Logins on a connection that rested", count(&counters.pool_reused)),
        ];
        let about_servers = [
            ("backends_down", "gauge", "Servers that did not take their last connection", now.backends_down),
            ("backend_failures_total", "counter", "How often a server stopped taking connections", now.backend_failures),
        ];
        let mut page = String::new();
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        for ((name, kind, help, number), shown) in about_people.into_iter().zip(board.iter_mut()) {
            metric(&mut page, name, kind, &format!("{help}; in tens at least, to two digits"), shown.update(number, draw()));
        }
        // A server is nobody: an alarm needs the first failure, exactly.
        for (name, kind, help, number) in about_servers {
            metric(&mut page, name, kind, help, number);
        }
        if let Some(days) = now.certificate_days {
            metric(&mut page, "certificate_days", "gauge", "Whole days until the first certificate in force is over", days);
        }
        if let Some(takes) = now.takes_mail {
            metric(&mut page, "node_takes_mail", "gauge", "Whether this one of two machines lets mail be stored", takes.into());
        }
        self.page.store(Arc::new(page));
    }

    /// The page of this minute.
    pub fn page(&self) -> Arc<String> {
        self.page.load_full()
    }
}

fn metric(page: &mut String, name: &str, kind: &str, help: &str, number: u64) {
    let _ = writeln!(page, "# HELP nologd_{name} {help}\n# TYPE nologd_{name} {kind}\nnologd_{name} {number}");
}

/// Without randomness the steps are of ten, which is still no single act.
fn draw() -> u8 {
    let mut byte = [0];
    let _ = rand::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metrics: &Metrics, name: &str) -> u64 {
        let page = metrics.page();
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("nologd_{name} ")));
        line.unwrap().parse().unwrap()
    }

    #[test]
    fn one_act_more_never_shows_and_many_do() {
        let metrics = Metrics::default();
        (0..9).for_each(|_| metrics.counters.login(false));
        (0..25).for_each(|_| metrics.counters.login(true));
        assert_eq!(value(&metrics, "logins_accepted_total"), 0, "not before the minute is over");
        metrics.publish(Now { sessions: 1234, backends_down: 1, ..Now::default() });
        assert_eq!((value(&metrics, "logins_accepted_total"), value(&metrics, "logins_refused_total")), (20, 0));
        assert_eq!((value(&metrics, "sessions"), value(&metrics, "backends_down")), (1200, 1));
        for _ in 0..9 {
            metrics.counters.login(true);
            metrics.publish(Now::default());
            assert_eq!(value(&metrics, "logins_accepted_total"), 20);
        }
        (0..19).for_each(|_| metrics.counters.login(true));
        metrics.publish(Now::default());
        assert_eq!((value(&metrics, "logins_accepted_total"), value(&metrics, "sessions")), (50, 0));
    }

    /// Days of a certificate are about nobody; where there is none, there is no number, and not 0.
    #[test]
    fn days_of_a_certificate_are_exact() {
        let metrics = Metrics::default();
        assert!(!metrics.page().contains("certificate_days"));
        for days in [13, 0] {
            metrics.publish(Now { certificate_days: Some(days), ..Now::default() });
            assert_eq!(value(&metrics, "certificate_days"), days);
        }
    }

    #[test]
    fn the_page_is_well_formed_and_has_no_label() {
        let page = Metrics::default().page();
        let lines: Vec<_> = page.lines().collect();
        assert!(lines.len() == 27 && page.ends_with('\n') && !page.contains('{'));
        for part in lines.chunks(3) {
            let name = part[2].split(' ').next().unwrap();
            assert!(
                part[0].starts_with(&format!("# HELP {name} ")) && part[1].starts_with(&format!("# TYPE {name} ")),
                "{part:?}"
            );
            assert_eq!(part[1].ends_with("counter"), name.ends_with("_total"));
        }
    }
}
