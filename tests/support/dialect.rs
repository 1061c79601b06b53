//! Settings for the Dovecot that is installed: the tests write those of 2.3, and 2.4 has other names for most of them.

use std::path::Path;

use nologd::demo::Dialect;

/// What the tests write, and the same for 2.4. What stands in neither column is the same in both, or Dovecot does not start.
const WORDS: &[(&str, &str)] = &[
    // There these are added to the ones that are named before.
    ("protocols = imap lmtp pop3 sieve\n", "protocols {\n  pop3 = yes\n  sieve = yes\n}\n"),
    ("protocols = imap lmtp pop3\n", "protocols {\n  pop3 = yes\n}\n"),
    ("protocols = imap lmtp sieve\n", "protocols {\n  sieve = yes\n}\n"),
    ("  service_count = 0\n", "  restart_request_count = unlimited\n"),
    ("    address = 127.0.0.1\n", "    listen = 127.0.0.1\n"),
    // Pigeonhole 2.4.1 does not look into the block of its protocol for it.
    ("protocol sieve {\n  rawlog_dir = @RAW@/sieve\n}\n", "rawlog_dir = @RAW@/sieve\n"),
    ("ssl_cert = <", "ssl_server_cert_file = "),
    ("ssl_key = <", "ssl_server_key_file = "),
    (
        "plugin {\n  sieve = file:~/sieve;active=~/.dovecot.sieve\n}\n",
        "sieve_script personal {\n  driver = file\n  path = ~/sieve\n  active_path = ~/.dovecot.sieve\n}\n",
    ),
    ("  format_args = time-rfc3339\n  transport = log\n", "  time_format = rfc3339\n  driver = log\n"),
    ("mail_plugins = $mail_plugins acl\n", "mail_plugins {\n  acl = yes\n}\n"),
    ("mail_plugins = $mail_plugins imap_acl\n", "mail_plugins {\n    imap_acl = yes\n  }\n"),
    ("mail_plugins = $mail_plugins imap_quota\n", "mail_plugins {\n    imap_quota = yes\n  }\n"),
    ("mail_plugins = $mail_plugins sieve\n", "mail_plugins {\n    sieve = yes\n  }\n"),
    ("mail_plugins = $mail_plugins quota quota_clone\n", "mail_plugins {\n  quota = yes\n  quota_clone = yes\n}\n"),
    ("mail_plugins = $mail_plugins quota\n", "mail_plugins {\n  quota = yes\n}\n"),
    (
        "plugin {\n  acl = vfile\n  acl_shared_dict = file:@SHARED@\n}\n",
        "acl_driver = vfile\nacl_sharing_map {\n  dict file {\n    path = @SHARED@\n  }\n}\n",
    ),
    ("  prefix = shared/%%u/\n", "  prefix = shared/$user/\n"),
    (
        "  location = maildir:%%h/Maildir:INDEX=~/shared/%%u\n",
        "  mail_driver = maildir\n  mail_path = %{owner_home}/Maildir\n  mail_index_path = ~/shared/%{owner_user}\n",
    ),
    (
        "plugin {\n  quota = count:User quota:noenforcing\n  quota_vsizes = yes\n  quota_clone_dict = proxy:@USAGE@:quota\n}\n",
        "quota \"User quota\" {\n  driver = count\n  enforce = no\n}\n\
         quota_clone {\n  dict proxy {\n    name = quota\n    socket_path = @USAGE@\n    idle_timeout = 30s\n  }\n}\n",
    ),
    (
        "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:storage=1G\n}\n",
        "quota \"User quota\" {\n  driver = count\n  storage_size = 1G\n}\n",
    ),
];

/// These lines of 2.3 as the installed one has them.
pub fn spoken(lines: &str) -> String {
    match Dialect::installed() {
        Ok(Dialect::V23) => lines.to_owned(),
        Ok(Dialect::V24) => WORDS.iter().fold(lines.to_owned(), |lines, (old, new)| lines.replace(old, new)),
        Err(trouble) => panic!("{trouble}"),
    }
}

/// The file for admins: `ports`, `usage`, `pop3` or `sieve`, for the installed one.
pub fn for_admins(part: &str) -> String {
    let version = Dialect::installed().unwrap_or_else(|trouble| panic!("{trouble}")).version();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("policy/backends/dovecot-{version}-{part}.conf"));
    std::fs::read_to_string(file).unwrap()
}
