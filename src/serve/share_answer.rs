//! What a node answers to another one, and what that one does with it (docs/many-nodes.md): how full associations are, for the nodes that do not judge them; sending
//! limits, which the judge counts; sessions that are to end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::time::{Instant, timeout};

use super::clock::{boot_time, steady, today};
use super::share::{Others, ShareLink};
use super::share_kept::WAITS;
use super::share_talk::{ASK, QUESTION, TELL, TOLD, may_ask, patience};
use super::share_words::{Hearsay, JudgedTold, KickTold, NodeQuestion, SendingTold};
use super::{Context, NodeShare};
use crate::fault::{Fault, RefusalCode, Side};
use crate::net::buffered::BufferedConn;
use crate::net::shutdown::{Shutdown, ShutdownPhase};
use crate::node::Millis;
use crate::private::Address;
use crate::quota::{Batch, JudgedNumbers, SendingLimits, SpentSending, Verdict};
use crate::share::Tenant;

/// How often each judge is asked what its associations hold.
const COPYING: Duration = Duration::from_secs(10);
/// What was told that long ago is old, and said to be.
const OLD: Millis = 45_000;
/// How often it is tried to forget a mailbox, and how long until the next time.
const FORGETTING: u32 = 4;
const FOLLOWED: Duration = Duration::from_millis(500);
/// Digests in one question: more associations are told anew each time.
const DIGESTS: usize = 1000;
/// Senders in one question: with the longest addresses they fit.
const SENDERS: usize = 100;

/// Answers the question that the first line of the session is, and those that follow. What is none is not answered.
///
/// # Errors
/// `Garbage(Client)` where nobody of the nodes has asked.
pub(super) async fn be_asked(mut link: BufferedConn, context: Arc<Context>, stop: &mut Shutdown) -> Result<(), Fault> {
    let share = context.share.as_ref().ok_or(Fault::Garbage(Side::Client))?;
    let mut line = next_question(&mut link).await?;
    loop {
        let (key, question) = share.link.open_question(&line).ok_or(Fault::Garbage(Side::Client))?;
        let patience = patience(&question);
        let for_answer = context.clone();
        // Some answers take a lock of each association.
        let told = tokio::task::spawn_blocking(move || answer(&for_answer, question)).await.ok().flatten();
        let Some(sealed) = told.and_then(|told| key.seal(&told, TOLD)) else { return Err(Fault::Garbage(Side::Us)) };
        link.set_deadline(Instant::now() + patience);
        link.send(&[TELL, BASE64.encode(sealed).as_bytes(), b"\r\n"].concat()).await?;
        link.set_deadline(Instant::now() + WAITS);
        let next = tokio::select! {
            next = next_question(&mut link) => next,
            () = stop.reached(ShutdownPhase::Draining) => Err(Fault::Stopping),
        };
        // It had its answer: whoever goes then, or is silent, does no wrong.
        let Ok(next) = next else { break };
        line = next;
    }
    link.close().await;
    Ok(())
}

/// The next one, without its first word.
async fn next_question(link: &mut BufferedConn) -> Result<Vec<u8>, Fault> {
    loop {
        let input = link.input();
        if !may_ask(input) {
            return Err(Fault::Garbage(Side::Client));
        }
        if let Some(end) = input.iter().position(|octet| *octet == b'\n') {
            let line = input.get(ASK.len()..end).unwrap_or_default().trim_ascii_end().to_vec();
            link.consume(end + 1);
            return Ok(line);
        }
        if input.len() > QUESTION {
            return Err(Fault::TooLong(Side::Client));
        }
        link.fill().await?;
    }
}

/// The answer, as text; none where there is none. Takes locks.
pub(super) fn answer(context: &Arc<Context>, question: NodeQuestion) -> Option<String> {
    match question {
        NodeQuestion::Judged(known) => serde_json::to_string(&judged(context, &known.into_iter().collect())),
        NodeQuestion::Kept(tenant) => serde_json::to_string(&context.book.numbers_of(tenant)),
        NodeQuestion::Send(user, recipients) => {
            let told = match context.counts_elsewhere(&user) {
                true => SendingTold::NotHere,
                false => match context.book.take_sending(&user, recipients, steady(), today()) {
                    Ok(()) => SendingTold::Counted,
                    Err(_) => SendingTold::Reached,
                },
            };
            serde_json::to_string(&told)
        }
        NodeQuestion::Spent(of) => serde_json::to_string(&context.book.spent(of, steady())),
        NodeQuestion::Left(node, told) => serde_json::to_string(&context.hear_spent(&node, &told)),
        NodeQuestion::Stirred => {
            context.share.iter().for_each(|share| share.link.stirred.notify_one());
            serde_json::to_string(&true)
        }
        NodeQuestion::Kick(address) => serde_json::to_string(&kick_here(context, &address)),
        NodeQuestion::Forget(addresses) => serde_json::to_string(&forget(context, addresses)),
    }
    .ok()
}

