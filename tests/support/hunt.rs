//! Looks for markers in bytes: plain in any case of letters, in base64 at any of its three alignments, and in hexadecimal.

#![allow(dead_code)] // every test file uses its own part of this

use std::fs;
use std::path::{Path, PathBuf};

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A made-up value, and all the forms that it could be written in.
pub struct Marker {
    pub name: &'static str,
    pub value: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Marker {
    /// A random value that stands nowhere else. Letters and digits only, so that no protocol quotes it.
    pub fn new(name: &'static str) -> Marker {
        let mut bytes = [0; 10];
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        let letters = b"abcdefghijklmnopqrstuvwxyz234567";
        let value: String = bytes.iter().map(|byte| char::from(letters[usize::from(byte % 32)])).collect();
        Marker::of(name, format!("q{value}"))
    }

    /// One that is given, such as an address of the network.
    pub fn of(name: &'static str, value: String) -> Marker {
        let bytes = value.as_bytes();
        let mut forms = vec![("plain", bytes.to_ascii_lowercase()), ("in hexadecimal", hexadecimal(bytes))];
        for shift in 0..3 {
            forms.push(("in base64", in_base64(&STANDARD_NO_PAD, bytes, shift)));
            forms.push(("in base64 for URLs", in_base64(&URL_SAFE_NO_PAD, bytes, shift)));
        }
        Marker { name, value, forms }
    }

    /// In which form it stands in `bytes`.
    pub fn find(&self, bytes: &[u8]) -> Option<&'static str> {
        let lower = bytes.to_ascii_lowercase();
        let stands = |(form, wanted): &&(&'static str, Vec<u8>)| {
            // Base64 knows two cases of letters.
            let text = if form.starts_with("in base64") { bytes } else { &lower };
            memchr::memmem::find(text, wanted).is_some()
        };
        self.forms.iter().find(stands).map(|(form, _)| *form)
    }
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// The letters that do not depend on what stands before and behind.
fn in_base64(engine: &impl base64::Engine, bytes: &[u8], shift: usize) -> Vec<u8> {
    let text = engine.encode([&vec![0; shift][..], bytes].concat()).into_bytes();
    let whole = (shift + bytes.len()) * 8 / 6;
    text[(shift * 8).div_ceil(6)..whole].to_vec()
}

/// Every file below `folder`, links not followed.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found.sort();
    found
}

/// What stands in the names and contents of `files`: a line for each find.
pub fn hunt(files: &[PathBuf], markers: &[&Marker]) -> Vec<String> {
    let mut finds = Vec::new();
    for file in files {
        let content = fs::read(file).unwrap();
        let name = file.as_os_str().as_encoded_bytes();
        for marker in markers {
            if let Some(form) = marker.find(&content).or(marker.find(name)) {
                finds.push(format!("{}: {} {form}", file.display(), marker.name));
            }
        }
    }
    finds
}
