#!/usr/bin/python3
"""The token endpoint, its network and its DNS fail in every way that could be thought of, one after another, under one
daemon. After each: the token that is still good is served, the grant is on disk, one line of the log names the cause and what
to do, and the next good answer heals. At the end memory and descriptors are where they were."""

import json
import os
import re
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, CLIENT_ID, SANITIZED, TIMEOUT, World  # noqa: E402

import tap  # noqa: E402

DEEP = '{"token_type":"Bearer","expires_in":3599,"access_token":"eyJa","x":' + "[" * 100000 + "]" * 100000 + "}"
GOOD = '{"token_type":"Bearer","expires_in":3599,"access_token":"eyJa"%s}'
FAR = 10 ** 30
GROWTH_KIB = 4096 if SANITIZED else 512
HUGE_PEAK_KIB = 16 * 1024

# (what it is, the stand-in's fault, what the answer and the log say of it)
NONSENSE = (
    ("HTML with 200", {"kind": "html"}, "captive portal"),
    ("HTML with 407", {"kind": "html", "status": 407}, "captive portal"),
    ("HTML with 503", {"kind": "html", "status": 503}, "HTTP 503"),
    ("every byte there is", {"kind": "garbage"}, "cannot be understood"),
    ("no HTTP", {"kind": "not_http"}, "does not speak HTTP"),
    ("nothing, with 200", {"kind": "empty"}, "is empty"),
    ("cut by the network", {"kind": "truncated"}, "no answer from localhost"),
    ("cut by the server", {"kind": "cut_json"}, "ends too early"),
    ("50 MB", {"kind": "huge"}, "answered with more than"),
    ("wrong types", {"kind": "wrong_types"}, "no access_token"),
    ("no token", {"kind": "no_token"}, "no access_token"),
    ("an escaped NUL in the token", {"kind": "nul"}, "NUL in a string"),
    ("a bare NUL in the token", {"kind": "raw", "text": GOOD.replace("eyJa", "ey\0a") % ""}, "cannot be understood"),
    ("NULs only", {"kind": "raw", "text": "\0" * 4096}, "cannot be understood"),
    ("a key twice", {"kind": "duplicate_keys"}, "stands twice"),
    ("100,000 levels", {"kind": "raw", "text": DEEP}, "nested deeper"),
    ("an array", {"kind": "raw", "text": "[" + GOOD % "" + "]"}, "not an object"),
    ("more behind it", {"kind": "raw", "text": GOOD % "" + "{}"}, "follows after its end"),
    ("not UTF-8", {"kind": "raw", "text": GOOD % ',"x":"\xff\xfe"'}, "not UTF-8"),
    ("a number out of range", {"kind": "raw", "text": GOOD % f',"x":{FAR}'}, "out of range"),
    ("expires_in out of range", {"kind": "answer", "values": {"expires_in": FAR}}, "out of range"),
    ("expires_in negative", {"kind": "answer", "values": {"expires_in": -3599}}, "expired already"),
    ("expires_in least", {"kind": "answer", "values": {"expires_in": -2 ** 63}}, "expired already"),
    ("expires_in 0", {"kind": "answer", "values": {"expires_in": 0}}, "expired already"),
    ("token_type MAC", {"kind": "answer", "values": {"token_type": "MAC"}}, "token_type is not Bearer"),
    ("no token_type", {"kind": "answer", "drop": ["token_type"]}, "token_type is not Bearer"),
    ("a token with a line end", {"kind": "answer", "values": {"access_token": "eyJ\r\nX"}}, "characters that no token may"),
    ("a token with ^A", {"kind": "answer", "values": {"access_token": "eyJ\x01auth=x"}}, "cannot be understood|characters"),
    ("a token of 70,000", {"kind": "answer", "values": {"access_token": "e" * 70000}}, "longer than 65536|more than"),
    ("an empty token", {"kind": "answer", "values": {"access_token": ""}}, "no access_token"),
    ("a redirection", {"kind": "redirect", "location": "http://127.0.0.1:1/"}, "HTTP 307"),
    ("reset before the answer", {"kind": "reset"}, "no answer from localhost"),
    ("reset in the answer", {"kind": "reset_body"}, "no answer from localhost"),
    ("closed", {"kind": "close"}, "no answer from localhost"),
    ("500", {"kind": "status", "status": 500}, "HTTP 500"),
    ("502", {"kind": "status", "status": 502, "body": "Bad Gateway"}, "HTTP 502"),
    ("503", {"kind": "status", "status": 503}, "HTTP 503"),
    ("204", {"kind": "status", "status": 204}, "HTTP 204"),
    ("429", {"kind": "status", "status": 429}, "HTTP 429"),
    ("an OAuth error that passes", {"kind": "error", "error": "temporarily_unavailable", "status": 503}, "temporarily_un"),
    ("an error with everything in it", {"kind": "error", "error": "server_error", "text": "\r\n\x1b[2J%s%n" * 50},
     "server_error"),
)

