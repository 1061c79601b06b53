//! What the policy's sandbox comes to on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::Config;
use super::held::folder;
use super::trouble::StartTrouble;
use crate::event::{Event, emit};
use crate::policy::sandbox::{RuleEffect, RulePlace, Servers, Target};
use crate::route::{self, Backend};
use crate::sandbox::{self, Enforcement, Plan, Unenforced, kept_outputs, lost_outputs};
use crate::serve::Service;

/// What the policy's sandbox comes to: paths, ports and calls. To be asked for before [`super::context`] takes the backends.
pub fn plan(config: &Config, file: &Path) -> Plan {
    let mut plan = Plan { ports: Some(Vec::new()), unix: Some(Vec::new()), ..Plan::default() };
    for rule in config.policy.sandbox.rules(kinds(config)) {
        match &rule.what {
            RuleEffect::Write(places) => plan.write.extend(places.iter().filter_map(|place| path(place, config, file))),
            RuleEffect::Read(places) => {
                plan.read.extend(places.iter().filter_map(|place| path(place, config, file)));
                if places.contains(&RulePlace::Config) {
                    plan.read.extend(behind_link(file));
                }
            }
            RuleEffect::Remove(places) => plan.remove.extend(places.iter().flat_map(|place| removable(place, config, file))),
            RuleEffect::Connect(targets) => targets.iter().for_each(|target| connect(&mut plan, *target, config)),
            RuleEffect::Sockets(sockets) => plan.sockets.extend(sockets),
            RuleEffect::Options(options) => plan.options.extend(options),
            RuleEffect::Deny(calls) => plan.deny.extend(calls),
        }
    }
    if let Some(ports) = &mut plan.ports {
        ports.sort_unstable();
        ports.dedup();
    }
    if let Some(unix) = &mut plan.unix {
        unix.sort_unstable();
        unix.dedup();
    }
    plan
}

/// Where the links in the folder of certificates lead to: a link does not open what it points at. certbot keeps links in
/// `live` and files in `archive` beside it, also those of certificates to come.
pub fn certificate_folders(config: &Config) -> Vec<PathBuf> {
    let Some(tls) = &config.tls else { return Vec::new() };
    let mut folders = Vec::new();
    if tls.certificates.file_name().is_some_and(|name| name == "live") {
        folders.push(tls.certificates.with_file_name("archive"));
    }
    for entry in fs::read_dir(&tls.certificates).into_iter().flatten().flatten() {
        folders.extend(entry.path().canonicalize());
        for name in ["fullchain.pem", "privkey.pem"] {
            let file = entry.path().join(name).canonicalize();
            folders.extend(file.ok().and_then(|file| Some(file.parent()?.to_owned())));
        }
    }
    folders.sort();
    folders.dedup();
    folders
}

/// Confines this process, for good. `missing` is what [`sandbox::harden`] could not do. To be called before the first thread.
///
/// # Errors
/// `NotConfined` when the config says `sandbox = "required"` and the kernel lacks a part.
pub fn confine(config: &Config, file: &Path, mut missing: Vec<Unenforced>) -> Result<Enforcement, StartTrouble> {
    let plan = plan(config, file);
    let mut wide = plan.clone();
    wide.read.extend(certificate_folders(config));
    let (kept_outputs, lost_outputs) = (kept_outputs(), lost_outputs());
    missing.extend(sandbox::enforce(&wide));
    super::groups::seal();
    missing.sort_unstable();
    missing.dedup();
    if config.sandbox_required && missing.iter().any(|rule| rule.is_required()) {
        return Err(StartTrouble::NotConfined(missing));
    }
    for rule in &missing {
        emit(Event::NotEnforced { rule: *rule as u64 });
    }
    for descriptor in &kept_outputs {
        emit(Event::OutputKept { descriptor: *descriptor as u64 });
    }
    Ok(Enforcement { plan, missing, kept_outputs, lost_outputs })
}

fn path(place: &RulePlace, config: &Config, file: &Path) -> Option<PathBuf> {
    match place {
        RulePlace::State => Some(config.state_dir.clone()),
        RulePlace::Config => Some(folder(file).unwrap_or(file).to_owned()),
        RulePlace::Certificates => config.tls.as_ref().map(|tls| tls.certificates.clone()),
        RulePlace::Authorities => config.authorities.clone(),
        RulePlace::Policy => config.policy_folder.clone(),
        RulePlace::Path(path) => Some(path.clone()),
        // More than one, and for removing only.
        RulePlace::Usage => None,
    }
}

/// What the config file is a link to: the link does not open it.
fn behind_link(file: &Path) -> Option<PathBuf> {
    let real = file.canonicalize().ok()?;
    let is_link = fs::symlink_metadata(file).is_ok_and(|data| data.is_symlink());
    is_link.then(|| folder(&real).unwrap_or(&real).to_owned())
}

