"""Makes PGP/MIME and S/MIME signed messages, sends them through nologd, and verifies what arrived."""
import email
import email.policy
import glob
import os
import smtplib
import ssl
import subprocess
import sys
import time

ALICE, PASSWORD, BOB = "alice@velo.example", "bell-and-basket", "bob@velo.example"
PLACE = os.environ["PLACE"]
WORK = os.path.join(PLACE, "signing")
GNUPG = dict(os.environ, GNUPGHOME=os.path.join(WORK, "gnupg"))
HEADER = (
    b"From: Alice <alice@velo.example>\r\nTo: Bob <bob@velo.example>\r\nSubject: %s\r\n"
    b"Date: Thu, 1 Jan 2026 18:30:00 +0900\r\nMessage-ID: <canary-%s@canary-laptop.local>\r\n"
    b"User-Agent: CanaryMail/78.1\r\n"
)
# Trailing blanks, dots at line starts, 8-bit: everything that a careless server changes.
PART = (
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-Language: fr\r\n\r\n"
    b"R\xc3\xa9union dimanche  \r\n.\r\n..\r\n.dot\r\n\tend\r\n"
)


def run(*command, data=None, env=None):
    result = subprocess.run(command, input=data, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert result.returncode == 0, f"{command}: {result.stderr.decode(errors='replace')}"
    return result.stdout


def path(name):
    return os.path.join(WORK, name)


def write(name, data):
    with open(path(name), "wb") as file:
        file.write(data)
    return path(name)


def pgp_message():
    os.makedirs(GNUPG["GNUPGHOME"], mode=0o700)
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", ALICE, "ed25519", "sign", "never", env=GNUPG)
    signature = run("gpg", "--batch", "--armor", "--detach-sign", data=PART, env=GNUPG).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return (
        HEADER % (b"pgp", b"pgp") + b"MIME-Version: 1.0 (Canary)\r\n"
        b'Content-Type: multipart/signed; micalg=pgp-sha512;\r\n protocol="application/pgp-signature"; boundary="edge"\r\n\r\n'
        b"This is signed.\r\n--edge\r\n" + PART + b"\r\n--edge\r\n"
        b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n" + signature + b"\r\n--edge--\r\n"
    )


def verify_pgp(body):
    part = body.split(b"--edge\r\n")[1].removesuffix(b"\r\n")
    armor = body.split(b"--edge\r\n")[2]
    signature = armor[armor.index(b"-----BEGIN"):armor.index(b"\r\n--edge--")]
    run("gpg", "--batch", "--verify", write("signature.asc", signature), write("part", part), env=GNUPG)


def smime_message():
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Alice", "-keyout", path("key.pem"),
        "-out", path("cert.pem"), "-addext", f"subjectAltName=email:{ALICE}", "-addext", "extendedKeyUsage=emailProtection")
    signed = run("openssl", "cms", "-sign", "-crlfeol", "-signer", path("cert.pem"), "-inkey", path("key.pem"), data=PART)
    signed = signed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return HEADER % (b"smime", b"smime") + signed


def verify_smime(message):
    write("arrived.eml", message)
    verified = run("openssl", "cms", "-verify", "-in", path("arrived.eml"), "-CAfile", path("cert.pem"))
    assert b"R\xc3\xa9union" in verified


def maildir(address):
    return glob.glob(os.path.join(PLACE, "dovecot", "mail", address, "Maildir", "new", "*"))


def send_and_receive(message):
    before = set(maildir(BOB))
    context = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
    with smtplib.SMTP_SSL("127.0.0.1", int(os.environ["SUBMISSIONS"]), context=context, timeout=60) as session:
        session.login(ALICE, PASSWORD)
        assert session.sendmail(ALICE, [BOB], message, mail_options=["BODY=8BITMIME"]) == {}
    end = time.time() + 30
    while not set(maildir(BOB)) - before:
        assert time.time() < end, "the message did not arrive"
        time.sleep(0.05)
    with open((set(maildir(BOB)) - before).pop(), "rb") as file:
        # Dovecot stores with LF alone.
        arrived = file.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    header, body = arrived.split(b"\r\n\r\n", 1)
    assert b"canary" not in header.lower(), header.decode()
    assert b"+0900" not in header, header.decode()
    assert body == message.split(b"\r\n\r\n", 1)[1], "the body changed"
    return arrived, body


os.makedirs(WORK)
_, body = send_and_receive(pgp_message())
verify_pgp(body)
print("ok pgp")
arrived, _ = send_and_receive(smime_message())
verify_smime(arrived)
print("ok smime")
# The check can fail: a changed byte must not verify.
try:
    verify_pgp(body.replace(b"dimanche", b"Dimanche"))
except AssertionError:
    sys.exit(0)
sys.exit("a changed message still verifies")
