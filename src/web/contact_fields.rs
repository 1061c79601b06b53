//! How the forms of a contact's page look: a field with what holds now, or with what was typed and refused.

use maud::{Markup, html};

use super::contact::ContactPage;
use super::form_input::FormInput;
use super::form_result::{FormResult, SizeField};
use super::layout::say;
use super::typed_size::TypedSizeError;
use super::typography::{set, size};
use crate::fault::Lang;
use crate::quota::Limit;

impl ContactPage<'_> {
    pub(super) fn hidden(&self) -> Markup {
        html! { input type="hidden" name="token" value=(self.form_token); }
    }

    /// A field for a share, with what holds now, or with what was typed and refused.
    pub(super) fn input(&self, field: &SizeField, id: &str, now: &str, hint: &str) -> Markup {
        let refused = match &self.result {
            FormResult::Refused(other, error, typed) if other == field => Some((typed, self.wrong(*error))),
            _ => None,
        };
        let (value, wrong) = refused.as_ref().map_or((now, None), |(typed, wrong)| (typed.as_str(), Some(wrong.as_str())));
        FormInput { id, name: "share", kind: "text", value, required: false, longest: Some(20), hint, wrong }.html()
    }

    pub(super) fn id(&self, field: &SizeField) -> String {
        match field {
            SizeField::Default => "share-default".into(),
            SizeField::Mailbox(_) => "share-refused".into(),
        }
    }

    pub(super) fn wrong(&self, error: TypedSizeError) -> String {
        let lang = self.lang;
        match (error, self.association.fill.storage) {
            (TypedSizeError::NotASize, _) => say(
                lang,
                "This is no size. Write it like 2 GB or 500 MB.",
                "Ce n'est pas une taille. Écrivez par exemple 2 Go ou 500 Mo.",
            ),
            (TypedSizeError::TooSmall, _) => say(
                lang,
                "Less than 1 MB is no share: no mail would fit into it.",
                "Moins de 1 Mo n'est pas une part\u{a0}: aucun message n'y tiendrait.",
            ),
            (TypedSizeError::Above, Limit::At(most)) => match lang {
                Lang::En => format!("This is more than the association has: {} at most.", size(most, lang)),
                Lang::Fr => {
                    set(&format!("C'est plus que ce dont l'association dispose\u{a0}: {} au plus.", size(most, lang)), lang)
                }
            },
            (TypedSizeError::Above, Limit::None) => {
                say(lang, "This is more than there can be.", "C'est plus qu'il ne peut y en avoir.")
            }
        }
    }
}
