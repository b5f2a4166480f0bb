#!/usr/bin/python3
"""The real mailbearer-milter, spoken to as an MTA speaks: alignment, rules, gates, modes, its end and its configuration."""

import ctypes
import email
import email.policy
import errno
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE  # noqa: E402
from milter_client import ACTIONS, CHANGE_FROM, LEADING_SPACE, NO_BODY, STEPS, Milter, MilterError  # noqa: E402
from milter_world import DEFAULT, MILTER, MilterWorld  # noqa: E402
from shim import FAIL, STORE, Shim  # noqa: E402

import tap  # noqa: E402

RELAY = "relay@contoso.com"
FOREIGN = "scanner@printer.local"
OWNERS = (re.compile(r"(relay|accounting)@contoso\.com|[^@<>]+@branch\.contoso\.com", re.I),
          re.compile(r"other@contoso\.com", re.I))
UTF8 = "Z\u00fcrich \u2013 \u6771\u4eac"

# From fields that are, whole, one address of the account's, and may pass as they are.
ALIGNED = [
    "relay@contoso.com", "<relay@contoso.com>", "RELAY@Contoso.COM", "Scanner <relay@contoso.com>",
    '"Scanner, third floor" <relay@contoso.com>', '"a \\"quoted\\" name" <relay@contoso.com>', "accounting@contoso.com",
    "anybody@branch.contoso.com", "=?UTF-8?Q?Z=C3=BCrich?= <relay@contoso.com>", "=?utf-8?B?WsO8cmljaA==?= <relay@contoso.com>",
    "A. N. Other <relay@contoso.com>", "relay@contoso.com (Scanner)", "Scanner\r\n <relay@contoso.com>",
    "Scanner\r\n\t<relay@contoso.com>", '"" <relay@contoso.com>', "  relay@contoso.com  ",
]
# Everything else gets a From of ours, even where an allowed address stands in it.
REPLACED = [
    "", " ", "()", "scanner@printer.local", "Scanner <scanner@printer.local>", "Scanner", "<>", "<relay@contoso.com",
    "relay@contoso.com>", "relay@contoso.com, scanner@printer.local", "scanner@printer.local, relay@contoso.com",
    "relay@contoso.com, relay@contoso.com", "relay@contoso.com,", ",relay@contoso.com", "Group: relay@contoso.com;",
    "Group:;", "undisclosed-recipients:;", "relay@contoso.com scanner@printer.local", "<relay@contoso.com> <x@y.example>",
    "<relay@contoso.com> x@y.example", "relay@contoso.com <scanner@printer.local>", "<<relay@contoso.com>>",
    "<@route.example:relay@contoso.com>", '"relay@contoso.com" <scanner@printer.local>', "relay@contoso.com@printer.local",
    '"relay@contoso.com"@printer.local', '"x@y.example"@contoso.com', "relay@[127.0.0.1]", "relay(a comment)@contoso.com",
    "relay@contoso.com\r\n, scanner@printer.local", "relay @ contoso.com", "relay@contoso .com", "relay@con\ttoso.com",
    "relay@contoso.com.", ".relay@contoso.com", "relay..@contoso.com", "relay@contoso.com;", "relay@contoso.com:",
    "=?utf-8?Q?x=40y.example?= <relay@contoso.com> <x@y.example>", "=?UTF-8?Q?a=3Cscanner=40printer.local=3E?= <relay@contoso.com>",
    "=?utf-8?b?PHhAeS5leGFtcGxlPg==?= <relay@contoso.com>", "\u202erelay@contoso.com", "rel\u00e4y@contoso.com",
    "relay@c\u043entoso.com", UTF8 + " <scanner@printer.local>", "relay@contoso.com\x01", "\x7frelay@contoso.com",
    "relay\x00@contoso.com", b"\xff\xfe <relay@contoso.com>", b"Z\xfcrich <scanner@printer.local>",
    '"unclosed <relay@contoso.com>', "(unclosed relay@contoso.com", "((((((deep)))))) x@y.example",
    "x" * 60000 + " <relay@contoso.com>", "a@" + "b" * 20000, ("(" * 5000) + (")" * 5000) + " x@y.example",
    "relay@contoso.com " + "(c)" * 20000, "x@y.example" + ", x@y.example" * 3000, "\\ <scanner@printer.local>",
]
ENVELOPES = [RELAY, "Accounting@Contoso.com", FOREIGN, "", "other@contoso.com", "not an address"]


