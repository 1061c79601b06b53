//! A mailbox goes from one store to another while its members and the mail go on: two real Dovecots, and `doveadm sync` between them, in the
//! order of docs/admin/move.md.

#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};
use nologd::demo::{Dovecot, MEMBERS, Owner, Place};

use crate::alone::House;
use crate::dialect;
use crate::wire::Wire;

const ALICE: &str = "alice@velo.example";
const BOB: &str = "bob@velo.example";

/// Members may share folders.
const SHARED: &str = "mail_plugins = acl
namespace {
  type = shared
  prefix = shared/%%u/
  separator = /
  location = maildir:@FOLDER@/dovecot/mail/%%Lu/Maildir:INDEXPVT=~/shared/%%Lu
  subscriptions = no
  list = children
}
plugin {
  acl = vfile
}
";

struct Stores {
    house: House,
    one: (Place, Dovecot),
    two: (Place, Dovecot),
    imap: u16,
    lmtp: u16,
    submission: u16,
}

impl Stores {
    fn start() -> Stores {
        Stores::start_with(|_| String::new(), "")
    }

    /// Each of them tells usage at a socket of its own.
    fn telling() -> Stores {
        let lines = |place: &Place| {
            let nobody = User::from_name("nobody").unwrap().unwrap();
            let owner = if Uid::effective().is_root() { Owner { uid: nobody.uid, gid: nobody.gid } } else { Owner::me() };
            place.make("told", owner).unwrap();
            dialect::for_admins("usage").replace("/run/nologd/usage.sock", &place.path("told/usage.sock").display().to_string())
        };
        let listen =
            "[[listen]]\nservice = \"usage\"\naddress = \"unix:@PLACE@/told/usage.sock\"\ntls = \"none\"\nbackend = \"@NAME@\"\n";
        Stores::start_with(lines, listen)
    }

    fn start_with(lines: impl Fn(&Place) -> String, listen: &str) -> Stores {
        let store = || {
            let place = Place::new().unwrap();
            let lines = SHARED.replace("@FOLDER@", &place.folder().display().to_string()) + &lines(&place);
            let dovecot = Dovecot::start_with(&place, "dovecot", &lines).unwrap();
            (place, dovecot)
        };
        let (one, two) = (store(), store());
        let [imap, lmtp, submission] = [0; 3].map(|_| one.0.port().unwrap());
        let listens = [("imap", imap), ("lmtp", lmtp), ("submission", submission)].map(|(service, port)| {
            format!("[[listen]]\nservice = \"{service}\"\naddress = \"127.0.0.1:{port}\"\ntls = \"none\"\n")
        });
        let backends = [("one", &one.1, "default = true\n"), ("two", &two.1, "")].map(|(name, dovecot, more)| {
            let (imap, lmtp) = (dovecot.imap(), dovecot.lmtp());
            format!(
                "[[backend]]\nname = \"{name}\"\nimap = \"imap://127.0.0.1:{imap}\"\nlmtp = \"lmtp://127.0.0.1:{lmtp}\"\n{more}"
            )
        });
        let told = [("one", &one.0), ("two", &two.0)]
            .map(|(name, place)| listen.replace("@NAME@", name).replace("@PLACE@", &place.folder().display().to_string()));
        let velo = "[[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\nstorage = \"10M\"\n";
        let house = House::start(&format!("{}{}{}{velo}", listens.concat(), told.concat(), backends.concat()));
        Stores { house, one, two, imap, lmtp, submission }
    }

    /// What LMTP says at last.
    fn deliver(&self, to: &str, subject: &str) -> String {
        Stores::deliver_at(self.lmtp, to, subject)
    }

    fn deliver_at(port: u16, to: &str, subject: &str) -> String {
        let mut wire = Wire::plain(port);
        wire.until("220 ");
        wire.ask("LHLO relay.example\r\n", "250 ");
        wire.ask("MAIL FROM:<somebody@elsewhere.example>\r\n", "250");
        wire.send(format!("RCPT TO:<{to}>\r\n").as_bytes());
        let said = wire.line();
        if !said.starts_with("250") {
            return said;
        }
        wire.ask("DATA\r\n", "354");
        wire.ask(&format!("From: <somebody@elsewhere.example>\r\nSubject: {subject}\r\n\r\nhello\r\n.\r\n"), "250")
    }

