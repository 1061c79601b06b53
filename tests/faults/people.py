"""Who uses it: members by IMAP, a relay by LMTP, admins; and what each was told, message by message. A message has a name of its own, in its subject. Of each it is
known how many of it there are, at least and at most: an answer that did not come leaves both open."""

import imaplib, json, random, re, socket, ssl, subprocess, threading, time

from stage import *

TLS = ssl._create_unverified_context()
# Where people come to.
OPEN = list(NODES)
BIGGEST, HUGE = 120_000, 1_200_000


class Ledger:
    """How many of each message must be there, and may be; and when whose messages were judged."""

    def __init__(self):
        self.lock = threading.Lock()
        self.bounds, self.deferred_once, self.counts, self.full = {}, {}, {}, {}
        # By association: when something was stored, or refused as full. The rest is put off.
        self.judged, self.put_off = {association: [] for association in ASSOCIATIONS}, {association: [] for association in ASSOCIATIONS}

    def change(self, name, least, most):
        with self.lock:
            bounds = self.bounds.setdefault(name, [0, 0])
            bounds[0] += least
            bounds[1] += most

    def forget(self, name, how_many, surely):
        """So many of it are deleted, or perhaps. What a relay brings may be deleted before the relay is told that it is stored."""
        self.change(name, -how_many, -how_many if surely else 0)

    def postponed(self, name):
        """By LMTP it was put off; where a node was lost after the storage's answer it is there all the same, and comes once more (docs/many-nodes.md)."""
        with self.lock:
            self.deferred_once[name] = self.deferred_once.get(name, 0) + 1

    def note(self, association, word):
        now = time.monotonic()
        with self.lock:
            self.counts[word] = self.counts.get(word, 0) + 1
            if association and word in ("imap stored", "imap full", "lmtp stored", "lmtp full"):
                self.judged[association].append(now)
                if word.endswith("full"):
                    self.full[association] = now
            if association and word in ("imap put off", "lmtp put off"):
                self.put_off[association].append(now)

    def is_full(self, association):
        """Whether somebody was refused just now."""
        return time.monotonic() < self.full.get(association, 0) + 2

    def told(self, kind, answer, why=""):
        """What an answer means."""
        if answer == "OK":
            return f"{kind} stored"
        if "OVERQUOTA" in why:
            return f"{kind} full"
        if "UNAVAILABLE" in why:
            return f"{kind} put off"
        return f"{kind} {answer}: {why[-60:]}"


ledger = Ledger()
# What is set aside for a look that must not see a deletion: none deletes while it is set.
no_deletions = threading.Event()


