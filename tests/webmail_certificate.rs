//! A webmail on another machine shows a certificate. Without the right one nobody gets to say a word.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::{Uid, User};
use nologd::demo::{CERTIFICATE, Dovecot, Owner, Place, Process, Program};

const KEY: &[u8] = include_bytes!("../certs-example/mail.nolog.example/privkey.pem");

/// What the client gets: the greeting and the answer to LOGIN, or the end.
const CLIENT: &str = "
import socket, ssl, sys
port, authority, name = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
context = ssl.create_default_context(cafile=authority)
if name:
    context.load_cert_chain(name[0] + '.pem', name[0] + '.key')
try:
    with context.wrap_socket(socket.create_connection(('127.0.0.1', port), 20), server_hostname='mail.nolog.example') as wire:
        greeting = wire.recv(4096)
        wire.sendall(b'a LOGIN alice@velo.example bell-and-basket\\r\\n')
        print(greeting, wire.recv(4096))
except (ssl.SSLError, ConnectionError) as error:
    print('refused', type(error).__name__)
";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A key and a certificate under `name`, signed by `by` or by itself.
fn certificate(place: &Place, name: &str, by: Option<&str>) -> PathBuf {
    let file = |name: &str, end: &str| place.path(&format!("{name}.{end}"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2"]);
    command.args(["-subj", &format!("/CN={name}"), "-keyout"]).arg(file(name, "key")).arg("-out").arg(file(name, "pem"));
    if let Some(by) = by {
        command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-CA"]).arg(file(by, "pem"));
        command.arg("-CAkey").arg(file(by, "key"));
    }
    run(&mut command);
    place.path(name)
}

#[test]
fn without_the_right_certificate_nobody_says_a_word() {
    let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
    let dovecot = Dovecot::start(&place, "dovecot").unwrap_or_else(|trouble| panic!("{trouble}"));
    certificate(&place, "authority", None);
    certificate(&place, "stranger", None);
    let webmail = certificate(&place, "webmail", Some("authority"));
    let other = certificate(&place, "other", Some("stranger"));
    let (root, nobody) = (Uid::effective().is_root(), User::from_name("nobody").unwrap().unwrap());
    let owner = if root { Owner { uid: nobody.uid, gid: nobody.gid } } else { Owner::me() };
    place.make("state", owner).unwrap();
    place.make("certs/mail.nolog.example", Owner::me()).unwrap();
    place.write("certs/mail.nolog.example/fullchain.pem", CERTIFICATE).unwrap();
    place.write("certs/mail.nolog.example/privkey.pem", KEY).unwrap();
    let (port, folder) = (place.port().unwrap(), place.folder().display());
    let config = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{folder}/state\"\n{}\n\
         [tls]\ncertificates = \"{folder}/certs\"\ndefault = \"mail.nolog.example\"\n\
         [[listen]]\nservice = \"webmail-imap\"\naddress = \"127.0.0.1:{port}\"\ntls = \"implicit\"\n\
         client_authorities = \"{folder}/authority.pem\"\n\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:{}\"\n\
         [[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n",
        if root { "user = \"nobody\"" } else { "" },
        dovecot.imap(),
    );
    let config = place.write("nologd.toml", config.as_bytes()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(&config);
    let mut daemon = Process::start(command, Program::Nologd, Some(&place.path("nologd.out"))).unwrap();
    let listens = daemon.listening(Program::Nologd, port);
    listens.unwrap_or_else(|_| panic!("{}", fs::read_to_string(place.path("nologd.out")).unwrap()));
    let connect = |name: Option<&PathBuf>| {
        let mut python = Command::new("python3");
        python.args(["-c", CLIENT, &port.to_string()]).arg(place.path("certs/mail.nolog.example/fullchain.pem")).args(name);
        run(&mut python)
    };
    let welcome = connect(Some(&webmail));
    assert!(welcome.contains("* OK") && welcome.contains("a OK"), "{welcome}");
    for stranger in [connect(None), connect(Some(&other))] {
        assert!(stranger.starts_with("refused"), "{stranger}");
    }

    // No authorities, no start.
    place.write("authority.pem", b"nothing").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    let output = command.arg("run").arg("--config").arg(&config).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("client_authorities") && said.contains("cannot be read"), "{said}");
}
