#!/usr/bin/python3
"""Mail through a real Postfix, its smtp(8) chrooted as Debian runs it, to a server that takes nothing but live tokens."""

import hashlib
import os
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, Relay  # noqa: E402

import tap  # noqa: E402


def bodies(messages):
    """The digests of the bodies that arrived, sorted."""
    return sorted(hashlib.sha256(body_of(m)).hexdigest() for m in messages)


def body_of(stored):
    for name in ("content", "body", "data"):
        if isinstance(stored.get(name), str):
            return stored[name].encode("latin-1").split(b"\r\n\r\n", 1)[1]
    raise KeyError(sorted(stored))


class WithRelay(unittest.TestCase):
    options = {}

    def setUp(self):
        self.relay = Relay(**self.options)
        self.addCleanup(self.relay.close)
        self.world, self.provider, self.mta = self.relay.world, self.relay.provider, self.relay.mta
        self.relay.start()

    def tearDown(self):
        self.assertFalse(self.relay.bounced(), self.mta.log()[-3000:])
        self.assertNotIn("MARKER", self.mta.log())
        self.assertNotIn("MARKER", self.world.log())

    def retry(self):
        self.mta.flush()


class Delivery(WithRelay):
    def test_a_printers_message_arrives_authenticated_and_whole(self):
        digests = self.relay.send()
        messages = self.relay.delivered(1)
        self.assertEqual(digests, bodies(messages))
        self.assertEqual(ACCOUNT, messages[0]["user"])
        self.assertEqual(1, self.provider.count("smtp/tls"))
        self.provider.config(mechanisms=["OAUTHBEARER"])
        digests += self.relay.send(1)
        self.assertEqual(sorted(digests), bodies(self.relay.delivered(2)))

    def test_two_hundred_messages_of_twenty_clients(self):
        digests = []
        for turn, size in enumerate((1536, 4096, 16384)):
            self.provider.config(token_size=size)
            self.world.ask("refresh " + ACCOUNT)
            before = self.world.requests()
            digests += self.relay.send_many(20, 10, first=turn * 1000)
            self.assertEqual(sorted(digests), bodies(self.relay.delivered(200 * (turn + 1))))
            self.assertLessEqual(self.world.requests() - before, 2)

    def test_bounces_and_other_null_senders_are_authenticated_too(self):
        self.relay.send(envelope="")
        self.assertEqual(ACCOUNT, self.relay.delivered(1)[0]["user"])

    def test_no_secret_in_argv_or_environment_or_core(self):
        self.relay.send()
        self.relay.delivered(1)
        pids = [*self.mta.processes(), self.world.daemon.pid]
        self.assertGreater(len(pids), 5)
        for pid in pids:
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as file:
                        self.assertNotIn(b"MARKER", file.read())
                except (FileNotFoundError, ProcessLookupError):
                    continue  # a mail process that has just ended
        self.assertEqual([], list(self.world.folder.rglob("core*")))

    def test_socketmap_by_hand(self):
        table = f"socketmap:unix:{self.world.socket}:"
        self.assertIn('"state":"fresh"', self.mta.postmap(ACCOUNT, table + "status").stdout)
        self.assertEqual(f"{ACCOUNT}:unix:{self.world.socket}", self.mta.postmap(ACCOUNT, table + "sasl").stdout.strip())
        # Another user: with Python, as the unpacked postmap may lie where only root may go.
        code = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                "s.sendall(b'8:status *,'); print(s.recv(1000).decode())")
        got = subprocess.run(["/usr/bin/python3", "-c", code, str(self.world.socket)], user="nobody", cwd="/", check=True,
                             capture_output=True, text=True, timeout=30)
        self.assertIn("PERM uid", got.stdout)


class ConnectionReuse(WithRelay):
    options = {"per_account": True}

    def test_one_transport_per_account_reuses_connections(self):
        self.provider.config(max_sessions=3, reply_delay_ms=5)
        digests = self.relay.send_many(4, 15)
        self.assertEqual(sorted(digests), bodies(self.relay.delivered(60)))
        self.assertLess(self.provider.count("smtp/logins"), 60)
        self.assertEqual(0, self.provider.count("smtp/concurrent_refused"))


