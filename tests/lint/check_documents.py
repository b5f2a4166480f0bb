#!/usr/bin/python3
"""Documents cannot drift: events, settings, maps and commands against the manual pages, both ways.

Reads the tables from $MB_BUILDDIR's programs (tests/lint/dump_tables, mailbearer --help). TAP on standard output.
"""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE = Path(os.environ.get("MB_SRCDIR", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("MB_BUILDDIR", SOURCE / "build" / "gcc"))
sys.path.insert(0, str(SOURCE / "tests"))

import tap  # noqa: E402
import troubleshooting  # noqa: E402


def page(name):
    return (SOURCE / "man" / name).read_text(encoding="utf-8")


def table(kind):
    out = subprocess.run([BUILD / "tests/lint/dump_tables"], capture_output=True, text=True, check=True, timeout=60).stdout
    return {line.split(" ", 1)[1] for line in out.splitlines() if line.startswith(kind + " ")}


def documented_settings():
    """SECTION.KEY of each .It Ic below a .Ss SECTION in mailbearer.conf(5)."""
    found, section = set(), None
    for line in page("mailbearer.conf.5").splitlines():
        if line.startswith((".Ss ", ".Sh ")):
            section = line.split()[1]
        elif line.startswith(".It Ic "):
            found.add(f"{section}.{line.split()[2]}")
    return found


class Documents(unittest.TestCase):
    def test_events(self):
        pages = page("mailbearer-tokend.8") + page("mailbearer-milter.8")
        documented = re.findall(r"^\.It Cm ([a-z-]+) Pq ", pages, re.M)
        self.assertEqual(sorted(table("event")), sorted(documented))

    def test_settings(self):
        self.assertEqual(table("setting"), documented_settings())

    def test_providers(self):
        rows = re.findall(r"^\.It Li ([a-z -]+) Ta (verified|field) Ta (\S+):(\d+)$", page("mailbearer.conf.5"), re.M)
        self.assertEqual(table("provider"), {f"{name} {source} [{host}]:{port}" for name, source, host, port in rows})

    def test_maps(self):
        source = (SOURCE / "tokend/server_ops.c").read_text(encoding="utf-8")
        maps = set(re.findall(r'^\s*\{"([a-z]+)", ACCESS_', source, re.M))
        text = page("mailbearer-tokend.8").split(".Ss The socket", 1)[1].split(".Ss ", 1)[0]
        self.assertEqual(maps, set(re.findall(r"^\.It Ic ([a-z]+)", text, re.M)))

    def test_commands(self):
        out = subprocess.run([BUILD / "mailbearer", "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
        commands = set(re.findall(r"^  ([a-z-]+)  ", out, re.M))
        self.assertEqual(commands, set(re.findall(r"^\.It Cm ([a-z-]+)", page("mailbearer.8"), re.M)))

    def test_steps_of_check(self):
        text = page("mailbearer.8").split(".Sh THE STEPS OF CHECK", 1)[1].split(".Sh ", 1)[0]
        self.assertEqual(table("step"), set(re.findall(r"^\.It Sy ([a-z-]+)$", text, re.M)))

    def test_questions_of_setup(self):
        out = subprocess.run([BUILD / "mailbearer", "setup", "--help"], capture_output=True, text=True, check=True,
                             timeout=60).stdout
        text = page("mailbearer.8").split(".It Cm setup ", 1)[1].split("\n.El\n", 1)[0]
        rows = [line for line in text.splitlines() if line.startswith(".It Fl -")]
        self.assertEqual(set(re.findall(r"^  --([a-z-]+)", out, re.M)),
                         {option for row in rows for option in re.findall(r"Fl -([a-z-]+)", row)})
        # The words that an answer may be.
        for option, words in re.findall(r"^  --([a-z-]+) ([a-z]+(?:\|[a-z]+)+)$", out, re.M):
            row = next(row for row in rows if f"Fl -{option} " in row)
            self.assertEqual(words.split("|"), row.split(" Cm ")[1].split(" | "))

    def test_the_steps_that_setup_prints(self):
        """Each cmdlet and parameter, and each place in a portal that has a name of its own, is in the manual as well."""
        source = " ".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', (SOURCE / "setup/homework.c").read_text(encoding="utf-8")))
        manual = page("mailbearer-setup.7")
        words = set(re.findall(r"\b(?:Set|New|Add|Connect)-\w+|(?<= )-[A-Z]\w+|SMTP\.\w+|O365\w+", source))
        self.assertGreater(len(words), 15)
        self.assertEqual(set(), {word for word in words if word not in manual})
        for place in ("App registrations", "Mobile and desktop applications", "Office 365 Exchange Online",
                      "Allow public client flows", "Certificates & secrets"):
            self.assertIn(place, source)
            self.assertIn(place, manual)

    def test_what_becomes_of_senders(self):
        policy = (SOURCE / "milter/policy_decide.c").read_text(encoding="utf-8")
        reply = (SOURCE / "milter/reply.c").read_text(encoding="utf-8")
        text = page("mailbearer-senders.7")
        self.assertEqual(set(re.findall(r'\[POLICY_\w+\] = "([a-z-]+)"', policy)),
                         set(re.findall(r"^\.It Ic ([a-z-]+)$", text.split(".Sh SITUATIONS")[1].split(".Sh ")[0], re.M)))
        self.assertEqual(set(re.findall(r'\[REPLY_\w+\] =\s+\{"([a-z-]+)", "(\d+)", "([\d.]+)"', reply)),
                         {(name, *code.split()) for code, name in
                          re.findall(r"^\.It ([\d. ]+) Pq Ic ([a-z-]+)$", text, re.M)})

    def test_options_of_the_daemons(self):
        for name in ("mailbearer-tokend", "mailbearer-milter"):
            out = subprocess.run([BUILD / name, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
            options = set(re.findall(r"^  -(\w), --([a-z]+)", out, re.M))
            self.assertEqual(options, set(re.findall(r"^\.It Fl (\w) , Fl -([a-z]+)", page(name + ".8"), re.M)))

    def test_troubleshooting(self):
        """Made anew with tests/lint/troubleshooting.py, as HACKING.md says."""
        self.assertEqual(troubleshooting.page(), page("mailbearer-troubleshooting.7"))

    def test_pages_that_are_referred_to_are_there(self):
        """In the pages, in Markdown, and in what the program says."""
        pages = {f"{path.stem}({path.suffix[1:]})" for path in (SOURCE / "man").glob("*.[1-8]")}
        for pattern in ("man/*.[1-8]", "*.md", "*-examples/**/*", "etc/**/*", "[a-z]*/*.[ch]"):
            for path in filter(Path.is_file, SOURCE.glob(pattern)):
                text = re.sub(r"\.Xr (\S+) (\d)", r"\1(\2)", path.read_text(encoding="utf-8"))
                self.assertEqual(set(), set(re.findall(r"\bmailbearer[a-z.-]*\(\d\)", text)) - pages, path)

    def test_pages_pass_mandoc(self):
        for path in sorted((SOURCE / "man").glob("*.[1-8]")):
            got = subprocess.run(["mandoc", "-Tlint", "-W", "warning", path], capture_output=True, text=True, check=False,
                                 timeout=60)
            self.assertEqual("", got.stdout + got.stderr)


if __name__ == "__main__":
    tap.main()
