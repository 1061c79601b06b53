//! One field of a form: its hint, what stands in it, and what is wrong with what was typed, tied to it for those who do not see the page
//! (WCAG 2.2, 3.3.1).

use maud::{Markup, html};

/// The field; its label stands before it.
pub(super) struct FormInput<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    /// `text`, `email`, `date`.
    pub(super) kind: &'a str,
    pub(super) value: &'a str,
    pub(super) required: bool,
    pub(super) longest: Option<usize>,
    pub(super) hint: &'a str,
    /// Why what was typed was refused.
    pub(super) wrong: Option<&'a str>,
}

impl FormInput<'_> {
    pub(super) fn html(&self) -> Markup {
        let (hint, error) = (format!("{}-hint", self.id), format!("{}-error", self.id));
        let described = if self.wrong.is_some() { format!("{error} {hint}") } else { hint.clone() };
        let invalid = self.wrong.map(|_| "true");
        html! {
            p.hint id=(hint) { (self.hint) }
            input type=(self.kind) id=(self.id) name=(self.name) value=(self.value) required[self.required] autocomplete="off" maxlength=[self.longest] aria-invalid=[invalid] aria-describedby=(described);
            @if let Some(wrong) = self.wrong { p.field-error id=(error) { (wrong) } }
        }
    }
}
