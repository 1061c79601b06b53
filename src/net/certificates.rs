//! Certificates per name: one folder each with `fullchain.pem` and `privkey.pem` (certbot's layout works), chosen by SNI.
//!
//! The names come from the certificate itself, so one certificate for many names needs one folder. What cannot be used
//! at a reload keeps its predecessor in force: a half-copied key must not take the mail of 300 associations down.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

/// Why a folder's certificate cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The folder or one of its two files cannot be read.
    Unreadable,
    /// No usable certificate in `fullchain.pem`.
    Certificate,
    /// No usable key in `privkey.pem`.
    Key,
    /// Key and certificate do not belong together.
    Mismatch,
}

/// All certificates in force.
pub struct Certificates {
    folder: PathBuf,
    default: Box<str>,
    current: ArcSwap<Loaded>,
}

#[derive(Default)]
struct Loaded {
    /// By folder name, in alphabetical order: what `position` in events and problems counts.
    folders: Vec<Folder>,
    /// By name; a wildcard stands under `*.parent`.
    names: HashMap<Box<str>, Arc<CertifiedKey>>,
    fallback: Option<Arc<CertifiedKey>>,
    seen: Vec<(PathBuf, Option<SystemTime>)>,
}

struct Folder {
    name: Box<str>,
    key: Result<Arc<CertifiedKey>, Broken>,
}

/// What a load found.
pub struct Report {
    /// Names that can be served.
    pub names: usize,
    /// Folders (name, position) that cannot be used.
    pub broken: Vec<(String, usize, Broken)>,
    /// Whether the default certificate is there.
    pub default: bool,
}

impl Certificates {
    /// Reads all folders under `folder`. `default` is the folder whose certificate is shown to clients that name no
    /// server, or one that is not here.
    pub fn load(folder: &Path, default: &str) -> (Arc<Certificates>, Report) {
        let loaded = Loaded::read(folder, default, &Loaded::default());
        let report = loaded.report();
        let current = ArcSwap::from_pointee(loaded);
        (Arc::new(Certificates { folder: folder.into(), default: default.into(), current }), report)
    }

    /// Reads all again and puts in force what is good.
    pub fn reload(&self) -> Report {
        let loaded = Loaded::read(&self.folder, &self.default, &self.current.load());
        let report = loaded.report();
        self.current.store(Arc::new(loaded));
        report
    }

    /// Whether a file was changed, added or removed since the last load.
    pub fn changed(&self) -> bool {
        stamps(&self.folder) != self.current.load().seen
    }

    /// Whether any certificate in force is for `key`, the DER of a public key.
    pub fn uses_key(&self, key: &[u8]) -> bool {
        let current = self.current.load();
        current.folders.iter().filter_map(|folder| folder.key.as_ref().ok()).any(|certified| {
            let leaf = certified.cert.first().and_then(public_key);
            leaf.is_some_and(|leaf| leaf == key)
        })
    }
}

/// The public key (DER) of a certificate.
pub fn public_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    Some(parsed.subject_public_key_info().to_vec())
}

impl Loaded {
    fn read(folder: &Path, default: &str, before: &Loaded) -> Loaded {
        let mut loaded = Loaded { seen: stamps(folder), ..Loaded::default() };
        for name in folders(folder) {
            let fresh = read_folder(&folder.join(&*name));
            let old = before.folders.iter().find(|old| old.name == name).and_then(|old| old.key.as_ref().ok());
            let served = fresh.as_ref().ok().or(old).cloned();
            if let Some(key) = served {
                for host in dns_names(&key) {
                    loaded.names.entry(host).or_insert_with(|| key.clone());
                }
                if *name == *default {
                    loaded.fallback = Some(key);
                }
            }
            loaded.folders.push(Folder { name, key: fresh });
        }
        loaded
    }

    fn report(&self) -> Report {
        let broken = self.folders.iter().enumerate().filter_map(|(position, folder)| {
            let why = *folder.key.as_ref().err()?;
            Some((folder.name.to_string(), position, why))
        });
        Report { names: self.names.len(), broken: broken.collect(), default: self.fallback.is_some() }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        let named = hello.server_name().and_then(|name| {
            let name = name.to_ascii_lowercase();
            let wildcard = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
            current.names.get(&*name).or_else(|| current.names.get(&*wildcard?))
        });
        named.or(current.fallback.as_ref()).cloned()
    }
}

// rustls wants it; it says nothing.
impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}

fn read_folder(folder: &Path) -> Result<Arc<CertifiedKey>, Broken> {
    let chain = fs::read(folder.join("fullchain.pem")).map_err(|_| Broken::Unreadable)?;
    let key = zeroize::Zeroizing::new(fs::read(folder.join("privkey.pem")).map_err(|_| Broken::Unreadable)?);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(Broken::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| Broken::Key)?;
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|_| Broken::Key)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| Broken::Mismatch)?;
    Ok(Arc::new(certified))
}

fn dns_names(key: &CertifiedKey) -> Vec<Box<str>> {
    let Some(leaf) = key.cert.first() else { return Vec::new() };
    let Ok(parsed) = webpki::EndEntityCert::try_from(leaf) else { return Vec::new() };
    parsed.valid_dns_names().map(|name| name.to_ascii_lowercase().into()).collect()
}

fn folders(folder: &Path) -> Vec<Box<str>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<Box<str>> = named.filter_map(|entry| Some(entry.file_name().to_str()?.into())).collect();
    names.sort();
    names
}

// Modification times of the certificate files themselves; no time of any person's activity.
fn stamps(folder: &Path) -> Vec<(PathBuf, Option<SystemTime>)> {
    let files = folders(folder).into_iter().flat_map(|name| {
        let inside = folder.join(&*name);
        [inside.join("fullchain.pem"), inside.join("privkey.pem")]
    });
    let stamp = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    files.map(|path| (path.clone(), stamp(&path))).collect()
}
