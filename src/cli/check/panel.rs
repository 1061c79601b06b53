//! What a panel on this machine does around nologd, as far as its own files tell: docs/admin/panels.md has what to write there. What Dovecot
//! is told for it stands in Dovecot's settings, and is looked at there.

use std::fs;
use std::io::{self, ErrorKind};

use super::finding::Faults;

/// Where AlternC has what is run by the clock.
const CRON: &str = "/etc/cron.d/alternc";
/// What puts the numbers of `du` in the place of Dovecot's.
const RECOUNT: &str = "update_quota_mail";

/// Looks at it.
pub(super) fn look(found: &mut Faults) {
    by_the_clock(fs::read_to_string(CRON), found);
}

fn by_the_clock(cron: io::Result<String>, found: &mut Faults) {
    match cron {
        Ok(text) if recounts(&text) => found.wrong(format!(
            "AlternC: {CRON} runs {RECOUNT}, which puts the numbers of `du` in the place of Dovecot's: usage jumps. Take that line out"
        )),
        // No AlternC.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => found.note(format!("AlternC: {CRON}: {error}. Whether it runs {RECOUNT} is not known")),
        Ok(_) => {}
    }
}

fn recounts(text: &str) -> bool {
    text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(RECOUNT))
}

/// Where a table of Postfix's `transport_maps` that is AlternC's, and says for each address who delivers, sends what was Dovecot's: to the
/// place that its query names, or (`None`) still to Dovecot. Outer `None`: it is no table of AlternC's.
pub(super) fn delivers(table: &str) -> Option<Option<String>> {
    let path = table.rsplit_once("mysql:").map(|(_, path)| path)?;
    asks_who_delivers(&fs::read_to_string(path).ok()?)
}

fn asks_who_delivers(text: &str) -> Option<Option<String>> {
    let query = text.lines().filter_map(|line| line.split_once('=')).find(|(name, _)| name.trim() == "query");
    let (_, query) = query.filter(|(_, query)| query.to_ascii_lowercase().contains("delivery"))?;
    let place = query.split(['\'', '"']).find(|word| word.starts_with("lmtp:"));
    Some(place.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_not_one_that_says_nothing() {
        let said = |cron: io::Result<String>| {
            let mut found = Faults::default();
            by_the_clock(cron, &mut found);
            (found.all_wrong().len(), found.notes().len())
        };
        assert_eq!(said(Ok(format!("0 4 * * * root {RECOUNT}\n"))), (1, 0));
        assert_eq!((said(Ok(String::new())), said(Err(ErrorKind::NotFound.into()))), ((0, 0), (0, 0)));
        assert_eq!((said(Err(ErrorKind::PermissionDenied.into())), said(Err(ErrorKind::InvalidData.into()))), ((0, 1), (0, 1)));
    }

    #[test]
    fn the_files_of_alternc_tell_what_goes_around() {
        let lines = "0 4 * * 0 root /usr/lib/alternc/update_quota_mail.sh -a\n";
        assert!(recounts(lines) && !recounts(&format!("# {lines}")) && !recounts("0 4 * * * root /usr/lib/alternc/other\n"));
        let file = |query: &str| format!("hosts = 127.0.0.1\npassword = delivery\nquery = {query}\n");
        let of_alternc = "SELECT delivery FROM mailbox JOIN address ON address.id = address_id WHERE x = '%s'";
        assert_eq!(asks_who_delivers(&file(of_alternc)), Some(None));
        let template = include_str!("../../../policy/backends/panels/alternc-mytransport.cf");
        let own = template.lines().find_map(|line| line.strip_prefix("#     ")).unwrap();
        assert_eq!(asks_who_delivers(&file(own)), Some(Some("lmtp:inet:127.0.0.1:10026".into())));
        assert_eq!(asks_who_delivers(&file("SELECT transport FROM domains WHERE domain = '%s'")), None);
        assert_eq!(
            (asks_who_delivers(""), delivers("hash:/etc/postfix/transport"), delivers("mysql:/nowhere")),
            (None, None, None)
        );
    }
}
