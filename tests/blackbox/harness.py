"""A world for the black-box and system rings: a folder with a configuration, the stand-in for the provider, and the real
daemon, which runs as an unprivileged user and says that it is ready by sd_notify. Everything ends with close()."""

import contextlib
import json
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(os.environ.get("MB_SRCDIR", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("MB_BUILDDIR", SOURCE / "build" / "gcc"))
sys.path[:0] = [str(SOURCE / "tests"), str(SOURCE / "tests" / "fakes")]

from provider import Provider  # noqa: E402

TOKEND = BUILD / "mailbearer-tokend"
CLI = BUILD / "mailbearer"
PLUGIN = BUILD / "sasl" / ".libs" / "libmailbearer.so"
SANITIZED = TOKEND.exists() and b"__asan_" in TOKEND.read_bytes()  # the package's tests have no build of their own
ACCOUNT = "relay@contoso.com"
CLIENT_ID = "5d3c2b1a-9f8e-4d7c-8b6a-0123456789ab"
SECRET = "MARKER+se/cr=e&t% ~x y"
PATIENCE = 90            # seconds for whatever is to happen: reached by a machine that has stopped, not by one that is slow
TIMEOUT = "timeout = 20" # what the client has in the configuration; a test that waits for its end replaces it

# A user whom every Debian has and who owns nothing here; whoever is not root stays who they are.
DAEMON_USER = "proxy" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def unshare_mounts():
    """The beginning of a command line: mounts of its own. In a plain chroot the root is no mount that could be made
    private, and need not be."""
    command = ["/usr/bin/unshare", "--mount"]
    if subprocess.run([*command, "/bin/true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        command += ["--propagation", "unchanged"]
    return command


class NoAnswer(Exception):
    """The daemon closed the connection or did not answer."""


def frame(payload):
    return b"%d:%s," % (len(payload), payload)


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise NoAnswer("closed")
        data += piece
    return data


def read_reply(connection):
    """(word, text) of one socketmap answer; what comes behind it stays unread."""
    digits = read_exactly(connection, 1)
    while not digits.endswith(b":"):
        digits += read_exactly(connection, 1)
    payload = read_exactly(connection, int(digits[:-1]) + 1)
    if payload[-1:] != b",":
        raise NoAnswer(f"no netstring: {payload[-20:]!r}")
    word, _, text = payload[:-1].decode().partition(" ")
    return word, text


class World:
    """conf: what stands in the configuration besides client "contoso" and tokend's section; {standin}-fields are filled in
    by name: metadata_url, ca_file, secret_file."""

    def __init__(self, conf=None, grant="refresh_token", client="", tokend="", listen=(), token_users=()):
        # Short: a socket's path has 107 bytes, and the queue folder's copy of it comes on top.
        self.folder = Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))
        self.folder.chmod(0o755)
        self.daemon = None
        self.more_environment, self.prefix = {}, []
        self.provider = Provider(self.folder / "p", "--marker", "MARKER")
        for path in [self.folder / "p", *(self.folder / "p").rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.conf, self.log_file = self.folder / "mb.conf", self.folder / "tokend.log"
        self.state, self.sockets = self.folder / "state", self.folder / "s"
        self.socket = self.sockets / "t.sock"
        for path in (self.state, self.sockets):
            path.mkdir()
            self.give(path)
        self.state.chmod(0o700)
        self.secret_file = self.secret("secret", SECRET)
        self.seal_key = self.secret("seal.key", os.urandom(32).hex())
        self.listen = [self.socket, *listen]
        self.parts = {"conf": conf, "grant": grant, "client": client, "tokend": tokend, "token_users": token_users}
        self.write()

    # --- files ---

    def give(self, path):
        if os.geteuid() == 0:
            entry = pwd.getpwnam(DAEMON_USER)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def secret(self, name, text):
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        self.give(path)
        return path

    def tokend_section(self, users=(DAEMON_USER,), more='log = "stderr"'):
        listen, users = (", ".join(f'"{x}"' for x in names) for names in (self.listen, users))
        return (f'tokend {{ listen = {{ {listen} }} state_directory = "{self.state}" seal_key_file = "{self.seal_key}"\n'
                f' user = "{DAEMON_USER}" token_users = {{ {users} }} {more} }}\n')

    def write(self, **changes):
        """The configuration anew, with some of its parts changed."""
        self.parts.update(changes)
        parts = self.parts
        body = parts["conf"]
        if body is None:
            body = f'account "{ACCOUNT}" {{ client = "contoso" grant = "{parts["grant"]}" }}\n'
        tenant = self.provider.tenant
        self.conf.write_text(
            f'client "contoso" {{\n provider = "microsoft" tenant = "{tenant}"\n'
            f' metadata_url = "{self.provider.metadata_url}"\n client_id = "{CLIENT_ID}"\n'
            f' client_secret_file = "{self.secret_file}"\n ca_file = "{self.provider.ca_file}" {TIMEOUT}\n'
            f' {parts["client"]}\n}}\n{body}\n'
            + self.tokend_section(parts["token_users"] or [DAEMON_USER], f'log = "stderr" {parts["tokend"]}'))
        self.conf.chmod(0o644)

    # --- the daemon ---

    def environment(self, notify=None):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        # The daemon lets nobody attach to it, and so not the leak checker either; the unit ring looks for leaks.
        # A short quarantine, so that memory that was freed does not count as memory that is held.
        env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0:quarantine_size_mb=1"
        env["UBSAN_OPTIONS"] = os.environ.get("UBSAN_OPTIONS", "")
        if notify:
            env["NOTIFY_SOCKET"] = str(notify)
        env.update(self.more_environment)
        return env

    def confine(self, *writable):
        """From now on started with as few rights as its systemd unit leaves it, as far as that can be had without systemd:
        no capability in any set, no new privileges, and (for root, who alone can arrange it) its configuration, /etc and
        /usr read-only, so that only the folders of its own can be written."""
        if os.geteuid() != 0:
            self.prefix = ["/usr/bin/setpriv", "--inh-caps=-all", "--no-new-privs"]
            return
        closed = [self.folder, "/etc", "/usr"]
        mounts = [f"mount --bind {shlex.quote(str(x))} {shlex.quote(str(x))}" for x in (*closed, self.state, self.sockets, *writable)]
        mounts += [f"mount -o remount,bind,ro {shlex.quote(str(x))}" for x in closed]
        self.prefix = [*unshare_mounts(), "--ipc", "--uts", "/bin/sh", "-ec", "\n".join([*mounts, 'exec "$@"']), "sh",
                       "/usr/bin/setpriv", "--reuid", DAEMON_USER, "--regid", DAEMON_USER, "--clear-groups",
                       "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]

    def spawn(self, notify=None, before=()):
        """before: a command that runs the daemon in its own place."""
        with open(self.log_file, "ab") as log:
            return subprocess.Popen([*self.prefix, *before, TOKEND, "-c", self.conf, "-F", "-v"], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, env=self.environment(notify))

    def start(self):
        """Returns self when the daemon has said READY=1; raises with its log if it ends before."""
        path = self.folder / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            path.chmod(0o777)
            notify.settimeout(0.2)
            self.daemon = self.spawn(path)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                try:
                    if b"READY=1" in notify.recv(4096):
                        return self
                except TimeoutError:
                    if self.daemon.poll() is not None:
                        break
        raise AssertionError(f"it did not start ({self.daemon.poll()}):\n" + self.log()[-3000:])

    def stop(self, signo=signal.SIGTERM, seconds=PATIENCE):
        """The exit status."""
        if self.daemon is None:
            return None
        self.daemon.send_signal(signo)
        status = self.daemon.wait(seconds)
        self.daemon = None
        return status

    def kill(self):
        return self.stop(signal.SIGKILL)

    def open_files(self):
        """How many descriptors the daemon has open. Only root may look, since it is not dumpable; else 0."""
        try:
            return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))
        except PermissionError:
            return 0

    def memory(self, what="VmRSS"):
        """In KiB: VmRSS is held now, VmHWM was the most."""
        with open(f"/proc/{self.daemon.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(what + ":"))

    def restart(self):
        self.stop()
        self.start()

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, text, after=0, seconds=PATIENCE):
        return self.wait(lambda: text in self.log()[after:], f"{text!r} in the log", seconds)

    @staticmethod
    def wait(probe, what, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while not (value := probe()):
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.02)
        return value

    def close(self):
        try:
            if self.daemon is not None:
                self.kill()
            for word in ("AddressSanitizer", "runtime error:"):
                if word in self.log():
                    raise AssertionError(self.log()[-6000:])
        finally:
            self.provider.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- talking to it ---

    def connect(self, path=None, timeout=PATIENCE):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path or self.socket))  # with a timeout, a full queue would be an error
        connection.settimeout(timeout)
        return connection

    def ask(self, question, path=None):
        with self.connect(path) as connection:
            with contextlib.suppress(BrokenPipeError):  # who is sent away is told so without being listened to
                connection.sendall(frame(question.encode()))
            return read_reply(connection)

    def refreshes(self, account=ACCOUNT):
        """Waits until a forced refresh succeeds. The first one may share the answer of a request that was under way."""
        self.wait(lambda: self.ask("refresh " + account)[0] == "OK", f"a new token of {account}")

    def wait_state(self, state, account=ACCOUNT):
        """Waits for it: what is retried comes by there again and again. The whole status."""
        return self.wait(lambda: (now := self.status(account))["state"] == state and now, f"{account} is {state}")

    def status(self, account=ACCOUNT):
        word, text = self.ask("status " + account)
        if word != "OK":
            raise AssertionError(f"{word} {text}")
        return json.loads(text)

    def cli(self, *arguments, given=None):
        return subprocess.run([CLI, "-c", self.conf, *arguments], input=given, capture_output=True, text=True, timeout=PATIENCE,
                              check=False, env=self.environment())

    # --- grants ---

    def account(self, user=ACCOUNT, **values):
        """An account at the provider; its refresh token."""
        values = {"client_id": CLIENT_ID, "secret": SECRET, **values}
        return self.provider.account(user, **values)

    def sign_in(self, user=ACCOUNT, **values):
        """An account at the provider, imported here. The daemon runs."""
        word, text = self.ask(f"import {user} {self.account(user, **values)}")
        if word != "OK":
            raise AssertionError(f"{word} {text}")

    def sign_in_and_let_expire(self):
        """The token of three seconds has really expired: nobody has asked for it, so that it was not replaced ahead of time.
        The next one takes the provider a second. How many requests there were up to the expired one."""
        self.write(conf=f'account "{ACCOUNT}" {{ client = "contoso" min_validity = 1 }}\n')
        self.restart()
        self.provider.config(token_lifetime=3)
        self.sign_in(rotation="single-use")
        before = self.requests()
        self.provider.config(token_lifetime=3599, token_delay_s=1)
        # A busy machine may look so late that a new one is there.
        self.wait(lambda: not 0 < (self.status()["token_valid_for"] or 0) <= 3, "the token's end")
        return before

    def requests(self):
        return self.provider.count("token/requests")
