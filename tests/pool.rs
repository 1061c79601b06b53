//! Connections that are reused, against a real Dovecot: they are, and nothing of one session is ever seen in another.
//!
//! Every comparison has a twin: an account with the same mail, on a fresh connection straight to Dovecot, is told the same
//! commands and must give the same answers.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

#[path = "pool/random.rs"]
mod random;
#[path = "pool/wire.rs"]
mod wire;

use crate::root;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::unistd::{Group, Uid, User};
use nologd::demo::{Dovecot, MEMBERS, Member, Owner, Place, Process, Program};
use wire::Wire;

const ALICE: &Member = &MEMBERS[0];
const BOB: &Member = &MEMBERS[1];
const CHLOE: &Member = &MEMBERS[2];
/// A second password of everybody, as an app password would be.
const SECOND: &str = "second-password";

/// nologd with a webmail's listener in front of a Dovecot. Fields are dropped from top to bottom.
struct World {
    daemon: Process,
    dovecot: Dovecot,
    webmail: u16,
    submission: u16,
    place: Place,
}

impl World {
    fn start() -> World {
        World::with("")
    }

    /// `more` is added to the config.
    fn with(more: &str) -> World {
        World::made(more, false)
    }

    /// In front of a Dovecot that cannot tell usage: nologd asks no questions of its own, which visit every mailbox and make
    /// indexes there.
    fn unasked(more: &str) -> World {
        World::made(more, true)
    }

    fn made(more: &str, unasked: bool) -> World {
        let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
        let mut dovecot = Dovecot::start(&place, "dovecot").unwrap_or_else(|trouble| panic!("{trouble}"));
        let file = place.path("dovecot/dovecot.conf");
        let second = place.path("dovecot/second");
        let passdb = format!("passdb {{\n driver = passwd-file\n args = username_format=%Lu {}\n}}\n", second.display());
        let old = fs::read_to_string(&file).unwrap();
        // Wrong passwords are part of the tests: no waiting for them.
        let quick = "auth_failure_delay = 0\nservice anvil {\n unix_listener anvil-auth-penalty {\n mode = 0\n }\n}\n";
        let less = if unasked { capabilities_without_usage(dovecot.imap()) } else { String::new() };
        place.write("dovecot/dovecot.conf", format!("{old}{passdb}{quick}{less}").as_bytes()).unwrap();
        place.write("dovecot/second", users(|_| SECOND.to_owned()).as_bytes()).unwrap();
        dovecot.crash();
        dovecot.restart().unwrap_or_else(|trouble| panic!("{trouble}"));
        let (webmail, submission) = (place.port().unwrap(), place.port().unwrap());
        let (root, nobody) = (Uid::effective().is_root(), User::from_name("nobody").unwrap().unwrap());
        let owner = if root { Owner { uid: nobody.uid, gid: nobody.gid } } else { Owner::me() };
        place.make("state", owner).unwrap();
        let config = format!(
            "hostname = \"mail.nolog.example\"\nstate_dir = \"{}\"\n{}\n{more}\n\
             [[listen]]\nservice = \"webmail-imap\"\naddress = \"127.0.0.1:{webmail}\"\ntls = \"none\"\n\
             [[listen]]\nservice = \"webmail-submission\"\naddress = \"127.0.0.1:{submission}\"\ntls = \"none\"\n\
             [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\n\
             [[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n\
             [[association]]\nname = \"jardin\"\ndomains = [\"jardin.example\"]\n",
            place.path("state").display(),
            if root { "user = \"nobody\"" } else { "" },
            dovecot.imap(),
        );
        let config = place.write("nologd.toml", config.as_bytes()).unwrap();
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_nologd")));
        command.arg("run").arg("--config").arg(config);
        let mut daemon = Process::start(command, Program::Nologd, Some(&place.path("nologd.out"))).unwrap();
        let listens = daemon.greeted(Program::Nologd, webmail);
        listens.unwrap_or_else(|_| panic!("{}", fs::read_to_string(place.path("nologd.out")).unwrap()));
        World { daemon, dovecot, webmail, submission, place }
    }