    fn session(&self, user: &str) -> Wire {
        let member = MEMBERS.iter().find(|member| member.address == user).unwrap();
        let mut wire = Wire::plain(self.imap);
        wire.until("* OK");
        let said = wire.ask(&format!("a LOGIN {user} {}\r\n", member.password), "a ");
        assert!(said.contains("a OK"), "{said}");
        wire
    }

    /// What is said to a login, and how long it took.
    fn login(&self, user: &str, password: &str) -> (String, Duration) {
        let mut wire = Wire::plain(self.imap);
        wire.until("* OK");
        let begin = Instant::now();
        (wire.ask(&format!("a LOGIN {user} {password}\r\n"), "a "), begin.elapsed())
    }

    /// The same at submission.
    fn auth(&self, user: &str, password: &str) -> (String, Duration) {
        let mut wire = Wire::plain(self.submission);
        wire.until("220 ");
        wire.ask("EHLO x\r\n", "250 ");
        let begin = Instant::now();
        (wire.ask(&format!("AUTH PLAIN {}\r\n", STANDARD.encode(format!("\0{user}\0{password}"))), ""), begin.elapsed())
    }

    /// Until the book has so many messages.
    fn has(&self, user: &str, messages: u64, after: &str) {
        let end = Instant::now() + Duration::from_secs(5);
        let told = || self.house.json(&format!("disclose {user}"))["mailbox"]["messages"].as_u64().unwrap();
        while told() != messages {
            assert!(Instant::now() < end, "after {after} the book has {}, and not {messages}", told());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The subjects of what a member sees, in alphabetical order.
    fn seen(&self, user: &str) -> Vec<String> {
        let mut wire = self.session(user);
        wire.ask("b SELECT INBOX\r\n", "b OK");
        wire.send(b"c FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\nd LOGOUT\r\n");
        let said = wire.until("* BYE");
        let mut subjects: Vec<_> =
            said.lines().filter_map(|line| Some(line.strip_prefix("Subject: ")?.trim().to_owned())).collect();
        subjects.sort();
        subjects
    }

    /// As the page says: until nothing is carried out at the store of before.
    fn away(&self, user: &str) {
        let mut said = (0..50).map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            self.house.nologd(&format!("mailbox move {user} --nowhere"))
        });
        assert!(said.any(|said| said.code == 0 && !said.out.contains("say this once more")));
    }

    fn moved(&self, user: &str, to: &str) {
        self.away(user);
        let said = self.house.nologd(&format!("mailbox move {user} --to {to}"));
        assert_eq!(said.code, 0, "{}", said.errors);
    }

    /// As the page says: store two has what store one has then.
    fn copy(&self, [from, to]: [&(Place, Dovecot); 2], user: &str) {
        let config = |store: &(Place, Dovecot)| store.0.path("dovecot/dovecot.conf").display().to_string();
        let mut command = Command::new("doveadm");
        command.args(["-c", &config(from), "backup", "-u", user]);
        // Over ssh nothing of the one's environment, which names its config, gets to the other.
        command.args(["env", "-i", "PATH=/usr/bin:/bin", "doveadm", "-c", &config(to), "dsync-server", "-u", user]);
        // 2: something changed meanwhile, and it is to be done once more.
        let mut ended = (0..5).map(|_| command.output().unwrap());
        let mut said = String::new();
        let done = ended.any(|ended| {
            said.push_str(&String::from_utf8_lossy(&ended.stderr));
            ended.status.success()
        });
        assert!(done, "{said}");
    }
}

