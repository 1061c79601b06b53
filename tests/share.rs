//! The model of docs/many-nodes.md with a real etcd: three nodes whose errands go to three members on loopback, one storage of numbers, and what goes
//! wrong: a node is killed, one is stopped with mail on its way and goes on, one member of etcd is killed with -9, and two. No limit is passed, and all
//! comes right.

use std::collections::BTreeSet;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use nologd::demo::Place;
use nologd::share::etcd::{GatewayCall, Listing, calls, found_call, news};
use nologd::share::{Assent, Errand, Fellow, HouseWord, Life, News, Pace};

use crate::random::Random;

const TENANTS: usize = 4;
const MAILBOX: u64 = 14 << 20;
const LIMIT: u64 = 20 << 20;
const PACE: Pace = Pace { every: 300, hold: 1500, lease: 2000, again: 700, drain: 1000, forget: 12_000, lull: 2000 };

/// The storage ends a connection on which nothing came for so long.
const IDLE: Duration = Duration::from_secs(6);

/// Three members of etcd, on loopback.
struct Etcd {
    members: Vec<Option<Child>>,
    folder: PathBuf,
    /// For clients, and for each other.
    ports: Vec<(u16, u16)>,
}

impl Etcd {
    fn start(place: &Place) -> Etcd {
        let ports = (0..3).map(|_| (place.port().unwrap(), place.port().unwrap())).collect();
        let mut etcd = Etcd { members: Vec::new(), folder: place.path("etcd"), ports };
        etcd.members = (0..3).map(|at| Some(etcd.spawn(at))).collect();
        etcd.answers();
        etcd
    }

    fn spawn(&self, at: usize) -> Child {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let cluster: Vec<_> =
            self.ports.iter().enumerate().map(|(at, (_, peer))| format!("member-{at}={}", url(*peer))).collect();
        let (client, peer) = (url(self.ports[at].0), url(self.ports[at].1));
        let mut command = Command::new("etcd");
        command.args(["--heartbeat-interval", "50", "--election-timeout", "300", "--name", &format!("member-{at}")]);
        command.arg("--data-dir").arg(self.folder.join(at.to_string()));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client, "--listen-peer-urls", &peer]);
        command.args(["--initial-advertise-peer-urls", &peer, "--initial-cluster", &cluster.join(",")]);
        command.args(["--auto-compaction-mode", "revision", "--auto-compaction-retention", "1"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("Debian's etcd-server")
    }

    fn clients(&self) -> Vec<u16> {
        self.ports.iter().map(|(client, _)| *client).collect()
    }

    fn answers(&self) {
        let begin = Instant::now();
        while post(&self.clients(), &Listing::call()).is_none() {
            assert!(begin.elapsed() < Duration::from_secs(20), "etcd does not answer");
            sleep(Duration::from_millis(50));
        }
    }

    /// Kills so many members with -9, and starts them again after a while.
    fn die(&mut self, first: usize, count: usize, long: Duration) {
        let which: Vec<_> = (0..count).map(|more| (first + more) % 3).collect();
        for at in &which {
            let mut child = self.members[*at].take().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
        }
        sleep(long);
        which.iter().for_each(|at| self.members[*at] = Some(self.spawn(*at)));
        self.answers();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for child in self.members.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The body of the answer of the first member that gives one.
fn post(ports: &[u16], call: &GatewayCall) -> Option<Vec<u8>> {
    ports.iter().find_map(|port| post_to(*port, call))
}

fn post_to(port: u16, call: &GatewayCall) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(700))).ok()?;
    let GatewayCall { path, body } = call;
    // With HTTP/1.0 no answer comes in pieces.
    write!(stream, "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|piece| piece == b"\r\n\r\n")?;
    let is_well = answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200");
    is_well.then(|| answer.split_off(end + 4))
}

/// What is stored, in two mailboxes of each tenant.
#[derive(Default)]
struct Storage {
    stored: [[u64; 2]; TENANTS],
    granted: u64,
    late: u64,
    above: bool,
}

impl Storage {
    fn land(&mut self, way: &Way) {
        let stored = &mut self.stored[way.tenant];
        stored[way.mailbox] += way.octets;
        self.above |= stored.iter().sum::<u64>() > LIMIT || stored[way.mailbox] > MAILBOX;
    }
}

/// A message on its way.
struct Way {
    tenant: usize,
    tenure: u64,
    mailbox: usize,
    octets: u64,
    due: Instant,
    moved: Instant,
}

#[derive(Clone, Copy, Default)]
struct Numbers {
    tenure: u64,
    used: [u64; 2],
    open: [u64; 2],
}

/// What is done to a node from outside, and what it shows.
#[derive(Default)]
struct Handle {
    dead: AtomicBool,
    asleep: AtomicBool,
    judges: AtomicU64,
    withholds: AtomicBool,
    /// How its thread is waited for.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    /// It is killed: what it had under way is stored by then, or never will be.
    fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.thread.lock().unwrap().take().unwrap().join().unwrap();
    }
}

