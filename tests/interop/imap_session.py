"""imaplib through nologd: what a mail program does in a day, and what it should not get away with."""
import imaplib
import os
import smtplib
import socket
import ssl
import time

ALICE, PASSWORD = "alice@velo.example", "bell-and-basket"
CONTEXT = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
imaplib.Commands["ID"] = ("NONAUTH", "AUTH", "SELECTED")
imaplib._MAXLINE = 10_000_000


def port(name):
    return int(os.environ[name])


def connect():
    return imaplib.IMAP4_SSL("127.0.0.1", port("IMAPS"), ssl_context=CONTEXT, timeout=60)


def logged_in():
    session = connect()
    session.login(ALICE, PASSWORD)
    session._get_capabilities()  # imaplib does not ask again by itself
    return session


def refused(action, word):
    try:
        action()
    except imaplib.IMAP4.error as error:
        assert word in str(error), f"refused, but without {word}: {error}"
    else:
        raise AssertionError(f"not refused ({word})")


class Raw:
    """A TLS connection that sends what it is told, in the pieces it is told."""

    def __init__(self, name="IMAPS"):
        plain = socket.create_connection(("127.0.0.1", port(name)), timeout=60)
        self.socket = CONTEXT.wrap_socket(plain, server_hostname="localhost") if name == "IMAPS" else plain
        self.file = self.socket.makefile("rb")
        assert self.line().startswith(b"* OK"), "greeting"

    def line(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), f"connection closed or bad line end: {line!r}"
        return line

    def send(self, data):
        self.socket.sendall(data)

    def until(self, start):
        """All lines up to the one that begins with `start`."""
        lines = []
        while not lines or not lines[-1].startswith(start):
            lines.append(self.line())
            assert not lines[-1].startswith(b"* BYE") or start == b"* BYE", lines
        return lines

    def ask(self, command, start=None):
        self.send(command + b"\r\n")
        tag = command.split()[0]
        return self.until(start or tag + b" ")


def before_login():
    session = connect()
    for word in ("IMAP4REV1", "ID", "LITERAL+", "SASL-IR"):
        assert word in session.capabilities, f"{word} not in {session.capabilities}"
    for word in ("LOGINDISABLED", "STARTTLS", "COMPRESS=DEFLATE"):
        assert word not in session.capabilities, word
    kind, data = session._simple_command("ID", '("name" "canary-program" "os" "canary-os")')
    assert kind == "OK", data
    name = b" ".join(x for x in session._untagged_response(kind, data, "ID")[1] if x)
    assert b"Dovecot" not in name, f"ID is answered by the backend: {name}"
    refused(lambda: session.login(ALICE, "wrong"), "WRONG-PASSWORD")
    refused(lambda: session.login("canary-nobody@velo.example", "wrong"), "WRONG-PASSWORD")
    refused(lambda: session.login("canary-nobody@elsewhere.example", "wrong"), "WRONG-PASSWORD")
    session.login(ALICE, PASSWORD)
    session.logout()
    # In the wrong state, and not even a command: told so, and the session goes on.
    raw = Raw()
    for wrong in (b"a SELECT INBOX", b"b NONSENSE", b"c", b"d LOGIN only-one"):
        answer = raw.ask(wrong)[-1]
        assert answer.split()[1] in (b"BAD", b"NO"), answer
    assert raw.ask(b"e NOOP")[-1].startswith(b"e OK")


def starttls():
    raw = Raw("IMAP")
    lines = raw.ask(b"a CAPABILITY")
    assert b"STARTTLS" in lines[0] and b"LOGINDISABLED" in lines[0] and b"AUTH=" not in lines[0], lines
    answer = raw.ask(b'b LOGIN "alice@velo.example" "bell-and-basket"')[-1]
    assert answer.startswith(b"b NO [PRIVACYREQUIRED]") and b"TLS-FIRST" in answer, answer
    # Bytes sent along with STARTTLS were not protected by it: they must never be taken for a command.
    raw.send(b"c STARTTLS\r\nd CAPABILITY\r\n")
    assert raw.line().startswith(b"c OK")
    secure = CONTEXT.wrap_socket(raw.socket, server_hostname="localhost")
    raw.socket, raw.file = secure, secure.makefile("rb")
    lines = raw.ask(b"e CAPABILITY")
    assert not any(line.startswith(b"d ") for line in lines), f"injected command answered: {lines}"
    assert b"AUTH=PLAIN" in lines[0] and b"STARTTLS" not in lines[0], lines
    assert raw.ask(b'f LOGIN "alice@velo.example" "bell-and-basket"')[-1].startswith(b"f OK")
    session = imaplib.IMAP4("127.0.0.1", port("IMAP"), timeout=60)
    session.starttls(CONTEXT)
    session.login(ALICE, PASSWORD)
    session.logout()


