"""Runs unittest cases and speaks TAP: one line per test method, failures as diagnostics, exit status 0 or 1.

    if __name__ == "__main__":
        tap.main()

Arguments select tests by substring of their names. A skipped test counts as failed: there are no tests that may be skipped.
A test that takes longer than $MB_TEST_TIMEOUT seconds (120) fails where it stands, so that its clean-up runs; a SIGTERM ends
the runner the same way.
"""
import os
import signal
import sys
import time
import traceback
import unittest

TEST_SECONDS = int(os.environ.get("MB_TEST_TIMEOUT", "120"))


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
        self.number += 1
        self.bad += not good
        name = test.id().removeprefix("__main__.")
        print(f"{'ok' if good else 'not ok'} {self.number} - {name} ({time.monotonic() - self.started:.1f} s)")
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
    print(f"1..{result.number}")
    sys.exit(1 if result.bad or not result.number else 0)
