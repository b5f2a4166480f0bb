#!/usr/bin/python3
"""What a document shows to be typed, or to be put into a file, is tried: each line has a kind (shown.py), and each kind its test,
here or in tests/system/test_shown.py. What the commands do is for the other tests; here, that there are such commands, with such
options, and that they can be read as they stand."""

import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import powershell  # noqa: E402
from harness import BUILD, CLI, DAEMON_USER, SOURCE, World  # noqa: E402
from milter_world import MilterWorld  # noqa: E402
from shown import KINDS, ShownCase, everything  # noqa: E402
from test_grants import ENGINE, run  # noqa: E402

import tap  # noqa: E402

USAGE = 2
SUBMIT_USAGE = 64
# What is named in a sentence goes without its account; and here nobody sits at a terminal.
PARDONED = re.compile("the account is missing|nobody can be asked here")
# What people put in themselves.
OWN = {"<mailbox>": "relay@contoso.com", "ACCOUNT": "relay@contoso.com", "RING": "unit"}
ADDRESSES = re.compile(r"https://(sender\.office\.com|login\.microsoftonline\.com/<tenant>/adminconsent\?client_id=<client id>)")
UNITS = {path.name.removesuffix(".in").removesuffix(".service") for pattern in ("*.service.in", "*.socket")
         for path in (SOURCE / "etc").glob(pattern)}
PORTALS = {"entra.microsoft.com", "admin.microsoft.com", "security.microsoft.com"}


def give(command, **options):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, **options)


def unprivileged(command):
    if os.geteuid() != 0:
        return command
    return ["/usr/bin/setpriv", "--reuid", DAEMON_USER, "--regid", DAEMON_USER, "--clear-groups", *command]


def parts_of(text):
    """The words of each command of a line, without what follows a pipe's end or goes into a file."""
    for part in re.split(r"\s(?:\|\|?|&&|;)\s|;\s", text):
        for name, value in OWN.items():
            part = part.replace(name, value)
        part = re.sub(r"\s*[<>]+\s*\S+$", "", html.unescape(part).strip())
        words = shlex.split(part)
        while words and (words[0] == "sudo" or re.match(r"[A-Z_]+=", words[0])):
            words.pop(0)
        yield words


class Kinds(ShownCase):
    def test_every_line_is_tried_somewhere(self):
        for shown in everything():
            with self.subTest(f"{shown.place}: {shown.text}"):
                self.assertIsNotNone(shown.kind, "how is this tried? Say it in tests/blackbox/shown.py")

    def test_every_kind_is_tried(self):
        tests = Path(__file__).read_text(encoding="utf-8") + (SOURCE / "tests/system/test_shown.py").read_text(encoding="utf-8")
        for kind in KINDS:
            self.assertIn(f'each("{kind}", ', tests)


class Commands(ShownCase):
    def test_ours(self):
        self.each("mailbearer", self.try_ours)

    def try_ours(self, text):
        """By somebody without rights, and with a configuration that is not there: the words and options must be known."""
        for words in parts_of(text):
            if words[0] == "mailbearer":
                got = give(unprivileged([CLI, "-c", "/nonexistent/mailbearer.conf", *words[1:]]))
                self.assertGreaterEqual(got.returncode, 0, got.stderr)
                if not PARDONED.search(got.stderr):
                    self.assertNotEqual(USAGE, got.returncode, got.stderr)
            elif words[0] == "mailbearer-submit":
                got = give([BUILD / words[0], "-c", "/nonexistent/mailbearer.conf", *words[1:]])
                self.assertNotIn(got.returncode, (USAGE, SUBMIT_USAGE), got.stderr)

    def test_what_is_no_command_would_be_seen(self):
        for line in ("mailbearer chekc", "mailbearer status --chekc"):
            self.assertEqual(USAGE, give([CLI, *line.split()[1:]]).returncode, line)

    def test_systemd(self):
        self.each("systemd", self.try_systemd)

    def try_systemd(self, text):
        """Where a program of systemd's says what it knows, and of units that are ours. Behind a pipe it is others' turn."""
        words, *others = parts_of(text)
        known = give([words[0], "--help"]).stdout
        for word in words[1:]:
            if word.startswith("-"):
                name = word.partition("=")[0]
                self.assertTrue(re.search(rf"(?m)^ +(-\w )?(--?[\w-]+ )?{re.escape(name)}\b", known), f"{words[0]} has no {name}")
        if words[0] == "journalctl":
            self.try_journal(words)
        else:
            verb, *rest = [word for word in words[1:] if not word.startswith("-")]
            self.assertTrue(re.search(rf"(?m)^  {verb} ", known), f"{words[0]} has no {verb}")
            self.assertLessEqual(set(rest), UNITS | {"true"})
        for words in others:
            self.assertTrue(words == ["mailbearer", "explain"] or (words[0] == "grep" and len(words) == 2), words)

    def try_journal(self, words):
        """In a journal of nobody's: the options and their values are read all the same."""
        for flag, word in zip(words, words[1:]):
            self.assertTrue(flag != "-u" or word in UNITS, word)
            self.assertTrue(flag != "-t" or (BUILD / word).exists(), word)
        with tempfile.TemporaryDirectory() as folder:
            got = give([words[0], "--directory", folder, *words[1:]])
        self.assertNotRegex(got.stderr, "(?i)invalid|unrecognized|failed to parse|requires an argument|bad --facility")

    def test_packages(self):
        self.each("packages", self.try_package)

    def try_package(self, text):
        """Against a machine that has nothing, and is not there: apt-get reads the line before it looks for the package."""
        ours = re.findall(r"(?m)^Package: (\S+)", (SOURCE / "debian/control").read_text(encoding="utf-8"))
        for words in parts_of(text):
            options = [word for word in words[2:] if word.startswith("-")]
            packages = {re.sub(r"^\./build/deb/(.*)_\*\.deb$", r"\1", word) for word in words[2:] if word not in options}
            self.assertLessEqual(packages, {*ours, "postfix", "libsasl2-2", "ca-certificates", "sasl-xoauth2"})
            if words[1:] == ["update"]:
                continue
            got = give(["apt-get", "--simulate", "-o", "Dir::State::Lists=/nonexistent", "-o", "Dir::State::status=/dev/null",
                        words[1], *options])
            self.assertEqual(0, got.returncode, got.stderr)

    def test_powershell(self):
        self.each("powershell", powershell.check)

    def test_wrong_powershell_would_be_seen(self):
        good = "Set-CASMailbox -Identity 'o''hara@contoso.com' -SmtpClientAuthenticationDisabled $false"
        powershell.check(good)
        for bad in (good.replace("$", ""), good.replace("CAS", "CSA"), good.replace("-Identity", "-Mailbox"), good.replace("''", "'"),
                    good + " -Confirm", good + " | Format-Lst", good.replace("'o''hara@contoso.com'", "<one>"),
                    good.replace("'o''hara@contoso.com'", "@contoso.com"), good + "; rm x", "Set-CASMailbox", good + " |"):
            with self.assertRaises(powershell.Wrong, msg=bad):
                powershell.check(bad)


