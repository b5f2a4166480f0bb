#!/usr/bin/python3
"""mailbearer-milter in a real Postfix, before a server that answers 554 5.2.252 to whoever sends as somebody else."""

import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, MILTER_SETTINGS, Relay  # noqa: E402
from alignment import ACCOUNTS, BOSS, CASES, FOREIGN, NO_FROM, NUL, SEND_AS, Aligned, text_of  # noqa: E402
from mta import wait_for  # noqa: E402
from milter_world import DEFAULT, MilterWorld  # noqa: E402

import tap  # noqa: E402


class WithMilter(Aligned, unittest.TestCase):
    milter_options = DEFAULT
    # Two at a time: the server refuses a fourth connection, also while one that has said QUIT is going, and a message that is
    # put off does not come back within the test.
    changes = {"local_header_rewrite_clients": "", "minimal_backoff_time": "300s", "maximal_backoff_time": "300s",
               "smtp_destination_concurrency_limit": "2"}

    def setUp(self):
        self.relay = Relay()
        self.addCleanup(self.relay.close)
        self.world, self.provider, self.mta = self.relay.world, self.relay.provider, self.relay.mta
        self.milter = MilterWorld(self.milter_options, accounts=ACCOUNTS, listen=self.relay.milter_socket(),
                                  tokend=self.world.socket)
        self.addCleanup(self.milter.close)
        self.relay.configure(**{**MILTER_SETTINGS, **self.changes})
        self.world.start()
        self.world.sign_in(send_as=list(SEND_AS))
        self.milter.start()
        self.mta.start()

    def by_sendmail(self, envelope, text):
        done = self.mta.run("sendmail", "-t", "-i", "-f", envelope, given=text, check=False)
        self.assertEqual(0, done.returncode, done.stderr + self.mta.log()[-2000:])


class Rewriting(WithMilter):
    def by_swaks(self, envelope, text):
        """As somebody tries it who wants to know what a device gets to hear."""
        command = ["swaks", "--server", f"127.0.0.1:{self.mta.smtp_port}", "--helo", "printer.local", "--from", envelope or "<>",
                   "--to", "someone@example.net", "--data", "-"]
        # It ends the last line itself.
        done = subprocess.run(command, input=text.removesuffix("\n"), capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn("<-  250 2.0.0 Ok: queued as", done.stdout)

    def test_what_comes_by_smtp_arrives_aligned(self):
        cases = (*CASES, NO_FROM, NUL)
        self.send(self.by_smtp, cases)
        self.send(self.by_swaks, CASES, len(cases))
        self.assert_all((*cases, *CASES))

    def test_what_comes_by_sendmail_arrives_aligned(self):
        self.send(self.by_sendmail, CASES)
        self.by_sendmail(FOREIGN, text_of(len(CASES), ""))
        self.assert_all((*CASES, (FOREIGN, "", (ACCOUNT, ACCOUNT, FOREIGN))))

    def test_requeued_mail_is_shown_to_no_filter_again(self):
        self.world.stop()
        self.send(self.by_smtp, CASES)
        wait_for("all are deferred", 30, lambda: self.deferred(len(CASES)))
        seen = len(self.milter.log())
        self.mta.run("postsuper", "-r", "ALL")
        # pickup(8) looks into its folder when a message is posted.
        self.by_sendmail(ACCOUNT, text_of(len(CASES), f"From: {ACCOUNT}\n"))
        everything = (*CASES, (ACCOUNT, "", (ACCOUNT, ACCOUNT, None)))
        wait_for("all are deferred again", 30, lambda: self.deferred(len(everything)))
        verdicts = re.findall(r"event=message .*verdict=(\w+)", self.milter.log()[seen:])
        self.assertEqual(["pass"], verdicts, "the new one alone: " + self.milter.log()[seen:])
        self.world.start()
        self.mta.flush()
        self.assert_all(everything)

    def deferred(self, count):
        return [message["queue_name"] for message in self.mta.queue()] == ["deferred"] * count


class Forwarding(WithMilter):
    """Recipients of this host's own, who live elsewhere by an alias: what an MTA calls them when they come says nothing of that."""

    here = "relay.factory.example"
    changes = {**WithMilter.changes, "mydestination": here, "alias_maps": "inline:{root=admin@example.net}",
               "virtual_alias_domains": "lists.example",
               "virtual_alias_maps": f"inline:{{{{sales@lists.example=someone@example.net}},{{ops@{here}=someone@example.net}}}}"}

    def test_mail_that_aliases_lead_away_arrives_aligned(self):
        recipients = (f"root@{self.here}", f"ops@{self.here}", "sales@lists.example")
        for number, recipient in enumerate(recipients):
            text = text_of(number, f"From: {FOREIGN}\n")
            with smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60) as client:
                client.sendmail(FOREIGN, [recipient], text.replace("\n", "\r\n").encode())
        for number, recipient in enumerate(recipients, len(recipients)):
            done = self.mta.run("sendmail", "-i", "-f", FOREIGN, recipient, given=text_of(number, f"From: {FOREIGN}\n"), check=False)
            self.assertEqual(0, done.returncode, done.stderr)
        self.assert_all(((FOREIGN, f"From: {FOREIGN}\n", (ACCOUNT, ACCOUNT, FOREIGN)),) * 2 * len(recipients))


