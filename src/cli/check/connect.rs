//! `check --connect`: what each mail server behind says for itself, in its own protocol. Nothing is delivered, stored or sent: each
//! conversation ends before a message.

use zeroize::Zeroizing;

use super::book::KnownBook;
use super::finding::Faults;
use super::reach::wait;
use super::server::server;
use super::takers::{lmtp, relay};
use super::talk::{Talk, TalkStop, TestLogin, broke, place, refused, shown};
use super::{CheckArguments, dovecot, panel, postfix};
use crate::config::Config;
use crate::event::BackendService;
use crate::fault::Fault;
use crate::imap::capability::{self, has};
use crate::imap::upstream_login::{LoginProgress, UpstreamLogin};
use crate::net::tls::TlsClient;
use crate::pop3::upstream_login::UpstreamPop3Login;
use crate::private::{Credential, Mechanism, Private, Secret};
use crate::route::{Backend, Endpoint};
use crate::sieve::upstream_login::UpstreamSieveLogin;

/// Talks to all of them, then reads what the servers of this machine are set to.
pub(super) fn connect(arguments: &CheckArguments, config: &Config, book: &KnownBook, found: &mut Faults) {
    let password = match arguments.password_file.as_ref().map(std::fs::read_to_string).transpose() {
        Ok(text) => Zeroizing::new(text.unwrap_or_default()),
        Err(error) => return found.wrong(format!("the file of --password-file cannot be read: {error}")),
    };
    let address = arguments.login.as_ref();
    let login = address.map(|address| TestLogin {
        address: address.clone(),
        credential: Credential {
            user: Private::new(address.reveal().into()),
            secret: Secret::new(password.trim_end_matches(['\r', '\n']).as_bytes()),
            mechanism: Mechanism::Password,
        },
    });
    // What is wrong with the authorities was said by the attempt to reach them.
    let Ok(tls) = TlsClient::new(config.authorities.as_deref()) else { return };
    let backends = &config.backends;
    for (_, backend) in backends.iter() {
        let domain = domain_of(book, backend).unwrap_or(&config.hostname);
        wait(async {
            for (service, endpoint) in backend.endpoints() {
                let (login, place) = (login.as_ref(), (backend, endpoint));
                let talked = match service {
                    BackendService::Imap => imap(backend, &tls, login, found).await,
                    BackendService::Pop3 => server::<UpstreamPop3Login>(service, place, &tls, login, found).await,
                    BackendService::Sieve => server::<UpstreamSieveLogin>(service, place, &tls, login, found).await,
                    BackendService::Lmtp => lmtp(backend, endpoint, &tls, config, login, found).await,
                    BackendService::Relay => relay(backend, endpoint, &tls, config, domain, found).await,
                };
                told(backend, service.word(), endpoint, talked, found);
            }
        });
    }
    dovecot::look(arguments.dovecot.as_deref(), config, book, found);
    postfix::look(arguments.postfix.as_deref(), config, book, found);
    panel::look(found);
}

/// Whoever takes no connections was told of already.
fn told(backend: &Backend, key: &str, endpoint: &Endpoint, talked: Result<(), Fault>, found: &mut Faults) {
    if let Err(fault) = talked.or_else(|fault| if fault == Fault::Down { Ok(()) } else { Err(fault) }) {
        found.wrong(format!("[[backend]] {}, {key} = {}: {}", backend.name, place(endpoint), broke(fault)));
    }
}

fn domain_of<'a>(book: &'a KnownBook, backend: &Backend) -> Option<&'a str> {
    let here = book.associations()?.iter().find(|member| member.backend.as_deref().is_none_or(|name| *name == *backend.name));
    here.and_then(|member| member.domains.first()).map(String::as_str)
}

