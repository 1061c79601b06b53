"""Visits to a Roundcube: somebody logs in, sees the list of fifty messages, and opens one. A line for each visit: milliseconds from the
login form that is sent until the list is there, and from the choice of a message until it is shown. Both by the browser's own clock."""

import os
import signal
import sys

from browser import Browser

PEOPLE, WARM, VISITS = 5, 10, 15
ROWS = "document.querySelectorAll('#messagelist tbody tr')"
LISTED = """
    const page = performance.getEntriesByType('navigation')[0];
    const asked = performance.getEntriesByType('resource').filter(entry => entry.name.includes('_action=list'));
    return page.loadEventEnd && asked.length && Math.max(page.loadEventEnd, ...asked.map(entry => entry.responseEnd));
"""
SHOWN = """
    const frame = document.querySelector('#messagecontframe').contentWindow;
    return frame.document.querySelector('#messagebody') && frame.performance.getEntriesByType('navigation')[0].loadEventEnd;
"""


def main():
    # Whatever hangs, Chromium must not outlive this.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the visits took too long"))
    signal.alarm(240)
    browser = Browser(os.environ["PLACE"], int(os.environ["DRIVER"]), "bench", "UTC")
    try:
        for number in range(WARM + VISITS):
            took = visit(browser, "u%d@bench.example" % (number % PEOPLE))
            if number >= WARM:
                print("%.1f %.1f" % took, flush=True)
    finally:
        browser.close()


def visit(browser, user):
    browser.ask("DELETE", "/cookie")
    browser.open(os.environ["WEBMAIL"])
    browser.type("#rcmloginuser", user)
    browser.type("#rcmloginpwd", "secret")
    browser.click("#rcmloginsubmit")
    browser.wait("window.rcmail && !rcmail.busy && %s.length == 50" % ROWS, "the list of fifty messages")
    listed = browser.until(lambda: browser.js(LISTED), "it never came: the time of the list")
    browser.click("#messagelist tbody tr:nth-child(3) .subject a")
    return listed, browser.until(lambda: browser.js(SHOWN), "it never came: the message")


main()