class Rejecting(WithMilter):
    milter_options = DEFAULT + ' mode = "reject"'

    def test_a_bounce_is_aligned_all_the_same(self):
        self.by_smtp(ACCOUNT, text_of(0, f"From: {BOSS}\n"))
        self.assert_bounced(BOSS)

    def test_a_device_gets_one_line_that_names_both_addresses(self):
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            self.by_smtp(FOREIGN, text_of(0, "From: Boss <boss@contoso.com>\n"))
        code, text = caught.exception.args
        self.assertEqual(550, code)
        self.assertTrue(text.isascii() and text.decode().isprintable(), text)
        self.assertLess(len(text) + 4, 400)
        self.assertIn(f"<{FOREIGN}>".encode(), text)
        self.assertIn(b"<boss@contoso.com>", text)
        self.by_smtp(ACCOUNT, text_of(1, f"From: {ACCOUNT}\n"))
        self.assertEqual(["case 1"], list(self.arrived(1)))


class Faults(WithMilter):
    def client(self, number):
        """As a device that tries again when it is put off."""
        envelope, fields, _ = CASES[number % len(CASES)]
        while True:
            try:
                return self.by_smtp(envelope, text_of(number, fields))
            except smtplib.SMTPResponseException as error:
                self.put_off.append(error.smtp_code)
            except smtplib.SMTPRecipientsRefused as error:
                self.put_off += [code for code, _ in error.recipients.values()]
            self.assertTrue(400 <= self.put_off[-1] < 500, self.put_off)

    def disturb(self):
        """Killed and come again; then a configuration that is none, and killed again after it is repaired."""
        for _ in range(5):
            put_off = len(self.put_off)
            self.milter.stop(signal.SIGKILL)
            wait_for("a client is put off", 30, lambda: len(self.put_off) > put_off)  # pylint: disable=cell-var-from-loop
            self.milter.start()
            seen = len(self.milter.log())
            self.milter.write("milter { nonsense")
            self.milter.wait_log("event=reload-failed", seen)
            self.milter.write()
            self.milter.wait_log("event=reloaded", seen)

    def test_killed_and_misconfigured_under_load(self):
        self.put_off, stop, counts = [], threading.Event(), [0, 0, 0]

        def load(i):
            while not stop.is_set():
                self.client(counts[i] * 3 + i)
                counts[i] += 1

        threads = [threading.Thread(target=load, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        try:
            self.disturb()
        finally:
            if self.milter.daemon is None:
                self.milter.start()
            stop.set()
            for thread in threads:
                thread.join()
        self.assertTrue(all(400 <= code < 500 for code in self.put_off), self.put_off)
        found = self.arrived(sum(counts))
        for i, count in enumerate(counts):
            for number in range(i, count * 3, 3):
                self.assert_case(found[f"case {number}"], CASES[number % len(CASES)])


if __name__ == "__main__":
    tap.main()
