//! Between nologd and Dovecot: passes everything, but answers some of nologd's lines itself, or lets them wait.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::wire::listen;

/// What becomes of a line from nologd.
pub enum Fate {
    Pass,
    /// Passed after a while; all behind it waits too.
    Late(Duration),
    /// Dovecot does not get it; nologd gets this.
    Answer(String),
}

/// A port that leads to `backend`, as `rule` says of each line. Literals pass as lines too, so the rule must know its lines.
pub fn between(backend: u16, rule: impl Fn(&str) -> Fate + Send + Sync + 'static) -> u16 {
    let ((listener, port), rule) = (listen(), Arc::new(rule));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, backend)) else { continue };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let (back, answers, rule) = (client.try_clone().unwrap(), server.try_clone().unwrap(), rule.clone());
            thread::spawn(move || copy(answers, back));
            thread::spawn(move || lines(client, server, &*rule));
        }
    });
    port
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn lines(client: TcpStream, mut server: TcpStream, rule: &dyn Fn(&str) -> Fate) {
    let (mut back, mut reader) = (client.try_clone().unwrap(), BufReader::new(client));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        let went = match rule(text.trim_end()) {
            Fate::Pass => server.write_all(&line),
            Fate::Late(time) => {
                thread::sleep(time);
                server.write_all(&line)
            }
            Fate::Answer(answer) => back.write_all(answer.as_bytes()),
        };
        if went.is_err() {
            break;
        }
        line.clear();
    }
    // What nologd said before it closed has been said.
    let _ = server.shutdown(std::net::Shutdown::Write);
}
