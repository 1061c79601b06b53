//! Layer 4: what the admin's terminal can show; and a line on it that says what is being done, and goes away.
//!
//! In a pipe, in a file, on a terminal that says it can do nothing (`TERM=dumb`): nothing is drawn, and no line is written. No colour where
//! NO_COLOR is set (no-color.org). Absent on purpose: guesses at how long it will take.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::admin::Canvas;
use crate::wire::direction::is_turning;

/// Standard output; none where it is no terminal, or one that nobody draws on.
pub fn canvas() -> Option<Canvas> {
    let width = width(stdout())?;
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // The first that is set counts (locale(7)).
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
    let wide = locale.contains("utf-8") || locale.contains("utf8");
    Some(Canvas { width, colour: set("NO_COLOR").is_none(), wide })
}

/// Whether standard output is a terminal: who reads there is a person, and no program that wants each octet.
pub fn is_read_by_a_person() -> bool {
    stdout().is_terminal()
}

/// `text` without what a terminal obeys: names out of files, folders and databases, and words of servers, may hold anything. What turns the
/// direction of writing would put one line's number behind another's name. Our own colours stay.
pub fn plain(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(sign) = rest.chars().next() {
        let colour = COLOURS.iter().find(|colour| rest.starts_with(**colour));
        let length = colour.map_or(sign.len_utf8(), |colour| colour.len());
        match (colour, sign) {
            (Some(colour), _) => plain.push_str(colour),
            (None, '\n' | '\t') => plain.push(sign),
            (None, sign) if sign.is_control() || is_turning(sign) => plain.push('?'),
            (None, sign) => plain.push(sign),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    plain
}

/// As bars of fill have them.
const COLOURS: [&str; 4] = ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"];

/// Columns of a terminal that can be drawn on.
fn width(output: impl IsTerminal + AsFd) -> Option<usize> {
    let can = output.is_terminal() && std::env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb");
    let (width, _) = terminal_size::terminal_size_of(output).filter(|_| can)?;
    // A terminal that does not know its width says 0.
    Some(usize::from(width.0)).filter(|width| *width > 0)
}

/// How often the line is written anew, at most.
const PAUSE: Duration = Duration::from_millis(100);

/// One line on standard error. It is gone when this is dropped, and before anything else is to be said ([`Progress::clear`]).
pub struct Progress {
    width: Option<usize>,
    shown: Option<Instant>,
}

impl Progress {
    /// Nothing is shown yet; ever, where standard error is no terminal.
    pub fn new() -> Progress {
        Progress { width: width(stderr()), shown: None }
    }

    /// Says what is being done, if the last word about it is old enough.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        let Some(width) = self.width else { return };
        if self.shown.is_some_and(|shown| shown.elapsed() < PAUSE) {
            return;
        }
        write(&line(&text(), width));
        self.shown = Some(Instant::now());
    }

    /// Says it in any case: what comes now may take long.
    pub fn begin(&mut self, text: &str) {
        self.shown = None;
        self.show(|| text.to_owned());
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.shown.take().is_some() {
            write("\r\x1b[2K");
        }
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// In place of the line before; never so long that it would become two, which could not be taken away. Names of files may hold anything.
fn line(text: &str, width: usize) -> String {
    let plain = |sign: char| if sign.is_ascii_graphic() || sign == ' ' { sign } else { '?' };
    let shown: String = text.chars().take(width.saturating_sub(1)).map(plain).collect();
    format!("\r\x1b[2K{shown}")
}

// Whether the terminal is still there is no matter of the work.
fn write(text: &str) {
    let mut out = stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_and_holds_no_command_for_the_terminal() {
        assert_eq!(line("searching /var/log", 80), "\r\x1b[2Ksearching /var/log");
        assert_eq!(line("searching /var/log", 10), "\r\x1b[2Ksearching");
        assert_eq!(line("a\x1b[31m\n\u{e9}\u{4e00}b", 80), "\r\x1b[2Ka?[31m???b");
        assert_eq!((line("abc", 1), line("abc", 0)), ("\r\x1b[2K".to_owned(), "\r\x1b[2K".to_owned()));
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_said() {
        assert_eq!(plain("a\u{1b}[2J\r\u{7}b\u{9b}31m\tc\n\u{e9}"), "a?[2J??b?31m\tc\n\u{e9}");
        assert_eq!(plain("\u{202e}gpj@velo.example\u{2066}"), "?gpj@velo.example?");
        assert_eq!(plain("\u{1b}[31m\u{2588}\u{1b}[0m \u{1b}]0;x"), "\u{1b}[31m\u{2588}\u{1b}[0m ?]0;x");
    }

    #[test]
    fn nothing_is_written_where_nobody_looks() {
        let mut progress = Progress { width: None, shown: None };
        progress.begin("work");
        progress.show(|| unreachable!("no text is made"));
        assert!(progress.shown.is_none());
    }
}
