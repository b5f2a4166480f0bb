#!/usr/bin/python3
"""The disk fails at each call of the store, and tokend is killed at each system call of a rotation: what is promised of
refresh tokens holds. The n-th call is tests/faults/shim.c's work; n goes up until a run comes to its end."""

import errno
import itertools
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, PATIENCE, NoAnswer, World, frame, read_reply  # noqa: E402
from shim import COUNT, FAIL, HOLD, KILL_AFTER, KILL_BEFORE, REST, STORE, Shim  # noqa: E402

import tap  # noqa: E402

DISK_ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO)
CALLS_MAX = 400


class WithShim(unittest.TestCase):
    rotation = "single-use"

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.provider = self.world.provider
        self.shim = Shim(self.world.folder, self.world.state)
        self.world.more_environment = self.shim.environment
        self.world.start()
        self.world.sign_in(rotation=self.rotation)

    def ask(self, question):
        """The answer's word, or "" when the daemon dies over it."""
        try:
            return self.world.ask(question)[0]
        except (OSError, NoAnswer):
            return ""

    def works(self):
        word, text = self.world.ask("refresh " + ACCOUNT)
        self.assertEqual("OK", word, text)
        self.assertFalse(self.world.status()["unsaved"])

    def works_after_a_kill(self):
        self.works()
        self.world.kill()
        self.world.start()
        self.assertEqual("OK", self.ask("token " + ACCOUNT))
        self.assertEqual(0, self.provider.count("token/reuse_detected/" + ACCOUNT))

    def state_file(self):
        path = self.world.state / (ACCOUNT + ".grant")
        return path.read_bytes() if path.exists() else b""


class Disk(WithShim):
    def test_one_call_fails(self):
        """The rotation is served all the same, and the next one is saved."""
        for number in DISK_ERRORS:
            for n in itertools.count(1):
                self.shim.arm(STORE, FAIL, n, number)
                self.assertEqual("OK", self.ask("refresh " + ACCOUNT), f"{os.strerror(number)} at call {n}, {self.shim.last()}")
                self.assertEqual("OK", self.ask("token " + ACCOUNT))
                struck = self.shim.clear()
                if not struck:
                    break
                tap.tried("the n-th call of the store fails", struck, tap.CALLS)
                self.works_after_a_kill()
            self.assertGreater(n, 8, "the calls were seen")

    def test_all_calls_fail_from_one_on(self):
        """Until it is repaired: the newest token is in memory, is used, and is on disk as soon as that can be."""
        for n in itertools.count(1):
            self.shim.arm(STORE, FAIL, n, errno.ENOSPC, and_after=True)
            for _ in range(2):
                self.assertEqual("OK", self.ask("refresh " + ACCOUNT))
            if not self.shim.clear():
                break
            tap.tried("all calls of the store fail from the n-th on", 1, tap.CALLS)
            self.works_after_a_kill()

    def test_is_repaired_by_itself(self):
        for number, says in ((errno.ENOSPC, "make room"), (errno.EROFS, "must be writable"), (errno.EIO, "/state")):
            before = len(self.world.log())
            self.shim.arm(STORE, FAIL, 1, number, and_after=True)
            self.assertEqual("OK", self.ask("refresh " + ACCOUNT))
            self.assertTrue(self.world.status()["unsaved"])
            told = [line for line in self.world.log()[before:].splitlines() if "event=store-failed" in line]
            self.assertIn(says, told[0])
            self.assertIn("do not stop tokend", told[0])
            self.shim.clear()
            self.world.wait_log("event=store-repaired", before)
            self.assertFalse(self.world.status()["unsaved"])
        self.works_after_a_kill()

    def test_a_call_fails_at_start(self):
        """It starts, or says why not; the grant is there when the disk is good again."""
        for n in itertools.count(1):
            self.world.stop()
            whole = self.state_file()
            self.shim.arm(STORE, FAIL, n, errno.EIO)
            try:
                self.world.start()
            except AssertionError:
                self.assertIn("event=start-failed", self.world.log())
                self.assertEqual(1, self.world.daemon.wait())
                self.world.daemon = None
            struck = self.shim.clear()
            self.world.stop()
            self.assertEqual(len(whole), len(self.state_file()))
            self.world.start()
            self.assertEqual("OK", self.ask("token " + ACCOUNT))
            if not struck:
                break
        self.assertGreater(n, 8, "the calls were seen")


