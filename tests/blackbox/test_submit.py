#!/usr/bin/python3
"""mailbearer-submit as a mail server sees it: LMTP on its standard input and output, the stand-in for Microsoft behind it."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, BUILD, DAEMON_USER, PATIENCE, World  # noqa: E402

import tap  # noqa: E402

SUBMIT = BUILD / "mailbearer-submit"
IMPATIENT = BUILD / "tests" / "blackbox" / "impatient_submit"
MESSAGE = b"From: <relay@contoso.com>\r\nSubject: x\r\n\r\nHello\r\n..dot\r\n"
ARRIVED = MESSAGE.replace(b"\r\n..", b"\r\n.").decode()
ENVELOPE = (b"LHLO mta.example", b"MAIL FROM:<relay@contoso.com>", b"RCPT TO:<a@example.net>")


def session(*lines, message=MESSAGE):
    """The bytes of a whole session; the lines are its commands up to DATA."""
    return b"\r\n".join([*(lines or ENVELOPE), b"DATA", b""]) + message + b".\r\nQUIT\r\n"


class Lmtp:
    """One run of the program. impatient: where the one that tests have for that waits a second at the most."""

    def __init__(self, world, *arguments, impatient=None):
        program, more = (SUBMIT, {}) if impatient is None else (IMPATIENT, {"MB_IMPATIENT": impatient})
        self.log_path = world.folder / "submit.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([program, "-c", world.conf, *arguments], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, env=world.environment() | more, user=DAEMON_USER
                                            if os.geteuid() == 0 else None)

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def reply(self):
        """The lines of one reply as one text."""
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.process.stdout.readline().decode()
            if not line:
                raise AssertionError(f"no more replies after {lines}")
            lines.append(line.rstrip("\r\n"))
        return "\n".join(lines)

    def command(self, line):
        self.send(line + b"\r\n")
        return self.reply()

    def begin(self, *lines):
        """The greeting, and the replies to these commands."""
        return [self.reply(), *(self.command(line) for line in lines)]

    def finish(self, data=b""):
        """Sends this, ends the input: (all replies that are left, exit status)."""
        try:
            out, _ = self.process.communicate(data, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        lines = re.findall(r"(?:\d\d\d-[^\r\n]*\r\n)*\d\d\d [^\r\n]*", out.decode())
        return lines, self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class WithWorld(unittest.TestCase):
    """One world for all tests of a class: each begins with a fresh token and a stand-in that does nothing wrong."""

    submit = ""

    @classmethod
    def setUpClass(cls):
        cls.world = World(conf="")
        cls.provider = cls.world.provider
        locks = cls.world.folder / "locks"
        locks.mkdir()
        cls.world.give(locks)
        port = cls.provider.smtp_port
        cls.world.write(client=f'relayhost = "[localhost]:{port}"', conf=(
            f'account "{ACCOUNT}" {{ client = "contoso" send_as = {{ "scan@contoso.com" }} }}\n'
            f'connector "c" {{ relayhost = "[localhost]:{port}" senders = {{ "alert@contoso.com" }} }}\n'
            f'connector "six" {{ relayhost = "[::1]:9" senders = {{ "six@contoso.com" }} }}\n'
            f'submit {{ lock_directory = "{locks}" log = "stderr" {cls.submit} }}\n'))
        cls.world.start()
        cls.world.sign_in()
        (cls.world.folder / "submit.log").touch()

    @classmethod
    def tearDownClass(cls):
        text = (cls.world.folder / "submit.log").read_text(errors="replace")
        cls.world.close()
        for word in ("MARKER", "AddressSanitizer", "runtime error:"):
            if word in text:
                raise AssertionError(text[-6000:])

    def setUp(self):
        self.provider.reset()
        self.world.wait(lambda: self.world.status()["state"] == "fresh", "a token")
        self.seen = len(self.log())

    def log(self):
        path = self.world.folder / "submit.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def open(self, *arguments, impatient=None):
        lmtp = Lmtp(self.world, *arguments, impatient=impatient)
        self.addCleanup(lmtp.close)
        return lmtp

    def talk(self, data, *arguments, impatient=None):
        return self.open(*arguments, impatient=impatient).finish(data)

    def assert_replies(self, pattern, replies):
        """The replies' codes, greeting and LHLO left out, against a regular expression."""
        self.assertRegex(" ".join(reply[:3] for reply in replies[2:]), f"^{pattern}$", "\n".join(replies))

    def bodies(self):
        return [message["body"] for message in self.provider.messages()]

    def new_log(self):
        return self.log()[self.seen:]


