"""What many accounts cost one tokend: start, memory and questions for 1, 100 and 10,000 of them; and what thousands of peers that
mean harm cost the mail server. Used by run.py."""

import os
import subprocess
import sys
import threading
import time

import harness

BENCH = harness.BUILD / "tests" / "bench"
COUNTS = (1, 100, 10000)
HELPERS = 8
REFRESHES = 50 # per second
UID_FIRST = 61000
PEERS = ((0, "nobody else"), (8, "3,600 idle, half-open and slow connections of 8 other users"))

# Runs as a user of its own: a third of its connections say nothing, a third send half a frame, a third a byte now and then.
CROWD = """
import os, select, socket, sys
path, count, uid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.setgroups([]); os.setgid(uid); os.setuid(uid)
held = []
for i in range(count):
    s = socket.socket(socket.AF_UNIX); s.connect(path); held.append(s)
    if i % 3 == 1: s.sendall(b"24:token relay@")
slow = held[2::3]
for s in slow: s.sendall(b"80000:token ")
print("there", flush=True)
at = 0
while not select.select([sys.stdin], [], [], 0.02)[0]:
    for s in slow[at % 10::10]:
        try: s.send(b"x")
        except OSError: pass
    at += 1
"""


class Many(harness.World):
    """A tokend with `count` accounts whose grants are in its state already."""

    def __init__(self, count):
        self.count = count
        accounts = "".join(f'account "u{i}@contoso.com" {{ client = "contoso" }}\n' for i in range(count))
        super().__init__(conf=accounts, token_users=[harness.DAEMON_USER])
        self.in_parts(lambda i: self.account(f"u{i}@contoso.com", refresh_token=f"BENCH-{i}"))
        subprocess.run([BENCH / "bench_grants", self.state, self.seal_key, harness.CLIENT_ID, str(count)], check=True,
                       user=harness.DAEMON_USER, group=0, extra_groups=[])

    def in_parts(self, act):
        """act(i) for each account, by a few threads."""
        def part(first):
            for i in range(first, self.count, HELPERS):
                act(i)

        threads = [threading.Thread(target=part, args=(first,)) for first in range(HELPERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def refresh(self, i):
        word, text = self.ask(f"refresh u{i}@contoso.com")
        if word != "OK":
            raise AssertionError(f"u{i}: {word} {text}")


def ask(world, requests, processes, count):
    """bench_socket's lines; raises when a request was refused or not answered."""
    done = subprocess.run([BENCH / "bench_socket", "-n", str(requests), "-p", str(processes), "-a", str(count), world.socket,
                           "u0@contoso.com"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


class Refreshing(threading.Thread):
    """Refreshes accounts, one after the other, so many in a second, until it is stopped; each is a request to the provider and a
    rotation."""

    def __init__(self, world, per_second, first):
        super().__init__()
        self.world, self.per_second, self.first, self.done, self.over = world, per_second, first, 0, threading.Event()

    def run(self):
        began = time.monotonic()
        while not self.over.wait(max(0, began + self.done / self.per_second - time.monotonic())):
            self.world.refresh((self.first + self.done * HELPERS) % self.world.count)
            self.done += 1
        self.rate = self.done / (time.monotonic() - began)


def measure_one(count, requests):
    world = Many(count)
    try:
        before = time.monotonic()
        world.start()
        started, empty = time.monotonic() - before, world.memory()
        world.provider.config(no_refresh_token=True)  # the disk is not what is measured here
        world.in_parts(world.refresh)
        world.provider.config(no_refresh_token=False)
        full = world.memory()
        lines = ask(world, requests, 1, count)
        print(f"{count:6} accounts: start {started * 1000:.0f} ms, memory {empty} KiB, with a token each {full} KiB; "
              f"one process: {lines[1]}; {lines[2]}", flush=True)
        return world, started, full
    except BaseException:
        world.close()
        raise


def measure_scale(requests):
    """Returns what an account more costs of start-up time (s) and of memory (KiB), between the least and the most."""
    print(f"\nscale, {requests} requests each:", flush=True)
    figures = {}
    for count in COUNTS:
        world, started, memory = measure_one(count, requests)
        figures[count] = started, memory
        try:
            if count == COUNTS[-1]:
                measure_both(world, requests, rotates=False)
                measure_both(world, requests, rotates=True)
        finally:
            world.close()
    more = COUNTS[-1] - COUNTS[0]
    first, last = figures[COUNTS[0]], figures[COUNTS[-1]]
    print(f"an account more: {(last[0] - first[0]) / more * 1e6:.0f} us of start, {(last[1] - first[1]) / more:.1f} KiB of memory")


def measure_both(world, requests, rotates):
    """Questions from 20 processes while tokens are refreshed; where the provider rotates refresh tokens, each goes to the disk."""
    world.provider.config(no_refresh_token=not rotates)
    threads = [Refreshing(world, REFRESHES / HELPERS, first) for first in range(HELPERS)]
    for thread in threads:
        thread.start()
    lines = ask(world, 10 * requests, 20, world.count)
    for thread in threads:
        thread.over.set()
    for thread in threads:
        thread.join()
    rate = sum(thread.rate for thread in threads)
    print(f"{world.count:6} accounts, 20 processes, and {rate:.0f} refreshes per second{', each saved' if rotates else ''}: "
          f"{lines[1]}; {lines[2]}", flush=True)


def crowd(world, users, each=450):
    processes = []
    for i in range(users):
        process = subprocess.Popen([sys.executable, "-c", CROWD, str(world.socket), str(each), str(UID_FIRST + i)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes.append(process)
        process.stdout.readline()
    return processes


def measure_peers(requests):
    """What the mail server waits for a token, alone and in a crowd. Wants root, to be other users."""
    print(f"\nhostile peers, {requests} token requests, one after the other:", flush=True)
    world, processes = Many(1), []
    try:
        world.start()
        world.refresh(0)
        for users, who in PEERS:
            processes = crowd(world, users)
            print(f"{who}: {ask(world, requests, 1, 1)[2]}", flush=True)
    finally:
        for process in processes:
            process.stdin.close()
            process.wait()
            process.stdout.close()
        world.close()