    /// Logs in over the webmail's listener.
    fn pooled(&self, member: &Member, password: &str) -> Wire {
        let mut wire = Wire::connect(self.webmail);
        wire.log_in(member.address, password).unwrap_or_else(|answer| panic!("{} was refused: {answer}", member.address));
        wire
    }

    fn refused(&self, member: &Member, password: &str) -> bool {
        Wire::connect(self.webmail).log_in(member.address, password).is_err()
    }

    /// Logs in at Dovecot itself.
    fn direct(&self, member: &Member) -> Wire {
        let mut wire = Wire::connect(self.dovecot.imap());
        wire.log_in(member.address, member.password).unwrap();
        wire
    }

    /// Logins of `member` that Dovecot has counted in its log.
    fn logins(&self, member: &Member) -> usize {
        let log = fs::read_to_string(self.dovecot.log()).unwrap_or_default();
        let line = format!("Login: user=<{}>", member.address);
        log.lines().filter(|text| text.contains(&line)).count()
    }

    /// How many logins `act` costs.
    fn cost(&self, member: &Member, act: impl FnOnce()) -> usize {
        let before = self.logins(member);
        act();
        // The log is written by another process.
        std::thread::sleep(Duration::from_millis(100));
        self.logins(member) - before
    }

    fn set_passwords(&self, password: impl Fn(&Member) -> String) {
        self.place.write("dovecot/users", users(password).as_bytes()).unwrap();
        // Dovecot looks at the file once a second.
        std::thread::sleep(Duration::from_millis(1100));
    }

    fn deliver(&self, member: &Member, text: &str) {
        let mut wire = self.direct(member);
        wire.append("INBOX", text);
        wire.log_out();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let said = fs::read_to_string(self.place.path("nologd.out")).unwrap_or_default();
        let calm = !said.contains("panicked") && !said.contains("confused");
        assert!(std::thread::panicking() || calm && self.daemon.ended().is_none(), "nologd said:\n{said}");
    }
}

/// Dovecot's setting for all that it can, except telling usage.
fn capabilities_without_usage(port: u16) -> String {
    let mut wire = Wire::connect(port);
    wire.log_in(ALICE.address, ALICE.password).unwrap();
    let answer = wire.ask("CAPABILITY");
    let list = answer.lines().next().unwrap().trim_start_matches("* CAPABILITY ");
    let kept: Vec<_> = list.split_whitespace().filter(|word| *word != "LIST-STATUS" && *word != "STATUS=SIZE").collect();
    assert!(kept.contains(&"CONDSTORE") && kept.len() + 2 == list.split_whitespace().count(), "{list}");
    format!("imap_capability = {}\n", kept.join(" "))
}

fn users(password: impl Fn(&Member) -> String) -> String {
    MEMBERS.iter().map(|member| format!("{}:{{PLAIN}}{}\n", member.address, password(member))).collect()
}

fn click(world: &World, member: &Member, password: &str) {
    let mut wire = world.pooled(member, password);
    wire.ok("SELECT INBOX");
    wire.ok("UID SEARCH ALL");
    wire.log_out();
}

