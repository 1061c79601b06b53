"""Three nodes, three members of etcd, one storage and the clients' machine, each a network namespace: how all of it is set up, started, asked and
taken down. What is done with it is in play.py."""

import ctypes, json, os, random, shutil, signal, subprocess, sys, threading, time
from pathlib import Path

NOLOGD, RUN = sys.argv[1], Path(sys.argv[2])
NAME = f"nlf{os.getpid()}"
NODES, ETCDS = ["front-a", "front-b", "front-c"], ["etcd-1", "etcd-2", "etcd-3"]
ADDRESS = {"front-a": "10.78.0.1", "front-b": "10.78.0.2", "front-c": "10.78.0.3", "etcd-1": "10.78.0.4", "etcd-2": "10.78.0.5", "etcd-3": "10.78.0.6", "store": "10.78.0.7", "clients": "10.78.0.9"}
SHORT = {machine: chr(ord("a") + number) for number, machine in enumerate(ADDRESS)}
ASSOCIATIONS = ["velo", "jardin", "amis"]
MEMBERS = {association: [f"m{number}@{association}.example" for number in range(4)] for association in ASSOCIATIONS}
LIMIT, SMALL = 8 << 20, 2 << 20
# What is set for the first mailbox of each.
SMALL_ONES = [members[0] for members in MEMBERS.values()]
PASSWORD = "pw"
# With this one, each node is nearest to one association.
KEY = bytes([5]) * 32
started, ending = [], threading.Event()


# Whoever ends this one leaves no machine behind.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))


def space(machine):
    return NAME + SHORT[machine]


def ns(machine, *words):
    return ["ip", "netns", "exec", space(machine), *map(str, words)]


def sh(*words, check=True, **more):
    return subprocess.run([str(word) for word in words], check=check, capture_output=True, text=True, **more)


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def start(machine, *words, out, **more):
    with open(RUN / out, "ab") as file:
        process = subprocess.Popen(ns(machine, *words), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True, **more)
    started.append(process)
    return process


def send(process, which):
    """To a process that was started here."""
    try:
        os.kill(process.pid, which)
    except ProcessLookupError:
        pass


def network():
    for machine in ADDRESS:
        sh("ip", "netns", "add", space(machine))
        sh("ip", "-n", space(machine), "link", "set", "lo", "up")
    hub = space("clients")
    sh("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
    sh("ip", "-n", hub, "addr", "add", ADDRESS["clients"] + "/24", "dev", "br0")
    sh("ip", "-n", hub, "link", "set", "br0", "up")
    for machine in ADDRESS:
        if machine == "clients":
            continue
        sh("ip", "-n", hub, "link", "add", "port-" + SHORT[machine], "type", "veth", "peer", "name", "eth0", "netns", space(machine))
        sh("ip", "-n", hub, "link", "set", "port-" + SHORT[machine], "master", "br0", "up")
        sh("ip", "-n", space(machine), "addr", "add", ADDRESS[machine] + "/24", "dev", "eth0")
        sh("ip", "-n", space(machine), "link", "set", "eth0", "up")


def certificate(folder, name, more, authority=None):
    """Good from now on for a month: the clocks of nodes go up to two days before all others."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "30", "-subj", f"/CN={name}"]
    if authority:
        words += ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", f"subjectAltName={more}", "-CA", authority / "fullchain.pem", "-CAkey", authority / "privkey.pem"]
    sh(*words, "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem")
    (folder / "privkey.pem").chmod(0o644)


def certificates():
    certificate(RUN / "authority", "authority", "")
    for machine in NODES + ETCDS:
        certificate(RUN / "keys" / machine, machine, f"IP:{ADDRESS[machine]},IP:127.0.0.1", RUN / "authority")
    certificate(RUN / "certs/mail.nolog.example", "mail.nolog.example", f"DNS:mail.nolog.example,IP:{ADDRESS['store']}", RUN / "authority")


def storage():
    home, certs = RUN / "dovecot", RUN / "certs/mail.nolog.example"
    for folder in ["run", "state", "mail"]:
        (home / folder).mkdir(parents=True)
    nobody, nogroup = sh("id", "-u", "nobody").stdout.strip(), sh("id", "-g", "nobody").stdout.strip()
    shutil.chown(home / "mail", int(nobody), int(nogroup))
    for folder in [RUN, home, home / "mail"]:
        folder.chmod(0o755)
    write(home / "users", "".join(f"{member}:{{PLAIN}}{PASSWORD}::::::\n" for members in MEMBERS.values() for member in members))
    write(home / "dovecot.conf", f"""
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap lmtp
listen = {ADDRESS['store']}
ssl = required
ssl_cert = <{certs}/fullchain.pem
ssl_key = <{certs}/privkey.pem
mail_max_userip_connections = 1000
first_valid_uid = 1
first_valid_gid = 0
mail_location = maildir:~/Maildir
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = {home}/users
}}
userdb {{
  driver = passwd-file
  args = {home}/users
  override_fields = uid={nobody} gid={nogroup} home={home}/mail/%Lu
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = 0
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = {ADDRESS['store']}
    port = 24
  }}
}}
namespace inbox {{
  inbox = yes
}}
""")
    write(RUN / "count", f"""#!/bin/sh
