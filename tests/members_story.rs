//! Members and admins at their pages in a real browser: a real Dovecot judges their passwords. Needs root, for Postfix.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on must say where

use crate::support;

use std::path::Path;

use nologd::demo::Program;
use support::{Stack, axe, client, restart, with_a_restart};

#[test]
#[allow(clippy::print_stdout, clippy::disallowed_macros)] // what was looked at, for who runs it
fn members_and_admins_use_their_pages() {
    let mut stack = Stack::start();
    let (pages, driver) = (stack.place.port().unwrap(), stack.place.port().unwrap());
    let listens = format!(
        "\n[web]\nurl = \"https://mail.nolog.example:{pages}\"\n\n\
         [[listen]]\nservice = \"web\"\naddress = \"127.0.0.1:{pages}\"\ntls = \"implicit\"\n\n\
         [[listen]]\nservice = \"admin-web\"\naddress = \"unix:{}\"\ntls = \"none\"\n",
        stack.place.path("admin-web.sock").display()
    );
    let mut process = restart(&mut stack, |config| config + &listens);
    process.listening(Program::Nologd, pages).unwrap_or_else(|trouble| panic!("{trouble}"));
    let mut story = client("python3", "python3");
    story
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/members/story.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PLACE", stack.place.folder())
        .env("PAGES", pages.to_string())
        .env("DRIVER", driver.to_string())
        .env("NOLOGD", env!("CARGO_BIN_EXE_nologd"))
        .env("NOLOGD_SOCKET", stack.place.path("admin.sock"));
    story.env("AXE", axe());
    println!("{}", with_a_restart(&stack, process, pages, story));
}
