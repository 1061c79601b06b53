//! Mail comes in all the time while an admin puts nologd between Postfix and Dovecot, in the order of docs/admin/install.md, stops and starts it,
//! and takes it away again, as in "The way back". What Postfix took is in the mailbox at the end: all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nologd::demo::{Behind, Dovecot, MEMBERS, Place, Ports, Postfix};

use super::lmtp::Talk;
use crate::support::{Stack, mail_files, restart, start_daemon_at};

/// The numbers of messages that Postfix took, and what it said to each: its name in the queue is in there.
type Taken = BTreeMap<u64, String>;

/// Somebody who writes all the time, each message with its number, and knows which were taken.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Taken>,
}

impl Writer {
    fn start(port: u16) -> Writer {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut taken = Taken::new();
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                taken.extend(Writer::write(port, number).map(|reply| (number, reply)));
                sleep(Duration::from_millis(20));
            }
            taken
        });
        Writer { stop, thread }
    }

    /// What Postfix said, if it took it.
    fn write(port: u16, number: u64) -> Option<String> {
        let mut talk = Talk::connect(port, "EHLO elsewhere.example");
        let to = format!("RCPT TO:<{}>", MEMBERS[0].address);
        if !talk.say("MAIL FROM:<a@elsewhere.example>").starts_with('2') || !talk.say(&to).starts_with('2') {
            return None;
        }
        assert!(talk.say("DATA").starts_with('3'));
        let reply = talk.say(&format!("Subject: steady-{number}-\r\n\r\ntext\r\n."));
        Some(reply).filter(|reply| reply.starts_with('2'))
    }

    fn end(self) -> Taken {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn postfix(place: &Place, program: &str, words: &[&str]) -> String {
    let done = Command::new(format!("/usr/sbin/{program}")).arg("-c").arg(place.path("postfix")).args(words).output().unwrap();
    assert!(done.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The numbers of the messages that are in the mailbox.
fn arrived(dovecot: &Dovecot) -> BTreeSet<u64> {
    let number = |file: &std::path::PathBuf| {
        let text = String::from_utf8_lossy(&fs::read(file).ok()?).into_owned();
        text.split_once("Subject: steady-")?.1.split_once('-')?.0.parse().ok()
    };
    mail_files(&dovecot.maildir(MEMBERS[0].address)).iter().filter_map(number).collect()
}

/// What is late is still in Postfix's queue, however long it was to wait there; lost is what is in neither.
fn all_arrive(stack: &Stack, taken: &Taken) {
    let end = Instant::now() + Duration::from_secs(120);
    let mut times_empty = 0;
    loop {
        // The queue first: what leaves it meanwhile is in the mailbox. A look can miss what moves from one of its folders to another.
        let queue = postfix(&stack.place, "postqueue", &["-j"]);
        times_empty = if queue.is_empty() { times_empty + 1 } else { 0 };
        let arrived = arrived(&stack.dovecot);
        let missing: Vec<_> = taken.iter().filter(|(number, _)| !arrived.contains(number)).collect();
        if missing.is_empty() {
            return;
        }
        let (are_lost, are_late) = (times_empty > 2, Instant::now() > end);
        assert!(
            !are_lost && !are_late,
            "{} of {} are {}: {missing:?}\nin the queue:\n{queue}\nof them, Postfix wrote:\n{}",
            missing.len(),
            taken.len(),
            if are_lost { "lost" } else { "late" },
            written_of(stack, &missing)
        );
        postfix(&stack.place, "postqueue", &["-f"]);
        sleep(Duration::from_millis(500));
    }
}

/// The lines of Postfix's log with the names in the queue of `missing`.
fn written_of(stack: &Stack, missing: &[(&u64, &String)]) -> String {
    let log = fs::read_to_string(stack.postfix.log()).unwrap_or_default();
    let names: Vec<_> = missing.iter().filter_map(|(_, reply)| reply.split_whitespace().last()).collect();
    log.lines().filter(|line| names.iter().any(|name| line.contains(name))).map(|line| format!("{line}\n")).collect()
}

#[test]
fn no_message_is_lost_forwards_and_backwards() {
    let place = Place::new().unwrap();
    let dovecot = Dovecot::start(&place, "dovecot").unwrap();
    let ports = Ports::any(&place).unwrap();
    // As before nologd: straight to Dovecot. In a hurry to try again what waits.
    let hurry = "queue_run_delay = 1s\nminimal_backoff_time = 1s\nmaximal_backoff_time = 1s\n\
                 lmtp_destination_concurrency_failed_cohort_limit = 0\n";
    let relay = Postfix::start_with(&place, dovecot.lmtp(), hurry).unwrap();
    let writer = Writer::start(relay.smtp());
    let a_while = || sleep(Duration::from_millis(700));
    a_while();
    // Steps 4 and 5: nologd, then what points at it.
    let behind = Behind { name: "store1", imap: dovecot.imap(), lmtp: dovecot.lmtp(), relay: relay.smtp() };
    let daemon = start_daemon_at(&place, ports, &[behind], &[]);
    let mut stack = Stack { daemon, postfix: relay, dovecot, place };
    a_while();
    postfix(&stack.place, "postconf", &["-e", &format!("virtual_transport=lmtp:inet:127.0.0.1:{}", ports.lmtp)]);
    let policy = format!("check_policy_service {{ inet:127.0.0.1:{}, default_action=DUNNO }}", ports.policy);
    postfix(&stack.place, "postconf", &["-e", &format!("smtpd_recipient_restrictions={policy}, permit_mynetworks, reject")]);
    postfix(&stack.place, "postfix", &["reload"]);
    a_while();
    // An upgrade, in the middle of it.
    let again = restart(&mut stack, |config| config);
    a_while();
    // It dies, and is away for a while.
    again.signal(Signal::SIGKILL);
    a_while();
    drop(again);
    let again = restart_dead(&mut stack);
    a_while();
    // The way back.
    postfix(&stack.place, "postconf", &["-e", &format!("virtual_transport=lmtp:inet:127.0.0.1:{}", stack.dovecot.lmtp())]);
    postfix(&stack.place, "postconf", &["-e", "smtpd_recipient_restrictions=permit_mynetworks, reject"]);
    drop(again);
    postfix(&stack.place, "postfix", &["reload"]);
    a_while();
    let taken = writer.end();
    assert!(taken.len() > 60, "only {} were taken", taken.len());
    all_arrive(&stack, &taken);
}

fn restart_dead(stack: &mut Stack) -> nologd::demo::Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(stack.daemon.config());
    let mut process = nologd::demo::Process::start(command, nologd::demo::Program::Nologd, Some(stack.daemon.output())).unwrap();
    process.listening(nologd::demo::Program::Nologd, stack.ports().submission).unwrap();
    process
}
