//! Nobody gets past the judge: random IMAP, each hole that was ever found, and a long walk, on a real Dovecot that tells what it ran.

// A test that cannot go on must say where; what the long runs saw is for people.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::disallowed_macros)]

use std::time::Duration;

#[path = "attack/account.rs"]
mod account;
#[path = "attack/beside.rs"]
mod beside;
#[path = "attack/between.rs"]
mod between;
#[path = "attack/chance.rs"]
mod chance;
#[path = "attack/counted.rs"]
mod counted;
#[path = "attack/folders.rs"]
mod folders;
#[path = "attack/forms.rs"]
mod forms;
#[path = "attack/freed.rs"]
mod freed;
#[path = "attack/gone.rs"]
mod gone;
#[path = "attack/item.rs"]
mod item;
#[path = "attack/judge.rs"]
mod judge;
#[path = "attack/lines.rs"]
mod lines;
#[path = "attack/member.rs"]
mod member;
#[path = "attack/questions.rs"]
mod questions;
#[path = "attack/renamed.rs"]
mod renamed;
#[path = "attack/rounds.rs"]
mod rounds;
#[path = "attack/session.rs"]
mod session;
#[path = "attack/smuggle.rs"]
mod smuggle;
#[path = "attack/sound.rs"]
mod sound;
#[path = "attack/stage.rs"]
mod stage;
#[path = "attack/stale.rs"]
mod stale;
#[path = "attack/staying.rs"]
mod staying;
#[path = "attack/talk.rs"]
mod talk;
#[path = "attack/truth.rs"]
mod truth;
#[path = "attack/view.rs"]
mod view;
#[path = "attack/walk.rs"]
mod walk;
#[path = "attack/walker.rs"]
mod walker;
#[path = "attack/wild.rs"]
mod wild;

/// The short one, for every day.
#[test]
fn random_imap_gets_nothing_past_the_judge() {
    run(from_env("ATTACK_SEED", 7), from_env("ATTACK_COUNT", 6_000) as usize);
}

/// `make attack`: 200,000 commands.
#[test]
#[ignore = "make attack"]
fn random_imap_for_long() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    run(from_env("ATTACK_SEED", now), from_env("ATTACK_COUNT", 200_000) as usize);
}

/// The short one of those beside IMAP and submission.
#[test]
fn random_pop3_and_managesieve_get_nothing_past_the_judge() {
    beside::attack(from_env("ATTACK_SEED", 7), from_env("ATTACK_COUNT", 40) as usize);
}

/// `make long LONG=random_pop3`: some minutes.
#[test]
#[ignore = "make long"]
fn random_pop3_and_managesieve_for_long() {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    beside::attack(from_env("ATTACK_SEED", now), from_env("ATTACK_COUNT", 3_000) as usize);
}

/// Fifteen seconds, without pushes of usage.
#[test]
fn a_walk_leaves_book_and_truth_together() {
    go(Duration::from_secs(15), std::env::var("WALK_PUSH").is_ok_and(|push| push == "1"));
}

/// `make walk`: twenty minutes.
#[test]
#[ignore = "make walk"]
fn walk_for_long() {
    go(Duration::from_secs(60 * from_env("WALK_MINUTES", 20)), from_env("WALK_PUSH", 1) == 1);
}

fn go(time: Duration, push: bool) {
    let seed = from_env("WALK_SEED", 11);
    let (figures, counts) = walk::walk(seed, time, push);
    figures.examples.iter().for_each(|example| println!("  {example}"));
    println!("walk: seed {seed}, {} s, push {push}: {counts:?}", time.as_secs());
    let walk::Figures { unequal_counted, runs, runs_in_part, .. } = figures;
    let walk::Figures { samples, over, over_confirmed, below, below_confirmed, rests, compared, unequal, stay_unequal, .. } =
        &figures;
    println!(
        "walk: {samples} looks, over a limit {over} ({over_confirmed} still 50 ms later), below the truth {below} ({below_confirmed}), \
         {unequal} of {compared} mailboxes unequal after 3 s at {rests} rests, {stay_unequal} for good; {unequal_counted} after `usage count` \
         ({runs} runs, {runs_in_part} not of everybody)"
    );
    assert!(counts.pops.load(std::sync::atomic::Ordering::Relaxed) > 0, "nobody used POP3");
    // With pushes some stay too high, and are known to be (docs/quota.md): until a count.
    let together = unequal_counted == 0 && (push || *stay_unequal == 0);
    assert!(*over_confirmed == 0 && *below_confirmed == 0 && together, "the book and the truth are not together");
}

fn run(seed: u64, count: usize) {
    let outcome = rounds::attack(seed, count, std::env::var_os("ATTACK_TAME").is_some());
    let rounds::Outcome { commands, sessions, ran, samples, uncounted, took, findings } = outcome;
    println!("{}", findings.show(3));
    println!(
        "attack: seed {seed}, {commands} commands in {sessions} sessions, {ran} ran at Dovecot, {samples} looks at the book, \
         {uncounted} with files that Dovecot does not count, {} s: {}",
        took.as_secs(),
        if findings.is_empty() { "nothing got past" } else { "FAILED" }
    );
    assert!(findings.is_empty(), "again with ATTACK_SEED={seed} ATTACK_COUNT={count}");
}

fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
