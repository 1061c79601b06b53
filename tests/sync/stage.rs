//! A daemon with a book, and `nologd sync` beside it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::alone::{House, Said};

pub const BACKEND: &str = "[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\n";

/// What a sync can change of a book: by domain its association, by alias domain what it stands for, by mailbox the own limit (`default`,
/// `none`, octets), by alias where it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub domains: BTreeMap<String, String>,
    pub standing: BTreeMap<String, String>,
    pub mailboxes: BTreeMap<String, String>,
    pub aliases: BTreeMap<String, Vec<String>>,
}

pub struct Stage {
    pub house: House,
}

impl Stage {
    pub fn new() -> Stage {
        let house = House::start(BACKEND);
        fs::create_dir(house.place.path("sync")).unwrap();
        Stage { house }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.house.place.path(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        self.house.place.write(name, text.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
        self.path(name)
    }

    /// Runs `nologd sync` with `line`.
    pub fn sync(&self, line: &str) -> Said {
        self.house.nologd(&self.line(line))
    }

    pub fn line(&self, line: &str) -> String {
        format!("sync --state {} {line}", self.path("sync").display())
    }

    pub fn done(&self, line: &str) -> String {
        let said = self.sync(line);
        assert!(said.code == 0 && said.errors.is_empty(), "{line}: {} {}{}", said.code, said.out, said.errors);
        said.out
    }

    /// With this table of `csv`.
    pub fn csv(&self, text: &str, more: &str) -> Said {
        let file = self.write("panel.csv", text);
        self.sync(format!("--from csv --file {} {more}", file.display()).trim_end())
    }

    /// As if the marks were two hours older.
    pub fn wait(&self) {
        let file = self.path("sync/state.json");
        let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for mark in state["missing"].as_object_mut().unwrap().values_mut() {
            mark["since"] = (mark["since"].as_u64().unwrap() - 2).into();
        }
        fs::write(file, state.to_string()).unwrap();
    }

    /// What the sync remembers is nobody's from here on.
    pub fn as_nobody(&self) {
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        nix::unistd::chown(&self.path("sync"), Some(nobody.uid), Some(nobody.gid)).unwrap();
    }

    /// Which generation of the book the files are of, and the state beside.
    pub fn written(&self) -> (Vec<String>, Vec<u8>) {
        let names =
            fs::read_dir(self.path("state/store")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        (names, fs::read(self.path("sync/state.json")).unwrap_or_default())
    }

    pub fn contents(&self) -> Contents {
        contents(&self.house)
    }
}

impl Contents {
    /// What is in one of the two alone.
    pub fn difference(&self, other: &Contents) -> Vec<String> {
        let lines = |of: &Contents| -> std::collections::BTreeSet<String> {
            let pair = |kind: &'static str| move |(key, value): (&String, &String)| format!("{kind} {key} {value}");
            let aliases = of.aliases.iter().map(|(alias, to)| format!("alias {alias} {}", to.join(",")));
            let domains = of.domains.iter().map(pair("domain")).chain(of.standing.iter().map(pair("standing")));
            domains.chain(of.mailboxes.iter().map(pair("mailbox"))).chain(aliases).collect()
        };
        let (one, two) = (lines(self), lines(other));
        let only = |sign: &'static str, a: &std::collections::BTreeSet<String>, b: &std::collections::BTreeSet<String>| {
            a.difference(b).map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
        };
        [only("is", &one, &two), only("should be", &two, &one)].concat()
    }
}

pub fn contents(house: &House) -> Contents {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found = Contents::default();
    for association in house.json("association list")["associations"].as_array().unwrap() {
        let name = text(&association["name"]);
        for domain in association["settings"]["domains"].as_array().unwrap() {
            found.domains.insert(text(domain), name.clone());
        }
        for (alias, domain) in association["settings"]["domain-aliases"].as_object().unwrap() {
            found.standing.insert(alias.clone(), text(domain));
        }
        for (alias, targets) in association["aliases"].as_object().unwrap() {
            found.aliases.insert(alias.clone(), targets.as_array().unwrap().iter().map(text).collect());
        }
    }
    for mailbox in house.json("mailbox list")["mailboxes"].as_array().unwrap() {
        let limit = match (mailbox["own-limit"].as_bool().unwrap(), &mailbox["storage"]) {
            (false, _) => "default".to_owned(),
            (true, Value::Null) => "none".to_owned(),
            (true, octets) => octets.to_string(),
        };
        found.mailboxes.insert(text(&mailbox["address"]), limit);
    }
    found
}
