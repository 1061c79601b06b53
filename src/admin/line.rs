//! The two lines of a connection: a request, and an answer. Both are JSON objects with the version of their form.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny};
use serde::ser::Serialize;
use serde_json::{Map, Value, json};

use super::NotDone;

/// The version of the two lines. Another one is refused with a sentence.
pub const VERSION: u64 = 1;

/// The longest request, in octets with its line end: a few hundred domains or aliases in one command.
pub const MAX_REQUEST: usize = 64 * 1024;

/// The longest answer, in octets with its line end: 100,000 mailboxes.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What precedes and what follows what was done, in an answer that comes in pieces.
pub(super) const DONE: [&str; 2] = [r#"{"done":"#, ",\"nologd\":1}\n"];

/// The command of a request's line, and its fields.
pub(super) fn asked(line: &[u8]) -> Result<(String, Map<String, Value>), NotDone> {
    let value: Value = serde_json::from_slice(line).map_err(|_| NotDone::usage("The request is not one line of JSON."))?;
    let Value::Object(mut fields) = value else { return Err(NotDone::usage("The request is not a JSON object.")) };
    if fields.remove("nologd").is_none_or(|version| version != VERSION) {
        return Err(NotDone::usage("The command line and the running daemon are of different versions. Restart the daemon."));
    }
    match fields.remove("command") {
        Some(Value::String(command)) => Ok((command, fields)),
        _ => Err(NotDone::wrong("command")),
    }
}

/// An answer's line, with its end.
pub fn tell<T: Serialize>(answer: Result<&T, &NotDone>) -> String {
    match answer {
        Ok(told) => match serde_json::to_string(told) {
            Ok(told) => format!("{}{told}{}", DONE[0], DONE[1]),
            // Nothing that is told has keys that are no texts.
            Err(_) => tell::<()>(Err(&NotDone::because("The answer could not be written."))),
        },
        Err(not_done) => {
            format!("{}\n", json!({ "nologd": VERSION, "refused": not_done.text, "usage": not_done.is_usage() }))
        }
    }
}

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no answer: cut off, or somebody else's.
    Nothing,
    /// It is one of another version of this program.
    Foreign,
}

/// Reads an answer's line.
///
/// # Errors
/// A key that is missing, or one that is not known, makes it foreign: what is printed is never less than what was said.
pub fn told<T: DeserializeOwned>(line: &[u8]) -> Result<Result<T, NotDone>, Unread> {
    let whole = serde_json::from_slice::<IgnoredAny>(line);
    let line: AnswerLine<T> = match (serde_json::from_slice(line), whole) {
        (Ok(line), _) => line,
        (Err(_), Ok(_)) => return Err(Unread::Foreign),
        (Err(_), Err(_)) => return Err(Unread::Nothing),
    };
    match line {
        AnswerLine { nologd: VERSION, done: Some(done), refused: None, usage: None } => Ok(Ok(done)),
        AnswerLine { nologd: VERSION, done: None, refused: Some(text), usage: Some(usage) } => {
            Ok(Err(if usage { NotDone::usage(&text) } else { NotDone::because(&text) }))
        }
        _ => Err(Unread::Foreign),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
struct AnswerLine<T> {
    nologd: u64,
    #[serde(default, deserialize_with = "there")]
    done: Option<T>,
    refused: Option<String>,
    usage: Option<bool>,
}

fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    crate::words::given(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::blocks::Lifted;

    #[test]
    fn an_answer_reads_as_it_was_written_or_not_at_all() {
        let lifted = Lifted { address: None };
        let line = tell(Ok(&lifted));
        assert_eq!(line, "{\"done\":{\"address\":null},\"nologd\":1}\n");
        assert!(matches!(told::<Lifted>(line.as_bytes()), Ok(Ok(read)) if read == lifted));
        let refusal = NotDone::usage("No.");
        let line = tell::<Lifted>(Err(&refusal));
        assert!(matches!(told::<Lifted>(line.as_bytes()), Ok(Err(read)) if read == refusal));
        for (line, why) in [
            ("", Unread::Nothing),
            ("{\"done\":{\"address\":nu", Unread::Nothing),
            ("{\"done\":{\"address\":null},\"nologd\":2}", Unread::Foreign),
            ("{\"done\":{},\"nologd\":1}", Unread::Foreign),
            ("{\"done\":{\"adress\":null},\"nologd\":1}", Unread::Foreign),
            ("{\"done\":{\"address\":null,\"more\":1},\"nologd\":1}", Unread::Foreign),
            ("{\"done\":null,\"nologd\":1}", Unread::Foreign),
            ("{\"nologd\":1}", Unread::Foreign),
            ("{\"done\":{\"address\":null},\"refused\":\"x\",\"usage\":true,\"nologd\":1}", Unread::Foreign),
        ] {
            assert!(told::<Lifted>(line.as_bytes()).err() == Some(why), "{line}");
        }
    }
}
