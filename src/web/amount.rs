//! How full something is: in words, and as a bar.

use maud::{Markup, html};

use super::layout::say;
use super::typography::{share as percent_of, size};
use crate::fault::Lang;
use crate::quota::{Level, Limit};

/// How full something is: in words, and as a bar where there is a limit.
pub(super) fn amount(octets: u64, limit: Limit, percent: Option<u64>, lang: Lang, big: bool) -> Markup {
    let used = size(octets, lang);
    let Limit::At(most) = limit else {
        let text = format!("{used}, {}", say(lang, "no limit", "sans limite"));
        return html! { @if big { p.big { (text) } } @else { div.numbers { span { (text) } } } };
    };
    let text = format!("{used} {} {}", say(lang, "of", "sur"), size(most, lang));
    let full = percent.unwrap_or_else(|| u64::try_from(limit.percent(octets.into())).unwrap_or(u64::MAX));
    let left = match most.saturating_sub(octets) {
        0 => say(lang, "full", "plein"),
        left => format!("{} {}", size(left, lang), say(lang, "free", "libres")),
    };
    let label = format!("{text}, {}", percent_of(full, lang));
    html! {
        @if big { p.big { (text) } }
        @if !big { div.numbers { span { (text) } span { (percent_of(full, lang)) } } }
        // In the colour of a warning from the share on at which a notice is sent. One colour is never alone: the number stands beside it.
        meter min="0" max="100" low=(Level::High.percent() - 1) high=(Level::Full.percent()) optimum="0" value=(full.min(100)) aria-label=(label) { (label) }
        @if big { div.numbers { span { (percent_of(full, lang)) } span { (left) } } }
    }
}
