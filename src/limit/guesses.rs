//! Who may try a password: the arithmetic of guesses, with no clock and no sockets of its own.
//!
//! Where somebody logged in well within [`REMEMBERED`], the pair of network and account has a bucket of its own: what others do
//! elsewhere does not concern it, and each success empties it. All other networks are strangers to the account. They share the
//! account's bucket and that of their network; where the account's is used up, a network on which nothing was wrong within [`BLAMED`]
//! may still take one of the account's first tries, so that its owner gets in from a new place while few others guess.
//!
//! A wrong password takes one try out of a bucket, and one comes back each `forgive` (30 s). The same wrong one again takes an eighth:
//! a forgotten phone that repeats an old password tells nothing new. A try that is being judged is counted as it begins, at most
//! [`AT_ONCE`] of one bucket, so that many at once are no way around. With the usual numbers, the most that can be guessed at one account
//! in a day is
//!
//! ```text
//! strangers, however many networks   86,400 / 30 + 10 + 32        = 2,922   of one network: the same, and 2,910 over all accounts
//! first tries                        86,400 / 60 + 60 + 32        = 1,532   at most one for each network (IPv6 /48)
//! from one network                   2,922 + 1                    = 2,923
//! from 100 networks                  2,922 + 100                  = 3,022
//! from 10,000 networks               2,922 + 1,532                = 4,454
//! at the webmail                     2,922 more, however many stand behind it
//! through the onion door             2,922 more, and 1,532 first tries where Tor tells circuits, at most one for each circuit
//! from where the owner logs in       2,922 more for each such network, and only for who is there too
//! ```
//!
//! Only known pairs are never refused for what others do. `simulation` shows both sides.
//!
//! Through the onion door come no addresses, so there the door itself is the network of the pair, and nobody is known: the owner of an
//! account and a stranger look the same. The pair's bucket holds for all of them, as at the webmail; a stranger who guesses without
//! pause keeps that one account out of that one door, and concerns no other account, and no other door. Where Tor tells circuits
//! (`HiddenServiceExportCircuitID`), each is a network that lives for minutes: it has `per_network` wrong passwords over all accounts, and
//! where the bucket is used up, a circuit on which nothing was wrong may take one of the pair's first tries. So a stranger needs a new
//! circuit for each guess that hinders the owner: 60 at once, and one a minute from then on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a good login is remembered: from one morning to the next, and no longer.
pub const REMEMBERED: Duration = Duration::from_secs(30 * 3600);
/// How long a network on which a password was wrong takes no first try.
pub const BLAMED: Duration = Duration::from_secs(24 * 3600);
/// Tries of one bucket that are being judged in the same moment.
pub const AT_ONCE: u16 = 32;
/// First tries of an account.
const FIRST: u32 = 60;
/// How much longer than other tries it takes until a first one comes back.
const FIRST_TAKES: u32 = 2;
/// How many times the same wrong password costs what another one costs.
const WHOLE: u32 = 8;

/// A key of a pseudonym.
pub(super) type Key = [u8; 16];

/// Who tries: the keys that a try is counted under.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) account: Key,
    /// The account and the network together.
    pub(super) pair: Key,
    /// The network, and those around it that are bigger, each with how many times as much it may do; unused places are zero.
    pub(super) networks: [(Key, u32); 3],
    /// Everybody comes this way: the pair is judged alone, known or not.
    pub(super) own_way: bool,
}

impl Asker {
    fn has_network(&self) -> bool {
        self.networks[0].1 > 0
    }

    /// Whose first tries it may take: the account's, or those of the pair where everybody comes its way.
    fn first(&self) -> Key {
        if self.own_way { self.pair } else { self.account }
    }
}

/// Which bucket judges a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The pair's own.
    Own,
    /// The account's, which strangers share.
    Account,
    /// The account's first tries.
    First,
}

/// Tries that come back with time.
#[derive(Clone, Copy, Default)]
struct Bucket {
    /// When all of them are back. `None`: they are.
    full: Option<Instant>,
    in_flight: u16,
    /// The last wrong passwords, by 16 bits of a keyed hash: enough to know one again, too little to learn it from.
    recent: [u16; 4],
}

impl Bucket {
    fn has_room(&self, most: Duration, now: Instant) -> bool {
        self.full.is_none_or(|full| full.saturating_duration_since(now) < most)
    }

    /// Whether it was known.
    fn charge(&mut self, trace: u16, each: Duration, now: Instant) -> bool {
        let known = self.recent.contains(&trace);
        if !known {
            self.recent.rotate_right(1);
            self.recent[0] = trace;
        }
        let cost = if known { each / WHOLE } else { each };
        self.full = Some(self.full.map_or(now, |full| full.max(now)) + cost);
        known
    }

