//! The list of all commands: what can be asked, by whom, and the way to it.

use super::association::{AddAssociation, ListAssociations, RemoveAssociation, SetAssociation, ShowAssociation};
use super::blocks::{LiftBlocks, ListBlocks};
use super::command::whole;
use super::disclose::DiscloseMailbox;
use super::grant::GrantAssociation;
use super::hand_over::HandOver;
use super::incident::{ListIncidents, ShowIncident, StartIncident, StopIncident};
use super::kick::KickMailbox;
use super::loan::{LendAssociation, ListLoans};
use super::mailbox::{ListMailboxes, RefreshMailbox, RemoveMailbox, SetMailbox};
use super::move_mailbox::MoveMailbox;
use super::node::{ShowNode, StandBy, TakeOver};
use super::offer::{AcceptLoan, DeclineOffer, OfferLoan, ReturnLoan, WithdrawOffer};
use super::share::{AdoptShare, PublishShare, ShowShare};
use super::share_count::{BeginCount, TellCount};
use super::status::ShowStatus;
use super::sync::{ApplySync, StageSync};
use super::usage::LoadUsage;
use super::usage_count::{BeginUsageCount, TellUsageCount};
use super::zones::TellZones;
use super::{AdminCommand, Executor, Moment, NotDone, Principal, ReplyLine, json, line};
use crate::quota::{Amount, Book, Day, Recounted};

macro_rules! commands {
    ($($name:ident)*) => {
        /// What is asked for.
        #[allow(missing_docs)] // each command says itself what it is
        #[derive(Clone)]
        pub enum Request { $($name(Box<$name>)),* }

        impl Request {
            /// The words of all commands.
            pub const WORDS: &'static [&'static str] = &[$(<$name as AdminCommand>::WORD),*];

            /// Reads one line, with or without its end. What is wrong is told, and never what stood in the line.
            pub fn read(line: &[u8]) -> Result<Request, NotDone> {
                let (word, fields) = line::asked(line)?;
                match word.as_str() {
                    $(word if word == <$name as AdminCommand>::WORD => Ok(Request::$name(json::read(fields)?)),)*
                    _ => Err(NotDone::usage("The running daemon does not know this command. Restart it after an update.")),
                }
            }

            /// Its words.
            pub fn word(&self) -> &'static str {
                match self { $(Request::$name(_) => <$name as AdminCommand>::WORD),* }
            }

            /// Whether it changes nothing.
            pub fn looks(&self) -> bool {
                match self { $(Request::$name(_) => <$name as AdminCommand>::LOOKS),* }
            }

            /// Whether `principal` may give it.
            pub fn is_for(&self, principal: &Principal, executor: &Executor) -> bool {
                match self { $(Request::$name(command) => principal.may(command.audience(), &executor.book)),* }
            }

            fn reply(&self, executor: &Executor, at: &Moment<'_>) -> ReplyLine {
                match self { $(Request::$name(command) => command.reply(executor, at)),* }
            }
        }
    };
}

impl Request {
    /// What the storage tells in the form of `usage load`: what became of each mailbox that the book knows, and whether there is anything in it. Lists do
    /// not hear of it, as nobody asked for it: they would follow each mailbox from one time to the next. Nothing for any other command.
    pub fn counted(&self, book: &Book, today: Day) -> Vec<(Recounted, bool)> {
        let Request::LoadUsage(command) = self else { return Vec::new() };
        let told = command.mailboxes();
        told.filter_map(|(address, seen)| Some((book.load_unlisted(address, seen, today)?, seen != Amount::ZERO))).collect()
    }

    /// Carries out what `principal` asks for, or refuses. A change is on disk when this returns.
    pub fn serve(&self, principal: &Principal, executor: &Executor, at: &Moment<'_>) -> ReplyLine {
        if self.is_for(principal, executor) {
            self.reply(executor, at)
        } else {
            whole(line::tell::<()>(Err(&NotDone::not_yours())))
        }
    }
}

