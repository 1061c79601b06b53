//! `nologd dns --check`, against a small DNS server of this test: made by hand from RFC 1035 4, so that it and the program under test share
//! no code.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests

use crate::alone;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};

use alone::House;

const MX: u16 = 15;
const SRV: u16 = 33;
const CNAME: u16 = 5;
const A: u16 = 1;
const TXT: u16 = 16;

type Zones = HashMap<(String, u16), Vec<Vec<u8>>>;

/// What the server does besides.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Well,
    /// Answers of somebody else come first: to another question, with another number, and octets that are no message.
    Spoofed,
    /// It cannot tell.
    Fails,
}

/// A server on loopback, on UDP and TCP; its port.
struct Dns {
    port: u16,
    zones: Arc<Mutex<Zones>>,
    by_tcp: Arc<Mutex<u32>>,
}

impl Dns {
    fn start(manner: Manner) -> Dns {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
                break (tcp, udp);
            }
        };
        let port = tcp.local_addr().unwrap().port();
        let (zones, by_tcp) = (Arc::new(Mutex::new(Zones::new())), Arc::new(Mutex::new(0)));
        let (known, count) = (zones.clone(), by_tcp.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                let asked = &buffer[..length];
                if manner == Manner::Spoofed {
                    let mut other = answer(asked, &HashMap::new(), false);
                    other[0] ^= 1;
                    let _ = udp.send_to(&other, from);
                    let mut question = answer(asked, &HashMap::new(), false);
                    question[13] ^= 2;
                    let _ = udp.send_to(&question, from);
                    let _ = udp.send_to(&[0xff; 40], from);
                }
                let mut told = answer(asked, &known.lock().unwrap(), true);
                if manner == Manner::Fails {
                    told[3] = told[3] & 0xf0 | 2;
                }
                let _ = udp.send_to(&told, from);
            }
        });
        let known = zones.clone();
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().map_while(Result::ok) {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut asked = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut asked).unwrap();
                let told = answer(&asked, &known.lock().unwrap(), false);
                *count.lock().unwrap() += 1;
                stream.write_all(&[&u16::try_from(told.len()).unwrap().to_be_bytes(), &told[..]].concat()).unwrap();
            }
        });
        Dns { port, zones, by_tcp }
    }

    fn put(&self, name: &str, kind: u16, data: Vec<u8>) {
        self.zones.lock().unwrap().entry((name.into(), kind)).or_default().push(data);
    }

    /// All that `nologd dns` prints for a domain of this test's host.
    fn put_whole(&self, domain: &str, [imap, smtp]: [u16; 2]) {
        self.put(domain, MX, [&10_u16.to_be_bytes()[..], &wire("mail.nolog.example")].concat());
        for (service, port, target) in [
            ("_imaps", 0_u16, "."),
            ("_imap", imap, "mail.nolog.example"),
            ("_pop3s", 0, "."),
            ("_pop3", 0, "."),
            ("_submissions", smtp, "mail.nolog.example"),
            ("_submission", 0, "."),
        ] {
            self.put(&format!("{service}._tcp.{domain}"), SRV, srv(port, target));
        }
        self.put(&format!("autoconfig.{domain}"), CNAME, wire("mail.nolog.example"));
        self.put(&format!("_autodiscover._tcp.{domain}"), SRV, srv(443, "mail.nolog.example"));
        self.put(domain, TXT, text("v=spf1 mx -all"));
        self.put(&format!("_dmarc.{domain}"), TXT, text("v=DMARC1; p=quarantine"));
    }
}

fn srv(port: u16, target: &str) -> Vec<u8> {
    [&[0, 0, 0, 1][..], &port.to_be_bytes(), &wire(target)].concat()
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(255).flat_map(|part| [&[u8::try_from(part.len()).unwrap()], part].concat()).collect()
}

fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// The answer to one question; cut short where it is longer than a UDP message of old may be.
fn answer(asked: &[u8], zones: &Zones, short: bool) -> Vec<u8> {
    let (mut name, mut at) = (Vec::new(), 12);
    while asked[at] > 0 {
        let end = at + 1 + usize::from(asked[at]);
        name.push(String::from_utf8(asked[at + 1..end].to_ascii_lowercase()).unwrap());
        at = end;
    }
    let kind = u16::from_be_bytes([asked[at + 1], asked[at + 2]]);
    let name = name.join(".");
    let question = &asked[12..at + 5];
    let mut records = Vec::new();
    for kind in [CNAME, kind] {
        records.extend(zones.get(&(name.clone(), kind)).into_iter().flatten().map(|data| (kind, data)));
    }
    let body: Vec<u8> = records
        .iter()
        .flat_map(|(kind, data)| {
            let length = u16::try_from(data.len()).unwrap();
            // The name is that of the question.
            [&[0xc0, 12][..], &kind.to_be_bytes(), &[0, 1, 0, 0, 14, 16], &length.to_be_bytes(), data].concat()
        })
        .collect();
    let cut = short && question.len() + body.len() + 12 > 512;
    let (flags, count, body) = if cut { (0x83, 0, &[][..]) } else { (0x81, records.len(), &body[..]) };
    let code = if records.is_empty() { 3 } else { 0 };
    let count = u16::try_from(count).unwrap().to_be_bytes();
    [&asked[..2], &[flags, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0], question, body].concat()
}

/// With the ports of reading and sending.
fn house() -> (House, [u16; 2]) {
    let ports = [free(), free()];
    let listen = |service: &str, tls: &str, port: u16| {
        format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n")
    };
    let config = [
        format!("[tls]\ncertificates = \"{}/certs-example\"\ndefault = \"mail.nolog.example\"\n", env!("CARGO_MANIFEST_DIR")),
        "[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\nrelay = \"smtp://127.0.0.1:1\"\n".into(),
        "[web]\nurl = \"https://mail.nolog.example\"\n".into(),
        listen("web", "none", free()),
        listen("imap", "starttls", ports[0]),
        listen("submission", "implicit", ports[1]),
    ];
    (House::start(&config.concat()), ports)
}

fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn what_is_there_and_what_is_not() {
    let (house, ports) = house();
    house.done("association add velo --domain velo.example --domain vélo.example --domain-alias v.example=velo.example");
    house.done("association add jardin --domain jardin.example");
    // One after the other: with nobody who lies, and with somebody.
    for manner in [Manner::Well, Manner::Spoofed] {
        all_lines(&house, ports, &Dns::start(manner));
    }
}

