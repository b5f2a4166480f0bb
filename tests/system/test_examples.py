#!/usr/bin/python3
"""Each example for Postfix, loaded into a real one, its smtp(8) chrooted: its mail arrives, and by the right way."""

import os
import re
import shutil
import smtplib
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, DAEMON_USER, Relay, message  # noqa: E402
from harness import CLI, SECRET, SOURCE  # noqa: E402
from provider import ProviderError  # noqa: E402
from milter_world import MilterWorld  # noqa: E402
from mta import HOST, free_port  # noqa: E402
from sink import DovecotAuth, MailSink, Saslauthd, unix_server  # noqa: E402

import tap  # noqa: E402

EXAMPLES = SOURCE / "postfix-examples"
SERVERS = ("smtp.office365.com", "smtp.hve.mx.microsoft", "smtp.gmail.com")
USERS = {("scan2", "a password")}
FOREIGN = "scanner@printer.local"


def squeezed(text):
    """{name: the rest} of the entries of a main.cf or master.cf, blanks made one."""
    text = re.sub(r"(?m)^[ \t]*#.*\n", "", text)
    entries = [" ".join(entry.split()) for entry in re.split(r"\n(?=\S)", text) if entry.strip()]
    return dict(entry.split(" ", 1) for entry in entries)


class Example(unittest.TestCase):
    def setUp(self):
        self.relay = Relay()
        self.addCleanup(self.relay.close)
        self.world, self.provider, self.mta = self.relay.world, self.relay.provider, self.relay.mta
        self.port, self.submission = self.provider.smtp_port, free_port()
        self.milter = None

    # --- loading one ---

    def translate(self, text):
        """An example's text for this machine: its servers, its sockets, its files."""
        for server in SERVERS:
            text = text.replace(f"[{server}]:587", f"[{HOST}]:{self.port}")
        return (text.replace("/run/mailbearer/tokend.sock", str(self.world.socket))
                .replace(":tokend\n", f":unix:{self.world.socket}\n")
                .replace("/var/spool/postfix", str(self.mta.queue_folder))
                .replace("/etc/postfix", str(self.mta.config))
                .replace("/etc/ssl/certs/ca-certificates.crt", str(self.provider.ca_file))
                .replace("tenant = \"contoso.onmicrosoft.com\"",
                         f"tenant = \"{self.provider.tenant}\" metadata_url = \"{self.provider.metadata_url}\""))

    def translate_conf(self, text):
        text = re.sub(r"/etc/mailbearer/[\w-]+\.secret", str(self.world.secret_file), self.translate(text))
        hop = f' relayhost = "[{HOST}]:{self.port}"'
        text = re.sub(r'(?s)client "[^"]*" \{(.*?)\n\}', lambda m: m[0][:-2]
                      + f'\n ca_file = "{self.provider.ca_file}" timeout = 3' + ("" if "relayhost" in m[1] else hop) + "\n}", text)
        # The stand-in knows Microsoft's scopes only.
        text = text.replace('provider = "google"', f'provider = "google" token_endpoint = "{self.provider.token_endpoint}" '
                            'scope = "https://outlook.office.com/SMTP.Send offline_access"')
        text = text.replace("milter {\n", f'milter {{\n user = "{DAEMON_USER}" log = "stderr"\n')
        listen = ", ".join(f'"{path}"' for path in self.world.listen)
        return text + (f'tokend {{ listen = {{ {listen} }} state_directory = "{self.world.state}" user = "{DAEMON_USER}"\n'
                       f' seal_key_file = "{self.world.seal_key}" token_users = {{ "{self.mta.mail_owner}" }} log = "stderr" }}\n')

    def load(self, name, sasl=None, **changes):
        """All of it runs; changes: words of the example that are others here. Returns its folder's name."""
        folder = EXAMPLES / name
        main, master, conf = ((folder / file).read_text() for file in ("main.cf", "master.cf", "mailbearer.conf"))
        self.assert_printed(folder / "mailbearer.conf", main, master)
        main += (folder / sasl).read_text() if sasl else ""
        for old, new in {"submission inet": f"{HOST}:{self.submission} inet", **changes.pop("words", {})}.items():
            main, master, conf = (text.replace(old, new) for text in (main, master, conf))
        self.world.conf.write_text(self.translate_conf(conf))
        # The stand-in's certificate is localhost's, whatever the server is called.
        self.mta.install("smtp_tls_secure_cert_match = localhost\nmaximal_backoff_time = 1s\nminimal_backoff_time = 1s\n"
                         + self.translate(main))
        with (self.mta.config / "master.cf").open("a") as file:
            file.write(re.sub(r"(?m)^tlsproxy .*\n", "", self.translate(master)))
        for file in folder.glob("*.*"):
            if file.suffix in (".cidr", ".regexp"):
                (self.mta.config / file.name).write_text(file.read_text() if file.suffix == ".regexp" else
                                                         file.read_text().replace("198.51.100.17", "127.0.2.17"))
        self.start("milter {" in conf)

    def assert_printed(self, conf, main, master):
        """What postfix-config prints of the example's configuration stands in the example."""
        for theirs, ours in zip(printed(conf), map(squeezed, (main, master))):
            self.assertGreater(len(theirs), 0)
            for key, value in theirs.items():
                self.assertEqual(value, ours.get(key), (conf, key))

    def start(self, milter):
        self.world.start()
        if milter:
            (self.mta.queue_folder / "run").mkdir(exist_ok=True)
            self.milter = MilterWorld(conf=self.world.conf)
            self.addCleanup(self.milter.close)
            self.milter.start()
        self.mta.start()

    def sign_in(self, *users, **values):
        for user in users:
            token = self.provider.account(user, **{"client_id": "f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357", "public": True, **values})
            word, text = self.world.ask(f"import {user} {token}")
            self.assertEqual("OK", word, text)

    def app(self, *users):
        for user in users:
            self.provider.account(user, client_id="0d9c7b5a-1f2e-4d3c-8b6a-7f5e3d1c9b80", secret=SECRET, app=True)

    # --- sending ---

    def send(self, sender, recipient="someone@example.net", header=None, source=None, login=None):
        port = self.submission if login else self.mta.smtp_port
        with smtplib.SMTP(HOST, port, timeout=60, source_address=(source or HOST, 0)) as client:
            if login:
                client.starttls()
                client.login(*login)
            client.sendmail(sender, [recipient], message(sender=header or sender or ACCOUNT)[0])

    def assert_arrived(self, *wanted):
        """(who logged in, envelope, From) of each message, in any order; none refused."""
        try:
            messages = self.relay.delivered(len(wanted), 30)
        except ProviderError as error:
            raise AssertionError(f"{error}\n{self.mta.log()[-3000:]}\n{self.world.log()[-1500:]}") from error
        self.assertEqual(sorted(wanted), sorted((m["user"], m["mail_from"], m["header_from"][0]) for m in messages))
        self.assertFalse(self.relay.bounced(), self.mta.log()[-3000:])
        self.assert_nothing_to_check_for()

    def assert_nothing_to_check_for(self):
        """`mailbearer check` has nothing against what is recommended here."""
        got = self.world.cli("check", "--config-dir", self.mta.config, "--postconf", self.mta.folder / "sbin" / "postconf")
        self.assertEqual(0, got.returncode, got.stdout + got.stderr)


