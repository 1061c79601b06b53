//! What `status` tells of the host: its listeners, servers and certificates, and what of the policy is not in force.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::BackendService;
use crate::words::nullable;

/// What does not change while the daemon runs.
#[derive(Clone, Default)]
pub struct Host {
    /// The listeners, in the order of the config file.
    pub listeners: Vec<ListenerStatus>,
    /// Rules that this kernel or this start does not enforce, in words.
    pub not_enforced: Vec<String>,
    /// The same rules, each by its word.
    pub missing: Vec<&'static str>,
    /// Rules that the policy folder loosened.
    pub loosened: Vec<String>,
    /// The fingerprint of the policy.
    pub policy: String,
    /// Outputs (1, 2) that are kept on a disk.
    pub kept_outputs: Vec<u64>,
    /// Outputs (1, 2) that end in another program.
    pub lost_outputs: Vec<u64>,
    /// The certificates; none where no listener uses TLS.
    pub certificates: Option<AskCertificates>,
}

/// How the certificates stand whenever that is asked.
pub type AskCertificates = Arc<dyn Fn() -> Vec<CertificateStatus> + Send + Sync>;

/// How the certificate of one folder stands.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CertificateStatus {
    /// The folder's name.
    pub name: String,
    /// Whole days that the one in force is still valid, below zero when it is over; none where that is not known.
    #[serde(deserialize_with = "nullable")]
    pub days: Option<i64>,
    /// Whether any is in force.
    pub in_force: bool,
    /// What is wrong with the files that are there now.
    #[serde(deserialize_with = "nullable")]
    pub broken: Option<String>,
}

/// How a server of a backend stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerStatus {
    /// The backend's name in the config file.
    pub backend: String,
    /// Which one of it.
    pub service: BackendService,
    /// `up` or `down`, as at the last connection; `untried` since the start.
    pub state: String,
}

/// A listener as the config file has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerStatus {
    /// `imap`, `submission` ...; by ALPN, all that there are.
    pub service: String,
    /// `ADDRESS:PORT` or `unix:PATH`.
    pub address: String,
    /// `implicit`, `starttls`, `none`, `by-alpn`.
    pub tls: String,
}
