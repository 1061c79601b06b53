//! `--sign KEY`: a signature beside the file, in the format of OpenSSH, made by `ssh-keygen` with a key of the host's people.
//!
//! The daemon has no part in it: the key need not be on this machine's disk for longer than this takes, and may be one that an agent
//! or a hardware token holds. `ssh-keygen` is started before anything else, because afterwards this program may have shut itself into
//! a sandbox in which it can start nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the signature is for: one made for another purpose with the same key does not fit.
pub const NAMESPACE: &str = "nologd-statement";

/// Where the statement goes, and who signs it.
pub struct SignedFile {
    file: File,
    path: PathBuf,
    signer: Option<Signer>,
}

struct Signer {
    process: Child,
    file: File,
}

impl SignedFile {
    /// Opens all that is needed.
    ///
    /// # Errors
    /// In words: a file that cannot be written, `ssh-keygen` that is not there.
    pub fn open(path: &Path, key: Option<&Path>) -> Result<SignedFile, String> {
        let signer = key.map(|key| Signer::start(key, path)).transpose()?;
        Ok(SignedFile { file: writable(path)?, path: path.to_owned(), signer })
    }

    /// Writes the statement, and its signature.
    ///
    /// # Errors
    /// In words. What was begun is there, and does not verify.
    pub fn write(mut self, text: &str) -> Result<(), String> {
        self.file.write_all(text.as_bytes()).map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.signer.map_or(Ok(()), |signer| signer.sign(text))
    }
}

impl Signer {
    fn start(key: &Path, path: &Path) -> Result<Signer, String> {
        // ssh-keygen would read a missing file's name as a question to the terminal.
        if !key.is_file() {
            return Err(format!("{}: is no file", key.display()));
        }
        let mut signature = path.as_os_str().to_owned();
        signature.push(".sig");
        let file = writable(Path::new(&signature))?;
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = command.spawn().map_err(|error| format!("ssh-keygen: {error} (apt install openssh-client)"))?;
        Ok(Signer { process, file })
    }

    fn sign(mut self, text: &str) -> Result<(), String> {
        let failed = || "ssh-keygen did not sign: is this a private key, and was its passphrase right?".to_owned();
        let mut input = self.process.stdin.take().ok_or_else(failed)?;
        input.write_all(text.as_bytes()).map_err(|_| failed())?;
        drop(input);
        let mut signature = String::new();
        let mut output = self.process.stdout.take().ok_or_else(failed)?;
        output.read_to_string(&mut signature).map_err(|_| failed())?;
        // Its end code may be out of reach in the sandbox: a whole signature is the answer.
        let _ = self.process.wait();
        if !signature.trim_end().ends_with("-----END SSH SIGNATURE-----") {
            return Err(failed());
        }
        self.file.write_all(signature.as_bytes()).map_err(|error| error.to_string())
    }
}

fn writable(path: &Path) -> Result<File, String> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    file.map_err(|error| format!("{}: {error}", path.display()))
}
