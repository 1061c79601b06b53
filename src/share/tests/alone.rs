//! One node by itself: each rule in a few lines.

use super::super::{Assent, Deed, Errand, Fellow, Life, News, Pace, Reach, Tenant, nearest};

const TENANT: Tenant = 1;
const MIB: u64 = 1 << 20;

fn life(number: u64) -> Life {
    Life { node: "front-a".into(), number }
}

fn deed(number: u64, flight: u64) -> Deed {
    Deed { holder: Some((life(number), flight)), left: Vec::new() }
}

/// A node that judges the tenant since 10 s, by revision 6, and has asked etcd once; an association of 16 MiB may have 1 MiB on its way.
fn judge() -> Fellow {
    let mut fellow = Fellow::new("front-a", Pace::default());
    fellow.hear(News::Exists(TENANT, Some(16 * MIB)), 10_000);
    assert_eq!(fellow.tick(10_000, 7), [Errand::Join(life(7), None)]);
    fellow.hear(News::Joined(life(7), 5), 10_000);
    let take = Errand::Take { tenant: TENANT, revision: 0, from: None, deed: deed(7, MIB) };
    assert_eq!(fellow.tick(10_000, 8), [Errand::Confirm(life(7), 1), take]);
    fellow.hear(News::Stands(TENANT, 6, Some(deed(7, MIB))), 10_000);
    assert_eq!(fellow.tick(10_000, 9), [Errand::Count(TENANT, 6)]);
    assert_eq!(fellow.grant(TENANT, 1024, 10_001), Assent::NotNow, "nobody has counted");
    assert_eq!((fellow.uncounted(69_999, 60_000), fellow.uncounted(70_000, 60_000)), (0, 1));
    fellow.hear(News::Counted(TENANT, 6), 10_000);
    assert_eq!(fellow.uncounted(70_000, 60_000), 0);
    assert_eq!(fellow.grant(TENANT, 1024, 10_001), Assent::NotNow, "etcd has not answered");
    fellow.hear(News::Confirmed(life(7), 5, 1), 10_001);
    fellow
}

#[test]
fn the_fence_closes_by_the_clock_of_before_the_question() {
    let mut fellow = judge();
    let pace = Pace::default();
    assert_eq!(fellow.grant(TENANT, 1024, 10_000 + pace.hold - 1), Assent::Granted(6));
    assert_eq!(fellow.grant(TENANT, 1024, 10_000 + pace.hold), Assent::NotNow, "stopped meanwhile, or not");
}

#[test]
fn no_more_is_under_way_than_the_deed_says() {
    let mut fellow = judge();
    assert_eq!(fellow.grant(TENANT, MIB, 10_001), Assent::Granted(6));
    fellow.landed(TENANT, 6, MIB);
    assert_eq!(fellow.grant(TENANT, 1024, 10_002), Assent::Soon, "it landed since the question was sent");
    assert_eq!(fellow.tick(10_002, 9), [Errand::Confirm(life(7), 2)], "so etcd is asked at once");
    fellow.hear(News::Confirmed(life(7), 5, 2), 10_003);
    assert_eq!(fellow.grant(TENANT, 3 * MIB, 10_003), Assent::Soon, "larger than all of it");
    let raised = Errand::Write { tenant: TENANT, revision: 6, deed: deed(7, 4 * MIB) };
    assert_eq!(fellow.tick(10_003, 9), [raised]);
    assert_eq!(fellow.grant(TENANT, 3 * MIB, 10_004), Assent::Soon, "written, and not answered");
    fellow.hear(News::Stands(TENANT, 7, Some(deed(7, 4 * MIB))), 10_004);
    assert_eq!(fellow.grant(TENANT, 3 * MIB, 10_004), Assent::Granted(6));
}

#[test]
fn a_life_that_came_again_is_another_one() {
    let mut fellow = judge();
    // A Join that was long on its way has put the key once more, after it was gone and others have taken what was ours.
    fellow.hear(News::Confirmed(life(7), 9, 1), 10_500);
    assert_eq!(fellow.grant(TENANT, 1024, 10_500), Assent::NotNow);
    assert_eq!(fellow.tick(10_500, 11), [Errand::Cut(TENANT), Errand::Join(life(11), Some(life(7)))]);
}