struct Node {
    fellow: Fellow,
    handle: Arc<Handle>,
    /// Of etcd's members, another one first at each node.
    ports: Vec<u16>,
    storage: Arc<Mutex<Storage>>,
    random: Random,
    begin: Instant,
    book: [Numbers; TENANTS],
    ways: Vec<Way>,
    lives: BTreeSet<Life>,
    answers: (Sender<News>, Receiver<News>),
}

impl Node {
    fn start(name: &str, seed: u64, ports: Vec<u16>, storage: &Arc<Mutex<Storage>>) -> Arc<Handle> {
        let handle = Arc::new(Handle::default());
        let mut fellow = Fellow::new(name, PACE);
        (0..TENANTS as u64).for_each(|tenant| fellow.hear(News::Exists(tenant, Some(LIMIT)), 0));
        let (storage, random, begin) = (storage.clone(), Random(seed), Instant::now());
        let (book, ways, lives, shown) = ([Numbers::default(); TENANTS], Vec::new(), BTreeSet::new(), handle.clone());
        let mut node = Node { fellow, handle, ports, storage, random, begin, book, ways, lives, answers: channel() };
        let thread = std::thread::spawn(move || {
            while !node.handle.dead.load(Ordering::Relaxed) {
                node.step();
                sleep(Duration::from_millis(10));
            }
            // What the storage has of it is stored, or not.
            let ways = std::mem::take(&mut node.ways);
            ways.iter().step_by(2).for_each(|way| node.storage.lock().unwrap().land(way));
        });
        *shown.thread.lock().unwrap() = Some(thread);
        shown
    }

    /// A stopped process stops anywhere.
    fn may_sleep(&self) {
        while self.handle.asleep.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(5));
        }
    }

    fn now(&self) -> u64 {
        self.begin.elapsed().as_millis() as u64 + 1
    }

    fn step(&mut self) {
        if self.random.below(10) == 0 {
            self.list();
        }
        while let Ok(news) = self.answers.1.try_recv() {
            self.fellow.hear(news, self.now());
        }
        let (now, fresh) = (self.now(), self.random.next());
        let errands = self.fellow.tick(now, fresh);
        errands.into_iter().for_each(|errand| self.run(errand));
        if self.ways.is_empty() {
            self.fellow.hear(News::Quiet, now);
        }
        self.recount();
        self.fill();
        self.may_sleep();
        self.land();
        let judges = (0..TENANTS as u64).filter(|tenant| self.fellow.would_grant(*tenant, self.now()));
        let (bits, withheld) =
            judges.fold((0, 0), |(bits, sum), tenant| (bits | 1 << tenant, sum + self.fellow.withheld(tenant)));
        self.handle.judges.store(bits, Ordering::Relaxed);
        self.handle.withholds.store(withheld > 0, Ordering::Relaxed);
    }

    /// What a watch would bring.
    fn list(&mut self) {
        let Some(listing) = post(&self.ports, &Listing::call()).and_then(|answer| Listing::read(&answer)) else { return };
        let now = self.now();
        let came = listing.lives.difference(&self.lives).cloned().map(News::Came);
        let went = self.lives.difference(&listing.lives).cloned().map(News::Went);
        let stands = listing.deeds.iter().map(|(tenant, revision, deed)| News::Stands(*tenant, *revision, deed.clone()));
        came.chain(went).chain(stands).for_each(|news| self.fellow.hear(news, now));
        self.lives = listing.lives;
    }

    fn run(&mut self, errand: Errand) {
        match errand {
            Errand::Count(tenant, asked) => {
                let used = self.storage.lock().unwrap().stored[tenant as usize];
                self.fellow.hear(News::Counted(tenant, asked), self.now());
                let (numbers, tenure) = (&mut self.book[tenant as usize], self.fellow.tenure(tenant).unwrap_or_default());
                let open = if numbers.tenure == tenure { numbers.open } else { [0; 2] };
                *numbers = Numbers { tenure, used, open };
            }
            Errand::Cut(tenant) => {
                let all = std::mem::take(&mut self.ways);
                let (cut, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|way| way.tenant == tenant as usize);
                self.ways = others;
                cut.iter().for_each(|way| self.end(way));
            }
            errand => {
                let (ports, sender) = (self.ports.clone(), self.answers.0.clone());
                std::thread::spawn(move || {
                    let answers: Option<Vec<_>> = calls(&errand, &PACE, &house()).iter().map(|call| post(&ports, call)).collect();
                    let _ = answers.and_then(|answers| news(&errand, &answers)).map(|news| sender.send(news));
                });
            }
        }
    }

    /// Now and then a judge counts what is stored: members delete.
    fn recount(&mut self) {
        if self.random.below(20) > 0 {
            return;
        }
        let stored = self.storage.lock().unwrap().stored;
        for (tenant, used) in stored.into_iter().enumerate() {
            if self.fellow.tenure(tenant as u64) == Some(self.book[tenant].tenure) {
                self.book[tenant].used = used;
            }
        }
    }

    fn fill(&mut self) {
        let (tenant, mailbox) = (self.random.below(TENANTS as u64) as usize, self.random.below(2) as usize);
        let most = if self.random.below(20) == 0 { 3 << 20 } else { 300 << 10 };
        let octets = 1 + self.random.below(most);
        let (numbers, now) = (self.book[tenant], self.now());
        let (own, all) = (numbers.used[mailbox] + numbers.open[mailbox], numbers.used.iter().chain(&numbers.open).sum::<u64>());
        let more = octets.saturating_add(self.fellow.withheld(tenant as u64));
        let fits = own.saturating_add(more) <= MAILBOX && all.saturating_add(more) <= LIMIT;
        let answer = if fits { self.fellow.grant(tenant as u64, weight(octets), now) } else { Assent::NotNow };
        if let Assent::Granted(tenure) = answer {
            self.book[tenant].open[mailbox] += octets;
            let moved = Instant::now();
            let due = moved + Duration::from_millis(self.random.below(1500));
            self.ways.push(Way { tenant, tenure, mailbox, octets, due, moved });
            self.storage.lock().unwrap().granted += 1;
        }
    }

    fn land(&mut self) {
        for mut way in std::mem::take(&mut self.ways) {
            let now = Instant::now();
            let waited = now.duration_since(way.moved);
            way.moved = now;
            if now < way.due && waited < IDLE {
                self.ways.push(way);
                continue;
            }
            if waited < IDLE {
                let mut storage = self.storage.lock().unwrap();
                storage.late += u64::from(waited > Duration::from_secs(2));
                storage.land(&way);
            }
            self.end(&way);
        }
    }

    fn end(&mut self, way: &Way) {
        self.fellow.landed(way.tenant as u64, way.tenure, weight(way.octets));
        let numbers = &mut self.book[way.tenant];
        // Another tenure's numbers know nothing of it.
        if numbers.tenure == way.tenure {
            numbers.open[way.mailbox] -= way.octets;
            numbers.used[way.mailbox] += way.octets;
        }
    }
}

