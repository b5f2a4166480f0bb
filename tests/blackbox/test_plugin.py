#!/usr/bin/python3
"""The SASL plugin as it was built, in the real libsasl2, driven as Postfix and Sendmail drive it.

Wants $MB_BUILDDIR (and $MB_SRCDIR, or the folder two above this file).
"""

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ.get("MB_SRCDIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("MB_BUILDDIR", SOURCE)
sys.path[:0] = [os.path.join(SOURCE, "tests"), os.path.join(SOURCE, "tests", "fakes")]

import tap  # noqa: E402
from fake_tokend import FakeTokend  # noqa: E402

CLIENT = os.path.join(BUILD, "tests", "blackbox", "saslclient")
PLUGIN = os.path.join(BUILD, "sasl", ".libs", "libmailbearer.so")
IMPATIENT = os.path.join(BUILD, "tests", "blackbox", ".libs", "libimpatient.so")  # half a second, not thirty

OK, CONTINUE, FAIL, BUFOVER, NOMECH, BADPROT, BADPARAM = 0, 1, -1, -3, -4, -5, -7
BADAUTH, NOUSER, UNAVAIL = -13, -20, -24

USER = "relay@contoso.com"
TOKEN = "token " + USER
REFUSED = "refused " + USER
MARKER = "MARKERxTOKENx7f3a"
# Word for word what Gmail sends: https://developers.google.com/gmail/imap/xoauth2-protocol
GMAIL = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K"


def xoauth2(token, user=USER):
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def oauthbearer(token, user=USER, host="smtp.office365.com", port=None):
    ports = f"port={port}\x01" if port else ""
    return f"n,a={user},\x01host={host}\x01{ports}auth=Bearer {token}\x01\x01".encode()


class Session:
    """What saslclient printed."""

    def __init__(self, text):
        self.results, self.outs, self.log, self.mech, self.descriptors = [], [], [], None, None
        self.text = text
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word in ("start", "step"):
                self.results.append(int(rest))
            elif word == "mech":
                self.mech = rest
            elif word == "log":
                self.log.append(rest)
            elif word == "descriptors":
                self.descriptors = [int(n) for n in rest.split()]
            elif word == "out":
                length, _, encoded = rest.partition(" ")
                self.outs.append(None if length == "NULL" else base64.b64decode(encoded))
                assert length == "NULL" or len(self.outs[-1]) == int(length), line

    @property
    def ours(self):
        """The plugin's own log lines, without the level."""
        return [line.split(" ", 1)[1] for line in self.log if " cause=" in line]


class PluginTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mailbearer-plugin.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.socket = os.path.join(self.folder, "tokend.sock")

    def tokend(self, table):
        tokend = FakeTokend(self.socket, table)
        self.addCleanup(tokend.close)
        return tokend

    def command(self, *options, password=None):
        field = "unix:" + self.socket if password is None else password
        return [CLIENT, "-p", field, *options]

    def environment(self, plugin=PLUGIN):
        folder = os.path.join(self.folder, os.path.basename(plugin) + ".d")
        if not os.path.isdir(folder):
            os.mkdir(folder)
            os.symlink(plugin, os.path.join(folder, os.path.basename(plugin)))
        return dict(os.environ, SASL_PATH=folder)

    def run_client(self, *options, password=None, plugin=PLUGIN):
        done = subprocess.run(self.command(*options, password=password), env=self.environment(plugin), timeout=90,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        session = Session(done.stdout)
        for line in session.log:
            self.assertNotIn(MARKER, line)
        return session

    def assert_failed(self, session, result, *in_log):
        """It failed in the first step, gave nothing away, and logged one line, as an error."""
        self.assertEqual(session.results, [result], session.text)
        self.assertEqual(session.outs, [])
        self.assertEqual(len(session.ours), 1, session.text)
        self.assertRegex(session.log[-1], r'^1 account=\S+ cause="[^"]+" remedy="[^"]+"$')
        for text in in_log:
            self.assertIn(text, session.ours[0])


class TestTheModule(PluginTest):
    def test_exports_one_symbol(self):
        listing = subprocess.run(["nm", "-D", "--defined-only", PLUGIN], check=True, stdout=subprocess.PIPE, text=True)
        self.assertEqual([line.split()[-1] for line in listing.stdout.splitlines()], ["sasl_client_plug_init"])

    def test_needs_libc_only(self):
        dynamic = subprocess.run(["readelf", "-d", PLUGIN], check=True, stdout=subprocess.PIPE, text=True).stdout
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
        # A build with sanitizers has their run-time library in it, and what that needs.
        self.assertEqual([n for n in needed if not re.match(r"lib(asan|ubsan|gcc_s|m)\.so", n)
                          or not self.is_sanitized()], ["libc.so.6"])

    def is_sanitized(self):
        symbols = subprocess.run(["nm", "-D", PLUGIN], check=True, stdout=subprocess.PIPE, text=True).stdout
        return "__asan_" in symbols

    def test_leaves_no_descriptor_behind(self):
        self.tokend({TOKEN: "OK t", "token nobody@contoso.com": "@half:OK t"})
        for options in ([], ["-u", "nobody@contoso.com"], ["-u", "unknown@contoso.com"]):
            before, after = self.run_client("-n", "50", *options).descriptors
            self.assertEqual(before, after)

    def test_closes_on_exec_what_it_opens(self):
        tokend = self.tokend({TOKEN: "@silent"})
        with subprocess.Popen(self.command(), env=self.environment(), stdout=subprocess.DEVNULL) as client:
            try:
                self.assertTrue(tokend.wait_until_asked(TOKEN))
                sockets = [fd for fd in os.listdir(f"/proc/{client.pid}/fd") if os.readlink(
                    f"/proc/{client.pid}/fd/{fd}").startswith("socket:")]
                self.assertEqual(len(sockets), 1)
                with open(f"/proc/{client.pid}/fdinfo/{sockets[0]}", encoding="ascii") as file:
                    flags = int(re.search(r"flags:\s*(\d+)", file.read()).group(1), 8)
                self.assertTrue(flags & os.O_CLOEXEC)
            finally:
                client.kill()


class TestAsPostfix(PluginTest):
    def test_a_short_token_is_the_initial_response(self):
        tokend = self.tokend({TOKEN: "OK " + MARKER})
        session = self.run_client("-l")
        self.assertEqual(session.results, [CONTINUE])
        self.assertEqual(session.mech, "XOAUTH2")
        self.assertEqual(session.outs, [xoauth2(MARKER)])
        self.assertEqual(session.ours, [])
        self.assertEqual(dict(tokend.asked), {TOKEN: 1})

    def test_tokens_of_every_size_pass(self):
        for size in (1536, 4096, 16 * 1024, 60 * 1024):
            with self.subTest(size), FakeTokend(self.socket, {TOKEN: f"@size:{size}"}) as tokend:
                session = self.run_client("-c", "")
                self.assertEqual(session.results, [CONTINUE, CONTINUE])
                self.assertEqual(session.outs, [None, xoauth2("t" * size)])
                self.assertEqual(session.ours, [])
                self.assertEqual(tokend.asked[TOKEN], 1)

    def test_oauthbearer_names_the_host(self):
        self.tokend({TOKEN: "OK " + MARKER})
        session = self.run_client("-m", "OAUTHBEARER")
        self.assertEqual((session.mech, session.outs), ("OAUTHBEARER", [oauthbearer(MARKER)]))

    def test_oauthbearer_names_the_port_when_it_is_known(self):
        self.tokend({TOKEN: "OK " + MARKER})
        session = self.run_client("-m", "OAUTHBEARER", "-r", "192.0.2.1;587")
        self.assertEqual(session.outs, [oauthbearer(MARKER, port=587)])

    def test_a_slow_answer_is_waited_for(self):
        self.tokend({TOKEN: "@delay:1:OK " + MARKER})
        self.assertEqual(self.run_client().outs, [xoauth2(MARKER)])

    def test_an_error_challenge_is_answered_with_nothing(self):
        tokend = self.tokend({TOKEN: "OK " + MARKER, REFUSED: "OK noted"})
        session = self.run_client("-l", "-h", "smtp.gmail.com", "-c", GMAIL)
        self.assertEqual(session.results, [CONTINUE, CONTINUE])
        self.assertEqual(session.outs[1:], [b""])
        self.assertEqual(session.ours, [
            f'account={USER} cause="smtp.gmail.com refused the access token (status 401)" '
            'remedy="the next try gets a new token; if that is refused too, see mailbearer status"'])
        self.assertEqual(dict(tokend.asked), {TOKEN: 1, REFUSED: 1})

    def test_oauthbearers_error_challenge_is_answered_with_one_byte(self):
        tokend = self.tokend({TOKEN: "OK " + MARKER})
        session = self.run_client("-m", "OAUTHBEARER", "-c", GMAIL)
        self.assertEqual(session.results, [CONTINUE, CONTINUE])
        self.assertEqual(session.outs[1:], [b"\x01"])
        self.assertEqual(len(session.ours), 1)
        self.assertEqual(tokend.asked[REFUSED], 1)

    def test_an_error_challenge_after_a_long_token(self):
        tokend = self.tokend({TOKEN: "@size:2000", REFUSED: "@close"})
        session = self.run_client("-c", "", "-c", GMAIL, "-c", GMAIL)
        self.assertEqual(session.results, [CONTINUE, CONTINUE, CONTINUE, BADPROT])
        self.assertEqual(session.outs, [None, xoauth2("t" * 2000), b""])
        self.assertEqual(len(session.ours), 1)
        self.assertEqual(tokend.asked[REFUSED], 1)

    def test_a_challenge_of_garbage_is_a_refusal(self):
        self.tokend({TOKEN: "OK " + MARKER})
        for challenge in (b"\x00\xff\x01", b"{" * 9000, b'{"status":"\n\x01\xff"}', b"=" * 3000, b""):
            session = self.run_client("-c", base64.b64encode(challenge).decode())
            self.assertEqual(session.results, [CONTINUE, CONTINUE])
            self.assertEqual(session.outs[1:], [b""])
            self.assertEqual(len(session.ours), 1)
            self.assertTrue(session.ours[0].isprintable())

    def test_is_no_mechanism_where_plaintext_ones_are_unwelcome(self):
        self.tokend({TOKEN: "OK " + MARKER})
        self.assertEqual(self.run_client("-N").results, [NOMECH])
        self.assertEqual(self.run_client("-N", "-s", "256").results, [CONTINUE])

    def test_is_chosen_among_others(self):
        self.tokend({TOKEN: "OK " + MARKER})
        self.assertEqual(self.run_client("-m", "LOGIN NTLM XOAUTH2").mech, "XOAUTH2")


class TestAsSendmail(PluginTest):
    def test_a_long_token_waits_for_the_server_to_ask(self):
        tokend = self.tokend({TOKEN: "@size:1450"})
        for challenge in ("", "NULL"):
            session = self.run_client("-s", "256", "-r", "192.0.2.1;587", "-c", challenge)
            self.assertEqual(session.results, [CONTINUE, CONTINUE])
            self.assertEqual(session.outs, [None, xoauth2("t" * 1450)])
            self.assertEqual(session.ours, [])
        self.assertEqual(dict(tokend.asked), {TOKEN: 2})

    def test_a_token_that_would_be_cut_fails_at_once(self):
        self.tokend({TOKEN: "OK " + MARKER + "t" * 1500})
        for options in (["-s", "256"], ["-r", "192.0.2.1;587"]):
            self.assert_failed(self.run_client("-l", *options, "-c", ""), BUFOVER, "2047 octets", "mailbearer-submit")

    def test_every_command_that_it_may_send_is_short_enough(self):
        for size in range(1470, 1500):
            with FakeTokend(self.socket, {TOKEN: f"@size:{size}"}):
                session = self.run_client("-s", "256", "-c", "")
            for out in session.outs:
                self.assertLessEqual(len("AUTH XOAUTH2 ") + len(base64.b64encode(out or b"")) + len("\r\n"), 2047)

    def test_no_token_fails_in_the_first_step(self):
        self.tokend({TOKEN: "PERM sign in again"})
        self.assert_failed(self.run_client("-s", "256", "-c", ""), BADAUTH, "sign in again")


class TestWithoutAToken(PluginTest):
    def test_what_tokend_says_is_in_the_log(self):
        for answer, result in (("TEMP the token endpoint answered 503", UNAVAIL), ("TIMEOUT no answer", UNAVAIL),
                               ("PERM the grant was revoked", BADAUTH)):
            with self.subTest(answer), FakeTokend(self.socket, {TOKEN: answer}):
                reason = answer.split(" ", 1)[1]
                self.assert_failed(self.run_client(), result, f'account={USER} cause="{reason}"')

    def test_an_unknown_account(self):
        self.tokend({})
        self.assert_failed(self.run_client("-u", "other@contoso.com"), NOUSER, "account=other@contoso.com",
                           "tokend has no such account", "add the account to mailbearer.conf")

    def test_tokend_away(self):
        self.assert_failed(self.run_client(), UNAVAIL, self.socket, "start mailbearer-tokend")
        with open(self.socket, "w", encoding="ascii"):
            pass
        self.assert_failed(self.run_client(), UNAVAIL, self.socket, "start mailbearer-tokend")

    def test_tokend_hangs_up(self):
        self.tokend({TOKEN: "@close", "token half@contoso.com": "@half:OK " + MARKER * 20})
        self.assert_failed(self.run_client(), UNAVAIL)
        self.assert_failed(self.run_client("-u", "half@contoso.com"), UNAVAIL)

    def test_tokend_never_answers(self):
        self.tokend({TOKEN: "@silent"})
        start = time.monotonic()
        session = self.run_client(plugin=IMPATIENT)
        self.assertGreater(time.monotonic() - start, 0.4)
        self.assert_failed(session, UNAVAIL, "the mail waits; why tokend takes so long is in its log")

    def test_tokend_never_ends(self):
        self.tokend({TOKEN: "@drip:0.1:OK " + MARKER * 20})
        start = time.monotonic()
        session = self.run_client(plugin=IMPATIENT)
        self.assertGreater(time.monotonic() - start, 0.4)
        self.assert_failed(session, UNAVAIL, "the mail waits")

    def test_refused_shares_the_deadline(self):
        self.tokend({TOKEN: "@delay:0.1:OK " + MARKER, REFUSED: "@silent"})
        session = None
        while session is None or session.results == [UNAVAIL]:  # a busy machine has spent it all before the token came
            start = time.monotonic()
            session = self.run_client("-c", GMAIL, plugin=IMPATIENT)
        self.assertGreater(time.monotonic() - start, 0.4)
        self.assertEqual(session.results, [CONTINUE, CONTINUE])
        self.assertEqual(session.outs[1:], [b""])
        self.assertEqual(len(session.ours), 1)

    def test_something_else_answers(self):
        oversized = b"100001:OK " + b"t" * 99998 + b","
        for raw in (b"220 mail ESMTP\r\n", b"\x00\xff" * 50, b"999999999:OK x,", oversized, b"5:OK tx;", b"04:OK t,",
                    b"7:MAYBE t,", b"0:,", b"-1:x,", b"4294967299:OK t,"):
            with self.subTest(raw[:20]), FakeTokend(self.socket, {TOKEN: "@raw:" + raw.hex()}):
                self.assert_failed(self.run_client(), UNAVAIL, "see that the password field names the socket")

    def test_a_token_that_is_none(self):
        for token in ("", MARKER + "\x01\x01auth=Bearer x", MARKER + " x", MARKER + "\n", "m\u00fc" + MARKER):
            with self.subTest(token), FakeTokend(self.socket, {TOKEN: "OK " + token}):
                self.assert_failed(self.run_client("-l"), FAIL, "is no access token")

    def test_a_reason_cannot_break_the_log_line(self):
        self.tokend({TOKEN: 'TEMP a"b\x01c\nfake line'})
        self.assert_failed(self.run_client(), UNAVAIL, "a'b?c?fake line")


class TestSettings(PluginTest):
    def test_the_default_socket(self):
        """Whether a tokend runs on this machine is not the test's to say."""
        session = self.run_client(password="tokend")
        self.assertNotEqual(session.results, [BADPARAM])
        self.assertNotIn("password field", session.text)

    def test_a_password_in_the_password_field_is_never_logged(self):
        secret = "hunter2xMARKERx"
        tokend = self.tokend({TOKEN: "OK t"})
        for field in (secret, "", "tokend" + secret, "unix:" + secret, "Tokend", "unix:/" + secret * 20):
            with self.subTest(field):
                session = self.run_client("-l", password=field)
                self.assert_failed(session, BADPARAM, "set the password field to tokend, or to unix:/path")
                self.assertNotIn(secret, session.text)
        self.assertEqual(dict(tokend.asked), {})

    def test_users_that_are_none(self):
        tokend = self.tokend({})
        for user in ("", "a\x01auth=Bearer x", "a\nb@contoso.com", "a b@contoso.com", "u" * 321):
            with self.subTest(user):
                self.assert_failed(self.run_client("-u", user), BADPARAM, "account=unknown", "the user name is empty")
        self.assertEqual(dict(tokend.asked), {})

    def test_users_that_look_odd(self):
        for user, escaped in (("a=b,c@contoso.com", "a=3Db=2Cc@contoso.com"), ("m\u00fcller@contoso.com",) * 2):
            with self.subTest(user), FakeTokend(self.socket, {"token " + user: "OK t"}):
                self.assertEqual(self.run_client("-u", user).outs, [xoauth2("t", user)])
                self.assertEqual(self.run_client("-u", user, "-m", "OAUTHBEARER").outs, [oauthbearer("t", escaped)])

    def test_callers_that_would_prompt(self):
        self.assert_failed(self.run_client("-P"), FAIL, "gave no user name")


if __name__ == "__main__":
    tap.main()
