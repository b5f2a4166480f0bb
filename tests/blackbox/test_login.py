#!/usr/bin/python3
"""mailbearer login with a browser, against the real daemon and the stand-in for Microsoft's side; and consent-url. The test is the
person and the browser."""

import os
import re
import socket
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, CLIENT_ID  # noqa: E402
from person import (OTHER, LoginTest, get, listeners, setUpModule, tearDownModule)  # noqa: E402

import tap  # noqa: E402

PUBLIC_ID = "0badc0de-1111-4222-8333-444455556666"
NATIVE = "https://login.microsoftonline.com/common/oauth2/nativeclient"


class Browser(LoginTest):
    def test_from_the_first_word_to_the_token(self):
        self.assertIn("mailbearer login " + ACCOUNT, self.world.ask("token " + ACCOUNT)[1])
        with self.login() as run:
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(run.address()).query))
            status, headers, page = self.sign_in(run)
            self.assertEqual(200, status)
            self.assertIn("Signed in", page)
            self.assert_signed_in(run)
        self.assertEqual("https://outlook.office.com/SMTP.Send offline_access openid profile", query["scope"])
        self.assertEqual((CLIENT_ID, "code", "query", "S256", ACCOUNT),
                         tuple(query[name] for name in ("client_id", "response_type", "response_mode",
                                                        "code_challenge_method", "login_hint")))
        self.assertRegex(query["redirect_uri"], r"^http://localhost:[0-9]+$")
        for name, value in {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                            "X-Content-Type-Options": "nosniff"}.items():
            self.assertEqual(value, headers[name])
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotRegex(page, r"(src|href)=|<script")
        self.assertEqual(ACCOUNT, self.world.status()["signed_in_as"])
        self.world.restart()
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])

    def test_no_token_before_the_new_grant_is_proved(self):
        """A login for an account that works: the old grant serves until the new one is there, and is then replaced."""
        files, token = self.make_it_work()
        with self.login() as run:
            location = self.authorize(run.address())
            self.assertEqual((files, token), (self.files(), self.world.ask("token " + ACCOUNT)))
            self.assertEqual(200, get(location)[0])
            self.assert_signed_in(run)
        self.assertNotEqual(token, self.world.ask("token " + ACCOUNT))
        self.assertNotEqual(files, self.files())

    def test_listens_on_loopback_only_and_then_no_more(self):
        with self.login() as run:
            location = self.authorize(run.address())
            port = urllib.parse.urlsplit(location).port
            self.assertEqual({("tcp", "0100007F"), ("tcp6", "00000000000000000000000001000000")}, listeners(port))
            get(location)
            self.assert_signed_in(run)
        self.assertEqual(set(), listeners(port))

    def test_what_is_not_the_answer_ends_nothing(self):
        with self.login() as run:
            location = self.authorize(run.address())
            parts = urllib.parse.urlsplit(location)
            base = f"http://127.0.0.1:{parts.port}"
            self.assertEqual(404, get(base + "/favicon.ico")[0])
            self.assertEqual(405, get(location, "POST")[0])
            for query in ("", "?code=MARKER-x&state=wrong", "?error=access_denied", "?code=a&code=b&state=c",
                          "?code=MARKER-x&state=" + "A" * 43):
                status, _, page = get(base + "/" + query)
                self.assertEqual(400, status, query)
                self.assertNotIn("MARKER", page)
            with socket.create_connection(("127.0.0.1", parts.port)) as idle:  # as Chromium opens them
                with socket.create_connection(("127.0.0.1", parts.port)) as long:
                    long.sendall(b"GET /" + b"x" * 20000)
                    self.assertIn(b"431", long.recv(100))
                self.assertEqual(200, get(location)[0])
                self.assertEqual(b"", idle.recv(1))
            self.assert_signed_in(run)

    def test_same_answer_twice(self):
        with self.login() as run:
            location = self.authorize(run.address())
            self.provider.token_fault("hold", count=1)
            with socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(location).port)) as first:
                first.sendall(f"GET /?{urllib.parse.urlsplit(location).query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                self.provider.wait_for("token/held", 1)
                self.assertEqual(409, get(location)[0])
                self.provider.release()
                self.assertIn(b"200 OK", first.recv(1000))
            self.assert_signed_in(run)

    def test_declined(self):
        before = self.make_it_work()
        self.provider.config(signin_error={"error": "access_denied", "code": 65004,
                                           "text": "User declined <script> to consent."})
        with self.login() as run:
            status, _, page = self.sign_in(run)
            self.assertEqual(400, status)
            self.assertIn("access_denied: AADSTS65004: User declined &#60;script&#62; to consent.", page)
            self.assert_failed(run, "access_denied", "AADSTS65004", "accept what the application asks for",
                               "nothing was changed")
        self.assert_unchanged(before)
        self.assertIn("event=login-failed", self.log())

    def test_code_that_came_too_late(self):
        before = self.make_it_work()
        self.provider.config(code_lifetime=0)
        with self.login() as run:
            self.assertEqual(400, self.sign_in(run)[0])
            self.assert_failed(run, "invalid_grant", "AADSTS70008")
        self.assert_unchanged(before)

    def test_token_endpoint_in_trouble(self):
        before = self.make_it_work()
        self.provider.token_fault("status", status=503, count=1)
        with self.login() as run:
            self.assertEqual(400, self.sign_in(run)[0])
            self.assert_failed(run, "503", "nothing was changed")
        self.assert_unchanged(before)

    def test_somebody_else_signed_in(self):
        self.provider.config(signin_as=OTHER)
        with self.login() as run:
            status, _, page = self.sign_in(run)
            self.assertEqual(200, status)
            self.assertIn(OTHER, page)
            status, _, err = run.end()
        self.assertEqual(0, status)
        self.assertIn(f"it was {OTHER} who signed in, not {ACCOUNT}", err)
        self.assertIn(f"event=other-mailbox signed_in_as={OTHER}", self.log())
        self.assertEqual((OTHER, True), tuple(self.world.status()[key] for key in ("signed_in_as", "other_mailbox")))
        self.assertIn(f"It was {OTHER}", self.world.cli("status").stdout)

    def test_disk_that_cannot_be_written(self):
        before = self.make_it_work()
        self.world.state.chmod(0o500)
        if os.geteuid() == 0:
            os.chown(self.world.state, 0, 0)
            self.world.state.chmod(0o755)
        with self.login() as run:
            self.assertEqual(400, self.sign_in(run)[0])
            self.assert_failed(run, "not_saved", "nothing was changed")
        self.world.state.chmod(0o700)
        self.world.give(self.world.state)
        self.assert_unchanged(before)

    def test_metadata_decides_how_the_client_proves_itself(self):
        self.provider.config(auth_methods=["client_secret_basic"])
        with self.login() as run:
            self.assertEqual(200, self.sign_in(run)[0])
            self.assert_signed_in(run)

    def test_reload_while_somebody_signs_in(self):
        with self.login() as run:
            location = self.authorize(run.address())
            self.assertEqual("OK", self.world.ask("reload ")[0])
            self.assertEqual(200, get(location)[0])
            self.assert_signed_in(run)
        with self.login() as run:
            run.address()
            self.configure(client='scope = "https://outlook.office.com/SMTP.Send offline_access openid"')
            self.assert_failed(run, "the settings changed")

    def test_nothing_secret_is_shown(self):
        self.provider.config(signin_as=OTHER)
        with self.login() as run:
            location = self.authorize(run.address())
            with open(f"/proc/{run.process.pid}/cmdline", "rb") as file:
                words = file.read()
            page = get(location)[2]
            out = run.end()
        shown = "".join(map(str, [page, *out, words, self.world.log(), self.world.status()]))
        self.assertNotIn("MARKER", shown)
        for path in self.world.state.iterdir():
            self.assertNotIn(b"MARKER", path.read_bytes())


class WithoutOfflineAccess(LoginTest):
    client = 'scope = "https://outlook.office.com/SMTP.Send"'

    def test_is_named_with_its_remedy(self):
        before = self.make_it_work()
        with self.login() as run:
            self.assertEqual(400, self.sign_in(run)[0])
            self.assert_failed(run, "no_refresh_token", "add offline_access to scope", "nothing was changed")
        self.assert_unchanged(before)


class RedirectWithAPath(LoginTest):
    client = 'redirect_uri = "http://localhost/auth"'

    def test_path_is_kept(self):
        with self.login() as run:
            location = self.authorize(run.address())
            self.assertRegex(location, r"^http://localhost:[0-9]+/auth\?code=")
            self.assertEqual(404, get(location.replace("/auth?", "/?"))[0])
            self.assertEqual(200, get(location)[0])
            self.assert_signed_in(run)


class NativeClient(LoginTest):
    client = f'redirect_uri = "{NATIVE}"'

    def test_can_only_be_pasted(self):
        with self.login() as run:
            self.assert_failed(run, "redirect_uri " + NATIVE, "--paste")
        with self.login("--paste", given=True) as run:
            location = self.authorize(run.address())
            self.assertTrue(location.startswith(NATIVE + "?code="))
            run.give(location + "\n")
            self.assert_signed_in(run)


class Paste(LoginTest):
    def test_from_a_pipe(self):
        with self.login("--paste", given=True) as run:
            location = self.authorize(run.address())
            self.assertEqual((self.promise("self"), "0"), (self.promise(run.process.pid), self.core_limit(run.process.pid)))
            self.assertTrue(location.startswith("http://localhost/?code="), location)
            run.give(location + "\n")
            self.assert_signed_in(run)

    def promise(self, pid):
        """A browser that comes as a snap, and Postfix's own commands, need the rights of their files: none is given up for
        them."""
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return re.search(r"NoNewPrivs:\s+(\d)", file.read()).group(1)

    def core_limit(self, pid):
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            return re.search(r"Max core file size +(\w+)", file.read()).group(1)

    def test_at_a_terminal_without_a_display_by_itself(self):
        with self.login(terminal=True) as run:
            location = self.authorize(run.address())
            run.until_shown("Address: ")
            run.type("http://localhost/?nonsense\r")
            run.until_shown("copy it whole")
            run.type(location.replace("state=", "state=x") + "\r")
            run.until_shown("the answer to another sign-in")
            run.type(location + "xx\x7f\x7f\r")
            status, out, _ = run.end()
        self.assertEqual(0, status, out)
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])

    def test_wrong_three_times(self):
        before = self.make_it_work()
        with self.login("--paste", given=True) as run:
            run.address()
            run.give("one\ntwo\nthree\nfour\n")
            self.assert_failed(run, "copy it whole")
        self.assert_unchanged(before)

    def test_nothing_comes(self):
        before = self.make_it_work()
        with self.login("--paste") as run:
            self.assert_failed(run, "no address came", "nothing was changed")
        self.assert_unchanged(before)
        self.wait_log("cancelled")

    def test_error_is_pasted(self):
        self.provider.config(signin_error={"error": "access_denied", "code": 90094, "text": "Admin consent is required."})
        with self.login("--paste", given=True) as run:
            run.give(self.authorize(run.address()) + "\n")
            self.assert_failed(run, "AADSTS90094", "mailbearer consent-url")


