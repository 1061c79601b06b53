//! The numbers, and what they cost in file descriptors.

use std::time::Duration;

/// The numbers; each of the first seven can be set in the config file's `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitParams {
    /// Sessions of members who logged in, at the ports for mail programs.
    pub sessions: usize,
    /// Connections there on which nobody has logged in yet.
    pub before_login: usize,
    /// Sessions from one network (IPv4 /32, IPv6 /64). An association's office is one network. Of an IPv6 /56 four times as many,
    /// of a /48 sixteen times; so with the next two.
    pub sessions_per_network: u32,
    /// New connections a minute from one network.
    pub connections_per_minute: u32,
    /// Wrong passwords from one network; one is forgiven every `forgive`.
    pub wrong_per_network: u32,
    /// Wrong passwords for one account: in a row from where it was right before, of all strangers together; one is forgiven every
    /// `forgive`.
    pub wrong_per_account: u32,
    /// How long until a wrong password is forgiven.
    pub forgive: Duration,
    /// Connections of the relay that brings mail.
    pub deliveries: usize,
    /// Connections of the policy service.
    pub questions: usize,
    /// Sessions of the webmail.
    pub webmail: usize,
    /// Connections at each socket that the storage tells usage to.
    pub usage: usize,
    /// Connections through the onion listener on which nobody has logged in yet; one where there is no such listener.
    pub onion: usize,
    /// Connections of load balancers that have not said yet whose they are; one where there is no such balancer.
    pub unnamed: usize,
    /// Connections of browsers, and of programs that ask how they are to be set up. A quarter of it at most from one network.
    pub pages: usize,
}

impl Default for LimitParams {
    /// For 300 associations: a big office behind one address works, a password guesser gets some 3,000 tries a day at most.
    fn default() -> LimitParams {
        LimitParams {
            sessions: 20_000,
            before_login: 2_000,
            sessions_per_network: 500,
            connections_per_minute: 600,
            wrong_per_network: 30,
            wrong_per_account: 10,
            forgive: Duration::from_secs(30),
            deliveries: 500,
            questions: 2_000,
            webmail: 2_000,
            usage: 4_096,
            onion: 0,
            unnamed: 0,
            pages: 256,
        }
    }
}

/// Of [`LimitParams::onion`], where there is such a listener.
const ONION: usize = 500;

/// Of [`LimitParams::unnamed`], where there is such a balancer. It says it in its first packet, so there are few at any moment.
const UNNAMED: usize = 500;

/// How much more than an IPv6 /64 its /56 and its /48 may do. A phone company gives each customer a /64, and many a /48.
pub(super) const FACTORS: [u32; 3] = [1, 4, 16];

/// What the rest of the program needs: the store, listeners on each thread, connections that rest, admins and monitoring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Threads that serve.
    pub threads: u64,
    /// Listeners, each open once for every thread.
    pub listeners: u64,
    /// Sockets among them that the storage tells usage to.
    pub usage: u64,
    /// Backend connections that may rest.
    pub resting: u64,
}

impl Overhead {
    /// 28 descriptors for admins, their pages and monitoring on each thread, 8 for its runtime, 40 for files.
    fn base(self) -> u64 {
        self.threads * (self.listeners + 36) + 40
    }
}

impl LimitParams {
    /// With the places that an onion listener and load balancers need, where there are such.
    pub fn beside(self, onion: bool, balancers: bool) -> LimitParams {
        let (onion, unnamed) = (if onion { ONION } else { 0 }, if balancers { UNNAMED } else { 0 });
        LimitParams { onion: onion.min(self.before_login), unnamed: unnamed.min(self.before_login), ..self }
    }

    /// File descriptors that all of it needs: two for each session and each page, its own and the one behind it; questions,
    /// usage and what a balancer has not named yet have none behind them.
    pub fn descriptors(&self, overhead: Overhead) -> u64 {
        let double = (self.sessions + self.before_login + self.onion + self.deliveries + self.webmail + self.pages) as u64;
        let single = (self.questions + self.unnamed) as u64;
        overhead.base() + overhead.resting + 2 * double + single + overhead.usage * self.usage as u64
    }

    /// Cut to what `descriptors` allow, where that is less: the house's own listeners have a quarter, if they need it, and
    /// the rest is divided.
    pub fn within(self, descriptors: u64, overhead: Overhead) -> LimitParams {
        if descriptors >= self.descriptors(overhead) {
            return self;
        }
        let free = usize::try_from(descriptors.saturating_sub(overhead.base())).unwrap_or(usize::MAX);
        // A quarter for mail that comes in and the webmail, with what rests for it; of the rest, a sixth for those who wait.
        let own = free / 4;
        let sockets = usize::try_from(overhead.usage).unwrap_or(usize::MAX).max(1);
        let public = free - own;
        let cut = LimitParams {
            deliveries: self.deliveries.min(own / 8),
            webmail: self.webmail.min(own / 8),
            questions: self.questions.min(own / 8),
            pages: self.pages.min(own / 16),
            usage: self.usage.min(own / 8 / sockets),
            before_login: self.before_login.min(public / 12),
            onion: self.onion.min(public / 24),
            unnamed: self.unnamed.min(public / 24),
            sessions: 0,
            ..self
        };
        // What the others do not need is the members'.
        let resting = self.resting_within(descriptors, overhead);
        let left = descriptors.saturating_sub(cut.descriptors(Overhead { resting, ..overhead }));
        LimitParams { sessions: self.sessions.min(usize::try_from(left / 2).unwrap_or(usize::MAX)), ..cut }
    }

    /// Backend connections that may rest within the same descriptors.
    pub fn resting_within(&self, descriptors: u64, overhead: Overhead) -> u64 {
        if descriptors >= self.descriptors(overhead) {
            return overhead.resting;
        }
        overhead.resting.min(descriptors.saturating_sub(overhead.base()) / 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_leave_the_house_its_own() {
        let overhead = Overhead { threads: 2, listeners: 8, usage: 1, resting: 500 };
        let params = LimitParams::default();
        let needed = params.descriptors(overhead);
        assert_eq!(needed, 2 * (24_500 + 256) + 2_000 + 4_096 + 500 + 2 * 44 + 40);
        assert!(params.within(needed, overhead) == params && params.resting_within(needed, overhead) == 500);
        for descriptors in [0, 64, 130, 200, 1024, 4096, needed - 1] {
            let cut = params.within(descriptors, overhead);
            let rests = Overhead { resting: params.resting_within(descriptors, overhead), ..overhead };
            assert!(cut.descriptors(rests) <= descriptors.max(overhead.base()), "{descriptors}: {cut:?}");
        }
        let listeners = params.beside(true, true);
        assert_eq!(listeners.descriptors(overhead), needed + 1500);
        for descriptors in [130, 200, 1024, 4096, needed] {
            let cut = listeners.within(descriptors, overhead);
            let rests = Overhead { resting: listeners.resting_within(descriptors, overhead), ..overhead };
            assert!(cut.descriptors(rests) <= descriptors.max(overhead.base()), "{descriptors}: {cut:?}");
        }
        let small = LimitParams { before_login: 50, deliveries: 20, questions: 20, webmail: 20, usage: 50, pages: 20, ..params };
        assert_eq!(
            small.within(4_378, Overhead { resting: 10, ..overhead }).sessions,
            1_975,
            "what others do not need is the members'"
        );
        let cut = params.within(216, overhead);
        assert!(
            cut.sessions >= 20 && cut.before_login >= 5 && cut.deliveries >= 2 && cut.webmail >= 2 && cut.usage >= 2,
            "{cut:?}"
        );
    }
}
