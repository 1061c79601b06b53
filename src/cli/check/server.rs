//! `check --connect` for protocols that keep to [`crate::wire::contract`]: whether what greets is such a server, has TLS where it is asked for, takes passwords, and
//! takes that of the test login. The conversations are the daemon's own: what it could not use is not found well here.
//! Nothing is read of a mailbox, and nothing is stored.

use super::finding::Faults;
use super::talk::{Talk, TalkStop, TestLogin, place, refused, shown};
use crate::event::BackendService;
use crate::fault::{Fault, RefusalCode};
use crate::net::tls::TlsClient;
use crate::private::Credential;
use crate::route::{Backend, Endpoint};
use crate::wire::contract::{Approach, Conversation};

/// Talks to one, and logs in where there is somebody who may: two conversations, each as the daemon has it.
pub(super) async fn server<C: Conversation>(
    service: BackendService,
    (backend, endpoint): (&Backend, &Endpoint),
    tls: &TlsClient,
    login: Option<&TestLogin>,
    found: &mut Faults,
) -> Result<(), Fault> {
    let key = service.word();
    let at = format!("[[backend]] {}, {key}", backend.name);
    let server = match converse::<C>(endpoint, tls, None).await {
        Ok(server) => server,
        Err(TalkStop::Greeting(greeting)) => {
            let (place, greeting) = (place(endpoint), shown(&greeting));
            found
                .wrong(format!("{at} = {place}: greets with {greeting:?}, which is no {} server that takes logins", C::PROTOCOL));
            return Ok(());
        }
        Err(TalkStop::StartTls) => {
            found.wrong(format!("{at}: offers no {}: use {key}s://, or {key}:// on loopback", C::STARTTLS));
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
async fn converse<C: Conversation>(endpoint: &Endpoint, tls: &TlsClient, credential: Option<&Credential>) -> Result<C, TalkStop> {
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
                talk.send(C::GOODBYE).await?;
                return Ok(conversation);
            }
            // One that lists its capabilities first is not asked for what is not among them.
            Err(fault) if !secured && (sent || matches!(fault, Fault::Tls(_))) => return Err(TalkStop::StartTls),
            Err(_) if !sent => return Err(TalkStop::Greeting(talk.first_line())),
            Err(fault) => return Err(fault.into()),
        }
    }
}
