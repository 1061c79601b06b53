//! imapproxy as Debian packages it: its own settings file, but for places and ports. It speaks no TLS to clients.

use std::fs;
use std::process::{Command, Stdio};

use crate::Res;
use crate::lab::{Guard, Lab};

pub const PROGRAM: &str = "/usr/sbin/imapproxyd";

/// In front of the Dovecot at `backend`.
pub fn start(lab: &Lab, port: u16, backend: u16) -> Res<Guard> {
    let folder = lab.folder.path().join("imapproxy");
    fs::create_dir_all(folder.join("chroot"))?;
    let config = folder.join("imapproxy.conf");
    let place = folder.display();
    let settings = format!(
        "server_hostname 127.0.0.1
server_port {backend}
listen_address 127.0.0.1
listen_port {port}
connect_retries 10
connect_delay 5
cache_size 3072
cache_expiration_time 300
proc_username nobody
proc_groupname nogroup
stat_filename {place}/pimpstats
protocol_log_filename {place}/protocol.log
syslog_facility LOG_MAIL
send_tcp_keepalives no
enable_select_cache no
foreground_mode yes
force_tls no
chroot_directory {place}/chroot
enable_admin_commands no
"
    );
    fs::write(&config, settings)?;
    let mut command = Command::new(PROGRAM);
    command.arg("-f").arg(&config).arg("-p").arg(folder.join("pid"));
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}
