//! IMAP: the session before login, the login at the backend, and then carrying.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::backend::{self, LoggedIn, NoLogin};
use super::carry::Carrier;
use super::door::Visit;
use super::member::Member;
use super::{Context, Patience};
use crate::event::{Event, emit};
use crate::fault::{Fault, Side};
use crate::imap::login::{Attempt, Before, Login, Protection, denied, untried, welcome};
use crate::imap::probe::Means;
use crate::imap::reply;
use crate::imap::session::{Session, Terms};
use crate::limit::Seat;
use crate::net::link::Link;
use crate::net::pace::Pace;
use crate::net::stop::{Phase, Stop};

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
    let member = Member::new(&context, &logged_in);
    let terms = Terms {
        account: Some(member.clone()),
        means: Means::of(&logged_in.capabilities),
        append_limit: context.sizes.message,
        non_sync: logged_in.non_sync,
        sent_copy: Some(member),
    };
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
            link.send(&welcome(&attempt.tag, &logged_in.capabilities, context.sizes.message)).await?;
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
