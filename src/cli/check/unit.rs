//! What the systemd unit on this machine says: what it makes before a start, who starts nologd, how many files that may open, and what of
//! the machine it closes. With the drop-in files of `systemctl edit`.
//!
//! Absent on purpose: systemd's own tools, specifiers (`%i`), and all of systemd's places but the usual ones. What is not seen here is
//! asked for once too often.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a unit may be, the strongest first.
const PLACES: [&str; 3] =
    ["/etc/systemd/system/nologd.service", "/usr/lib/systemd/system/nologd.service", "/lib/systemd/system/nologd.service"];

/// Where its drop-in files may be.
const DROP_INS: [&str; 3] =
    ["/usr/lib/systemd/system/nologd.service.d", "/run/systemd/system/nologd.service.d", "/etc/systemd/system/nologd.service.d"];

/// The lines of the unit that matter before a start.
#[derive(Default)]
pub(super) struct Unit {
    /// `User=`.
    pub(super) user: Option<String>,
    /// `LimitNOFILE=`, the first number.
    pub(super) files: Option<u64>,
    /// What the daemon of this unit is started with.
    words: Vec<String>,
    /// Folders that systemd makes, and those that stay writable.
    made: Vec<PathBuf>,
    open: Vec<PathBuf>,
    read_only: bool,
    no_homes: bool,
    own_tmp: bool,
}

/// A line of a unit that keeps its daemon from a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// `ProtectSystem=strict`
    ReadOnly,
    /// `ProtectHome=`
    Hidden,
    /// `PrivateTmp=`
    Passing,
}

impl Closed {
    /// For a sentence about a folder that is to be written to.
    pub(super) fn text(self, folder: &Path) -> String {
        match self {
            Closed::ReadOnly => format!(
                "the systemd unit lets nologd write to its own folders alone (ProtectSystem=strict): `systemctl edit nologd`, and there \
                 [Service] ReadWritePaths={}",
                folder.display()
            ),
            Closed::Hidden => "the systemd unit hides it from nologd (ProtectHome): choose one that is in no home".to_owned(),
            Closed::Passing => {
                "the systemd unit gives nologd such a folder of its own, which is gone at each restart (PrivateTmp): choose another".to_owned()
            }
        }
    }
}

impl Unit {
    /// The unit of this machine; an empty one where there is none.
    pub(super) fn of_machine() -> Unit {
        let Some(text) = PLACES.iter().find_map(|place| fs::read_to_string(place).ok()) else { return Unit::default() };
        let in_folder = |folder: &&str| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut more: Vec<PathBuf> = DROP_INS.iter().flat_map(in_folder).collect();
        more.retain(|file| file.extension().is_some_and(|end| end == "conf"));
        more.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
        let more: String = more.iter().filter_map(|file| fs::read_to_string(file).ok()).map(|text| format!("\n{text}")).collect();
        Unit::parse(&format!("{text}{more}"))
    }

    fn parse(text: &str) -> Unit {
        // A line without a value begins the list anew (systemd.syntax(7)).
        let values = |name: &str| {
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='));
            lines.map(str::trim).fold(Vec::new(), |mut values, value| {
                if value.is_empty() {
                    values.clear()
                } else {
                    values.push(value)
                }
                values
            })
        };
        let last = |name: &str| values(name).pop().unwrap_or_default();
        let words = |name: &str| values(name).into_iter().flat_map(str::split_whitespace).collect::<Vec<_>>();
        let below =
            |root: &'static str, name| words(name).into_iter().map(move |name| Path::new(root).join(name)).collect::<Vec<_>>();
        let made: Vec<PathBuf> = [below("/var/lib", "StateDirectory"), below("/run", "RuntimeDirectory")].concat();
        let open = words("ReadWritePaths").into_iter().map(|path| PathBuf::from(path.trim_start_matches(['-', '+'])));
        Unit {
            user: Some(last("User").to_owned()).filter(|user| !user.is_empty()),
            files: last("LimitNOFILE").split(':').next().and_then(|number| number.parse().ok()),
            words: last("ExecStart").split_whitespace().map(str::to_owned).collect(),
            open: made.iter().cloned().chain(open).collect(),
            made,
            read_only: last("ProtectSystem") == "strict",
            no_homes: !matches!(last("ProtectHome"), "" | "no" | "false" | "off" | "0"),
            own_tmp: !matches!(last("PrivateTmp"), "" | "no" | "false" | "off" | "0"),
        }
    }

