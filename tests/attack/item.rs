//! One thing that the client does: octets, waits, and what of it is a command by the client's own reckoning.

/// A piece of an item.
#[derive(Clone)]
pub enum Part {
    Octets(Vec<u8>),
    /// Go on only when the server says `+`; else the rest of the item is left out.
    Go,
    /// Read this long, so that the server has done something before the next piece comes.
    Rest,
    /// The end of the connection, at once.
    Cut,
}

/// What becomes of the octets that were announced as a literal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// There are none.
    None,
    /// A literal by every reading: what stands in it must never run.
    Literal,
    /// A literal only when the server said `+`: else it may be read as commands, and judged as such.
    WhereTold,
    /// No literal by the grammar, whatever it looks like: commands.
    Commands,
}

/// One item.
#[derive(Clone)]
pub struct Item {
    /// For people: which form this is.
    pub kind: String,
    pub parts: Vec<Part>,
    /// Tag and verb of each command in it, outside of literals.
    pub commands: Vec<(String, String)>,
    pub payload: Payload,
    /// Whether all of it is a command as RFC 9051 has it, so that no garbage may reach the backend.
    pub well_formed: bool,
}

impl Item {
    pub fn new(kind: impl Into<String>) -> Item {
        Item { kind: kind.into(), parts: Vec::new(), commands: Vec::new(), payload: Payload::None, well_formed: true }
    }

    pub fn octets(mut self, octets: impl AsRef<[u8]>) -> Item {
        match self.parts.last_mut() {
            Some(Part::Octets(before)) => before.extend_from_slice(octets.as_ref()),
            _ => self.parts.push(Part::Octets(octets.as_ref().to_vec())),
        }
        self
    }

    pub fn part(mut self, part: Part) -> Item {
        self.parts.push(part);
        self
    }

    pub fn command(mut self, tag: &str, verb: &str) -> Item {
        self.commands.push((tag.to_owned(), verb.to_ascii_uppercase()));
        self
    }

    /// For a failure's text.
    pub fn show(&self) -> String {
        let mut text = format!("    [{}]\n", self.kind);
        for part in &self.parts {
            match part {
                Part::Octets(octets) => text.push_str(&show(octets)),
                Part::Go => text.push_str("      (waits for +)\n"),
                Part::Rest => text.push_str("      (a moment)\n"),
                Part::Cut => text.push_str("      (cuts the connection)\n"),
            }
        }
        text
    }
}

fn show(octets: &[u8]) -> String {
    let line = |line: &[u8]| {
        let start: String = line.iter().take(160).flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect();
        let more = if line.len() > 160 { format!(" ... {} octets", line.len()) } else { String::new() };
        format!("      C: {start}{more}\n")
    };
    let lines: Vec<_> = octets.split_inclusive(|byte| *byte == b'\n').collect();
    let mut text: String = lines.iter().take(12).map(|octets| line(octets)).collect();
    if lines.len() > 12 {
        text.push_str(&format!("      ... {} lines\n", lines.len()));
    }
    text
}
