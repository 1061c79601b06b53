"""Two contacts at their pages, as people: the links come out of real mailboxes, through the real listener; a phone in French, a desktop in
English, each page looked at by axe-core. `SHOTS` names a folder for pictures of what they see.
"""

import email
import imaplib
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "webmail"))
from accessible import accessible
from browser import PATIENCE, Browser

PAGES, PLACE, SHOTS = os.environ["PAGES"], os.environ["PLACE"], os.environ.get("SHOTS")
HOST = "https://mail.nolog.example:" + PAGES
ALICE, BOB, CHLOE = ("alice@velo.example", "bell-and-basket"), ("bob@velo.example", "spokes-and-chain"), ("chloe@jardin.example", "beans-and-mint")
ANY = ssl._create_unverified_context()
seen = {}


def main():
    # Whatever hangs, Chromium must not outlive this.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the story took too long"))
    signal.alarm(400)
    flags = ["--ignore-certificate-errors", "--host-resolver-rules=MAP mail.nolog.example 127.0.0.1"]
    os.makedirs(os.path.join(PLACE, "one")), os.makedirs(os.path.join(PLACE, "two"))
    phone = Browser(os.path.join(PLACE, "one"), int(os.environ["DRIVER"]), "phone", "Europe/Paris", flags)
    try:
        desk = Browser(os.path.join(PLACE, "two"), int(os.environ["DRIVER2"]), "desk", "Europe/London", flags)
        try:
            phone.command("Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True})
            for step in (log_in_by_mail, share_out, above_the_limit, offer, withdraw, accept, domains, ask_hosts, in_parts, two_windows, back_button, restart, full_mailbox, hand_over):
                step(phone, desk)
                print("done:", step.__name__, flush=True)
        except BaseException:
            for name, browser in (("phone", phone), ("desk", desk)):
                browser.shot(SHOTS, "trouble-" + name)
            raise
        finally:
            desk.close()
    finally:
        phone.close()


def fits(browser):
    wide = browser.js("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], "sideways scrolling: %s" % wide


def look(browser, name):
    """A picture, and what axe-core finds."""
    browser.shot(SHOTS, name)
    accessible(browser, name)


def mailbox(who):
    box = imaplib.IMAP4_SSL("127.0.0.1", int(os.environ["IMAPS"]), ssl_context=ANY)
    box.login(*who)
    box.select("INBOX")
    return box


def link(who, part):
    """The next link that came to this person's mailbox."""
    end = time.monotonic() + PATIENCE + 20
    while time.monotonic() < end:
        box = mailbox(who)
        numbers = box.search(None, "ALL")[1][0].split()
        for number in numbers[seen.get(who[0], 0):]:
            text = email.message_from_bytes(box.fetch(number, "(RFC822)")[1][0][1]).get_payload(decode=True).decode()
            seen[who[0]] = int(number)
            for line in text.splitlines():
                if line.startswith("https://") and "/%s" % part in line:
                    box.logout()
                    return line.strip()
        box.logout()
        time.sleep(0.5)
    raise SystemExit("no link came to " + who[0])


def heading(browser, words):
    browser.wait("(document.querySelector('h1') || {}).innerText?.includes(%r)" % words, "the heading " + words)


def come_in(browser, who, lang, name):
    browser.open("%s/%s/" % (HOST, lang))
    browser.click("ul.links a[href='/%s/contact']" % lang)
    browser.type("#address", who[0])
    browser.click("main form button")
    heading(browser, {"fr": "Consultez votre courrier", "en": "Check your mail"}[lang])
    look(browser, name + "-asked")
    came = link(who, "enter")
    # A scanner is first, and looks three times.
    for _ in range(3):
        page = urllib.request.urlopen(came.replace("mail.nolog.example", "127.0.0.1"), context=ANY).read().decode()
        assert "<button" in page
    browser.open(came)
    look(browser, name + "-button")
    browser.click("main form button")
    browser.wait("location.pathname == '/%s/contact'" % lang, "the contact's page")
    return came


def log_in_by_mail(phone, desk):
    came = come_in(phone, ALICE, "fr", "1-phone")
    heading(phone, "velo")
    fits(phone)
    look(phone, "1-phone-page")
    # Once is once: the same link in the other browser.
    desk.open(came)
    heading(desk, "Ce lien n’est plus valable")
    look(desk, "1-desk-over")
    assert desk.js("return document.cookie") == "" and phone.js("return document.cookie") == "", "a script could read it"


def share_out(phone, _):
    phone.fill("#share-default", "2 Go")
    phone.click("form[action$='/contact/default'] button")
    phone.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('en vigueur')", "that it was done")
    assert "C’est fait" in phone.text()
    assert phone.js("return document.querySelector('#share-default').value") == "2 Go"
    look(phone, "2-phone-shared")
    # It is told once: whoever comes to the page later was told nothing of it, and has done nothing.
    phone.open(HOST + "/fr/contact")
    assert "C’est fait" not in phone.text() and phone.js("return document.querySelector('#share-default').value") == "2 Go"


def above_the_limit(phone, _):
    phone.fill("#share-default", "11 Go")
    phone.click("form[action$='/contact/default'] button")
    phone.wait("document.querySelector('.error a')", "what is wrong")
    assert "Rien n’a été modifié" in phone.text()
    look(phone, "3-phone-refused")
    # The summary leads to the field, which says it too and keeps what was typed.
    phone.click(".error a")
    assert phone.js("let field = document.querySelector('#share-default'); return field.value + field.getAttribute('aria-invalid')") == "11 Gotrue"
    fits(phone)


def offer(phone, _):
    phone.open(HOST + "/fr/contact")
    phone.click("details summary[aria-label=''], #lend ~ details summary")
    phone.fill("#lend-to", "jardin.example")
    phone.fill("#lend-share", "99")
    phone.js("document.querySelector('#lend-until').value = '2099-03-01'")
    phone.click("form[action$='/lend/offer'] button")
    phone.wait("document.querySelector('#lend-share-error')", "that it is too much")
    look(phone, "4-phone-too-much")
    phone.fill("#lend-share", "2 Go")
    phone.click("form[action$='/lend/offer'] button")
    phone.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('Proposé')", "that it was offered")
    assert "Proposé à jardin.example" in phone.text(), phone.text()
    fits(phone)
    look(phone, "4-phone-offered")


def withdraw(phone, _):
    """What leads to nobody looks like all else; taken back, it is said to be gone, and nothing to be in force."""
    phone.open(HOST + "/fr/contact")
    phone.click("#lend ~ details summary")
    phone.fill("#lend-to", "personne.example")
    phone.fill("#lend-share", "1 Go")
    phone.js("document.querySelector('#lend-until').value = '2099-04-01'")
    phone.click("form[action$='/lend/offer'] button")
    phone.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('Proposé')", "that it was offered")
    assert phone.text().count("une fois par jour au plus") == 2, phone.text()
    phone.click("button[aria-label='Retirer, personne.example']")
    phone.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('Retiré')", "that it was withdrawn")
    assert "Retiré" in phone.text() and "en vigueur" not in phone.text() and "personne.example" not in phone.text(), phone.text()
    fits(phone)
    look(phone, "4-phone-withdrawn")


def domains(phone, desk):
    """Until when the certificate holds, and the lines for the own domain, on a phone and on a desk."""
    for browser, name, words, foreign in ((phone, "phone", "Le certificat de mail.nolog.example", "jardin.example"), (desk, "desk", "The certificate of mail.nolog.example", "velo.example")):
        assert words in browser.text() and foreign not in browser.text(), browser.text()
        browser.click("#domains ~ details summary")
        browser.wait("document.querySelector('.zone code').checkVisibility()", "the lines")
        assert "autoconfig." in browser.text() and "IN CNAME mail.nolog.example." in browser.text(), browser.text()
        fits(browser)
        look(browser, "5-%s-domains" % name)


def accept(phone, desk):
    # The offer was told by mail, in the language of the association that it was made to.
    assert link(CHLOE, "contact") == HOST + "/fr/contact"
    come_in(desk, CHLOE, "en", "5-desk")
    heading(desk, "jardin")
    assert "Offered to you by velo: 2" in desk.text(), desk.text()
    look(desk, "5-desk-offered")
    desk.click("a[href='#lend']")
    desk.click("form[action$='/lend/accept'] button")
    desk.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('from now on')", "that it was accepted")
    assert "Borrowed from velo" in desk.text() and "12\xa0GB" in desk.text(), desk.text()
    look(desk, "5-desk-borrowed")
    phone.open(HOST + "/fr/contact")
    assert "Prêté à jardin" in phone.text() and "8\u202fGo" in phone.text(), phone.text()
    look(phone, "5-phone-lent")


def ask_hosts(phone, _):
    """The hosts get a mail with what was typed, and how to give it; here they read it in a mailbox of the host's own."""
    phone.open(HOST + "/fr/contact")
    phone.click("#more ~ details summary")
    phone.fill("#more-share", "beaucoup")
    phone.click("form[action$='/contact/more'] button")
    phone.wait("document.querySelector('#more-share-error')", "that it is no size")
    look(phone, "5-phone-no-size")
    phone.fill("#more-share", "2 Go")
    phone.fill("#more-words", "Le camp d'été")
    phone.click("form[action$='/contact/more'] button")
    phone.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('vos hébergeurs')", "that they are asked")
    fits(phone)
    look(phone, "5-phone-asked")
    end, told = time.monotonic() + PATIENCE + 20, ""
    while "--storage 12G" not in told:
        assert time.monotonic() < end, told
        time.sleep(0.5)
        box = mailbox(BOB)
        for number in box.search(None, "SUBJECT", "velo")[1][0].split():
            told = email.message_from_bytes(box.fetch(number, "(RFC822)")[1][0][1]).get_payload(decode=True).decode()
        box.logout()
    assert "alice@velo.example" in told and "Le camp d'été" in told, told


def in_parts(phone, _):
    """250 mailboxes: a hundred at a time, the others by a link or by their address."""
    lines = "".join("m%d@velo.example\tUser quota\t%s\t%d\t-\t0\n" % (number, kind, amount) for number in range(250) for kind, amount in (("STORAGE", number), ("MESSAGE", 1)))
    table = "Username\tQuota name\tType\tValue\tLimit\t%\n" + lines
    for words, given in ((["association", "set", "velo", "--mailboxes", "none"], None), (["usage", "load"], table)):
        subprocess.run([os.environ["NOLOGD"], *words, "--socket", os.environ["NOLOGD_SOCKET"]], check=True, capture_output=True, text=True, input=given)
    phone.open(HOST + "/fr/contact")
    assert "250 boîtes" in phone.text() and phone.js("return document.querySelectorAll('ul.boxes > li strong').length") >= 100, phone.text()
    fits(phone)
    look(phone, "5-phone-first-part")
    phone.click("nav a[href='/fr/contact/mailboxes/2'], a[href='/fr/contact/mailboxes/2']")
    phone.wait("location.pathname == '/fr/contact/mailboxes/2'", "the second part")
    look(phone, "5-phone-second-part")
    phone.fill("#find", "personne@velo.example")
    phone.click("form[action$='/contact/find'] button")
    phone.wait("document.querySelector('#find-error')", "that there is none")
    look(phone, "5-phone-none-found")
    phone.fill("#find", "m7@velo.example")
    phone.click("form[action$='/contact/find'] button")
    phone.wait("location.pathname == '/fr/contact/mailboxes/3' && location.hash.startsWith('#box-')", "the part that it is in")
    assert phone.js("return document.querySelector(location.hash).getAttribute('aria-label')") == "Changer sa part, m7@velo.example"
    fits(phone)


def two_windows(phone, desk):
    """One session in two windows: what one does the other sees; logged out in one is logged out in both, and says so."""
    desk.open(HOST + "/en/contact")
    first = desk.ask("GET", "/window")
    second = desk.ask("POST", "/window/new", {"type": "window"})["handle"]
    desk.ask("POST", "/window", {"handle": second})
    desk.open(HOST + "/en/contact")
    desk.fill("#share-default", "3 GB")
    desk.click("form[action$='/contact/default'] button")
    desk.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('from now on')", "that it was done")
    desk.ask("POST", "/window", {"handle": first})
    # This one still shows the page of before, and its forms are good.
    desk.fill("#share-default", "4 GB")
    desk.click("form[action$='/contact/default'] button")
    desk.wait("document.querySelector('#share-default').value == '4 GB' && document.querySelector('.done')", "the other change")
    desk.ask("POST", "/window", {"handle": second})
    desk.click("header form button")
    desk.wait("location.pathname == '/en/'", "the first page")
    desk.ask("POST", "/window", {"handle": first})
    desk.fill("#share-default", "5 GB")
    desk.click("form[action$='/contact/default'] button")
    heading(desk, "The form was not accepted")
    look(desk, "6-desk-logged-out")
    desk.ask("POST", "/window", {"handle": second})
    desk.ask("DELETE", "/window")
    desk.ask("POST", "/window", {"handle": first})


def back_button(phone, desk):
    """Back after a change sends nothing again; back after logging out shows nothing of the page."""
    desk.ask("POST", "/back", {})
    desk.wait("document.querySelector('#address')", "the way in, and not the page of before")
    assert "rose" not in desk.text() and "Borrowed" not in desk.text()
    phone.open(HOST + "/fr/contact")
    phone.fill("#share-default", "1 Go")
    phone.click("form[action$='/contact/default'] button")
    phone.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('en vigueur')", "that it was done")
    phone.ask("POST", "/back", {})
    phone.wait("location.pathname == '/fr/contact' && document.querySelector('#share-default') && !document.querySelector('.done')", "the page of before, which says nothing of it")
    assert phone.js("return document.querySelector('#share-default').value") == "1 Go", "as it is now"


def nologd(*words):
    return subprocess.run([os.environ["NOLOGD"], *words], check=True, stdout=subprocess.PIPE).stdout.decode()


def restart(phone, desk):
    """A restart in between: the session is over, the link that was sent is over, and the page says what to do."""
    desk.open(HOST + "/en/contact")
    # One link in two minutes: this is the second association of this contact.
    nologd("association", "add", "verger", "--domain", "verger.example", "--contact", CHLOE[0])
    desk.type("#address", CHLOE[0])
    desk.click("main form button")
    came = link(CHLOE, "enter")
    open(os.path.join(PLACE, "restart-wanted"), "w").close()
    while not os.path.exists(os.path.join(PLACE, "restarted")):
        time.sleep(0.1)
    desk.open(came)
    heading(desk, "This link has expired")
    phone.fill("#share-default", "3 Go")
    phone.click("form[action$='/contact/default'] button")
    heading(phone, "Le formulaire n’a pas été accepté")
    look(phone, "7-phone-restarted")
    phone.open(HOST + "/fr/contact")
    assert phone.js("return Boolean(document.querySelector('#address'))"), "logged out"
    # What was lent stands.
    assert "velo" in nologd("association", "loans")


def full_mailbox(phone, desk):
    """No room for a single octet: the link comes all the same, and leads to where room is made."""
    nologd("mailbox", "set", ALICE[0], "--storage", "1K")
    come_in(phone, ALICE, "fr", "8-phone")
    look(phone, "8-phone-full")
    phone.js("document.querySelectorAll('.boxes details').forEach(one => one.open = true)")
    phone.fill("form[action$='/contact/mailbox'] input[name=share]", "1 Go")
    phone.click("form[action$='/contact/mailbox'] button")
    phone.wait("(document.querySelector('.done') || {innerText: ''}).innerText.includes('en vigueur')", "that there is room")


def hand_over(phone, desk):
    phone.type("#hand-over", BOB[0])
    phone.click("form[action$='/contact/hand-over'] button")
    heading(phone, "Deux liens sont en route")
    look(phone, "9-phone-two-links")
    theirs, ours = link(BOB, "confirm"), link(ALICE, "confirm")
    desk.open(theirs)
    look(desk, "9-desk-become")
    desk.click("main form button")
    heading(desk, "Confirmé, il en manque un")
    assert ALICE[0] in nologd("association", "show", "velo")
    phone.open(ours)
    look(phone, "9-phone-confirm")
    phone.click("main form button")
    heading(phone, "C’est fait")
    look(phone, "9-phone-done")
    contact = [line for line in nologd("association", "show", "velo").splitlines() if line.split()[:1] == ["contact"]]
    assert BOB[0] in contact[0], contact
    phone.open(HOST + "/fr/contact")
    assert phone.js("return Boolean(document.querySelector('#address'))"), "the old contact is out"
    come_in(desk, BOB, "en", "9-desk")
    heading(desk, "velo")
    look(desk, "9-desk-page")


main()
