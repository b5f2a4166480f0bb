#!/usr/bin/python3
"""The main job, shown: a message goes in as a printer sends it and comes out authenticated with OAuth 2.0.

    demo.py [--keep]      --keep: leave it running until Enter or Ctrl-C, and say how to use it
"""

import email
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("MB_SRCDIR", str(ROOT))
os.environ.setdefault("MB_BUILDDIR", str(ROOT / "build" / "gcc"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import ACCOUNT, MILTER_SETTINGS, Relay  # noqa: E402

PRINTER = "scanner@printer.local"  # what a device says that nobody can teach


def say(text):
    print(text, flush=True)


def lines(log, word, count=3):
    return ["      " + line for line in log.splitlines() if word in line][-count:]


def show_alignment(relay, milter):
    relay.send(2, sender=PRINTER)
    stored = relay.delivered(2)[1]
    header = email.message_from_string(stored["body"])
    say(f"7. A printer sent as {PRINTER}, which Exchange answers with 554 5.2.252 SendAsDenied. mailbearer-milter made it agree:")
    say(f"      MAIL FROM:<{stored['mail_from']}>")
    say("\n".join(f"      {name}: {header[name]}" for name in ("From", "Reply-To", "X-Original-From")))
    say("\n".join(lines(milter.log(), "situation=both-foreign", 1)))


def show(relay, milter):
    provider, world, mta = relay.provider, relay.world, relay.mta
    say(f"1. A stand-in for Microsoft runs: token endpoint {provider.token_endpoint},")
    say(f"   submission server 127.0.0.1:{provider.smtp_port}, which takes nothing but AUTH XOAUTH2 with a live token.")
    world.start()
    say(f"2. mailbearer-tokend runs as user {os.stat(world.state).st_uid}, without root, and listens at {world.socket}")
    say("   and at the same path inside Postfix's chroot.")
    world.sign_in()
    say(f"3. {ACCOUNT} has its refresh token imported, sealed and on disk; an access token was fetched:")
    say("\n".join(lines(world.log(), "event=token-refreshed")))
    milter.start()
    mta.start()
    say("4. mailbearer-milter runs, and a private Postfix, its smtp(8) chrooted, with these lines added to main.cf:")
    for key, value in {**relay.settings(), **MILTER_SETTINGS}.items():
        if key.startswith(("relayhost", "smtp_sasl", "smtp_tls_sec")) or key in MILTER_SETTINGS:
            say(f"      {key} = {value}")
    digest = relay.send(1)[0]
    say(f"5. A message went in at 127.0.0.1:{mta.smtp_port}, as a printer sends it: no TLS, no password.")
    stored = relay.delivered(1)[0]
    say(f"6. It came out at the submission server, authenticated as {stored['user']}. Postfix's log:")
    mta.wait_log("status=sent")
    say("\n".join(lines(mta.log(), "status=sent")))
    say(f"   Logins seen there: {provider.count('smtp/logins')}; body's SHA-256 sent: {digest[:16]}...")
    show_alignment(relay, milter)
    say("8. What the administrator sees:")
    say(world.cli("status").stdout)


def keep(relay):
    say(f"It goes on running. A message: swaks --server 127.0.0.1 --port {relay.mta.smtp_port} --from {ACCOUNT} --to you@example.net")
    say(f"Postfix's log: {relay.mta.maillog}   tokend's log: {relay.world.log_file}")
    say(f"The CLI: {os.environ['MB_BUILDDIR']}/mailbearer -c {relay.world.conf} status")
    say("Press Enter to end it.")
    try:
        sys.stdin.readline()
    except KeyboardInterrupt:
        pass


def main():
    if os.geteuid() != 0:
        sys.exit("demo.py: Postfix wants root: sudo ./bootstrap demo")
    relay = Relay()
    milter = relay.add_milter()
    try:
        show(relay, milter)
        if "--keep" in sys.argv[1:]:
            keep(relay)
    finally:
        milter.close()
        relay.close()
    say("Done; everything was stopped and removed.")


if __name__ == "__main__":
    main()