#[test]
fn who_is_barred_judges_nothing_and_leaves_it_to_others() {
    let mut fellow = judge();
    fellow.hear(News::Barred(true), 10_500);
    assert_eq!(fellow.grant(TENANT, 1024, 10_500), Assent::NotNow);
    assert_eq!(fellow.tick(10_500, 11), [Errand::Cut(TENANT), Errand::End(life(7))]);
    assert_eq!(fellow.tick(20_000, 12), []);
    // One that was asked for and comes late is none of ours.
    fellow.hear(News::Barred(false), 20_000);
    assert_eq!(fellow.tick(20_000, 13), [Errand::Join(life(13), Some(life(7)))]);
    fellow.hear(News::Barred(true), 20_001);
    fellow.hear(News::Joined(life(13), 9), 20_002);
    assert_eq!(fellow.tick(20_002, 14), [Errand::End(life(13))]);
    assert_eq!(fellow.tick(30_000, 15), []);
}

#[test]
fn what_a_line_held_back_is_free_after_a_count_and_not_before() {
    let other = || (Life { node: "front-b".into(), number: 1 }, 2 * MIB);
    let mut fellow = Fellow::new("front-a", Pace::default());
    fellow.hear(News::Exists(TENANT, Some(16 * MIB)), 10_000);
    fellow.hear(News::Stands(TENANT, 4, Some(Deed { holder: Some(other()), left: Vec::new() })), 10_000);
    fellow.tick(10_000, 7);
    fellow.hear(News::Joined(life(7), 5), 10_000);
    let taken = Deed { left: vec![other()], ..deed(7, MIB) };
    let take = Errand::Take { tenant: TENANT, revision: 4, from: Some(other().0), deed: taken.clone() };
    assert!(fellow.tick(10_000, 8).contains(&take));
    assert_eq!(fellow.withheld(TENANT), u64::MAX, "whoever does not judge has no room");
    fellow.hear(News::Stands(TENANT, 6, Some(taken)), 10_000);
    assert_eq!(fellow.tick(10_000, 8), [Errand::Count(TENANT, 6)]);
    fellow.hear(News::Counted(TENANT, 6), 10_000);
    assert_eq!(fellow.withheld(TENANT), 2 * MIB);
    // The other one says that nothing of it comes any more: but what has come since that count?
    fellow.hear(News::Stands(TENANT, 8, Some(deed(7, MIB))), 10_000);
    fellow.hear(News::Counted(TENANT, 6), 10_000);
    assert_eq!(fellow.withheld(TENANT), 2 * MIB);
    assert_eq!(fellow.tick(10_000, 8), [Errand::Count(TENANT, 8)]);
    fellow.hear(News::Counted(TENANT, 8), 10_000);
    assert_eq!(fellow.withheld(TENANT), 0);
}

#[test]
fn the_flight_is_set_back_when_nothing_has_needed_it_for_a_while_and_one_member_cannot_raise_it_to_the_limit() {
    let mut fellow = judge();
    assert_eq!(fellow.grant(TENANT, 3 * MIB, 10_001), Assent::Soon);
    assert_eq!(fellow.tick(10_001, 9), [Errand::Write { tenant: TENANT, revision: 6, deed: deed(7, 4 * MIB) }]);
    fellow.hear(News::Stands(TENANT, 7, Some(deed(7, 4 * MIB))), 10_001);
    assert_eq!(fellow.grant(TENANT, 3 * MIB, 10_002), Assent::Granted(6));
    // Half of the limit is the most, but for a message that is larger by itself.
    assert_eq!(fellow.grant(TENANT, 6 * MIB, 10_003), Assent::Soon);
    let raised = deed(7, 9 * MIB);
    assert_eq!(fellow.tick(10_003, 9), [Errand::Write { tenant: TENANT, revision: 7, deed: raised.clone() }]);
    fellow.hear(News::Stands(TENANT, 8, Some(raised)), 10_003);
    let until = |fellow: &mut Fellow, now: u64| {
        let errands = fellow.tick(now, 9);
        errands.into_iter().filter(|errand| matches!(errand, Errand::Write { .. })).collect::<Vec<_>>()
    };
    // At the second full ten minutes after that, and not while it is under way.
    assert_eq!(until(&mut fellow, 1_199_999), []);
    assert_eq!(until(&mut fellow, 1_200_000), []);
    fellow.let_go(TENANT, 6, 3 * MIB);
    assert_eq!(until(&mut fellow, 1_203_000), [Errand::Write { tenant: TENANT, revision: 8, deed: deed(7, MIB) }]);
    // From when it is written, whether or not it is answered.
    fellow.hear(News::Confirmed(life(7), 5, 3), 1_203_001);
    assert_eq!(fellow.grant(TENANT, 2 * MIB, 1_203_002), Assent::Soon);
}

