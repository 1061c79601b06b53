//! Calls to etcd: its v3 API as JSON over HTTP/1.1 (docs/many-nodes.md), to whichever member answers. What is said is in [`crate::share::etcd`].

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use axum::body::{Body, to_bytes};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use tokio::time::timeout;

use super::http_io::HttpIo;
use crate::net::buffer::Buffer;
use crate::net::dial::dial;
use crate::net::tls::TlsClient;
use crate::route::{Endpoint, SocketName};
use crate::share::etcd::{GatewayCall, revision};

/// How long one member may take. Three of them take less than [`Pace::again`](crate::share::Pace).
const PATIENCE: Duration = Duration::from_millis(900);

/// Octets of an answer.
const MOST: usize = 16 << 20;

/// Connections that rest.
const RESTING: usize = 8;

/// A random number; none where there is no randomness.
pub(super) fn fresh() -> Option<u64> {
    let mut octets = [0; 8];
    rand::fill(&mut octets).ok()?;
    Some(u64::from_le_bytes(octets))
}

/// The way to etcd.
pub struct EtcdClient {
    members: Vec<Endpoint>,
    tls: TlsClient,
    /// Which member answered last.
    last: AtomicUsize,
    /// The newest revision that an answer told, and whether a question that was sent after that had an older one for answer.
    newest: AtomicU64,
    went_back: AtomicBool,
    /// What was to be written last was not taken, for want of room.
    full: AtomicBool,
    /// Connections between two calls, and to whom.
    resting: Mutex<Vec<(usize, SendRequest<String>)>>,
}

impl EtcdClient {
    /// To these members.
    pub fn new(members: Vec<Endpoint>, tls: TlsClient) -> EtcdClient {
        EtcdClient {
            members,
            tls,
            last: AtomicUsize::new(0),
            newest: AtomicU64::new(0),
            went_back: AtomicBool::new(false),
            full: AtomicBool::new(false),
            resting: Mutex::default(),
        }
    }

    /// How many members there are.
    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    /// The answer of this member alone.
    pub(super) async fn ask(&self, at: usize, call: &GatewayCall) -> Option<Vec<u8>> {
        timeout(PATIENCE, self.post_to(at, call)).await.ok().flatten()
    }

    /// The answer of the first member that gives one.
    pub(super) async fn post(&self, call: &GatewayCall) -> Option<Vec<u8>> {
        let (first, newest) = (self.last.load(Ordering::Relaxed), self.newest.load(Ordering::Acquire));
        for step in 0..self.members.len() {
            let at = (first + step) % self.members.len();
            if let Some(answer) = self.ask(at, call).await {
                self.last.store(at, Ordering::Relaxed);
                return self.is_current(call, &answer, newest).then_some(answer);
            }
        }
        None
    }

    /// Whether an answer is no older than what was known when its question was sent. Of one that is, nothing is believed.
    fn is_current(&self, call: &GatewayCall, answer: &[u8], newest: u64) -> bool {
        let Some(revision) = revision(call, answer) else { return true };
        if revision < newest {
            self.newest.store(revision, Ordering::Release);
            self.went_back.store(true, Ordering::Release);
            return false;
        }
        self.newest.fetch_max(revision, Ordering::AcqRel);
        true
    }

    /// Whether etcd was emptied, or put back to an older state, since this was asked last.
    pub(super) fn take_went_back(&self) -> bool {
        self.went_back.swap(false, Ordering::AcqRel)
    }

    /// Whether it answers and has no room (`NOSPACE`): nothing that is written is taken, until an admin has made some.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    async fn post_to(&self, at: usize, call: &GatewayCall) -> Option<Vec<u8>> {
        if let Some(conn) = self.rested(at)
            && let Some(answer) = self.post_on(at, conn, call).await
        {
            return Some(answer);
        }
        let conn = dial(self.members.get(at)?, &self.tls, PATIENCE).await.ok()?;
        let (sender, conn) = handshake(HttpIo::new((conn, Buffer::default()))).await.ok()?;
        tokio::spawn(conn);
        self.post_on(at, sender, call).await
    }

    async fn post_on(&self, at: usize, mut conn: SendRequest<String>, call: &GatewayCall) -> Option<Vec<u8>> {
        conn.ready().await.ok()?;
        let host = match &self.members.get(at)?.socket {
            SocketName::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            SocketName::Tcp(host, port) => format!("{host}:{port}"),
            SocketName::Unix(_) => "localhost".to_owned(),
        };
        let request = Request::post(call.path).header("host", host).header("content-type", "application/json");
        let answer = conn.send_request(request.body(call.body.clone()).ok()?).await.ok()?;
        let is_well = answer.status() == StatusCode::OK;
        if call.writes() && (is_well || answer.status() == StatusCode::TOO_MANY_REQUESTS) {
            self.full.store(!is_well, Ordering::Relaxed);
        }
        let body = to_bytes(Body::new(answer.into_body()), MOST).await.ok()?;
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() < RESTING {
            resting.push((at, conn));
        }
        is_well.then(|| body.to_vec())
    }

    fn rested(&self, at: usize) -> Option<SendRequest<String>> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|(_, conn)| !conn.is_closed());
        let found = resting.iter().position(|(other, _)| *other == at)?;
        Some(resting.swap_remove(found).1)
    }
}
