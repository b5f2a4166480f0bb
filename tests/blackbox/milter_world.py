"""A folder with a configuration and the real mailbearer-milter, for tests that speak to it as an MTA. close() ends it."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import BUILD, DAEMON_USER, World
from milter_client import Milter

MILTER = BUILD / "mailbearer-milter"
CONF = """
client "contoso" {{ provider = "microsoft" tenant = "contoso.onmicrosoft.com" client_id = "5d3c2b1a-9f8e-4d7c-8b6a-0123456789ab"
 client_secret_file = "/etc/mailbearer/contoso.secret" }}
{accounts}
tokend {{ listen = {{ "{tokend}" }} }}
milter {{ listen = "{listen}" user = "{user}" log = "stderr" {milter} }}
{rules}
"""
ACCOUNTS = """
account "relay@contoso.com" { client = "contoso" send_as = { "accounting@contoso.com", "*@branch.contoso.com" } }
account "other@contoso.com" { client = "contoso" }
account "*@factory.contoso.com" { client = "contoso" grant = "client_credentials" send_as = { "list@contoso.com" } }
connector "no-mailbox" { relayhost = "[mx.contoso.com]:25" senders = { "no-reply@contoso.com", "*@news.contoso.com" } }
"""
DEFAULT = 'default_account = "relay@contoso.com"'


class MilterWorld:
    """conf: the path of a configuration that is somebody else's, of which the rest is then not made."""

    def __init__(self, milter=DEFAULT, rules="", accounts=ACCOUNTS, listen=None, tokend=None, conf=None):
        self.folder = Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))
        self.folder.chmod(0o755)
        self.sockets = self.folder / "s"
        self.sockets.mkdir()
        World.give(self, self.sockets)
        self.socket = self.sockets / "m.sock"
        self.conf, self.log_file = conf or self.folder / "mb.conf", self.folder / "milter.log"
        self.daemon, self.more_environment = None, {}
        self.parts = {"milter": milter, "rules": rules, "accounts": accounts, "listen": listen or f"unix:{self.socket}",
                      "tokend": tokend or self.sockets / "t.sock", "user": DAEMON_USER}
        if conf is None:
            self.write()

    def write(self, text=None, **changes):
        """The configuration anew, in one step, with some of its parts changed; or this text."""
        self.parts.update(changes)
        new = self.conf.with_suffix(".new")
        new.write_text(CONF.format(**self.parts) if text is None else text)
        new.chmod(0o644)
        new.rename(self.conf)

    # As any daemon of ours.
    environment, start, stop = World.environment, World.start, World.stop

    def spawn(self, notify=None, arguments=("-F",)):
        with open(self.log_file, "ab") as log:
            return subprocess.Popen([MILTER, "-c", self.conf, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=self.environment(notify))

    log, wait, wait_log = World.log, staticmethod(World.wait), World.wait_log

    def connect(self, client="192.0.2.7", macros=None, **options):
        milter = Milter(self.socket, **options)
        milter.connect(client, macros=macros)
        return milter

    def close(self):
        try:
            if self.daemon is not None:
                self.stop(signal.SIGKILL)
            for word in ("AddressSanitizer", "ThreadSanitizer", "runtime error:"):
                if word in self.log():
                    raise AssertionError(self.log()[-6000:])
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
