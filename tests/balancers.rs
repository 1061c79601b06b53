//! Real load balancers in front, which pass TLS through and say where the client is: HAProxy with both versions of the PROXY protocol,
//! nginx's `stream` with version 1. That the address arrived is seen by the limits: two clients are two networks, and not one.

#![allow(clippy::disallowed_methods)] // writes the configs of other programs
#![allow(clippy::unwrap_used)] // a test that cannot go on must say where

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::house;
use crate::scripted;
use crate::wire;

use house::{House, Settings};
use scripted::{PASSWORD, Scripted};
use wire::{PATIENCE, Wire};

/// A balancer, ended with the test.
struct Balancer(Child);

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Balancer {
    fn start(mut command: Command, ports: &[u16]) -> Balancer {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + PATIENCE;
        while ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < end, "{:?} does not listen", command.get_program());
            std::thread::sleep(Duration::from_millis(20));
        }
        Balancer(child)
    }

    fn haproxy(folder: &Path, config: &str, ports: &[u16]) -> Balancer {
        assert!(Path::new("/usr/sbin/haproxy").exists(), "apt install haproxy");
        let file = folder.join("haproxy.cfg");
        let begin = "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n timeout check 2s\n";
        fs::write(&file, format!("{begin}{config}")).unwrap();
        let mut command = Command::new("/usr/sbin/haproxy");
        command.arg("-db").arg("-f").arg(file);
        Balancer::start(command, ports)
    }

    fn nginx(folder: &Path, config: &str, ports: &[u16]) -> Balancer {
        let module = Path::new("/usr/lib/nginx/modules/ngx_stream_module.so");
        assert!(module.exists(), "apt install nginx libnginx-mod-stream");
        let file = folder.join("nginx.conf");
        let begin = format!(
            "load_module {};\ndaemon off;\nmaster_process off;\npid {dir}/nginx.pid;\nerror_log /dev/null;\nevents {{}}\n",
            module.display(),
            dir = folder.display()
        );
        fs::write(&file, format!("{begin}stream {{\n{config}}}\n")).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-c").arg(file).arg("-p").arg(folder);
        Balancer::start(command, ports)
    }
}

/// nologd with a listener for balancers on 127.0.0.1, one on ::1, and one on a Unix socket; each network has one session.
struct Behind {
    house: House,
    four: u16,
    six: u16,
    socket: String,
}

fn port() -> u16 {
    wire::listen().1
}

impl Behind {
    fn start() -> Behind {
        let (imap, relay) = (Scripted::imap(PASSWORD), Scripted::smtp());
        let mut settings = Settings::new(imap.port, relay.port);
        let (four, six) = (port(), port());
        let socket = std::env::temp_dir().join(format!("nologd-behind-{}-{four}.sock", std::process::id()));
        let socket = socket.display().to_string();
        settings.limits = "sessions_per_network = 1\n".to_owned();
        let listen = |address: &str, tls: &str, from: &str| {
            format!("[[listen]]\nservice = \"imap\"\naddress = \"{address}\"\ntls = \"{tls}\"\nproxy_protocol = [\"{from}\"]\n")
        };
        settings.listens = [
            listen(&format!("127.0.0.1:{four}"), "implicit", "127.0.0.0/8"),
            listen(&format!("[::1]:{six}"), "implicit", "::1"),
            listen(&format!("unix:{socket}"), "none", "unix"),
        ]
        .concat();
        Behind { house: House::start(&settings), four, six, socket }
    }

    fn stopped(mut self) -> String {
        self.house.process.signal(Signal::SIGTERM);
        self.house.wait_for("nologd: stopped ");
        let _ = fs::remove_file(&self.socket);
        self.house.said()
    }
}

fn greeted(wire: &mut Wire) -> bool {
    wire.line().starts_with("* OK")
}

