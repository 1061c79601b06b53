//! The page of a member: how full the own mailbox is, the language of its notices, how to set up a mail program, and the way to all that
//! is held. Numbers are those of this moment: they are the owner's own.
//!
//! Absent on purpose: who wrote, when somebody logged in, from where. It is not known.

use maud::{Markup, html};

use super::Site;
use super::amount::{amount, old};
use super::layout::{Layout, Style, done, say};
use super::typography::{number, set};
use crate::admin::disclose::Disclosed;
use crate::fault::Lang;
use crate::notice::date;
use crate::quota::{Level, SendingSwitch, Standing};

/// What came of the last form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MemberResult {
    /// There was none.
    None,
    /// It was done.
    Done,
    /// Nothing was changed, for a reason of the daemon's own.
    Failed,
}

/// What the page shows.
pub struct MemberPage<'a> {
    /// This host.
    pub site: &'a Site,
    /// The language of the page.
    pub lang: Lang,
    /// All that is held.
    pub held: &'a Disclosed,
    /// How the association stands.
    pub standing: Standing,
    /// What stands in its forms.
    pub form_token: &'a str,
    /// What came of the last form.
    pub result: MemberResult,
}

impl MemberPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let lang = self.lang;
        let main = html! {
            h1 { (say(lang, "My mailbox", "Ma boîte")) }
            p.lead.address { (self.held.address.reveal()) }
            (self.said())
            (self.standing())
            (self.space())
            (self.contacts())
            (self.program())
            (self.language())
            h2 { (say(lang, "What is kept about me", "Ce qui est conservé sur moi")) }
            p { (say(
                lang,
                "A few numbers and settings, and nothing of who writes to you, when, or from where.",
                "Quelques nombres et réglages, et rien de qui vous écrit, ni quand, ni d'où.",
            )) }
            p { a href=(self.at("/member/held")) { (say(lang, "See all of it, and download it", "Tout voir, et le télécharger")) } }
            p { a href=(self.at("/statement")) { (say(lang, "What this server keeps of anybody, and what not", "Ce que ce serveur conserve sur chacun, et ce qu'il ne conserve pas")) } }
        };
        let title = say(lang, "My mailbox", "Ma boîte");
        self.layout(&title, "/member").page(&main)
    }

    /// All that is held, in words.
    pub fn held(&self) -> String {
        let (lang, title) = (self.lang, say(self.lang, "What is kept about me", "Ce qui est conservé sur moi"));
        let main = html! {
            h1 { (title) }
            p.lead { (say(
                lang,
                "This is all that is kept. This server does not know when, from where or with whom you exchange mail.",
                "C'est tout ce qui est conservé. Ce serveur ne sait ni quand, ni d'où, ni avec qui vous échangez des messages.",
            )) }
            section.card { dl { @for (label, value) in super::held::rows(self.held, lang) { dt { (label) } dd { (value) } } } }
            p { (say(
                lang,
                "Your messages themselves lie with your mail server, behind this one. Besides, only memory has what is open now: this session until \
                 you log out, your mail programs while they are connected or the webmail goes on, notices to you that the mail server has not taken yet, \
                 and for some hours at most links that were mailed to you, how many of them nobody used, and how often you changed something here.",
                "Vos messages eux-mêmes sont sur votre serveur de messagerie, derrière celui-ci. À part cela, seule la mémoire a ce qui est ouvert en \
                 ce moment\u{a0}: cette session jusqu'à votre déconnexion, vos logiciels tant qu'ils sont connectés ou que le webmail continue, les avis \
                 que le serveur de messagerie n'a pas encore pris, et pendant quelques heures au plus les liens qui vous ont été envoyés, combien d'entre eux n'ont pas servi, \
                 et le nombre de vos changements ici.",
            )) }
            p { a href="/member/held.json" download { (say(lang, "Download it (JSON)", "Télécharger (JSON)")) } }
            p { a href=(self.at("/member")) { (say(lang, "Back to my mailbox", "Retour à ma boîte")) } }
        };
        self.layout(&title, "/member/held").page(&main)
    }

    fn layout<'a>(&'a self, title: &'a str, path: &'a str) -> Layout<'a> {
        let (lang, host) = (self.lang, &*self.site.ports.host);
        Layout { lang, title, path: Some(path), style: Style::Linked, host, leave: Some(self.form_token) }
    }

    fn at(&self, path: &str) -> String {
        format!("/{}{path}", self.lang.word())
    }

    fn said(&self) -> Markup {
        let lang = self.lang;
        html! {
            @match self.result {
                MemberResult::None => {}
                MemberResult::Done => { (done(lang)) }
                MemberResult::Failed => div.error role="alert" { p { (super::form_result::not_kept(lang)) } },
            }
        }
    }

    fn standing(&self) -> Markup {
        let lang = self.lang;
        let text = match self.standing {
            Standing::Active | Standing::Suspended => return html! {},
            Standing::ReadOnly => say(
                lang,
                "Your association is read-only for now: mail comes in and can be read; nothing can be sent, moved or deleted.",
                "Votre association est en lecture seule pour le moment\u{a0}: le courrier arrive et peut être lu\u{a0}; rien ne peut être envoyé, déplacé ou \
                 supprimé.",
            ),
            Standing::Leaving(day) => match lang {
                Lang::En => format!(
                    "Your association leaves this server after {}. Take what you need with you until then.",
                    date(day, lang)
                ),
                Lang::Fr => set(
                    &format!(
                        "Votre association quitte ce serveur après le {}. Emportez d'ici là ce dont vous avez besoin.",
                        date(day, lang)
                    ),
                    lang,
                ),
            },
        };
        html! { div.error { p { (text) } } }
    }

    fn space(&self) -> Markup {
        let lang = self.lang;
        let Some(mailbox) = &self.held.mailbox else {
            return html! { p { (say(lang, "Nothing was counted yet.", "Rien n'a encore été compté.")) } };
        };
        let full = mailbox.percent.is_some_and(|percent| percent >= Level::High.percent());
        let messages = match (lang, mailbox.messages) {
            (_, 0) => say(lang, "no message", "aucun message"),
            (_, 1) => "1 message".into(),
            (_, many) => format!("{} messages", number(many, lang)),
        };
        html! {
            section.card aria-label=(say(lang, "Space", "Espace")) {
                p.note { (say(lang, "Space of this mailbox", "Espace de cette boîte")) }
                (amount(mailbox.octets, mailbox.storage, lang, true))
                (old(self.held.old, lang))
                p { (messages) }
                @if mailbox.sending == SendingSwitch::Off {
                    p { strong { (say(
                        lang,
                        "Sending is switched off. Ask the contact of your association.",
                        "L'envoi est désactivé. Demandez au contact de votre association.",
                    )) } " " a.word href=(format!("{}#SENDING-OFF", self.at("/help"))) { "SENDING-OFF" } }
                }
                @if full { p { a href=(format!("{}#MAILBOX-FULL", self.at("/help"))) { (say(lang, "How to make room", "Comment faire de la place")) } } }
                @if mailbox.counted == Some(false) {
                    p.note { (say(
                        lang,
                        "Not counted anew yet: this is what was known last. It is right again once your mail program has looked in.",
                        "Pas encore recompté\u{a0}: c'est le dernier nombre connu. Il sera juste dès que votre logiciel aura ouvert la boîte.",
                    )) }
                }
            }
        }
    }

    /// Who is the contact of an association goes there from here.
    fn contacts(&self) -> Markup {
        let lang = self.lang;
        html! {
            @for name in &self.held.contact_of {
                form method="post" action=(self.at("/member/contact")) {
                    (self.hidden())
                    input type="hidden" name="association" value=(name.reveal());
                    button.quiet type="submit" { (say(lang, "To the contact's page of ", "Vers la page du contact de ")) (name.reveal()) }
                }
            }
        }
    }

    fn program(&self) -> Markup {
        let lang = self.lang;
        html! {
            h2 { (say(lang, "Set up my program", "Configurer mon logiciel")) }
            dl {
                dt { (say(lang, "User name", "Identifiant")) }
                dd.address { (self.held.address.reveal()) }
                dt { (say(lang, "Server", "Serveur")) }
                dd { (self.site.ports.host) }
            }
            p { a href=(self.at("/programs")) { (say(lang, "Step by step: computer, phone, tablet", "Pas à pas\u{a0}: ordinateur, téléphone, tablette")) } }
        }
    }

    fn language(&self) -> Markup {
        let (lang, now) = (self.lang, self.held.mailbox.as_ref().and_then(|mailbox| mailbox.language?.lang()));
        html! {
            h2 { (say(lang, "Language of my notices", "Langue de mes avis")) }
            form method="post" action=(self.at("/member/language")) {
                (self.hidden())
                label for="language" { (say(lang, "Messages that tell you that space runs out", "Messages qui vous préviennent que l'espace se remplit")) }
                select id="language" name="language" {
                    option value="default" selected[now.is_none()] { (say(lang, "As for the association", "Comme pour l'association")) }
                    option value="fr" lang="fr" selected[now == Some(Lang::Fr)] { "Français" }
                    option value="en" lang="en" selected[now == Some(Lang::En)] { "English" }
                }
                button type="submit" { (say(lang, "Change", "Modifier")) }
            }
        }
    }

    fn hidden(&self) -> Markup {
        html! { input type="hidden" name="token" value=(self.form_token); }
    }
}
