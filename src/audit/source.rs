//! Where the settings come from: files that the admin names, the servers' own tools for what is installed, or the files themselves.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::check::AuditedServer;
use super::settings::origin::{Joined, Origins};
use super::settings::{Source, backups, etcd, named_files, panel, rspamd};
use super::tree::{self, IncludeBase, Tree, Unreadable};

/// The settings of `server` in `file`.
pub fn from_file(server: AuditedServer, file: &Path, tree: &Tree) -> Result<Source, Unreadable> {
    let text = tree::read(file).map_err(|error| Unreadable { what: file.display().to_string(), why: error.to_string() })?;
    Ok(whole(server, &file.display().to_string(), text, tree))
}

/// The settings of `server` as it runs on this machine, from its own tool where it has one. `None`: it is not installed.
pub fn from_machine(server: AuditedServer, tree: &Tree) -> Option<Result<Source, Unreadable>> {
    let commands: &[&[&str]] = match server {
        AuditedServer::Dovecot => &[&["doveconf", "-n"]],
        AuditedServer::Postfix => &[&["postconf", "-n"], &["postconf", "-P"], &["postconf", "-M"]],
        AuditedServer::Nginx => &[&["nginx", "-T"]],
        AuditedServer::Journald => &[&["systemd-analyze", "cat-config", "systemd/journald.conf"]],
        _ => return from_tree(server, tree).map(Ok),
    };
    let source = tool(server, commands, tree)?;
    Some(source.map(|mut source| {
        source.origins = match server {
            AuditedServer::Nginx => {
                Origins::from_headings(&source.text, |line| line.strip_prefix("# configuration file ")?.strip_suffix(':'))
            }
            AuditedServer::Journald => {
                Origins::from_headings(&source.text, |line| line.strip_prefix("# ").filter(|path| path.starts_with('/')))
            }
            AuditedServer::Dovecot => {
                // Only for the places: what is set is known from the tool, also where a file of it cannot be read.
                dovecot(&Tree::new(None)).map_or_else(Origins::default, |files| Origins::by_likeness(&source.text, &files))
            }
            _ => Origins::default(),
        };
        source
    }))
}

/// The settings of `server` as the files of a machine have them. `None`: it is not installed there.
pub fn from_tree(server: AuditedServer, tree: &Tree) -> Option<Source> {
    let joined = |file: &str, joined: Joined| {
        let mut source = whole(server, file, joined.text, tree);
        source.origins = joined.origins;
        source
    };
    let each = |file: &str, patterns: &[&str]| {
        let named = tree.each(patterns);
        (!named.is_empty()).then(|| Source { named, ..whole(server, file, String::new(), tree) })
    };
    match server {
        AuditedServer::Dovecot => Some(joined("/etc/dovecot/dovecot.conf", dovecot(tree)?)),
        AuditedServer::Postfix => {
            Some(joined("/etc/postfix/main.cf", tree.concatenate(&["/etc/postfix/main.cf", "/etc/postfix/master.cf"])?))
        }
        AuditedServer::Nginx => {
            Some(joined("/etc/nginx/nginx.conf", tree.join("/etc/nginx/nginx.conf", IncludeBase::First, nginx_include)?))
        }
        AuditedServer::Apache => {
            Some(joined("/etc/apache2/apache2.conf", tree.join("/etc/apache2/apache2.conf", IncludeBase::First, apache_include)?))
        }
        AuditedServer::Roundcube => {
            let files = ["/etc/roundcube/config.inc.php", "/var/www/roundcube/config/config.inc.php"];
            files.iter().find_map(|file| Some(whole(server, file, tree.read(file)?, tree)))
        }
        AuditedServer::Panel => each("/etc", panel::FILES),
        AuditedServer::Rspamd => {
            let inside =
                ["local.d", "override.d"].into_iter().flat_map(|folder| rspamd::FILES.iter().map(move |file| (folder, file)));
            let inside = inside.map(|(folder, file)| format!("/etc/rspamd/{folder}/{file}"));
            let files: Vec<_> = inside.chain(rspamd::WHOLE.iter().map(|file| format!("/etc/rspamd/{file}"))).collect();
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            tree.read("/etc/rspamd/rspamd.conf")?;
            Some(Source { named: tree.each(&files), ..whole(server, "/etc/rspamd", String::new(), tree) })
        }
        AuditedServer::OpenDkim => Some(whole(server, "/etc/opendkim.conf", tree.read("/etc/opendkim.conf")?, tree)),
        AuditedServer::Mailman => ["/etc/mailman3/mailman.cfg", "/etc/mailman/mm_cfg.py"]
            .iter()
            .find_map(|file| Some(whole(server, file, tree.read(file)?, tree))),
        AuditedServer::Fail2ban => {
            let folder = "/etc/fail2ban";
            let order = ["fail2ban.conf", "fail2ban.d/*.conf", "fail2ban.local", "fail2ban.d/*.local"];
            let order = order.map(|name| format!("{folder}/{name}"));
            let files = tree.concatenate(&order.iter().map(String::as_str).collect::<Vec<_>>())?;
            Some(joined("/etc/fail2ban/fail2ban.conf", files))
        }
        AuditedServer::Journald => Some(joined("/etc/systemd/journald.conf", journald(tree)?)),
        AuditedServer::Rsyslog => {
            Some(joined("/etc/rsyslog.conf", tree.join("/etc/rsyslog.conf", IncludeBase::Own, rsyslog_include)?))
        }
        AuditedServer::Etcd => {
            each("/etc/default/etcd", etcd::FILES)?;
            each("/etc/default/etcd", &[etcd::FILES, backups::CALLERS].concat())
        }
        AuditedServer::Backups => each("/etc", &[backups::CALLERS, backups::SETTINGS, backups::ROTATED].concat()),
    }
}

