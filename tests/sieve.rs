//! ManageSieve through nologd, in front of Dovecot's own (Pigeonhole). Needs root, for Postfix.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use crate::support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nologd::demo::{Behind, Dovecot, MEMBERS, Place, Postfix, Process};
use nologd::private::Address;
use nologd::quota::{Book, Day, Edit, Name, State, StateEdit};
use nologd::sieve::script::{self, ScriptKind};
use support::{Stack, client, restart, run_any, start_daemon, succeed};
use tokio::runtime::Runtime;

use crate::dialect;
use crate::in_process;
use crate::random::Random;
use crate::wire;

use wire::Wire;

/// `alice@velo.example` with her password, as PLAIN.
const ALICE: &str = "AGFsaWNlQHZlbG8uZXhhbXBsZQBiZWxsLWFuZC1iYXNrZXQ=";

/// Dovecot with ManageSieve besides, and its port.
fn dovecot(place: &Place, more: &str) -> (Dovecot, u16) {
    assert!(Path::new("/usr/lib/dovecot/managesieve").exists(), "apt install dovecot-managesieved");
    let port = place.port().unwrap();
    // As the file for admins has it.
    let template = dialect::for_admins("sieve").replace("10190", &port.to_string());
    let around = "protocols = imap lmtp sieve\nservice managesieve-login {\n  chroot =\n  service_count = 0\n}\n\
                  plugin {\n  sieve = file:~/sieve;active=~/.dovecot.sieve\n}\n\
                  protocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\n";
    let lines = dialect::spoken(around) + &template + more;
    let dovecot = Dovecot::start_with(place, "dovecot", &lines).unwrap();
    // It waits for IMAP and LMTP alone.
    wire::greeted(port);
    (dovecot, port)
}

/// nologd with ManageSieve on three ports: with STARTTLS, from the first byte with TLS, and for the webmail.
pub struct Sieve {
    // First: it goes before the stack.
    pub process: Process,
    pub stack: Stack,
    pub upgraded: u16,
    implicit: u16,
    pub webmail: u16,
}

impl Sieve {
    pub fn start(more: &str) -> Sieve {
        let place = Place::new().unwrap();
        let (dovecot, behind) = dovecot(&place, "auth_failure_delay = 0\n");
        let postfix = Postfix::start(&place, dovecot.lmtp()).unwrap();
        let ports = [place.port().unwrap(), place.port().unwrap(), place.port().unwrap()];
        let server = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: postfix.smtp() };
        let daemon = start_daemon(&place, &[server], &[]);
        let mut stack = Stack { daemon, postfix, dovecot, place };
        let process = restart(&mut stack, |config| {
            let listen = |service: &str, port, tls: &str| {
                format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\n")
            };
            let config = config.replace("auth  = \"imap\"", &format!("auth  = \"imap\"\nsieve = \"sieve://127.0.0.1:{behind}\""));
            config
                + &listen("sieve", ports[0], "starttls")
                + &listen("sieve", ports[1], "implicit")
                + &listen("webmail-sieve", ports[2], "none")
                + more
        });
        let [upgraded, implicit, webmail] = ports;
        Sieve { process, stack, upgraded, implicit, webmail }
    }
}