class Unchrooted(WithRelay):
    options = {"chroot": False}

    def test_a_caller_that_is_not_chrooted(self):
        self.assertEqual(self.relay.send(), bodies(self.relay.delivered(1)))


class Trouble(WithRelay):
    def test_twenty_find_the_token_expired_at_once(self):
        before = self.world.sign_in_and_let_expire()
        digests = self.relay.send_many(20, 1)
        self.assertEqual(sorted(digests), bodies(self.relay.delivered(20)))
        self.assertEqual(1, self.world.requests() - before)
        self.assertEqual(0, self.provider.count("token/reuse_detected/" + ACCOUNT))
        self.assertEqual("fresh", self.world.status()["state"])

    def test_twenty_find_no_token_after_a_restart(self):
        self.world.sign_in(rotation="single-use")
        self.world.restart()
        self.provider.config(token_delay_s=1)
        before = self.world.requests()
        digests = self.relay.send_many(20, 1)
        self.assertEqual(sorted(digests), bodies(self.relay.delivered(20)))
        self.assertEqual(1, self.world.requests() - before)
        self.assertEqual(0, self.provider.count("token/reuse_detected/" + ACCOUNT))

    def test_tokend_away(self):
        self.world.stop()
        digests = self.relay.send()
        self.mta.wait_log("is mailbearer-tokend running.*remedy=")
        self.mta.wait_log("status=deferred")
        self.assertEqual(1, len(self.mta.queue()))
        self.world.start()
        self.retry()
        self.assertEqual(digests, bodies(self.relay.delivered(1)))

    def test_grant_lost_and_given_anew(self):
        self.provider.revoke(user=ACCOUNT)
        self.world.ask("refresh " + ACCOUNT)
        self.world.restart()
        digests = self.relay.send()
        self.mta.wait_log("mailbearer login " + ACCOUNT)
        self.mta.wait_log("status=deferred")
        self.world.sign_in()
        self.retry()
        self.assertEqual(digests, bodies(self.relay.delivered(1)))

    def test_server_refuses_the_token(self):
        for gmail in (False, True):
            self.provider.config(gmail_mode=gmail)
            self.provider.revoke(access_tokens_of=ACCOUNT)
            seen, before = len(self.mta.log()), self.provider.count("smtp/messages")
            self.relay.send()
            self.mta.wait_log("535 5.7.3 Authentication unsuccessful", seen)
            self.mta.wait_log("status=deferred", seen)
            self.world.ask("refresh " + ACCOUNT)
            self.retry()
            self.relay.delivered(before + 1)
        self.assertIn("event=token-refused", self.world.log())
        self.assertGreater(self.provider.count("smtp/challenge_answered"), 0)
        self.assertEqual(0, self.provider.count("smtp/challenge_answered_wrongly"))

    def test_wrong_certificate_gets_no_token(self):
        self.provider.config(smtp_certificate="wrong_name")
        self.relay.send()
        self.mta.wait_log("status=deferred")
        self.assertEqual(0, self.provider.count("smtp/commands/AUTH"))
        self.provider.config(smtp_certificate="good")
        self.retry()
        self.relay.delivered(1)

    def test_tokend_killed_forty_times_under_load(self):
        """Entra's rotation: the old refresh token stays valid. Each message is delivered, and once."""
        stop, digests = threading.Event(), []

        def load():
            number = 0
            while not stop.is_set():
                digests.extend(self.relay.send(number))
                number += 1

        thread = threading.Thread(target=load)
        thread.start()
        try:
            for turn in range(40):
                before = self.world.requests()
                asker = threading.Thread(target=self.refresh_quietly)
                asker.start()
                self.provider.wait_for("token/requests", before + 1)
                self.world.kill()
                asker.join()
                self.world.start()
        finally:
            stop.set()
            thread.join()
        self.retry()
        self.mta.wait_empty(90)
        self.assertEqual(sorted(digests), bodies(self.relay.delivered(len(digests))))

    def refresh_quietly(self):
        try:
            self.world.ask("refresh " + ACCOUNT)
        except Exception:  # pylint: disable=broad-except
            return  # it was killed while it answered: that is the test


if __name__ == "__main__":
    tap.main()
