//! What people are told where several nodes take clients (docs/many-nodes.md): of a level once, by the judge; that they have sent enough, wherever they send; and
//! admins, at whichever node they ask, how full it is, and that a kick reached all. And that somebody judges where the storage is reached.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nologd::demo::Member;
use serde_json::Value;

use crate::many::{ASSOCIATIONS, NAMES, Odd, Stage, members};
use crate::wire::Wire;

/// A relay that takes whatever comes: to whom, and which subject it had.
#[derive(Clone)]
struct Relay {
    port: u16,
    letters: Arc<Mutex<Vec<(String, String)>>>,
}

impl Relay {
    fn start() -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay { port: listener.local_addr().unwrap().port(), letters: Arc::default() };
        let letters = relay.letters.clone();
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let letters = letters.clone();
                spawn(move || serve(stream, &letters));
            }
        });
        relay
    }

    /// To whom something went.
    fn letters(&self) -> Vec<(String, String)> {
        self.letters.lock().unwrap().clone()
    }
}

/// One connection, to its end.
fn serve(mut stream: TcpStream, letters: &Mutex<Vec<(String, String)>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let mut say = |line: &str| stream.write_all(format!("{line}\r\n").as_bytes()).ok();
    say("220 relay.example ESMTP")?;
    let mut to = Vec::new();
    loop {
        let line = lines.next()?.ok()?;
        match line.to_ascii_uppercase().get(..4)? {
            "RCPT" => {
                to.push(line[line.find('<')? + 1..line.find('>')?].to_owned());
                say("250 OK")?;
            }
            "DATA" => {
                say("354 go on")?;
                let mut subject = String::new();
                loop {
                    let line = lines.next()?.ok()?;
                    if line == "." {
                        break;
                    }
                    if let Some(text) = line.strip_prefix("Subject: ").filter(|_| subject.is_empty()) {
                        subject = text.to_owned();
                    }
                }
                letters.lock().unwrap().extend(to.drain(..).map(|to| (to, subject.clone())));
                say("250 OK")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 OK")?,
        };
    }
}

/// A stage whose members can send, and where.
struct Post {
    stage: Stage,
    relay: Relay,
    submission: [u16; 2],
}

impl Post {
    fn start() -> Post {
        let (stage, relay) = (Stage::prepared(Odd::Nothing), Relay::start());
        let submission = [0, 1].map(|_| stage.place.port().unwrap());
        for at in 0..2 {
            let file = format!("{}/nologd.toml", NAMES[at]);
            let config = fs::read_to_string(stage.place.path(&file)).unwrap();
            let relay = format!("[[backend]]\nname = \"one\"\nrelay = \"smtp://127.0.0.1:{}\"\n", relay.port);
            let listen = format!(
                "[[listen]]\nservice = \"submission\"\naddress = \"127.0.0.1:{}\"\ntls = \"none\"\n[share]\n",
                submission[at]
            );
            let config = config.replace("[[backend]]\nname = \"one\"\n", &relay).replace("[share]\n", &listen);
            stage.place.write(&file, config.as_bytes()).unwrap();
        }
        let mut post = Post { stage, relay, submission };
        (0..2).for_each(|at| post.stage.up(at));
        post
    }

    /// What is said to a message of a member at last.
    fn send(&self, at: usize, member: &Member) -> String {
        let mut wire = Wire::plain(self.submission[at]);
        wire.until("220 ");
        wire.ask("EHLO laptop.example\r\n", "250 ");
        let login = base64(&format!("\0{}\0{}", member.address, member.password));
        let said = wire.ask(&format!("AUTH PLAIN {login}\r\n"), "");
        assert!(said.starts_with("235 "), "{said}");
        wire.ask(&format!("MAIL FROM:<{}>\r\n", member.address), "250");
        wire.ask("RCPT TO:<somebody@elsewhere.example>\r\n", "250");
        let said = wire.ask("DATA\r\n", "");
        if !said.starts_with("354") {
            return said;
        }
        wire.ask(&format!("From: <{}>\r\nSubject: x\r\n\r\nx\r\n.\r\n", member.address), "")
    }

    fn set_at_both(&self, line: &str) {
        (0..2).for_each(|at| {
            let said = self.stage.nologd(at, line);
            assert_eq!(said.0, 0, "{said:?}");
        });
    }

    fn letters_to(&self, address: &str) -> usize {
        self.relay.letters().iter().filter(|(to, _)| to == address).count()
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn until(long: u64, stage: &Stage, what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        let out = [stage.out(0), stage.out(1)];
        assert!(begin.elapsed() < Duration::from_secs(long), "{} {out:?}", stage.shown(0));
        sleep(Duration::from_millis(100));
    }
}

/// The octets of each mailbox that a node lists, and whether it says that they are old.
fn listed(stage: &Stage, at: usize, association: &str) -> (Vec<(String, u64)>, bool) {
    let said = stage.nologd(at, &format!("mailbox list --association {association} --json"));
    let told: Value = serde_json::from_str(&said.1).unwrap_or_else(|_| panic!("{said:?}"));
    let row = |one: &Value| (one["address"].as_str().unwrap().to_owned(), one["octets"].as_u64().unwrap());
    (told["mailboxes"].as_array().unwrap().iter().map(row).collect(), told.get("old").is_some())
}

/// Eighty in a hundred are told once: by the judge, wherever the member stores, and not again by the next judge.
#[test]
fn a_level_is_told_once_and_not_again_by_the_next_judge() {
    let mut post = Post::start();
    let judges = post.stage.until_settled();
    post.set_at_both("association set velo --mailbox-default 1M");
    let member = members(ASSOCIATIONS[0])[0];
    for at in [0, 1, 0, 1, 0, 1] {
        let said = post.stage.append(at, member, 145_000);
        assert!(said.contains("b OK"), "{said}");
    }
    until(20, &post.stage, || post.letters_to(member.address) > 0);
    // The others hear of it every ten seconds.
    sleep(Duration::from_secs(13));
    assert_eq!(post.letters_to(member.address), 1, "{:?}", post.relay.letters());
    let (lost, left) = (judges[0], 1 - judges[0]);
    post.stage.signal(lost, Signal::SIGKILL);
    post.stage.until_judged(&[left]);
    sleep(Duration::from_secs(4));
    assert_eq!(post.letters_to(member.address), 1, "{:?}", post.relay.letters());
    // Back, without its usage, and what it told with it: the one that judged meanwhile says it. Then the next level is told, once.
    post.stage.up(lost);
    post.stage.until_settled();
    sleep(Duration::from_secs(4));
    assert_eq!(post.letters_to(member.address), 1, "{:?}", post.relay.letters());
    for at in [left, lost] {
        let said = post.stage.append(at, member, 80_000);
        assert!(said.contains("b OK"), "{said}");
    }
    until(20, &post.stage, || post.letters_to(member.address) == 2);
    // And where it ends in order, the others have heard of that too.
    sleep(Duration::from_secs(13));
    post.stage.signal(lost, Signal::SIGTERM);
    post.stage.until_judged(&[left]);
    sleep(Duration::from_secs(4));
    assert_eq!(post.letters_to(member.address), 2, "{:?}", post.relay.letters());
}

/// The others hear of it at once.
#[test]
fn a_level_is_told_once_though_its_judge_is_lost_right_after() {
    let post = Post::start();
    let judges = post.stage.until_settled();
    post.set_at_both("association set velo --mailbox-default 1M");
    let member = members(ASSOCIATIONS[0])[0];
    // So that the last of the questions that come every ten seconds was a moment ago.
    for at in [0, 1, 0, 1, 0, 1] {
        assert!(post.stage.append(at, member, 145_000).contains("b OK"));
    }
    until(20, &post.stage, || post.letters_to(member.address) > 0);
    sleep(Duration::from_millis(700));
    post.stage.signal(judges[0], Signal::SIGKILL);
    post.stage.until_judged(&[1 - judges[0]]);
    sleep(Duration::from_secs(4));
    assert_eq!(post.letters_to(member.address), 1, "{:?}", post.relay.letters());
}

/// What is spent goes from one judge to the next, whether the one before ends, or is lost.
#[test]
fn who_has_sent_enough_sends_no_more_by_another_judge() {
    let mut post = Post::start();
    let judges = post.stage.until_settled();
    post.set_at_both("association set velo --mailbox-send-per-hour 4");
    post.set_at_both("association set velo --contact eva@jardin.example");
    let [first, second] = [members(ASSOCIATIONS[0])[0], members(ASSOCIATIONS[0])[1]];
    let (lost, left) = (judges[0], 1 - judges[0]);
    let is_over = |post: &Post, at: usize, member| post.send(at, member).contains("TOO-MANY-MESSAGES");
    assert!([0, 1, 0, 1].iter().all(|at| post.send(*at, first).starts_with("250 ")) && is_over(&post, left, first));
    post.stage.signal(lost, Signal::SIGTERM);
    post.stage.until_judged(&[left]);
    assert!(is_over(&post, left, first), "it ended in order");
    post.stage.up(lost);
    post.stage.until_settled();
    until(5, &post.stage, || is_over(&post, lost, first) && is_over(&post, left, first));
    assert!([0, 1, 0, 1].iter().all(|at| post.send(*at, second).starts_with("250 ")));
    sleep(Duration::from_secs(12));
    post.stage.signal(lost, Signal::SIGKILL);
    post.stage.until_judged(&[left]);
    assert!(is_over(&post, left, second) && is_over(&post, left, first), "it was killed");
    // Who was about to tell it has ended: it is told all the same.
    until(10, &post.stage, || post.letters_to(first.address) > 0 && post.letters_to("eva@jardin.example") > 0);
}

/// A limit of sending is one limit, by whichever node; and where its judge cannot be asked, each node has its part.
#[test]
fn who_has_sent_enough_sends_no_more_by_another_node() {
    let post = Post::start();
    let judges = post.stage.until_settled();
    post.set_at_both("association set velo --mailbox-send-per-hour 6");
    let member = members(ASSOCIATIONS[0])[0];
    let sent = |at: usize| {
        let said = post.send(at, member);
        assert!(said.starts_with("250 ") || said.contains("TOO-MANY-MESSAGES"), "{said}");
        said.starts_with("250 ")
    };
    assert!([1, 0, 1, 0, 1, 1].iter().all(|at| sent(*at)));
    assert!(!sent(0) && !sent(1));
    assert_eq!(post.letters_to("somebody@elsewhere.example"), 6);
    // Another member has a limit of his own; its judge sleeps, and he gets a part.
    let other = members(ASSOCIATIONS[0])[1];
    post.stage.signal(judges[0], Signal::SIGSTOP);
    let left = 1 - judges[0];
    let said: Vec<_> = (0..4).map(|_| post.send(left, other).starts_with("250 ")).collect();
    assert_eq!(said, [true, true, true, false], "half of six");
    post.stage.signal(judges[0], Signal::SIGCONT);
}

/// Whoever is kicked at one node is logged in at none; each node shows what the judge knows; and what is removed comes back from nowhere.
#[test]
fn what_an_admin_asks_of_one_node_is_so_at_all() {
    let post = Post::start();
    let judges = post.stage.until_settled();
    let stage = &post.stage;
    let (judge, other) = (judges[0], 1 - judges[0]);
    let [alice, bob] = [members(ASSOCIATIONS[0])[0], members(ASSOCIATIONS[0])[1]];
    for (session, asked) in [(other, other), (other, judge), (judge, other)] {
        let mut wire = stage.session(session, alice).unwrap();
        let mut bystander = stage.session(session, bob).unwrap();
        // The first session at a new judge counts, and stays for it when it is kicked.
        until(10, stage, || {
            let told = stage.nologd(judge, &format!("disclose {} --json", alice.address)).1;
            serde_json::from_str::<Value>(&told).is_ok_and(|told| told["mailbox"]["counted"] == true)
        });
        let said = stage.nologd(asked, &format!("mailbox kick {}", alice.address));
        assert!(said.0 == 0 && said.1.contains("1 session was told to end") && !said.1.contains("NOT"), "{said:?}");
        wire.until("* BYE");
        assert!(bystander.ask("n NOOP\r\n", "n ").contains("n OK"));
    }
    // Lists show what was there at the last full hour, and what admins name.
    assert!(stage.append(other, alice, 100_000).contains("b OK"));
    let name = |at: usize| stage.nologd(at, &format!("mailbox refresh {}", alice.address));
    assert_eq!(name(judge).0, 0);
    let shown = listed(stage, judge, ASSOCIATIONS[0]);
    assert!(shown.0.iter().any(|(address, octets)| address == alice.address && *octets >= 100_000) && !shown.1, "{shown:?}");
    until(20, stage, || listed(stage, other, ASSOCIATIONS[0]) == shown);
    // Removed where it is not judged, with what was set for it; it comes back from nowhere.
    assert_eq!(stage.nologd(0, "share publish").0, 0);
    until(10, stage, || stage.shown(1)["book"] == "shared");
    let set = || stage.nologd(judge, &format!("mailbox set {} --storage 3M", alice.address)).0 == 0;
    until(10, stage, set);
    until(10, stage, || stage.nologd(other, &format!("mailbox set {} --storage 2M", alice.address)).0 == 0);
    let said = stage.nologd(other, &format!("mailbox remove {}", alice.address));
    assert!(said.0 == 0 && !said.1.contains("NOT"), "{said:?}");
    let is_gone = |at: usize| listed(stage, at, ASSOCIATIONS[0]).0.iter().all(|(address, _)| address != alice.address);
    assert!(is_gone(judge) && is_gone(other));
    sleep(Duration::from_secs(12));
    assert!(is_gone(judge) && is_gone(other), "it came back");
    // One that is moved alone is judged by nobody: it is refused.
    let said = stage.nologd(judge, &format!("mailbox move {} --nowhere", bob.address));
    assert!(said.0 == 1 && said.2.contains("one of several nodes"), "{said:?}");
    // Who is not there is named.
    post.stage.signal(judge, Signal::SIGKILL);
    let said = post.stage.nologd(other, &format!("mailbox kick {}", bob.address));
    assert!(said.0 == 0 && said.1.contains(&format!("NOT reached: {}", NAMES[judge])), "{said:?}");
}

/// A way to a server that can be cut: whoever comes then is turned away, and what is under way stands still.
struct Way {
    port: u16,
    is_cut: Arc<AtomicBool>,
}

impl Way {
    fn to(server: u16) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way = Way { port: listener.local_addr().unwrap().port(), is_cut: Arc::default() };
        let is_cut = way.is_cut.clone();
        spawn(move || {
            for client in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let ends = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
                for (from, to) in ends {
                    let (is_cut, from, to) = (is_cut.clone(), from.unwrap(), to.unwrap());
                    spawn(move || carry(from, to, &is_cut));
                }
            }
        });
        way
    }

    fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) -> Option<()> {
    let mut octets = [0; 4096];
    loop {
        let count = from.read(&mut octets).ok()?;
        while is_cut.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(50));
        }
        if count == 0 {
            return to.shutdown(std::net::Shutdown::Write).ok();
        }
        to.write_all(&octets[..count]).ok()?;
    }
}

