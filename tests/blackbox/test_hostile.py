#!/usr/bin/python3
"""Time and peers that mean harm: clocks that step and machines that sleep, names that are not found, thousands of connections,
half frames, links and races in the folders, another user's socket, and a hundred restarts under load."""

import os
import pwd
import resource
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, DAEMON_USER, PATIENCE, TIMEOUT, NoAnswer, World, frame, read_reply  # noqa: E402
from shim import Shim  # noqa: E402

import tap  # noqa: E402

HOUR = 3600
EAI_AGAIN, EAI_NONAME, EAI_FAIL, HANGS = -3, -2, -4, 1
PEER_MAX = 512     # SERVER_UID_CLIENTS_MAX
CLIENTS_MAX = 4096 # SERVER_CLIENTS_MAX
RESTARTS = 100
RESTART_SECONDS = 60 # then it is enough, on a slow machine
STRANGER = "nobody" if DAEMON_USER != "nobody" else "daemon"

# Runs as another user: opens connections, says how each was answered, and holds them until its standard input ends.
CROWD = """
import socket, sys
path, count, question = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
held, told, answered = [], 0, 0
for i in range(count):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.settimeout(90)
    held.append(s)
for s in held:
    try:
        s.sendall(b"%d:%s," % (len(question), question))
    except OSError:
        pass  # closed by now, with the answer in front of the end
    try:
        got = s.recv(4096)
    except OSError:
        got = b""
    told += b"TEMP too many connections" in got
    answered += b"PERM uid" in got or b"OK " in got
print(told, answered, flush=True)
sys.stdin.read()
"""


class WithWorld(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.provider = self.world.provider
        self.shim = Shim(self.world.folder)
        self.world.more_environment = self.shim.environment

    def start(self):
        self.world.start()
        self.world.sign_in()

    def ask(self, question):
        return self.world.ask(question)


class Time(WithWorld):
    def test_wall_clock_steps(self):
        """Served and refreshed as before: deadlines are not the wall clock's. (Its certificates are: those are of ten hours' past
        and two days' future.)"""
        self.start()
        token, before = self.ask("token " + ACCOUNT), self.world.requests()
        for hours in (3, -3, 30, -30, 24 * 365, -24 * 365, 0):
            tap.tried("wall clock")
            self.shim.set(wall_shift=hours * HOUR)
            self.assertEqual(token, self.ask("token " + ACCOUNT))
            self.assertGreater(self.world.status()["token_valid_for"], 3500)
        self.assertEqual(before, self.world.requests())
        for hours in (3, -3, 0):
            tap.tried("wall clock")
            self.shim.set(wall_shift=hours * HOUR)
            self.provider.token_fault("reset", count=1)  # a new connection proves the certificate anew
            if hours < 0:
                self.world.wait(lambda: "clock of this machine" in self.ask("refresh " + ACCOUNT)[1], "the cause is named")
                self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])
            else:
                self.world.refreshes()

    def test_sleep(self):
        """What ran out while the machine slept is not served; it is replaced before the first answer."""
        self.start()
        tap.tried("wall clock", 3)
        token = self.ask("token " + ACCOUNT)
        self.shim.set(boot_shift=30 * 60)
        self.assertEqual(token, self.ask("token " + ACCOUNT))
        self.shim.set(boot_shift=2 * HOUR)
        word, newer = self.ask("token " + ACCOUNT)
        self.assertEqual("OK", word, newer)
        self.assertNotEqual(token[1], newer)
        self.shim.set(boot_shift=100 * HOUR)
        self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])


class Names(WithWorld):
    def test_lookup_fails(self):
        """Each time another name, since curl remembers what it found."""
        good = self.world.conf.read_text().replace(TIMEOUT, "timeout = 1").replace(
            f'metadata_url = "{self.provider.metadata_url}"', f'token_endpoint = "{self.provider.token_endpoint}"')
        self.world.conf.write_text(good)
        self.world.conf.write_text(good.replace("timeout = 1", TIMEOUT))
        self.start()
        for lookup, says in ((EAI_AGAIN, "could not resolve host a-3.fault.test"), (EAI_NONAME, "could not resolve host a-2"),
                             (EAI_FAIL, "could not resolve host a-4"), (HANGS, "timed out after 1 s while looking up the address")):
            tap.tried("name not found")
            self.world.conf.write_text(good.replace("//localhost", f"//a{lookup}.fault.test"))
            self.shim.set(lookup=lookup)
            self.assertEqual("OK", self.ask("reload ")[0])
            # On a busy machine the second may be over before the answer is there.
            self.world.wait(lambda says=says: says in self.ask("refresh " + ACCOUNT)[1], says)
            self.assertIn(says, self.world.log())
            self.assertEqual("OK", self.ask("status *")[0], "answered while a lookup hangs")
            self.shim.set(lookup=0)
            self.world.wait(lambda: self.ask("refresh " + ACCOUNT)[0] == "OK", "a token again")


