//! What can be typed for the running daemon: its commands are those of `crate::admin`, one by one. The comments below are the help texts
//! that `--help` prints.

use std::process::ExitCode;

use clap::Subcommand;

use super::daemon_options::DaemonCommand;
use super::run::run;
use crate::admin::association::{AddAssociation, ListAssociations, RemoveAssociation, SetAssociation, ShowAssociation};
use crate::admin::blocks::{LiftBlocks, ListBlocks};
use crate::admin::disclose::DiscloseMailbox;
use crate::admin::grant::GrantAssociation;
use crate::admin::incident::{ListIncidents, ShowIncident, StartIncident, StopIncident};
use crate::admin::kick::KickMailbox;
use crate::admin::loan::{LendAssociation, ListLoans};
use crate::admin::mailbox::{ListMailboxes, RefreshMailbox, RemoveMailbox, SetMailbox};
use crate::admin::move_mailbox::MoveMailbox;
use crate::admin::status::ShowStatus;

/// Commands for the running daemon.
#[derive(Subcommand)]
#[allow(missing_docs)] // the flattened groups say it themselves
pub enum Admin {
    /// Associations: who shares space, and how much.
    #[command(subcommand)]
    Association(AssociationCommand),
    /// Mailboxes: how full they are, and limits of their own.
    #[command(subcommand)]
    Mailbox(MailboxCommand),
    /// Find a fault without logs: watch one mailbox's sessions for minutes, with its owner's consent.
    ///
    /// Verbs, reply codes and times of what its mail programs say, and nothing else: no arguments, names, addresses, sizes, contents or
    /// passwords. In memory only, 500 steps at most; gone at the end, at `stop` and at a restart. The owner is told at every
    /// login in IMAP, by an alert that the mail program shows, and `disclose` and `status` tell it too. Ask the owner first.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Accounts that are slowed because of wrong passwords (TOO-MANY-TRIES), and making that end.
    ///
    /// Whoever logged in well within the last 30 hours from the same network is not concerned by others' wrong passwords. Strangers share
    /// ten tries an account; one comes back each 30 seconds. All of it is in memory only. Networks are never shown, only their number;
    /// names that are no mailbox here neither.
    #[command(subcommand)]
    Blocks(BlocksCommand),
    /// What runs, what is not enforced, and how full the associations are. Nothing about any activity.
    Status(DaemonCommand<ShowStatus>),
    /// Print what is kept about a mailbox, for its owner or for a lawful request.
    Disclose(DaemonCommand<DiscloseMailbox>),
}

/// A group of commands: what can be typed, with its help text, and how it is carried out.
macro_rules! group {
    ($(#[$about:meta])* $group:ident { $($(#[$help:meta])* $word:ident($command:ty),)* }) => {
        $(#[$about])*
        #[derive(Subcommand)]
        pub enum $group { $($(#[$help])* $word(DaemonCommand<$command>)),* }

        impl $group {
            fn run(self) -> ExitCode {
                match self { $($group::$word(asked) => run(asked)),* }
            }
        }
    };
}

/// Carries out a command.
pub fn admin(command: Admin) -> ExitCode {
    match command {
        Admin::Association(group) => group.run(),
        Admin::Mailbox(group) => group.run(),
        Admin::Incident(group) => group.run(),
        Admin::Blocks(group) => group.run(),
        Admin::Status(asked) => run(asked),
        Admin::Disclose(asked) => run(asked),
    }
}

group! {
    /// `nologd association`.
    AssociationCommand {
        /// Add an association, with its domains and limits.
        Add(AddAssociation),
        /// List all associations with state, mailboxes and used space.
        List(ListAssociations),
        /// Show everything about one association.
        Show(ShowAssociation),
        /// Change settings. What is not named stays as it is.
        Set(SetAssociation),
        /// Take an association out of the book, and its bytes out of the files. Mail in the mail server is not touched.
        Remove(RemoveAssociation),
        /// Give extra space for a while. It ends by itself after the day.
        Grant(GrantAssociation),
        /// Lend space of one association to another until a day: one step for both. It ends by itself after the day, for both at once.
        Lend(LendAssociation),
        /// List what is lent.
        Loans(ListLoans),
    }
}

group! {
    /// `nologd mailbox`.
    MailboxCommand {
        /// List the mailboxes, with used space: rounded up, and made anew every hour, so that a look tells no act.
        List(ListMailboxes),
        /// Give a mailbox a limit of its own, say who writes with it, or keep it from sending.
        Set(SetMailbox),
        /// Take a mailbox out of the book, and its bytes out of the files. Mail in the mail server is not touched.
        Remove(RemoveMailbox),
        /// Another backend has the mailbox from now on: members find it there, and mail goes there. Open sessions end. Copy the mail yourself.
        Move(MoveMailbox),
        /// End a person's open sessions. The mail program may log in again at once.
        Kick(KickMailbox),
        /// Count a mailbox anew. The daemon keeps no password, so this happens at the mailbox's next login.
        Refresh(RefreshMailbox),
    }
}

group! {
    /// `nologd incident`.
    IncidentCommand {
        /// Begin to watch. It ends by itself.
        Start(StartIncident),
        /// Print the steps so far.
        Show(ShowIncident),
        /// End it, and forget its steps.
        Stop(StopIncident),
        /// List those that are on.
        List(ListIncidents),
    }
}

group! {
    /// `nologd blocks`.
    BlocksCommand {
        /// List the accounts that are slowed now, and say how many networks are.
        List(ListBlocks),
        /// Forget the wrong passwords of an account, or of all accounts and networks: its owner can try again at once, and so can a guesser.
        Lift(LiftBlocks),
    }
}