#[test]
fn a_mailbox_moves_while_it_is_served() {
    let mut stores = Stores::start();
    for (to, subject) in [(ALICE, "a first"), (BOB, "a first")] {
        assert!(stores.deliver(to, subject).contains("250"));
    }
    stores.copy([&stores.one, &stores.two], ALICE);
    // Members are there, and mail comes in after the first pass.
    let mut open = stores.session(ALICE);
    assert!(stores.deliver(ALICE, "b between").contains("250"));
    let said = stores.house.nologd(&format!("mailbox move {ALICE} --nowhere"));
    assert!(said.code == 0 && said.out.contains("sessions told to end: 1") && said.out.contains("nowhere"), "{}", said.out);
    assert!(said.out.contains("say this once more"), "{}", said.out);
    let last = open.until("* BYE");
    assert!(last.contains("SESSION-ENDED") && open.ends(Duration::from_secs(5)), "{last}");
    stores.away(ALICE);
    // Nobody gets in, and nothing is lost: mail comes again.
    let (said, _) = stores.login(ALICE, MEMBERS[0].password);
    assert!(said.contains("a NO [UNAVAILABLE]"), "{said}");
    let said = stores.deliver(ALICE, "too early");
    assert!(said.starts_with("451") && said.contains("BACKEND-DOWN"), "{said}");
    stores.copy([&stores.one, &stores.two], ALICE);
    let said = stores.house.nologd(&format!("mailbox move {ALICE} --to two"));
    assert!(said.code == 0 && said.out.contains("is now two"), "{}", said.out);
    assert_eq!((stores.seen(ALICE), stores.seen(BOB)), (vec!["a first".into(), "b between".into()], vec!["a first".to_owned()]));
    assert!(stores.deliver(ALICE, "c after").contains("250"));
    assert_eq!(stores.seen(ALICE), ["a first", "b between", "c after"]);
    // It is what the second store has that counts.
    std::thread::sleep(Duration::from_millis(300));
    let held = stores.house.nologd(&format!("disclose {ALICE} --json"));
    let held: serde_json::Value = serde_json::from_str(&held.out).unwrap();
    assert_eq!(
        (&held["mailbox"]["messages"], &held["mailbox"]["place"]),
        (&3.into(), &serde_json::json!({"backend": "two"})),
        "{held}"
    );
    // Also after a restart, and back again.
    stores.house.down(Signal::SIGTERM);
    stores.house.up();
    assert!(stores.deliver(ALICE, "d later").contains("250"));
    stores.away(ALICE);
    stores.copy([&stores.two, &stores.one], ALICE);
    assert_eq!(stores.house.nologd(&format!("mailbox move {ALICE} --home")).code, 0);
    assert_eq!(stores.seen(ALICE).len(), 4);
    assert!(stores.deliver(ALICE, "e home").contains("250"));
    assert_eq!((stores.seen(ALICE).len(), stores.seen(BOB).len()), (5, 1));
}

/// What was granted before goes to the store of before, so whoever copies waits for it.
#[test]
fn a_message_on_its_way_to_the_store_of_before_is_told() {
    let stores = Stores::start();
    let mut wire = Wire::plain(stores.lmtp);
    wire.until("220 ");
    wire.ask("LHLO relay.example\r\n", "250 ");
    wire.ask("MAIL FROM:<somebody@elsewhere.example>\r\n", "250");
    wire.ask(&format!("RCPT TO:<{ALICE}>\r\n"), "250");
    let away = format!("mailbox move {ALICE} --nowhere");
    stores.house.nologd(&format!("mailbox set {ALICE} --storage 5M"));
    assert!(stores.house.nologd(&away).out.contains("say this once more"));
    wire.ask("DATA\r\n", "354");
    let said = wire.ask("From: <somebody@elsewhere.example>\r\nSubject: last\r\n\r\nhello\r\n.\r\n", "250");
    assert!(said.contains("250") && !stores.house.nologd(&away).out.contains("say this once more"), "{said}");
    stores.copy([&stores.one, &stores.two], ALICE);
    assert_eq!(stores.house.nologd(&format!("mailbox move {ALICE} --to two")).code, 0);
    assert_eq!(stores.seen(ALICE), ["last"]);
}

