//! Reads a JSON object key by key, and refuses what nobody asked for.

use serde_json::{Map, Value};

use super::Answer;
use crate::fault::Lang;
use crate::private::Address;
use crate::quota::{Day, Kind, Limit, Name, SenderRule};

/// An object of which the known keys are taken one by one. Keys that are absent are `None`.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// None when `value` is no object.
    pub(super) fn new(value: Value) -> Option<Fields> {
        match value {
            Value::Object(map) => Some(Fields(map)),
            _ => None,
        }
    }

    fn take<T>(&mut self, key: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, Answer> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        read(&value).map(Some).ok_or(Answer::wrong(key))
    }

    /// A field that must be there, read by one of the functions below.
    pub(super) fn needed<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Fields, &'static str) -> Result<Option<T>, Answer>,
    ) -> Result<T, Answer> {
        read(self, key)?.ok_or(Answer::wrong(key))
    }

    /// A field that may be null, which is `Some(None)`.
    pub(super) fn nullable<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Fields, &'static str) -> Result<Option<T>, Answer>,
    ) -> Result<Option<Option<T>>, Answer> {
        if self.0.get(key).is_some_and(Value::is_null) {
            self.0.remove(key);
            return Ok(Some(None));
        }
        Ok(read(self, key)?.map(Some))
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, Answer> {
        self.take(key, |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<u64>, Answer> {
        self.take(key, Value::as_u64)
    }

    /// False when it is absent.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, Answer> {
        Ok(self.take(key, Value::as_bool)?.unwrap_or(false))
    }

    /// A number, or null for no limit.
    pub(super) fn limit(&mut self, key: &'static str) -> Result<Option<Limit>, Answer> {
        self.take(key, |value| if value.is_null() { Some(Limit::None) } else { value.as_u64().map(Limit::At) })
    }

    pub(super) fn name(&mut self, key: &'static str) -> Result<Option<Name>, Answer> {
        self.take(key, |value| value.as_str().and_then(Name::parse))
    }

    pub(super) fn address(&mut self, key: &'static str) -> Result<Option<Address>, Answer> {
        self.take(key, |value| value.as_str().and_then(Address::parse))
    }

    pub(super) fn day(&mut self, key: &'static str) -> Result<Option<Day>, Answer> {
        self.take(key, |value| value.as_str().and_then(Day::parse))
    }

    pub(super) fn lang(&mut self, key: &'static str) -> Result<Option<Lang>, Answer> {
        self.take(key, |value| match value.as_str()? {
            "en" => Some(Lang::En),
            "fr" => Some(Lang::Fr),
            _ => None,
        })
    }

    pub(super) fn kind(&mut self, key: &'static str) -> Result<Option<Kind>, Answer> {
        self.take(key, |value| [Kind::Person, Kind::Machine].into_iter().find(|kind| value == kind.word()))
    }

    pub(super) fn sender_rule(&mut self, key: &'static str) -> Result<Option<SenderRule>, Answer> {
        self.take(key, |value| match value.as_str()? {
            "domain" => Some(SenderRule::Domain),
            "mailbox" => Some(SenderRule::Mailbox),
            _ => None,
        })
    }

    /// A list of texts; empty when it is absent.
    pub(super) fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Answer> {
        let read = |value: &Value| value.as_array()?.iter().map(|item| parse(item.as_str()?)).collect();
        Ok(self.take(key, read)?.unwrap_or_default())
    }

    /// An object's keys and values; none when it is absent.
    pub(super) fn pairs(&mut self, key: &'static str) -> Result<Map<String, Value>, Answer> {
        Ok(self.take(key, |value| value.as_object().cloned())?.unwrap_or_default())
    }

    /// An object within.
    pub(super) fn inner(&mut self, key: &'static str) -> Result<Option<Fields>, Answer> {
        self.take(key, |value| Fields::new(value.clone()))
    }

    /// Refuses what is left.
    pub(super) fn end(self) -> Result<(), Answer> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Answer::usage("The running daemon does not know all of this command. Restart it after an update."))
    }
}
