//! Which nodes may judge: of two that mean different things, one at most, in whatever order what they ask is answered.

use super::super::accord::{Accord, Bar};
use super::super::house::{GreetingWord, HouseWord};
use crate::node::tests::chance::Random;

const MARK: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "ffeeddccbbaa99887766554433221100";

fn house(chance: u64) -> HouseWord {
    HouseWord::new(MARK, chance)
}

/// One that knows its house, from its only member of etcd, and has asked nobody.
fn settled(chance: u64) -> Accord {
    let mut accord = Accord::new(MARK, 1);
    accord.stood(Some(house(chance)), 0);
    accord.member(0, Some(house(chance)));
    accord
}

fn bar(accord: &mut Accord) -> Option<Bar> {
    accord.bar(0).map(|(bar, _)| bar)
}

#[test]
fn nothing_is_judged_before_all_is_known() {
    let mut accord = Accord::new(MARK, 3);
    assert_eq!(bar(&mut accord), Some(Bar::Unknown));
    accord.stood(Some(HouseWord::new(OTHER, 1)), 0);
    assert_eq!(bar(&mut accord), Some(Bar::OtherKey));
    accord.stood(Some(house(1)), 0);
    accord.member(0, Some(house(1)));
    accord.member(1, None);
    assert_eq!(bar(&mut accord), Some(Bar::FewMembers), "one of three, and one that has nothing");
    accord.member(1, Some(house(2)));
    assert_eq!(bar(&mut accord), Some(Bar::OtherEtcd));
    accord.member(1, Some(house(1)));
    assert_eq!(bar(&mut accord), Some(Bar::Unknown), "the other nodes were not asked");
    // What was asked before the house was known says nothing of it.
    accord.heard(None, &[None], 0);
    assert_eq!(bar(&mut accord), Some(Bar::Unknown));
    accord.heard(Some(house(1)), &[None], 0);
    assert_eq!(bar(&mut accord), None, "the other one cannot be reached");
    assert!(accord.word() == GreetingWord { mark: MARK.into(), house: Some(house(1)), is_in: true });
}

#[test]
fn a_node_of_another_house_that_is_in_keeps_one_out_and_one_that_is_out_keeps_nobody() {
    let word = |mark: &str, chance: Option<u64>, is_in| {
        Some(GreetingWord { mark: mark.into(), house: chance.map(|chance| HouseWord::new(mark, chance)), is_in })
    };
    for (theirs, why) in [(word(OTHER, None, true), Bar::FellowKey), (word(MARK, Some(2), true), Bar::FellowEtcd)] {
        let mut accord = settled(1);
        accord.heard(Some(house(1)), &[None, theirs.clone()], 0);
        assert_eq!(accord.bar(0), Some((why, Some(1))));
        // Out, it may be about to come in, as we are.
        let out = theirs.map(|word| GreetingWord { is_in: false, ..word });
        accord.heard(Some(house(1)), &[None, out.clone()], 1000);
        assert_eq!(bar(&mut accord), Some(why));
        // Silent, it may be cut off, for a while; then it is taken to be gone.
        accord.heard(Some(house(1)), &[None, None], 60_999);
        assert_eq!(bar(&mut accord), Some(why));
        accord.heard(Some(house(1)), &[None, None], 61_000);
        assert_eq!(bar(&mut accord), None);
        // Now we are in, and whoever is out stays there.
        accord.heard(Some(house(1)), &[None, out], 62_000);
        assert_eq!(bar(&mut accord), None);
    }
    let mut accord = settled(1);
    accord.heard(Some(house(1)), &[word(MARK, None, false), word(MARK, Some(1), true)], 0);
    assert_eq!(bar(&mut accord), None, "one that does not know yet asks us when it does");
}

#[test]
fn an_etcd_that_went_back_is_judged_by_when_all_that_others_had_under_way_is_cut() {
    let mut accord = settled(1);
    accord.heard(Some(house(1)), &[None], 0);
    assert_eq!(accord.bar(1000), None);
    assert!(!accord.stood(Some(house(1)), 1000) && accord.stood(None, 2000));
    assert!(!accord.stood(None, 2500), "once");
    assert_eq!((accord.bar(2000 + 18_999), accord.may_found()), (Some((Bar::WentBack, None)), false));
    assert_eq!((accord.bar(2000 + 19_000), accord.may_found()), (Some((Bar::Unknown, None)), true));
    // All is asked anew.
    accord.stood(Some(house(2)), 22_000);
    assert_eq!(accord.bar(22_000), Some((Bar::FewMembers, None)));
    accord.member(0, Some(house(2)));
    accord.heard(Some(house(1)), &[None], 22_000);
    assert_eq!(accord.bar(22_000), Some((Bar::Unknown, None)));
    accord.heard(Some(house(2)), &[None], 22_000);
    assert_eq!(accord.bar(22_000), None);
    // The same house, in an older state.
    accord.went_back(30_000);
    assert_eq!(accord.bar(30_000), Some((Bar::WentBack, None)));
    assert!(!accord.word().is_in);
}

/// Two nodes of different houses ask each other again and again, answers take any time, and one starts anew now and then.
#[test]
fn of_two_that_can_reach_each_other_one_is_in_at_most() {
    let mut ins = 0;
    for seed in 1..=300 {
        let mut random = Random::new(seed);
        let mut nodes: Vec<Option<Accord>> = vec![None, None];
        // What each has heard and not looked at yet, and by which house it asked; a process that ended hears nothing.
        let mut answers: [Option<(Option<HouseWord>, Option<GreetingWord>)>; 2] = [None, None];
        for step in 0..400 {
            let at = random.below(2) as usize;
            match random.below(6) {
                0 if random.one_in(6) => (nodes[at], answers[at]) = (Some(Accord::new(MARK, 1)), None),
                1 => {
                    if let Some(node) = &mut nodes[at] {
                        node.stood(Some(house(at as u64)), step);
                        node.member(0, Some(house(at as u64)));
                    }
                }
                2 if answers[at].is_none() => {
                    let said = nodes[1 - at].as_ref().map(Accord::word);
                    answers[at] = nodes[at].as_ref().map(|node| (node.house().cloned(), said));
                }
                3 => {
                    if let (Some(node), Some((house, word))) = (&mut nodes[at], answers[at].take()) {
                        node.heard(house, &[word], step);
                    }
                }
                _ => nodes[at].iter_mut().for_each(|node| {
                    let _ = node.bar(step);
                }),
            }
            let count = nodes.iter().flatten().filter(|node| node.word().is_in).count();
            ins += count;
            assert!(count <= 1, "seed {seed}, step {step}");
        }
    }
    assert!(ins > 10_000, "otherwise nothing was shown: {ins}");
}
