#!/usr/bin/python3
"""The benchmarks against the real tokend, in one run: `make bench`. Prints figures; of time it asserts nothing.

What the plugin costs an SMTP session beside PLAIN, for a usual token and the longest; 100,000 token requests from 20
processes, with tokend's memory before and after; 1, 100 and 10,000 accounts; thousands of peers that mean harm; simulated days
of 100,000 and of 10,000 accounts; the milter beside one that decides nothing; and mail per second through a real Postfix, beside
the same one with no authentication. Exit status 1 when a request was refused or not answered. Names given: only those parts.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(os.environ.get("MB_SRCDIR", Path(__file__).resolve().parents[2]))
sys.path[:0] = [str(SOURCE / "tests" / "blackbox"), str(SOURCE / "tests" / "bench")]

import harness  # noqa: E402
import mail  # noqa: E402
import milter  # noqa: E402
import scale  # noqa: E402

BENCH = harness.BUILD / "tests" / "bench"
TOKEN_SIZES = (1500, 16384)


def plugin_path(world):
    """libsasl2's own plugins, which have PLAIN, and ours as it was built. Only root may name plugins by SASL_PATH."""
    libdir = subprocess.run(["pkg-config", "--variable=libdir", "libsasl2"], capture_output=True, text=True, check=True)
    folder = world.folder / "plugins"
    folder.mkdir(exist_ok=True)
    (folder / "libmailbearer.so").symlink_to(harness.PLUGIN.resolve())
    return f"{folder}:{libdir.stdout.strip()}/sasl2"


def measure_plugin(world, rounds):
    """Both on one CPU: else the time that an idle one takes to wake up is measured, too."""
    cpu = {min(os.sched_getaffinity(0))}
    everywhere = os.sched_getaffinity(world.daemon.pid)
    os.sched_setaffinity(world.daemon.pid, cpu)
    environment = dict(os.environ, SASL_PATH=plugin_path(world))
    for size in TOKEN_SIZES:
        user = f"bench{size}@contoso.com"
        world.sign_in(user, token_size=size)
        print(f"\nplugin, {size} bytes of token, {rounds} sessions of each:", flush=True)
        subprocess.run([BENCH / "bench_plugin", "-n", str(rounds), user, f"unix:{world.socket}"], check=True, env=environment,
                       preexec_fn=lambda: os.sched_setaffinity(0, cpu))
    os.sched_setaffinity(world.daemon.pid, everywhere)


def measure_socket(world, requests):
    print(f"\nsocket, {requests} requests from 20 processes:", flush=True)
    done = subprocess.run([BENCH / "bench_socket", "-n", str(requests), "-d", str(world.daemon.pid), world.socket,
                           f"bench{TOKEN_SIZES[0]}@contoso.com"], check=False)
    return done.returncode


def measure_one_tokend(arguments):
    accounts = "".join(f'account "bench{size}@contoso.com" {{ client = "contoso" }}\n' for size in TOKEN_SIZES)
    world = harness.World(conf=accounts, token_users=[harness.DAEMON_USER])
    try:
        world.start()
        measure_plugin(world, arguments.sessions)
        return measure_socket(world, arguments.requests)
    finally:
        world.close()


def simulate_day(_):
    print("\na simulated day:", flush=True)
    test = harness.BUILD / "tests" / "unit" / "test_day"
    return max(subprocess.run([test, accounts, "24"], check=False).returncode for accounts in ("100000", "10000"))


# name: what measures it. Each returns an exit status, or None.
PARTS = {
    "socket": measure_one_tokend,
    "scale": lambda arguments: scale.measure_scale(arguments.requests // 5),
    "peers": lambda arguments: scale.measure_peers(arguments.requests // 5),
    "day": simulate_day,
    "milter": lambda _: milter.measure() and None,
    "mail": lambda arguments: mail.measure_mail(arguments.messages, 3),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=5000, metavar="N", help="of each mechanism and size")
    parser.add_argument("--requests", type=int, default=100000, metavar="N", help="over the socket")
    parser.add_argument("--messages", type=int, default=400, metavar="N", help="through Postfix, of each kind, three times")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help="of: " + ", ".join(PARTS))
    arguments = parser.parse_args()
    return max([PARTS[name](arguments) or 0 for name in arguments.parts or PARTS])


if __name__ == "__main__":
    sys.exit(main())
