//! SOGo as a webmail: its page in a real browser, nologd's listeners for a webmail behind it, Dovecot and Postfix behind those. By the lines that
//! docs/admin/webmail.md and docs/admin/servers.md have for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nologd::demo::{Client, MEMBERS, Owner, Ports};

use super::servers::{Contained, prepared};
use crate::hunt::{Marker, files, hunt};
use crate::support::{Stack, client, mail_files, succeed};

/// What the browser's connections come from, and what a proxy in front would say in its headers.
const SOURCE: &str = "127.9.9.78";
const FORWARDED: &str = "198.51.100.78";

/// What is not for nologd. The zone is that of a member, and stands in what SOGo writes.
const REST: &str = r#"WOPort = "127.0.0.1:@SOGO@";
SOGoMemcachedHost = "@FOLDER@/home/memcached";
SOGoProfileURL = "@DATABASE@/sogo_user_profile";
OCSFolderInfoURL = "@DATABASE@/sogo_folder_info";
OCSSessionsFolderURL = "@DATABASE@/sogo_sessions_folder";
OCSEMailAlarmsFolderURL = "@DATABASE@/sogo_alarms_folder";
SOGoUserSources = ({ type = sql; id = members; viewURL = "@DATABASE@/sogo_view"; canAuthenticate = YES; isAddressBook = NO; userPasswordAlgorithm = none; });
SOGoSentFolderName = Sent;
SOGoTimeZone = "Pacific/Chatham";
SOGoLanguage = English;
SOGoLoginModule = Mail;
"#;

/// The whole server for the pages of docs/admin: `@LOCATIONS@` are theirs.
const NGINX: &str = r#"daemon off;
pid @FOLDER@/web/nginx.pid;
error_log /dev/null;
events {}
http {
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path @FOLDER@/web/body;
  proxy_temp_path @FOLDER@/web/proxy;
  fastcgi_temp_path @FOLDER@/web/fastcgi;
  uwsgi_temp_path @FOLDER@/web/uwsgi;
  scgi_temp_path @FOLDER@/web/scgi;
  server {
    listen 127.0.0.1:@WEB@;
@LOCATIONS@
  }
}
"#;

/// SOGo, its database, and nginx in front. All of it ends when dropped.
struct Sogo {
    _contained: Contained,
    folder: PathBuf,
    web: u16,
}

impl Sogo {
    fn start(stack: &Stack) -> Sogo {
        let folder = prepared(&stack.place, "sogo");
        let [sogo, database, web] = std::array::from_fn(|_| stack.place.port().unwrap());
        let Ports { webmail_imap, webmail_submission, .. } = stack.ports();
        let said = |text: &str| {
            text.replace("127.0.0.1:1143", &format!("127.0.0.1:{webmail_imap}"))
                .replace("127.0.0.1:1587", &format!("127.0.0.1:{webmail_submission}"))
                .replace("127.0.0.1:20000", &format!("127.0.0.1:{sogo}"))
                .replace("@DATABASE@", &format!("postgresql://sogo@127.0.0.1:{database}/sogo"))
                .replace("@FOLDER@", &folder.display().to_string())
                .replace("@SOGO@", &sogo.to_string())
                .replace("@WEB@", &web.to_string())
        };
        let ours = between(&page("webmail.md"), "`SOGoIMAPServer", "`");
        let config = format!("{{\nSOGoIMAPServer{ours}\n{REST}}}\n");
        stack.place.write("sogo/sogo.conf", said(&config).as_bytes()).unwrap();
        let locations = format!("location /SOGo {{{}", between(&page("servers.md"), "location /SOGo {", "```"));
        stack.place.write("sogo/nginx.conf", said(&NGINX.replace("@LOCATIONS@", &locations)).as_bytes()).unwrap();
        let contained = Contained::start("tests/others/sogo.sh", &folder, &[database]);
        let sogo = Sogo { _contained: contained, folder, web };
        sogo.answers();
        sogo
    }

