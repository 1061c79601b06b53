//! Which folders of Dovecot's are a member's own, by its settings: for whoever counts mailboxes outside a session, where no backend says it (RFC 2342).
//! Of `doveconf -n`, 2.3 and 2.4; what is absent there has its default: a private namespace without a prefix.

use super::dovecot::parse;
use crate::imap::namespaces::{NamespaceKind, Namespaces};

/// The namespaces that are set.
pub fn dovecot_namespaces(text: &str) -> Namespaces {
    // Only what is outermost stands at the beginning of a line.
    let blocks = text.split("\nnamespace").skip(1).filter_map(|rest| rest.split("\n}").next()?.split_once('\n'));
    Namespaces::of(blocks.map(|(_, block)| {
        let settings = parse(block);
        let value = |name: &str| {
            let fits = |own: &str| own.strip_prefix("namespace_").unwrap_or(own) == name;
            settings.iter().rfind(|setting| setting.path.is_empty() && fits(setting.name)).map_or("", |setting| &setting.value)
        };
        let (prefix, kind) = (value("prefix"), value("type"));
        match kind {
            // Before whose they are: `shared/%%u/`, `shared/$user/`.
            "shared" => (prefix.split(['%', '$']).next().unwrap_or_default().to_owned(), NamespaceKind::OtherUsers),
            "public" => (prefix.to_owned(), NamespaceKind::Shared),
            _ => (prefix.to_owned(), NamespaceKind::Own),
        }
    }))
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
            let known = dovecot_namespaces(text);
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
        assert!(!dovecot_namespaces("# 2.3.19.1: x\nnamespace inbox {\n  inbox = yes\n}\n").has_others());
        assert_eq!(dovecot_namespaces("# 2.3.19.1: x\nssl = no\n"), Namespaces::default());
    }
}
