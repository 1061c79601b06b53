//! Inputs for the fuzz targets that the test cases give: each dialogue, header case and config, in the form that the target reads.

use std::fs;
use std::path::{Path, PathBuf};

use super::dialogue::{Dialogue, Side, Step, dialogues};

/// What decides how an input is cut into pieces (`seeded` in `fuzz/lib.rs`): the fuzzer finds others.
const PIECES: &[u8] = b"\0\0\0\0\0\0\0\0";
/// How an IMAP session may begin: with nobody who counts and no Sent; with both; with a mailbox that was counted; without LIST-STATUS.
const IMAP_BEGINNINGS: &[u8] = &[0x00, 0x0c, 0x1c, 0x5c];

/// The seeds of a target, each with its name.
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "config" => configs(),
        "header_scrub" => letters(),
        "imap_frame" | "imap_login" => of_each("imap", |dialogue| vec![[PIECES, &said(dialogue, Side::Client)].concat()]),
        "imap_session" => of_each("imap", |dialogue| {
            IMAP_BEGINNINGS.iter().map(|beginning| [&[*beginning], PIECES, &dialogue.turns()].concat()).collect()
        }),
        "lmtp_session" => of_each("lmtp", |dialogue| vec![[PIECES, &said(dialogue, Side::Client)].concat()]),
        "policy_request" => of_each("policy", |dialogue| vec![[PIECES, &lines(dialogue)].concat()]),
        "pop3_session" => {
            of_each("pop3", |dialogue| (0..4).map(|beginning| [PIECES, &[beginning], &dialogue.turns()].concat()).collect())
        }
        "proxy_header" => proxy_headers(),
        "sasl" => of_each("submission", exchanges),
        "sieve_session" => {
            of_each("sieve", |dialogue| (0..16).map(|beginning| [PIECES, &[beginning], &dialogue.turns()].concat()).collect())
        }
        "smtp_command" => of_each("submission", |dialogue| split(&said(dialogue, Side::Client))),
        "smtp_data" => {
            let letters = letters().into_iter();
            letters.map(|(name, letter)| (name, [PIECES, &letter, b"\r\n.\r\n"].concat())).collect()
        }
        "submission_session" => of_each("submission", |dialogue| vec![[PIECES, &said(dialogue, Side::Client)].concat()]),
        "usage_session" => of_each("usage", |dialogue| vec![[PIECES, &lines(dialogue)].concat()]),
        _ => Vec::new(),
    }
}

fn of_each(folder: &str, inputs: impl Fn(&Dialogue) -> Vec<Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for dialogue in dialogues(folder, 1) {
        let name = dialogue.name.trim_end_matches(".txt");
        let named = inputs(&dialogue).into_iter().enumerate().map(|(number, input)| (format!("{name}-{number}"), input));
        seeds.extend(named);
    }
    seeds
}

fn said(dialogue: &Dialogue, side: Side) -> Vec<u8> {
    let sent = dialogue.steps.iter().filter_map(|(_, step)| match step {
        Step::Send(from, bytes) if *from == side => Some(&bytes[..]),
        _ => None,
    });
    sent.flatten().copied().collect()
}

/// What a protocol says whose lines end in LF.
fn lines(dialogue: &Dialogue) -> Vec<u8> {
    said(dialogue, Side::Client).into_iter().filter(|byte| *byte != b'\r').collect()
}

fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).filter(|line| line.len() > 1).collect()
}

/// What comes with AUTH, and the lines behind it.
fn exchanges(dialogue: &Dialogue) -> Vec<Vec<u8>> {
    let lines = split(&said(dialogue, Side::Client).into_iter().filter(|byte| *byte != b'\r').collect::<Vec<_>>());
    let begins = lines.iter().enumerate().filter(|(_, line)| line.to_ascii_uppercase().starts_with(b"AUTH "));
    let exchange = |(at, line): (usize, &Vec<u8>)| {
        let initial = line.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default();
        let behind = lines[at + 1..].iter().take(2).cloned();
        [initial.to_vec()].into_iter().chain(behind).collect::<Vec<_>>().join(&b'\n')
    };
    begins.map(exchange).collect()
}

fn letters() -> Vec<(String, Vec<u8>)> {
    let files = [files("tests/scrub"), files("tests/programs")].concat();
    let letters = files.into_iter().filter(|file| file.to_string_lossy().ends_with(".in.eml"));
    letters.map(|file| (file.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&file).unwrap())).collect()
}

fn proxy_headers() -> Vec<(String, Vec<u8>)> {
    let lines = [
        "PROXY TCP4 192.0.2.7 192.0.2.1 40000 993",
        "PROXY TCP6 2001:db8::7 2001:db8::1 1 65535",
        "PROXY UNKNOWN",
        "PROXY TCP4 192.0.2.7",
    ];
    let lines = lines.map(|line| format!("{line}\r\na CAPABILITY\r\n").into_bytes());
    let binary = [(0x21, 0x11, 12), (0x20, 0x00, 0), (0x21, 0x21, 36), (0x21, 0x31, 216)];
    let binary = binary.map(|(command, family, length): (u8, u8, usize)| {
        [b"\r\n\r\n\0\r\nQUIT\n", &[command, family, 0, length as u8][..], &vec![7; length], b"EHLO x\r\n"].concat()
    });
    lines.into_iter().chain(binary).enumerate().map(|(number, input)| (format!("header-{number}"), input)).collect()
}

fn configs() -> Vec<(String, Vec<u8>)> {
    let folders = [files("tests/bad_config"), vec![root("tests/good_config")]].concat();
    let read =
        |folder: PathBuf| Some((folder.file_name()?.to_string_lossy().into_owned(), fs::read(folder.join("config.toml")).ok()?));
    folders.into_iter().filter_map(read).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    fs::read_dir(root(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