    fn matters(&self, now: Instant) -> bool {
        self.in_flight > 0 || self.full.is_some_and(|full| full > now)
    }
}

struct Pair {
    account: Key,
    known_until: Option<Instant>,
    bucket: Bucket,
}

/// All buckets.
pub(super) struct Guesses {
    per_account: u32,
    per_network: u32,
    forgive: Duration,
    pairs: HashMap<Key, Pair>,
    accounts: HashMap<Key, Bucket>,
    first: HashMap<Key, Bucket>,
    /// By how big they are: IPv4 /32 and IPv6 /64, then /56, then /48.
    networks: [HashMap<Key, Instant>; 3],
    blamed: HashMap<Key, Instant>,
}

/// What is slowed now, for admins.
pub struct Slowed {
    /// Networks on which so many passwords were wrong that no stranger may try from there.
    pub networks: usize,
    pub(super) accounts: Vec<Key>,
}

impl Guesses {
    pub(super) fn new(per_account: u32, per_network: u32, forgive: Duration) -> Guesses {
        let (pairs, accounts, first, networks, blamed) = Default::default();
        let (per_account, per_network) = (per_account.max(1), per_network.max(1));
        Guesses { per_account, per_network, forgive, pairs, accounts, first, networks, blamed }
    }

    /// The way that `asker` may try now; a try is under way on it from then on, until one of the three below. `None`: none.
    pub(super) fn begin(&mut self, asker: &Asker, now: Instant) -> Option<Way> {
        let (most, first) = (self.forgive * self.per_account, self.forgive * FIRST_TAKES * FIRST);
        let free = |bucket: &Bucket, most| bucket.in_flight < AT_ONCE && bucket.has_room(most, now);
        let known = !asker.own_way && self.knows(asker, now);
        if !known && self.is_used_up(asker, now) {
            return None;
        }
        if asker.own_way || known {
            let new = || Pair { account: asker.account, known_until: None, bucket: Bucket::default() };
            let bucket = &mut self.pairs.entry(asker.pair).or_insert_with(new).bucket;
            if free(bucket, most) {
                bucket.in_flight += 1;
                return Some(Way::Own);
            }
            if known || !asker.has_network() {
                return None;
            }
        } else {
            let account = self.accounts.entry(asker.account).or_default();
            if free(account, most) {
                account.in_flight += 1;
                return Some(Way::Account);
            }
        }
        let blamed = self.blamed.get(&widest(asker)).is_some_and(|until| *until > now);
        let bucket = self.first.entry(asker.first()).or_default();
        if blamed || !free(bucket, first) {
            return None;
        }
        // While it is judged, the network has no second one.
        self.blamed.insert(widest(asker), now + BLAMED);
        bucket.in_flight += 1;
        Some(Way::First)
    }

    /// Whether too much was wrong on a network of `asker`.
    fn is_used_up(&self, asker: &Asker, now: Instant) -> bool {
        self.networks.iter().zip(&asker.networks).any(|(networks, (key, factor))| {
            let most = self.forgive * self.per_network * *factor;
            networks.get(key).is_some_and(|full| full.saturating_duration_since(now) >= most)
        })
    }

    /// The try could not be judged: nothing is held against anybody.
    pub(super) fn abandon(&mut self, asker: &Asker, way: Way) {
        if way == Way::First {
            self.blamed.remove(&widest(asker));
        }
        self.end(asker, way);
    }

    fn end(&mut self, asker: &Asker, way: Way) {
        if let Some(bucket) = self.bucket(asker, way) {
            bucket.in_flight = bucket.in_flight.saturating_sub(1);
        }
    }

    /// The password was good: the pair is known from now on, and nothing is held against it.
    pub(super) fn right(&mut self, asker: &Asker, way: Way, now: Instant) {
        self.abandon(asker, way);
        let new = Pair { account: asker.account, known_until: None, bucket: Bucket::default() };
        let pair = self.pairs.entry(asker.pair).or_insert(new);
        pair.known_until = Some(now + REMEMBERED);
        pair.bucket = Bucket { in_flight: pair.bucket.in_flight, ..Bucket::default() };
    }

    /// It was not. `trace` knows it again.
    pub(super) fn wrong(&mut self, asker: &Asker, way: Way, trace: u16, now: Instant) {
        self.end(asker, way);
        let each = if way == Way::First { self.forgive * FIRST_TAKES } else { self.forgive };
        let known = self.bucket(asker, way).is_some_and(|bucket| bucket.charge(trace, each, now));
        if way == Way::Own && !(asker.own_way && asker.has_network()) {
            return;
        }
        self.blamed.insert(widest(asker), now + BLAMED);
        let cost = if known { self.forgive / WHOLE } else { self.forgive };
        for (networks, (key, factor)) in self.networks.iter_mut().zip(&asker.networks).filter(|(_, (_, factor))| *factor > 0) {
            // Sessions bound how many may be under way; what they take too much is not held against the network for hours.
            let full = networks.entry(*key).or_insert(now);
            *full = ((*full).max(now) + cost).min(now + self.forgive * self.per_network * *factor * 2);
        }
    }

