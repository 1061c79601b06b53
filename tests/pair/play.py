"""Two nologd, a witness beside a real Dovecot, a real keepalived and sshd, each machine a network namespace: clients store at random while
the machine that judges is killed, stopped and continued, and cut off. Told at the end, as one line of JSON: how often the storage held more
than the limit, which answered changes of admins are lost, and how long each fault kept people waiting.

play.py NOLOGD FOLDER SHIPPED SECONDS FAULT ...      (faults in this order; with `random`, any of them until the time is over)

What the package brings for a pair is used as an admin uses it: other addresses, paths and names are written into it, and nothing else.
"""

import imaplib, json, os, random, re, shutil, signal, socket, ssl, subprocess, sys, threading, time
from pathlib import Path

NOLOGD, RUN, SHIPPED, SECONDS, FAULTS = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
NAME = f"nlp{os.getpid()}"
ADDRESS = {"a": "10.77.0.1", "b": "10.77.0.2", "s": "10.77.0.3", "c": "10.77.0.9"}
VIP = "10.77.0.100"
LIMIT = 3 << 20
MEMBERS = [f"m{n}@velo.example" for n in range(8)]
random.seed(int(os.environ.get("SEED", "1")))
started, ending = [], threading.Event()


def ns(machine, *words):
    return ["ip", "netns", "exec", NAME + machine, *map(str, words)]


def sh(*words, check=True, **more):
    return subprocess.run([str(word) for word in words], check=check, capture_output=True, text=True, **more)


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def edited(name, changes):
    """A shipped file with some of its texts changed, each of which must be there."""
    text = (SHIPPED / name).read_text()
    for old, new in changes:
        if old not in text:
            raise SystemExit(f"{name}: has no {old!r}")
        text = text.replace(old, str(new))
    return text


def start(machine, *words, out):
    process = subprocess.Popen(ns(machine, *words), stdin=subprocess.DEVNULL, stdout=open(RUN / out, "ab"), stderr=subprocess.STDOUT, start_new_session=True)
    started.append(process)
    return process


def network():
    for machine in "absc":
        sh("ip", "netns", "add", NAME + machine)
        sh("ip", "-n", NAME + machine, "link", "set", "lo", "up")
    sh("ip", "-n", NAME + "c", "link", "add", "br0", "type", "bridge")
    sh("ip", "-n", NAME + "c", "addr", "add", ADDRESS["c"] + "/24", "dev", "br0")
    sh("ip", "-n", NAME + "c", "link", "set", "br0", "up")
    for machine in "abs":
        sh("ip", "-n", NAME + "c", "link", "add", "v" + machine, "type", "veth", "peer", "name", "eth0", "netns", NAME + machine)
        sh("ip", "-n", NAME + "c", "link", "set", "v" + machine, "master", "br0", "up")
        sh("ip", "-n", NAME + machine, "addr", "add", ADDRESS[machine] + "/24", "dev", "eth0")
        sh("ip", "-n", NAME + machine, "link", "set", "eth0", "up")


