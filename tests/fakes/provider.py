"""Starts tests/fakes/microsoft.py and speaks to its control port. Used by every ring that wants the provider's side."""

import http.client
import json
import subprocess
import sys
import urllib.parse
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "microsoft.py"


class ProviderError(Exception):
    """The stand-in did not start, or did not take what it was told."""


class Provider:
    """A running stand-in. What it says at its start (token_port, smtp_port, metadata_url, ca_file, ...) are attributes."""

    def __init__(self, folder, *arguments):
        command = [sys.executable, "-B", str(PROGRAM), "--directory", str(folder), "--until-eof", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise ProviderError(f"the stand-in did not start: exit {self.process.returncode}")
        self.__dict__.update(json.loads(line))

    def close(self):
        """Its standard input ends, and so does it; also when we are killed."""
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _ask(self, method, path, values=None, timeout=90):
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=timeout)
        try:
            connection.request(method, path, None if values is None else json.dumps(values))
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ProviderError(f"{path}: {answer['error']}")
        return answer

    # --- setting up ---

    def config(self, **values):
        self._ask("POST", "/config", values)

    def token_fault(self, kind, **values):
        """None: the fault is over."""
        self.config(token_fault=None if kind is None else dict(values, kind=kind))

    def account(self, user, **values):
        """Makes or replaces it; returns its refresh token, or None for an app's."""
        return self._ask("POST", "/account", dict(values, user=user))["refresh_token"]

    def revoke(self, **values):
        self._ask("POST", "/revoke", values)

    def device(self, user_code, user):
        """user None: declines."""
        self._ask("POST", "/device", {"user_code": user_code, "user": user})

    def release(self):
        self._ask("POST", "/release", {})

    def reset(self, accounts=False):
        self._ask("POST", "/reset", {"accounts": accounts})

    # --- looking ---

    def stats(self):
        return self._ask("GET", "/stats")

    def count(self, path):
        return self.stats().get(path, 0)

    def wait_for(self, path, at_least, timeout=60):
        """The counter, once it is that high; an error if it does not get there."""
        query = urllib.parse.urlencode({"path": path, "at_least": at_least, "timeout": timeout})
        value = self._ask("GET", "/wait?" + query)["value"]
        if value < at_least:
            raise ProviderError(f"{path} is {value} after {timeout} s, not {at_least}")
        return value

    def wait_until_down(self, path, at_most, timeout=60):
        query = urllib.parse.urlencode({"path": path, "at_most": at_most, "timeout": timeout})
        value = self._ask("GET", "/wait?" + query)["value"]
        if value > at_most:
            raise ProviderError(f"{path} is still {value} after {timeout} s")

    def messages(self, since=0, bodies=True):
        return self._ask("GET", f"/messages?since={since}&bodies={int(bodies)}")

    def secrets(self):
        return self._ask("GET", "/secrets")
