//! Certificates per name: one folder each with `fullchain.pem` and `privkey.pem` (certbot's layout works), chosen by SNI.
//!
//! The names come from the certificate itself, so one certificate for many names needs one folder. Once a folder's certificate
//! was good, it stays in force until the folder has another good one, however often what is there is read and whatever it is in
//! between: half a copy, no folder at all. A renewal that goes wrong must not take the mail of 300 associations down.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificate_folder::{Broken, Good, Stamps, Validity, folders, names, read, stamps};
use crate::private::Domain;

/// All certificates in force.
pub struct Certificates {
    folder: PathBuf,
    default: Box<str>,
    current: ArcSwap<Loaded>,
}

#[derive(Default)]
struct Loaded {
    /// By folder name, in alphabetical order: what `position` in events and problems counts.
    folders: Vec<CertificateFolder>,
    /// By name; a wildcard stands under `*.parent`.
    names: HashMap<Box<str>, Arc<CertifiedKey>>,
    fallback: Option<Arc<CertifiedKey>>,
    seen: Stamps,
    /// From when until when each certificate that was read is judged as it was: none of them begins or ends between.
    judged: Range<u64>,
}

struct CertificateFolder {
    name: Box<str>,
    /// The last good one.
    good: Option<Good>,
    /// What is wrong with what is there now.
    broken: Option<Broken>,
    /// The dates of what is there now, where it is not in force for them.
    refused: Option<Validity>,
}

/// What a load found.
pub struct LoadReport {
    /// Names that can be served.
    pub names: usize,
    /// Folders (name, position) that cannot be used.
    pub broken: Vec<(String, usize, Broken)>,
    /// Whether the default certificate is there.
    pub default: bool,
}

/// How one folder stands.
pub struct CertificateStanding {
    /// Its name.
    pub name: Box<str>,
    /// The dates of the certificate in force; `None`: there is none, or its dates cannot be read.
    pub validity: Option<Validity>,
    /// What is wrong with what is there now.
    pub broken: Option<Broken>,
    /// Whether a certificate is in force, of now or of before.
    pub in_force: bool,
}

impl Certificates {
    /// Reads all folders under `folder`. `default` is the folder whose certificate is shown to clients that name no
    /// server, or one that is not here. `now` is in seconds since 1970.
    pub fn load(folder: &Path, default: &str, now: u64) -> (Arc<Certificates>, LoadReport) {
        let loaded = Loaded::read(folder, default, &Loaded::default(), now);
        let report = loaded.report();
        let current = ArcSwap::from_pointee(loaded);
        (Arc::new(Certificates { folder: folder.into(), default: default.into(), current }), report)
    }

    /// Reads all again and puts in force what is good.
    pub fn reload(&self, now: u64) -> LoadReport {
        let loaded = Loaded::read(&self.folder, &self.default, &self.current.load(), now);
        let report = loaded.report();
        self.current.store(Arc::new(loaded));
        report
    }

    /// Whether there is something to be read again: a file was changed, added or removed since the last load; or a certificate has begun or
    /// ended since (also where the clock was wrong then), in seconds since 1970.
    pub fn changed(&self, now: u64) -> bool {
        let current = self.current.load();
        !current.judged.contains(&now) || stamps(&self.folder) != current.seen
    }

    /// How each folder stands, in the order of the positions.
    pub fn standing(&self) -> Vec<CertificateStanding> {
        let standing = |folder: &CertificateFolder| CertificateStanding {
            name: folder.name.clone(),
            validity: folder.good.as_ref().and_then(|good| good.validity),
            broken: folder.broken,
            in_force: folder.good.is_some(),
        };
        self.current.load().folders.iter().map(standing).collect()
    }

    /// Whole days until the first certificate in force is over, 0 when one is. None: there is none with dates that can be read.
    pub fn fewest_days(&self, now: u64) -> Option<u64> {
        let current = self.current.load();
        let dates = current.folders.iter().filter_map(|folder| folder.good.as_ref()?.validity);
        dates.map(|validity| u64::try_from(validity.days(now)).unwrap_or(0)).min()
    }

