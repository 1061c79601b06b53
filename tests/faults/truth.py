"""What is there, and whether it is what it ought to be: the storage is looked at all the time, and at the end each message is counted and each book asked."""

import imaplib, json, os, re, signal, threading, time

from people import *
from stage import *


class During:
    """What is going wrong at the moment."""

    what = None


class Truth:
    """What is there, again and again, in two ways. doveadm counts one mailbox after the other, and what is deleted from one and stored in another meanwhile is in its sum twice:
    above a limit by that, a second look says whether it was. For that, all of Dovecot stands still while the files are looked at, whose names tell the same
    sizes. A MOVE makes the second name of a file before it removes the first: there, a file is one message."""

    def __init__(self, limits):
        self.limits, self.looks, self.asked, self.seconds, self.above, self.fullest = limits, 0, 0, 0, [], {}
        self.alone = threading.Lock()

    def doveadm(self):
        told = sh(*ns("store", RUN / "count"), check=False)
        if told.returncode != 0:
            return None
        lines = [line.split("\t") for line in told.stdout.splitlines()]
        octets = lines[0].index("vsize")
        return {line[0]: int(line[octets]) for line in lines[1:]}

    def still(self):
        """By mailbox."""
        stopped = []
        with self.alone:
            try:
                # First the one who makes the others: who came behind the list would go on.
                stopped.append(int((RUN / "dovecot/run/master.pid").read_text()))
                self.signal(stopped[0], signal.SIGSTOP)
                stopped += map(int, open(f"/proc/{stopped[0]}/task/{stopped[0]}/children").read().split())
                [self.signal(pid, signal.SIGSTOP) for pid in stopped[1:]]
                time.sleep(0.005)
                return {member: self.mailbox(RUN / "dovecot/mail" / member / "Maildir") for members in MEMBERS.values() for member in members}
            except (OSError, ValueError):
                return None
            finally:
                [self.signal(pid, signal.SIGCONT) for pid in stopped]

    @staticmethod
    def mailbox(maildir):
        octets, moving = 0, {}
        for folder in [maildir, *maildir.glob(".*")]:
            there = {}
            for part in ("new", "cur"):
                if (folder / part).is_dir():
                    # The one file may be in both for a moment.
                    there.update({file.name.split(":")[0]: file.inode() for file in os.scandir(folder / part)})
            for name, inode in there.items():
                size = int(re.search(r",W=(\d+)", name)[1])
                if folder.name == ".Moved" or folder.name.startswith(".own"):
                    moving[inode] = size
                else:
                    octets += size
        return octets + sum(moving.values())

    @staticmethod
    def signal(pid, which):
        try:
            os.kill(pid, which)
        except ProcessLookupError:
            pass

    def more_than_a_limit(self, octets, before):
        """Which, of what was there. Limits only rise, and what was asked for may be in force before it is answered."""
        over = [[member, octets[member], SMALL] for member in SMALL_ONES if octets[member] > SMALL]
        for association, members in MEMBERS.items():
            there, limit = sum(octets[member] for member in members), self.limits[association][-1]
            over += [[association, there, limit]] if there > limit else []
            self.fullest[association] = max(self.fullest.get(association, 0), there / before[association])
        return over

    def look(self):
        octets = self.still()
        if octets is None:
            return
        self.looks += 1
        over = self.more_than_a_limit(octets, {association: limits[-1] for association, limits in self.limits.items()})
        if over:
            self.above.append({"first": over, "second": self.confirmed(), "during": During.what})

    def confirmed(self):
        """Once more, while nobody deletes: what was above then still is."""
        no_deletions.set()
        try:
            time.sleep(1.5)
            asked, octets = self.doveadm(), self.still()
            limits = {association: limits[-1] for association, limits in self.limits.items()}
            return {"doveadm": asked and self.more_than_a_limit(asked, limits), "still": octets and self.more_than_a_limit(octets, limits)}
        finally:
            no_deletions.clear()

    def run(self):
        while not ending.is_set():
            self.look()
            time.sleep(0.3)

    def ask(self):
        """By doveadm, with a second look where it sees more than a limit."""
        while not ending.is_set():
            octets = self.doveadm()
            if octets is not None:
                self.asked += 1
                if self.more_than_a_limit(octets, {association: limits[-1] for association, limits in self.limits.items()}):
                    self.seconds += 1
                    self.look()
            time.sleep(2)

    @staticmethod
    def messages():
        """How many there are of each message; what came by LMTP, by its mailbox."""
        count = {}
        for members in MEMBERS.values():
            for member in members:
                for file in (RUN / "dovecot/mail" / member / "Maildir").rglob("*,S=*"):
                    with open(file, "rb") as opened:
                        name = re.search(rb"^Subject: (\S+)", opened.read(4000), re.M)[1].decode()
                    name = f"{name} {member}" if name.startswith("lmtp-") else name
                    count[name] = count.get(name, 0) + 1
        return count


