//! Random sessions: what the pool answers is what a fresh connection answers.
//!
//! `POOL_SEQUENCES` sets their number, `POOL_SEED` repeats a run.

use nologd::demo::{MEMBERS, Member};

use super::wire::Wire;
use super::{MANY, SECOND, World};
use crate::random::Random;

/// Small, and the same on every machine.
struct Dice(Random);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        usize::try_from((self.0.next() >> 11) % sides as u64).unwrap()
    }
}

/// Alice's twin is Chloe, Bob's is David.
const PEOPLE: [(&Member, &Member); 2] = [(&MEMBERS[0], &MEMBERS[2]), (&MEMBERS[1], &MEMBERS[3])];

/// What a webmail says.
const CALM: &[&str] = &[
    "NOOP",
    "CHECK",
    "SELECT INBOX",
    "SELECT INBOX",
    "SELECT INBOX",
    "EXAMINE INBOX",
    "UID FETCH 1:* (FLAGS)",
    "UID FETCH 1:* (FLAGS BODY.PEEK[])",
    "UID STORE 1:* +FLAGS (\\Flagged)",
    "UID STORE 1:* -FLAGS (\\Flagged)",
    "UID STORE 1:* FLAGS (\\Seen \\Answered)",
    "UID STORE 1:* FLAGS ()",
    "UID SEARCH FLAGGED",
    "UID SORT (SUBJECT) UTF-8 ALL",
    "UID THREAD REFERENCES UTF-8 ALL",
    "LIST \"\" *",
    "LSUB \"\" *",
    "NAMESPACE",
    "STATUS INBOX (MESSAGES UIDNEXT UNSEEN)",
    "IDLE",
    "APPEND INBOX",
];

/// What leaves something behind, fails, moves mailboxes about, or makes no sense.
const WILD: &[&str] = &[
    "CLOSE",
    "UNSELECT",
    "SELECT work",
    "SELECT other",
    "SELECT nowhere",
    "EXAMINE work",
    "SELECT INBOX (CONDSTORE)",
    "SELECT INBOX (CONDSTORE)",
    "FETCH 1:* (UID FLAGS)",
    "UID FETCH 1 (MODSEQ)",
    "UID STORE 2 +FLAGS (\\Deleted)",
    "EXPUNGE",
    "SEARCH RETURN (SAVE) ALL",
    "FETCH $ (UID)",
    "COPY 1 work",
    "UID MOVE 1 other",
    "CREATE work",
    "CREATE other",
    "DELETE other",
    "RENAME work other",
    "RENAME other work",
    "SUBSCRIBE work",
    "UNSUBSCRIBE work",
    "STATUS work (MESSAGES)",
    "STATUS INBOX (HIGHESTMODSEQ)",
    "ENABLE CONDSTORE",
    "ENABLE CONDSTORE",
    "ENABLE CONDSTORE",
    "ENABLE QRESYNC",
    "NONSENSE",
    "FETCH",
    "APPEND work",
];

/// So many of the ends say LOGOUT.
const ORDERLY: usize = 6;

/// One session on both connections, in step.
struct Pair<'a> {
    pool: Wire,
    fresh: Wire,
    told: &'a mut Vec<String>,
    highestmodseq: bool,
}

impl Pair<'_> {
    fn step(&mut self, command: &str, number: usize) {
        self.told.push(command.to_owned());
        let act = |wire: &mut Wire| match command.split_once(' ') {
            Some(("APPEND", mailbox)) => wire.append(mailbox, &format!("letter {number}")),
            _ if command == "IDLE" => wire.idle(),
            _ => wire.ask(command),
        };
        let (mut pool, mut fresh) = (act(&mut self.pool), act(&mut self.fresh));
        for answer in [&mut pool, &mut fresh] {
            without_highestmodseq(answer, self.highestmodseq);
        }
        assert_eq!(
            pool, fresh,
            "the answer of the pool (left) is not the one of a fresh connection; all so far:\n{:#?}",
            self.told
        );
    }

    fn end(mut self, how: usize) {
        self.told.push(format!("end {how}"));
        let half: &[u8] = match how {
            0..ORDERLY => return [self.pool, self.fresh].into_iter().for_each(Wire::log_out),
            6 => b"",
            7 => b"t APPEND INBOX {50+}\r\nFrom: half",
            8 => b"t FETCH 1:* (BODY",
            9 => b"t SEARCH SUBJECT {10}\r\n",
            10 => b"t IDLE\r\n",
            _ => b"t FETCH 1:* (BODY.PEEK[])\r\nt NOOP\r\n",
        };
        self.pool.send(half);
        self.fresh.send(half);
    }
}