class Peers(WithWorld):
    def crowd(self, count, question="status *"):
        """`count` connections of another user; (process, told that there are too many, answered)."""
        who = {"user": STRANGER} if os.geteuid() == 0 else {}
        process = subprocess.Popen(["/usr/bin/python3", "-c", CROWD, str(self.world.socket), str(count), question],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **who)
        self.addCleanup(process.stdout.close)
        self.addCleanup(self.disperse, process)
        told, answered = process.stdout.readline().split()
        return process, int(told), int(answered)

    @staticmethod
    def disperse(process):
        if not process.stdin.closed:
            process.stdin.close()
        process.wait(PATIENCE)

    def test_one_user_has_so_many_and_no_more(self):
        """The mail server is answered meanwhile, and all is given back."""
        tap.tried("612 connections")
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.start()
        files = self.world.open_files()
        process, told, answered = self.crowd(PEER_MAX + 100)
        if os.geteuid() == 0:
            self.assertEqual((100, PEER_MAX), (told, answered))
            uid = f"uid={pwd.getpwnam(STRANGER).pw_uid} "
            self.assertEqual(1, self.world.log().count(uid), "one line a minute is enough for one user")
        for _ in range(20):
            self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])
        self.disperse(process)
        self.world.wait(lambda: self.world.open_files() <= files + 1, "the descriptors back")

    def test_thousands_in_all(self):
        """Ours are root's, whom no share bounds, up to what there is for all."""
        tap.tried("612 connections")
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.start()
        files, held = self.world.open_files(), []
        for i in range(CLIENTS_MAX + 20):
            connection = self.world.connect()
            held.append(connection)
            if i % 3:
                connection.sendall((b"4", b"100:token rel")[i % 2])
        word, text = self.ask("token " + ACCOUNT)
        self.assertEqual(("TEMP", True), (word, "too many" in text))
        for connection in held:
            connection.close()
        self.world.wait(lambda: self.ask("token " + ACCOUNT)[0] == "OK", "a token again")
        self.world.wait(lambda: self.world.open_files() <= files + 1, "the descriptors back")

    def test_slow_writers_and_frames_at_the_limits(self):
        tap.tried("612 connections")
        self.start()
        with self.world.connect() as slow, self.world.connect() as full, self.world.connect() as deaf:
            whole = frame(b"token " + ACCOUNT.encode())
            for i, byte in enumerate(whole):
                slow.sendall(bytes([byte]))
                if i % 8 == 0:
                    self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])
            self.assertEqual("OK", read_reply(slow)[0])
            full.sendall(frame(b"token " + b"x" * 60000))
            self.assertEqual("PERM", read_reply(full)[0])
            # One that asks and never reads fills its own pipe, and stops there.
            deaf.setblocking(False)
            sent = 0
            try:
                while sent < 64 * 1024 * 1024:
                    sent += deaf.send(whole * 1000)
            except BlockingIOError:
                pass
            self.assertLess(sent, 64 * 1024 * 1024)
            self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])


class Folders(WithWorld):
    def refuses(self, *says):
        status = self.world.spawn().wait(PATIENCE)
        self.assertEqual(1, status)
        self.assertIn("event=start-failed", self.world.log())
        for text in says:
            self.assertIn(text, self.world.log())

    def test_links_in_the_state_folder(self):
        """No link is followed: not the grant's, not the lock's, not the temporary file's."""
        tap.tried("links", 3)
        self.start()
        self.world.stop()
        victim = self.world.folder / "victim"
        victim.write_text("not ours")
        victim.chmod(0o666)
        (grant,) = self.world.state.glob("*.grant")
        whole = grant.read_bytes()
        grant.unlink()
        grant.symlink_to(victim)
        self.world.start()
        self.assertEqual("needs_login", self.world.status()["state"])
        self.assertIn("event=store-unreadable", self.world.log())
        self.world.sign_in()
        self.assertEqual("not ours", victim.read_text())
        self.assertFalse(grant.is_symlink())
        temporary = self.world.state / f".{grant.name}.tmp-{self.world.daemon.pid}"
        temporary.symlink_to(victim)
        self.assertEqual("OK", self.ask("refresh " + ACCOUNT)[0])
        self.assertEqual(("not ours", False), (victim.read_text(), temporary.is_symlink()))
        self.assertFalse(self.world.status()["unsaved"])
        self.world.stop()
        lock = next(path for path in self.world.state.iterdir() if "lock" in path.name)
        lock.unlink()
        lock.symlink_to(victim)
        self.refuses("cannot open")
        self.assertEqual("not ours", victim.read_text())
        lock.unlink()
        self.assertGreater(len(whole), 0)

    def test_state_folder_open_to_others(self):
        tap.tried("links")
        self.world.state.chmod(0o750)
        self.refuses("open to others", "chmod 700")

    def test_links_at_the_socket(self):
        victim = self.world.folder / "victim"
        victim.write_text("not ours")
        for name in ("t.sock", "t.sock.lock"):
            tap.tried("links")
            path = self.world.sockets / name
            path.symlink_to(victim)
            self.refuses("cannot listen")
            self.assertEqual("not ours", victim.read_text())
            path.unlink()

    def test_socket_of_another(self):
        """A live one is left alone, and a second daemon gives the first no trouble."""
        tap.tried("links", 3)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.world.socket))
            self.world.socket.chmod(0o777)
            other.listen(1)
            self.refuses("another process listens there")
            self.assertTrue(self.world.socket.exists())
        self.world.socket.unlink()
        self.start()
        for _ in range(5):
            self.assertEqual(1, self.world.spawn().wait(PATIENCE))
            self.assertEqual("OK", self.ask("token " + ACCOUNT)[0])
        # Its own path is replaced by somebody else's socket: at its end, it removes none but its own.
        self.world.socket.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.world.socket))
            other.listen(1)
            self.world.stop()
            self.assertTrue(self.world.socket.exists())


