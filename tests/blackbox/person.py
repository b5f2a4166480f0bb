"""What the tests of mailbearer login share: a person with a browser and a terminal, and a world in which they sign in."""

import http.client
import os
import pty
import re
import select
import ssl
import subprocess
import unittest
import urllib.parse

from harness import ACCOUNT, CLI, PATIENCE, World

OTHER = "somebody@contoso.com"


class Run:
    """mailbearer login, running. Its terminal, if it has one, is the test's."""

    def __init__(self, world, *arguments, terminal=False, given=None, env=None):
        self.master = None
        stdin, tty = subprocess.DEVNULL, None
        if terminal:
            self.master, tty = pty.openpty()
            stdin = tty
        elif given is not None:
            stdin = subprocess.PIPE
        self.process = subprocess.Popen([CLI, "-c", world.conf, "login", *arguments], stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=tty or subprocess.PIPE, env=world.environment() | (env or {}),
                                        start_new_session=terminal)
        if tty is not None:
            os.close(tty)
        self.out, self.shown = b"", b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        if self.master is not None:
            os.close(self.master)

    def read(self, descriptor):
        ready, _, _ = select.select([descriptor], [], [], PATIENCE)
        if not ready:
            raise AssertionError(f"nothing came; so far: {self.out!r} {self.shown!r}")
        try:
            return os.read(descriptor, 65536)
        except OSError:
            return b""

    def until(self, pattern):
        """The match of the pattern in its standard output."""
        while not (match := re.search(pattern, self.out.decode(errors="ignore"))):  # a letter may have come in part
            piece = self.read(self.process.stdout.fileno())
            if not piece:
                raise AssertionError(f"it ended: {self.out!r}, {self.end()}")
            self.out += piece
        return match

    def until_shown(self, text):
        while text.encode() not in self.shown:
            piece = self.read(self.master)
            if not piece:
                raise AssertionError(f"it ended without {text!r}: {self.shown!r}")
            self.shown += piece

    def address(self):
        return self.until(r"\n  (https://\S+)\n")[1]

    def code(self):
        return self.until(r"\n  ([A-Z0-9]{9})\n")[1]

    def type(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.master, data):]

    def give(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.close()
        self.process.stdin = None

    def end(self):
        """(exit status, standard output, standard error)"""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (self.out + out).decode(), (err or b"").decode()


def get(url, method="GET"):
    """(status, headers, body) of the sign-in's own listener."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
    try:
        connection.request(method, (parts.path or "/") + ("?" + parts.query if parts.query else ""))
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def authorize(provider, address):
    """What the browser is sent to, or the page that it shows."""
    parts = urllib.parse.urlsplit(address)
    context = ssl.create_default_context(cafile=provider.ca_file)
    connection = http.client.HTTPSConnection("localhost", parts.port, timeout=PATIENCE, context=context)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        body = response.read().decode()
        return response.headers.get("Location") or body
    finally:
        connection.close()


def listeners(port):
    """{(protocol, local address in hexadecimal)} of the sockets that listen at the port."""
    found = set()
    for protocol in ("tcp", "tcp6"):
        with open("/proc/net/" + protocol, encoding="ascii") as file:
            rows = [line.split() for line in file.read().splitlines()[1:]]
        found |= {(protocol, row[1].split(":")[0]) for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    return found


def caught(pid):
    """The signals that the process has handlers for."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        mask = int(re.search(r"^SigCgt:\s*([0-9a-f]+)", file.read(), re.M)[1], 16)
    return {signo for signo in range(1, 32) if mask >> (signo - 1) & 1}


WORLDS = []


def setUpModule():
    """One world for all: each test starts with an account that nobody has signed in for."""
    WORLDS.append(World())
    WORLDS[0].start()


def tearDownModule():
    WORLDS.pop().close()


class LoginTest(unittest.TestCase):
    client = ""

    def setUp(self):
        self.world = WORLDS[0]
        self.provider = self.world.provider
        self.provider.reset(accounts=True)
        self.first_token = self.world.account()
        self.world.account(OTHER)
        self.configure(client=self.client)
        self.assertEqual("OK", self.world.ask("forget " + ACCOUNT)[0])
        self.log_before = len(self.world.log())

    def configure(self, conf=None, client=""):
        self.world.write(conf=conf, client=client)
        word, text = self.world.ask("reload ")
        self.assertEqual("OK", word, text)

    def log(self):
        return self.world.log()[self.log_before:]

    def wait_log(self, text):
        self.world.wait_log(text, after=self.log_before)

    def login(self, *arguments, **options):
        return Run(self.world, ACCOUNT, *arguments, **options)

    def authorize(self, address):
        return authorize(self.provider, address)

    def sign_in(self, run):
        """As a person with a browser does; the page that they see at the end."""
        return get(self.authorize(run.address()))

    def assert_signed_in(self, run):
        status, out, err = run.end()
        self.assertEqual((0, ""), (status, err), out)
        self.assertRegex(out.splitlines()[-1], rf"^{ACCOUNT}: saved; token good for [0-9]+ s$")
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])

    def assert_failed(self, run, *texts):
        status, out, err = run.end()
        self.assertEqual(1, status, out + err)
        for text in texts:
            self.assertIn(text, err)

    def files(self):
        return {path.name: path.read_bytes() for path in self.world.state.iterdir()}

    def make_it_work(self):
        """The account works already; what must be found unchanged."""
        word, text = self.world.ask(f"import {ACCOUNT} {self.first_token}")
        self.assertEqual("OK", word, text)
        return self.files(), self.world.ask("token " + ACCOUNT)

    def assert_unchanged(self, before):
        self.assertEqual(before, (self.files(), self.world.ask("token " + ACCOUNT)))
        self.assertEqual("fresh", self.world.status()["state"])
