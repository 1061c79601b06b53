//! The contact hands its association over to another address. Both addresses agree, each by a link of its own: whoever holds one mailbox
//! alone, or one open window of the page, can neither take an association nor push it on somebody.
//!
//! The links are like those of the login (`session`): 32 random octets of which only the hash is kept, for a quarter of an hour, in memory;
//! looking at one spends nothing. One hand-over of an association is open at a time, and a new one ends it. What is answered is the same
//! whether an address exists or not.

use std::collections::HashMap;
use std::time::Duration;

use maud::{Markup, html};

use super::Site;
use super::layout::{Layout, Style, say};
use super::session::{Hash, LINK, PAUSE, VisitToken, shown};
use crate::fault::Lang;
use crate::private::Address;
use crate::quota::Name;

/// Whose agreement a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOverSide {
    /// The contact until now.
    Old,
    /// The one that it is handed over to.
    New,
}

struct OpenHandOver {
    old: Address,
    new: Address,
    made: Duration,
    links: [(HandOverSide, Option<Hash>); 2],
}

/// What a link that was not spent yet is about.
pub struct WaitingHandOver {
    /// Whose agreement it is.
    pub side: HandOverSide,
    /// The association.
    pub name: Name,
    /// Who would be the contact.
    pub new: Address,
}

/// Both agreed. Made by [`HandOvers::spend`] alone; it is open until [`HandOvers::end`] or [`HandOvers::reopen`].
pub struct BothAgreed {
    /// The association.
    pub name: Name,
    /// Its contact until now.
    pub from: Address,
    /// The new one.
    pub to: Address,
    made: Duration,
    last: (HandOverSide, Hash),
}

/// What came of a link.
pub enum Spent {
    /// The other side is still to agree.
    One(HandOverSide),
    /// Both did.
    Both(BothAgreed),
}

/// The hand-overs that wait for somebody.
#[derive(Default)]
pub struct HandOvers(HashMap<Box<str>, OpenHandOver>);

impl HandOvers {
    /// Begins one: the links for `old` and for `new`. None: one was begun just now, or there is no randomness.
    pub fn begin(&mut self, name: &Name, old: &Address, new: &Address, now: Duration) -> Option<[VisitToken; 2]> {
        self.sweep(now);
        if self.0.get(name.reveal()).is_some_and(|open| now.saturating_sub(open.made) < PAUSE) {
            return None;
        }
        let tokens = [VisitToken::new()?, VisitToken::new()?];
        let [one, other] = &tokens;
        let links = [(HandOverSide::Old, Some(one.hash())), (HandOverSide::New, Some(other.hash()))];
        self.0.insert(name.reveal().into(), OpenHandOver { old: old.clone(), new: new.clone(), made: now, links });
        Some(tokens)
    }

    /// What `token` is for. Looking spends nothing.
    pub fn look(&self, token: &[u8], now: Duration) -> Option<WaitingHandOver> {
        let hash = shown(token)?;
        let (name, open, at) = self.find(hash, now)?;
        let (side, _) = open.links.get(at)?;
        Some(WaitingHandOver { side: *side, name: Name::parse(name)?, new: open.new.clone() })
    }

    /// Spends it.
    pub fn spend(&mut self, token: &[u8], now: Duration) -> Option<Spent> {
        let hash = shown(token)?;
        let (name, _, at) = self.find(hash, now)?;
        let name = name.to_owned();
        let open = self.0.get_mut(name.as_str())?;
        let (side, link) = open.links.get_mut(at)?;
        *link = None;
        let side = *side;
        if open.links.iter().any(|(_, link)| link.is_some()) {
            return Some(Spent::One(side));
        }
        let (from, to) = (open.old.clone(), open.new.clone());
        Some(Spent::Both(BothAgreed { name: Name::parse(&name)?, from, to, made: open.made, last: (side, hash) }))
    }

    /// It was carried out, or never can be.
    pub fn end(&mut self, both: &BothAgreed) {
        self.0.retain(|name, open| **name != *both.name.reveal() || open.made != both.made);
    }

    /// It could not be written down: the link that was spent last can be spent again, within its time. Not where the hand-over was ended
    /// meanwhile, or another one begun.
    pub fn reopen(&mut self, both: &BothAgreed) {
        let open = self.0.get_mut(both.name.reveal()).filter(|open| open.made == both.made);
        let (last, hash) = both.last;
        let link = open.and_then(|open| open.links.iter_mut().find(|(side, _)| *side == last));
        if let Some((_, link)) = link {
            *link = Some(hash);
        }
    }

    /// Forgets those of which `stands` does not hold: of an association, and its contact until now.
    pub fn keep_only(&mut self, stands: impl Fn(&Name, &Address) -> bool) {
        self.0.retain(|name, open| Name::parse(name).is_some_and(|name| stands(&name, &open.old)));
    }

