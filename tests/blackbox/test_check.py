#!/usr/bin/python3
"""mailbearer check against a real daemon and a stand-in: what is planted is named by its step, the remedy that is printed is
applied, and then the step passes. What needs a Postfix is in tests/system/test_check.py. TAP on standard output."""

import datetime
import json
import os
import pwd
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, BUILD, DAEMON_USER, PLUGIN, SECRET, World, frame  # noqa: E402

import tap  # noqa: E402

LOCAL = ["config", "files", "seal", "state", "daemon", "sockets", "postfix", "plugin"]
OF_ACCOUNT = ["grant", "provider", "token", "claims", "dns", "tcp", "tls", "auth", "sender", "recipient"]


class Checked(unittest.TestCase):
    """One world for all cases: each leaves it as it was, which the next one proves."""

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.world.more_environment["SASL_PATH"] = str(PLUGIN.parent)
        cls.relayhost = f"[localhost]:{cls.world.provider.smtp_port}"
        cls.world.write(client=f'relayhost = "{cls.relayhost}"')
        cls.world.start()
        cls.world.sign_in()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def cli(self, *arguments):
        """Whatever Postfix this machine has."""
        return self.world.cli("check", "--postconf", "/nonexistent/postconf", *arguments)

    def check(self, *arguments, status=None):
        """{step: what was found} of the last account."""
        got = self.cli("--json", *arguments)
        self.assertNotIn("MARKER", got.stdout + got.stderr)
        if status is not None:
            self.assertEqual(status, got.returncode, got.stdout + got.stderr)
        return {entry["step"]: entry for entry in map(json.loads, got.stdout.splitlines())}

    def first_trouble(self, *arguments):
        for entry in self.check(*arguments).values():
            if entry["mark"] in ("FAILED", "warning"):
                return entry
        return None

    def run_lines(self, entry):
        """The commands, as they are printed, by root's shell."""
        self.assertTrue(entry["lines"], entry)
        environment = {**self.world.environment(), "PATH": f"{BUILD}:/usr/sbin:/usr/bin:/sbin:/bin"}
        for line in entry["lines"]:
            subprocess.run(["/bin/sh", "-c", line], check=True, timeout=60, env=environment, cwd="/", capture_output=True)

    def planted(self, step, words, *arguments, mark="FAILED"):
        """It is there, it is named, and nothing before it is."""
        words = words.lower()
        entry = self.first_trouble(*arguments)
        self.assertIsNotNone(entry, f"{step}: nothing is wrong")
        self.assertEqual((step, mark), (entry["step"], entry["mark"]), entry)
        self.assertIn(words, " ".join([entry["text"], entry["advice"], *entry["lines"]]).lower())
        return entry

    def healed(self, *arguments):
        self.assertIsNone(self.first_trouble(*arguments))


class InOrder(Checked):
    def test_every_step_passes_and_the_message_arrives(self):
        found = self.check("--to", "someone@example.net", status=0)
        self.assertEqual([*LOCAL, *OF_ACCOUNT, "message"], list(found))
        self.assertEqual("skipped", found.pop("postfix")["mark"])
        self.assertEqual({"ok"}, {entry["mark"] for entry in found.values()}, found)
        message = self.world.provider.messages()[-1]
        self.assertEqual((ACCOUNT, ["someone@example.net"]), (message["mail_from"], message["rcpt_to"]))

    def test_for_people(self):
        got = self.cli()
        self.assertEqual((0, ""), (got.returncode, got.stderr), got.stdout)
        lines = got.stdout.splitlines()
        self.assertRegex(lines[0], r"^ok +config +/.*: accounts: 1")
        self.assertIn(ACCOUNT, lines)
        self.assertEqual("17 ok, 0 warnings, 0 failed, 1 skipped", lines[-1])

    def test_a_refresh_token_is_not_touched(self):
        before = self.world.requests()
        secrets = self.world.provider.secrets()
        for _ in range(3):
            self.check(status=0)
        self.assertEqual(before, self.world.requests())
        self.assertEqual(secrets, self.world.provider.secrets())

    def test_the_transaction_is_taken_back(self):
        counts = {name: self.world.provider.count(f"smtp/{name}") for name in ("messages", "commands/RSET", "commands/QUIT")}
        self.check(status=0)
        self.assertEqual(counts["messages"], self.world.provider.count("smtp/messages"))
        for name in ("commands/RSET", "commands/QUIT"):
            self.assertEqual(counts[name] + 1, self.world.provider.count(f"smtp/{name}"))

    def test_without_the_network(self):
        before = self.world.provider.count("smtp/connections")
        found = self.check("--no-network", status=0)
        self.assertEqual("skipped", found["dns"]["mark"])
        self.assertEqual("skipped", found["recipient"]["mark"])
        self.assertEqual(before, self.world.provider.count("smtp/connections"))


