//! `nologd check` on files that are wrong: it must fail, for the right reason, and tell every error in one go, with line and
//! key. Each folder of `tests/bad_config` holds `config.toml` and `expected`, which is all that it says. And on files that
//! are right, the one in the handbook among them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nologd::demo::Place;

#[test]
fn every_error_is_told_in_one_go() {
    let mut folders: Vec<_> = fs::read_dir(here("bad_config")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 20, "the folders were not found");
    let mut wrong = Vec::new();
    for folder in folders {
        let output = check(&folder, "config.toml");
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = fs::read_to_string(folder.join("expected")).unwrap_or_default();
        if said != expected || output.status.code() != Some(1) || !output.stdout.is_empty() {
            wrong.push(format!("{}: {}\n{said}", folder.file_name().unwrap().to_string_lossy(), output.status));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn a_file_with_everything_in_it_is_good() {
    good(&here("good_config"), "config.toml");
    let said = check(&here("good_config"), "config.toml").stdout;
    assert!(String::from_utf8(said).unwrap().contains("client hints: store2 is told a made-up address"));
}

/// The blocks of the handbook together are a config file, as a reader would put them together.
#[test]
fn the_example_of_the_handbook_is_good() {
    let pages = ["install-from-source", "quotas", "usage", "limits", "webmail", "monitoring"];
    let text: String = pages.iter().map(|page| fs::read_to_string(here(&format!("../docs/admin/{page}.md"))).unwrap()).collect();
    let mut blocks = Vec::new();
    for block in text.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        blocks.push(text.lines().map(|line| format!("{}\n", line.trim_start())).collect::<String>());
    }
    assert!(blocks.len() >= 7 && blocks[0].contains("hostname"), "where is the example?");
    let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
    place.write("config.toml", blocks.concat().as_bytes()).unwrap();
    good(place.folder(), "config.toml");
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn check(folder: &Path, file: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.current_dir(folder).args(["check", "--file-only", "--config", file]).output().unwrap()
}

fn good(folder: &Path, file: &str) {
    let output = check(folder, file);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}\n{said}", output.status);
}
