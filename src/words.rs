//! Layer 0: one table of words for an enum without data. Commands, the config file, the admins' socket and the store all read and write
//! the same words, so that a new one is written once. And one of code words, which have a text in each language.

/// Gives an enum its words: `ALL`, `word`, `FromStr`, and serde as a text. The sentence is what an admin is told who typed another.
macro_rules! words {
    ($type:ident, $wrong:literal: $($variant:ident = $word:literal),+ $(,)?) => {
        impl $type {
            /// Every one of them.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// Its word: in commands, in files, on the socket.
            pub fn word(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<$type, &'static str> {
                $type::ALL.iter().copied().find(|one| one.word() == text).ok_or($wrong)
            }
        }

        impl ::serde::Serialize for $type {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                $crate::words::read(deserializer)
            }
        }
    };
}

/// Makes an enum of code words: `ALL`, `word`, `text`. Where it is used, `Lang` is the languages.
macro_rules! codes {
    ($(#[$about:meta])* $type:ident: $($name:ident $word:literal $en:literal $fr:literal)*) => {
        #[allow(missing_docs)] // each is explained by its own text below
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($name),* }

        impl $type {
            /// Every code, in alphabetical order of the words.
            pub const ALL: &'static [$type] = &[$($type::$name),*];

            /// The word itself: `A-Z` and `-` only, so that it is safe in any protocol line.
            pub fn word(self) -> &'static str {
                match self { $($type::$name => $word),* }
            }

            /// What it means and what to do, in one or two sentences.
            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) { $(($type::$name, Lang::En) => $en, ($type::$name, Lang::Fr) => $fr),* }
            }
        }
    };
}

use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

/// A value that is one text. An error never holds the text.
pub(crate) fn read<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("no text"))?;
    text.parse().map_err(|_| D::Error::custom("not one of the words"))
}

/// For a field that may be absent: what is there is `Some`, also where it is null.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For a field that may be null and must not be absent: serde alone takes an absent one for null.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
