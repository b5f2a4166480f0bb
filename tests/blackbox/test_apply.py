#!/usr/bin/python3
"""mailbearer postfix-config --apply and --undo, on files of an installation whose postconf and postfix are stand-ins."""

import os
import pty
import re
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import CLI, PATIENCE  # noqa: E402
from postfix_standin import POSTCONF  # noqa: E402

import tap  # noqa: E402

CLIENT = ('client "c" { provider = "microsoft" tenant = "contoso.onmicrosoft.com" '
          'client_id = "f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357" }\n')
ONE = CLIENT + 'account "relay@contoso.com" { client = "c" transport = "mb" }\n'
TWO = ONE + 'account "scan@contoso.com" { client = "c" transport = "scan" }\n'

MAIN = """# See /usr/share/postfix/main.cf.dist
smtpd_banner = $myhostname ESMTP

# two lines
mynetworks = 127.0.0.0/8,
  10.0.0.0/8
relayhost =
"""
MASTER = """smtp      inet  n       -       y       -       -       smtpd
# our way out
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
        -o syslog_name=postfix/$service_name
"""

POSTFIX = """#!/bin/sh
cat "$2/words" >&2 2>/dev/null
exit "$(cat "$2/status" 2>/dev/null || echo 0)"
"""


def patched(before, diff):
    """What a unified diff makes of a text."""
    lines, out, at = before.splitlines(True), [], 0
    for hunk in re.split(r"(?m)^(?=@@ )", diff)[1:]:
        head, *body = hunk.splitlines(True)
        first, count = re.match(r"@@ -(\d+)(?:,(\d+))? \+", head).groups()
        start = int(first) - (count != "0")
        out += lines[at:start]
        at = start
        for line in body:
            if line[0] in " -":
                assert lines[at] == line[1:], (lines[at], line)
                at += 1
            if line[0] in " +":
                out.append(line[1:])
    return "".join(out + lines[at:])


