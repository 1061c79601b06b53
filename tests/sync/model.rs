//! A made-up panel that changes at random, and what the book must be then.

use std::collections::BTreeMap;

use super::stage::Contents;
use crate::random::Random;

/// xorshift: a seed tells the whole story.
pub struct Dice(pub Random);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.0.next() >> 33).unwrap() % sides
    }

    pub fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.roll(list.len())]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Default,
    None,
    Mib(u64),
}

#[derive(Clone, Debug)]
pub struct Mailbox {
    pub limit: Limit,
    pub on: bool,
}

/// By domain: its account, mailboxes and aliases by their local parts. Aliases lead to addresses.
#[derive(Clone, Debug)]
pub struct Domain {
    pub account: String,
    pub mailboxes: BTreeMap<String, Mailbox>,
    pub aliases: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub domains: BTreeMap<String, Domain>,
    made: usize,
}

pub const ACCOUNTS: [&str; 4] = ["acacia", "bouleau", "chene", "douglas"];

impl Model {
    /// Every account has two domains, every domain some mailboxes.
    pub fn new(dice: &mut Dice) -> Model {
        let mut model = Model::default();
        for account in ACCOUNTS {
            for number in 1..=2 {
                let domain = Domain { account: account.into(), mailboxes: BTreeMap::new(), aliases: BTreeMap::new() };
                model.domains.insert(format!("{account}{number}.example"), domain);
            }
        }
        for _ in 0..40 {
            model.make(dice);
        }
        for _ in 0..20 {
            model.lead(dice);
        }
        model
    }

    fn domain(&mut self, dice: &mut Dice) -> &mut Domain {
        let at = dice.roll(self.domains.len());
        self.domains.values_mut().nth(at).unwrap()
    }

    /// A domain with its name and a mailbox in it.
    fn mailbox(&self, dice: &mut Dice) -> (String, String) {
        let all: Vec<_> =
            self.domains.iter().flat_map(|(name, domain)| domain.mailboxes.keys().map(move |local| (name, local))).collect();
        let (domain, local) = *dice.one(&all);
        (domain.clone(), local.clone())
    }

    fn limit(dice: &mut Dice) -> Limit {
        match dice.roll(5) {
            0 => Limit::Default,
            1 => Limit::None,
            number => Limit::Mib(100 * number as u64),
        }
    }

    fn make(&mut self, dice: &mut Dice) {
        self.made += 1;
        let local = format!("m{}", self.made);
        let limit = Model::limit(dice);
        self.domain(dice).mailboxes.insert(local, Mailbox { limit, on: true });
    }

    fn lead(&mut self, dice: &mut Dice) {
        self.made += 1;
        let local = format!("a{}", self.made);
        let mut targets = Vec::new();
        for _ in 0..=dice.roll(3) {
            let (domain, mailbox) = self.mailbox(dice);
            targets.push(format!("{mailbox}@{domain}"));
        }
        if dice.roll(4) == 0 {
            targets.push("someone@elsewhere.example".into());
        }
        self.domain(dice).aliases.insert(local, targets);
    }

    /// One thing that somebody does in a panel.
    pub fn change(&mut self, dice: &mut Dice) {
        let (domain, local) = self.mailbox(dice);
        let here = self.domains.get_mut(&domain).unwrap();
        match dice.roll(10) {
            0 | 1 => self.make(dice),
            2 => drop(here.mailboxes.remove(&local)),
            3 => {
                let mailbox = here.mailboxes.get_mut(&local).unwrap();
                mailbox.on = !mailbox.on;
            }
            4 | 5 => here.mailboxes.get_mut(&local).unwrap().limit = Model::limit(dice),
            // Another name, in the same domain or in another.
            6 => {
                let mailbox = here.mailboxes.remove(&local).unwrap();
                self.made += 1;
                let name = format!("r{}", self.made);
                self.domain(dice).mailboxes.insert(name, mailbox);
            }
            // A domain to another account.
            7 => here.account = (*dice.one(&ACCOUNTS)).to_owned(),
            8 => self.lead(dice),
            _ => {
                if let Some(alias) = here.aliases.keys().next().cloned() {
                    here.aliases.remove(&alias);
                }
            }
        }
    }

    /// What the book is to be. `name`: of the association of a domain and its account.
    pub fn contents(&self, name: impl Fn(&str, &str) -> String, has_aliases: bool) -> Contents {
        let mut found = Contents::default();
        let account = |address: &str| {
            let (local, domain) = address.split_once('@').unwrap();
            self.domains
                .get(domain)
                .filter(|domain| domain.mailboxes.contains_key(local))
                .map(|there| name(domain, &there.account))
        };
        for (domain, there) in &self.domains {
            let own = name(domain, &there.account);
            for (local, mailbox) in &there.mailboxes {
                let limit = match mailbox.limit {
                    Limit::Default => "default".to_owned(),
                    Limit::None => "none".to_owned(),
                    Limit::Mib(mib) => (mib << 20).to_string(),
                };
                found.mailboxes.insert(format!("{local}@{domain}"), limit);
            }
            for (local, targets) in there.aliases.iter().filter(|_| has_aliases) {
                let mut targets: Vec<_> =
                    targets.iter().filter(|target| account(target).as_ref() == Some(&own)).cloned().collect();
                targets.sort();
                targets.dedup();
                if !targets.is_empty() {
                    found.aliases.insert(format!("{local}@{domain}"), targets);
                }
            }
            found.domains.insert(domain.clone(), own);
        }
        found
    }

    /// As a table of `csv`.
    pub fn csv(&self) -> String {
        let mut text = "association;domain;mailbox;storage;alias\n".to_owned();
        for (domain, there) in &self.domains {
            let mut row = |rest: String| text.push_str(&format!("{};{domain};{rest}\n", there.account));
            row(";;".into());
            for (local, mailbox) in &there.mailboxes {
                let limit = match mailbox.limit {
                    Limit::Default => String::new(),
                    Limit::None => "none".to_owned(),
                    Limit::Mib(mib) => format!("{mib}M"),
                };
                row(format!("{local};{limit};"));
            }
            for (local, targets) in &there.aliases {
                row(format!("{local};;{}", targets.join(",")));
            }
        }
        text
    }
}
