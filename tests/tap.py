"""Runs unittest cases and speaks TAP: one line per test method, failures as diagnostics, exit status 0 or 1.

    if __name__ == "__main__":
        tap.main()

Arguments select tests by substring of their names. A skipped test counts as failed: there are no tests that may be skipped.
A test that takes longer than $MB_TEST_TIMEOUT seconds (300) fails where it stands, so that its clean-up runs; a SIGTERM ends
the runner the same way.

A test that makes faults says so, tried("no descriptors left"), by the words with which their row of SECURITY.md's table begins; after
all tests of a program the numbers there are compared with what was done. Where the C library and the kernel decide how many there
are, CALLS, they are to be the same within a third; where a slow machine has ended them early, AT_MOST, no more than that.
"""
import collections
import os
import re
import signal
import sys
import time
import traceback
import unittest

SECURITY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "SECURITY.md")
TEST_SECONDS = int(os.environ.get("MB_TEST_TIMEOUT", "300"))


EXACTLY, CALLS, AT_MOST = range(3)

faults = collections.Counter()
counting = {}  # how, by row


def tried(row, times=1, how=EXACTLY):
    faults[row] += times
    counting[row] = max(how, counting.get(row, EXACTLY))


def fits(said, times, how):
    if how == AT_MOST:
        return 0 < times <= said
    return abs(said - times) <= (max(said, times) // 3 if how == CALLS else 0)


def miscounted(row, times):
    """What is wrong with the row of SECURITY.md; or None."""
    with open(SECURITY, encoding="utf-8") as file:
        said = [int(number) for number in re.findall(rf"(?m)^\| {re.escape(row)}[^|]*\| (\d+) \|", file.read())]
    if len(said) != 1:
        return f"{len(said)} rows of SECURITY.md begin with these words"
    if not fits(said[0], times, counting[row]):
        return f"SECURITY.md says {said[0]}"
    return None


def too_long(*_):
    raise TimeoutError(f"the test took longer than {TEST_SECONDS} s")


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.bad = 0
        self.started = 0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        signal.alarm(TEST_SECONDS)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def line(self, test, good, details=""):
        name = test.id().removeprefix("__main__.")
        self.say(f"{name} ({time.monotonic() - self.started:.1f} s)", good, details)

    def say(self, name, good, details):
        self.number += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}")
        for text in details.splitlines():
            print("# " + text)
        sys.stdout.flush()

    def addSuccess(self, test):
        self.line(test, True)

    def addError(self, test, err):
        self.line(test, False, "".join(traceback.format_exception(*err)))

    addFailure = addError

    def addSkip(self, test, reason):
        self.line(test, False, "skipped: " + reason)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.line(subtest, False, "".join(traceback.format_exception(*err)))


def cases(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


def main(module="__main__"):
    loaded = list(cases(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])))
    words = sys.argv[1:]
    chosen = unittest.TestSuite(t for t in loaded if not words or any(w in t.id() for w in words))
    result = TapResult()
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    chosen.run(result)
    for row, times in faults.items() if not words and not result.bad else ():
        wrong = miscounted(row, times)
        result.say(f"tried {times} times: {row}", wrong is None, wrong or "")
    print(f"1..{result.number}")
    sys.exit(1 if result.bad or not result.number else 0)
