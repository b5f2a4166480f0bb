#!/usr/bin/python3
"""mailbearer-milter in a real Postfix, before a server that answers 554 5.2.252 to whoever sends as somebody else."""

import email
import email.policy
import hashlib
import os
import re
import signal
import smtplib
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, Relay  # noqa: E402
from mta import wait_for  # noqa: E402
from milter_world import DEFAULT, MilterWorld  # noqa: E402

import tap  # noqa: E402

SEND_AS = ("accounting@contoso.com", "*@branch.contoso.com")
ACCOUNTS = f'account "{ACCOUNT}" {{ client = "contoso" send_as = {{ "{SEND_AS[0]}", "{SEND_AS[1]}" }} }}'
FOREIGN = "scanner@printer.local"
BODY = "scanned\n" + "x" * 70 + "\n.a line with a dot\n" + "From here on\n"
KEPT = "help@printer.local"

# envelope, header fields, (envelope, From, Reply-To) as they arrive; None: no such field
CASES = (
    (ACCOUNT, f"From: Scanner <{ACCOUNT}>\n", (ACCOUNT, ACCOUNT, None)),
    ("a@branch.contoso.com", f"From: {SEND_AS[0]}\n", ("a@branch.contoso.com", SEND_AS[0], None)),
    (ACCOUNT, f"From: Scanner <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, FOREIGN)),
    (FOREIGN, f"From: Scanner <{ACCOUNT}>\n", (ACCOUNT, ACCOUNT, None)),
    (FOREIGN, f"From: Scanner <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, FOREIGN)),
    (FOREIGN, f"From: {FOREIGN}\nReply-To: {KEPT}\n", (ACCOUNT, ACCOUNT, KEPT)),
    (FOREIGN, f"From: {FOREIGN}\nFrom: {ACCOUNT}\nFrom: boss@contoso.com\n", (ACCOUNT, ACCOUNT, None)),
    (FOREIGN, f"From: {ACCOUNT}, {FOREIGN}\n", (ACCOUNT, ACCOUNT, None)),
    (FOREIGN, f"From: Team: {ACCOUNT};\n", (ACCOUNT, ACCOUNT, None)),
    (ACCOUNT, f"From: =?UTF-8?Q?Z=C3=BCrich?= <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, FOREIGN)),
    (FOREIGN, f"From: =?UTF-8?Q?<{ACCOUNT}>?= <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, None)),
    ("", f"From: Mail Delivery System <{FOREIGN}>\n", ("", ACCOUNT, FOREIGN)),
    ("", f"From: {ACCOUNT}\n", ("", ACCOUNT, None)),
)
# Of mail that comes by sendmail(1), Postfix itself writes a From that is missing.
NO_FROM = (FOREIGN, "", (ACCOUNT, ACCOUNT, None))
REFUSED = ("smtp/send_as_denied", "smtp/multiple_from", "smtp/no_from", "smtp/unauthenticated_refused")


def text_of(number, fields):
    return f"{fields}To: someone@example.net\nSubject: case {number}\nMessage-ID: <{number}@scanner>\n\n{BODY}"


class WithMilter(unittest.TestCase):
    milter_options = DEFAULT

    def setUp(self):
        self.relay = Relay()
        self.addCleanup(self.relay.close)
        self.world, self.provider, self.mta = self.relay.world, self.relay.provider, self.relay.mta
        folder = self.mta.queue_folder / "run"
        folder.mkdir(exist_ok=True)
        self.milter = MilterWorld(self.milter_options, accounts=ACCOUNTS, listen=f"unix:{folder}/m/milter.sock",
                                  tokend=self.world.socket)
        self.addCleanup(self.milter.close)
        self.relay.configure(
            smtpd_milters="unix:run/m/milter.sock", non_smtpd_milters="$smtpd_milters", milter_protocol="6",
            milter_default_action="tempfail", message_strip_characters="\\0", local_header_rewrite_clients="",
            minimal_backoff_time="300s", maximal_backoff_time="300s")
        self.world.start()
        self.world.sign_in(send_as=list(SEND_AS))
        self.milter.start()
        self.mta.start()

    def by_smtp(self, envelope, text):
        with smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60) as client:
            client.sendmail(envelope, ["someone@example.net"], text.replace("\n", "\r\n").encode())

    def by_sendmail(self, envelope, text):
        done = self.mta.run("sendmail", "-t", "-i", "-f", envelope, given=text, check=False)
        self.assertEqual(0, done.returncode, done.stderr + self.mta.log()[-2000:])

    def send(self, way, cases, first=0):
        for number, (envelope, fields, _) in enumerate(cases, first):
            way(envelope, text_of(number, fields))

    def arrived(self, count):
        """The messages by their subject, each of which came once."""
        messages = self.relay.delivered(count)
        found = {re.search(r"(?m)^Subject: (.*?)\r?$", stored["body"])[1]: stored for stored in messages}
        self.assertEqual(count, len(messages))
        self.assertEqual(count, len(found), sorted(found))
        for counter in REFUSED:
            self.assertEqual(0, self.provider.count(counter), (counter, self.mta.log()[-3000:]))
        return found

    def assert_case(self, stored, case):
        envelope, sender, reply_to = case[2]
        message = email.message_from_bytes(stored["body"].encode("latin-1"), policy=email.policy.SMTP)
        self.assertEqual((envelope, [sender]), (stored["mail_from"], stored["header_from"]), case)
        self.assertEqual([sender], [address.addr_spec for address in message["From"].addresses], case)
        self.assertEqual([] if reply_to is None else [reply_to],
                         [a.addr_spec for field in message.get_all("Reply-To", []) for a in field.addresses], case)
        for name in ("X-Original-From", "X-Original-Envelope-From"):
            self.assertLessEqual(len(message.get_all(name, [])), max(1, case[1].count("From:")), case)
        body = stored["body"].encode("latin-1").split(b"\r\n\r\n", 1)[1]
        self.assertEqual(hashlib.sha256(BODY.replace("\n", "\r\n").encode()).hexdigest(), hashlib.sha256(body).hexdigest())

    def assert_all(self, cases):
        found = self.arrived(len(cases))
        for number, case in enumerate(cases):
            self.assert_case(found[f"case {number}"], case)


class Rewriting(WithMilter):
    def test_what_comes_by_smtp_arrives_aligned(self):
        cases = (*CASES, NO_FROM)
        self.send(self.by_smtp, cases)
        self.assert_all(cases)

    def test_what_comes_by_sendmail_arrives_aligned(self):
        self.send(self.by_sendmail, CASES)
        self.by_sendmail(FOREIGN, text_of(len(CASES), ""))
        self.assert_all((*CASES, (FOREIGN, "", (ACCOUNT, ACCOUNT, FOREIGN))))

    def test_requeued_while_tokend_is_away_changes_nothing_more(self):
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
        # Postfix 3.7 asks the milter only about the one that is new.
        self.assertEqual({"pass"}, set(verdicts), self.milter.log()[seen:])
        self.world.start()
        self.mta.flush()
        self.assert_all(everything)

    def deferred(self, count):
        return [message["queue_name"] for message in self.mta.queue()] == ["deferred"] * count


class Rejecting(WithMilter):
    milter_options = DEFAULT + ' mode = "reject"'

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