#[test]
fn mail_to_an_alias_goes_where_all_its_mailboxes_are_or_waits() {
    let stores = Stores::start();
    let aliases = format!("association set velo --alias info@velo.example={ALICE} --alias all@velo.example={ALICE},{BOB}");
    assert_eq!(stores.house.nologd(&aliases).code, 0);
    let of_two = |to: &str| {
        let lines = || std::fs::read_to_string(stores.two.1.log()).unwrap_or_default().matches("lmtp(").count();
        let (before, said) = (lines(), stores.deliver(to, "x"));
        std::thread::sleep(Duration::from_millis(300));
        (said.get(..3).unwrap_or_default().to_owned(), lines() > before)
    };
    // Dovecot knows no alias here; which one was asked, its log says.
    assert_eq!(of_two("info@velo.example"), ("550".to_owned(), false));
    for address in ["info@velo.example", "nobody@velo.example"] {
        let said = stores.house.nologd(&format!("mailbox move {address} --nowhere"));
        assert!(said.code == 1, "{address}: {}", said.out);
    }
    stores.house.nologd(&format!("mailbox set {ALICE} --storage 5M"));
    let said = stores.house.nologd(&format!("mailbox move {ALICE} --to two"));
    assert!(said.code == 1 && said.errors.contains("--nowhere first"), "{}", said.errors);
    stores.moved(ALICE, "two");
    let said = stores.deliver("all@velo.example", "x");
    assert!(said.starts_with("451") && said.contains("BACKEND-DOWN"), "{said}");
    assert!(!of_two("all@velo.example").1);
    assert_eq!(of_two("info@velo.example"), ("550".to_owned(), true));
    // The default backend by its name is the default one.
    stores.moved(ALICE, "one");
    assert!(stores.deliver("all@velo.example", "x").starts_with("550"));
    let said = stores.house.nologd(&format!("mailbox move {BOB} --to nowhere"));
    assert!(said.code == 1 && said.errors.contains("no backend of that name"), "{}", said.errors);
    assert_eq!(stores.house.nologd(&format!("mailbox move {BOB}")).code, 2);
}

/// What another member does in a shared folder would be done at the store of before, and stay there.
#[test]
fn nobody_stores_into_the_folders_that_were_left_behind() {
    let stores = Stores::start();
    for user in [ALICE, BOB] {
        assert!(stores.deliver(user, "x").contains("250"));
    }
    let config = stores.one.0.path("dovecot/dovecot.conf");
    let mut doveadm = Command::new("doveadm");
    doveadm.arg("-c").arg(config).args(["acl", "set", "-u", ALICE, "INBOX", &format!("user={BOB}")]);
    assert!(doveadm.args(["lookup", "read", "insert", "post"]).status().unwrap().success());
    let mut bob = stores.session(BOB);
    bob.ask("b SELECT INBOX\r\n", "b OK");
    let before = bob.ask(&format!("c COPY 1 shared/{ALICE}/INBOX\r\n"), "c ");
    assert!(before.contains("c OK"), "{before}");
    for step in 0..2 {
        if step == 0 {
            stores.away(ALICE)
        } else {
            stores.moved(ALICE, "two")
        }
        for command in ["COPY 1", "MOVE 1"] {
            let said = bob.ask(&format!("d {command} shared/{ALICE}/INBOX\r\n"), "d ");
            assert!(said.contains("d NO") && !said.contains("COPYUID"), "{command}: {said}");
        }
        let said = bob.ask(&format!("e APPEND shared/{ALICE}/INBOX {{3+}}\r\nabc\r\n"), "e ");
        assert!(said.contains("e NO"), "{said}");
    }
    assert_eq!(stores.seen(BOB), ["x"]);
}

