#!/usr/bin/python3
"""mailbearer import sasl-xoauth2 and email-oauth2-proxy: an installation is taken over, and no secret is shown on the way."""

import grp
import json
import os
import pwd
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, CLI, CLIENT_ID, DAEMON_USER, SOURCE, World  # noqa: E402

import tap  # noqa: E402
from fernet import sections  # noqa: E402
from terminal import Person  # noqa: E402

SECRET = "MARKER-client-secret"
ENDPOINT = "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"
OTHER = "alerts@contoso.com"
PASSWORD = "MARKER pass word \u00e9"


class Takeover(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)

    def file(self, name, **values):
        path = self.world.folder / name
        path.write_text(json.dumps(values))
        return path

    def installation(self, **config):
        return self.file("sasl-xoauth2.conf", **{"client_id": CLIENT_ID, "client_secret": SECRET, "token_endpoint": ENDPOINT,
                                                 "log_full_trace_on_failure": "yes"} | config)

    def run_import(self, config, *arguments):
        got = self.world.cli("import", "sasl-xoauth2", "--config", str(config), *map(str, arguments))
        self.assertNotIn("MARKER", got.stdout + got.stderr)
        return got

    def test_tokens_of_known_accounts_are_imported(self):
        token = self.world.account()
        tokens = self.file("relay.json", user=ACCOUNT, access_token="MARKER-AT", expiry="1", refresh_token=token,
                           refresh_window="0")
        self.world.start()
        got = self.run_import(self.installation(), tokens)
        self.assertEqual((0, True), (got.returncode, f"{ACCOUNT}: imported" in got.stderr), got.stderr)
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])
        self.assertIn('tenant = "contoso.onmicrosoft.com"', got.stdout)
        self.assertIn('client_secret_file = "', got.stdout)
        self.assertNotIn("min_validity", got.stdout)
        self.assertNotIn("MARKER", self.world.log())

    def test_what_is_printed_is_a_configuration(self):
        one = self.file("one@contoso.com", refresh_token="MARKER-RT-1", access_token="", expiry=0)
        two = self.file("two.json", user=OTHER, refresh_token="MARKER-RT-2", refresh_window=600)
        three = self.file("three.json", user="c@example.com", refresh_token="MARKER-RT-3", client_id="other", client_secret="",
                          token_endpoint="https://oauth2.googleapis.com/token", proxy="http://proxy.example:3128")
        folder = self.world.folder / "secrets"
        folder.mkdir()
        got = self.run_import(self.installation(), "--write-secrets", folder, one, two, three)
        self.assertEqual(3, got.returncode)
        self.assertIn("3 of 3 accounts did not get their refresh token", got.stderr)
        self.assertEqual(2, got.stdout.count('client "imported-'))
        self.assertIn("min_validity = 600", got.stdout)
        secret, = folder.iterdir()
        self.assertEqual((SECRET + "\n", 0o600), (secret.read_text(), secret.stat().st_mode & 0o777))
        self.world.conf.write_text(got.stdout.replace('provider = "google"', 'provider = "google" client_secret_file = '
                                                      f'"{self.world.secret_file}"')
                                   + f'tokend {{ seal_key_file = "{self.world.seal_key}" user = "{DAEMON_USER}" }}\n')
        self.world.give(secret)
        folder.chmod(0o755)
        check = self.world.cli("check-config")
        self.assertEqual(0, check.returncode, check.stderr)

        again = self.run_import(self.installation(), "--write-secrets", folder, one, two, three)
        self.assertEqual((3, got.stdout), (again.returncode, again.stdout), again.stderr)
        other = self.run_import(self.installation(client_secret="MARKER-2"), "--write-secrets", folder, one)
        self.assertEqual((1, True), (other.returncode, "holds something else" in other.stderr), other.stderr)
        self.assertEqual(SECRET + "\n", secret.read_text())

    def test_an_account_that_tokend_does_not_know_is_said(self):
        token = self.world.account()
        known = self.file("relay.json", user=ACCOUNT, refresh_token=token)
        unknown = self.file("unknown.json", user="nobody@contoso.com", refresh_token="MARKER-RT")
        self.world.start()
        got = self.run_import(self.installation(), unknown, known)
        self.assertEqual((1, True), (got.returncode, f"{ACCOUNT}: imported" in got.stderr), got.stderr)
        self.assertIn("nobody@contoso.com: ", got.stderr)
        self.assertIn("1 of 2 accounts did not get their refresh token", got.stderr)
        self.assertEqual(2, got.stdout.count("account \""))
        self.assertNotIn("MARKER", self.world.log())

    def test_what_cannot_be_taken_over_is_named(self):
        huge = self.world.folder / "huge.json"
        huge.write_text('{"refresh_token": "MARKER' + "x" * 1024 * 1024 + '"}')
        torn = self.world.folder / "torn.json"
        torn.write_text('{"refresh_token": "MARKER')
        pipe = self.world.folder / "pipe"
        os.mkfifo(pipe)
        good = self.file("good.json", user=ACCOUNT, refresh_token="MARKER")
        rows = (({}, [self.file("nobody.json", refresh_token="MARKER")], "add \"user\""),
                ({}, [self.file("a@b.json", access_token="MARKER")], "has no refresh_token"),
                ({}, [self.world.folder / "missing"], "missing"),
                ({}, ["/dev/zero"], "not a regular file"),
                ({}, [pipe], "not a regular file"),
                ({}, [huge], "larger than"),
                ({}, [torn], "torn.json"),
                ({}, [good, good], "of the same account"),
                ({"client_secret": "MARKER" + "x" * 65536}, [good], "a secret is larger"),
                ({"proxy": "http://user:MARKER@proxy:3128"}, [good], "holds a name or a password"),
                ({"client_id": "MARKER\"}"}, [good], "client_id"))
        for values, tokens, said in rows:
            with self.subTest(said):
                got = self.run_import(self.installation(**values), *tokens)
                self.assertEqual((1, "", True), (got.returncode, got.stdout, said in got.stderr), got.stderr)
        self.assertEqual(2, self.run_import(self.installation()).returncode)
        many = self.run_import(self.installation(), *[good] * 65)
        self.assertEqual((2, True), (many.returncode, "give fewer at a time" in many.stderr), many.stderr)

    # --- email-oauth2-proxy ---

    def proxy_file(self, *parts, name="emailproxy.config"):
        path = self.world.folder / name
        path.write_text("[Server setup]\ndocumentation = text\n\tthat goes on\n\n[SMTP-1587]\nserver_address = x\n\n" + "".join(parts))
        return path

    def proxy_account(self, account, **values):
        return sections(account, values.pop("password", PASSWORD), client_id=CLIENT_ID, token_url=ENDPOINT, **values)

    def run_proxy(self, *arguments, given=PASSWORD + "\n"):
        got = self.world.cli("import", "email-oauth2-proxy", *map(str, arguments), given=given)
        self.assertNotIn("MARKER", got.stdout + got.stderr)
        return got

    def test_tokens_of_the_proxy_are_imported(self):
        """They were encrypted with the password that mail clients send to the proxy; then tokend refreshes with them."""
        world = self.world
        tokens = {account: world.account(account) for account in (ACCOUNT, OTHER)}
        accounts = "".join(f'account "{account}" {{ client = "contoso" }}\n' for account in tokens)
        world.write(conf=accounts)
        path = self.proxy_file(
            *(self.proxy_account(account, refresh_token_sealed=token, access_token_sealed="MARKER-AT") for account, token in
              tokens.items()),
            "[your.office365.or.outlook.address@example.com]\nclient_id = *** your client id here ***\n")
        world.start()
        got = self.run_proxy(path)
        self.assertEqual(0, got.returncode, got.stderr)
        for account in tokens:
            self.assertIn(f"{account}: imported", got.stderr)
            self.assertEqual("OK", world.ask("token " + account)[0])
        self.assertIn("your.office365.or.outlook.address@example.com: has no token and is left out", got.stderr)
        self.assertEqual(1, got.stdout.count("client \"imported-"))
        self.assertIn('tenant = "contoso.onmicrosoft.com"', got.stdout)
        self.assertNotIn("MARKER", world.log())

    def test_secrets_of_the_proxy_are_written(self):
        """Plain and encrypted ones, from a file of tokens of its own too, by the iterations of an old version."""
        folder = self.world.folder / "secrets"
        folder.mkdir(mode=0o755)
        path = self.proxy_file(f"[{ACCOUNT}]\nclient_id = {CLIENT_ID}\ntoken_url = {ENDPOINT}\n\n",
                               f"[@factory.contoso.com]\noauth2_flow = client_credentials\nclient_id = {CLIENT_ID}\n"
                               f"token_url = {ENDPOINT}\nclient_secret = MARKER-plain\n\n")
        cache = self.proxy_file(sections(ACCOUNT, PASSWORD, 100000, said=False, refresh_token_sealed="MARKER-RT",
                                         client_secret_encrypted_sealed=SECRET), name="cache")
        got = self.run_proxy("--write-secrets", folder, "--cache-store", cache, path, ACCOUNT, "@factory.contoso.com")
        self.assertEqual(3, got.returncode, got.stderr)
        self.assertEqual({SECRET, "MARKER-plain"}, {secret.read_text().strip() for secret in folder.iterdir()})
        self.assertEqual({0o600}, {secret.stat().st_mode & 0o777 for secret in folder.iterdir()})
        for secret in folder.iterdir():
            self.world.give(secret)
        self.assertIn('account "*@factory.contoso.com"', got.stdout)
        self.world.conf.write_text(got.stdout + f'tokend {{ seal_key_file = "{self.world.seal_key}" user = "{DAEMON_USER}" }}\n')
        check = self.world.cli("check-config")
        self.assertEqual(0, check.returncode, check.stderr)

    def test_a_password_is_asked_for_until_it_is_right(self):
        """On a terminal, unseen; Enter is the one before."""
        path = self.proxy_file(self.proxy_account(ACCOUNT, refresh_token_sealed="MARKER-1"),
                               self.proxy_account(OTHER, refresh_token_sealed="MARKER-2"))
        person = Person([CLI, "-c", self.world.conf, "import", "email-oauth2-proxy", path], self.world.environment())
        self.addCleanup(person.close)
        prompt = "Password with which {} logs in at the proxy"
        person.answer(prompt.format(ACCOUNT), "MARKER-wrong")
        person.until(f"{ACCOUNT}: it was encrypted with another password, or is damaged")
        person.answer(prompt.format(ACCOUNT), PASSWORD)
        person.answer(prompt.format(OTHER) + " (Enter")
        status, seen = person.end()
        self.assertEqual(3, status, seen)
        self.assertIn(f'account "{OTHER}"', seen)
        self.assertNotIn("MARKER", seen)

    def test_what_of_the_proxy_cannot_be_taken_over_is_named(self):
        good = self.proxy_account(ACCOUNT, refresh_token_sealed="MARKER")
        for parts, arguments, said in (((good,), (OTHER,), "no section has that name"),
                                       ((), (), "no account in it has a token"),
                                       (("MARKER\n",), (), "line 8: neither a section nor a key"),
                                       ((good,), (ACCOUNT, ACCOUNT), "of the same account"),
                                       ((good.replace("token_salt", "salt"),), (), "token_salt or token_iterations"),
                                       ((self.proxy_account(ACCOUNT, password="x", refresh_token_sealed="MARKER"),), (),
                                        "encrypted with another password")):
            with self.subTest(said):
                got = self.run_proxy(self.proxy_file(*parts), *arguments)
                self.assertEqual((1, "", True), (got.returncode, got.stdout, said in got.stderr), got.stderr)
        self.assertEqual(2, self.run_proxy().returncode)
        self.assertEqual(1, self.run_proxy(self.proxy_file(good), given="").returncode)

    # --- the manual ---

    def page(self, heading):
        """The commands of a section of mailbearer-migrate(7), as they stand there. What is left out is the mail server's."""
        page = (SOURCE / "man/mailbearer-migrate.7").read_text(encoding="utf-8")
        section = page.split(f".Sh {heading}\n", 1)[1].split(".Sh ", 1)[0]
        lines = "\n".join(re.findall(r"(?s)^\.Bd -literal[^\n]*\n(.*?)^\.Ed", section, re.M)).replace("\\e\n", "").splitlines()
        ours = [line for line in lines if line and not line.startswith(("apt-get ", "postfix ", "mailbearer postfix-config "))]
        self.assertEqual("mailbearer check relay@contoso.com", ours.pop())  # test_check.py's
        return ours

    def follow(self, heading, given=""):
        """From nothing to a working account. The first command fails, since tokend does not know the account yet."""
        world, group = self.world, grp.getgrgid(pwd.getpwnam(DAEMON_USER).pw_gid).gr_name
        (world.folder / "bin").mkdir()
        wrapper = world.folder / "bin" / "mailbearer"
        wrapper.write_text(f'#!/bin/sh\nexec {CLI} -c {world.conf} "$@"\n')
        wrapper.chmod(0o755)
        for number, line in enumerate(self.page(heading)):
            line = line.replace("chgrp mailbearer ", f"chgrp {group} ").replace("/etc/", f"{world.folder}/")
            got = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=60, check=False, input=given,
                                 env={**world.environment(), "PATH": f"{wrapper.parent}:/usr/bin:/bin"})
            self.assertEqual(number == 0, got.returncode != 0, f"{line}: {got.stdout}{got.stderr}")
            self.assertNotIn("MARKER", got.stdout + got.stderr)
            if number == 0:
                self.trust()
        self.assertRegex(got.stdout, rf"{ACCOUNT} +fresh")

    def trust(self):
        """The stand-in has a certificate of its own, of which the proxy's file can say nothing."""
        text = self.world.conf.read_text()
        if "ca_file" not in text:
            self.world.conf.write_text(text.replace("    client_id", f'    ca_file = "{self.world.provider.ca_file}"\n    client_id'))

    def prepared(self):
        """A machine with tokend that knows no account; a refresh token of the account's."""
        self.world.account(secret=SECRET)
        token = self.world.account(secret=SECRET)
        (self.world.folder / "mailbearer").mkdir()
        (self.world.folder / "mailbearer").chmod(0o755)
        self.write_without_accounts()
        self.world.start()
        return token

    def test_the_manual_from_sasl_xoauth2(self):
        (self.world.folder / "tokens").mkdir()
        self.file(f"tokens/{ACCOUNT}", refresh_token=self.prepared())
        self.installation(token_endpoint=self.world.provider.token_endpoint, ca_bundle_file=self.world.provider.ca_file)
        self.follow("FROM SASL-XOAUTH2")

    def test_the_manual_from_email_oauth2_proxy(self):
        self.proxy_file(sections(ACCOUNT, PASSWORD, client_id=CLIENT_ID, token_url=self.world.provider.token_endpoint,
                                 client_secret=SECRET, redirect_uri="http://localhost", refresh_token_sealed=self.prepared()))
        self.follow("FROM EMAIL-OAUTH2-PROXY", PASSWORD + "\n")

    def write_without_accounts(self):
        world = self.world
        world.conf = world.folder / "mailbearer" / "mailbearer.conf"
        world.conf.write_text(world.tokend_section())
        world.conf.chmod(0o644)


if __name__ == "__main__":
    tap.main()
