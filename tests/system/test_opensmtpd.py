#!/usr/bin/python3
"""The example for OpenSMTPD, with a real OpenSMTPD, to a server that takes nothing but live tokens. The socket's part is
played as systemd would: a process for each connection, with the unit's command line."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mta import die_with_parent  # noqa: E402
from opensmtpd import OpenSmtpd  # noqa: E402
from relay import ACCOUNT, BUILD, CACHE, SubmitWorld, message  # noqa: E402

import tap  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
EXAMPLE = SOURCE / "mta-examples/opensmtpd/smtpd.conf"
RECIPIENTS = ["One+tag@example.net", "two@example.org"]


def settings_of(unit):
    return dict(re.findall(r"^(\w+)=(.*)$", (SOURCE / "etc" / unit).read_text(), re.M))


class Activation:
    """mailbearer-submit.socket, below the folder that OpenSMTPD sees as /run."""

    def __init__(self, run, conf, log):
        self.log, service = log, settings_of("mailbearer-submit@.service.in")
        self.user = pwd.getpwnam(service["User"])
        command = service["ExecStart"].replace("@sbindir@", str(BUILD)).replace("@sysconfdir@/mailbearer/mailbearer.conf", str(conf))
        self.command, unit = command.split(), settings_of("mailbearer-submit.socket")
        path = run / Path(unit["ListenStream"]).relative_to("/run")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        shutil.chown(path, unit["SocketUser"], unit["SocketGroup"])
        path.chmod(int(unit["SocketMode"], 8))
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        sessions = []
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                break
            with connection, self.log.open("ab") as log:
                sessions.append(subprocess.Popen(self.command, stdin=connection, stdout=connection, stderr=log, user=self.user.pw_uid,
                                                 group=self.user.pw_gid, extra_groups=[], preexec_fn=die_with_parent))
        for session in sessions:
            session.wait()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class Example(unittest.TestCase):
    def setUp(self):
        self.world = SubmitWorld()
        self.addCleanup(self.world.close)
        self.provider, folder = self.world.provider, self.world.folder
        self.world.start()
        self.world.sign_in()
        self.mta, self.submit_log = OpenSmtpd(folder / "m", CACHE), folder / "submit.log"
        self.submit_log.touch()
        activation = Activation(self.mta.folder / "run", self.world.conf, self.submit_log)
        self.addCleanup(activation.close)
        self.mta.configure(EXAMPLE.read_text())
        self.mta.start()
        self.addCleanup(self.mta.stop)

    def tearDown(self):
        for text in (self.mta.log(), self.world.log(), self.submit_log.read_text()):
            self.assertNotIn("MARKER", text)

    def send(self, **options):
        data, digest = message(**options)
        self.mta.send(data, *RECIPIENTS, sender=ACCOUNT)
        return digest

    def assert_delivered(self, digest):
        """To each recipient once, by itself and whole, without what OpenSMTPD puts on top."""
        self.provider.wait_for("smtp/messages", len(RECIPIENTS), 20)
        self.mta.wait_log("result=Ok", count=len(RECIPIENTS))
        self.assertEqual([], self.mta.queue())
        messages = self.provider.messages()
        self.assertEqual([[one] for one in RECIPIENTS], sorted(one["rcpt_to"] for one in messages))
        for one in messages:
            self.assertEqual((ACCOUNT, ACCOUNT, digest), (one["user"], one["mail_from"], one["body_sha256"]))
            self.assertNotRegex(one["body"], r"(?m)^(Delivered-To|Return-Path):")

    def assert_waits(self, reason):
        """Both, after one try each."""
        self.mta.wait_log(rf"result=TempFail.*{reason}", count=len(RECIPIENTS))
        self.assertEqual(len(RECIPIENTS), len(self.mta.queue()))
        self.assertEqual(0, self.provider.count("smtp/messages"))

    def test_mail_goes_out(self):
        self.provider.config(token_size=16384)
        self.world.ask("refresh " + ACCOUNT)
        self.assert_delivered(self.send(size=200000))

    def test_trouble_of_the_login_waits(self):
        reply = "535 5.7.3 Authentication unsuccessful"
        self.provider.config(smtp_fault={"at": "auth", "reply": reply})
        digest = self.send()
        self.assert_waits(reply[4:])
        self.provider.config(smtp_fault=None)
        self.world.stop()
        self.mta.flush()
        self.assert_waits("is mailbearer-tokend running")
        self.world.start()
        self.mta.stop()
        self.mta.start()
        self.mta.flush()
        self.assert_delivered(digest)

    def test_send_as_denied_is_a_bounce(self):
        self.send(sender="boss@contoso.com")
        self.mta.wait_log("result=PermFail.*554 5.2.252 SendAsDenied", count=len(RECIPIENTS))
        self.mta.wait_log(f"from=<> to=<{ACCOUNT}>.*result=Ok")
        self.assertEqual([], self.mta.queue())
        bounce = self.provider.messages()
        self.assertEqual([("", [ACCOUNT], [ACCOUNT])], [(one["mail_from"], one["rcpt_to"], one["header_from"]) for one in bounce])


if __name__ == "__main__":
    tap.main()
