#!/usr/bin/python3
"""From an installed Mailbearer and a Postfix that knows nothing of it to the first mail that the mail server has taken: by
`mailbearer setup` alone, which writes every file, starts tokend, and sends. Counts the commands."""

import os
import re
import shutil
import signal
import smtplib
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, CACHE, PLUGIN, World  # noqa: E402
from harness import BUILD, CLI, CLIENT_ID, DAEMON_USER, SECRET, TOKEND  # noqa: E402
from mta import Mta, fetch  # noqa: E402
from person import authorize  # noqa: E402
from terminal import Person  # noqa: E402

import tap  # noqa: E402

TO = "someone@example.net"
MILTER = BUILD / "mailbearer-milter"
COMMANDS_MAX = 4


class Setup(unittest.TestCase):
    """One Postfix for all; what a test changes in its files, it changes back."""

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.provider = cls.world.provider
        cls.mta = Mta(cls.world.folder / "m", fetch(CACHE), PLUGIN)
        cls.world.parts["token_users"] = [cls.mta.mail_owner]
        inside = Path(f"{cls.mta.queue_folder}{cls.world.sockets}")
        inside.mkdir(parents=True)
        cls.world.give(inside)
        cls.world.listen.append(inside / cls.world.socket.name)
        # What the administrator of this Postfix has put there: the stand-in's CA and name; nothing of ours.
        cls.postconf = cls.mta.install(f"smtp_tls_CAfile = {cls.provider.ca_file}\nsmtp_tls_secure_cert_match = localhost\n")
        cls.mta.start()
        cls.addClassCleanup(cls.mta.stop)

    def setUp(self):
        self.commands = 0
        self.etc = self.world.folder / "etc"
        self.etc.mkdir()
        self.etc.chmod(0o755)
        self.world.conf = self.etc / "mailbearer.conf"
        self.world.seal_key = self.etc / "seal.key"
        self.first = self.files()
        self.addCleanup(self.clean)
        self.world.conf.write_text(self.world.tokend_section([self.mta.mail_owner], more=""))
        self.world.conf.chmod(0o644)
        self.provider.reset(accounts=True)

    def clean(self):
        for pid in self.daemons():
            os.kill(pid, signal.SIGTERM)
            self.world.wait(lambda pid=pid: not Path(f"/proc/{pid}").exists(), "tokend ends")
        shutil.rmtree(self.etc)
        for path in self.world.state.iterdir():
            path.unlink()
        for path in self.mta.config.glob("*.mailbearer-*"):
            path.unlink()
        for name, text in self.first.items():
            (self.mta.config / name).write_bytes(text)
        self.mta.reload()

    def daemons(self):
        """The tokend and the milter that setup has started with our configuration."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            except OSError:
                continue
            if words[:1] in ([str(TOKEND).encode()], [str(MILTER).encode()]) and str(self.world.conf).encode() in words:
                found.append(int(entry.name))
        return found

    def files(self):
        return {name: (self.mta.config / name).read_bytes() for name in ("main.cf", "master.cf")}

    def picture(self):
        return {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode)
                for folder in (self.etc, self.mta.config) for path in folder.iterdir()}

    def options(self):
        return ["--postconf", self.postconf, "--config-dir", self.mta.config, "--provider", "microsoft",
                "--metadata-url", self.provider.metadata_url, "--ca-file", self.provider.ca_file,
                "--relayhost", f"[127.0.0.1]:{self.provider.smtp_port}"]

    def mailbearer(self, *arguments, given=None):
        self.commands += 1
        return self.world.cli(*map(str, arguments), given=given)

    def setup(self, *arguments):
        return self.mailbearer("setup", ACCOUNT, "--yes", *self.options(), "--client-id", CLIENT_ID, "--access", "application",
                               "--client-secret-file", "-", *arguments, given=SECRET + "\n")

    def done(self, got):
        self.assertEqual(0, got.returncode, got.stdout + got.stderr + self.mta.log()[-3000:])
        return got.stdout

    def taken(self, count=1):
        """The messages at the mail server."""
        self.provider.wait_for("smtp/messages", count, 50)
        return self.provider.messages()

    def test_by_options_alone(self):
        self.world.account(app=True)
        out = self.done(self.setup("--test-to", TO))
        self.assertRegex(out, rf"\nThe test message to {re.escape(TO)} was taken: 250 [^\n]+\nDone\.\n\Z")
        self.assertIn("+default_transport = mailbearer-relay-contoso-com:[", out)
        message, = self.taken()
        self.assertEqual((ACCOUNT, ACCOUNT, [TO]), (message["user"], message["mail_from"], message["rcpt_to"]))
        self.assertLessEqual(self.commands + 1, COMMANDS_MAX)  # and the one that installs the package

        before = self.picture()
        self.assertTrue(self.done(self.setup()).endswith("\nnothing to change\n"))
        self.assertEqual(before, self.picture())

        self.done(self.mailbearer("setup", "--undo", "--yes", *self.options()[:4]))
        self.assertEqual(self.first, self.files())
        self.assertEqual({"main.cf", "master.cf", "postfix-files"}, {path.name for path in self.mta.config.iterdir()})
        self.assertNotEqual(0, self.mailbearer("setup", "--undo", "--yes", *self.options()[:4]).returncode)
        self.assertNotIn("MARKER", out + self.mta.log() + self.world.conf.read_text())

    def test_a_person(self):
        self.world.account(public=True, secret=None)
        person = Person([CLI, "-c", self.world.conf, "setup", *map(str, self.options())], self.world.environment())
        self.addCleanup(person.close)
        self.commands += 1
        person.answer("Mailbox that mail is to go through", ACCOUNT)
        person.answer("Access as user or application [user]")
        person.answer("Application (client) ID of the app registration", CLIENT_ID)
        person.answer("The client has a secret, a certificate or none [none]")
        person.answer("Senders that are no mailbox: rewrite, reject, monitor or off [rewrite]", "off")
        person.answer(f"Send a test message to (or: none) [{ACCOUNT}]", TO)
        status, seen = person.finish_setup(lambda page: authorize(self.provider, page))
        self.assertEqual(0, status, seen + self.mta.log()[-3000:])
        self.assertIn(f"The test message to {TO} was taken: ", seen)
        self.assertEqual(ACCOUNT, self.taken()[0]["user"])
        self.assertLessEqual(self.commands + 1, COMMANDS_MAX)

    def test_a_printer_s_mail_by_the_milter(self):
        self.world.account(app=True)
        folder = Path(self.mta.queue_folder) / "run" / "mailbearer-milter"
        text = self.world.conf.read_text()
        self.world.conf.write_text(text + f'milter {{ listen = "unix:{folder}/milter.sock" user = "{DAEMON_USER}" }}\n')
        out = self.done(self.setup("--milter", "rewrite", "--default-account", ACCOUNT, "--test-to", TO))
        self.assertIn("smtpd_milters = { unix:run/mailbearer-milter/milter.sock, default_action=tempfail", out)
        self.assertRegex(out, rf"\nThe test message to {re.escape(TO)} was taken: 250 [^\n]+\n"
                              rf"mailbearer-milter made its sender, root@[^ \n]+, {re.escape(ACCOUNT)}\.\nDone\.\n\Z")
        with smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60) as client:
            client.sendmail("scanner@printer.local", [TO], "From: scanner@printer.local\r\nSubject: scan\r\n\r\npage\r\n")
        messages = self.taken(2)
        self.assertEqual([(ACCOUNT, [ACCOUNT])] * 2, [(stored["mail_from"], stored["header_from"]) for stored in messages])
        before, milters = self.picture(), self.daemons()
        self.assertTrue(self.done(self.setup()).endswith("\nnothing to change\n"))
        self.assertEqual((before, milters), (self.picture(), self.daemons()))

    def test_a_message_that_waits_is_told_with_its_reason(self):
        self.world.account(app=True)
        self.done(self.setup())
        self.provider.revoke(access_tokens_of=ACCOUNT)
        got = self.setup("--test-to", TO)
        self.assertEqual(1, got.returncode, got.stdout)
        self.assertIn("the test message waits in the queue: SASL authentication failed", got.stderr)

    def test_shown_and_left_alone(self):
        self.world.account(app=True)
        out = self.done(self.setup("--postfix", "show"))
        self.assertIn("+default_transport = ", out)
        self.assertIn("postfix-config --apply", out)
        self.assertEqual(self.first, self.files())


if __name__ == "__main__":
    tap.main()
