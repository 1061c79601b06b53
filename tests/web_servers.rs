//! The pages behind the web server of the host, nginx and Apache, set up by the very blocks of docs/admin/pages.md: members log in, forms are taken,
//! mail programs are answered, nothing of it is written down, and `nologd audit` finds nothing to change.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test that cannot go on must say where; it writes the configs of other programs

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::alone::House;
use crate::scripted::{PASSWORD, Scripted};
use crate::support::{client, run_any, succeed};
use crate::wire::{self, PATIENCE};

const HOST: &str = "mail.nolog.example";
/// Planted in everything that a reader sends.
const MARK: &str = "canary-5e1d";

/// A web server, ended with the test.
struct WebServer(Child);

impl Drop for WebServer {
    fn drop(&mut self) {
        // Its own children end with it when it is asked to, and not when it is killed.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

impl WebServer {
    fn start(mut command: Command, port: u16) -> WebServer {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let (mut server, end) = (WebServer(child), Instant::now() + PATIENCE);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                server.0.try_wait().unwrap().is_none() && Instant::now() < end,
                "{:?} does not listen",
                command.get_program()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

/// nologd with its pages at a port of loopback, as the handbook has it.
struct BehindServer {
    house: House,
    pages: u16,
    front: u16,
    _imap: Scripted,
}

impl BehindServer {
    fn start() -> BehindServer {
        let (imap, pages, front) = (Scripted::imap(PASSWORD), wire::listen().1, wire::listen().1);
        let certificates = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-example");
        let config = format!(
            "[tls]\ncertificates = \"{}\"\ndefault = \"{HOST}\"\n[web]\nurl = \"https://{HOST}\"\n\
             [[listen]]\nservice = \"web\"\naddress = \"127.0.0.1:{pages}\"\ntls = \"none\"\n\
             [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\n\
             [[association]]\nname = \"asso\"\ndomains = [\"asso.example\"]\n",
            certificates.display(),
            imap.port
        );
        let house = House::start(&config);
        house.done("mailbox set alice@asso.example --storage 1G");
        BehindServer { house, pages, front, _imap: imap }
    }

    /// The block of this kind in the handbook, with the port of this test.
    fn block(&self, kind: &str) -> String {
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/admin/pages.md")).unwrap();
        let (_, rest) = page.split_once(&format!("\n```{kind}\n")).unwrap_or_else(|| panic!("no block of {kind}"));
        let block = rest.split_once("\n```").unwrap().0;
        assert_eq!(block.matches("127.0.0.1:8443").count(), 1, "{block}");
        block.replace("127.0.0.1:8443", &format!("127.0.0.1:{}", self.pages))
    }

    fn certificate(&self) -> [String; 2] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-example").join(HOST);
        ["fullchain.pem", "privkey.pem"].map(|name| folder.join(name).display().to_string())
    }

    /// A folder of this name, which the web server's own user may enter.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.house.place.path(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// What a request is answered with: head and body.
    fn ask(&self, path: &str, more: &[&str]) -> String {
        let mut curl = client("curl", "curl");
        curl.args(["-sik", "--max-time", "20", "--resolve", &format!("{HOST}:{}:127.0.0.1", self.front), "-A", MARK]);
        // As if the server were at 443, where it is meant to be.
        if !more.iter().any(|field| field.starts_with("Host: ")) {
            curl.args(["-H", &format!("Host: {HOST}")]);
        }
        curl.args(more).arg(format!("https://{HOST}:{}{path}", self.front));
        succeed(&mut curl)
    }

    fn works(&self) {
        let help = self.ask(&format!("/en/help?{MARK}"), &[]);
        assert!(help.contains(" 200 ") && help.contains("MAILBOX-FULL"), "{help}");
        let field = |text: &str, name: &str| {
            let head = text.split("\r\n\r\n").next().unwrap();
            let lines = head.lines().filter_map(|line| line.split_once(": ")).filter(|(key, _)| key.eq_ignore_ascii_case(name));
            lines.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(field(&help, "strict-transport-security"), ["max-age=31536000"], "{help}");
        assert!(field(&help, "content-security-policy")[0].contains("default-src 'none'"));
        // The domain that a program asks for comes through.
        let told = self.ask(&format!("/mail/config-v1.1.xml?emailaddress={MARK}"), &["-H", "Host: autoconfig.asso.example"]);
        assert!(told.contains("<domain>asso.example</domain>"), "{told}");
        // A new browser says where a form comes from; an old one shows it by its Origin, for which the server has to hand the host on.
        let (origin, site) = (format!("Origin: https://{HOST}"), "Sec-Fetch-Site: same-origin".to_owned());
        for shows in [&origin, &site] {
            let typed = |password: &str| format!("mailbox=alice%40asso.example&password={password}");
            let refused = self.ask("/en/member/enter", &["-H", shows, "-d", &typed(MARK)]);
            assert!(refused.contains(" 403 ") && refused.contains("WRONG-PASSWORD"), "{refused}");
            let entered = self.ask("/en/member/enter", &["-H", shows, "-d", &typed(PASSWORD)]);
            assert_eq!(
                (entered.contains(" 303 "), field(&entered, "location")),
                (true, vec!["/en/member".to_owned()]),
                "{entered}"
            );
            let cookie = format!("Cookie: {}", field(&entered, "set-cookie")[0].split(';').next().unwrap());
            let page = self.ask("/en/member", &["-H", &cookie]);
            assert!(page.contains("alice@asso.example") && field(&page, "cache-control") == ["no-store"], "{page}");
            let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
            let changed =
                self.ask("/en/member/language", &["-H", shows, "-H", &cookie, "-d", &format!("token={token}&language=fr")]);
            assert!(changed.contains(" 303 "), "{changed}");
        }
        let elsewhere = self.ask("/en/member/enter", &["-H", "Origin: https://evil.example", "-d", "mailbox=x&password=y"]);
        assert!(elsewhere.contains(" 403 ") && !elsewhere.contains("WRONG-PASSWORD"), "{elsewhere}");
    }

    /// Nothing in the folder of the server has the mark, or the address of who came.
    fn wrote_nothing(&self, folder: &Path) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let is_config = path.extension().is_some_and(|end| end == "conf");
                    assert!(is_config || !text.contains(MARK) && !text.contains("127.0.0.1"), "{}: {text}", path.display());
                }
            }
        }
    }

