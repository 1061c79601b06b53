//! Who may try a password: the arithmetic of guesses, with no clock and no sockets of its own.
//!
//! Where somebody logged in well within [`REMEMBERED`], the pair of network and account has a bucket of its own: what others do
//! elsewhere does not concern it, and each success empties it. All other networks are strangers to the account. They share the
//! account's bucket and that of their network; where the account's is used up, a network on which nothing was wrong within [`BLAMED`]
//! may still take one of the account's first tries, so that its owner gets in from a new place while few others guess.
//!
//! A wrong password takes one try out of a bucket, and one comes back each `forgive` (30 s). The same wrong one again takes an eighth:
//! a forgotten phone that repeats an old password tells nothing new. A try that is being judged is counted as it begins, at most
//! [`AT_ONCE`](super::bucket::AT_ONCE) of one bucket, so that many at once are no way around. A network on which something was wrong within
//! [`BLAMED`] has no more under way than may turn out wrong; on one where nothing was, many people may come in at once, as after a restart,
//! and each of their wrong ones is paid for. With the usual numbers, the most that can be guessed at one account in a day is
//!
//! ```text
//! strangers, however many networks   86,400 / 30 + 10 + 32        = 2,922   of one network: the same, and 2,910 over all accounts;
//!                                                                           the first time, as many more as it has connections
//! first tries                        86,400 / 60 + 60 + 32        = 1,532   at most one for each network (IPv6 /48)
//! from one network                   2,922 + 1                    = 2,923
//! from 100 networks                  2,922 + 100                  = 3,022
//! from 10,000 networks               2,922 + 1,532                = 4,454
//! at the webmail                     2,922 more, however many stand behind it
//! at pages behind a web server       2,922 more; where nologd itself has TLS, a page is a network like any other
//! through the onion listener             2,922 more, and 1,532 first tries where Tor tells circuits, at most one for each circuit
//! from where the owner logs in       2,922 more for each such network, and only for who is there too
//! ```
//!
//! Only known pairs are never refused for what others do. `simulation` shows both sides.
//!
//! Through the onion listener come no addresses, so there the listener itself is the network of the pair, and nobody is known: the owner of an
//! account and a stranger look the same. The pair's bucket holds for all of them, as at the webmail; a stranger who guesses without
//! pause keeps that one account out of that one listener, and concerns no other account, and no other listener. Where Tor tells circuits
//! (`HiddenServiceExportCircuitID`), each is a network that lives for minutes: it has `per_network` wrong passwords over all accounts, and
//! where the bucket is used up, a circuit on which nothing was wrong may take one of the pair's first tries. So a stranger needs a new
//! circuit for each guess that hinders the owner: 60 at once, and one a minute from then on.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::asker::{Asker, JudgedBy, PseudonymKey, counts_for_networks, widest};
use super::bucket::{Bucket, WHOLE};
use super::network::NetworkTries;
use super::params::FACTORS;

/// How long a good login is remembered: from one morning to the next, and no longer.
pub const REMEMBERED: Duration = Duration::from_secs(30 * 3600);
/// How long a network on which a password was wrong takes no first try.
pub const BLAMED: Duration = Duration::from_secs(24 * 3600);
/// First tries of an account.
const FIRST: u32 = 60;
/// How much longer than other tries it takes until a first one comes back.
const FIRST_TAKES: u32 = 2;
struct Pair {
    account: PseudonymKey,
    known_until: Option<Instant>,
    bucket: Bucket,
}

/// All buckets.
pub(super) struct Guesses {
    per_account: u32,
    per_network: u32,
    forgive: Duration,
    pairs: HashMap<PseudonymKey, Pair>,
    accounts: HashMap<PseudonymKey, Bucket>,
    first: HashMap<PseudonymKey, Bucket>,
    /// By how big they are: IPv4 /32 and IPv6 /64, then /56, then /48.
    networks: [HashMap<PseudonymKey, NetworkTries>; 3],
    blamed: HashMap<PseudonymKey, Instant>,
    /// Networks of which a first try is being judged.
    trying_first: HashSet<PseudonymKey>,
}

/// What is slowed now, for admins.
pub struct Slowed {
    /// Networks from which no stranger may try now: so many passwords were wrong there, or would be if all that is being judged were.
    pub networks: usize,
    pub(super) accounts: Vec<PseudonymKey>,
}

impl Slowed {
    /// How many accounts: those that are in no book as well.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }
}

