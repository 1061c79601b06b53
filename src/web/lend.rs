//! Lending, on the contact's page: what is lent and borrowed, what is offered, and the form to offer.

use maud::{Markup, html};

use super::form_input::FormInput;
use super::layout::{done_with, refused, say};
use super::typed_size::TypedSizeError;
use super::typography::{number, set, size};
use crate::admin::open_offers::OfferShown;
use crate::fault::Lang;
use crate::notice::date;
use crate::quota::{Day, Loan};

/// Why nothing was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LendError {
    /// What was typed is no name and no domain.
    NoName,
    /// It is the association itself.
    Itself,
    /// It is no size, or not one that can be lent.
    Size(TypedSizeError),
    /// It is no day, or one that is over.
    Day,
    /// The space is in use.
    InUse,
    /// Without a limit there is nothing to lend.
    NoLimit,
    /// There are as many offers as there may be.
    Enough,
    /// What was to be accepted, withdrawn or given back is not there any more, or cannot be done.
    Gone,
    /// What was borrowed is in use.
    Needed,
    /// The same is being accepted at this moment, from another window.
    BeingTaken,
}

/// What was typed.
#[derive(Clone, Default)]
pub struct LendTyped {
    /// To whom.
    pub to: String,
    /// How much.
    pub size: String,
    /// Until when.
    pub until: String,
}

