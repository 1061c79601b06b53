//! `check --connect` for POP3 and ManageSieve: whether what greets is such a server, has TLS where it is asked for, takes passwords, and
//! takes that of the test login. The conversations are the daemon's own ([`Conversation`]): what it could not use is not found well here.
//! Nothing is read of a mailbox, and nothing is stored.

use super::finding::Faults;
use super::talk::{Talk, TalkStop, TestLogin, place, refused, shown};
use crate::fault::{Fault, RefusalCode};
use crate::net::tls::TlsClient;
use crate::pop3::upstream_login::UpstreamPop3Login;
use crate::private::Credential;
use crate::route::{Backend, Endpoint};
use crate::sieve::upstream_login::UpstreamSieveLogin;
use crate::wire::contract::{Approach, Conversation};

/// A protocol whose servers answer one command at a time.
pub(super) trait CheckedDoor: Conversation {
    /// The key in the config file.
    const KEY: &'static str;
    const WHAT: &'static str;
    const STARTTLS: &'static str;
    const LEAVE: &'static str;

    fn begin(starttls: bool) -> Self;

    /// Whether its server takes passwords here, once it has said what it can do.
    fn takes_passwords(&self) -> bool;
}

impl CheckedDoor for UpstreamPop3Login {
    const KEY: &'static str = "pop3";
    const WHAT: &'static str = "POP3";
    const STARTTLS: &'static str = "STLS";
    const LEAVE: &'static str = "QUIT";

    fn begin(starttls: bool) -> UpstreamPop3Login {
        UpstreamPop3Login::new(starttls)
    }

    fn takes_passwords(&self) -> bool {
        self.takes_passwords()
    }
}

impl CheckedDoor for UpstreamSieveLogin {
    const KEY: &'static str = "sieve";
    const WHAT: &'static str = "ManageSieve";
    const STARTTLS: &'static str = "STARTTLS";
    const LEAVE: &'static str = "LOGOUT";

    fn begin(starttls: bool) -> UpstreamSieveLogin {
        UpstreamSieveLogin::new(starttls)
    }

    fn takes_passwords(&self) -> bool {
        self.takes_passwords()
    }
}

/// Talks to one, and logs in where there is somebody who may: two conversations, each as the daemon has it.
pub(super) async fn door<C: CheckedDoor>(
    (backend, endpoint): (&Backend, &Endpoint),
    tls: &TlsClient,
    login: Option<&TestLogin>,
    found: &mut Faults,
) -> Result<(), Fault> {
    let at = format!("[[backend]] {}, {}", backend.name, C::KEY);
    let server = match converse::<C>(endpoint, tls, None).await {
        Ok(server) => server,
        Err(TalkStop::Greeting(greeting)) => {
            let (place, greeting) = (place(endpoint), shown(&greeting));
            found.wrong(format!("{at} = {place}: greets with {greeting:?}, which is no {} server that takes logins", C::WHAT));
            return Ok(());
        }
        Err(TalkStop::StartTls) => {
            found.wrong(format!("{at}: offers no {}: use {}s://, or {}:// on loopback", C::STARTTLS, C::KEY, C::KEY));
            return Ok(());
        }
        Err(TalkStop::Fault(fault)) => return Err(fault),
    };
    if !server.takes_passwords() {
        found.wrong(format!("{at}: takes no passwords on this connection, so nobody can log in"));
        return Ok(());
    }
    let Some(TestLogin { address, credential }) = login else { return Ok(()) };
    match converse::<C>(endpoint, tls, Some(credential)).await {
        Ok(_) => Ok(()),
        Err(TalkStop::Fault(Fault::Barred(RefusalCode::LoginMethod))) => {
            found.note(format!(
                "{at}: the login of {} was not tried: what this server takes passwords by cannot carry this one",
                address.reveal()
            ));
            Ok(())
        }
        Err(stop) => refused(&at, address, stop, found),
    }
}

/// Up to the login, or through it.
async fn converse<C: CheckedDoor>(endpoint: &Endpoint, tls: &TlsClient, credential: Option<&Credential>) -> Result<C, TalkStop> {
    let mut talk = Talk::open(endpoint, tls).await?;
    let mut conversation = C::begin(talk.wants_starttls());
    let (mut sent, mut secured) = (false, !talk.wants_starttls());
    loop {
        match conversation.next(talk.input(), credential) {
            Ok(Approach::Need) => talk.fill().await?,
            Ok(Approach::Send(taken, bytes)) => {
                talk.consume(taken);
                sent |= !bytes.is_empty();
                talk.send(&bytes).await?;
            }
            Ok(Approach::StartTls) => {
                talk = talk.secure().await?;
                secured = true;
            }
            Ok(Approach::Done(taken)) => {
                talk.consume(taken);
                talk.say(C::LEAVE).await?;
                return Ok(conversation);
            }
            // One that lists its capabilities first is not asked for what is not among them.
            Err(fault) if !secured && (sent || matches!(fault, Fault::Tls(_))) => return Err(TalkStop::StartTls),
            Err(_) if !sent => return Err(TalkStop::Greeting(talk.first_line())),
            Err(fault) => return Err(fault.into()),
        }
    }
}