/// Whether these very mailboxes are known no more.
fn forget(context: &Context, addresses: Vec<Address>) -> bool {
    let known = |address: &Address| context.book.mailbox(address).is_some_and(|known| known.address == *address);
    for _ in 0..FORGETTING {
        let gone_mailboxes: Vec<_> = addresses.iter().filter(|address| known(address)).cloned().collect();
        for address in &gone_mailboxes {
            let _ = kick_here(context, address);
        }
        if gone_mailboxes.is_empty() {
            return true;
        }
        // Where something was set for one, that goes with the settings of all nodes, and is not in force here for a moment.
        if context.book.apply(&Batch { gone_mailboxes, ..Batch::default() }, today()).is_err() {
            std::thread::sleep(FOLLOWED);
        }
    }
    !addresses.iter().any(known)
}

fn judged(context: &Context, known: &BTreeMap<Tenant, u64>) -> JudgedTold {
    let told = |(tenant, judged): (Tenant, JudgedNumbers)| {
        let digest = digest_of(&judged)?;
        Some((tenant, digest, (known.get(&tenant) != Some(&digest)).then_some(judged)))
    };
    JudgedTold { associations: context.book.judged().into_iter().filter_map(told).collect() }
}

fn digest_of(judged: &JudgedNumbers) -> Option<u64> {
    let text = serde_json::to_string(judged).ok()?;
    digest(&SHA256, text.as_bytes()).as_ref().first_chunk().map(|octets| u64::from_be_bytes(*octets))
}

/// Whoever is logged in at this node as this one is not any more.
pub(super) fn kick_here(context: &Context, address: &Address) -> KickTold {
    let kicked = context.book.mailbox_of(address);
    // What is parked for the webmail would let the old password in again. Before the sessions end, so that nothing is parked in between.
    context.pool.end(|user| context.book.mailbox_of(user) == kicked);
    let pages = context.web.end_of(|address| context.book.mailbox_of(address) == kicked);
    KickTold { sessions: context.book.kick(address) as u64, pages }
}

impl Context {
    /// What is spent, says the node of that name: where it judges. Whether that is so of all.
    fn hear_spent(&self, node: &str, told: &[(Tenant, SpentSending)]) -> bool {
        let judges = |tenant: Tenant| self.share.as_ref().and_then(|share| share.link.elsewhere(tenant)).as_deref() == Some(node);
        let heard = told.iter().filter(|(tenant, _)| judges(*tenant));
        heard.map(|(tenant, spent)| self.book.hear_spent(*tenant, spent, steady(), today())).count() == told.len()
    }

    /// Whether another node is to be asked before this member sends.
    pub(super) fn counts_elsewhere(&self, user: &Address) -> bool {
        let judges = |share: &NodeShare| Some(share.link.lock().fellow.judges(self.book.share_of(user)?));
        self.share.as_ref().and_then(judges) == Some(false)
    }

    /// Counts one message in the sending limits of an association that this node does not judge. Where its judge cannot be asked, each node has its part of them.
    ///
    /// # Errors
    /// The code word of the refusal.
    pub(super) async fn count_elsewhere(&self, user: &Address, recipients: u64) -> Result<(), RefusalCode> {
        let (_, _, limits) = self.book.may_send(user, today()).map_err(Verdict::code)?;
        if limits == SendingLimits::default() {
            return Ok(());
        }
        let judge = || self.share.as_ref()?.link.elsewhere(self.book.share_of(user)?);
        let others = self.share.as_ref().and_then(|share| share.link.others.get());
        let told = match (judge(), others) {
            (Some(node), Some(others)) => others.ask(&node, &NodeQuestion::Send(user.clone(), recipients)).await,
            _ => None,
        };
        match told {
            Some(SendingTold::Counted) => Ok(()),
            Some(SendingTold::Reached) => Err(RefusalCode::TooManyMessages),
            Some(SendingTold::NotHere) | None => {
                let nodes = self.backends.load().fellows().count() as u64 + 1;
                self.book.take_sending_part(user, recipients, nodes, steady(), today()).map_err(Verdict::code)
            }
        }
    }
}