#[test]
fn a_connection_is_reused_and_comes_back_clean() {
    let world = World::start();
    world.deliver(ALICE, "one");
    let cost = world.cost(ALICE, || (0..20).for_each(|_| click(&world, ALICE, ALICE.password)));
    assert_eq!(cost, 1);
    let mut wire = world.pooled(ALICE, ALICE.password);
    assert_eq!(wire.ok("NOOP"), "", "a response of the session before");
    assert!(wire.fails("FETCH 1 (UID)"), "a mailbox is still selected");
    wire.log_out();
    let mut wire = world.pooled(ALICE, ALICE.password);
    assert!(wire.ok("SELECT INBOX").contains("* 1 EXISTS"));
    // Two at once are two connections, and both come back.
    let cost = world.cost(ALICE, || {
        let mut other = world.pooled(ALICE, ALICE.password);
        other.ok("EXAMINE INBOX");
        wire.ok("STORE 1 +FLAGS (\\Flagged)");
        other.log_out();
        wire.log_out();
        let mut again = [world.pooled(ALICE, ALICE.password), world.pooled(ALICE, ALICE.password)];
        for wire in &mut again {
            wire.ok("SELECT INBOX");
            wire.ok("STORE 1 -FLAGS (\\Flagged)");
        }
    });
    assert_eq!(cost, 1);
}

#[test]
fn each_person_and_each_password_has_its_own() {
    let world = World::start();
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, ALICE.password)), 1);
    assert_eq!(world.cost(BOB, || click(&world, BOB, BOB.password)), 1);
    assert!(world.refused(BOB, ALICE.password) && world.refused(ALICE, BOB.password) && world.refused(ALICE, "bell-and-baske"));
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, ALICE.password)), 0, "a guesser closed it");
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, SECOND)), 1);
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, SECOND)), 0);
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, ALICE.password)), 1, "an accepted other password closes what rests");
}

#[test]
fn sending_costs_no_login_where_reading_made_one() {
    let world = World::start();
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, ALICE.password)), 1);
    let submit = |password| Wire::may_submit(world.submission, ALICE.address, password);
    assert_eq!(world.cost(ALICE, || assert!(submit(ALICE.password) && submit(ALICE.password) && !submit("guess"))), 0);
    click(&world, ALICE, ALICE.password);
    assert_eq!(world.cost(ALICE, || assert!(submit(SECOND))), 1);
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, SECOND)), 0);
}

#[test]
fn a_changed_password_closes_what_rests() {
    let world = World::start();
    let in_use = world.pooled(ALICE, ALICE.password);
    click(&world, ALICE, ALICE.password);
    world.set_passwords(|_| "quite-another-password".to_owned());
    click(&world, ALICE, "quite-another-password");
    in_use.log_out();
    assert!(world.refused(ALICE, ALICE.password));
    // Without any login under the new password, the old one ends by itself.
    let world = World::with("[pool]\nverify_seconds = 1");
    click(&world, ALICE, ALICE.password);
    world.set_passwords(|_| "quite-another-password".to_owned());
    assert!(world.refused(ALICE, ALICE.password));
}

#[test]
fn what_switches_something_on_is_not_reused() {
    let world = World::start();
    world.deliver(ALICE, "one");
    for command in
        ["ENABLE CONDSTORE", "SELECT INBOX (CONDSTORE)", "STATUS INBOX (HIGHESTMODSEQ)", "NOTIFY NONE", "ENABLE QRESYNC"]
    {
        let mut wire = world.pooled(ALICE, ALICE.password);
        wire.ask(command);
        wire.log_out();
        let mut wire = world.pooled(ALICE, ALICE.password);
        wire.ok("SELECT INBOX");
        let answer = wire.ok("STORE 1 FLAGS (\\Seen)") + &wire.ok("STORE 1 FLAGS ()");
        assert!(answer.contains("FLAGS") && !answer.contains("MODSEQ"), "{command}: {answer}");
        wire.log_out();
    }
}

