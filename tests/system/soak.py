#!/usr/bin/python3
"""Hours of mail through a real Postfix, milter and tokend while everything around fails at random; at the end the books balance:
each message that was taken has arrived exactly once, and nothing bounced. Never a part of `make check`.

    MB_BUILDDIR=build/gcc python3 tests/system/soak.py [--rate 1000] [--minutes 60] [--seed N]

Senders act as printers do: a message that is put off with 4xx is offered again. A message whose fate its sender was not told
(the connection broke after DATA) may have arrived or not, but not twice. Wants root. Prints its seed, and with the same
seed come the same faults in the same order.
"""

import argparse
import collections
import os
import random
import signal
import smtplib
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, MILTER_SETTINGS, Relay, message  # noqa: E402

SENDERS = 8
EACH = 20            # messages over one connection of a sender's
SIZE = 400
QUIET = (2, 8)       # seconds between faults
LASTS = (0.5, 6)     # seconds, of those that last
DRAIN_SECONDS = 600
TOKEN_LIFE = 100     # seconds, so that tokens are refreshed all the time
FOREIGN = "scanner@printer.local"
CHANGES = {"minimal_backoff_time": "5s", "maximal_backoff_time": "20s", "queue_run_delay": "5s", "smtp_tls_loglevel": "0",
           "smtpd_client_connection_count_limit": "0", "smtp_connect_timeout": "5s", "in_flow_delay": "0"}

