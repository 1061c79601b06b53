//! Nodes, etcd and storage, played: see `world`. The nodes are the real ones.

mod accord;
mod alone;
mod bench;
mod etcd;
mod fate;
mod machine;
mod setup;
mod storage;
mod world;

use std::io::Write;

use setup::{Flaw, Setup};
use world::{STEP, World};

const SMALL: Setup = Setup {
    nodes: 3,
    tenants: 4,
    faults: true,
    backs: false,
    reaches: false,
    limits: (14 << 20, 20 << 20),
    rate: None,
    count: 2000,
    forget: 60_000,
};

fn play(seed: u64, flaw: Flaw, steps: u64) -> (Option<&'static str>, World) {
    let mut world = World::new(seed, flaw, SMALL);
    for _ in 0..steps {
        if let Some(wrong) = world.step() {
            return (Some(wrong), world);
        }
    }
    (None, world)
}

#[test]
fn many_nodes_never_pass_a_limit_and_all_is_well_when_the_faults_end() {
    let (mut granted, mut takeovers, mut asked, mut handed) = (0, 0, 0, 0);
    for seed in 1..=40 {
        let (wrong, mut world) = play(seed, Flaw::None, 50_000);
        assert_eq!(wrong, None, "seed {seed}, at {} ms", world.now);
        granted += world.told.granted;
        takeovers += world.told.takeovers;
        asked += world.told.soon;
        handed += world.told.handed;
        world.heal();
        for _ in 0..3000 {
            assert_eq!(world.step(), None, "seed {seed}, at {} ms", world.now);
        }
        assert_eq!(world.unwell(), None, "seed {seed}");
    }
    // Otherwise nothing was shown.
    assert!(granted > 100_000 && takeovers > 5000 && asked > 5000 && handed > 100, "{granted} {takeovers} {asked} {handed}");
}

/// etcd is put back to an older state again and again, while nodes judge.
#[test]
fn no_limit_is_passed_where_etcd_goes_back() {
    let (mut backs, mut takeovers) = (0, 0);
    for seed in 1..=20 {
        let mut world = World::new(seed, Flaw::None, Setup { backs: true, ..SMALL });
        for _ in 0..50_000 {
            assert_eq!(world.step(), None, "seed {seed}, at {} ms", world.now);
        }
        (backs, takeovers) = (backs + world.told.backs, takeovers + world.told.takeovers);
        world.heal();
        for _ in 0..3000 {
            assert_eq!(world.step(), None, "seed {seed}, at {} ms", world.now);
        }
        assert_eq!(world.unwell(), None, "seed {seed}");
    }
    assert!(backs > 50 && takeovers > 1000, "{backs} {takeovers}");
    let found = (1..=100).find_map(|seed| {
        let mut world = World::new(seed, Flaw::NoPause, Setup { backs: true, ..SMALL });
        (0..50_000).find_map(|_| world.step())
    });
    assert_eq!(found, Some("above the limit"), "without the pause");
}

/// A node that is cut off from the storage hands on to one that is not, by what all say, late, twice, never, or wrongly.
#[test]
fn no_limit_is_passed_where_nodes_hand_on_what_they_do_not_reach() {
    let mut takeovers = 0;
    for (seed, flaw) in (1..=20).zip([Flaw::None, Flaw::NoClock].into_iter().cycle()) {
        let mut world = World::new(seed, flaw, Setup { reaches: true, ..SMALL });
        for _ in 0..50_000 {
            assert_eq!(world.step(), None, "seed {seed}, at {} ms", world.now);
        }
        takeovers += world.told.takeovers;
        if flaw == Flaw::NoClock {
            continue;
        }
        world.heal();
        for _ in 0..3000 {
            assert_eq!(world.step(), None, "seed {seed}, at {} ms", world.now);
        }
        assert_eq!(world.unwell(), None, "seed {seed}");
    }
    assert!(takeovers > 3000, "{takeovers}");
}

