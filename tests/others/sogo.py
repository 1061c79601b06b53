"""A member in SOGo: logs in, reads, answers, keeps a draft, and has no room left. What this browser could give away is planted.

Run by `sogo.rs`, which looks for it afterwards.
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "webmail"))

from browser import Browser, Road  # noqa: E402

SOURCE, FORWARDED = os.environ["SOURCE"], os.environ["FORWARDED"]
AGENT = "Mozilla/5.0 (X11; CanaryOS) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 " + os.environ["AGENT"]
ALICE = "alice@velo.example"


def main():
    # Whatever hangs, Chromium must not outlive this.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the story took too long"))
    signal.alarm(150)
    road = Road(int(os.environ["WEBMAIL"]), SOURCE)
    browser = Browser(os.environ["PLACE"], int(os.environ["DRIVER"]), AGENT, "Pacific/Chatham")
    try:
        browser.command("Network.enable", {})
        headers = {"X-Forwarded-For": FORWARDED, "X-Real-IP": FORWARDED}
        browser.command("Network.setExtraHTTPHeaders", {"headers": headers})
        for step in (log_in, see_quota, read, answer, run_full, log_out):
            step(browser, road)
            print("done:", step.__name__, flush=True)
        for planted in (os.environ["AGENT"], FORWARDED):
            assert planted.encode() in road.said, planted + " was not even sent: nothing is proven"
    except BaseException:
        if picture := os.environ.get("PICTURE"):
            browser.picture(picture)
        raise
    finally:
        browser.close()


def log_in(browser, road):
    browser.open(road.address + "SOGo/")
    browser.type("input[ng-model='app.creds.username']", ALICE)
    browser.type("input[ng-model='app.creds.password']", "bell-and-basket")
    # Once: the button goes away under the click, and what was done is then told as an error.
    browser.wait("document.querySelector('button[type=submit]')?.disabled === false", "the button to log in")
    browser.js("document.querySelector('button[type=submit]').click()")
    browser.wait("document.querySelector(\"button[aria-label='A ride on Sunday']\")", "the list of letters")


def see_quota(browser, _):
    browser.wait("(document.querySelector('.sg-quota') || {}).innerText?.includes('% used on 5 MB')", "the mailbox's limit")


def read(browser, _):
    browser.click("button[aria-label='A ride on Sunday']")
    browser.wait("document.body.innerText.includes('We meet at the bridge at ten')", "the text of the letter")


def write(browser, words):
    """The editor of HTML, when it is there."""
    browser.wait("Object.values((window.CKEDITOR || {}).instances || {}).some(editor => editor.status == 'ready')", "the editor")
    browser.js("Object.values(CKEDITOR.instances)[0].focus()")
    browser.js("Object.values(CKEDITOR.instances)[0].insertText('%s ')" % words)


def compose(browser):
    browser.click("button[aria-label='Reply']")
    browser.wait("(document.querySelector('md-dialog input[name=subject]') || {}).value?.startsWith('Re: ')", "the letter to write")


def send(browser):
    browser.click("md-dialog button[ng-click='editor.send()']")


def answer(browser, _):
    compose(browser)
    write(browser, "I will be there.")
    send(browser)
    browser.wait("!document.querySelector('md-dialog')", "the end of writing")


def run_full(browser, _):
    """The letter goes out, its copy finds no room, and the member hears of it."""
    command = [os.environ["NOLOGD"], "mailbox", "set", ALICE, "--storage", "1K"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    compose(browser)
    write(browser, "Once more.")
    send(browser)
    browser.wait("document.body.innerText.includes('Failed to store message')", "that the copy was not kept")


def log_out(browser, road):
    browser.open(road.address + "SOGo/so/%s/logoff" % ALICE)
    browser.wait("document.querySelector(\"input[ng-model='app.creds.username']\")", "the page of the login")


main()
