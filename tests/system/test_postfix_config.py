#!/usr/bin/python3
"""What `mailbearer postfix-config` prints and applies, taken by a real chrooted Postfix: each sender's mail goes out under
its login, and an installation with a life of its own keeps it."""

import os
import re
import smtplib
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, Relay, message  # noqa: E402
from harness import SOURCE  # noqa: E402
from milter_world import MilterWorld  # noqa: E402
from mta import free_port  # noqa: E402

import tap  # noqa: E402

SCANNER = "scan@contoso.com"
PAGE = (SOURCE / "man/mailbearer-postfix.7").read_text()
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
        return (dict(line.split(" = ", 1) for line in main.splitlines() if line and line[0] != "#"),
                [line for line in master.splitlines() if line[0] != "#"])

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
        _, _, key, shown = re.search(r"^postmap -q .*socketmap.*$", PAGE, re.M)[0].split()
        got = self.mta.postmap(key, shown.replace("/run/mailbearer/tokend.sock", str(self.world.socket)))
        self.assertEqual(f"mailbearer-relay-contoso-com:{hop}", got.stdout.strip())


ONE = f'account "{ACCOUNT}" {{ client = "contoso" }}\n'

# Of somebody who has had it for years. {standin}, {milter_port}: filled in.
GROWN = """# main.cf of mail.factory.example
biff = no
mydomain = factory.example

# --- milters: DKIM first
dkim = inet:127.0.0.1:{milter_port}
smtpd_milters = $dkim,
# the virus scanner is gone
#   unix:clamav/clamav-milter.ctl
milter_default_action = accept

# old smart host
relayhost = [mail.old.example]:25
relayhost = [mail.provider.example]:587
sender_dependent_default_transport_maps =
    inline:{{ {{ <> = error:kept by their own table }},
    {{ list@factory.example = discard: }} }}
smtp_fallback_relay = [fallback.example]
smtp_sender_dependent_authentication = yes
smtp_sasl_password_maps = inline:{{ [mail.provider.example]:587=user:password }}
smtp_tls_security_level = may
smtp_tls_CAfile = {ca_file}
smtp_tls_secure_cert_match = localhost
message_strip_characters = \\r
"""


class Applied(unittest.TestCase):
    """One Postfix and one tokend for each case; the milter, where there is one, is the real one."""

    def setUp(self):
        self.relay = Relay()
        self.addCleanup(self.relay.close)
        self.world, self.provider, self.mta = self.relay.world, self.relay.provider, self.relay.mta

    def configure(self, conf):
        self.world.write(conf=conf, client=f'relayhost = "[127.0.0.1]:{self.provider.smtp_port}"')

    def install(self, main_cf, master_cf=""):
        self.postconf = self.mta.install(main_cf, master_cf)

    def texts(self):
        return [(self.mta.config / name).read_text() for name in ("main.cf", "master.cf")]

    def config(self, *arguments):
        got = self.world.cli("postfix-config", *arguments, "--postconf", str(self.postconf), "--config-dir",
                             str(self.mta.config))
        self.assertEqual((0, ""), (got.returncode, got.stderr), got.stdout)
        return got.stdout

    def apply(self):
        """Applied, undone and applied: the first answer. A second time changes nothing."""
        before = self.texts()
        shown = self.config("--apply", "--yes")
        after = self.texts()
        self.assertIn("nothing was changed", self.config("--apply", "--yes"))
        self.assertEqual(after, self.texts())
        self.config("--undo", "--yes")
        self.assertEqual(before, self.texts())
        self.config("--apply", "--yes")
        self.assertEqual(after, self.texts())
        return shown

    def commands_of_the_page(self):
        """Those with which mailbearer-postfix(7) begins."""
        commands = re.search(r"(?ms)^\.Bd -literal[^\n]*\n(.*?)^\.Ed", PAGE)[1].splitlines()
        self.assertEqual(3, len(commands))
        seen = len(self.mta.log())
        for program, *arguments in map(str.split, commands):
            if program == "postfix":
                subprocess.run([self.postconf.with_name(program), "-c", self.mta.config, *arguments], check=True, timeout=60)
            elif "--apply" in arguments:
                self.assertIn("nothing was changed", self.config(*arguments[1:], "--yes"))
            else:
                self.assertEqual(0, self.world.cli(*arguments).returncode)
        self.mta.wait_log(r"postfix/master\[\d+\]: reload", seen)

    def test_debians_own_files(self):
        self.configure(ONE)
        share = self.mta.tree / "usr/share/postfix"
        self.install((share / "main.cf.debian").read_text()
                     + f"smtp_tls_CAfile = {self.provider.ca_file}\nsmtp_tls_secure_cert_match = localhost\n",
                     (share / "master.cf.dist").read_text())
        self.apply()
        self.world.start()
        self.world.sign_in()
        self.mta.start()
        self.commands_of_the_page()
        self.relay.send()
        self.relay.send(1, envelope="")
        self.assertEqual([ACCOUNT] * 2, [m["user"] for m in self.relay.delivered(2)])

    def test_one_that_has_grown(self):
        milter_port = free_port()  # where nobody listens: the installation's own milter is away
        listen = f"unix:{self.mta.queue_folder}/run/m/milter.sock"
        (self.mta.queue_folder / "run").mkdir(exist_ok=True)
        self.configure(ONE + f'account "{SCANNER}" {{ client = "contoso" }}\n'
                       f'milter {{ listen = "{listen}" user = "proxy" log = "stderr" mode = "reject" }}\n')
        self.install(GROWN.format(milter_port=milter_port, ca_file=self.provider.ca_file))
        shown = self.apply()
        main, master = self.texts()
        self.assertIn("\nsmtpd_milters = { unix:run/m/milter.sock, default_action=tempfail, protocol=6 }, $dkim\n"
                      "# the virus scanner is gone\n", main)
        self.assertIn("\nrelayhost = [mail.old.example]:25\nrelayhost = [mail.provider.example]:587\n", main)
        self.assertIn(" -o smtp_fallback_relay=\n", master)
        self.assertIn("\nmessage_strip_characters = \\r\\0\n", main)
        self.assertIn("default_account", shown)
        milter = MilterWorld(conf=self.world.conf)
        self.addCleanup(milter.close)
        self.world.start()
        for user in (ACCOUNT, SCANNER):
            self.world.sign_in(user)
        self.mta.start()
        # Without our milter nothing is taken, whatever milter_default_action says for the other.
        with self.assertRaises(smtplib.SMTPException):
            self.relay.send(0)
        milter.start()
        self.relay.send(0)
        self.relay.send(1, sender=SCANNER)
        self.assertEqual(sorted([ACCOUNT, SCANNER]), sorted(m["user"] for m in self.relay.delivered(2)))
        # Their own table still has the senders that are none of ours.
        self.mta.run("sendmail", "-i", "-f", "<>", "someone@example.net",
                     given=message(2)[0].decode().replace("\r\n", "\n"))
        self.mta.wait_log(r"status=bounced \(kept by their own table\)")


if __name__ == "__main__":
    tap.main()
