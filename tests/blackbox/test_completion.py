#!/usr/bin/python3
"""The completion for bash, in a real bash, against the program's own table of commands. TAP on standard output."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import CLI, SOURCE  # noqa: E402

import tap  # noqa: E402


def complete(*words):
    """What bash offers for the last of the words."""
    script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mailbearer; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    got = subprocess.run(["bash", "-c", script, SOURCE / "etc/bash-completion/mailbearer", CLI, *words], capture_output=True,
                         text=True, timeout=60, check=True, env={"PATH": "/usr/bin:/bin"})
    return got.stdout.split()


class Completion(unittest.TestCase):
    def test_every_command(self):
        text = subprocess.run([CLI, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
        commands = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2:3].isalpha()]
        self.assertGreater(len(commands), 8)
        self.assertEqual(sorted(set(commands)), sorted(complete("")))
        self.assertEqual(["metrics"], complete("me"))
        self.assertEqual(["metrics"], complete("-c", "/tmp", "me"))

    def test_options_of_the_command(self):
        self.assertEqual(["--check"], complete("status", "--c"))
        self.assertEqual(["--help", "--textfile"], sorted(complete("metrics", "--")))
        self.assertEqual([], complete("reload", "--y"))
        self.assertEqual(["--config"], complete("import", "sasl-xoauth2", "--c"))
        self.assertEqual(["--refresh-token-file"], complete("import", "--r"))
        self.assertEqual(["sasl-xoauth2"], complete("import", "sasl"))
        self.assertEqual(["email-oauth2-proxy"], complete("import", "email"))
        self.assertEqual(["--cache-store"], complete("import", "email-oauth2-proxy", "--c"))
        self.assertEqual(["/etc/passwd"], [x for x in complete("import", "sasl-xoauth2", "/etc/passw") if x == "/etc/passwd"])

    def test_answers_of_setup(self):
        self.assertEqual(["--tenant", "--test-to"], sorted(complete("setup", "--te")))
        self.assertEqual(["application", "user"], sorted(complete("setup", "--access", "")))
        self.assertEqual(["monitor", "off", "reject", "rewrite"], sorted(complete("setup", "--milter", "")))
        self.assertEqual(["certificate"], complete("setup", "relay@contoso.com", "--credential", "c"))

    def test_files(self):
        self.assertEqual(["/etc/passwd"], [x for x in complete("metrics", "--textfile", "/etc/passw") if x == "/etc/passwd"])


if __name__ == "__main__":
    tap.main()
