//! A request, read from its line. Everything in it is checked here, so that the executor has no second look to take.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::{Answer, VERSION};
use crate::incident::LONGEST;
use crate::private::{Address, Domain};
use crate::quota::{Amount, Day, Edit, Grant, Limit, MailboxEdit, Name, Rates, SendingLimits, State};

/// What an admin asks for.
#[derive(Clone)]
pub enum Request {
    /// `association add`: its name, and all else as changes to an association that has only defaults.
    AssociationAdd(Name, Box<Settings>),
    /// `association grant`.
    AssociationGrant(Name, Grant),
    /// `association list`.
    AssociationList,
    /// `association remove`, and whether its mailboxes may go too.
    AssociationRemove(Name, bool),
    /// `association set`.
    AssociationSet(Name, Box<Settings>),
    /// `association show`.
    AssociationShow(Name),
    /// `blocks list`.
    BlocksList,
    /// `blocks lift`: of one account, or of all accounts and networks.
    BlocksLift(Option<Address>),
    /// `disclose`.
    Disclose(Address),
    /// `incident list`.
    IncidentList,
    /// `incident show`.
    IncidentShow(Address),
    /// `incident start`, for so many minutes.
    IncidentStart(Address, u64),
    /// `incident stop`.
    IncidentStop(Address),
    /// `mailbox kick`.
    MailboxKick(Address),
    /// `mailbox list`, of one association or of all.
    MailboxList(Option<Name>),
    /// `mailbox refresh`.
    MailboxRefresh(Address),
    /// `mailbox remove`.
    MailboxRemove(Address),
    /// `mailbox set`.
    MailboxSet(Address, MailboxEdit),
    /// `status`.
    Status,
    /// `usage load`: some mailboxes, and what the backend has in each.
    UsageLoad(Vec<(Address, Amount)>),
}

/// Changes to an association's settings. `None`, or an empty list, leaves things as they are.
#[derive(Clone, Default)]
pub struct Settings {
    /// All but the sending limits.
    pub edit: Edit,
    /// The sending limits, each for itself.
    pub sending: SendingEdit,
}

/// Changes to the sending limits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SendingEdit {
    /// Of each mailbox.
    pub mailbox: RateEdit,
    /// Of all mailboxes together.
    pub association: RateEdit,
}

/// Changes to the four limits of one kind.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct RateEdit {
    /// Messages in an hour.
    pub messages_per_hour: Option<Limit>,
    /// Messages in a day.
    pub messages_per_day: Option<Limit>,
    /// Recipients in an hour.
    pub recipients_per_hour: Option<Limit>,
    /// Recipients in a day.
    pub recipients_per_day: Option<Limit>,
}

impl SendingEdit {
    /// `was` with the changes; none when nothing is to be changed.
    pub fn apply(&self, was: SendingLimits) -> Option<SendingLimits> {
        let now =
            SendingLimits { mailbox: self.mailbox.apply(was.mailbox), association: self.association.apply(was.association) };
        (*self != SendingEdit::default()).then_some(now)
    }
}

impl RateEdit {
    fn apply(&self, was: Rates) -> Rates {
        Rates {
            messages_per_hour: self.messages_per_hour.unwrap_or(was.messages_per_hour),
            messages_per_day: self.messages_per_day.unwrap_or(was.messages_per_day),
            recipients_per_hour: self.recipients_per_hour.unwrap_or(was.recipients_per_hour),
            recipients_per_day: self.recipients_per_day.unwrap_or(was.recipients_per_day),
        }
    }
}

