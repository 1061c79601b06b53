//! What the systemd unit on this machine says: what it makes before a start, who starts nologd, how many files that may open.
//!
//! Absent on purpose: drop-in files and systemd's own tools. What is not seen here is asked for once too often.

use std::fs;
use std::path::Path;

/// Where a unit may be, the strongest first.
const PLACES: [&str; 3] =
    ["/etc/systemd/system/nologd.service", "/usr/lib/systemd/system/nologd.service", "/lib/systemd/system/nologd.service"];

/// The lines of the unit that matter before a start.
#[derive(Default)]
pub(super) struct Unit {
    /// `User=`.
    pub(super) user: Option<String>,
    /// `LimitNOFILE=`, the first number.
    pub(super) files: Option<u64>,
    state: Vec<String>,
    runtime: Vec<String>,
}

impl Unit {
    /// The unit of this machine; an empty one where there is none.
    pub(super) fn of_machine() -> Unit {
        let text = PLACES.iter().find_map(|place| fs::read_to_string(place).ok());
        text.map(|text| Unit::parse(&text)).unwrap_or_default()
    }

    fn parse(text: &str) -> Unit {
        let values = |name: &str| {
            let lines = text.lines().filter_map(move |line| line.trim().strip_prefix(name)?.strip_prefix('='));
            lines.map(|value| value.trim().to_owned()).collect::<Vec<_>>()
        };
        let words = |name: &str| values(name).iter().flat_map(|value| value.split_whitespace()).map(str::to_owned).collect();
        Unit {
            user: values("User").pop().filter(|user| !user.is_empty()),
            files: values("LimitNOFILE").pop().and_then(|value| value.split(':').next()?.parse().ok()),
            state: words("StateDirectory"),
            runtime: words("RuntimeDirectory"),
        }
    }

    /// Whether systemd makes `folder` at each start.
    pub(super) fn makes(&self, folder: &Path) -> bool {
        let below = |root: &str, names: &[String]| names.iter().any(|name| Path::new(root).join(name) == folder);
        below("/var/lib", &self.state) || below("/run", &self.runtime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_that_comes_with_nologd_makes_its_folders() {
        let unit = Unit::parse(include_str!("../../../policy/backends/nologd.service"));
        assert_eq!((unit.user.as_deref(), unit.files), (Some("nologd"), Some(65536)));
        assert!(unit.makes(Path::new("/run/nologd")) && unit.makes(Path::new("/var/lib/nologd")));
        assert!(!unit.makes(Path::new("/run/other")) && !Unit::default().makes(Path::new("/run/nologd")));
    }
}