class Files(Checked):
    def test_configuration(self):
        self.world.write(client=f'relayhost = "{self.relayhost}" colour = "red"')
        entry = self.planted("config", "colour")
        self.assertIn("mb.conf:", entry["text"])
        steps = [line for line in self.cli().stdout.splitlines() if line[:1].strip() and "failed" not in line]
        self.assertEqual([["FAILED", "config"], ["ok", "plugin"]], [line.split()[:2] for line in steps[:2]])
        self.assertRegex(steps[2], r"^skipped \d+ further steps not tried: they need the configuration$")
        self.assertEqual(3, len(steps), steps)
        self.assertEqual({"config"}, {e["step"] for e in self.check().values() if e["mark"] == "FAILED"})
        self.world.write(client=f'relayhost = "{self.relayhost}"')
        self.healed()
        self.run_lines(entry)

    def test_configuration_that_others_may_write(self):
        self.world.conf.chmod(0o666)
        self.run_lines(self.planted("config", "chmod o-w"))
        self.healed()

    def test_no_such_account(self):
        self.planted("config", f"check {ACCOUNT}", "nobody@contoso.com")
        self.healed(ACCOUNT)

    def test_secret_open_to_all(self):
        self.world.secret_file.chmod(0o644)
        self.run_lines(self.planted("files", "open to everybody"))
        self.healed()

    def test_secret_missing_and_empty(self):
        self.world.secret_file.unlink()
        entry = self.planted("files", "install -o")
        line = entry["lines"][0]
        subprocess.run(["/bin/sh", "-c", line.replace("/dev/stdin", "/dev/null")], check=True, timeout=60)
        self.planted("files", "is empty")
        subprocess.run(["/bin/sh", "-c", line], input=SECRET, text=True, check=True, timeout=60)
        self.healed()

    def test_secret_of_another_user(self):
        if os.geteuid() != 0:
            return
        os.chown(self.world.secret_file, 0, 0)
        self.run_lines(self.planted("files", f"cannot be read by user {DAEMON_USER}"))
        self.healed()
        folder = self.world.folder / "closed"
        folder.mkdir(mode=0o700)
        moved = self.world.secret_file.rename(folder / "secret")
        self.world.secret_file.symlink_to(moved)
        self.planted("files", f"cannot be read by user {DAEMON_USER}")
        self.world.secret_file.unlink()
        moved.rename(self.world.secret_file)
        self.world.give(self.world.secret_file)
        folder.rmdir()

    def test_folder_that_cannot_be_passed(self):
        if os.geteuid() != 0:
            return
        folder = self.world.folder / "locked"
        folder.mkdir(mode=0o700)
        copy = folder / "secret"
        copy.write_text(SECRET)
        copy.chmod(0o600)
        self.world.give(copy)
        original, self.world.secret_file = self.world.secret_file, copy
        self.world.write()
        self.run_lines(self.planted("files", f"chmod g+x {folder}"))
        self.world.ask("reload ")
        self.healed()
        type(self).world.secret_file = original
        self.world.secret_file = original
        self.world.write()
        self.world.ask("reload ")

    def test_sealing_key(self):
        kept = self.world.seal_key.read_text()
        self.world.seal_key.unlink()
        entry = self.planted("seal", "restore it")
        self.run_lines(entry)
        self.assertEqual(pwd.getpwnam(DAEMON_USER).pw_uid, self.world.seal_key.stat().st_uid)
        self.healed()
        self.world.seal_key.write_text(kept)
        self.world.seal_key.chmod(0o604)
        self.run_lines(self.planted("seal", "open to everybody"))
        self.healed()

    def test_state(self):
        away = self.world.folder / "away"
        self.world.state.rename(away)
        self.run_lines(self.planted("state", "install -d"))
        self.healed()
        self.world.state.rmdir()
        away.rename(self.world.state)
        self.world.state.chmod(0o777)
        self.run_lines(self.planted("state", "written by others"))
        self.healed()
        if os.geteuid() == 0:
            os.chown(self.world.state, 0, 0)
            self.run_lines(self.planted("state", "does not belong"))
            self.healed()


