"""A headless Chromium of the test's own, driven by WebDriver (W3C) over HTTP. Standard library only."""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
             "--disable-sync", "--no-first-run", "--disable-component-update", "--disable-extensions")
PATIENCE = 60


class Browser:
    """Ends with close(), profile and all."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="mb-chromium.")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       stdin=subprocess.DEVNULL, text=True)
        self.base = self.session = None
        for line in self.driver.stdout:
            if "on port " in line and "started successfully" in line:
                self.base = "http://127.0.0.1:" + line.rsplit("on port ", 1)[1].strip(" .\n")
                break
        if self.base is None:
            self.close()
            raise RuntimeError("chromedriver did not start")
        options = {"args": [*ARGUMENTS, "--user-data-dir=" + self.profile]}
        value = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": True, "goog:chromeOptions": options}}})
        self.session = "/session/" + value["sessionId"]

    def close(self):
        if self.session:
            try:
                self.ask("DELETE", self.session)
            except (OSError, RuntimeError):
                pass
        self.driver.terminate()
        self.driver.wait(PATIENCE)
        self.driver.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def ask(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from error

    def open(self, address):
        self.ask("POST", self.session + "/url", {"url": address})

    def text(self):
        """What the page shows."""
        return self.ask("POST", self.session + "/execute/sync", {"script": "return document.body.innerText", "args": []})

    def find(self, selector):
        """An element's path, as soon as it is there."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                found = self.ask("POST", self.session + "/element", {"using": "css selector", "value": selector})
                return f"{self.session}/element/{found[ELEMENT]}"
            except RuntimeError as error:
                if time.monotonic() > end:
                    raise RuntimeError(f"no {selector}; the page: {self.text()}") from error
                time.sleep(0.05)

    def type(self, selector, text):
        path = self.find(selector)
        self.ask("POST", path + "/clear")
        self.ask("POST", path + "/value", {"text": text})

    def click(self, selector):
        self.ask("POST", self.find(selector) + "/click")

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE
        while text not in (shown := self.text()):
            if time.monotonic() > end:
                raise RuntimeError(f"{text!r} never came: {shown}")
            time.sleep(0.05)
