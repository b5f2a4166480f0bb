#!/usr/bin/python3
"""What documents show to be typed, as tests/blackbox/shown.py finds it, with what it needs: the commands of Postfix beside one
that runs and is nobody else's, what goes into its files and Sendmail's read by them, and as root, in a folder that stands in the
place of the machine's, those that make files and change their owners. TAP on standard output."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sendmail  # noqa: E402
from relay import ACCOUNT, CACHE, DAEMON_USER, PLUGIN, Relay, unshare_mounts  # noqa: E402
from harness import SOURCE  # noqa: E402
from provider import Provider  # noqa: E402
from shown import ShownCase  # noqa: E402

import tap  # noqa: E402

# What stands in a sentence, without what it is about; and what people put in themselves.
WHOLE = {"postsuper -r": "postsuper -r ALL", "chown root:mailbearer": "chown root:mailbearer /etc/mailbearer/contoso.secret",
         "chmod 0640": "chmod 0640 /etc/mailbearer/contoso.secret"}
OWN = {"<mailbox>": ACCOUNT, "<transport>": "smtp", "<this host as in DNS>": "relay.factory.example"}
# Paths of a machine's, which lie in a folder of the test's.
MACHINE = r"(?<![\w/.])/(?=(etc|var|run)/|usr/lib/)"


class Shown(ShownCase):
    def give(self, command, **options):
        got = subprocess.run(command, input="MARKER\n", capture_output=True, text=True, check=False, timeout=60, **options)
        self.assertEqual(0, got.returncode, got.stdout + got.stderr)
        return got


class Postfix(Shown):
    """One for all: no case wants what another one has changed."""

    @classmethod
    def setUpClass(cls):
        cls.relay = Relay()
        cls.addClassCleanup(cls.relay.close)
        cls.mta, cls.world = cls.relay.mta, cls.relay.world
        cls.world.write(conf=f'account "{ACCOUNT}" {{ client = "contoso" }}\nmilter {{ default_account = "{ACCOUNT}" }}\n')
        (cls.mta.config / "postfix-files").write_text("$queue_directory:d:root:-:755:uc\n")
        shutil.copy(SOURCE / "postfix-examples/hold-what-heals/heals.regexp", cls.mta.config)
        cls.relay.start(confined=False)

    def test_commands(self):
        self.each("postfix", self.try_command)

    def try_command(self, text):
        """As root's shell takes it, with the paths of this Postfix and of this tokend."""
        text = WHOLE.get(text, text).replace("/etc/postfix", str(self.mta.config))
        for name, value in OWN.items():
            text = text.replace(name, value)
        text = text.replace("/run/mailbearer/tokend.sock", str(self.world.socket))
        environment = self.mta.environment()
        environment["PATH"] = f"{self.mta.tree}/usr/sbin:{environment['PATH']}"
        got = self.give(["/bin/sh", "-c", text], env=environment)
        # Unpacked and not installed, these have not the group that "postfix check" wants of them.
        told = re.sub(rf"(?m)^.*: warning: not (?:owned by group|set-gid) .*: {self.mta.tree}/usr/sbin/post(?:queue|drop)$", "",
                      got.stderr)
        self.assertNotIn("warning: ", told)
        if text.startswith("postmap "):
            self.assertRegex(got.stdout, r"contoso|^4\.")

    def test_files(self):
        self.each("main.cf", lambda text: self.try_lines("main.cf", text))
        self.each("master.cf", lambda text: self.try_lines("master.cf", text))

    def try_lines(self, name, text):
        """Behind what is there: Postfix has no complaint, such as of a parameter that it does not know."""
        path = self.mta.config / name
        before = path.read_text()
        path.write_text(before + text.replace("/etc/postfix", str(self.mta.config)) + "\n")
        told = [self.mta.run("postconf", options).stderr for options in ("-n", "-P")]
        path.write_text(before)
        self.assertEqual("", re.sub(r".*overriding earlier entry.*\n", "", "".join(told)))


class Sendmail(Shown):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.mta = sendmail.Sendmail(self.folder / "m", sendmail.fetch(CACHE))

    def test_files(self):
        self.each("sendmail.mc", self.try_lines)

    def try_lines(self, text):
        """m4 takes it, and Sendmail what m4 makes of it. What stands behind an empty line goes into a map."""
        text, _, entry = text.partition("\n\n")
        if entry:
            self.mta.make_map("authinfo", re.sub(r"\n +", " ", entry.replace(' "', '\t"', 1)) + "\n")
        mailers = [line for line in re.findall(r"(?m)^MAILER\(.*", text) if line not in ("MAILER(`local')dnl", "MAILER(`smtp')dnl")]
        features = re.sub(r"(?m)^MAILER\(.*\n?", "", text.replace("/etc/mail/", f"{self.mta.folder}/"))
        self.mta.configure(features, "\n".join(mailers), [SOURCE / "etc/sendmail/mailbearer.m4"])
        got = self.mta.run("-bt", input="=M\n")
        self.assertNotRegex(got.stdout + got.stderr, r"(?i)warning|unknown|line \d+:")
        self.assertTrue(not mailers or "mailbearer" in got.stdout, got.stdout)


class Machine(Shown):
    """A folder with what the commands are about."""

    @classmethod
    def setUpClass(cls):
        cls.root = Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        for name in ("etc/mailbearer", "var/lib/mailbearer", "var/spool/postfix", "run/mailbearer", "usr/lib/sasl2",
                     "usr/lib/x86_64-linux-gnu/sasl2", "work"):
            (cls.root / name).mkdir(parents=True)
        for name in ("mailbearer.conf", "contoso.secret", "imported-1.secret", "seal.key"):
            (cls.root / "etc/mailbearer" / name).write_text("")
        for name in ("resolv.conf", "passwd", "group", "shadow"):
            (cls.root / "etc" / name).write_text("root:x:0:0:root:/:/bin/sh\n" if name == "passwd" else "")
        for name in ("libmailbearer.so", "another-xoauth2.so"):
            shutil.copy(PLUGIN, cls.root / "usr/lib/sasl2" / name)
        cls.provider = Provider(cls.root / "p")
        cls.addClassCleanup(cls.provider.close)

    def test_commands(self):
        self.each("files", self.try_command)

    def try_command(self, text):
        """As root's shell takes it. The submission server is the stand-in's."""
        (self.root / "run/mailbearer/tokend.sock").write_text("")
        text = re.sub(MACHINE, f"{self.root}/", WHOLE.get(text, text))
        text = text.replace("smtp.office365.com:587", f"127.0.0.1:{self.provider.smtp_port}")
        text = text.replace("smtp.office365.com", "localhost")
        if text.startswith("useradd "):
            text = f"rm -f {self.root}/etc/*.lock; : >{self.root}/etc/shadow; echo root:x:0:0::/:/bin/sh >{self.root}/etc/passwd; " \
                   + text.replace("useradd ", f"useradd --prefix {self.root} ")
        else:
            text = re.sub(r"(?<![\w/-])mailbearer(?=[: ]|$)", DAEMON_USER, text)
        if text.startswith("mount "):
            folder = f"{self.root}/var/lib/mailbearer"
            text = f"mount -t tmpfs -o ro none {folder} && {text} && : >{folder}/written"
        self.give([*unshare_mounts(), "/bin/sh", "-ec", text], cwd=self.root / "work")


if __name__ == "__main__":
    tap.main()