fn all_lines(house: &House, ports: [u16; 2], dns: &Dns) {
    for whole in ["velo.example", "xn--vlo-bma.example", "v.example"] {
        dns.put_whole(whole, ports);
    }
    let check = |more: &str| {
        house.nologd(&format!("dns --check --config {} --resolver 127.0.0.1:{}{more}", house.config().display(), dns.port))
    };
    let said = check(" velo.example");
    assert!(said.code == 0 && said.out.starts_with("velo.example: every line is there\n"), "{}{}", said.out, said.errors);
    // Mail of the other one goes elsewhere first, its IMAP is said to be at another port, its autoconfig is an address of ours.
    dns.put("jardin.example", MX, [&20_u16.to_be_bytes()[..], &wire("mail.nolog.example")].concat());
    dns.put("jardin.example", MX, [&5_u16.to_be_bytes()[..], &wire("mx.\u{1b}elsewhere.example")].concat());
    dns.put("_imap._tcp.jardin.example", SRV, srv(1143, "mail.nolog.example"));
    dns.put("autoconfig.jardin.example", A, vec![192, 0, 2, 7]);
    dns.put("mail.nolog.example", A, vec![192, 0, 2, 7]);
    // A long list of texts: by TCP.
    for number in 0..8 {
        dns.put("jardin.example", TXT, text(&format!("other-{number}={}", "x".repeat(200))));
    }
    dns.put("jardin.example", TXT, text(&format!("v=spf1 {} -all", "ip4:192.0.2.1 ".repeat(30))));
    let said = check("");
    assert_eq!(said.code, 1);
    let line = |word: &str, name: &str, kind: &str| {
        let found = said.out.lines().any(|line| line.split_whitespace().take(3).eq([word, name, kind]));
        assert!(found, "{word} {name} {kind} in {}", said.out);
    };
    line("other", "jardin.example", "MX");
    line("other", "_imap._tcp.jardin.example", "SRV");
    line("there", "autoconfig.jardin.example", "CNAME");
    line("missing", "_imaps._tcp.jardin.example", "SRV");
    line("there", "jardin.example", "TXT");
    line("missing", "_dmarc.jardin.example", "TXT");
    assert!(*dns.by_tcp.lock().unwrap() > 0, "nothing was cut short");
    for words in
        ["vélo.example: every line", "v.example: every line", "3 of 4 domains have every line.", "1 whose mail goes elsewhere."]
    {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(said.out.contains("5 mx.") && !said.out.contains('\u{1b}'), "{}", said.out);
    let json: serde_json::Value = serde_json::from_str(&check(" --json").out).unwrap();
    assert_eq!(
        (json["domains"].as_array().unwrap().len(), &json["domains"][0]["domain"]),
        (4, &"jardin.example".into()),
        "{json}"
    );
    assert_eq!(json["domains"][0]["lines"][0]["standing"], "other");
}

/// What is there is told to the daemon: of all domains, without the MX where nobody said which server takes mail.
#[test]
fn the_daemon_hears_what_is_there() {
    let (house, ports) = house();
    house.done("association add velo --domain velo.example --domain vélo.example");
    let dns = Dns::start(Manner::Well);
    dns.put_whole("velo.example", ports);
    let check = |more: &str| {
        let resolver = format!("--resolver 127.0.0.1:{}", dns.port);
        let said = house.nologd(&format!("dns --check --tell --config {} {resolver}{more}", house.config().display()));
        assert!(said.code == 0 && said.out.contains("velo.example: every line"), "{}{}", said.out, said.errors);
        house.json("association show velo")["zones"].clone()
    };
    let zones = check("");
    let of = |zones: &serde_json::Value, domain: &str| {
        let found = zones.as_array().unwrap().iter().find(|one| one["zone"]["domain"] == domain);
        found.unwrap_or_else(|| panic!("{domain}: {zones}"))["zone"]["amiss"].as_array().unwrap().clone()
    };
    let kinds = |zones: &serde_json::Value| {
        of(zones, "vélo.example")
            .iter()
            .filter(|line| line["kind"] == "MX")
            .map(|line| line["standing"].clone())
            .collect::<Vec<_>>()
    };
    assert!(of(&zones, "velo.example").is_empty() && kinds(&zones).is_empty(), "{zones}");
    assert_eq!(of(&zones, "vélo.example").len(), 10, "{zones}");
    assert_eq!(kinds(&check(" --mx mail.nolog.example")), ["missing"]);
    let shown = house.nologd("association show velo").out;
    assert!(
        shown.contains("velo.example: every line is there, 20") && shown.contains("vélo.example: 11 lines are not, 20"),
        "{shown}"
    );
    // What could not be asked says nothing, and takes nothing away.
    let failing = Dns::start(Manner::Fails);
    let said =
        house.nologd(&format!("dns --check --tell --config {} --resolver 127.0.0.1:{}", house.config().display(), failing.port));
    assert!(said.code == 1 && said.errors.contains("No resolver answers"), "{}{}", said.out, said.errors);
    assert_eq!(house.nologd("association show velo").out, shown);
    // Without a word of which server takes mail, the MX is not said to be there.
    let _ = check("");
    let shown = house.nologd("association show velo").out;
    assert!(shown.contains("velo.example: every line is there (the MX was not looked at), 20"), "{shown}");
    let said = house.nologd(&format!(
        "dns nobody.example --check --tell --config {} --resolver 127.0.0.1:{}",
        house.config().display(),
        dns.port
    ));
    assert!(said.code == 1 && said.errors.contains("no association's"), "{}{}", said.out, said.errors);
    // Who cannot be told is not passed over, and what was found is shown.
    let said = house.nologd(&format!(
        "dns velo.example --check --tell --socket /nowhere --config {} --resolver 127.0.0.1:{}",
        house.config().display(),
        dns.port
    ));
    assert!(said.code == 1 && !said.errors.is_empty() && said.out.contains("every line is there"), "{}", said.out);
}

/// A resolver that fails, or that is not there: nothing is known, and nothing is called missing.
#[test]
fn what_could_not_be_asked_is_unknown() {
    let (house, ports) = house();
    let failing = Dns::start(Manner::Fails);
    failing.put_whole("velo.example", ports);
    let said = house.nologd(&format!(
        "dns velo.example --check --config {} --resolver 127.0.0.1:{}",
        house.config().display(),
        failing.port
    ));
    assert!(
        said.code == 1 && said.out.contains("unknown") && !said.out.contains("missing") && !said.out.contains(" there"),
        "{}",
        said.out
    );
    for (line, code) in [
        ("dns --config CONFIG", 2),
        ("dns velo.example --json --config CONFIG", 2),
        ("dns velo.example --tell --config CONFIG", 2),
        ("dns velo.example --resolver 127.0.0.1 --config CONFIG", 2),
        ("dns velo.example --check --resolver localhost --config CONFIG", 2),
        ("dns --check --socket /nowhere --resolver 127.0.0.1 --config CONFIG", 1),
    ] {
        let said = house.nologd(&line.replace("CONFIG", &house.config().display().to_string()));
        assert_eq!(said.code, code, "{line}: {}{}", said.out, said.errors);
    }
}

/// The server that takes mail may be another one: the config says so once for all, and who asks may say another one still.
#[test]
fn the_server_that_takes_mail_is_named_in_the_config() {
    let (house, _) = house();
    let text = std::fs::read_to_string(house.config()).unwrap().replace("[web]\n", "[web]\nmx = \"mx.nolog.example\"\n");
    house.place.write("named.toml", text.as_bytes()).unwrap_or_else(|trouble| panic!("{trouble}"));
    for (config, more, mx) in [
        (house.config(), "", "mail.nolog.example"),
        (house.place.path("named.toml"), "", "mx.nolog.example"),
        (house.place.path("named.toml"), " --mx in.nolog.example", "in.nolog.example"),
    ] {
        let said = house.nologd(&format!("dns velo.example{more} --config {}", config.display()));
        assert!(said.out.contains(&format!("IN MX    10 {mx}.\n")), "{mx}: {}{}", said.out, said.errors);
    }
}

mod as_root {
    use std::process::Command;

    use super::*;
    use crate::root;

    /// The unit of the timer may speak to the daemon, whose socket is another user's: it was told so by nobody while it might not.
    #[test]
    fn the_units_rights_are_enough_to_speak_to_the_daemon() {
        root::needed();
        let (house, _) = house();
        let unit = include_str!("../policy/backends/nologd-dns.service");
        let rights = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap();
        let each = rights.split(' ').map(|right| format!(",+{}", right.strip_prefix("CAP_").unwrap().to_lowercase()));
        let may = |rights: &str| {
            let mut command = Command::new("setpriv");
            command.arg(format!("--bounding-set=-all{rights}")).args(["--inh-caps=-all", "--no-new-privs"]);
            command.arg(env!("CARGO_BIN_EXE_nologd")).args(["association", "list", "--socket"]).arg(house.socket());
            command.output().unwrap().status.success()
        };
        assert!(may(&each.collect::<String>()), "{rights}");
        assert!(!may(""), "without them it may not, or this shows nothing");
    }
}