impl Guesses {
    pub(super) fn new(per_account: u32, per_network: u32, forgive: Duration) -> Guesses {
        let (pairs, accounts, first, networks, blamed, trying_first) = Default::default();
        let (per_account, per_network) = (per_account.max(1), per_network.max(1));
        Guesses { per_account, per_network, forgive, pairs, accounts, first, networks, blamed, trying_first }
    }

    /// The way that `asker` may try now; a try is under way on it from then on, until one of the three below. `None`: none.
    pub(super) fn begin(&mut self, asker: &Asker, now: Instant) -> Option<JudgedBy> {
        let known = !asker.own_way && self.knows(asker, now);
        if !known && self.is_used_up(asker, now) {
            return None;
        }
        let way = self.choose(asker, known, now)?;
        if counts_for_networks(asker, way) {
            self.tries_of(asker, now).for_each(|(tries, _)| tries.begin());
        }
        Some(way)
    }

    fn choose(&mut self, asker: &Asker, known: bool, now: Instant) -> Option<JudgedBy> {
        let (most, first) = (self.forgive * self.per_account, self.forgive * FIRST_TAKES * FIRST);
        if asker.own_way || known {
            let new = || Pair { account: asker.account, known_until: None, bucket: Bucket::default() };
            let bucket = &mut self.pairs.entry(asker.pair).or_insert_with(new).bucket;
            if bucket.is_free(most, now) {
                bucket.begin();
                return Some(JudgedBy::Own);
            }
            if known || !asker.has_network() {
                return None;
            }
        } else {
            let account = self.accounts.entry(asker.account).or_default();
            if account.is_free(most, now) {
                account.begin();
                return Some(JudgedBy::Account);
            }
        }
        let blamed = self.is_blamed(&widest(asker), now);
        let bucket = self.first.entry(asker.first()).or_default();
        // While one is judged, the network has no second one.
        if blamed || self.trying_first.contains(&widest(asker)) || !bucket.is_free(first, now) {
            return None;
        }
        self.trying_first.insert(widest(asker));
        bucket.begin();
        Some(JudgedBy::First)
    }

    /// Whether too much was wrong on a network of `asker`, or would be, if what is under way there is.
    fn is_used_up(&self, asker: &Asker, now: Instant) -> bool {
        self.networks
            .iter()
            .zip(&asker.networks)
            .any(|(networks, (key, factor))| networks.get(key).is_some_and(|tries| self.is_full(tries, *factor, now)))
    }

    /// Of one that may do `factor` times as much as a small one.
    fn is_full(&self, tries: &NetworkTries, factor: u32, now: Instant) -> bool {
        let most = self.forgive * self.per_network * factor;
        let is_left = |tries: &NetworkTries| tries.has_room_beside(self.forgive, most, now);
        tries.is_used_up(most, now) || self.is_blamed(&tries.widest, now) && !is_left(tries)
    }

    fn is_blamed(&self, widest: &PseudonymKey, now: Instant) -> bool {
        self.blamed.get(widest).is_some_and(|until| *until > now)
    }

