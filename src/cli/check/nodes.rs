//! What `[share]` names: the certificate that this node shows to others and to etcd, its key, and who signs those of all.

use std::fs::File;

use super::certificates::{counted, unopened};
use super::finding::Faults;
use super::starter::Starter;
use super::unit::Unit;
use crate::config::{Config, ShareSettings};
use crate::net::identity::Identity;
use crate::net::tls::Clients;
use crate::serve::clock::now;

/// Looks at all of it. Whether the user that nologd stays may read it is looked at with all other files (`opened`).
pub(super) fn nodes(config: &Config, unit: &Unit, starter: &Starter, found: &mut Faults) {
    let Some(share) = &config.share else { return };
    let by_user = starter.by_unit && unit.user.is_some();
    let look = || look(share, now().as_secs());
    match if by_user && !starter.root { starter.as_user(look) } else { Some(look()) } {
        Some(looked) => found.add(looked),
        None => found.note("not tried: the files of [share]. Run this check as root"),
    }
}

fn look(share: &ShareSettings, now: u64) -> Faults {
    let mut found = Faults::default();
    let (authority, certificate) = (share.authority.display(), share.certificate.display());
    for (key, file) in [("authority", &share.authority), ("certificate", &share.certificate), ("key", &share.key)] {
        if let Err(error) = File::open(file) {
            let why = unopened(file, &error);
            found.wrong(format!("{}: {why}. Without the {key} of [share], nologd does not start", file.display()));
        }
    }
    if !found.all_wrong().is_empty() {
        return found;
    }
    let Ok(others) = Clients::load(&share.authority) else {
        found.wrong(format!("{authority}: holds no certificate of an authority, in PEM. nologd does not start"));
        return found;
    };
    let Ok(own) = Identity::load(&share.certificate, &share.key) else {
        let key = share.key.display();
        found.wrong(format!(
            "{certificate}: it and {key} are no certificate and the key that belongs to it. nologd does not start"
        ));
        return found;
    };
    let Some(validity) = own.validity() else {
        found.wrong(format!("{certificate}: its dates cannot be read"));
        return found;
    };
    let days = validity.days(now);
    let left = counted(days.unsigned_abs());
    match (validity.holds(now), days) {
        (false, 0..) => found.wrong(format!("{certificate}: is not valid yet: etcd and other nodes refuse it. Is the clock right?")),
        (false, _) => found.wrong(format!("{certificate}: is not valid since {left} ago: etcd and other nodes refuse it")),
        (true, _) if validity.is_short(now) => found.note(format!(
            "certificate of [share]: {left} left. Renew it, and restart nologd: it is read at the start. Those of other nodes may end on the same \
             day: {certificate}"
        )),
        (true, _) => found.note(format!("certificate of [share]: {left} left")),
    }
    if validity.holds(now) && !others.accept(&own, now) {
        found.wrong(format!(
            "{certificate}: was not signed by {authority}, or not for clients too: etcd and other nodes refuse it"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;
    use crate::store::{Lasting, replace};

    const DAY: u64 = 86_400;
    const NOW: u64 = 20_000 * DAY;

    fn authority() -> (Issuer<'static, KeyPair>, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        (Issuer::new(params, key), certificate)
    }

    fn signed(by: &Issuer<'static, KeyPair>, left: i64) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["front-a.nolog.example".to_owned()]).unwrap();
        let at = |seconds: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let until = NOW.cast_signed() + left * DAY.cast_signed() + 3600;
        (params.not_before, params.not_after) = (at(NOW - 100 * DAY), at(until.cast_unsigned()));
        (params.signed_by(&key, by).unwrap().pem(), key.serialize_pem())
    }

    struct Files(PathBuf);

    impl Files {
        fn look(&self, authority: &str, certificate: &str, key: &str) -> (Vec<String>, Vec<String>) {
            let put = |name: &str, text: &str| {
                let _ = std::fs::remove_file(self.0.join(name));
                if !text.is_empty() {
                    replace(&self.0.join(name), &[text.as_bytes()], Lasting::No).unwrap();
                }
                self.0.join(name)
            };
            let share = ShareSettings {
                name: "front-a".into(),
                etcd: Vec::new(),
                authority: put("authority.pem", authority),
                certificate: put("front-a.pem", certificate),
                key: put("front-a.key", key),
            };
            let found = look(&share, NOW);
            (found.all_wrong().to_vec(), found.notes().to_vec())
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_other_nodes_would_refuse_is_told_before_a_start() {
        let folder = std::env::temp_dir().join(format!("nologd-check-nodes-{}", std::process::id()));
        std::fs::create_dir_all(Path::new(&folder)).unwrap();
        let files = Files(folder);
        let ((ours, root), (theirs, _)) = (authority(), authority());
        let (chain, key) = signed(&ours, 60);
        assert_eq!(files.look(&root, &chain, &key), (vec![], vec!["certificate of [share]: 60 days left".to_owned()]));
        let (short, short_key) = signed(&ours, 13);
        let (wrong, notes) = files.look(&root, &short, &short_key);
        assert!(wrong.is_empty() && notes[0].contains("13 days left. Renew it"), "{wrong:?} {notes:?}");
        let (over, over_key) = signed(&ours, -3);
        let (foreign, foreign_key) = signed(&theirs, 60);
        for (certificate, key, why) in [
            (&*over, &*over_key, "is not valid since 3 days ago"),
            (&foreign, &foreign_key, "was not signed by"),
            (&chain, &foreign_key, "the key that belongs to it"),
            (&chain, "", "front-a.key: there is no such file"),
            ("", &key, "front-a.pem: there is no such file"),
            ("no certificate", &key, "the key that belongs to it"),
        ] {
            let (wrong, _) = files.look(&root, certificate, key);
            assert!(wrong.len() == 1 && wrong[0].contains(why), "{why}: {wrong:?}");
        }
        assert!(files.look("nothing", &chain, &key).0[0].contains("holds no certificate of an authority"));
    }
}
