#!/usr/bin/python3
"""tokend with as few rights as its systemd unit leaves it (World.confine). Everything works: sign-in, rotation, reload, a
restart. The system ring runs with them, too."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, SOURCE, TOKEND, World  # noqa: E402

import tap  # noqa: E402


class Confined(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.world.confine()

    def status_of_process(self, name):
        with open(f"/proc/{self.world.daemon.pid}/status", encoding="ascii") as file:
            return re.search(rf"^{name}:\t(.*)$", file.read(), re.M)[1]

    def test_everything_works_with_no_rights(self):
        self.world.start()
        self.world.sign_in(rotation="single-use")
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", *(["CapBnd"] if os.geteuid() == 0 else [])):
            self.assertEqual(0, int(self.status_of_process(name), 16), name)
        self.assertEqual("1", self.status_of_process("NoNewPrivs"))
        if os.geteuid() == 0:
            with open(f"/proc/{self.world.daemon.pid}/mountinfo", encoding="utf-8") as file:
                self.assertRegex(file.read(), rf" {self.world.folder} ro[ ,]")
        for question in ("refresh " + ACCOUNT, "token " + ACCOUNT, "status *", "reload ", "refresh " + ACCOUNT):
            word, text = self.world.ask(question)
            self.assertEqual("OK", word, text)
        self.assertFalse(self.world.status()["unsaved"])
        self.world.restart()
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])
        self.assertEqual(0, self.world.stop())

    def test_gives_them_up_by_itself(self):
        """Started as root without any help, it has none either once it answers."""
        self.world.prefix = []
        self.world.start()
        for name in ("CapInh", "CapPrm", "CapEff"):
            self.assertEqual(0, int(self.status_of_process(name), 16), name)
        self.assertEqual("1", self.status_of_process("NoNewPrivs"))
        with open(f"/proc/{self.world.daemon.pid}/limits", encoding="ascii") as file:
            self.assertRegex(file.read(), r"Max core file size +0 +0")

    def test_filters_its_system_calls(self):
        """A build that can, does so unless the configuration says no; a reload tells that this wants a restart."""
        self.world.prefix = []
        self.world.start()
        self.assertEqual("2" if b"seccomp_load" in TOKEND.read_bytes() else "0", self.status_of_process("Seccomp"))
        self.world.write(tokend='seccomp = "off"')
        self.assertIn("restart tokend for the new value of seccomp", self.world.ask("reload ")[1])
        self.world.restart()
        self.assertEqual("0", self.status_of_process("Seccomp"))

    def test_the_unit_asks_for_this_and_more(self):
        unit = (SOURCE / "etc" / "mailbearer-tokend.service.in").read_text()
        for line in ("NoNewPrivileges=yes", "CapabilityBoundingSet=", "AmbientCapabilities=", "ProtectSystem=strict",
                     "StateDirectoryMode=0700", "LimitCORE=0", "MemoryDenyWriteExecute=yes", "RestrictNamespaces=yes",
                     "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "SystemCallFilter=@system-service seccomp",
                     "SystemCallFilter=~@privileged @resources"):
            self.assertIn(line + "\n", unit)


if __name__ == "__main__":
    tap.main()