    fn knows(&self, asker: &Asker, now: Instant) -> bool {
        self.pairs.get(&asker.pair).is_some_and(|pair| pair.known_until.is_some_and(|until| until > now))
    }

    fn bucket(&mut self, asker: &Asker, way: Way) -> Option<&mut Bucket> {
        match way {
            Way::Own => self.pairs.get_mut(&asker.pair).map(|pair| &mut pair.bucket),
            Way::Account => self.accounts.get_mut(&asker.account),
            Way::First => self.first.get_mut(&asker.first()),
        }
    }

    /// What is slowed now.
    pub(super) fn slowed(&self, now: Instant) -> Slowed {
        let most = self.forgive * self.per_account;
        let shared = self.accounts.iter().filter(|(_, bucket)| !bucket.has_room(most, now)).map(|(key, _)| *key);
        let own = self.pairs.values().filter(|pair| !pair.bucket.has_room(most, now)).map(|pair| pair.account);
        let mut accounts: Vec<Key> = shared.chain(own).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let full = |(networks, factor): (&HashMap<Key, Instant>, u32)| {
            let most = self.forgive * self.per_network * factor;
            networks.values().filter(|full| full.saturating_duration_since(now) >= most).count()
        };
        Slowed { networks: self.networks.iter().zip(super::FACTORS).map(full).sum(), accounts }
    }

    /// Networks from which `account` is known, and whether it is slowed.
    pub(super) fn about(&self, account: Key, now: Instant) -> (usize, bool) {
        let known = |pair: &&Pair| pair.account == account && pair.known_until.is_some_and(|until| until > now);
        (self.pairs.values().filter(known).count(), self.slowed(now).accounts.contains(&account))
    }

