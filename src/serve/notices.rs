//! Sends notices through the relay of the association's backend. One task for all; mail never waits for it.
//!
//! lettre speaks SMTP here, over a connection of ours: its own has no TCP_NODELAY, and STARTTLS is spoken by
//! [`Opening`], like everywhere else.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use lettre::message::header::Date;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::Context;
use super::clock::today;
use crate::event::{Event, emit};
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::conn::Conn;
use crate::net::dial::{dial, secure};
use crate::net::shutdown::{Phase, Shutdown};
use crate::net::stream::Stream;
use crate::notice::{Letter, Notice, Queue, letter};
use crate::private::{Address, Domain};
use crate::quota::{News, Subject, Topic};
use crate::route::{BackendId, Endpoint, Security};
use crate::smtp::client::{Next, Opening};
use crate::smtp::reply::Reply;

/// How often the book is asked.
const LOOK: Duration = Duration::from_secs(1);
/// One notice, from the connection to the relay's answer.
const SENDING: Duration = Duration::from_secs(60);

/// Sends notices until the stop.
pub async fn run(context: Arc<Context>, mut stop: Shutdown) {
    let mut sender = Sender { queue: Queue::default(), began: Instant::now(), waits: false };
    // Grants may have ended while nobody looked.
    context.book.review(today());
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => sender.round(&context, &stop).await,
            () = stop.reached(Phase::Draining) => return,
        }
    }
}

struct Sender {
    queue: Queue,
    began: Instant,
    /// That notices wait was told.
    waits: bool,
}

/// How a try ended.
enum Outcome {
    Sent,
    /// The relay will never take it; its reply code.
    Refused(u64),
    /// The relay took the connection, and does not want this one now.
    Later,
    /// The relay cannot be spoken to.
    Down,
}

impl Sender {
    async fn round(&mut self, context: &Context, stop: &Shutdown) {
        let now = self.began.elapsed();
        let lost = context.book.news().into_iter().filter(|news| !self.queue.put(news.clone(), now)).count();
        if lost > 0 {
            emit(Event::NoticesLost { number: lost as u64 });
        }
        let mut down = Vec::new();
        for news in self.queue.due(now) {
            if stop.phase() != Phase::Running {
                return;
            }
            let Some((backend, to, from)) = addressed(context, &news) else {
                self.queue.done(&news.topic());
                continue;
            };
            let outcome = match down.contains(&backend) {
                true => Outcome::Down,
                false => send(context, backend, &news, &from, &to).await,
            };
            if matches!(outcome, Outcome::Down) && !down.contains(&backend) {
                down.push(backend);
            }
            if matches!(outcome, Outcome::Sent | Outcome::Refused(_)) {
                context.book.told(&news);
            }
            self.judge(&news.topic(), &outcome);
        }
    }

    fn judge(&mut self, topic: &Topic, outcome: &Outcome) {
        match outcome {
            Outcome::Sent => {
                self.queue.done(topic);
                self.waits = false;
            }
            Outcome::Refused(code) => {
                self.queue.done(topic);
                emit(Event::NoticeRefused { code: *code });
            }
            Outcome::Later | Outcome::Down => {
                if !self.queue.later(topic, self.began.elapsed()) {
                    emit(Event::NoticesLost { number: 1 });
                }
                if !std::mem::replace(&mut self.waits, true) {
                    emit(Event::NoticesWait { number: self.queue.len() as u64 });
                }
            }
        }
    }
}

/// The backend whose relay takes the notice, to whom it goes and from whom. None: nobody can be told, for there is no
/// contact, no relay, or no association any more.
fn addressed(context: &Context, news: &News) -> Option<(BackendId, Address, Address)> {
    let (to, domain): (Address, Domain) = match news.subject() {
        Subject::Mailbox(address) => (address.clone(), address.domain().clone()),
        Subject::Association(name) => {
            let association = context.book.association(name, today()).ok()?.association;
            (association.contact.clone()?, association.domains.first()?.clone())
        }
    };
    let backends = context.backends.load();
    let backend = backends.find(context.book.route(&domain, today())?.backend.as_deref())?;
    backends.at(backend)?.relay.as_ref()?;
    let postmaster = || Address::parse(&format!("postmaster@{}", domain.reveal()));
    Some((backend, to, context.notices_from.clone().or_else(postmaster)?))
}

async fn send(context: &Context, backend: BackendId, news: &News, from: &Address, to: &Address) -> Outcome {
    let backends = context.backends.load_full();
    let Some(relay) = backends.at(backend).and_then(|backend| backend.relay.as_ref()) else { return Outcome::Down };
    let letter = Notice::about(news).and_then(|notice| letter(notice, from, to, Date::from(SystemTime::now()), &random()));
    let Some(letter) = letter else { return Outcome::Refused(553) };
    timeout(SENDING, hand_over(context, relay, &letter)).await.unwrap_or(Outcome::Down)
}

async fn hand_over(context: &Context, relay: &Endpoint, letter: &Letter) -> Outcome {
    let Ok(stream) = open(context, relay).await else { return Outcome::Down };
    let hello = ClientId::Domain(context.hostname.to_string());
    let Ok(mut smtp) = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await else {
        return Outcome::Down;
    };
    match smtp.send(&letter.envelope, &letter.bytes).await {
        Ok(_) => {
            let _ = smtp.quit().await;
            Outcome::Sent
        }
        Err(error) if error.is_permanent() => Outcome::Refused(error.status().map_or(0, |code| u16::from(code).into())),
        // The relay has no SMTPUTF8, and the address needs it.
        Err(error) if error.is_client() => Outcome::Refused(553),
        Err(error) if error.is_transient() => Outcome::Later,
        Err(_) => Outcome::Down,
    }
}

/// Connects; with STARTTLS, up to the point where a server without it would greet.
async fn open(context: &Context, relay: &Endpoint) -> Result<Stream, Fault> {
    let patience = context.patience.backend;
    let conn = dial(relay, &context.tls, patience).await?;
    if relay.security != Security::StartTls {
        return Ok(Stream::new(b"", conn));
    }
    let bare = start_tls(context, conn).await?;
    // Behind TLS the relay waits for EHLO; lettre waits for a greeting first.
    Ok(Stream::new(b"220 secured\r\n", secure(bare, relay, &context.tls, patience).await?))
}

async fn start_tls(context: &Context, conn: Conn) -> Result<Conn, Fault> {
    let mut link = BufferedConn::new(conn, Side::Backend, Instant::now() + context.patience.backend);
    let mut opening = Opening::new(&context.hostname, true, None);
    loop {
        let Some((reply, used)) = Reply::parse(link.input())? else {
            link.fill().await?;
            continue;
        };
        link.consume(used);
        match opening.reply(&reply) {
            Next::Send(bytes, next) => {
                link.send(&bytes).await?;
                opening = next;
            }
            Next::Secure(_) => return Ok(link.into_bare()),
            Next::Failed(fault) => return Err(fault),
            Next::Ready(_) | Next::Denied => return Err(Fault::Garbage(Side::Backend)),
        }
    }
}

/// The left side of a Message-ID. Without randomness it is the same for all, which harms nobody.
fn random() -> String {
    let mut bytes = [0u8; 16];
    let _ = rand::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}
