//! Errands in etcd's words: its v3 API as JSON, which every member of etcd 3.4 and later speaks over HTTP beside gRPC. A call is a path and a body; how it
//! gets there is the driver's.
//!
//! Keys: `nologd/life/NODE/NUMBER`, under a lease of that number, `nologd/deed/TENANT`, and `nologd/house`. Absent on purpose: a key or value with a time in it, an
//! address, or a number that says what is used.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

pub use super::gateway::GatewayCall;
use super::gateway::{Headed, KeyValue, Together, call, coded, kvs, number, prefix, stands, transacted};
use super::{Deed, Errand, HouseWord, Life, News, Pace, Reach, Tenant};

/// What stands for the book's last change: see [`register`](super::register).
pub(super) const BOOK: &str = "nologd/book";
const HOUSE: &str = "nologd/house";
const LIVES: &str = "nologd/life/";
const DEEDS: &str = "nologd/deed/";

/// What etcd has.
#[derive(Debug, PartialEq, Eq)]
pub struct Listing {
    /// Who is there.
    pub lives: BTreeSet<Life>,
    /// What they say of storages; of those that say nothing, nothing.
    pub says: BTreeMap<Life, Reach>,
    /// Revision and deed of each association; none where it cannot be read.
    pub deeds: Vec<(Tenant, u64, Option<Deed>)>,
    /// The revision of the book's last change; 0 where there is no book for all nodes.
    pub book: u64,
    /// By what nodes know each other; none before one was there.
    pub house: Option<HouseWord>,
}

impl Listing {
    /// The call that asks for it all, as a majority has it.
    pub fn call() -> GatewayCall {
        call("/v3/kv/range", &prefix("nologd/"))
    }

    /// Reads the answer. None for one that is none.
    pub fn read(answer: &[u8]) -> Option<Listing> {
        let (lives, says) = Default::default();
        let mut listing = Listing { lives, says, deeds: Vec::new(), book: 0, house: None };
        for pair in kvs(answer)? {
            let key = String::from_utf8(BASE64.decode(&pair.key).ok()?).ok()?;
            if let Some(life) = key.strip_prefix(LIVES) {
                let life = read_life(life)?;
                let reach = pair.text().map(|text| Reach::read(&text)).unwrap_or_default();
                if !reach.is_empty() {
                    listing.says.insert(life.clone(), reach);
                }
                listing.lives.insert(life);
            } else if let Some(tenant) = key.strip_prefix(DEEDS) {
                let tenant = Tenant::from_str_radix(tenant, 16).ok()?;
                listing.deeds.push((tenant, number(&pair.mod_revision)?, pair.deed()));
            } else if key == BOOK {
                listing.book = number(&pair.mod_revision)?;
            } else if key == HOUSE {
                listing.house = Some(pair.house()?);
            }
        }
        Some(listing)
    }
}

/// By which revision of etcd an answer was given, as a majority had it: of the calls that ask for that.
pub fn revision(call: &GatewayCall, answer: &[u8]) -> Option<u64> {
    if !call.path.starts_with("/v3/kv/") {
        return None;
    }
    number(&serde_json::from_slice::<Headed>(answer).ok()?.header.revision)
}

/// Puts this house, where there is none.
pub fn found_call(house: &HouseWord) -> GatewayCall {
    let compare = json!({ "key": coded(HOUSE), "target": "VERSION", "result": "EQUAL", "version": "0" });
    let put = json!({ "request_put": { "key": coded(HOUSE), "value": coded(&house.to_string()) } });
    call("/v3/kv/txn", &json!({ "compare": [compare], "success": [put] }))
}

/// Asks one member for the house that it has by itself, whether or not it is one of a majority.
pub fn house_call() -> GatewayCall {
    call("/v3/kv/range", &json!({ "key": coded(HOUSE), "serializable": true }))
}

/// What it has. None for an answer that is none.
pub fn housed(answer: &[u8]) -> Option<Option<HouseWord>> {
    match kvs(answer)?.first() {
        Some(pair) => pair.house().map(Some),
        None => Some(None),
    }
}

