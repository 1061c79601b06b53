//! The statement for machines, and for `--since`: each sentence by its name, with what was said.

use serde::{Deserialize, Serialize};

use super::machine::RuleVerdict;
use crate::fault::Lang;

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The day, `YYYY-MM-DD`.
    pub made: String,
    /// The host's name.
    #[serde(default)]
    pub host: Option<String>,
    /// Whom to ask.
    #[serde(default)]
    pub contact: Option<String>,
    /// `en` or `fr`: the words below are of it.
    pub lang: String,
    /// With the fingerprint of the rules.
    pub digest: String,
    /// All sentences.
    pub sentences: Vec<RecordedSentence>,
}

/// One sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSentence {
    /// Its name; behind a `:` the server it is about.
    pub name: String,
    /// `holds`, `otherwise` or `unknown`.
    pub verdict: String,
    /// The words.
    pub text: String,
    /// What stands behind it.
    pub proof: String,
}

/// Its word in reports.
pub(super) fn language(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "en",
        Lang::Fr => "fr",
    }
}

/// Its word in reports.
pub(super) fn word(verdict: RuleVerdict) -> &'static str {
    match verdict {
        RuleVerdict::Holds => "holds",
        RuleVerdict::Otherwise => "otherwise",
        RuleVerdict::Unknown => "unknown",
    }
}