class Restarts(WithWorld):
    def test_a_hundred_under_load(self):
        """Askers never see a wrong token, and each refresh token is used once: with single use, any loss would show."""
        self.start()
        self.world.sign_in(rotation="single-use")
        stop, wrong = threading.Event(), []

        def hammer():
            while not stop.is_set():
                try:
                    word, text = self.ask("token " + ACCOUNT)
                except (OSError, NoAnswer):
                    continue
                if word == "PERM" or "sign in" in text:
                    wrong.append(text)

        threads = [threading.Thread(target=hammer) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            until, restarts = time.monotonic() + RESTART_SECONDS, 0
            while restarts < RESTARTS and time.monotonic() < until:
                self.assertEqual(0, self.world.stop())
                self.world.start()
                restarts += 1
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        tap.tried("restarts", restarts, tap.AT_MOST)
        self.assertGreater(restarts, 0)
        self.assertEqual([], wrong)
        self.assertEqual("OK", self.ask("refresh " + ACCOUNT)[0])
        self.assertEqual(0, self.provider.count("token/reuse_detected/" + ACCOUNT))


class Secrets(WithWorld):
    def as_user(self, user, code, *arguments):
        who = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run(["/usr/bin/python3", "-c", code, *arguments], capture_output=True, text=True, timeout=PATIENCE,
                              check=False, **who).stdout

    def test_the_mail_servers_user_cannot_reach_a_grant(self):
        """What the plugin runs as may ask for a token and nothing else; it cannot read the state, the key or the client secret.
        The milter's user cannot even ask for a token."""
        if os.geteuid() != 0:
            self.assertEqual(0o700, self.world.state.stat().st_mode & 0o777)
            return
        self.world.write(token_users=[STRANGER], tokend=' } milter { user = "daemon"')
        self.start()
        ask = ("import socket,sys\nfor q in sys.argv[2:]:\n s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); q=q.encode()\n"
               " s.sendall(b'%d:%s,'%(len(q),q)); print(q.split()[0].decode(), s.recv(20000).split(b':',1)[1].split()[0].decode())")
        maps = [name + " " + ACCOUNT for name in ("token", "sasl", "account", "status", "refresh", "import", "forget", "reload")]
        plugin = dict(line.split() for line in self.as_user(STRANGER, ask, str(self.world.socket), *maps).splitlines())
        self.assertEqual({"token": "OK", "sasl": "OK", "account": "OK", "status": "PERM", "refresh": "PERM", "import": "PERM",
                          "forget": "PERM", "reload": "PERM"}, plugin)
        milter = dict(line.split() for line in self.as_user("daemon", ask, str(self.world.socket), *maps).splitlines())
        self.assertEqual({name: "OK" if name == "account" else "PERM" for name in plugin}, milter)
        read = ("import sys\nfor p in sys.argv[1:]:\n try: open(p,'rb').read(); print('READ', p)\n"
                " except OSError as e: print(type(e).__name__)")
        paths = [self.world.secret_file, self.world.seal_key, *self.world.state.iterdir(), f"/proc/{self.world.daemon.pid}/mem",
                 f"/proc/{self.world.daemon.pid}/environ"]
        for user in (STRANGER, "daemon"):
            self.assertEqual({"PermissionError"}, set(self.as_user(user, read, *map(str, paths)).split()))


if __name__ == "__main__":
    tap.main()