    /// Whether it is this config file that the unit's daemon reads.
    pub(super) fn starts(&self, config: &Path) -> bool {
        let real = config.canonicalize().ok();
        let same = |word: &String| Path::new(word) == config || real.is_some() && Path::new(word).canonicalize().ok() == real;
        self.words.iter().any(|word| word.starts_with('/') && same(word))
    }

    /// Whether systemd makes `folder` at each start.
    pub(super) fn makes(&self, folder: &Path) -> bool {
        self.made.iter().any(|made| made == folder)
    }

    /// What keeps the daemon of this unit from writing to `folder`.
    pub(super) fn closes(&self, folder: &Path) -> Option<Closed> {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if self.open.iter().any(|open| folder.starts_with(open) || real.starts_with(open)) {
            return None;
        }
        self.hides(folder).or_else(|| self.read_only.then_some(Closed::ReadOnly))
    }

    /// What keeps the daemon of this unit even from reading there.
    pub(super) fn hides(&self, folder: &Path) -> Option<Closed> {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let below = |roots: &[&str]| roots.iter().any(|root| real.starts_with(root));
        if self.no_homes && below(&["/home", "/root", "/run/user"]) {
            return Some(Closed::Hidden);
        }
        (self.own_tmp && below(&["/tmp", "/var/tmp"])).then_some(Closed::Passing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../../policy/backends/nologd.service");

    #[test]
    fn the_unit_that_comes_with_nologd_makes_its_folders() {
        let unit = Unit::parse(OURS);
        assert_eq!((unit.user.as_deref(), unit.files), (Some("nologd"), Some(65536)));
        assert!(unit.makes(Path::new("/run/nologd")) && unit.makes(Path::new("/var/lib/nologd")));
        assert!(!unit.makes(Path::new("/run/other")) && !Unit::default().makes(Path::new("/run/nologd")));
        assert!(unit.starts(Path::new("/etc/nologd/nologd.toml")) && !unit.starts(Path::new("/etc/nologd/trial.toml")));
    }

    #[test]
    fn what_it_closes_is_known_and_a_drop_in_opens() {
        let closes = |unit: &Unit, folder: &str| unit.closes(Path::new(folder));
        let unit = Unit::parse(OURS);
        for (folder, closed) in [
            ("/var/lib/nologd", None),
            ("/var/lib/nologd/store", None),
            ("/var/lib/nologd2", Some(Closed::ReadOnly)),
            ("/srv/nologd", Some(Closed::ReadOnly)),
            ("/home/nologd", Some(Closed::Hidden)),
            ("/var/tmp/nologd", Some(Closed::Passing)),
        ] {
            assert_eq!(closes(&unit, folder), closed, "{folder}");
        }
        assert_eq!(unit.hides(Path::new("/etc/letsencrypt/live")), None);
        let edited = Unit::parse(&format!("{OURS}\n[Service]\nReadWritePaths=-/srv/nologd\nUser=mail\nProtectHome = no"));
        assert_eq!((closes(&edited, "/srv/nologd/x"), closes(&edited, "/home/n")), (None, Some(Closed::ReadOnly)));
        assert_eq!(edited.user.as_deref(), Some("mail"));
        let reset = Unit::parse(&format!("{OURS}\n[Service]\nReadWritePaths=/srv\nReadWritePaths=\nStateDirectory="));
        assert_eq!(closes(&reset, "/srv/nologd").or(closes(&reset, "/var/lib/nologd")), Some(Closed::ReadOnly));
        assert_eq!(closes(&Unit::default(), "/srv/nologd"), None);
    }
}