/// Asks each other node what it judges, to the end of the process.
pub(super) async fn copy(link: Arc<ShareLink>, context: Arc<Context>) {
    let Some(others) = link.others.get() else { return };
    loop {
        let known = link.digests();
        let told = others.ask_each::<JudgedTold>(NodeQuestion::Judged(known)).await;
        for (node, told) in told {
            let Some(told) = told else { continue };
            for (tenant, digest, judged) in told.associations {
                link.hear_of(&context, tenant, &node, digest, judged.as_ref());
            }
        }
        for (node, told) in others.ask_each::<Vec<(Tenant, SpentSending)>>(NodeQuestion::Spent(None)).await {
            context.hear_spent(&node, &told.unwrap_or_default());
        }
        let _ = timeout(COPYING, link.stirred.notified()).await;
    }
}

/// This node judges `tenant` from now on. What the one before has told is not told again: it is asked, and where it does not answer, what it said last holds.
pub(super) async fn begin_to_speak(others: Others, tenant: Tenant) {
    let Some((link, book)) = others.link.upgrade().zip(others.book.upgrade()) else { return };
    let before = link.lock().judged_before(tenant);
    if let Some(node) = before {
        if let Some(told) = others.ask::<Vec<(Tenant, SpentSending)>>(&node, &NodeQuestion::Spent(Some(tenant))).await {
            told.iter().filter(|(of, _)| *of == tenant).for_each(|(_, spent)| book.hear_spent(tenant, spent, steady(), today()));
            book.take_over_spent(tenant, steady());
        }
        if let Some(Some(numbers)) = others.ask::<Option<JudgedNumbers>>(&node, &NodeQuestion::Kept(tenant)).await {
            book.hear_what_was_told(tenant, &numbers);
        }
    }
    link.lock().unmute(tenant);
    book.begin_to_speak(tenant, today());
}

impl ShareLink {
    /// Something was told to people, or is to be known by the other nodes before this one may be lost: they ask at once.
    pub(super) fn stir_others(&self) {
        if let Some((handle, others)) = self.book.handle.get().zip(self.others.get().cloned()) {
            handle.spawn(async move { others.ask_each::<bool>(NodeQuestion::Stirred).await });
        }
    }

    /// This node ends: the others are told what is spent in what it judges, for none can ask it any more.
    pub(super) async fn tell_spent(&self) {
        let Some(others) = self.others.get() else { return };
        let Some(book) = others.book.upgrade() else { return };
        let parts = book.spent(None, steady()).into_iter().flat_map(|(tenant, spent)| {
            let parts = spent.parts(SENDERS);
            parts.into_iter().map(move |part| (tenant, part))
        });
        for part in parts {
            others.ask_each::<bool>(NodeQuestion::Left(self.name.clone(), vec![part])).await;
        }
    }

    fn digests(&self) -> Vec<(Tenant, u64)> {
        self.hearsays().iter().take(DIGESTS).map(|(tenant, heard)| (*tenant, heard.digest)).collect()
    }

    /// The judge, `node`, has told of it; none where that is what it told before.
    fn hear_of(&self, context: &Context, tenant: Tenant, node: &str, digest: u64, judged: Option<&JudgedNumbers>) {
        // Of two that say so, the one that etcd names.
        if self.elsewhere(tenant).as_deref() != Some(node) {
            return;
        }
        let is_taken = match judged {
            Some(judged) => context.book.hear_judge(tenant, judged),
            None => self.hearsays().get(&tenant).is_some_and(|heard| heard.digest == digest),
        };
        if is_taken {
            self.hearsays().insert(tenant, Hearsay { node: node.to_owned(), at: boot_time(), digest });
        }
    }

    /// Whose numbers of this association are not to be believed here: its judge, as far as there is one. None: they are.
    pub(super) fn doubtful(&self, tenant: Tenant) -> Option<Option<String>> {
        let (judge, judges_here) = {
            let state = self.lock();
            (state.fellow.judge_of(tenant).map(str::to_owned), state.fellow.judges(tenant))
        };
        if judges_here {
            return None;
        }
        let judge = judge.filter(|node| **node != *self.name);
        let heard = self.hearsays();
        let is_new = |heard: &Hearsay| Some(&heard.node) == judge.as_ref() && boot_time() < heard.at.saturating_add(OLD);
        (!heard.get(&tenant).is_some_and(is_new)).then_some(judge)
    }
}
