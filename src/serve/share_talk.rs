//! What nodes ask each other, at the listener where members' sessions come in (docs/many-nodes.md): one question on a connection, and one answer. Whoever has a
//! certificate of the nodes' authority may knock, etcd's own machines too; asked and answered is only who has the nodes' key.
//!
//! ```text
//! * OK [CAPABILITY ... XNOLOGD-NODE=...] nologd ready
//! XNOLOGD-ASK    SALT+SEALED      base64; 32 random octets, and the question, sealed with a key that is made of them and the nodes' key
//! XNOLOGD-TELL   SEALED           the answer, under the same key: it answers this question and no other
//! ```
//!
//! Then the connection rests, for the next question ([`KeptTalks`](super::share_kept::KeptTalks)). Who knows of no such thing ends it.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::Context;
use super::sealed::CopyKey;
use super::share::{Others, ShareLink};
use super::share_words::NodeQuestion;
use crate::fault::Side;
use crate::net::buffered::BufferedConn;
use crate::net::dial::dial;
use crate::route::Endpoint;

pub(super) const ASK: &[u8] = b"XNOLOGD-ASK ";
pub(super) const TELL: &[u8] = b"XNOLOGD-TELL ";
const SALT: usize = 32;
/// Octets of a question's line: below what a connection holds unread.
pub(super) const QUESTION: usize = 60 * 1024;
/// Octets of an answer's line.
const ANSWER: usize = 64 << 20;
/// How long one may take, from the dial to the last octet.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// The same for a long answer.
const LONG: Duration = Duration::from_secs(20);
/// What is sealed as what.
const ASKED: u64 = 1;
pub(super) const TOLD: u64 = 2;

/// How long the question may take.
pub(super) fn patience(question: &NodeQuestion) -> Duration {
    match question {
        NodeQuestion::Judged(_) | NodeQuestion::Kept(_) | NodeQuestion::Spent(_) => LONG,
        NodeQuestion::Forget(_) => PATIENCE * 2,
        NodeQuestion::Send(..) | NodeQuestion::Kick(_) | NodeQuestion::Left(..) | NodeQuestion::Stirred => PATIENCE,
    }
}

impl ShareLink {
    /// The key of one question.
    fn talk_key(&self, salt: &[u8]) -> Option<CopyKey> {
        // No association's name has this in it: it is of no use as the number of one.
        let key = hmac::sign(&self.key, &[b"\0nologd-talk-1\0", salt].concat());
        CopyKey::new(key.as_ref().first_chunk()?)
    }

    /// The question of a line; none where it was not asked by one of the nodes.
    pub(super) fn open_question(&self, line: &[u8]) -> Option<(CopyKey, NodeQuestion)> {
        let octets = BASE64.decode(line).ok()?;
        let (salt, sealed) = octets.split_at_checked(SALT)?;
        let key = self.talk_key(salt)?;
        let question = serde_json::from_str(&key.open(sealed, ASKED)?).ok()?;
        Some((key, question))
    }

    fn seal_question(&self, question: &NodeQuestion) -> Option<(CopyKey, Vec<u8>)> {
        let mut salt = [0; SALT];
        rand::fill(&mut salt).ok()?;
        let key = self.talk_key(&salt)?;
        let sealed = key.seal(&serde_json::to_string(question).ok()?, ASKED)?;
        let line = [ASK, BASE64.encode([&salt[..], &sealed].concat()).as_bytes(), b"\r\n"].concat();
        (line.len() <= QUESTION).then_some((key, line))
    }
}

/// Whether the first octets of a session are a question, or may become one.
pub(super) fn may_ask(input: &[u8]) -> bool {
    ASK.starts_with(input) || is_asked(input)
}

/// Whether they are one.
pub(super) fn is_asked(input: &[u8]) -> bool {
    input.starts_with(ASK)
}

impl Others {
    /// Those of `context`; none where it has none.
    pub(super) fn of(link: &Arc<ShareLink>, context: &Context) -> Option<Others> {
        let tls = context.share.as_ref()?.tls.clone();
        Some(Others { link: Arc::downgrade(link), backends: context.backends.clone(), tls, book: Arc::downgrade(&context.book) })
    }

    /// As the config calls them, in its order.
    pub(super) fn names(&self) -> Vec<String> {
        self.backends.load().fellows().map(|fellow| fellow.name.to_string()).collect()
    }

    /// What the node of that name answers; none where it does not, or is not in the config file.
    pub(super) async fn ask<T: DeserializeOwned>(&self, node: &str, question: &NodeQuestion) -> Option<T> {
        let link = self.link.upgrade()?;
        let backends = self.backends.load();
        let listener = backends.fellows().find(|fellow| *fellow.name == *node)?.imap.clone();
        let told = timeout(patience(question), ask(&link, &listener, &self.tls, question)).await.ok().flatten()?;
        serde_json::from_str(&told).ok()
    }

    /// What each answers, in the order of the config.
    pub(super) async fn ask_each<T>(&self, question: NodeQuestion) -> Vec<(String, Option<T>)>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let question = Arc::new(question);
        let ask_one = |name: String| {
            let (others, question) = (self.clone(), question.clone());
            tokio::spawn(async move {
                let told = others.ask(&name, &question).await;
                (name, told)
            })
        };
        let asked: Vec<_> = self.names().into_iter().map(ask_one).collect();
        let mut told = Vec::new();
        for one in asked {
            told.extend(one.await.ok());
        }
        told
    }
}

async fn ask(
    link: &ShareLink,
    listener: &Endpoint,
    tls: &crate::net::tls::TlsClient,
    question: &NodeQuestion,
) -> Option<zeroize::Zeroizing<String>> {
    let (key, line) = link.seal_question(question)?;
    let deadline = Instant::now() + patience(question);
    // Where it has ended meanwhile, it is asked anew. Whoever had read the question by then counts a message twice: too much, never too little.
    if let Some(conn) = link.kept.take(listener, deadline)
        && let Some(told) = ask_on(link, listener, conn, &line, &key).await
    {
        return Some(told);
    }
    let conn = dial(listener, tls, PATIENCE).await.ok()?;
    let mut conn = BufferedConn::new(conn, Side::Backend, deadline);
    let greeting = read_line(&mut conn, QUESTION).await?;
    if !greeting.starts_with(b"* OK ") {
        return None;
    }
    ask_on(link, listener, conn, &line, &key).await
}

async fn ask_on(
    link: &ShareLink,
    listener: &Endpoint,
    mut conn: BufferedConn,
    line: &[u8],
    key: &CopyKey,
) -> Option<zeroize::Zeroizing<String>> {
    conn.send(line).await.ok()?;
    let told = read_line(&mut conn, ANSWER).await?;
    let sealed = BASE64.decode(told.strip_prefix(TELL)?.trim_ascii_end()).ok()?;
    let told = key.open(&sealed, TOLD)?;
    link.kept.keep(listener, conn);
    Some(told)
}

/// The next line, of at most so many octets.
async fn read_line(conn: &mut BufferedConn, most: usize) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let input = conn.input();
        let end = memchr::memchr(b'\n', input).map(|at| at + 1);
        let taken = end.unwrap_or(input.len());
        line.extend_from_slice(&input[..taken]);
        conn.consume(taken);
        if end.is_some() {
            return Some(line);
        }
        if line.len() > most {
            return None;
        }
        conn.fill().await.ok()?;
    }
}
