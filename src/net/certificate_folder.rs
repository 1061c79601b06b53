//! One folder with a certificate (`fullchain.pem`, `privkey.pem`): what is in it, until when it is valid, and what its files look like
//! from outside, so that a change is seen.
//!
//! Absent on purpose: whether the authorities that signed it are trusted anywhere. Of the chain, only the first certificate's dates
//! count: programs find another way around an old one above it.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use crate::store::open_regular;

/// The file with the certificate and those above it.
pub const CHAIN: &str = "fullchain.pem";

/// The file with its key.
pub const KEY: &str = "privkey.pem";

/// No certificate with all above it is longer, in octets, and no key.
const LONGEST: u64 = 1 << 20;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Why a folder's certificate cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The folder is not there any more.
    Gone,
    /// One of its two files is not there, or cannot be read.
    Unreadable,
    /// No usable certificate in `fullchain.pem`.
    Certificate,
    /// No usable key in `privkey.pem`.
    Key,
    /// Key and certificate do not belong together.
    Mismatch,
    /// It is not valid today, and the one before it is.
    OutOfDate,
}

impl Broken {
    /// What is wrong, for the admin.
    pub fn text(self) -> &'static str {
        match self {
            Broken::Gone => "its folder is not there any more",
            Broken::Unreadable => "fullchain.pem or privkey.pem is not there, or cannot be read",
            Broken::Certificate => "there is no usable certificate in fullchain.pem",
            Broken::Key => "there is no usable key in privkey.pem",
            Broken::Mismatch => "the key in privkey.pem is not that of the certificate in fullchain.pem",
            Broken::OutOfDate => "it is not valid today",
        }
    }
}

/// From when until when a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub from: u64,
    /// Its last.
    pub until: u64,
}

impl Validity {
    /// Whole days that are left at `now`; below zero when it is over.
    pub fn days(self, now: u64) -> i64 {
        let left = i64::try_from(self.until).unwrap_or(i64::MAX).saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
        left.div_euclid(DAY.cast_signed())
    }

    /// Whether it is valid at `now`.
    pub fn holds(self, now: u64) -> bool {
        (self.from..=self.until).contains(&now)
    }

    /// Whether so little is left that somebody should look: 14 days, or a third of its life where that is shorter.
    pub fn is_short(self, now: u64) -> bool {
        let warned = (14 * DAY).min(self.until.saturating_sub(self.from) / 3);
        now.saturating_add(warned) >= self.until
    }
}

/// A certificate that can be served.
#[derive(Clone)]
pub struct Good {
    /// For rustls.
    pub key: Arc<CertifiedKey>,
    /// `None`: the dates cannot be read. It is served all the same.
    pub validity: Option<Validity>,
}

impl Good {
    /// Whether it is known to be not valid at `now`.
    pub fn is_out_of_date(&self, now: u64) -> bool {
        self.validity.is_some_and(|validity| !validity.holds(now))
    }
}

/// Reads the certificate in `folder`.
///
/// # Errors
/// See [`Broken`]; never `OutOfDate`, which only the one before can tell.
pub fn read(folder: &Path) -> Result<Good, Broken> {
    let text = |name: &str| bounded(&folder.join(name)).map_err(|_| missing(folder));
    let (chain, key) = (text(CHAIN)?, text(KEY)?);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(Broken::Certificate)?;
    let leaf = chain.first().ok_or(Broken::Certificate)?;
    webpki::EndEntityCert::try_from(leaf).map_err(|_| Broken::Certificate)?;
    let validity = validity(leaf);
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| Broken::Key)?;
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|_| Broken::Key)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| Broken::Mismatch)?;
    Ok(Good { key: Arc::new(certified), validity })
}

/// What is no file (a pipe, a device) has no end, or makes whoever reads it wait for somebody who writes: that would be the whole daemon.
fn bounded(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Not moved while it grows: a key would stay behind.
    let mut text = Zeroizing::new(Vec::with_capacity(64 * 1024));
    open_regular(file)?.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

fn missing(folder: &Path) -> Broken {
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Broken::Gone,
        _ => Broken::Unreadable,
    }
}

/// The dates of a certificate; none where they cannot be read.
pub(super) fn validity(leaf: &CertificateDer<'_>) -> Option<Validity> {
    let parsed = x509_cert::Certificate::from_der(leaf).ok()?;
    let dates = parsed.tbs_certificate.validity;
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    Some(Validity { from: seconds(dates.not_before), until: seconds(dates.not_after) })
}

/// The names that a certificate is for; a wildcard as `*.parent`.
pub fn names(key: &CertifiedKey) -> Vec<Box<str>> {
    let Some(leaf) = key.cert.first() else { return Vec::new() };
    let Ok(parsed) = webpki::EndEntityCert::try_from(leaf) else { return Vec::new() };
    parsed.valid_dns_names().map(|name| name.to_ascii_lowercase().into()).collect()
}

/// The folders below `folder`, in alphabetical order.
pub fn folders(folder: &Path) -> Vec<Box<str>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<Box<str>> = named.filter_map(|entry| Some(entry.file_name().to_str()?.into())).collect();
    names.sort();
    names
}

/// What the files of all folders look like from outside. Not only the time of a change: files that are put in place by a rename keep
/// the time of the copy that they were, and a right that is given back changes no content.
pub type Stamps = Vec<(PathBuf, Option<[i64; 6]>)>;

/// The files of all folders below `folder`, behind their links. No time of any person's activity.
pub fn stamps(folder: &Path) -> Stamps {
    let files = folders(folder).into_iter().flat_map(|name| {
        let inside = folder.join(&*name);
        [inside.join(CHAIN), inside.join(KEY)]
    });
    files.map(|path| (path.clone(), stamp(&path))).collect()
}

fn stamp(path: &Path) -> Option<[i64; 6]> {
    let data = fs::metadata(path).ok()?;
    let (inode, size) = (data.ino().cast_signed(), data.size().cast_signed());
    Some([data.dev().cast_signed(), inode, size, data.mtime(), data.ctime(), data.ctime_nsec()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_what_is_over_is_below_zero() {
        let ninety = Validity { from: 0, until: 90 * DAY };
        assert_eq!((ninety.days(0), ninety.days(1), ninety.days(90 * DAY), ninety.days(90 * DAY + 1)), (90, 89, 0, -1));
        assert!(!ninety.is_short(76 * DAY - 1) && ninety.is_short(76 * DAY) && ninety.is_short(99 * DAY));
        let six = Validity { from: 0, until: 6 * DAY };
        assert!(!six.is_short(4 * DAY - 1) && six.is_short(4 * DAY), "one of six days is not short all its life");
        assert!(ninety.holds(90 * DAY) && !ninety.holds(90 * DAY + 1) && !Validity { from: 5, until: 9 }.holds(4));
    }
}
