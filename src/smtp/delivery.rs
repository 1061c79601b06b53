//! One message of our own for one recipient, handed to a relay (RFC 5321 3.3) with the empty return path, or to the server that stores it
//! (LMTP, RFC 2033): with one recipient the two differ in the first word alone.
//!
//! Absent on purpose: more recipients, a queue, and a second try. Who has the message keeps it until [`DeliveryOutcome::Accepted`].

use super::client::{Capabilities, Opening};
use super::replied::{Replied, Wanted, hear};
use super::upstream::{ConnAct, Done, Manner, Opened, Reuse, Upstream};
use crate::fault::Fault;
use crate::wire::dot;

/// What is to be handed over. Personal: it names the recipient.
pub struct Letter {
    /// The recipient's path, without brackets.
    pub recipient: String,
    /// Header and body; every line ends in CRLF.
    pub message: Vec<u8>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The relay has it.
    Accepted,
    /// The relay will never take it; its reply code.
    Refused(u16),
    /// The relay took the connection, and does not want the message now.
    Later,
    /// The relay cannot be spoken to.
    Down,
    /// The relay was handed all of it and did not say what became of it. Tried again, it may be there twice.
    Unknown,
}

/// What comes next; the octets are those of the relay that are done with.
#[derive(Debug, PartialEq, Eq)]
pub enum DeliveryStep {
    /// Send [`Delivery::commands`], wait for more octets, step again.
    Read(usize),
    /// Do this with the connection, tell [`Delivery::done`] what came of it, step again.
    Act(usize, ConnAct),
    /// It is over.
    End(DeliveryOutcome),
}

/// Who takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// A relay.
    Relay,
    /// A server that stores mail.
    Store,
}

/// A message on its way.
pub struct Delivery {
    hostname: Box<str>,
    to: Taker,
    letter: Letter,
    upstream: Upstream,
    stage: DeliveryStage,
}

#[derive(Clone, Copy)]
enum DeliveryStage {
    Opening,
    Mail,
    Recipient,
    Message,
    /// The final dot is out.
    Final,
    Over(DeliveryOutcome),
}

/// The reply code for an address or a text that the relay has no way to take (RFC 6531 3.5).
const NO_WAY: u16 = 553;

impl Delivery {
    /// `hostname` is what EHLO says.
    pub fn new(hostname: &str, to: Taker, letter: Letter) -> Delivery {
        Delivery { hostname: hostname.into(), to, letter, upstream: Upstream::new(Reuse::Never), stage: DeliveryStage::Opening }
    }

    /// What is to be sent, and forgets it here.
    pub fn commands(&mut self) -> super::upstream::Commands {
        self.upstream.commands()
    }

    /// What came of the connection.
    pub fn done(&mut self, done: Done) {
        match done {
            Done::Connected { starttls } => self.upstream.connected(self.opening(starttls), false),
            Done::Secured => self.upstream.secured(),
            // Nobody parks one for us.
            Done::Reused(_) => self.lose(Fault::Down),
            Done::Failed(fault) => {
                self.upstream.failed();
                self.lose(fault);
            }
        }
    }

    fn opening(&self, starttls: bool) -> Opening {
        match self.to {
            Taker::Relay => Opening::new(&self.hostname, starttls, None),
            Taker::Store => Opening::lmtp(&self.hostname, starttls),
        }
    }

    /// Decides the next step. `input` is all that came from the relay and is not done with.
    pub fn step(&mut self, input: &[u8]) -> DeliveryStep {
        let wanted = match self.stage {
            DeliveryStage::Over(outcome) => return self.over(outcome, 0),
            DeliveryStage::Opening => return self.open(input),
            DeliveryStage::Message => Wanted::Message,
            DeliveryStage::Mail | DeliveryStage::Recipient | DeliveryStage::Final => Wanted::Done,
        };
        let (used, heard) = hear(input, wanted);
        match heard {
            Replied::Part => return DeliveryStep::Read(used),
            // Octets ahead of the next command are no reply to it.
            Replied::Yes(_) if used < input.len() && !self.is_handed_over() => self.end(DeliveryOutcome::Down, Manner::AtOnce),
            Replied::Yes(_) => self.go_on(),
            Replied::No(reply) if reply.code() >= 500 => self.end(DeliveryOutcome::Refused(reply.code()), Manner::WithQuit),
            Replied::No(_) => self.end(DeliveryOutcome::Later, Manner::WithQuit),
            // 421: the relay is there, and busy.
            Replied::Lost(Fault::Gone(_)) => self.end(DeliveryOutcome::Later, Manner::AtOnce),
            Replied::Lost(_) => self.end(self.lost(), Manner::AtOnce),
        }
        match self.stage {
            DeliveryStage::Over(outcome) => self.over(outcome, used),
            _ => DeliveryStep::Read(used),
        }
    }

