//! Looks again and again whether this node may judge at all (docs/many-nodes.md): what stands in etcd, what each of its members has by itself, and what the
//! other nodes say at their listeners. What follows from it is [`Accord`](crate::share::Accord)'s to say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Context;
use super::clock::boot_time;
use super::share::ShareLink;
use super::share_etcd::fresh;
use crate::admin::node::CopyTrouble;
use crate::fault::Side;
use crate::imap::login::NODE_WORD;
use crate::net::buffered::BufferedConn;
use crate::net::dial::dial;
use crate::net::tls::TlsClient;
use crate::route::Endpoint;
use crate::share::etcd::{found_call, house_call, housed};
use crate::share::{Bar, GreetingWord, HouseWord, News};

/// How often all are asked.
const ASKING: Duration = Duration::from_secs(5);
/// The same until all is known, and while nothing is judged.
const AT_FIRST: Duration = Duration::from_millis(200);
const BARRED: Duration = Duration::from_secs(1);
/// How long another node has for its greeting.
const PATIENCE: Duration = Duration::from_secs(2);
/// Octets of a greeting.
const GREETING: usize = 2048;

impl ShareLink {
    /// What this node says of itself to another one.
    pub(super) fn word(&self) -> GreetingWord {
        self.lock().standing.accord.word()
    }

    /// The house, where it is known.
    pub(super) fn house(&self) -> Option<HouseWord> {
        self.lock().standing.accord.house().cloned()
    }

    /// Why nothing is judged here.
    pub(super) fn bar(&self) -> Option<Bar> {
        self.lock().standing.bar().map(|(bar, _)| bar)
    }

    /// What stands in etcd. Where nothing does, it is put there.
    pub(super) fn stood(self: &Arc<ShareLink>, house: Option<HouseWord>) {
        let went_back = self.lock().standing.accord.stood(house, boot_time());
        if went_back {
            self.went_back();
        }
        self.settle();
        let (mark, may_found) = (self.word().mark, self.lock().standing.accord.may_found());
        if let Some(chance) = fresh().filter(|_| may_found) {
            let link = self.clone();
            tokio::spawn(async move { link.etcd.post(&found_call(&HouseWord::new(&mark, chance))).await });
        }
    }

    /// etcd was emptied, or put back to an older state.
    pub(super) fn went_back(&self) {
        let mut state = self.lock();
        state.standing.accord.went_back(boot_time());
        state.standing.went_back = true;
        drop(state);
        self.settle();
        if self.book.went_back() {
            self.book.say_trouble(Some(CopyTrouble::PutBack));
        }
    }

    /// Draws what follows from what is known.
    pub(super) fn settle(&self) {
        let (mut state, now) = (self.lock(), boot_time());
        let (has_namesake, settings) = (state.fellow.has_namesake(), self.book.bar(now));
        if state.standing.look(now, has_namesake, settings) {
            let barred = state.standing.bar().is_some();
            if !barred && std::mem::take(&mut state.standing.went_back) {
                // An answer of before may have come since.
                state.fellow.hear(News::Forget, now);
                state.lives.clear();
            }
            state.fellow.hear(News::Barred(barred), now);
            drop(state);
            self.stir.notify_one();
        }
    }
}

/// Asks all, to the end of the process.
pub(super) async fn watch(link: Arc<ShareLink>, context: Arc<Context>) {
    loop {
        ask_members(&link).await;
        // Before that it would have to be done once more.
        if link.house().is_some() {
            ask_nodes(&link, &context).await;
        }
        link.settle();
        let pause = match link.bar() {
            None => ASKING,
            Some(Bar::Unknown) => AT_FIRST,
            Some(_) => BARRED,
        };
        sleep(pause).await;
    }
}

async fn ask_members(link: &Arc<ShareLink>) {
    let mut asked = JoinSet::new();
    for at in 0..link.etcd.members() {
        let etcd = link.etcd.clone();
        asked.spawn(async move { (at, etcd.ask(at, &house_call()).await.and_then(|answer| housed(&answer))) });
    }
    while let Some(Ok((at, answer))) = asked.join_next().await {
        if let Some(house) = answer {
            link.lock().standing.accord.member(at, house);
        }
    }
}

async fn ask_nodes(link: &Arc<ShareLink>, context: &Arc<Context>) {
    let Some(share) = &context.share else { return };
    // It is said at our own listener before others are asked.
    let house = link.house();
    let backends = context.backends.load();
    let names: Vec<_> = backends.fellows().map(|fellow| fellow.name.to_string()).collect();
    let mut asked = JoinSet::new();
    for (at, fellow) in backends.fellows().enumerate() {
        let (listener, tls) = (fellow.imap.clone(), share.tls.clone());
        asked.spawn(async move { (at, ask_node(&listener, &tls).await) });
    }
    let mut words = vec![None; names.len()];
    while let Some(Ok((at, word))) = asked.join_next().await {
        words[at] = word;
    }
    let mut state = link.lock();
    let lives: BTreeSet<_> = state.lives.iter().map(|life| life.node.clone()).collect();
    state.standing.names = names;
    state.standing.accord.heard(house, &words, boot_time());
    state.standing.tell_lost(|name| lives.contains(name));
}

/// What another node says of itself in its greeting. None: it cannot be reached, or says nothing.
async fn ask_node(listener: &Endpoint, tls: &TlsClient) -> Option<GreetingWord> {
    let conn = dial(listener, tls, PATIENCE).await.ok()?;
    let mut link = BufferedConn::new(conn, Side::Backend, Instant::now() + PATIENCE);
    loop {
        let heard = link.input();
        if let Some(end) = heard.iter().position(|octet| *octet == b'\n') {
            return read_greeting(&heard[..end]);
        }
        if heard.len() > GREETING {
            return None;
        }
        link.fill().await.ok()?;
    }
}

fn read_greeting(line: &[u8]) -> Option<GreetingWord> {
    let (_, word) = std::str::from_utf8(line).ok()?.split_once(NODE_WORD)?;
    GreetingWord::read(word.split([' ', ']']).next()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::login::ImapLogin;
    use crate::wire::protection::Protection;

    #[test]
    fn what_a_node_greets_another_one_with_is_understood() {
        let mark = "0123456789abcdef".repeat(2);
        let word = GreetingWord { mark: mark.clone(), house: Some(HouseWord::new(&mark, 5)), is_in: true };
        let login = ImapLogin::new(Protection::Secure);
        assert_eq!(read_greeting(&login.greeting_to_node(&word.to_string())), Some(word));
        assert_eq!(read_greeting(&login.greeting()), None);
    }
}
