//! From the config file to running parts. The only place that knows both.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::association::{tell_astray, tell_unread};
use super::beside::{Beside, common_key};
use super::certificates::{certificates, told};
use super::descriptors::cut;
use super::file::Config;
use super::key::message_id_key;
use super::listen::{Listen, ListenTls};
use super::share::ShareSettings;
use super::site::site;
use super::sockets::restrict;
use super::trouble::StartTrouble;
use crate::admin::node::NodeDesk;
use crate::admin::share::ShareDesk;
use crate::admin::{Executor, Host, ListenerStatus};
use crate::event::{Event, emit, name_backends};
use crate::incident::Incidents;
use crate::limit::Limits;
use crate::net::certificates::Certificates;
use crate::net::identity::Identity;
use crate::net::listen::{Bound, SocketFile, bind};
use crate::net::tls::{self, Clients};
use crate::notice;
use crate::pool::{Pool, RelayCapabilities, RelayPool};
use crate::quota::{Book, BookParams, Facts};
use crate::sandbox::Enforcement;
use crate::scrub::Scrubber;
use crate::serve::clock::today;
use crate::serve::health::Healths;
use crate::serve::imap_backend::Pooling;
use crate::serve::share::ShareLink;
use crate::serve::share_etcd::EtcdClient;
use crate::serve::{Context, CopyKey, Listener, NodeShare, Service, TlsMode, WebRoom};
use crate::store::{Condition, Durable, Register, Shared, Store};

/// The folder in the state folder that keeps the book.
const STORE: &str = "store";

/// A TLS handshake may take this long.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// What needs the rights of root: ports below 1024, and keys that only root may read.
pub struct Built {
    /// Files of sockets that must not outlive the daemon. First: they go before the sockets are closed, also where the start
    /// fails.
    pub files: Vec<SocketFile>,
    /// Bound, in the order of the file.
    pub bound: Vec<Bound>,
    /// `None` where no listener uses TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// Who signs certificates of clients, in the order of the file; `None` where clients need none.
    pub clients: Vec<Option<Clients>>,
    /// What this node shows to others, and who signs what they show; `None` where it is alone.
    pub nodes: Option<(Identity, Clients, tls::TlsClient)>,
    /// Positions of certificates that cannot be used, though the default one can.
    pub broken: Vec<usize>,
}

/// Binds and reads certificates.
///
/// # Errors
/// The first [`StartTrouble`].
pub fn build(config: &Config) -> Result<Built, StartTrouble> {
    let (certificates, broken) = certificates(config)?;
    let clients = |listen: &Listen| {
        let load = |file: &PathBuf| Clients::load(file).map_err(|error| StartTrouble::Clients(file.clone(), error));
        listen.clients.as_ref().map(load).transpose()
    };
    let clients = config.listens.iter().map(clients).collect::<Result<_, _>>()?;
    let nodes = config.share.as_ref().map(nodes).transpose();
    let nodes = nodes.map_err(|error| StartTrouble::Authorities("a file of [share]", error))?;
    let bind = |listen: &Listen| {
        let bound = bind(&listen.address).and_then(|bound| restrict(listen, config).map(|()| bound));
        bound.map_err(|error| StartTrouble::Listen(listen.address.clone(), error))
    };
    let bound = config.listens.iter().map(bind).collect::<Result<Vec<_>, _>>()?;
    let ends = |(listen, bound): (&Listen, &Bound)| (listen.service == Service::Usage).then(|| bound.file()).flatten();
    let files = config.listens.iter().zip(&bound).filter_map(ends).collect();
    Ok(Built { files, bound, certificates, clients, nodes, broken })
}

/// What this node shows to others, who signs what they show, and the way to them.
fn nodes(share: &ShareSettings) -> io::Result<(Identity, Clients, tls::TlsClient)> {
    let own = Identity::load(&share.certificate, &share.key)?;
    let (others, to) = (Clients::load(&share.authority)?, tls::TlsClient::mutual(&share.authority, &own)?);
    Ok((own, others, to))
}