#[test]
fn a_node_that_ends_hands_on_what_has_nothing_under_way_and_leaves_the_rest() {
    let (given, others) = (Deed::default(), [2, 3]);
    let mut fellow = judge();
    for other in others {
        fellow.hear(News::Exists(other, Some(16 * MIB)), 10_001);
        fellow.hear(News::Stands(other, 6, Some(deed(7, MIB))), 10_001);
        fellow.tick(10_001, 9);
        fellow.hear(News::Counted(other, 6), 10_001);
    }
    assert_eq!(fellow.grant(2, 1024, 10_002), Assent::Granted(6));
    assert_eq!(fellow.grant(3, 1024, 10_002), Assent::Granted(6));
    fellow.lost_sight(3, 6, 1024, 10_003);
    fellow.leave();
    assert_eq!(fellow.tick(10_004, 9), [Errand::Write { tenant: TENANT, revision: 6, deed: given.clone() }]);
    assert_eq!(fellow.grant(TENANT, 1024, 10_004), Assent::NotNow);
    fellow.hear(News::Stands(TENANT, 9, Some(given.clone())), 10_005);
    assert!(!fellow.has_left(10_005), "something is under way");
    fellow.landed(2, 6, 1024);
    let write = Errand::Write { tenant: 2, revision: 6, deed: given.clone() };
    assert!(fellow.tick(10_006, 9).contains(&write));
    fellow.hear(News::Stands(2, 10, Some(given)), 10_007);
    assert!(fellow.has_left(10_007), "of the third nobody knows what becomes: it is held back by others");
    // It comes back under no other life.
    fellow.hear(News::Lost(life(7)), 10_008);
    assert!(!fellow.tick(20_000, 11).iter().any(|errand| matches!(errand, Errand::Join(..))));
}

#[test]
fn a_life_of_the_same_name_that_is_none_of_ours_is_left_alone_and_told() {
    let mut fellow = Fellow::new("front-a", Pace::default()).after(5);
    fellow.hear(News::Came(life(5)), 10_000);
    assert!(!fellow.has_namesake(), "an earlier process of ours had it");
    assert_eq!(fellow.tick(10_000, 7), [Errand::Join(life(7), Some(life(5)))], "in its place");
    fellow.hear(News::Joined(life(7), 9), 10_001);
    fellow.hear(News::Went(life(5)), 10_001);
    fellow.hear(News::Came(life(7)), 10_001);
    assert!(!fellow.has_namesake());
    fellow.hear(News::Came(life(6)), 10_002);
    assert!(fellow.has_namesake());
    assert_eq!(fellow.tick(10_002, 8), [Errand::Confirm(life(7), 1)]);
    // One of its own that it sees for longer than it is there is none.
    fellow.hear(News::Went(life(6)), 10_003);
    fellow.hear(News::Lost(life(7)), 10_003);
    assert_eq!(fellow.tick(10_003, 8), [Errand::Join(life(8), Some(life(7)))]);
    assert!(!fellow.has_namesake());
}

/// Whether it judges still, when it has looked.
fn judges_after(fellow: &mut Fellow, now: u64) -> bool {
    fellow.tick(now, 9);
    fellow.judges(TENANT)
}