def certificates():
    certs = RUN / "certs" / "mail.nolog.example"
    certs.mkdir(parents=True)
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout", RUN / "ca.key", "-out", RUN / "ca.pem")
    write(RUN / "ext", f"subjectAltName=DNS:mail.nolog.example,IP:{ADDRESS['s']}\n")
    sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mail.nolog.example", "-keyout", certs / "privkey.pem", "-out", RUN / "csr")
    sh("openssl", "x509", "-req", "-in", RUN / "csr", "-CA", RUN / "ca.pem", "-CAkey", RUN / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", RUN / "ext", "-out", certs / "fullchain.pem")
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", RUN / "host")
    for machine in "ab":
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", RUN / f"{machine}.key")


def storage():
    home, certs = RUN / "dovecot", RUN / "certs/mail.nolog.example"
    for folder in ["run", "state", "mail"]:
        (home / folder).mkdir(parents=True)
    nobody = sh("id", "-u", "nobody").stdout.strip()
    nogroup = sh("id", "-g", "nobody").stdout.strip()
    shutil.chown(home / "mail", int(nobody), int(nogroup))
    for folder in [RUN, home, home / "mail"]:
        folder.chmod(0o755)
    write(home / "users", "".join(f"{member}:{{PLAIN}}pw::::::\n" for member in MEMBERS))
    write(home / "dovecot.conf", f"""
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap lmtp
listen = {ADDRESS['s']}
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
    address = {ADDRESS['s']}
    port = 24
  }}
}}
namespace inbox {{
  inbox = yes
}}
""")
    write(RUN / "close-storage", edited("close-storage", changes=[("192.0.2.11", ADDRESS["a"]), ("192.0.2.12", ADDRESS["b"]), ("systemctl ", f"{RUN}/systemctl ")]), 0o755)
    # No systemd is here: what it would do with Dovecot.
    write(RUN / "systemctl", f"""#!/bin/sh
set -e
master=$(cat {home}/run/master.pid 2>/dev/null || true)
case $1 in
kill)
  if [ -n "$master" ] && [ -d /proc/$master ]; then
    all="$master $(pgrep -P $master || true)"
    kill -9 $all || true
    for one in $all; do while [ -d /proc/$one ] && ! grep -q '^State:.Z' /proc/$one/status; do sleep 0.02; done; done
  fi ;;
restart)
  rm -f {home}/run/master.pid
  # Nobody of the old ones is there: what they said is said.
  dovecot -c {home}/dovecot.conf </dev/null >>{RUN}/dovecot.out 2>&1 ;;
*) exit 1 ;;
esac
""", 0o755)
    write(RUN / "count", f"""#!/bin/sh
exec doveadm -c {home}/dovecot.conf -f tab mailbox status -A -t "messages vsize" "*"
""", 0o755)
    keys = ""
    for machine in "ab":
        command = f"{NOLOGD} node witness front-{machine} --close {RUN}/close-storage --count {RUN}/count --state {RUN}/witness --run {RUN}/witness-run"
        keys += f'restrict,command="{command}" {(RUN / f"{machine}.key.pub").read_text()}'
    write(RUN / "authorized", keys, 0o600)
    Path("/run/sshd").mkdir(exist_ok=True)
    write(RUN / "sshd.conf", f"Port 22\nListenAddress {ADDRESS['s']}\nHostKey {RUN}/host\nAuthorizedKeysFile {RUN}/authorized\nStrictModes no\nUsePAM no\nPidFile {RUN}/sshd.pid\nPasswordAuthentication no\nPermitRootLogin forced-commands-only\nLogLevel QUIET\n")
    write(RUN / "known", f"{ADDRESS['s']} {(RUN / 'host.pub').read_text()}")
    # It stays, and would hold on to a pipe.
    subprocess.run(ns("s", "dovecot", "-c", home / "dovecot.conf"), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    start("s", "/usr/sbin/sshd", "-D", "-e", "-f", RUN / "sshd.conf", out="sshd.out")


def front(machine):
    home = RUN / machine
    (home / "state").mkdir(parents=True)
    write(home / "nologd.toml", f"""
hostname = "mail.nolog.example"
state_dir = "{home}/state"
user = "nobody"
[tls]
certificates = "{RUN}/certs"
default = "mail.nolog.example"
backend_authorities = "{RUN}/ca.pem"
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
[[listen]]
service = "node"
address = "unix:{home}/node.sock"
tls = "none"
[[backend]]
name = "store"
imap = "imaps://{ADDRESS['s']}:993"
lmtp = "lmtp+starttls://{ADDRESS['s']}:24"
[limits]
sessions_per_network = 1000
connections_per_minute = 100000
""")
    home.chmod(0o777)
    for file in (home / "state").parent, home / "state":
        shutil.chown(file, "nobody")
    other = ADDRESS["b" if machine == "a" else "a"]
    write(home / "keepalived.conf", edited("keepalived.conf", changes=[
        ("script_user keepalived_script", "script_user root"), ("/usr/bin/nologd node check", f"{NOLOGD} node check --socket {home}/admin.sock"),
        ("192.0.2.11", ADDRESS[machine]), ("192.0.2.12", other), ("192.0.2.10/24", f"{VIP}/24 dev eth0"),
        # Both are one machine here, and have its name.
        ("global_defs {", f"global_defs {{\n  router_id front-{machine}"),
    ]))


def link(machine, home):
    """The command of the shipped unit."""
    unit = edited("nologd-node.service", changes=[
        ("\\\n", " "), ("/usr/bin/nologd node link ", f"{NOLOGD} node link --socket {home}/node.sock "), ("/var/lib/nologd-node/key", RUN / f"{machine}.key"),
        ("/var/lib/nologd-node/known_hosts", RUN / "known"), ("root@store.example.org", f"root@{ADDRESS['s']}"),
    ])
    return next(line for line in unit.splitlines() if line.startswith("ExecStart=")).removeprefix("ExecStart=").split()


class Front:
    """One front machine; as systemd, it starts what ended."""

    def __init__(self, machine):
        self.machine, self.home = machine, RUN / machine
        self.up, self.processes, self.lock = False, {}, threading.Lock()
        self.commands = {
            "nologd": [NOLOGD, "run", "--config", self.home / "nologd.toml"],
            "link": link(machine, self.home),
            "keepalived": ["keepalived", "-n", "-l", "-P", "-f", self.home / "keepalived.conf", "-p", self.home / "k.pid", "-r", self.home / "v.pid"],
        }
        threading.Thread(target=self.keep, daemon=True).start()

    def keep(self):
        while not ending.is_set():
            with self.lock:
                if self.up:
                    for name, command in self.commands.items():
                        process = self.processes.get(name)
                        if process is None or process.poll() is not None:
                            self.processes[name] = start(self.machine, *command, out=f"{self.machine}/{name}.out")
            time.sleep(0.5)

    def die(self):
        with self.lock:
            self.up = False
            for name, process in self.processes.items():
                # keepalived's and ssh's children with them: the machine is gone.
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        sh("ip", "-n", NAME + self.machine, "addr", "del", VIP + "/24", "dev", "eth0", check=False)

    def pid(self, name):
        return self.processes[name].pid

    def ask(self, *words):
        return sh(NOLOGD, *words, "--socket", self.home / "admin.sock", check=False, timeout=30)

    def shown(self):
        try:
            return json.loads(self.ask("node", "show", "--json").stdout)
        except Exception:
            return {}


def cut(machine, rules):
    text = "table inet cut\ndelete table inet cut\ntable inet cut {\n chain in { type filter hook input priority 0; " + rules.replace("@", "saddr") + " }\n chain out { type filter hook output priority 0; " + rules.replace("@", "daddr") + " }\n}\n"
    sh(*ns(machine, "nft", "-f", "-"), input=text)


def mend(machine):
    sh(*ns(machine, "nft", "delete", "table", "inet", "cut"), check=False)


def in_client(work):
    """The rest of this thread is on the clients' machine."""
    import ctypes
    fd = os.open(f"/run/netns/{NAME}c", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
        raise OSError("setns")
    os.close(fd)
    work()


class Seen:
    def __init__(self):
        self.lock = threading.Lock()
        self.counts, self.stored, self.logins = {}, [], []

    def note(self, word):
        now = time.monotonic()
        with self.lock:
            self.counts[word] = self.counts.get(word, 0) + 1
            if word == "stored":
                self.stored.append(now)
            if word == "login":
                self.logins.append(now)


seen = Seen()
TLS = ssl._create_unverified_context()


def member(number):
    random_here = random.Random(number)
    address = MEMBERS[number % len(MEMBERS)]
    while not ending.is_set():
        try:
            box = imaplib.IMAP4_SSL(VIP, 993, ssl_context=TLS, timeout=4)
            box.login(address, "pw")
            seen.note("login")
            box.select("INBOX")
            for _ in range(random_here.randrange(3, 30)):
                if ending.is_set():
                    break
                if random_here.random() < 0.25:
                    _, found = box.search(None, "ALL")
                    some = random_here.sample(found[0].split(), min(3, len(found[0].split())))
                    if some:
                        box.store(b",".join(some), "+FLAGS", "\\Deleted")
                        box.expunge()
                        seen.note("deleted")
                    continue
                text = b"Subject: x\r\n\r\n" + b"0123456789abcde\n".replace(b"\n", b"\r\n") * random_here.randrange(1, 6000)
                answer, why = box.append("INBOX", None, None, text)
                why = str(why[0])
                seen.note("stored" if answer == "OK" else "full" if "FULL" in why else "deferred" if "TAKING-OVER" in why else "refused: " + why[-40:])
                time.sleep(0.02)
            box.logout()
        except Exception:
            seen.note("cut")
            time.sleep(0.2)


def deliverer(number):
    random_here = random.Random(100 + number)
    while not ending.is_set():
        try:
            with socket.socket(socket.AF_UNIX) as conn:
                conn.settimeout(5)
                conn.connect(str(RUN / random_here.choice("ab") / "lmtp.sock"))
                file = conn.makefile("rb")

                def say(line):
                    conn.sendall(line)
                    while True:
                        answer = file.readline()
                        if len(answer) < 4 or answer[3:4] != b"-":
                            return answer
                greeting = file.readline()
                if not greeting.startswith(b"220"):
                    seen.note("lmtp " + greeting[:3].decode())
                    time.sleep(0.3)
                    continue
                say(b"LHLO x\r\n")
                say(b"MAIL FROM:<x@elsewhere.example> SIZE=20000\r\n")
                answer = say(f"RCPT TO:<{random_here.choice(MEMBERS)}>\r\n".encode())
                if answer.startswith(b"250"):
                    say(b"DATA\r\n")
                    answer = say(b"Subject: y\r\n\r\n" + b"x" * 70 * random_here.randrange(1, 250) + b"\r\n.\r\n")
                seen.note("lmtp " + answer[:3].decode())
                time.sleep(0.1)
        except Exception:
            seen.note("lmtp cut")
            time.sleep(0.3)


class Truth(threading.Thread):
    """What is there, again and again. doveadm counts one mailbox after the other, and what is deleted from one and stored in another meanwhile
    is in its sum twice; so all of Dovecot stands still while the files are looked at, whose names tell the same sizes. doveadm has the last word."""

    def __init__(self):
        super().__init__(daemon=True)
        self.looks, self.above, self.most = 0, 0, 0

    def look(self):
        told = sh(*ns("s", RUN / "count"), check=False)
        if told.returncode != 0:
            return None
        lines = [line.split("\t") for line in told.stdout.splitlines()]
        return sum(int(line[lines[0].index("vsize")]) for line in lines[1:])

    def still(self):
        stopped = []
        try:
            # First the one who makes the others: who came behind the list would go on.
            stopped.append(int((RUN / "dovecot/run/master.pid").read_text()))
            self.signal(stopped[0], signal.SIGSTOP)
            stopped += map(int, Path(f"/proc/{stopped[0]}/task/{stopped[0]}/children").read_text().split())
            [self.signal(pid, signal.SIGSTOP) for pid in stopped[1:]]
            time.sleep(0.005)
            names = [name for part in ("new", "cur") for place in (RUN / "dovecot/mail").glob(f"*/Maildir/{part}") for name in os.listdir(place)]
        except (OSError, ValueError):
            return None
        finally:
            [self.signal(pid, signal.SIGCONT) for pid in stopped]
        # The one file may be in both for a moment.
        return sum({name.split(",")[0]: int(re.search(r",W=(\d+)", name)[1]) for name in names}.values())

    @staticmethod
    def signal(pid, which):
        try:
            os.kill(pid, which)
        except ProcessLookupError:
            pass

    def run(self):
        while not ending.is_set():
            octets = self.still()
            if octets is not None:
                self.looks += 1
                self.above += octets > LIMIT
                self.most = max(self.most, octets)
            time.sleep(0.3)


class Admin(threading.Thread):
    """Changes one thing after the other, at whichever machine takes it, and remembers what was answered."""

    def __init__(self, fronts):
        super().__init__(daemon=True)
        self.fronts, self.value, self.may, self.answered = fronts, 10 << 30, {}, 0

    def run(self):
        while not ending.is_set():
            self.value += 1
            target = random.choice(MEMBERS)
            for front in self.fronts:
                try:
                    told = front.ask("mailbox", "set", target, "--storage", str(self.value))
                except subprocess.TimeoutExpired:
                    told = None
                if told is not None and told.returncode == 0:
                    self.may[target] = {self.value}
                    self.answered += 1
                    break
                # Refused by a machine that waits: nothing was changed. Anything else: perhaps.
                if told is None or "waits" not in told.stderr:
                    self.may.setdefault(target, {None}).add(self.value)
            time.sleep(0.3)

    def lost(self, front):
        listed = json.loads(front.ask("mailbox", "list", "--json").stdout)
        found = {}

        def walk(value):
            if isinstance(value, dict):
                if "address" in value:
                    found[value["address"]] = json.dumps(value)
                value = list(value.values())
            if isinstance(value, list):
                [walk(one) for one in value]
        walk(listed)
        lost = 0
        for target, values in self.may.items():
            text = found.get(target, "")
            lost += not any(value is None or str(value) in text for value in values)
        return lost


def leader(fronts, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        leading = [front for front in fronts if front.shown().get("grants") == "all"]
        if len(leading) == 1:
            return leading[0]
        time.sleep(0.2)
    raise SystemExit(f"nobody judges: {[front.shown() for front in fronts]}")


def fault(kind, fronts):
    now = leader(fronts)
    other = next(front for front in fronts if front is not now)
    # The other one must be able to.
    end = time.monotonic() + 30
    while not other.shown().get("up-to-date") and time.monotonic() < end:
        time.sleep(0.2)
    begin = time.monotonic()
    undo = lambda: None
    if kind == "kill":
        os.kill(now.pid("nologd"), signal.SIGKILL)
    elif kind == "stop":
        pid = now.pid("nologd")
        os.kill(pid, signal.SIGSTOP)
        undo = lambda: os.kill(pid, signal.SIGCONT)
    elif kind == "die":
        now.die()
        undo = lambda: setattr(now, "up", True)
    elif kind == "cut":
        sh("ip", "-n", NAME + "c", "link", "set", "v" + now.machine, "down")
        undo = lambda: sh("ip", "-n", NAME + "c", "link", "set", "v" + now.machine, "up")
    elif kind == "cut-storage":
        cut(now.machine, f"ip @ {ADDRESS['s']} drop;")
        undo = lambda: mend(now.machine)
    elif kind == "cut-ssh":
        cut(now.machine, f"ip @ {ADDRESS['s']} tcp sport 22 drop; ip @ {ADDRESS['s']} tcp dport 22 drop;")
        undo = lambda: mend(now.machine)
    elif kind == "split":
        cut(now.machine, f"ip @ {ADDRESS[other.machine]} drop;")
        undo = lambda: mend(now.machine)
    elif kind == "switch":
        other.ask("node", "take-over")
    else:
        raise SystemExit(f"no such fault: {kind}")
    lasting = 12
    logins = stored = None
    while time.monotonic() < begin + lasting:
        time.sleep(0.1)
    with seen.lock:
        after = lambda times: next((round(at - begin, 1) for at in times if at > begin + 0.05), None)
        # The longest time in which nobody stored anything.
        times = [begin] + [at for at in seen.stored if at > begin] + [time.monotonic()]
        gap = round(max(two - one for one, two in zip(times, times[1:])), 1)
        times = [begin] + [at for at in seen.logins if at > begin] + [time.monotonic()]
        login_gap = round(max(two - one for one, two in zip(times, times[1:])), 1)
    undo()
    told = {"fault": kind, "judged": now.machine, "without_login": login_gap, "without_storing": gap}
    print(json.dumps(told), file=sys.stderr, flush=True)
    time.sleep(8)
    return told


def main():
    RUN.mkdir(parents=True, exist_ok=True)
    network()
    certificates()
    storage()
    fronts = [Front(machine) for machine in "ab"]
    [front(one.machine) for one in fronts]
    key = os.urandom(32)
    for one in fronts:
        file = one.home / "state/message-id.key"
        file.write_bytes(key)
        file.chmod(0o600)
        shutil.chown(file, "nobody")
        one.up = True
    end = time.monotonic() + 30
    while fronts[0].shown().get("name") is None and time.monotonic() < end:
        time.sleep(0.2)
    told = fronts[0].ask("node", "take-over", "--with-own-book", "--empty")
    if told.returncode != 0:
        raise SystemExit(f"take-over: {told.stdout}{told.stderr}")
    first = leader(fronts)
    told = first.ask("association", "add", "velo", "--domain", "velo.example", "--storage", str(LIMIT))
    if told.returncode != 0:
        raise SystemExit(f"association add: {told.stdout}{told.stderr}")
    for number in range(12):
        threading.Thread(target=in_client, args=(lambda number=number: member(number),), daemon=True).start()
    for number in range(2):
        threading.Thread(target=deliverer, args=(number,), daemon=True).start()
    truth, admin = Truth(), Admin(fronts)
    truth.start()
    admin.start()
    time.sleep(8)
    told, over = [], time.monotonic() + SECONDS
    kinds = ["kill", "stop", "die", "cut", "cut-storage", "cut-ssh", "split", "switch"]
    if FAULTS == ["random"]:
        while time.monotonic() < over:
            told.append(fault(random.choice(kinds), fronts))
    else:
        told = [fault(kind, fronts) for kind in FAULTS]
    last = leader(fronts)
    ending.set()
    time.sleep(6)
    octets = truth.look()
    result = {
        "looks": truth.looks, "above": truth.above + (octets is None or octets > LIMIT or octets != truth.still()), "most": truth.most, "limit": LIMIT, "at_last": octets,
        "admin_answered": admin.answered, "admin_lost": admin.lost(last), "seen": seen.counts, "faults": told,
    }
    print(json.dumps(result))


def clean():
    ending.set()
    time.sleep(0.7)
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    for machine in "absc":
        for pid in sh("ip", "netns", "pids", NAME + machine, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        sh("ip", "netns", "del", NAME + machine, check=False)


try:
    main()
finally:
    clean()