# Each takes client.timeout. On a busy machine the second may be over in an earlier phase.
SOON, OVER = "timeout = 1", "timed out after 1 s"
HANGING = (
    ("before TLS", {"kind": "hang_connect"}, "TLS handshake"),
    ("before the headers", {"kind": "hang_headers"}, "waiting for the answer"),
    ("a header now and then", {"kind": "slow_headers"}, "waiting for the answer"),
    ("in the body", {"kind": "hang_body"}, "waiting for the answer"),
    ("a byte now and then", {"kind": "slow"}, "waiting for the answer"),
)

CERTIFICATES = (("expired", "has expired"), ("wrong_name", "not for that name"), ("other_ca", "CA that is not in"))

# Retry-After and the bounds, in seconds, of the pause that it leads to. First pauses are 0.75 to 1.25 s.
RETRY_AFTER = (
    ("0", 1, 2), ("1", 1, 2), ("30", 29, 30), ("120", 118, 120), ("-5", 1, 2), ("soon", 1, 2), ("", 1, 2),
    ("99999999999999999999999", 1, 3600), ("3601", 3590, 3600), ("9223372036854775807", 1, 3600), ("1e3", 1, 2),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 1, 2), ("Fri, 31 Dec 2100 23:59:59 GMT", 3590, 3600), ("Fri, 99 Foo 2100", 1, 2),
    ("30, 60", 1, 60), ("30\t", 1, 30),
)

# expires_in, and how long the token is then good for, at the most
LIVES = (
    ({"values": {"expires_in": 3599}}, 3599), ({"values": {"expires_in": "3599"}}, 3599), ({"drop": ["expires_in"]}, 300),
    ({"values": {"expires_in": 2 ** 62}}, 172800), ({"values": {"expires_in": "soon"}}, 300), ({"values": {"expires_in": None}}, 300),
    ({"values": {"expires_in": 3599.5}}, 300), ({"values": {"expires_in": [1]}}, 300), ({"values": {"expires_in": "9" * 40}}, 300),
    ({"values": {"expires_in": 3599, "refresh_token": 7}}, 3599), ({"values": {"token_type": "bearer"}}, 3599),
    ({"values": {"refresh_token": ""}}, 3599), ({"values": {"refresh_token": "r" * 70000}}, 3599),
)


class Endpoint(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.provider = self.world.provider
        # Each request makes its own connection, so that a fault meets each phase of one.
        self.provider.config(token_keep_alive=False)
        self.world.start()
        self.world.sign_in()
        self.heals()

    def fails(self, fault, says, event="event=refresh-failed"):
        """One forced refresh, under the fault. What must hold while it lasts."""
        served, lines = self.world.ask("token " + ACCOUNT), len(self.world.log())
        if fault is not None:
            self.provider.token_fault(**fault)
        text = self.refused(says)
        self.assertRegex(text, says)
        self.assertEqual(served, self.world.ask("token " + ACCOUNT), "the good token is served on")
        self.assertFalse(self.world.wait_state("backoff")["unsaved"])
        self.assertEqual(1, len(list(self.world.state.glob("*.grant"))))
        told = [line for line in self.world.log()[lines:].splitlines() if event in line]
        self.assertGreaterEqual(len(told), 1)
        for line in told:  # it may have tried again by itself meanwhile
            self.assertTrue(re.search(says, line) or OVER in line, line)
            self.assertIn(ACCOUNT, line)
            self.assertIn('remedy="', line)
            self.assertNotIn("MARKER", line)
        self.assertIsNone(self.world.daemon.poll())

    def refused(self, says):
        """What a forced refresh is answered."""
        while True:
            word, text = self.world.ask("refresh " + ACCOUNT)
            self.assertEqual("TEMP", word, text)
            if re.search(says, text) or OVER not in text:
                return text

    def heals(self):
        self.provider.token_fault(None)
        self.provider.release()
        self.world.refreshes()
        status = self.world.status()
        self.assertEqual(("fresh", 0, ""), (status["state"], status["failures"], status["last_error"]))

    def round(self, rows, row):
        for name, fault, says in rows:
            tap.tried(row)
            with self.subTest(name):
                self.fails(fault, says)
                self.heals()

    def grant_is_whole(self):
        self.world.kill()
        self.world.start()
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])

    def files_are_back_at(self, number):
        self.world.wait(lambda: self.world.open_files() <= number, f"no more than {number} descriptors")

    def test_nonsense(self):
        self.round(NONSENSE, "nonsense")
        files, memory = self.world.open_files(), self.world.memory()
        self.round(NONSENSE, "nonsense")
        self.files_are_back_at(files)
        self.assertLess(self.world.memory() - memory, GROWTH_KIB)
        self.grant_is_whole()

    def test_huge_answers_are_not_kept(self):
        before = self.world.memory()
        tap.tried("nonsense")
        self.fails({"kind": "huge"}, "answered with more than")
        self.assertLess(self.world.memory("VmHWM") - before, HUGE_PEAK_KIB)
        self.provider.wait_for("token/huge_ended", 1)
        self.assertLess(self.provider.count("token/huge_sent"), 50 * 1024 * 1024)

    def test_hanging_in_each_phase(self):
        self.world.conf.write_text(self.world.conf.read_text().replace(TIMEOUT, SOON))
        self.assertEqual("OK", self.world.ask("reload ")[0])
        self.heals()
        files = self.world.open_files()
        self.round(HANGING, "hanging")
        self.files_are_back_at(files)
        self.grant_is_whole()

    def test_certificates(self):
        for kind, says in CERTIFICATES:
            tap.tried("certificate")
            with self.subTest(kind):
                self.provider.config(token_certificate=kind)
                self.fails(None, says)
                self.provider.config(token_certificate="good")
                self.heals()
        tap.tried("certificate")
        self.provider.config(token_tls_max="1.1")
        self.fails(None, "no TLS 1.2 or newer")
        self.provider.config(token_tls_max="")
        self.heals()

    def test_retry_after(self):
        for status in (429, 503):
            for value, least, most in RETRY_AFTER:
                tap.tried("429 and 503")
                with self.subTest(f"{status}, {value}"):
                    began = time.monotonic()
                    self.fails({"kind": "status", "status": status, "retry_after": value}, f"HTTP {status}")
                    self.provider.token_fault(None)
                    pause = self.world.status()["next_try_in"] or 0
                    self.assertLessEqual(pause, most)
                    if least > 2:
                        self.assertGreaterEqual(pause, least - 1 - (time.monotonic() - began))
                    self.heals()

    def test_lives_of_tokens(self):
        for fault, most in LIVES:
            tap.tried("nonsense")
            with self.subTest(json.dumps(fault)[:60]):
                self.provider.token_fault("answer", when="after", **fault)
                word, text = self.world.ask("refresh " + ACCOUNT)
                self.assertEqual("OK", word, text)
                valid = self.world.status()["token_valid_for"]
                self.assertLessEqual(valid, most)
                self.assertGreater(valid, most - 60)
        self.heals()
        self.grant_is_whole()

    def test_token_that_lives_too_short_is_never_served(self):
        tap.tried("nonsense")
        self.provider.token_fault("answer", values={"expires_in": 59})
        word, text = self.world.ask("refresh " + ACCOUNT)
        self.assertEqual("TEMP", word)
        self.assertIn("min_validity is 60 s", text)
        self.assertNotIn("never-to-be-served", " ".join(self.world.ask("token " + ACCOUNT)))
        self.heals()

    def test_heals_by_itself(self):
        tap.tried("nonsense")
        self.provider.token_fault("reset")
        self.assertEqual("TEMP", self.world.ask("refresh " + ACCOUNT)[0])
        self.provider.token_fault(None)
        self.world.wait(lambda: self.world.status()["state"] == "fresh", "a try that nobody asked for")