/// Each store tells what it has, at the socket that the config says is its own; and it is heard of the mailboxes that it has.
#[test]
fn a_store_is_heard_of_the_mailboxes_that_it_has() {
    let mut stores = Stores::telling();
    stores.house.done(&format!("mailbox set {ALICE} --storage 5M"));
    let (at_one, at_two) = (stores.one.1.lmtp(), stores.two.1.lmtp());
    let around = |port: u16| assert!(Stores::deliver_at(port, ALICE, "around").contains("250"));
    (0..3).for_each(|_| around(at_one));
    stores.has(ALICE, 3, "deliveries at home");
    // A copy that lies at the other one is none of her mail, however much there is.
    stores.copy([&stores.one, &stores.two], ALICE);
    (0..2).for_each(|_| around(at_two));
    std::thread::sleep(Duration::from_secs(1));
    stores.has(ALICE, 3, "a copy");
    stores.away(ALICE);
    // What somebody else stored there is in the way, and goes; then it is pushed while it grows.
    fs::remove_dir_all(stores.two.1.maildir(ALICE).parent().unwrap()).unwrap();
    stores.copy([&stores.one, &stores.two], ALICE);
    stores.house.done(&format!("mailbox move {ALICE} --to two"));
    // Whoever made the copy may have something to say of half of it; then she is pushed like all others.
    std::thread::sleep(Duration::from_secs(12));
    stores.has(ALICE, 3, "the move");
    around(at_two);
    stores.has(ALICE, 4, "a delivery where she is");
    around(at_one);
    std::thread::sleep(Duration::from_secs(1));
    stores.has(ALICE, 4, "a delivery where she was");
    stores.house.down(Signal::SIGKILL);
    stores.house.up();
    around(at_two);
    stores.has(ALICE, 5, "a kill, and a delivery where she is");
    (0..3).for_each(|_| around(at_one));
    std::thread::sleep(Duration::from_secs(1));
    stores.has(ALICE, 5, "deliveries where she was");
    // Less is told as well.
    let mut doveadm = Command::new("doveadm");
    doveadm.arg("-c").arg(stores.two.0.path("dovecot/dovecot.conf")).args(["expunge", "-u", ALICE, "mailbox", "INBOX", "1:4"]);
    assert!(doveadm.status().unwrap().success());
    stores.has(ALICE, 1, "an expunge where she is");
    assert_eq!(stores.seen(ALICE).len(), 1);
}

/// Only who has the password learns that it is on its way: the store that had it is asked, also on the way back.
#[test]
fn a_mailbox_on_its_way_is_like_all_others_to_who_has_no_password() {
    let stores = Stores::start();
    for user in [ALICE, BOB] {
        assert!(stores.deliver(user, "x").contains("250"));
    }
    let right = MEMBERS[0].password;
    let looks_the_same = |when: &str| {
        for asked in [Stores::login, Stores::auth] {
            let ((alice, hers), (bob, his)) = (asked(&stores, ALICE, "wrong"), asked(&stores, BOB, "wrong"));
            assert_eq!(alice, bob, "{when}");
            assert!(alice.contains("AUTHENTICATIONFAILED") || alice.starts_with("535"), "{when}: {alice}");
            assert!(hers * 2 > his && his * 2 > hers, "{when}: {hers:?} and {his:?}");
        }
        let (login, auth) = (stores.login(ALICE, right).0, stores.auth(ALICE, right).0);
        assert!(login.contains("a NO [UNAVAILABLE]") && login.contains("BACKEND-DOWN"), "{when}: {login}");
        assert!(auth.starts_with("454") && auth.contains("BACKEND-DOWN"), "{when}: {auth}");
    };
    stores.away(ALICE);
    looks_the_same("on its way");
    stores.copy([&stores.one, &stores.two], ALICE);
    assert_eq!(stores.house.nologd(&format!("mailbox move {ALICE} --to two")).code, 0);
    // As the page says, it is switched off where it was.
    let users = stores.one.0.path("dovecot/users");
    let others: Vec<_> =
        fs::read_to_string(&users).unwrap().lines().filter(|line| !line.starts_with("alice@")).map(str::to_owned).collect();
    stores.one.0.write("dovecot/users", (others.join("\n") + "\n").as_bytes()).unwrap();
    stores.away(ALICE);
    // Said once more, it is on its way from where it was.
    stores.away(ALICE);
    looks_the_same("on its way back");
    assert_eq!(stores.house.nologd(&format!("mailbox move {ALICE} --to two")).code, 0);
    assert_eq!(stores.seen(ALICE), ["x"]);
}
