#!/usr/bin/env python3
"""A mail program and a mail server of somebody else, inside the machine that the package is tried on.

probe.py deliver TO SUBJECT            from outside, to port 25
probe.py submit FROM PASSWORD TO SUBJECT   to port 465
probe.py read ADDRESS PASSWORD SUBJECT     from port 993: waits for it, prints the header
probe.py hold SECONDS                  holds sessions open while the daemon is stopped, and prints what became of them
"""

import imaplib
import smtplib
import socket
import ssl
import sys
import time

HOST = "127.0.0.1"
TLS = ssl.create_default_context()
# The certificate is one of the test's own.
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def text(sender, to, subject):
    return (
        f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nUser-Agent: A program with a name\r\n"
        "Date: Thu, 26 Nov 2026 13:00:00 +0100\r\nMessage-ID: <one@laptop.example>\r\n\r\nHello.\r\n"
    )


def imap(address, password):
    session = imaplib.IMAP4_SSL(HOST, 993, ssl_context=TLS)
    session.login(address, password)
    session.select("INBOX")
    return session


def submission(address, password):
    session = smtplib.SMTP_SSL(HOST, 465, "laptop.example", context=TLS, timeout=60)
    session.login(address, password)
    return session


def deliver(to, subject):
    sender = "somebody@elsewhere.example"
    with smtplib.SMTP(HOST, 25, "elsewhere.example", timeout=60) as session:
        session.sendmail(sender, [to], text(sender, to, subject))


def submit(sender, password, to, subject):
    with submission(sender, password) as session:
        session.sendmail(sender, [to], text(sender, to, subject))


def read(address, password, subject):
    end = time.monotonic() + 60
    while True:
        session = imap(address, password)
        _, found = session.search(None, "SUBJECT", f'"{subject}"')
        numbers = found[0].split()
        if numbers:
            _, answer = session.fetch(numbers[-1], "(BODY.PEEK[HEADER])")
            print(answer[0][1].decode())
            session.logout()
            return
        session.logout()
        if time.monotonic() > end:
            sys.exit(f"{subject}: did not come")
        time.sleep(1)


def hold(seconds):
    """One session that waits, and one in the middle of a message, whose second half comes when the daemon is stopping."""
    waiting = imap("alice@velo.example", "alice-secret")
    sending = submission("alice@velo.example", "alice-secret")
    sending.mail("alice@velo.example")
    sending.rcpt("bob@velo.example")
    sending.putcmd("data")
    sending.getreply()
    first, second = text("alice@velo.example", "bob@velo.example", "begun before the stop").split("Hello.")
    sending.sock.sendall(first.encode())
    print("held", flush=True)
    waiting.sock.settimeout(float(seconds))
    try:
        goodbye = waiting.readline().decode(errors="replace").strip()
    except (socket.timeout, imaplib.IMAP4.abort, OSError) as trouble:
        goodbye = f"no goodbye: {trouble!r}"
    print(f"waiting: {goodbye}", flush=True)
    time.sleep(1)
    sending.sock.sendall(f"Hello.{second}.\r\n".encode())
    code, _ = sending.getreply()
    print(f"sending: {code}", flush=True)


if __name__ == "__main__":
    {"deliver": deliver, "submit": submit, "read": read, "hold": hold}[sys.argv[1]](*sys.argv[2:])