def parsed(value):
    """The addresses that Python's email package, in its strict policy, reads in a From field."""
    text = "From:" + value + "\r\n\r\n"
    message = email.message_from_bytes(text.encode("utf-8", "surrogateescape"), policy=email.policy.SMTP)
    return [address.addr_spec.lower() for address in message["From"].addresses]


def values(fields, name):
    return [value for other, value in fields if other.lower() == name.lower()]


def fields_of(*from_values):
    return [*(("From", b" " + value if isinstance(value, bytes) else " " + value) for value in from_values),
            ("To", " you@example.net"), ("Subject", " scan")]


class WithMilter(unittest.TestCase):
    options = {}

    def setUp(self):
        self.world = MilterWorld(**self.options)
        self.addCleanup(self.world.close)
        self.world.start()

    def connect(self, *arguments, **options):
        milter = self.world.connect(*arguments, **options)
        self.addCleanup(milter.close)
        return milter

    def assertRefused(self, outcome, code, *words):
        self.assertEqual("reply", outcome.verdict, outcome)
        self.assertTrue(outcome.reply.startswith(code), outcome.reply)
        self.assertLess(len(outcome.reply), 420)
        self.assertTrue(outcome.reply.isascii() and outcome.reply.isprintable(), outcome.reply)
        for word in words:
            self.assertIn(word, outcome.reply)


class Corpus(WithMilter):
    def aligned(self, envelope, fields, where):
        """What the MTA would queue is one account's, for every reader of it."""
        self.assertEqual(1, len(values(fields, "From")), where)
        addresses = parsed(values(fields, "From")[0])
        self.assertEqual(1, len(addresses), where)
        senders = [addresses[0], *([envelope] if envelope else [])]
        self.assertTrue(any(all(owner.fullmatch(sender) for sender in senders) for owner in OWNERS), (where, senders))
        for _, value in fields:
            if isinstance(value, str):
                for line in value.split("\n"):
                    self.assertLess(len(line.encode("utf-8", "surrogateescape")), 60100, where)
        self.assertLess(max(len(line) for line in values(fields, "From")[0].split("\n")), 998, where)

    def send(self, milter, envelope, from_value):
        where = (envelope, from_value[:80])
        fields = fields_of(from_value)
        outcome = milter.message(envelope, fields=fields)
        self.assertEqual("continue", outcome.verdict, (where, outcome))
        envelope, fields = outcome.apply(envelope, fields)
        self.aligned(envelope, fields, where)
        again = milter.message(envelope, fields=fields)
        self.assertEqual([], again.changes, where)
        return outcome

    def test_every_from_with_every_envelope(self):
        milter = self.connect()
        count = 0
        for envelope in ENVELOPES:
            for value in ALIGNED + REPLACED:
                self.send(milter, envelope, value)
                count += 1
        self.assertGreater(count, 400)

    def test_what_is_aligned_is_not_touched(self):
        milter = self.connect()
        for value in ALIGNED:
            self.assertEqual([], milter.message(RELAY, fields=fields_of(value)).changes, value)
        for value in REPLACED:
            self.assertNotEqual([], milter.message(RELAY, fields=fields_of(value)).changes, value[:80])

    def test_several_fields_and_none(self):
        milter = self.connect()
        for froms in ((RELAY, RELAY), (RELAY, FOREIGN), (FOREIGN, RELAY), (FOREIGN,) * 20, (), ("",) * 3):
            for envelope in (RELAY, FOREIGN, ""):
                fields = fields_of(*froms)
                outcome = milter.message(envelope, fields=fields)
                self.aligned(*outcome.apply(envelope, fields), (envelope, froms))

    def test_reply_to_and_names_are_kept(self):
        milter = self.connect()
        fields = fields_of("Third Floor <scanner@printer.local>")
        _, after = milter.message(FOREIGN, fields=fields).apply(FOREIGN, fields)
        self.assertEqual([" Third Floor <relay@contoso.com>"], values(after, "From"))
        self.assertEqual([" Third Floor <scanner@printer.local>"], values(after, "Reply-To"))
        self.assertEqual([" " + FOREIGN], values(after, "X-Original-Envelope-From"))
        fields.append(("Reply-To", " boss@contoso.com"))
        _, after = milter.message(FOREIGN, fields=fields).apply(FOREIGN, fields)
        self.assertEqual([" boss@contoso.com"], values(after, "Reply-To"))

    def test_obsolete_names_of_fields(self):
        milter = self.connect()
        for name in ("from", "FROM", "From "):
            outcome = milter.message(RELAY, fields=[(name, " " + FOREIGN), ("To", " x@y.example")])
            self.assertIn(" <relay@contoso.com>"[2:-1], str(outcome.changes), name)

    def test_an_mta_without_the_leading_blank(self):
        milter = self.connect(steps=STEPS & ~LEADING_SPACE)
        fields = fields_of("Third Floor <scanner@printer.local>")
        _, after = milter.message(FOREIGN, fields=fields).apply(FOREIGN, fields)
        self.assertEqual([" Third Floor <relay@contoso.com>"], values(after, "From"))

    def test_recipients_on_other_ways(self):
        milter = self.connect()
        for mailer, host, touched in (("lmtp", "x", False), ("Virtual", "", False), ("smtp", "[mx.example]:25", True),
                                      ("local", "x", True), ("error", "x", True)):
            outcome = milter.message(FOREIGN, fields=fields_of(FOREIGN),
                                     rcpt_macros={"{rcpt_mailer}": mailer, "{rcpt_host}": host})
            self.assertEqual(touched, bool(outcome.changes), mailer)
        milter.mail(FOREIGN)
        milter.rcpt("a@example.net", {"{rcpt_mailer}": "virtual"})
        milter.rcpt("b@example.net", {"{rcpt_mailer}": "smtp"})
        milter.content(fields_of(FOREIGN), b"")
        self.assertTrue(milter.end().changes)

    def test_many_connections_at_once(self):
        wrong = []

        def one():
            with self.world.connect() as milter:
                for _ in range(20):
                    fields = fields_of(FOREIGN)
                    try:
                        self.aligned(*milter.message(FOREIGN, fields=fields).apply(FOREIGN, fields), "thread")
                    except Exception as error:  # pylint: disable=broad-except
                        wrong.append(error)

        threads = [threading.Thread(target=one) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], wrong)


