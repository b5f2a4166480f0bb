#!/usr/bin/python3
"""Memory and descriptors run out: at each allocation of Mailbearer's own code, in the daemon's start, requests and reload, in
the plugin under the real libsasl2, in the milter, and in the CLI. Each fails in good order, and all is well afterwards. (Not in the
ring with sanitizers, which have an allocator of their own.)"""

import errno
import itertools
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, BUILD, PLUGIN, TIMEOUT, NoAnswer, World, frame, read_reply  # noqa: E402
from milter_client import MilterError  # noqa: E402
from milter_world import MilterWorld  # noqa: E402
from shim import FAIL, OURS, Shim  # noqa: E402

import tap  # noqa: E402

SASL_CLIENT = BUILD / "tests" / "blackbox" / "saslclient"
RESULTS = ("OK", "TEMP", "PERM", "")
FEW_FILES = 14 # where nobody may look


class Counting(unittest.TestCase):
    row = ""

    def each(self, act, least):
        """act(n) with the n-th allocation failing, until there are no more."""
        for n in itertools.count(1):
            self.shim.arm(OURS, FAIL, n, errno.ENOMEM)
            act(n)
            struck = self.shim.clear()
            if not struck:
                break
            tap.tried(self.row, struck, tap.CALLS)
        self.assertGreater(n, least, "the allocations were seen")


class WithShim(Counting):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.shim = Shim(self.world.folder)
        # What is freed is overwritten, so that its use is seen.
        # A request whose socket could not be watched ends at its timeout.
        self.world.conf.write_text(self.world.conf.read_text().replace(TIMEOUT, "timeout = 1"))
        self.world.more_environment = {**self.shim.environment, "MALLOC_PERTURB_": "165"}

    def start(self):
        self.world.start()
        word, text = self.world.ask(f"import {ACCOUNT} {self.world.account(rotation='entra')}")
        if word != "TEMP":  # on a busy machine the second may be over
            self.assertEqual("OK", word, text)
        self.world.refreshes()

    def ask(self, question):
        try:
            return self.world.ask(question)[0]
        except (OSError, NoAnswer):
            return ""


class Daemon(WithShim):
    row = "the n-th allocation fails in tokend"

    def is_well(self, n):
        self.assertIsNone(self.world.daemon.poll(), f"allocation {n}, {self.shim.last()}: {self.world.log()[-800:]}")
        struck = self.shim.clear()
        self.world.wait(lambda: self.ask("refresh " + ACCOUNT) == "OK", f"a token after allocation {n} failed")
        self.assertEqual("OK", self.ask("token " + ACCOUNT))
        self.shim.set(hits=struck)

    def test_start(self):
        self.start()

        def starts_or_says_why(_):
            self.shim.set(kinds=0)
            self.world.stop()
            self.shim.set(kinds=OURS)
            try:
                self.world.start()
            except AssertionError:
                self.assertEqual(1, self.world.daemon.wait(), f"{self.shim.last()}: {self.world.log()[-800:]}")
                self.world.daemon = None

        self.each(starts_or_says_why, 50)
        self.world.stop()
        self.world.start()
        self.assertEqual("OK", self.ask("token " + ACCOUNT))

    def test_refresh(self):
        self.start()

        def answers(n):
            self.assertIn(self.ask("refresh " + ACCOUNT), RESULTS)
            self.is_well(n)

        self.each(answers, 20)
        files, memory = self.world.open_files(), self.world.memory()
        for _ in range(50):
            self.world.refreshes()
        self.world.wait(lambda: self.world.open_files() <= files, "the descriptors back")
        self.assertLess(self.world.memory() - memory, 512)

    def test_questions(self):
        self.start()
        for question in ("token " + ACCOUNT, "status *", "sasl " + ACCOUNT, "account " + ACCOUNT, "nomap x", "x"):
            with self.subTest(question):
                def answers(n, question=question):
                    self.assertIn(self.ask(question), RESULTS)
                    self.assertIsNone(self.world.daemon.poll(), f"allocation {n}, {self.shim.last()}")

                self.each(answers, 1)
        self.is_well(0)

    def test_import(self):
        self.start()

        def imports(n):
            known = self.world.provider.secrets()["accounts"][ACCOUNT]["refresh_token"]
            self.assertIn(self.ask(f"import {ACCOUNT} {known}"), RESULTS)
            self.assertIsNone(self.world.daemon.poll(), f"allocation {n}, {self.shim.last()}")
            self.shim.set(kinds=0)
            self.world.wait(lambda: self.ask("token " + ACCOUNT) == "OK", f"a token after allocation {n} failed")

        self.each(imports, 5)

    def test_reload(self):
        self.start()

        def reloads(n):
            self.assertIn(self.ask("reload "), RESULTS)
            self.is_well(n)

        self.each(reloads, 20)

    def test_descriptors_run_out(self):
        """With none left, connections wait their turn, and all is well when there are some again."""
        tap.tried("no descriptors left")
        self.start()
        few = (self.world.open_files() or FEW_FILES) + 2
        self.world.stop()
        self.world.prefix = ["/usr/bin/prlimit", f"--nofile={few}:{few}"]
        self.world.start()
        held = [self.world.connect() for _ in range(2 * few)]
        # Those that are taken first leave none for its request.
        self.world.wait(lambda: self.world.open_files() in (0, few), "all descriptors in use")
        held[0].sendall(frame(b"refresh " + ACCOUNT.encode()))
        word, text = read_reply(held[0])
        self.assertEqual("TEMP", word)
        self.assertIn("remedy", self.world.log())
        self.assertIsNone(self.world.daemon.poll())
        for connection in held:
            connection.sendall(frame(b"status *"))
            self.assertEqual("OK", read_reply(connection)[0])
            connection.close()
        self.is_well(0)


