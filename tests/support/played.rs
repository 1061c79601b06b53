//! Dialogues of protocols that keep to the contract (`nologd::wire::contract`), played in memory, and what nobody would say made of them.

use nologd::wire::play::{ContractPlay, Machines};

use super::dialogue::{Dialogue, Side, Step as Line, dialogues, show, xorshift};

/// Plays all lines. `order` is asked about orders that only one protocol has.
pub fn all<M: Machines>(
    dialogue: &Dialogue,
    size: usize,
    play: &mut ContractPlay<M>,
    order: impl Fn(&str) -> Result<(), String>,
) -> Result<(), String> {
    for (number, line) in &dialogue.steps {
        step(play, line, size, &order).map_err(|why| format!("line {number}: {why}"))?;
    }
    nothing_left(play)
}

fn step<M: Machines>(
    play: &mut ContractPlay<M>,
    line: &Line,
    size: usize,
    order: impl Fn(&str) -> Result<(), String>,
) -> Result<(), String> {
    let is = |good: bool, what: &str| if good { Ok(()) } else { Err(what.to_owned()) };
    match line {
        Line::Send(side, bytes) => {
            // What one side hears is complete before the next one speaks.
            nothing_left(play)?;
            play.next_turn();
            for piece in bytes.chunks(size.min(bytes.len().max(1))) {
                if *side == Side::Client { play.client(piece) } else { play.backend(piece) }
            }
            Ok(())
        }
        Line::Expect(Side::Client, expected) => expected.take(&mut play.to_client),
        Line::Expect(Side::Backend, expected) => expected.take(&mut play.to_backend),
        Line::Order(word) => match word.as_str() {
            "closed" => is(play.is_closed(), "is still open"),
            "tls begins" => {
                is(play.begin_tls(), "nobody wanted TLS")?;
                play.next_turn();
                Ok(())
            }
            "cut" => {
                play.cut();
                Ok(())
            }
            word => order(word),
        },
        Line::Unfinished => Err("there is no such mark in this protocol".to_owned()),
    }
}

fn nothing_left<M: Machines>(play: &ContractPlay<M>) -> Result<(), String> {
    for (side, bytes) in [("client", &play.to_client), ("backend", &play.to_backend)] {
        if !bytes.is_empty() {
            return Err(format!("the {side} also received {:?}", show(bytes)));
        }
    }
    Ok(())
}

/// Kinds of sessions, in the first octet of a script: where it begins, and for whom.
const KINDS: u8 = 16;

/// The bytes of all dialogues of a protocol (`least` of them), turn by turn, wherever a session may stand.
pub fn in_every_kind(protocol: &str, least: usize, mut check: impl FnMut(&[u8], &mut dyn FnMut() -> u64)) {
    let mut random = xorshift();
    for dialogue in dialogues(protocol, least) {
        (0..KINDS).for_each(|kind| check(&[&[kind][..], &dialogue.turns()].concat(), &mut random));
    }
}

/// The same `rounds` times with octets changed, lost and doubled, and with `words` put in.
pub fn what_nobody_would_say(
    (protocol, least): (&str, usize),
    words: &[&[u8]],
    rounds: u32,
    mut check: impl FnMut(&[u8], &mut dyn FnMut() -> u64),
) {
    let mut random = xorshift();
    let scripts: Vec<Vec<u8>> =
        dialogues(protocol, least).iter().map(|dialogue| [&[0][..], &dialogue.turns()].concat()).collect();
    for round in 0..rounds {
        let mut at = |below: usize| usize::try_from(random() % u64::try_from(below.max(1)).unwrap()).unwrap();
        let mut script = scripts[at(scripts.len())].clone();
        script[0] = u8::try_from(round % u32::from(KINDS)).unwrap();
        for _ in 0..=at(4) {
            let place = 1 + at(script.len() - 1);
            match at(3) {
                0 => drop(script.splice(place..place, words[at(words.len())].iter().copied())),
                1 => drop(script.drain(place..(place + at(20)).min(script.len()))),
                _ => script.get_mut(place).into_iter().for_each(|octet| *octet = octet.rotate_left(3)),
            }
        }
        check(&script, &mut random);
    }
}