class Modes(WithMilter):
    options = {"milter": 'mode = "reject" ' + DEFAULT, "rules": """
rule "watched" { clients = { "192.0.2.64/26", "2001:db8::/32" } mode = "monitor" }
rule "free" { logins = { "boss" } mode = "off" }
rule "submission" { listeners = { "587" } mode = "rewrite" }
rule "printer" { senders = { "scanner@printer.local" } mode = "rewrite" account = "relay@contoso.com"
                 address = "accounting@contoso.com" }
"""}

    def test_reject_names_both_addresses_in_one_line(self):
        outcome = self.connect().message("a@b.example", fields=fields_of("Who <c@d.example>"))
        self.assertRefused(outcome, "550 5.7.1", "a@b.example", "c@d.example", RELAY)
        self.world.wait_log("event=message-refused")

    def test_reject_survives_wild_addresses(self):
        for wild in ("x" * 600 + "@b.example", "%s%n@b.example", "\u00e4@b.example", "a\tb@c.example"):
            self.assertRefused(self.connect().message(wild, fields=fields_of(wild)), "550 5.")

    def test_monitor_by_address_changes_nothing_and_says_what_it_would(self):
        for client in ("192.0.2.100", "2001:db8::7"):
            seen = len(self.world.log())
            outcome = self.connect(client).message(FOREIGN, fields=fields_of(FOREIGN))
            self.assertEqual(("continue", []), (outcome.verdict, outcome.changes))
            self.world.wait_log("changed=", seen)
            line = self.world.log()[seen:]
            for word in ("rule=watched", "mode=monitor", "verdict=pass", "would=change", "client=" + client, "queue_id=4XyZ1"):
                self.assertIn(word, line)

    def test_off_by_login(self):
        outcome = self.connect().message("a@b.example", fields=fields_of("c@d.example"),
                                         mail_macros={"{auth_authen}": "Boss"})
        self.assertEqual(("continue", []), (outcome.verdict, outcome.changes))

    def test_rewrite_by_listener(self):
        outcome = self.connect(macros={"{daemon_port}": "587"}).message("a@b.example", fields=fields_of("c@d.example"))
        self.assertIn(("from", "<relay@contoso.com>"), outcome.changes)

    def test_a_rules_own_address(self):
        fields = fields_of("Scan <x@y.example>")
        envelope, after = self.connect().message(FOREIGN, fields=fields).apply(FOREIGN, fields)
        self.assertEqual("accounting@contoso.com", envelope)
        self.assertEqual([" Scan <accounting@contoso.com>"], values(after, "From"))


