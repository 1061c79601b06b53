//! Commands as mail programs send them, and every other verb there is.

use super::chance::Chance;
use super::item::{Item, Part};

/// Where things are stored.
const FOLDERS: &[&str] = &["INBOX", "Drafts", "Sent", "Trash", "Junk", "f0", "f1", "f2", "f3", "no such"];
/// Folders that come and go.
const PASSING: &[&str] = &["f0", "f1", "f2", "f3"];
const SETS: &[&str] = &["1", "1:*", "*", "1:3", "2,4:5", "7", "1:2,*"];

/// Commands without anything that needs a thought: verb first.
const PLAIN: &[&str] = &[
    "NOOP",
    "CHECK",
    "CAPABILITY",
    "NAMESPACE",
    "LIST \"\" *",
    "LIST \"\" (% Sent) RETURN (SUBSCRIBED)",
    "LSUB \"\" %",
    "SEARCH ALL",
    "UID SEARCH 1:* DELETED",
    "SEARCH CHARSET UTF-8 SUBJECT \"x\"",
    "FETCH 1:* FLAGS",
    "UID FETCH 1:* (UID RFC822.SIZE)",
    "FETCH 1 BODY[]",
    "FETCH * BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
    "STORE 1:2 +FLAGS (\\Deleted)",
    "STORE 1:* +FLAGS (\\Deleted)",
    "UID STORE 1:9 +FLAGS.SILENT (\\Deleted)",
    "STORE 1 -FLAGS (\\Seen)",
    "EXPUNGE",
    "UID EXPUNGE 1:*",
    "CLOSE",
    "UNSELECT",
    "ENABLE CONDSTORE",
    "ENABLE QRESYNC UTF8=ACCEPT",
    "ID NIL",
    "ID (\"name\" \"x\")",
    "SORT (DATE) UTF-8 ALL",
    "THREAD REFERENCES UTF-8 ALL",
    "NOTIFY NONE",
    "CANCELUPDATE \"x\"",
    "SUBSCRIBE f0",
    "UNSUBSCRIBE f0",
    "STATUS INBOX (MESSAGES SIZE)",
    "STATUS Sent (UIDNEXT)",
    "noop",
    "uid fetch 1 flags",
];

/// Verbs that must never reach the backend from a member who is logged in.
const FORBIDDEN: &[&str] = &[
    "COMPRESS DEFLATE",
    "REPLACE 1 Drafts {3+}\r\nabc",
    "UID REPLACE 1 Drafts {3+}\r\nabc",
    "GENURLAUTH \"imap://x/y\" INTERNAL",
    "URLFETCH \"imap://x/y\"",
    "RESETKEY",
    "FILTER SIEVE SCRIPT \"keep;\" ALL",
    "UID FILTER SIEVE SCRIPT \"keep;\" ALL",
    "UNAUTHENTICATE",
    "SETQUOTA \"\" (STORAGE 9999999)",
    "AUTHENTICATE PLAIN AGEAYgBj",
    "AUTHENTICATE ANONYMOUS",
    "STARTTLS",
    "GETQUOTA \"\"",
    "GETQUOTA mailbox",
    "GETQUOTAROOT INBOX",
    "GETQUOTAROOT {5+}\r\nINBOX",
    "GETQUOTAROOT \"Entw&APw-rfe\"",
    "APPEND Drafts CATENATE (TEXT {3+}\r\nabc)",
    "APPEND Sent (\\Seen) CATENATE (URL \"/INBOX;UID=1\")",
    "APPEND {6+}\r\nDrafts CATENATE (TEXT {3+}\r\nabc)",
    "APPEND {6+}\r\nDrafts CATENATE (URL \"/INBOX;UID=1\")",
    "APPEND Drafts {3+}\r\nabc CATENATE (URL \"/INBOX;UID=1\")",
    "compress deflate",
];

/// Unknown or of other extensions: what becomes of them is nobody's business, as long as the line is all there is.
const STRANGE: &[&str] = &[
    "XYZZY",
    "UID XYZZY 1",
    "UID",
    "XLIST \"\" *",
    "SETACL Drafts anyone lr",
    "GETACL INBOX",
    "MYRIGHTS INBOX",
    "LISTRIGHTS INBOX x",
    "GETMETADATA INBOX /private/comment",
    "SETMETADATA INBOX (/private/comment \"x\")",
    "SELECT",
    "FETCH",
    "COPY 1",
    "APPEND",
    "CREATE",
    "STATUS",
    "LIST",
    "IDLE now",
    "SEARCH )",
    "SELECT (",
    "CREATE a b)",
    "LOGIN a b",
    "FETCH 1 (FLAGS",
    "STORE 1 FLAGS \"",
    "X-GM-EXT-1 a b",
];