class Examples(Example):
    def test_single_mailbox(self):
        self.load("single-mailbox")
        self.sign_in(ACCOUNT)
        self.send(ACCOUNT)
        self.send("", header=ACCOUNT)
        self.assert_arrived((ACCOUNT, ACCOUNT, ACCOUNT), (ACCOUNT, "", ACCOUNT))

    def test_many_mailboxes(self):
        self.load("many-mailboxes")
        invoices, accounting, scanner = (name + "@contoso.com" for name in ("invoices", "accounting", "scanner"))
        self.sign_in(ACCOUNT, scanner)
        self.sign_in(accounting, send_as=[invoices])
        for sender in (scanner, accounting, invoices, FOREIGN):
            self.send(sender)
        self.assert_arrived((scanner, scanner, scanner), (accounting, accounting, accounting), (accounting, invoices, invoices),
                            (ACCOUNT, ACCOUNT, ACCOUNT))

    def test_whole_domain(self):
        senders = [name + "@factory.contoso.com" for name in ("press", "oven", "machines")]
        self.app(*senders)
        self.load("whole-domain")
        for sender in senders:
            self.send(sender)
        self.send(FOREIGN)
        self.assert_arrived(*((s, s, s) for s in (*senders, senders[2])))

    def devices(self, sasl):
        certificate, key = re.split("(?=-----BEGIN PRIVATE)", (self.world.folder / "p/ca/good.pem").read_text())
        (self.mta.config / "relay.pem").write_text(key + certificate)
        # Not all of loopback is the printers' network here.
        self.load("printers-and-devices", sasl, words={"127.0.0.0/8, 192.0.2.0/26": "127.0.1.0/26"})
        second = "scanner2@contoso.com"
        self.sign_in(ACCOUNT, send_as=[second])
        self.send(FOREIGN, source="127.0.1.5")
        self.send(FOREIGN, source="127.0.2.17")
        self.send(FOREIGN, login=("scan2", "a password"))
        self.assert_arrived((ACCOUNT, ACCOUNT, ACCOUNT), (ACCOUNT, ACCOUNT, ACCOUNT), (ACCOUNT, second, second))
        for refused in ({"source": "127.0.2.18"}, {"login": ("scan2", "another")}):
            with self.assertRaises(smtplib.SMTPException):
                self.send(FOREIGN, **refused)

    def test_printers_and_devices_with_dovecot(self):
        server = unix_server(self.mta.queue_folder / "private/auth", DovecotAuth, USERS)
        self.addCleanup(server.close)
        self.devices("sasl-dovecot.cf")

    def test_printers_and_devices_with_cyrus(self):
        server = unix_server(self.mta.queue_folder / "var/run/saslauthd/mux", Saslauthd, USERS)
        self.addCleanup(server.close)
        (self.mta.config / "sasl").mkdir()
        shutil.copy(EXAMPLES / "printers-and-devices/smtpd.conf", self.mta.config / "sasl")
        for library in Path("/usr/lib").glob("*/sasl2/libplain.so*"):
            shutil.copy(library, self.mta.sasl)
        self.devices("sasl-cyrus.cf")

    def test_three_ways(self):
        sink = MailSink(self.world.folder / "p/ca/good.pem")
        self.addCleanup(sink.close)
        self.load("three-ways", words={"[contoso-com.mail.protection.outlook.com]:25": f"[{HOST}]:{sink.port}",
                                       "match=mail.protection.outlook.com": "match=localhost"})
        self.sign_in(ACCOUNT)
        self.send(ACCOUNT)
        self.send(FOREIGN)
        self.send("no-reply@contoso.com")
        self.send("boiler@alerts.contoso.com")
        self.send(FOREIGN, recipient="person@contoso.com")
        self.assert_arrived((ACCOUNT, ACCOUNT, ACCOUNT), (ACCOUNT, ACCOUNT, ACCOUNT))
        seen = sorted((sender, recipients, tls) for sender, recipients, tls, _ in sink.delivered(3))
        self.assertEqual([("boiler@alerts.contoso.com", ["someone@example.net"], True),
                          ("no-reply@contoso.com", ["someone@example.net"], True), (FOREIGN, ["person@contoso.com"], True)], seen)
        for sender, _, _, body in sink.delivered(3):
            self.assertIn(f"\r\nFrom: Scanner <{sender}>\r\n".encode(), b"\r\n" + body)

    def test_high_volume_email(self):
        news = "hve-news@contoso.com"
        self.app(news)
        self.load("high-volume-email")
        self.sign_in(ACCOUNT)
        self.send(news)
        self.send(ACCOUNT)
        self.assert_arrived((news, news, news), (ACCOUNT, ACCOUNT, ACCOUNT))

    def test_gmail(self):
        self.load("gmail")
        self.provider.config(gmail_mode=True, mechanisms=["LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"])
        user = "relay@workshop.example"
        self.sign_in(user, client_id="407408718192-k7d3qvf9b2m1.apps.googleusercontent.com", public=False, secret=SECRET)
        self.send(user)
        self.assert_arrived((user, user, user))

    def test_sender_alignment(self):
        self.load("sender-alignment", words={"192.0.2.16/28": "127.0.3.0/28"})
        branch = "oven@branch.contoso.com"
        self.sign_in(ACCOUNT, send_as=["*@branch.contoso.com"])
        self.send(ACCOUNT, header=branch)
        self.milter.stop()
        with self.assertRaises(smtplib.SMTPException):
            self.send(ACCOUNT)  # nothing passes while it is away
        conf = self.world.conf.read_text()
        self.world.conf.write_text(conf.replace('mode = "monitor"', 'mode = "rewrite"'))
        self.milter.start()
        self.send(FOREIGN)
        self.assert_arrived((ACCOUNT, ACCOUNT, branch), (ACCOUNT, ACCOUNT, ACCOUNT))
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.send(FOREIGN, source="127.0.3.2")
        self.assertIn(FOREIGN.encode(), refused.exception.smtp_error)

    def test_hold_what_heals(self):
        self.load("hold-what-heals")
        self.sign_in(ACCOUNT)
        # What the README has to try the table with.
        key = re.search(r"postmap -q '([^']+)'", (EXAMPLES / "hold-what-heals/README.md").read_text())[1]
        self.assertTrue(self.mta.postmap(key, f"regexp:{self.mta.config}/heals.regexp").stdout.startswith("4.2.252 host x"))
        throttled = "550 5.2.252 Sender throttled due to continuous send as denied errors"
        self.provider.config(smtp_fault={"at": "dot", "reply": throttled, "count": 1})
        self.send(ACCOUNT)
        self.mta.wait_log(r"dsn=4\.2\.252, status=deferred .*Sender throttled")
        self.mta.flush()
        self.assert_arrived((ACCOUNT, ACCOUNT, ACCOUNT))
        self.provider.config(smtp_fault={"at": "dot", "reply": "554 5.2.252 SendAsDenied; a@b not allowed to send as c@d",
                                         "count": 1})
        self.send(ACCOUNT)
        self.mta.wait_log(r"dsn=5\.2\.252, status=bounced .*SendAsDenied")