impl Request {
    /// Reads one line, with or without its end.
    ///
    /// # Errors
    /// The refusal to answer with: what is wrong, and never what stood in the line.
    pub fn decode(line: &[u8]) -> Result<Request, Answer> {
        let value = serde_json::from_slice(line).map_err(|_| Answer::usage("The request is not one line of JSON."))?;
        let mut fields = Fields::new(value).ok_or(Answer::usage("The request is not a JSON object."))?;
        if fields.number("nologd")? != Some(VERSION) {
            return Err(Answer::usage("The command line and the running daemon are of different versions. Restart the daemon."));
        }
        let command = fields.needed("command", Fields::text)?;
        let request = match command.as_str() {
            "association add" => Request::AssociationAdd(name(&mut fields)?, Box::new(settings(&mut fields)?)),
            "association grant" => Request::AssociationGrant(name(&mut fields)?, grant(&mut fields)?),
            "association list" => Request::AssociationList,
            "association remove" => Request::AssociationRemove(name(&mut fields)?, fields.flag("with-mailboxes")?),
            "association set" => Request::AssociationSet(name(&mut fields)?, Box::new(settings(&mut fields)?)),
            "association show" => Request::AssociationShow(name(&mut fields)?),
            "blocks list" => Request::BlocksList,
            "blocks lift" => Request::BlocksLift(lifted(&mut fields)?),
            "disclose" => Request::Disclose(address(&mut fields)?),
            "incident list" => Request::IncidentList,
            "incident show" => Request::IncidentShow(address(&mut fields)?),
            "incident start" => Request::IncidentStart(address(&mut fields)?, minutes(&mut fields)?),
            "incident stop" => Request::IncidentStop(address(&mut fields)?),
            "mailbox kick" => Request::MailboxKick(address(&mut fields)?),
            "mailbox list" => Request::MailboxList(fields.name("association")?),
            "mailbox refresh" => Request::MailboxRefresh(address(&mut fields)?),
            "mailbox remove" => Request::MailboxRemove(address(&mut fields)?),
            "mailbox set" => Request::MailboxSet(address(&mut fields)?, mailbox_edit(&mut fields)?),
            "status" => Request::Status,
            "usage load" => Request::UsageLoad(amounts(&mut fields)?),
            _ => return Err(Answer::usage("The running daemon does not know this command. Restart it after an update.")),
        };
        fields.end()?;
        Ok(request)
    }
}

// Each is `"address": [octets, messages]`.
fn amounts(fields: &mut Fields) -> Result<Vec<(Address, Amount)>, Answer> {
    let read = |(address, numbers): (String, serde_json::Value)| {
        let [octets, messages] = numbers.as_array()?.as_slice() else { return None };
        Some((Address::parse(&address)?, Amount { octets: octets.as_u64()?, messages: messages.as_u64()? }))
    };
    fields.pairs("mailboxes")?.into_iter().map(read).collect::<Option<_>>().ok_or(Answer::wrong("mailboxes"))
}

fn name(fields: &mut Fields) -> Result<Name, Answer> {
    fields.needed("name", Fields::name)
}

fn address(fields: &mut Fields) -> Result<Address, Answer> {
    fields.needed("address", Fields::address)
}

// Everything is lifted only when that is said: a forgotten address is not enough.
fn lifted(fields: &mut Fields) -> Result<Option<Address>, Answer> {
    if fields.flag("all")? { Ok(None) } else { address(fields).map(Some) }
}

fn minutes(fields: &mut Fields) -> Result<u64, Answer> {
    let minutes = fields.needed("minutes", Fields::number)?;
    if (1..=LONGEST).contains(&minutes) { Ok(minutes) } else { Err(Answer::wrong("minutes")) }
}

fn grant(fields: &mut Fields) -> Result<Grant, Answer> {
    Ok(Grant { octets: fields.needed("octets", Fields::number)?, until: fields.needed("until", Fields::day)? })
}

// `"default"` goes back to the association's default; a number or null is a limit of its own.
fn mailbox_edit(fields: &mut Fields) -> Result<MailboxEdit, Answer> {
    let kind = fields.kind("kind")?;
    let own = match (fields.flag("default")?, kind) {
        (true, _) => Some(None),
        (false, None) => Some(Some(fields.needed("storage", Fields::limit)?)),
        (false, Some(_)) => fields.limit("storage")?.map(Some),
    };
    Ok(MailboxEdit { own, kind })
}

