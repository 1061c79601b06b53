//! Which file and line each line of a joined text comes from: settings are spread over includes, and people change files.

/// A text put together from files, line by line.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    /// The lines.
    pub text: String,
    /// Where they come from.
    pub origins: Origins,
}

/// For each line, counted from 1, its file and its line there. A line that nobody placed has none.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    files: Vec<String>,
    lines: Vec<Option<(usize, usize)>>,
}

impl Joined {
    /// Adds one line of `file`.
    pub fn push(&mut self, file: &str, number: usize, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(Some((file, number)));
    }

    /// Adds a whole file.
    pub fn push_file(&mut self, file: &str, text: &str) {
        text.lines().enumerate().for_each(|(number, line)| self.push(file, number + 1, line));
    }
}

impl Origins {
    fn push(&mut self, place: Option<(&str, usize)>) {
        let place = place.map(|(file, number)| {
            let known = self.files.iter().rposition(|known| known == file);
            let index = known.unwrap_or_else(|| {
                self.files.push(file.to_owned());
                self.files.len() - 1
            });
            (index, number)
        });
        self.lines.push(place);
    }

    /// The file and line behind a line of the joined text.
    pub fn of(&self, line: usize) -> Option<(&str, usize)> {
        let (file, number) = self.lines.get(line.checked_sub(1)?).copied()??;
        Some((self.files.get(file)?, number))
    }

    /// From the headings that a tool prints between the files it joined: `heading` gives the file of such a line.
    pub fn from_headings<'a>(text: &'a str, heading: fn(&'a str) -> Option<&'a str>) -> Origins {
        let (mut origins, mut place) = (Origins::default(), None::<(&str, usize)>);
        for line in text.lines() {
            if let Some(file) = heading(line) {
                place = Some((file, 0));
                origins.push(None);
            } else {
                place = place.map(|(file, number)| (file, number + 1));
                origins.push(place);
            }
        }
        origins
    }

    /// For what a tool printed in its own order: a line has the place of the only line in `files` that sets the same to the same.
    pub fn by_likeness(text: &str, files: &Joined) -> Origins {
        let mut origins = Origins::default();
        for line in text.lines() {
            let mut same =
                files.text.lines().enumerate().filter(|(_, other)| !line.is_empty() && squeeze(other) == squeeze(line));
            let only = same.next().filter(|_| line.contains('=') && same.next().is_none());
            origins.push(only.and_then(|(number, _)| files.origins.of(number + 1)));
        }
        origins
    }
}

fn squeeze(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again_in_its_file() {
        let mut joined = Joined::default();
        joined.push("a", 1, "one");
        joined.push_file("b", "two\nthree\n");
        joined.push("a", 3, "four");
        assert_eq!(joined.text, "one\ntwo\nthree\nfour\n");
        let of = |line| joined.origins.of(line);
        assert_eq!([of(1), of(3), of(4)], [Some(("a", 1)), Some(("b", 2)), Some(("a", 3))]);
        assert_eq!([of(0), of(5)], [None; 2]);
    }

    #[test]
    fn headings_and_likeness() {
        let headings = Origins::from_headings("x = 1\n# /etc/a\n[A]\ny = 2\n", |line| line.strip_prefix("# "));
        assert_eq!([headings.of(1), headings.of(2), headings.of(4)], [None, None, Some(("/etc/a", 2))]);
        let mut files = Joined::default();
        files.push_file("f", "a {\n  x =  1\n}\ny = 2\ny = 2\n");
        let likeness = Origins::by_likeness("a {\nx = 1\ny = 2\n", &files);
        assert_eq!([likeness.of(1), likeness.of(2), likeness.of(3)], [None, Some(("f", 2)), None], "two alike are no place");
    }
}