/// A judge that reaches etcd and not the storage hands on to one that does, and has its own back when that has held; where nobody reaches it, nothing moves.
#[test]
fn a_judge_that_does_not_reach_the_storage_hands_on() {
    let mut stage = Stage::prepared(Odd::Nothing);
    let (imap, lmtp) = (stage.dovecot.imap(), stage.dovecot.lmtp());
    let ways: Vec<_> = (0..2).map(|_| [Way::to(imap), Way::to(lmtp)]).collect();
    for (at, [to_imap, to_lmtp]) in ways.iter().enumerate() {
        let file = format!("{}/nologd.toml", NAMES[at]);
        let config = fs::read_to_string(stage.place.path(&file)).unwrap();
        let config = config.replace(&format!("imap://127.0.0.1:{imap}"), &format!("imap://127.0.0.1:{}", to_imap.port));
        let config = config.replace(&format!("lmtp://127.0.0.1:{lmtp}"), &format!("lmtp://127.0.0.1:{}", to_lmtp.port));
        stage.place.write(&file, config.as_bytes()).unwrap();
    }
    (0..2).for_each(|at| stage.up(at));
    let judges = stage.until_settled();
    let cut = |at: usize, is_cut: bool| ways[at].iter().for_each(|way| way.cut(is_cut));
    let [lost, left] = judges;
    let member = members(ASSOCIATIONS[0])[0];
    assert!(stage.append(left, member, 1000).contains("b OK"));
    // A member is in the middle of something.
    let wire = stage.session(lost, member).unwrap();
    cut(lost, true);
    let begin = Instant::now();
    until(45, &stage, || stage.judges(&[0, 1]) == Some([left, left]));
    drop(wire);
    for at in 0..2 {
        let said = stage.append(at, member, 1000);
        assert!(said.contains("b OK"), "{at} after {:?}: {said}", begin.elapsed());
        let said = stage.deliver(at, member, 1000);
        assert!(said.starts_with("250 "), "{at}: {said}");
    }
    // It is not first again as soon as it answers.
    cut(lost, false);
    sleep(Duration::from_secs(20));
    assert_eq!(stage.judges(&[0, 1]), Some([left, left]));
    until(80, &stage, || stage.judges(&[0, 1]) == Some(judges));
    // Down for all.
    (0..2).for_each(|at| cut(at, true));
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(25) {
        let shown = stage.shown(0);
        assert!(stage.judges(&[0, 1]) == Some(judges), "{shown}");
        sleep(Duration::from_millis(200));
    }
    (0..2).for_each(|at| cut(at, false));
    until(20, &stage, || stage.append(left, member, 1000).contains("b OK"));
    assert_eq!(stage.judges(&[0, 1]), Some(judges));
}
