//! Certificates by which nodes know each other.

use std::path::Path;
use std::process::Command;

use super::program::Program;
use super::trouble::Trouble;

/// A key and a certificate for loopback under `name` in `folder`, signed by the `authority` there, or by itself.
///
/// # Errors
/// openssl is missing, or could not make it.
pub fn certificate(folder: &Path, name: &str, is_authority: bool) -> Result<(), Trouble> {
    let file = |name: &str, end: &str| folder.join(format!("{name}.{end}"));
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2"]);
    command.args(["-subj", &format!("/CN={name}"), "-keyout"]).arg(file(name, "key")).arg("-out").arg(file(name, "pem"));
    if !is_authority {
        command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1", "-CA"]);
        command.arg(file("authority", "pem")).arg("-CAkey").arg(file("authority", "key"));
    }
    let output = command.output().map_err(|_| Trouble::Missing(Program::Openssl))?;
    if output.status.success() { Ok(()) } else { Err(Trouble::NotStarted(Program::Openssl)) }
}