def mailbox():
    session = logged_in()
    assert "UIDPLUS" in session.capabilities and "IDLE" in session.capabilities, session.capabilities
    for word in ("COMPRESS=DEFLATE", "CATENATE", "URLAUTH"):
        assert word not in session.capabilities, f"{word} is offered"
    assert session.create('"Archive 2026"')[0] == "OK"
    assert session.select('"Archive 2026"')[0] == "OK"
    message = b"From: x@elsewhere.example\r\nUser-Agent: kept\r\nSubject: stored\r\n\r\n" + b"A line {5}\r\n" * 900_000
    assert session.append('"Archive 2026"', r"(\Seen)", imaplib.Time2Internaldate(0), message)[0] == "OK"
    session.noop()
    kind, data = session.search(None, "SUBJECT", '"stored"')
    assert (kind, data) == ("OK", [b"1"]), data
    kind, data = session.fetch("1", "(FLAGS BODY.PEEK[])")
    assert data[0][1] == message, "a stored message came back changed"
    assert session.store("1", "+FLAGS", r"(\Flagged)")[0] == "OK"
    kind, data = session.copy("1", "Trash")
    assert kind == "OK", data
    assert session.store("1", "+FLAGS", r"(\Deleted)")[0] == "OK"
    assert session.expunge() == ("OK", [b"1"])
    kind, data = session.list()
    assert any(b"Archive 2026" in line for line in data) and any(b"\\Sent" in line for line in data), data
    assert session.close()[0] == "OK"
    assert session.delete('"Archive 2026"')[0] == "OK"
    assert session.logout()[0] == "BYE"


def literals():
    raw = Raw()
    raw.send(b"a LOGIN {18}\r\n")
    assert raw.line().startswith(b"+")
    raw.send(b"alice@velo.example {15+}\r\nbell-and-basket\r\n")
    assert raw.until(b"a ")[-1].startswith(b"a OK")
    raw.send(b"b SELECT {5+}\r\nINBOX\r\n")
    assert raw.until(b"b ")[-1].startswith(b"b OK")
    raw.send(b'c SEARCH CHARSET UTF-8 SUBJECT {7}\r\n')
    assert raw.line().startswith(b"+")
    raw.send("été{5".encode() + b"\r\n")
    assert raw.until(b"c ")[-1].startswith(b"c OK")
    # A folder name that looks like a literal is echoed in a refusal: the stream must stay in step.
    assert raw.ask(b'd STATUS "no such {5}" (MESSAGES)')[-1].startswith(b"d NO")
    # Several messages in one command (RFC 3502), and several commands in one piece.
    one, two = b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n22\r\n"
    raw.send(b"e APPEND INBOX {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(one), one, len(two), two))
    assert raw.until(b"e ")[-1].startswith(b"e OK")
    raw.send(b"f NOOP\r\ng STATUS INBOX (MESSAGES)\r\nh FETCH 1:* (BODY.PEEK[TEXT])\r\ni NOOP\r\n")
    lines = raw.until(b"i ")
    assert b"* STATUS INBOX (MESSAGES 2)\r\n" in lines, lines
    # The server may answer NOOP later than what it was sent before.
    assert sorted(line[:4] for line in lines if line[1:5] == b" OK ") == [b"f OK", b"g OK", b"h OK", b"i OK"], lines
    # In one-byte pieces.
    for byte in b"j NOOP\r\n":
        raw.send(bytes([byte]))
    assert raw.until(b"j ")[-1].startswith(b"j OK")
    assert raw.ask(b"k LOGOUT", b"* BYE")
    assert raw.until(b"k ")[-1].startswith(b"k OK")


def idle():
    raw = Raw()
    assert raw.ask(b"a LOGIN alice@velo.example bell-and-basket")[-1].startswith(b"a OK")
    assert raw.ask(b"b SELECT INBOX")[-1].startswith(b"b OK")
    raw.ask(b"c IDLE", b"+")
    with smtplib.SMTP("127.0.0.1", port("DIRECT_SMTP"), timeout=60) as relay:
        relay.sendmail("x@elsewhere.example", [ALICE], "Subject: knock\r\n\r\nknock\r\n")
    begin = time.time()
    lines = raw.until(b"* ")
    while not lines[-1].endswith(b" EXISTS\r\n"):
        lines += raw.until(b"* ")
    assert time.time() - begin < 30, "IDLE told it late"
    raw.send(b"DONE\r\n")
    assert raw.until(b"c ")[-1].startswith(b"c OK")
    assert raw.ask(b"d NOOP")[-1].startswith(b"d OK")


for step in (before_login, starttls, mailbox, literals, idle):
    step()
    print("ok", step.__name__)
