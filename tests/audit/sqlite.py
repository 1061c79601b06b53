"""Makes SQLite files in which one address stands at every place of a long value, in the session table of Roundcube's schema. Those in
which it ends up divided are made once more and left as they are when the machine stops: their pages are in the write-ahead log."""

import os
import sqlite3
import sys

ADDRESS = "127.101.102.103"
folder = sys.argv[1]
open_ones = []


def make(mode, before):
    path = f"{folder}/{mode}-{before}.db"
    base = sqlite3.connect(path)
    base.execute(f"PRAGMA journal_mode={mode}")
    base.execute("PRAGMA synchronous=OFF")
    base.execute(
        "CREATE TABLE session (sess_id varchar(128) NOT NULL PRIMARY KEY, changed datetime NOT NULL, ip varchar(40) NOT NULL, "
        "vars text NOT NULL)"
    )
    value = "v" * before + ADDRESS + "w" * (9000 - before)
    base.execute("INSERT INTO session VALUES ('x', '2026-01-01', '127.0.0.1', ?)", (value,))
    base.commit()
    open_ones.append(base)
    return path


for before in range(0, 4400, 5):
    path = make("DELETE", before)
    open_ones.pop().close()
    with open(path, "rb") as file:
        if ADDRESS.encode() not in file.read():
            make("WAL", before)
os._exit(0)
