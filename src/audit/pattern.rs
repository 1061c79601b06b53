//! Patterns of file names as the shell has them: `*`, `?` and `[a-z]`, within one component.

/// One place of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum PatternPart {
    Any,
    One,
    /// Of these ranges, or of none of them.
    Class(Vec<(char, char)>, bool),
    Letter(char),
}

/// Whether a component names more than one file.
pub(super) fn is_pattern(component: &str) -> bool {
    component.contains(['*', '?', '['])
}

/// Whether `name` is one that `pattern` names; a dot in front has to be written. In time that grows with both lengths, whatever stands there.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let (parts, letters) = (parts(pattern), name.chars().collect::<Vec<_>>());
    if name.starts_with('.') && parts.first() != Some(&PatternPart::Letter('.')) {
        return false;
    }
    let (mut at, mut next) = (0, 0);
    // Where the last `*` stands, and how far it reaches so far: only that one has to be tried again.
    let mut star = None;
    while let Some(letter) = letters.get(next) {
        match parts.get(at) {
            Some(PatternPart::Any) => {
                star = Some((at, next));
                at += 1;
            }
            Some(part) if part.takes(*letter) => (at, next) = (at + 1, next + 1),
            _ => {
                let Some((place, reach)) = star else { return false };
                star = Some((place, reach + 1));
                (at, next) = (place + 1, reach + 1);
            }
        }
    }
    parts.iter().skip(at).all(|part| *part == PatternPart::Any)
}

impl PatternPart {
    fn takes(&self, letter: char) -> bool {
        match self {
            PatternPart::Any | PatternPart::One => true,
            PatternPart::Class(ranges, none) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *none,
            PatternPart::Letter(own) => *own == letter,
        }
    }
}

fn parts(pattern: &str) -> Vec<PatternPart> {
    let (mut parts, mut rest) = (Vec::new(), pattern);
    while let Some(letter) = rest.chars().next() {
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        let class = if letter == '[' { class(rest) } else { None };
        parts.push(match (letter, class) {
            ('*', _) => PatternPart::Any,
            ('?', _) => PatternPart::One,
            (_, Some((class, after))) => {
                rest = after;
                class
            }
            (letter, None) => PatternPart::Letter(letter),
        });
    }
    parts
}

/// What stands between `[` and `]`, and what comes behind. `None`: it has no end, and is a letter.
fn class(text: &str) -> Option<(PatternPart, &str)> {
    let (none, inside) = match text.strip_prefix(['!', '^']) {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    // A bracket in front is one of the letters.
    let end = inside.char_indices().skip(1).find(|(_, letter)| *letter == ']')?.0;
    let (letters, rest) = (inside.get(..end)?.chars().collect::<Vec<_>>(), inside.get(end + 1..)?);
    let (mut ranges, mut at) = (Vec::new(), 0);
    while let Some(from) = letters.get(at) {
        let to = letters.get(at + 2).filter(|_| letters.get(at + 1) == Some(&'-'));
        ranges.push((*from, *to.unwrap_or(from)));
        at += if to.is_some() { 3 } else { 1 };
    }
    Some((PatternPart::Class(ranges, none), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("*", "a"),
            ("*.conf", "a.b.conf"),
            ("a*b*c", "axbyc"),
            ("x", "x"),
            ("*.conf", "é.conf"),
            ("a?c", "abc"),
            ("[a-m]*.conf", "b.conf"),
            ("[!a-m]*", "z"),
            ("[]x]", "]"),
            ("[a", "[a"),
            (".*", ".a"),
            ("**", "a"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*", ".a"),
            ("?a", ".a"),
            ("*.conf", "a.conf~"),
            ("a*b", "ac"),
            ("x", "y"),
            ("[a-m]*", "z"),
            ("a?c", "ac"),
            ("[!a]", "a"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    /// What takes a time that doubles with each star elsewhere takes none here.
    #[test]
    fn many_stars_end_soon() {
        let start = std::time::Instant::now();
        assert!(!fits(&format!("{}b", "*a".repeat(60)), &"a".repeat(250)));
        assert!(start.elapsed() < std::time::Duration::from_secs(2));
    }
}