class ConsentUrl(LoginTest):
    def test_of_a_mailbox_and_of_an_application(self):
        tenant = self.provider.tenant
        self.configure(f'account "{ACCOUNT}" {{ client = "contoso" }}\n'
                       f'client "app" {{ provider = "microsoft" tenant = "{tenant}" client_id = "{PUBLIC_ID}"\n'
                       f'client_secret_file = "{self.world.secret_file}" redirect_uri = "http://localhost/auth" }}\n'
                       f'account "*@app.contoso.com" {{ client = "app" grant = "client_credentials" }}\n')
        self.assertEqual(f"{self.provider.base}/{tenant}/v2.0/adminconsent?client_id={CLIENT_ID}"
                         "&redirect_uri=http%3A%2F%2Flocalhost"
                         "&scope=https%3A%2F%2Foutlook.office.com%2FSMTP.Send%20offline_access\n",
                         self.world.cli("consent-url", ACCOUNT).stdout)
        wanted = (f"https://login.microsoftonline.com/{tenant}/v2.0/adminconsent?client_id={PUBLIC_ID}"
                  "&redirect_uri=http%3A%2F%2Flocalhost%2Fauth&scope=https%3A%2F%2Foutlook.office365.com%2F.default\n")
        self.assertEqual(wanted, self.world.cli("consent-url", "app").stdout)
        self.assertEqual(wanted, self.world.cli("consent-url", "*@app.contoso.com").stdout)
        for name, text in (((), "has 2 clients"), (("nobody",), 'no account and no client "nobody"')):
            got = self.world.cli("consent-url", *name)
            self.assertEqual((1, ""), (got.returncode, got.stdout))
            self.assertIn(text, got.stderr)


if __name__ == "__main__":
    tap.main()
