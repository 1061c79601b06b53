//! `policy/sandbox.toml` as it is written: what a rule's lists of words mean, and what can be wrong with them.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{Call, RuleEffect, RulePlace, Sandbox, SandboxRule, Socket, SocketOption, Target, When};
use crate::policy::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SandboxFile {
    #[serde(default)]
    rule: Vec<WrittenRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    name: Spanned<String>,
    reason: Spanned<String>,
    when: Option<When>,
    write: Option<Vec<Spanned<String>>>,
    read: Option<Vec<Spanned<String>>>,
    remove: Option<Vec<Spanned<String>>>,
    connect: Option<Vec<Spanned<String>>>,
    sockets: Option<Vec<Socket>>,
    options: Option<Vec<SocketOption>>,
    deny: Option<Vec<Spanned<String>>>,
}

impl Sandbox {
    /// Reads a policy file. Unknown keys, calls, sockets and places are errors.
    ///
    /// # Errors
    /// Everything that is wrong with it; of mere TOML mistakes, the first one.
    pub fn parse(text: &str) -> Result<Sandbox, Vec<Problem>> {
        let file: SandboxFile = toml::from_str(text).map_err(|error| vec![Problem::from_toml(text, &error)])?;
        let mut problems = Vec::new();
        let mut rules: Vec<SandboxRule> = Vec::new();
        for rule in &file.rule {
            let mut wrong = |at: usize, key: &str, what: &str| problems.push(Problem::at(text, at, key, what));
            let name = rule.name.get_ref();
            if name.is_empty() || rules.iter().any(|other| other.name == *name) {
                wrong(rule.name.span().start, name, "each rule needs a name of its own");
            }
            if rule.reason.get_ref().trim().is_empty() {
                wrong(rule.reason.span().start, name, "a rule needs a reason");
            }
            if let Some(what) = rule.what(&mut wrong) {
                rules.push(SandboxRule { name: name.clone(), reason: rule.reason.get_ref().clone(), when: rule.when, what });
            }
        }
        if problems.is_empty() { Ok(Sandbox { rules }) } else { Err(problems) }
    }
}

impl WrittenRule {
    /// What the rule does; where it is nothing, or two things, `wrong` hears it.
    fn what(&self, wrong: &mut impl FnMut(usize, &str, &str)) -> Option<RuleEffect> {
        let mut all = |list: &Option<Vec<Spanned<String>>>, why: &str, find: &dyn Fn(&str) -> Option<WordMeaning>| {
            let mut parts = Vec::new();
            for item in list.as_ref()? {
                match find(item.get_ref()) {
                    Some(part) => parts.push(part),
                    None => wrong(item.span().start, item.get_ref(), why),
                }
            }
            Some(parts)
        };
        let path = "is neither an absolute path nor @state, @config, @certificates, @authorities, @policy, @usage";
        let write = all(&self.write, path, &|text| Some(WordMeaning::Place(place(text)?)));
        let read = all(&self.read, path, &|text| Some(WordMeaning::Place(place(text)?)));
        let remove = all(&self.remove, path, &|text| Some(WordMeaning::Place(place(text)?)));
        let connect = all(&self.connect, "is neither \"backends\" nor \"any\" nor a port", &|text| {
            Some(WordMeaning::Target(target(text)?))
        });
        let deny = all(&self.deny, "is no call of the kernel that can be denied here", &|text| {
            Some(WordMeaning::Call(Call::find(text)?))
        });
        let mut found = Vec::new();
        found.extend(write.map(|parts| RuleEffect::Write(parts.into_iter().filter_map(WordMeaning::place).collect())));
        found.extend(read.map(|parts| RuleEffect::Read(parts.into_iter().filter_map(WordMeaning::place).collect())));
        found.extend(remove.map(|parts| RuleEffect::Remove(parts.into_iter().filter_map(WordMeaning::place).collect())));
        found.extend(connect.map(|parts| RuleEffect::Connect(parts.into_iter().filter_map(WordMeaning::target).collect())));
        found.extend(deny.map(|parts| RuleEffect::Deny(parts.into_iter().filter_map(WordMeaning::call).collect())));
        found.extend(self.sockets.clone().map(RuleEffect::Sockets));
        found.extend(self.options.clone().map(RuleEffect::Options));
        let name = self.name.get_ref();
        if found.len() != 1 {
            wrong(self.name.span().start, name, "a rule has one of write, read, remove, connect, sockets, options, deny");
            return None;
        }
        let what = found.pop()?;
        if matches!(what, RuleEffect::Deny(_)) && matches!(self.when, Some(When::Names | When::Unix)) {
            wrong(self.name.span().start, name, "a rule that denies holds always, or when = \"numbers\"");
        }
        Some(what)
    }
}

enum WordMeaning {
    Place(RulePlace),
    Target(Target),
    Call(Call),
}

impl WordMeaning {
    fn place(self) -> Option<RulePlace> {
        if let WordMeaning::Place(place) = self { Some(place) } else { None }
    }

    fn target(self) -> Option<Target> {
        if let WordMeaning::Target(target) = self { Some(target) } else { None }
    }

    fn call(self) -> Option<Call> {
        if let WordMeaning::Call(call) = self { Some(call) } else { None }
    }
}

fn place(text: &str) -> Option<RulePlace> {
    match text {
        "@state" => Some(RulePlace::State),
        "@config" => Some(RulePlace::Config),
        "@certificates" => Some(RulePlace::Certificates),
        "@authorities" => Some(RulePlace::Authorities),
        "@policy" => Some(RulePlace::Policy),
        "@usage" => Some(RulePlace::Usage),
        path => path.starts_with('/').then(|| RulePlace::Path(PathBuf::from(path))),
    }
}

fn target(text: &str) -> Option<Target> {
    match text {
        "backends" => Some(Target::Backends),
        "any" => Some(Target::Any),
        port => port.parse().ok().filter(|port| *port != 0).map(Target::Port),
    }
}