class Daemon(Checked):
    def test_away(self):
        self.world.stop()
        entry = self.planted("daemon", "systemctl enable --now mailbearer-tokend")
        found = self.check(status=3)
        self.assertEqual("skipped", found["token"]["mark"])
        said = self.cli().stdout
        self.assertIn("\nskipped sockets     needs daemon\n", said)
        self.assertIn("\nskipped 7 further steps not tried: they need daemon\n", said)
        self.assertEqual("ok", found["tls"]["mark"], "what does not depend on it is looked at all the same")
        self.assertIn("does not answer", entry["text"])
        self.world.start()
        self.healed()

    def test_another_version(self):
        self.world.stop()
        self.world.socket.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.world.socket))
            self.world.socket.chmod(0o666)
            listener.listen(16)
            over = threading.Event()

            def serve():
                while not over.is_set():
                    connection, _ = listener.accept()
                    with connection:
                        question = connection.recv(4096)
                        connection.sendall(frame(b"OK 0.0.1" if b"version" in question else b"PERM no"))

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            self.planted("daemon", "systemctl restart mailbearer-tokend", mark="warning")
            over.set()
            self.world.connect().close()
            thread.join(10)
        self.world.socket.unlink()
        self.world.start()
        self.healed()

    def test_sockets(self):
        self.world.socket.chmod(0o600)
        self.run_lines(self.planted("sockets", "chmod 0666"))
        self.healed()

    def test_second_socket(self):
        second = self.world.sockets / "second.sock"
        self.world.listen.append(second)
        self.world.write()
        self.world.ask("reload ")
        self.planted("sockets", "systemctl restart mailbearer-tokend")
        self.world.restart()
        self.healed()
        self.world.listen.remove(second)
        self.world.write()
        self.world.restart()

    def test_account_that_was_not_reloaded(self):
        conf = (f'account "{ACCOUNT}" {{ client = "contoso" }}\n'
                'account "new@contoso.com" { client = "contoso" }\n')
        self.world.write(conf=conf)
        entry = self.planted("daemon", "reload", "new@contoso.com", mark="warning")
        when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
        self.assertRegex(entry["text"], rf"^tokend runs with the configuration of {when}; {self.world.conf} was changed at {when}$")
        self.run_lines(entry)
        self.planted("grant", "login new@contoso.com", "new@contoso.com")
        self.world.sign_in("new@contoso.com")
        self.healed("new@contoso.com")
        self.healed()
        self.world.write(conf=None)
        self.world.ask("reload ")

    def test_another_file_than_tokend_s(self):
        its = self.world.conf
        self.world.conf = its.with_name("another.conf")
        self.addCleanup(setattr, self.world, "conf", its)
        self.world.conf.write_text(its.read_text() + "# another\n")
        self.world.conf.chmod(0o644)
        self.assertIn(f"than {self.world.conf}: {its}", self.planted("daemon", "check that one", mark="warning")["text"])
        self.world.conf.write_text(its.read_text())
        self.healed()


class Plugin(Checked):
    def test_plugin_in_another_folder(self):
        folder = self.world.folder / "sasl2"
        folder.mkdir()
        self.world.more_environment["SASL_PATH"] = str(folder)
        entry = self.planted("plugin", "install -m 0644 ")
        self.assertTrue(entry["lines"][0].endswith(f"libmailbearer.so {folder}/"), entry)
        (folder / PLUGIN.name).write_bytes(PLUGIN.read_bytes())
        self.healed()
        (folder / PLUGIN.name).write_text("no library")
        self.planted("plugin", "does not take it")
        self.world.more_environment["SASL_PATH"] = str(PLUGIN.parent)
        self.healed()


class Provider(Checked):
    def test_grant_lost(self):
        self.world.provider.revoke(user=ACCOUNT)
        self.world.ask("refresh " + ACCOUNT)
        self.planted("grant", f"login {ACCOUNT}")
        self.world.sign_in()
        self.healed()

    def test_wrong_secret(self):
        self.world.secret("secret", "another")
        self.world.ask("reload ")
        self.world.ask("refresh " + ACCOUNT)
        entry = self.planted("provider", "AADSTS7000215")
        self.assertIn("secret", entry["advice"])
        self.world.secret("secret", SECRET)
        self.world.ask("reload ")
        self.run_lines(entry)
        self.healed()

    def test_secret_that_ends_soon(self):
        ends = (datetime.date.today() + datetime.timedelta(days=5)).isoformat()
        self.world.write(client=f'relayhost = "{self.relayhost}" client_secret_expires = "{ends}"')
        self.world.ask("reload ")
        self.planted("grant", ends, mark="warning")
        self.check(status=0)
        self.world.write(client=f'relayhost = "{self.relayhost}"')
        self.world.ask("reload ")
        self.healed()

    def test_whole_domain(self):
        self.world.write(conf='account "*@contoso.com" { client = "contoso" grant = "client_credentials" }\n')
        self.world.ask("reload ")
        found = self.check()
        self.assertIn("check someone@contoso.com", found["token"]["text"])
        self.world.write(conf=None)
        self.world.ask("reload ")


