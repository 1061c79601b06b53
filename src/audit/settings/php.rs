//! As much PHP as the config files of Roundcube and PostfixAdmin need: `$config['name'] = value;`, lists, comments.
//!
//! Absent on purpose: everything else. What is computed cannot be judged here, and is handed out as its own text.

/// One assignment.
pub(super) struct Assignment {
    /// The name in brackets.
    pub name: String,
    /// The text of the value, without comments.
    pub value: String,
    /// Where it begins, counted from 1.
    pub line: usize,
}

impl Assignment {
    /// Whether PHP takes it for true. What is computed counts as true.
    pub fn is_true(&self) -> bool {
        let value = self.value.trim_matches(['\'', '"']).to_ascii_lowercase();
        !matches!(value.as_str(), "" | "0" | "false" | "null" | "[]" | "array()")
    }

    /// A text without its quotes.
    pub fn text(&self) -> &str {
        self.value.trim_matches(['\'', '"'])
    }

    /// The texts in a list.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.value.split(['\'', '"']).skip(1).step_by(2)
    }
}

/// All assignments in the order of the file.
pub(super) fn assignments(text: &str) -> Vec<Assignment> {
    assignments_to("$config[", text)
}

/// The same, of another array: `$CONF[`.
pub(super) fn assignments_to(array: &str, text: &str) -> Vec<Assignment> {
    let code = without_comments(text);
    let mut found = Vec::new();
    let (mut rest, mut line) = (code.as_str(), 1);
    while let Some((before, after)) = rest.split_once(array) {
        line += before.matches('\n').count();
        let Some((name, value)) = after.split_once(']').filter(|(_, value)| value.trim_start().starts_with('=')) else {
            rest = after;
            continue;
        };
        let end = end_of_statement(value);
        let (value, next) = value.split_at(end);
        let name = name.trim_matches(['\'', '"', ' ']).to_owned();
        found.push(Assignment { name, value: value.trim_start().trim_start_matches('=').trim().to_owned(), line });
        line += value.matches('\n').count();
        rest = next;
    }
    found
}

/// The files that `text` includes by an absolute path, with the line: what they set counts from there on.
pub(super) fn included(text: &str) -> Vec<(usize, String)> {
    let code = without_comments(text);
    let path = |line: &str| {
        let words = ["include_once", "include", "require_once", "require"];
        let rest = words.iter().find_map(|word| line.trim_start().strip_prefix(word))?;
        let path = rest.trim_start_matches([' ', '(']).strip_prefix(['\'', '"'])?.split(['\'', '"']).next()?;
        path.starts_with('/').then(|| path.to_owned())
    };
    code.lines().enumerate().filter_map(|(number, line)| Some((number + 1, path(line)?))).collect()
}

/// All assignments of `text` and of the files that it includes, in the order in which PHP makes them; an included one has the
/// line of the include.
pub(super) fn assignments_with(text: &str, files: &[(String, String)]) -> Vec<Assignment> {
    let mut all = assignments(text);
    for (line, path) in included(text) {
        let Some((_, more)) = files.iter().find(|(file, _)| *file == path) else { continue };
        let at = all.iter().rposition(|own| own.line <= line).map_or(0, |last| last + 1);
        all.splice(at..at, assignments(more).into_iter().map(|own| Assignment { line, ..own }));
    }
    all
}

/// Whether `$_SERVER[name]` is given another value; what stands in comments does not count.
pub(super) fn replaces_server(text: &str, name: &str) -> bool {
    let code = without_comments(text);
    let mut behind = code.split("$_SERVER[").skip(1).filter_map(|code| code.split_once(']'));
    behind.any(|(key, rest)| {
        let rest = rest.trim_start();
        key.trim_matches(['\'', '"', ' ']) == name && rest.starts_with('=') && !rest.starts_with("==")
    })
}

fn end_of_statement(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ';') => return at,
            _ => {}
        }
    }
    text.len()
}

/// Comments become blanks; line ends stay, so that lines can be counted.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut quote = None;
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                code.push(c);
                code.extend(letters.next());
                continue;
            }
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') => skip_line(&mut letters),
            (None, '/') if letters.peek() == Some(&'/') => skip_line(&mut letters),
            (None, '/') if letters.peek() == Some(&'*') => {
                let mut before = ' ';
                for c in letters.by_ref() {
                    if c == '\n' {
                        code.push(c);
                    }
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            _ => {}
        }
        if !(quote.is_none() && (c == '#' || c == '/')) {
            code.push(c);
        }
    }
    code
}

fn skip_line(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while letters.peek().is_some_and(|c| *c != '\n') {
        letters.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_included_counts_from_there_on() {
        let text = "$config['a'] = 1;\n# include('/x');\ninclude(\"/x\");\n$config['b'] = 2;\nrequire 'relative';\n";
        let files = [("/x".to_owned(), "$config['a'] = 3;\n$config['b'] = 4;\n".to_owned())];
        let found = assignments_with(text, &files);
        let found: Vec<_> = found.iter().map(|own| (own.name.as_str(), own.value.as_str(), own.line)).collect();
        assert_eq!(found, [("a", "1", 1), ("a", "3", 3), ("b", "4", 3), ("b", "2", 4)]);
    }

    #[test]
    fn assignments_are_found_among_comments_and_quotes() {
        let text = "<?php\n/* $config['a'] = 1; */\n# $config['b'] = 2;\n$config['c'] = true; // ; $config['d'] = 3;\n\
                    $config['url'] = 'http://x/#;y';\n$config['plugins'] = [\n  // 'lastlogin',\n  'archive', \"rcguard\",\n];\n$x = $config['c'];\n";
        let found = assignments(text);
        let names: Vec<_> = found.iter().map(|found| (found.name.as_str(), found.line)).collect();
        assert_eq!(names, [("c", 4), ("url", 5), ("plugins", 6)]);
        assert!(found[0].is_true());
        assert_eq!(found[1].text(), "http://x/#;y");
        assert!(!replaces_server("// $_SERVER['A'] = 1;\nif ($_SERVER['A'] == 2) { $_SERVER['B'] = 3; }", "A"));
        assert!(replaces_server("if (!empty($_SERVER['A'])) {\n  $_SERVER[\"A\"] = '';\n}", "A"));
        assert_eq!(found[2].texts().collect::<Vec<_>>(), ["archive", "rcguard"]);
    }
}