class Apply(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mb"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.etc, self.bin, self.conf = self.folder / "etc", self.folder / "bin", self.folder / "mb.conf"
        for path in (self.etc, self.bin):
            path.mkdir()
        for name, text in (("postconf", POSTCONF), ("postfix", POSTFIX)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self.main, self.master = self.etc / "main.cf", self.etc / "master.cf"
        self.main.write_text(MAIN)
        self.master.write_text(MASTER)
        self.conf.write_text(ONE)

    def command(self, *arguments):
        return [CLI, "-c", self.conf, "postfix-config", "--postconf", self.bin / "postconf", "--config-dir", self.etc,
                *arguments]

    def run_it(self, *arguments, status=0):
        got = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=False,
                             stdin=subprocess.DEVNULL)
        self.assertEqual(status, got.returncode, got.stdout + got.stderr)
        return got.stdout + got.stderr

    def texts(self):
        return self.main.read_text(), self.master.read_text()

    def backups(self):
        return sorted(path.name for path in self.etc.glob("*.mailbearer-*"))

    def test_what_is_shown_is_what_is_done_and_a_second_time_does_nothing(self):
        self.main.chmod(0o640)
        shown = self.run_it("--apply", "--yes")
        diffs = dict(re.findall(r"(?ms)^--- (\S+)\n(.*?)(?=^--- |^\S+ was changed)", shown))
        main, master = self.texts()
        self.assertEqual(main, patched(MAIN, diffs[str(self.main)]))
        self.assertEqual(master, patched(MASTER, diffs[str(self.master)]))
        self.assertIn("\ndefault_transport = mb:[smtp.office365.com]:587\n", main)
        self.assertIn("\nmb unix - - y - 3 smtp\n", master)
        self.assertEqual(0o640, stat.S_IMODE(self.main.stat().st_mode))
        self.assertIn(f"postfix -c {self.etc} reload", shown)
        self.assertEqual(2, len(self.backups()))
        self.assertEqual(MAIN, (self.etc / self.backups()[0]).read_text())
        self.assertIn("nothing was changed", self.run_it("--apply", "--yes"))
        self.assertEqual((main, master), self.texts())
        self.assertEqual(2, len(self.backups()))

    def test_undone_step_by_step(self):
        self.run_it("--apply", "--yes")
        first = self.texts()
        self.conf.write_text(TWO)
        self.run_it("--apply", "--yes")
        self.assertIn("scan unix", self.master.read_text())
        self.run_it("--undo", "--yes")
        self.assertEqual(first, self.texts())
        self.run_it("--undo", "--yes")
        self.assertEqual((MAIN, MASTER), self.texts())
        self.assertEqual([], self.backups())
        self.assertIn("nothing to undo", self.run_it("--undo", "--yes", status=1))

    def test_an_account_that_is_taken_out_takes_its_transport_with_it(self):
        stays = CLIENT + 'account "stays@contoso.com" { client = "c" }\n'
        self.conf.write_text(stays)
        self.run_it("--apply", "--yes")
        before = self.texts()
        self.conf.write_text(stays + 'account "gone@contoso.com" { client = "c" }\n')
        self.run_it("--apply", "--yes")
        self.assertIn("mailbearer-gone-contoso-com unix", self.master.read_text())
        self.conf.write_text(stays)
        shown = self.run_it("--apply", "--yes")
        self.assertIn("-mailbearer-gone-contoso-com unix ", shown)
        self.assertIn("-sender_dependent_default_transport_maps = socketmap:", shown)
        self.assertIn("note: The transport mailbearer-gone-contoso-com goes", shown)
        self.assertEqual(before, self.texts())

    def test_not_undone_when_somebody_else_has_edited(self):
        self.run_it("--apply", "--yes")
        with self.main.open("a") as file:
            file.write("# theirs\n")
        edited = self.texts()
        said = self.run_it("--undo", "--yes", status=1)
        self.assertIn("changed by somebody else", said)
        self.assertIn(self.backups()[0], said)
        self.assertEqual(edited, self.texts())
        self.assertEqual(2, len(self.backups()))

    def test_a_file_that_stays_the_same_has_no_backup(self):
        self.run_it("--apply", "--yes")
        self.run_it("--undo", "--yes")
        self.conf.write_text(CLIENT + 'connector "k" { relayhost = "[a.example]:25" senders = { "a@b.example" } }\n')
        self.run_it("--apply", "--yes")
        self.assertEqual(["main.cf"], [name.split(".mailbearer")[0] for name in self.backups()])
        self.assertEqual(MASTER, self.master.read_text())
        self.run_it("--undo", "--yes")
        self.assertEqual((MAIN, MASTER), self.texts())

    def test_what_postfix_does_not_like_is_taken_back(self):
        (self.etc / "words").write_text("postfix/postfix-script: fatal: no such thing\n")
        (self.etc / "status").write_text("1")
        said = self.run_it("--apply", "--yes", status=1)
        self.assertIn("fatal: no such thing", said)
        self.assertIn("nothing was changed", said)
        self.assertEqual((MAIN, MASTER), self.texts())
        self.assertEqual([], self.backups())
        (self.etc / "status").write_text("0")
        self.run_it("--apply", "--yes")
        applied = self.texts()
        (self.etc / "status").write_text("1")
        self.assertIn("nothing was undone", self.run_it("--undo", "--yes", status=1))
        self.assertEqual(applied, self.texts())
        self.assertEqual(2, len(self.backups()))

    def test_a_symbolic_link_stays_one(self):
        real = self.folder / "real"
        real.mkdir()
        self.main.rename(real / "main.cf.site")
        self.main.symlink_to("../real/main.cf.site")
        self.run_it("--apply", "--yes")
        self.assertTrue(self.main.is_symlink())
        self.assertIn("default_transport", self.main.read_text())
        self.assertEqual(MAIN, next(real.glob("main.cf.site.mailbearer-*")).read_text())
        self.run_it("--undo", "--yes")
        self.assertEqual((MAIN, MASTER), self.texts())
        self.assertEqual(["main.cf.site"], [path.name for path in real.iterdir()])

    def test_a_name_that_is_taken_is_refused(self):
        self.master.write_text(MASTER + "mb unix - n n - - pipe\n  flags=R argv=/bin/true\n")
        before = self.texts()
        said = self.run_it("--apply", "--yes", status=1)
        self.assertIn('a service "mb" already', said)
        self.assertIn("transport = ", said)
        self.assertEqual(before, self.texts())

    def test_what_is_no_installation_is_told(self):
        self.assertIn("cannot run /nonexistent/postconf", self.run_it("--apply", "--yes", "--postconf=/nonexistent/postconf",
                                                                      status=1))
        (self.bin / "postconf").write_text("#!/bin/sh\necho 'postconf: fatal: open main.cf: gone' >&2\nexit 1\n")
        self.assertIn("fatal: open main.cf: gone", self.run_it("--apply", "--yes", status=1))
        self.assertEqual((MAIN, MASTER), self.texts())

    def test_words_that_do_not_fit(self):
        self.assertIn("add --yes", self.run_it("--apply", status=2))
        self.assertIn("add --yes", self.run_it("--undo", status=2))
        self.assertIn("only one of --apply and --undo", self.run_it("--apply", "--undo", "--yes", status=2))
        self.assertIn("go with --apply or --undo", self.run_it(status=2))
        self.assertEqual((MAIN, MASTER), self.texts())

    def ask(self, answer, meanwhile=None, what="--apply"):
        """With a terminal: the exit status and what was shown."""
        mine, theirs = pty.openpty()
        with subprocess.Popen(self.command(what), stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            while b"[y/N]" not in shown:
                self.assertTrue(select.select([mine], [], [], PATIENCE)[0], shown)
                shown += os.read(mine, 65536)
            if meanwhile:
                meanwhile()
            os.write(mine, answer)
            while select.select([mine], [], [], PATIENCE)[0]:
                try:
                    shown += os.read(mine, 65536)
                except OSError:
                    break
            os.close(mine)
        return process.returncode, shown.decode()

    def test_it_asks(self):
        for answer in (b"n\n", b"\n", b"yess\n"):
            status, shown = self.ask(answer)
            self.assertEqual(1, status)
            self.assertIn("nothing was changed", shown)
            self.assertEqual((MAIN, MASTER), self.texts())
        self.assertEqual(0, self.ask(b"y\n")[0])
        self.assertIn("default_transport", self.main.read_text())

    def test_the_way_back_is_shown_and_asked_about(self):
        self.run_it("--apply", "--yes")
        applied = self.texts()
        for answer in (b"n\n", b"\n"):
            status, shown = self.ask(answer, what="--undo")
            self.assertEqual(1, status)
            self.assertIn("nothing was changed", shown)
            self.assertEqual(applied, self.texts())
        self.assertEqual(2, len(self.backups()))
        status, shown = self.ask(b"y\n", what="--undo")
        self.assertEqual(0, status)
        self.assertEqual((MAIN, MASTER), self.texts())
        diffs = dict(re.findall(r"(?ms)^--- (\S+)\n(.*?)(?=^--- |^Change )", shown.replace("\r", "")))
        self.assertEqual(MAIN, patched(applied[0], diffs[str(self.main)]))
        self.assertEqual(MASTER, patched(applied[1], diffs[str(self.master)]))
        self.assertEqual([], self.backups())

    def test_an_edit_while_it_asks_of_the_way_back_is_kept(self):
        self.run_it("--apply", "--yes")
        applied = self.texts()
        status, shown = self.ask(b"y\n", lambda: self.main.write_text(applied[0] + "biff = no\n"), what="--undo")
        self.assertEqual(1, status)
        self.assertIn("has been changed meanwhile", shown)
        self.assertEqual((applied[0] + "biff = no\n", applied[1]), self.texts())
        self.assertEqual(2, len(self.backups()))

    def test_an_edit_while_it_asks_is_not_overwritten(self):
        status, shown = self.ask(b"y\n", lambda: self.main.write_text(MAIN + "biff = no\n"))
        self.assertEqual(1, status)
        self.assertIn("has been changed meanwhile", shown)
        self.assertEqual((MAIN + "biff = no\n", MASTER), self.texts())
        self.assertEqual([], self.backups())


if __name__ == "__main__":
    tap.main()