class Delivery(WithWorld):
    def test_a_session_at_once(self):
        replies, status = self.talk(session())
        self.assert_replies("250 250 354 250 221", replies)
        self.assertEqual(0, status)
        self.assertEqual([ARRIVED], self.bodies())
        for word in ("PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "SIZE", "DSN"):
            self.assertIn(word, replies[1])
        self.assertRegex(replies[5], r"^250 2\.0\.0 OK <.*> \[Hostname=")
        self.assertEqual(1, self.new_log().count("\n"))
        self.assertRegex(self.new_log(), r"account=relay@contoso.com event=relayed from=relay@contoso.com relay=localhost "
                                         r"accepted=1 deferred=0 refused=0 size=\d+ took_ms=\d+ reply=\"250 2.0.0 OK")

    def test_a_line_of_the_log_is_never_read_as_a_reply(self):
        got = subprocess.run([SUBMIT, "-c", self.world.conf], input=session(), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=True, timeout=PATIENCE, env=self.world.environment(),
                             user=DAEMON_USER if os.geteuid() == 0 else None)
        self.assertEqual([ARRIVED], self.bodies())
        self.assertNotRegex(got.stdout.decode(), r"(?m)^(?!\d\d\d[ -]).|event=")

    def test_short_replies(self):
        denied = session(message=MESSAGE.replace(b"relay@", b"boss@"))
        self.assertLess(250, len(self.talk(denied)[0][5]))
        for option in ("-s", "--short-replies"):
            replies, _ = self.talk(denied, option)
            self.assertRegex(replies[5], "^554 5.2.252 SendAsDenied; relay@contoso.com not allowed")
            self.assertGreater(239, len(replies[5]))
        self.provider.config(smtp_fault={"at": "dot", "reply": "250 2.0.0 " + "x" * 450})
        self.assertEqual(237, len(self.talk(session())[0][5]))

    def test_byte_by_byte(self):
        lmtp = self.open()
        for number in session():
            lmtp.send(bytes([number]))
        self.assert_replies("250 250 354 250 221", lmtp.finish()[0])
        self.assertEqual([ARRIVED], self.bodies())

    def test_command_by_command_and_several_messages_over_one_login(self):
        lmtp = self.open()
        lmtp.begin(b"LHLO x")
        for turn in range(3):
            self.assertEqual("250 2.1.0 Sender OK", lmtp.command(ENVELOPE[1]))
            self.assertEqual("250 2.0.0 Reset", lmtp.command(b"RSET"))
            self.assertEqual("250 2.1.0 Sender OK", lmtp.command(ENVELOPE[1]))
            self.assertEqual("250 2.1.5 Recipient OK", lmtp.command(ENVELOPE[2]))
            self.assertEqual("250 2.1.5 Recipient OK", lmtp.command(b"RCPT TO:<b@example.net>"))
            self.assertEqual("354 End with CRLF.CRLF", lmtp.command(b"DATA"))
            lmtp.send(MESSAGE + b".\r\n")
            self.assertEqual(["250", "250"], [lmtp.reply()[:3], lmtp.reply()[:3]])
        self.assertEqual("221 2.0.0 Bye", lmtp.command(b"QUIT"))
        self.assertEqual(3 * [ARRIVED], self.bodies())
        self.assertEqual(1, self.provider.count("smtp/logins"))

    def test_parameters_where_both_sides_have_them(self):
        lines = (b"LHLO x", b"MAIL FROM:<relay@contoso.com> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q1",
                 b"RCPT TO:<a@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@example.net")
        wanted = ["SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q1",
                  "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@example.net"]
        self.assert_replies("250 250 354 250 221", self.talk(session(*lines))[0])
        self.assertEqual(wanted, self.provider.messages()[0]["parameters"])
        self.provider.config(withheld=["SIZE", "DSN", "PIPELINING"])
        self.assert_replies("250 250 354 250 221", self.talk(session(*lines))[0])
        self.assertEqual(["BODY=8BITMIME SMTPUTF8", ""], self.provider.messages()[1]["parameters"])
        for word, code in (("8BITMIME", "554 5.6.3"), ("SMTPUTF8", "553 5.6.7")):
            self.provider.config(withheld=[word])
            self.assertEqual(code, self.talk(b"\r\n".join(lines) + b"\r\n")[0][2][:9])

    def test_many_recipients_in_one_go(self):
        recipients = [b"RCPT TO:<r%d@example.net>" % i for i in range(1001)]
        replies, _ = self.talk(session(*ENVELOPE[:2], *recipients))
        self.assert_replies("250" + " 250" * 1000 + " 452 354" + " 250" * 1000 + " 221", replies)
        self.assertEqual(1000, len(self.provider.messages(bodies=False)[0]["rcpt_to"]))

    def test_tokens_of_every_size_and_both_mechanisms(self):
        for mechanism in ("XOAUTH2", "OAUTHBEARER"):
            for size in (1536, 4096, 16384):
                self.provider.config(token_size=size, mechanisms=["LOGIN", mechanism])
                self.world.ask("refresh " + ACCOUNT)
                self.assert_replies("250 250 354 250 221", self.talk(session())[0])
            self.assertEqual(3, self.provider.count("smtp/logins_by/" + mechanism))

    def test_who_sends(self):
        for sender, wanted in ((b"scan@contoso.com", "250"), (b"", "250"), (b"stranger@example.org", "451"),
                               (b"alert@contoso.com", "451")):
            replies, _ = self.talk(session(b"LHLO x", b"MAIL FROM:<" + sender + b">"))
            self.assertEqual(wanted, replies[2][:3], replies)
        self.assertIn("certificate", replies[2])  # a connector's is verified with the system's CAs
        self.assertEqual(2, self.provider.count("smtp/logins"))
        self.assertIn("no account or connector sends for <stranger@example.org>", self.new_log())
        replies, _ = self.talk(session(b"LHLO x", b"MAIL FROM:<stranger@example.org>"), "-a", ACCOUNT)
        self.assertEqual("250", replies[2][:3])
        self.assertEqual(3, self.provider.count("smtp/logins"))

    def test_an_address_in_brackets(self):
        """Nobody listens there, and some machines have no IPv6; but it must be understood."""
        reply = self.talk(session(b"LHLO mta.example", b"MAIL FROM:<six@contoso.com>"))[0][2]
        self.assertRegex(reply, r"^451 4\.4\.1 ::1:9: ")
        self.assertNotRegex(reply, "(?i)url|malformed|illegal|resolve")

    def test_a_login_is_for_its_own_senders(self):
        lmtp = self.open()
        replies = lmtp.begin(b"LHLO x", ENVELOPE[1], b"RSET", b"MAIL FROM:<alert@contoso.com>")
        self.assertEqual(["250", "250", "451"], [reply[:3] for reply in replies[2:]])
        self.assertIn("certificate", replies[4])  # the connector's server was asked anew, without the account's login
        self.provider.wait_for("smtp/commands/QUIT", 1)

    def test_usage(self):
        for arguments, status in ((["--nonsense"], 64), (["extra"], 64), (["--help"], 0), (["--version"], 0)):
            self.assertEqual(status, self.talk(b"", *arguments)[1])
        got = subprocess.run([SUBMIT, "-c", "/nonexistent/mb.conf"], capture_output=True, check=False, timeout=PATIENCE)
        self.assertEqual(75, got.returncode)
        self.assertRegex(got.stdout, rb"^421 4\.3\.5 .*/nonexistent/mb\.conf")


class Fates(WithWorld):
    def fault(self, at, **values):
        self.provider.config(smtp_fault={"at": at, **values})

    def test_two_recipients_of_whom_one_is_refused(self):
        for reply, event in (("550 5.1.1 no such user", "relay-refused"), ("452 4.2.2 mailbox full", "relay-deferred")):
            self.fault("rcpt", reply=reply, count=1)
            replies, _ = self.talk(session(*ENVELOPE, b"RCPT TO:<b@example.net>"))
            self.assertEqual([reply, "250 2.1.5 Recipient OK", "354 End with CRLF.CRLF"], replies[3:6])
            self.assert_replies(f"250 {reply[:3]} 250 354 250 221", replies)
            self.assertEqual(["b@example.net"], self.provider.messages()[-1]["rcpt_to"])
            self.assertIn(f"event={event} ", self.new_log())

    def test_all_recipients_refused(self):
        self.fault("rcpt", reply="550 5.1.1 no such user")
        replies, _ = self.talk(session())
        self.assertEqual(["550 5.1.1 no such user", "503 5.5.1 RCPT first"], replies[3:5])
        self.assertEqual([], self.bodies())

    def test_send_as_denied_is_for_good(self):
        replies, _ = self.talk(session(message=MESSAGE.replace(b"relay@", b"boss@")))
        self.assertRegex(replies[5], r"^554 5\.2\.252 SendAsDenied; relay@contoso.com not allowed to send as boss@contoso.com; "
                                     r"STOREDRV")
        self.assertRegex(self.new_log(), r"event=relay-refused .* refused=1 .*SendAsDenied")

    def test_a_throttled_sender_waits(self):
        self.fault("dot", reply="550 5.2.252 Sender throttled due to continuous send as denied errors")
        self.assertRegex(self.talk(session())[0][5], r"^450 4\.2\.252 localhost said: 550 5\.2\.252 Sender throttled")

    def test_every_trouble_of_the_login_waits(self):
        for values in ({"reply": "535 5.7.3 Authentication unsuccessful"}, {"reply": "454 4.7.0 later"},
                       {"reply": "534 5.7.9 weak"}, {"reply": "432 4.3.2 Concurrent connections limit exceeded"},
                       {"reply": "530 5.7.0 first"}, {"drop": True}):
            self.fault("auth", **values)
            replies, status = self.talk(session())
            self.assertEqual("4", replies[2][0], replies)
            self.assertEqual(replies[2], replies[3], "those sent with it learn why too")
            self.assertEqual(0, status)
            self.assertIn(values.get("reply", "the connection was lost"), replies[2])
        self.assertEqual([], self.bodies())
        self.assertEqual(6, self.new_log().count("event=relay-deferred"))

    def test_a_refused_token_is_replaced_and_tried_once_more(self):
        for gmail in (False, True):
            self.provider.reset()
            self.provider.config(gmail_mode=gmail)
            self.world.restart()  # tokend replaces a refused token once a minute
            self.world.ask("token " + ACCOUNT)
            self.provider.revoke(access_tokens_of=ACCOUNT)
            before = self.provider.count("token/requests")
            self.assert_replies("250 250 354 250 221", self.talk(session())[0])
            self.assertEqual(before + 1, self.provider.count("token/requests"))
            self.assertEqual(2, self.provider.count("smtp/commands/AUTH"))

    def test_faults_at_every_point_wait(self):
        for at in ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot"):
            for values in ({"drop": True}, {"reply": "421 4.3.2 Service not active"}):
                self.fault(at, **values)
                replies, _ = self.talk(session())
                text = "\n".join(replies)
                self.assertNotRegex(text, r"(?m)^(421|5(?!03 5\.5\.1 RCPT first|00 5\.5\.1 Command not known))", at)
                self.assertRegex(text, r"(?m)^4\d\d 4\.", at)
        self.assertEqual([], self.bodies())

    def test_a_connection_that_was_closed_while_idle_is_made_anew(self):
        lmtp = self.open()
        lmtp.begin(b"LHLO x")
        for number in range(2):
            self.assertEqual("250", lmtp.command(ENVELOPE[1])[:3])
            self.assertEqual("250", lmtp.command(ENVELOPE[2])[:3])
            lmtp.command(b"DATA")
            lmtp.send(MESSAGE + b".\r\n")
            self.assertEqual("250", lmtp.reply()[:3])
            self.fault("mail", drop=True, count=1)
        self.assertEqual(2, self.provider.count("smtp/logins"))
        self.assertEqual(2, len(self.bodies()))

    def test_no_tls_no_token(self):
        for certificate in ("wrong_name", "expired", "other_ca"):
            self.provider.config(smtp_certificate=certificate)
            self.assertEqual("451", self.talk(session())[0][2][:3])
        self.provider.config(smtp_certificate="good", withheld=["STARTTLS"])
        self.assertEqual("451", self.talk(session())[0][2][:3])
        self.provider.config(withheld=[], mechanisms=["LOGIN", "PLAIN"])
        self.assertIn("neither XOAUTH2 nor OAUTHBEARER", self.talk(session())[0][2])
        self.assertEqual(0, self.provider.count("smtp/commands/AUTH"))

    def test_tokend_or_the_provider_away(self):
        self.world.stop()
        reply = self.talk(session())[0][2]
        self.assertRegex(reply, r"^451 4\..*is mailbearer-tokend running")
        self.provider.token_fault("status", status=503)
        self.world.start()
        self.assertRegex(self.talk(session())[0][2], r"^451 4\.7\.0 tokend: ")
        self.provider.token_fault(None)
        self.world.refreshes()
        self.assert_replies("250 250 354 250 221", self.talk(session())[0])


class Hostile(WithWorld):
    def test_the_input_ends_at_every_point(self):
        whole = session()[:-len(b"QUIT\r\n")]
        cuts = {i + 1 for i, number in enumerate(whole) if number in b"\r\n"} - {len(whole)}
        for cut in sorted(cuts):
            self.talk(whole[:cut])
        self.assertEqual([], self.bodies())
        self.assert_replies("250 250 354 250", self.talk(whole)[0])
        self.assertEqual([ARRIVED], self.bodies())

    def test_killed_in_the_middle(self):
        lmtp = self.open()
        lmtp.begin(*ENVELOPE, b"DATA")
        lmtp.send(MESSAGE * 1000)
        lmtp.process.kill()
        self.provider.wait_until_down("smtp/sessions", 0)
        self.assertEqual([], self.bodies())

    def test_commands_that_are_none(self):
        junk = (b"EHLO x", b"", b"\0\1\2", b"MAIL FROM:<a@b\r>", b"x" * 5000, b"x" * 100000, b"RCPT TO:<a@b>", b"\xff\xfe",
                b"MAIL FROM:<relay@contoso.com> X=Y", b"MAIL FROM:<\xc3\xa9@contoso.com>", b"DATA")
        replies, status = self.talk(b"LHLO x\r\n" + b"\r\n".join(junk) + b"\r\nQUIT\r\n")
        self.assert_replies("500 500 500 500 500 500 503 500 555 553 503 221", replies)
        self.assertEqual(0, status)
        replies, _ = self.talk(b"\r\n" * 1000)
        self.assertEqual(1 + 21 + 1, len(replies))
        self.assertEqual("421 4.7.0 Too many errors", replies[-1])
        self.assertEqual(0, self.provider.count("smtp/connections"))

    def test_bare_line_ends_are_repaired(self):
        smuggled = b"From: <relay@contoso.com>\n\nx\n.\r\nMAIL FROM:<evil@example.org>\r\n\r\n.\nRCPT TO:<y@z>\ry\r\n"
        replies, _ = self.talk(session(message=smuggled))
        self.assert_replies("250 250 354 250 221", replies)
        self.assertEqual(["From: <relay@contoso.com>\r\n\r\nx\r\n.\r\nMAIL FROM:<evil@example.org>\r\n\r\n.\r\n"
                          "RCPT TO:<y@z> y\r\n"], self.bodies())

    def test_long_lines_are_folded(self):
        self.talk(session(message=b"From: <relay@contoso.com>\r\n\r\n" + b"x" * 2500 + b"\r\n"))
        self.assertEqual([998, 998, 506], [len(line) for line in self.bodies()[0].split("\r\n")[2:-1]])


class Refusing(WithWorld):
    submit = 'bare_newlines = "refuse"'

    def test_bare_line_ends_are_refused(self):
        for bad in (b"a\nb\r\n", b"a\rb\r\n", b".\nb\r\n", b"\r\r\n"):
            replies, _ = self.talk(session(message=MESSAGE + bad))
            self.assertRegex(replies[5], "^550 5.6.0 ")
        self.assertRegex(self.talk(b"LHLO x\nQUIT\r\n")[0][1], "^500 5.5.2")
        self.assertEqual([], self.bodies())
        self.assert_replies("250 250 354 250 221", self.talk(session())[0])


class Patience(WithWorld):
    submit = "connections = 2"

    def test_a_server_that_falls_silent(self):
        for at in ("connect", "auth", "mail", "rcpt", "data", "dot"):
            self.provider.config(smtp_fault={"at": at, "hang": True})
            replies, _ = self.talk(session(), impatient="server")
            self.assertRegex("\n".join(replies), r"(?m)^451 4\.", at)
            self.provider.release()
        self.assertEqual([], self.bodies())

    def test_a_client_that_falls_silent(self):
        for lines in ((), ENVELOPE, (*ENVELOPE, b"DATA")):
            lmtp = self.open(impatient="client")
            with contextlib.suppress(BrokenPipeError):  # a busy machine: it has waited enough by now
                lmtp.send(b"".join(line + b"\r\n" for line in lines))
            self.assertEqual(75, lmtp.process.wait(PATIENCE))
        self.assertEqual(3, self.new_log().count("event=mta-lost"))
        self.assertEqual([], self.bodies())

    def test_an_idle_login_is_given_up(self):
        lmtp = self.open(impatient="idle")
        lmtp.begin(b"LHLO x", ENVELOPE[1], b"RSET")
        self.provider.wait_for("smtp/commands/QUIT", 1)
        others = [self.open(), self.open()]
        for other in others:
            self.assertEqual("250", other.begin(b"LHLO x", ENVELOPE[1])[2][:3], "its place is free too")
        others[1].close()
        self.assertEqual("250", lmtp.command(ENVELOPE[1])[:3])
        self.assertEqual(4, self.provider.count("smtp/logins"))

    def test_no_more_sessions_at_a_time_than_set(self):
        holders = [self.open(), self.open()]
        for lmtp in holders:
            lmtp.begin(*ENVELOPE[:2])
        self.assertRegex(self.talk(session(), impatient="slot")[0][2], r"^451 4\.3\.2 2 other sessions of relay@contoso.com")
        holders[0].close()
        self.assert_replies("250 250 354 250 221", self.talk(session())[0])
        holders[1].close()
        self.provider.wait_until_down("smtp/sessions", 0)
        self.provider.config(max_sessions=2, reply_delay_ms=5)
        threads = [threading.Thread(target=self.talk, args=(session(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(9, len(self.bodies()))
        self.assertEqual(0, self.provider.count("smtp/concurrent_refused"))

    def test_a_lock_that_cannot_be_had(self):
        folder = self.world.folder / "locks"
        aside = folder.rename(self.world.folder / "aside")
        try:
            reply = self.talk(session())[0][2]
        finally:
            aside.rename(folder)
        self.assertRegex(reply, r"^451 4\.3\.5 cannot lock .*No such file or directory")


if __name__ == "__main__":
    tap.main()
