"""Hands the lines of log files, as they come, to systemd-journal-remote, which writes a real journal. Arguments: the journal's file,
then the logs. Ends when its own standard input is closed."""

import select
import subprocess
import sys
import time

journal, *logs = sys.argv[1:]
remote = subprocess.Popen(
    ["/lib/systemd/systemd-journal-remote", "--split-mode=none", "--output", journal, "-"], stdin=subprocess.PIPE
)
files = [open(log, errors="replace") for log in logs]
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.1)[0]:
    for file in files:
        for line in file:
            now = time.time_ns() // 1000
            remote.stdin.write(f"__REALTIME_TIMESTAMP={now}\nSYSLOG_FACILITY=2\nMESSAGE={line.rstrip()}\n\n".encode())
    remote.stdin.flush()
remote.stdin.close()
remote.wait()