/// The calls of an errand, each to be made when the one before was answered; none for what is no errand to etcd. Nobody joins, is confirmed or takes but
/// in this house.
pub fn calls(errand: &Errand, pace: &Pace, house: &HouseWord) -> Vec<GatewayCall> {
    match errand {
        Errand::Join(life, before) => vec![
            call("/v3/lease/grant", &json!({ "ID": lease(life), "TTL": pace.lease.div_ceil(1000).to_string() })),
            call("/v3/kv/txn", &{
                let key = coded(&life_key(life));
                let put = json!({ "request_put": { "key": key, "value": "", "lease": lease(life) } });
                let gone = before.iter().map(|before| json!({ "request_delete_range": { "key": coded(&life_key(before)) } }));
                let success: Vec<_> = gone.chain([put, json!({ "request_range": { "key": key } })]).collect();
                let alone = no_other(&life.node, before.as_ref());
                json!({ "compare": alone.into_iter().chain([is_house(house)]).collect::<Vec<_>>(), "success": success })
            }),
        ],
        Errand::Say(life, reach) => vec![call("/v3/kv/txn", &{
            let (key, value) = (coded(&life_key(life)), coded(&reach.to_string()));
            // Where the life is gone, it must not come by this. The lease stays the key's.
            let put = json!({ "request_put": { "key": key, "value": value, "ignore_lease": true } });
            json!({ "compare": [version(life, "GREATER"), is_house(house)], "success": [put] })
        })],
        Errand::End(life) => vec![call("/v3/kv/deleterange", &json!({ "key": coded(&life_key(life)) }))],
        Errand::Confirm(life, _) => vec![
            call("/v3/lease/keepalive", &json!({ "ID": lease(life) })),
            call("/v3/kv/txn", &{
                let read = json!({ "request_range": { "key": coded(&life_key(life)) } });
                json!({ "compare": [is_house(house)], "success": [read] })
            }),
        ],
        Errand::Take { .. } | Errand::Write { .. } | Errand::Count(..) | Errand::Cut(_) => {
            deed_txn(errand, house).map(|txn| call("/v3/kv/txn", &txn)).into_iter().collect()
        }
    }
}

/// How many errands may go together: etcd takes 128 parts in a transaction, those of inner ones included.
pub const TOGETHER: usize = 32;

/// Several errands about deeds in one transaction, each as if it went alone: [`TOGETHER`] of them at most, of one association one.
pub fn call_together(errands: &[Errand], house: &HouseWord) -> GatewayCall {
    let inner = errands.iter().filter_map(|errand| deed_txn(errand, house));
    let inner: Vec<_> = inner.map(|txn| json!({ "request_txn": txn })).collect();
    call("/v3/kv/txn", &json!({ "success": inner }))
}

/// What the answer says of each, in their order. Nothing for an answer that is none.
pub fn news_together(errands: &[Errand], answer: &[u8]) -> Vec<News> {
    let Ok(together) = serde_json::from_slice::<Together>(answer) else { return Vec::new() };
    let each = errands.iter().zip(together.responses);
    each.filter_map(|(errand, inner)| deed_news(errand, inner.response_txn.read()?)).collect()
}

/// The transaction of a [`Errand::Take`] or [`Errand::Write`].
fn deed_txn(errand: &Errand, house: &HouseWord) -> Option<Value> {
    match errand {
        Errand::Take { tenant, revision, from, deed } => {
            let own = deed.holder.iter().map(|(life, _)| version(life, "GREATER"));
            let from = from.iter().map(|life| version(life, "EQUAL"));
            Some(put(*tenant, *revision, deed, own.chain(from).chain([is_house(house)]).collect()))
        }
        Errand::Write { tenant, revision, deed } => Some(put(*tenant, *revision, deed, Vec::new())),
        Errand::Join(..) | Errand::Say(..) | Errand::End(_) | Errand::Confirm(..) | Errand::Count(..) | Errand::Cut(_) => None,
    }
}

fn deed_news(errand: &Errand, pair: KeyValue) -> Option<News> {
    let (Errand::Take { tenant, .. } | Errand::Write { tenant, .. }) = errand else { return None };
    Some(News::Stands(*tenant, number(&pair.mod_revision)?, pair.deed()))
}

/// What the answers to all calls of an errand say. None for what they do not say, and where one is no answer.
pub fn news(errand: &Errand, answers: &[Vec<u8>]) -> Option<News> {
    let last = answers.last()?;
    match errand {
        Errand::Join(life, _) => {
            let born = number(&stands(last)?.create_revision)?;
            (answers.len() == 2).then(|| News::Joined(life.clone(), born))
        }
        Errand::Confirm(life, question) if answers.len() == 2 => Some(match transacted(last)? {
            Some(pair) => News::Confirmed(life.clone(), number(&pair.create_revision)?, *question),
            None => News::Lost(life.clone()),
        }),
        Errand::Take { .. } | Errand::Write { .. } => deed_news(errand, stands(last)?),
        Errand::Confirm(..) | Errand::Say(..) | Errand::End(_) | Errand::Count(..) | Errand::Cut(_) => None,
    }
}

