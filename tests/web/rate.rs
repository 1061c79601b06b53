//! A thousand mail programs a second that ask how they are to be set up, beside somebody who reads mail.

use std::net::TcpStream;
use std::sync::atomic::AtomicBool;

use super::*;

/// How many ask in all, each connection for as many as it may.
const ASKED: usize = 6000;
const EACH: usize = 100;

/// What is counted is the daemon's own time on processors, so that a machine with other work to do says the same. As tests are built, it is a quarter
/// of the bound; of one connection with TLS for each, 2.8 ms are a login's.
#[test]
fn a_thousand_programs_a_second_take_less_than_one_core_and_mail_goes_on() {
    let stage = Stage::start();
    let (over, before) = (AtomicBool::new(false), stage.house.processor_time());
    let (asked, turns) = std::thread::scope(|scope| {
        let mail = scope.spawn(|| reads_mail(&stage, &over));
        let programs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..ASKED / EACH / 4).map(|_| ask(stage.page)).sum::<usize>())).collect();
        let asked = programs.into_iter().map(|one| one.join().unwrap()).sum::<usize>();
        over.store(true, Ordering::SeqCst);
        (asked, mail.join().unwrap())
    });
    let spent = stage.house.processor_time() - before;
    assert_eq!(asked, ASKED);
    assert!(spent < Duration::from_secs(ASKED as u64 / 1000), "{spent:?} for {ASKED}");
    let mut sorted = turns;
    sorted.sort_unstable();
    let middle = sorted[sorted.len() / 2];
    assert!(sorted.len() > 10 && middle < Duration::from_millis(250), "{middle:?} of {}", sorted.len());
}

/// One connection's requests, one after the other: how many were answered.
fn ask(port: u16) -> usize {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = b"GET /mail/config-v1.1.xml?emailaddress=a%40asso.example HTTP/1.1\r\nHost: autoconfig.asso.example\r\n\r\n";
    let answered = |stream: &mut BufReader<TcpStream>| {
        stream.get_mut().write_all(request).ok()?;
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let field = line.to_ascii_lowercase();
            length = field.strip_prefix("content-length: ").map_or(length, |number| number.trim().parse().unwrap());
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        String::from_utf8(body).ok().filter(|body| body.contains("<domain>asso.example</domain>"))
    };
    (0..EACH).map_while(|_| answered(&mut stream)).count()
}

/// Logs in, and asks for news until it is over: how long each turn took.
fn reads_mail(stage: &Stage, over: &AtomicBool) -> Vec<Duration> {
    let mut client = Wire::from(HOME, stage.imaps).secured();
    client.line();
    assert!(client.ask(&format!("l LOGIN alice@asso.example {PASSWORD}\r\n"), "l ").contains("OK"));
    let mut turns = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let begin = Instant::now();
        assert!(client.ask("n NOOP\r\n", "n ").contains("OK"));
        turns.push(begin.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    turns
}