#[test]
fn a_mailbox_renamed_or_removed_meanwhile_is_found_as_it_is() {
    let world = World::start();
    let mut wire = world.pooled(ALICE, ALICE.password);
    wire.ok("CREATE plans");
    wire.append("plans", "one");
    wire.ok("SELECT plans");
    wire.log_out();
    let mut other = world.direct(ALICE);
    other.ok("RENAME plans ideas");
    other.ok("CREATE plans");
    let mut wire = world.pooled(ALICE, ALICE.password);
    assert!(wire.ok("SELECT plans").contains("* 0 EXISTS") && wire.ok("SELECT ideas").contains("* 1 EXISTS"));
    // Renamed and removed while it is selected here.
    other.ok("RENAME ideas thoughts");
    wire.ask("NOOP");
    wire.log_out();
    let mut wire = world.pooled(ALICE, ALICE.password);
    assert!(wire.fails("SELECT ideas") && wire.fails("FETCH 1 FLAGS"));
    wire.ok("SELECT thoughts");
    other.ok("DELETE thoughts");
    wire.log_out();
    let mut wire = world.pooled(ALICE, ALICE.password);
    assert!(wire.fails("FETCH 1 FLAGS") && wire.fails("SELECT thoughts"));
    assert!(!wire.ok("LIST \"\" *").contains("thoughts"));
}

#[test]
fn a_dovecot_that_starts_again_costs_one_login_and_no_error() {
    let mut world = World::start();
    let wire = world.pooled(ALICE, ALICE.password);
    click(&world, ALICE, ALICE.password);
    wire.log_out();
    world.dovecot.crash();
    world.dovecot.restart().unwrap();
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, ALICE.password)), 1);
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, ALICE.password)), 0);
}

#[test]
fn rests_end_and_are_bounded() {
    let world = World::with("[pool]\nper_user = 1\nrest_seconds = 1");
    let both = [world.pooled(ALICE, ALICE.password), world.pooled(ALICE, ALICE.password)];
    both.into_iter().for_each(Wire::log_out);
    // The goodbye comes before the rest.
    std::thread::sleep(Duration::from_millis(300));
    let cost = world.cost(ALICE, || drop([world.pooled(ALICE, ALICE.password), world.pooled(ALICE, ALICE.password)]));
    assert_eq!(cost, 1);
    click(&world, BOB, BOB.password);
    std::thread::sleep(Duration::from_millis(1300));
    assert_eq!(world.cost(BOB, || click(&world, BOB, BOB.password)), 1);
    let log = fs::read_to_string(world.dovecot.log()).unwrap();
    assert!(log.lines().any(|line| line.contains(BOB.address) && line.contains("Logged out")), "it left without a word");
}

mod as_root {
    use super::*;

    #[test]
    fn a_socket_is_for_its_owner_and_for_a_group_on_request() {
        root::needed();
        let place = Place::new().unwrap();
        let socket = |name: &str, group: &str| {
            let path = place.path(name);
            format!("[[listen]]\nservice = \"webmail-imap\"\naddress = \"unix:{}\"\ntls = \"none\"\n{group}\n", path.display())
        };
        let _world = World::with(&(socket("own", "") + &socket("shared", "group = \"games\"")));
        let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("own"), mode("shared")), (0o600, 0o660));
        let games = Group::from_name("games").unwrap().unwrap().gid.as_raw();
        let greets = |name: &str, gid: u32| {
            let connect = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(4))";
            let mut command = Command::new("python3");
            command.args(["-c", connect]).arg(place.path(name)).uid(1).gid(gid);
            String::from_utf8(command.output().unwrap().stdout).unwrap().contains("* OK")
        };
        assert!(greets("shared", games) && !greets("shared", 1) && !greets("own", games) && !greets("own", 1));
    }
}

/// One person logs in more often than any webmail does.
const MANY: &str = "[limits]\nconnections_per_minute = 1000000\nwrong_passwords_per_account = 1000000";

/// What a session with all kinds of commands says; it is cut at every byte.
const LONG: &str = "a LOGIN alice@velo.example bell-and-basket\r\nb LIST \"\" INBOX\r\nc SELECT INBOX\r\nd FETCH 1 (FLAGS BODY.PEEK[])\r\n\
    e APPEND Drafts {12}\r\nSubject: e\r\n\r\nf UID SEARCH SUBJECT {3+}\r\none\r\ng IDLE\r\nDONE\r\nh ENABLE CONDSTORE\r\ni UNSELECT\r\nj LOGOUT\r\n";

