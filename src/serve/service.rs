//! What may be spoken at a listener: a row for each service, and the driver that speaks it. A new one is its row, its line in
//! [`Service::serve`], and one in [`ask_unknown`] where its servers say something before anybody logs in; IMAP, of which there are thousands, is called by the listener in place.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use super::accepted::Accepted;
use super::contracted::{pop3, sieve};
use super::{Context, imap, lmtp, postfix_policy, submission, web};
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode};
use crate::route::Backends;

/// What listeners know of a service.
struct ServiceRow {
    word: &'static str,
    guests: Guests,
    alpn: &'static [&'static str],
    needs: Option<BackendService>,
    turned_away: Option<fn(RefusalCode) -> Vec<u8>>,
    chosen: bool,
    by_tor: bool,
}

/// Who comes, which decides about the seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guests {
    /// Admins, and programs of this machine and of the pair: listeners of their own, and no sessions.
    Household,
    /// Mail programs, from addresses of their own.
    MailPrograms,
    /// The webmail: everybody from one address, so limits go by account.
    Webmail,
    /// Other nodes, with the sessions of members who came to them.
    Fellows,
    /// Other nodes, with mail.
    FellowMail,
    /// Browsers, from addresses of their own or all by the host's web server.
    Browsers,
    /// The host's relay with mail.
    Deliveries,
    /// The host's relay with questions.
    Questions,
}

/// A service of which nothing is known but its word in the config file and who comes.
fn row(word: &'static str, guests: Guests) -> ServiceRow {
    ServiceRow { word, guests, alpn: &[], needs: None, turned_away: None, chosen: false, by_tor: false }
}

impl ServiceRow {
    /// What clients may say in ALPN (RFC 7301) that they speak.
    fn alpn(self, alpn: &'static [&'static str]) -> ServiceRow {
        ServiceRow { alpn, ..self }
    }

    /// The server that every backend must have, besides that of mailbox access.
    fn needs(self, service: BackendService) -> ServiceRow {
        ServiceRow { needs: Some(service), ..self }
    }

    /// Clients may choose it by ALPN, at a port where it is one of several.
    fn chosen(self) -> ServiceRow {
        ServiceRow { chosen: true, ..self }
    }

    /// Members may come to it through Tor.
    fn by_tor(self) -> ServiceRow {
        ServiceRow { by_tor: true, ..self }
    }

    /// What is said to somebody who gets no seat; without it the connection just ends.
    fn turned_away(self, words: fn(RefusalCode) -> Vec<u8>) -> ServiceRow {
        ServiceRow { turned_away: Some(words), ..self }
    }
}

/// Not registered, but what some mail programs say: `smtp`, `esmtp`; and `submission`, the service's own name.
const SUBMISSION: &[&str] = &["submission", "smtp", "esmtp"];