    /// Forgets what was wrong at `account`; of all accounts and networks without one. What is known to be good stays.
    pub(super) fn lift(&mut self, account: Option<Key>) {
        let concerned = |key: &Key| account.is_none_or(|account| account == *key);
        let empty = |bucket: &mut Bucket| *bucket = Bucket { in_flight: bucket.in_flight, ..Bucket::default() };
        for (key, pair) in self.pairs.iter_mut().filter(|(_, pair)| concerned(&pair.account)) {
            empty(&mut pair.bucket);
            self.first.get_mut(key).into_iter().for_each(empty);
        }
        self.accounts.iter_mut().chain(&mut self.first).filter(|(key, _)| concerned(key)).for_each(|(_, bucket)| empty(bucket));
        if account.is_none() {
            self.networks = Default::default();
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
        for instants in self.networks.iter_mut().chain([&mut self.blamed]) {
            instants.retain(|_, instant| *instant > now);
            instants.shrink_to_fit();
        }
    }
}

fn widest(asker: &Asker) -> Key {
    asker.networks.iter().rev().find(|(_, factor)| *factor > 0).map_or(asker.pair, |(key, _)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: u8, number: u32) -> Key {
        let mut key = [kind; 16];
        key[..4].copy_from_slice(&number.to_be_bytes());
        key
    }

    /// From the IPv4 network `network`.
    fn asker(network: u32, account: u32) -> Asker {
        let mut pair = key(3, network);
        pair[4..8].copy_from_slice(&account.to_be_bytes());
        let networks = [(key(1, network), 1), ([0; 16], 0), ([0; 16], 0)];
        Asker { account: key(2, account), pair, networks, own_way: false }
    }

    fn guesses() -> Guesses {
        Guesses::new(10, 30, Duration::from_secs(30))
    }

    /// One whole try: whether it was judged at all.
    fn attempt(guesses: &mut Guesses, asker: &Asker, secret: Option<u16>, now: Instant) -> bool {
        let Some(way) = guesses.begin(asker, now) else { return false };
        match secret {
            None => guesses.right(asker, way, now),
            Some(trace) => guesses.wrong(asker, way, trace, now),
        }
        true
    }

    /// A day of an account under attack from so many networks, each second so many tries. The owner logs in each five minutes from
    /// where it did before, and each hour from a new place with a right password. (Guesses judged; known, new ones refused.)
    fn day(networks: u32, each_second: u32) -> (u32, u32, u32) {
        let (mut guesses, start) = (guesses(), Instant::now());
        let (home, mut judged, mut known, mut new) = (asker(1 << 30, 0), 0, 0, 0);
        assert!(attempt(&mut guesses, &home, None, start));
        for second in 0..86_400u32 {
            let now = start + Duration::from_secs(second.into());
            for number in 0..each_second {
                let turn = second * each_second + number;
                judged += u32::from(attempt(&mut guesses, &asker(turn % networks, 0), Some(turn as u16), now));
            }
            if second % 300 == 299 {
                known += u32::from(!attempt(&mut guesses, &home, None, now));
            }
            if second % 3600 == 1799 {
                new += u32::from(!attempt(&mut guesses, &asker((1 << 30) + second, 0), None, now));
            }
            if second % 60 == 0 {
                guesses.sweep(now);
            }
        }
        (judged, known, new)
    }

    /// Nothing in it is left to chance, so the figures are exact: 2,891 guesses from one network, 2,979 from 100, 4,391 from 10,000. The
    /// owner gets in from where it did before, always; from a new place always, but for the last, where never.
    #[test]
    fn simulation() {
        assert_eq!([day(1, 1), day(100, 10), day(10_000, 20)], [(2_891, 0, 0), (2_979, 0, 0), (4_391, 0, 24)]);
    }

    #[test]
    fn a_success_ends_a_row_and_a_repeated_password_tells_nothing_new() {
        let (mut guesses, now) = (guesses(), Instant::now());
        let one = asker(1, 1);
        for round in 0..50 {
            assert!(attempt(&mut guesses, &one, Some(round), now), "wrong in round {round}");
            assert!(attempt(&mut guesses, &one, None, now), "right in round {round}");
        }
        // A phone tries an old password each five seconds, for a day.
        let mut right = 0;
        for second in 0..17_280u64 {
            let now = now + Duration::from_secs(5 * second);
            attempt(&mut guesses, &one, Some(7), now);
            right += usize::from(second % 60 == 30 && attempt(&mut guesses, &one, None, now));
        }
        assert_eq!(right, 288);
        // Of an account that was never right there, it leaves room for the others behind the same address.
        let mut right = 0;
        for second in 0..3_600u64 {
            let now = now + Duration::from_secs(5 * second);
            attempt(&mut guesses, &asker(2, 1), Some(7), now);
            right += usize::from(second % 60 == 30 && attempt(&mut guesses, &asker(2, 1000 + second as u32), None, now));
        }
        assert_eq!(right, 60);
    }

    #[test]
    fn many_at_once_are_no_way_around() {
        let (mut guesses, now) = (guesses(), Instant::now());
        let ways: Vec<_> = (0..500).filter_map(|network| guesses.begin(&asker(network, 1), now)).collect();
        assert_eq!(ways.len(), usize::from(2 * AT_ONCE), "the account's, and its first tries");
        for (network, way) in (0..).zip(ways) {
            guesses.wrong(&asker(network, 1), way, network as u16 + 1, now);
        }
        let later = now + Duration::from_secs(21 * 30);
        assert!((0..64).all(|network| guesses.begin(&asker(network, 1), later).is_none()), "all of it is paid for");
        // A try that could not be judged costs nothing.
        for _ in 0..1000 {
            let way = guesses.begin(&asker(1000, 2), now).unwrap();
            guesses.abandon(&asker(1000, 2), way);
        }
    }

    #[test]
    fn bigger_networks_bound_their_small_ones_and_lifting_forgives() {
        let (mut guesses, now) = (guesses(), Instant::now());
        let within = |small: u32, account| Asker {
            networks: [(key(1, small), 1), (key(4, small / 256), 4), (key(5, 0), 16)],
            ..asker(small, account)
        };
        // Each small network tries ten accounts once: none of them is used up.
        let judged = (0..100_000).filter(|turn| attempt(&mut guesses, &within(turn / 10, *turn), Some(1), now)).count();
        assert_eq!(judged, 480, "16 times what one network may, whatever their number");
        assert!(!attempt(&mut guesses, &within(70_000, 7), None, now));
        assert!(guesses.slowed(now).networks > 0, "the big one is full, and none of the small ones");
        let (elsewhere, account) = (asker(1 << 30, 99), key(2, 99));
        assert_eq!((0..20).filter(|turn| attempt(&mut guesses, &elsewhere, Some(turn + 1), now)).count(), 10);
        assert!(guesses.slowed(now).accounts == [account]);
        guesses.lift(Some(account));
        assert!(attempt(&mut guesses, &elsewhere, Some(1), now) && guesses.slowed(now).accounts.is_empty());
        guesses.lift(None);
        assert!(attempt(&mut guesses, &within(70_000, 7), None, now) && guesses.slowed(now).networks == 0);
        guesses.sweep(now + BLAMED + REMEMBERED);
        assert!(guesses.pairs.is_empty() && guesses.accounts.is_empty() && guesses.blamed.is_empty());
    }
}
