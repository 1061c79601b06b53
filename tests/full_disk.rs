//! A start on a disk that is full: what `check` says of it (`tests/bad_start/51` to `53`) is what happens.
#![allow(clippy::unwrap_used)] // helpers of tests

use crate::root;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::User;
use nologd::demo::{Owner, Place, Process, Program};

/// A place for a daemon that becomes nobody, and the port of its IMAP listener.
fn place() -> (Place, u16) {
    let place = Place::new().unwrap();
    let nobody = User::from_name("nobody").unwrap().unwrap();
    place.make("state", Owner { uid: nobody.uid, gid: nobody.gid }).unwrap();
    place.make("run", Owner::me()).unwrap();
    let (port, folder) = (place.port().unwrap(), place.folder().display().to_string());
    let config = format!(
        "hostname = \"mail.nolog.example\"\nstate_dir = \"{folder}/state\"\nuser = \"nobody\"\ndrain_seconds = 1\n\
         [[listen]]\nservice = \"imap\"\naddress = \"127.0.0.1:{port}\"\ntls = \"none\"\n\
         [[listen]]\nservice = \"admin\"\naddress = \"unix:{folder}/run/admin.sock\"\ntls = \"none\"\n\
         [[backend]]\nname = \"store1\"\nimap = \"imap://127.0.0.1:1\"\n\
         [[association]]\nname = \"velo\"\ndomains = [\"velo.example\"]\n"
    );
    place.write("nologd.toml", config.as_bytes()).unwrap();
    (place, port)
}

/// What runs behind `work`, where the state folder is a disk of its own with a file that fills it.
fn on_a_full_disk(place: &Path, work: &str) -> Command {
    let (state, disk, config) = (place.join("state"), place.join("disk"), place.join("nologd.toml"));
    let (state, disk, program) = (state.display(), disk.display(), env!("CARGO_BIN_EXE_nologd"));
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c"]).env_remove("NOLOGD_SOCKET").arg(format!(
        "mkdir {disk}; mount -t tmpfs -o size=8m none {disk} && cp -a {state}/. {disk}/ && (cat /dev/zero >{disk}/filler) 2>/dev/null; \
         mount --bind {disk} {state} && run() {{ exec {program} run --config {}; }}; {work}",
        config.display()
    ));
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_first_start_leaves_nothing_that_keeps_the_next_one_from_starting() {
    root::needed();
    let (place, _) = place();
    // The second try is on the same disk, which has room by then.
    let work = format!(
        "(run); echo first=$?; find {0} -type f ! -name filler -size 0 | grep -v lock; rm {0}/filler; \
         (run) >{1} 2>&1 & p=$!; for i in $(seq 100); do grep -q 'nologd: started ' {1} && break; sleep 0.1; done; cat {1}; kill $p; wait $p",
        place.path("state").display(),
        place.path("second").display()
    );
    let told = said(&on_a_full_disk(place.folder(), &work).output().unwrap());
    assert!(told.contains("first=1\n") && told.contains("the store cannot be opened: its disk is full"), "{told}");
    assert!(!told.contains("message-id.key") && told.matches("nologd: started ").count() == 1, "{told}");
}

#[test]
fn a_later_start_carries_mail_refuses_changes_and_says_so() {
    root::needed();
    let (place, port) = place();
    let run = |command: Command| {
        let mut process = Process::start(command, Program::Nologd, Some(&place.path("out"))).unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while !fs::read_to_string(place.path("out")).unwrap_or_default().contains("nologd: started ") {
            let gone = process.ended().is_some();
            assert!(!gone && Instant::now() < end, "{}", fs::read_to_string(place.path("out")).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    };
    let nologd = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
        command
            .args(words.split(' '))
            .arg("--config")
            .arg(place.path("nologd.toml"))
            .env_remove("NOLOGD_SOCKET")
            .output()
            .unwrap()
    };
    let mut begun = Command::new(env!("CARGO_BIN_EXE_nologd"));
    begun.arg("run").arg("--config").arg(place.path("nologd.toml")).env_remove("NOLOGD_SOCKET");
    let mut begun = run(begun);
    assert!(nologd("association set velo --storage 1G").status.success());
    begun.signal(Signal::SIGTERM);
    assert_eq!(begun.wait(Duration::from_secs(20)), Some(true));
    fs::remove_file(place.path("out")).unwrap();

    let mut daemon = run(on_a_full_disk(place.folder(), "run"));
    let mut greeting = String::new();
    BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()).read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("* OK "), "{greeting}");
    assert!(said(&nologd("association list")).contains("velo"), "the book is there");
    let refused = nologd("association set velo --storage 2G");
    assert!(refused.status.code() == Some(1) && !refused.stderr.is_empty(), "{}", said(&refused));
    let shown: serde_json::Value = serde_json::from_slice(&nologd("association show velo --json").stdout).unwrap();
    assert!(
        shown.to_string().contains(&(1_u64 << 30).to_string()) && !shown.to_string().contains(&(2_u64 << 30).to_string()),
        "{shown}"
    );
    let (out, status) = (fs::read_to_string(place.path("out")).unwrap(), said(&nologd("status")));
    assert!(out.contains("nologd: store-failed times=1\n"), "{out}");
    assert!(status.contains("cannot be written: mail goes on, changes are refused"), "{status}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(Duration::from_secs(20)), Some(true));
}