fn settings(fields: &mut Fields) -> Result<Settings, Answer> {
    let mut edit = Edit {
        storage: fields.limit("storage")?,
        messages: fields.limit("messages")?,
        mailboxes: fields.limit("mailboxes")?,
        mailbox_default: fields.limit("mailbox-default")?,
        state: state(fields)?,
        contact: fields.nullable("contact", Fields::address)?,
        lang: fields.lang("language")?,
        sender_rule: fields.sender_rule("senders")?,
        sending: None,
        backend: fields.nullable("backend", Fields::text)?.map(|name| name.map(String::into_boxed_str)),
        add_domains: fields.list("domains", Domain::parse)?,
        remove_domains: fields.list("no-domains", Domain::parse)?,
        ..Edit::default()
    };
    for (alias, domain) in fields.pairs("domain-aliases")? {
        let domain = domain.as_str().and_then(Domain::parse);
        edit.add_domain_aliases.push(Domain::parse(&alias).zip(domain).ok_or(Answer::wrong("domain-aliases"))?);
    }
    for (alias, targets) in fields.pairs("aliases")? {
        let targets = targets.as_array().map(Vec::as_slice).unwrap_or_default();
        let targets: Option<BTreeSet<_>> = targets.iter().map(|target| target.as_str().and_then(Address::parse)).collect();
        edit.set_aliases.push(Address::parse(&alias).zip(targets).ok_or(Answer::wrong("aliases"))?);
    }
    let sending = SendingEdit { mailbox: rates(fields, "mailbox-sending")?, association: rates(fields, "sending")? };
    Ok(Settings { edit, sending })
}

fn state(fields: &mut Fields) -> Result<Option<State>, Answer> {
    let until: Option<Day> = fields.day("until")?;
    Ok(match (fields.text("state")?.as_deref(), until) {
        (None, None) => None,
        (Some("active"), None) => Some(State::Active),
        (Some("read-only"), None) => Some(State::ReadOnly),
        (Some("suspended"), None) => Some(State::Suspended),
        (Some("leaving"), Some(day)) => Some(State::LeavingUntil(day)),
        (Some("leaving"), None) => return Err(Answer::usage("A leaving association needs its last day: --until 2027-03-01.")),
        (None | Some("active" | "read-only" | "suspended"), Some(_)) => {
            return Err(Answer::usage("A last day goes with --state leaving, and with no other state."));
        }
        (Some(_), _) => return Err(Answer::wrong("state")),
    })
}

