#!/usr/bin/python3
"""What monitoring systems get of a real daemon: status --check, metrics, and the file that is replaced as a whole. TAP on
standard output."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, World  # noqa: E402

import tap  # noqa: E402

SAMPLE = re.compile(r'([a-z_]+)(\{([a-z]+="(\\.|[^"\\\n])*",?)*\})? -?[0-9]+')


def prove_openmetrics(test, text):
    """What OpenMetrics 1.0 asks of a text of gauges: heads before samples, families in one piece, an end mark, no empty line."""
    lines, seen, family = text.split("\n"), set(), None
    test.assertEqual(["# EOF", ""], lines[-2:])
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            family, kind = line.split()[2:]
            test.assertNotIn(family, seen)
            test.assertEqual("gauge", kind)
            seen.add(family)
        elif line.startswith("# HELP "):
            test.assertEqual(family, line.split()[2])
        else:
            match = SAMPLE.fullmatch(line)
            test.assertTrue(match, line)
            test.assertEqual(family, match.group(1))


class Monitoring(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.world.start()

    def test_check_follows_the_account(self):
        got = self.world.cli("status", "--check")
        self.assertEqual((2, ""), (got.returncode, got.stderr), got.stdout)
        self.assertIn("needs_login", got.stdout)
        self.world.sign_in()
        got = self.world.cli("status", "--check")
        self.assertEqual((0, ""), (got.returncode, got.stderr), got.stdout)
        self.assertRegex(got.stdout, r"^MAILBEARER OK - 1 of 1 accounts in order \| .*'relay@contoso.com_token'=\d+s;;;0.*\n$")
        got = self.world.cli("status", "nobody@contoso.com", "--check")
        self.assertEqual(3, got.returncode, got.stdout)
        self.world.stop()
        got = self.world.cli("status", "--check")
        self.assertEqual((2, ""), (got.returncode, got.stderr))
        self.assertTrue(got.stdout.startswith("MAILBEARER CRITICAL - "), got.stdout)
        self.assertEqual(1, got.stdout.count("\n"))

    def test_metrics_and_the_file(self):
        self.world.sign_in()
        got = self.world.cli("metrics")
        self.assertEqual(0, got.returncode, got.stderr)
        prove_openmetrics(self, got.stdout)
        self.assertIn(f'mailbearer_account_usable{{account="{ACCOUNT}"}} 1\n', got.stdout)
        folder = self.world.folder / "textfile"
        folder.mkdir()
        path = folder / "mailbearer.prom"
        path.write_text("old")
        with open(path, encoding="ascii") as reader:
            self.assertEqual(0, self.world.cli("metrics", "--textfile", str(path)).returncode)
            self.assertEqual("old", reader.read(), "who has the old file open reads it whole")
        prove_openmetrics(self, path.read_text())
        self.assertEqual(0o644, path.stat().st_mode & 0o777)
        self.world.stop()
        got = self.world.cli("metrics", f"--textfile={path}")
        self.assertEqual(3, got.returncode)
        self.assertIn("\nmailbearer_up 0\n", path.read_text())
        self.assertEqual([path], list(folder.iterdir()), "nothing is left behind")
        got = self.world.cli("metrics", "--textfile", str(folder / "none" / "x"))
        self.assertEqual(1, got.returncode)
        self.assertIn("x.tmp cannot be made (its folder must be there)", got.stderr)

    def test_the_table_says_where_the_steps_of_a_known_number_are(self):
        self.world.sign_in()
        self.world.secret("secret", "another")
        self.world.ask("reload ")
        self.world.ask("refresh " + ACCOUNT)
        got = self.world.cli("status")
        self.assertIn("\n    The steps: mailbearer explain AADSTS7000215\n", got.stdout)
        self.assertIn("Certificates & secrets > New client secret", self.world.cli("explain", "AADSTS7000215").stdout)


if __name__ == "__main__":
    tap.main()