exec doveadm -c {home}/dovecot.conf -f tab mailbox status -A -t "messages vsize" "*"
""", 0o755)
    # It stays, and would hold on to a pipe.
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(ns("store", "dovecot", "-c", home / "dovecot.conf"), check=True, **quiet)


DAY = 86_400


class Clocks:
    """Each node's own clock of the day, as the C library tells it: this machine's is left alone. A day before it at the beginning, so that there is room in
    both directions in what certificates are good for. etcd (Go) asks the kernel, and has this machine's."""

    def __init__(self):
        source, self.library = Path(__file__).with_name("clock.c"), RUN / "clock.so"
        sh("cc", "-shared", "-fPIC", "-O1", "-o", self.library, source, "-ldl")
        for node in NODES:
            self.set(node, DAY)

    def file(self, node):
        return RUN / node / "clock"

    def set(self, node, seconds):
        self.file(node).parent.mkdir(parents=True, exist_ok=True)
        with open(self.file(node), "r+b" if self.file(node).exists() else "wb") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    def environment(self, node):
        return {**os.environ, "LD_PRELOAD": str(self.library), "NOLOGD_TEST_CLOCK": str(self.file(node))}


class Etcd:
    """One member."""

    def __init__(self, machine):
        self.machine, self.process = machine, None

    def up(self):
        keys, url, peer = RUN / "keys" / self.machine, f"https://{ADDRESS[self.machine]}:2379", f"http://{ADDRESS[self.machine]}:2380"
        cluster = ",".join(f"{machine}=http://{ADDRESS[machine]}:2380" for machine in ETCDS)
        self.process = start(
            self.machine, "etcd", "--name", self.machine, "--data-dir", RUN / self.machine, "--initial-cluster", cluster, "--listen-client-urls", url,
            "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--cert-file", keys / "fullchain.pem",
            "--key-file", keys / "privkey.pem", "--client-cert-auth", "--trusted-ca-file", RUN / "authority/fullchain.pem", "--auto-compaction-mode", "revision",
            "--auto-compaction-retention", "1", out=self.machine + ".out")

    def kill(self):
        send(self.process, signal.SIGKILL)
        self.process.wait()


CONFIG = '''
hostname = "mail.nolog.example"
state_dir = "{home}/state"
user = "nobody"
drain_seconds = 5
[tls]
certificates = "{run}/certs"
default = "mail.nolog.example"
backend_authorities = "{run}/authority/fullchain.pem"
[[listen]]
service = "imap"
address = "0.0.0.0:993"
tls = "implicit"
[[listen]]
service = "lmtp"
address = "unix:{home}/lmtp.sock"
tls = "none"
[[listen]]
service = "admin"
address = "unix:{home}/admin.sock"
tls = "none"
{several}
[[backend]]
name = "store"
imap = "imaps://{store}:993"
lmtp = "lmtp+starttls://{store}:24"
{associations}
[limits]
sessions_per_network = 5000
connections_per_minute = 100000
'''
SEVERAL = '''
[[listen]]
service = "share-imap"
address = "0.0.0.0:10993"
tls = "implicit"
[[listen]]
service = "share-lmtp"
address = "0.0.0.0:10024"
tls = "implicit"
[share]
name = "{name}"
etcd = [{members}]
authority = "{run}/authority/fullchain.pem"
certificate = "{run}/keys/{name}/fullchain.pem"
key = "{run}/keys/{name}/privkey.pem"
{others}
'''
OTHER = '''
[[share.node]]
name = "{name}"
imap = "imaps://{address}:10993"
lmtp = "lmtps://{address}:10024"
'''


