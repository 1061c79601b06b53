//! Which folders of Dovecot's are a member's own, by its settings: for whoever counts mailboxes outside a session, where no backend says it (RFC 2342).
//! Of `doveconf -n`, 2.3 and 2.4; what is absent there has its default: a private namespace without a prefix.

use super::dovecot::parse;
use crate::imap::namespaces::{NamespaceKind, Namespaces};

/// The namespaces that are set; none where one cannot tell by a folder's name whose it is.
pub fn dovecot_namespaces(text: &str) -> Option<Namespaces> {
    // Only what is outermost stands at the beginning of a line.
    let blocks = text.split("\nnamespace").skip(1).filter_map(|rest| rest.split("\n}").next()?.split_once('\n'));
    let namespaces: Option<Vec<_>> = blocks
        .map(|(_, block)| {
            let settings = parse(block);
            let value = |name: &str| {
                let fits = |own: &str| own.strip_prefix("namespace_").unwrap_or(own) == name;
                settings
                    .iter()
                    .rfind(|setting| setting.path.is_empty() && fits(setting.name))
                    .map_or("", |setting| &setting.value)
            };
            let (prefix, kind) = (value("prefix"), value("type"));
            match kind {
                // Before whose they are: `shared/%%u/`, `shared/$user/`. Not `%%u/`: that would be before everything.
                "shared" => {
                    let before = prefix.split(['%', '$']).next().filter(|before| !before.is_empty())?;
                    Some((before.to_owned(), NamespaceKind::OtherUsers))
                }
                "public" if prefix.is_empty() => None,
                "public" => Some((prefix.to_owned(), NamespaceKind::Shared)),
                _ => Some((prefix.to_owned(), NamespaceKind::Own)),
            }
        })
        .collect();
    namespaces.map(Namespaces::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::namespaces::MailboxOwner;

    #[test]
    fn other_peoples_folders_are_known_by_the_settings_of_both_versions() {
        let old = "# 2.3.19.1: /etc/dovecot/dovecot.conf\nnamespace {\n  list = children\n  prefix = shared/%%u/\n  separator = /\n  type = shared\n}\n\
                   namespace inbox {\n  inbox = yes\n  mailbox Sent {\n    special_use = \\Sent\n  }\n  prefix = \n  separator = /\n}\n\
                   namespace public {\n  prefix = Public/\n  type = public\n}\nssl = no\n";
        let new = "# 2.4.1 (x): y\nssl = no\nnamespace shared {\n  prefix = shared/$user/\n  type = shared\n}\nnamespace inbox {\n  inbox = yes\n}\n\
                   namespace Public {\n  namespace_prefix = Public/\n  namespace_type = public\n}\n";
        for text in [old, new] {
            let known = dovecot_namespaces(text).unwrap();
            assert!(known.has_others());
            for (folder, owner) in [
                ("INBOX", MailboxOwner::Own),
                ("Work/shared", MailboxOwner::Own),
                ("shared/bob@velo.example/Club", MailboxOwner::Other(b"bob@velo.example/Club")),
                ("Public/Club", MailboxOwner::Nobody),
            ] {
                assert_eq!(known.owner_of_listed(folder.as_bytes()), owner, "{folder}");
            }
        }
        assert!(!dovecot_namespaces("# 2.3.19.1: x\nnamespace inbox {\n  inbox = yes\n}\n").unwrap().has_others());
        assert_eq!(dovecot_namespaces("# 2.3.19.1: x\nssl = no\n"), Some(Namespaces::default()));
        // Everybody's own folders would be somebody else's by that prefix.
        for prefix in ["%%u/", "$user/", ""] {
            let told = format!(
                "# x\nnamespace shared {{\n  prefix = {prefix}\n  type = shared\n}}\nnamespace inbox {{\n  inbox = yes\n}}\n"
            );
            assert_eq!(dovecot_namespaces(&told), None, "{prefix}");
        }
    }
}