def printed(conf):
    """{name: value} of main.cf and of master.cf, as postfix-config prints them."""
    got = subprocess.run([CLI, "-c", conf, "postfix-config"], capture_output=True, text=True, timeout=60, check=True)
    return [squeezed(part) for part in got.stdout.split("# master.cf\n")]


class Folder(unittest.TestCase):
    def test_each_is_tried_and_listed(self):
        names = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
        tried = set(re.findall(r'self\.load\("([a-z-]+)"', Path(__file__).read_text()))
        listed = set(re.findall(r"^\| \[([a-z-]+)\]\(\1\)", (EXAMPLES / "README.md").read_text(), re.M))
        self.assertEqual(names, tried)
        self.assertEqual(names, listed)
        for name in names:
            self.assertTrue((EXAMPLES / name / "README.md").exists(), name)

    def test_what_the_page_shows_is_printed(self):
        page = (SOURCE / "man/mailbearer-postfix.7").read_text().replace("\\e", "\\")
        shown = {}
        for block in re.findall(r"(?ms)^\.Bd -literal[^\n]*\n(.*?)^\.Ed", page):
            shown.update(squeezed(block))
        main, master = printed(EXAMPLES / "sender-alignment/mailbearer.conf")
        found = {key: value for key, value in {**main, **master}.items() if key in shown}
        self.assertLessEqual({"smtpd_milters", "non_smtpd_milters", "message_strip_characters", "mailbearer-relay-contoso-com"},
                             set(found))
        self.assertEqual(found, {key: shown[key] for key in found})


if __name__ == "__main__":
    tap.main()