    /// The names that `hosts` and what is below `domains` are shown a certificate for, each with the days that are left of it (see
    /// [`Validity::days`]; none where its dates cannot be read), in the order of the names. What only the default covers is not among them.
    pub fn covering(&self, hosts: &[&str], domains: &[&str], now: u64) -> BTreeMap<Box<str>, Option<i64>> {
        let current = self.current.load();
        let is_below = |name: &str| {
            let name = name.strip_prefix("*.").unwrap_or(name);
            domains.iter().any(|domain| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
        };
        let below = current.names.keys().filter(|name| is_below(name)).map(|name| &**name);
        let named: BTreeSet<&str> = hosts.iter().chain(domains).copied().chain(below).collect();
        let days = named.into_iter().filter_map(|name| Some((name.into(), current.validity(current.named(name)?))));
        days.map(|(name, validity)| (name, validity.map(|validity| validity.days(now)))).collect()
    }

    /// The certificate (DER) that a client is shown who asks for `name`.
    pub fn shown(&self, name: &str) -> Option<Vec<u8>> {
        self.chosen(Some(name))?.cert.first().map(|leaf| leaf.to_vec())
    }

    pub(super) fn chosen(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        let named = name.and_then(|name| current.named(&name.to_ascii_lowercase()));
        named.or(current.fallback.as_ref()).cloned()
    }

    /// Whether any certificate in force is for `key`, the DER of a public key.
    pub fn uses_key(&self, key: &[u8]) -> bool {
        let current = self.current.load();
        current.folders.iter().filter_map(|folder| folder.good.as_ref()).any(|good| {
            let leaf = good.key.cert.first().and_then(public_key);
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
    fn read(folder: &Path, default: &str, before: &Loaded, now: u64) -> Loaded {
        // First: what changes while the files are read is seen as a change the next time.
        let seen = stamps(folder);
        // Folders that are gone too: their certificates stay.
        let known = before.folders.iter().filter(|folder| folder.good.is_some()).map(|folder| folder.name.clone());
        let all: BTreeSet<_> = self::folders(folder).into_iter().chain(known).collect();
        let folders: Vec<_> = all.into_iter().map(|name| before.next(folder, name, now)).collect();
        let names = served(&folders, now);
        let fallback = folders.iter().find(|folder| is_same(&folder.name, default)).and_then(|folder| folder.good.as_ref());
        let fallback = fallback.map(|good| good.key.clone());
        let judged = judged(&folders, now);
        Loaded { folders, names, fallback, seen, judged }
    }

    /// The folder `name` as it is now, after this.
    fn next(&self, parent: &Path, name: Box<str>, now: u64) -> CertificateFolder {
        let old = self.folders.iter().find(|old| old.name == name).and_then(|old| old.good.as_ref());
        let (good, broken, refused) = match (read(&parent.join(&*name)), old) {
            (Ok(fresh), Some(old)) if fresh.is_out_of_date(now) && !old.is_out_of_date(now) => {
                (Some(old.clone()), Some(Broken::OutOfDate), fresh.validity)
            }
            (Ok(fresh), _) => (Some(fresh), None, None),
            (Err(broken), old) => (old.cloned(), Some(broken), None),
        };
        CertificateFolder { name, good, broken, refused }
    }

    /// The certificate for `name`, in small letters.
    fn named(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let wildcard = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        self.names.get(name).or_else(|| self.names.get(&*wildcard?))
    }

    fn validity(&self, key: &Arc<CertifiedKey>) -> Option<Validity> {
        let mut good = self.folders.iter().filter_map(|folder| folder.good.as_ref());
        good.find(|good| Arc::ptr_eq(&good.key, key))?.validity
    }

    fn report(&self) -> LoadReport {
        let broken = self.folders.iter().enumerate().filter_map(|(position, folder)| {
            let why = folder.broken?;
            Some((folder.name.to_string(), position, why))
        });
        LoadReport { names: self.names.len(), broken: broken.collect(), default: self.fallback.is_some() }
    }
}

/// Between the last moment before `now` and the first one after it at which any of these begins or is over.
fn judged(folders: &[CertificateFolder], now: u64) -> Range<u64> {
    let dates = folders.iter().flat_map(|folder| [folder.good.as_ref().and_then(|good| good.validity), folder.refused]);
    let turns: Vec<u64> = dates.flatten().flat_map(|dates| [dates.from, dates.until.saturating_add(1)]).collect();
    let before = turns.iter().copied().filter(|turn| *turn <= now).max();
    let after = turns.iter().copied().filter(|turn| *turn > now).min();
    before.unwrap_or(0)..after.unwrap_or(u64::MAX)
}

/// Where two certificates are for one name (certbot makes NAME-0001 beside NAME), one that is valid today is shown before others, then
/// one that is really there before one that is only kept, then the one that is valid for longer.
fn served(folders: &[CertificateFolder], now: u64) -> HashMap<Box<str>, Arc<CertifiedKey>> {
    let mut good: Vec<_> = folders.iter().filter_map(|folder| Some((folder.broken.is_some(), folder.good.as_ref()?))).collect();
    good.sort_by_key(|(kept, good)| (good.is_out_of_date(now), *kept, Reverse(good.validity.map(|validity| validity.until))));
    let mut served = HashMap::new();
    for (_, good) in good {
        for host in names(&good.key) {
            served.entry(host).or_insert_with(|| good.key.clone());
        }
    }
    served
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.chosen(hello.server_name())
    }
}

/// Whether two names of folders are one, also where a name is written in letters and the other in ASCII (RFC 5890 2.3.2.5). What
/// clients ask for, and what stands in certificates, is always in ASCII.
fn is_same(name: &str, other: &str) -> bool {
    let domain = Domain::parse(name);
    name == other || domain.is_some() && domain == Domain::parse(other)
}

// rustls wants it; it says nothing.
impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}
