"""One member's filters in the webmail: one is made, and read again; one that sends mail on is refused."""

import os
import signal
import sys

from browser import Browser, Road, enter_webmail


def main():
    # Whatever hangs, Chromium must not outlive this.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("the story took too long"))
    signal.alarm(120)
    road = Road(int(os.environ["WEBMAIL"]), "127.9.9.78")
    browser = Browser(os.environ["PLACE"], int(os.environ["DRIVER"]), "Mozilla/5.0", "Europe/Paris")
    try:
        log_in(browser, road)
        make(browser, road, "Rides", "fileinto", "'Trash'")
        browser.wait(listed("Rides"), "the new filter in the list")
        # It is there for whoever comes again, too: it was read out of the mail server.
        filters(browser, road)
        browser.wait(listed("Rides"), "the filter, read again")
        make(browser, road, "Away", "redirect", "'elsewhere@jardin.example'")
        browser.wait("document.querySelector('#messagestack .error, #messagestack .alert-danger')", "the refusal")
        filters(browser, road)
        browser.wait(listed("Rides"), "the filter of before")
        assert not browser.js("return Boolean(%s)" % listed("Away")), "what was refused is in the list"
    except BaseException:
        if picture := os.environ.get("PICTURE"):
            browser.picture(picture)
        raise
    finally:
        browser.close()


def log_in(browser, road):
    enter_webmail(browser, road)
    browser.wait("window.rcmail && rcmail.env.task == 'mail' && !rcmail.busy", "the list of mail")


def filters(browser, road):
    browser.open(road.address + "?_task=settings&_action=plugin.managesieve")
    browser.wait("window.rcmail && rcmail.env.action == 'plugin.managesieve' && rcmail.filters_list && !rcmail.busy", "the filters")


def listed(name):
    return "[...document.querySelectorAll('#filterslist td')].some(cell => cell.innerText.trim() == '%s')" % name


def make(browser, road, name, action, target):
    """Makes a filter for all messages, in the form that is inside the page."""
    filters(browser, road)
    browser.click("#layout-content a.create")
    form = "document.querySelector('#layout-content iframe').contentDocument"
    browser.wait("%s?.querySelector('#_name') && %s.readyState == 'complete'" % (form, form), "the form")
    browser.js("""
        const form = %s, set = (selector, value) => {
            const field = form.querySelector(selector);
            field.value = value;
            field.dispatchEvent(new Event('change', {bubbles: true}));
        };
        set('#_name', '%s');
        const all = form.querySelector('[name=_join][value=any]');
        if (all) all.click(); else set('#_join', 'any');
        set('[name^=_action_type]', '%s');
        const target = '%s' == 'fileinto' ? '[name^=_action_mailbox]' : '[name^=_action_target]';
        set(target, %s);
    """ % (form, name, action, action, target))
    browser.js("%s.querySelector('.formbuttons .submit').click()" % form)


if __name__ == "__main__":
    main()
