//! `nologd demo --nodes 3`: several nodes with one etcd and one Dovecot, all on loopback (docs/many-nodes.md). They run until Ctrl-C, and one that is killed is started again;
//! or, with `check`, one letter is brought to a node that does not judge, the judge is killed, and another letter is brought.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::Client;
use super::nodes::{NAMES, Nodes};
use super::say::say;
use super::stop::Stop;
use super::{ASSOCIATIONS, Dovecot, EtcdServer, MEMBERS, Place, Trouble};

/// For a node to judge: what is left of the lease of another one (8 s), and a count; and a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a killed node stays away.
const AWAY: Duration = Duration::from_secs(30);

/// As [`super::run`].
pub(super) fn demo(count: usize, check: bool) -> Result<bool, Trouble> {
    let mut stop = Stop::new().map_err(Trouble::Folder)?;
    let place = Place::new()?;
    let dovecot = Dovecot::start(&place, "dovecot")?;
    let etcd = EtcdServer::start(&place)?;
    let started = Nodes::start(&place, count, !check, &etcd, &dovecot);
    let result = started.and_then(|mut nodes| {
        let result = share(&nodes).and_then(|()| match check {
            true => letters(&mut nodes),
            false => wait(&mut stop, &mut nodes, &place),
        });
        if result.is_err() {
            // What they wrote goes away with the folder.
            (0..count).for_each(|at| say(nodes.output(at).trim_end()));
        }
        result
    });
    drop(etcd);
    drop(dovecot);
    drop(place);
    result
}

/// The settings of one are those of all, and somebody judges each association.
fn share(nodes: &Nodes) -> Result<(), Trouble> {
    let published = || nodes.ask(0, &["share", "publish"]).is_some();
    within(PATIENCE, published).ok_or(Trouble::Unexpected("nologd share publish"))?;
    for association in &ASSOCIATIONS {
        within(PATIENCE, || nodes.judge_of(association.name).is_some()).ok_or(Trouble::Unexpected("nobody judges"))?;
    }
    Ok(())
}

/// How long it took until `done`.
fn within(limit: Duration, done: impl Fn() -> bool) -> Option<Duration> {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > limit {
            return None;
        }
        sleep(Duration::from_millis(200));
    }
    Some(begin.elapsed())
}

fn letters(nodes: &mut Nodes) -> Result<bool, Trouble> {
    let association = ASSOCIATIONS[0].name;
    let judge = nodes.judge_of(association).ok_or(Trouble::Unexpected("nobody judges"))?;
    let others: Vec<_> = (0..nodes.ports().len()).filter(|at| *at != judge).collect();
    let (by, reader) = (others[0], others[others.len() - 1]);
    // A node may have heard of the judge a moment ago.
    let (said, _) = bring_until_taken(nodes.ports()[by].lmtp, "before")?;
    say(&format!("{} judges {association}. A letter is brought to {}, which does not: {said}", NAMES[judge], NAMES[by]));
    if !said.starts_with("250") {
        return Ok(false);
    }
    nodes.kill(judge);
    let begin = Instant::now();
    let (said, put_off) = bring_until_taken(nodes.ports()[by].lmtp, "after")?;
    let seconds = begin.elapsed().as_secs();
    say(&format!("{} is killed. The next letter is put off {put_off} times, and taken after {seconds} s: {said}", NAMES[judge]));
    // Who has come in just before another node judges is sent away, and comes again as mail programs do.
    let read = || subjects(nodes.ports()[reader].imaps);
    let found = read().or_else(|_| read())?;
    say(&format!("Read by IMAP at {}: {} letters", NAMES[reader], found.len()));
    let both = found.iter().filter(|one| *one == "before").count() == 1 && found.iter().any(|one| one == "after");
    let silent = (0..nodes.ports().len()).all(|at| !nodes.output(at).contains('@'));
    let good = said.starts_with("250") && both && silent;
    say(if good { "demo check: passed" } else { "demo check: FAILED" });
    Ok(good)
}

/// The same letter, as a relay brings it: what is put off comes again. What is said in the end, and how often it was put off.
fn bring_until_taken(port: u16, subject: &str) -> Result<(String, usize), Trouble> {
    let (begin, mut put_off) = (Instant::now(), 0);
    loop {
        let said = bring(port, subject)?;
        if !said.starts_with('4') || begin.elapsed() > PATIENCE {
            return Ok((said, put_off));
        }
        put_off += 1;
        sleep(Duration::from_millis(500));
    }
}

