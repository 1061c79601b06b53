//! The certificates that the config names: read, refused where they may not be used, and told to admins.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::file::Config;
use super::held::ConfigFile;
use super::listen::{Listen, ListenTls};
use super::trouble::StartTrouble;
use crate::admin::CertificateStatus;
use crate::event::{Event, emit};
use crate::net::certificate_folder::{CHAIN, KEY};
use crate::net::certificates::{CertificateStanding, Certificates, LoadReport, public_key};
use crate::serve::clock::now;
use crate::store::open_regular;

/// The example certificate: its key is public, so it must never protect anybody.
const EXAMPLE: &[u8] = include_bytes!("../../certs-example/mail.nolog.example/fullchain.pem");

/// Reads the certificates, and the positions of those that cannot be used.
///
/// # Errors
/// `NoDefaultCertificate`, `ExampleKey`.
pub fn certificates(config: &Config) -> Result<(Option<Arc<Certificates>>, Vec<usize>), StartTrouble> {
    let Some(files) = &config.tls else { return Ok((None, Vec::new())) };
    let (certificates, report) = Certificates::load(&files.certificates, &files.default, now().as_secs());
    usable(&certificates, &report, &config.listens)?;
    Ok((Some(certificates), report.broken.iter().map(|(_, position, _)| *position).collect()))
}

/// Whether it is the example's certificate that a folder has.
pub fn is_example(folder: &Path) -> bool {
    fs::read(folder.join(CHAIN)).is_ok_and(|chain| chain == EXAMPLE)
}

fn usable(certificates: &Certificates, report: &LoadReport, listens: &[Listen]) -> Result<(), StartTrouble> {
    if !report.default {
        let broken = report.broken.iter().map(|(name, _, why)| format!("{name}: {}", why.text())).collect();
        return Err(StartTrouble::NoDefaultCertificate(broken));
    }
    let leaf = CertificateDer::pem_slice_iter(EXAMPLE).next().and_then(Result::ok);
    let example = leaf.as_ref().and_then(public_key).ok_or(StartTrouble::Crypto)?;
    let exposed = listens.iter().any(|listen| listen.tls != ListenTls::None && !listen.is_local());
    if exposed && certificates.uses_key(&example) { Err(StartTrouble::ExampleKey) } else { Ok(()) }
}

/// The way from `status` to the certificates as they are then.
pub(super) fn told(certificates: &Arc<Certificates>) -> crate::admin::AskCertificates {
    let certificates = certificates.clone();
    Arc::new(move || {
        let now = now().as_secs();
        let told = |standing: CertificateStanding| CertificateStatus {
            name: standing.name.into(),
            days: standing.validity.map(|validity| validity.days(now)),
            in_force: standing.in_force,
            broken: standing.broken.map(|why| why.text().into()),
        };
        certificates.standing().into_iter().map(told).collect()
    })
}

/// Says what a later reload will not be able to read: the config file that is put in place of this one, renewed keys. To be called as
/// the user that the daemon stays, in its sandbox.
pub fn tell_reload(config: &Config, file: &ConfigFile) {
    if let Some(limited) = file.limited() {
        emit(Event::ReloadLimited { why: limited as u64 });
    }
    tell_unreadable(config);
}

/// Says which certificates the daemon could read as root, and cannot now: the next ones it will not read either. To be called as the
/// user that the daemon stays.
fn tell_unreadable(config: &Config) {
    let Some(files) = &config.tls else { return };
    for (position, name) in crate::net::certificate_folder::folders(&files.certificates).iter().enumerate() {
        let is_closed = |file: PathBuf| file.exists() && open_regular(&file).is_err();
        if [CHAIN, KEY].iter().any(|file| is_closed(files.certificates.join(&**name).join(file))) {
            emit(Event::CertificateClosed { position: position as u64 });
        }
    }
}
