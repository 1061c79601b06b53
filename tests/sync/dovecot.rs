//! The lines for Dovecot on hosts with a panel, tried on a real Dovecot 2.3: it counts, and refuses nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nologd::demo::Place;

use crate::root;

fn doveadm(place: &Place, line: &str, input: &str) -> String {
    let mut command = Command::new("doveadm");
    command.arg("-c").arg(place.path("dovecot.conf")).args(line.split(' '));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    [output.stdout, output.stderr].iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
}

mod as_root {
    use super::*;

    #[test]
    fn with_the_lines_of_the_package_dovecot_counts_and_refuses_nothing() {
        root::needed();
        let version = Command::new("dovecot").arg("--version").output().unwrap().stdout;
        // 2.4 has no dict quota any more.
        if !version.starts_with(b"2.3") {
            return;
        }
        for template in ["alternc-dovecot.conf", "postfixadmin-dovecot.conf"] {
            let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
            let folder = place.folder().display().to_string();
            fs::create_dir(place.path("home")).unwrap();
            for open in [place.folder(), &place.path("home")] {
                fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
            }
            // As AlternC has it, but for where the numbers are kept.
            let dict = format!("file:{folder}/home/dict");
            let config = format!(
                "base_dir = {folder}/run\nlog_path = {folder}/log\nmail_location = maildir:~/Maildir\nssl = no\nprotocols =\nmail_plugins = quota\n\
                 passdb {{\n  driver = static\n  args = password=x\n}}\nfirst_valid_uid = 1\n\
                 userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home={folder}/home/%u\n}}\n\
                 plugin {{\n  quota = dict:user::{dict}\n  quota_rule = *:storage=2K\n  quota_warning = storage=80%% echo\n}}\n\
                 !include_try {folder}/97.conf\n"
            );
            fs::write(place.path("dovecot.conf"), config).unwrap();
            let mut server = Command::new("dovecot").arg("-F").arg("-c").arg(place.path("dovecot.conf")).spawn().unwrap();
            let end = Instant::now() + Duration::from_secs(20);
            while !place.path("run/auth-userdb").exists() {
                assert!(Instant::now() < end, "{}", fs::read_to_string(place.path("log")).unwrap_or_default());
                std::thread::sleep(Duration::from_millis(50));
            }
            let letter = format!("From: a@velo.example\nSubject: x\n\n{}\n", format!("{}\n", "x".repeat(70)).repeat(42));
            let refused = doveadm(&place, "save -u a@velo.example", &letter);
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/backends/panels").join(template);
            let lines = fs::read_to_string(file).unwrap().replace("proxy::quotadict", &dict);
            fs::write(place.path("97.conf"), lines).unwrap();
            doveadm(&place, "reload", "");
            std::thread::sleep(Duration::from_millis(500));
            let saved = [(); 2].map(|()| doveadm(&place, "save -u a@velo.example", &letter));
            let counted = doveadm(&place, "-f tab quota get -u a@velo.example", "");
            doveadm(&place, "stop", "");
            let _ = server.wait();
            assert!(refused.contains("Quota exceeded"), "{refused}");
            assert_eq!(saved, ["", ""], "{template}");
            let above = ["5", "6", "7"].iter().any(|size| counted.contains(&format!("STORAGE\t{size}\t2\t")));
            assert!(above && counted.contains("MESSAGE\t2\t"), "{template}: {counted}");
        }
    }
}
