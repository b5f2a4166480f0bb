#!/usr/bin/python3
"""mailbearer(8) as it was built, against a stand-in for tokend that says what it is told to. TAP on standard output.

Wants $MB_BUILDDIR (and $MB_SRCDIR, or the folder two above this file).
"""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

SOURCE = os.environ.get("MB_SRCDIR", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("MB_BUILDDIR", SOURCE)
sys.path[:0] = [os.path.join(SOURCE, "tests"), os.path.join(SOURCE, "tests", "fakes")]

import tap  # noqa: E402
from fake_tokend import FakeTokend  # noqa: E402

MAILBEARER = os.path.join(BUILD, "mailbearer")
DONE, FAILED, USAGE, NO_TOKEND = 0, 1, 2, 3
PATIENCE = 90  # seconds for anything here

USER = "relay@contoso.com"
MARKER = "MARKERxREFRESHx91c4"
NOBODY = 65534
PROMPT = "Refresh token (it is not shown): "
AGAIN = "Type the account's name again to forget the one it has: "

CLIENT = """
client "contoso" {
    provider = "microsoft"
    tenant = "contoso.onmicrosoft.com"
    client_id = "7d1c9f9e-54a3-4c3f-8d55-0f2c2f6a9d10"
    client_secret_file = "%s"
}
account "relay@contoso.com" { client = "contoso" }
account "app@contoso.com" { client = "contoso" grant = "client_credentials" }
"""


def account(name=USER, state="fresh", **more):
    values = {"account": name, "state": state, "client": "contoso", "grant": "refresh_token", "token_valid_for": 3540,
              "granted_at": int(time.time()) - 12 * 86400 - 60, "refreshed_at": None, "last_refresh_at": None, "next_try_in": None,
              "failures": 0, "last_error": None, "remedy": None, "unsaved": False}
    return {**values, **more}


class Terminal:
    """A pseudo-terminal: what a person sees of a program, and types."""

    def __init__(self, columns=80):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.seen = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()  # a letter may come in two pieces

    def close(self):
        os.close(self.master)
        os.close(self.slave)

    def more(self):
        """Takes what is there within the time for one step; False when nothing came."""
        ready, _, _ = select.select([self.master], [], [], PATIENCE)
        if ready:
            self.seen += self.decoder.decode(os.read(self.master, 65536))
        return bool(ready)

    def wait_for(self, text):
        while text not in self.seen:
            if not self.more():
                raise AssertionError(f"{text!r} never came; seen: {self.seen!r}")

    def type(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.master, data):]


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mailbearer-cli.")
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.socket = os.path.join(self.folder, "tokend.sock")
        self.conf = self.file("mailbearer.conf", f'tokend {{ listen = {{ "{self.socket}" }} }}\n', 0o644)

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def tokend(self, **table):
        """Answers by map: token="OK x" is the answer to "token USER"."""
        keys = {"status_all": "status *", "reload": "reload "}
        return FakeTokend(self.socket, {keys.get(k, f"{k} {USER}"): v for k, v in table.items()})

    def run_cli(self, *args, typed=None, **options):
        options = {"input": typed, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": PATIENCE,
                   **({} if typed is not None else {"stdin": subprocess.DEVNULL}), **options}
        return subprocess.run([MAILBEARER, "-c", self.conf, *args], check=False, **options)

    def assert_done(self, result, stdout):
        self.assertEqual((result.returncode, result.stdout, result.stderr), (DONE, stdout, ""))

    def assert_failed(self, result, status, *texts):
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        self.assertTrue(result.stderr.startswith("mailbearer: "), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)

    def at_terminal(self, *args, prompt, typed, stdout=subprocess.PIPE):
        """Runs at a terminal of its own, types when asked; (status, standard output, what the terminal showed)."""
        terminal = Terminal()
        self.addCleanup(terminal.close)
        before = termios.tcgetattr(terminal.slave)
        with subprocess.Popen([MAILBEARER, "-c", self.conf, *args], stdin=terminal.slave, stdout=stdout,
                              stderr=terminal.slave, text=True) as process:
            try:
                terminal.wait_for(prompt)
                terminal.type(typed)
                out, _ = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        self.assertEqual(termios.tcgetattr(terminal.slave), before)
        os.write(terminal.slave, b"<END>")
        terminal.wait_for("<END>")
        return process.returncode, out, terminal.seen