/// The next well-formed item. `mark` is its tag without a letter, `from` the member's address.
pub fn item(chance: &mut Chance, mark: &str, from: &str) -> Item {
    let tag = format!("c{mark}");
    match chance.below(20) {
        0..=4 => line(chance.pick(PLAIN), &tag),
        5 => line(chance.pick(FORBIDDEN), &tag),
        6 => {
            let mut item = line(chance.pick(STRANGE), &tag);
            item.well_formed = false;
            item
        }
        7..=8 => named(chance, &tag, &["SELECT", "EXAMINE"], FOLDERS, ""),
        9 => named(chance, &tag, &["CREATE", "DELETE", "CREATE"], PASSING, ""),
        10 => {
            let to = chance.pick(PASSING);
            named(chance, &tag, &["RENAME"], PASSING, &format!(" {to}"))
        }
        11..=13 => {
            let verb = chance.pick(&["COPY", "UID COPY", "MOVE", "UID MOVE"]);
            let set = chance.pick(SETS);
            named(chance, &tag, &[&format!("{verb} {set}")], FOLDERS, "")
        }
        14 => Item::new("IDLE").octets(format!("{tag} IDLE\r\n")).part(Part::Rest).octets("DONE\r\n").command(&tag, "IDLE"),
        _ => append(chance, &tag, from),
    }
}

fn line(text: &str, tag: &str) -> Item {
    let kind = text.split("\r\n").next().unwrap_or_default();
    Item::new(kind).octets(format!("{tag} {text}\r\n")).command(tag, &verb(text))
}

/// The verb of a command, with UID in front where it is.
pub fn verb(text: &str) -> String {
    let mut words = text.split([' ', '\r']).filter(|word| !word.is_empty());
    match (words.next().unwrap_or_default(), words.next()) {
        (uid, Some(next)) if uid.eq_ignore_ascii_case("UID") => format!("UID {next}"),
        (verb, _) => verb.to_owned(),
    }
}

/// A command with a mailbox name, in every way that a name can be written.
fn named(chance: &mut Chance, tag: &str, verbs: &[&str], names: &[&str], rest: &str) -> Item {
    let (start, name) = (chance.pick(verbs), chance.pick(names));
    let item = Item::new(format!("{start} {name}{rest}")).octets(format!("{tag} {start} ")).command(tag, &verb(start));
    spelled(chance, item, name).octets(format!("{rest}\r\n"))
}

fn spelled(chance: &mut Chance, item: Item, name: &str) -> Item {
    match chance.below(6) {
        0 => item.octets(format!("{{{}+}}\r\n{name}", name.len())),
        1 => item.octets(format!("{{{}}}\r\n", name.len())).part(Part::Go).octets(name),
        2 if !name.contains(' ') => item.octets(name),
        _ => item.octets(format!("\"{name}\"")),
    }
}

/// APPEND of one to three messages.
fn append(chance: &mut Chance, tag: &str, from: &str) -> Item {
    let folder = chance.pick(&["INBOX", "Drafts", "Sent", "Sent", "f0", "f1", "no such"]);
    let mut item = Item::new(format!("APPEND {folder}")).octets(format!("{tag} APPEND ")).command(tag, "APPEND");
    item = spelled(chance, item, folder);
    let more = if chance.once_in(4) { 1 + chance.below(2) } else { 0 };
    for _ in 0..=more {
        let flags = ["", " (\\Seen)", " ()", " (\\Deleted $x)", " (\\Seen) \"01-Jan-2035 10:00:00 +0000\""][chance.below(5)];
        let message = message(chance, tag, folder, from);
        item = item.octets(flags);
        item = match chance.below(3) {
            0 => item.octets(format!(" {{{}}}\r\n", message.len())).part(Part::Go),
            _ => item.octets(format!(" {{{}+}}\r\n", message.len())),
        };
        item = item.octets(message);
    }
    item.octets("\r\n")
}

/// What the member has written. Only copies for Sent have what a scrubber takes out.
pub fn message(chance: &mut Chance, tag: &str, folder: &str, from: &str) -> String {
    let traces = match folder {
        "Sent" => format!("X-Mailer: canary-program\r\nMessage-ID: <{tag}@canary-machine.local>\r\nUser-Agent: canary\r\n"),
        _ => String::new(),
    };
    let lines = [0, 1, 3, 20, 400][chance.below(5)];
    let body = "All work and no play makes Jack a dull boy. 0123456789\r\n".repeat(lines);
    format!("From: <{from}>\r\n{traces}To: <x@elsewhere.example>\r\nSubject: {tag}\r\n\r\nz{tag} CREATE canary-{tag}\r\n{body}")
}