macro_rules! services {
    ($($(#[$doc:meta])+ $name:ident = $row:expr;)+) => {
        /// What is spoken at a listener.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Service {
            $($(#[$doc])+ $name,)+
        }

        impl Service {
            /// Every service, in alphabetical order of the words.
            pub const ALL: &'static [Service] = &[$(Service::$name),+];

            fn row(self) -> ServiceRow {
                match self {
                    $(Service::$name => $row,)+
                }
            }
        }
    };
}

services! {
    /// Admins, over a Unix socket.
    Admin = row("admin", Guests::Household);
    /// The same, with a browser.
    AdminWeb = row("admin-web", Guests::Household);
    /// Mail programs reading.
    Imap = row("imap", Guests::MailPrograms)
        .alpn(&["imap"])
        .chosen()
        .by_tor()
        .turned_away(crate::imap::reply::turned_away);
    /// The host's relay bringing mail.
    Lmtp = row("lmtp", Guests::Deliveries).needs(BackendService::Lmtp).turned_away(crate::submission::turned_away);
    /// The admins' monitoring.
    Metrics = row("metrics", Guests::Household);
    /// The other machine of a pair, by way of the witness, over a Unix socket.
    Node = row("node", Guests::Household);
    /// The host's relay asking whether mail would find room.
    Policy = row("policy", Guests::Questions);
    /// Mail programs fetching.
    Pop3 = row("pop3", Guests::MailPrograms)
        .alpn(&["pop3"])
        .chosen()
        .by_tor()
        .needs(BackendService::Pop3)
        .turned_away(crate::pop3::reply::turned_away);
    /// Other nodes with members who read.
    ShareImap = row("share-imap", Guests::Fellows).alpn(&["imap"]);
    /// Other nodes with mail.
    ShareLmtp = row("share-lmtp", Guests::FellowMail).needs(BackendService::Lmtp);
    /// Mail programs writing filters.
    Sieve = row("sieve", Guests::MailPrograms)
        .alpn(&["managesieve"])
        .needs(BackendService::Sieve)
        .turned_away(crate::sieve::reply::turned_away);
    /// Mail programs sending.
    Submission = row("submission", Guests::MailPrograms)
        .alpn(SUBMISSION)
        .chosen()
        .by_tor()
        .turned_away(crate::submission::turned_away);
    /// The storage telling what each mailbox holds, over a Unix socket.
    Usage = row("usage", Guests::Household);
    /// Browsers, and mail programs that ask how they are to be set up. No `h2`: one request after another is all that these pages need.
    Web = row("web", Guests::Browsers).alpn(&["http/1.1"]).chosen();
    /// The webmail reading; connections to backends are pooled.
    WebmailImap = row("webmail-imap", Guests::Webmail).alpn(&["imap"]).turned_away(crate::imap::reply::turned_away);
    /// The webmail writing filters; no connection is pooled.
    WebmailSieve = row("webmail-sieve", Guests::Webmail)
        .alpn(&["managesieve"])
        .needs(BackendService::Sieve)
        .turned_away(crate::sieve::reply::turned_away);
    /// The webmail sending.
    WebmailSubmission = row("webmail-submission", Guests::Webmail).alpn(SUBMISSION).turned_away(crate::submission::turned_away);
}

impl Service {
    /// The word in the config file.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// Who comes.
    pub(super) fn guests(self) -> Guests {
        self.row().guests
    }

    /// Whether everybody comes from one address here.
    pub fn is_webmail(self) -> bool {
        self.guests() == Guests::Webmail
    }

    /// Whether it is for admins, for programs of this machine or for the pair, and nobody's mail is in it.
    pub fn is_of_the_household(self) -> bool {
        self.guests() == Guests::Household
    }

    /// Whether people log in here.
    pub fn has_logins(self) -> bool {
        match self.guests() {
            Guests::MailPrograms | Guests::Webmail | Guests::Browsers | Guests::Fellows => true,
            Guests::Household | Guests::Deliveries | Guests::Questions | Guests::FellowMail => false,
        }
    }

    /// Whether other nodes come, with certificates of the nodes' own authority.
    pub fn is_of_the_nodes(self) -> bool {
        matches!(self.guests(), Guests::Fellows | Guests::FellowMail)
    }

    /// What clients may say in ALPN (RFC 7301) that they speak; nothing where there is no TLS.
    pub fn alpn(self) -> &'static [&'static str] {
        self.row().alpn
    }

    /// Whether clients may choose it by ALPN, at a port where it is one of several.
    pub fn is_by_alpn(self) -> bool {
        self.row().chosen
    }

    /// Whether members may come to it through Tor.
    pub fn is_by_tor(self) -> bool {
        self.row().by_tor
    }

    /// The server that every backend must have where this is spoken, besides that of mailbox access.
    pub fn needs_of_backends(self) -> Option<BackendService> {
        self.row().needs
    }

    /// What is said to somebody who gets no seat; none where it has no words for it.
    pub(super) fn turned_away(self, code: RefusalCode) -> Option<Vec<u8>> {
        self.row().turned_away.map(|words| words(code))
    }

    /// Speaks it on one connection to its end: why it ended, if not by its own wish.
    pub(super) fn serve(
        self,
        accepted: Accepted,
        context: Arc<Context>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>> {
        match self {
            // Have listeners of their own.
            Service::Admin | Service::AdminWeb | Service::Metrics | Service::Node | Service::Usage => Box::pin(ready(Ok(()))),
            Service::Imap | Service::ShareImap | Service::WebmailImap => Box::pin(imap::serve(accepted, context)),
            Service::Pop3 => Box::pin(pop3::serve(accepted, context)),
            Service::Sieve | Service::WebmailSieve => Box::pin(sieve::serve(accepted, context)),
            Service::Submission | Service::WebmailSubmission => Box::pin(submission::serve(accepted, context)),
            Service::Lmtp | Service::ShareLmtp => Box::pin(lmtp::serve(accepted, context)),
            Service::Policy => Box::pin(postfix_policy::serve(accepted, context)),
            Service::Web => Box::pin(web::serve(accepted, context)),
        }
    }
}

/// Asks the servers behind of whom nothing sure is known what they say of themselves before anybody logs in. That of IMAP is asked elsewhere:
/// each backend has one.
pub(super) async fn ask_unknown(context: &Context, backends: &Backends) {
    pop3::ask_unknown(context, backends).await;
    sieve::ask_unknown(context, backends).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_one_service() {
        let words: Vec<_> = Service::ALL.iter().map(|service| service.word()).collect();
        assert!(words.is_sorted_by(|one, next| one < next), "{words:?}");
    }

    /// Where TLS is spoken, a client that names another protocol gets no further (RFC 7301 3.2).
    #[test]
    fn who_logs_in_may_say_what_is_spoken() {
        for service in Service::ALL {
            assert_eq!(service.has_logins(), !service.alpn().is_empty(), "{}", service.word());
        }
    }
}