fn house() -> HouseWord {
    HouseWord::new(&"0".repeat(32), 7)
}

fn weight(octets: u64) -> u64 {
    Fellow::weight(octets, 1)
}

/// Waits until each tenant is judged by one node and nothing is held back.
fn until_well(nodes: &[Arc<Handle>]) -> Duration {
    let begin = Instant::now();
    loop {
        let judges: Vec<_> = nodes.iter().map(|node| node.judges.load(Ordering::Relaxed)).collect();
        let all = judges.iter().fold(0, |all, judges| all | judges);
        let once = judges.iter().sum::<u64>() == all;
        let withholds = nodes.iter().any(|node| node.withholds.load(Ordering::Relaxed));
        if all == (1 << TENANTS) - 1 && once && !withholds {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{judges:?} {withholds}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn three_nodes_and_a_real_etcd_pass_no_limit_and_come_right() {
    let place = Place::new().unwrap_or_else(|trouble| panic!("{trouble}"));
    let mut etcd = Etcd::start(&place);
    let storage = Arc::new(Mutex::new(Storage::default()));
    let ports = etcd.clients();
    let start = |name: &str, seed: u64| {
        let mut ports = ports.clone();
        ports.rotate_left(seed as usize % 3);
        Node::start(name, seed, ports, &storage)
    };
    let mut nodes = vec![start("front-a", 1), start("front-b", 2), start("front-c", 3)];
    // They join when there is one.
    post(&ports, &found_call(&house())).unwrap();
    until_well(&nodes);
    let granted = |storage: &Arc<Mutex<Storage>>| storage.lock().unwrap().granted;
    for round in 0..4 {
        let before = granted(&storage);
        // Some room: it is full again before whoever is stopped goes on.
        storage.lock().unwrap().stored.iter_mut().flatten().for_each(|stored| *stored = (*stored).min(8 << 20));
        sleep(Duration::from_millis(500));
        let judge = (0..3).max_by_key(|at| nodes[*at].judges.load(Ordering::Relaxed).count_ones()).unwrap();
        nodes[judge].asleep.store(true, Ordering::Relaxed);
        sleep(Duration::from_millis(4500));
        nodes[judge].asleep.store(false, Ordering::Relaxed);
        sleep(Duration::from_millis(1000));
        let killed = (judge + round) % 3;
        nodes[killed].kill();
        nodes[killed] = start(["front-a", "front-b", "front-c"][killed], 10 + round as u64);
        // One member is none too few; two are.
        etcd.die(round, 1 + round % 2, Duration::from_secs(3));
        until_well(&nodes);
        assert!(granted(&storage) > before && !storage.lock().unwrap().above, "round {round}");
    }
    nodes.iter().for_each(|node| node.kill());
    let storage = storage.lock().unwrap();
    assert!(storage.late > 0, "mail of a node that was stopped came after another one judged");
}
