//! A real nginx of Debian with its mail module: what it writes with Debian's settings and with our template, when all goes well and
//! when it does not. Behind it are a real Dovecot, and a webmail that does not answer.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nologd::audit::canary::look_for;
use nologd::demo::{CERTIFICATE, Dovecot, MEMBERS, Owner, Place};

use super::templates;

/// Where the visitor comes from: all of 127.0.0.0/8 is this machine.
const VISITOR: Ipv4Addr = Ipv4Addr::new(127, 101, 102, 103);

#[test]
fn debians_settings_write_visitors_down_and_our_template_does_not() {
    let debian = fs::read_to_string("/etc/nginx/nginx.conf").expect("apt install nginx");
    let (written, found) = day(&debian);
    assert!(found > 0 && written.contains("canary-page") && written.contains("canary-browser"), "{written}");
    assert!(written.contains(MEMBERS[0].address), "the mail module names the login:\n{written}");
    let (written, found) = day(&templates::read("nginx.conf"));
    assert_eq!(found, 0, "{written}");
    for word in ["canary", "alice", "127.", "GET"] {
        assert!(!written.contains(word), "{word}:\n{written}");
    }
}

/// Pages, a page that fails, broken TLS, mail logins good and bad. All that nginx wrote, and how often the visitor's address is in it.
fn day(settings: &str) -> (String, usize) {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let (web, tls, mail, closed) = (place.port().unwrap(), place.port().unwrap(), place.port().unwrap(), place.port().unwrap());
    place.make("log", Owner::me()).unwrap();
    place.make("certs", Owner::me()).unwrap();
    place.write("certs/fullchain.pem", CERTIFICATE).unwrap();
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-example/mail.nolog.example/privkey.pem");
    place.write("certs/privkey.pem", &fs::read(key).unwrap()).unwrap();
    let folder = place.folder().display().to_string();
    let site = format!(
        "server {{\n listen 127.0.0.1:{web};\n listen 127.0.0.1:{tls} ssl;\n ssl_certificate {folder}/certs/fullchain.pem;\n\
         ssl_certificate_key {folder}/certs/privkey.pem;\n location / {{ return 200 page; }}\n\
         location /missing {{ root {folder}/nothing; }}\n location /broken {{ proxy_pass http://127.0.0.1:{closed}; }}\n\
         location /auth {{ add_header Auth-Status OK; add_header Auth-Server 127.0.0.1; add_header Auth-Port $http_x_port; return 200; }}\n}}\n"
    );
    place.write("site.conf", site.as_bytes()).unwrap();
    let port = dovecot.imap();
    // The second server sends its logins to where nobody answers.
    let bad = place.port().unwrap();
    let proxy = |listen: u16, to: u16| {
        format!("server {{\n listen 127.0.0.1:{listen};\n protocol imap;\n auth_http_header X-Port {to};\n proxy on;\n}}\n")
    };
    let mail_block = format!("mail {{\n auth_http 127.0.0.1:{web}/auth;\n{}{}}}\n", proxy(mail, port), proxy(bad, closed));
    let config = installed(settings, &folder, &mail_block);
    let file = place.write("nginx.conf", config.as_bytes()).unwrap();
    let nginx = Nginx::start(&file, web);
    get(web, "/canary-page?_user=alice");
    get(web, "/missing/canary-page");
    get(web, "/broken/canary-page");
    say(tls, b"canary: this is no TLS\r\n\r\n");
    for port in [mail, bad] {
        let member = &MEMBERS[0];
        say(port, format!("a LOGIN {} {}\r\nb LOGOUT\r\n", member.address, member.password).as_bytes());
        say(port, format!("a LOGIN {} canary-password\r\n", member.address).as_bytes());
    }
    std::thread::sleep(Duration::from_millis(500));
    drop(nginx);
    let found = look_for(VISITOR, &place.path("log")).len();
    let logs = fs::read_dir(place.path("log")).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap_or_default());
    (logs.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect(), found)
}

/// `settings` with our site in the place of theirs, and every path in the test's own folder.
fn installed(settings: &str, folder: &str, mail: &str) -> String {
    let settings =
        settings.replace("/var/log/nginx", &format!("{folder}/log")).replace("/run/nginx.pid", &format!("{folder}/pid"));
    // Our template has a site of its own in it.
    let settings = match settings.split_once("    # The webmail.\n    server {") {
        Some((before, _)) => format!("{before}include {folder}/site.conf;\n}}\n"),
        None => settings
            .replace("include /etc/nginx/conf.d/*.conf;", "")
            .replace("include /etc/nginx/sites-enabled/*;", &format!("include {folder}/site.conf;")),
    };
    // Modules come first, once.
    let modules = "include /etc/nginx/modules-enabled/*.conf;";
    format!("{modules}\n{}\n{mail}", settings.replace(modules, ""))
}

struct Nginx(Child);

impl Nginx {
    fn start(config: &Path, port: u16) -> Nginx {
        let mut command = Command::new("/usr/sbin/nginx");
        // The log before the settings are read would be Debian's.
        command.args(["-e", "/dev/null", "-g", "daemon off;", "-c"]).arg(config);
        let nginx = Nginx(command.spawn().expect("apt install nginx libnginx-mod-mail"));
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < end, "nginx did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

fn get(port: u16, path: &str) {
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "/dev/null", "--user-agent", "canary-browser", "--interface", &VISITOR.to_string(), &url]);
    assert!(curl.status().unwrap().success(), "{url}");
}

/// From the visitor's address; what comes back does not matter.
fn say(port: u16, bytes: &[u8]) {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
    use std::os::fd::AsRawFd;
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let [a, b, c, d] = VISITOR.octets();
    bind(socket.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 0)).unwrap();
    connect(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    stream.write_all(bytes).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}
