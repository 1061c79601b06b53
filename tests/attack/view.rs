//! What Dovecot itself says that it ran: one record for each command, read from its log as it grows.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// One command that Dovecot took for one.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Dovecot's name for the session.
    pub session: String,
    pub user: String,
    /// Empty where it found no tag, or no verb: garbage at the place of a command.
    pub tag: String,
    /// In capitals, with UID in front where it was; also where Dovecot does not know it.
    pub verb: String,
    pub arguments: String,
    /// OK, NO, BAD, or nothing.
    pub answer: String,
    /// From its tag to its end, in microseconds.
    pub took: u64,
}

/// Reads on where it ended.
pub struct View {
    file: PathBuf,
    read: u64,
    /// The start of a line that was not whole yet.
    rest: Vec<u8>,
}

impl View {
    pub fn new(file: PathBuf) -> View {
        View { file, read: 0, rest: Vec::new() }
    }

    /// What came since the last time.
    pub fn more(&mut self) -> Vec<Ran> {
        let mut file = File::open(&self.file).unwrap();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut new = Vec::new();
        self.read += file.read_to_end(&mut new).unwrap() as u64;
        self.rest.extend_from_slice(&new);
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        String::from_utf8_lossy(&lines).lines().filter_map(record).collect()
    }
}

fn record(line: &str) -> Option<Ran> {
    let (_, fields) = line.split_once("stats: Info: ")?;
    let mut ran = Ran::default();
    for field in fields.split('\t') {
        let Some((name, value)) = field.strip_prefix("field:").and_then(|field| field.split_once('=')) else { continue };
        let place = match name {
            "session" => &mut ran.session,
            "user" => &mut ran.user,
            "cmd_tag" => &mut ran.tag,
            "cmd_input_name" => &mut ran.verb,
            "duration" => {
                ran.took = value.parse().unwrap_or_default();
                continue;
            }
            "cmd_args" => &mut ran.arguments,
            "tagged_reply_state" => &mut ran.answer,
            _ => continue,
        };
        *place = value.to_owned();
    }
    ran.verb = ran.verb.to_ascii_uppercase();
    // A command that was cut off before its tag is none.
    let nothing = ran.session.is_empty() || ran.tag.is_empty() && ran.answer.is_empty();
    (!nothing).then_some(ran)
}
