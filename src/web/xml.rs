//! XML that is written and escapes by itself (XML 1.0, 2.4). No namespaces, no reading.

/// A document under way.
pub struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Default for Xml {
    fn default() -> Xml {
        Xml { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".into(), open: Vec::new() }
    }
}

impl Xml {
    /// The same with a document type below the first line. Its text is ours.
    #[must_use]
    pub fn with_type(mut self, doctype: &'static str) -> Xml {
        self.text.push_str(doctype);
        self.text.push('\n');
        self
    }

    /// Begins an element. Names are ours, values are anybody's.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> &mut Xml {
        self.begin(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
        self
    }

    /// Ends the last one that was begun.
    pub fn close(&mut self) -> &mut Xml {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push_str(">\n");
        }
        self
    }

    /// An element with a text in it.
    pub fn element(&mut self, name: &'static str, value: &str) -> &mut Xml {
        self.with(name, &[], value)
    }

    /// An element with attributes and a text in it.
    pub fn with(&mut self, name: &'static str, attributes: &[(&str, &str)], value: &str) -> &mut Xml {
        self.begin(name, attributes);
        self.text.push('>');
        escape(value, &mut self.text);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
        self
    }

    /// An element without anything in it.
    pub fn empty(&mut self, name: &'static str) -> &mut Xml {
        self.begin(name, &[]);
        self.text.push_str("/>\n");
        self
    }

    /// The document. What is still open is closed.
    pub fn end(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
        }
    }

    fn indent(&mut self) {
        self.text.push_str(&"  ".repeat(self.open.len()));
    }
}

fn escape(value: &str, text: &mut String) {
    for letter in value.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            // In attributes a reader makes spaces of these.
            '\t' => text.push_str("&#9;"),
            '\n' => text.push_str("&#10;"),
            '\r' => text.push_str("&#13;"),
            // No XML can hold the others, in no spelling.
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => text.push('\u{fffd}'),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out() {
        let mut xml = Xml::default();
        xml.open("a", &[("b", "\"><x y='")]).element("c", "</c>&\u{0}\n]]>").empty("d");
        let text = xml.end();
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        let body = "<a b=\"&quot;&gt;&lt;x y=&#39;\">\n  <c>&lt;/c&gt;&amp;\u{fffd}&#10;]]&gt;</c>\n  <d/>\n</a>\n";
        assert_eq!(text, format!("{head}{body}"));
    }
}
