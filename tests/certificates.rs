//! Certificates in time: whatever happens between a good one and the next good one, the good one is shown. And the real program under
//! an unlucky admin: half a renewal, links that are swapped, rights that are taken, fifty reloads in a second.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // helpers of tests

use crate::{house, root, wire};

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use house::{House, Settings};
use nix::sys::signal::Signal;
use nologd::demo::Place;
use nologd::net::certificate_folder::Broken;
use nologd::net::certificates::Certificates;
use rcgen::{CertificateParams, KeyPair};
use wire::Wire;

const NAME: &str = "mail.nolog.example";
const DAY: i64 = 86_400;

/// A certificate and its key.
struct Pair {
    chain: String,
    key: String,
}

/// Valid from so many days ago, and for so many from now.
fn pair(since: i64, left: i64) -> Pair {
    pair_for(&[NAME], since, left)
}

fn pair_for(names: &[&str], since: i64, left: i64) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    let at =
        |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs((now().cast_signed() + seconds).cast_unsigned());
    // An hour from the border, on both sides.
    (params.not_before, params.not_after) = (at(-since * DAY - 3600), at(left * DAY + 3600));
    Pair { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Puts `pair` into `folder`, whatever was there.
fn put(folder: &Path, pair: &Pair) {
    clear(folder);
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("fullchain.pem"), &pair.chain).unwrap();
    fs::write(folder.join("privkey.pem"), &pair.key).unwrap();
}

