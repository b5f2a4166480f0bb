#!/usr/bin/python3
"""The package in a Debian with Postfix, booted by a real systemd in a container: from nothing to the first mail, and then what
the units promise, by living through it.

    sudo ./bootstrap check-systemd     builds the package and runs this

Nothing of this machine is touched: namespaces, control group and folder are deleted at the end.
"""

import re
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from container import main_of_test  # noqa: E402
from debian import Debian, libraries, package  # noqa: E402
from evening import ACCOUNT, ANSWERS, CLIENT_ID, PACKAGES, POSTFIX, TENANT, TO, TOKEND, Evening  # noqa: E402
from person import authorize  # noqa: E402

import tap  # noqa: E402

COMMANDS_MAX = 4
CHROOTED = "/var/spool/postfix/run/mailbearer/tokend.sock"


class Life(unittest.TestCase):
    """One life of the package, in the order of the methods' names: each stands on the one before."""

    @classmethod
    def setUpClass(cls):
        cls.evening = Evening()
        cls.addClassCleanup(cls.evening.close)
        cls.container, cls.provider = cls.evening.container, cls.evening.provider
        cls.provider.account(ACCOUNT, client_id=CLIENT_ID, public=True)

    def postfix_files(self):
        return {name: (self.container.root / "etc/postfix" / name).read_bytes() for name in ("main.cf", "master.cf")}

    def person(self, *command):
        person = self.container.person(*command)
        self.addCleanup(person.close)
        return person

    def picture(self):
        """What a command that has nothing to do leaves as it is: services, files, and requests to the provider."""
        units = {unit: self.container.show(unit, "InvocationID", "MainPID", "ActiveEnterTimestampMonotonic")
                 for unit in (TOKEND, POSTFIX)}
        files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for folder in ("etc/mailbearer", "etc/postfix")
                 for path in sorted((self.container.root / folder).iterdir()) if path.is_file()}
        return units, files, self.provider.count("token/requests")

    def print_and_see(self, number):
        self.evening.print_something(number)
        message = self.evening.arrived(number)
        self.assertEqual((ACCOUNT, ACCOUNT, [TO]), (message["user"], message["mail_from"], message["rcpt_to"]))

    # --- the first evening ---

    def test_01_from_nothing_to_the_first_mail(self):
        container, commands = self.container, 0
        type(self).first = self.postfix_files()
        shutil.copy(package(), container.root / "root")

        commands += 1
        container.do("apt-get", "-q", "-y", "install", f"./{package().name}")

        commands += 1
        person = self.person("mailbearer", "setup")
        person.answer("Mailbox that mail is to go through", ACCOUNT)
        person.answer("Access as user or application [user]")
        person.answer("Provider (")
        person.answer("Tenant", TENANT)
        person.answer("Application (client) ID of the app registration", CLIENT_ID)
        person.answer("The client has a secret, a certificate or none [none]")
        person.answer("Send a test message to", TO)
        person.answer("Enter goes on")
        person.until("Sign in as")
        person.until("\n  ")
        person.answer("Address", authorize(self.provider, person.until("\n")))
        person.answer("Change Postfix's files so [no]", "yes")
        status, seen = person.end()
        self.assertEqual(0, status, seen + container.journal("-n", "40"))
        self.assertRegex(seen, rf"\nThe test message to {re.escape(TO)} was taken: 250 [^\n]+\nDone\.\n\Z")

        message, = self.provider.messages()
        self.assertEqual((ACCOUNT, ACCOUNT, [TO]), (message["user"], message["mail_from"], message["rcpt_to"]))
        self.assertLessEqual(commands, COMMANDS_MAX)
        self.assertEqual(["active", "enabled", "notify"], container.show(TOKEND, "ActiveState", "UnitFileState", "Type"))
        self.assertEqual("active", container.show(POSTFIX, "ActiveState")[0])

    def test_02_given_again_it_changes_nothing(self):
        before, since = self.picture(), self.container.do("date", "+%s").strip()
        out = self.container.do("mailbearer", "setup", ACCOUNT, "--yes", "--tenant", TENANT, "--client-id", CLIENT_ID,
                                "--login", "later", "--test-to", "none")
        self.assertTrue(out.endswith("nothing to change\n"), out)
        self.assertEqual(before, self.picture())
        self.assertEqual("", self.container.journal("-t", "postfix/postfix-script", f"--since=@{since}"))

    def test_03_a_printer_prints(self):
        self.print_and_see(1)

    def test_04_check_finds_nothing(self):
        out = self.container.do("mailbearer", "check")
        self.assertRegex(out, r"\n\d+ ok, 0 warnings, 0 failed, 0 skipped\n\Z")

    def test_05_the_journal_tells_the_evening(self):
        lines = self.container.journal("-u", TOKEND)
        for event in ("event=listening socket=/run/mailbearer/tokend.sock", f"event=listening socket={CHROOTED}", "event=started",
                      f"account={ACCOUNT} event=login-started", f"account={ACCOUNT} event=grant-saved",
                      f"account={ACCOUNT} event=token-refreshed"):
            self.assertRegex(lines, rf"(?m)^{re.escape(event)}\b")
        self.assertEqual("", self.container.journal("-u", TOKEND, "-p", "warning"))

    def test_06_undo_brings_postfix_back(self):
        self.container.do("mailbearer", "postfix-config", "--undo", "--yes")
        self.assertEqual(self.first, self.postfix_files())
        self.container.do("mailbearer", "postfix-config", "--apply", "--yes")
        self.container.do("systemctl", "reload", POSTFIX)
        self.print_and_see(2)


if __name__ == "__main__":
    main_of_test(lambda: Debian(PACKAGES, ANSWERS, libraries()), tap.main)
