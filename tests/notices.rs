//! Notices, from the real program to a scripted relay: who is told what, how often, and what happens when the relay is not there.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests

use crate::alone;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alone::House;
use nix::sys::signal::Signal;
use nologd::demo::CERTIFICATE;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

const KEY: &[u8] = include_bytes!("../certs-example/mail.nolog.example/privkey.pem");
const MIB: u64 = 1 << 20;

/// A message as the relay got it.
struct Mail {
    from: String,
    to: String,
    text: String,
}

/// A relay that says what its script says, and passes on what it takes.
struct Relay {
    mails: Receiver<Mail>,
    script: Arc<Mutex<&'static str>>,
    tries: Arc<Mutex<u32>>,
}

impl Relay {
    /// Listens at `port`. `answer` is what RCPT is answered with; empty for 250.
    fn start(port: u16, answer: &'static str, tls: bool) -> Relay {
        let (sender, mails) = channel();
        let (script, tries) = (Arc::new(Mutex::new(answer)), Arc::new(Mutex::new(0)));
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (says, tried) = (script.clone(), tries.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *tried.lock().unwrap() += 1;
                let answer = *says.lock().unwrap();
                // A client that goes away in the middle is not what is tested here.
                let _ = if tls { secured(stream, answer, &sender) } else { plain(stream, answer, &sender) };
            }
        });
        Relay { mails, script, tries }
    }

    fn next(&self) -> Mail {
        self.mails.recv_timeout(Duration::from_secs(30)).expect("no notice came")
    }

    fn none(&self) {
        assert!(self.mails.recv_timeout(Duration::from_millis(2500)).is_err(), "a notice that nobody needs");
    }

    fn tries(&self) -> u32 {
        *self.tries.lock().unwrap()
    }
}

fn plain(mut stream: TcpStream, answer: &str, mails: &Sender<Mail>) -> std::io::Result<()> {
    stream.write_all(b"220 relay.example\r\n")?;
    talk(stream, "", answer, mails)
}

fn secured(mut stream: TcpStream, answer: &str, mails: &Sender<Mail>) -> std::io::Result<()> {
    stream.write_all(b"220 relay.example\r\n")?;
    for (verb, reply) in [("EHLO", "250-relay.example\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 go\r\n")] {
        // Byte by byte: what comes behind the line is TLS.
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\n") {
            stream.read_exact(&mut byte)?;
            line.push(byte[0]);
        }
        assert!(line.starts_with(verb.as_bytes()));
        stream.write_all(reply.as_bytes())?;
    }
    let chain = CertificateDer::pem_slice_iter(CERTIFICATE).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
    talk(tls, "", answer, mails)
}

fn talk(stream: impl Read + Write, extensions: &str, answer: &str, mails: &Sender<Mail>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail { from: String::new(), to: String::new(), text: String::new() };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let reply = match line.split([' ', ':', '\r']).next().unwrap() {
            "EHLO" => {
                assert_eq!(line, "EHLO mail.nolog.example\r\n");
                format!("250-relay.example\r\n{extensions}250 PIPELINING\r\n")
            }
            "LHLO" => "250-store.example\r\n250 PIPELINING\r\n".into(),
            "MAIL" => {
                mail.from = line.trim_end().to_owned();
                "250 ok\r\n".into()
            }
            "RCPT" if !answer.is_empty() => answer.to_owned(),
            "RCPT" => {
                mail.to = line.trim_end().to_owned();
                "250 ok\r\n".into()
            }
            "DATA" => {
                stream.get_mut().write_all(b"354 go\r\n")?;
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"\r\n.\r\n") {
                    stream.read_until(b'\n', &mut bytes)?;
                }
                mail.text = String::from_utf8(bytes).unwrap();
                let sent = std::mem::replace(&mut mail, Mail { from: String::new(), to: String::new(), text: String::new() });
                let _ = mails.send(sent);
                "250 taken\r\n".into()
            }
            _ => "221 bye\r\n".into(),
        };
        stream.get_mut().write_all(reply.as_bytes())?;
    }
}

