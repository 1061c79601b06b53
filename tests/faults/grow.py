"""A host goes from one node to three, and back, while members store and mail comes in: by the commands of docs/many-nodes.md, in their order. Told at the end as in play.py.

grow.py NOLOGD FOLDER PAGE PEOPLE SEED

What is for an admin's editor (the config) is done between the commands, where the page's comments say so.
"""

import json, re, signal, sys, threading, time
from pathlib import Path

from people import *
from stage import *
from truth import *

PAGE, PEOPLE, SEED = Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
HEADING = "## From one node to three, and back"


def steps():
    """The comments and commands of that section."""
    section = PAGE.read_text().split(HEADING + "\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.S)
    return [line for block in blocks for line in block.splitlines() if line]


class Admin:
    """Does what stands there."""

    def __init__(self, nodes, watcher):
        self.nodes, self.watcher, self.on, self.done = nodes, watcher, nodes[:1], []

    def take(self, line):
        begin = time.monotonic()
        if line.startswith("# "):
            self.heed(line[2:])
            return
        for node in self.on:
            try:
                self.command(node, line)
            except SystemExit as error:
                raise SystemExit(f"{error}: {line} on {node.machine}: {json.dumps(self.watcher.shown)}")
        self.done.append([line, [node.machine for node in self.on], round(time.monotonic() - begin, 1)])

    def heed(self, comment):
        where, _, what = comment.partition(": ")
        named = [node for node in self.nodes if node.machine in where]
        self.on = named or self.on
        for node in self.on:
            match what:
                case "":
                    pass
                case "[share] and its listeners are in its config":
                    node.configure(True, has_associations=node is self.nodes[0])
                case "[share] and its listeners are out of its config":
                    node.configure(False)
                case "its clients go to the others":
                    OPEN.remove(node.machine)
                    time.sleep(2)
                case "clients may come to it":
                    OPEN.append(node.machine)
                    time.sleep(3)
                case _:
                    raise SystemExit(f"not understood: {comment}")

    def command(self, node, line):
        match line:
            case "systemctl restart nologd":
                node.down(signal.SIGTERM)
                node.up()
            case "systemctl start nologd":
                node.up()
            case "systemctl stop nologd":
                node.down(signal.SIGTERM)
            case "systemctl start nologd-share-count":
                node.count()
            case "systemctl stop nologd-share-count":
                send(node.counter, signal.SIGTERM)
                node.counter.wait(30)
            case "nologd share publish":
                self.until(lambda: node.ask("share", "publish").returncode == 0)
            case "nologd share show":
                # Until it says what the page says that it must.
                self.until(lambda: self.is_well([one for one in self.nodes if one.ought]))
            case _:
                raise SystemExit(f"no such command: {line}")

    def is_well(self, running):
        self.watcher.nodes = running
        self.watcher.look()
        # For one that was stopped something is held back, for an hour at most.
        return self.watcher.is_well(holds=len(running) == 1)

    @staticmethod
    def until(done):
        end = time.monotonic() + 90
        while not done():
            if time.monotonic() > end:
                raise SystemExit("it does not come")
            time.sleep(0.5)


def gap(times, begin, end):
    inside = [begin, *[at for at in times if begin < at < end], end]
    return max(after - before for before, after in zip(inside, inside[1:]))


def main():
    _, etcds, nodes = set_up()
    nodes[0].configure(False)
    nodes[0].up()
    OPEN[:] = NODES[:1]
    limits = {association: [LIMIT] for association in ASSOCIATIONS}
    for member in SMALL_ONES:
        Admin.until(lambda member=member: nodes[0].ask("mailbox", "set", member, "--storage", str(SMALL)).returncode == 0)
    truth = Truth(limits)
    working = [threading.Thread(target=in_clients, args=(one.run,), daemon=True) for one in [Person(number, SEED) for number in range(PEOPLE)]]
    working += [threading.Thread(target=one.run, daemon=True) for one in [Relay(number, SEED) for number in range(2)]]
    working += [threading.Thread(target=work, daemon=True) for work in (truth.run, truth.ask)]
    [thread.start() for thread in working]
    begin = time.monotonic()
    while min(truth.fullest.values(), default=0) < 0.9 and time.monotonic() < begin + 60:
        time.sleep(0.2)
    admin, begin = Admin(nodes, Watcher(nodes)), time.monotonic()
    [admin.take(line) for line in steps()]
    time.sleep(3)
    with ledger.lock:
        gaps = [round(gap(times, begin, time.monotonic()), 1) for times in ledger.judged.values()]
    ending.set()
    [thread.join(40) for thread in working]
    told = rest(nodes[0], truth)
    print(json.dumps({**told, "done": admin.done, "nobody_stored": max(gaps), "gave_up": gave_up, "died": sum(node.died for node in nodes)}))


def rest(node, truth):
    """One node is left, and knows exactly what is there."""
    time.sleep(3)
    octets, there = truth.doveadm(), truth.messages()
    lost, often, _ = accounts(there)
    wrong = []
    # What came in by itself counts with more than it is, until somebody looks.
    in_clients_at_once(lambda: visited([member for members in MEMBERS.values() for member in members], [node]))
    in_clients_at_once(lambda: wrong.extend(last_octet(octets, {one: LIMIT for one in ASSOCIATIONS}, [node])))
    small = [[member, node.box(member)["storage"]] for member in SMALL_ONES if node.box(member)["storage"] != SMALL]
    confirmed = [one for one in truth.above if one["second"]["still"] or one["second"]["doveadm"]]
    return {"looks": truth.looks, "above_confirmed": len(confirmed), "how": truth.above[:5], "lost": lost[:20], "too_often": often[:20], "last_octet_wrong": wrong, "settings_lost": small,
            "fullest": truth.fullest, "seen": ledger.counts}


gave_up = []
threading.excepthook = lambda what: gave_up.append(f"{what.thread.name}: {what.exc_type.__name__}: {what.exc_value}")
try:
    main()
finally:
    clean()