/// What an IMAP server offers before a login, whether it takes the test one, and what it offers then. Two conversations, each as the daemon
/// has it.
async fn imap(backend: &Backend, tls: &TlsClient, login: Option<&TestLogin>, found: &mut Faults) -> Result<(), Fault> {
    let (name, endpoint) = (&backend.name, &backend.imap);
    let before = match converse(endpoint, tls, None).await {
        Ok(list) => list,
        Err(TalkStop::Greeting(greeting)) => {
            found.wrong(format!(
                "[[backend]] {name}, imap = {}: greets with {:?}, which is no IMAP server that takes logins",
                place(endpoint),
                shown(&greeting)
            ));
            return Ok(());
        }
        Err(TalkStop::StartTls) => {
            found.wrong(format!("[[backend]] {name}, imap: offers no STARTTLS: use imaps://, or imap:// on loopback"));
            return Ok(());
        }
        Err(TalkStop::Fault(fault)) => return Err(fault),
    };
    if !has(&before, b"IMAP4rev1") && !has(&before, b"IMAP4rev2") {
        found.wrong(format!("[[backend]] {name}, imap: offers neither IMAP4rev1 nor IMAP4rev2"));
    }
    if has(&before, b"LOGINDISABLED") {
        found.wrong(format!(
            "[[backend]] {name}, imap: takes no passwords on this connection (LOGINDISABLED), so nobody can log in. In Dovecot 2.3: \
             `remote 127.0.0.1 {{ disable_plaintext_auth = no }}`, in 2.4 `remote 127.0.0.1 {{ auth_allow_cleartext = yes }}`: without that block \
             its other ports would take passwords in clear. Or use imaps://"
        ));
        return Ok(());
    }
    let Some(login) = login else {
        if capability::non_sync(&before).is_none() {
            found.note(slow_literals(name));
        }
        found.note(format!(
            "[[backend]] {name}, imap: what it offers to members is seen with --login ADDRESS --password-file FILE"
        ));
        return Ok(());
    };
    match converse(endpoint, tls, Some(&login.credential)).await {
        Ok(list) => {
            offers(name, &list, found);
            Ok(())
        }
        Err(stop) => refused(&format!("[[backend]] {name}, imap"), &login.address, stop, found),
    }
}

/// Up to the login, or through it: what the server says then that it can.
async fn converse(endpoint: &Endpoint, tls: &TlsClient, credential: Option<&Credential>) -> Result<Vec<u8>, TalkStop> {
    let mut talk = Talk::open(endpoint, tls).await?;
    let mut login = UpstreamLogin::new(talk.wants_starttls(), None);
    let (mut sent, mut secured) = (false, !talk.wants_starttls());
    loop {
        match login.next(talk.input(), false, credential) {
            Ok(LoginProgress::Need) => talk.fill().await?,
            Ok(LoginProgress::Send(taken, bytes)) => {
                talk.consume(taken);
                sent |= !bytes.is_empty();
                talk.send(&bytes).await?;
            }
            Ok(LoginProgress::StartTls) => {
                talk = talk.secure().await?;
                secured = true;
            }
            Ok(LoginProgress::Done(taken)) => {
                talk.consume(taken);
                talk.say("z LOGOUT").await?;
                return Ok(login.capabilities().to_vec());
            }
            Err(_) if !sent => return Err(TalkStop::Greeting(talk.first_line())),
            Err(_) if !secured => return Err(TalkStop::StartTls),
            Err(fault) => return Err(fault.into()),
        }
    }
}

fn offers(name: &str, list: &[u8], found: &mut Faults) {
    if capability::non_sync(list).is_none() {
        found.note(slow_literals(name));
    }
    match (has(list, b"QUOTA"), has(list, b"STATUS=SIZE")) {
        (true, _) => {}
        (false, true) => found.note(format!(
            "[[backend]] {name}, imap: has no QUOTA, so mailboxes are counted folder by folder (STATUS=SIZE). In Dovecot: quota in \
             mail_plugins, imap_quota in those of protocol imap"
        )),
        (false, false) => found.note(format!(
            "[[backend]] {name}, imap: has neither QUOTA nor STATUS=SIZE, so mailboxes are counted message by message, which is slow"
        )),
    }
    if !capability::can_unselect(list) {
        found.note(format!("[[backend]] {name}, imap: has no UNSELECT, so its connections cannot be used again by a webmail"));
    }
}

fn slow_literals(name: &str) -> String {
    format!("[[backend]] {name}, imap: has no LITERAL+, so each message that is stored waits for one more answer")
}