class Server(Checked):
    def setUp(self):
        self.addCleanup(self.back)

    def relay_to(self, relayhost, more=""):
        self.world.write(client=f'relayhost = "{relayhost}" {more}')
        self.world.ask("reload ")

    def back(self):
        self.world.provider.config(smtp_fault=None, smtp_certificate="good", mechanisms=["XOAUTH2"])
        self.relay_to(self.relayhost)
        self.healed("--to", "someone@example.net")

    def test_name(self):
        self.relay_to("[smtp.invalid]:587")
        self.planted("dns", "getent hosts smtp.invalid")

    def test_port(self):
        self.relay_to("[localhost]:1")
        self.planted("tcp", "Connection refused")

    def test_certificates(self):
        self.world.provider.config(smtp_certificate="wrong_name")
        self.planted("tls", "openssl s_client")
        self.assertEqual(0, self.world.provider.count("smtp/commands_after_bad_certificate"))

    def test_server_without_oauth(self):
        self.world.provider.config(mechanisms=["LOGIN"])
        self.planted("tls", 'relayhost = "[smtp.office365.com]:587"')

    def refuse(self, step, at, reply, words, *arguments):
        self.world.provider.config(smtp_fault={"at": at, "reply": reply})
        entry = self.planted(step, words, *arguments)
        self.assertIn(reply[:9], entry["text"])
        got = self.cli(*arguments)
        self.assertIn(words.lower(), " ".join(got.stdout.lower().split()))
        self.back()

    def test_login(self):
        self.refuse("auth", "auth", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
                    "Mailbox.", "allow SMTP AUTH for this mailbox")
        self.refuse("auth", "auth", "432 4.3.2 Concurrent connections limit exceeded.", "maxproc")

    def test_the_login_prints_the_line_of_powershell(self):
        self.world.provider.config(smtp_fault={"at": "auth", "reply": "535 5.7.139 Authentication unsuccessful, "
                                               "SmtpClientAuthentication is disabled for the Mailbox."})
        self.assertIn(f"        Set-CASMailbox -Identity {ACCOUNT} -SmtpClientAuthenticationDisabled $false\n",
                      self.cli().stdout)

    def test_a_refusal_that_says_no_more_leads_on_from_what_is_known(self):
        """Not to this very command, which is what explain(1) would have one run."""
        reply = "535 5.7.3 Authentication unsuccessful"
        self.world.provider.config(smtp_fault={"at": "auth", "reply": reply})
        entry = self.planted("auth", reply)
        self.assertIn("is SMTP AUTH allowed for it", entry["advice"])
        self.assertEqual(["Connect-ExchangeOnline",
                          f"Get-CASMailbox -Identity {ACCOUNT} | Format-List SmtpClientAuthenticationDisabled",
                          f"Set-CASMailbox -Identity {ACCOUNT} -SmtpClientAuthenticationDisabled $false",
                          f"Get-Mailbox -Identity {ACCOUNT} | Format-List UserPrincipalName,SKUAssigned"], entry["lines"])
        said = self.cli().stdout
        for words in ("Whose turn it is", "have an Exchange administrator look", f"        {entry['lines'][1]}\n"):
            self.assertIn(words, " ".join(said.split()) if "\n" not in words else said)
        self.assertNotIn("mailbearer check", said)
        self.assertNotIn("Check in this order", said)

    def test_transaction(self):
        self.refuse("sender", "mail", "430 4.2.0 STOREDRV; mailbox logon failure", "service principal")
        self.refuse("recipient", "rcpt", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "recipient")
        self.refuse("message", "dot", "554 5.2.252 SendAsDenied; not allowed to send as", "Send As", "--to",
                    "someone@example.net")


if __name__ == "__main__":
    tap.main()
