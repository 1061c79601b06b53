//! The one door from personal types to a serialiser: `#[serde(with = "revealed")]` on a field.
//!
//! The types themselves have no `Serialize`: what holds one can be written only where each such field says so, and every place is found
//! by searching for this word. All of them end in the book's files, on the admins' socket, or before the person itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::{Address, Domain};

/// Something about a person or a group that has one text.
pub trait Text: Sized {
    /// The text.
    fn to_text(&self) -> Cow<'_, str>;
    /// Reads it; none when it is not one.
    fn of_text(text: &str) -> Option<Self>;
}

/// A [`Text`], or lists and tables of them.
pub trait Revealed: Sized {
    /// Opens the door.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// Closes it behind what is read.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// For `#[serde(with)]`.
pub fn serialize<T: Revealed, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.write(serializer)
}

/// For `#[serde(with)]`.
pub fn deserialize<'de, T: Revealed, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::read(deserializer)
}

/// As [`deserialize`], for a field that may be absent: what is there is `Some`.
pub fn given<'de, T: Revealed, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::read(deserializer).map(Some)
}

impl Text for Address {
    fn to_text(&self) -> Cow<'_, str> {
        self.reveal().into()
    }

    fn of_text(text: &str) -> Option<Address> {
        Address::parse(text)
    }
}

impl Text for Domain {
    /// As it was written: whoever reads it knows it in that spelling.
    fn to_text(&self) -> Cow<'_, str> {
        self.reveal_written().into()
    }

    fn of_text(text: &str) -> Option<Domain> {
        Domain::parse(text)
    }
}

struct Writing<'a, T>(&'a T);

impl<T: Revealed> Serialize for Writing<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Unsealed<T>(T);

impl<'de, T: Revealed> Deserialize<'de> for Unsealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unsealed<T>, D::Error> {
        T::read(deserializer).map(Unsealed)
    }
}

impl<T: Text> Revealed for T {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        // Never with the text: errors of serde end in answers.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("no text"))?;
        T::of_text(&text).ok_or_else(|| D::Error::custom("not one"))
    }
}

impl<T: Revealed> Revealed for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Writing).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        Ok(Option::<Unsealed<T>>::deserialize(deserializer)?.map(|found| found.0))
    }
}

impl<T: Revealed> Revealed for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Writing))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        Ok(Vec::<Unsealed<T>>::deserialize(deserializer)?.into_iter().map(|found| found.0).collect())
    }
}

impl<T: Revealed + Ord> Revealed for BTreeSet<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Writing))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<T>, D::Error> {
        Ok(Vec::<Unsealed<T>>::deserialize(deserializer)?.into_iter().map(|found| found.0).collect())
    }
}

impl<K: Revealed + Ord, V: Revealed> Revealed for BTreeMap<K, V> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (Writing(key), Writing(value))))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error> {
        let found = BTreeMap::<Unsealed<K>, Unsealed<V>>::deserialize(deserializer)?;
        Ok(found.into_iter().map(|(key, value)| (key.0, value.0)).collect())
    }
}

/// A pair, as a list of two.
impl<A: Revealed, B: Revealed> Revealed for (A, B) {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Writing(&self.0), Writing(&self.1)).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(A, B), D::Error> {
        let (first, second) = <(Unsealed<A>, Unsealed<B>)>::deserialize(deserializer)?;
        Ok((first.0, second.0))
    }
}