    /// Until its page comes, by nginx.
    fn answers(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        let address = format!("http://127.0.0.1:{}/SOGo/", self.web);
        while !client("curl", "curl").args(["-sfo", "/dev/null", &address]).status().unwrap().success() {
            let said = fs::read_to_string(self.folder.join("out")).unwrap_or_default();
            assert!(Instant::now() < end, "SOGo does not answer:\n{said}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/admin").join(name)).unwrap()
}

fn between(text: &str, from: &str, to: &str) -> String {
    let behind = text.split_once(from).unwrap_or_else(|| panic!("{from} is not on the page")).1;
    behind.split_once(to).unwrap_or_else(|| panic!("no {to} behind {from}")).0.to_owned()
}

/// Login, list, quota, a letter read and answered, a copy for which there is no room, logout.
#[test]
#[ignore = "make test-others"]
fn a_day_in_sogo_leaves_no_trace_of_the_browser() {
    let stack = Stack::start();
    let sogo = Sogo::start(&stack);
    nologd(&stack, &["association", "set", "velo", "--storage", "20M"]);
    nologd(&stack, &["mailbox", "set", MEMBERS[0].address, "--storage", "5M"]);
    letter_from_bob(&stack);
    let agent = Marker::new("the browser's name");
    let mut story = client("python3", "python3");
    story
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/others/sogo.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PLACE", stack.place.make("browser", Owner::me()).unwrap())
        .env("WEBMAIL", sogo.web.to_string())
        .env("DRIVER", stack.place.port().unwrap().to_string())
        .env("NOLOGD", env!("CARGO_BIN_EXE_nologd"))
        .env("NOLOGD_SOCKET", stack.place.path("admin.sock"))
        .env("SOURCE", SOURCE)
        .env("FORWARDED", FORWARDED)
        .env("AGENT", &agent.value);
    succeed(&mut story);
    letters_are_clean(&stack, &agent);
    nothing_is_kept(&stack, &agent);
}

/// The answer as Bob got it and as Alice kept it. Of the second letter there is no copy: it went out all the same.
fn letters_are_clean(stack: &Stack, agent: &Marker) {
    stack.messages(&MEMBERS[1], "", 2);
    let copies = read(&stack.dovecot.maildir(MEMBERS[0].address).join(".Sent"));
    let received = read(&stack.dovecot.maildir(MEMBERS[1].address));
    assert_eq!((copies.len(), received.len()), (1, 2));
    let answer = received.iter().find(|letter| letter.contains("I will be there.")).expect("the answer");
    for letter in [answer, &copies[0]] {
        let (header, body) = letter.split_once("\n\n").expect("a header");
        // SOGo's own sign, so it was SOGo that wrote it.
        assert!(body.contains("NGMime") && body.contains("I will be there."), "{letter}");
        for trace in [&agent.value, SOURCE, FORWARDED, "SOGo", "User-Agent", "X-Forward", "+1345", "127.0.0.1 with"] {
            assert!(!header.contains(trace), "{trace} in {header}");
        }
        assert!(!letter.contains(&agent.value) && !letter.contains(FORWARDED), "{letter}");
        assert!(header.contains("\nDate: ") && header.contains(" +0000\n"), "{header}");
    }
    let ids = [answer, &copies[0]].map(|letter| letter.lines().find(|line| line.starts_with("Message-ID: ")).expect("an id"));
    assert!(ids[0] == ids[1] && ids[0].ends_with("@velo.example>"), "{ids:?}");
}

/// SOGo's database and files, nginx's, Dovecot's, Postfix's and nologd's. Only the browser's own folder knows it.
fn nothing_is_kept(stack: &Stack, agent: &Marker) {
    let planted = [Marker::of("the browser's address", SOURCE.into()), Marker::of("the proxy's word", FORWARDED.into())];
    let mut kept = files(stack.place.folder());
    kept.retain(|file| !file.starts_with(stack.place.path("browser")));
    assert!(kept.iter().any(|file| file.starts_with(stack.place.path("sogo/db"))), "the database is not looked at");
    assert_eq!(hunt(&kept, &[&planted[0], &planted[1], agent]), Vec::<String>::new());
}

fn read(maildir: &Path) -> Vec<String> {
    let text = |file: &PathBuf| String::from_utf8_lossy(&fs::read(file).unwrap()).replace("\r\n", "\n");
    mail_files(maildir).iter().map(text).collect()
}

fn nologd(stack: &Stack, arguments: &[&str]) {
    let mut command = client(env!("CARGO_BIN_EXE_nologd"), "nologd");
    succeed(command.args(arguments).env("NOLOGD_SOCKET", stack.place.path("admin.sock")));
}

fn letter_from_bob(stack: &Stack) {
    let mut client = Client::connect(stack.ports().submissions, &[]).unwrap();
    client.log_in_to_submission("bob.example", &MEMBERS[1]).unwrap();
    client.smtp("MAIL FROM:<bob@velo.example>\r\n", "250", "MAIL").unwrap();
    client.smtp("RCPT TO:<alice@velo.example>\r\n", "250", "RCPT").unwrap();
    client.smtp("DATA\r\n", "354", "DATA").unwrap();
    let letter = "From: Bob <bob@velo.example>\r\nTo: Alice <alice@velo.example>\r\nSubject: A ride on Sunday\r\n\
                  Content-Type: text/plain\r\n\r\nWe meet at the bridge at ten.\r\n.\r\n";
    client.smtp(letter, "250", "the message").unwrap();
    client.smtp("QUIT\r\n", "221", "QUIT").unwrap();
    stack.messages(&MEMBERS[0], "", 1);
}
