#!/usr/bin/python3
"""The package in a Debian with Postfix, booted by a real systemd in a container: from nothing to the first mail, and then what
the units promise, by living through it.

    sudo ./bootstrap check-systemd     builds the package and runs this

Nothing of this machine is touched: namespaces, control group and folder are deleted at the end.
"""

import json
import re
import shutil
import smtplib
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from container import main_of_test  # noqa: E402
from debian import Debian, libraries, newer, package  # noqa: E402
from evening import ACCOUNT, ANSWERS, CLIENT_ID, MILTER, PACKAGES, POSTFIX, TENANT, TO, TOKEND, Evening  # noqa: E402
from person import authorize  # noqa: E402

import tap  # noqa: E402

COMMANDS_MAX = 4
CHROOTED = "/var/spool/postfix/run/mailbearer/tokend.sock"
SUBMIT_SOCKET = "/run/mailbearer-submit.sock"
EXPOSURE_MAX = 2.0
DROP_IN = "/etc/systemd/system/mailbearer-tokend.service.d"
KEY, SEALED_KEY = "/etc/mailbearer/seal.key", "/etc/mailbearer/seal.cred"


class Life(unittest.TestCase):
    """One life of the package, in the order of the methods' names: each stands on the one before."""

    @classmethod
    def setUpClass(cls):
        cls.evening = Evening()
        cls.addClassCleanup(cls.evening.close)
        cls.container, cls.provider = cls.evening.container, cls.evening.provider
        cls.provider.account(ACCOUNT, client_id=CLIENT_ID, public=True)

    def postfix_files(self):
        return {name: (self.container.root / "etc/postfix" / name).read_bytes() for name in ("main.cf", "master.cf")}

    def person(self, *command):
        person = self.container.person(*command)
        self.addCleanup(person.close)
        return person

    def picture(self):
        """What a command that has nothing to do leaves as it is: services, files, and requests to the provider."""
        units = {unit: self.container.show(unit, "InvocationID", "MainPID", "ActiveEnterTimestampMonotonic")
                 for unit in (TOKEND, MILTER, POSTFIX)}
        files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for folder in ("etc/mailbearer", "etc/postfix")
                 for path in sorted((self.container.root / folder).iterdir()) if path.is_file()}
        return units, files, self.provider.count("token/requests")

    def print_and_see(self, number, **how):
        self.evening.print_something(number, **how)
        message = self.evening.arrived(number)
        self.assertEqual((ACCOUNT, ACCOUNT, [TO]), (message["user"], message["mail_from"], message["rcpt_to"]))
        return message

    # --- the first evening ---

    def test_01_from_nothing_to_the_first_mail(self):
        container, commands = self.container, 0
        type(self).first = self.postfix_files()
        shutil.copy(package(), container.root / "root")

        commands += 1
        container.do("apt-get", "-q", "-y", "install", f"./{package().name}")

        commands += 1
        person = self.person("mailbearer", "setup")
        person.answer("Mailbox that mail is to go through", ACCOUNT)
        person.answer("Access as user or application [user]")
        person.answer("Provider (")
        person.answer("Tenant", TENANT)
        person.answer("Application (client) ID of the app registration", CLIENT_ID)
        person.answer("The client has a secret, a certificate or none [none]")
        person.answer("Senders that are no mailbox: rewrite, reject, monitor or off [rewrite]")
        person.answer("Account that such senders get")
        person.answer("Send a test message to", TO)
        status, seen = person.finish_setup(lambda page: authorize(self.provider, page))
        self.assertEqual(0, status, seen + container.journal("-n", "40"))
        self.assertRegex(seen, rf"\nThe test message to {re.escape(TO)} was taken: 250 [^\n]+\n"
                               rf"mailbearer-milter made its sender, root@[^ \n]+, {re.escape(ACCOUNT)}\.\nDone\.\n\Z")

        message, = self.provider.messages()
        self.assertEqual((ACCOUNT, ACCOUNT, [TO]), (message["user"], message["mail_from"], message["rcpt_to"]))
        self.assertLessEqual(commands, COMMANDS_MAX)
        for unit in (TOKEND, MILTER):
            self.assertEqual(["active", "enabled", "notify"], container.show(unit, "ActiveState", "UnitFileState", "Type"))
        self.assertEqual("active", container.show(POSTFIX, "ActiveState")[0])

    def test_02_given_again_it_changes_nothing(self):
        before, since = self.picture(), self.container.do("date", "+%s").strip()
        out = self.container.do("mailbearer", "setup", ACCOUNT, "--yes", "--tenant", TENANT, "--client-id", CLIENT_ID,
                                "--login", "later", "--test-to", "none")
        self.assertTrue(out.endswith("nothing to change\n"), out)
        self.assertEqual(before, self.picture())
        self.assertNotIn("refreshing", self.container.journal("-t", "postfix/postfix-script", f"--since=@{since}"))

    def test_03_a_printer_prints(self):
        self.print_and_see(1)

    def test_04_check_finds_nothing(self):
        self.assert_check_finds_nothing()

    def test_05_the_journal_tells_the_evening(self):
        lines = self.container.journal("-u", TOKEND)
        for event in ("event=listening socket=/run/mailbearer/tokend.sock", f"event=listening socket={CHROOTED}", "event=started",
                      f"account={ACCOUNT} event=login-started", f"account={ACCOUNT} event=grant-saved",
                      f"account={ACCOUNT} event=token-refreshed"):
            self.assertRegex(lines, rf"(?m)^{re.escape(event)}\b")
        self.assertEqual("", self.container.journal("-u", TOKEND, "-p", "warning"))

    def test_06_undo_brings_postfix_back(self):
        self.container.do("mailbearer", "postfix-config", "--undo", "--yes")
        self.assertEqual(self.first, self.postfix_files())
        self.container.do("mailbearer", "postfix-config", "--apply", "--yes")
        self.container.do("systemctl", "reload", POSTFIX)
        self.print_and_see(2)


    # --- the units ---

    def drop_in(self, name, text):
        """What `systemctl edit` leaves; the unit is started again."""
        self.container.do("mkdir", "-p", DROP_IN)
        self.container.do("tee", f"{DROP_IN}/{name}.conf", given=f"[Service]\n{text}\n")
        self.container.do("systemctl", "daemon-reload")
        self.container.do("systemctl", "restart", TOKEND)

    def configure(self, section):
        conf = self.container.root / "etc/mailbearer/mailbearer.conf"
        conf.write_text(conf.read_text() + section + "\n")

    def assert_signed_in(self):
        """With a token, that a grant from before was good for."""
        self.container.wait("a fresh token", lambda: "fresh" == json.loads(
            self.container.do("mailbearer", "status", ACCOUNT, "--json"))["state"])

    def assert_check_finds_nothing(self):
        self.assertRegex(self.container.do("mailbearer", "check"), r"\n\d+ ok, 0 warnings, 0 failed, 0 skipped\n\Z")

    def invocation(self, unit=TOKEND):
        return self.container.show(unit, "InvocationID")[0]

    def signal(self, signal):
        self.container.do("systemctl", "kill", "--kill-whom=main", f"--signal={signal}", TOKEND)

    def assert_confined(self, unit):
        """As the kernel sees it, and as systemd judges it. The number of its filters of system calls."""
        pid = self.container.main_pid(unit)
        status = self.container.status_of(pid)
        user = self.container.do("id", "-u", self.container.show(unit, "User")[0]).strip()
        self.assertNotEqual("0", user)
        self.assertEqual([user] * 4, status["Uid"].split())
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(0, int(status[name], 16), name)
        self.assertEqual(("1", "2"), (status["NoNewPrivs"], status["Seccomp"]))
        self.assertRegex(self.container.do("cat", f"/proc/{pid}/limits"), r"(?m)^Max core file size +0 +0 ")
        there = ("nsenter", f"--target={pid}", "--mount")
        self.assertIn("Read-only file system", self.container.run(*there, "touch", "/etc/mailbearer/written").stderr)
        for folder in ("/home", "/root", "/tmp"):
            self.assertEqual("", self.container.do(*there, "ls", "-A", folder), folder)
        judged = self.container.do("systemd-analyze", "security", "--no-pager", unit)
        self.assertLess(float(re.search(r"Overall exposure level for \S+: ([\d.]+)", judged)[1]), EXPOSURE_MAX)
        return int(status["Seccomp_filters"])

    def test_07_tokend_is_confined(self):
        type(self).filters = self.assert_confined(TOKEND)

    def test_08_a_tokend_that_hangs_is_started_again(self):
        self.drop_in("watchdog", "WatchdogSec=5s")
        before = self.invocation()
        self.signal("STOP")
        self.container.restarted(TOKEND, before)
        self.assertIn("Watchdog timeout", self.container.journal("-u", TOKEND))
        self.assert_signed_in()
        self.print_and_see(3)
        self.container.do("rm", f"{DROP_IN}/watchdog.conf")
        self.container.do("systemctl", "daemon-reload")

    def test_09_a_killed_one_too_and_mail_waits_for_it(self):
        before = self.invocation()
        self.signal("KILL")
        self.container.restarted(TOKEND, before)
        self.assert_signed_in()
        self.container.do("systemctl", "stop", TOKEND)
        self.evening.print_something(4)
        self.container.wait_journal("SASL authentication problem: .*is mailbearer-tokend running")
        self.container.wait_journal("status=deferred")
        self.container.do("systemctl", "start", TOKEND)
        self.container.do("postqueue", "-f")
        self.evening.arrived(4)

    def test_10_a_reload_keeps_all(self):
        before = self.picture()
        self.container.do("systemctl", "reload", TOKEND)
        self.assertIn("event=reloaded", self.container.journal("-u", TOKEND, "-n", "5"))
        self.assertEqual(before, self.picture())
        self.print_and_see(5)

    def test_10_b_a_reload_of_what_is_broken_keeps_the_old(self):
        conf, before = self.container.root / "etc/mailbearer/mailbearer.conf", self.picture()
        right = conf.read_text()
        line = right.count("\n") + 1
        conf.write_text(right + 'account "scan@contoso.com" { cleint = "contoso" }\n')
        got = self.container.run("systemctl", "reload", TOKEND)
        self.assertNotEqual(0, got.returncode)
        self.assertEqual(["active", "running", "serving with the old settings: the last reload failed"],
                         self.container.show(TOKEND, "ActiveState", "SubState", "StatusText"))
        self.container.wait_journal(rf'^event=reload-failed reason="/etc/mailbearer/mailbearer.conf:{line}: [^"]*cleint'
                                    r'[^"]*did you mean client.* remedy="the old settings stay in force; '
                                    'correct the file and reload again"', "-u", TOKEND)
        self.print_and_see(51)
        conf.write_text(right)
        self.container.do("systemctl", "reload", TOKEND)
        self.assertEqual(["serving"], self.container.show(TOKEND, "StatusText"))
        self.assertEqual(before[0], self.picture()[0])

    def test_10_c_setup_says_why_tokend_does_not_start(self):
        key = self.container.root / KEY[1:]
        right = key.read_bytes()
        setup = ("mailbearer", "setup", ACCOUNT, "--yes", "--tenant", TENANT, "--client-id", CLIENT_ID, "--login", "later",
                 "--test-to", "none")
        key.write_bytes(b"not a key\n")
        self.container.do("systemctl", "stop", TOKEND)
        got = self.container.run(*setup)
        self.assertEqual(1, got.returncode, got)
        self.assertRegex(got.stderr, rf"(?m)^mailbearer: mailbearer-tokend cannot be started: seal_key_file: {KEY}: the seal key "
                                     "must be .*put the copy of it back")
        self.assertNotIn("systemctl status", got.stderr)
        key.write_bytes(right)
        self.container.do(*setup)
        self.assert_signed_in()

    def test_11_the_seal_key_is_a_credential(self):
        self.configure('tokend { seal_key_file = "credential:seal" }')
        self.drop_in("seal", f"LoadCredential=seal:{KEY}")
        self.assert_signed_in()
        self.container.do("systemd-creds", "encrypt", "--name=seal", KEY, SEALED_KEY)
        self.container.do("rm", KEY)
        self.drop_in("seal", f"LoadCredentialEncrypted=seal:{SEALED_KEY}")
        self.assert_signed_in()
        self.container.do("systemctl", "restart", TOKEND)
        self.assert_signed_in()
        self.container.do("systemctl", "reload", TOKEND)
        self.container.do("mailbearer", "refresh", ACCOUNT)
        self.assert_check_finds_nothing()
        self.print_and_see(6)

    def test_12_the_milter(self):
        self.assertEqual([ACCOUNT], self.print_and_see(7, sender="scanner@printer.local")["header_from"])
        # systemd's filters are the same for both, and tokend's own comes on top.
        self.assertEqual(self.filters, self.assert_confined(MILTER) + 1)
        before = self.container.show(MILTER, "MainPID", "InvocationID")
        self.container.do("systemctl", "reload", MILTER)
        self.assertEqual(before, self.container.show(MILTER, "MainPID", "InvocationID"))

    def test_13_after_a_reboot_mail_goes_without_a_command(self):
        self.container.power_off()
        shutil.rmtree(self.container.root / "var/spool/postfix/run")  # tmpfiles.d makes it
        self.container.boot()
        self.print_and_see(8, sender="scanner@printer.local")
        self.assertEqual("", self.container.do("systemctl", "--failed", "--quiet", "--no-legend"))

    # --- other mail servers ---

    def speak_lmtp(self, number):
        """As OpenSMTPD's mail.lmtp does, which connects for each message."""
        content = f"From: {ACCOUNT}\r\nSubject: Scan {number}\r\n\r\nscan {number}\r\n"
        with smtplib.LMTP(str(self.container.path(SUBMIT_SOCKET)), timeout=60) as client:
            self.assertEqual({}, client.sendmail(ACCOUNT, [TO], content))
        self.evening.arrived(number)

    def test_14_the_socket_for_opensmtpd(self):
        conf = self.container.root / "etc/mailbearer/mailbearer.conf"
        conf.write_text(conf.read_text().replace("tokend {", 'tokend { token_users = { "postfix", "mail" }'))
        self.container.do("systemctl", "restart", TOKEND)
        self.container.do("systemctl", "enable", "--now", "mailbearer-submit.socket")
        self.assertEqual("660 root mail", self.container.do("stat", "-c", "%a %U %G", SUBMIT_SOCKET).strip())
        self.speak_lmtp(9)
        self.speak_lmtp(10)
        self.container.do("systemctl", "restart", TOKEND)  # and the folder of the locks stays
        self.speak_lmtp(11)
        self.container.wait("no session is left", lambda: not self.container.do(
            "systemctl", "list-units", "--all", "--no-legend", "mailbearer-submit@*"))

    # --- what is left behind ---

    def test_15_no_secret_is_to_be_read(self):
        journal = self.container.do("journalctl", "--no-pager", "-o", "export")
        self.assertIn("event=token-refreshed", journal)
        self.assertNotIn("MARKER", journal)
        self.assertNotIn("code=dumped", journal)
        folders = [self.container.path("/" + name) for name in ("etc", "home", "root", "run", "tmp", "var")]
        got = subprocess.run(["grep", "-rlaF", "--devices=skip", "MARKER", *folders], capture_output=True, text=True, check=False)
        self.assertEqual("", got.stdout)

    def test_16_an_upgrade_starts_the_services_again(self):
        before = {unit: self.invocation(unit) for unit in (TOKEND, MILTER)}
        next_one = newer(package(), "99.0")
        self.addCleanup(next_one.unlink)
        shutil.copy(next_one, self.container.root / "root")
        self.container.do("apt-get", "-q", "-y", "install", f"./{next_one.name}")
        self.assertIn("99.0", self.container.do("dpkg-query", "-W", "mailbearer"))
        for unit, invocation in before.items():
            self.container.restarted(unit, invocation)
            self.assertNotIn("(deleted)", self.container.do("readlink", f"/proc/{self.container.main_pid(unit)}/exe"))
        self.assert_signed_in()
        self.print_and_see(12, sender="scanner@printer.local")
        self.speak_lmtp(13)

    def test_17_a_purge_leaves_nothing(self):
        self.container.do("apt-get", "-q", "-y", "purge", "mailbearer")
        self.assertEqual("", self.container.do("systemctl", "list-units", "--all", "--no-legend", "--plain", "mailbearer*"))
        self.assertNotIn("mailbearer", self.container.do("cat", "/etc/passwd", "/etc/group"))
        self.assertNotIn("mailbearer", self.container.do("sh", "-c", "cat /proc/[0-9]*/comm"))
        left = self.container.do("find", "/etc", "/lib/systemd", "/usr", "/var", "/run", "-name", "*mailbearer*",
                                 "-not", "-path", "/var/cache/*", "-not", "-path", "/etc/postfix/*",  # backups of its files, and
                                 "-not", "-path", "/var/spool/postfix/p*/*")  # the transport that it still has
        self.assertEqual(f"{DROP_IN}\n", left)  # the administrator's


if __name__ == "__main__":
    main_of_test(lambda: Debian(PACKAGES, ANSWERS, libraries()), tap.main)