/// What the part of the page shows.
pub struct LendSection<'a> {
    /// The language.
    pub lang: Lang,
    /// What is lent and what is borrowed.
    pub loans: [&'a [Loan]; 2],
    /// What it offers, and what is offered to it.
    pub offers: [&'a [OfferShown]; 2],
    /// How many more are offered to it.
    pub more_offers: u64,
    /// What was typed and refused.
    pub refused: Option<(LendError, &'a LendTyped)>,
    /// The hidden fields of a form.
    pub hidden: &'a Markup,
}

/// The field that an error is about; none where it is about none.
fn field(error: LendError) -> Option<&'static str> {
    match error {
        LendError::NoName | LendError::Itself => Some("lend-to"),
        LendError::Size(_) | LendError::InUse => Some("lend-share"),
        LendError::Day => Some("lend-until"),
        LendError::NoLimit | LendError::Enough | LendError::Gone | LendError::Needed | LendError::BeingTaken => None,
    }
}

/// What is wrong, with a link to its field where there is one.
pub(super) fn summary(lang: Lang, error: LendError) -> Markup {
    refused(lang, field(error), &wrong(lang, error))
}

/// On top of the page: an offer was made, and nothing has changed by it.
pub(super) fn offered(lang: Lang) -> Markup {
    done_with(&say(
        lang,
        "Offered. Nothing is lent yet: that takes the other contact, who finds the offer on their page.",
        "Proposé. Rien n'est encore prêté\u{a0}: il faut que l'autre contact accepte l'offre, qui l'attend sur sa page.",
    ))
}

/// One was taken back.
pub(super) fn withdrawn(lang: Lang) -> Markup {
    done_with(&say(
        lang,
        "Withdrawn. This offer is gone; nothing was lent by it.",
        "Retiré. Cette offre ne tient plus\u{a0}; elle n'a donné lieu à aucun prêt.",
    ))
}

/// One was let be.
pub(super) fn declined(lang: Lang) -> Markup {
    done_with(&say(
        lang,
        "Declined. This offer is gone; nothing was lent by it. No message about that is sent to the other contact.",
        "Refusé. Cette offre ne tient plus\u{a0}; elle n'a donné lieu à aucun prêt. Aucun message n'en est envoyé à l'autre contact.",
    ))
}

fn wrong(lang: Lang, error: LendError) -> String {
    match error {
        LendError::NoName => say(
            lang,
            "Write the name of the other association, or its domain, like jardin.example.",
            "Écrivez le nom de l'autre association, ou son domaine, comme jardin.example.",
        ),
        LendError::Itself => say(lang, "This is your own association.", "C'est votre propre association."),
        LendError::Size(TypedSizeError::TooSmall) => {
            say(lang, "Less than 1 MB cannot be lent.", "On ne peut pas prêter moins de 1 Mo.")
        }
        LendError::Size(TypedSizeError::NotASize) => say(
            lang,
            "This is no size. Write it like 2 GB or 500 MB.",
            "Ce n'est pas une taille. Écrivez par exemple 2 Go ou 500 Mo.",
        ),
        LendError::Size(TypedSizeError::Above) => say(
            lang,
            "This is more than the association has of its own until that day.",
            "C'est plus que ce dont l'association dispose en propre jusqu'à cette date.",
        ),
        LendError::InUse => say(
            lang,
            "So much is in use here that less is left to lend.",
            "Une partie de cet espace est utilisée ici\u{a0}: il en reste moins à prêter.",
        ),
        LendError::Day => {
            say(lang, "This is no day to come, like 2027-03-01.", "Ce n'est pas une date à venir, comme 2027-03-01.")
        }
        LendError::NoLimit => say(
            lang,
            "Your association has no limit, so there is nothing to lend.",
            "Votre association n'a pas de limite\u{a0}: il n'y a rien à prêter.",
        ),
        LendError::Enough => {
            say(lang, "There are five offers already. Withdraw one first.", "Il y a déjà cinq offres. Retirez-en une d'abord.")
        }
        LendError::Gone => say(
            lang,
            "It cannot be done any more: it has ended, or the space is in use there by now.",
            "Ce n'est plus possible\u{a0}: c'est terminé, ou l'espace est maintenant utilisé de l'autre côté.",
        ),
        LendError::BeingTaken => say(
            lang,
            "This offer is being accepted at this moment, from another window. Open the page again to see what came of it.",
            "Cette offre est en train d'être acceptée, dans une autre fenêtre. Rouvrez la page pour voir ce qu'il en est.",
        ),
        LendError::Needed => say(
            lang,
            "Your association uses that space. Make room first.",
            "Votre association utilise cet espace. Faites d'abord de la place.",
        ),
    }
}

impl LendSection<'_> {
    /// It.
    pub fn html(&self) -> Markup {
        let lang = self.lang;
        let ([lent, borrowed], [made, had]) = (self.loans, self.offers);
        html! {
            h2 id="lend" { (say(lang, "Lend space to another association", "Prêter de l'espace à une autre association")) }
            p { (say(
                lang,
                "Both contacts agree: one offers, the other accepts. It ends by itself after the day, for both.",
                "Les deux contacts se mettent d'accord\u{a0}: l'un propose, l'autre accepte. Le prêt prend fin de lui-même après la date, pour les deux.",
            )) }
            @if !lent.is_empty() || !borrowed.is_empty() || !made.is_empty() || !had.is_empty() {
                ul.boxes {
                    @for offer in had { li { (self.offered(offer)) } }
                    @if self.more_offers > 0 { li { (more(lang, self.more_offers)) } }
                    @for loan in borrowed { li { (self.borrowed(loan)) } }
                    @for loan in lent { li { (line(lang, "Lent to ", "Prêté à ", loan.with.reveal(), loan.octets, loan.until)) } }
                    @for offer in made { li { (self.made(offer)) } }
                }
            }
            (self.form())
        }
    }

    fn offered(&self, offer: &OfferShown) -> Markup {
        let lang = self.lang;
        let fields = html! {
            (self.hidden)
            input type="hidden" name="from" value=(offer.with);
            input type="hidden" name="size" value=(offer.octets);
            input type="hidden" name="until" value=(offer.until.print());
        };
        html! {
            (line(lang, "Offered to you by ", "Proposé par ", &offer.with, offer.octets, offer.until))
            (self.button("accept", &fields, &say(lang, "Accept", "Accepter"), &offer.with, false))
            (self.button("decline", &fields, &say(lang, "Decline", "Refuser"), &offer.with, true))
        }
    }

    fn borrowed(&self, loan: &Loan) -> Markup {
        let (lang, with) = (self.lang, loan.with.reveal());
        let fields = html! {
            (self.hidden)
            input type="hidden" name="from" value=(with);
            input type="hidden" name="until" value=(loan.until.print());
        };
        html! {
            (line(lang, "Borrowed from ", "Emprunté à ", with, loan.octets, loan.until))
            (self.button("return", &fields, &say(lang, "Give it back now", "Rendre maintenant"), with, true))
        }
    }

    fn made(&self, offer: &OfferShown) -> Markup {
        let lang = self.lang;
        let fields = html! {
            (self.hidden)
            input type="hidden" name="to" value=(offer.with);
            input type="hidden" name="until" value=(offer.until.print());
        };
        html! {
            (line(lang, "Offered to ", "Proposé à ", &offer.with, offer.octets, offer.until))
            p.note { (say(
                lang,
                "Not accepted yet. If there is such an association here, its contact is told by mail, once a day at most; the offer stands on \
                 their page, for a week at most.",
                "Pas encore accepté. Si cette association est bien ici, son contact est prévenu par courriel, une fois par jour au plus\u{a0}; \
                 l'offre l'attend sur sa page, une semaine au plus.",
            )) }
            (self.button("withdraw", &fields, &say(lang, "Withdraw", "Retirer"), &offer.with, true))
        }
    }

    fn button(&self, action: &str, fields: &Markup, text: &str, with: &str, quiet: bool) -> Markup {
        html! {
            form method="post" action=(format!("/{}/contact/lend/{action}", self.lang.word())) {
                (fields)
                button.quiet[quiet] type="submit" aria-label=(format!("{text}, {with}")) { (text) }
            }
        }
    }

    fn form(&self) -> Markup {
        let lang = self.lang;
        let typed = self.refused.map(|(_, typed)| typed.clone()).unwrap_or_default();
        html! {
            details open[self.refused.is_some_and(|(error, _)| field(error).is_some())] {
                summary { (say(lang, "Offer space", "Proposer de l'espace")) }
                form method="post" action=(format!("/{}/contact/lend/offer", lang.word())) {
                    (self.hidden)
                    label for="lend-to" { (say(lang, "To which association", "À quelle association")) }
                    (self.input("lend-to", "to", "text", &typed.to, &say(lang, "Its name, or its domain.", "Son nom, ou son domaine.")))
                    label for="lend-share" { (say(lang, "How much", "Combien")) }
                    (self.input("lend-share", "share", "text", &typed.size, &say(lang, "For example 2 GB or 500 MB.", "Par exemple 2 Go ou 500 Mo.")))
                    label for="lend-until" { (say(lang, "Until which day", "Jusqu'à quelle date")) }
                    (self.input("lend-until", "until", "date", &typed.until, &say(lang, "That day included.", "Ce jour compris.")))
                    button type="submit" { (say(lang, "Offer", "Proposer")) }
                }
            }
        }
    }

    fn input(&self, id: &str, name: &str, kind: &str, now: &str, hint: &str) -> Markup {
        let refused = self.refused.map(|(error, _)| error).filter(|error| field(*error) == Some(id));
        let wrong = refused.map(|error| wrong(self.lang, error));
        FormInput { id, name, kind, value: now, required: true, longest: Some(255), hint, wrong: wrong.as_deref() }.html()
    }
}

