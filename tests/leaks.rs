//! A deliberate leak of each kind, and who catches it: the compiler, the layer, the hook, clippy. The kernel's part is in
//! `sandbox.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)] // the leaks; without this line, clippy catches each of them

use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::path::Path;
use std::process::Command;

use nologd::event::{self, Event, emit};
use nologd::private::{Address, Credential, Domain, Peer, Private, Pseudonym, Secret};

/// Whether `T` can be printed: an inherent constant, where its bound holds, hides the trait's.
struct Of<T>(PhantomData<T>);

trait Otherwise {
    const DEBUG: bool = false;
    const DISPLAY: bool = false;
    const SERIALIZE: bool = false;
}
impl<T> Otherwise for Of<T> {}
impl<T: Debug> Of<T> {
    const DEBUG: bool = true;
}
impl<T: Display> Of<T> {
    const DISPLAY: bool = true;
}
impl<T: serde::Serialize> Of<T> {
    const SERIALIZE: bool = true;
}

macro_rules! printable {
    ($($type:ty),*) => { [$((stringify!($type), [Of::<$type>::DEBUG, Of::<$type>::DISPLAY, Of::<$type>::SERIALIZE])),*] };
}

#[test]
fn no_personal_type_can_be_printed() {
    let private =
        printable!(Address, Credential, Domain, Peer, Private<String>, Private<u8>, Pseudonym, Secret, nologd::limit::Seat);
    for (name, ways) in private {
        assert_eq!(ways, [false; 3], "{name}");
    }
    assert_eq!(printable!(String)[0].1, [true; 3], "the check can see what can be printed");
    assert_eq!(printable!(Option<u8>, Option<Address>).map(|(_, ways)| ways[0]), [true, false]);
}

/// Runs `child` below in a process of its own, because the layer and the hook belong to a whole process.
#[test]
fn foreign_events_spans_and_panics_print_nothing_but_the_place() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output =
        command.args(["--exact", "child", "--nocapture", "--test-threads", "1"]).env("NOLOGD_LEAK", "1").output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{errors}");
    assert!(!out.contains("canary") && !errors.contains("canary"), "{out}\n{errors}");
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 3, "{errors}");
    assert_eq!(lines[0], "nologd: started listeners=4 backends=1");
    assert!(lines[1].starts_with("nologd: panicked line="), "{errors}");
    // Left out of the policy in force from then on: `backend-up`.
    assert_eq!(lines[2], "nologd: backend-down backend=7 service=imap");
}

#[test]
fn child() {
    if std::env::var_os("NOLOGD_LEAK").is_none() {
        return;
    }
    event::install();
    event::install_hook();
    let user = "canary@velo.example";
    tracing::error!("login of {user} failed");
    tracing::info!(target: "nologd::event", event = 0u64, a = 1u64, user, "borrowed target");
    let span = tracing::info_span!("canary-session", user);
    span.in_scope(|| tracing::warn!(?user));
    emit(Event::Started { listeners: 4, backends: 1 });
    assert!(std::thread::spawn(move || panic!("what {user} sent")).join().is_err());
    event::print_only(["backend-down", "login"].into_iter());
    emit(Event::BackendUp { backend: 7, service: 0 });
    emit(Event::BackendDown { backend: 7, service: 0 });
}