class Help(CliTest):
    def test_help_and_version(self):
        result = self.run_cli("--help")
        self.assertEqual((result.returncode, result.stderr), (DONE, ""))
        self.assertIn("\n  status ", result.stdout)
        self.assertIn("usage: mailbearer [-c FILE] token ACCOUNT\n", self.run_cli("token", "--help").stdout)
        self.assertRegex(self.run_cli("--version").stdout, r"^mailbearer \d+\.\d+\.\d+\n$")

    def test_usage_is_a_status_of_its_own(self):
        for words in ([], ["stats"], ["token"], ["token", "a b"], ["status", "--jason"], ["import", USER], ["reload", USER]):
            with self.subTest(words=words):
                self.assert_failed(self.run_cli(*words), USAGE)


class Status(CliTest):
    def test_table(self):
        accounts = [account(last_refresh_at=int(time.time()) - 61),
                    account("other@contoso.com", "needs_login", token_valid_for=None, granted_at=None,
                            last_error="invalid_grant: AADSTS700082: The refresh token has expired due to inactivity.",
                            remedy="sign in again")]
        with self.tokend(status_all="OK " + json.dumps(accounts)):
            self.assert_done(self.run_cli("status"), """\
ACCOUNT            STATE        TOKEN     GRANT    LAST REFRESH
relay@contoso.com  fresh        59m left  12d old  1m ago
other@contoso.com  needs_login  none      -        never
    invalid_grant: AADSTS700082: The refresh token has expired due to
    inactivity.
    sign in again
    The steps: mailbearer explain AADSTS700082
""")

    def test_one_account(self):
        with self.tokend(status="OK " + json.dumps(account(state="ageing"))):
            result = self.run_cli("status", USER)
        self.assertEqual(result.stdout.splitlines()[1].split()[:2], [USER, "ageing"])

    def test_json_is_passed_on_as_it_is(self):
        text = json.dumps([account(last_error="Zugriff verweigert: \u00fc \x1b")])
        with self.tokend(status_all="OK " + text):
            self.assert_done(self.run_cli("status", "--json"), text + "\n")

    def test_json_with_controls_in_it_is_not_printed(self):
        with self.tokend(status_all='OK ["\x1b[2J"]'):
            self.assert_failed(self.run_cli("status", "--json"), FAILED, "not printed")

    def test_ten_thousand_accounts(self):
        accounts = [account(f"printer{i}@contoso.com") for i in range(10000)]
        with self.tokend(status_all="OK " + json.dumps(accounts)):
            result = self.run_cli("status")
        self.assertEqual((result.returncode, result.stdout.count("\n")), (DONE, 10001))

    def test_no_accounts(self):
        with self.tokend(status_all="OK []"):
            self.assert_done(self.run_cli("status"), "The configuration has no accounts.\n")

    def test_answers_that_are_no_json(self):
        for text in ("", "[", "7", "[" * 100 + "]" * 100, '{"a":1,"a":2}'):
            with self.subTest(text=text), self.tokend(status_all="OK " + text):
                self.assert_failed(self.run_cli("status"), FAILED, "tokend's answer cannot be read")

    def test_the_table_fits_the_terminal(self):
        name = "printer." * 20 + "@contoso.com"
        answer = "OK " + json.dumps([account(name, "backoff", last_error="error " * 60)])
        for columns, longest in ((80, 80), (132, 132), (300, 300), (10, 80), (0, 80)):
            terminal = Terminal(columns)
            self.addCleanup(terminal.close)
            with self.subTest(columns=columns), self.tokend(status_all=answer):
                self.assertEqual(self.run_cli("status", stdout=terminal.slave).returncode, DONE)
                os.write(terminal.slave, b"<END>")
                terminal.wait_for("<END>")
                lines = terminal.seen.replace("<END>", "").split("\r\n")
                self.assertLessEqual(max(map(len, lines)), longest)
                self.assertGreater(max(map(len, lines)), longest - 8)
                self.assertEqual("..." in terminal.seen, columns != 300)