/// What all sessions share. To be called as the user that the daemon stays. What is not enforced is told to admins. Limits are cut to
/// what so many file descriptors allow.
///
/// # Errors
/// The first [`StartTrouble`].
pub fn context(
    config: &mut Config,
    enforcement: Enforcement,
    descriptors: u64,
    certificates: Option<&Arc<Certificates>>,
    beside: Option<&Beside>,
    nodes: Option<&tls::TlsClient>,
) -> Result<Arc<Context>, StartTrouble> {
    let (limits, pool) = cut(config, descriptors);
    let limits = Limits::new(limits).ok_or(StartTrouble::Crypto)?;
    let host = Host { certificates: certificates.map(told), ..host_of(config, &enforcement) };
    let notices = Arc::new(notice::Queue::default());
    let share = share(config, nodes)?;
    let book = book(config, notices.clone(), beside, share.as_ref())?;
    // After the book, whose lock keeps a second daemon from making another one.
    let key = message_id_key(&config.state_dir).map_err(StartTrouble::State)?;
    if let Some(page) = &config.help_url {
        page.clone().link_refusals();
    }
    let web = WebRoom::new(site(config));
    let incidents = Arc::new(Incidents::default());
    let scrubber = Scrubber::new(config.policy.headers.clone(), key);
    name_backends(config.backends.names());
    Ok(Arc::new(Context {
        backends: Arc::new(ArcSwap::from_pointee(std::mem::take(&mut config.backends))),
        executor: Executor::new(book.clone(), host, incidents.clone(), limits.clone())
            .beside(beside.map(|beside| beside.link.clone() as Arc<dyn NodeDesk>))
            .sharing(share.as_ref().map(|share| share.link.clone() as Arc<dyn ShareDesk>)),
        share,
        incidents,
        metrics: crate::metrics::Metrics::default(),
        access: config.access.clone(),
        notices_from: config.notices_from.clone(),
        notices,
        book,
        scrubber: Arc::new(scrubber),
        limits,
        patience: config.patience,
        sizes: config.sizes,
        quota: config.quota,
        tls: tls::TlsClient::new(config.authorities.as_deref())
            .map_err(|error| StartTrouble::Authorities("backend_authorities", error))?,
        hostname: config.hostname.clone(),
        pool: Pool::new(pool),
        relay_pool: RelayPool::new(pool),
        healths: Healths::default(),
        enforcement,
        certificates: certificates.cloned(),
        methods: crate::serve::methods::Methods::default(),
        lists: crate::serve::contracted::ServerLists::new(config.forwarding),
        relay_capabilities: RelayCapabilities::default(),
        web,
    }))
}

/// This node's place among several. It judges nothing before [`run::serve_until_stopped`](crate::run::serve_until_stopped) begins.
fn share(config: &Config, tls: Option<&tls::TlsClient>) -> Result<Option<NodeShare>, StartTrouble> {
    let Some((settings, tls)) = config.share.as_ref().zip(tls) else { return Ok(None) };
    let etcd = EtcdClient::new(settings.etcd.clone(), tls.clone());
    let key = common_key(config)?;
    let seal = CopyKey::new(&key.for_records()).ok_or(StartTrouble::Crypto)?;
    let link = ShareLink::new(&settings.name, &key.for_shares(), &key.mark(), seal, etcd, &config.state_dir);
    Ok(Some(NodeShare { link, tls: tls.clone() }))
}

/// What the daemon says about itself to admins.
pub fn host_of(config: &Config, enforcement: &Enforcement) -> Host {
    let listener = |listen: &Listen| ListenerStatus {
        service: listen.words(),
        address: listen.address.clone(),
        tls: if listen.options.by_alpn.is_empty() { listen.tls.word() } else { "by-alpn" }.into(),
    };
    Host {
        listeners: config.listens.iter().map(listener).collect(),
        not_enforced: enforcement.missing.iter().map(|rule| rule.text().to_owned()).collect(),
        missing: enforcement.missing.iter().map(|rule| rule.word()).collect(),
        policy: config.policy.digest().to_owned(),
        kept_outputs: enforcement.kept_outputs.iter().map(|output| *output as u64).collect(),
        lost_outputs: enforcement.lost_outputs.iter().map(|output| *output as u64).collect(),
        loosened: config.policy.loosened().iter().map(|rule| format!("{} of {}", rule.rule, rule.file)).collect(),
        certificates: None,
    }
}

/// The folder that keeps the book.
pub fn store_folder(config: &Config) -> PathBuf {
    config.state_dir.join(STORE)
}

