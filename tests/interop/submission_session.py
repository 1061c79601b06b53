"""smtplib through nologd: both ports, both mechanisms, one answer for each recipient, and what is refused."""
import os
import smtplib
import socket
import ssl
import time
from email.message import EmailMessage

ALICE, PASSWORD = "alice@velo.example", "bell-and-basket"
BOB, CHLOE = "bob@velo.example", "chloe@jardin.example"
CONTEXT = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])


def port(name):
    return int(os.environ[name])


def implicit():
    return smtplib.SMTP_SSL("127.0.0.1", port("SUBMISSIONS"), context=CONTEXT, local_hostname="canary-ehlo.local", timeout=60)


def logged_in():
    session = implicit()
    session.login(ALICE, PASSWORD)
    return session


def letter(subject, to=BOB, sender=ALICE):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message.set_content("Hello.\n.\n..\n.hidden\n")
    return message


def mechanisms():
    for mechanism in ("PLAIN", "LOGIN"):
        session = implicit()
        session.ehlo()
        assert mechanism in session.esmtp_features["auth"].split(), session.esmtp_features
        session.user, session.password = ALICE, PASSWORD
        session.auth(mechanism, getattr(session, "auth_" + mechanism.lower()))
        assert session.send_message(letter(f"by {mechanism}")) == {}
        session.quit()
    session = smtplib.SMTP("127.0.0.1", port("SUBMISSION"), local_hostname="canary-ehlo.local", timeout=60)
    session.ehlo()
    assert "starttls" in session.esmtp_features and "auth" not in session.esmtp_features, session.esmtp_features
    code, text = session.docmd("AUTH", "PLAIN AGEAYg==")
    assert code in (530, 538) and b"TLS-FIRST" in text, (code, text)
    session.starttls(context=CONTEXT)
    session.login(ALICE, PASSWORD)
    assert session.send_message(letter("by STARTTLS")) == {}
    session.quit()


def wrong_password():
    for user in (ALICE, "canary-nobody@velo.example", "canary-nobody@elsewhere.example"):
        session = implicit()
        try:
            session.login(user, "wrong")
        except smtplib.SMTPAuthenticationError as error:
            assert error.smtp_code == 535 and b"WRONG-PASSWORD" in error.smtp_error, error
        else:
            raise AssertionError("logged in with a wrong password")
    begin = time.monotonic()
    logged_in().quit()
    assert time.monotonic() - begin < 2, "the wrong passwords of one make another wait"


def order():
    session = implicit()
    session.ehlo()
    code, text = session.mail(ALICE)
    assert code == 530 and b"LOGIN-FIRST" in text, (code, text)
    session.login(ALICE, PASSWORD)
    assert session.docmd("DATA")[0] == 503
    assert session.docmd("RCPT", f"TO:<{BOB}>")[0] == 503
    assert session.docmd("CANARYVERB")[0] in (500, 502)
    assert session.docmd("VRFY", BOB)[0] == 252
    assert session.noop()[0] == 250
    assert session.mail(ALICE)[0] == 250
    assert session.mail(ALICE)[0] == 503
    assert session.rset()[0] == 250
    session.quit()


def other_senders():
    session = logged_in()
    for sender in (BOB, CHLOE, "canary@elsewhere.example"):
        code, text = session.mail(sender)
        assert code // 100 == 5 and b"NOT-YOUR-ADDRESS" in text, (sender, code, text)
    assert session.mail("contact@velo.example")[0] == 250, "an alias of the mailbox"
    session.rset()
    # The envelope is Alice's, the header says Bob.
    try:
        session.send_message(letter("forged", to=CHLOE, sender=BOB), from_addr=ALICE)
    except smtplib.SMTPDataError as error:
        assert b"NOT-YOUR-ADDRESS" in error.smtp_error, error
    else:
        raise AssertionError("somebody else's From was let through")
    assert session.send_message(letter("from the alias", sender="contact@velo.example")) == {}
    session.quit()


def recipients():
    session = logged_in()
    result = session.send_message(letter("one of two"), to_addrs=[BOB, "canary-nobody@velo.example"])
    assert list(result) == ["canary-nobody@velo.example"] and result["canary-nobody@velo.example"][0] == 550, result
    for extension in ("pipelining", "8bitmime", "size", "dsn", "enhancedstatuscodes"):
        assert extension in session.esmtp_features, f"{extension}: {session.esmtp_features}"
    # DATA with no recipient left is refused before a byte of the message.
    assert session.mail(ALICE)[0] == 250
    assert session.rcpt("canary-nobody@velo.example")[0] == 550
    assert session.docmd("DATA")[0] // 100 == 5
    session.rset()
    # More than the relay takes is refused at MAIL already.
    assert session.docmd("MAIL", f"FROM:<{ALICE}> SIZE=99999999999")[0] == 552
    session.quit()


def pipelined():
    session = logged_in()
    session.sock.sendall(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nRCPT TO:<canary-nobody@velo.example>\r\nDATA\r\n".encode())
    assert [session.getreply()[0] for _ in range(4)] == [250, 250, 550, 354]
    session.sock.sendall(b"From: <alice@velo.example>\r\nSubject: pipelined\r\n\r\n..\r\n.\r\nNOOP\r\n")
    assert [session.getreply()[0] for _ in range(2)] == [250, 250]
    session.quit()


def chunked():
    session = logged_in()
    if "chunking" not in session.esmtp_features:
        return
    assert session.mail(ALICE)[0] == 250 and session.rcpt(BOB)[0] == 250
    message = b"From: <alice@velo.example>\r\nSubject: chunked\r\n\r\n.\r\nbody\r\n"
    for chunk, end in ((message[:9], ""), (message[9:40], ""), (message[40:], " LAST")):
        session.sock.sendall(b"BDAT %d%s\r\n" % (len(chunk), end.encode()) + chunk)
        assert session.getreply()[0] == 250
    session.quit()


def smuggling():
    """Only CRLF.CRLF ends a message. After anything else what follows is never taken for a command."""
    for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r\r\n"):
        session = logged_in()
        assert session.mail(ALICE)[0] == 250 and session.rcpt(BOB)[0] == 250 and session.docmd("DATA")[0] == 354
        smuggled = b"MAIL FROM:<alice@velo.example>\r\nRCPT TO:<bob@velo.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
        session.sock.sendall(b"From: <alice@velo.example>\r\nSubject: outer\r\n\r\nbody" + end + smuggled)
        code, text = session.getreply()
        assert code // 100 == 5 and b"BARE-LINE-END" in text, (end, code, text)
        assert session.noop()[0] == 250, "one answer for one message"
        session.quit()


def injected():
    plain = socket.create_connection(("127.0.0.1", port("SUBMISSION")), timeout=60)
    file = plain.makefile("rb")
    assert file.readline().startswith(b"220")
    plain.sendall(b"EHLO canary-ehlo.local\r\n")
    while file.readline()[3:4] == b"-":
        pass
    plain.sendall(b"STARTTLS\r\nNOOP injected\r\n")
    assert file.readline().startswith(b"220")
    secure = CONTEXT.wrap_socket(plain, server_hostname="localhost")
    secure.sendall(b"EHLO canary-ehlo.local\r\n")
    line = secure.makefile("rb").readline()
    assert line.startswith(b"250-mail.nolog.example"), f"the injected command was answered: {line}"


steps = (mechanisms, wrong_password, order, other_senders, recipients, pipelined, chunked, smuggling, injected)
for step in steps:
    begin = time.monotonic()
    step()
    print("ok", step.__name__, f"{time.monotonic() - begin:.1f} s")
