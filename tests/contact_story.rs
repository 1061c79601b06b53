//! Contacts at their pages in real browsers, with links out of real mailboxes: Dovecot stores, Postfix relays, nologd is between all of them.
//! Needs root, for Postfix.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use crate::support;

use std::path::Path;

use nologd::demo::{ASSOCIATIONS, Program};
use support::{Stack, axe, client, restart, succeed, with_a_restart};

#[test]
fn contacts_log_in_share_out_lend_and_hand_over() {
    let mut stack = Stack::start();
    let ports: Vec<_> = (0..3).map(|_| stack.place.port().unwrap()).collect();
    let [pages, driver, driver2] = ports[..] else { panic!("no ports") };
    let page = format!(
        "\n[web]\nurl = \"https://mail.nolog.example:{pages}\"\nhosts = \"bob@velo.example\"\n\n[[listen]]\nservice = \"web\"\naddress = \"127.0.0.1:{pages}\"\ntls = \"implicit\"\n"
    );
    let mut process = restart(&mut stack, |config| config + &page);
    process.listening(Program::Nologd, pages).unwrap_or_else(|trouble| panic!("{trouble}"));
    for association in ASSOCIATIONS {
        let contact = association.contact;
        let set = [
            "association",
            "set",
            association.name,
            "--storage",
            "10G",
            "--mailbox-default",
            "1G",
            "--contact",
            contact,
            "--lang",
            "fr",
        ];
        nologd(&stack, &set);
    }
    let mut story = client("python3", "python3");
    story
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contact/story.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AXE", axe())
        .env("PLACE", stack.place.folder())
        .env("PAGES", pages.to_string())
        .env("IMAPS", stack.ports().imaps.to_string())
        .env("DRIVER", driver.to_string())
        .env("DRIVER2", driver2.to_string())
        .env("NOLOGD", env!("CARGO_BIN_EXE_nologd"))
        .env("NOLOGD_SOCKET", stack.place.path("admin.sock"));
    with_a_restart(&stack, process, pages, story);
}

/// Without it the stories of contacts, members and admins look at nothing.
#[test]
fn axe_core_looks_at_the_pages() {
    assert!(axe().exists(), "axe-core is not there, so nobody can say that the pages are accessible: make axe");
}

fn nologd(stack: &Stack, arguments: &[&str]) {
    let mut command = client(env!("CARGO_BIN_EXE_nologd"), "nologd");
    succeed(command.args(arguments).env("NOLOGD_SOCKET", stack.place.path("admin.sock")));
}
