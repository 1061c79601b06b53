//! The rows of mail that comes in: deliveries by LMTP, and Postfix's questions whether there is room. In front of a real Dovecot.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::imap::user;
use crate::incoming::{self, IncomingPorts};
use crate::lab::{Guard, Lab, free_port};
use crate::load::{Door, Times, Wire};
use crate::nologd::Setup;
use crate::peers::Peer;
use crate::report::Cell;
use crate::rows::Meter;
use crate::smtp::{expect, say};
use crate::{Res, figures};

/// Mailboxes that get mail.
const PEOPLE: usize = 50;

/// Who is measured, and the store behind, which ends last.
struct Incoming {
    proxy: Option<Guard>,
    store: Guard,
    lmtp: Door,
    questions: Door,
}

impl Incoming {
    async fn start(lab: &Lab, peer: Peer) -> Res<Incoming> {
        let ports = IncomingPorts { imap: free_port()?, lmtp: free_port()?, questions: free_port()? };
        let store = incoming::start(lab, ports)?;
        let mut own = (ports.lmtp, ports.questions);
        let proxy = if peer == Peer::Nologd {
            own = (free_port()?, free_port()?);
            Some(Setup::incoming(lab, own, ports).start(lab)?)
        } else {
            None
        };
        let [lmtp, questions] = [own.0, own.1].map(|port| Door { port, tls: false });
        let running = Incoming { proxy, store, lmtp, questions };
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Err(error) = running.try_out().await {
            if Instant::now() > deadline {
                running.stop().await?;
                return Err(format!("absent: not ready, {error}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(running)
    }

    /// Every mailbox gets a letter, so that it is there; and a question is answered.
    async fn try_out(&self) -> Res<()> {
        let mut wire = greeted(self.lmtp).await?;
        deliver(&mut wire, 0, PEOPLE, 1000).await?;
        ask(&mut Wire::open(self.questions).await?, 0).await
    }

    /// The peer's process: the store's own where nobody stands in between.
    fn roots(&self) -> Vec<u32> {
        vec![self.proxy.as_ref().unwrap_or(&self.store).pid()]
    }

    async fn stop(self) -> Res<()> {
        Ok(tokio::task::spawn_blocking(move || drop(self)).await?)
    }
}

/// 10 kB to one, 10 kB to fifty, 25 MB to one: on a few connections that stay open, as Postfix keeps them.
pub async fn delivery(lab: &Lab, peer: Peer) -> Res<Vec<Cell>> {
    let running = Incoming::start(lab, peer).await?;
    let (door, roots) = (running.lmtp, running.roots());
    let mut cells = Vec::new();
    deliveries(door, 4, 50, 1, 10_000).await?;
    let meter = Meter::of(&roots);
    let times = deliveries(door, 4, 1000, 1, 10_000).await?;
    if peer == Peer::Nologd {
        cells.extend(Cell::maybe(&figures::DELIVERY_CPU, meter.cpu_each(1000)));
    }
    cells.push(Cell::new(&figures::DELIVERY_RATE, 1000.0 / meter.wall()));
    cells.push(Cell::new(&figures::DELIVERY_P50, times.percentile(50)));
    let meter = Meter::of(&roots);
    deliveries(door, 2, 40, PEOPLE, 10_000).await?;
    cells.push(Cell::new(&figures::DELIVERY_MANY, (40 * PEOPLE) as f64 / meter.wall()));
    let meter = Meter::of(&roots);
    deliveries(door, 2, 12, 1, 25_000_000).await?;
    cells.push(Cell::new(&figures::DELIVERY_LARGE, 12.0 * 25_000_000.0 / 1_048_576.0 / meter.wall()));
    running.stop().await?;
    Ok(cells)
}

/// Questions as Postfix asks them at RCPT, four connections at once.
pub async fn policy(lab: &Lab, peer: Peer) -> Res<Vec<Cell>> {
    let running = Incoming::start(lab, peer).await?;
    // Dovecot's program takes one client at a time in each process.
    let (door, roots, each, width) = (running.questions, running.roots(), 4000, 2);
    questions(door, width, each / 10).await?;
    let meter = Meter::of(&roots);
    let times = questions(door, width, each).await?;
    let mut cells = Cell::maybe(&figures::POLICY_CPU, meter.cpu_each(each * width));
    cells.push(Cell::new(&figures::POLICY_P50, times.percentile(50)));
    running.stop().await?;
    Ok(cells)
}

async fn deliveries(door: Door, width: usize, total: usize, recipients: usize, size: usize) -> Res<Times> {
    at_once(width, move |worker| async move {
        let mut wire = greeted(door).await?;
        let mut times = Vec::new();
        for number in 0..total / width {
            let start = Instant::now();
            deliver(&mut wire, worker * 13 + number, recipients, size).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    })
    .await
}

async fn questions(door: Door, width: usize, each: usize) -> Res<Times> {
    at_once(width, move |worker| async move {
        let mut wire = Wire::open(door).await?;
        let mut times = Vec::new();
        for number in 0..each {
            let start = Instant::now();
            ask(&mut wire, worker + number).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    })
    .await
}

async fn at_once<Work, Done>(width: usize, work: Work) -> Res<Times>
where
    Work: Fn(usize) -> Done,
    Done: Future<Output = Res<Vec<Duration>>> + Send + 'static,
{
    let mut workers = JoinSet::new();
    (0..width).for_each(|worker| drop(workers.spawn(work(worker))));
    let mut all = Vec::new();
    while let Some(times) = workers.join_next().await {
        all.extend(times??);
    }
    Ok(Times::new(all))
}

async fn greeted(door: Door) -> Res<Wire> {
    let mut wire = Wire::open(door).await?;
    expect(&mut wire, '2').await?;
    say(&mut wire, "LHLO relay.example", '2').await?;
    Ok(wire)
}

/// One message to `recipients` mailboxes, from number `first` on; without pipelining, which costs both sides the same.
async fn deliver(wire: &mut Wire, first: usize, recipients: usize, size: usize) -> Res<()> {
    say(wire, "MAIL FROM:<friend@elsewhere.example>", '2').await?;
    for number in 0..recipients {
        say(wire, &format!("RCPT TO:<{}>", user((first + number) % PEOPLE)), '2').await?;
    }
    say(wire, "DATA", '3').await?;
    let head = "From: friend@elsewhere.example\r\nSubject: A letter\r\nMessage-ID: <1@elsewhere.example>\r\n\r\n";
    wire.send_message(head, size, "\r\n.\r\n").await?;
    for _ in 0..recipients {
        expect(wire, '2').await?;
    }
    Ok(())
}

/// The attributes of Postfix 3.7, as long as they are in a usual session.
async fn ask(wire: &mut Wire, number: usize) -> Res<()> {
    let recipient = user(number % PEOPLE);
    let question = format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.7\nclient_name=mail.elsewhere.example\n\
         client_port=40312\nreverse_client_name=mail.elsewhere.example\nserver_address=192.0.2.1\nserver_port=25\nhelo_name=mail.elsewhere.example\n\
         sender=friend@elsewhere.example\nrecipient={recipient}\nrecipient_count=0\nqueue_id=\ninstance=5a1b.6373.8a2b.0\nsize=10240\netrn_domain=\n\
         stress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n\
         encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=\n\n"
    );
    wire.send(question.as_bytes()).await?;
    let answer = wire.line().await?;
    // The empty line that ends it.
    wire.line().await?;
    if answer.eq_ignore_ascii_case("action=DUNNO") { Ok(()) } else { Err(format!("refused: {answer}").into()) }
}
