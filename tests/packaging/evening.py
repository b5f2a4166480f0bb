"""What the tests with a real systemd stand on: a Debian with Postfix as Debian installs it, booted, on a network of its own
where the stand-in answers by Microsoft's names and at Microsoft's ports, with a certificate that this Debian trusts."""

import os
import shutil
import smtplib
import tempfile
from pathlib import Path

from container import Container
from debian import PATH, SOURCE, run
from names import Names
from provider import Provider

ACCOUNT, CLIENT_ID, TENANT = "relay@contoso.com", "5d3c2b1a-9f8e-4d7c-8b6a-0123456789ab", "contoso.onmicrosoft.com"
TO = "someone@example.net"
TOKEN_NAME, SMTP_NAME = "login.microsoftonline.com", "smtp.office365.com"
TOKEND, MILTER, POSTFIX = "mailbearer-tokend.service", "mailbearer-milter.service", "postfix@-.service"
RELAY, PRINTER = "192.0.2.10", "192.0.2.20"
PACKAGES = ("ca-certificates", "dbus", "postfix", "systemd", "systemd-sysv")
ANSWERS = ("postfix postfix/main_mailer_type select Internet Site\n"
           "postfix postfix/mailname string relay.contoso.com\n"
           "postfix postfix/mynetworks string 127.0.0.0/8 192.0.2.0/24\n")


class Evening:
    """close() ends all of it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mbevening"))
        self.closers = [lambda: shutil.rmtree(self.folder)]
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self):
        root = Path(os.environ["MB_ROOT"])
        run("ip", "address", "add", f"{RELAY}/24", "dev", "lo")
        run("ip", "address", "add", f"{PRINTER}/24", "dev", "lo")
        self.names = Names({TOKEN_NAME, SMTP_NAME})
        self.closers.append(self.names.close)
        self.provider = Provider(self.folder, "--token-name", TOKEN_NAME, "--token-port", "443",
                                 "--smtp-name", SMTP_NAME, "--smtp-port", "587")
        self.closers.append(self.provider.close)
        shutil.copy(self.provider.ca_file, root / "usr/local/share/ca-certificates/standin.crt")
        (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        (root / "etc/hostname").write_text("relay\n")
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 relay.contoso.com relay\n")
        (root / "usr/sbin/policy-rc.d").unlink()
        run("chroot", root, "/usr/sbin/update-ca-certificates", env={"PATH": PATH})
        self.container = Container(root, SOURCE / "build/check-systemd-console.log")
        self.closers.append(self.container.close)
        self.container.boot()

    def close(self):
        while self.closers:
            self.closers.pop()()

    # --- mail ---

    def print_something(self, number=0, sender=ACCOUNT, header=None):
        """As a printer does that knows nothing of logging in."""
        text = (f"From: Scanner <{header or sender}>\r\nTo: {TO}\r\nSubject: Scan {number}\r\n"
                f"Message-ID: <{number}@scanner>\r\n\r\nscan {number}\r\n")
        with smtplib.SMTP(RELAY, 25, timeout=60, source_address=(PRINTER, 0)) as client:
            client.sendmail(sender, [TO], text)

    def arrived(self, number):
        """The message, once it is at the mail server."""
        mark = f"Subject: Scan {number}\r\n"
        found = []

        def look():
            found[:] = [one for one in self.provider.messages() if mark in one["body"]]
            return found
        self.container.wait(f"scan {number} at the mail server", look, 60)
        return found[0]