class Token(CliTest):
    def test_prints_the_token_and_nothing_else(self):
        with self.tokend(token="OK eyJ0eXAi.OiJKV1Qi-_~+/="):
            self.assert_done(self.run_cli("token", USER), "eyJ0eXAi.OiJKV1Qi-_~+/=\n")

    def test_long_tokens_are_whole(self):
        with self.tokend(token="@size:16384"):
            self.assert_done(self.run_cli("token", USER), "t" * 16384 + "\n")

    def test_reasons_go_to_standard_error(self):
        with self.tokend(token="TEMP invalid_grant: sign in again"):
            self.assert_failed(self.run_cli("token", USER), FAILED, f"mailbearer: {USER}: invalid_grant: sign in again\n")
        with self.tokend():
            self.assert_failed(self.run_cli("token", USER), FAILED, USER, "no such account")

    def test_reasons_cannot_drive_the_terminal(self):
        with self.tokend(token="PERM \x1b[2J\x9b\u202e"):
            self.assertTrue(self.run_cli("token", USER).stderr.startswith(f"mailbearer: {USER}: \\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae"))

    def test_reasons_are_shown_as_the_locale_can(self):
        for locale, shown in (("C.UTF-8", "\u00fcber"), ("C", "\\xc3\\xbcber")):
            with self.subTest(locale=locale), self.tokend(token="TEMP \u00fcber"):
                result = self.run_cli("token", USER, env={**os.environ, "LC_ALL": locale}, encoding="utf-8")
                self.assertEqual(result.stderr, f"mailbearer: {USER}: {shown}\n")

    def test_who_may_not_ask_is_told_of_sudo(self):
        with self.tokend(token="PERM uid 1000 may not ask 'token': add its user to token_users in /x"):
            self.assert_failed(self.run_cli("token", USER), FAILED, "; or run it with sudo\n")

    def test_output_that_cannot_be_written(self):
        with self.tokend(token="OK " + MARKER), open("/dev/full", "wb") as full:
            result = self.run_cli("token", USER, stdout=full)
        self.assertEqual((result.returncode, result.stderr),
                         (FAILED, "mailbearer: cannot write to standard output: No space left on device\n"))

    def test_an_empty_token_is_none(self):
        with self.tokend(token="OK "):
            self.assert_failed(self.run_cli("token", USER), FAILED, "holds no token")

    def test_a_token_with_controls_in_it_is_not_printed(self):
        with self.tokend(token=f"OK {MARKER}\x1b"):
            result = self.run_cli("token", USER)
        self.assert_failed(result, FAILED, "not printed")
        self.assertNotIn(MARKER, result.stderr)


class NoTokend(CliTest):
    def test_no_socket(self):
        self.assert_failed(self.run_cli("token", USER), NO_TOKEND, self.socket, "is mailbearer-tokend running?")

    def test_nobody_behind_the_socket(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.socket)
        self.assert_failed(self.run_cli("status"), NO_TOKEND, self.socket, "is mailbearer-tokend running?")

    def test_answers_that_are_none(self):
        for answer in ("@close", "@half:OK token", "@raw:485454502f312e31", "MAYBE token"):
            with self.subTest(answer=answer), self.tokend(token=answer):
                self.assert_failed(self.run_cli("token", USER), NO_TOKEND, self.socket)