class Gates(WithMilter):
    options = {"milter": DEFAULT + " max_message_size = 1000 max_recipients = 3 max_messages_per_minute = 5 "
                                   "max_recipients_per_day = 8"}

    def test_size(self):
        milter = self.connect()
        self.assertFalse(milter.steps & NO_BODY)
        self.assertRefused(milter.message(RELAY, fields=fields_of(RELAY), arguments=["SIZE=1001"]), "552 5.3.4", "1000")
        self.assertRefused(milter.message(RELAY, fields=fields_of(RELAY), body=b"x" * 1001), "552 5.3.4")
        self.assertEqual("continue", milter.message(RELAY, fields=fields_of(RELAY), body=b"x" * 1000).verdict)

    def test_recipients_are_refused_one_by_one(self):
        milter = self.connect()
        milter.mail(RELAY)
        answers = [milter.rcpt(f"r{i}@example.net") for i in range(5)]
        self.assertEqual([None] * 3, answers[:3])
        for answer in answers[3:]:
            self.assertRefused(answer, "452 4.5.3", "3")

    def test_runaway_guard_is_for_each_client(self):
        milter = self.connect()
        outcomes = [milter.message(RELAY, fields=fields_of(RELAY)) for _ in range(6)]
        self.assertEqual(["continue"] * 5, [outcome.verdict for outcome in outcomes[:5]])
        self.assertRefused(outcomes[5], "450 4.7.1", "5")
        self.assertEqual("continue", self.connect("192.0.2.8").message(RELAY, fields=fields_of(RELAY)).verdict)

    def test_recipients_of_a_day(self):
        three = [f"r{i}@example.net" for i in range(3)]
        outcomes = [self.connect(f"192.0.2.{i}").message(RELAY, three, fields_of(RELAY)) for i in range(1, 4)]
        self.assertEqual("continue", outcomes[1].verdict)
        self.assertRefused(outcomes[2], "451 4.7.1", "8")
        self.assertEqual("continue", self.connect("192.0.2.9").message("other@contoso.com", three,
                                                                       fields_of("other@contoso.com")).verdict)

    def test_mail_that_did_not_come_by_smtp_is_never_put_off(self):
        milter = Milter(self.world.socket)
        self.addCleanup(milter.close)
        milter.connect("127.0.0.1", port=0, macros={"i": "4AbC"})
        for _ in range(20):
            outcome = milter.message(FOREIGN, [f"r{i}@example.net" for i in range(9)], fields_of(FOREIGN))
            self.assertEqual("continue", outcome.verdict, outcome)
            self.assertTrue(outcome.changes)


