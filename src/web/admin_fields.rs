//! How the forms of an association's page for admins look: a form with its button, a field with what holds now, or with what was typed and
//! refused.

use maud::{Markup, html};

use super::admin_association::AdminAssociationPage;
use super::admin_form::{AdminForm, AdminResult, TextField};
use super::layout::say;
use super::typed_size::typed;
use crate::fault::Lang;
use crate::quota::Limit;

impl AdminAssociationPage<'_> {
    pub(super) fn form(&self, form: AdminForm, inner: &Markup) -> Markup {
        self.form_of(form, form.word(), inner)
    }

    /// `about` tells its button from the others.
    pub(super) fn form_of(&self, form: AdminForm, about: &str, inner: &Markup) -> Markup {
        let (lang, name) = (self.lang, self.association.name.reveal());
        let change = say(lang, "Change", "Modifier");
        html! {
            form method="post" action=(format!("/{}/association/{name}/{}", lang.word(), form.word())) {
                input type="hidden" name="token" value=(self.form_token);
                (inner)
                button type="submit" aria-label=[(form == AdminForm::Mailbox).then(|| format!("{change}, {about}"))] { (change) }
            }
        }
    }

    pub(super) fn text(&self, form: AdminForm, name: &'static str, label: String, now: String, hint: String) -> Markup {
        self.field(&TextField { form, name, id: &form.id(name), label, now, hint, kind: "text" }, true)
    }

    pub(super) fn dated(&self, form: AdminForm, name: &'static str, label: String, now: String) -> Markup {
        let hint = say(self.lang, "In UTC, like 2027-03-01.", "En UTC, par exemple 2027-03-01.");
        self.field(&TextField { form, name, id: &form.id(name), label, now, hint, kind: "date" }, true)
    }

    /// With what holds now, or with what was typed and refused, where this is the form of it.
    pub(super) fn field(&self, field: &TextField<'_>, of_refused: bool) -> Markup {
        let TextField { form, name, id, label, now, hint, kind } = field;
        let again = if of_refused { self.again(*form, name) } else { None };
        let why = match &self.result {
            AdminResult::Refused(other, wrong, why, _) if of_refused && other == form && wrong == name => Some(why),
            AdminResult::None | AdminResult::Done | AdminResult::Refused(..) => None,
        };
        let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
        let described = if why.is_some() { format!("{error_id} {hint_id}") } else { hint_id.clone() };
        html! {
            label for=(id) { (label) }
            p.hint id=(hint_id) { (hint) }
            input type="hidden" name=(format!("was-{name}")) value=(now);
            input type=(kind) id=(id) name=(name) value=(again.unwrap_or(now)) autocomplete="off" maxlength="320"
                aria-invalid=[why.map(|_| "true")] aria-describedby=(described);
            @if let Some(why) = why { p.field-error id=(error_id) { (why) } }
        }
    }

    /// What was typed into this field, where its form was refused.
    pub(super) fn again(&self, form: AdminForm, name: &str) -> Option<&str> {
        match &self.result {
            AdminResult::Refused(other, _, _, typed) if *other == form => typed.field(name),
            AdminResult::None | AdminResult::Done | AdminResult::Refused(..) => None,
        }
    }

    pub(super) fn octets(&self, limit: Limit) -> String {
        match limit {
            Limit::At(octets) => typed(octets, self.lang == Lang::Fr),
            Limit::None => String::new(),
        }
    }
}
