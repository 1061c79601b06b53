//! Over what the settings of a node and those in etcd differ, in words: what each of the two ways out of a dispute would take away.

use super::association_rows::state;
use super::layout::counted;
use crate::quota::{DisputedAssociation, DisputedPart};

/// Lines at most; `--json` has all.
const SHOWN: usize = 40;

/// None: that cannot be told.
pub(super) fn print(over: Option<&[DisputedAssociation]>) -> String {
    let Some(over) = over else { return "    differs: that cannot be told\n".to_owned() };
    if over.is_empty() {
        return "    differs: nothing that is in force, so either command will do\n".to_owned();
    }
    let mut text = format!("    differs: {}\n", counted(over.len() as u64, "association"));
    for one in over.iter().take(SHOWN) {
        text.push_str(&format!("        {}: {}\n", one.name.reveal(), how(one)));
    }
    if over.len() > SHOWN {
        text.push_str(&format!("        and {} more (--json has all)\n", over.len() - SHOWN));
    }
    text
}

fn how(one: &DisputedAssociation) -> String {
    let (here, there) = match (one.here, one.in_etcd) {
        (Some(here), Some(there)) => (here, there),
        (Some(here), None) => return format!("{} here, NOT in etcd: share adopt removes it", state(here)),
        (None, Some(there)) => return format!("NOT here, {} in etcd: share publish --replace removes it", state(there)),
        (None, None) => return "neither here nor in etcd".to_owned(),
    };
    let states = (here != there).then(|| format!("{} here, {} in etcd", state(here), state(there)));
    let parts = one.parts.iter().map(|part| said(*part).to_owned());
    states.into_iter().chain(parts).collect::<Vec<_>>().join("; ")
}

fn said(part: DisputedPart) -> &'static str {
    match part {
        DisputedPart::Domains => "its domains",
        DisputedPart::Limits => "its limits",
        DisputedPart::Sending => "what it may send",
        DisputedPart::Aliases => "its aliases",
        DisputedPart::Mailboxes => "what is set for single mailboxes",
        DisputedPart::Loans => "what it lends or borrows",
        DisputedPart::Rest => "its contact, language or backend",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::{Day, Name, State};

    fn one(name: &str, here: Option<State>, in_etcd: Option<State>, parts: &[DisputedPart]) -> DisputedAssociation {
        DisputedAssociation { name: Name::parse(name).unwrap(), here, in_etcd, parts: parts.to_vec() }
    }

    #[test]
    fn an_admin_reads_what_each_way_out_takes_away() {
        let until = State::LeavingUntil(Day::parse("2027-03-01").unwrap());
        let over = [
            one("ferme", None, Some(State::Active), &[]),
            one("jardin", Some(until), None, &[]),
            one("velo", Some(State::Suspended), Some(State::Active), &[DisputedPart::Limits, DisputedPart::Rest]),
            one("zoo", Some(State::Active), Some(State::Active), &[DisputedPart::Mailboxes]),
        ];
        let wanted = "    differs: 4 associations
        ferme: NOT here, active in etcd: share publish --replace removes it
        jardin: leaving, until 2027-03-01 here, NOT in etcd: share adopt removes it
        velo: suspended here, active in etcd; its limits; its contact, language or backend
        zoo: what is set for single mailboxes\n";
        assert_eq!(print(Some(&over)), wanted);
        assert!(print(None).contains("cannot be told") && print(Some(&[])).contains("nothing that is in force"));
    }

    #[test]
    fn thousands_are_counted() {
        let over: Vec<_> = (0..3000).map(|at| one(&format!("a{at}"), Some(State::Active), None, &[])).collect();
        let text = print(Some(&over));
        assert_eq!(text.lines().count(), SHOWN + 2);
        assert!(
            text.starts_with("    differs: 3000 associations\n") && text.ends_with("and 2960 more (--json has all)\n"),
            "{text}"
        );
    }
}
