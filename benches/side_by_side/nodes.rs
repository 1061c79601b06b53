//! One or two nodes with an etcd of one member on loopback (docs/many-nodes.md), in front of the made-up backend.
//!
//! etcd's disk is this machine's, its TLS is left out (loopback): what is compared is the same node before another store, and a way through another node.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nologd::demo::certificate;

use crate::Res;
use crate::lab::{Guard, Lab, free_port};
use crate::load::Door;
use crate::nologd::Setup;

/// Where Debian has it.
pub const PROGRAM: &str = "/usr/bin/etcd";

const NAMES: [&str; 2] = ["front-a", "front-b"];

/// Who is asked, of two nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Judge,
    Other,
}

/// What runs, in the order of its end; the door of the node that is asked.
pub struct Started {
    pub guards: Vec<Guard>,
    pub door: Door,
}

/// One node that judges all.
pub fn alone(lab: &Lab) -> Res<Started> {
    start(lab, 1, Asked::Judge)
}

/// Two of them.
pub fn two(lab: &Lab, asked: Asked) -> Res<Started> {
    start(lab, 2, asked)
}

fn start(lab: &Lab, count: usize, asked: Asked) -> Res<Started> {
    let folder = lab.folder.path().join("nodes");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    certificate(&folder, "authority", true).map_err(|trouble| trouble.to_string())?;
    let etcd_port = free_port()?;
    let etcd = etcd(&folder, etcd_port)?;
    let ports = (0..count).map(|_| Ok([free_port()?, free_port()?, free_port()?])).collect::<Res<Vec<_>>>()?;
    let (mut guards, mut counters) = (Vec::new(), Vec::new());
    for at in 0..count {
        certificate(&folder, NAMES[at], false).map_err(|trouble| trouble.to_string())?;
        let setup = Setup::proxy(lab, ports[at][0], free_port()?).into_node(NAMES[at], settings(&folder, at, &ports, etcd_port));
        guards.push(setup.start(lab)?);
        counters.push(counter(lab, &folder, at)?);
    }
    let judge = until_judged(&folder, count)?;
    let at = if asked == Asked::Judge { judge } else { 1 - judge };
    guards.swap(0, at);
    guards.extend(counters);
    guards.push(etcd);
    Ok(Started { guards, door: Door { port: ports[at][0], tls: true } })
}

fn etcd(folder: &Path, port: u16) -> Res<Guard> {
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", free_port()?));
    let mut command = Command::new(PROGRAM);
    command.arg("--data-dir").arg(folder.join("etcd")).args(["--name", "one", "--initial-cluster", &format!("one={peer}")]);
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--auto-compaction-mode", "revision", "--auto-compaction-retention", "1"]);
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// What a node has in its config besides the usual.
fn settings(folder: &Path, at: usize, ports: &[[u16; 3]], etcd: u16) -> String {
    let (name, [_, imap, lmtp], folder) = (NAMES[at], ports[at], folder.display());
    let others = (0..ports.len()).filter(|other| *other != at).map(|other| {
        let ([_, imap, lmtp], name) = (ports[other], NAMES[other]);
        format!("[[share.node]]\nname = \"{name}\"\nimap = \"imaps://127.0.0.1:{imap}\"\nlmtp = \"lmtps://127.0.0.1:{lmtp}\"\n")
    });
    let others: String = others.collect();
    format!(
        "[[listen]]\nservice = \"admin\"\naddress = \"unix:{folder}/{name}.sock\"\ntls = \"none\"\n\
         [[listen]]\nservice = \"share-imap\"\naddress = \"127.0.0.1:{imap}\"\ntls = \"implicit\"\n\
         [[listen]]\nservice = \"share-lmtp\"\naddress = \"127.0.0.1:{lmtp}\"\ntls = \"implicit\"\n\
         [share]\nname = \"{name}\"\netcd = [\"http://127.0.0.1:{etcd}\"]\nauthority = \"{folder}/authority.pem\"\n\
         certificate = \"{folder}/{name}.pem\"\nkey = \"{folder}/{name}.key\"\n{others}"
    )
}

/// The made-up storage has one message for each user.
fn counter(lab: &Lab, folder: &Path, at: usize) -> Res<Guard> {
    let program = folder.join("count");
    let rows: String = (0..100).map(|number| format!("{}\\t1\\t1000\\n", crate::imap::user(number))).collect();
    fs::write(&program, format!("#!/bin/sh\nprintf 'Username\\tmessages\\tvsize\\n{rows}'\n"))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    // Whoever starts it too early asks again.
    let socket = folder.join(format!("{}.sock", NAMES[at]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
    command.args(["share", "count", "--program"]).arg(&program).arg("--socket").arg(socket);
    Guard::start(command.current_dir(lab.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// Which of them judges, when one says that it does.
fn until_judged(folder: &Path, count: usize) -> Res<usize> {
    let deadline = Instant::now() + Duration::from_secs(40);
    while Instant::now() < deadline {
        let shown = (0..count).map(|at| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_nologd"));
            let socket = folder.join(format!("{}.sock", NAMES[at]));
            let output = command.args(["share", "show", "--json", "--socket"]).arg(socket).output().ok()?;
            serde_json::from_slice::<serde_json::Value>(&output.stdout).ok()
        });
        let shown: Vec<_> = shown.collect();
        let all = |told: &Option<serde_json::Value>| {
            told.as_ref().and_then(|told| told["nodes"].as_array()).is_some_and(|nodes| nodes.len() == count)
        };
        let judge = shown.iter().position(|told| told.as_ref().is_some_and(|told| told["associations"][0]["judged"] == "judged"));
        if let Some(judge) = judge.filter(|_| shown.iter().all(all)) {
            return Ok(judge);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("no node judges".into())
}
