//! The certificate of a node among several (docs/many-nodes.md): shown to the others, who verify it, as they show theirs.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::certificate_folder::{Validity, validity};

/// One certificate and its key.
#[derive(Clone)]
pub struct Identity {
    pub(super) shown: Arc<SingleCertAndKey>,
    pub(super) chain: Vec<CertificateDer<'static>>,
}

impl Identity {
    /// The chain in the PEM file `chain`, the leaf first, and the key in `key`.
    ///
    /// # Errors
    /// A file cannot be read, or the two do not belong together.
    pub fn load(chain: &Path, key: &Path) -> io::Result<Identity> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let (chain, key) = (std::fs::read(chain)?, zeroize::Zeroizing::new(std::fs::read(key)?));
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&chain).collect::<Result<_, _>>().map_err(|_| invalid())?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| invalid())?;
        let certified = CertifiedKey::from_der(chain.clone(), key, &aws_lc_rs::default_provider()).map_err(|_| invalid())?;
        Ok(Identity { shown: Arc::new(SingleCertAndKey::from(certified)), chain })
    }

    /// What a listener shows.
    pub fn resolver(&self) -> Arc<dyn tokio_rustls::rustls::server::ResolvesServerCert> {
        self.shown.clone()
    }

    /// From when until when it is valid; none where that cannot be read.
    pub fn validity(&self) -> Option<Validity> {
        validity(self.chain.first()?)
    }
}
