//! The statement as a page of its own, without scripts, pictures or anything from elsewhere.
//!
//! What stands behind the sentences is folded away, in one list for each part, with the same numbers. It is read on a phone, in the
//! dark, and on paper.

use std::fmt::Write as _;

use crate::fault::Lang;

use super::line::StatementLine;
use super::page::Page;

/// Colours come from the reader's system; names of rules may break anywhere, so that no line is wider than a phone.
const STYLE: &str = "\
:root { color-scheme: light dark; --soft: color-mix(in srgb, CanvasText 70%, Canvas); --line: color-mix(in srgb, CanvasText 25%, Canvas) } \
html { background: Canvas; color: CanvasText } \
body { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; font: 1.05rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere } \
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-bottom: 1.25rem } nav a { padding: .3rem 0; min-height: 24px } \
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .75rem } \
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.25rem 0 .75rem } \
.top { color: var(--soft); margin: 0 } \
.short { border: 1px solid var(--line); border-radius: .5rem; padding: 0 1rem; margin: 1.5rem 0 } \
.short h2 { margin-top: 1rem } \
ol, ul { padding-left: 1.6rem } li { margin: .5rem 0 } \
.not { font-weight: 600 } \
details { color: var(--soft); font-size: .9rem } summary { cursor: pointer; padding: .4rem 0 } details li { margin: .2rem 0 } \
code { font-size: .85em } footer { color: var(--soft); font-size: .9rem; margin-top: 2.5rem } \
@media print { body { font-size: 11pt; padding: 0; max-width: none } details { display: none } h2 { break-after: avoid } li { break-inside: avoid } }";

impl Page {
    /// A page of its own.
    pub fn html(&self) -> String {
        self.html_below("")
    }

    /// The same among the daemon's pages: with the way back to them, and to the other language.
    pub fn html_among_pages(&self) -> String {
        let (home, others, lang, other, name) = match self.lang {
            Lang::En => ("To the first page", "Pages", "en", "fr", "Français"),
            Lang::Fr => ("Vers la page d’accueil", "Pages", "fr", "en", "English"),
        };
        self.html_below(&format!(
            "<nav aria-label=\"{others}\">\n<a href=\"/{lang}/\">{home}</a>\n\
             <a href=\"/{other}/statement\" lang=\"{other}\" hreflang=\"{other}\">{name}</a>\n</nav>\n"
        ))
    }

    fn html_below(&self, way: &str) -> String {
        let lang = match self.lang {
            Lang::En => "en",
            Lang::Fr => "fr",
        };
        let words = &self.words;
        let title = escape(&words.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n{way}<main>\n<h1>{title}</h1>\n"
        );
        for line in self.top() {
            let _ = writeln!(html, "<p class=\"top\">{}</p>", escape(&line));
        }
        let _ = writeln!(html, "<section class=\"short\">\n<h2>{}</h2>", escape(&words.in_short));
        list("ul", &self.summary, &mut html);
        html.push_str("</section>\n");
        if let Some(loosened) = &self.loosened {
            let _ = writeln!(html, "<p class=\"not\">{}</p>", escape(loosened));
        }
        if let Some(changes) = &self.changes {
            let _ = writeln!(html, "<h2>{}</h2>\n<ul>", escape(&changes.heading));
            for line in &changes.lines {
                let _ = writeln!(html, "<li>{}</li>", escape(line));
            }
            html.push_str("</ul>\n");
        }
        for (part, lines) in self.parts.iter().filter(|(_, lines)| !lines.is_empty()) {
            let _ = writeln!(html, "<h2>{}</h2>", escape(words.heading(*part)));
            list("ol", lines, &mut html);
            let _ = writeln!(html, "<details>\n<summary>{}</summary>\n<ol>", escape(&words.behind));
            for StatementLine { proof, .. } in lines {
                let _ = writeln!(html, "<li><code>{}</code></li>", escape(proof));
            }
            html.push_str("</ol>\n</details>\n");
        }
        let (introduction, digest) = (escape(&words.introduction), escape(&self.digest));
        let _ = write!(html, "</main>\n<footer>\n<p>{introduction}</p>\n<p>{digest}</p>\n</footer>\n</body>\n</html>\n");
        html
    }
}

fn list(tag: &str, lines: &[StatementLine], html: &mut String) {
    let _ = writeln!(html, "<{tag}>");
    for StatementLine { text, holds, .. } in lines {
        let class = if *holds { "" } else { " class=\"not\"" };
        let _ = writeln!(html, "<li{class}>{}</li>", escape(text));
    }
    let _ = writeln!(html, "</{tag}>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