def text(chance, name):
    """1 to 120 kB, small ones mostly; and some that are more than what may be on its way at once."""
    octets = int(1000 * (BIGGEST / 1000) ** chance.random()) if chance.random() > 0.005 else HUGE
    head = f"From: a@elsewhere.example\r\nSubject: {name}\r\n\r\n".encode()
    return head + (b"0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmno\r\n" * (octets // 63 + 1))[: max(0, octets - len(head) - 2)] + b"\r\n"


class Person:
    """One mail program: an own folder, and two that it shares with the other programs of its member. It touches its own messages alone."""

    def __init__(self, number, seed):
        self.number, self.chance = number, random.Random(f"{seed}-person-{number}")
        self.association = ASSOCIATIONS[number % len(ASSOCIATIONS)]
        members = MEMBERS[self.association]
        self.address = members[number // len(ASSOCIATIONS) % len(members)]
        # One of them for each member clears what came by LMTP.
        self.keeper = number < len(ASSOCIATIONS) * len(members)
        self.folder, self.serial, self.made = f"own{number}", 0, set()
        # Messages of which something was asked and not answered: left alone for a while.
        self.open = {}

    def run(self):
        while not ending.is_set():
            node = self.chance.choice(OPEN)
            try:
                box = imaplib.IMAP4_SSL(ADDRESS[node], 993, ssl_context=TLS, timeout=10)
            except (OSError, imaplib.IMAP4.error):
                ledger.note(None, "imap no connection")
                time.sleep(0.3)
                continue
            try:
                self.session(box)
            except (OSError, imaplib.IMAP4.error):
                ledger.note(None, "imap cut")
                time.sleep(0.2)
            finally:
                try:
                    box.shutdown()
                except OSError:
                    pass

    def session(self, box):
        try:
            box.login(self.address, PASSWORD)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            ledger.note(None, f"imap no login: {error}"[:90])
            return time.sleep(0.3)
        for folder in (self.folder, "Moved", "Copied"):
            if folder not in self.made and (box.create(folder)[0] == "OK" or box.select(folder)[0] == "OK"):
                self.made.add(folder)
        for _ in range(self.chance.randrange(1, 4)):
            chance = self.chance.random()
            folder = self.folder if chance < 0.7 else "Moved" if chance < 0.8 else "Copied" if chance < 0.9 or not self.keeper else "INBOX"
            answer, _ = box.select(folder)
            if answer != "OK":
                return
            there = self.look(box)
            for _ in range(self.chance.randrange(2, 12)):
                if ending.is_set():
                    return
                self.act(box, folder, there)
                time.sleep(self.chance.random() * 0.2)
        box.logout()

    def look(self, box):
        """Its own messages here: UID and name."""
        answer, found = box.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        there = {}
        for one in found or []:
            if isinstance(one, tuple):
                uid, name = re.search(rb"UID (\d+)", one[0]), re.search(rb"Subject: (\S+)", one[1])
                name = name and name[1].decode()
                if uid and name and name.startswith((f"p{self.number}-", "lmtp-")):
                    there[uid[1].decode()] = f"{name} {self.address}" if name.startswith("lmtp-") else name
        return there

    def act(self, box, folder, there):
        now = time.monotonic()
        self.open = {name: until for name, until in self.open.items() if until > now}
        closed = [uid for uid, name in there.items() if name not in self.open]
        chance = self.chance.random()
        if folder == self.folder and (chance < 0.55 or not closed):
            return self.append(box)
        if not closed:
            return time.sleep(0.05)
        if folder == self.folder and chance > 0.8 and not ledger.is_full(self.association):
            # Nearly full all the time: deleted is where something was refused.
            return self.append(box)
        uid = self.chance.choice(closed)
        if folder == self.folder and chance < 0.65:
            return self.transfer(box, "COPY", "Copied", uid, there)
        if folder == self.folder and chance < 0.75:
            return self.transfer(box, "MOVE", "Moved", uid, there)
        self.delete(box, [self.chance.choice(closed) for _ in range(self.chance.randrange(1, 4))], there)

    def append(self, box):
        self.serial += 1
        name = f"p{self.number}-{self.serial}"
        message = text(self.chance, name)
        ledger.change(name, 0, 1)
        self.open[name] = time.monotonic() + 60
        answer, why = box.append(self.folder, None, None, message)
        del self.open[name]
        ledger.change(name, 1 if answer == "OK" else 0, 0 if answer == "OK" else -1)
        ledger.note(self.association, ledger.told("imap", answer, str(why[0])))

    def transfer(self, box, word, to, uid, there):
        name = there[uid]
        if word == "MOVE" and no_deletions.is_set():
            return
        if word == "COPY":
            ledger.change(name, 0, 1)
        self.open[name] = time.monotonic() + 60
        box.untagged_responses.pop("COPYUID", None)
        answer, why = box.uid(word, uid, to)
        del self.open[name]
        done = answer == "OK" and box.untagged_responses.get("COPYUID")
        if word == "COPY":
            ledger.change(name, 1 if done else 0, 0 if done else -1)
        elif done:
            there.pop(uid, None)
        # One that is in doubt went away meanwhile.
        ledger.note(None, f"{word} done" if done else f"{word} nothing" if answer == "OK" else ledger.told(word, answer, str(why[0])))

    def delete(self, box, uids, there):
        if no_deletions.is_set():
            return
        uids = sorted(set(uids))
        names = [there[uid] for uid in uids]
        # Until it is answered, it may be there or not.
        [ledger.forget(name, 1, False) for name in names]
        [self.open.__setitem__(name, time.monotonic() + 60) for name in names]
        answer, _ = box.uid("STORE", ",".join(uids), "+FLAGS.SILENT", "(\\Deleted)")
        if answer == "OK":
            box.untagged_responses.pop("EXPUNGE", None)
            answer, _ = box.uid("EXPUNGE", ",".join(uids))
        gone = len(box.untagged_responses.pop("EXPUNGE", None) or []) if answer == "OK" else 0
        for uid in uids:
            there.pop(uid, None)
        [self.open.pop(name, None) for name in names]
        ledger.note(None, "deleted" if answer == "OK" else "not deleted")
        if answer == "OK" and gone >= len(uids):
            [ledger.change(name, 0, -1) for name in names]


class Relay:
    """Brings mail to any node, and comes again with what was put off, as a relay does."""

    def __init__(self, number, seed):
        self.number, self.chance, self.serial = number, random.Random(f"{seed}-relay-{number}"), 0

    def run(self):
        waiting = []
        while not ending.is_set():
            if waiting and self.chance.random() < 0.5:
                name, message, recipients = waiting.pop(0)
            else:
                self.serial += 1
                name = f"lmtp-{self.number}-{self.serial}"
                message = text(self.chance, name)
                recipients = [self.chance.choice(MEMBERS[one]) for one in self.chance.sample(ASSOCIATIONS, 1 if self.chance.random() < 0.8 else 2)]
            again = self.bring(self.chance.choice(OPEN), name, message, recipients)
            if again and len(waiting) < 20:
                waiting.append((name, message, again))
            time.sleep(0.05 + self.chance.random() * 0.3)

    def bring(self, node, name, message, recipients):
        """To whom it is to be brought again."""
        taken, told = [], set()
        try:
            with socket.socket(socket.AF_UNIX) as conn:
                conn.settimeout(15)
                conn.connect(str(RUN / node / "lmtp.sock"))
                file = conn.makefile("rb")

                def answer():
                    while True:
                        line = file.readline()
                        if not line:
                            raise OSError("gone")
                        if line[3:4] != b"-":
                            return line.decode().strip()

                def say(line):
                    conn.sendall(line)
                    return answer()
                if not answer().startswith("220"):
                    raise OSError("not greeted")
                say(b"LHLO relay.example\r\n")
                say(b"MAIL FROM:<somebody@elsewhere.example>\r\n")
                for recipient in recipients:
                    said = say(f"RCPT TO:<{recipient}>\r\n".encode())
                    if said.startswith("250"):
                        taken.append(recipient)
                    else:
                        told.add(recipient)
                        self.note(recipient, said)
                again = [one for one in recipients if one in told and said.startswith("4")]
                if not taken or not say(b"DATA\r\n").startswith("354"):
                    return again
                for recipient in taken:
                    ledger.change(f"{name} {recipient}", 0, 1)
                conn.sendall(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
                for recipient in taken:
                    said = answer()
                    told.add(recipient)
                    self.note(recipient, said)
                    if said.startswith("250"):
                        ledger.change(f"{name} {recipient}", 1, 0)
                    elif said.startswith("4"):
                        ledger.postponed(f"{name} {recipient}")
                        again.append(recipient)
                    else:
                        ledger.change(f"{name} {recipient}", 0, -1)
                return again
        except OSError:
            ledger.note(None, "lmtp cut")
            missing = [one for one in recipients if one not in told]
            [ledger.postponed(f"{name} {one}") for one in missing if one in taken]
            time.sleep(0.2)
            return missing

    @staticmethod
    def note(recipient, said):
        word = {"250": "lmtp stored", "552": "lmtp full", "452": "lmtp full", "451": "lmtp put off"}.get(said[:3], f"lmtp {said[-60:]}")
        ledger.note(recipient.split("@")[1].split(".")[0], word)


class Admin:
    """Changes one thing after the other at any node, and remembers what was answered. Two of them are each other's trouble."""

    def __init__(self, number, seed, nodes, limits):
        self.number, self.chance, self.nodes, self.limits = number, random.Random(f"{seed}-admin-{number}"), nodes, limits
        self.value, self.may, self.answered, self.refused = (10 + number) << 30, {}, 0, {}
        others = [member for members in MEMBERS.values() for member in members[1:]]
        self.targets = others[number::2]

    def run(self):
        while not ending.is_set():
            self.value += 1
            node = self.chance.choice(self.nodes)
            if self.number == 0 and self.chance.random() < 0.2:
                # Never less than what is there: then more than the limit is nobody's fault.
                association = self.chance.choice(ASSOCIATIONS)
                value = self.limits[association][-1] + self.chance.randrange(1000, 60_000)
                self.limits[association].append(value)
                target, words = association, ["association", "set", association, "--storage", str(value)]
            else:
                target, value = self.chance.choice(self.targets), self.value
                words = ["mailbox", "set", target, "--storage", str(value)]
            self.change(node, target, value, words)
            time.sleep(0.3 + self.chance.random())

    def change(self, node, target, value, words):
        try:
            told = node.ask(*words)
        except subprocess.TimeoutExpired:
            told = None
        if told is not None and told.returncode == 0:
            self.may[target] = {value}
            self.answered += 1
            return
        why = "nothing" if told is None else told.stderr.strip()[-70:]
        self.refused[why] = self.refused.get(why, 0) + 1
        # Another one's change came first: this one was not made.
        if "Another node has changed" not in why:
            self.may.setdefault(target, {None}).add(value)

    def lost(self, node):
        """Which answered changes are not in force at this node."""
        lost = []
        for target, values in self.may.items():
            if "@" in target:
                told = node.box(target)
                # A list of them is made anew every hour only: what is held is asked for.
                now = told and told["storage"]
            else:
                now = node.limit(target)
            if None not in values and now not in values:
                lost.append([target, now, sorted(values)])
        return lost

