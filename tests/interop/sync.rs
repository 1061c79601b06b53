//! mbsync through nologd: a thousand messages, both ways, twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use nologd::demo::MEMBERS;

use crate::support::{Stack, client, succeed};

#[test]
fn mbsync_keeps_a_thousand_messages_in_step_and_then_changes_nothing() {
    let stack = Stack::start();
    let (laptop, desktop) = (stack.place.path("laptop"), stack.place.path("desktop"));
    fill(&stack, "laptop", 0..600);
    sync(&stack, "laptop");
    sync(&stack, "desktop");
    assert_eq!(subjects(&desktop).len(), 600, "what one machine pushed, the other must get");
    fill(&stack, "desktop", 600..1000);
    sync(&stack, "desktop");
    sync(&stack, "laptop");
    assert_eq!(subjects(&laptop), subjects(&desktop));
    assert_eq!(subjects(&laptop).len(), 1000);
    // Twice: the second run finds nothing to do. One message is deleted on one side only after that.
    for machine in ["laptop", "desktop"] {
        let before = listing(&stack.place.path(machine));
        let stored = listing(&stack.dovecot.maildir(MEMBERS[0].address).join(".Work"));
        sync(&stack, machine);
        assert_eq!(listing(&stack.place.path(machine)), before, "the second run changed the {machine}");
        let again = listing(&stack.dovecot.maildir(MEMBERS[0].address).join(".Work"));
        assert_eq!(again, stored, "the second run of the {machine} changed the server");
    }
    let gone = listing(&laptop).into_iter().next().unwrap();
    fs::remove_file(laptop.join("Work/cur").join(gone)).unwrap();
    sync(&stack, "laptop");
    sync(&stack, "desktop");
    assert_eq!(subjects(&desktop).len(), 999);
}

fn fill(stack: &Stack, machine: &str, numbers: std::ops::Range<usize>) {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(stack.place.path(machine).join("Work").join(folder)).unwrap();
    }
    for number in numbers {
        let body = "A line that makes messages differ in length.\n".repeat(number % 50);
        let message =
            format!("From: x@elsewhere.example\nMessage-ID: <{number}@elsewhere.example>\nSubject: number {number}\n\n{body}");
        stack.place.write(&format!("{machine}/Work/cur/{number}.{machine}:2,S"), message.as_bytes()).unwrap();
    }
}

fn sync(stack: &Stack, machine: &str) {
    let local = stack.place.path(machine);
    fs::create_dir_all(&local).unwrap();
    let config = format!(
        "IMAPStore far\nHost localhost\nPort {port}\nUser {user}\nPass {password}\nSSLType IMAPS\nCertificateFile {certificate}\n\
         SystemCertificates no\nTimeout 60\n\n\
         MaildirStore near\nPath {local}/\nInbox {local}/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
        port = stack.ports().imaps,
        user = MEMBERS[0].address,
        password = MEMBERS[0].password,
        certificate = stack.certificate().display(),
        local = local.display(),
    );
    let file = stack.place.write(&format!("mbsync-{machine}"), config.as_bytes()).unwrap();
    let mut mbsync: Command = client("mbsync", "isync");
    succeed(mbsync.env("HOME", stack.place.folder()).arg("-c").arg(file).arg("all"));
}

/// The messages of the folder Work, by their subjects.
fn subjects(machine: &Path) -> BTreeSet<String> {
    let work = machine.join("Work");
    let files = ["cur", "new"].into_iter().flat_map(|folder| fs::read_dir(work.join(folder)).unwrap().flatten());
    files
        .map(|file| {
            let text = fs::read_to_string(file.path()).unwrap();
            text.lines().find(|line| line.starts_with("Subject: ")).unwrap().to_owned()
        })
        .collect()
}

/// The names of all messages, which hold their flags too.
fn listing(folder: &Path) -> BTreeSet<String> {
    let work = if folder.join("Work").exists() { folder.join("Work") } else { folder.to_owned() };
    let files = ["cur", "new"].into_iter().flat_map(|part| fs::read_dir(work.join(part)).unwrap().flatten());
    files.map(|file| file.file_name().into_string().unwrap()).collect()
}