/// A socket is removed from its folder: the right is the folder's.
fn removable(place: &RulePlace, config: &Config, file: &Path) -> Vec<PathBuf> {
    if *place != RulePlace::Usage {
        return path(place, config, file).into_iter().collect();
    }
    let sockets = config.listens.iter().filter(|listen| listen.service == Service::Usage);
    let folder = |path: &str| Path::new(path).parent().map(Path::to_owned);
    sockets.filter_map(|listen| listen.address.strip_prefix("unix:").and_then(folder)).collect()
}

fn connect(plan: &mut Plan, target: Target, config: &Config) {
    match target {
        Target::Any => (plan.ports, plan.unix) = (None, None),
        Target::Port(port) => plan.ports.iter_mut().for_each(|ports| ports.push(port)),
        Target::Backends => {
            for place in sockets(config) {
                match (place, &mut plan.ports, &mut plan.unix) {
                    (route::SocketName::Tcp(_, port), Some(ports), _) => ports.push(*port),
                    // The folder: a server that starts anew makes its socket anew.
                    (route::SocketName::Unix(path), _, Some(unix)) => unix.extend(path.parent().map(Path::to_owned)),
                    _ => {}
                }
            }
        }
    }
}

/// Whether a server is named by a name, which has to be looked up, and whether one has a Unix socket.
fn kinds(config: &Config) -> Servers {
    let mut servers = Servers::default();
    for place in sockets(config) {
        match place {
            route::SocketName::Tcp(host, _) => servers.names |= host.parse::<std::net::IpAddr>().is_err(),
            route::SocketName::Unix(_) => servers.unix = true,
        }
    }
    servers
}

fn sockets(config: &Config) -> impl Iterator<Item = &route::SocketName> {
    let servers = config.backends.iter().map(|(_, backend)| backend).chain(config.backends.fellows());
    let etcd = config.share.iter().flat_map(|share| &share.etcd);
    servers.flat_map(Backend::endpoints).map(|(_, endpoint)| endpoint).chain(etcd).map(|endpoint| &endpoint.socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sandbox::Socket;

    fn config(backend: &str, more: &str) -> Config {
        let text = format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"/var/lib/nologd\"\n{more}\n\
             [[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:143\"\ntls = \"none\"\n\
             [[backend]]\nname = \"one\"\nimap = \"imaps://{backend}:10143\"\nrelay = \"smtps://{backend}:10025\"\n"
        );
        crate::config::read(&text).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn only_what_the_config_names_is_planned() {
        let numbers = plan(&config("192.0.2.1", ""), Path::new("/etc/nologd/nologd.toml"));
        assert_eq!(numbers.write, [Path::new("/var/lib/nologd")]);
        assert_eq!(numbers.ports, Some(vec![10025, 10143]));
        assert!(numbers.read.contains(&"/etc/nologd".into()) && !numbers.read.contains(&"/etc/hosts".into()));
        assert!(!numbers.sockets.contains(&Socket::InetDatagram));
        let names = plan(&config("store.example", ""), Path::new("/etc/nologd.toml"));
        assert_eq!(names.ports, Some(vec![53, 10025, 10143]));
        assert!(names.read.contains(&"/etc/nologd.toml".into()) && !names.read.contains(&"/etc".into()));
        assert!(names.read.contains(&"/etc/hosts".into()) && names.sockets.contains(&Socket::InetDatagram));
    }

    #[test]
    fn unix_sockets_are_made_only_for_a_server_that_has_one() {
        let file = Path::new("/etc/nologd.toml");
        let ports = plan(&config("192.0.2.1", ""), file);
        assert!(!ports.sockets.contains(&Socket::UnixStream) && ports.unix == Some(Vec::new()));
        let more = "[[backend]]\nname = \"two\"\nimap = \"imap://127.0.0.1:143\"\nlmtp = \"unix:/run/dovecot/lmtp\"\n";
        let unix = plan(&config("192.0.2.1", more), file);
        assert!(unix.sockets.contains(&Socket::UnixStream));
        assert_eq!(unix.unix, Some(vec![PathBuf::from("/run/dovecot")]), "its folder: a new socket has the same name");
    }

    #[test]
    fn a_sandbox_can_be_required_and_not_switched_off() {
        assert!(config("192.0.2.1", "sandbox = \"required\"").sandbox_required);
        assert!(!config("192.0.2.1", "sandbox = \"available\"").sandbox_required);
        let problems = crate::config::read("sandbox = \"off\"\n").err().unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.line == 1 && problem.key == "sandbox"), "{problems:?}");
    }
}
