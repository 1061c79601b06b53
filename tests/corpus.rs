//! The inputs that fuzzing keeps (`fuzz/corpus/`), and those that the dialogues, header cases and configs make (`corpus/seeds.rs`),
//! through every target: what was found once stays found, without a fuzzer. `make fuzz` begins with the same inputs.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use crate::dialogue;
#[path = "corpus/seeds.rs"]
mod seeds;
#[path = "../fuzz/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use targets::{TARGETS, run};

#[test]
fn kept_inputs_break_no_rule() {
    let mut broken = Vec::new();
    for (name, _) in TARGETS {
        let files = files(&corpus(name));
        assert!(!files.is_empty(), "nothing is kept for {name}");
        for file in files {
            let input = fs::read(&file).unwrap();
            if catch_unwind(|| run(name, &input)).is_err() {
                broken.push(file.display().to_string());
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn seeds_break_no_rule() {
    let mut broken = Vec::new();
    for (name, _) in TARGETS {
        let seeds = seeds::of(name);
        assert!(!seeds.is_empty(), "no seeds for {name}");
        broken.extend(
            seeds.iter().filter(|(_, input)| catch_unwind(|| run(name, input)).is_err()).map(|(seed, _)| (name, seed.clone())),
        );
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A target that is not in the table would not be replayed, one without a corpus or words would be fuzzed blindly.
#[test]
fn every_target_has_its_place() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let known: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stem = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    let found: BTreeSet<_> = files(&fuzz().join("fuzz_targets")).iter().map(stem).collect();
    assert_eq!(known, found, "fuzz/lib.rs and fuzz/fuzz_targets");
    for name in &known {
        let target = fs::read_to_string(fuzz().join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(target.contains(&format!("run(\"{name}\", input)")), "{name} runs something else");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not in fuzz/Cargo.toml");
        assert!(dictionary(name).exists(), "{} is not there", dictionary(name).display());
    }
    let kept: BTreeSet<_> = fs::read_dir(fuzz().join("corpus")).unwrap().map(|entry| stem(&entry.unwrap().path())).collect();
    assert_eq!(kept, known, "fuzz/corpus has a folder for each target");
}

/// libFuzzer stops at a dictionary that it cannot read.
#[test]
fn dictionaries_can_be_read() {
    for file in files(&fuzz().join("dictionaries")) {
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let quoted = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
            let plain = |word: &str| {
                !word.contains('"') && word.split("\\x").skip(1).all(is_octet) && !word.replace("\\x", "").contains('\\')
            };
            let read = line.is_empty() || line.starts_with('#') || quoted.is_some_and(|word| !word.is_empty() && plain(word));
            assert!(read, "{}:{}: {line}", file.display(), number + 1);
        }
    }
}

#[test]
#[ignore = "make fuzz"]
fn write_seeds() {
    let folder = PathBuf::from(std::env::var_os("SEEDS").unwrap());
    for (name, _) in TARGETS {
        fs::create_dir_all(folder.join(name)).unwrap();
        for (seed, input) in seeds::of(name) {
            fs::write(folder.join(name).join(seed), input).unwrap();
        }
    }
}

fn is_octet(text: &str) -> bool {
    text.get(..2).is_some_and(|digits| u8::from_str_radix(digits, 16).is_ok())
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus(target: &str) -> PathBuf {
    fuzz().join("corpus").join(target)
}

/// The words of a protocol: `imap.dict` for all targets that begin with `imap_`.
fn dictionary(target: &str) -> PathBuf {
    fuzz().join("dictionaries").join(target.split('_').next().unwrap()).with_extension("dict")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
