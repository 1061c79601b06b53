"""A member and an admin at their pages, as people: a phone in French, a desktop in English. Each page is also looked at by axe-core.
`SHOTS` names a folder for pictures of what they see.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "webmail"))
from accessible import accessible
from browser import PATIENCE, Browser, Road

PLACE, SHOTS = os.environ["PLACE"], os.environ.get("SHOTS")
HOST = "https://mail.nolog.example:" + os.environ["PAGES"]
ALICE, PASSWORD, BOB, BOBS = "alice@velo.example", "bell-and-basket", "bob@velo.example", "spokes-and-chain"
PHONE = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
looked = []


def main():
    # Whatever hangs, Chromium must not outlive this.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the story took too long"))
    signal.alarm(600)
    flags = ["--ignore-certificate-errors", "--host-resolver-rules=MAP mail.nolog.example 127.0.0.1"]
    browser = Browser(PLACE, int(os.environ["DRIVER"]), "phone", "Europe/Paris", flags)
    try:
        for step in (everybodys, wrong_password, logs_in, language, held, two_windows, back_button, session_ends, restart, contact, admin_looks,
                     admin_sets, admin_windows):
            step(browser)
            print("done:", step.__name__, flush=True)
        print("looked at %d pages" % len(looked))
    except BaseException:
        browser.shot(SHOTS, "trouble")
        raise
    finally:
        browser.close()


def size(browser, metrics):
    browser.command("Emulation.setDeviceMetricsOverride", metrics)


def look(browser, name):
    """On a phone and on a desktop, in the light and in the dark: nothing wider than the window, and nothing that axe-core finds."""
    for kind, metrics, scheme in (("desk", DESK, "light"), ("phone", PHONE, "light"), ("phone", PHONE, "dark")):
        size(browser, metrics)
        wide = browser.js("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1], "%s: sideways scrolling: %s" % (name, wide)
        browser.command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        browser.shot(SHOTS, "%s-%s-%s" % (name, kind, scheme))
        accessible(browser, "%s, %s, %s" % (name, kind, scheme))
    browser.command("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
    looked.append(name)


def has(browser, words):
    browser.wait("document.body.innerText.replace(/[\\u202f\\u00a0]/g, ' ').includes(%r)" % words, words)


def nologd(*words):
    subprocess.run([os.environ["NOLOGD"], *words], check=True, stdout=subprocess.DEVNULL)


def log_in(browser, lang="fr", who=ALICE, password=PASSWORD):
    browser.open(HOST + "/%s/member" % lang)
    browser.type("#mailbox", who)
    browser.type("#password", password)
    browser.click("main form button")
    has(browser, who)


def everybodys(browser):
    nologd("association", "set", "velo", "--storage", "10G", "--mailbox-default", "1G")
    for lang in ("fr", "en"):
        for page in ("/", "/help", "/programs", "/statement", "/contact", "/member", "/nothing"):
            browser.open(HOST + "/" + lang + page)
            assert browser.js("return document.documentElement.lang") == lang
            look(browser, "%s%s" % (lang, page.replace("/", "-")))
    # The statement leads home.
    browser.open(HOST + "/fr/statement")
    browser.click("nav a")
    has(browser, "Votre courrier ici")


def wrong_password(browser):
    browser.open(HOST + "/fr/")
    browser.click("a[href='/fr/member']")
    browser.type("#mailbox", ALICE)
    browser.type("#password", "nothing")
    browser.click("main form button")
    has(browser, "WRONG-PASSWORD")
    assert browser.js("return document.querySelector('#mailbox').value") == ALICE
    assert browser.js("return document.querySelector('#password').value") == ""
    look(browser, "fr-wrong-password")
    # The word leads to what it means.
    browser.click(".error a.word")
    browser.wait("location.hash == '#WRONG-PASSWORD' && document.querySelector(':target')", "the word's explanation")
    browser.ask("POST", "/back", {})
    browser.open(HOST + "/en/member")
    browser.type("#mailbox", "alice")
    browser.type("#password", "nothing")
    browser.click("main form button")
    has(browser, "Type the whole address")
    look(browser, "en-incomplete")


def logs_in(browser):
    log_in(browser)
    has(browser, "Espace de cette boîte")
    meter = browser.js("return document.querySelector('meter').getAttribute('aria-label')")
    assert "sur" in meter and "%" in meter, meter
    cookies = browser.ask("GET", "/cookie")
    assert [(c["name"], c["secure"], c["httpOnly"], c["sameSite"]) for c in cookies] == [("__Host-nologd", True, True, "Strict")], cookies
    assert browser.js("return document.cookie") == ""
    look(browser, "fr-my-mailbox")
    browser.click("header a[hreflang='en']")
    has(browser, "Space of this mailbox")
    look(browser, "en-my-mailbox")


def language(browser):
    browser.click("#language option[value='fr']")
    browser.click("#language ~ button")
    has(browser, "Changed. It holds from now on.")
    assert browser.js("return document.querySelector('#language').value") == "fr"
    look(browser, "en-changed")
    # Reloaded, it sends nothing again.
    browser.ask("POST", "/refresh", {})
    browser.wait("document.readyState == 'complete' && document.querySelector('#language') && !document.querySelector('.done')", "what is so, and no news of it")
    assert browser.js("return document.querySelector('#language').value") == "fr"


def held(browser):
    browser.click("a[href='/en/member/held']")
    has(browser, "This is all that is kept.")
    has(browser, "Français")
    look(browser, "en-held")
    browser.click("header a[hreflang='fr']")
    has(browser, "C’est tout ce qui est conservé.")
    look(browser, "fr-held")
    # And as a file.
    downloads = os.path.join(PLACE, "downloads")
    os.makedirs(downloads)
    browser.command("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": downloads})
    browser.click("a[download]")
    browser.until(lambda: os.path.exists(os.path.join(downloads, "nologd.json")), "no file came")
    with open(os.path.join(downloads, "nologd.json"), encoding="utf-8") as file:
        assert ALICE in file.read()
    # Their own words stand in it: whoever looks for traces later must not find these.
    os.remove(os.path.join(downloads, "nologd.json"))


def second(browser, address):
    first = browser.ask("GET", "/window")
    other = browser.ask("POST", "/window/new", {"type": "tab"})["handle"]
    browser.ask("POST", "/window", {"handle": other})
    browser.open(address)
    return first, other


def turn(browser, window):
    browser.ask("POST", "/window", {"handle": window})


def two_windows(browser):
    browser.open(HOST + "/fr/member")
    first, other = second(browser, HOST + "/fr/member")
    has(browser, ALICE)
    browser.click("header button")
    has(browser, "Votre courrier ici")
    # The first window does not know it yet.
    turn(browser, first)
    browser.click("#language ~ button")
    has(browser, "Le formulaire n’a pas été accepté")
    look(browser, "fr-form-refused")
    turn(browser, other)
    browser.ask("DELETE", "/window")
    turn(browser, first)


def back_button(browser):
    log_in(browser)
    browser.click("a[href='/fr/member/held']")
    has(browser, "C’est tout ce qui est conservé.")
    browser.click("header button")
    has(browser, "Votre courrier ici")
    for _ in range(2):
        browser.ask("POST", "/back", {})
        browser.wait("document.readyState == 'complete'", "the page before")
        browser.wait("!document.body.innerText.includes('%s') && document.querySelector('#password')" % ALICE, "the way in, and no address")


def session_ends(browser):
    log_in(browser)
    nologd("mailbox", "kick", ALICE)
    browser.click("a[href='/fr/member/held']")
    browser.wait("document.querySelector('#password')", "the way in")


def restart(browser):
    log_in(browser)
    open(os.path.join(PLACE, "restart-wanted"), "w").close()
    browser.until(lambda: os.path.exists(os.path.join(PLACE, "restarted")), "no restart")
    browser.click("#language ~ button")
    has(browser, "Le formulaire n’a pas été accepté")
    log_in(browser)


def contact(browser):
    """Who is the contact goes on to the contact's page, with the mailbox's password."""
    browser.click("header button")
    nologd("association", "set", "velo", "--contact", BOB)
    browser.open(HOST + "/fr/contact")
    browser.type("#mailbox", BOB)
    browser.type("#password", BOBS)
    browser.click("form[action='/fr/contact/enter'] button")
    has(browser, "Espace de toute l’association")
    browser.click("header button")
    has(browser, "Votre courrier ici")
    log_in(browser, "en", BOB, BOBS)
    look(browser, "en-contacts-mailbox")
    browser.click("form[action='/en/member/contact'] button")
    has(browser, "Space of the whole association")
    browser.js("document.querySelectorAll('details').forEach(one => one.open = true)")
    look(browser, "en-contacts-page")
    browser.click("header button")
    has(browser, "Your mail here")


class Forward(Road):
    """What `ssh -L PORT:SOCKET` does, as seen from the admin's browser."""

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(os.path.join(PLACE, "admin-web.sock"))
            for pair in ((client, server, None), (server, client, None)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()


def admin_looks(browser):
    global LOCAL
    LOCAL = Forward(0, None).address.replace("127.0.0.1", "localhost").rstrip("/")
    for lang in ("fr", "en"):
        browser.open(LOCAL + "/%s/" % lang)
        has(browser, "velo")
        look(browser, lang + "-admin")
    browser.click("a[href='/en/association/velo']")
    has(browser, "Space of the association")
    look(browser, "en-admin-association")
    browser.click("header a[hreflang='fr']")
    has(browser, "Espace de l’association")
    look(browser, "fr-admin-association")


def admin_sets(browser):
    browser.fill("#limits-storage", "lots")
    browser.click("form[action$='/limits'] button")
    has(browser, "Ce n’est pas une taille")
    assert browser.js("return document.querySelector('#limits-storage').value") == "lots"
    look(browser, "fr-admin-refused")
    browser.click(".error a")
    browser.open(LOCAL + "/fr/association/velo")
    browser.fill("#limits-storage", "7 Go")
    browser.click("form[action$='/limits'] button")
    has(browser, "C’est fait.")
    has(browser, "sur 7 Go")
    shown = subprocess.run([os.environ["NOLOGD"], "association", "show", "velo"], check=True, capture_output=True, text=True).stdout
    assert "7 G" in shown, shown
    # The back button sends nothing again, and shows nothing old.
    browser.ask("POST", "/back", {})
    browser.wait("document.querySelector('#limits-storage').value.replace('\\u202f', ' ') == '7 Go'", "the page before, as it is now")
    browser.click("#state-state option[value='read-only']")
    browser.click("form[action$='/state'] button")
    has(browser, "C’est fait.")
    has(browser, "lecture seule")
    browser.open(LOCAL + "/fr/association/velo")
    browser.click(".boxes summary")
    look(browser, "fr-admin-mailbox")


def admin_windows(browser):
    """An old window changes only what was touched in it."""
    browser.open(LOCAL + "/en/association/velo")
    first, other = second(browser, LOCAL + "/en/association/velo")
    browser.fill("#limits-storage", "8 GB")
    browser.click("form[action$='/limits'] button")
    has(browser, "of 8 GB")
    turn(browser, first)
    browser.fill("#limits-mailboxes", "50")
    browser.click("form[action$='/limits'] button")
    has(browser, "Changed.")
    assert browser.js("return document.querySelector('#limits-storage').value") == "8 GB"
    assert browser.js("return document.querySelector('#limits-mailboxes').value") == "50"
    turn(browser, other)
    browser.ask("DELETE", "/window")
    turn(browser, first)
    # The member is told.
    log_in(browser, "en")
    has(browser, "read-only for now")
    look(browser, "en-read-only")


if __name__ == "__main__":
    main()
