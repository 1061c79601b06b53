//! Signing with the key of a certificate in force, for what else than TLS the host shows itself by.

use std::sync::Arc;

use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificates::Certificates;
use crate::web::signed::{Seal, SealKind};

/// The key that shows a host, and how it signs.
pub struct HostSeal {
    key: Arc<CertifiedKey>,
    kind: SealKind,
}

impl Certificates {
    /// The seal of the host `name`; none where its key signs in no way that others read.
    pub fn seal(&self, name: &str) -> Option<HostSeal> {
        let key = self.chosen(Some(name))?;
        let kinds = [SealKind::Rsa, SealKind::P256, SealKind::P384];
        let kind = kinds.into_iter().find(|kind| key.key.choose_scheme(&[scheme(*kind)]).is_some())?;
        Some(HostSeal { key, kind })
    }
}

fn scheme(kind: SealKind) -> SignatureScheme {
    match kind {
        SealKind::Rsa => SignatureScheme::RSA_PKCS1_SHA256,
        SealKind::P256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        SealKind::P384 => SignatureScheme::ECDSA_NISTP384_SHA384,
    }
}

impl HostSeal {
    /// Whether it is the very same certificate.
    pub fn is(&self, other: &HostSeal) -> bool {
        Arc::ptr_eq(&self.key, &other.key)
    }
}

impl Seal for HostSeal {
    fn kind(&self) -> SealKind {
        self.kind
    }

    fn chain(&self) -> Vec<&[u8]> {
        self.key.cert.iter().map(|certificate| certificate.as_ref()).collect()
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.key.key.choose_scheme(&[scheme(self.kind)])?.sign(message).ok()
    }
}
