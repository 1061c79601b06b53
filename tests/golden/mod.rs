//! Messages in files, and what becomes of them: `NAME.in.eml` is what is handed over; `NAME.submission.eml` and `NAME.sent.eml`
//! are what becomes of it, byte for byte, with the clock, key and randomness of `scrub::invariants`. An expected file that is
//! one line `refused: CODE` stands for a refusal. The member is `alice@asso.example` and anyone at `own.example`.

#![allow(clippy::unwrap_used, dead_code)] // each test takes what it needs

use std::fs;
use std::path::{Path, PathBuf};

use nologd::scrub::invariants::{ALICE, context, shared_scrubber};
use nologd::scrub::{MessageContext, Profile};
use nologd::wire::header::{Field, Part, split};

/// The messages of a folder under `tests/`.
pub fn inputs(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<_> = files.filter(|path| path.to_str().unwrap().ends_with(".in.eml")).collect();
    inputs.sort();
    inputs
}

/// The file's name without its ends.
pub fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap().trim_end_matches(".in.eml")
}

/// What is not as its files say.
pub fn wrong(inputs: &[PathBuf]) -> Vec<String> {
    let mut wrong = Vec::new();
    for input in inputs {
        let message = fs::read(input).unwrap();
        for (profile, end) in [(Profile::Submission, "submission.eml"), (Profile::Sent, "sent.eml")] {
            let path = input.to_str().unwrap().replace("in.eml", end);
            let scrubbed = scrubbed(&message, profile);
            if scrubbed != fs::read(&path).unwrap_or_default() {
                wrong.push(format!("--- {path}\n{}", String::from_utf8_lossy(&scrubbed)));
            }
        }
    }
    wrong
}

/// The message after the scrubber, or the line of a refusal.
pub fn scrubbed(message: &[u8], profile: Profile) -> Vec<u8> {
    with_context(message, &context(profile, &ALICE, b""))
}

/// The same for whom `context` says.
pub fn with_context(message: &[u8], context: &MessageContext<'_>) -> Vec<u8> {
    let (header, body) = cut(message);
    let scrubber = shared_scrubber();
    let body_start = if scrubber.needs_body_start(header) { body } else { b"" };
    match scrubber.scrub(header, &MessageContext { body_start, ..*context }) {
        Ok(scrubbed) => [scrubbed.header(), body].concat(),
        Err(refusal) => format!("refused: {}\n", refusal.code().word()).into_bytes(),
    }
}

/// The header block and the body.
pub fn cut(message: &[u8]) -> (&[u8], &[u8]) {
    let end = nologd::wire::header::EndFinder::new().find(message).unwrap_or(message.len());
    message.split_at(end)
}

/// The fields of the header block.
pub fn fields(message: &[u8]) -> Vec<Field<'_>> {
    let found = split(cut(message).0).filter_map(|part| match part {
        Part::Field(field) => Some(field),
        _ => None,
    });
    found.collect()
}
