//! A client of POP3 that says QUIT, reads nothing and goes: the answer to its QUIT is read all the same, however full its socket was. Only the one size by which
//! the last piece of a message finds the socket full is hard, so all sizes about there are tried.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nologd::demo::Place;

use crate::house::{House, Settings};
use crate::scripted::{PASSWORD, Scripted};
use crate::wire::{Wire, listen};

const ALICE: &str = "AGFsaWNlQGFzc28uZXhhbXBsZQByaWdodA==";
/// Pieces of 1,000 octets. A Unix socket takes 92 of them where the kernel's `wmem_default` is 212,992.
const SIZES: std::ops::Range<usize> = 80..110;
/// When the client goes, and when the mail server answers QUIT.
const GONE: Duration = Duration::from_millis(1500);
const ANSWERED: Duration = Duration::from_millis(2500);

/// One session at the mail server. False: nologd was still there seconds after the answer to QUIT. Beyond some size nobody says QUIT.
fn serve(stream: TcpStream) -> bool {
    let mut nologd = Wire::new(stream);
    nologd.send(b"+OK ready\r\n");
    loop {
        let line = nologd.line();
        match line.split_whitespace().next() {
            Some("CAPA") => nologd.send(b"+OK\r\nSASL PLAIN\r\n.\r\n"),
            Some("RETR") => {
                let pieces: usize = line[5..].trim().parse().unwrap();
                nologd.send(b"+OK\r\n");
                for _ in 0..pieces {
                    nologd.send(&[&[b'x'; 998][..], b"\r\n"].concat());
                    sleep(Duration::from_millis(6));
                }
                nologd.send(b"the end\r\n.\r\n")
            }
            Some("QUIT") => {
                sleep(ANSWERED);
                nologd.send(b"+OK bye\r\n");
                return nologd.ends(Duration::from_secs(5));
            }
            Some(_) => nologd.send(b"+OK\r\n"),
            None => return true,
        };
    }
}

#[test]
fn the_answer_to_quit_is_read_whenever_the_client_goes() {
    let place = Place::new().unwrap();
    let (imap, (listener, behind)) = (Scripted::imap(PASSWORD), listen());
    let socket = place.path("pop3.sock");
    let mut settings = Settings::new(imap.port, 1);
    settings.backend = format!("pop3 = \"pop3://127.0.0.1:{behind}\"\n");
    settings.limits = "connections_per_minute = 10000\n".to_owned();
    settings.listens =
        format!("[[listen]]\nservice = \"pop3\"\naddress = \"unix:{}\"\ntls = \"none\"\nnetwork = \"onion\"\n", socket.display());
    let over: Arc<Mutex<Vec<bool>>> = Arc::default();
    let told = over.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let told = told.clone();
            thread::spawn(move || {
                let ended = serve(stream);
                told.lock().unwrap().push(ended);
            });
        }
    });
    let _house = House::start(&settings);
    let client = |pieces: usize| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(format!("AUTH PLAIN {ALICE}\r\n").as_bytes()).unwrap();
        sleep(Duration::from_millis(500));
        stream.write_all(format!("RETR {pieces}\r\nQUIT\r\n").as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        sleep(GONE);
    };
    thread::scope(|threads| SIZES.for_each(|pieces| drop(threads.spawn(move || client(pieces)))));
    let end = Instant::now() + Duration::from_secs(20);
    // One more: nologd asks at its start.
    while over.lock().unwrap().len() <= SIZES.len() {
        assert!(Instant::now() < end, "{} are over", over.lock().unwrap().len());
        sleep(Duration::from_millis(50));
    }
    let unread = over.lock().unwrap().iter().filter(|ended| !**ended).count();
    assert_eq!(unread, 0, "answers to QUIT that were not read");
}
