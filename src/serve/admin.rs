//! The admins' Unix socket: one line in, one line out, and the connection is closed.
//!
//! Two looks: the mode of the socket's file, and the credentials that the kernel gives of the peer (`access`). Network
//! limits do not hold here, so that a flood from outside cannot lock the admins out.

use std::sync::Arc;
use std::time::Duration;

use memchr::memchr;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use super::Context;
use super::access::Access;
use super::clock::today;
use super::web_standing::end_what_fell;
use crate::admin::{Executor, MAX_REQUEST, Moment, NotDone, Principal, ReplyLine, Request, tell};
use crate::fault::{Fault, Side};
use crate::net::buffered::BufferedConn;
use crate::net::conn::Conn;
use crate::net::listen::Bound;
use crate::net::shutdown::Shutdown;
use crate::route::Backends;

/// Admins at once, on each of the threads that serve. More wait in the kernel's queue.
const ADMINS: usize = 16;
/// From the connection to the end of the request.
const ASKING: Duration = Duration::from_secs(10);
/// Octets of a request that is too long that are read to its end.
const SWALLOWED: usize = 1 << 20;
/// To take the answer.
const HEARING: Duration = Duration::from_secs(60);

/// Serves `bound` until the stop. What was begun is finished: a session holds its `stop`.
pub(super) async fn open(bound: Bound, number: u64, context: Arc<Context>, stop: Shutdown) {
    let seats = Arc::new(Semaphore::new(ADMINS));
    let listening = stop.clone();
    let serve = |conn, _| {
        let Conn::Unix(stream) = conn else { return };
        let (seats, context, stop) = (seats.clone(), context.clone(), stop.clone());
        tokio::spawn(async move {
            let seat = seats.acquire().await;
            let allowed = context.access.admits(&stream);
            // Nobody is there to be told when the peer is gone.
            let _ = receive(stream, allowed, |line| reply(line, context)).await;
            drop((seat, stop));
        });
    };
    bound.serve(number, listening, serve).await;
}

/// The same on a machine that waits: only what is about the pair is answered.
pub(super) async fn open_waiting(bound: Bound, number: u64, executor: Arc<Executor>, access: Access, stop: Shutdown) {
    let seats = Arc::new(Semaphore::new(ADMINS));
    let serve = |conn, _| {
        let Conn::Unix(stream) = conn else { return };
        let (seats, executor, allowed) = (seats.clone(), executor.clone(), access.admits(&stream));
        tokio::spawn(async move {
            let _seat = seats.acquire().await;
            let _ = receive(stream, allowed, |line| reply_waiting(line, executor)).await;
        });
    };
    bound.serve(number, stop, serve).await;
}

/// What a machine that waits can be asked.
const WAITING: [&str; 4] = ["status", "node show", "node take-over", "node stand-by"];

async fn reply_waiting(line: Zeroizing<Vec<u8>>, executor: Arc<Executor>) -> ReplyLine {
    let request = match Request::read(&line) {
        Ok(request) if WAITING.contains(&request.word()) => request,
        Ok(_) => return refused(&NotDone::because("This is the machine that waits. Ask the other one (nologd node show).")),
        Err(refusal) => return refused(&refusal),
    };
    let at = Moment { backends: &Backends::default(), servers: &[], today: today(), now: std::time::Instant::now() };
    request.serve(&Principal::Admin, &executor, &at)
}

async fn receive<F: Future<Output = ReplyLine>>(
    stream: UnixStream,
    allowed: bool,
    reply: impl FnOnce(Zeroizing<Vec<u8>>) -> F,
) -> Result<(), Fault> {
    let mut link = BufferedConn::new(Conn::Unix(stream), Side::Client, Instant::now() + ASKING);
    // Read in any case: closed with bytes unread, a Unix socket takes our answer back.
    let reply = match request(&mut link).await? {
        _ if !allowed => refused(&NotDone::because("You may not speak to this daemon.")),
        None => refused(&NotDone::because("The request is too long.")),
        Some(line) => reply(line).await,
    };
    link.set_deadline(Instant::now() + HEARING);
    // A long list is made piece by piece, each when the last one was taken: it is never whole in memory.
    for piece in reply {
        link.send(piece.as_bytes()).await?;
    }
    link.close().await;
    Ok(())
}

/// The line; none when it is too long, and then it is swallowed as far as that is reasonable.
async fn request(link: &mut BufferedConn) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
    let mut line = Zeroizing::new(Vec::new());
    let mut length = 0;
    loop {
        let input = link.input();
        let end = memchr(b'\n', input);
        let taken = end.map_or(input.len(), |end| end + 1);
        length += taken;
        if length <= MAX_REQUEST {
            line.extend_from_slice(input.get(..taken).unwrap_or_default());
        }
        link.consume(taken);
        if end.is_some() || length > SWALLOWED {
            return Ok((length <= MAX_REQUEST).then_some(line));
        }
        match link.fill().await {
            Ok(_) => {}
            Err(_) if length > MAX_REQUEST => return Ok(None),
            Err(fault) => return Err(fault),
        }
    }
}

async fn reply(line: Zeroizing<Vec<u8>>, context: Arc<Context>) -> ReplyLine {
    let mut request = match Request::read(&line) {
        Ok(request) => request,
        Err(refusal) => return refused(&refusal),
    };
    if let Request::StartIncident(start) = &request {
        let (incidents, end) = (context.incidents.clone(), Instant::now() + start.length() + Duration::from_secs(1));
        // So that nothing is kept longer than was said, not even until somebody looks.
        tokio::spawn(async move {
            sleep_until(end).await;
            incidents.sweep(std::time::Instant::now());
        });
    }
    if let Request::KickMailbox(kick) = &mut request {
        // What is parked for the webmail would let the old password in again. Before the sessions end, so that nothing is parked
        // in between.
        let kicked = context.book.mailbox_of(kick.address());
        context.pool.end(|user| context.book.mailbox_of(user) == kicked);
        kick.ended(context.web.end_of(|address| context.book.mailbox_of(address) == kicked));
    }
    let now = std::time::Instant::now();
    let moved = match &request {
        Request::MoveMailbox(moving) => Some(context.book.mailbox_of(moving.address())),
        _ => None,
    };
    // The book waits for the disk.
    let work = tokio::task::spawn_blocking(move || {
        let backends = context.backends.load();
        let at = Moment { backends: &backends, servers: &context.servers(&backends), today: today(), now };
        // Whoever the kernel lets write to the socket is an admin.
        let reply = request.serve(&Principal::Admin, &context.executor, &at);
        // What is parked is at the backend of before.
        if let Some(moved) = moved {
            context.pool.end(|user| context.book.mailbox_of(user) == moved);
        }
        if !request.looks() {
            end_what_fell(&context);
        }
        reply
    });
    let failed = || refused(&NotDone::because("The daemon failed in the middle of this. Look with `show` or `list`."));
    work.await.unwrap_or_else(|_| failed())
}

fn refused(refusal: &NotDone) -> ReplyLine {
    Box::new(std::iter::once(tell::<()>(Err(refusal))))
}