/// A third party's client: STARTTLS, the certificate checked, a login; then a script goes up, is listed, read and taken away.
#[test]
fn sieve_connect() {
    let sieve = Sieve::start("");
    let script = sieve.stack.place.write("filter.sieve", b"require \"fileinto\";\r\n# {5+}\r\nkeep;\r\n").unwrap();
    let connect = |password: &str, orders: &[&str]| {
        let mut connect = client("sieve-connect", "sieve-connect");
        connect.args(["--server", "127.0.0.1", "--port", &sieve.upgraded.to_string(), "--user", MEMBERS[0].address]);
        connect.args(["--tlshostname", "mail.nolog.example", "--tlscafile"]).arg(sieve.stack.certificate());
        connect.arg("--passwordfd").arg("0").args(orders);
        let file = sieve.stack.place.write("password", format!("{password}\n").as_bytes()).unwrap();
        connect.stdin(std::fs::File::open(file).unwrap());
        connect
    };
    let password = MEMBERS[0].password;
    let local = script.display().to_string();
    succeed(&mut connect(password, &["--upload", "--localsieve", &local, "--remotesieve", "filter"]));
    assert!(succeed(&mut connect(password, &["--list"])).contains("filter"));
    succeed(&mut connect(password, &["--activate", "--remotesieve", "filter"]));
    let back = sieve.stack.place.path("back.sieve").display().to_string();
    succeed(&mut connect(password, &["--download", "--localsieve", &back, "--remotesieve", "filter"]));
    assert_eq!(std::fs::read(&back).unwrap(), b"require \"fileinto\";\r\n# {5+}\r\nkeep;\r\n");
    let (good, text) = run_any(&mut connect("wrong", &["--list"]));
    assert!(!good, "a wrong password was taken: {text}");
    succeed(&mut connect(password, &["--deactivate"]));
    succeed(&mut connect(password, &["--delete", "--remotesieve", "filter"]));
    assert!(!succeed(&mut connect(password, &["--list"])).contains("filter"));
    drop(sieve.process);
}

