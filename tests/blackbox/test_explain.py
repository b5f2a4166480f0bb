#!/usr/bin/python3
"""`mailbearer explain` as a postmaster runs it: with a code, with a line, with a whole log. It asks nobody and needs no
configuration. TAP on standard output."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import CLI, World  # noqa: E402

import tap  # noqa: E402

REFUSED = ("Nov 24 10:00:{:02} relay postfix/smtp[7]: 4Zh3gK2VvKz{}X: to=<x@example.net>, relay=smtp.office365.com[52.97.1.2]:587, "
           "dsn=4.7.139, status=deferred (SASL authentication failed; server smtp.office365.com[52.97.1.2] said: 535 5.7.139 "
           "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.)\n")


def explain(*words, given=""):
    return subprocess.run([CLI, "explain", *words], input=given, capture_output=True, text=True, errors="replace", timeout=60,
                          check=False, env={"PATH": "/usr/bin:/bin"})


class Explain(unittest.TestCase):
    def test_a_code_in_words_of_the_command_line(self):
        got = explain("535", "5.7.139")
        self.assertEqual(0, got.returncode, got.stderr)
        self.assertIn('With the words "security defaults":', got.stdout)
        got = explain("700082")
        self.assertTrue(got.stdout.startswith("AADSTS700082\n"), got.stdout)
        self.assertIn("\n        mailbearer login <mailbox>\n", got.stdout)

    def test_a_line_names_the_account(self):
        got = explain("account=relay@contoso.com event=misconfigured reason=\"invalid_client: AADSTS7000222: expired\"")
        self.assertIn("mailbearer refresh relay@contoso.com", got.stdout)

    def test_what_is_unknown_is_taken_apart(self):
        got = explain("postfix/smtp[7]: 4Zh3gK2VvKz1X: relay=mx.invalid[1.2.3.4]:25, status=bounced (host said: 599 5.9.9 odd\x1b)")
        self.assertEqual(1, got.returncode)
        self.assertIn("mailbearer: the tables do not know it", got.stderr)
        for part in ("5.9.9", "mx.invalid", "4Zh3gK2VvKz1X", "odd\\x1b"):
            self.assertIn(part, got.stdout)

    def test_a_log_of_a_hundred_thousand_lines(self):
        log = "".join(f"Nov 24 10:00:00 relay postfix/qmgr[5]: 4Zh3gK2VvKz{i}X: from=<u{i}@contoso.com>, size=9, nrcpt=1\n"
                      for i in range(10, 12))
        log += "Nov 24 10:00:01 relay postfix/smtpd[5]: connect from unknown[10.0.0.9]\n" * 100_000
        log += "".join(REFUSED.format(i, i) for i in range(10, 12)) + "x" * 100_000 + "\n" + REFUSED.format(12, 11).rstrip("\n")
        got = explain(given=log)
        self.assertEqual(0, got.returncode, got.stderr)
        self.assertIn("3 times: SMTP AUTH disabled for the mailbox\n", got.stdout)
        self.assertIn("Accounts: u11@contoso.com (2), u10@contoso.com (1)\n", got.stdout)
        self.assertIn("100006 lines read, 1 cause found.\n", got.stdout)

    def test_an_empty_log_has_no_causes(self):
        got = explain(given="")
        self.assertEqual((0, "0 lines read, 0 causes found.\n"), (got.returncode, got.stdout))

    def test_the_log_of_a_real_daemon(self):
        world = World()
        self.addCleanup(world.close)
        world.start()
        world.sign_in()
        world.secret("secret", "another")
        world.ask("reload ")
        world.ask("refresh relay@contoso.com")
        self.assertIn("the secret's value", world.status()["remedy"])
        got = explain(given=world.log())
        self.assertIn("1 time: AADSTS7000215\n", got.stdout)
        self.assertIn("Accounts: relay@contoso.com (1)\n", got.stdout)


if __name__ == "__main__":
    tap.main()