    /// Forgets those of such an address, on either side.
    pub fn end_of(&mut self, whose: impl Fn(&Address) -> bool) {
        self.0.retain(|_, open| !whose(&open.old) && !whose(&open.new));
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.0.retain(|_, open| now.saturating_sub(open.made) < LINK);
        self.0.shrink_to_fit();
    }

    fn find(&self, hash: Hash, now: Duration) -> Option<(&str, &OpenHandOver, usize)> {
        let mut all = self.0.iter().filter(|(_, open)| now.saturating_sub(open.made) < LINK);
        all.find_map(|(name, open)| Some((&**name, open, open.links.iter().position(|(_, link)| *link == Some(hash))?)))
    }
}

/// The form on the contact's page; what was typed and is no other address stands in it again.
pub(super) fn form(lang: Lang, hidden: &Markup, refused: Option<&str>) -> Markup {
    let wrong = wrong(lang);
    html! {
        h2 { (say(lang, "Hand over to another contact", "Passer la main à un autre contact")) }
        form method="post" action=(format!("/{}/contact/hand-over", lang.word())) {
            (hidden)
            label for="hand-over" { (say(lang, "Address of the new contact", "Adresse du nouveau contact")) }
            p.hint id="hand-over-hint" { (say(
                lang,
                "A link goes to you and one to them. When both are confirmed, within 15 minutes, they are the contact, and you are no longer.",
                "Un lien vous est envoyé, et un autre à cette adresse. Quand les deux sont confirmés, en 15 minutes, cette personne devient le contact \
                 à votre place.",
            )) }
            @match refused {
                Some(typed) => {
                    input type="email" id="hand-over" name="address" required autocomplete="off" value=(typed) aria-invalid="true" aria-describedby="hand-over-error hand-over-hint";
                    p.field-error id="hand-over-error" { (wrong) }
                }
                None => { input type="email" id="hand-over" name="address" required autocomplete="off" aria-describedby="hand-over-hint"; }
            }
            button type="submit" { (say(lang, "Send both links", "Envoyer les deux liens")) }
        }
    }
}

pub(super) fn wrong(lang: Lang) -> String {
    say(
        lang,
        "This is not the whole address of somebody else, like name@association.example.",
        "Ce n'est pas l'adresse complète d'une autre personne, comme nom@association.example.",
    )
}

/// The answer to the form, whatever the address is.
pub fn asked(site: &Site, lang: Lang) -> String {
    let title = say(lang, "Two links are on their way", "Deux liens sont en route");
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "One to you, one to the new contact. Both must be confirmed within 15 minutes.",
            "L'un vers vous, l'autre vers le nouveau contact. Il faut confirmer les deux en 15 minutes.",
        )) }
        ul {
            li { (say(lang, "Until then you are the contact.", "D'ici là, le contact, c'est vous.")) }
            li { (say(
                lang,
                "A link did not come? Wait two minutes, then begin again: that ends the first try.",
                "Un lien n'est pas arrivé\u{a0}? Attendez deux minutes, puis recommencez\u{a0}: le premier essai prend fin.",
            )) }
        }
        p { a href=(format!("/{}/contact", lang.word())) { (say(lang, "Back to the contact's page", "Retour à la page du contact")) } }
    };
    page(site, lang, &title, &main)
}

/// The button.
pub fn confirm(site: &Site, lang: Lang, waiting: &WaitingHandOver, token: &str) -> String {
    let (name, new) = (waiting.name.reveal(), waiting.new.reveal());
    let (title, text, button) = match waiting.side {
        HandOverSide::Old => (
            say(lang, "Hand over?", "Passer la main\u{a0}?"),
            say(lang, "The contact of this association would be:", "Le contact de cette association serait\u{a0}:"),
            say(lang, "Hand over", "Passer la main"),
        ),
        HandOverSide::New => (
            say(lang, "Become the contact?", "Devenir le contact\u{a0}?"),
            say(
                lang,
                "You would see the space of this association, share it out, and get its notices:",
                "Vous verriez l'espace de cette association, le répartiriez, et recevriez ses avis\u{a0}:",
            ),
            say(lang, "Become the contact", "Devenir le contact"),
        ),
    };
    let main = html! {
        h1 { (title) }
        p { (text) }
        div.card { p { strong { (name) } } p { (new) } }
        form method="post" action=(format!("/{}/confirm", lang.word())) {
            input type="hidden" name="link" value=(token);
            button type="submit" { (button) }
        }
        p.note { (say(lang, "If this is a mistake, close the page: nothing happens.", "Si c'est une erreur, fermez la page\u{a0}: il ne se passe rien.")) }
    };
    page(site, lang, &title, &main)
}