fn more(lang: Lang, offers: u64) -> String {
    let number = number(offers, lang);
    match lang {
        Lang::En => set(&format!("More offers to you: {number}. They come here as you accept or decline others."), lang),
        Lang::Fr => set(
            &format!("Autres offres pour vous\u{a0}: {number}. Elles viennent ici quand vous en acceptez ou en refusez."),
            lang,
        ),
    }
}

fn line(lang: Lang, english: &str, french: &str, with: &str, octets: u64, until: Day) -> Markup {
    let rest = match lang {
        Lang::En => format!(": {} until {}", size(octets, lang), date(until, lang)),
        Lang::Fr => set(&format!("\u{a0}: {} jusqu'au {}", size(octets, lang), date(until, lang)), lang),
    };
    html! { (say(lang, english, french)) strong { (with) } (rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_is_said_to_be_there() {
        let offer = OfferShown { with: "velo".into(), octets: 1 << 30, until: "2099-03-01".parse().unwrap() };
        let page = |more_offers: u64, lang: Lang| {
            let (hidden, offers) = (html! {}, [&[][..], std::slice::from_ref(&offer)]);
            LendSection { lang, loans: [&[], &[]], offers, more_offers, refused: None, hidden: &hidden }.html().into_string()
        };
        assert!(!page(0, Lang::En).contains("More offers"));
        assert!(
            page(3, Lang::En).contains("More offers to you: 3.")
                && page(3, Lang::Fr).contains("Autres offres pour vous\u{202f}: 3.")
        );
    }
}
