use super::super::bucket::AT_ONCE;
use super::*;

fn key(kind: u8, number: u32) -> PseudonymKey {
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
        guesses.end(&asker(1000, 2), way);
    }
}

/// At many accounts, from one network.
#[test]
fn what_is_tried_at_once_on_one_network_is_paid_for() {
    let (mut guesses, start) = (guesses(), Instant::now());
    let mut burst = |turn: u32, now| {
        let askers = (0..480).map(|account| asker(1, 1000 * turn + account));
        let begun: Vec<_> = askers.filter_map(|asker| guesses.begin(&asker, now).map(|way| (asker, way))).collect();
        begun.iter().for_each(|(asker, way)| guesses.wrong(asker, *way, 7, now));
        guesses.sweep(now);
        begun.len()
    };
    // One burst each minute, for a day.
    let judged: Vec<_> = (0..1440).map(|minute| burst(minute, start + Duration::from_secs(60 * u64::from(minute)))).collect();
    assert_eq!(judged[0], 480, "where nothing was wrong, a whole firm may come in at once");
    assert_eq!(judged[1..].iter().max(), Some(&2), "what was too much is paid for first, and then it is two each minute");
    assert_eq!(judged.iter().sum::<usize>(), 2_908, "and 2 in the last minute");

    // Where something was wrong, no more are under way than may be wrong; what comes out right makes room.
    let mut guesses = self::guesses();
    assert!(attempt(&mut guesses, &asker(1, 0), Some(1), start));
    let ways: Vec<_> = (1..100).map_while(|account| Some((account, guesses.begin(&asker(1, account), start)?))).collect();
    assert_eq!(ways.len(), 29);
    assert_eq!(guesses.slowed(start).networks, 1, "full of what is being judged: whoever is refused there finds it in the list");
    guesses.end(&asker(1, ways[0].0), ways[0].1);
    guesses.right(&asker(1, ways[1].0), ways[1].1, start);
    assert_eq!(guesses.slowed(start).networks, 0);
    assert_eq!((200..300).filter(|account| guesses.begin(&asker(1, *account), start).is_some()).count(), 2);
    // Forgiven is what was wrong, not what is under way.
    guesses.lift(None, start);
    guesses.sweep(start + BLAMED + REMEMBERED);
    assert!(guesses.networks[0].len() == 1);
}

/// Of the small networks in one that is blamed, the list has just those from which nobody may try, whether their own tries were wrong or not.
#[test]
fn the_list_of_networks_says_what_a_stranger_there_is_told() {
    let (mut guesses, now) = (guesses(), Instant::now());
    let within =
        |small: u32, account| Asker { networks: [(key(1, small), 1), (key(4, 0), 4), (key(5, 0), 16)], ..asker(small, account) };
    let begin = |guesses: &mut Guesses, small: u32, first: u32| {
        (first..first + 40).take_while(|account| guesses.begin(&within(small, *account), now).is_some()).count()
    };
    assert_eq!((begin(&mut guesses, 1, 0), guesses.slowed(now).networks), (40, 0), "nothing was wrong: all may come");
    assert!(attempt(&mut guesses, &within(2, 100), Some(1), now));
    // Blamed by what was wrong beside it: 40 are under way on the first, where 30 may turn out wrong.
    assert_eq!((begin(&mut guesses, 1, 200), guesses.slowed(now).networks), (0, 1));
    assert_eq!((begin(&mut guesses, 2, 300), guesses.slowed(now).networks), (29, 2));
    guesses.lift(None, now);
    assert_eq!(guesses.slowed(now).networks, 0);
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
    guesses.lift(Some(account), now);
    assert!(attempt(&mut guesses, &elsewhere, Some(1), now) && guesses.slowed(now).accounts.is_empty());
    guesses.lift(None, now);
    assert!(attempt(&mut guesses, &within(70_000, 7), None, now) && guesses.slowed(now).networks == 0);
    guesses.sweep(now + BLAMED + REMEMBERED);
    assert!(guesses.pairs.is_empty() && guesses.accounts.is_empty() && guesses.blamed.is_empty());
}