    fn audited(&self, option: &str, file: &Path) {
        let mut audit = Command::new(env!("CARGO_BIN_EXE_nologd"));
        let (clean, said) = run_any(audit.arg("audit").arg(option).arg(file));
        assert!(clean && said.contains("no setting writes a person down"), "{said}");
    }
}

#[test]
fn nginx_with_the_block_of_the_handbook() {
    let behind = BehindServer::start();
    let (folder, [chain, key]) = (behind.folder("nginx"), behind.certificate());
    let (file, dir) = (folder.join("nginx.conf"), folder.display());
    let config = format!(
        "daemon off;\nuser root;\npid {dir}/nginx.pid;\nerror_log /dev/null emerg;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {dir}/body;\nproxy_temp_path {dir}/proxy;\nfastcgi_temp_path {dir}/f;\nuwsgi_temp_path {dir}/u;\nscgi_temp_path {dir}/s;\n\
         server {{\nlisten 127.0.0.1:{} ssl;\nserver_name {HOST} autoconfig.asso.example;\nssl_certificate {chain};\nssl_certificate_key {key};\n{}\n}}\n}}\n",
        behind.front,
        behind.block("nginx")
    );
    fs::write(&file, config).unwrap();
    assert!(Path::new("/usr/sbin/nginx").exists(), "apt install nginx");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(&file).arg("-p").arg(&folder);
    let server = WebServer::start(command, behind.front);
    behind.works();
    drop(server);
    behind.wrote_nothing(&folder);
    behind.audited("--nginx-config", &file);
}

#[test]
fn apache_with_the_block_of_the_handbook() {
    let behind = BehindServer::start();
    let (folder, [chain, key]) = (behind.folder("apache"), behind.certificate());
    let (file, dir) = (folder.join("apache.conf"), folder.display());
    let modules = ["mpm_event", "authz_core", "socache_shmcb", "ssl", "proxy", "proxy_http", "headers"];
    let modules = modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")).concat();
    let config = format!(
        "ServerRoot {dir}\nPidFile {dir}/apache.pid\nMutex file:{dir}\nServerName {HOST}\nUser www-data\nGroup www-data\nErrorLog /dev/null\n\
         {modules}Listen 127.0.0.1:{front}\n<VirtualHost *:{front}>\nServerName {HOST}\nServerAlias autoconfig.asso.example\nSSLEngine on\n\
         SSLCertificateFile {chain}\nSSLCertificateKeyFile {key}\n{}\n</VirtualHost>\n",
        behind.block("apache"),
        front = behind.front
    );
    fs::write(&file, config).unwrap();
    assert!(Path::new("/usr/sbin/apache2").exists(), "apt install apache2");
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-d").arg(&folder).arg("-f").arg(&file).arg("-DFOREGROUND");
    let server = WebServer::start(command, behind.front);
    behind.works();
    drop(server);
    behind.wrote_nothing(&folder);
    behind.audited("--apache-config", &file);
}
