//! What a statement is made from.

use super::machine::Machine;
use super::sentence::{Proof, Sentence};
use crate::audit::AuditReport;
use crate::config::Config;
use crate::policy::Policy;
use crate::serve::Service;

/// What is true here and now, and nothing that anybody wishes.
pub struct InForce {
    /// All rules.
    pub policy: Policy,
    /// What holds them.
    pub machine: Machine,
    /// The last audit.
    pub audit: Option<AuditReport>,
    /// Whether a backend is told a made-up address for each client (`client_hint`), where that is known.
    pub hinted: Option<bool>,
    /// Who stands in front, as the config has it.
    pub front: Front,
}

/// ListenOptions of the config that members are told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// Load balancers say where clients are (`proxy_protocol`).
    pub balancers: bool,
    /// Two machines hold the book.
    pub pair: bool,
    /// Several nodes hold the book, and etcd has it sealed (`[share]`).
    pub shared: bool,
    /// The name of the onion listener (`onion`).
    pub onion: Option<String>,
}

impl Front {
    /// Out of the config.
    pub fn of(config: &Config) -> Front {
        // What Tor says of a circuit is no address.
        let balancers =
            config.listens.iter().any(|listen| !listen.options.front.is_by_tor() && listen.options.front.speaks_for_clients());
        let pair = config.listens.iter().any(|listen| listen.service == Service::Node);
        let shared = config.share.is_some();
        Front { balancers, pair, shared, onion: config.onion.clone() }
    }
}

impl InForce {
    /// What was loosened, as `rule (file)`.
    pub fn loosened(&self) -> Vec<String> {
        self.policy.loosened().iter().map(|loose| format!("{} ({})", loose.rule, loose.file)).collect()
    }

    /// Whether a rule that `sentence` puts into words holds no longer.
    pub(super) fn has_loosened(&self, sentence: &Sentence) -> bool {
        let named = sentence.rules.iter().flat_map(|(file, names)| names.iter().map(move |name| (*file, *name)));
        // These two say themselves what became of their fields.
        let own = matches!(sentence.proof, Proof::Sent(_) | Proof::UnseenPayload);
        !own && named.into_iter().any(|(file, name)| self.policy.is_loosened(file, name))
    }
}