/// Leaks as somebody in a hurry would write them, each compiled alone by clippy with this crate's own rules: none gets through.
#[test]
fn a_careless_line_does_not_compile_or_does_not_pass_clippy() {
    let folder = std::env::temp_dir().join(format!("nologd-leaks-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let who = "fn leak(who: &nologd::private::Address)";
    let tracing = library("tracing");
    // The harmless one shows that the others fail for what they do.
    assert_eq!(judged(&folder, &format!("{who} {{ let _ = who.reveal().len(); }}"), &tracing), "");
    for (line, wanted) in [
        ("let _ = format!(\"{who:?}\");", "doesn't implement `std::fmt::Debug`"),
        ("let _ = format!(\"{who}\");", "doesn't implement `std::fmt::Display`"),
        ("tracing::info!(\"login of {}\", who.reveal());", "use of a disallowed macro `tracing::info`"),
        ("tracing::error!(user = who.reveal());", "use of a disallowed macro `tracing::error`"),
        ("println!(\"{}\", who.reveal());", "use of a disallowed macro `std::println`"),
        ("eprintln!(\"{}\", who.reveal());", "use of a disallowed macro `std::eprintln`"),
        ("let _ = dbg!(who.reveal());", "use of a disallowed macro `std::dbg`"),
        ("let _ = std::fs::write(\"/tmp/who\", who.reveal());", "use of a disallowed method `std::fs::write`"),
        ("let _ = std::fs::File::create(who.reveal());", "use of a disallowed method `std::fs::File::create`"),
    ] {
        let told = judged(&folder, &format!("{who} {{ {line} }}"), &tracing);
        assert!(told.contains(wanted), "{line}:\n{told}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What clippy says of `code`; empty when it has nothing to say.
fn judged(folder: &Path, code: &str, tracing: &Path) -> String {
    let file = folder.join("leak.rs");
    std::fs::write(&file, format!("#![allow(dead_code)]\n{code}\n")).unwrap();
    let bin = Path::new(env!("CARGO")).parent().unwrap();
    let driver = Some(bin.join("clippy-driver")).filter(|driver| driver.exists()).unwrap_or("clippy-driver".into());
    let mut command = Command::new(driver);
    command.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--error-format", "short"]);
    command.args(["-D", "clippy::disallowed_macros", "-D", "clippy::disallowed_methods"]);
    command.arg("-L").arg(format!("dependency={}", deps().display())).arg("--out-dir").arg(folder);
    command.arg("--extern").arg(format!("nologd={}", library("nologd").display()));
    command.arg("--extern").arg(format!("tracing={}", tracing.display())).arg(file);
    let output = command.env("CLIPPY_CONF_DIR", env!("CARGO_MANIFEST_DIR")).output().expect("rustup component add clippy");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The folder that this test was built into.
fn deps() -> std::path::PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The library that was built last under this name.
fn library(name: &str) -> std::path::PathBuf {
    let start = format!("lib{name}-");
    let files = std::fs::read_dir(deps()).unwrap().map(|entry| entry.unwrap().path());
    let is = |path: &std::path::PathBuf| {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        file.starts_with(&start) && file.ends_with(".rlib")
    };
    files.filter(is).max_by_key(|path| std::fs::metadata(path).and_then(|data| data.modified()).unwrap()).unwrap()
}

/// Printing and writing are refused by clippy, which `make test` runs with warnings as errors; and nobody has switched it off
/// but the demo, which is not the daemon.
#[test]
fn clippy_refuses_prints_and_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let rules = read("clippy.toml");
    for path in ["std::println", "std::print", "std::eprintln", "std::eprint", "std::dbg", "tracing::info", "tracing::span"] {
        assert!(rules.contains(&format!("{{ path = \"{path}\",")), "{path}");
    }
    for path in ["std::fs::write", "std::fs::File::create"] {
        assert!(rules.contains(&format!("{{ path = \"{path}\",")), "{path}");
    }
    let lints = read("Cargo.toml");
    for lint in ["print_stdout", "print_stderr", "disallowed_macros", "disallowed_methods"] {
        assert!(lints.contains(&format!("{lint} = \"warn\"")), "{lint}");
    }
    assert!(read("Makefile").contains("clippy --locked --all-targets -- -D warnings"));
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for switch in ["clippy::print_std", "clippy::disallowed_ma", "clippy::disallowed_me", "allow(clippy::all"] {
                let demo = path.starts_with(root.join("src/demo"));
                assert!(demo || !text.contains(switch), "{}: {switch}", path.display());
            }
        }
    }
}
