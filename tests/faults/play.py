"""Many nodes under faults (docs/many-nodes.md): three nodes, three members of etcd and a real Dovecot, each a machine of its own, that is a network namespace. Members store
at random through random nodes by APPEND, COPY and MOVE, and delete; a relay brings mail by LMTP; admins change settings; and meanwhile nodes and members of etcd are
killed, stopped and continued, cut off, and their clocks are stepped. The storage is looked at all the time. Told at the end, as one object of JSON: how often more than a limit
was there, which accepted messages are lost and which are there too often, which answered changes of admins are lost, and what each kind of fault cost.

play.py NOLOGD FOLDER SECONDS PEOPLE SEED [FAULT ...]      (these faults, once each; or any of them until the time is over)

The faults, and what each person does, come from the seed. When each of them comes to do it hangs on the machine.
"""

import json, random, signal, statistics, sys, threading, time

from people import *
from stage import *
from truth import *

SECONDS, PEOPLE, SEED, FAULTS = int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6:]
RECOVERY = 90


class Fault:
    """One thing that goes wrong, and is set right after a while."""

    def __init__(self, kind, chance, nodes, etcds, clocks):
        self.kind, self.clocks = kind, clocks
        self.node, self.seconds, self.step = chance.choice(nodes), chance.uniform(1, 15), chance.choice([-20, -2, 2, 20]) * 3600
        self.etcds = chance.sample(etcds, int(kind[-1]) if kind[-1].isdigit() else 1)
        self.nodes, self.over = nodes, threading.Event()
        # How long it sleeps and wakes, by turns.
        self.turns = [chance.uniform(0.1, 3) for _ in range(20)]

    def begin(self):
        node, others = self.node, [machine for machine in NODES if machine != self.node.machine]
        match self.kind:
            case "kill":
                node.down(signal.SIGKILL)
            case "end":
                node.down(signal.SIGTERM)
            case "kill-all":
                [one.down(signal.SIGKILL) for one in self.nodes]
            case "stop":
                send(node.daemon, signal.SIGSTOP)
            case "doze":
                threading.Thread(target=self.doze, daemon=True).start()
            case "cut-in":
                cut(node.machine, [machine for machine in ADDRESS if machine != node.machine], both=False)
            case "cut":
                cut(node.machine, [machine for machine in ADDRESS if machine != node.machine])
            case "cut-nodes":
                cut(node.machine, others)
            case "cut-etcd":
                cut(node.machine, ETCDS)
            case "cut-storage":
                cut(node.machine, ["store"])
            case "clock":
                self.clocks.set(node.machine, DAY + self.step)
            case "counter":
                send(node.counter, signal.SIGKILL)
            case "etcd-kill" | "etcd-kill-2" | "etcd-kill-3":
                [etcd.kill() for etcd in self.etcds]
            case "etcd-stop" | "etcd-stop-2":
                [send(etcd.process, signal.SIGSTOP) for etcd in self.etcds]
            case "etcd-cut":
                cut(self.etcds[0].machine, [machine for machine in ADDRESS if machine != self.etcds[0].machine])
            case _:
                raise SystemExit(f"no such fault: {self.kind}")

    def doze(self):
        for number, turn in enumerate(self.turns):
            send(self.node.daemon, signal.SIGCONT if number % 2 else signal.SIGSTOP)
            if self.over.wait(turn):
                break
        send(self.node.daemon, signal.SIGCONT)

    def end(self):
        match self.kind:
            case "kill" | "end":
                self.node.up()
            case "kill-all":
                [one.up() for one in self.nodes]
            case "stop":
                send(self.node.daemon, signal.SIGCONT)
            case "doze":
                self.over.set()
            case "cut" | "cut-in" | "cut-nodes" | "cut-etcd" | "cut-storage":
                mend(self.node.machine)
            case "clock":
                self.clocks.set(self.node.machine, DAY)
            case "counter":
                self.node.count()
            case "etcd-kill" | "etcd-kill-2" | "etcd-kill-3":
                [etcd.up() for etcd in self.etcds]
            case "etcd-stop" | "etcd-stop-2":
                [send(etcd.process, signal.SIGCONT) for etcd in self.etcds]
            case "etcd-cut":
                mend(self.etcds[0].machine)


