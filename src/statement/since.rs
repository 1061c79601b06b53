//! What has changed since an earlier statement, in words.
//!
//! A sentence that now says the opposite is told with both; one that says the same in other words (a new day of the audit, a better
//! wording) is no change.

use super::record::{RecordedSentence, Snapshot};
use super::words::Words;

/// What has changed.
pub struct Changes {
    /// With the day of the earlier one.
    pub heading: String,
    /// One for each change; one that says that there is none.
    pub lines: Vec<String>,
}

impl Changes {
    /// Between `old` and `new`, in their words. None where they are in two languages.
    pub fn between(old: &Snapshot, new: &Snapshot, words: &Words) -> Option<Changes> {
        if old.lang != new.lang {
            return None;
        }
        let was = |name: &str| old.sentences.iter().find(|said| said.name == name);
        let mut lines = Vec::new();
        for now in &new.sentences {
            match was(&now.name) {
                Some(said) if is_same(said, now) => {}
                Some(said) => lines.push(words.changed.replace("{new}", &now.text).replace("{old}", &said.text)),
                None => lines.push(words.added.replace("{new}", &now.text)),
            }
        }
        for said in &old.sentences {
            if !new.sentences.iter().any(|now| now.name == said.name) {
                lines.push(words.gone.replace("{old}", &said.text));
            }
        }
        if old.digest != new.digest {
            lines.push(words.other_rules.clone());
        }
        if lines.is_empty() {
            lines.push(words.unchanged.clone());
        }
        Some(Changes { heading: words.since.replace("{day}", &words.day(&old.made)), lines })
    }
}

/// What a server writes down may grow while the verdict stays: there the words count too.
fn is_same(old: &RecordedSentence, now: &RecordedSentence) -> bool {
    let lists = old.name.starts_with("server-clean:") && now.verdict == "otherwise";
    old.verdict == now.verdict && (!lists || old.text == now.text)
}
