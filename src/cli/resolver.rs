//! Questions to the DNS resolver of this machine (RFC 1035), for `nologd dns --check` alone: the daemon asks none.
//!
//! A stub: one question, one answer, by UDP and by TCP where it is cut short. What it says is believed as far as the resolver is; DNSSEC is
//! the resolver's. A crate reads and writes the messages; the one that also resolves would bring a cache, and a runtime of its own.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Name, Question};
use domain::rdata::{A, Aaaa, Cname, Mx, Srv, Txt};

/// For one answer. Asked twice.
const PATIENCE: Duration = Duration::from_secs(3);
const TRIES: usize = 2;
/// The longest message by TCP.
const LONGEST: usize = 65_535;

/// What was found, as it stands in a zone; names end without a dot, in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DnsRecord {
    /// Preference and exchange.
    Mx(u16, String),
    /// Port and target.
    Srv(u16, String),
    /// Another name.
    Cname(String),
    /// An address.
    Address(IpAddr),
    /// A text, its strings in one.
    Txt(String),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    Mx,
    Srv,
    A,
    Aaaa,
    Txt,
}

impl RecordKind {
    fn rtype(self) -> Rtype {
        match self {
            RecordKind::Mx => Rtype::MX,
            RecordKind::Srv => Rtype::SRV,
            RecordKind::A => Rtype::A,
            RecordKind::Aaaa => Rtype::AAAA,
            RecordKind::Txt => Rtype::TXT,
        }
    }
}

/// Nobody answered, or with something else than an answer: what is there is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// The servers that are asked, in this order.
#[derive(Clone)]
pub(super) struct Resolver(Vec<SocketAddr>);

impl Resolver {
    /// Those of the file, in the form of resolv.conf(5); none where it names none.
    pub(super) fn of_file(file: &Path) -> Option<Resolver> {
        let text = std::fs::read_to_string(file).ok()?;
        let lines = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok()).flatten()
        });
        let servers: Vec<_> = lines.take(3).map(|server| SocketAddr::new(server, 53)).collect();
        (!servers.is_empty()).then_some(Resolver(servers))
    }

    /// That one.
    pub(super) fn at(server: SocketAddr) -> Resolver {
        Resolver(vec![server])
    }

    /// All records of a kind; of a name that is not there, none. With aliases that lead to them.
    ///
    /// # Errors
    /// No server knew.
    pub(super) fn ask(&self, name: &str, kind: RecordKind) -> Result<Vec<DnsRecord>, NoAnswer> {
        let name: Name<Vec<u8>> = name.parse().map_err(|_| NoAnswer)?;
        let servers = (0..TRIES).flat_map(|_| &self.0);
        let mut answers = servers.filter_map(|server| ask_one(*server, &name, kind).ok().flatten());
        answers.next().ok_or(NoAnswer)
    }
}

/// One question to one server. None where it is no answer.
fn ask_one(server: SocketAddr, name: &Name<Vec<u8>>, kind: RecordKind) -> io::Result<Option<Vec<DnsRecord>>> {
    let mut id = [0; 2];
    aws_lc_rs::rand::fill(&mut id).map_err(|_| io::ErrorKind::Other)?;
    let id = u16::from_be_bytes(id);
    let Some(question) = question(id, name, kind) else { return Ok(None) };
    let local: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local)?;
    // Only what comes from there is heard.
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(&question)?;
    let mut buffer = vec![0; LONGEST];
    // Something that is no answer to this question may come before it.
    for _ in 0..8 {
        let length = socket.recv(&mut buffer)?;
        let Some(message) = answer(buffer.get(..length).unwrap_or_default(), id, name, kind) else { continue };
        if message.header().tc() {
            return Ok(
                by_tcp(server, &question)?.and_then(|bytes| answer(&bytes, id, name, kind).and_then(|answer| found(&answer)))
            );
        }
        return Ok(found(&message));
    }
    Ok(None)
}

fn by_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    let Ok(length) = u16::try_from(question.len()) else { return Ok(None) };
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let end = Instant::now() + PATIENCE;
    let mut length = [0; 2];
    read_until(&mut stream, &mut length, end)?;
    let mut bytes = vec![0; u16::from_be_bytes(length).into()];
    read_until(&mut stream, &mut bytes, end)?;
    Ok(Some(bytes))
}

/// All of `bytes`, however slowly they come, and no later than that.
fn read_until(stream: &mut TcpStream, mut bytes: &mut [u8], end: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or(io::ErrorKind::TimedOut)?;
        stream.set_read_timeout(Some(left))?;
        match stream.read(bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes = &mut bytes[read..],
        }
    }
    Ok(())
}

fn question(id: u16, name: &Name<Vec<u8>>, kind: RecordKind) -> Option<Vec<u8>> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(id);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push(Question::new(name, kind.rtype(), Class::IN)).ok()?;
    Some(builder.finish())
}

/// The message, where it is an answer to this question.
fn answer<'a>(bytes: &'a [u8], id: u16, name: &Name<Vec<u8>>, kind: RecordKind) -> Option<Message<&'a [u8]>> {
    let message = Message::from_octets(bytes).ok()?;
    let asked = message.sole_question().ok()?;
    let header = message.header();
    let fits = header.id() == id && header.qr() && asked.qtype() == kind.rtype() && asked.qname() == name;
    fits.then_some(message)
}

/// What it says; none where the server could not tell.
fn found(message: &Message<&[u8]>) -> Option<Vec<DnsRecord>> {
    if !matches!(message.header().rcode(), Rcode::NOERROR | Rcode::NXDOMAIN) {
        return None;
    }
    let mut found = Vec::new();
    for record in message.answer().ok()? {
        let record = record.ok()?;
        match record.rtype() {
            Rtype::MX => {
                let record = record.to_record::<Mx<_>>().ok()??;
                found.push(DnsRecord::Mx(record.data().preference(), small(record.data().exchange())));
            }
            Rtype::SRV => {
                let record = record.to_record::<Srv<_>>().ok()??;
                found.push(DnsRecord::Srv(record.data().port(), small(record.data().target())));
            }
            Rtype::CNAME => found.push(DnsRecord::Cname(small(record.to_record::<Cname<_>>().ok()??.data().cname()))),
            Rtype::A => found.push(DnsRecord::Address(record.to_record::<A>().ok()??.data().addr().into())),
            Rtype::AAAA => found.push(DnsRecord::Address(record.to_record::<Aaaa>().ok()??.data().addr().into())),
            Rtype::TXT => {
                let record = record.to_record::<Txt<_>>().ok()??;
                let text: Vec<u8> = record.data().iter().flatten().copied().collect();
                found.push(DnsRecord::Txt(String::from_utf8_lossy(&text).into_owned()));
            }
            // Signatures and the like.
            _ => {}
        }
    }
    Some(found)
}

fn small(name: &impl std::fmt::Display) -> String {
    name.to_string().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_comes_octet_by_octet_has_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let drips = std::thread::spawn(move || {
            while other.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let begun = Instant::now();
        assert!(read_until(&mut stream, &mut [0; 3], begun + Duration::from_secs(5)).is_ok());
        let end = Instant::now() + Duration::from_millis(300);
        assert!(read_until(&mut stream, &mut [0; 1000], end).is_err() && Instant::now() < end + Duration::from_secs(2));
        drop(stream);
        drips.join().unwrap();
    }
}