/// One letter for the first member; what is said to it.
fn bring(port: u16, subject: &str) -> Result<String, Trouble> {
    let broken = |error| Trouble::Broken("bringing a letter by LMTP", error);
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(broken)?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(broken)?;
    let mut reader = BufReader::new(stream.try_clone().map_err(broken)?);
    let mut ask = |line: &str| {
        stream.write_all(line.as_bytes()).map_err(broken)?;
        loop {
            let mut said = String::new();
            if reader.read_line(&mut said).map_err(broken)? == 0 {
                return Err(Trouble::Unexpected("bringing a letter by LMTP"));
            }
            if said.as_bytes().get(3) != Some(&b'-') {
                return Ok(said.trim_end().to_owned());
            }
        }
    };
    ask("")?;
    ask("LHLO relay.example\r\n")?;
    ask("MAIL FROM:<somebody@elsewhere.example>\r\n")?;
    for line in [&*format!("RCPT TO:<{}>\r\n", MEMBERS[0].address), "DATA\r\n"] {
        let said = ask(line)?;
        if !said.starts_with(['2', '3']) {
            return Ok(said);
        }
    }
    ask(&format!("From: somebody@elsewhere.example\r\nSubject: {subject}\r\n\r\nWe meet at the bridge.\r\n.\r\n"))
}

/// Of all that is in the inbox of the first member.
fn subjects(port: u16) -> Result<Vec<String>, Trouble> {
    let mut client = Client::connect(port, &["imap"])?;
    client.log_in_to_inbox(&MEMBERS[0])?;
    let answer = client.imap("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])", "FETCH")?;
    client.imap("LOGOUT", "LOGOUT")?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().filter_map(|line| line.strip_prefix("Subject: ")).map(str::to_owned).collect())
}

fn wait(stop: &mut Stop, nodes: &mut Nodes, place: &Place) -> Result<bool, Trouble> {
    explain(nodes, place);
    let mut ended: [Option<Instant>; NAMES.len()] = [None; NAMES.len()];
    while !stop.came_within(Duration::from_secs(1)) {
        for at in 0..nodes.ports().len() {
            match ended[at] {
                None if nodes.has_ended(at) => {
                    ended[at] = Some(Instant::now());
                    say(&format!("\n{} is gone. What it judged, another one judges in some nine seconds.", NAMES[at]));
                }
                Some(since) if since.elapsed() > AWAY => {
                    nodes.again(at)?;
                    ended[at] = None;
                    say(&format!("{} is started again: kill -9 {}", NAMES[at], nodes.pid(at)));
                }
                _ => {}
            }
        }
    }
    say("\nTaking everything down.");
    Ok(true)
}

fn explain(nodes: &Nodes, place: &Place) {
    let certificate = place.path("certs/mail.nolog.example/fullchain.pem");
    let (certificate, program, alice) = (certificate.display(), nodes.program().display(), &MEMBERS[0]);
    say("Several nologd run in front of one real Dovecot, with etcd. Any of them takes any member, and all mail:\n");
    for (at, ports) in nodes.ports().iter().enumerate() {
        let (pid, imaps, lmtp) = (nodes.pid(at), ports.imaps, ports.lmtp);
        say(&format!("    {}  IMAP with TLS 127.0.0.1:{imaps}  LMTP 127.0.0.1:{lmtp}  process {pid}", NAMES[at]));
    }
    say("");
    for member in &MEMBERS {
        say(&format!("    {:24} password {}", member.address, member.password));
    }
    let (socket, address, password) = (nodes.socket(0), alice.address, alice.password);
    let last = nodes.ports().len() - 1;
    let judge = nodes.judge_of(ASSOCIATIONS[0].name).unwrap_or_default();
    let (port, other) = (nodes.ports()[last].imaps, nodes.ports()[(judge + 1) % nodes.ports().len()].imaps);
    say(&format!(
        "\nTo see who judges what, and a limit that is set at one node and holds at another, in another shell:\n\n\
         \x20   {program} share show --socket {}\n\
         \x20   {program} association set velo --storage 500 --socket {}\n\
         \x20   curl --cacert {certificate} --user {address}:{password} -v -T {certificate} imaps://localhost:{port}/INBOX\n\
         \x20   {program} association set velo --storage 100M --socket {}\n\n\
         To see one burn: this is the one that judges velo. For some nine seconds what is to be stored there is refused\n\
         (UNAVAILABLE), then another node judges; in half a minute it is started again.\n\n\
         \x20   kill -9 {}\n\
         \x20   curl --cacert {certificate} --user {address}:{password} -v -T {certificate} imaps://localhost:{other}/INBOX\n\n\
         Everything lives under {} and is gone after Ctrl-C.",
        socket.display(),
        socket.display(),
        socket.display(),
        nodes.pid(judge),
        place.folder().display(),
    ));
}
