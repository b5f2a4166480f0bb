#!/usr/bin/python3
"""The examples for Exim, with a real Exim, to a server that takes nothing but live tokens."""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from exim import Exim  # noqa: E402
from relay import ACCOUNT, BUILD, CACHE, SubmitWorld, message  # noqa: E402

import tap  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[2] / "mta-examples" / "exim"
RECIPIENTS = ("one@example.net", "two@example.net")


class WithExim:
    """Both ways have to do the same."""

    example = None

    def setUp(self):
        self.world = SubmitWorld()
        self.addCleanup(self.world.close)
        self.provider = self.world.provider
        self.world.confine()
        self.world.start()
        self.world.sign_in()
        self.exim = Exim(self.world.folder / "m", CACHE)
        text = (EXAMPLES / self.example).read_text()
        for old, new in self.changes():
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.exim.configure(text)

    def tearDown(self):
        self.assertNotIn("MARKER", self.exim.log())
        self.assertNotIn("MARKER", self.world.log())

    def send(self, **options):
        data, digest = message(**options)
        self.exim.send(data, *RECIPIENTS, sender=ACCOUNT)
        return digest

    def flush(self):
        self.assertNotIn("MARKER", self.exim.flush())

    def assert_waits(self, pattern):
        self.flush()
        self.assertEqual(1, len(self.exim.queue()), self.exim.log()[-3000:])
        self.assertRegex(self.exim.log(), pattern)

    def assert_delivered(self, *digests):
        self.flush()
        self.assertEqual([], self.exim.queue(), self.exim.log()[-3000:])
        messages = self.provider.messages(bodies=False)
        self.assertEqual(sorted(digests), sorted(one["body_sha256"] for one in messages))
        for one in messages:
            self.assertEqual((ACCOUNT, list(RECIPIENTS)), (one["user"], sorted(one["rcpt_to"])))

    def test_mail_goes_out(self):
        digests = []
        for number, size in enumerate(self.sizes):
            self.provider.config(token_size=size)
            self.world.ask("refresh " + ACCOUNT)
            digests.append(self.send(number=number))
            self.assert_delivered(*digests)

    def test_trouble_of_the_login_waits(self):
        digest = self.send()
        for reply in ("535 5.7.3 Authentication unsuccessful", "432 4.3.2 Concurrent connections limit exceeded"):
            self.provider.config(smtp_fault={"at": "auth", "reply": reply})
            self.assert_waits(reply)
        self.provider.config(smtp_fault=None, smtp_certificate="wrong_name")
        self.assert_waits("(?i)certificate")
        self.provider.config(smtp_certificate="good")
        self.world.stop()
        self.assert_waits(self.no_tokend)
        self.assertEqual(0, self.provider.count("smtp/commands/MAIL"))
        self.world.start()
        self.world.ask("token " + ACCOUNT)
        self.assert_delivered(digest)

    def test_send_as_denied_is_a_bounce(self):
        self.send(sender="boss@contoso.com")
        self.flush()
        self.assertRegex(self.exim.log(), r"\*\* one@example.net.*SendAsDenied")


class BySubmit(WithExim, unittest.TestCase):
    example, sizes, no_tokend = "lmtp.conf", (1536, 16384), "is mailbearer-tokend running"

    def changes(self):
        return (("/usr/sbin/mailbearer-submit", f"{BUILD}/mailbearer-submit -c {self.world.conf}"),)


class Direct(WithExim, unittest.TestCase):
    example, sizes, no_tokend = "direct.conf", (1536, 3000), "authentication"

    def changes(self):
        return (("smtp.office365.com byname", "localhost byname\n  self = send"), ("587", str(self.provider.smtp_port)),
                ("tls_verify_certificates = system", f"tls_verify_certificates = {self.provider.ca_file}"),
                ("/run/mailbearer/tokend.sock", str(self.world.socket)))

    def test_a_long_token_waits(self):
        self.provider.config(token_size=16384)
        self.world.ask("refresh " + ACCOUNT)
        digest = self.send()
        self.assert_waits("overlong write_command in outgoing SMTP")
        self.assertEqual(0, self.provider.count("smtp/commands/AUTH") + self.provider.count("smtp/commands/MAIL"))
        self.provider.config(token_size=1536)
        self.world.ask("refresh " + ACCOUNT)
        self.assert_delivered(digest)


if __name__ == "__main__":
    tap.main()
