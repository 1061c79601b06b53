//! A table of semicolons, commas or tabs, which every home-made panel can write (RFC 4180, with any of the three).
//!
//! The first line names the columns, in any order: `association` and `domain` are needed; `mailbox`, `storage`, `contact`, `alias`,
//! `domain-alias` may be there, and others are passed over. A file that is not UTF-8 is refused: two names could become one. docs/admin/panels.md has an example.

use std::io::BufRead;

use super::list::PanelList;
use super::odd::OddWhy;
use super::tables::SourceTrouble;
use crate::private::Address;
use crate::quota::{Limit, OwnLimit, parse_size};

/// Octets of a line.
const LINE: u64 = 1 << 16;

/// Reads it to its end.
///
/// # Errors
/// The file cannot be read, or its first line names no columns.
pub fn read(input: &mut dyn BufRead) -> Result<PanelList, SourceTrouble> {
    let mut lines = TableLines(input);
    let head = lines.next_line()?.flatten().ok_or(SourceTrouble::NoTable("csv"))?;
    let head = head.trim_start_matches('\u{feff}');
    let separator = [';', '\t', ','].into_iter().find(|sign| head.contains(*sign)).unwrap_or(';');
    let names: Vec<_> = fields(head, separator).iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let column = |name: &str| names.iter().position(|known| known == name);
    let needed = |name: &'static str| column(name).ok_or(SourceTrouble::NoColumn("csv", name));
    let columns = [needed("association")?, needed("domain")?];
    let optional = ["mailbox", "storage", "contact", "alias", "domain-alias"].map(column);
    let mut list = PanelList::of(optional[0].is_some(), optional[3].is_some());
    while let Some(line) = lines.next_line()? {
        let Some(line) = line else {
            list.odd.lose("csv", OddWhy::NoForm);
            continue;
        };
        if line.trim().is_empty() {
            continue;
        }
        let fields = fields(&line, separator);
        let at = |column: Option<usize>| column.and_then(|at| fields.get(at)).map_or("", |field| field.trim());
        row(&mut list, columns.map(|column| at(Some(column))), optional.map(at), optional[1].is_some());
    }
    Ok(list)
}

fn row(
    list: &mut PanelList,
    [association, domain]: [&str; 2],
    [mailbox, storage, contact, alias, stands]: [&str; 5],
    has_limits: bool,
) {
    let Some(name) = list.name("csv", association) else { return };
    let Some(domain) = list.domain("csv", domain, &name) else { return };
    let beginning = list.beginnings.entry(name).or_default();
    if let Some(contact) = Address::parse(contact).filter(Address::is_reachable) {
        beginning.contact.get_or_insert(contact);
    } else if !contact.is_empty() {
        list.odd.add("csv", OddWhy::NoAddress);
    }
    if !stands.is_empty() {
        list.stands("csv", stands, domain.reveal());
    }
    if mailbox.is_empty() {
        return;
    }
    let local = match mailbox.rsplit_once('@') {
        Some((local, other)) if crate::private::Domain::parse(other).as_ref() == Some(&domain) => local,
        Some(_) => return list.odd.lose("csv", OddWhy::NoOwner),
        None => mailbox,
    };
    let address = format!("{local}@{}", domain.reveal());
    if !alias.is_empty() {
        list.alias("csv", &address, alias.split([',', ' ']));
    } else if has_limits {
        list.mailbox("csv", local, &domain, limit(storage));
    } else if let Some(address) = list.read_address("csv", &address) {
        list.mailboxes.insert(address, None);
    }
}

/// `2G`, `none`; nothing is the association's default. A 0 means no limit in some panels and nothing in others: it is none here.
fn limit(text: &str) -> Option<OwnLimit> {
    match text {
        "" | "default" => Some(OwnLimit::Default),
        "none" => Some(OwnLimit::Own(Limit::None)),
        "0" => None,
        text => parse_size(text).ok().map(|octets| OwnLimit::Own(Limit::At(octets))),
    }
}

struct TableLines<'a>(&'a mut dyn BufRead);

