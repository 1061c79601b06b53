//! Filters by KMail: its own library, without its window (`kmail.cpp`).

use std::path::Path;
use std::process::Command;

use nologd::demo::MEMBERS;

use crate::sieve::Sieve;
use crate::support::{client, succeed};

const HEADERS: &str = "/usr/include/KF5/KManageSieve";

/// STARTTLS with the certificate checked, a login; scripts go up, are refused, listed, read, made the active one and taken away.
#[test]
#[ignore = "make test-others"]
fn filters_by_the_library_of_kmail() {
    assert!(Path::new(HEADERS).exists(), "apt install g++ libkf5ksieve-dev");
    let sieve = Sieve::start("");
    let program = sieve.stack.place.path("kmail");
    let of_qt = |about: &str| succeed(client("pkg-config", "pkg-config").args([about, "Qt5Core", "Qt5Network"]));
    let mut compiler = client("g++", "g++");
    compiler.args(["-std=c++17", "-fPIC", "-I", HEADERS, "-I/usr/include/KF5", "-I/usr/include/KF5/KCoreAddons"]);
    compiler.args(of_qt("--cflags").split_whitespace()).arg("tests/others/kmail.cpp").arg("-o").arg(&program);
    compiler.arg("-lKF5KManageSieve").args(of_qt("--libs").split_whitespace());
    succeed(&mut compiler);

    let mut kmail = Command::new("timeout");
    kmail.arg("60").arg(&program).arg(sieve.upgraded.to_string()).arg(sieve.stack.certificate());
    kmail.args([MEMBERS[0].address, MEMBERS[0].password]).env("XDG_RUNTIME_DIR", sieve.stack.place.path("."));
    let told = succeed(&mut kmail);
    let expected = "list: done\n  scripts: , active: \n\
        put: done\n\
        put and activate: done\n\
        put what is no script: failed\n\
        list: done\n  scripts: filter second, active: second\n\
        get: done\n  script: require \"fileinto\";\r\n# {5+} é\r\nkeep;\n\
        activate: done\n\
        list: done\n  scripts: filter second, active: filter\n\
        deactivate: done\n\
        delete: done\n\
        delete: done\n\
        list: done\n  scripts: , active: \n";
    assert_eq!(told, expected);
}