fn clear(folder: &Path) {
    if folder.is_dir() {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let _ = fs::remove_dir_all(folder).or_else(|_| fs::remove_file(folder));
}

/// What can stand there while a renewal goes wrong.
type State = (&'static str, fn(&Path, &Pair), Option<Broken>);

fn half(text: &str) -> String {
    text[..text.len() / 2].to_owned()
}

/// What is no file makes nobody wait, and what has no end is not read to it.
fn no_files() -> Vec<State> {
    vec![
        (
            "a pipe in place of the key",
            |folder, new| {
                put(folder, new);
                fs::remove_file(folder.join("privkey.pem")).unwrap();
                nix::unistd::mkfifo(&folder.join("privkey.pem"), nix::sys::stat::Mode::S_IRWXU).unwrap();
            },
            Some(Broken::Unreadable),
        ),
        (
            "a link to what has no end",
            |folder, new| {
                put(folder, new);
                fs::remove_file(folder.join("fullchain.pem")).unwrap();
                symlink("/dev/zero", folder.join("fullchain.pem")).unwrap();
            },
            Some(Broken::Unreadable),
        ),
        (
            "a file as long as a film",
            |folder, new| {
                put(folder, new);
                fs::OpenOptions::new().write(true).open(folder.join("privkey.pem")).unwrap().set_len(1 << 32).unwrap();
            },
            Some(Broken::Unreadable),
        ),
    ]
}

fn states() -> Vec<State> {
    let mut states = no_files();
    states.extend::<Vec<State>>(vec![
        ("no folder", |folder, _| clear(folder), Some(Broken::Gone)),
        (
            "a file where the folder was",
            |folder, _| {
                clear(folder);
                fs::write(folder, "x").unwrap()
            },
            Some(Broken::Unreadable),
        ),
        (
            "an empty folder",
            |folder, _| {
                clear(folder);
                fs::create_dir(folder).unwrap()
            },
            Some(Broken::Unreadable),
        ),
        (
            "no key",
            |folder, new| {
                put(folder, new);
                fs::remove_file(folder.join("privkey.pem")).unwrap()
            },
            Some(Broken::Unreadable),
        ),
        (
            "a link to nowhere",
            |folder, new| {
                put(folder, new);
                fs::remove_file(folder.join("fullchain.pem")).unwrap();
                symlink("../../archive/gone.pem", folder.join("fullchain.pem")).unwrap();
            },
            Some(Broken::Unreadable),
        ),
        (
            "half a certificate",
            |folder, new| {
                put(folder, new);
                fs::write(folder.join("fullchain.pem"), half(&new.chain)).unwrap()
            },
            Some(Broken::Certificate),
        ),
        (
            "an empty certificate",
            |folder, new| {
                put(folder, new);
                fs::write(folder.join("fullchain.pem"), "").unwrap()
            },
            Some(Broken::Certificate),
        ),
        (
            "half a key",
            |folder, new| {
                put(folder, new);
                fs::write(folder.join("privkey.pem"), half(&new.key)).unwrap()
            },
            Some(Broken::Key),
        ),
        (
            "another's key",
            |folder, new| {
                put(folder, new);
                fs::write(folder.join("privkey.pem"), pair(1, 90).key).unwrap()
            },
            Some(Broken::Mismatch),
        ),
        ("one that is over", |folder, _| put(folder, &pair(90, -1)), Some(Broken::OutOfDate)),
        ("one that is not valid yet", |folder, _| put(folder, &pair(-2, 99)), Some(Broken::OutOfDate)),
    ]);
    states
}

/// The one in force, by what tells certificates apart.
fn in_force(certificates: &Certificates, of: &Pair) -> bool {
    let der = pem(&of.chain);
    certificates.shown(NAME).is_some_and(|shown| shown == der)
}

fn pem(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    let inside: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(inside).unwrap()
}

/// Each two broken states one after the other, each read once and twice: the good one stays, and the next good one comes.
#[test]
fn the_last_good_one_stays_until_a_good_one_comes() {
    let place = Place::new().unwrap();
    let (parent, folder) = (place.path("certs"), place.path("certs").join(NAME));
    let (old, new) = (pair(30, 60), pair(0, 90));
    let states = states();
    assert!(states.len() >= 10);
    for (first, make_first, why_first) in &states {
        for (second, make_second, why_second) in &states {
            put(&folder, &old);
            let (certificates, report) = Certificates::load(&parent, NAME, now());
            assert!(report.default && report.broken.is_empty() && in_force(&certificates, &old));
            for (make, why) in [(make_first, why_first), (make_second, why_second), (make_second, why_second)] {
                make(&folder, &new);
                let report = certificates.reload(now());
                assert!(report.default && report.names == 1, "{first}, then {second}: nothing is served any more");
                assert_eq!(report.broken.first().map(|(.., why)| *why), *why, "{first}, then {second}");
                assert!(in_force(&certificates, &old), "{first}, then {second}");
            }
            put(&folder, &new);
            assert!(certificates.changed(now()), "{first}, then {second}: the good one is not seen");
            assert!(certificates.reload(now()).broken.is_empty() && in_force(&certificates, &new), "{first}, then {second}");
            assert!(!certificates.changed(now()));
        }
    }
}

/// What was refused for its dates is looked at again when the clock says something else, though no file changes: a machine that starts with a
/// wrong clock renews nothing for ever, and a certificate may be put there a day before it begins.
#[test]
fn dates_are_judged_anew_when_they_turn() {
    let place = Place::new().unwrap();
    let (parent, folder) = (place.path("certs"), place.path("certs").join(NAME));
    let (old, new, days) = (pair(80, 10), pair(-2, 90), |days: i64| (now().cast_signed() + days * DAY).cast_unsigned());
    put(&folder, &old);
    let (certificates, _) = Certificates::load(&parent, NAME, now());
    put(&folder, &new);
    assert_eq!(certificates.reload(now()).broken.len(), 1);
    assert!(in_force(&certificates, &old));
    assert!(!certificates.changed(now()) && !certificates.changed(days(1)), "nothing turns before it begins");
    assert!(certificates.changed(days(3)));
    assert!(certificates.reload(days(3)).broken.is_empty() && in_force(&certificates, &new));
    assert!(!certificates.changed(days(3)) && certificates.changed(days(100)));

    // The clock was three weeks behind when the file came.
    put(&folder, &old);
    let (certificates, _) = Certificates::load(&parent, NAME, days(-20));
    let renewed = pair(1, 89);
    put(&folder, &renewed);
    assert_eq!(certificates.reload(days(-20)).broken.len(), 1, "not valid then, and the old one is");
    assert!(certificates.changed(now()) && certificates.reload(now()).broken.is_empty());
    assert!(in_force(&certificates, &renewed) && !certificates.changed(now()));
    assert!(certificates.changed(days(-20)), "and back again");
}

/// What is broken from the start is never in force, and does no harm to the others.
#[test]
fn what_was_never_good_is_never_shown() {
    let place = Place::new().unwrap();
    let parent = place.path("certs");
    let good = pair(1, 90);
    put(&parent.join(NAME), &good);
    for (state, make, _) in states() {
        let other = parent.join("other.example");
        make(&other, &pair(0, 90));
        let (certificates, report) = Certificates::load(&parent, NAME, now());
        // What is over is better than nothing where nothing else is.
        assert_eq!(
            report.broken.len(),
            usize::from(!state.starts_with("one that") && state != "no folder" && other.is_dir()),
            "{state}"
        );
        assert!(report.default && in_force(&certificates, &good), "{state}");
        clear(&other);
    }
}

/// certbot makes NAME-0001 beside NAME: the one that lives longer is shown, whatever its folder is called.
#[test]
fn of_two_for_one_name_the_longer_one_is_shown() {
    let place = Place::new().unwrap();
    let parent = place.path("certs");
    let (old, new) = (pair(80, 10), pair(0, 90));
    put(&parent.join(NAME), &old);
    put(&parent.join(format!("{NAME}-0001")), &new);
    let (certificates, _) = Certificates::load(&parent, NAME, now());
    assert!(in_force(&certificates, &new));
    // One that is only kept comes behind one that is there.
    clear(&parent.join(format!("{NAME}-0001")));
    certificates.reload(now());
    assert!(in_force(&certificates, &old));
    let standing: Vec<_> = certificates.standing().iter().map(|one| (one.broken, one.validity.unwrap().days(now()))).collect();
    assert_eq!(standing, [(None, 10), (Some(Broken::Gone), 90)]);
    assert_eq!(certificates.fewest_days(now()), Some(10));
}

/// A contact sees the days of what its programs are shown, and no name of anybody else's.
#[test]
fn what_covers_a_domain_is_found_and_nothing_beside_it() {
    let place = Place::new().unwrap();
    let parent = place.path("certs");
    put(&parent.join(NAME), &pair(0, 61));
    put(&parent.join("many"), &pair_for(&["mail.velo.example", "*.velo.example", "notvelo.example", "jardin.example"], 0, 30));
    put(&parent.join("late"), &pair_for(&["*.asso.example"], 90, -3));
    let (certificates, _) = Certificates::load(&parent, NAME, now());
    let covering = |domains: &[&str]| {
        let found = certificates.covering(&[NAME], domains, now()).into_iter();
        found.map(|(name, days)| format!("{name} {}", days.unwrap())).collect::<Vec<_>>()
    };
    let own = format!("{NAME} 61");
    assert_eq!(covering(&["velo.example"]), ["*.velo.example 30", &own, "mail.velo.example 30"]);
    assert_eq!(covering(&["chorale.asso.example"]), ["chorale.asso.example -3", &own]);
    // What only the default would be shown for has none of its own.
    assert_eq!(covering(&["verger.example"]), [own]);
}

/// A link that is swapped to a file of the same time and size is a change; so are rights that are given back.
#[test]
fn a_swap_that_keeps_times_and_sizes_is_seen() {
    let place = Place::new().unwrap();
    let (parent, folder, archive) = (place.path("certs"), place.path("certs").join(NAME), place.path("archive"));
    let (old, new) = (pair(30, 60), pair(30, 60));
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(&archive).unwrap();
    let same = SystemTime::now() - Duration::from_secs(1000);
    for (number, pair) in [(1, &old), (2, &new)] {
        for (file, text) in [("fullchain", &pair.chain), ("privkey", &pair.key)] {
            let path = archive.join(format!("{file}{number}.pem"));
            fs::write(&path, text).unwrap();
            fs::File::open(&path).unwrap().set_modified(same).unwrap();
        }
    }
    let link = |number: u8, file: &str| {
        let (temporary, link) = (folder.join("new"), folder.join(format!("{file}.pem")));
        symlink(archive.join(format!("{file}{number}.pem")), &temporary).unwrap();
        fs::rename(&temporary, &link).unwrap();
    };
    ["fullchain", "privkey"].into_iter().for_each(|file| link(1, file));
    let (certificates, _) = Certificates::load(&parent, NAME, now());
    assert!(in_force(&certificates, &old) && !certificates.changed(now()));
    // In the middle of certbot's own swap.
    link(2, "privkey");
    assert!(certificates.changed(now()));
    assert_eq!(certificates.reload(now()).broken.len(), 1);
    assert!(in_force(&certificates, &old) && !certificates.changed(now()));
    link(2, "fullchain");
    assert!(certificates.changed(now()) && certificates.reload(now()).broken.is_empty() && in_force(&certificates, &new));
    // Rights change no content and no time of it.
    fs::set_permissions(archive.join("privkey2.pem"), Permissions::from_mode(0o600)).unwrap();
    assert!(certificates.changed(now()));
}

fn house() -> House {
    let mut settings = Settings::new(1, 1);
    settings.admin = true;
    House::start(&settings)
}

fn folder(house: &House) -> PathBuf {
    house.place.path("certs").join(NAME)
}

/// Sends SIGHUP, and waits until one more reload of certificates was told.
fn reload(house: &mut House) {
    let before = house.said().matches("certificates-reloaded").count();
    house.process.signal(Signal::SIGHUP);
    let end = Instant::now() + Duration::from_secs(10);
    while house.said().matches("certificates-reloaded").count() <= before {
        assert!(Instant::now() < end && house.process.ended().is_none(), "{}", house.said());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn greets(house: &House) -> bool {
    Wire::tls(house.ports.imaps).line().starts_with("* OK")
}

/// Two reloads with a broken key, and TLS is there at every listener; days left and what is wrong stand in `status`.
#[test]
fn two_reloads_with_a_broken_certificate_do_not_take_tls_down() {
    let mut house = house();
    let key = folder(&house).join("privkey.pem");
    let good = fs::read(&key).unwrap();
    fs::write(&key, "no key").unwrap();
    for _ in 0..3 {
        reload(&mut house);
        assert!(greets(&house) && house.said().contains("certificate-broken position=0"));
    }
    let status = house.ask("status");
    assert!(
        status.contains(&format!("certificate         {NAME}: ")) && status.contains("cannot be used: there is no usable key"),
        "{status}"
    );
    let told: serde_json::Value = serde_json::from_str(&house.ask("status --json")).unwrap();
    assert!(told["certificates"][0]["days"].as_i64().unwrap() > 0 && told["certificates"][0]["in-force"] == true);
    fs::remove_dir_all(folder(&house)).unwrap();
    reload(&mut house);
    assert!(greets(&house));
    fs::create_dir(folder(&house)).unwrap();
    fs::write(&key, good).unwrap();
    fs::write(folder(&house).join("fullchain.pem"), nologd::demo::CERTIFICATE).unwrap();
    reload(&mut house);
    assert!(greets(&house) && !house.ask("status").contains("cannot be used"));
}

/// What is short or over is told at the start, with its days.
#[test]
fn what_ends_is_told() {
    let mut house = house();
    for (pair, words) in [(pair(60, 13), "certificate-ends position=0 days=13"), (pair(60, -3), "certificate-over position=0")] {
        stop(&mut house);
        put(&folder(&house), &pair);
        start_again(&mut house);
        house.wait_for(words);
        assert!(greets_anyhow(&house));
    }
    assert!(!house.said().contains("certificate-closed"));
}

/// As the handbook has it, and `check` says where somebody adds 0.0.0.0 to it.
#[test]
fn one_listener_at_all_addresses_serves_both_families() {
    let mut house = house();
    stop(&mut house);
    // The example key is for loopback alone.
    put(&folder(&house), &pair(1, 60));
    let (file, port) = (house.place.path("nologd.toml"), wire::listen().1);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[[listen]]\nservice = \"imap\"\naddress = \"[::]:{port}\"\ntls = \"implicit\"\n")).unwrap();
    start_again(&mut house);
    for address in ["127.0.0.1", "::1"] {
        assert!(std::net::TcpStream::connect((address, port)).is_ok(), "{address}");
    }
}

mod as_root {
    use super::*;

    /// A key whose rights are taken away is a broken one, and the certificate before it stays.
    #[test]
    fn a_key_that_only_root_reads_is_broken_at_a_reload() {
        root::needed();
        let mut house = house();
        let key = folder(&house).join("privkey.pem");
        // It is root's from now on, as certbot makes it.
        let good = fs::read(&key).unwrap();
        fs::remove_file(&key).unwrap();
        fs::write(&key, good).unwrap();
        let broken = |house: &House| house.said().matches("certificate-broken").count();
        let before = broken(&house);
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        for more in 1..=2 {
            reload(&mut house);
            // It is told beside the end of the reload, in either order.
            let end = Instant::now() + Duration::from_secs(5);
            while broken(&house) < before + more {
                assert!(Instant::now() < end, "{}", house.said());
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        // Or more often: that the key was written anew is seen by itself, at any of these moments.
        assert!(greets(&house) && broken(&house) >= before + 2, "{}", house.said());
        fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        reload(&mut house);
        assert!(greets(&house) && !house.ask("status").contains("cannot be used"));
    }

    /// What only root reads is told at the start.
    #[test]
    fn a_key_that_only_root_reads_is_told_at_the_start_and_kept() {
        root::needed();
        let mut house = house();
        stop(&mut house);
        put(&folder(&house), &pair(0, 90));
        fs::set_permissions(folder(&house).join("privkey.pem"), Permissions::from_mode(0o600)).unwrap();
        start_again(&mut house);
        house.wait_for("certificate-closed position=0");
        // And the reload keeps what root read.
        reload(&mut house);
        assert!(greets_anyhow(&house));
    }
}

fn stop(house: &mut House) {
    house.process.signal(Signal::SIGTERM);
    assert_eq!(house.process.wait(Duration::from_secs(30)), Some(true));
}

/// TLS with whatever certificate.
fn greets_anyhow(house: &House) -> bool {
    let command = format!("echo a LOGOUT | openssl s_client -quiet -crlf -connect 127.0.0.1:{}", house.ports.imaps);
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).contains("* OK")
}

fn start_again(house: &mut House) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let output = house.place.path("nologd.out");
    let old = house.place.path(&format!("nologd.out.{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::rename(&output, old).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.arg("run").arg("--config").arg(house.place.path("nologd.toml"));
    house.process = nologd::demo::Process::start(command, nologd::demo::Program::Nologd, Some(&output)).unwrap();
    house.wait_for("nologd: started ");
}

/// SIGHUP from the first moment on, before anything is bound, ends no start.
#[test]
fn a_reload_that_comes_too_early_does_not_end_the_start() {
    for wait in [0, 1, 2, 5, 10, 20, 40, 80] {
        let mut house = house();
        house.process.signal(Signal::SIGTERM);
        assert_eq!(house.process.wait(Duration::from_secs(30)), Some(true));
        let output = house.place.path("early.out");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nologd"));
        command.arg("run").arg("--config").arg(house.place.path("nologd.toml"));
        house.process = nologd::demo::Process::start(command, nologd::demo::Program::Nologd, Some(&output)).unwrap();
        // Once it is the program, and not the shell of its start.
        let status = format!("/proc/{}/status", house.process.pid());
        let blocked = || {
            fs::read_to_string(&status)
                .is_ok_and(|text| text.lines().any(|line| line.starts_with("SigBlk") && line.ends_with('1')))
        };
        let end = Instant::now() + Duration::from_secs(10);
        while !blocked() && Instant::now() < end {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(wait));
        house.process.signal(Signal::SIGHUP);
        let said = || fs::read_to_string(&output).unwrap_or_default();
        while !said().contains("nologd: certificates-reloaded") {
            assert!(Instant::now() < end && house.process.ended().is_none(), "after {wait} ms: {}", said());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(said().contains("nologd: reloaded "), "{}", said());
    }
}

/// A storm of reloads while a renewal is written by pieces and swapped: nobody who connects meets a closed door, and the end is good.
#[test]
fn fifty_reloads_in_a_second_in_the_middle_of_a_renewal() {
    let mut house = house();
    let folder = folder(&house);
    let (chain, key) = (fs::read(folder.join("fullchain.pem")).unwrap(), fs::read(folder.join("privkey.pem")).unwrap());
    let begin = Instant::now();
    for round in 0..50 {
        let piece = chain.len() * (round % 7) / 7;
        fs::write(folder.join("new"), &chain[..piece]).unwrap();
        fs::rename(folder.join("new"), folder.join("fullchain.pem")).unwrap();
        house.process.signal(Signal::SIGHUP);
        if round % 10 == 5 {
            assert!(greets(&house), "in round {round}");
        }
        std::thread::sleep(Duration::from_millis(15));
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    fs::write(folder.join("fullchain.pem"), &chain).unwrap();
    fs::write(folder.join("privkey.pem"), &key).unwrap();
    reload(&mut house);
    assert!(greets(&house) && house.process.ended().is_none());
    assert!(!house.ask("status").contains("cannot be used"));
}