#[test]
fn a_session_cut_at_any_byte_leaves_nothing_behind() {
    let world = World::with(MANY);
    for member in [ALICE, CHLOE] {
        world.deliver(member, "one");
        // It stays on for the mailbox, not only for the connection: not what is looked for here.
        world.direct(member).ok("SELECT INBOX (CONDSTORE)");
    }
    for cut in 0..=LONG.len() {
        // Gone at once, or after the answers have come.
        for patient in [false, true] {
            let mut wire = Wire::connect(world.webmail);
            wire.send(&LONG.as_bytes()[..cut]);
            if patient {
                wire.drain(Duration::from_millis(3));
            }
            drop(wire);
            let (mut wire, mut twin) = (world.pooled(ALICE, ALICE.password), world.direct(CHLOE));
            for command in [
                "NOOP",
                "FETCH 1 FLAGS",
                "STATUS INBOX (MESSAGES UNSEEN)",
                "SELECT INBOX",
                "FETCH 1:* FLAGS",
                "STORE 1 FLAGS ()",
                "STORE 1 FLAGS (\\Seen)",
            ] {
                let (answer, fresh) = (wire.ask(command), twin.ask(command));
                assert_eq!(answer, fresh, "{command} behind {:?}", &LONG[..cut]);
            }
            // A session that leaves the connection in a good state: half of the cuts meet one that was used before.
            wire.log_out();
            twin.log_out();
        }
    }
}

/// Dovecot keeps a number of the mailbox that was selected last, over UNSELECT. All that it does is to leave out, once and only
/// after ENABLE QRESYNC, a HIGHESTMODSEQ that was told a moment before; and it does so without us too.
#[test]
fn what_unselect_does_not_take_away_is_no_secret() {
    let world = World::unasked("");
    world.deliver(ALICE, "one");
    let told_again = |wire: &mut Wire, mailbox: &str| {
        world.direct(ALICE).ok(&format!("CREATE {mailbox}"));
        wire.ok(&format!("EXAMINE {mailbox}"));
        assert!(wire.ask("ENABLE QRESYNC").contains("* OK [HIGHESTMODSEQ"));
        wire.ask("CHECK").contains("[HIGHESTMODSEQ")
    };
    assert!(told_again(&mut world.direct(ALICE), "first"));
    let mut direct = world.direct(ALICE);
    direct.ok("ENABLE CONDSTORE");
    direct.ok("SELECT INBOX");
    direct.log_out();
    let mut direct = world.direct(ALICE);
    direct.ok("SELECT INBOX");
    direct.ok("UNSELECT");
    assert!(!told_again(&mut direct, "second"), "Dovecot has changed: compare the code of tagged answers again");
    click(&world, ALICE, ALICE.password);
    assert!(!told_again(&mut world.pooled(ALICE, ALICE.password), "third"));
}

#[test]
fn what_comes_late_never_reaches_the_next_session() {
    let world = World::start();
    let mut wire = world.pooled(ALICE, ALICE.password);
    wire.ok("SELECT INBOX");
    world.deliver(ALICE, "one");
    // Nobody asked for it before LOGOUT, so it comes with the answer to UNSELECT, or while it rests.
    wire.log_out();
    world.deliver(ALICE, "two");
    let mut wire = world.pooled(ALICE, ALICE.password);
    assert_eq!(wire.ok("NOOP"), "");
    assert!(wire.ok("EXAMINE INBOX").contains("[READ-ONLY]"));
    wire.log_out();
    let mut wire = world.pooled(ALICE, ALICE.password);
    assert!(wire.ok("SELECT INBOX").contains("[READ-WRITE]"), "EXAMINE has leaked");
    wire.ok("STORE 1 FLAGS ()");
    wire.log_out();
    assert_eq!(world.cost(ALICE, || click(&world, ALICE, ALICE.password)), 0);
}
