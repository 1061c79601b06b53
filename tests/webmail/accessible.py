"""What axe-core finds in a page that a browser shows, for people who read in other ways. `AXE` names its file: where that is not there,
nothing is looked at, and the test `axe_core_looks_at_the_pages` says so.
"""

import os

# All of WCAG 2.2 A and AA that a program can see, and what axe-core calls best practices.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = ""
if os.path.exists(os.environ["AXE"]):
    with open(os.environ["AXE"], encoding="utf-8") as source:
        AXE = source.read()


def accessible(browser, name):
    if not AXE:
        return
    if not browser.js("return Boolean(window.axe)"):
        browser.js(AXE)
    run = "const done = arguments[0]; axe.run(document, {preload: false, runOnly: %s}).then(r => done(r.passes.length ? r.violations.map(v => " \
          "v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')) : ['nothing was looked at']), e => done([String(e)]))" % RULES
    found = browser.ask("POST", "/execute/async", {"script": run, "args": []})
    assert found == [], "%s: %s" % (name, "\n".join(found))