class Others(WithShim):
    row = "the n-th allocation fails in the plugin"

    def test_plugin(self):
        """It authenticates, or fails in its first step; it never goes on without a token."""
        self.start()
        folder = self.world.folder / "plugins"
        folder.mkdir()
        (folder / PLUGIN.name).symlink_to(PLUGIN)
        env = {**self.world.environment(), "SASL_PATH": str(folder)}

        def authenticates(n):
            got = subprocess.run([SASL_CLIENT, "-u", ACCOUNT, "-p", f"unix:{self.world.socket}", "-c", ""],
                                 env=env, capture_output=True,
                                 text=True, timeout=60, check=False)
            self.assertGreaterEqual(got.returncode, 0, f"allocation {n}, {self.shim.last()}")
            tokens = [line for line in got.stdout.splitlines() if line.startswith("out ") and line != "out NULL"]
            good = "start 0" in got.stdout or "start 1" in got.stdout
            self.assertEqual(good, bool(tokens), f"allocation {n}, {self.shim.last()}: {got.stdout}")
            seen.add(good)

        seen = set()
        self.shim.set(kinds=0)
        # The daemon counts, too, in the same page: it is started without the shim.
        self.world.stop()
        self.world.more_environment = {}
        self.world.start()
        self.each(authenticates, 5)
        self.assertEqual({True, False}, seen)

    def test_cli(self):
        self.start()
        self.shim.set(kinds=0)
        self.world.stop()
        shimmed, self.world.more_environment = self.world.more_environment, {}
        self.world.start()
        self.world.more_environment = shimmed
        for words in (("status",), ("check-config",), ("token", ACCOUNT), ("status", "--json"), ("--help",)):
            with self.subTest(words):
                def runs(n, words=words):
                    got = self.world.cli(*words)
                    self.assertIn(got.returncode, (0, 1, 2, 3), f"allocation {n}, {self.shim.last()}: {got.stderr}")
                    if got.returncode:
                        self.assertIn("mailbearer", got.stderr + got.stdout)

                self.each(runs, 0)


class Milter(Counting):
    row = "the n-th allocation fails in the milter"

    def setUp(self):
        self.world = MilterWorld()
        self.addCleanup(self.world.close)
        self.shim = Shim(self.world.folder)
        self.world.more_environment = {**self.shim.environment, "MALLOC_PERTURB_": "165"}

    def send(self):
        """The From as it is queued, or None: put off, as the MTA does when the filter goes away."""
        fields = [("From", " Third Floor <scanner@printer.local>"), ("Sender", " root@printer.local"), ("To", " you@example.net")]
        try:
            with self.world.connect() as milter:
                outcome = milter.message("scanner@printer.local", fields=fields)
        except MilterError:
            return None
        if outcome.verdict != "continue":
            self.assertTrue(outcome.verdict == "tempfail" or outcome.reply.startswith("451 4.3.0"), outcome)
            return None
        envelope, after = outcome.apply("scanner@printer.local", fields)
        self.assertEqual((ACCOUNT, []), (envelope, [value for name, value in after if name == "Sender"]))
        return [value for name, value in after if name == "From"]

    def test_a_message_is_aligned_or_put_off(self):
        self.world.start()
        aligned, seen = [f" Third Floor <{ACCOUNT}>"], []

        def sends(n):
            seen.append(self.send())
            self.assertIn(seen[-1], (aligned, None), f"allocation {n}, {self.shim.last()}")
            self.assertIsNone(self.world.daemon.poll(), f"allocation {n}, {self.shim.last()}: {self.world.log()[-800:]}")

        self.each(sends, 5)
        self.assertIn(None, seen)
        self.assertEqual(aligned, self.send())

    def test_start_and_a_new_configuration(self):
        def starts(_):
            try:
                self.world.start()
                self.world.stop()
            except AssertionError:
                self.assertEqual(1, self.world.daemon.wait(), f"{self.shim.last()}: {self.world.log()[-800:]}")
                self.world.daemon = None

        self.each(starts, 10)
        self.world.start()

        def reads(n):
            self.shim.set(kinds=0)
            self.world.write(milter=f'default_account = "{ACCOUNT}" max_recipients = {n}')
            self.shim.set(kinds=OURS)
            self.assertIn(self.send(), ([f" Third Floor <{ACCOUNT}>"], None), f"allocation {n}, {self.shim.last()}")
            self.assertIsNone(self.world.daemon.poll(), f"allocation {n}, {self.shim.last()}: {self.world.log()[-800:]}")

        self.each(reads, 10)
        self.assertIn("event=reload-failed", self.world.log())
        self.assertEqual([f" Third Floor <{ACCOUNT}>"], self.send())


if __name__ == "__main__":
    tap.main()