REPLIES = (
    ("auth", "535 5.7.3 Authentication unsuccessful"), ("auth", "454 4.7.0 Temporary authentication failure"),
    ("auth", "432 4.3.2 STOREDRV; mailbox server is too busy"), ("connect", "421 4.3.2 Service not available"),
    ("mail", "451 4.7.500 Server busy"), ("rcpt", "452 4.5.3 Too many recipients"),
    ("dot", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"), ("ehlo", "421 4.4.2 Connection timed out"),
)
TOKEN_FAULTS = ({"kind": "status", "status": 503}, {"kind": "status", "status": 429}, {"kind": "hang_headers"}, {"kind": "reset"},
                {"kind": "html"}, {"kind": "truncated"}, {"kind": "close"}, {"kind": "hang_connect"}, {"kind": "empty"})


class Soak:
    def __init__(self, rate, seconds, seed):
        self.rate, self.seconds, self.random = rate, seconds, random.Random(seed)
        self.relay = Relay()
        self.milter = self.relay.add_milter()
        self.relay.configure(per_account=True, **{**MILTER_SETTINGS, **CHANGES})
        self.world, self.provider, self.mta = self.relay.world, self.relay.provider, self.relay.mta
        self.lock = threading.Lock()
        self.next = 0
        self.taken, self.unknown = set(), set()  # digests of bodies
        self.put_off = collections.Counter()     # replies with 4xx that senders got
        self.faults = collections.Counter()
        self.broken = []                         # what must never happen
        self.over = threading.Event()

    # --- senders ---

    def number(self):
        """The next message, at its time; None: it is over."""
        with self.lock:
            mine = self.next
            self.next += 1
        at = self.began + mine * 60 / self.rate
        if at > self.began + self.seconds or self.over.wait(max(0, at - time.monotonic())):
            return None
        return mine

    def speak(self, client, number, digest, content):
        """The server's last word, (code, text)."""
        code, text = client.mail(ACCOUNT if number % 2 else FOREIGN)
        if code == 250:
            code, text = client.rcpt("someone@example.net")
        if code != 250:
            return code, text
        self.unknown.add(digest)
        try:
            code, text = client.data(content)
        except smtplib.SMTPDataError as error:
            code, text = error.smtp_code, error.smtp_error
        self.unknown.discard(digest)
        return code, text

    def offer(self, client, number):
        """True: it is the server's now. Raises when the connection breaks."""
        content, digest = message(number, SIZE, FOREIGN if number % 3 == 0 else ACCOUNT)
        code, text = self.speak(client, number, digest, content)
        if code == 250:
            self.taken.add(digest)
            return True
        self.put_off[code] += 1
        if not 400 <= code < 500:
            self.broken.append(f"message {number} was refused: {code} {text}")
        client.rset()
        return False

    def one_connection(self, number):
        """Offers messages, beginning with this one; returns the next one, None when it is over."""
        client = smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60)
        try:
            client.ehlo()
            for _ in range(EACH):
                if number is None:
                    break
                taken = self.offer(client, number)
                number = self.number() if taken else number
                self.over.wait(0 if taken else 0.2)
        except (smtplib.SMTPException, OSError):
            if message(number, SIZE)[1] in self.unknown:
                number = self.number()
        finally:
            client.close()
        return number

    def send(self):
        number = self.number()
        while number is not None:
            try:
                number = self.one_connection(number)
            except (smtplib.SMTPException, OSError):
                self.over.wait(0.2)  # no connection: the message is offered anew
            except Exception as error:  # pylint: disable=broad-except
                self.broken.append(f"a sender stopped at {number}: {error!r}")
                return

    # --- faults ---

    def lasting(self, begin, end):
        begin()
        self.over.wait(self.random.uniform(*LASTS))
        end()

    def token_endpoint(self):
        fault = self.random.choice(TOKEN_FAULTS)
        self.lasting(lambda: self.provider.token_fault(**fault), self.heal)

    def reply(self):
        at, text = self.random.choice(REPLIES)
        self.lasting(lambda: self.provider.config(smtp_fault={"at": at, "reply": text}), self.heal)

    def drop(self):
        at = self.random.choice(("connect", "starttls", "auth", "mail", "rcpt", "data", "dot"))
        self.lasting(lambda: self.provider.config(smtp_fault={"at": at, "drop": True}), self.heal)

    def revoke(self):
        self.provider.revoke(access_tokens_of=ACCOUNT)

    def away(self):
        """The provider stands still: connections are made, and nothing is said."""
        pid = self.provider.process.pid
        self.lasting(lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT))

    def kill_tokend(self):
        self.lasting(self.world.kill, self.world.start)

    def restart_tokend(self):
        self.world.restart()

    def reload_tokend(self):
        word, text = self.world.ask("reload ")
        if word != "OK":
            self.broken.append(f"reload: {word} {text}")

    def kill_milter(self):
        self.lasting(lambda: self.milter.stop(signal.SIGKILL), self.milter.start)

    def heal(self):
        self.provider.config(token_fault=None, smtp_fault=None)
        self.provider.release()

    def disturb(self):
        kinds = [self.token_endpoint, self.reply, self.drop, self.revoke, self.away, self.kill_tokend, self.restart_tokend,
                 self.reload_tokend, self.kill_milter]
        while not self.over.wait(self.random.uniform(*QUIET)):
            kind = self.random.choice(kinds)
            try:
                kind()
                self.faults[kind.__name__] += 1
            except Exception as error:  # pylint: disable=broad-except
                self.broken.append(f"{kind.__name__}: {error!r}")

    # --- the books ---

    def run(self):
        self.world.start()
        self.world.sign_in(token_lifetime=TOKEN_LIFE)
        self.milter.start()
        self.mta.start()
        before = self.world.memory(), self.world.open_files()
        self.began = time.monotonic()
        threads = [threading.Thread(target=self.send) for _ in range(SENDERS)]
        fault = threading.Thread(target=self.disturb)
        for thread in (*threads, fault):
            thread.start()
        for thread in threads:
            thread.join()
        self.over.set()
        fault.join()
        self.sent_in = time.monotonic() - self.began
        self.heal()
        self.drain()
        self.report(before)
        return self.balance()

    def drain(self):
        """What is queued arrives, now that nothing fails any more."""
        until = time.monotonic() + DRAIN_SECONDS
        self.mta.flush()
        while self.mta.queue() and time.monotonic() < until:
            time.sleep(1)

    def report(self, before):
        print(f"{len(self.taken)} messages taken in {self.sent_in:.0f} s, {len(self.unknown)} whose sender does not know; put off: "
              f"{dict(self.put_off)}; faults: {dict(self.faults)}")
        print(f"token requests {self.world.requests()}; refused logins {self.provider.count('smtp/auth_failures')}; tokend's memory "
              f"{before[0]} KiB, at the end {self.world.memory()} KiB; descriptors {before[1]}, {self.world.open_files()}")

    def balance(self):
        """What is wrong; an empty list: nothing."""
        arrived = collections.Counter(entry["body_sha256"] for entry in self.provider.messages(bodies=False))
        wrong = list(self.broken)
        wrong += [f"{count} of {what}" for what, count in (
            ("those taken never arrived", len(self.taken - set(arrived))),
            ("those arrived came twice", sum(count > 1 for count in arrived.values())),
            ("those arrived nobody sent", len(set(arrived) - self.taken - self.unknown)),
            ("the queue is left", len(self.mta.queue()))) if count]
        if self.relay.bounced():
            wrong.append("something bounced, or was sent with no login")
        if any("MARKER" in log for log in (self.mta.log(), self.world.log(), self.milter.log())):
            wrong.append("a secret is in a log")
        state = self.world.status()["state"]
        return wrong + ([f"the account is {state}"] if state not in ("fresh", "ageing", "refreshing") else [])

    def close(self):
        self.milter.close()
        self.relay.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1000, metavar="N", help="messages a minute")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}: {arguments.rate} messages a minute for {arguments.minutes:g} minutes", flush=True)
    soak = Soak(arguments.rate, arguments.minutes * 60, seed)
    try:
        wrong = soak.run()
    finally:
        soak.close()
    print("\n".join(wrong) if wrong else "the books balance: each message exactly once")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