class Hanging(WithShim):
    """The disk does not answer: whoever asks for what it has to take waits, and nobody else."""

    def begin(self, n):
        """The connection whose refresh waits for the n-th call of the store."""
        self.shim.arm(STORE, HOLD, n)
        asker = self.world.connect()
        self.addCleanup(asker.close)
        asker.sendall(frame(b"refresh " + ACCOUNT.encode()))
        self.world.wait(lambda: self.shim.get("hits"), f"call {n} of the store")
        return asker

    def test_at_each_call_of_a_rotation(self):
        """None of them is the loop's."""
        self.shim.arm(STORE, COUNT, 0)
        self.works()
        calls = self.shim.get("calls")
        self.assertGreater(calls, 8, "the calls were seen")
        for n in range(1, calls + 1):
            before = self.world.ask("token " + ACCOUNT)
            asker = self.begin(n)
            self.assertEqual(before, self.world.ask("token " + ACCOUNT))
            self.assertEqual("refreshing", self.world.status()["state"])
            self.shim.clear()
            self.assertEqual("OK", read_reply(asker)[0])
            self.assertNotEqual(before, self.world.ask("token " + ACCOUNT))
            tap.tried("the disk hangs", 1, tap.CALLS)
        self.works_after_a_kill()

    def test_for_longer_than_anybody_waits(self):
        """It is said, what would change the grant is refused, and all else goes on; the end does not wait for ever."""
        self.world.sign_in(rotation="entra")
        tap.tried("the disk hangs", 2, tap.CALLS)
        before, asker = self.world.ask("token " + ACCOUNT), self.begin(1)
        self.world.wait_log("event=store-hangs")
        for question in ("reload ", "forget " + ACCOUNT):
            word, text = self.world.ask(question)
            self.assertNotEqual("OK", word)
            self.assertIn("does not answer", text)
        self.assertEqual(before, self.world.ask("token " + ACCOUNT))
        self.shim.clear()
        self.assertEqual("OK", read_reply(asker)[0])
        self.assertIn("event=store-repaired", self.world.log())
        after = len(self.world.log())
        self.begin(1)
        self.world.daemon.terminate()
        self.assertEqual(0, self.world.daemon.wait(PATIENCE))
        self.assertIn("event=store-hangs waited_s=8 ", self.world.log()[after:])
        self.shim.clear()
        self.world.start()
        self.works_after_a_kill()

    def test_an_administrator_is_told(self):
        """What had not begun to change the disk is given up; the grant was used meanwhile, and is put back."""
        tap.tried("the disk hangs")
        before = self.world.ask("token " + ACCOUNT)
        self.shim.arm(STORE, HOLD, 1)
        self.assertEqual(("TEMP", "the grant could not be removed: the disk of state_directory does not answer"),
                         self.world.ask("forget " + ACCOUNT))
        self.assertEqual(1, self.shim.get("hits"))
        self.assertEqual(before, self.world.ask("token " + ACCOUNT))
        self.shim.clear()
        self.works_after_a_kill()

    def test_stop_waits_for_it(self):
        tap.tried("the disk hangs")
        before = self.state_file()
        self.begin(1)
        self.world.daemon.terminate()
        self.world.wait_log("event=stopping")
        self.assertEqual(before, self.state_file())
        self.shim.clear()
        self.assertEqual(0, self.world.daemon.wait())
        self.assertNotEqual(before, self.state_file())
        self.world.start()
        self.works_after_a_kill()


class Killed(WithShim):
    rotation, row = "entra", "killed at the n-th system call"

    def kill_at_each(self, question, action, survives):
        """question is asked, and the daemon killed at its n-th call, until it is answered in spite of that."""
        for n in range(1, CALLS_MAX):
            self.shim.arm(STORE | REST, action, n)
            word = self.ask(question())
            if not self.shim.get("hits"):
                self.world.kill()
            else:
                self.world.daemon.wait()
            tap.tried(self.row, self.shim.get("hits"), tap.CALLS)
            at = self.shim.last()
            self.shim.clear()
            self.world.daemon = None
            self.world.start()
            survives(n, at)
            if word == "OK":
                self.assertGreater(n, 8, "the calls were seen")
                return
        raise AssertionError("no run came to its end")

    def is_alive(self, n, at):
        word, text = self.world.ask("token " + ACCOUNT)
        self.assertEqual("OK", word, f"killed at call {n}, {at}: {text}")

    def test_rotation(self):
        for action in (KILL_BEFORE, KILL_AFTER):
            self.kill_at_each(lambda: "refresh " + ACCOUNT, action, self.is_alive)

    def test_import_over_a_grant_that_works(self):
        self.kill_at_each(lambda: f"import {ACCOUNT} {self.provider.secrets()['accounts'][ACCOUNT]['refresh_token']}",
                          KILL_BEFORE, self.is_alive)


class KilledWithSingleUse(Killed):
    """Where each refresh token is good for one use, nobody can save a rotation whose answer has not reached the disk. What can be
    promised: that this is the only moment at which a grant is lost."""
    rotation, row = "single-use", "the same, each refresh token good for one use"

    def setUp(self):
        super().setUp()
        self.lost = 0
        self.before = ("", 0)

    def remember(self):
        self.before = (self.state_file(), self.provider.count("token/rotations/" + ACCOUNT))
        return "refresh " + ACCOUNT

    def is_alive_or_was_in_between(self, n, at):
        # The daemon refreshes by itself after a start; by its answer, it has.
        if self.world.ask("token " + ACCOUNT)[0] == "OK":
            return
        self.lost += 1
        file, rotations = self.before
        self.assertEqual(file, self.state_file(), f"call {n}, {at}: lost, and yet the new one was on disk")
        self.assertGreater(self.provider.count("token/rotations/" + ACCOUNT), rotations, f"call {n}, {at}: lost for nothing")
        self.world.sign_in(rotation=self.rotation)

    def test_rotation(self):
        self.kill_at_each(self.remember, KILL_BEFORE, self.is_alive_or_was_in_between)
        print(f"# lost between the provider's answer and the disk: {self.lost}")

    test_import_over_a_grant_that_works = None


if __name__ == "__main__":
    tap.main()
