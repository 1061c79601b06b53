//! The no-log rules: TOML files under `policy/`, compiled in, replaceable by the admin, judged by the same checks.
//!
//! Every rule has a name and a reason in words, because an auditor reads the TOML and not the Rust.

pub mod headers;
mod list;
mod problem;
pub mod sandbox;
pub mod syscalls;
mod when;
pub mod words;

use aws_lc_rs::digest::{SHA256, digest};

pub use problem::Problem;

use headers::Headers;
use sandbox::Sandbox;
use words::{Log, Memory, Retention};

/// The files of a policy and their built-in texts, in the order of the digest.
pub const FILES: [(&str, &str); 5] = [
    ("headers.toml", headers::BUILT_IN),
    ("log.toml", words::LOG),
    ("memory.toml", words::MEMORY),
    ("retention.toml", words::RETENTION),
    ("sandbox.toml", sandbox::BUILT_IN),
];

/// All rules in force.
#[derive(Clone)]
pub struct Policy {
    /// What is done to header fields.
    pub headers: Headers,
    /// What may be reported.
    pub log: Log,
    /// What holds for memory.
    pub memory: Memory,
    /// What is kept, and what is not.
    pub retention: Retention,
    /// What the kernel shall allow.
    pub sandbox: Sandbox,
    digest: String,
    loosened: Vec<Loosened>,
}

/// A rule that an admin's file loosened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loosened {
    /// The file.
    pub file: &'static str,
    /// The name of the rule or setting.
    pub rule: String,
}

impl Policy {
    /// What is compiled in.
    pub fn built_in() -> Policy {
        Policy::parse(|_| None).unwrap_or_else(|_| unreachable!("policy/*.toml are checked by tests"))
    }

    /// The policy with the files that `own` has a text for in place of the built-in ones.
    ///
    /// # Errors
    /// Every problem, with the file that it is in.
    pub fn parse(own: impl Fn(&'static str) -> Option<String>) -> Result<Policy, Vec<(&'static str, Problem)>> {
        let texts = FILES.map(|(file, built_in)| own(file).unwrap_or_else(|| built_in.to_owned()));
        let [headers, log, memory, retention, sandbox] = &texts;
        let mut problems = Vec::new();
        let headers = keep(Headers::parse(headers), "headers.toml", &mut problems);
        let log = keep(Log::parse(log), "log.toml", &mut problems);
        let memory = keep(Memory::parse(memory), "memory.toml", &mut problems);
        let retention = keep(Retention::parse(retention), "retention.toml", &mut problems);
        let sandbox = keep(Sandbox::parse(sandbox), "sandbox.toml", &mut problems);
        let (Some(headers), Some(log), Some(memory), Some(retention), Some(sandbox)) = (headers, log, memory, retention, sandbox)
        else {
            return Err(problems);
        };
        let of = |file, rules: Vec<String>| rules.into_iter().map(move |rule| Loosened { file, rule });
        let mut loosened: Vec<_> = of("headers.toml", headers.loosened(&Headers::built_in())).collect();
        loosened.extend(of("sandbox.toml", sandbox.loosened(&Sandbox::built_in())));
        Ok(Policy { headers, log, memory, retention, sandbox, digest: digest_of(&texts), loosened })
    }

    /// SHA-256 over all files in force, in hexadecimal: the same on two machines means the same rules.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What is looser than the built-in policy; empty is good.
    pub fn loosened(&self) -> &[Loosened] {
        &self.loosened
    }

    /// Whether the built-in rule `rule` of `file` holds no longer as it was. A rule of the sandbox is undone by any rule of its
    /// kind that grants more, under whatever name.
    pub fn is_loosened(&self, file: &str, rule: &str) -> bool {
        let same = |loose: &str| loose == rule || file == "sandbox.toml" && self.sandbox.undoes(loose, rule);
        self.loosened.iter().any(|loose| loose.file == file && same(&loose.rule))
    }

    /// The names of the rules and settings of `file`; none for a file that is none of a policy.
    pub fn names(&self, file: &str) -> Vec<&str> {
        match file {
            "headers.toml" => self.headers.reasons().map(|(name, _)| name).chain(["unseen_payload", "unknown"]).collect(),
            "log.toml" => self.log.words().chain(["output"]).collect(),
            "memory.toml" => self.memory.rule.iter().map(|rule| rule.name.get_ref().as_str()).collect(),
            "retention.toml" => self.retention.names().collect(),
            "sandbox.toml" => self.sandbox.all().iter().map(|rule| rule.name.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

fn keep<T>(read: Result<T, Vec<Problem>>, file: &'static str, problems: &mut Vec<(&'static str, Problem)>) -> Option<T> {
    match read {
        Ok(rules) => Some(rules),
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| (file, problem)));
            None
        }
    }
}

// Name, length and text of each, so that nothing can be moved from one file to the next unseen. `sha256sum` over
// `NAME LENGTH\n` and the text, file after file, gives the same.
fn digest_of(texts: &[String; 5]) -> String {
    let mut all = String::new();
    for ((file, _), text) in FILES.iter().zip(texts) {
        all.push_str(&format!("{file} {}\n", text.len()));
        all.push_str(text);
    }
    digest(&SHA256, all.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_follows_every_file_and_what_is_loosened_is_listed() {
        let built_in = Policy::built_in();
        assert!(built_in.loosened().is_empty());
        assert_eq!(built_in.digest().len(), 64);
        for (changed, text) in FILES {
            let own = |file| (file == changed).then(|| format!("{text}# a remark\n"));
            let Ok(policy) = Policy::parse(own) else { panic!("{changed}") };
            assert_ne!(policy.digest(), built_in.digest(), "{changed}");
            assert!(policy.loosened().is_empty());
        }
        let own = |file| (file == "sandbox.toml").then(|| sandbox::BUILT_IN.replace("\"ptrace\", ", ""));
        let Ok(policy) = Policy::parse(own) else { panic!("sandbox.toml") };
        assert_eq!(policy.loosened(), [Loosened { file: "sandbox.toml", rule: "no-other-processes".to_owned() }]);
    }

    #[test]
    fn problems_name_their_file() {
        let own = |file| (file == "log.toml" || file == "memory.toml").then(|| "colour = 1\n".to_owned());
        let Err(problems) = Policy::parse(own) else { panic!("an unknown key was taken") };
        assert_eq!(
            problems.iter().map(|(file, problem)| (*file, problem.line)).collect::<Vec<_>>(),
            [("log.toml", 1), ("memory.toml", 1)]
        );
    }
}