class Tree(ShownCase):
    """Commands of who works in this tree: there are such files, targets and options."""

    MAKEFILE = (BUILD / "Makefile").read_text(encoding="utf-8")

    def test_tree(self):
        self.each("tree", self.try_tree)

    def try_tree(self, text):
        for words in parts_of(text):
            getattr(self, "try_" + re.sub(r"\W", "_", Path(words[0]).name), self.try_file)(words)

    def try_file(self, words):
        """A script of the tree's: with --help it tells its options."""
        path = next(SOURCE / word for word in words if word.startswith("tests/"))
        self.assertTrue(path.is_file() and (words[0] == "python3" or os.access(path, os.X_OK)), path)
        options = [word for word in words if word.startswith("--")]
        if options:
            self.assertLessEqual(set(options), set(re.findall(r"--[a-z]+", run("/usr/bin/python3", path, "--help"))))

    def try_bootstrap(self, words):
        self.assertTrue(re.search(rf"bootstrap {words[1]}\b", run(SOURCE / "bootstrap", "help")), words[1])

    def try_configure(self, words):
        known = (SOURCE / "configure").read_text(encoding="utf-8")
        for word in words[1:]:
            self.assertTrue(re.sub(r"^--(enable|disable)-", "--enable-", word).partition("=")[0] in known, word)

    def try_make(self, words):
        words = [word for flag, word in zip(words, words[1:]) if flag not in ("-C", "-f") and not word.startswith("-")]
        for word in words:
            name = word.partition("=")[0]
            if word.endswith(".pp"):
                self.assertTrue((SOURCE / "etc/selinux" / word).with_suffix(".te").exists())
            elif name == word:
                self.assertTrue(re.search(rf"(?m)^{word}:", self.MAKEFILE), f"make has no target {word}")
            else:
                self.assertTrue(re.search(rf"(?m)^{name} = |\$\({name}\)", self.MAKEFILE), f"make knows no {name}")
                for path in re.findall(r"tests/\w+/\w+", word):
                    self.assertTrue((SOURCE / path).with_suffix(".c").exists() or (SOURCE / path).with_suffix(".py").exists(), path)

    def try_autoreconf(self, words):
        self.assertEqual(["autoreconf", "-i"], words)  # as bootstrap does

    def try_fuzz_all(self, words):
        for word in words[2:]:
            name = Path(word).name
            self.assertTrue((SOURCE / "tests/fuzz" / f"fuzz_{name}.c").exists() and (SOURCE / "tests/fuzz/corpus" / name).is_dir())

    def try_llvm_profdata(self, words):
        self.assertEqual(0, give([shutil.which(words[0]), words[1], "--help"]).returncode)

    def try_llvm_cov(self, words):
        self.assertEqual(0, give([shutil.which(words[0]), words[1], "--help"]).returncode)
        self.assertTrue((SOURCE / words[-1].removeprefix("../../")).is_file())

    def try_semodule(self, words):
        """With the compilation, this is done by tests/packaging/test_platforms.py."""
        self.assertEqual(["-i", "mailbearer.pp"], words[1:])


