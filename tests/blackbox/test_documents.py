#!/usr/bin/python3
"""Each mailbearer command that a document shows is given as it stands there, by somebody without rights and with a
configuration that is not there: whatever comes of it, its words and options must be ones that the program knows. What the
commands do is for the other tests."""

import html
import os
import re
import shlex
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import CLI, DAEMON_USER, SOURCE  # noqa: E402

import tap  # noqa: E402

USAGE = 2
# What is named in a sentence goes without its account; and here nobody sits at a terminal.
PARDONED = re.compile("the account is missing|nobody can be asked here")


def lines_of_page(path):
    """What stands in the literal blocks of a manual page, and behind .Ql, as the reader sees it."""
    literal = False
    for line in path.read_text(encoding="utf-8").replace("\\e\n", "\\\n").splitlines():
        if line.startswith(".Bd -literal"):
            literal = True
        elif line.startswith(".Ed"):
            literal = False
        elif line.startswith(".Ql "):
            yield re.sub(r" [.,:;)]$", "", line[4:].strip('"'))
        elif literal and not line.startswith("."):
            yield line.replace("\\e", "\\").replace("\\&", "").replace("\\-", "-")


def lines_of_text(path):
    """What is indented or between backquotes in a Markdown file."""
    text = path.read_text(encoding="utf-8")
    yield from (line.strip() for line in text.splitlines() if line.startswith("    "))
    yield from re.findall(r"`([^`\n]+)`", text)


def joined(lines):
    """With a backslash at its end, a line goes on."""
    whole = ""
    for line in lines:
        whole += line
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        yield whole
        whole = ""


def commands():
    """(document, words of a command), without what follows a pipe or goes into a file."""
    pages = sorted((SOURCE / "man").glob("*.[1-8]"))
    texts = [SOURCE / "README.md", SOURCE / "SECURITY.md", *sorted(SOURCE.glob("*-examples/**/README.md"))]
    for path in [*pages, *texts]:
        lines = lines_of_page(path) if path in pages else lines_of_text(path)
        for line in joined(lines):
            for part in re.split(r"\s[|&;]+\s|\s+#\s.*", line):
                part = re.sub(r"<mailbox>", "relay@contoso.com", html.unescape(part or "").strip())
                part = re.sub(r"\s*[<>]\s*\S+$", "", part)
                if re.match(r"(sudo )?mailbearer [a-z-]", part):
                    yield path.relative_to(SOURCE), shlex.split(part.removeprefix("sudo "))


class Documents(unittest.TestCase):
    def give(self, words):
        command = [CLI, "-c", "/nonexistent/mailbearer.conf", *words[1:]]
        if os.geteuid() == 0:
            command[:0] = ["/usr/bin/setpriv", "--reuid", DAEMON_USER, "--regid", DAEMON_USER, "--clear-groups"]
        return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False, env={"PATH": "/usr/bin:/bin"})

    def test_every_command_is_one(self):
        seen = set()
        for path, words in commands():
            if tuple(words) in seen:
                continue
            seen.add(tuple(words))
            with self.subTest(f"{path}: {shlex.join(words)}"):
                got = self.give(words)
                self.assertGreaterEqual(got.returncode, 0, got.stderr)
                if not PARDONED.search(got.stderr):
                    self.assertNotEqual(USAGE, got.returncode, got.stderr)
        self.assertLess(20, len(seen))

    def test_what_is_no_command_would_be_seen(self):
        for line in ("mailbearer chekc", "mailbearer status --chekc"):
            self.assertEqual(USAGE, self.give(line.split()).returncode, line)


if __name__ == "__main__":
    tap.main()