class Health(WithMilter):
    options = {"milter": DEFAULT + " when_unusable = tempfail unusable_grace = 60"}

    def answer(self, text):
        """A tokend that says this to each question, until the test ends."""
        path = self.world.sockets / "t.sock"
        path.unlink(missing_ok=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        path.chmod(0o666)
        server.listen(50)
        self.addCleanup(server.close)

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    if text:
                        connection.sendall(b"%d:%s," % (len(text), text))
        threading.Thread(target=serve, daemon=True).start()

    def answered(self, sender):
        """The outcome of a message whose account tokend was asked about. On a busy machine its answer may come too late."""
        def send():
            outcome = self.connect().message(sender, fields=fields_of(sender))
            return outcome if outcome.verdict == "reply" else None

        return self.world.wait(send, "an answer of tokend's in time")

    def test_a_dead_grant_puts_mail_off_after_the_grace_time(self):
        self.answer(b"OK account relay@contoso.com unusable 61 AADSTS700082 expired")
        self.assertRefused(self.answered(RELAY), "451 4.3.0", "AADSTS700082")
        outcome = self.answered(FOREIGN)
        self.assertRefused(outcome, "451 4.3.0")
        self.assertEqual(b"E", outcome.stage)

    def test_within_the_grace_time_mail_is_taken(self):
        self.answer(b"OK account relay@contoso.com unusable 59 AADSTS700082")
        self.assertEqual("continue", self.connect().message(RELAY, fields=fields_of(RELAY)).verdict)

    def test_with_tokend_away_it_still_aligns_and_says_so_once(self):
        for _ in range(5):
            outcome = self.connect().message(FOREIGN, fields=fields_of(FOREIGN))
            self.assertIn(("from", "<relay@contoso.com>"), outcome.changes)
        self.assertEqual(1, self.world.log().count("event=tokend-away"))

    def test_a_tokend_that_does_not_speak_socketmap(self):
        self.answer(b"")
        self.assertTrue(self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes)
        self.world.wait_log("event=tokend-away")


class Process(WithMilter):
    def test_nothing_is_linked_but_libmilter_and_libconfuse(self):
        out = subprocess.run(["readelf", "-d", MILTER], capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
        linked = {name.split(".so")[0] for name in re.findall(r"\(NEEDED\).*\[(.*)\]", out)}
        compilers = {"libc", "libpthread", "libm", "libgcc_s", "librt", "libdl", "libresolv"}
        self.assertEqual({"libmilter", "libconfuse"}, {name for name in linked if not name.startswith("ld-")} - compilers)

    def test_configuration_is_picked_up_at_the_next_connection(self):
        old = self.connect()
        self.world.write(milter='mode = "reject" ' + DEFAULT)
        self.assertTrue(old.message(FOREIGN, fields=fields_of(FOREIGN)).changes)
        self.assertRefused(self.connect().message(FOREIGN, fields=fields_of(FOREIGN)), "550 5.7.1")
        self.world.wait_log("event=reloaded")

    def test_a_broken_configuration_is_reported_once_and_ignored(self):
        self.world.write(text="milter { modus = x }")
        for _ in range(3):
            self.assertTrue(self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes)
        self.assertEqual(1, self.world.log().count("event=reload-failed"))
        self.world.conf.unlink()
        self.assertTrue(self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes)
        self.world.write(milter='mode = "off"')
        self.assertEqual([], self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes)

    def sender_now(self):
        """What the envelope sender of a connection that begins now becomes."""
        sender, = (what[1] for what in self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes if what[0] == "from")
        return sender

    def told(self, since):
        return [line for line in self.world.log()[since:].splitlines() if "event=reload-failed" in line]

    def test_the_disk_fails_at_each_call_of_the_reading(self):
        """The old configuration stays, one line says why; when the disk is well again, the new one is there."""
        self.world.stop()
        shim = Shim(self.world.folder, self.world.conf)
        self.world.more_environment = shim.environment
        self.world.start()
        now, then = RELAY, "accounting@contoso.com"
        for number in (errno.EIO, errno.ENOSPC, errno.EACCES):
            for n in itertools.count(1):
                now, then, since = then, now, len(self.world.log())
                shim.arm(STORE, FAIL, n, number, and_after=True)
                self.world.write(milter=f'default_account = "{RELAY}"', rules=f'rule "all" {{ account = "{RELAY}" '
                                 f'address = "{now}" }}')
                senders = {self.sender_now(), self.sender_now()}
                if not shim.clear() or shim.last() == "close":  # by then it has been read
                    break
                self.assertEqual({f"<{then}>"}, senders, shim.last())
                line, = self.told(since)
                self.assertIn(os.strerror(number), line)
                self.assertIn('remedy="the old settings stay in force', line)
                self.assertEqual(f"<{now}>", self.sender_now())
            self.assertGreater(n, 3, "the calls were seen")
            tap.tried("the n-th call fails while the milter reads", n - 1, tap.CALLS)

    def test_half_written_configurations(self):
        """Cut anywhere: a message is aligned by the old one, or by what is whole of the new one, or refused."""
        whole = self.world.conf.read_text()
        for end in range(0, len(whole), 29):
            tap.tried("the n-th call fails while the milter reads")
            self.world.write(text=whole[:end])
            outcome = self.connect().message(FOREIGN, fields=fields_of(FOREIGN))
            self.assertTrue(("from", f"<{RELAY}>") in outcome.changes or (outcome.reply or "").startswith("550 5.7.1"), outcome)
        self.assertIn("is it half-written?", self.world.log())

    def test_sighup_looks_at_the_file_and_stops_nothing(self):
        milter = self.connect()
        self.world.write(milter='mode = "monitor"')
        self.world.daemon.send_signal(signal.SIGHUP)
        self.world.wait_log("event=reloaded")
        self.assertTrue(milter.message(FOREIGN, fields=fields_of(FOREIGN)).changes)

    def test_no_thread_of_the_library_takes_a_signal(self):
        """It would end the milter, and forget the messages under way. Whoever waits for a signal has it not blocked."""
        milter, pid = self.connect(), self.world.daemon.pid
        ours = sum(1 << signo - 1 for signo in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
        threads = [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid]
        self.assertGreater(len(threads), 2, "the library's, and the connection's")
        for thread in threads:
            self.assertEqual(0, ctypes.CDLL(None).tgkill(pid, thread, signal.SIGHUP))
            with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
                blocked = int(re.search(r"SigBlk:\s+(\w+)", file.read()).group(1), 16)
            self.assertEqual(ours, blocked & ours)
        self.assertTrue(milter.message(FOREIGN, fields=fields_of(FOREIGN)).changes)
        self.assertEqual(0, self.world.stop())
        self.assertEqual(1, self.world.log().count("event=stopping"))

    def test_a_second_one_is_refused_and_a_dead_ones_socket_taken_over(self):
        second = self.world.spawn()
        self.assertEqual(1, second.wait(PATIENCE))
        self.assertIn("another milter runs there", self.world.log())
        self.world.stop(signal.SIGKILL)
        self.assertTrue(self.world.socket.exists())
        self.world.start()
        self.assertTrue(self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes)

    def test_a_stop_lets_messages_under_way_end(self):
        self.world.write(milter=DEFAULT + " max_recipients = 9")  # so that the answer to RCPT tells that MAIL has come
        milter = self.connect()
        milter.mail(FOREIGN)
        milter.rcpt("me@example.net")
        self.world.daemon.send_signal(signal.SIGTERM)
        self.world.wait_log("event=stopping")
        self.world.wait(lambda: not self.world.socket.exists(), "the socket goes")
        milter.rcpt("you@example.net")
        milter.content(fields_of(FOREIGN), b"")
        self.assertIn(("from", "<relay@contoso.com>"), milter.end().changes)
        self.assertEqual(0, self.world.daemon.wait(PATIENCE))
        self.world.daemon = None

    def test_a_stop_does_not_wait_for_idle_connections(self):
        self.connect().message(FOREIGN, fields=fields_of(FOREIGN))
        self.assertEqual(0, self.world.stop(seconds=10), self.world.log())  # what messages under way have

    def test_an_mta_that_lets_nobody_change_senders(self):
        with self.assertRaises(MilterError):
            Milter(self.world.socket, actions=ACTIONS & ~CHANGE_FROM)
        self.world.wait_log("event=mta-unfit")

    def test_broken_frames_cost_only_their_connection(self):
        for data in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x01X", b"\0\0\0\x05O", os.urandom(200)):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.world.socket))
                connection.sendall(data)
        self.assertTrue(self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes)

    def test_a_new_connection_within_the_old_one_costs_only_itself(self):
        """SMFIC_QUIT_NC: libmilter has our part closed and goes on without a negotiation, whatever comes next."""
        commands = [(b"K", b""), (b"C", b"host\0" + b"4" + b"\x00\x19" + b"192.0.2.8\0"), (b"M", b"<a@b.c>\0"), (b"R", b"<a@b.c>\0"),
                    (b"L", b"From\0a@b.c\0"), (b"B", b"x"), (b"E", b"")]
        for steps, first in [(steps, first) for steps in (STEPS, 0) for first in (1, 2)]:
            with self.connect(steps=steps) as milter:
                milter.message(FOREIGN, fields=fields_of(FOREIGN))
                try:
                    for letter, data in commands[:1] + commands[first:]:
                        milter.send(letter, data)
                    milter.socket.shutdown(socket.SHUT_WR)
                    while milter.socket.recv(65536):
                        pass
                except (BrokenPipeError, ConnectionResetError):
                    pass  # it has hung up before all was said
        self.assertTrue(self.connect().message(FOREIGN, fields=fields_of(FOREIGN)).changes)
        self.assertIsNone(self.world.daemon.poll())

    def test_memory_does_not_grow(self):
        def resident():
            with open(f"/proc/{self.world.daemon.pid}/smaps_rollup", encoding="ascii") as file:
                return int(re.search(r"Rss:\s+(\d+)", file.read()).group(1))

        def batch():
            for _ in range(5):
                with self.world.connect() as milter:
                    for _ in range(100):
                        milter.message(FOREIGN, fields=fields_of("x" * 2000 + " <scanner@printer.local>", FOREIGN))

        # Until what the allocator (and a sanitizer's quarantine) keeps for itself is full.
        for _ in range(4):
            batch()
        before = resident()
        for _ in range(3):
            batch()
        self.assertLess(resident() - before, 2048)


if __name__ == "__main__":
    tap.main()