/// The files of the book.
///
/// # Errors
/// `Store`.
pub fn durable(config: &Config) -> Result<(Arc<dyn Store>, Condition), StartTrouble> {
    let (store, found) = Durable::open(&store_folder(config)).map_err(StartTrouble::Store)?;
    Ok((Arc::new(store), found))
}

/// Opens the book, which tells `facts` from then on; the first time, the associations of the file are written into it.
fn book(
    config: &mut Config,
    facts: Arc<dyn Facts>,
    beside: Option<&Beside>,
    share: Option<&NodeShare>,
) -> Result<Arc<Book>, StartTrouble> {
    let (store, found) = match beside {
        Some(beside) => (beside.store.clone() as Arc<dyn Store>, beside.found),
        None => durable(config)?,
    };
    let register = share.map(|share| {
        share.link.keep_in(store.clone());
        share.link.clone() as Arc<dyn Register>
    });
    let store = Arc::new(Shared::new(store, register));
    let book =
        Book::open(store, BookParams { separator: config.separator, largest: config.sizes.message, sending: config.sending })
            .map_err(StartTrouble::Store)?;
    book.lead_to(facts);
    if let Some(beside) = beside {
        book.judge_only_with(beside.link.clone());
    }
    if let Some(share) = share {
        book.judge_each_with(share.link.clone());
    }
    match found {
        Condition::Well => {}
        Condition::Repaired(records) => emit(Event::StoreRepaired { records }),
        Condition::Frozen(_) => {
            book.set_unwritable();
            emit(Event::StoreFailed { times: 1 });
        }
    }
    if book.lost_usage() > 0 {
        emit(Event::UsageLost { mailboxes: book.lost_usage() });
    }
    let associations = std::mem::take(&mut config.associations);
    let imported = book.import_once(associations.clone(), today()).map_err(StartTrouble::Import)?;
    if let Some(associations) = imported.filter(|count| *count > 0) {
        emit(Event::Imported { associations: associations as u64 });
    }
    tell_unread(&associations, &book);
    tell_astray(&config.backends, &book);
    Ok(Arc::new(book))
}

/// What the listeners of the file do, in its order.
///
/// # Errors
/// `Crypto` when TLS cannot be offered.
pub fn listeners(config: &Config, built: &Built) -> Result<Vec<Listener>, StartTrouble> {
    let listener = |(number, listen): (usize, &Listen)| {
        let server = |service: Service| {
            if let Some((own, others, _)) = built.nodes.as_ref().filter(|_| service.is_of_the_nodes()) {
                let server = tls::TlsServer::new(own.resolver(), service.alpn(), HANDSHAKE, Some(others));
                return server.map_err(|_| StartTrouble::Crypto);
            }
            let certificates = built.certificates.as_ref().ok_or(StartTrouble::NoDefaultCertificate(Vec::new()))?;
            let clients = built.clients.get(number).and_then(Option::as_ref);
            tls::TlsServer::new(certificates.clone(), service.alpn(), HANDSHAKE, clients).map_err(|_| StartTrouble::Crypto)
        };
        let options = &listen.options;
        let entry = match listen.tls {
            ListenTls::Implicit if !options.by_alpn.is_empty() => {
                let each = |service: &Service| Ok((*service, server(*service)?));
                TlsMode::ByAlpn(options.by_alpn.iter().map(each).collect::<Result<_, StartTrouble>>()?)
            }
            ListenTls::Implicit => TlsMode::Implicit(server(listen.service)?),
            ListenTls::StartTls => TlsMode::StartTls(server(listen.service)?),
            ListenTls::None => TlsMode::Plain,
        };
        let pooling = if listen.pool { Pooling::On } else { Pooling::Off };
        let default_domain = listen.default_domain.as_deref().map(Into::into);
        let backend = listen.backend.as_deref().map(Into::into);
        let (number, service) = (number as u64, listen.service);
        Ok(Listener { number, service, entry, pooling, default_domain, backend, front: options.front.clone() })
    };
    config.listens.iter().enumerate().map(listener).collect()
}

/// Makes the state folder where it is missing, for its owner only. Before the process is confined to it.
///
/// # Errors
/// `State`.
pub fn state_folder(state: &Path) -> Result<(), StartTrouble> {
    if state.is_dir() {
        return Ok(());
    }
    let made = fs::create_dir_all(state).and_then(|()| fs::set_permissions(state, Permissions::from_mode(0o700)));
    made.map_err(StartTrouble::State)
}
