//! Which certificates a contact sees on its page.

use super::Context;
use super::clock::now;
use crate::admin::association::AssociationShown;
use crate::private::Domain;
use crate::web::domains::ShownCertificate;

/// Those that programs are shown for the mail host and for the domains of this association.
pub(super) fn certificates(context: &Context, association: &AssociationShown) -> Vec<ShownCertificate> {
    let Some(certificates) = &context.certificates else { return Vec::new() };
    let domains: Vec<_> = association.all_domains().map(Domain::reveal).collect();
    let shown = certificates.covering(&[&context.web.site.offer.host], &domains, now().as_secs());
    shown.into_iter().map(|(name, days)| ShownCertificate { name, days }).collect()
}
