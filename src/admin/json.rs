//! From JSON to the types of a command, with errors that cannot hold what stood there: serde's own repeat unknown keys and values.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// What is wrong. No text from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misread {
    /// A key that this program does not know.
    Unknown,
    /// The field of this name: it is missing, or has a value that it cannot have.
    Field(&'static str),
    /// Something else.
    Form,
}

/// Reads a command out of its fields.
pub(super) fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Misread> {
    T::deserialize(Json(Value::Object(fields)))
}

impl std::fmt::Display for Misread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("wrong")
    }
}

impl std::error::Error for Misread {}

impl Error for Misread {
    fn custom<T: std::fmt::Display>(_: T) -> Misread {
        Misread::Form
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Misread {
        Misread::Unknown
    }

    fn missing_field(field: &'static str) -> Misread {
        Misread::Field(field)
    }
}

struct Json(Value);

impl<'de> IntoDeserializer<'de, Misread> for Json {
    type Deserializer = Json;

    fn into_deserializer(self) -> Json {
        self
    }
}

impl<'de> Deserializer<'de> for Json {
    type Error = Misread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            // There are no numbers below zero and no fractions in any command.
            Value::Number(number) => visitor.visit_u64(number.as_u64().ok_or(Misread::Form)?),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Json));
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            Value::Object(fields) => {
                let mut fields = MapDeserializer::new(fields.into_iter().map(|(key, value)| (key, Json(value))));
                let value = visitor.visit_map(&mut fields)?;
                fields.end().map(|()| value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misread> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misread> {
        let Value::Object(fields) = self.0 else { return Err(Misread::Form) };
        visitor.visit_map(Fields { fields: fields.into_iter(), next: None, known })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misread> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map enum identifier ignored_any
    }
}

/// The fields of a struct: each error is told with the struct's own name of the field.
struct Fields {
    fields: serde_json::map::IntoIter,
    next: Option<(Option<&'static str>, Value)>,
    known: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Misread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misread> {
        let Some((key, value)) = self.fields.next() else { return Ok(None) };
        self.next = Some((self.known.iter().copied().find(|known| *known == key), value));
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misread> {
        let (field, value) = self.next.take().ok_or(Misread::Form)?;
        seed.deserialize(Json(value)).map_err(|wrong| match (wrong, field) {
            (Misread::Form, Some(field)) => Misread::Field(field),
            (wrong, _) => wrong,
        })
    }
}