/// Of the nodes that reach its storage, as they say, the nearest one is to judge; where nobody says so, all stays.
#[test]
fn who_does_not_reach_the_storage_hands_on_to_who_does() {
    let reach = |away: &[u64], here: &[u64]| Reach { away: away.iter().copied().collect(), here: here.iter().copied().collect() };
    let other = Life { node: "front-b".into(), number: 5 };
    let mut fellow = judge();
    // It is nearest to this one.
    fellow.hear(News::StoredAt(TENANT, 3), 10_002);
    fellow.hear(News::Came(other.clone()), 10_002);
    fellow.hear(News::Says(life(7), reach(&[], &[])), 10_002);
    assert_eq!(nearest(TENANT, ["front-a", "front-b"]), Some("front-a"));
    fellow.reaches(reach(&[3], &[]));
    let said = Errand::Say(life(7), reach(&[3], &[]));
    assert_eq!(fellow.tick(10_003, 9), std::slice::from_ref(&said));
    assert_eq!(fellow.tick(10_004, 9), [], "it is on its way");
    assert_eq!(fellow.tick(13_003, 9).into_iter().filter(|errand| *errand == said).count(), 1, "no answer");
    fellow.hear(News::Says(life(7), reach(&[3], &[])), 13_004);
    assert!(judges_after(&mut fellow, 13_004), "nobody says that it is reached");
    fellow.hear(News::Says(other.clone(), reach(&[], &[4])), 13_005);
    assert!(judges_after(&mut fellow, 13_005), "another one");
    // What has ended, nobody knows how, keeps it for a while: it may still be stored.
    fellow.hear(News::Confirmed(life(7), 5, 2), 13_005);
    let granted = fellow.grant(TENANT, 1024, 13_005);
    assert_eq!(granted, Assent::Granted(6));
    fellow.lost_sight(TENANT, 6, 1024, 13_005);
    fellow.hear(News::Says(other.clone(), reach(&[], &[3])), 13_006);
    assert!(!judges_after(&mut fellow, 13_006) && fellow.grant(TENANT, 1024, 13_006) == Assent::NotNow);
    let given =
        |errands: &[Errand]| errands.iter().any(|errand| matches!(errand, Errand::Write { deed: Deed { holder: None, .. }, .. }));
    assert!((13_100..23_000).step_by(100).all(|now| !given(&fellow.tick(now, 9))));
    assert!((23_000..27_000).step_by(100).any(|now| given(&fellow.tick(now, 9))));
}

/// The other side: who is not nearest takes what the nearest one cannot judge, and gives it back.
#[test]
fn who_reaches_the_storage_takes_what_the_nearest_one_gave_up() {
    let reach = |away: &[u64], here: &[u64]| Reach { away: away.iter().copied().collect(), here: here.iter().copied().collect() };
    // Whose name is nearest to this number.
    let nearest_to = |tenant| nearest(tenant, ["front-a", "front-b"]) == Some("front-b");
    let far = (1..100).find(|tenant| nearest_to(*tenant)).unwrap();
    let other = Life { node: "front-b".into(), number: 5 };
    let mut fellow = judge();
    fellow.hear(News::Came(other.clone()), 10_001);
    fellow.hear(News::Exists(far, Some(16 * MIB)), 10_001);
    let takes = |fellow: &mut Fellow, now| {
        fellow.tick(now, 9).iter().any(|errand| matches!(errand, Errand::Take { tenant, .. } if *tenant == far))
    };
    assert!(!takes(&mut fellow, 10_002), "the other one is nearest");
    fellow.hear(News::Says(other.clone(), reach(&[0], &[])), 10_003);
    assert_eq!(fellow.missed().collect::<Vec<_>>(), [0]);
    assert!(!takes(&mut fellow, 10_004), "it is not known whether it is reached from here");
    fellow.hear(News::Says(life(7), reach(&[], &[0])), 10_005);
    assert!(takes(&mut fellow, 10_006));
    // Both do not reach it: as if nobody had said anything.
    fellow.hear(News::Says(life(7), reach(&[0], &[])), 10_007);
    assert!(!takes(&mut fellow, 20_000));
    fellow.hear(News::Says(life(7), reach(&[], &[0])), 20_001);
    fellow.hear(News::Went(other), 20_001);
    assert!(takes(&mut fellow, 20_002));
}

/// One of an older version says nothing of what it reaches, reads nothing of it, and goes by who is nearest of all. Nothing waits for it, and it is left what
/// it judges.
#[test]
fn what_the_nearest_one_cannot_judge_does_not_wait_for_an_older_node() {
    let reach = |away: &[u64], here: &[u64]| Reach { away: away.iter().copied().collect(), here: here.iter().copied().collect() };
    let (lost, older) = (Life { node: "front-b".into(), number: 5 }, Life { node: "front-c".into(), number: 6 });
    let mut fellow = judge();
    [&lost, &older].iter().for_each(|life| fellow.hear(News::Came((*life).clone()), 10_001));
    fellow.hear(News::Says(lost, reach(&[0], &[])), 10_002);
    fellow.hear(News::Says(life(7), reach(&[], &[0])), 10_002);
    for tenant in 1..200 {
        let of_all = nearest(tenant, ["front-a", "front-b", "front-c"]);
        let by_older = of_all == Some("front-c");
        assert!(fellow.is_first_choice(tenant, 0, &life(7)) != by_older, "{tenant}: {of_all:?}");
    }
}