class Configuration(ShownCase):
    """What goes into mailbearer.conf is read by the program, with the files of a machine that has them."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.folder.chmod(0o755)
        key, certificate = cls.folder / "relay.key", cls.folder / "relay.pem"
        run("/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x", "-keyout", key,
            "-out", certificate)
        for name, source in (("factory.key", key), ("factory.pem", certificate)):
            shutil.copy(source, cls.folder / name)
        for name in ("factory.secret", "contoso.secret", "gmail.secret"):
            (cls.folder / name).write_text("MARKER\n")
        (cls.folder / "seal.key").write_text("0f" * 32 + "\n")
        (cls.folder / "workspace.json").write_text(json.dumps({
            "type": "service_account", "client_email": "x@y.example", "private_key_id": "1", "token_uri":
            "https://oauth2.googleapis.com/token", "private_key": key.read_text(encoding="ascii")}))
        for path in cls.folder.iterdir():
            World.give(cls, path)
            path.chmod(0o600)

    def check(self, text):
        """Sections as they stand, with what they lack from one that has all."""
        own = f'user = "{DAEMON_USER}" seal_key_file = "/etc/mailbearer/seal.key" '
        text = re.sub(r"(?m)^ *tokend \{", "tokend { " + own, text)
        for part, section in (("tokend {", f"tokend {{ {own} }}"), ('account "', 'account "relay@contoso.com" { client = "one" }'),
                              ('client "', 'client "one" { provider = "microsoft" tenant = "contoso.com" client_id = '
                                           '"f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357" }')):
            if part not in text:
                text += "\n" + section
                if part == 'account "':
                    text = text if 'client "' not in text else text.replace('client = "one"', "client = " + re.search(
                        r'client ("[^"]*") \{', text).group(1))
        conf = self.folder / "mailbearer.conf"
        conf.write_text(text.replace("/etc/mailbearer/", f"{self.folder}/") + "\n")
        conf.chmod(0o644)
        return give([CLI, "-c", conf, "check-config"])

    def test_sections(self):
        self.each("configuration", self.try_sections)

    def try_sections(self, text):
        got = self.check(text)
        self.assertEqual(0, got.returncode, got.stderr)

    def test_settings(self):
        self.each("setting", self.try_setting)

    def try_setting(self, text):
        """A line of a section: that of the client, but for those that tokend has, and the milter's socket."""
        key = text.split()[0]
        section = "tokend" if key == "token_users" or text.startswith("listen = {") else "milter" if key == "listen" else "client"
        if section == "client":
            given = "" if key == "tenant" else 'tenant = "contoso.com" '
            text = f'client "c" {{ provider = "microsoft" {given} client_id = "f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357"\n{text}\n}}'
        else:
            text = f"{section} {{ {text} }}"
        self.try_sections(text)

    def test_what_is_wrong_would_be_seen(self):
        self.assertNotEqual(0, self.check('client "a" { provder = "microsoft" }').returncode)


class Others(ShownCase):
    def test_openssl(self):
        """It is the file with which tests/blackbox/test_grants.py signs by a key in a token, but for the module's path."""
        self.each("openssl.cnf", lambda text: self.assertEqual(
            ENGINE.strip(), re.sub(r"(?m)(?<=^MODULE_PATH = ).*", "{module}", text)))

    def test_portals(self):
        self.each("portal", lambda text: self.assertIn(text.partition(" > ")[0], PORTALS))

    def test_addresses(self):
        self.each("address", lambda text: self.assertRegex(text, ADDRESSES))

    def test_records(self):
        """RFC 7208, sections 4.5 and 5: a version, mechanisms, and all at the end."""
        self.each("dns", lambda text: self.assertRegex(
            text, r"^v=spf1( [-~?+]?(include:[a-z.]+|ip[46]:\S+|mx|a))* [-~?]all$"))

    def test_log(self):
        events = {line.split()[1] for line in run(BUILD / "tests/lint/dump_tables").splitlines() if line.startswith("event ")}
        self.each("log", lambda text: self.assertIn(re.search(r"event=(\S+)", text).group(1), events))

    def test_pictures(self):
        self.each("picture", self.try_picture)

    def try_picture(self, text):
        """The programs that it names are built, and the folders are there."""
        for name in re.findall(r"mailbearer-\w+", text):
            self.assertTrue((BUILD / name).exists(), name)
        for folder in re.findall(r"(?m)^ {4}(\w+/)", text):
            self.assertTrue((SOURCE / folder).is_dir(), folder)

    def test_message(self):
        """One block is what comes in; what the milter makes of it is the next."""
        shown, world = [], MilterWorld()
        self.addCleanup(world.close)
        world.start()
        self.each("message", lambda text: shown.append(self.message(text)))
        for (envelope, fields), after in zip(shown[::2], shown[1::2], strict=True):
            self.assertEqual(after, world.connect().message(envelope, fields=fields).apply(envelope, fields))

    @staticmethod
    def message(text):
        envelope, *fields = text.splitlines()
        return re.match(r"MAIL FROM:<(.*)>", envelope).group(1), [tuple(line.split(":", 1)) for line in fields]


if __name__ == "__main__":
    tap.main()
