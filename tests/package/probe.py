#!/usr/bin/env python3
"""A mail program and a mail server of somebody else, inside the machine that the package is tried on.

probe.py deliver TO SUBJECT            from outside, to port 25
probe.py submit FROM PASSWORD TO SUBJECT   to port 465
probe.py read ADDRESS PASSWORD SUBJECT [PORT]   from port 993: waits for it, prints the header
probe.py pop3 ADDRESS PASSWORD SUBJECT     from port 995: prints the message
probe.py sieve ADDRESS PASSWORD        writes a filter at port 4190, and finds it again
probe.py autoconfig DOMAIN             the settings that mail programs are told at port 443
probe.py stream TO WORD STOP           letters from outside, one after the other, until the file STOP is there: how many
probe.py arrived ADDRESS PASSWORD WORD NUMBER   each of them is there
probe.py hold SECONDS                  holds sessions open while the daemon is stopped, and prints what became of them
"""

import base64
import http.client
import imaplib
import os
import poplib
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


def imap(address, password, port=993):
    session = imaplib.IMAP4_SSL(HOST, int(port), ssl_context=TLS)
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


def read(address, password, subject, port=993):
    end = time.monotonic() + 60
    while True:
        session = imap(address, password, port)
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


def stream(to, word, stop):
    """As all servers do it: what is not taken now is tried again; what is refused for good would be a bounce."""
    number = 0
    while not os.path.exists(stop):
        number += 1
        while True:
            try:
                deliver(to, f"{word} {number}")
                break
            except smtplib.SMTPRecipientsRefused as refused:
                code = refused.recipients[to][0]
            except smtplib.SMTPResponseException as refused:
                code = refused.smtp_code
            except (OSError, smtplib.SMTPException):
                code = 421
            if code >= 500:
                sys.exit(f"{word} {number} was refused: {code}")
            time.sleep(0.2)
        time.sleep(0.2)
    print(number)


def arrived(address, password, word, number):
    wanted = {f"{word} {each}" for each in range(1, int(number) + 1)}
    end = time.monotonic() + 60
    while True:
        session = imap(address, password)
        _, found = session.search(None, "SUBJECT", f'"{word}"')
        subjects = []
        for each in found[0].split():
            _, answer = session.fetch(each, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            subjects.append(answer[0][1].decode().split(":", 1)[1].strip())
        session.logout()
        missing = wanted - set(subjects)
        if not missing:
            print(f"note: {len(subjects)} of {number} letters are there")
            sys.exit()
        if time.monotonic() > end:
            sys.exit(f"lost: {sorted(missing)}")
        time.sleep(1)


def pop3(address, password, subject):
    session = poplib.POP3_SSL(HOST, 995, context=TLS, timeout=60)
    session.user(address)
    session.pass_(password)
    # Dovecot's own says its name here.
    if "IMPLEMENTATION" in session.capa():
        sys.exit("this is not nologd's POP3")
    for number in range(session.stat()[0], 0, -1):
        message = b"\r\n".join(session.retr(number)[1]).decode()
        if f"Subject: {subject}" in message:
            print(message)
            session.quit()
            return
    sys.exit(f"{subject}: is not there")


def sieve(address, password):
    conn = socket.create_connection((HOST, 4190), 60)
    lines = conn.makefile("rb")

    def answer():
        told = []
        while True:
            line = lines.readline().decode()
            told.append(line)
            if not line or line.startswith(("NO", "BYE")):
                sys.exit(f"refused: {told}")
            if line.startswith("OK"):
                return "".join(told)

    def say(text):
        conn.sendall(text.encode())
        return answer()

    answer()
    say("STARTTLS\r\n")
    conn = TLS.wrap_socket(conn)
    lines = conn.makefile("rb")
    answer()
    plain = base64.b64encode(f"\0{address}\0{password}".encode()).decode()
    say(f'AUTHENTICATE "PLAIN" "{plain}"\r\n')
    script = 'if header :contains "subject" "spam" { discard; }\r\n'
    say(f'PUTSCRIPT "quiet" {{{len(script)}+}}\r\n{script}\r\n')
    listed = say("LISTSCRIPTS\r\n")
    if '"quiet"' not in listed:
        sys.exit(f"the filter is not there: {listed}")
    say("LOGOUT\r\n")


def autoconfig(domain):
    conn = http.client.HTTPSConnection(HOST, 443, context=TLS, timeout=60)
    conn.request("GET", f"/mail/config-v1.1.xml?emailaddress=alice%40{domain}", headers={"Host": f"autoconfig.{domain}"})
    answer = conn.getresponse()
    text = answer.read().decode()
    print(answer.status, text)
    for part in (f"<domain>{domain}</domain>", "<port>993</port>", "<port>995</port>", "<port>465</port>", "mail.velo.example"):
        if answer.status != 200 or part not in text:
            sys.exit(f"{part} is missing")


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
    known = {"deliver": deliver, "submit": submit, "read": read, "stream": stream, "arrived": arrived, "pop3": pop3, "sieve": sieve, "autoconfig": autoconfig, "hold": hold}
    known[sys.argv[1]](*sys.argv[2:])
