#!/usr/bin/python3
"""Mail through a real Sendmail, to a server that takes nothing but live tokens and answers 554 5.2.252 to whoever sends as
somebody else: with mailbearer-milter and mailbearer-submit, as mailbearer-sendmail(7) says, and by the plugin."""

import hashlib
import os
import re
import shutil
import signal
import smtplib
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, BUILD, CACHE, DAEMON_USER, PLUGIN, MilterWorld, World, message  # noqa: E402
from alignment import ACCOUNTS, BOSS, CASES, FOREIGN, NO_FROM, NUL, SEND_AS, Aligned, text_of  # noqa: E402
from sendmail import Sendmail, fetch  # noqa: E402

import tap  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
MAILER_FILE = ROOT / "etc" / "sendmail" / "mailbearer.m4"
PAGE = (ROOT / "man" / "mailbearer-sendmail.7").read_text()
USER = "mail"  # whom Sendmail runs its mailers as

# In the mailer's place: runs it, and writes down how large it became (KiB).
MEASURE = """#!/usr/bin/python3
import os, sys
child = os.fork()
if child == 0:
    os.execv({program!r}, sys.argv)
_, status, used = os.wait4(child, 0)
with open({peak!r}, "a") as file:
    file.write("%d\\n" % used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def from_page(start):
    """The statement of sendmail.mc that the manual page has, and that begins so."""
    return re.search("^" + re.escape(start) + r".*?\)dnl$", PAGE, re.M | re.S)[0]


class WithSendmail(Aligned, unittest.TestCase):
    plugin = None
    milter_options = ""

    def setUp(self):
        self.world = World(conf="", token_users=[USER])
        self.addCleanup(self.world.close)
        self.world.confine()
        self.provider = self.world.provider
        folder = self.world.folder
        self.mta = Sendmail(folder / "m", fetch(CACHE), self.plugin)
        self.addCleanup(self.mta.stop)
        (folder / "locks").mkdir()
        shutil.chown(folder / "locks", USER, USER)
        self.program, self.peak = folder / "mailbearer-submit", folder / "peak"
        shutil.copy(BUILD / "mailbearer-submit", self.program)
        self.peak.touch()
        shutil.chown(self.peak, USER)
        self.milter = MilterWorld(conf=self.world.conf)
        self.addCleanup(self.milter.close)
        self.world.write(client=f'relayhost = "[localhost]:{self.provider.smtp_port}"', conf=(
            f'{ACCOUNTS}\n'
            f'submit {{ lock_directory = "{folder}/locks" log = "stderr" }}\n'
            f'milter {{ listen = "local:{self.milter.socket}" user = "{DAEMON_USER}" log = "stderr" '
            f'default_account = "{ACCOUNT}" {self.milter_options} }}\n'))
        self.configure()
        self.world.start()
        self.world.sign_in(send_as=list(SEND_AS))
        self.milter.start()
        self.mta.start()

    def configure(self):
        wrapper = self.world.folder / "mailer"
        wrapper.write_text(MEASURE.format(program=str(self.program), peak=str(self.peak)))
        wrapper.chmod(0o755)
        milter = from_page("INPUT_MAIL_FILTER(").replace("/run/mailbearer-milter/milter.sock", str(self.milter.socket))
        self.assertIn(str(self.milter.socket), milter)
        self.mta.configure("\n".join((
            f"define(`MAILBEARER_MAILER_PATH', `{wrapper}')",
            f"define(`MAILBEARER_MAILER_ARGS', `mailbearer-submit -c {self.world.conf}')",
            from_page("define(`MAILBEARER_BOUNCES_FROM'"), *self.routes(), milter)), from_page("MAILER(`mailbearer"), [MAILER_FILE])

    def routes(self):
        return [from_page("define(`SMART_HOST'")]

    def tearDown(self):
        for log in (self.mta.log(), self.world.log(), self.milter.log()):
            self.assertNotIn("MARKER", log)

    def send_scans(self, number=0, count=1, content=None, recipients=("someone@example.net",)):
        """As a printer does; the digests of the bodies."""
        digests = []
        with smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60) as client:
            for i in range(count):
                data, digest = message(number + i)
                client.sendmail(ACCOUNT, recipients, data if content is None else content)
                digests.append(digest)
        return digests

    def bodies(self):
        return sorted(message["body_sha256"] for message in self.provider.messages(bodies=False))

    def assert_waits(self, pattern):
        """One message waits, its recipient for a reason that matches."""
        self.mta.flush()
        self.assertEqual(1, len(self.mta.queue()), self.mta.log()[-3000:])
        text = self.mta.control_file(self.mta.queue()[0])
        self.assertRegex(text, pattern, self.mta.log()[-3000:])
        self.assertNotIn("MAILER-DAEMON", text)


class Relaying(WithSendmail):
    def test_every_sender_arrives_aligned_and_once(self):
        cases = (*CASES, NO_FROM, NUL)
        self.send(self.by_smtp, cases)
        self.assertEqual(len(cases), len(self.mta.queue()))
        self.mta.flush()
        self.assertEqual([], self.mta.queue(), self.mta.log()[-3000:])
        self.assert_all(cases)

    def test_what_comes_by_sendmail_arrives_aligned(self):
        """By submit.cf, as a message submission program hands over to the daemon. Its own From is Sendmail's."""
        self.mta.configure_submission()

        def by_sendmail(envelope, text):
            done = self.mta.submit("-t", "-i", "-f", envelope or "<>", input=text)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr + self.mta.log()[-2000:])

        self.send(by_sendmail, CASES)
        self.assertEqual(len(CASES), len(self.mta.queue()), self.mta.log()[-3000:])
        self.mta.flush()
        self.assertEqual([], self.mta.queue(), self.mta.log()[-3000:])
        self.assert_all(CASES)

    def test_nothing_is_taken_while_the_milter_is_away(self):
        self.milter.stop(signal.SIGKILL)
        with self.assertRaises(smtplib.SMTPResponseException) as caught:
            self.by_smtp(FOREIGN, text_of(0, CASES[4][1]))
        self.assertEqual(4, caught.exception.smtp_code // 100, caught.exception)
        self.milter.start()
        self.by_smtp(FOREIGN, text_of(0, CASES[4][1]))
        self.mta.flush()
        self.assert_all(CASES[4:5])

    def test_two_hundred_messages_with_tokens_of_three_sizes(self):
        digests = []
        for size, count in ((1536, 66), (4096, 67), (16384, 67)):
            self.provider.config(token_size=size)
            self.world.ask("refresh " + ACCOUNT)
            threads = [threading.Thread(target=lambda n, c: digests.extend(self.send_scans(n, c)), args=(size + part, count // 3
                       + (part < count % 3))) for part in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.mta.flush()
        self.assertEqual([], self.mta.queue())
        self.assertEqual(sorted(digests), self.bodies())
        self.assertEqual(200, len(digests))
        self.assertEqual(0, self.provider.count("smtp/unauthenticated_refused"))

    def test_every_fault_leaves_the_mail_queued_and_then_delivered(self):
        digests = self.send_scans()
        for values in ({"reply": "535 5.7.3 Authentication unsuccessful"}, {"reply": "454 4.7.0 later"},
                       {"reply": "432 4.3.2 Concurrent connections limit exceeded"}, {"drop": True}):
            self.provider.config(smtp_fault={"at": "auth", **values})
            self.assert_waits(re.escape(values.get("reply", "the connection was lost")[:20]))
        self.provider.config(smtp_fault=None)
        self.provider.token_fault("status", status=503)
        self.world.restart()
        self.assert_waits("tokend: ")
        self.world.stop()
        self.assert_waits("is mailbearer-tokend running")
        self.provider.token_fault(None)
        self.world.start()
        self.world.ask("refresh " + ACCOUNT)
        self.mta.flush()
        self.assertEqual([], self.mta.queue())
        self.assertEqual(digests, self.bodies())

    def test_send_as_denied_is_a_bounce_with_the_servers_text(self):
        """Which the server takes, since its From is the account's."""
        self.send_scans(content=message(sender=BOSS)[0])
        self.mta.flush()
        self.assertEqual([], self.mta.queue(), self.mta.log()[-3000:])
        self.assert_bounced(BOSS)

    def test_two_recipients_two_fates(self):
        self.provider.config(smtp_fault={"at": "rcpt", "reply": "452 4.2.2 mailbox full", "count": 1})
        self.send_scans(recipients=("one@example.net", "two@example.net"))
        self.assert_waits("452 4.2.2 mailbox full")
        first = self.provider.messages()[0]["rcpt_to"]
        self.assertEqual(1, len(first))
        self.assertIn("dsn=2.0.0", self.mta.log())
        self.mta.flush()
        self.assertEqual([], self.mta.queue())
        self.assertEqual(["one@example.net", "two@example.net"], sorted(first + self.provider.messages()[1]["rcpt_to"]))

    def test_150_megabytes_in_little_memory(self):
        line = b"x" * 900 + b"\r\n"
        head = message()[0].split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"
        content = head + line * ((150_000_000 - len(head)) // len(line))
        self.send_scans(content=content)
        self.mta.flush()
        self.assertEqual([], self.mta.queue(), self.mta.log()[-2000:])
        arrived = self.provider.messages(bodies=False)[0]
        self.assertEqual(hashlib.sha256(content[len(head):]).hexdigest(), arrived["body_sha256"])
        # Sendmail puts a Received field before it.
        self.assertGreater(arrived["size"], len(content))
        self.assertLess(arrived["size"], len(content) + 1000)
        self.assertLess(max(int(peak) for peak in self.peak.read_text().split()), 20 * 1024)
        print("# the most memory, KiB:", self.peak.read_text().split())


class APartOfTheMail(WithSendmail):
    milter_options = 'other_mailers = { "local", "esmtp" }'

    def routes(self):
        table = self.mta.make_map("mailertable", "example.net\tmailbearer:relay\n")
        return [f"FEATURE(`mailertable', `hash {table}')dnl"]

    def test_what_goes_another_way_is_left_alone(self):
        for recipient in ("someone@example.net", "someone@elsewhere.example"):
            self.send_scans(content=message(sender=FOREIGN)[0], recipients=(recipient,))
        texts = {("elsewhere" in text): text for text in map(self.mta.control_file, self.mta.queue())}
        self.assertIn(f"From: Scanner <{FOREIGN}>", texts[True])
        self.assertNotIn("X-Original-From", texts[True])
        self.assertIn(f"From: Scanner <{ACCOUNT}>", texts[False])


class WithThePlugin(WithSendmail):
    """Sendmail's own client with the plugin: short tokens pass, long ones are refused before anything is sent."""

    plugin = PLUGIN

    def configure(self):
        port = self.provider.smtp_port
        table = self.mta.make_map("authinfo", f'AuthInfo:127.0.0.1\t"U:{ACCOUNT}" "I:{ACCOUNT}" '
                                              f'"P:unix:{self.world.socket}" "M:XOAUTH2"\n')
        self.world.write(token_users=["root"])
        self.mta.configure("\n".join((
            f"define(`RELAY_MAILER_ARGS', `TCP $h {port}')",
            "define(`SMART_HOST', `relay:[localhost]')",
            f"define(`confCACERT', `{self.provider.ca_file}')",
            f"define(`confCACERT_PATH', `{Path(self.provider.ca_file).parent}')",
            f"FEATURE(`authinfo', `hash {table}')")))

    def test_a_short_token_passes(self):
        self.provider.config(token_size=1024)
        self.world.ask("refresh " + ACCOUNT)
        digests = self.send_scans()
        self.mta.flush()
        self.assertEqual([], self.mta.queue(), self.mta.log()[-3000:])
        self.assertEqual(digests, self.bodies())

    def test_a_long_token_is_refused_in_the_first_step(self):
        self.provider.config(token_size=4096)
        self.world.ask("refresh " + ACCOUNT)
        self.send_scans()
        self.mta.flush()
        self.assertEqual(1, len(self.mta.queue()), self.mta.log()[-3000:])
        self.assertRegex(self.mta.log(), "Sendmail would cut it.*relay through mailbearer-submit")
        self.assertEqual(0, self.provider.count("smtp/commands/MAIL") + self.provider.count("smtp/commands/AUTH"))


if __name__ == "__main__":
    tap.main()
