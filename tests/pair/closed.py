"""In a network namespace of its own: the shipped close-storage, tried from the addresses of both front machines and of somebody else.

closed.py SCRIPT FOLDER      (told as one line of JSON; the folder gets a systemctl that only notes what it was told)
"""

import json, os, socket, subprocess, sys, time
from pathlib import Path

SCRIPT, FOLDER = sys.argv[1], Path(sys.argv[2])
PORTS, OTHER = [993, 995, 4190, 24], 8993
HERE = {"ip": "192.0.2.20", "ip6": "2001:db8::20"}
FROM = {
    "ip": {"front-a": "192.0.2.11", "front-b": "192.0.2.12", "webmail": "192.0.2.13"},
    "ip6": {"front-a": "2001:db8::11", "front-b": "2001:db8::12", "webmail": "2001:db8::13"},
}


def sh(*words):
    subprocess.run(words, check=True)


sh("ip", "link", "set", "lo", "up")
for family, places in FROM.items():
    for place in [HERE[family], *places.values()]:
        sh("ip", "addr", "add", place + ("/32" if family == "ip" else "/128"), "dev", "lo", *(["nodad"] if family == "ip6" else []))
listening = {}
for family in HERE:
    for port in [*PORTS, OTHER]:
        listening[family, port] = socket.create_server((HERE[family], port), family=socket.AF_INET if family == "ip" else socket.AF_INET6)


def connect(family, who, port):
    return socket.create_connection((HERE[family], port), timeout=2, source_address=(FROM[family][who], 0))


def reached():
    found = {}
    for family in FROM:
        for who in FROM[family]:
            for port in [*PORTS, OTHER]:
                try:
                    connect(family, who, port).close()
                    found.setdefault(f"{who} {family}", []).append(port)
                except OSError:
                    found.setdefault(f"{who} {family}", [])
                while True:
                    listening[family, port].setblocking(False)
                    try:
                        listening[family, port].accept()[0].close()
                    except OSError:
                        break
    return found


def lives(pair):
    try:
        pair[0].sendall(b"x")
        pair[1].settimeout(2)
        return pair[1].recv(1) == b"x"
    except OSError:
        return False


# A new namespace has its addresses a moment later.
patience = time.monotonic() + 10
told = {"before": reached()}
while time.monotonic() < patience and any(len(ports) <= len(PORTS) for ports in told["before"].values()):
    time.sleep(0.1)
    told["before"] = reached()
(FOLDER / "systemctl").write_text(f'#!/bin/sh\necho "$*" >>{FOLDER}/asked\n')
(FOLDER / "systemctl").chmod(0o755)
environment = {**os.environ, "PATH": f"{FOLDER}:{os.environ['PATH']}"}
under_way = {}
for family in HERE:
    for who in ["front-a", "front-b", "webmail"]:
        listening[family, 993].setblocking(True)
        under_way[f"{who} {family}"] = (connect(family, who, 993), listening[family, 993].accept()[0])
for keep in ["front-a", "front-b"]:
    told[keep] = {"code": subprocess.run(["sh", SCRIPT, keep], env=environment).returncode, "reached": reached()}
    if keep == "front-a":
        told["under way"] = sorted(name for name, pair in under_way.items() if lives(pair))
told["nobody"] = {"code": subprocess.run(["sh", SCRIPT, "front-c"], env=environment).returncode, "reached": reached()}
told["asked"] = (FOLDER / "asked").read_text().splitlines()
print(json.dumps(told))
