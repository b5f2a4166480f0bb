#!/usr/bin/python3
"""What mailbearer-milter costs, beside a milter that has its callbacks and decides nothing in them, in one run.

    milter.py [--messages N] [--rounds N]     messages per second and p99 at 1, 20 and 100 connections, and the ratio
    milter.py --memory N                      N messages through one milter, its memory before and after

run.py calls measure(). Exit status 1 when a message was not answered or not let pass; of time nothing is asserted.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(os.environ.get("MB_SRCDIR", Path(__file__).resolve().parents[2]))
sys.path[:0] = [str(SOURCE / "tests" / "blackbox")]

from harness import BUILD  # noqa: E402
from milter_world import MilterWorld  # noqa: E402

BENCH = BUILD / "tests" / "bench"
CONNECTIONS = (1, 20, 100)
FROMS = {"aligned": "Scanner <relay@contoso.com>", "rewritten": "Scanner <scanner@printer.local>"}
FIGURES = re.compile(r"per second (\d+) p50 (\d+) us p99 (\d+) us")


def send(socket, messages, connections, sender):
    """(messages per second, p99 in microseconds)"""
    done = subprocess.run([BENCH / "bench_milter", "-n", str(messages), "-c", str(connections), "-f", sender, socket],
                          check=True, capture_output=True, text=True)
    rate, _, p99 = map(int, FIGURES.search(done.stdout).groups())
    return rate, p99


class Null:
    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="mb")
        self.socket = Path(self.folder.name) / "null.sock"
        self.process = subprocess.Popen([BENCH / "null_milter", *options, f"unix:{self.socket}"])
        until = time.monotonic() + 10
        while not self.socket.exists() and time.monotonic() < until:
            time.sleep(0.01)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def compare(ours, null, messages, rounds, connections, kind):
    """Turn by turn, so that what the machine does besides falls on both; the medians."""
    pairs = [(send(null.socket, messages, connections, FROMS[kind]), send(ours.socket, messages, connections, FROMS[kind]))
             for _ in range(rounds)]
    null_rate, null_p99, rate, p99 = (statistics.median(pair[i][j] for pair in pairs) for i, j in
                                      ((0, 0), (0, 1), (1, 0), (1, 1)))
    ratio = statistics.median(pair[1][0] / pair[0][0] for pair in pairs)
    print(f"{kind:9} {connections:3} connections: {rate:.0f} messages/s, p99 {p99:.0f} us; null {null_rate:.0f}/s, "
          f"p99 {null_p99:.0f} us; ratio {ratio:.2f}", flush=True)
    return ratio


def measure(messages=20000, rounds=5):
    """Prints a line for each kind of message and number of connections; the ratios by those two."""
    ours, nulls = MilterWorld(), {"aligned": Null(), "rewritten": Null("-c")}
    try:
        ours.start()
        print(f"\nmilter, {rounds} times {messages} messages of each:", flush=True)
        return {(kind, connections): compare(ours, nulls[kind], messages, rounds, connections, kind)
                for kind in FROMS for connections in CONNECTIONS}
    finally:
        for milter in (ours, *nulls.values()):
            milter.close()


def resident(pid):
    """KiB"""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"Rss:\s+(\d+)", file.read())[1])


def memory(messages):
    """After a first hundredth, until the allocator has what it keeps."""
    world = MilterWorld()
    world.log_file = Path("/dev/null")
    try:
        world.start()
        def both(count):
            for sender in FROMS.values():
                send(world.socket, count // 2, 20, sender)
        both(max(messages // 100, 1000))
        before = resident(world.daemon.pid)
        both(messages)
        print(f"{messages} messages: resident before {before} KiB, after {resident(world.daemon.pid)} KiB")
    finally:
        world.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20000, metavar="N", help="of each kind in each round")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--memory", type=int, metavar="N", help="so many messages, and what became of the memory")
    arguments = parser.parse_args()
    if arguments.memory:
        memory(arguments.memory)
    else:
        measure(arguments.messages, arguments.rounds)


if __name__ == "__main__":
    main()