class Watcher:
    """How the nodes say that they stand; what is held back, and since when."""

    def __init__(self, nodes):
        self.nodes, self.held, self.shown = nodes, [], {}

    def run(self):
        while not ending.is_set():
            self.look()
            time.sleep(0.4)

    def look(self):
        threads = [threading.Thread(target=lambda node=node: self.shown.__setitem__(node.machine, node.shown())) for node in self.nodes]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        for node in self.nodes:
            node.is_well()
        held = {one["name"]: one["withheld"] for shown in self.shown.values() for one in shown.get("associations", []) if one["withheld"] and one["judged"] == "judged"}
        self.held.append((time.monotonic(), held))

    def is_well(self, holds=False):
        """Each association is judged by one, says every node, and nothing is held back, or may be."""
        for association in ASSOCIATIONS:
            judges = set()
            for node in self.nodes:
                shown = self.shown.get(node.machine) or {}
                one = next((one for one in shown.get("associations", []) if one["name"] == association), None)
                if one is None or not shown["etcd-answers"] or shown["book"] != "shared" or len(set(shown["nodes"])) != len(self.nodes) or (one["withheld"] and not holds):
                    return False
                if one["judged"] != ("judged" if one["node"] == node.machine else "elsewhere"):
                    return False
                judges.add(one["node"])
            if len(judges) != 1 or None in judges:
                return False
        return True

    def until_well(self, begin, patience):
        """Seconds from `begin`; none where it does not come."""
        while time.monotonic() < begin + patience:
            seen = len(self.held)
            # Two looks after each other, both of them begun by now.
            while len(self.held) < seen + 2:
                time.sleep(0.05)
            if self.is_well():
                return round(time.monotonic() - begin, 1)
        return None


def accounts(there):
    """Messages that are lost, and those that are there too often."""
    lost, often, late = [], [], 0
    for name, (least, most) in ledger.bounds.items():
        count = there.get(name, 0)
        lost += [[name, count, least, most]] if count < least else []
        often += [[name, count, least, most]] if count > max(most, 0) else []
        late += count > least and name in ledger.deferred_once
    unknown = [name for name in there if name not in ledger.bounds]
    return lost, often + unknown, late


def last_octet(truth, limits, nodes):
    """The books know exactly what is there: what is left is taken, and then not one octet. By any node."""
    wrong = []
    for number, association in enumerate(ASSOCIATIONS):
        # One whose own limit is larger than the association's.
        member = MEMBERS[association][3]
        left = limits[association] - sum(truth[one] for one in MEMBERS[association])
        for octets, expected in [(left, "OK"), (1, "NO")]:
            if octets < 1:
                continue
            end = time.monotonic() + 20
            while True:
                box = imaplib.IMAP4_SSL(ADDRESS[nodes[number % len(nodes)].machine], 993, ssl_context=TLS, timeout=30)
                box.login(member, PASSWORD)
                answer, why = box.append("INBOX", None, None, (b"Subject: last\r\n\r\n" + b"x" * octets)[:octets] if octets > 20 else b"x" * octets)
                box.shutdown()
                # More than may be on its way at once is asked for first.
                if b"UNAVAILABLE" not in why[0] or time.monotonic() > end:
                    break
                time.sleep(0.5)
            if answer != expected:
                wrong.append([association, octets, answer, str(why)])
    return wrong


def books(truth, nodes):
    """Where the judge's book does not say what doveadm says."""
    wrong = []
    for node in nodes:
        for association in [one["name"] for one in node.shown()["associations"] if one["node"] == node.machine]:
            for member in MEMBERS[association]:
                told = node.box(member) or {"octets": None, "reserved": None}
                wrong += [[member, told["octets"], told["reserved"], truth[member]]] if told["octets"] != truth[member] else []
    return wrong


def in_clients_at_once(work):
    """This thread stays where it is."""
    thread = threading.Thread(target=in_clients, args=(work,))
    thread.start()
    thread.join()


def visited(members, nodes):
    """A mail program looks into each, as on the morning after."""
    for number, member in enumerate(members):
        box = imaplib.IMAP4_SSL(ADDRESS[nodes[number % len(nodes)].machine], 993, ssl_context=TLS, timeout=30)
        box.login(member, PASSWORD)
        box.select("INBOX", readonly=True)
        box.logout()


def judged(nodes, watcher, truth, limits, admins):
    """All is at rest. Mail that came in after the last session of a mailbox counts with what the storage may have added to it, until somebody looks into the mailbox
    (docs/quota.md): too much, never too little."""
    time.sleep(3)
    octets, still, begin = truth.doveadm(), truth.still(), time.monotonic()
    differing = first = books(octets, nodes)
    below = [one for one in first if one[1] is None or one[1] < one[3]]
    in_clients_at_once(lambda: visited([one[0] for one in first], nodes))
    while differing and time.monotonic() < begin + 30:
        time.sleep(1)
        differing = books(octets, nodes)
    took, there = round(time.monotonic() - begin, 1), truth.messages()
    lost, often, late = accounts(there)
    admin_lost = [[node.machine, one] for admin in admins for node in nodes for one in admin.lost(node)]
    now = {association: nodes[0].limit(association) for association in ASSOCIATIONS}
    wrong = []
    in_clients_at_once(lambda: wrong.extend(last_octet(octets, now, nodes)))
    confirmed = [one for one in truth.above if one["second"]["still"] or one["second"]["doveadm"]]
    return {
        "looks": truth.looks, "doveadm": truth.asked, "second_looks": truth.seconds + len(truth.above), "above": len(truth.above), "above_confirmed": len(confirmed), "how": truth.above[:5],
        "fullest": {association: round(part, 3) for association, part in truth.fullest.items()}, "messages": sum(there.values()), "lost": lost[:20], "too_often": often[:20],
        "lmtp_put_off_and_stored": late, "book_at_first": first, "book_below": below, "book_differs": differing, "book_took": took, "last_octet_wrong": wrong, "doveadm_differs": octets != still,
        "admin_answered": sum(admin.answered for admin in admins), "admin_refused": [admin.refused for admin in admins], "admin_lost": admin_lost[:20], "seen": ledger.counts}