class Admin(CliTest):
    def test_refresh(self):
        with self.tokend(refresh="OK token good for 3599 s"):
            self.assert_done(self.run_cli("refresh", USER), f"{USER}: token good for 3599 s\n")
        with self.tokend(refresh="TEMP no answer; check the network"):
            self.assert_failed(self.run_cli("refresh", USER), FAILED, f"{USER}: no answer; check the network\n")

    def test_reload(self):
        with self.tokend(reload="OK 3 accounts"):
            self.assert_done(self.run_cli("reload"), "reloaded: 3 accounts\n")
        with self.tokend(reload="PERM /etc/x.conf:7: no such key 'tenent'; did you mean tenant?"):
            self.assert_failed(self.run_cli("reload"), FAILED, "mailbearer: /etc/x.conf:7: no such key")


class Import(CliTest):
    def setUp(self):
        super().setUp()
        self.question = f"import {USER} {MARKER}"

    def tokend_for(self, question, answer="OK saved; token good for 3599 s"):
        return FakeTokend(self.socket, {question: answer})

    def test_from_a_file(self):
        token = self.file("token", MARKER + "\r\n")
        with self.tokend_for(self.question):
            self.assert_done(self.run_cli("import", USER, "--refresh-token-file", token),
                             f"{USER}: saved; token good for 3599 s\n")

    def test_from_standard_input(self):
        with self.tokend_for(self.question):
            self.assert_done(self.run_cli("import", "--refresh-token-file=-", USER, typed=MARKER),
                             f"{USER}: saved; token good for 3599 s\n")

    def test_saved_but_not_proved(self):
        with self.tokend_for(self.question, "TEMP saved, but no answer came; it is tried again"):
            self.assert_failed(self.run_cli("import", USER, "--refresh-token-file", "-", typed=MARKER), FAILED,
                               f"{USER}: saved, but no answer came")

    def test_a_file_that_others_may_read_is_warned_of(self):
        token = self.file("token", MARKER, 0o644)
        with self.tokend_for(self.question):
            result = self.run_cli("import", USER, "--refresh-token-file", token)
        self.assertEqual((result.returncode, result.stdout), (DONE, f"{USER}: saved; token good for 3599 s\n"))
        self.assertRegex(result.stderr, rf"^mailbearer: warning: .*{token}.*\n$")

    def test_what_is_no_token_is_not_sent(self):
        with self.tokend() as tokend:
            for text in ("", "\n", f"{MARKER} {MARKER}", f"{MARKER}\n{MARKER}", f'{{"refresh_token": "{MARKER}"}}', "x" * 65537):
                with self.subTest(text=text[:80]):
                    result = self.run_cli("import", USER, "--refresh-token-file", "-", typed=text)
                    self.assert_failed(result, FAILED, "standard input")
                    self.assertNotIn(MARKER, result.stderr)
            self.assertFalse(tokend.asked)

    def test_the_longest_token(self):
        with self.tokend_for(f"import {USER} " + "x" * 65536):
            self.assertEqual(self.run_cli("import", USER, "--refresh-token-file", "-", typed="x" * 65536).returncode, DONE)

    def test_refused_without_the_token_in_the_text(self):
        result = self.run_cli("import", USER, "--refresh-token-file", "-", typed=MARKER)
        self.assert_failed(result, NO_TOKEND)
        self.assertNotIn(MARKER, result.stderr)

    def test_typed_at_a_terminal_it_is_not_shown(self):
        long = MARKER + "y" * 6000  # more than a terminal's own line editing would let through
        with self.tokend_for(f"import {USER} {long}"):
            status, out, seen = self.at_terminal("import", USER, "--refresh-token-file", "-", prompt=PROMPT,
                                                 typed=f"wrong\x15wron\x7f\x7f\x7f\x7f{long}\n")
        self.assertEqual((status, out), (DONE, f"{USER}: saved; token good for 3599 s\n"))
        self.assertEqual(seen, PROMPT + "\r\n<END>")

    def test_interrupted_at_a_terminal(self):
        with self.tokend() as tokend:
            status, _, seen = self.at_terminal("import", USER, "--refresh-token-file", "-", prompt=PROMPT, typed=f"{MARKER}\x03")
            self.assertFalse(tokend.asked)
        self.assertEqual(status, FAILED)
        self.assertIn("nothing was changed", seen)
        self.assertNotIn(MARKER, seen)