/// One node is cut off from the storage: what it judged is judged by the others, and is its own again when it is back. Where all are, nothing moves.
#[test]
fn a_storage_that_one_node_does_not_reach_is_stored_into_by_the_others_and_one_that_is_down_moves_nothing() {
    let mut world = World::new(1, Flaw::None, Setup { faults: false, reaches: true, rate: Some(20), ..SMALL });
    let run = |world: &mut World, seconds: u64| (0..seconds * 1000 / STEP).for_each(|_| assert_eq!(world.step(), None));
    let judges = |world: &World| {
        let of = |tenant| world.machines.iter().position(|machine| machine.would_grant(tenant));
        (0..SMALL.tenants).map(of).collect::<Vec<_>>()
    };
    run(&mut world, 60);
    let before = judges(&world);
    let lost = before[0].unwrap();
    assert!(before.iter().all(Option::is_some), "{before:?}");
    world.machines[lost].apart = world.now + 120_000;
    run(&mut world, 30);
    let meanwhile = judges(&world);
    for (was, is) in before.iter().zip(&meanwhile) {
        assert!(is.is_some() && *is != Some(lost) && (*was == Some(lost) || was == is), "{before:?} {meanwhile:?}");
    }
    run(&mut world, 120);
    assert_eq!(judges(&world), before);
    let (taken, until) = (world.told.takeovers, world.now + 60_000);
    world.machines.iter_mut().for_each(|machine| machine.apart = until);
    run(&mut world, 120);
    assert_eq!((judges(&world), world.told.takeovers), (before, taken));
}

/// The lease and the clock keep two from judging at once, and say when something comes no more. Where that is never said, the limits hold without them.
#[test]
fn no_limit_is_passed_by_nodes_without_a_clock() {
    let mut double = 0;
    for seed in 1..=20 {
        let (wrong, world) = play(seed, Flaw::NoClock, 50_000);
        assert_eq!(wrong, None, "seed {seed}, at {} ms", world.now);
        double += world.told.double;
    }
    assert!(double > 0, "otherwise nothing was shown");
}

/// What is left out, and a seed that shows it.
const FLAWS: [(Flaw, u64); 10] = [
    (Flaw::NoFence, 1),
    (Flaw::NothingConfirmed, 65),
    (Flaw::NothingWithheld, 25),
    (Flaw::OldNumbers, 1),
    (Flaw::FreeAtOnce, 35),
    (Flaw::AnyoneTakes, 100),
    (Flaw::AnyRevision, 10),
    (Flaw::ForgetsSoon, 11),
    (Flaw::QuietAtOnce, 40),
    (Flaw::LeavesAnyway, 88),
];

#[test]
fn a_rule_that_is_left_out_is_missed() {
    for (flaw, seed) in FLAWS {
        // The next ones, where something else has changed the play.
        let found = (seed..seed + 100).find_map(|seed| play(seed, flaw, 50_000).0);
        assert_eq!(found, Some("above the limit"), "{flaw:?}");
    }
}

/// For whoever asked for it by hand.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").unwrap();
}

/// The table of docs/many-nodes.md.
#[test]
#[ignore = "make long"]
fn survey() {
    let sound = [(Flaw::NoClock, 300), (Flaw::None, 1000)];
    for (flaw, seeds) in FLAWS.into_iter().map(|(flaw, _)| (flaw, 100)).chain(sound) {
        let (mut found, mut first, mut steps) = (0, None, 0);
        let (mut granted, mut takeovers, mut refused) = (0, 0, 0);
        for seed in 1..=seeds {
            let (wrong, world) = play(seed, flaw, 50_000);
            found += u64::from(wrong.is_some());
            first = first.or(wrong.map(|wrong| (seed, wrong)));
            steps += world.now / STEP;
            granted += world.told.granted;
            takeovers += world.told.takeovers;
            refused += world.told.full;
        }
        say(&format!(
            "{flaw:?}: {found} of {seeds}, first {first:?}; {steps} steps, {granted} granted, {takeovers} taken, {refused} refused"
        ));
    }
}
