#!/usr/bin/python3
"""Mail through a real Sendmail, to a server that takes nothing but live tokens."""

import os
import smtplib
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, CACHE, PLUGIN, World, message  # noqa: E402
from sendmail import Sendmail, fetch  # noqa: E402

import tap  # noqa: E402


class Rig(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.mta = Sendmail(self.world.folder / "m", fetch(CACHE), PLUGIN)
        self.addCleanup(self.mta.stop)

    def test_it_takes_and_keeps_a_message(self):
        self.mta.configure("define(`SMART_HOST', `smtp:[127.0.0.1]')")
        self.mta.start()
        with smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60) as client:
            client.sendmail(ACCOUNT, ["someone@example.net"], message()[0])
        self.assertEqual(1, len(self.mta.queue()))
        self.mta.wait_log("from=<relay@contoso.com>")


if __name__ == "__main__":
    tap.main()