/// A port that is free now.
fn port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Alice has 75 MiB of 100, the association 75 MiB without a limit.
fn house(relay: &str, more: &str) -> House {
    let config = format!("[[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\nrelay = \"{relay}\"\n{more}");
    let mut house = House::start(&config);
    house.done("association add velo --domain velo.example --mailbox-default 100M --lang fr --contact chloe@velo.example");
    house.with_usage(&[("alice@velo.example", 75 * MIB, 10)]);
    house
}

#[test]
fn each_level_is_told_once_each_way_up() {
    let port = port();
    let relay = Relay::start(port, "", false);
    let house = house(&format!("smtp://127.0.0.1:{port}"), "");
    let limit = |size: &str| drop(house.done(&format!("mailbox set alice@velo.example --storage {size}")));
    relay.none();

    limit("90M");
    let mail = relay.next();
    assert_eq!((&*mail.from, &*mail.to), ("MAIL FROM:<>", "RCPT TO:<alice@velo.example>"));
    let (header, body) = mail.text.split_once("\r\n\r\n").unwrap();
    for line in ["Auto-Submitted: auto-generated", "From: postmaster@velo.example", "To: alice@velo.example"] {
        assert!(header.lines().any(|one| one == line), "{header}");
    }
    let telling = ["X-", "User-Agent", "Received", "mail.nolog.example", "127.0.0.1", "nologd"];
    assert!(!telling.iter().any(|word| header.contains(word)), "{header}");
    assert!(header.contains("+0000") && header.contains("Message-ID: <") && body.contains("83=C2=A0%"), "{}", mail.text);
    assert!(mail.text.is_ascii() && !mail.text.replace("\r\n", "").contains(['\r', '\n']));

    // Down to 78 % and up to 81 %: the level was never left.
    limit("96M");
    limit("92M");
    relay.none();
    limit("77M");
    assert!(relay.next().text.contains("97=C2=A0%"));
    // Far down, and up again: that is another time.
    limit("200M");
    relay.none();
    limit("90M");
    assert!(relay.next().text.contains("83=C2=A0%"));
    relay.none();
    assert_eq!(relay.tries(), 3);
}

/// Emptied and filled again between two looks at what is to be told: whoever was told of the first time hears of the second, too. For what
/// was told of a level is over when it is left, however shortly. The same of the association, told to its contact.
#[test]
fn what_is_emptied_and_filled_within_a_second_is_told_again() {
    let port = port();
    let relay = Relay::start(port, "", false);
    let listener = "[[listen]]\nservice = \"usage\"\naddress = \"unix:@FOLDER@/run/usage.sock\"\ntls = \"none\"\n";
    let house = house(&format!("smtp://127.0.0.1:{port}"), listener);
    house.done("association set velo --storage 100M");
    relay.none();
    let mut socket = UnixStream::connect(house.place.path("run/usage.sock")).unwrap();
    // In one piece, as fast as the daemon reads it.
    let mut push = |fills: &[u64]| {
        let one = |percent: &u64| {
            format!("B1\talice@velo.example\nS1\tpriv/quota/storage\t{}\nS1\tpriv/quota/messages\t9\nC1\n", percent * MIB)
        };
        socket.write_all(fills.iter().map(one).collect::<String>().as_bytes()).unwrap();
    };
    let told = |percent: u64| {
        let mut to = [relay.next(), relay.next()].map(|mail| {
            assert!(mail.text.contains(&format!("{percent}=C2=A0%")), "not {percent} %: {}", mail.text);
            mail.to
        });
        to.sort();
        assert_eq!(to, ["RCPT TO:<alice@velo.example>", "RCPT TO:<chloe@velo.example>"]);
    };
    push(&[85]);
    told(85);
    // Whenever the look is: one of them has both between two.
    for _ in 0..4 {
        push(&[0, 81]);
        told(81);
    }
    push(&[97]);
    told(97);
    push(&[0, 82]);
    told(82);
    // What went up and down again before anybody looked is nothing to be told.
    push(&[0, 97, 0]);
    push(&[81, 0]);
    relay.none();
    assert_eq!(relay.tries(), 14);
}