commands! {
    AddAssociation
    GrantAssociation
    ListAssociations
    RemoveAssociation
    SetAssociation
    ShowAssociation
    LendAssociation
    ListLoans
    OfferLoan
    AcceptLoan
    WithdrawOffer
    DeclineOffer
    ReturnLoan
    HandOver
    ListBlocks
    LiftBlocks
    DiscloseMailbox
    ListIncidents
    ShowIncident
    StartIncident
    StopIncident
    KickMailbox
    MoveMailbox
    ListMailboxes
    RefreshMailbox
    RemoveMailbox
    SetMailbox
    ShowNode
    TakeOver
    StandBy
    ShowShare
    PublishShare
    AdoptShare
    BeginCount
    TellCount
    ShowStatus
    StageSync
    ApplySync
    LoadUsage
    BeginUsageCount
    TellUsageCount
    TellZones
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::ask;

    fn refused(line: &str) -> String {
        match Request::read(line.as_bytes()) {
            Ok(_) => panic!("taken: {line}"),
            Err(refusal) => refusal.text,
        }
    }

    #[test]
    fn a_request_is_one_line() {
        let lift = LiftBlocks { address: None, all: true };
        let line = ask(&lift);
        assert_eq!(line, "{\"address\":null,\"all\":true,\"command\":\"blocks lift\",\"nologd\":1}\n");
        assert!(Request::read(line.as_bytes()).is_ok_and(|request| request.word() == "blocks lift"));
    }

    #[test]
    fn what_is_wrong_is_refused_and_never_repeated() {
        assert!(refused("").contains("JSON"));
        assert!(refused("[1]").contains("object"));
        assert!(refused(r#"{"nologd":2,"command":"status"}"#).contains("versions"));
        assert!(refused(r#"{"nologd":1,"command":"secret"}"#).contains("does not know"));
        for (fields, key) in [
            (r#""status","secret":1"#, "does not know"),
            (r#""association show""#, "`name`"),
            (r#""association show","name":"secret secret""#, "`name`"),
            (r#""association show","name":null"#, "`name`"),
            (r#""association set","name":"a""#, "`edit`"),
            (r#""association set","name":"a","edit":{"secret":1}"#, "does not know"),
            (r#""association set","name":"a","edit":{"storage":-1}"#, "`storage`"),
            (r#""association set","name":"a","edit":{"storage":1.5}"#, "`storage`"),
            (r#""association set","name":"a","edit":{"storage":"secret"}"#, "`storage`"),
            (r#""association set","name":"a","edit":{"add-domains":["secret secret"]}"#, "`add-domains`"),
            (r#""association set","name":"a","edit":{"set-aliases":[["secret",[]]]}"#, "`set-aliases`"),
            (r#""association set","name":"a","edit":{"state":{"state":"secret"}}"#, "`state`"),
            (r#""association set","name":"a","edit":{"sending":{"secret":1}}"#, "does not know"),
            (r#""association set","name":"a","edit":{"language":"secret"}"#, "`language`"),
            (r#""mailbox set","address":"secret","edit":{}"#, "`address`"),
            (r#""mailbox set","address":"a@b.example","edit":{"storage":"secret"}"#, "`storage`"),
            (r#""sync apply","batch":"a","parts":0,"changes":{"secret":1}"#, "does not know"),
            (r#""sync apply","batch":"a","parts":0,"changes":{"mailboxes":[["secret",5]]}"#, "`mailboxes`"),
            (r#""sync apply","batch":"a","parts":0,"changes":{"domains":[["a.example","secret secret"]]}"#, "`domains`"),
            (r#""usage load","mailboxes":[["secret",5,1]]"#, "`mailboxes`"),
            (r#""usage load","mailboxes":[["a@b.example",5]]"#, "`mailboxes`"),
            (r#""usage load","mailboxes":[["a@b.example",5,null]]"#, "`mailboxes`"),
            (r#""incident start","address":"a@b.example","minutes":61"#, "`minutes`"),
            (r#""incident start","address":"a@b.example","minutes":0"#, "`minutes`"),
        ] {
            let line = format!(r#"{{"nologd":1,"command":{fields}}}"#);
            let text = refused(&line);
            assert!(text.contains(key) && !text.contains("secret"), "{line}: {text}");
        }
    }
}