    /// First the connection goes.
    fn over(&mut self, outcome: DeliveryOutcome, used: usize) -> DeliveryStep {
        self.upstream.act().map_or(DeliveryStep::End(outcome), |act| DeliveryStep::Act(used, act))
    }

    fn open(&mut self, input: &[u8]) -> DeliveryStep {
        let (used, opened) = self.upstream.open(input);
        match opened {
            Opened::Read => return DeliveryStep::Read(used),
            Opened::Act(act) => return DeliveryStep::Act(used, act),
            Opened::Ready(relay) => match self.command(&relay) {
                Some(command) => {
                    self.upstream.say(&command);
                    self.stage = DeliveryStage::Mail;
                    return DeliveryStep::Read(used);
                }
                None => self.end(DeliveryOutcome::Refused(NO_WAY), Manner::WithQuit),
            },
            Opened::Denied | Opened::Failed(_) => self.end(DeliveryOutcome::Down, Manner::AtOnce),
        }
        self.step(&[])
    }

    /// MAIL, if the relay can carry what is to be sent.
    fn command(&self, relay: &Capabilities) -> Option<Vec<u8>> {
        let mut command = b"MAIL FROM:<>".to_vec();
        let needs = [
            (self.letter.recipient.is_ascii(), relay.smtputf8, " SMTPUTF8"),
            (self.letter.message.is_ascii(), relay.eight_bit, " BODY=8BITMIME"),
        ];
        for (plain, can, parameter) in needs {
            match (plain, can) {
                (true, _) => {}
                (false, true) => command.extend_from_slice(parameter.as_bytes()),
                (false, false) => return None,
            }
        }
        command.extend_from_slice(b"\r\n");
        Some(command)
    }

    fn go_on(&mut self) {
        self.stage = match self.stage {
            DeliveryStage::Mail => {
                self.upstream.say(format!("RCPT TO:<{}>\r\n", self.letter.recipient).as_bytes());
                DeliveryStage::Recipient
            }
            DeliveryStage::Recipient => {
                self.upstream.say(b"DATA\r\n");
                DeliveryStage::Message
            }
            DeliveryStage::Message => {
                dot::stuff(&self.letter.message, true, self.upstream.commands_mut());
                self.upstream.say(dot::END);
                DeliveryStage::Final
            }
            DeliveryStage::Final => return self.end(DeliveryOutcome::Accepted, Manner::WithQuit),
            stage => stage,
        };
    }

    fn is_handed_over(&self) -> bool {
        matches!(self.stage, DeliveryStage::Final)
    }

    /// What it comes to if nothing more is heard.
    pub fn lost(&self) -> DeliveryOutcome {
        if self.is_handed_over() { DeliveryOutcome::Unknown } else { DeliveryOutcome::Down }
    }

    fn lose(&mut self, _: Fault) {
        // An end that is known already stays.
        if !matches!(self.stage, DeliveryStage::Over(_)) {
            self.stage = DeliveryStage::Over(self.lost());
        }
    }

