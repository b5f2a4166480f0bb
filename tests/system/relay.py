"""A whole relay: the stand-in for Microsoft, tokend, and a private Postfix with a chrooted smtp(8) between a printer and it.

Used by the system tests and the demo.
"""

import hashlib
import re
import shutil
import smtplib
import sys
import threading
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "blackbox")]

from harness import ACCOUNT, BUILD, DAEMON_USER, PLUGIN, World, unshare_mounts  # noqa: E402,F401
from milter_world import MilterWorld  # noqa: E402
from mta import Mta, fetch  # noqa: E402

CACHE = Path(BUILD).parent / "cache"


def milter_settings():
    """What mailbearer-milter(8) tells the user to set, but for where."""
    page = (Path(__file__).resolve().parents[2] / "man/mailbearer-milter.8").read_text(encoding="utf-8")
    shown = re.search(r"^Postfix, for mail that comes by SMTP.*\n\.Bd .*\n((?:.*\n)*?)\.Ed\n", page, re.M)[1].replace("\\e", "\\")
    return {**dict(line.split(" = ") for line in shown.splitlines()), "smtpd_milters": "unix:run/m/milter.sock"}


MILTER_SETTINGS = milter_settings()


def message(number=0, size=2000, sender=ACCOUNT):
    """(bytes, digest of the body): what a scanner sends."""
    line = f"scan {number} ".encode() + b"x" * 60 + b"\r\n"
    body = line * (size // len(line) + 1) + b"..a line with dots\r\n.\r\n"
    head = f"From: Scanner <{sender}>\r\nTo: someone@example.net\r\nSubject: Scan {number}\r\nMessage-ID: <{number}@scanner>\r\n"
    return head.encode() + b"\r\n" + body, hashlib.sha256(body).hexdigest()


class SubmitWorld(World):
    """With what an MTA needs that runs mailbearer-submit as the user mail."""

    def __init__(self):
        super().__init__(conf="", token_users=["mail"])
        self.locks = self.folder / "locks"
        self.locks.mkdir()
        shutil.chown(self.locks, "mail", "mail")
        self.write(client=f'relayhost = "[localhost]:{self.provider.smtp_port}"', conf=(
            f'account "{ACCOUNT}" {{ client = "contoso" }}\n'
            f'submit {{ lock_directory = "{self.locks}" log = "stderr" }}\n'))


class Relay:
    def __init__(self, chroot=True, per_account=False):
        self.world = World(token_users=None)
        self.provider = self.world.provider
        folder = self.world.folder / "m"
        self.mta = Mta(folder, fetch(CACHE), PLUGIN)
        self.world.parts["token_users"] = [self.mta.mail_owner]
        self.inside = Path(f"{self.mta.queue_folder}{self.world.sockets}")
        self.inside.mkdir(parents=True)
        self.world.give(self.inside)
        self.world.listen.append(self.inside / self.world.socket.name)
        self.world.write()
        self.configure(chroot, per_account)

    def milter_socket(self):
        """Where MILTER_SETTINGS look for it, in the chroot; its folder's parent is made."""
        folder = self.mta.queue_folder / "run"
        folder.mkdir(exist_ok=True)
        return f"unix:{folder}/m/milter.sock"

    def add_milter(self):
        """One with the relay's own configuration; the caller starts and closes it."""
        self.world.write(conf=(
            f'account "{ACCOUNT}" {{ client = "contoso" }}\n'
            f'milter {{ listen = "{self.milter_socket()}" user = "{DAEMON_USER}" log = "stderr" '
            f'default_account = "{ACCOUNT}" }}\n'))
        self.configure(**MILTER_SETTINGS)
        return MilterWorld(conf=self.world.conf)

    def settings(self):
        port = self.provider.smtp_port
        return {
            "relayhost": f"[127.0.0.1]:{port}",
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_password_maps": f"static:{ACCOUNT}:unix:{self.world.socket}",
            "smtp_sasl_mechanism_filter": "xoauth2, oauthbearer",
            "smtp_sasl_security_options": "noanonymous",
            "smtp_sasl_tls_security_options": "noanonymous",
            "smtp_tls_security_level": "secure",
            "smtp_tls_secure_cert_match": "localhost",
            "smtp_tls_CAfile": self.provider.ca_file,
            "minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "queue_run_delay": "1s",
            "smtp_tls_loglevel": "1",
        }

    def configure(self, chroot=True, per_account=False, **changes):
        settings = {**self.settings(), **changes}
        transports = ()
        if per_account:
            settings["default_transport"] = "mailbearer-relay"
            transports = ("mailbearer-relay unix - - {chroot} - 3 smtp -o smtp_tls_connection_reuse=yes",)
        self.mta.configure(settings, transports, chroot)

    def start(self, confined=True):
        """confined: tokend has the rights of its systemd unit."""
        if confined:
            self.world.confine(self.inside)
        self.world.start()
        self.world.sign_in()
        self.mta.start()

    def close(self):
        try:
            self.mta.stop()
        finally:
            self.world.close()

    def send(self, number=0, sender=ACCOUNT, envelope=None, count=1):
        """As a printer does. The digests of the bodies."""
        digests = []
        with smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60) as client:
            for i in range(count):
                content, digest = message(number + i, sender=sender)
                client.sendmail(sender if envelope is None else envelope, ["someone@example.net"], content)
                digests.append(digest)
        return digests

    def send_many(self, clients, each, first=0):
        digests, lock = [], threading.Lock()

        def one(i):
            mine = self.send(first + i * each, count=each)
            with lock:
                digests.extend(mine)

        threads = [threading.Thread(target=one, args=(i,)) for i in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return digests

    def delivered(self, count, timeout=80):
        self.provider.wait_for("smtp/messages", count, timeout)
        return self.provider.messages()

    def bounced(self):
        return "status=bounced" in self.mta.log() or self.provider.count("smtp/unauthenticated_refused") > 0
