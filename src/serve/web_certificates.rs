//! Which certificates a contact sees on its page.

use super::Context;
use super::clock::{now, today};
use crate::admin::association_shown::AssociationShown;
use crate::private::Domain;
use crate::quota::Name;
use crate::web::domains::ShownCertificate;

/// Those that programs are shown for the mail host and for the domains of this association; none for what is below them and another one's.
pub(super) fn certificates(context: &Context, association: &AssociationShown) -> Vec<ShownCertificate> {
    let Some(certificates) = &context.certificates else { return Vec::new() };
    let host = &context.web.site.ports.host;
    let domains: Vec<_> = association.all_domains().map(Domain::reveal).collect();
    let owner = |domain: &Domain| context.book.route(domain, today()).map(|route| route.association);
    let shown = certificates.covering(&[host], &domains, now().as_secs()).into_iter();
    let ours = shown.filter(|(name, _)| name == host || owner_of(name, owner).is_none_or(|owner| owner == association.name));
    ours.map(|(name, days)| ShownCertificate { name, days }).collect()
}

/// Whose a name is: that of the nearest domain above it, or of its own.
fn owner_of(name: &str, owner: impl Fn(&Domain) -> Option<Name>) -> Option<Name> {
    let mut rest = Some(name.strip_prefix("*.").unwrap_or(name));
    while let Some(name) = rest {
        if let Some(owner) = Domain::parse(name).and_then(|domain| owner(&domain)) {
            return Some(owner);
        }
        rest = name.split_once('.').map(|(_, above)| above);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that gives its own sub-domains away has the one association's below the other's.
    #[test]
    fn a_name_is_the_nearest_domains() {
        let owner = |domain: &Domain| match domain.reveal() {
            "asso.example" => Name::parse("host"),
            "chorale.asso.example" => Name::parse("chorale"),
            _ => None,
        };
        for (name, whose) in [
            ("mail.asso.example", Some("host")),
            ("*.asso.example", Some("host")),
            ("chorale.asso.example", Some("chorale")),
            ("*.mail.chorale.asso.example", Some("chorale")),
            ("verger.example", None),
        ] {
            assert!(owner_of(name, owner) == whose.and_then(Name::parse), "{name}");
        }
    }
}