impl TableLines<'_> {
    /// None inside: it is longer than a line may be. Its rest is no line of its own.
    fn next_line(&mut self) -> Result<Option<Option<String>>, SourceTrouble> {
        let line = self.piece()?;
        let mut more = is_cut(&line);
        if more {
            while more {
                more = is_cut(&self.piece()?);
            }
            return Ok(Some(None));
        }
        let text = std::str::from_utf8(&line).map_err(|_| SourceTrouble::NotUtf8)?;
        Ok((!line.is_empty()).then(|| Some(text.trim_end_matches(['\r', '\n']).to_owned())))
    }

    fn piece(&mut self) -> Result<Vec<u8>, SourceTrouble> {
        let mut line = Vec::new();
        std::io::Read::take(&mut *self.0, LINE).read_until(b'\n', &mut line).map_err(|_| SourceTrouble::Unread)?;
        Ok(line)
    }
}

fn is_cut(piece: &[u8]) -> bool {
    piece.len() as u64 == LINE && !piece.ends_with(b"\n")
}

fn fields(line: &str, separator: char) -> Vec<String> {
    let (mut found, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' if quoted || field.trim().is_empty() => quoted = !quoted,
            char if char == separator && !quoted => found.push(std::mem::take(&mut field)),
            char => field.push(char),
        }
    }
    found.push(field);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Domain;

    fn list(text: &str) -> PanelList {
        let mut list = read(&mut text.as_bytes()).ok().unwrap();
        list.finish();
        list
    }

    #[test]
    fn columns_stand_in_any_order_and_with_any_of_three_signs() {
        let semicolons = "association;domain;mailbox;storage;contact\nvelo;velo.example;alice;2G;tresor@velo.example\nvelo;velo.example;bob@velo.example;;\n";
        let commas = "\u{feff}Contact,storage,MAILBOX,domain,more,association\r\ntresor@velo.example,2G,\"alice\",velo.example,x,velo\r\n,,bob@velo.example,velo.example,,velo\r\n\r\n";
        for text in [semicolons, commas, &semicolons.replace(';', "\t")] {
            let list = list(text);
            let limits: Vec<_> = list.mailboxes.iter().map(|(address, limit)| (address.reveal(), *limit)).collect();
            let expected = [("alice@velo.example", OwnLimit::Own(Limit::At(2 << 30))), ("bob@velo.example", OwnLimit::Default)];
            assert_eq!(limits, expected.map(|(address, limit)| (address.to_owned(), Some(limit))));
            let contact = list.beginnings.values().next().and_then(|beginning| beginning.contact.as_ref());
            assert!(contact.is_some_and(|contact| contact.reveal_local() == "tresor"));
            assert!(list.odd.is_none() && list.has_mailboxes && !list.has_aliases);
        }
    }

    #[test]
    fn aliases_and_alias_domains() {
        let list = list(
            "association;domain;mailbox;alias;domain-alias\nvelo;velo.example;;;v.example\nvelo;velo.example;alice;;\nvelo;velo.example;info;alice@velo.example, x@elsewhere.example;\n",
        );
        assert!(list.aliases.len() == 1 && list.has_aliases && list.standing.contains_key(&Domain::parse("v.example").unwrap()));
    }

    #[test]
    fn what_makes_no_sense_is_counted() {
        let list = list(
            "association;domain;mailbox;storage\na;a.example;x;0\na;a.example;y;lots\na;a.example;z;-1\nb;a.example;t;\na;;u;\n;b.example;v;\na;a.example;w@b.example;\na;a.example;\"p q\";\n\0\u{1};;;\n",
        );
        let count = |why| list.odd.count("csv", why);
        assert_eq!((count(OddWhy::NoLimit), count(OddWhy::TwoAccounts), count(OddWhy::NoDomain)), (3, 1, 1));
        assert_eq!((count(OddWhy::NoName), count(OddWhy::NoOwner), count(OddWhy::NoAddress)), (2, 1, 1));
        assert_eq!(list.mailboxes.len(), 3);
        let long = format!("association;domain;mailbox\na;a.example;x\na;a.example;{}\na;a.example;y\n", "é".repeat(100_000));
        let long = self::list(&long);
        assert!(long.mailboxes.len() == 2 && long.odd.count("csv", OddWhy::NoForm) == 1 && long.odd.loses());
        assert!(read(&mut &b"association;domain;mailbox\na;a.example;\xe9lise\n"[..]).err() == Some(SourceTrouble::NotUtf8));
        assert!(read(&mut &b""[..]).is_err() && read(&mut &b"domain;mailbox\n"[..]).is_err());
    }
}
