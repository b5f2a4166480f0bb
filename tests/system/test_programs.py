#!/usr/bin/python3
"""The examples in mta-examples, each with the real program, to a server that takes nothing but live tokens."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import packages  # noqa: E402
from relay import ACCOUNT, BUILD, CACHE, World, message  # noqa: E402

import tap  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[2] / "mta-examples"
CLI = BUILD / "mailbearer"


class Programs(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.provider, self.folder = self.world.provider, self.world.folder
        self.world.start()
        self.world.sign_in()

    def example(self, name, *further, changes=()):
        """The example with this test's server and command line in it, each of which must stand there."""
        text = (EXAMPLES / name).read_text()
        for old, new in (("mailbearer token", f"{CLI} -c {self.world.conf} token"), *changes):
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = self.folder / name
        path.write_text(text + "".join(line + "\n" for line in further))
        path.chmod(0o600)
        return path

    def run_program(self, package, program, *arguments, given):
        tree = packages.fetch(CACHE, package)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8", "TERM": "dumb",
                       "LD_LIBRARY_PATH": packages.search_path(tree)}
        got = subprocess.run([tree / program, *map(str, arguments)], input=given, capture_output=True, check=False,
                             timeout=90, env=environment, cwd=self.folder)
        self.assertEqual(0, got.returncode, got.stdout + got.stderr)
        self.assertNotIn(b"MARKER", got.stdout + got.stderr)

    def assert_delivered(self):
        self.provider.wait_for("smtp/messages", 1)
        self.assertEqual([ACCOUNT, ["someone@example.net"]],
                         [self.provider.messages()[0][key] for key in ("user", "rcpt_to")])

    def test_msmtp(self):
        port = self.provider.smtp_port
        rc = self.example("msmtprc", changes=(("smtp.office365.com", "localhost"), ("587", str(port)), (
            "tls            on", f"tls on\ntls_trust_file {self.provider.ca_file}")))
        self.run_program("msmtp", "usr/bin/msmtp", "-C", rc, "someone@example.net", given=message()[0])
        self.assert_delivered()

    def mutt(self, package):
        rc = self.example("muttrc", f'set ssl_ca_certificates_file = "{self.provider.ca_file}"', "unset record",
                          changes=(("smtp.office365.com:587", f"localhost:{self.provider.smtp_port}"),))
        self.run_program(package, f"usr/bin/{package}", "-n", "-F", rc, "-s", "x", "--", "someone@example.net",
                         given=b"Hello\n")
        self.assert_delivered()

    def test_mutt(self):
        self.mutt("mutt")

    def test_neomutt(self):
        self.mutt("neomutt")


if __name__ == "__main__":
    tap.main()