KINDS = ["kill", "kill-all", "end", "stop", "doze", "cut", "cut-in", "cut-nodes", "cut-etcd", "cut-storage", "clock", "counter", "etcd-kill", "etcd-kill-2", "etcd-kill-3", "etcd-stop", "etcd-stop-2", "etcd-cut"]


def gap(times, begin, end):
    """The longest time without any."""
    inside = [begin, *[at for at in times if begin < at < end], end]
    return max(after - before for before, after in zip(inside, inside[1:]))


def play(fault, watcher, patient):
    """It goes wrong, for a while; with `patient`, until all is well again. What that cost."""
    begin = time.monotonic()
    During.what = fault.kind
    fault.begin()
    time.sleep(fault.seconds)
    fault.end()
    mended = time.monotonic()
    recovered = watcher.until_well(mended, RECOVERY) if patient else None
    During.what = None
    end = time.monotonic()
    with ledger.lock:
        gaps = [gap(times, begin, end) for times in ledger.judged.values()]
        put_off = sum(1 for times in ledger.put_off.values() for at in times if begin < at < end)
    held = [(at, held) for at, held in watcher.held if begin < at < end]
    most = max((octets for _, one in held for octets in one.values()), default=0)
    # From one look to the next.
    lasted = sum(after - before for (before, one), (after, _) in zip(held, held[1:]) if one)
    told = {
        "fault": fault.kind, "node": fault.node.machine, "etcd": [etcd.machine for etcd in fault.etcds], "seconds": round(fault.seconds, 1), "recovered": recovered,
        "worst": round(max(gaps), 1), "least": round(min(gaps), 1), "put_off": put_off, "held_back": most, "held_back_seconds": round(lasted, 1)}
    print(json.dumps(told), file=sys.stderr, flush=True)
    if patient and recovered is None:
        print(json.dumps(watcher.shown), file=sys.stderr, flush=True)
    return told


def costs(told):
    """By kind of fault."""
    table = {}
    for kind in sorted({one["fault"] for one in told}):
        ones = [one for one in told if one["fault"] == kind]
        waits = [one for one in ones if one["recovered"] is not None]
        middle = lambda key, ones=ones: round(statistics.median(one[key] for one in ones), 1) if ones else None
        table[kind] = {
            "times": len(ones), "lasted": middle("seconds"), "nobody_stored": middle("worst"), "nobody_stored_most": max(one["worst"] for one in ones),
            "best_association": middle("least"), "recovered": middle("recovered", waits), "recovered_most": max((one["recovered"] for one in waits), default=None),
            "held_back": max(one["held_back"] for one in ones), "held_back_seconds": max(one["held_back_seconds"] for one in ones)}
    return table


def in_pairs(faults, watcher, patient):
    """Two at once, on different machines."""
    threads = [threading.Thread(target=lambda one=one: (one.begin(), time.sleep(one.seconds), one.end())) for one in faults]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return watcher.until_well(time.monotonic(), RECOVERY) if patient else 0


def drawn(chance, nodes, etcds, clocks):
    """One fault; or two that go together, as they are not about the same machine."""
    first = Fault(chance.choice(KINDS), chance, nodes, etcds, clocks)
    if chance.random() > 0.25:
        return [first]
    for _ in range(50):
        second = Fault(chance.choice(KINDS), chance, nodes, etcds, clocks)
        apart = second.node is not first.node and "kill-all" not in (first.kind, second.kind)
        if apart and not ("etcd-" in first.kind and "etcd-" in second.kind):
            return [first, second]
    return [first]


