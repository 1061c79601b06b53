//! An IMAP server of few seats, as Cyrus with its `maxchild`: who comes when all are taken is connected by the kernel, and not greeted.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Listens as long as the test runs. Says its name in the answer to SELECT, and can UNSELECT.
pub struct Store {
    pub port: u16,
    logins: Arc<AtomicUsize>,
}

impl Store {
    pub fn start(name: &'static str, seats: usize) -> Store {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (listener, logins) = (Arc::new(listener), Arc::new(AtomicUsize::new(0)));
        for _ in 0..seats {
            let (listener, logins) = (listener.clone(), logins.clone());
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    // A client that goes away in the middle is not what is tested here.
                    let _ = serve(stream, name, &logins);
                }
            });
        }
        Store { port, logins }
    }

    /// Logins so far. (nologd also asks what the server takes, as soon as it runs.)
    pub fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, name: &str, logins: &AtomicUsize) -> std::io::Result<()> {
    stream.write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN UNSELECT] ready\r\n")?;
    let mut lines = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
        let answer = match command.split(' ').next().unwrap_or_default() {
            "AUTHENTICATE" => {
                logins.fetch_add(1, Ordering::SeqCst);
                format!("{tag} OK [CAPABILITY IMAP4rev1 UNSELECT] logged in\r\n")
            }
            "SELECT" => format!("* 0 EXISTS\r\n{tag} OK [READ-WRITE] at {name}\r\n"),
            "LOGOUT" => format!("* BYE bye\r\n{tag} OK bye\r\n"),
            _ => format!("{tag} OK done\r\n"),
        };
        stream.write_all(answer.as_bytes())?;
        if command == "LOGOUT" {
            return Ok(());
        }
    }
}
