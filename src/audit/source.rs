//! Where the settings come from: files that the admin names, or the servers' own tools for what is installed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::check::Server;
use super::settings::{Source, named_files};

/// No settings are longer; a file that is, is none.
const LONGEST: u64 = 8 << 20;

/// A file or tool that cannot be read, for the admin's terminal.
pub struct Unreadable {
    /// The file or command.
    pub what: String,
    /// What the system said.
    pub why: String,
}

/// The settings of `server` in `file`.
pub fn from_file(server: Server, file: &Path) -> Result<Source, Unreadable> {
    let text = read(file).map_err(|error| Unreadable { what: file.display().to_string(), why: error.to_string() })?;
    Ok(with_named(server, file.display().to_string(), text))
}

/// The settings of `server` as it runs on this machine. `None`: it is not installed.
pub fn from_machine(server: Server) -> Option<Result<Source, Unreadable>> {
    match server {
        Server::Dovecot => tool(server, &[&["doveconf", "-n"]]),
        Server::Postfix => tool(server, &[&["postconf", "-n"], &["postconf", "-P"], &["postconf", "-M"]]),
        Server::Nginx => tool(server, &[&["nginx", "-T"]]),
        Server::Journald => tool(server, &[&["systemd-analyze", "cat-config", "systemd/journald.conf"]]),
        Server::Roundcube => {
            let file = ["/etc/roundcube/config.inc.php", "/var/www/roundcube/config/config.inc.php"]
                .iter()
                .map(Path::new)
                .find(|file| file.exists())?;
            Some(from_file(server, file))
        }
        Server::Rsyslog => rsyslog(),
    }
}

/// rsyslog has no tool that follows includes: its folder is read in the order of names, where Debian includes it.
fn rsyslog() -> Option<Result<Source, Unreadable>> {
    let main = read(Path::new("/etc/rsyslog.conf")).ok()?;
    let mut parts: Vec<PathBuf> =
        fs::read_dir("/etc/rsyslog.d").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    parts.retain(|path| path.extension().is_some_and(|end| end == "conf"));
    parts.sort();
    let parts: String = parts.iter().filter_map(|part| read(part).ok()).collect();
    let text = match main.split_once("$IncludeConfig") {
        Some((before, after)) => format!(
            "{before}#{}\n{parts}\n{}",
            after.lines().next().unwrap_or_default(),
            after.lines().skip(1).collect::<Vec<_>>().join("\n")
        ),
        None => format!("{parts}\n{main}"),
    };
    Some(Ok(with_named(Server::Rsyslog, "/etc/rsyslog.conf with /etc/rsyslog.d".to_owned(), text)))
}

fn tool(server: Server, commands: &[&[&str]]) -> Option<Result<Source, Unreadable>> {
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
    Some(Ok(with_named(server, names.join(", "), text)))
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

fn with_named(server: Server, file: String, text: String) -> Source {
    let named = named_files(server, &text).into_iter().filter_map(|path| {
        let rules = read(Path::new(&path)).ok()?;
        Some((path, rules))
    });
    let named = named.collect();
    Source { server, file, text, named }
}

fn read(file: &Path) -> std::io::Result<String> {
    if fs::metadata(file)?.len() > LONGEST {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    // An accent in Latin-1 in a comment is no reason to refuse.
    fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