def at_random(nodes, etcds, clocks, watcher, told, stuck):
    chance, over = random.Random(f"{SEED}-faults"), time.monotonic() + SECONDS
    while time.monotonic() < over:
        faults, patient = drawn(chance, nodes, etcds, clocks), chance.random() < 0.75
        if len(faults) == 1:
            one = play(faults[0], watcher, patient)
            told.append(one)
            stuck += [one["fault"]] if patient and one["recovered"] is None else []
            continue
        begin, kinds = time.monotonic(), [fault.kind for fault in faults]
        During.what = " and ".join(kinds)
        took = in_pairs(faults, watcher, patient)
        During.what = None
        print(json.dumps({"faults": kinds, "recovered": took, "seconds": round(time.monotonic() - begin, 1)}), file=sys.stderr, flush=True)
        stuck += [" and ".join(kinds)] if took is None else []


def publish(nodes, watcher, limits):
    end = time.monotonic() + 60
    while nodes[0].ask("share", "publish").returncode != 0:
        if time.monotonic() > end:
            raise SystemExit(f"nothing is published: {nodes[0].ask('share', 'publish').stderr}")
        time.sleep(0.3)
    if watcher.until_well(time.monotonic(), 60) is None:
        raise SystemExit(f"never well: {watcher.shown}")
    for member in SMALL_ONES:
        while nodes[0].ask("mailbox", "set", member, "--storage", str(SMALL)).returncode != 0:
            time.sleep(0.5)


# Whoever gave up in the middle: then less was tried than is told.
gave_up = []
threading.excepthook = lambda what: gave_up.append(f"{what.thread.name}: {what.exc_type.__name__}: {what.exc_value}")


def main():
    clocks, etcds, nodes = set_up()
    [node.up() for node in nodes]
    [node.count() for node in nodes]
    limits = {association: [LIMIT] for association in ASSOCIATIONS}
    watcher, truth = Watcher(nodes), Truth(limits)
    background = lambda work: threading.Thread(target=work, daemon=True).start()
    background(watcher.run)
    publish(nodes, watcher, limits)
    admins = [Admin(number, SEED, nodes, limits) for number in range(2)]
    people = [Person(number, SEED) for number in range(PEOPLE)]
    working = [threading.Thread(target=in_clients, args=(person.run,), daemon=True) for person in people]
    working += [threading.Thread(target=one.run, daemon=True) for one in [Relay(number, SEED) for number in range(max(2, PEOPLE // 15))] + admins]
    [thread.start() for thread in working]
    background(truth.run)
    background(truth.ask)
    begin = time.monotonic()
    # Until they are nearly full.
    while min(truth.fullest.values(), default=0) < 0.9 and time.monotonic() < begin + 60:
        time.sleep(0.2)
    quiet = time.monotonic()
    time.sleep(3)
    with ledger.lock:
        usual = round(max(gap(times, quiet, time.monotonic()) for times in ledger.judged.values()), 1)
    told, stuck = [], []
    if FAULTS:
        chance = random.Random(f"{SEED}-faults")
        for kind in FAULTS:
            fault = Fault(kind, chance, nodes, etcds, clocks)
            # A lease is 8 s: so that another one judges.
            fault.seconds = 3 if kind in ("clock", "counter") else 12 if kind in ("kill", "stop", "cut") else 7
            told.append(play(fault, watcher, True))
        stuck = [one["fault"] for one in told if one["recovered"] is None]
    else:
        at_random(nodes, etcds, clocks, watcher, told, stuck)
    took = watcher.until_well(time.monotonic(), RECOVERY)
    ending.set()
    [thread.join(40) for thread in working]
    result = judged(nodes, watcher, truth, limits, admins)
    result.update({"seed": SEED, "well_at_last": took is not None, "stuck": stuck, "usual": usual, "costs": costs(told), "died": sum(node.died for node in nodes), "gave_up": gave_up})
    print(json.dumps(result))


try:
    main()
finally:
    clean()
