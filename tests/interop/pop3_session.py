"""poplib through nologd: what a mail program does in a day, and what it should not get away with."""
import imaplib
import os
import poplib
import socket
import ssl
import time

ALICE, PASSWORD = "alice@velo.example", "bell-and-basket"
CONTEXT = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
poplib._MAXLINE = 10_000_000


def port(name):
    return int(os.environ[name])


def connect():
    return poplib.POP3_SSL("127.0.0.1", port("POP3S"), context=CONTEXT, timeout=60)


def upgraded():
    session = poplib.POP3("127.0.0.1", port("POP3"), timeout=60)
    assert "STLS" in session.capa() and "USER" not in session.capa() and "SASL" not in session.capa()
    refused(lambda: session.user(ALICE), "(TLS-FIRST)")
    session.stls(context=CONTEXT)
    assert "STLS" not in session.capa() and session.capa()["SASL"] == ["PLAIN", "LOGIN"]
    return session


def log_in(session):
    session.user(ALICE)
    session.pass_(PASSWORD)
    return session


def refused(action, word):
    try:
        action()
    except poplib.error_proto as error:
        assert word in str(error), f"refused, but without {word}: {error}"
        return str(error)
    raise AssertionError(f"not refused ({word})")


def append(*messages):
    session = imaplib.IMAP4_SSL("127.0.0.1", port("IMAPS"), ssl_context=CONTEXT, timeout=60)
    session.login(ALICE, PASSWORD)
    for message in messages:
        assert session.append("INBOX", None, None, message)[0] == "OK"
    session.logout()


DOTS = b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n+OK no answer\r\n-ERR none\r\n"
BIG = b"Subject: big\r\n\r\n" + (b"." * 70 + b"\r\n") * (5 * 1024 * 1024 // 72)
append(DOTS, BIG, b"Subject: three\r\n\r\nbody\r\n")

for session in (connect(), upgraded()):
    log_in(session)
    assert session.stat() == (3, len(DOTS) + len(BIG) + len(b"Subject: three\r\n\r\nbody\r\n")), session.stat()
    assert [line.split()[0] for line in session.list()[1]] == [b"1", b"2", b"3"]
    assert session.list(1).startswith(b"+OK 1 ") and session.uidl(3).startswith(b"+OK 3 ") and len(session.uidl()[1]) == 3
    assert b"\r\n".join(session.retr(1)[1]) + b"\r\n" == DOTS
    assert b"\r\n".join(session.retr(2)[1]) + b"\r\n" == BIG
    assert session.top(2, 1)[1] == [b"Subject: big", b"", b"." * 70]
    capabilities = session.capa()
    assert "UIDL" in capabilities and "PIPELINING" in capabilities
    assert not {"STLS", "SASL", "USER", "IMPLEMENTATION"} & set(capabilities), capabilities
    refused(lambda: session.retr(9), "-ERR")
    refused(lambda: session._shortcmd("XBRANDNEW"), "(SYNTAX)")
    refused(lambda: session._shortcmd("XCLIENT ADDR=192.0.2.1"), "(NOT-HERE)")
    session.noop()
    session.quit()

# All in one piece: the answers come in order.
session = log_in(connect())
session._putline(b"STAT\r\nRETR 3\r\nLIST\r\nNOOP\r\nQUIT")
lines = []
while line := session.file.readline():
    lines.append(line.rstrip(b"\r\n"))
assert lines[0].startswith(b"+OK 3 ") and lines[2:6] == [b"Subject: three", b"", b"body", b"."], lines
assert lines[7:11] == [b"1 %d" % len(DOTS), b"2 %d" % len(BIG), b"3 24", b"."], lines
assert lines[11] == b"+OK" and lines[12].startswith(b"+OK") and len(lines) == 13, lines

# A cut in the middle of a message, and deletions without QUIT: all is there afterwards.
session = log_in(connect())
session.dele(1)
session._putcmd("RETR 2")
session.file.readline()
session.file.readline()
session.sock.close()
session.file.close()
session = log_in(connect())
assert session.stat()[0] == 3
session.dele(1)
session.rset()
session.dele(3)
session.quit()
session = log_in(connect())
assert session.stat()[0] == 2 and b"\r\n".join(session.retr(1)[1]) + b"\r\n" == DOTS
session.quit()

# Who it was that is wrong is not told, neither by words nor by time.
# (Dovecot's own wait, of one or two whole seconds, is off here.)
words, times = set(), {}
for name, secret in [(ALICE, "wrong"), ("nobody@velo.example", PASSWORD), ("alice@elsewhere.example", PASSWORD), ("alice", "x")] * 4:
    session = connect()
    session.user(name)
    begin = time.monotonic()
    words.add(refused(lambda: session.pass_(secret), "[AUTH]"))
    times[name] = min(time.monotonic() - begin, times.get(name, 60))
    session.close()
assert len(words) == 1, words
assert max(times.values()) - min(times.values()) < 0.05, times

# What is said in the clear behind STLS is not heard inside TLS.
raw = socket.create_connection(("127.0.0.1", port("POP3")), timeout=20)
raw.recv(1000)
raw.sendall(b"STLS\r\nCAPA\r\nQUIT\r\n")
answer = raw.recv(1000)
assert answer.startswith(b"+OK") and answer.count(b"\n") == 1, answer
secured = CONTEXT.wrap_socket(raw, server_hostname="mail.nolog.example")
secured.sendall(b"NOOP\r\n")
answer = secured.recv(1000)
assert b"(LOGIN-FIRST)" in answer and answer.count(b"\n") == 1, answer
secured.close()

# Another protocol's TLS connection is not taken.
for alpn, taken in (["pop3"], True), (["imap"], False), (["http/1.1", "h2"], False):
    context = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
    context.set_alpn_protocols(alpn)
    try:
        with socket.create_connection(("127.0.0.1", port("POP3S")), timeout=20) as raw:
            with context.wrap_socket(raw, server_hostname="mail.nolog.example") as secured:
                assert secured.recv(100).startswith(b"+OK") and taken, alpn
    except ssl.SSLError:
        assert not taken, alpn
