//! What `nologd usage count` says: that the backend is asked from now on, and what it holds. Which mailboxes want a count, and what became of the
//! counts, it is never told: whoever asks again and again would learn who does something (docs/side-information.md).

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::in_parts::{RunInParts, is_name};
use super::share_count::COUNT_IS_OVER;
use super::usage::{MailboxRows, speaker};
use super::{AdminCommand, Audience, Executor, Moment, NotDone};
use crate::private::Address;
use crate::quota::Amount;
use crate::words::given;

/// How long a part waits for the next. A command that was killed leaves its counts for so long, or until another one begins.
const WAITING: Duration = Duration::from_secs(180);

/// `usage begin-count`: the backend is asked from now on.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginUsageCount {
    /// A name that the command made up for this run.
    round: String,
    /// The backend that is asked; none where that is not said.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
}

/// `usage counted`: what the backend told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TellUsageCount {
    round: String,
    mailboxes: MailboxRows,
    /// Nothing more comes.
    over: bool,
}

/// It was heard.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageHeard {}

impl Executor {
    /// Forgets a count whose command was killed.
    pub fn sweep_counts(&self, now: Instant) {
        drop(self.counting.lock(now, WAITING));
    }
}

impl BeginUsageCount {
    /// Of this backend.
    pub fn new(round: &str, backend: Option<&str>) -> BeginUsageCount {
        BeginUsageCount { round: round.to_owned(), backend: backend.map(Into::into) }
    }
}

impl TellUsageCount {
    /// A part of a round, or, where it is `over`, its end.
    pub fn new(round: &str, part: Vec<(Address, Amount)>, over: bool) -> TellUsageCount {
        TellUsageCount { round: round.to_owned(), mailboxes: MailboxRows::new(part), over }
    }
}

impl AdminCommand for BeginUsageCount {
    const WORD: &'static str = "usage begin-count";
    type Told = UsageHeard;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<UsageHeard, NotDone> {
        if !is_name(&self.round) {
            return Err(NotDone::wrong("round"));
        }
        let counts = executor.book.count_wanted(speaker(self.backend.as_deref(), at)?);
        let begun = RunInParts { name: self.round.clone(), held: counts, since: at.now };
        *executor.counting.lock(at.now, WAITING) = Some(begun);
        Ok(UsageHeard {})
    }

    fn print(_: &UsageHeard) -> String {
        String::new()
    }
}

impl AdminCommand for TellUsageCount {
    const WORD: &'static str = "usage counted";
    type Told = UsageHeard;

    fn audience(&self) -> Audience<'_> {
        Audience::Admins
    }

    fn carry_out(&self, executor: &Executor, at: &Moment<'_>) -> Result<UsageHeard, NotDone> {
        let mut place = executor.counting.lock(at.now, WAITING);
        let counting = place.as_mut().filter(|counting| counting.name == self.round);
        let counting = counting.ok_or(NotDone::because(COUNT_IS_OVER))?;
        counting.since = at.now;
        self.mailboxes.iter().for_each(|(mailbox, seen)| counting.held.told(mailbox, seen, at.today));
        if self.over {
            *place = None;
        }
        Ok(UsageHeard {})
    }

    /// Nothing: the command line tells what it has read.
    fn print(_: &UsageHeard) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::stage::{TestStage, address};

    const BEGIN: &str = r#""usage begin-count","round":"first""#;

    fn tell(stage: &TestStage, round: &str, octets: u64) -> bool {
        let row = format!(r#"[["alice@velo.example",{octets},1],["x@elsewhere.example",1,1]]"#);
        let said = stage.ask(&format!(r#""usage counted","round":"{round}","mailboxes":{row},"over":false"#));
        assert!(said.contains("done") || said.contains(COUNT_IS_OVER), "{said}");
        said.contains("done")
    }

    fn octets(stage: &TestStage) -> u64 {
        stage.book.mailbox(&address("alice@velo.example")).unwrap().used.octets
    }

    #[test]
    fn one_round_goes_on_and_each_has_an_end() {
        let stage = TestStage::new();
        let alice = address("alice@velo.example");
        let (before, begin) = (octets(&stage), || {
            stage.book.recount(&alice);
            stage.ask(BEGIN)
        });
        assert!(!tell(&stage, "first", 7), "it did not begin");
        let quiet = stage.ask(BEGIN);
        assert!(tell(&stage, "first", 7) && octets(&stage) == before, "nobody wants a count");
        assert_eq!(quiet, begin(), "whether anybody does is not told");
        assert!(!tell(&stage, "other", 8) && octets(&stage) == before);
        assert!(tell(&stage, "first", 9) && octets(&stage) == 9);
        // Another one takes its place; one that says nothing for long is forgotten, and a sign of life is enough.
        begin();
        stage.ask(r#""usage begin-count","round":"second""#);
        assert!(!tell(&stage, "first", 10) && tell(&stage, "second", 11) && octets(&stage) == 11);
        begin();
        stage.executor.sweep_counts(Instant::now() + WAITING / 2);
        assert!(tell(&stage, "first", 12) && octets(&stage) == 12);
        begin();
        stage.executor.sweep_counts(Instant::now() + WAITING * 2);
        assert!(!tell(&stage, "first", 13) && octets(&stage) == 12);
        // A number that cannot be true is none.
        begin();
        assert!(tell(&stage, "first", (1 << 53) + 1) && octets(&stage) == 12);
        assert!(tell(&stage, "first", 13) && octets(&stage) == 13);
        // Over is over.
        begin();
        stage.ask(r#""usage counted","round":"first","mailboxes":[],"over":true"#);
        assert!(!tell(&stage, "first", 14) && octets(&stage) == 13);
        assert!(stage.ask(r#""usage begin-count","round":"""#).contains("round"));
        assert!(stage.ask(r#""usage begin-count","round":"a","backend":"nobody""#).contains("refused"));
    }
}
