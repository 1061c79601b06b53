//! What the hosts have set for an association, on its contact's page: whether it may be used, and how much may be sent.

use maud::{Markup, html};

use super::contact::ContactPage;
use super::layout::say;
use super::typography::{number, set};
use crate::fault::Lang;
use crate::notice::date;
use crate::quota::{Limit, Rates, Standing};

impl ContactPage<'_> {
    /// Where the association may not do everything.
    pub(super) fn standing(&self) -> Markup {
        let lang = self.lang;
        let text = match self.standing {
            Standing::Active => return html! {},
            Standing::ReadOnly => say(
                lang,
                "The association is read-only for now: mail comes in and can be read; its members can send, move or delete nothing. Ask your host.",
                "L'association est en lecture seule pour le moment\u{a0}: le courrier arrive et peut être lu\u{a0}; ses membres ne peuvent rien envoyer, \
                 déplacer ou supprimer. Demandez à votre hébergeur.",
            ),
            Standing::Suspended => say(
                lang,
                "The association is suspended: its members cannot log in; mail that comes for them is kept. Ask your host.",
                "L'association est suspendue\u{a0}: ses membres ne peuvent pas se connecter\u{a0}; le courrier qui leur arrive est gardé. Demandez à votre \
                 hébergeur.",
            ),
            Standing::Leaving(day) => match lang {
                Lang::En => {
                    format!(
                        "The association leaves this server after {}. Its members can use their mailboxes until then.",
                        date(day, lang)
                    )
                }
                Lang::Fr => set(
                    &format!(
                        "L'association quitte ce serveur après le {}. Ses membres peuvent utiliser leurs boîtes jusque-là.",
                        date(day, lang)
                    ),
                    lang,
                ),
            },
        };
        html! { div.error { p { (text) } } }
    }

    pub(super) fn sending_limits(&self) -> Markup {
        let (lang, limits) = (self.lang, self.sending);
        html! {
            h2 { (say(lang, "Sending limits", "Limites d'envoi")) }
            ul {
                li { (say(lang, "Each mailbox: ", "Chaque boîte\u{a0}: ")) (rates(limits.mailbox, lang)) }
                li { (say(lang, "All together: ", "Toutes ensemble\u{a0}: ")) (rates(limits.association, lang)) }
            }
            p.note { (say(
                lang,
                "Your host sets them. Whoever reaches one is told by mail, and so are you: it may be a stolen password.",
                "C'est votre hébergeur qui les fixe. Qui en atteint une est prévenu par courriel, et vous aussi\u{a0}: c'est peut-être un mot de passe volé.",
            )) }
        }
    }
}

/// How much may be sent, in words.
fn rates(rates: Rates, lang: Lang) -> String {
    let pair = |hour: Limit, day: Limit, what: &str| {
        let each = |limit: Limit, time: &str| match limit {
            Limit::At(most) => Some(format!("{} {what} {time}", number(most, lang))),
            Limit::None => None,
        };
        let (an_hour, a_day) = match lang {
            Lang::En => ("an hour", "a day"),
            Lang::Fr => ("par heure", "par jour"),
        };
        [each(hour, an_hour), each(day, a_day)]
    };
    let recipients = if lang == Lang::Fr { "destinataires" } else { "recipients" };
    let all = [
        pair(rates.messages_per_hour, rates.messages_per_day, "messages"),
        pair(rates.recipients_per_hour, rates.recipients_per_day, recipients),
    ];
    let said: Vec<_> = all.into_iter().flatten().flatten().collect();
    if said.is_empty() { say(lang, "no limit", "sans limite") } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_limited_is_said_and_nothing_else() {
        let some = Rates { messages_per_day: Limit::At(1000), recipients_per_hour: Limit::At(50), ..Rates::NONE };
        assert_eq!(rates(some, Lang::En), "1,000 messages a day, 50 recipients an hour");
        assert_eq!(rates(some, Lang::Fr), "1\u{202f}000 messages par jour, 50 destinataires par heure");
        assert_eq!((rates(Rates::NONE, Lang::En), rates(Rates::NONE, Lang::Fr)), ("no limit".into(), "sans limite".into()));
    }
}