class Network(unittest.TestCase):
    """What lies between: the endpoint is named in the configuration, so that the test owns its address."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.good = self.world.conf.read_text().replace(
            f'metadata_url = "{self.world.provider.metadata_url}"', f'token_endpoint = "{self.world.provider.token_endpoint}"')
        self.world.conf.write_text(self.good)
        self.world.start()
        self.world.sign_in()

    def behind(self, endpoint, timeout=TIMEOUT):
        self.world.conf.write_text(self.good.replace(self.world.provider.token_endpoint, endpoint).replace(TIMEOUT, timeout))
        self.assertEqual("OK", self.world.ask("reload ")[0])
        return self.world.ask("refresh " + ACCOUNT)

    def heals(self):
        self.world.conf.write_text(self.good)
        self.assertEqual("OK", self.world.ask("reload ")[0])
        self.world.refreshes()

    def test_refused(self):
        tap.tried("certificate")
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            word, text = self.behind(f"https://127.0.0.1:{nobody.getsockname()[1]}/token")
        self.assertEqual("TEMP", word)
        self.assertIn("cannot connect to 127.0.0.1", text)
        self.heals()

    def test_hanging_while_it_connects(self):
        """A full queue: the system neither accepts nor refuses."""
        tap.tried("hanging")
        full = socket.socket()
        self.addCleanup(full.close)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = socket.socket()
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        word, text = self.behind(f"https://127.0.0.1:{full.getsockname()[1]}/token", SOON)
        self.assertEqual("TEMP", word)
        self.assertIn("timed out after 1 s while connecting", text)
        self.heals()

    def test_speaks_no_tls(self):
        tap.tried("certificate")
        smtp = self.world.provider.smtp_port
        word, text = self.behind(f"https://127.0.0.1:{smtp}/token")
        self.assertEqual("TEMP", word)
        self.assertIn("no TLS", text)
        self.heals()

    def test_another_clients_secret_is_not_sent_anywhere_else(self):
        """The redirection of a fault is not followed, so nothing ever comes to the stand-in's control port."""
        tap.tried("nonsense")
        self.world.provider.token_fault("redirect", location=f"http://127.0.0.1:{self.world.provider.control_port}/x", count=1)
        self.assertEqual("TEMP", self.world.ask("refresh " + ACCOUNT)[0])
        self.assertEqual(0, self.world.provider.count("control/not_found"))
        self.assertNotIn(CLIENT_ID, self.world.log())
        self.heals()


if __name__ == "__main__":
    tap.main()
