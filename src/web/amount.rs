//! How full something is: in words, and as a bar; and which is the fullest.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::layout::say;
use super::typography::{percent_of, set, size};
use crate::admin::association_shown::FillShown;
use crate::admin::mailbox_shown::MailboxShown;
use crate::fault::Lang;
use crate::quota::{Level, Limit};

/// How full something is: in words, and as a bar where there is a limit. The bar is that of the octets beside it, whatever else is full.
pub(super) fn amount(octets: u64, limit: Limit, lang: Lang, big: bool) -> Markup {
    let used = size(octets, lang);
    let Limit::At(most) = limit else {
        let text = format!("{used}, {}", say(lang, "no limit", "sans limite"));
        return html! { @if big { p.big { (text) } } @else { div.numbers { span { (text) } } } };
    };
    let text = format!("{used} {} {}", say(lang, "of", "sur"), size(most, lang));
    let full = u64::try_from(limit.percent(octets.into())).unwrap_or(u64::MAX);
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

/// That numbers are old, or that none came: of several nodes, the one that counts them has told nothing for a while, or nothing yet.
pub(super) fn old(are_old: bool, lang: Lang) -> Markup {
    html! {
        @if are_old {
            p.note { strong { (say(
                lang,
                "These numbers are old, or not here yet: another machine counts them, and has not told this one lately.",
                "Ces nombres sont anciens, ou pas encore arrivés\u{a0}: une autre machine les tient, et n'a rien dit à celle-ci ces derniers temps.",
            )) } }
        }
    }
}

/// What is full though the bar of the octets does not show it: the number of messages.
pub(super) fn full_of_messages(fill: &FillShown, lang: Lang) -> Option<String> {
    let percent = percent_of(fill.percent_of_messages()?, lang);
    Some(match lang {
        Lang::En => format!("Fuller by the number of messages: {percent}"),
        Lang::Fr => set(&format!("Plus remplie en nombre de messages\u{a0}: {percent}"), lang),
    })
}

/// The fullest first; those without a limit by what they hold.
pub fn fullest_first(mailboxes: &[MailboxShown]) -> Vec<&MailboxShown> {
    let mut sorted: Vec<_> = mailboxes.iter().collect();
    sorted.sort_by_key(|mailbox| (Reverse((mailbox.percent.unwrap_or_default(), mailbox.octets)), mailbox.address.reveal()));
    sorted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_that_are_old_are_said_to_be() {
        let [english, french] = [Lang::En, Lang::Fr].map(|lang| old(true, lang).into_string());
        assert!(english.contains("These numbers are old") && french.contains("Ces nombres sont anciens"));
        assert!(old(false, Lang::En).into_string().is_empty());
    }

    /// An association full of messages is not shown as full of octets.
    #[test]
    fn the_bar_is_that_of_the_amount_beside_it() {
        let fill = |octets: u64, storage: Option<u64>, percent: Option<u64>| -> FillShown {
            let fill = json!({"storage": storage, "octets": octets, "messages": 98, "percent": percent, "reserved": null, "mailboxes": 1});
            serde_json::from_value(fill).unwrap()
        };
        let html = amount(1 << 30, Limit::At(10 << 30), Lang::En, true).into_string();
        assert!(html.contains("value=\"10\"") && html.contains("10%") && html.contains("9\u{a0}GB free"), "{html}");
        let said = |fill: &FillShown| full_of_messages(fill, Lang::Fr);
        let by_messages = said(&fill(1 << 30, Some(10 << 30), Some(98)));
        assert_eq!(by_messages.as_deref(), Some("Plus remplie en nombre de messages\u{202f}: 98\u{202f}%"));
        assert_eq!(said(&fill(1, None, Some(98))), by_messages);
        assert_eq!(said(&fill(1 << 30, Some(10 << 30), Some(10))), None);
        assert_eq!(said(&fill(1, None, None)), None);
    }
}
