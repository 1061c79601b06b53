//! A real Roundcube out of Debian's packages, run by PHP's own web server, behind the listeners for a webmail.
//!
//! It reads its program from where Debian put it and its config from the demo's folder; whatever it writes (database, uploads,
//! logs) is in there too. `/etc/roundcube` gives the defaults and is not changed. Absent on purpose: TLS, for it is on loopback.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::unistd::Uid;

use super::daemon::{Ports, unprivileged};
use super::place::{Owner, Place};
use super::process::Process;
use super::program::Program;
use super::{Member, Trouble};

/// What the no-log template of the policy says is what the demo runs with.
const TEMPLATE: &str = include_str!("../../policy/backends/roundcube.inc.php");
const CONFIG: &str = include_str!("roundcube.php");
/// Where Debian has the folder that a web server shows.
const SITE: &str = "/var/lib/roundcube/public_html";
/// Files that Roundcube looks for beside its config.
const DEFAULTS: [&str; 2] = ["/etc/roundcube/defaults.inc.php", "/etc/roundcube/mimetypes.php"];

/// A running Roundcube. Stopped when dropped.
pub struct Webmail {
    process: Process,
    port: u16,
    folder: PathBuf,
}

impl Webmail {
    /// Writes its config into the folder `webmail` of `place`, for the listeners of `daemon`, and starts it at `port`.
    pub fn start(place: &Place, daemon: Ports, port: u16) -> Result<Webmail, Trouble> {
        if DEFAULTS.into_iter().chain([SITE]).any(|path| !Path::new(path).exists()) {
            return Err(Trouble::Missing(Program::Roundcube));
        }
        let (_, owner) = unprivileged()?;
        let folder = place.make("webmail", owner)?;
        for name in ["logs", "temp"] {
            place.make(&format!("webmail/{name}"), owner)?;
        }
        write_config(place, &folder, daemon)?;
        let process = launch(&folder, owner, port)?;
        let mut webmail = Webmail { process, port, folder };
        webmail.process.listening(Program::Roundcube, port)?;
        Ok(webmail)
    }

    /// Where a browser finds it.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The port of its web server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All that it writes: the database, `logs`, `temp`, and what PHP itself said.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Logs in as `member`, as a browser without scripts would, and returns what the list of the inbox says.
    pub fn inbox(&self, member: &Member) -> Result<String, Trouble> {
        let step = "logging in to Roundcube";
        let page = self.http("GET", "", "", "", step)?;
        let (token, cookie) = (token(&page).ok_or(Trouble::Unexpected(step))?, cookies(&page));
        let address = member.address.replace('@', "%40");
        let form = format!("_token={token}&_task=login&_action=login&_timezone=UTC&_user={address}&_pass={}", member.password);
        let answer = self.http("POST", "?_task=login", &cookie, &form, step)?;
        if !answer.contains("_task=mail") {
            return Err(Trouble::Unexpected(step));
        }
        let step = "the list of messages in Roundcube";
        let cookie = cookies(&answer);
        self.http("GET", "?_task=mail&_action=list&_mbox=INBOX&_remote=1", &cookie, "", step)
    }

    /// One request; the whole answer with its header.
    fn http(&self, method: &str, target: &str, cookie: &str, form: &str, step: &'static str) -> Result<String, Trouble> {
        let broken = |error| Trouble::Broken(step, error);
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(broken)?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(broken)?;
        let request = format!(
            "{method} /{target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nCookie: {cookie}\r\n\
             X-Requested-With: XMLHttpRequest\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            self.port,
            form.len()
        );
        stream.write_all(request.as_bytes()).map_err(broken)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(broken)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// What a login page hides in its form, so that no other page can send it.
fn token(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("name=\"_token\" value=\"")?;
    rest.split('"').next()
}

/// The cookies that are set, the last of each name alone, without those that are taken back.
fn cookies(answer: &str) -> String {
    let header = answer.split("\r\n\r\n").next().unwrap_or_default();
    let set = header.lines().filter_map(|line| line.strip_prefix("Set-Cookie: "));
    let mut kept: Vec<&str> = Vec::new();
    for pair in set.filter_map(|cookie| cookie.split(';').next()) {
        let name = |pair: &str| pair.split('=').next().map(str::to_owned);
        kept.retain(|other| name(other) != name(pair));
        kept.push(pair);
    }
    kept.retain(|pair| !pair.ends_with("=-del-"));
    kept.join("; ")
}

fn write_config(place: &Place, folder: &Path, daemon: Ports) -> Result<(), Trouble> {
    let text = CONFIG
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@KEY@", &key()?)
        .replace("@IMAP@", &daemon.webmail_imap.to_string())
        .replace("@SUBMISSION@", &daemon.webmail_submission.to_string());
    place.write("webmail/config.inc.php", text.as_bytes())?;
    place.write("webmail/nologd.inc.php", TEMPLATE.as_bytes())?;
    for file in DEFAULTS.map(Path::new) {
        let name = file.file_name().unwrap_or_default();
        symlink(file, folder.join(name)).map_err(Trouble::Folder)?;
    }
    Ok(())
}

/// Roundcube encrypts the passwords of its sessions with these 24 letters.
fn key() -> Result<String, Trouble> {
    let mut bytes = [0; 18];
    let source = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    source.map_err(Trouble::Folder)?;
    Ok(STANDARD.encode(bytes))
}

#[allow(clippy::disallowed_methods)] // the file is in the temporary folder of a demo or a test
fn launch(folder: &Path, owner: Owner, port: u16) -> Result<Process, Trouble> {
    let mut command = Command::new("php");
    let temp = folder.join("temp");
    let temp = temp.display();
    for setting in [
        format!("upload_tmp_dir={temp}"),
        format!("sys_temp_dir={temp}"),
        format!("opcache.lockfile_path={temp}"),
        "opcache.enable_cli=1".to_owned(),
        "log_errors=1".to_owned(),
    ] {
        command.arg("-d").arg(setting);
    }
    // Quiet: otherwise each request is a line with the visitor's address.
    command.arg("-q").arg("-S").arg(format!("127.0.0.1:{port}")).arg("-t").arg(SITE);
    command.env("ROUNDCUBE_CONFIG_DIR", folder).current_dir(folder);
    if Uid::effective().is_root() {
        command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
    }
    // What Roundcube logs goes where php-fpm would throw it, see the template; what PHP has to complain about is kept.
    let complaints = File::create(folder.join("php.out")).map_err(Trouble::Folder)?;
    command.stdout(Stdio::null()).stderr(complaints);
    Process::start(command, Program::Roundcube, None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn cookies_are_told_back_in_their_last_form() {
        let answer = "HTTP/1.1 302 Found\r\nSet-Cookie: a=1; path=/\r\nSet-Cookie: b=-del-; x\r\nSet-Cookie: a=2; path=/\r\n\r\n\
                      Set-Cookie: c=3";
        assert_eq!(cookies(answer), "a=2");
        assert_eq!(token("<input type=\"hidden\" name=\"_token\" value=\"abc\">"), Some("abc"));
    }

    #[test]
    fn no_placeholder_is_left_in_the_config() {
        let place = Place::new().unwrap();
        let folder = place.make("webmail", Owner::me()).unwrap();
        write_config(&place, &folder, Ports::any(&place).unwrap()).unwrap();
        let text = fs::read_to_string(folder.join("config.inc.php")).unwrap();
        assert!(!text.contains('@') && text.contains("127.0.0.1:"), "{text}");
    }
}
