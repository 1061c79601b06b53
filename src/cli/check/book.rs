//! The associations, from wherever they are now: the running daemon, the store that it left, or the config file before the first start.

use super::finding::Faults;
use super::starter::Starter;
use crate::admin::association::ListAssociations;
use crate::admin::status::ShowStatus;
use crate::cli::run::told;
use crate::config::{Config, StartTrouble, store_folder};
use crate::private::Address;
use crate::quota::{self, Association, BookParams, Placed};
use crate::serve::Service;
use crate::serve::clock::today;
use crate::share::Bar;
use crate::store::{self, Embedded, MemoryStore, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::Arc;

/// An association, as far as a check needs it.
pub(super) struct KnownAssociation {
    pub(super) name: String,
    /// Its domains and the other names that they have.
    pub(super) domains: Vec<String>,
    /// None: the default one.
    pub(super) backend: Option<String>,
    /// Each alias, and the mailboxes that it leads to.
    pub(super) aliases: Vec<(String, Vec<String>)>,
}

/// All of them, and the listeners of the daemon where one runs.
#[derive(Default)]
pub(super) struct KnownBook {
    associations: Option<Vec<KnownAssociation>>,
    listeners: Vec<String>,
    /// How many mailboxes are at which backend, and at none. None: not known, as where a machine waits.
    placed: Option<Placed>,
    /// How many mailboxes have been told by the mail servers since the start. None: no daemon was asked, or one that waits.
    pub(super) pushed: Option<u64>,
}

/// The store of a daemon that does not run.
enum LeftBehind {
    /// Before the first start.
    Nothing,
    Book(Vec<Association>, Placed),
    /// It cannot be read from here, which was told.
    Unknown,
}

impl KnownBook {
    /// None: they are not known, so nothing can be said to be lacking, or too much.
    pub(super) fn associations(&self) -> Option<&[KnownAssociation]> {
        self.associations.as_deref()
    }

    /// Whether the daemon that runs has this listener.
    pub(super) fn daemon_listens(&self, address: &str) -> bool {
        self.listeners.iter().any(|own| own == address)
    }
}

/// Finds them.
pub(super) fn known(config: &Config, starter: &Starter, found: &mut Faults) -> KnownBook {
    let running = config.admin_socket().and_then(|socket| Some((told(&socket, &ShowStatus {}).ok()?, socket)));
    let mut book = KnownBook::default();
    unnamed(config, found);
    if let Some((status, socket)) = running {
        book.listeners = status.listeners.into_iter().map(|listener| listener.address).collect();
        book.pushed = status.pushed;
        if let Some(bar) = status.judges_nothing.filter(|bar| *bar != Bar::Unknown) {
            found.wrong(format!(
                "[share]: of several nodes, the one that runs here judges nothing ({}): `nologd share show` says why",
                bar.word()
            ));
        }
        let at = status.placed.map(|at| at.into_iter().map(|(name, mailboxes)| (name.into(), mailboxes)).collect());
        book.placed = at.zip(status.on_their_way).map(|(at, on_their_way)| Placed { at, on_their_way });
        match told(&socket, &ListAssociations {}) {
            Ok(listed) => book.associations = Some(listed.associations().map(with_aliases).collect()),
            Err(why) => found.note(format!("the associations of the daemon cannot be read: {why}")),
        }
    } else {
        book.associations = match of_store(config, starter, found) {
            LeftBehind::Nothing => {
                book.associations = Some(config.associations.iter().map(of_book).collect());
                return book;
            }
            LeftBehind::Book(associations, placed) => {
                book.placed = Some(placed);
                Some(associations.iter().map(of_book).collect())
            }
            LeftBehind::Unknown => None,
        };
    }
    if let Some(associations) = &book.associations {
        only_in_the_file(config, associations, found);
    }
    if let Some(placed) = &book.placed {
        astray(config, placed, found);
    }
    book
}

fn said(mailboxes: u64) -> String {
    if mailboxes == 1 { "1 mailbox is".to_owned() } else { format!("{mailboxes} mailboxes are") }
}

/// Where several backends may speak, only those that are named are known.
fn unnamed(config: &Config, found: &mut Faults) {
    let unnamed = config.listens.iter().any(|listen| listen.service == Service::Usage && listen.backend.is_none());
    if unnamed && config.backends.len() > 1 {
        found.note(
            "[[listen]] usage: there are several backends, and nobody knows which of them speaks there, so all are believed. Give each a socket \
             of its own, and name it there: backend = \"NAME\"",
        );
    }
}

/// Mailboxes at a backend that is not in the file, and those that are at none.
fn astray(config: &Config, placed: &Placed, found: &mut Faults) {
    for (name, mailboxes) in placed.at.iter().filter(|(name, _)| config.backends.find(Some(name)).is_none()) {
        let mailboxes = said(*mailboxes);
        found.wrong(format!(
            "[[backend]] {name}: {mailboxes} at it, and it is not in the file: no login there, and mail waits. Put it back; or, where the mail was \
             copied, `nologd mailbox move`, `nologd association set --backend`"
        ));
    }
    if placed.on_their_way > 0 {
        let mailboxes = said(placed.on_their_way);
        found.note(format!(
            "{mailboxes} on the way (mailbox move --nowhere): no login there, and mail waits until you say where it is"
        ));
    }
}

/// What was added to the file after the first start is in no book.
fn only_in_the_file(config: &Config, book: &[KnownAssociation], found: &mut Faults) {
    let domains: Vec<_> = book.iter().flat_map(|member| &member.domains).collect();
    for new in &config.associations {
        let name = new.name.reveal();
        if !book.iter().any(|member| member.name == name) {
            let domains: Vec<_> = new.domains.iter().map(|domain| format!("--domain {}", domain.reveal())).collect();
            found.note(format!(
                "[[association]] {name}: stands in the file and not in the book. Only the first start reads associations: `nologd association \
                 add {name} {}`, or take it out of the file",
                domains.join(" ")
            ));
            continue;
        }
        for domain in new.all_domains().filter(|domain| !domains.iter().any(|known| *known == domain.reveal())) {
            found.note(format!(
                "[[association]] {name}: its domain {domain} stands in the file and not in the book. Only the first start reads associations: \
                 `nologd association set {name} --domain {domain}`",
                domain = domain.reveal()
            ));
        }
    }
}

fn of_store(config: &Config, starter: &Starter, found: &mut Faults) -> LeftBehind {
    let folder = store_folder(config);
    match starter.as_user(|| folder.try_exists()) {
        Some(Ok(true)) => {}
        Some(Ok(false)) => return LeftBehind::Nothing,
        // Whose rights are lacking was told with the state folder, and by the line about what was not tried.
        Some(Err(_)) | None => return LeftBehind::Unknown,
    }
    let params = BookParams { separator: config.separator, largest: config.sizes.message, sending: config.sending };
    // A copy: opened as a book, the store of an older version would become one of this, which the older one cannot read. And closed
    // again by the same user: a file that root leaves there keeps the daemon from starting.
    let look = || -> Result<(Vec<Association>, Placed), StoreError> {
        // On a disk that takes nothing the daemon reads the copies, and so does this.
        let document = match Embedded::open(&folder) {
            Err(why @ StoreError::Io(_)) => store::export(&store::snapshot(&folder).map_err(|_| why)?)?,
            opened => store::export(&opened?)?,
        };
        let copy = MemoryStore::default();
        store::import(&copy, &document)?;
        let book = quota::Book::open(Arc::new(copy), params)?;
        Ok((book.associations(today()).into_iter().map(|view| view.association).collect(), book.placed()))
    };
    match starter.as_user(look) {
        Some(Ok((associations, placed))) => LeftBehind::Book(associations, placed),
        Some(Err(StoreError::InUse)) => {
            found.note("a daemon runs that cannot be asked from here: what is in its book was not looked at");
            LeftBehind::Unknown
        }
        // Whose rights are lacking is told with the state folder.
        Some(Err(StoreError::Io(ErrorKind::PermissionDenied))) => {
            found.note("the book cannot be read from here: what is in it was not looked at");
            LeftBehind::Unknown
        }
        Some(Err(error)) => {
            found.wrong(format!("{}: {}", folder.display(), StartTrouble::Store(error)));
            LeftBehind::Unknown
        }
        None => LeftBehind::Unknown,
    }
}

fn with_aliases((association, leads): (Association, BTreeMap<Address, Vec<Address>>)) -> KnownAssociation {
    let aliases = leads.into_iter().map(|(alias, targets)| (alias, targets.into_iter().collect())).collect();
    of_book(&Association { aliases, ..association })
}

fn of_book(association: &Association) -> KnownAssociation {
    let reveal = Address::reveal;
    let alias = |(alias, targets): (&Address, &BTreeSet<Address>)| (reveal(alias), targets.iter().map(reveal).collect());
    KnownAssociation {
        name: association.name.reveal().to_owned(),
        domains: association.all_domains().map(|domain| domain.reveal().to_owned()).collect(),
        backend: association.backend.as_deref().map(str::to_owned),
        aliases: association.aliases.iter().map(alias).collect(),
    }
}
