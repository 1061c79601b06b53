//! One member of etcd on loopback, all its files under a [`Place`]. Absent on purpose: TLS, for it is on loopback, and more members: they are other machines.

use std::process::Command;

use super::Trouble;
use super::place::{Owner, Place};
use super::process::Process;
use super::program::Program;

/// A running etcd. Stopped when dropped.
pub struct EtcdServer {
    _process: Process,
    port: u16,
}

impl EtcdServer {
    /// Starts it with its data in the folder `etcd` of `place`. Returns when it takes connections.
    pub fn start(place: &Place) -> Result<EtcdServer, Trouble> {
        let (port, peers) = (place.port()?, place.port()?);
        let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
        let folder = place.make("etcd", Owner::me())?;
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(folder.join("data")).args(["--name", "one", "--initial-cluster", &format!("one={peer}")]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        // What was replaced is kept until then (docs/many-nodes.md).
        command.args(["--auto-compaction-mode", "revision", "--auto-compaction-retention", "1"]);
        let mut process = Process::start(command, Program::Etcd, Some(&folder.join("out")))?;
        process.listening(Program::Etcd, port)?;
        Ok(EtcdServer { _process: process, port })
    }

    /// The port for its clients.
    pub fn port(&self) -> u16 {
        self.port
    }
}