    fn end(&mut self, outcome: DeliveryOutcome, manner: Manner) {
        self.upstream.leave(manner);
        self.stage = DeliveryStage::Over(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(recipient: &str, message: &str) -> Delivery {
        let mut delivery =
            Delivery::new("mail.nolog.example", Taker::Relay, Letter { recipient: recipient.into(), message: message.into() });
        assert_eq!(delivery.step(b""), DeliveryStep::Act(0, ConnAct::Connect));
        delivery.done(Done::Connected { starttls: false });
        delivery
    }

    /// What the relay hears after each of `replies`, and the end if there is one.
    fn play(delivery: &mut Delivery, replies: &[&str]) -> (String, Option<DeliveryOutcome>) {
        let mut heard = String::new();
        for reply in replies {
            let step = delivery.step(reply.as_bytes());
            heard += std::str::from_utf8(&delivery.commands()).unwrap();
            match step {
                DeliveryStep::Read(used) => assert_eq!(used, reply.len()),
                DeliveryStep::Act(_, ConnAct::HangUp(manner)) => {
                    heard += std::str::from_utf8(manner.last_words()).unwrap();
                    let DeliveryStep::End(outcome) = delivery.step(b"") else { panic!("it goes on") };
                    return (heard, Some(outcome));
                }
                step => panic!("{step:?}"),
            }
        }
        (heard, None)
    }

    const GREETING: &str = "220 relay.example\r\n";
    const EHLO: &str = "250-relay.example\r\n250 PIPELINING\r\n";
    const OK: &str = "250 2.0.0 OK\r\n";

    #[test]
    fn a_message_goes_out_stuffed_and_the_relay_has_it_with_its_last_reply() {
        let mut delivery = delivery("alice@velo.example", "Subject: x\r\n\r\n.\r\n..a\r\n");
        let (heard, end) = play(&mut delivery, &[GREETING, EHLO, OK, OK, "354 go\r\n", OK]);
        let lines = "EHLO mail.nolog.example\r\nMAIL FROM:<>\r\nRCPT TO:<alice@velo.example>\r\nDATA\r\n";
        assert_eq!(heard, format!("{lines}Subject: x\r\n\r\n..\r\n...a\r\n.\r\nQUIT\r\n"));
        assert_eq!(end, Some(DeliveryOutcome::Accepted));
    }

    #[test]
    fn what_a_refusal_comes_to() {
        for (replies, outcome, quits) in [
            (&["554 no\r\n"][..], DeliveryOutcome::Down, false),
            (&[GREETING, EHLO, "550 5.7.1 never\r\n"], DeliveryOutcome::Refused(550), true),
            (&[GREETING, EHLO, OK, "451 4.3.0 later\r\n"], DeliveryOutcome::Later, true),
            (&[GREETING, EHLO, OK, "421 busy\r\n"], DeliveryOutcome::Later, false),
            (&[GREETING, EHLO, OK, "hello\r\n"], DeliveryOutcome::Down, false),
            (&[GREETING, EHLO, OK, OK, OK], DeliveryOutcome::Down, false),
            (&[GREETING, EHLO, OK, "250 OK\r\n354 go\r\n"], DeliveryOutcome::Down, false),
            (&[GREETING, EHLO, OK, OK, "354 go\r\n", "552 5.2.2 full\r\n"], DeliveryOutcome::Refused(552), true),
            (&[GREETING, EHLO, OK, OK, "354 go\r\n", "421 busy\r\n"], DeliveryOutcome::Later, false),
            (&[GREETING, EHLO, OK, OK, "354 go\r\n", "hello\r\n"], DeliveryOutcome::Unknown, false),
            (&[GREETING, EHLO, OK, OK, "354 go\r\n", "250 OK\r\n421 bye\r\n"], DeliveryOutcome::Accepted, true),
        ] {
            let (heard, end) = play(&mut delivery("alice@velo.example", "x\r\n"), replies);
            assert_eq!((end, heard.ends_with("QUIT\r\n")), (Some(outcome), quits), "{replies:?}");
        }
    }

    #[test]
    fn a_relay_that_is_gone_after_the_final_dot_may_have_it() {
        for (replies, outcome) in [
            (&[GREETING, EHLO, OK][..], DeliveryOutcome::Down),
            (&[GREETING, EHLO, OK, OK], DeliveryOutcome::Down),
            (&[GREETING, EHLO, OK, OK, "354 go\r\n"], DeliveryOutcome::Unknown),
        ] {
            let mut delivery = delivery("alice@velo.example", "x\r\n");
            assert_eq!(play(&mut delivery, replies).1, None);
            assert_eq!(delivery.lost(), outcome, "nothing more is heard");
            delivery.done(Done::Failed(Fault::Gone(crate::fault::Side::Backend)));
            assert_eq!(delivery.step(b""), DeliveryStep::End(outcome));
        }
    }

    #[test]
    fn what_the_relay_has_no_way_to_take_is_not_tried() {
        let utf8 = "250-relay.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
        let (heard, end) = play(&mut delivery("zoé@velo.example", "é\r\n"), &[GREETING, utf8]);
        assert!(end.is_none() && heard.ends_with("MAIL FROM:<> SMTPUTF8 BODY=8BITMIME\r\n"));
        let (heard, end) = play(&mut delivery("zoé@velo.example", "x\r\n"), &[GREETING, EHLO]);
        assert!(end == Some(DeliveryOutcome::Refused(NO_WAY)) && heard.ends_with("QUIT\r\n"));
    }
}
