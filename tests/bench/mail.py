"""Mail per second through a real, private Postfix with the configuration as it is shipped, beside the same Postfix with no
authentication, in turns. Used by run.py. Wants root."""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from mta import wait_for  # noqa: E402
from relay import Relay  # noqa: E402

CLIENTS = 4
KINDS = {"XOAUTH2": {}, "no authentication": {"smtp_sasl_auth_enable": "no"}}


def deliver(relay, changes, messages, sent):
    """Messages per second from the queue, where all of them wait, to the server."""
    held = {"defer_transports": "mailbearer-relay"}
    relay.configure(per_account=True, **changes, **held)
    relay.mta.reload()
    relay.send_many(CLIENTS, messages // CLIENTS, first=sent)
    wait_for("all messages wait", 120, lambda: sum(p.is_file() for p in (relay.mta.queue_folder / "deferred").rglob("*")) >= messages)
    relay.configure(per_account=True, **changes)
    relay.mta.reload()
    before = time.monotonic()
    relay.mta.flush()
    wait_for("all messages arrive", 600, lambda: relay.provider.count("smtp/messages") >= sent + messages)
    return messages / (time.monotonic() - before)


def measure_mail(messages, rounds):
    """Prints both rates and their ratio (medians)."""
    print(f"\nPostfix, {rounds} times {messages} messages of each:", flush=True)
    relay = Relay(per_account=True)
    rates, sent = {kind: [] for kind in KINDS}, 0
    try:
        relay.start()
        relay.provider.config(open_relay=True)
        for _ in range(rounds):
            for kind, changes in KINDS.items():
                rates[kind].append(deliver(relay, changes, messages, sent))
                sent += messages
        with_login, without = (statistics.median(rates[kind]) for kind in KINDS)
        print(f"XOAUTH2 {with_login:.0f} messages/s, no authentication {without:.0f}/s; ratio {with_login / without:.2f}")
    finally:
        relay.close()