fn rates(fields: &mut Fields, key: &'static str) -> Result<RateEdit, Answer> {
    let Some(mut fields) = fields.inner(key)? else { return Ok(RateEdit::default()) };
    let edit = RateEdit {
        messages_per_hour: fields.limit("messages-per-hour")?,
        messages_per_day: fields.limit("messages-per-day")?,
        recipients_per_hour: fields.limit("recipients-per-hour")?,
        recipients_per_day: fields.limit("recipients-per-day")?,
    };
    fields.end()?;
    Ok(edit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        match Request::decode(line.as_bytes()) {
            Err(Answer::Refused { text, usage: true }) => text,
            _ => panic!("{line} was not refused"),
        }
    }

    #[test]
    fn every_request_reads_as_it_was_written() {
        let all = r#"{"nologd":1,"command":"association set","name":"velo","storage":5,"messages":null,"mailboxes":0,
            "mailbox-default":18446744073709551615,"state":"leaving","until":"2027-03-01","contact":null,"language":"fr",
            "senders":"domain","backend":null,"domains":["a.example"],"no-domains":["b.example"],
            "domain-aliases":{"c.example":"a.example"},"aliases":{"info@a.example":["bob@a.example"],"old@a.example":[]},
            "sending":{"messages-per-hour":1,"recipients-per-day":null},"mailbox-sending":{"messages-per-day":2}}"#;
        for line in [
            all,
            r#"{"nologd":1,"command":"association add","name":"velo"}"#,
            r#"{"nologd":1,"command":"association grant","name":"velo","octets":7,"until":"2027-03-01"}"#,
            r#"{"nologd":1,"command":"association list"}"#,
            r#"{"nologd":1,"command":"association remove","name":"velo","with-mailboxes":true}"#,
            r#"{"nologd":1,"command":"association show","name":"velo"}"#,
            r#"{"nologd":1,"command":"blocks list"}"#,
            r#"{"nologd":1,"command":"blocks lift","address":"a@b.example"}"#,
            r#"{"nologd":1,"command":"blocks lift","all":true}"#,
            r#"{"nologd":1,"command":"disclose","address":"a@b.example"}"#,
            r#"{"nologd":1,"command":"incident list"}"#,
            r#"{"nologd":1,"command":"incident show","address":"a@b.example"}"#,
            r#"{"nologd":1,"command":"incident start","address":"a@b.example","minutes":60}"#,
            r#"{"nologd":1,"command":"incident stop","address":"a@b.example"}"#,
            r#"{"nologd":1,"command":"mailbox kick","address":"a@b.example"}"#,
            r#"{"nologd":1,"command":"mailbox list"}"#,
            r#"{"nologd":1,"command":"mailbox list","association":"velo"}"#,
            r#"{"nologd":1,"command":"mailbox refresh","address":"a@b.example"}"#,
            r#"{"nologd":1,"command":"mailbox remove","address":"a@b.example"}"#,
            r#"{"nologd":1,"command":"mailbox set","address":"a@b.example","storage":null}"#,
            r#"{"nologd":1,"command":"mailbox set","address":"a@b.example","default":true}"#,
            r#"{"nologd":1,"command":"status"}"#,
            r#"{"nologd":1,"command":"usage load","mailboxes":{"a@b.example":[5,1],"c@b.example":[0,0]}}"#,
        ] {
            let Ok(request) = Request::decode(line.as_bytes()) else { panic!("{line}") };
            let written = request.encode();
            assert!(written.ends_with('\n') && !written.trim_end().contains('\n'));
            let (written, line): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(&written).unwrap(), serde_json::from_str(line).unwrap());
            assert_eq!(written, line);
        }
    }

    #[test]
    fn what_is_wrong_is_refused_and_never_repeated() {
        assert!(refused("").contains("JSON"));
        assert!(refused("[1]").contains("object"));
        assert!(refused(r#"{"nologd":2,"command":"status"}"#).contains("versions"));
        assert!(refused(r#"{"nologd":1,"command":"secret"}"#).contains("does not know"));
        for (line, key) in [
            (r#"{"nologd":1,"command":"status","secret":1}"#, "does not know"),
            (r#"{"nologd":1,"command":"association show"}"#, "`name`"),
            (r#"{"nologd":1,"command":"association show","name":"secret secret"}"#, "`name`"),
            (r#"{"nologd":1,"command":"association set","name":"a","storage":-1}"#, "`storage`"),
            (r#"{"nologd":1,"command":"association set","name":"a","storage":1.5}"#, "`storage`"),
            (r#"{"nologd":1,"command":"association set","name":"a","storage":"secret"}"#, "`storage`"),
            (r#"{"nologd":1,"command":"association set","name":"a","domains":["secret secret"]}"#, "`domains`"),
            (r#"{"nologd":1,"command":"association set","name":"a","aliases":{"secret":[]}}"#, "`aliases`"),
            (r#"{"nologd":1,"command":"association set","name":"a","state":"leaving"}"#, "--until"),
            (r#"{"nologd":1,"command":"association set","name":"a","until":"2027-03-01"}"#, "--state leaving"),
            (r#"{"nologd":1,"command":"association set","name":"a","sending":{"secret":1}}"#, "does not know"),
            (r#"{"nologd":1,"command":"mailbox set","address":"a@b.example"}"#, "`storage`"),
            (r#"{"nologd":1,"command":"blocks lift"}"#, "`address`"),
            (r#"{"nologd":1,"command":"usage load","mailboxes":{"secret":[5,1]}}"#, "`mailboxes`"),
            (r#"{"nologd":1,"command":"usage load","mailboxes":{"a@b.example":[5,null]}}"#, "`mailboxes`"),
            (r#"{"nologd":1,"command":"incident start","address":"a@b.example","minutes":61}"#, "`minutes`"),
            (r#"{"nologd":1,"command":"incident start","address":"a@b.example","minutes":0}"#, "`minutes`"),
        ] {
            let text = refused(line);
            assert!(text.contains(key) && !text.contains("secret"), "{line}: {text}");
        }
    }
}
