//! etcd's gateway for HTTP: what a call and an answer look like. It leaves out what is empty, and writes long numbers as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

/// What is to be sent to a member by POST.
pub struct GatewayCall {
    /// Begins with a slash.
    pub path: &'static str,
    /// JSON.
    pub body: String,
}

impl GatewayCall {
    /// Whether it needs room in etcd.
    pub fn writes(&self) -> bool {
        self.path == "/v3/lease/grant" || self.body.contains("\"request_put\"")
    }
}

pub(super) fn call(path: &'static str, body: &Value) -> GatewayCall {
    GatewayCall { path, body: body.to_string() }
}

pub(super) fn prefix(start: &str) -> Value {
    // Prefixes end with a slash; what begins so comes before the next sign.
    let end = format!("{}0", start.strip_suffix('/').unwrap_or(start));
    json!({ "key": coded(start), "range_end": coded(&end) })
}

pub(super) fn coded(text: &str) -> String {
    BASE64.encode(text)
}

/// What a transaction read.
pub(super) fn stands(answer: &[u8]) -> Option<KeyValue> {
    transacted(answer)?
}

/// What it read, if anything. None for an answer that is none.
pub(super) fn transacted(answer: &[u8]) -> Option<Option<KeyValue>> {
    serde_json::from_slice::<Transacted>(answer).ok().map(Transacted::read)
}

pub(super) fn kvs(answer: &[u8]) -> Option<Vec<KeyValue>> {
    serde_json::from_slice::<Ranged>(answer).ok().map(|ranged| ranged.kvs)
}

pub(super) fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

#[derive(Deserialize)]
pub(super) struct Ranged {
    #[serde(default)]
    pub(super) kvs: Vec<KeyValue>,
}

#[derive(Deserialize)]
pub(super) struct KeyValue {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
    pub(super) create_revision: String,
    pub(super) mod_revision: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Transacted {
    #[serde(default)]
    pub(super) responses: Vec<Responded>,
}

impl Transacted {
    /// What it read, if anything.
    pub(super) fn read(self) -> Option<KeyValue> {
        let ranged = self.responses.into_iter().find_map(|response| response.response_range)?;
        ranged.kvs.into_iter().next()
    }
}

#[derive(Deserialize)]
pub(super) struct Headed {
    pub(super) header: AnswerHead,
}

#[derive(Deserialize)]
pub(super) struct AnswerHead {
    pub(super) revision: String,
}

#[derive(Deserialize)]
pub(super) struct Together {
    #[serde(default)]
    pub(super) responses: Vec<Inner>,
}

#[derive(Deserialize)]
pub(super) struct Inner {
    #[serde(default)]
    pub(super) response_txn: Transacted,
}

#[derive(Deserialize)]
pub(super) struct Responded {
    pub(super) response_range: Option<Ranged>,
}

impl KeyValue {
    pub(super) fn text(&self) -> Option<String> {
        String::from_utf8(BASE64.decode(&self.value).ok()?).ok()
    }
}
