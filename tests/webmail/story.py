"""One member's day in the webmail: reads, answers, sends, moves, deletes, searches, runs out of space.

Whatever this browser could give away is a value that stands nowhere else, so that it can be looked for afterwards.
"""

import os
import re
import signal
import subprocess
import sys

from browser import Browser, Road, enter_webmail

SOURCE, FORWARDED = os.environ["SOURCE"], os.environ["FORWARDED"]
AGENT = "Mozilla/5.0 (X11; CanaryOS) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 " + os.environ["AGENT"]
PLACE = os.environ["PLACE"]
ALICE, BOB = "alice@velo.example", "bob@velo.example"


def main():
    # Whatever hangs, Chromium must not outlive this.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the story took too long"))
    signal.alarm(150)
    road = Road(int(os.environ["WEBMAIL"]), SOURCE)
    browser = Browser(PLACE, int(os.environ["DRIVER"]), AGENT, "Pacific/Chatham")
    try:
        browser.command("Network.enable", {})
        headers = {"X-Forwarded-For": FORWARDED, "X-Real-IP": FORWARDED}
        browser.command("Network.setExtraHTTPHeaders", {"headers": headers})
        for step in (log_in, see_quota, read, answer, send_with_attachment, search, move, delete, keep_draft, run_full):
            step(browser, road)
            print("done:", step.__name__, flush=True)
        for planted in (os.environ["AGENT"], FORWARDED, "_timezone=Pacific%2FChatham"):
            assert planted.encode() in road.said, planted + " was not even sent: nothing is proven"
    except BaseException:
        if picture := os.environ.get("PICTURE"):
            browser.picture(picture)
        raise
    finally:
        browser.close()


def log_in(browser, road):
    enter_webmail(browser, road)
    listed(browser, "A ride on Sunday")


def listed(browser, subject, mailbox="INBOX"):
    """Until the list shows `mailbox` with this subject, and nothing is being loaded."""
    condition = "window.rcmail && rcmail.env.mailbox == '%s' && !rcmail.busy && %s" % (mailbox, row(subject))
    browser.wait(condition, "%s in the list of %s" % (subject, mailbox))


def enter(browser, folder, subject, mailbox):
    """Goes to a folder until it lists the message. Moving one is still under way when its line has gone; a list that was asked
    for before its end does not show it."""
    condition = "window.rcmail && rcmail.env.mailbox == '%s' && !rcmail.busy && %s" % (mailbox, row(subject))

    def tried():
        browser.click("#mailboxlist li.%s a" % folder)
        return browser.soon(condition)

    browser.until(tried, "it never came: %s in the list of %s" % (subject, mailbox))


def row(subject):
    """A line that is moved away is only hidden at first."""
    return "[...document.querySelectorAll('#messagelist tbody tr')].some(" \
           "row => row.offsetParent && row.innerText.includes('%s'))" % subject


def select(browser, subject):
    """Clicks the message's line; returns when it is the selected one, shown beside the list.

    A list that is drawn anew between the two loses the mark, or the click: then both are done again.
    """
    mark = "[...document.querySelectorAll('#messagelist tbody tr')].forEach(" \
           "row => row.classList.toggle('wanted', row.innerText.includes('%s')))" % subject
    shown = "(document.querySelector('#messagecontframe').contentDocument.querySelector('#message-header .subject') || {})" \
            ".innerText?.includes('%s')" % subject

    def tried():
        browser.js(mark)
        browser.click("#messagelist tbody tr.wanted .subject a")
        return browser.soon(shown)

    browser.until(tried, "it never came: the message " + subject)


def see_quota(browser, _):
    browser.wait("/[0-9]+%/.test(document.querySelector('#quotadisplay').innerText)", "the bar of the quota")
    table = browser.wait("(rcmail.env.quota_content || {}).table", "the table of quotas")
    cells = [cell for cell in re.split("<[^>]*>", table) if cell]
    assert cells[3:6] == ["mailbox", "Disk space", "5.0 MB"] and cells[7:10] == ["association", "Disk space", "20 MB"], cells


def read(browser, _):
    select(browser, "A ride on Sunday")
    body = "document.querySelector('#messagecontframe').contentDocument.querySelector('#messagebody').innerText"
    browser.wait(body + ".includes('at the bridge at ten')", "the text of the letter")


def answer(browser, _):
    browser.click("#toolbar-menu a.reply, .toolbar a.reply")
    browser.wait("document.querySelector('#composebody') && !rcmail.busy", "the page to write at")
    browser.type("#composebody", "I will be there. ")
    sent(browser)


def sent(browser):
    browser.click(".formbuttons .send, #compose-content .send, button.send")
    listed(browser, "A ride on Sunday")


def send_with_attachment(browser, _):
    file = os.path.join(PLACE, "map.txt")
    with open(file, "w") as out:
        out.write("from the bridge to the lake\n" * 1000)
    browser.click("a.compose")
    browser.wait("document.querySelector('#composebody') && !rcmail.busy", "the page to write at")
    browser.type("#compose_to .recipient-input input", BOB + ",")
    browser.type("#compose-subject", "The map of the ride")
    browser.type("#composebody", "Here is the map.")
    browser.type("input[type=file][name='_attachments[]']", file)
    browser.wait("document.querySelector('#attachment-list li.txt, #attachment-list li:not(.uploading)')", "the attachment")
    sent(browser)


def search(browser, _):
    browser.type("#mailsearchform", "lake\ue007")
    listed(browser, "The lake")
    browser.wait("!" + row("A ride on Sunday"), "a list without what was not looked for")
    browser.click("#mailsearchform ~ a.reset, .searchbar a.reset")
    listed(browser, "A ride on Sunday")


def move(browser, _):
    select(browser, "The lake")
    browser.js("rcmail.command('move', 'Junk')")
    browser.wait("!rcmail.busy && !" + row("The lake"), "the message's going")
    enter(browser, "junk", "The lake", "Junk")
    enter(browser, "inbox", "A ride on Sunday", "INBOX")


def delete(browser, _):
    select(browser, "Old news")
    browser.click(".toolbar a.delete")
    browser.wait("!rcmail.busy && !" + row("Old news"), "the message's going")
    enter(browser, "trash", "Old news", "Trash")


def keep_draft(browser, _):
    browser.click("a.compose")
    browser.wait("document.querySelector('#composebody') && !rcmail.busy", "the page to write at")
    browser.type("#compose-subject", "A plan")
    browser.click(".toolbar a.save")
    told(browser, "saved to Drafts")


def run_full(browser, _):
    command = [os.environ["NOLOGD"], "mailbox", "set", ALICE, "--storage", "1K"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    browser.type("#compose-subject", " for which there is no room")
    browser.click(".toolbar a.save")
    told(browser, "Unable to perform operation. No free disk space.")


def told(browser, words):
    boxes = "[...document.querySelectorAll('#messagestack > div')].map(box => box.innerText)"
    browser.wait(boxes + ".some(text => text.includes('%s'))" % words, "the words: " + words)


main()