#[test]
fn the_contact_is_told_of_the_association_in_its_language() {
    let port = port();
    let relay = Relay::start(port, "", false);
    let house = house(&format!("smtp://127.0.0.1:{port}"), "[notices]\nfrom = \"courrier@nolog.example\"\n");
    house.done("association set velo --storage 80M");
    let mail = relay.next();
    assert_eq!(mail.to, "RCPT TO:<chloe@velo.example>");
    assert!(mail.text.contains("From: courrier@nolog.example\r\n") && mail.text.contains("h=C3=A9bergeur"), "{}", mail.text);
    house.done("association set velo --lang en --storage 75M");
    let mail = relay.next();
    assert!(mail.text.contains("Subject: The mail space of velo is full\r\n"), "{}", mail.text);

    // A grant that makes room takes the level back; nobody to tell is no reason to stop.
    house.done("association grant velo 1G --until 2099-01-01");
    house.done("association set velo --no-contact --storage 1M");
    house.done("association add libre --domain libre.example --messages 1");
    relay.none();
}

#[test]
fn a_relay_that_is_down_delays_and_blocks_nothing() {
    let port = port();
    let house = house(&format!("smtp://127.0.0.1:{port}"), "");
    house.done("mailbox set alice@velo.example --storage 90M");
    house.done("association set velo --storage 77M");
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while !house.output().contains("notices-wait number=") {
        assert!(std::time::Instant::now() < end, "{}", house.output());
        std::thread::sleep(Duration::from_millis(50));
    }
    let before = std::time::Instant::now();
    house.done("status");
    assert!(before.elapsed() < Duration::from_secs(2));
    // What goes down again before it could be told is not told.
    house.done("association set velo --storage none");
    let relay = Relay::start(port, "", false);
    assert_eq!(relay.next().to, "RCPT TO:<alice@velo.example>");
    relay.none();
}

/// Contacts whose mailboxes are full, on two mail servers: one that is silent keeps back what would go there, and nothing that goes to the other,
/// though all of it is about associations of one relay.
#[test]
fn a_mail_server_that_is_down_keeps_back_its_own_mailboxes_alone() {
    let [relay_port, store_port, closed] = [port(), port(), port()];
    let (_relay, store) = (Relay::start(relay_port, "", false), Relay::start(store_port, "", false));
    let backend = |name: &str, lmtp: u16, more: &str| {
        format!(
            "[[backend]]\nname = \"{name}\"\nimap = \"imap://127.0.0.1:1\"\nlmtp = \"lmtp://127.0.0.1:{lmtp}\"\nrelay = \"smtp://127.0.0.1:{relay_port}\"\n{more}"
        )
    };
    let mut house = House::start(&(backend("store1", store_port, "default = true\n") + &backend("store2", closed, "")));
    house.done("association add far --domain far.example --mailbox-default 10M --backend store2");
    // In whatever order they are told: one that cannot be comes first.
    for (name, contact) in [("aaa", "carl@far.example"), ("bbb", "dora@bbb.example"), ("ccc", "eric@far.example")] {
        house.done(&format!(
            "association add {name} --domain {name}.example --storage 20M --mailbox-default 10M --contact {contact}"
        ));
    }
    let full = |who: &'static str| (who, 10 * MIB, 1);
    let more = ["x@aaa.example", "y@aaa.example", "z@bbb.example", "x@ccc.example", "y@ccc.example"].map(full);
    house.with_usage(&[&["carl@far.example", "eric@far.example", "dora@bbb.example"].map(full)[..], &more[..]].concat());
    let told = std::iter::from_fn(|| store.mails.recv_timeout(Duration::from_secs(30)).ok());
    let mut dora = told.filter(|mail| mail.to == "RCPT TO:<dora@bbb.example>").map(|mail| mail.text);
    assert!(dora.any(|text| text.contains("Subject: The mail space of bbb is full\r\n")), "nothing of her association came");
}