/// A session, and its greeting once the mail server was asked what it has, which happens at the start.
fn greeted(port: u16) -> (Wire, String) {
    let end = Instant::now() + wire::PATIENCE;
    loop {
        let mut wire = Wire::plain(port);
        let told = wire.until("OK ");
        if !told.contains("\"SIEVE\" \"\"") || Instant::now() > end {
            return (wire, told);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Behind STARTTLS nothing of before counts; TLS from the first byte; and the webmail's listener.
#[test]
fn both_kinds_of_tls_and_the_webmail() {
    let sieve = Sieve::start("");
    let login = format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n");
    let (mut plain, told) = greeted(sieve.upgraded);
    assert!(told.contains("\"STARTTLS\"\r\n") && told.contains("\"SASL\" \"\"\r\n") && told.contains(" vacation "), "{told}");
    assert!(plain.ask(&login, "NO").starts_with("NO (ENCRYPT-NEEDED) "));
    plain.send(format!("STARTTLS\r\n{login}LISTSCRIPTS\r\n").as_bytes());
    assert!(plain.line().starts_with("OK "));
    plain.start_tls();
    let told = plain.until("OK ");
    assert!(told.starts_with("\"IMPLEMENTATION\" \"nologd\"\r\n") && told.contains("\"SASL\" \"PLAIN LOGIN\"\r\n"), "{told}");
    assert!(plain.ask("LISTSCRIPTS\r\n", "NO").contains("(LOGIN-FIRST)"));
    assert!(plain.ask(&login, "OK").starts_with("OK "));

    let mut secure = Wire::tls(sieve.implicit);
    assert!(!secure.until("OK ").contains("STARTTLS"));
    assert!(secure.ask(&login, "OK").starts_with("OK "));
    let told = secure.ask("CAPABILITY\r\n", "OK");
    assert!(told.contains("\"MAXREDIRECTS\" \"4\"\r\n") && told.contains("\"VERSION\" \"1.0\"\r\n"), "{told}");
    assert!(!told.contains("Dovecot") && told.contains(" enotify "), "{told}");

    let mut webmail = Wire::plain(sieve.webmail);
    webmail.until("OK ");
    assert!(webmail.ask(&login, "OK").starts_with("OK "));
    assert!(webmail.ask("PUTSCRIPT \"roundcube\" {5+}\r\nkeep;\r\n", "OK").starts_with("OK "));
    assert!(webmail.ask("PUTSCRIPT \"broken\" {4+}\r\nkee;\r\n", "NO").starts_with("NO "));
    webmail.until("\"\r\n");
    drop(webmail);
    assert_eq!(secure.ask("LISTSCRIPTS\r\n", "OK").lines().next(), Some("\"roundcube\""));
    assert!(secure.ask("LOGOUT\r\n", "OK").starts_with("OK ") && secure.ends(wire::PATIENCE));
    drop(sieve.process);
}

/// Its owner is told in the answer to the login, and what stays of it are verbs and codes.
#[test]
fn an_incident_is_told_at_the_login_and_shows_verbs_and_codes() {
    let sieve = Sieve::start("");
    let nologd = |words: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nologd"));
        succeed(command.args(words.split(' ')).arg("--socket").arg(sieve.stack.place.path("admin.sock")))
    };
    nologd("incident start alice@velo.example --minutes 5");
    let mut wire = Wire::tls(sieve.implicit);
    wire.until("OK ");
    let told = wire.ask(&format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n"), "OK");
    assert!(told.starts_with("OK \"Logged in. ") && told.contains("ncident") && told.matches('"').count() == 2, "{told}");
    wire.ask("LISTSCRIPTS\r\n", "OK");
    wire.ask("PUTSCRIPT \"canary\" {16+}\r\nkeep; # canary\r\n\r\n", "OK");
    wire.ask("GETSCRIPT \"nothing\"\r\n", "NO");
    wire.ask("UNAUTHENTICATE\r\n", "NO");
    wire.ask("LOGOUT\r\n", "OK");
    assert!(wire.ends(wire::PATIENCE));
    let text = nologd("incident show alice@velo.example");
    for step in [
        "sieve AUTH",
        "sieve OK",
        "sieve LISTSCRIPTS",
        "sieve PUTSCRIPT",
        "sieve GETSCRIPT",
        "sieve NO [NONEXISTENT]",
        "sieve NO (NOT-HERE)",
        "sieve LOGOUT",
    ] {
        let line = |line: &str| line.split_whitespace().skip(3).collect::<Vec<_>>().join(" ") == step;
        assert!(text.lines().any(line), "no {step:?} in\n{text}");
    }
    assert!(!text.to_lowercase().contains("canary") && !text.contains("keep"), "{text}");
    drop(sieve.process);
}

/// nologd in this process, without TLS: the book can be looked at.
fn in_process(place: &Place, dovecot: &Dovecot, behind: &str, more: &str, association: &str) -> (Arc<Book>, u16, Runtime) {
    let certificate = place.write("chain.pem", nologd::demo::CERTIFICATE).unwrap();
    let port = place.port().unwrap();
    let text = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n[tls]\nbackend_authorities = \"{}\"\n{}{more}[[backend]]\nname = \"store1\"\n\
         imap = \"imap://127.0.0.1:{}\"\nsieve = \"{behind}\"\n[[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n{association}\n",
        place.path("book").display(),
        certificate.display(),
        in_process::listen("sieve", &format!("127.0.0.1:{port}")),
        dovecot.imap(),
    );
    let (book, runtime) = in_process::in_process(&text);
    (book, port, runtime)
}

fn session(port: u16) -> Wire {
    let mut wire = Wire::plain(port);
    wire.until("OK ");
    let line = wire.ask(&format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n"), "OK");
    assert!(line.starts_with("OK "), "{line}");
    wire
}

#[test]
fn a_full_or_read_only_association_and_a_suspended_one() {
    let place = Place::new().unwrap();
    let (dovecot, behind) = dovecot(&place, "");
    let behind = format!("sieve://127.0.0.1:{behind}");
    let (book, port, _runtime) = in_process(&place, &dovecot, &behind, "", "storage = \"10K\"");
    let set = |state| {
        let edit = Edit { state: StateEdit::from(state), ..Edit::default() };
        assert!(book.set_association(&Name::parse("velo").unwrap(), &edit, Day::from_unix(0)).is_ok());
    };
    let mut wire = session(port);
    assert!(wire.ask("HAVESPACE \"a\" 20000\r\n", "NO").starts_with("NO (QUOTA) \"The space that the association shares"));
    assert!(wire.ask("HAVESPACE \"a\" 2000\r\n", "OK").starts_with("OK"));
    assert!(wire.ask("PUTSCRIPT \"a\" {5+}\r\nkeep;\r\n", "OK").starts_with("OK"));
    set(State::ReadOnly);
    assert!(wire.ask("PUTSCRIPT \"a\" {8+}\r\ndiscard;\r\n", "NO").contains("(READ-ONLY)"));
    assert!(wire.ask("DELETESCRIPT \"a\"\r\n", "NO").contains("(READ-ONLY)"));
    assert_eq!(wire.ask("GETSCRIPT \"a\"\r\n", "OK ").lines().nth(1), Some("keep;"));
    // Suspended: who is there goes, and nobody comes.
    set(State::Suspended);
    let line = wire.line();
    assert!(line.starts_with("BYE ") && line.contains("(SUSPENDED)"), "{line}");
    assert!(wire.ends(wire::PATIENCE));
    let mut late = Wire::plain(port);
    late.until("OK ");
    assert!(late.ask(&format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n"), "NO").contains("(SUSPENDED)"));
}

/// What Dovecot would run is what was judged: comments, strings and `text:` are read as Pigeonhole reads them.
#[test]
fn filters_that_forward_are_refused_where_the_config_says_so() {
    let place = Place::new().unwrap();
    let (dovecot, behind) = dovecot(&place, "");
    let behind = format!("sieve://127.0.0.1:{behind}");
    let (_book, port, _runtime) = in_process(&place, &dovecot, &behind, "[sieve]\nforward = \"refuse\"\n", "");
    let mut wire = session(port);
    let told = wire.ask("CAPABILITY\r\n", "OK");
    assert!(told.contains("\"MAXREDIRECTS\" \"0\"\r\n") && !told.contains("enotify") && !told.contains("NOTIFY"), "{told}");
    let mut put = |script: &str| {
        let line = wire.ask(&format!("PUTSCRIPT \"a\" {{{}+}}\r\n{script}\r\n", script.len()), "");
        line.chars().take(2).collect::<String>() + if line.contains("(FORWARDING-OFF)") { " ours" } else { "" }
    };
    for script in [
        "redirect \"a@b.example\";",
        "# redirect \"x\";\nReDirect \"a@b.example\";",
        "require \"enotify\"; notify \"mailto:a@b.example\";",
        "require \"vacation\"; vacation text:\r\n\"\r\n.\r\n;redirect \"a@b.example\";",
    ] {
        assert_eq!(put(script), "NO ours", "{script}");
    }
    for script in [
        "require \"vacation\"; vacation text:\r\nredirect \"a@b.example\";\r\n..\r\n.\r\n;",
        "# redirect \"a@b.example\";\r\nkeep;\r\n",
        "/* redirect \" */ keep;",
        "require \"fileinto\"; fileinto \"redirect\";",
    ] {
        assert_eq!(put(script), "OK", "{script}");
    }
}

/// What scripts are made of at random.
const PIECES: &[&str] = &[
    "redirect \"a@b.example\";",
    "redirect text:\na@b.example\n.\n;",
    "redirect",
    " \"a@b.example\"",
    "notify \"mailto:a@b.example\";",
    "keep;",
    "if true {",
    "}",
    "# ",
    "/*",
    "*/",
    "\"",
    "\\",
    ";",
    "text:",
    ".",
    "set \"a\" ",
    "set \"a\" \"",
    "vacation text:",
    "vacation \"",
    "..",
    "\n",
    "\n",
    "\n.\n;",
    " ",
    "\t",
    ":",
    "\"; ",
    "if size :over 1K",
    "discard;",
    "stop;",
    "${hex:72}",
    "if not false",
    "elsif true {",
    "reject text: # x\n",
    "[",
    "]",
    ",",
    "/",
    "*",
    "\r",
];

/// Scripts made of pieces at random, in Pigeonhole's own compiler: where it sees `redirect` or `notify`, we do too.
#[test]
fn what_pigeonhole_compiles_is_what_was_judged() {
    let place = Place::new().unwrap();
    let (_dovecot, behind) = dovecot(&place, "");
    // Straight to it: whether a script is one at all.
    let mut direct = session(behind);
    let config = place.path("dovecot/dovecot.conf");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut at = |below: usize| usize::try_from(random.below(below as u64)).unwrap();
    let (mut sends, mut stays) = (0, 0);
    for number in 0..6000 {
        let start = "require [\"vacation\", \"variables\", \"reject\", \"encoded-character\", \"enotify\"];\n";
        let pieces: String = (0..1 + at(7)).map(|_| PIECES[at(PIECES.len())]).collect();
        let script = [start, &pieces].concat();
        let script = if at(3) == 0 { script.replace('\n', "\r\n") } else { script };
        // Without the first line, which asks for what is refused.
        let ours = script::kind(&script.as_bytes()[start.len()..]);
        let speaks = pieces.contains("redirect") || pieces.contains("notify");
        direct.send(format!("CHECKSCRIPT {{{}+}}\r\n{script}\r\nNOOP \"{number}\"\r\n", script.len()).as_bytes());
        let told = direct.until(&format!("OK (TAG \"{number}\")"));
        // Enough of either kind: each costs two processes.
        let enough = if ours == ScriptKind::Stays { stays >= 15 } else { sends >= 40 };
        if !speaks || !told.starts_with("OK ") || enough {
            continue;
        }
        let dump = compiled(&place, &config, &script);
        let theirs = is_sending(&dump);
        assert!(!theirs || ours != ScriptKind::Stays, "{script:?}\n{dump}");
        sends += usize::from(theirs);
        stays += usize::from(!theirs && ours == ScriptKind::Stays);
    }
    assert!(sends > 20 && stays > 10, "too few of either kind: {sends}, {stays}");
}

/// The other way round: scripts of which we say that they stay, each sound and each speaking of what sends, do not send in Pigeonhole's
/// own compiler. By lots, for one compiler reads many: a lot that sends would be one too many.
#[test]
fn what_was_judged_to_stay_stays_in_pigeonhole() {
    let place = Place::new().unwrap();
    let (_dovecot, _) = dovecot(&place, "");
    let config = place.path("dovecot/dovecot.conf");
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut at = |below: usize| usize::try_from(random.below(below as u64)).unwrap();
    let start = "require [\"vacation\", \"variables\", \"reject\", \"encoded-character\", \"fileinto\", \"enotify\"];\n";
    let (mut all, mut loud) = (0, 0);
    for number in 0..24 {
        let mut lot = String::new();
        while lot.len() < 6_000 {
            let one: String = (0..1 + at(4)).map(|_| sound(&mut at)).collect();
            // What lies between two sound ones is never judged to send.
            assert_eq!(script::kind(one.as_bytes()), ScriptKind::Stays, "{one:?}");
            all += 1;
            loud += usize::from(one.contains("redirect") || one.contains("notify"));
            lot.push_str(&one);
        }
        assert_eq!(script::kind(lot.as_bytes()), ScriptKind::Stays);
        let lot = [start, &lot].concat();
        let dump = compiled(&place, &config, &if number % 3 == 0 { lot.replace('\n', "\r\n") } else { lot });
        assert!(dump.contains(": KEEP") && !is_sending(&dump), "{dump}");
    }
    assert!(all > 1500 && loud > 700, "{all}, {loud}");
    let sends = compiled(&place, &config, "keep; redirect \"a@b.example\";");
    assert!(is_sending(&sends), "what sends is not seen: {sends}");
}

/// A sound piece of a script that sends nothing, whatever it speaks of.
fn sound(at: &mut impl FnMut(usize) -> usize) -> String {
    const WORDS: &[&str] = &[
        "redirect \\\"a@b.example\\\";",
        "notify",
        "*/ redirect",
        "/* redirect",
        "# redirect",
        "text:",
        "\\\\",
        "${hex:72 65 64}irect",
        "\n# redirect\n",
        "'; redirect",
        "}",
        "..",
        "{5+}",
        "\u{e9}",
    ];
    let said: String = (0..at(4)).map(|_| WORDS[at(WORDS.len())]).collect();
    let flat = said.replace('\n', " ").replace("*/", "*");
    match at(9) {
        0 => format!("# {flat}\n"),
        1 => format!("/* {} */ ", said.replace("*/", "* /")),
        2 => format!("fileinto \"{}\";\n", said.replace(['\n', '{', '}', '*', '#', '\u{e9}'], "x").replace("/", "x")),
        3 => format!("set \"redirect\" \"{said}\";\n"),
        4 => format!("set \"a\" text: # {flat}\n{}\n.\n;\n", said.replace("..", "...").replace("\n.", "\n..")),
        5 => format!("if header :contains \"redirect\" [\"{said}\", \"notify\"] {{ keep; }}\n"),
        6 => format!("if size :over {}K {{ stop; }} elsif not false {{ keep; }}\n", 1 + at(9)),
        7 => "if ihave \"enotify\" { keep; }\n".replace("ihave \"enotify\"", "string \"notify\" \"redirect\""),
        _ => "keep; # redirect\n".to_owned(),
    }
}

/// Whether what Pigeonhole made of a script forwards or notifies.
fn is_sending(dump: &str) -> bool {
    dump.contains(": REDIRECT") || dump.contains(": NOTIFY")
}

/// What Pigeonhole makes of a script, in its own words.
fn compiled(place: &Place, config: &Path, script: &str) -> String {
    let file = place.write("one.sieve", script.as_bytes()).unwrap();
    let compiled = place.path("one.svbin");
    let tool = |name: &str, files: &[&Path]| {
        let mut tool = client(name, "dovecot-sieve");
        succeed(tool.arg("-c").arg(config).args(["-x", "+enotify"]).args(files))
    };
    tool("sievec", &[&file, &compiled]);
    tool("sieve-dump", &[&compiled])
}

/// A dead mail server is told at once: before login, after, and never inside an answer.
#[test]
fn a_dead_backend_is_told() {
    let place = Place::new().unwrap();
    let (mut dovecot, behind) = dovecot(&place, "");
    let behind = format!("sieve://127.0.0.1:{behind}");
    let (book, port, _runtime) = in_process(&place, &dovecot, &behind, "", "");
    let mut kicked = session(port);
    let (alice, end) = (Address::parse("alice@velo.example").unwrap(), Instant::now() + wire::PATIENCE);
    // It is answered a moment before the book knows of the session.
    while book.kick(&alice) == 0 {
        assert!(Instant::now() < end, "nobody was told");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(kicked.line().contains("(SESSION-ENDED)") && kicked.ends(wire::PATIENCE));
    let mut idle = session(port);
    // In the middle of a script that the client sends.
    let mut busy = session(port);
    busy.send(b"PUTSCRIPT \"half\" {10+}\r\nkeep;");
    std::thread::sleep(Duration::from_millis(200));
    dovecot.crash();
    for wire in [&mut idle, &mut busy] {
        let line = wire.line();
        assert!(line.starts_with("BYE (TRYLATER)") && line.contains("(BACKEND-DOWN)"), "{line}");
        assert!(wire.ends(wire::PATIENCE));
    }
    let mut late = Wire::plain(port);
    late.until("OK ");
    let line = late.ask(&format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n"), "NO");
    assert!(line.starts_with("NO (TRYLATER)") && line.contains("(BACKEND-DOWN)"), "{line}");
}

/// A script that is cut is not kept, wherever it is cut.
#[test]
fn a_script_that_is_cut_is_not_kept() {
    let place = Place::new().unwrap();
    let (dovecot, behind) = dovecot(&place, "");
    let behind = format!("sieve://127.0.0.1:{behind}");
    let (book, port, _runtime) = in_process(&place, &dovecot, &behind, "", "");
    let command = b"PUTSCRIPT \"cut\" {5+}\r\nkeep;\r\n";
    for len in 1..command.len() {
        let mut wire = session(port);
        wire.send(&command[..len]);
    }
    // None of these sessions waits for the rest.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(book.kick(&Address::parse("alice@velo.example").unwrap()), 0, "sessions without a client stay");
    let mut wire = session(port);
    assert!(!wire.ask("LISTSCRIPTS\r\n", "OK").contains("cut"));
    // Big ones stream; the answer to one that is too big for Dovecot is Dovecot's.
    let begun = Instant::now();
    let big = format!("# {}\r\n", "x".repeat(78)).repeat(10_000);
    assert!(wire.ask(&format!("PUTSCRIPT \"big\" {{{}+}}\r\n{big}\r\n", big.len()), "OK").starts_with("OK"));
    let read = wire.ask("GETSCRIPT \"big\"\r\n", "OK ");
    assert_eq!(read, format!("{{{}}}\r\n{big}\r\nOK \"Getscript completed.\"\r\n", big.len()));
    let bigger = big.repeat(2);
    assert!(
        wire.ask(&format!("PUTSCRIPT \"big\" {{{}+}}\r\n{bigger}\r\n", bigger.len()), "NO").starts_with("NO (QUOTA/MAXSIZE)")
    );
    assert!(wire.ask("NOOP\r\n", "OK").starts_with("OK"), "what was refused was not swallowed");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// Towards a mail server elsewhere: TLS from the first byte and after STARTTLS, with its certificate checked, and never without.
#[test]
fn tls_towards_the_backend() {
    for (scheme, good) in [("sieves", true), ("sieve+starttls", true), ("sieve+starttls", false)] {
        let place = Place::new().unwrap();
        let certificate = place.write("chain.pem", nologd::demo::CERTIFICATE).unwrap();
        let key = place.write("key.pem", wire::KEY).unwrap();
        let secure = place.port().unwrap();
        let tls = if good { "yes" } else { "no" };
        let more = format!(
            "ssl = {tls}\nssl_cert = <{}\nssl_key = <{}\nservice managesieve-login {{\n  inet_listener sieves {{\n    port = {secure}\n    \
             ssl = yes\n  }}\n}}\n",
            certificate.display(),
            key.display()
        );
        let (dovecot, behind) = dovecot(&place, &dialect::spoken(&more));
        let port = if scheme == "sieves" { secure } else { behind };
        let (_book, port, _runtime) = in_process(&place, &dovecot, &format!("{scheme}://127.0.0.1:{port}"), "", "");
        let mut wire = Wire::plain(port);
        wire.until("OK ");
        wire.send(format!("AUTHENTICATE \"PLAIN\" \"{ALICE}\"\r\n").as_bytes());
        let line = wire.line();
        assert_eq!(line.starts_with("OK"), good, "{scheme}: {line}");
        assert!(!good || wire.ask("LISTSCRIPTS\r\n", "OK").starts_with("OK"));
    }
}

/// Dovecot 2.3 misses a command that comes right behind its greeting where TLS comes with the first octet, some three in a hundred: such a login
/// would wait until it is given up.
#[test]
fn no_login_waits_for_a_server_that_missed_it() {
    let place = Place::new().unwrap();
    let certificate = place.write("chain.pem", nologd::demo::CERTIFICATE).unwrap();
    let key = place.write("key.pem", wire::KEY).unwrap();
    let secure = place.port().unwrap();
    let more = format!(
        "ssl = yes\nssl_cert = <{}\nssl_key = <{}\nservice managesieve-login {{\n  process_min_avail = 2\n  inet_listener sieves {{\n    port = \
         {secure}\n    ssl = yes\n  }}\n}}\n",
        certificate.display(),
        key.display()
    );
    let (dovecot, _) = dovecot(&place, &dialect::spoken(&more));
    let (_book, port, _runtime) = in_process(&place, &dovecot, &format!("sieves://127.0.0.1:{secure}"), "", "");
    let people: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..25 {
                    let begun = Instant::now();
                    session(port).send(b"LOGOUT\r\n");
                    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
                }
            })
        })
        .collect();
    people.into_iter().for_each(|person| person.join().unwrap());
}
