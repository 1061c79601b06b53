//! What is wrong in a policy file, and where.

/// Something wrong in a policy file, for the terminal of the admin who wrote it and for nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The key or value that is meant.
    pub key: String,
    /// What is wrong with it, as one sentence.
    pub text: String,
}

impl Problem {
    /// A problem at the octet `at` of `source`.
    pub(crate) fn at(source: &str, at: usize, key: &str, text: impl Into<String>) -> Problem {
        let before = source.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        Problem { line, key: key.to_owned(), text: text.into() }
    }

    /// What the TOML reader said.
    pub(crate) fn from_toml(source: &str, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or_default();
        let key = source.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        Problem::at(source, span.start, key.trim(), error.message())
    }
}