class Forget(CliTest):
    def test_without_a_terminal_it_wants_yes(self):
        with self.tokend(forget="OK forgotten") as tokend:
            self.assert_failed(self.run_cli("forget", USER, typed=USER + "\n"), USAGE, "--yes")
            self.assertFalse(tokend.asked)
            self.assert_done(self.run_cli("forget", "--yes", USER), f"{USER}: forgotten\n")

    def test_at_a_terminal_it_wants_the_name(self):
        with self.tokend(forget="OK forgotten") as tokend:
            status, out, _ = self.at_terminal("forget", USER, prompt=AGAIN, typed="relay@contoso.co\n")
            self.assertEqual((status, out, len(tokend.asked)), (FAILED, "", 0))
            status, out, _ = self.at_terminal("forget", USER, prompt=AGAIN, typed="\x04")
            self.assertEqual((status, out, len(tokend.asked)), (FAILED, "", 0))
            status, out, _ = self.at_terminal("forget", USER, prompt=AGAIN, typed=USER + "\n")
            self.assertEqual((status, out), (DONE, f"{USER}: forgotten\n"))


class CheckConfig(CliTest):
    def write(self, mode=0o600, more="", owner=NOBODY):
        """A good configuration, with a secret whose file has these rights."""
        secret = self.file("secret", "s3cret", mode)
        seal = self.file("seal.key", "00" * 32)
        if os.geteuid() == 0:
            os.chown(secret, owner, owner)
            os.chown(seal, NOBODY, NOBODY)
        self.conf = self.file("mailbearer.conf", CLIENT % secret + f'tokend {{ seal_key_file = "{seal}" user = "nobody" }}\n' + more,
                              0o644)
        return secret

    def test_good(self):
        self.write()
        self.assert_done(self.run_cli("check-config"), f"{self.conf}: 1 client, 2 accounts, 0 connectors: all good\n")

    def test_what_systemd_gives_tokend_alone_is_left_out(self):
        self.write()
        with open(self.conf, encoding="utf-8") as file:
            text = file.read()
        self.conf = self.file("mailbearer.conf", re.sub(r'"[^"]*/(secret|seal\.key)"', r'"credential:\1"', text), 0o644)
        self.assert_done(self.run_cli("check-config"), f"{self.conf}: 1 client, 2 accounts, 0 connectors: all good\n")

    def test_wrong_settings_are_named_with_their_line(self):
        self.write(more="milter { mod = off }\n")
        self.assert_failed(self.run_cli("check-config"), FAILED, f"mailbearer: {self.conf}:11: ", "mode")

    def test_two_owners_of_an_address(self):
        self.write(more='account "x@contoso.com" { client = "contoso" send_as = { "relay@contoso.com" } }\n')
        self.assert_failed(self.run_cli("check-config"), FAILED, self.conf, "relay@contoso.com")

    def test_missing_file(self):
        self.conf = os.path.join(self.folder, "none.conf")
        self.assert_failed(self.run_cli("check-config"), FAILED, self.conf, "No such file")

    def test_a_secret_that_everybody_may_read(self):
        secret = self.write(0o644)
        self.assert_failed(self.run_cli("check-config"), FAILED, secret, "chmod")

    def test_a_secret_that_tokend_may_not_read(self):
        secret = self.write(0o600 if os.geteuid() == 0 else 0, owner=0)
        self.assert_failed(self.run_cli("check-config"), FAILED, secret, f"uid {NOBODY if os.geteuid() == 0 else os.geteuid()}")

    def test_a_configuration_that_tokend_may_not_read(self):
        self.write()
        os.chmod(self.conf, 0o600 if os.geteuid() == 0 else 0)
        self.assert_failed(self.run_cli("check-config"), FAILED, self.conf)


if __name__ == "__main__":
    tap.main()
