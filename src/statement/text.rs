//! The statement for a terminal or a letter.

use std::fmt::Write as _;

use super::line::StatementLine;
use super::page::Page;

const WIDTH: usize = 92;

impl Page {
    /// For a terminal or a letter.
    pub fn text(&self) -> String {
        let mut text = String::new();
        underlined(&self.words.title, '=', &mut text);
        for line in self.top() {
            wrap(&line, "", &mut text);
        }
        text.push('\n');
        underlined(&self.words.in_short, '-', &mut text);
        text.push('\n');
        for line in &self.summary {
            wrap(&line.text, "- ", &mut text);
        }
        text.push('\n');
        if let Some(loosened) = &self.loosened {
            wrap(loosened, "", &mut text);
            text.push('\n');
        }
        if let Some(changes) = &self.changes {
            underlined(&changes.heading, '-', &mut text);
            text.push('\n');
            for line in &changes.lines {
                wrap(line, "- ", &mut text);
            }
            text.push('\n');
        }
        wrap(&self.words.introduction, "", &mut text);
        for (part, lines) in self.parts.iter().filter(|(_, lines)| !lines.is_empty()) {
            text.push('\n');
            underlined(self.words.heading(*part), '-', &mut text);
            text.push('\n');
            for StatementLine { text: said, proof, .. } in lines {
                wrap(&format!("{said} [{proof}]"), "- ", &mut text);
            }
        }
        let _ = write!(text, "\n{}\n", self.digest);
        text
    }
}

fn underlined(heading: &str, with: char, out: &mut String) {
    let line: String = heading.chars().map(|_| with).collect();
    let _ = writeln!(out, "{heading}\n{line}");
}

fn wrap(text: &str, bullet: &str, out: &mut String) {
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column == 0 {
            out.push_str(bullet);
            column = bullet.len();
        } else if column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(bullet.len()));
            column = bullet.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}