/// Two clients of the balancer's `port` have a session each, and neither has a second one.
fn two_are_two(port: u16, tls: bool) {
    let connect = |last: u8| {
        let wire = Wire::from([127, 0, 0, last], port);
        if tls { wire.secured() } else { wire }
    };
    let (mut one, mut two) = (connect(11), connect(12));
    assert!(greeted(&mut one) && greeted(&mut two), "port {port}");
    assert!(one.ask(&format!("l LOGIN alice@asso.example {PASSWORD}\r\n"), "l ").contains("l OK"));
    assert!(!greeted(&mut connect(11)) && !greeted(&mut connect(12)), "port {port}");
    // What ends there is known here, before the next of the same network.
    assert!(one.ask("o LOGOUT\r\n", "o ").contains("o OK") && one.ends(PATIENCE));
    drop((one, two));
    std::thread::sleep(Duration::from_millis(300));
}

/// The same for a client that comes by IPv6: it is itself, and apart from those of IPv4.
fn six_is_itself(port: u16) {
    let connect = || Wire::new(TcpStream::connect(("::1", port)).unwrap()).secured();
    let mut one = connect();
    assert!(greeted(&mut one), "port {port}");
    assert!(!greeted(&mut connect()), "port {port}");
    drop(one);
    std::thread::sleep(Duration::from_millis(300));
}

#[test]
fn haproxy_says_where_its_clients_are() {
    let behind = Behind::start();
    let (text, binary, onward, local, forgot) = (port(), port(), port(), port(), port());
    let frontend = |name: &str, port: u16, server: &str| {
        format!("listen {name}\n bind 127.0.0.1:{port}\n bind [::1]:{port}\n server nologd {server}\n")
    };
    let (four, six, socket) = (behind.four, behind.six, behind.socket.clone());
    // As the page for admins has it: looked at each second.
    let config = [
        frontend("text", text, &format!("127.0.0.1:{four} send-proxy check inter 200ms")),
        frontend("binary", binary, &format!("127.0.0.1:{four} send-proxy-v2 check inter 200ms")),
        frontend("onward", onward, &format!("[::1]:{six} send-proxy-v2 proxy-v2-options unique-id check inter 200ms")),
        frontend("local", local, &format!("unix@{socket} send-proxy-v2 check inter 200ms")),
    ]
    .concat();
    let folder = behind.house.place.folder().to_owned();
    let ports = [text, binary, onward, local];
    let balancer = Balancer::haproxy(&folder, &config, &ports);
    for port in [text, binary, onward] {
        two_are_two(port, true);
        six_is_itself(port);
    }
    two_are_two(local, false);
    drop(balancer);
    // Started anew, it goes on.
    let balancer = Balancer::haproxy(&folder, &config, &ports);
    two_are_two(binary, true);
    drop(balancer);
    std::thread::sleep(Duration::from_millis(500));
    let said = fs::read_to_string(behind.house.place.path("nologd.out")).unwrap();
    assert!(!said.contains("proxy-header"), "{said}");
    // send-proxy was forgotten.
    let balancer = Balancer::haproxy(&folder, &frontend("forgot", forgot, &format!("127.0.0.1:{four}")), &[forgot]);
    assert!(!greeted(&mut Wire::tls(forgot)));
    drop(balancer);
    let said = behind.stopped();
    assert!(said.contains("proxy-header-missing listener=4 times=10"), "{said}");
    assert!(!said.contains("listener=5") && !said.contains("listener=6") && !said.contains("foreign"), "{said}");
}

#[test]
fn nginx_says_where_its_clients_are() {
    let behind = Behind::start();
    let (text, onward, local) = (port(), port(), port());
    let server = |port: u16, to: &str| {
        format!("server {{\n listen 127.0.0.1:{port};\n listen [::1]:{port};\n proxy_pass {to};\n proxy_protocol on;\n}}\n")
    };
    let config = [
        server(text, &format!("127.0.0.1:{}", behind.four)),
        server(onward, &format!("[::1]:{}", behind.six)),
        server(local, &format!("unix:{}", behind.socket)),
    ]
    .concat();
    let folder = behind.house.place.folder().to_owned();
    let balancer = Balancer::nginx(&folder, &config, &[text, onward, local]);
    for port in [text, onward] {
        two_are_two(port, true);
        six_is_itself(port);
    }
    two_are_two(local, false);
    drop(balancer);
    let said = behind.stopped();
    assert!(!said.contains("proxy-header"), "{said}");
}
