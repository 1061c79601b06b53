//! What admins typed into a form of theirs, read: sizes, numbers, days, words. What cannot be read changes nothing, and is told at its field.

use crate::fault::Lang;
use crate::private::Address;
use crate::quota::{Day, Edit, Limit, SendingEdit, StateEdit, StateWord, Without};
use crate::web::admin_form::SENDING;
use crate::web::layout::say;
use crate::web::request::WebForm;
use crate::web::typed_size::{TypedSizeError, read_size};

/// Why nothing was changed: which field, and what is said there.
pub(super) struct Misfit(pub(super) &'static str, pub(super) String);

/// What was typed into a form.
pub(super) struct Typed<'a> {
    pub(super) form: &'a WebForm,
    pub(super) lang: Lang,
}

impl Typed<'_> {
    /// A field that says something else than when the page was made: what an old window does not touch it does not change.
    pub(super) fn touched(&self, name: &str) -> Option<&str> {
        let now = self.form.field(name)?;
        (self.form.field(&format!("was-{name}")) != Some(now)).then(|| now.trim())
    }

    pub(super) fn limits(&self) -> Result<Edit, Misfit> {
        Ok(Edit {
            storage: self.limit("storage", Self::size)?,
            mailbox_default: self.limit("mailbox-default", Self::size)?,
            mailboxes: self.limit("mailboxes", Self::count)?,
            messages: self.limit("messages", Self::count)?,
            ..Edit::default()
        })
    }

    pub(super) fn sending(&self) -> Result<Edit, Misfit> {
        let [send_per_hour, send_per_day, recipients_per_hour, recipients_per_day, ..] = SENDING;
        let [.., mailbox_send_per_hour, mailbox_send_per_day, mailbox_recipients_per_hour, mailbox_recipients_per_day] = SENDING;
        let sending = SendingEdit {
            send_per_hour: self.limit(send_per_hour, Self::count)?,
            send_per_day: self.limit(send_per_day, Self::count)?,
            recipients_per_hour: self.limit(recipients_per_hour, Self::count)?,
            recipients_per_day: self.limit(recipients_per_day, Self::count)?,
            mailbox_send_per_hour: self.limit(mailbox_send_per_hour, Self::count)?,
            mailbox_send_per_day: self.limit(mailbox_send_per_day, Self::count)?,
            mailbox_recipients_per_hour: self.limit(mailbox_recipients_per_hour, Self::count)?,
            mailbox_recipients_per_day: self.limit(mailbox_recipients_per_day, Self::count)?,
        };
        Ok(Edit { sending, ..Edit::default() })
    }

    pub(super) fn state(&self) -> Result<Edit, Misfit> {
        let word: StateWord = self.form.field("state").and_then(|word| word.parse().ok()).ok_or_else(|| self.odd("state"))?;
        // One thing, in two fields: whoever touched neither means neither.
        if self.touched("state").is_none() && self.touched("until").is_none() {
            return Ok(Edit::default());
        }
        // The day of one that does not leave says nothing.
        let until = if word == StateWord::Leaving { self.day("until")? } else { None };
        if word == StateWord::Leaving && until.is_none() {
            return Err(self.no_day("until"));
        }
        Ok(Edit { state: StateEdit { state: Some(word), until }, ..Edit::default() })
    }

    pub(super) fn contact(&self) -> Result<(Edit, Without), Misfit> {
        let lang = self.word("language", "contact")?;
        let (contact, no_contact) = match self.touched("contact") {
            None => (None, false),
            Some("") => (None, true),
            Some(typed) => {
                let wrong = || {
                    let text = say(
                        self.lang,
                        "This is not a whole address, like name@association.example.",
                        "Ce n'est pas une adresse complète, comme nom@association.example.",
                    );
                    Misfit("contact", text)
                };
                (Some(Address::parse(typed).filter(Address::is_reachable).ok_or_else(wrong)?), false)
            }
        };
        Ok((Edit { contact, lang, ..Edit::default() }, Without { no_contact, ..Without::default() }))
    }

    /// One of some words, where another one was chosen.
    pub(super) fn word<T: std::str::FromStr>(&self, name: &str, at: &'static str) -> Result<Option<T>, Misfit> {
        self.touched(name).map(|word| word.parse().map_err(|_| self.odd(at))).transpose()
    }

    /// A limit that was touched, as `read` reads it; nothing is no limit.
    pub(super) fn limit(
        &self,
        name: &'static str,
        read: impl Fn(&Self, &'static str) -> Result<Option<u64>, Misfit>,
    ) -> Result<Option<Limit>, Misfit> {
        // What cannot be read is not nothing: nothing takes a limit away.
        self.form.field(name).ok_or_else(|| self.odd(name))?;
        self.touched(name).map(|_| Ok(read(self, name)?.map_or(Limit::None, Limit::At))).transpose()
    }

    pub(super) fn size(&self, name: &'static str) -> Result<Option<u64>, Misfit> {
        let typed = self.form.field(name).ok_or_else(|| self.odd(name))?.trim();
        if typed.is_empty() {
            return Ok(None);
        }
        read_size(typed, Limit::None).map(Some).map_err(|error| match error {
            TypedSizeError::TooSmall => Misfit(
                name,
                say(self.lang, "Less than 1 MB: no mail would fit into it.", "Moins de 1 Mo\u{a0}: aucun message n'y tiendrait."),
            ),
            TypedSizeError::NotASize | TypedSizeError::Above => self.no_size(name),
        })
    }

    pub(super) fn no_size(&self, name: &'static str) -> Misfit {
        let text = say(
            self.lang,
            "This is no size. Write it like 2 GB or 500 MB.",
            "Ce n'est pas une taille. Écrivez par exemple 2 Go ou 500 Mo.",
        );
        Misfit(name, text)
    }

    pub(super) fn count(&self, name: &'static str) -> Result<Option<u64>, Misfit> {
        let typed = self.form.field(name).ok_or_else(|| self.odd(name))?.trim();
        if typed.is_empty() {
            return Ok(None);
        }
        let digits = typed.bytes().all(|byte| byte.is_ascii_digit());
        let wrong =
            || Misfit(name, say(self.lang, "This is no whole number, like 20.", "Ce n'est pas un nombre entier, comme 20."));
        typed.parse().ok().filter(|_| digits).map(Some).ok_or_else(wrong)
    }

    pub(super) fn day(&self, name: &'static str) -> Result<Option<Day>, Misfit> {
        match self.form.field(name).map(str::trim) {
            None | Some("") => Ok(None),
            Some(typed) => Day::parse(typed).map(Some).ok_or_else(|| self.no_day(name)),
        }
    }

    pub(super) fn no_day(&self, name: &'static str) -> Misfit {
        Misfit(name, say(self.lang, "A day is needed, like 2027-03-01.", "Il faut un jour, par exemple 2027-03-01."))
    }

    /// A form of ours does not come so.
    pub(super) fn odd(&self, name: &'static str) -> Misfit {
        Misfit(name, say(self.lang, "This cannot be read. Open the page again.", "Illisible. Rouvrez la page."))
    }
}