/// Puts a deed where its revision is still this one and `compare` holds, and reads what stands then.
fn put(tenant: Tenant, revision: u64, deed: &Deed, mut compare: Vec<Value>) -> Value {
    let key = coded(&format!("{DEEDS}{tenant:016x}"));
    let is_seen = json!({ "key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision.to_string() });
    compare.push(is_seen);
    let (value, read) = (coded(&deed.to_string()), json!({ "request_range": { "key": key } }));
    let write = json!({ "request_put": { "key": key, "value": value } });
    json!({ "compare": compare, "success": [write, read], "failure": [read] })
}

fn is_house(house: &HouseWord) -> Value {
    json!({ "key": coded(HOUSE), "target": "VALUE", "result": "EQUAL", "value": coded(&house.to_string()) })
}

/// That no life of this node is there but this one. Of a range it holds where it holds of all in it.
fn no_other(node: &str, but: Option<&Life>) -> Vec<Value> {
    let (first, end) = (format!("{LIVES}{node}/"), format!("{LIVES}{node}0"));
    let none = |from: &str, to: &str| json!({ "key": coded(from), "range_end": coded(to), "target": "VERSION", "result": "EQUAL", "version": "0" });
    match but.map(life_key) {
        // The next key is the same with a zero octet.
        Some(key) => vec![none(&first, &key), none(&format!("{key}\0"), &end)],
        None => vec![none(&first, &end)],
    }
}

/// A key that is not there has version 0.
fn version(life: &Life, result: &str) -> Value {
    json!({ "key": coded(&life_key(life)), "target": "VERSION", "result": result, "version": "0" })
}

/// A lease's number is positive in etcd.
fn lease(life: &Life) -> String {
    (life.number >> 1).max(1).to_string()
}

fn life_key(life: &Life) -> String {
    format!("{LIVES}{}/{:016x}", life.node, life.number)
}

fn read_life(text: &str) -> Option<Life> {
    let (node, number) = text.split_once('/')?;
    Some(Life { node: node.into(), number: u64::from_str_radix(number, 16).ok()? })
}

impl KeyValue {
    fn deed(&self) -> Option<Deed> {
        Deed::read(&self.text()?)
    }

    fn house(&self) -> Option<HouseWord> {
        HouseWord::read(&self.text()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(number: u64) -> Life {
        Life { node: "front-a".into(), number }
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        let confirm = Errand::Confirm(life(7), 3);
        let keep = b"{\"result\":{\"TTL\":\"8\"}}".to_vec();
        assert_eq!(news(&confirm, &[keep.clone(), b"{}".to_vec()]), Some(News::Lost(life(7))));
        assert_eq!(news(&confirm, &[keep.clone(), b"<html>".to_vec()]), None);
        let there =
            "{\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"\",\"create_revision\":\"4\",\"mod_revision\":\"5\"}]}}]}";
        assert_eq!(news(&confirm, &[keep.clone(), there.into()]), Some(News::Confirmed(life(7), 4, 3)));
        // The first answer alone does not say that the life is there.
        assert_eq!(news(&confirm, &[keep]), None);
        let write = Errand::Write { tenant: 5, revision: 1, deed: Deed::default() };
        for text in ["{}", "{\"responses\":[{\"response_put\":{}}]}", "{\"responses\":[{\"response_range\":{}}]}", "[]"] {
            assert_eq!(news(&write, &[text.into()]), None, "{text}");
        }
        let odd = "{\"responses\":[{\"response_range\":{\"kvs\":[{\"key\":\"\",\"value\":\"####\",\"create_revision\":\"8\",\"mod_revision\":\"9\"}]}}]}";
        assert_eq!(news(&write, &[odd.into()]), Some(News::Stands(5, 9, None)), "nobody may");
        let (asks, answer) = (house_call(), b"{\"header\":{\"cluster_id\":\"5\",\"revision\":\"12\"},\"kvs\":[]}");
        assert_eq!((revision(&asks, answer), revision(&asks, b"{}")), (Some(12), None));
        assert_eq!(revision(&calls(&Errand::Join(life(7), None), &Pace::default(), &HouseWord::new("", 7))[0], answer), None);
        let together = |inner: &str| format!("{{\"responses\":[{{\"response_txn\":{inner}}},{{\"response_txn\":{{}}}}]}}");
        let both = [write.clone(), write];
        assert_eq!(news_together(&both, together(odd).as_bytes()), [News::Stands(5, 9, None)]);
        assert_eq!(news_together(&both, b"<html>"), []);
        assert_eq!(Listing::read(b"{\"kvs\":[{\"key\":\"!\",\"create_revision\":\"1\",\"mod_revision\":\"1\"}]}"), None);
        let house = HouseWord::new(&"0".repeat(32), 7);
        assert!(calls(&Errand::Cut(5), &Pace::default(), &house).is_empty());
        let pair = |text: &str| {
            format!(
                "{{\"kvs\":[{{\"key\":\"\",\"value\":\"{}\",\"create_revision\":\"1\",\"mod_revision\":\"1\"}}]}}",
                coded(text)
            )
        };
        assert_eq!(housed(pair(&house.to_string()).as_bytes()), Some(Some(house)));
        assert_eq!((housed(b"{}"), housed(b"<html>"), housed(pair("x").as_bytes())), (Some(None), None, None));
    }
}
