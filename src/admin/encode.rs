//! A request, written as its line.

use serde_json::{Map, Value, json};

use super::{RateEdit, Request, Settings, VERSION};
use crate::fault::Lang;
use crate::private::{Address, Domain};
use crate::quota::{Amount, Limit, Name, SenderRule, State};

impl Request {
    /// The line, with its end.
    pub fn encode(&self) -> String {
        let mut fields = Map::new();
        let command = match self {
            Request::AssociationAdd(name, settings) => change(&mut fields, "association add", name, settings),
            Request::AssociationGrant(name, grant) => {
                fields.insert("octets".into(), json!(grant.octets));
                fields.insert("until".into(), json!(grant.until.print()));
                named(&mut fields, "association grant", name)
            }
            Request::AssociationList => "association list",
            Request::AssociationRemove(name, with_mailboxes) => {
                flag(&mut fields, "with-mailboxes", *with_mailboxes);
                named(&mut fields, "association remove", name)
            }
            Request::AssociationSet(name, settings) => change(&mut fields, "association set", name, settings),
            Request::AssociationShow(name) => named(&mut fields, "association show", name),
            Request::BlocksList => "blocks list",
            Request::BlocksLift(Some(address)) => about(&mut fields, "blocks lift", address),
            Request::BlocksLift(None) => {
                flag(&mut fields, "all", true);
                "blocks lift"
            }
            Request::Disclose(address) => about(&mut fields, "disclose", address),
            Request::IncidentList => "incident list",
            Request::IncidentShow(address) => about(&mut fields, "incident show", address),
            Request::IncidentStart(address, minutes) => {
                fields.insert("minutes".into(), json!(minutes));
                about(&mut fields, "incident start", address)
            }
            Request::IncidentStop(address) => about(&mut fields, "incident stop", address),
            Request::MailboxKick(address) => about(&mut fields, "mailbox kick", address),
            Request::MailboxList(association) => {
                put(&mut fields, "association", association.as_ref().map(|name| json!(name.reveal())));
                "mailbox list"
            }
            Request::MailboxRefresh(address) => about(&mut fields, "mailbox refresh", address),
            Request::MailboxRemove(address) => about(&mut fields, "mailbox remove", address),
            Request::MailboxSet(address, edit) => {
                put(&mut fields, "storage", edit.own.flatten().map(limit));
                flag(&mut fields, "default", edit.own == Some(None));
                put(&mut fields, "kind", edit.kind.map(|kind| json!(kind.word())));
                about(&mut fields, "mailbox set", address)
            }
            Request::Status => "status",
            Request::UsageLoad(amounts) => {
                let pair = |(address, amount): &(Address, Amount)| (address.reveal(), json!([amount.octets, amount.messages]));
                fields.insert("mailboxes".into(), Value::Object(amounts.iter().map(pair).collect()));
                "usage load"
            }
        };
        fields.insert("command".into(), json!(command));
        fields.insert("nologd".into(), json!(VERSION));
        format!("{}\n", Value::Object(fields))
    }
}

fn named(fields: &mut Map<String, Value>, command: &'static str, name: &Name) -> &'static str {
    fields.insert("name".into(), json!(name.reveal()));
    command
}

fn about(fields: &mut Map<String, Value>, command: &'static str, address: &Address) -> &'static str {
    fields.insert("address".into(), json!(address.reveal()));
    command
}

fn change(fields: &mut Map<String, Value>, command: &'static str, name: &Name, settings: &Settings) -> &'static str {
    let edit = &settings.edit;
    put(fields, "storage", edit.storage.map(limit));
    put(fields, "messages", edit.messages.map(limit));
    put(fields, "mailboxes", edit.mailboxes.map(limit));
    put(fields, "mailbox-default", edit.mailbox_default.map(limit));
    if let Some(state) = edit.state {
        let (word, until) = match state {
            State::Active => ("active", None),
            State::ReadOnly => ("read-only", None),
            State::Suspended => ("suspended", None),
            State::LeavingUntil(day) => ("leaving", Some(json!(day.print()))),
        };
        put(fields, "state", Some(json!(word)));
        put(fields, "until", until);
    }
    put(fields, "contact", edit.contact.as_ref().map(|contact| json!(contact.as_ref().map(Address::reveal))));
    put(
        fields,
        "language",
        edit.lang.map(|lang| {
            json!(match lang {
                Lang::En => "en",
                Lang::Fr => "fr",
            })
        }),
    );
    let rule = |rule| {
        json!(match rule {
            SenderRule::Domain => "domain",
            SenderRule::Mailbox => "mailbox",
        })
    };
    put(fields, "senders", edit.sender_rule.map(rule));
    put(fields, "backend", edit.backend.as_ref().map(|name| json!(name.as_deref())));
    put(fields, "domains", domains(&edit.add_domains));
    put(fields, "no-domains", domains(&edit.remove_domains));
    let pair = |(alias, domain): &(Domain, Domain)| (alias.reveal().to_owned(), json!(domain.reveal()));
    put(fields, "domain-aliases", object(edit.add_domain_aliases.iter().map(pair)));
    let leads = edit.set_aliases.iter().map(|(alias, targets)| {
        let targets: Vec<_> = targets.iter().map(Address::reveal).collect();
        (alias.reveal(), json!(targets))
    });
    put(fields, "aliases", object(leads));
    put(fields, "sending", rates(settings.sending.association));
    put(fields, "mailbox-sending", rates(settings.sending.mailbox));
    named(fields, command, name)
}

fn domains(domains: &[Domain]) -> Option<Value> {
    let texts: Vec<_> = domains.iter().map(Domain::reveal).collect();
    (!texts.is_empty()).then(|| json!(texts))
}

fn rates(edit: RateEdit) -> Option<Value> {
    let mut fields = Map::new();
    put(&mut fields, "messages-per-hour", edit.messages_per_hour.map(limit));
    put(&mut fields, "messages-per-day", edit.messages_per_day.map(limit));
    put(&mut fields, "recipients-per-hour", edit.recipients_per_hour.map(limit));
    put(&mut fields, "recipients-per-day", edit.recipients_per_day.map(limit));
    object(fields.into_iter())
}

fn object(pairs: impl Iterator<Item = (String, Value)>) -> Option<Value> {
    let map: Map<_, _> = pairs.collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

fn limit(limit: Limit) -> Value {
    match limit {
        Limit::None => Value::Null,
        Limit::At(most) => json!(most),
    }
}

fn flag(fields: &mut Map<String, Value>, key: &str, flag: bool) {
    put(fields, key, flag.then_some(json!(true)));
}

fn put(fields: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields.insert(key.into(), value);
    }
}
