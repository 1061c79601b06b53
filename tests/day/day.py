"""A day's work of mail programs, full of markers: what of it is found again anywhere is a leak. Ends badly where nologd does not answer."""
import base64
import imaplib
import os
import smtplib
import socket
import ssl
import sys

ADDRESS = "127.9.9.77"
ALICE, PASSWORD = "alice@velo.example", "bell-and-basket"
CONTEXT = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
LETTER = (
    "From: Alice <alice@velo.example>\r\nTo: Bob <bob@velo.example>\r\nBcc: canary-bcc@velo.example\r\n"
    "Subject: canary-subject\r\nMessage-ID: <canary-id@canary-host.example>\r\nUser-Agent: canary-agent\r\n"
    "Date: Thu, 1 Jan 2026 18:30:00 +0900\r\nX-Originating-IP: [198.51.100.77]\r\n\r\ncanary-body\r\n"
)


def port(name):
    return int(os.environ[name])


class Imap(imaplib.IMAP4):
    """From our own address, over TLS."""

    def __init__(self, number, upgrade):
        self.upgrade = upgrade
        super().__init__("127.0.0.1", number, timeout=60)
        if upgrade:
            self.starttls(CONTEXT)

    def _create_socket(self, timeout):
        bare = socket.create_connection(("127.0.0.1", self.port), timeout, (ADDRESS, 0))
        return bare if self.upgrade else CONTEXT.wrap_socket(bare, server_hostname="mail.nolog.example")

    def starttls(self, context):
        self.host = "mail.nolog.example"
        return super().starttls(context)


def fails(work):
    try:
        work()
    except (imaplib.IMAP4.error, smtplib.SMTPException, OSError):
        return
    sys.exit("what must fail did not")


def read(upgrade, down=False):
    session = Imap(port("IMAP" if upgrade else "IMAPS"), upgrade)
    if down:
        return fails(lambda: session.login(ALICE, PASSWORD))
    fails(lambda: session.login(ALICE, "canary-password"))
    fails(lambda: session.login("canary-user@velo.example", "canary-password"))
    session.xatom("ID", '("name" "canary-program" "version" "canary-version")')
    session.login(ALICE, PASSWORD)
    session.select("INBOX")
    session.search(None, "SUBJECT", "canary-subject")
    for folder in ["Sent", "Drafts"]:
        answer, _ = session.append(folder, "\\Seen", None, LETTER.encode())
        assert answer == "OK", answer
    session.create("canary-folder")
    fails(lambda: session.select("canary-no-folder")[0] == "OK" or fail())
    session.logout()


def fail():
    raise OSError


class Smtp(smtplib.SMTP_SSL):
    def _get_socket(self, host, number, timeout):
        bare = socket.create_connection((host, number), timeout, (ADDRESS, 0))
        return CONTEXT.wrap_socket(bare, server_hostname="mail.nolog.example")


def send():
    session = Smtp("127.0.0.1", port("SUBMISSIONS"), local_hostname="canary-ehlo.example", timeout=60)
    fails(lambda: session.login(ALICE, "canary-password"))
    session.login(ALICE, PASSWORD)
    fails(lambda: session.sendmail("canary-sender@velo.example", ["bob@velo.example"], LETTER))
    fails(lambda: session.sendmail(ALICE, ["canary-recipient@elsewhere.example\r\nRCPT TO:<x>"], "x"))
    session.rset()
    session.sendmail(ALICE, ["bob@velo.example"], LETTER)
    session.quit()


def broken():
    for name in ["IMAPS", "SUBMISSIONS"]:
        with socket.create_connection(("127.0.0.1", port(name)), 20, (ADDRESS, 0)) as bare:
            bare.sendall(b"canary-no-tls LOGIN canary-user canary-password\r\n")
            try:
                bare.recv(1000)
            except OSError:
                pass
    with socket.create_connection(("127.0.0.1", port("IMAP")), 20, (ADDRESS, 0)) as bare:
        bare.recv(1000)
        bare.sendall(b"a AUTHENTICATE PLAIN " + base64.b64encode(b"\0canary-user\0canary-password") + b"\r\n")
        bare.recv(1000)


if sys.argv[1] == "down":
    read(False, down=True)
else:
    read(False)
    read(True)
    send()
    broken()