/// One of the two did.
pub fn half(site: &Site, lang: Lang, side: HandOverSide) -> String {
    let title = say(lang, "Confirmed, one is missing", "Confirmé, il en manque un");
    let text = match side {
        HandOverSide::Old => say(
            lang,
            "Now the new contact opens the link that was sent to them.",
            "Le nouveau contact doit maintenant ouvrir le lien qu'il a reçu.",
        ),
        HandOverSide::New => say(
            lang,
            "Now the contact until now opens the link that was sent to them.",
            "Le contact actuel doit maintenant ouvrir le lien qu'il a reçu.",
        ),
    };
    page(site, lang, &title, &html! { h1 { (title) } p.lead { (text) } })
}

/// Both did.
pub fn done(site: &Site, lang: Lang) -> String {
    let title = say(lang, "Handed over", "C'est fait");
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "The association has a new contact. Who was it before is logged out.",
            "L'association a un nouveau contact. L'ancien contact est déconnecté.",
        )) }
        p { a href=(format!("/{}/contact", lang.word())) { (say(lang, "To the contact's page", "Vers la page du contact")) } }
    };
    page(site, lang, &title, &main)
}

fn page(site: &Site, lang: Lang, title: &str, main: &Markup) -> String {
    Layout { lang, title, path: None, style: Style::Linked, host: &site.offer.host, leave: None }.page(main)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn stage() -> (HandOvers, Name, [String; 2]) {
        let (mut all, name) = (HandOvers::default(), Name::parse("velo").unwrap());
        let [old, new] = ["carl@velo.example", "zoe@elsewhere.example"].map(|text| text.parse().unwrap());
        let tokens = all.begin(&name, &old, &new, NOW).unwrap().map(|token| token.reveal().to_string());
        (all, name, tokens)
    }

    #[test]
    fn it_takes_both_in_any_order_and_each_once() {
        for order in [[0, 1], [1, 0]] {
            let (mut all, name, tokens) = stage();
            let [first, second] = order.map(|at| tokens[at].as_bytes());
            let side = all.look(first, NOW).unwrap().side;
            assert!(all.look(first, NOW).is_some(), "a look spends nothing");
            assert!(matches!(all.spend(first, NOW), Some(Spent::One(of)) if of == side));
            assert!(all.spend(first, NOW).is_none() && all.look(first, NOW).is_none(), "one side twice is not both");
            let Some(Spent::Both(both)) = all.spend(second, NOW) else { panic!("not both") };
            assert!(
                both.name == name && both.from.reveal() == "carl@velo.example" && both.to.reveal() == "zoe@elsewhere.example"
            );
            assert!(all.spend(second, NOW).is_none() && all.look(second, NOW).is_none());
            all.end(&both);
            assert!(all.0.is_empty());
        }
    }

    #[test]
    fn what_could_not_be_written_down_waits_for_the_same_link() {
        let (mut all, name, [old, new]) = stage();
        let both = |all: &mut HandOvers, token: &str| match all.spend(token.as_bytes(), NOW) {
            Some(Spent::Both(both)) => both,
            _ => panic!("not both"),
        };
        assert!(matches!(all.spend(new.as_bytes(), NOW), Some(Spent::One(HandOverSide::New))));
        let unwritten = both(&mut all, &old);
        all.reopen(&unwritten);
        assert!(all.spend(new.as_bytes(), NOW).is_none(), "the other side has agreed already");
        let written = both(&mut all, &old);
        assert!(written.to == unwritten.to && all.spend(old.as_bytes(), NOW).is_none(), "while it is being written");
        // Whoever breaks the hand-over off meanwhile has broken it off.
        all.end_of(|address| address.reveal() == "carl@velo.example");
        all.reopen(&written);
        assert!(all.0.is_empty());
        // And it is no other hand-over's.
        let later = all.begin(&name, &written.from, &written.to, NOW + PAUSE).unwrap();
        all.reopen(&written);
        assert!(all.look(old.as_bytes(), NOW + PAUSE).is_none());
        all.end(&written);
        assert!(all.look(later[0].reveal().as_bytes(), NOW + PAUSE).is_some());
    }

    #[test]
    fn it_ends_by_itself_and_a_new_one_ends_it() {
        let (mut all, name, [old, new]) = stage();
        assert!(matches!(all.spend(old.as_bytes(), NOW), Some(Spent::One(HandOverSide::Old))));
        assert!(all.look(new.as_bytes(), NOW + LINK).is_none() && all.spend(new.as_bytes(), NOW + LINK).is_none());
        let [carl, eve] = ["carl@velo.example", "eve@elsewhere.example"].map(|text| text.parse().unwrap());
        assert!(all.begin(&name, &carl, &eve, NOW + PAUSE / 2).is_none(), "one in two minutes");
        let [_, third] = all.begin(&name, &carl, &eve, NOW + PAUSE).unwrap();
        assert!(all.spend(new.as_bytes(), NOW + PAUSE).is_none(), "what was agreed to was another address");
        assert!(matches!(all.spend(third.reveal().as_bytes(), NOW + PAUSE), Some(Spent::One(HandOverSide::New))));
        assert_eq!(all.0.len(), 1);
        all.sweep(NOW + PAUSE + LINK);
        assert!(all.0.is_empty());
    }
}