    /// What is tried on each network of `asker`, with how many times as much it may do.
    fn tries_of<'a>(&'a mut self, asker: &'a Asker, now: Instant) -> impl Iterator<Item = (&'a mut NetworkTries, u32)> {
        let widest = widest(asker);
        let sized = self.networks.iter_mut().zip(&asker.networks).filter(|(_, (_, factor))| *factor > 0);
        sized.map(move |(networks, (key, factor))| {
            (networks.entry(*key).or_insert_with(|| NetworkTries::new(widest, now)), *factor)
        })
    }

    /// The try is over. By that alone nothing is held against anybody.
    pub(super) fn end(&mut self, asker: &Asker, way: JudgedBy) {
        if way == JudgedBy::First {
            self.trying_first.remove(&widest(asker));
        }
        self.bucket(asker, way).into_iter().for_each(Bucket::end);
        if counts_for_networks(asker, way) {
            let tries = self.networks.iter_mut().zip(&asker.networks).filter_map(|(networks, (key, _))| networks.get_mut(key));
            tries.for_each(NetworkTries::end);
        }
    }

    /// The password was good: the pair is known from now on, and nothing is held against it.
    pub(super) fn right(&mut self, asker: &Asker, way: JudgedBy, now: Instant) {
        self.end(asker, way);
        let new = Pair { account: asker.account, known_until: None, bucket: Bucket::default() };
        let pair = self.pairs.entry(asker.pair).or_insert(new);
        pair.known_until = Some(now + REMEMBERED);
        pair.bucket.empty();
    }

    /// It was not. `trace` knows it again.
    pub(super) fn wrong(&mut self, asker: &Asker, way: JudgedBy, trace: u16, now: Instant) {
        self.end(asker, way);
        let each = if way == JudgedBy::First { self.forgive * FIRST_TAKES } else { self.forgive };
        let known = self.bucket(asker, way).is_some_and(|bucket| bucket.charge(trace, each, now));
        if !counts_for_networks(asker, way) {
            return;
        }
        self.blamed.insert(widest(asker), now + BLAMED);
        let cost = if known { self.forgive / WHOLE } else { self.forgive };
        self.tries_of(asker, now).for_each(|(tries, _)| tries.charge(cost, BLAMED, now));
    }

    fn knows(&self, asker: &Asker, now: Instant) -> bool {
        self.pairs.get(&asker.pair).is_some_and(|pair| pair.known_until.is_some_and(|until| until > now))
    }

    fn bucket(&mut self, asker: &Asker, way: JudgedBy) -> Option<&mut Bucket> {
        match way {
            JudgedBy::Own => self.pairs.get_mut(&asker.pair).map(|pair| &mut pair.bucket),
            JudgedBy::Account => self.accounts.get_mut(&asker.account),
            JudgedBy::First => self.first.get_mut(&asker.first()),
        }
    }

    /// What is slowed now: what takes no try at this moment, because of what was wrong, or because so many are being judged.
    pub(super) fn slowed(&self, now: Instant) -> Slowed {
        let most = self.forgive * self.per_account;
        let shared = self.accounts.iter().filter(|(_, bucket)| !bucket.is_free(most, now)).map(|(key, _)| *key);
        let own = self.pairs.values().filter(|pair| !pair.bucket.is_free(most, now)).map(|pair| pair.account);
        let mut accounts: Vec<PseudonymKey> = shared.chain(own).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let full = |(networks, factor): (&HashMap<PseudonymKey, NetworkTries>, u32)| {
            networks.values().filter(|tries| self.is_full(tries, factor, now)).count()
        };
        Slowed { networks: self.networks.iter().zip(FACTORS).map(full).sum(), accounts }
    }

    /// Networks from which `account` is known, and whether it is slowed.
    pub(super) fn about(&self, account: PseudonymKey, now: Instant) -> (usize, bool) {
        // Without a list of all that is slowed: each member may ask for it.
        let most = self.forgive * self.per_account;
        let (mut known, mut slowed) = (0, self.accounts.get(&account).is_some_and(|bucket| !bucket.is_free(most, now)));
        for pair in self.pairs.values().filter(|pair| pair.account == account) {
            known += usize::from(pair.known_until.is_some_and(|until| until > now));
            slowed |= !pair.bucket.is_free(most, now);
        }
        (known, slowed)
    }

    /// Forgets what was wrong at `account`; of all accounts and networks without one. What is known to be good stays.
    pub(super) fn lift(&mut self, account: Option<PseudonymKey>, now: Instant) {
        let concerned = |key: &PseudonymKey| account.is_none_or(|account| account == *key);
        for (key, pair) in self.pairs.iter_mut().filter(|(_, pair)| concerned(&pair.account)) {
            pair.bucket.empty();
            self.first.get_mut(key).into_iter().for_each(Bucket::empty);
        }
        self.accounts.iter_mut().chain(&mut self.first).filter(|(key, _)| concerned(key)).for_each(|(_, bucket)| bucket.empty());
        if account.is_none() {
            self.networks.iter_mut().flat_map(HashMap::values_mut).for_each(|tries| tries.forgive(now));
            self.blamed.clear();
        }
    }

    /// Forgets what has no effect any more.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.pairs.retain(|_, pair| pair.known_until.is_some_and(|until| until > now) || pair.bucket.matters(now));
        self.pairs.shrink_to_fit();
        for buckets in [&mut self.accounts, &mut self.first] {
            buckets.retain(|_, bucket| bucket.matters(now));
            buckets.shrink_to_fit();
        }
        for networks in &mut self.networks {
            networks.retain(|_, tries| tries.matters(now));
            networks.shrink_to_fit();
        }
        self.blamed.retain(|_, until| *until > now);
        self.blamed.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
