"""Chromium by the WebDriver protocol (W3C), and the road from it to the webmail. Standard library only."""

import http.client
import json
import os
import socket
import subprocess
import threading
import time

PATIENCE = 20
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Road:
    """A port on loopback that leads to another, coming from an address of its own; and what was said on it."""

    def __init__(self, port, source):
        self.port, self.source, self.said = port, source, bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.port), source_address=(self.source, 0))
            except OSError:
                client.close()
                continue
            for pair in ((client, server, self.said), (server, client, None)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    @staticmethod
    def carry(source, target, said):
        try:
            while data := source.recv(65536):
                if said is not None:
                    said += data
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Browser:
    """One headless Chromium with a profile of its own under `place`."""

    def __init__(self, place, port, agent, timezone, more=()):
        self.port, self.session = port, None
        home = os.path.join(place, "chromium")
        os.makedirs(home)
        environment = dict(os.environ, HOME=home, TMPDIR=home, TZ=timezone, LANG="en_US.UTF-8")
        log = open(os.path.join(place, "chromedriver.out"), "wb")
        command = ["chromedriver", "--port=%d" % port]
        self.driver = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.until(self.ready, "chromedriver did not start")
        flags = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,1000",
                 "--lang=en-US", "--user-agent=" + agent, "--user-data-dir=" + os.path.join(home, "profile")]
        flags += more
        # Its own sandbox does not work for root.
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        options = {"goog:chromeOptions": {"args": flags}, "unhandledPromptBehavior": "accept"}
        self.session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]

    def ready(self):
        try:
            return self.ask("GET", "/status")["ready"]
        except OSError:
            return False

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        prefix = "/session/" + self.session if self.session else ""
        connection.request(method, prefix + path, json.dumps(body) if body is not None else None)
        answer = json.loads(connection.getresponse().read())["value"]
        connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError("%s: %s" % (answer["error"], answer["message"].split("\n")[0]))
        return answer

    def until(self, done, trouble):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if result := done():
                    return result
            except RuntimeError as error:  # the page is just being replaced, or something is in front of the element
                trouble = "%s (%s)" % (trouble.split(" (")[0], error)
            if time.monotonic() > end:
                raise SystemExit(trouble)
            time.sleep(0.05)

    def command(self, name, parameters):
        """A command of Chromium's own protocol."""
        self.ask("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def open(self, address):
        self.ask("POST", "/url", {"url": address})

    def js(self, script):
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def wait(self, condition, what):
        """Until the JavaScript expression is true; returns it."""
        return self.until(lambda: self.js("return (%s)" % condition), "it never came: " + what)

    def soon(self, condition):
        """Whether the JavaScript expression is true within some seconds."""
        end = time.monotonic() + PATIENCE / 5
        while not self.js("return Boolean(%s)" % condition):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def element(self, selector):
        found = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        return "/element/" + found[ELEMENT]

    def click(self, selector):
        self.until(lambda: self.ask("POST", self.element(selector) + "/click", {}) is None, "cannot click " + selector)

    def type(self, selector, text):
        self.until(lambda: self.ask("POST", self.element(selector) + "/value", {"text": text}) is None, "cannot type into " + selector)

    def picture(self, file):
        import base64
        with open(file, "wb") as out:
            out.write(base64.b64decode(self.ask("GET", "/screenshot")))

    def close(self):
        try:
            if self.session:
                self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(10)

    def shot(self, folder, name):
        """The whole page, as long as it is, where there is a folder for it."""
        if not folder:
            return
        import base64
        answer = self.ask("POST", "/goog/cdp/execute", {"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": True}})
        with open(os.path.join(folder, name + ".png"), "wb") as out:
            out.write(base64.b64decode(answer["data"]))

    def text(self):
        return self.js("return document.body.innerText")

    def fill(self, selector, words):
        """In place of what stands in the field."""
        self.until(lambda: self.ask("POST", self.element(selector) + "/clear", {}) is None, "cannot clear " + selector)
        self.type(selector, words)


def enter_webmail(browser, road):
    """Alice logs in to Roundcube."""
    browser.open(road.address)
    browser.type("#rcmloginuser", "alice@velo.example")
    browser.type("#rcmloginpwd", "bell-and-basket")
    browser.click("#rcmloginsubmit")
