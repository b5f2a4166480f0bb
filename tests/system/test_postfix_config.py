#!/usr/bin/python3
"""What `mailbearer postfix-config` prints, taken by a real chrooted Postfix: each sender's mail goes out under its login."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, Relay  # noqa: E402

import tap  # noqa: E402

SCANNER = "scan@contoso.com"
TWO = (f'account "{ACCOUNT}" {{ client = "contoso" }}\n'
       f'account "{SCANNER}" {{ client = "contoso" send_as = {{ "alias@contoso.com" }} }}\n'
       f'milter {{ default_account = "{ACCOUNT}" }}\n')


class Printed(unittest.TestCase):
    def setUp(self):
        self.relay = Relay()
        self.addCleanup(self.relay.close)
        self.world, self.provider, self.mta = self.relay.world, self.relay.provider, self.relay.mta

    def take(self, conf):
        """Prints the lines for this configuration and puts them where they belong."""
        self.world.write(conf=conf, client=f'relayhost = "[127.0.0.1]:{self.provider.smtp_port}"')
        main, master = self.printed()
        # The stand-in has a certificate of its own.
        main.update({"smtp_tls_CAfile": self.provider.ca_file, "smtp_tls_secure_cert_match": "localhost",
                     "smtp_tls_loglevel": "1"})
        self.mta.configure(main, master)
        self.world.start()
        self.mta.start()

    def printed(self):
        got = self.world.cli("postfix-config")
        self.assertEqual((0, ""), (got.returncode, got.stderr))
        main, master = got.stdout.split("# master.cf\n")
        return (dict(line.split(" = ", 1) for line in main.splitlines() if line and line[0] != "#"), master.splitlines())

    def test_one_account(self):
        self.take(f'account "{ACCOUNT}" {{ client = "contoso" }}\n')
        self.world.sign_in()
        self.relay.send()
        self.relay.send(1, envelope="")
        self.assertEqual([ACCOUNT] * 2, [m["user"] for m in self.relay.delivered(2)])
        self.assertNotIn("status=deferred", self.mta.log())

    def test_two_accounts_and_the_null_sender(self):
        self.take(TWO)
        for user in (ACCOUNT, SCANNER):
            self.world.sign_in(user)
        self.relay.send(0, sender=ACCOUNT)
        self.relay.send(1, sender=SCANNER)
        self.relay.send(2, envelope="")
        self.assertEqual(sorted([ACCOUNT, SCANNER, ACCOUNT]), sorted(m["user"] for m in self.relay.delivered(3)))

    def test_the_maps_by_hand(self):
        self.take(TWO)
        table, hop = f"socketmap:unix:{self.world.socket}:", f"[127.0.0.1]:{self.provider.smtp_port}"
        for name, answer in (("sasl", f"{SCANNER}:unix:{self.world.socket}"), ("relayhost", hop),
                             ("transport", f"mailbearer-scan-contoso-com:{hop}")):
            self.assertEqual(answer, self.mta.postmap("alias@contoso.com", table + name).stdout.strip())
        self.assertTrue(self.mta.postmap("alias@contoso.com", table + "account").stdout.startswith(f"account {SCANNER} "))


if __name__ == "__main__":
    tap.main()
