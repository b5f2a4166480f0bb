#!/usr/bin/python3
"""The real daemon against the stand-in for Microsoft's side: what it promises of grants, tokens, settings and peers."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import (ACCOUNT, CLIENT_ID, PATIENCE, SECRET, TIMEOUT, TOKEND, NoAnswer, World, frame, read_reply)  # noqa: E402

import tap  # noqa: E402


def ask_many(world, question, count):
    """The answers of `count` clients that ask at the same time."""
    answers, gate = [None] * count, threading.Barrier(count)

    def one(i):
        gate.wait()
        answers[i] = world.ask(question)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class WithWorld(unittest.TestCase):
    options = {}

    def setUp(self):
        self.world = World(**self.options)
        self.addCleanup(self.world.close)
        self.provider = self.world.provider

    def ask(self, question):
        return self.world.ask(question)


class Refresh(WithWorld):
    def setUp(self):
        super().setUp()
        self.world.start()

    def test_tokens_of_all_sizes(self):
        self.world.sign_in()
        for size in (1536, 4096, 16384):
            self.provider.config(token_size=size)
            self.assertEqual("OK", self.ask("refresh " + ACCOUNT)[0])
            word, token = self.ask("token " + ACCOUNT)
            self.assertEqual("OK", word)
            self.assertGreaterEqual(len(token), size)

    def assert_one_request_for_twenty(self, before):
        answers = ask_many(self.world, "token " + ACCOUNT, 20)
        self.assertEqual({"OK"}, {word for word, _ in answers})
        self.assertEqual(1, len({token for _, token in answers}))
        self.assertEqual(1, self.world.requests() - before)
        self.assertEqual(0, self.provider.count("token/reuse_detected/" + ACCOUNT))

    def test_twenty_askers_share_one_request(self):
        self.world.sign_in(rotation="single-use")
        self.world.stop()
        self.provider.config(token_delay_s=1)
        before = self.world.requests()
        self.world.start()
        self.assert_one_request_for_twenty(before)

    def test_twenty_askers_after_real_expiry_share_one_request(self):
        self.assert_one_request_for_twenty(self.world.sign_in_and_let_expire())

    def test_killed_forty_times_where_the_token_stays_the_same(self):
        self.survive_kills("none", 40)

    def test_killed_forty_times_while_tokens_rotate(self):
        """The old refresh token stays valid, as at Entra: no moment of a kill loses the account."""
        self.survive_kills("entra", 40)

    def test_killed_forty_times_between_rotations(self):
        """Each refresh token is good for one use. A kill between the provider's answer and our fsync loses the account with any
        client; from the moment on when we have answered, none does."""
        self.world.sign_in(rotation="single-use")
        for _ in range(40):
            self.assertEqual("OK", self.ask("refresh " + ACCOUNT)[0])
            self.world.kill()
            self.world.start()
        word, text = self.ask("token " + ACCOUNT)
        self.assertEqual("OK", word, text)
        self.assertEqual(0, self.provider.count("token/reuse_detected/" + ACCOUNT))

    def survive_kills(self, rotation, times):
        self.world.sign_in(rotation=rotation)
        chance = random.Random(20261124)
        for _ in range(times):
            stop = threading.Event()

            def hammer():
                while not stop.is_set():
                    try:
                        self.ask("refresh " + ACCOUNT)
                    except (OSError, NoAnswer):
                        return

            before = self.world.requests()
            thread = threading.Thread(target=hammer)
            thread.start()
            self.provider.wait_for("token/requests", before + chance.randrange(1, 6))
            self.world.kill()
            stop.set()
            thread.join()
            self.world.start()
            self.assertNotEqual("needs_login", self.world.status()["state"])
        word, text = self.ask("token " + ACCOUNT)
        self.assertEqual("OK", word, text)

    def test_grant_survives_a_restart_and_is_sealed(self):
        token = self.world.account()
        self.assertEqual("OK", self.ask(f"import {ACCOUNT} {token}")[0])
        self.world.restart()
        self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])
        for path in self.world.state.iterdir():
            self.assertEqual(0, path.stat().st_mode & 0o077, path)
            for given in self.provider.secrets()["refresh_tokens"] if "refresh_tokens" in self.provider.secrets() else [token]:
                self.assertNotIn(given.encode(), path.read_bytes())

    def test_passing_trouble_is_retried(self):
        self.world.sign_in()
        self.world.stop()
        self.provider.token_fault("status", status=503)
        self.world.start()
        word, text = self.ask("token " + ACCOUNT)
        self.assertEqual("TEMP", word)
        self.assertIn("503", text)
        self.world.wait_state("backoff")
        self.provider.token_fault(None)
        self.world.wait(lambda: self.ask("token " + ACCOUNT)[0] == "OK", "a token after the retry")

    def test_lost_grant_waits_for_a_person(self):
        self.world.sign_in()
        self.provider.revoke(user=ACCOUNT)
        self.ask("refresh " + ACCOUNT)
        status = self.world.status()
        self.assertEqual("needs_login", status["state"])
        self.assertIn("invalid_grant", status["last_error"])
        self.assertIn("mailbearer login", status["remedy"])
        self.assertIn("event=grant-lost", self.world.log())
        self.assertTrue(list(self.world.state.glob("*.grant")), "the stored token is kept")
        self.world.sign_in()
        self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])

    def test_wrong_secret_is_for_somebody_to_repair(self):
        self.world.sign_in()
        self.world.secret("secret", "another")
        self.assertEqual("OK", self.ask("reload ")[0])
        self.ask("refresh " + ACCOUNT)
        status = self.world.status()
        self.assertEqual("misconfigured", status["state"])
        self.assertIn("client_secret_file", status["remedy"])
        self.world.secret("secret", SECRET)
        self.assertEqual("OK", self.ask("reload ")[0])
        self.assertEqual("OK", self.ask("refresh " + ACCOUNT)[0])

    def test_import_of_a_bad_token_keeps_the_good_one(self):
        self.world.sign_in()
        word, text = self.ask(f"import {ACCOUNT} MARKER-not-a-token-at-all")
        self.assertEqual("PERM", word)
        self.assertIn("kept", text)
        self.assertEqual("OK", self.ask("refresh " + ACCOUNT)[0])

    def test_forget(self):
        self.world.sign_in()
        self.assertEqual("OK", self.ask("forget " + ACCOUNT)[0])
        self.assertEqual("needs_login", self.world.status()["state"])
        self.assertEqual([], list(self.world.state.glob("*.grant")))

    def test_store_that_cannot_be_written(self):
        self.world.sign_in()
        self.world.state.chmod(0o500)
        self.assertEqual("OK", self.ask("refresh " + ACCOUNT)[0])
        self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])
        self.assertTrue(self.world.status()["unsaved"])
        self.assertIn("event=store-failed", self.world.log())
        self.world.state.chmod(0o700)
        self.world.wait_log("event=store-repaired")
        self.assertFalse(self.world.status()["unsaved"])


class Application(WithWorld):
    options = {"conf": 'account "app@contoso.com" { client = "contoso" grant = "client_credentials" }\n'
                       'account "*@factory.contoso.com" { client = "contoso" grant = "client_credentials" }\n'}

    def test_client_credentials(self):
        self.world.account("app@contoso.com", app=True)
        self.world.start()
        word, token = self.ask("token app@contoso.com")
        self.assertEqual("OK", word, token)
        first = self.ask("token a@factory.contoso.com")
        self.assertEqual(first, self.ask("token b@factory.contoso.com"))
        self.assertEqual(("OK", "b@factory.contoso.com:unix:" + str(self.world.socket)), self.ask("sasl b@factory.contoso.com"))
        self.assertEqual("OK [smtp.office365.com]:587", " ".join(self.ask("relayhost app@contoso.com")))


class Settings(WithWorld):
    def test_reload_keeps_tokens(self):
        self.world.start()
        self.world.sign_in()
        token, before = self.ask("token " + ACCOUNT), self.world.requests()
        self.assertEqual("OK", self.ask("reload ")[0])
        self.world.daemon.send_signal(signal.SIGHUP)
        self.world.wait(lambda: self.world.log().count("event=reloaded") == 2, "two reloads")
        self.assertEqual(token, self.ask("token " + ACCOUNT))
        self.assertEqual(before, self.world.requests())

    def test_bad_reload_keeps_the_old_settings(self):
        self.world.start()
        self.world.sign_in()
        good = self.world.conf.read_text()
        self.world.conf.write_text(good + "nonsense = 1\n")
        word, text = self.ask("reload ")
        self.assertEqual("PERM", word)
        self.assertIn("mb.conf:", text)
        self.assertIn("event=reload-failed", self.world.log())
        self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])

    def test_each_mistake_is_named(self):
        good = self.world.conf.read_text()
        rows = (
            ("client_id =", "clientid =", "client_id"),
            (CLIENT_ID, "CLIENT_ID_GOES_HERE", "placeholder"),
            ('metadata_url = "https:', 'metadata_url = "http:', "https"),
            (TIMEOUT, 'timeout = "soon"', "timeout"),
            (str(self.world.secret_file), "/nowhere/secret", "/nowhere/secret"),
            ('grant = "refresh_token"', 'grant = "password"', "grant"),
        )
        for old, new, word in rows:
            self.assertIn(old, good)
            self.world.conf.write_text(good.replace(old, new))
            for command in ([TOKEND, "-F", "-c", self.world.conf], None):
                got = (subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                                      env=self.world.environment()) if command else self.world.cli("check-config"))
                self.assertEqual(1, got.returncode, got.stderr)
                self.assertIn(word.lower(), got.stderr.lower())
        self.world.conf.write_text(good)
        self.world.secret_file.chmod(0o644)
        got = self.world.cli("check-config")
        self.assertEqual(1, got.returncode)
        self.assertIn(str(self.world.secret_file), got.stderr)
        self.assertEqual(1, self.world.spawn().wait(PATIENCE))
        self.assertIn(str(self.world.secret_file), self.world.log())

    def test_no_mistake_gets_in_by_a_reload(self):
        self.world.start()
        self.world.sign_in()
        good, token = self.world.conf.read_text(), self.ask("token " + ACCOUNT)
        rows = (("client_id =", "clientid =", ":4: "), (CLIENT_ID, "CLIENT_ID_GOES_HERE", "placeholder"),
                ('metadata_url = "https:', 'metadata_url = "http:', "https"), (TIMEOUT, 'timeout = "soon"', "timeout"),
                (str(self.world.secret_file), "/nowhere/secret", "/nowhere/secret"))
        for old, new, word in rows:
            self.world.conf.write_text(good.replace(old, new))
            answer, text = self.ask("reload ")
            self.assertEqual("PERM", answer, new)
            self.assertIn(word, text)
            self.assertEqual(token, self.ask("token " + ACCOUNT))
        self.world.conf.write_text(good)
        self.world.secret_file.chmod(0o644)
        self.assertEqual("PERM", self.ask("reload ")[0])
        self.assertEqual(token, self.ask("token " + ACCOUNT))

    def test_damaged_state_is_kept_and_named(self):
        self.world.start()
        self.world.sign_in()
        self.world.stop()
        path = next(self.world.state.glob("*.grant"))
        whole = path.read_bytes()
        for damaged in (whole[:-5], whole[:7] + b"\x63" + whole[8:], b"", whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]):
            path.write_bytes(damaged)
            self.world.start()
            self.assertEqual("needs_login", self.world.status()["state"])
            self.assertIn("event=store-unreadable", self.world.log())
            self.world.stop()
            self.assertEqual(damaged, path.read_bytes())
        path.write_bytes(whole)
        key = self.world.seal_key.read_text()
        self.world.secret("seal.key", "ab" * 32)
        self.world.start()
        self.assertEqual("needs_login", self.world.status()["state"])
        self.world.stop()
        self.world.secret("seal.key", key.strip())
        self.world.start()
        self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])

    def test_seal_key_that_systemd_gives(self):
        """What makes a new one says nothing to whoever has it in a unit."""
        world, key = self.world, self.world.seal_key
        world.stop()
        world.more_environment["CREDENTIALS_DIRECTORY"] = str(world.folder)
        self.addCleanup(world.more_environment.clear)
        self.addCleanup(setattr, world, "seal_key", key)
        world.seal_key = "credential:seal.key"
        world.write()
        world.start()
        world.stop()
        world.secret("not-a-key", "not a key")
        world.seal_key = "credential:not-a-key"
        world.write()
        with self.assertRaisesRegex(AssertionError, "seal_key_file: credential:not-a-key: the seal key must be 64 ") as failed:
            world.start()
        self.assertNotIn("openssl", str(failed.exception))


class Process(WithWorld):
    def test_terminate_answers_those_who_wait(self):
        self.world.start()
        self.world.sign_in()
        self.world.stop()
        self.provider.token_fault("hang_headers")
        before = self.world.requests()
        self.world.start()
        with self.world.connect() as waiting:
            waiting.sendall(frame(b"token " + ACCOUNT.encode()))
            self.provider.wait_for("token/requests", before + 1)
            self.assertEqual(0, self.world.stop(seconds=int(TIMEOUT.split()[-1]) - 1))
            self.assertEqual("TEMP", read_reply(waiting)[0])
        self.provider.release()

    def test_second_daemon_is_refused(self):
        self.world.start()
        self.world.listen = [self.world.sockets / "other.sock"]
        self.world.write()
        second = self.world.spawn()
        self.assertEqual(1, second.wait(PATIENCE))
        self.assertIn(f"pid {self.world.daemon.pid}", self.world.log())
        self.assertEqual("OK", self.ask("status *")[0])

    def test_stale_socket_is_taken_over_and_others_are_not(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(self.world.socket))
        self.world.give(self.world.socket)
        self.world.start()
        self.assertEqual("OK", self.ask("status *")[0])
        self.world.kill()
        self.world.start()
        self.assertEqual("OK", self.ask("status *")[0])
        self.world.stop()
        self.assertFalse(self.world.socket.exists())
        self.world.socket.write_text("a file of somebody's")
        self.assertEqual(1, self.world.spawn().wait(PATIENCE))
        self.assertEqual("a file of somebody's", self.world.socket.read_text())

    def test_bad_frames_cost_only_their_sender(self):
        self.world.start()
        with self.world.connect() as half, self.world.connect() as good:
            half.sendall(b"100:status")
            for bad in (b"999999999:", b"x", b"5:hello.", b"00:,", b"3:\x00\xff\x00,", b"0:,", b"-1:,", b"8:STATUS *,"):
                with self.world.connect() as connection:
                    connection.sendall(bad)
                    connection.shutdown(socket.SHUT_WR)
                    try:
                        self.assertEqual("PERM", read_reply(connection)[0], bad)
                    except NoAnswer:
                        pass
                    self.assertEqual(b"", connection.recv(1), bad)
            good.sendall(frame(b"status *") + frame(b"nomap x") + frame(b"status *"))
            self.assertEqual(["OK", "PERM", "OK"], [read_reply(good)[0] for _ in range(3)])
        self.assertIn("event=bad-frame", self.world.log())

    def test_peers_who_may_not_ask(self):
        """As root: another user asks. Otherwise root's rights cannot be taken away from the asker, so the rules' unit test has
        to do, and here it is proved that the socket is open to all and the answer by uid."""
        self.world.start()
        self.assertEqual(0o666, self.world.socket.stat().st_mode & 0o777)
        code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); q=sys.argv[2].encode();"
                "s.sendall(b'%d:%s,'%(len(q),q)); print(s.recv(1000).decode())")
        who = {"user": "nobody"} if os.geteuid() == 0 else {}
        got = subprocess.run(["/usr/bin/python3", "-c", code, str(self.world.socket), "status *"], capture_output=True, text=True,
                             timeout=PATIENCE, check=False, **who)
        if who:
            self.assertIn("PERM uid", got.stdout)
            self.assertIn("event=peer-refused", self.world.log())
        else:
            self.assertIn("OK [", got.stdout)

    def ask_raw(self, data):
        with self.world.connect() as connection:
            connection.sendall(data)
            return read_reply(connection)[1]

    def test_no_secret_anywhere(self):
        self.world.start()
        self.world.sign_in()
        self.provider.token_fault("error", error="invalid_client", text=f"Bad secret {SECRET} given", count=1)
        texts = {"refresh": self.ask("refresh " + ACCOUNT)[1]}
        texts["import"] = self.ask(f"import {ACCOUNT} MARKER-bad-token")[1]
        texts["import in pieces"] = self.ask(f"import {ACCOUNT} MARKER bad token")[1]
        texts["no account"] = self.ask("import MARKER")[1]
        texts["no frame"] = self.ask_raw(b"6:MARKER,")
        for command in (["status"], ["status", "--json"], ["check-config"], ["refresh", ACCOUNT]):
            done = self.world.cli(*command)
            texts[" ".join(command)] = done.stdout + done.stderr
        texts.update(log=self.world.log(), status=json.dumps(self.world.status()))
        pid = self.world.daemon.pid
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                texts[name] = file.read().decode(errors="replace")
        files = [path for path in self.world.folder.rglob("*") if path.is_file() and self.world.folder / "p" not in path.parents]
        for path in files:
            if path.stat().st_mode & 0o044 or self.world.state in path.parents:
                texts[str(path)] = path.read_bytes().decode("latin-1")
        self.assertTrue([name for name in texts if name.endswith(".grant")])
        self.assertEqual([], [name for name, text in texts.items() if "MARKER" in text])
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            self.assertRegex(file.read(), r"Max core file size +0 +0")


if __name__ == "__main__":
    tap.main()