#[test]
fn what_was_never_told_is_told_after_a_restart_and_what_was_told_is_not() {
    let port = port();
    let mut house = house(&format!("smtp://127.0.0.1:{port}"), "");
    house.done("mailbox set alice@velo.example --storage 90M");
    house.done("association set velo --storage 77M");
    // Long enough for a try, and the relay is not there.
    std::thread::sleep(Duration::from_secs(2));
    house.down(Signal::SIGKILL);
    let relay = Relay::start(port, "", false);
    house.up();
    let mut told = [relay.next().to, relay.next().to];
    told.sort();
    assert_eq!(told, ["RCPT TO:<alice@velo.example>", "RCPT TO:<chloe@velo.example>"]);
    relay.none();
    // What was told is written at full hours and at a stop.
    house.down(Signal::SIGTERM);
    house.up();
    relay.none();
    assert_eq!(relay.tries(), 2);
    // The level is not left at 78 %, and the next one is told.
    house.done("mailbox set alice@velo.example --storage 96M");
    house.done("mailbox set alice@velo.example --storage 77M");
    assert!(relay.next().text.contains("97=C2=A0%"));
}

#[test]
fn leaving_is_told_to_the_contact_and_to_each_mailbox_once_also_while_the_relay_is_down() {
    let port = port();
    let mut house = house(&format!("smtp://127.0.0.1:{port}"), "");
    house.done("status");
    house.with_usage(&[("bob@velo.example", 1, 1)]);
    house.done("association set velo --state leaving --until 2099-03-01");
    std::thread::sleep(Duration::from_secs(2));
    house.down(Signal::SIGKILL);
    let relay = Relay::start(port, "", false);
    house.up();
    let mut mails: Vec<_> = (0..3).map(|_| relay.next()).collect();
    mails.sort_by(|one, two| one.to.cmp(&two.to));
    let to: Vec<_> = mails.iter().map(|mail| &*mail.to).collect();
    assert_eq!(to, ["RCPT TO:<alice@velo.example>", "RCPT TO:<bob@velo.example>", "RCPT TO:<chloe@velo.example>"]);
    for mail in &mails {
        assert!(mail.text.is_ascii() && mail.text.replace("=\r\n", "").contains("1er=C2=A0mars=C2=A02099"), "{}", mail.text);
    }
    assert!(mails[0].text.contains("alice@velo.example") && !mails[0].text.contains("bob@velo.example"));
    house.done("association set velo --storage 1G");
    house.down(Signal::SIGTERM);
    house.up();
    relay.none();
    // Another day is news, in the language of now; called off is none.
    house.done("association set velo --state leaving --until 2099-06-30 --lang en");
    let texts: Vec<_> = (0..3).map(|_| relay.next().text.replace("=\r\n", "")).collect();
    assert!(texts.iter().all(|text| text.contains("30=C2=A0June=C2=A02099")), "{texts:?}");
    house.done("association set velo --state active");
    relay.none();
}

#[test]
fn a_relay_says_later_or_never() {
    let port = port();
    let relay = Relay::start(port, "451 4.3.0 later\r\n", false);
    let mut house = house(&format!("smtp://127.0.0.1:{port}"), "");
    house.done("mailbox set alice@velo.example --storage 90M");
    relay.none();
    assert_eq!(relay.tries(), 1, "not tried again at once");
    *relay.script.lock().unwrap() = "";
    assert_eq!(relay.next().to, "RCPT TO:<alice@velo.example>");

    *relay.script.lock().unwrap() = "550 5.1.1 never\r\n";
    house.done("mailbox set alice@velo.example --storage 77M");
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(relay.tries(), 3, "what is refused for good is tried once");
    // Told at the stop, or every ten minutes: a line at once would say when the mailbox filled up.
    assert!(!house.output().contains("notice-refused"), "{}", house.output());
    house.down(Signal::SIGTERM);
    assert!(house.output().contains("notice-refused code=550 times=10"), "{}", house.output());
}

#[test]
fn starttls_comes_before_anything_else() {
    let port = port();
    let relay = Relay::start(port, "", true);
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/certs-example/mail.nolog.example/fullchain.pem");
    let more = format!("[tls]\nbackend_authorities = \"{authority}\"\n");
    let house = house(&format!("smtp+starttls://localhost:{port}"), &more);
    house.done("mailbox set alice@velo.example --storage 90M");
    assert_eq!(relay.next().to, "RCPT TO:<alice@velo.example>");
    // Without an authority for the relay's certificate nothing goes out.
    let other = self::house(&format!("smtp+starttls://localhost:{port}"), "");
    other.done("mailbox set alice@velo.example --storage 90M");
    relay.none();
}