/// Takes away the code of the tagged answer; all but `untagged`, the line of SELECT and ENABLE too.
///
/// Dovecot 2.3 keeps one number of the mailbox that was selected last, over UNSELECT and CLOSE: after ENABLE QRESYNC it decides
/// whether the next answer repeats the HIGHESTMODSEQ that ENABLE has just told. `pool.rs` has the proof that this is Dovecot's own.
fn without_highestmodseq(answer: &mut String, untagged: bool) {
    let lines = answer.lines().filter(|line| untagged || !line.starts_with("* OK [HIGHESTMODSEQ"));
    let line = |line: &str| {
        if line.starts_with("t ") { line.split(" [HIGHESTMODSEQ").next().unwrap_or_default() } else { line }.to_owned() + "\n"
    };
    *answer = lines.map(line).collect();
}

#[test]
fn random_sessions_answer_like_fresh_connections() {
    compare(&World::with(MANY), false);
}

/// HIGHESTMODSEQ tells what was done to a mailbox's index, and nologd's questions about usage make indexes. Without them, it is
/// the same too. Orderly ends only: behind an abrupt one Dovecot does with its indexes what it has time for, and on a busy
/// machine one twin's index once was further than the other's.
#[test]
fn random_sessions_answer_alike_with_highestmodseq() {
    compare(&World::unasked(MANY), true);
}

fn compare(world: &World, highestmodseq: bool) {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (sequences, seed) = (number("POOL_SEQUENCES", 300), number("POOL_SEED", 20_261_122).max(1));
    let mut dice = Dice(Random(seed));
    let mut told = Vec::new();
    for (member, twin) in PEOPLE {
        for member in [member, twin] {
            for letter in 0..3 {
                world.deliver(member, &format!("letter of {letter}"));
            }
        }
    }
    let before: usize = PEOPLE.iter().map(|(member, _)| world.logins(member)).sum();
    for sequence in 0..sequences {
        let (member, twin) = PEOPLE[dice.roll(2)];
        let password = if dice.roll(8) == 0 { SECOND } else { member.password };
        told.push(format!("sequence {sequence} of seed {seed}: {}", member.address));
        told.drain(..told.len().saturating_sub(60));
        if dice.roll(10) == 0 {
            for member in [member, twin] {
                world.deliver(member, &format!("delivered in {sequence}"));
            }
        }
        let mut pair = Pair { pool: world.pooled(member, password), fresh: world.direct(twin), told: &mut told, highestmodseq };
        let wild = dice.roll(3) == 0;
        if !wild && dice.roll(5) > 0 {
            pair.step("SELECT INBOX", 0);
        }
        for _ in 0..dice.roll(8) {
            let commands = if wild && dice.roll(2) == 0 { WILD } else { CALM };
            pair.step(commands[dice.roll(commands.len())], usize::try_from(sequence).unwrap());
        }
        pair.end(dice.roll(if highestmodseq {
            ORDERLY
        } else if wild {
            12
        } else {
            7
        }));
    }
    let logins = PEOPLE.iter().map(|(member, _)| world.logins(member)).sum::<usize>() - before;
    assert!(
        sequences < 50 || logins * 10 < usize::try_from(sequences).unwrap() * 9,
        "hardly anything was reused: {logins} logins"
    );
}
