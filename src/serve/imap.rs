//! IMAP: the session before login, the login at the backend, and then carrying.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::backend::{self, LoggedIn, NoLogin};
use super::carry::Carrier;
use super::door::Visit;
use super::{Context, Patience};
use crate::event::{Event, emit};
use crate::fault::{Fault, Side};
use crate::imap::login::{Attempt, Before, Login, Protection, denied, untried, welcome};
use crate::imap::reply;
use crate::imap::session::{SentCopy, Session, Terms};
use crate::limit::Seat;
use crate::net::link::Link;
use crate::net::pace::Pace;
use crate::net::stop::{Phase, Stop};
use crate::private::Address;
use crate::quota::Book;
use crate::scrub::{BODY_START, Context as ScrubContext, Profile, Scrubber};

/// How long a client may take to hear our last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves one connection to its end.
///
/// # Errors
/// Why it ended, if not by its own wish.
pub(super) async fn serve(visit: Visit, context: Arc<Context>) -> Result<(), Fault> {
    let Visit { link, seat, mut stop, protection, tls } = visit;
    // Boxed, so that what login needs does not stay in the task of a session that idles for hours.
    let login = Box::pin(enter(link, &seat, protection, tls, &context, &mut stop)).await?;
    let Some((client, logged_in)) = login else { return Ok(()) };
    let backend = logged_in.who.backend;
    let terms = Terms { non_sync: logged_in.non_sync, sent_copy: Some(sent_copy(&context, &logged_in)) };
    let carrier = Carrier::new(client.into_parts(), logged_in.link.into_parts(), Session::new(terms));
    let patience = context.patience;
    let end = carry(carrier, patience, stop).await;
    if end == Err(Fault::Garbage(Side::Backend)) {
        emit(Event::BackendConfused { backend: backend as u64 });
    }
    drop(seat);
    end
}

/// Until a backend accepts the client: both connections then. `None`: the client left.
async fn enter(
    mut link: Link,
    seat: &Seat,
    protection: Protection,
    tls: Option<crate::net::tls::Server>,
    context: &Context,
    stop: &mut Stop,
) -> Result<Option<(Link, LoggedIn)>, Fault> {
    let mut login = Login::new(protection);
    link.send(&login.greeting()).await?;
    loop {
        match login.next(link.input()) {
            Before::Need => {
                let filled = tokio::select! {
                    filled = link.fill() => filled,
                    () = stop.reached(Phase::Draining) => Err(Fault::Stopping),
                };
                if let Err(fault) = filled {
                    let _ = link.send(&reply::bye(fault)).await;
                    return Err(fault);
                }
            }
            Before::Answer(taken, answer) => {
                link.consume(taken);
                link.send(&answer).await?;
            }
            Before::StartTls(taken, answer) => {
                link.consume(taken);
                link.send(&answer).await?;
                let deadline = Instant::now() + context.patience.login;
                let conn = tls.as_ref().ok_or(Fault::Tls(Side::Us))?.accept(link.into_bare()).await?;
                link = Link::new(conn, Side::Client, deadline);
                login = Login::new(Protection::Secure);
            }
            Before::Try(taken, attempt) => {
                link.consume(taken);
                link.set_deadline(Instant::now() + context.patience.login);
                if let Some(logged_in) = attempt_login(&mut link, &attempt, seat, context).await? {
                    return Ok(Some((link, logged_in)));
                }
            }
            Before::Close(taken, words, fault) => {
                link.consume(taken);
                link.send(&words).await?;
                link.close().await;
                return fault.map_or(Ok(None), Err);
            }
        }
    }
}

async fn attempt_login(link: &mut Link, attempt: &Attempt, seat: &Seat, context: &Context) -> Result<Option<LoggedIn>, Fault> {
    let answer = match backend::login(context, seat, &attempt.credential).await {
        Ok(logged_in) => {
            link.send(&welcome(&attempt.tag, &logged_in.capabilities)).await?;
            return Ok(Some(logged_in));
        }
        Err(NoLogin::Denied) => denied(&attempt.tag),
        Err(NoLogin::Untried(code)) => untried(&attempt.tag, code),
    };
    link.send(&answer).await?;
    Ok(None)
}

/// Carries until one side ends, is silent for too long, or the daemon stops.
async fn carry(mut carrier: Carrier, patience: Patience, mut stop: Stop) -> Result<(), Fault> {
    let mut timer = pin!(sleep_until(Instant::now() + patience.idle));
    // While something is under way, silence is a stall, and trickling is one too.
    let mut pace: Option<Pace> = None;
    let mut seen = Phase::Running;
    loop {
        let mut moved = 0;
        let waited_for = if seen == Phase::Running { Phase::Draining } else { Phase::Over };
        tokio::select! {
            biased;
            end = poll_fn(|cx| {
                let end = carrier.poll(cx, &mut moved);
                // Something moved: the timer has to be set anew before the next wait.
                if end.is_pending() && moved > 0 { std::task::Poll::Ready(None) } else { end.map(Some) }
            }) => if let Some(end) = end { return end },
            () = &mut timer => {
                let fault = Fault::Slow(Side::Client);
                if !carrier.close(&reply::bye(fault), fault) {
                    return Err(fault);
                }
            }
            () = stop.reached(waited_for), if seen < Phase::Over => seen = stop.phase(),
        }
        let rests = carrier.at_rest();
        if seen == Phase::Over || seen == Phase::Draining && rests {
            carrier.close(&reply::bye(Fault::Stopping), Fault::Stopping);
        }
        if carrier.is_closing() {
            timer.as_mut().reset(Instant::now() + LAST_WORDS);
        } else if rests {
            pace = None;
            timer.as_mut().reset(Instant::now() + patience.idle);
        } else {
            let pace = pace.get_or_insert_with(|| Pace::new(patience.stall, patience.least_rate));
            pace.moved(moved);
            timer.as_mut().reset(pace.deadline());
        }
    }
}

/// The rules for this person's Sent mailbox.
fn sent_copy(context: &Context, logged_in: &LoggedIn) -> Arc<dyn SentCopy> {
    let (user, book) = (logged_in.who.user.clone(), context.book.clone());
    Arc::new(Author { scrubber: context.scrubber.clone(), user, book })
}

struct Author {
    scrubber: Arc<Scrubber>,
    user: Address,
    book: Arc<Book>,
}

impl SentCopy for Author {
    fn header_limit(&self) -> usize {
        self.scrubber.headers().header_limit()
    }

    fn body_wanted(&self, header: &[u8]) -> usize {
        if self.scrubber.needs_body_start(header) { BODY_START } else { 0 }
    }

    fn scrub(&self, header: &[u8], body_start: &[u8]) -> Option<Vec<u8>> {
        let owns = |address: &Address| self.book.owns(&self.user, address);
        let context = ScrubContext {
            profile: Profile::Sent,
            domain: self.user.domain(),
            // Nothing is added to a stored copy: no name, no time, no new id.
            hostname: "",
            now: 0,
            random: [0; 16],
            owns: &owns,
            body_start,
        };
        let scrubbed = self.scrubber.scrub(header, &context).ok()?;
        scrubbed.touched().then(|| scrubbed.into_header())
    }
}