class Node:
    """One nologd, and the program beside it that asks the storage."""

    def __init__(self, machine, clocks):
        self.machine, self.home, self.clocks = machine, RUN / machine, clocks
        self.daemon = self.counter = None
        self.ought, self.died = False, 0
        (self.home / "state").mkdir(parents=True)
        self.configure(True)
        (self.home / "state/message-id.key").write_bytes(KEY)
        (self.home / "state/message-id.key").chmod(0o600)
        self.home.chmod(0o777)
        for file in self.home, self.home / "state", self.home / "state/message-id.key":
            shutil.chown(file, "nobody")

    def configure(self, shares, has_associations=True):
        """As one of several, or alone; with associations to begin with."""
        several = SEVERAL.format(
            name=self.machine, run=RUN, members=", ".join(f'"https://{ADDRESS[etcd]}:2379"' for etcd in ETCDS),
            others="".join(OTHER.format(name=other, address=ADDRESS[other]) for other in NODES if other != self.machine))
        associations = "".join(f'[[association]]\nname = "{one}"\ndomains = ["{one}.example"]\nstorage = "{LIMIT}"\n' for one in ASSOCIATIONS if has_associations)
        write(self.home / "nologd.toml", CONFIG.format(home=self.home, run=RUN, store=ADDRESS["store"], several=several if shares else "", associations=associations))

    def up(self):
        self.daemon = start(self.machine, NOLOGD, "run", "--config", self.home / "nologd.toml", out=f"{self.machine}/nologd.out", env=self.clocks.environment(self.machine))
        self.ought = True

    def down(self, which):
        self.ought = False
        send(self.daemon, which)
        try:
            self.daemon.wait(60)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{self.machine} does not stop")

    def count(self):
        self.counter = start(self.machine, NOLOGD, "share", "count", "--program", RUN / "count", "--socket", self.home / "admin.sock", out=f"{self.machine}/count.out")

    def is_well(self):
        """Whether it runs as it ought to; where it ended by itself, that is kept."""
        if self.ought and self.daemon.poll() is not None:
            self.died += 1
            self.ought = False
        return self.ought

    def ask(self, *words, patience=30):
        return sh(NOLOGD, *words, "--socket", self.home / "admin.sock", check=False, timeout=patience)

    def told(self, *words):
        return json.loads(self.ask(*words, "--json").stdout)

    def box(self, address):
        """What is held of it in this moment; none where it is not known."""
        return self.told("disclose", address).get("mailbox")

    def limit(self, association):
        return self.told("association", "show", association)["association"]["settings"]["storage"]

    def shown(self):
        try:
            return json.loads(self.ask("share", "show", "--json", patience=3).stdout)
        except (ValueError, subprocess.TimeoutExpired):
            return {}


def cut(machine, others, both=True):
    """Nothing passes between this machine and the others, or nothing reaches it, and nobody is told."""
    addresses = ", ".join(ADDRESS[other] for other in others)
    rules = "".join(f" chain {chain} {{ type filter hook {hook} priority 0; ip {which} {{ {addresses} }} drop; }}\n" for chain, hook, which in [("in", "input", "saddr"), ("out", "output", "daddr")][: 2 if both else 1])
    sh(*ns(machine, "nft", "-f", "-"), input=f"table inet cut\ndelete table inet cut\ntable inet cut {{\n{rules}}}\n")


def mend(machine):
    sh(*ns(machine, "nft", "delete", "table", "inet", "cut"), check=False)


def in_clients(work):
    """The rest of this thread is on the clients' machine."""
    file = os.open(f"/run/netns/{space('clients')}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(file, 0x40000000) != 0:
        raise OSError("setns")
    os.close(file)
    work()


def clean():
    ending.set()
    time.sleep(0.7)
    for process in started:
        if process.poll() is None:
            for which in (signal.SIGCONT, signal.SIGKILL):
                try:
                    os.killpg(process.pid, which)
                except ProcessLookupError:
                    pass
            process.wait()
    for machine in ADDRESS:
        for pid in sh("ip", "netns", "pids", space(machine), check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGCONT)
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        sh("ip", "netns", "del", space(machine), check=False)


def set_up():
    """All machines, the storage and etcd; the nodes are there and do not run yet."""
    RUN.mkdir(parents=True, exist_ok=True)
    network()
    certificates()
    storage()
    clocks = Clocks()
    etcds, nodes = [Etcd(machine) for machine in ETCDS], [Node(machine, clocks) for machine in NODES]
    [etcd.up() for etcd in etcds]
    return clocks, etcds, nodes