fn dovecot(tree: &Tree) -> Option<Joined> {
    tree.join("/etc/dovecot/dovecot.conf", IncludeBase::Own, |line| {
        let (word, path) = line.split_once(char::is_whitespace)?;
        matches!(word, "!include" | "!include_try").then(|| path.trim().trim_matches('"').to_owned())
    })
}

fn nginx_include(line: &str) -> Option<String> {
    let (word, path) = line.split_once(char::is_whitespace)?;
    let (path, _) = path.split_once(';').filter(|_| word == "include")?;
    Some(path.trim().trim_matches(['"', '\'']).to_owned())
}

/// Debian's own variable for the folder is known; others are not.
fn apache_include(line: &str) -> Option<String> {
    let (word, path) = line.split_once(char::is_whitespace)?;
    let includes = word.eq_ignore_ascii_case("Include") || word.eq_ignore_ascii_case("IncludeOptional");
    includes.then(|| path.trim().trim_matches(['"', '\'']).replace("${APACHE_CONFDIR}", "/etc/apache2"))
}

/// The classic form, and RainerScript's.
fn rsyslog_include(line: &str) -> Option<String> {
    if let Some((word, path)) = line.split_once(char::is_whitespace)
        && word.eq_ignore_ascii_case("$IncludeConfig")
    {
        return Some(path.trim().to_owned());
    }
    let inside: String = line.strip_prefix("include")?.trim_start().strip_prefix('(')?.split_whitespace().collect();
    Some(inside.split("file=\"").nth(1)?.split('"').next()?.to_owned())
}

/// systemd reads drop-ins in the order of their names, whatever their folder; a name in /etc hides the same one elsewhere.
fn journald(tree: &Tree) -> Option<Joined> {
    let mut joined = Joined::default();
    if let Some(text) = tree.read("/etc/systemd/journald.conf") {
        joined.push_file("/etc/systemd/journald.conf", &text);
    }
    let folders = ["/etc", "/run", "/usr/local/lib", "/usr/lib"];
    let mut names: Vec<(String, String)> = Vec::new();
    for path in folders.iter().flat_map(|folder| tree.list(&format!("{folder}/systemd/journald.conf.d/*.conf"))) {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, path));
        }
    }
    names.sort();
    for (_, path) in &names {
        tree.read(path).into_iter().for_each(|text| joined.push_file(path, &text));
    }
    (!joined.text.is_empty()).then_some(joined)
}

fn tool(server: AuditedServer, commands: &[&[&str]], tree: &Tree) -> Option<Result<Source, Unreadable>> {
    let mut text = String::new();
    for command in commands {
        let (program, arguments) = command.split_first()?;
        let output = match Command::new(find(program)?).args(arguments).output() {
            Ok(output) => output,
            Err(error) => return Some(Err(Unreadable { what: command.join(" "), why: error.to_string() })),
        };
        if !output.status.success() {
            let why = "ended with an error; run it by hand to see which".to_owned();
            return Some(Err(Unreadable { what: command.join(" "), why }));
        }
        text.push_str(&String::from_utf8_lossy(&output.stdout));
    }
    let names: Vec<_> = commands.iter().map(|command| command.join(" ")).collect();
    Some(Ok(whole(server, &names.join(", "), text, tree)))
}

/// What the tool `program` prints, given `input`; or why that is not known. `None`: it is not installed.
pub fn tool_output(program: &str, arguments: &[String], input: &str) -> Option<Result<String, String>> {
    let mut command = Command::new(find(program)?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut run = || {
        let mut child = command.spawn()?;
        // Read while it is written: a tool that answers line by line stops when nobody takes its answers.
        let (mut pipe, input) = (child.stdin.take(), input.to_owned());
        let write = std::thread::spawn(move || pipe.as_mut().map(|pipe| pipe.write_all(input.as_bytes())));
        let output = child.wait_with_output();
        drop(write.join());
        output
    };
    Some(match run() {
        // postmap -q ends with 1 where it found nothing.
        Ok(output)
            if output.status.success() || output.status.code() == Some(1) && output.stdout.is_empty() && !input.is_empty() =>
        {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(_) => Err("ended with an error; run it by hand to see which".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}

// The admin's own shell finds these in /usr/sbin; a user's or systemd's search path need not.
fn find(program: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists())
}

fn whole(server: AuditedServer, file: &str, text: String, tree: &Tree) -> Source {
    let named = named_files(server, &text).into_iter().filter_map(|path| {
        let rules = tree.read(&path)?;
        Some((path, rules))
    });
    let named = named.collect();
    Source { server, file: file.to_owned(), text, named, origins: Origins::default() }
}
