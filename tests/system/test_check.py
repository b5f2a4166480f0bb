#!/usr/bin/python3
"""mailbearer check beside a real Postfix, chrooted as Debian's: each misconfiguration is planted, named by its step, repaired by
the very lines that are printed, and then not found any more. At the end a message passes. TAP on standard output."""

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from relay import ACCOUNT, BUILD, Relay  # noqa: E402

import tap  # noqa: E402

TRANSPORT = "mailbearer-relay-contoso-com"
SERVICE = f"{TRANSPORT}/unix"


class WithPostfix(unittest.TestCase):
    """One Postfix for all cases: each leaves it in order, which the next one proves."""

    @classmethod
    def setUpClass(cls):
        cls.relay = Relay()
        cls.world, cls.mta, cls.provider = cls.relay.world, cls.relay.mta, cls.relay.provider
        cls.bin = cls.world.folder / "bin"
        cls.wrap("postconf", "postmap", "postfix")
        cls.conf = {"conf": f'account "{ACCOUNT}" {{ client = "contoso" }}\n'
                            f'milter {{ listen = "unix:{cls.mta.queue_folder}/m/milter.sock" }}\n',
                    "client": f'relayhost = "[127.0.0.1]:{cls.provider.smtp_port}"'}
        cls.world.write(**cls.conf)
        cls.mta.configure({"smtp_tls_CAfile": cls.provider.ca_file, "smtp_tls_secure_cert_match": "localhost",
                           "milter_default_action": "tempfail"})
        # What "postfix check" wants of a package, and makes if it is missing.
        (cls.mta.config / "postfix-files").write_text("$queue_directory:d:root:-:755:uc\n")
        cls.milter_path = cls.mta.queue_folder / "m" / "milter.sock"
        cls.milter_path.parent.mkdir()
        cls.milter = cls.listen_as_milter()
        cls.world.start()
        cls.world.sign_in()
        cls.mta.start()

    @classmethod
    def listen_as_milter(cls, answer=b"\0\0\0\rO\0\0\0\6\0\0\1\xff\0\0\0\0"):
        """It answers the negotiation of options, and then no more: nobody sends mail before the last case."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(cls.milter_path))
        cls.milter_path.chmod(0o666)
        listener.listen(512)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(64)
                        connection.sendall(answer)
                        connection.recv(64)

        threading.Thread(target=serve, daemon=True).start()
        return listener

    @classmethod
    def close_milter(cls):
        """A thread that waits in accept() keeps the socket open otherwise."""
        with contextlib.suppress(OSError):
            cls.milter.shutdown(socket.SHUT_RDWR)
        cls.milter.close()

    @classmethod
    def tearDownClass(cls):
        cls.close_milter()
        cls.relay.close()

    @classmethod
    def wrap(cls, *names):
        """Postfix's commands, unpacked and not installed, as if they were."""
        cls.bin.mkdir()
        for name in names:
            path = cls.bin / name
            path.write_text("#!/bin/sh\n" + "".join(
                f"export {key}={shlex.quote(value)}\n" for key, value in cls.mta.environment().items() if key != "PATH")
                + f'exec {shlex.quote(str(cls.mta.tree / "usr/sbin" / name))} "$@"\n')
            path.chmod(0o755)

    def postconf(self, *arguments):
        subprocess.run([self.bin / "postconf", *arguments], check=True, timeout=60, capture_output=True)

    def main(self, **values):
        """None: taken away."""
        if lines := [f"{name} = {value}" for name, value in values.items() if value is not None]:
            self.postconf("-e", *lines)
        if gone := [name for name, value in values.items() if value is None]:
            self.postconf("-X", *gone)

    def options(self, **values):
        self.postconf("-P", *(f"{SERVICE}/{name} = {value}" for name, value in values.items()))

    def write(self, **conf):
        self.world.write(**{**self.conf, **conf})
        self.world.ask("reload ")

    # --- what is found, and its remedy ---

    def check(self, *arguments):
        got = self.world.cli("check", "--json", "--config-dir", self.mta.config, "--postconf", self.bin / "postconf",
                             *arguments or ("--no-network",))
        self.assertNotIn("MARKER", got.stdout + got.stderr)
        return {entry["step"]: entry for entry in map(json.loads, got.stdout.splitlines())}

    def found(self, *arguments):
        return {step: entry for step, entry in self.check(*arguments).items() if entry["mark"] in ("FAILED", "warning")}

    def healed(self, *arguments):
        self.assertEqual({}, self.found(*arguments))

    def apply(self, *entries):
        """The commands, as they are printed; that Postfix takes them over, once."""
        environment = {**self.world.environment(), "PATH": f"{BUILD}:/usr/sbin:/usr/bin:/sbin:/bin"}
        lines = [line for entry in entries for line in entry["lines"]]
        self.assertTrue(lines, entries)
        for line in sorted(set(lines), key=lambda line: (line.endswith("reload"), lines.index(line))):
            got = subprocess.run(["/bin/sh", "-c", line], check=False, timeout=60, env=environment, cwd="/", text=True,
                                 capture_output=True)
            self.assertEqual(0, got.returncode, line + "\n" + got.stdout + got.stderr)

    def planted(self, expected, *arguments):
        """expected: {step: words of what is found or to be done}. All of them are named, and nothing else."""
        found = self.found(*arguments)
        self.assertEqual(sorted(expected), sorted(found), found)
        for step, words in expected.items():
            entry = found[step]
            self.assertIn(words, " ".join([entry["text"], entry["advice"], *entry["lines"]]))
        return found

    def repaired(self, expected, *arguments):
        self.apply(*self.planted(expected, *arguments).values())


class Planted(WithPostfix):
    def test_0_nothing_is_there_yet(self):
        self.repaired({"transport": "postfix-config --apply --yes", "milter": "no sender is aligned"})
        self.healed("--to", "someone@example.net")

    def test_1_eleven_at_once(self):
        self.options(smtp_sasl_auth_enable="no", smtp_sasl_mechanism_filter="plain,login",
                     smtp_sasl_security_options="noplaintext,noanonymous", smtp_tls_security_level="encrypt",
                     smtp_sender_dependent_authentication="yes")
        self.main(smtp_tls_CAfile="/nonexistent/ca.pem", smtp_sasl_auth_soft_bounce="no",
                  smtp_sasl_auth_cache_name="proxy:btree:/var/lib/postfix/sasl_auth_cache",
                  smtp_generic_maps=f"inline:{{ {{ {ACCOUNT} = root@relay.factory.example }} }}", smtpd_milters="",
                  **{f"{TRANSPORT}_destination_concurrency_limit": "20"})
        self.postconf("-F", f"{SERVICE}/process_limit = 100")
        self.repaired({"login": "nobody logs in", "mechanism": "send \"tokend\" as a password",
                       "security": "smtp_sasl_security_options = noplaintext", "tlslevel": "it verifies nobody",
                       "nullsender": "bounces have no login", "ca": "is no file with certificates",
                       "softbounce": "returned when a login is refused", "authcache": "90 days",
                       "rewriting": "makes root@relay.factory.example of", "milter": "no sender is aligned",
                       "concurrency": "takes three at a time"})
        self.healed()
        self.main(smtp_tls_CAfile=self.provider.ca_file, smtp_generic_maps=None, smtp_sasl_auth_soft_bounce=None)

    def test_2_eight_more(self):
        table = self.world.folder / "canonical"
        table.write_text(f"{ACCOUNT} other@contoso.com\n")
        hop = f"[localhost]:{self.provider.smtp_port}"
        self.write(client=f'relayhost = "{hop}"')
        self.options(smtp_sasl_password_maps="hash:/etc/postfix/sasl_passwd", smtp_sasl_mechanism_filter="",
                     smtp_sasl_tls_security_options="noplaintext,noanonymous", smtp_tls_security_level="may")
        self.main(default_transport=f"{TRANSPORT}:{hop}", tlsproxy_client_security_level="",
                  sender_canonical_maps=f"texthash:{table}", mail_version="3.7.9",
                  smtpd_milters="inet:localhost:8891, unix:m/milter.sock")
        shutil.rmtree(self.mta.queue_folder / "etc", ignore_errors=True)  # which Debian 13's Postfix fills by itself
        found = self.planted({"login": "does not lead to tokend", "mechanism": "any mechanism passes",
                              "security": "smtp_sasl_tls_security_options = noplaintext", "tlslevel": "without TLS",
                              "ca": "tlsproxy finds no certificate authorities", "resolver": "finds no name server",
                              "rewriting": f"take the entry for {ACCOUNT} out", "version": "the wrong header",
                              "milter": "after a milter that signs"})
        self.assertIn(str(table), found.pop("rewriting")["text"])
        self.assertIn("apt-get install postfix", found.pop("version")["lines"][0])
        table.write_text("")
        self.main(mail_version=None)
        self.apply(*found.values())
        self.healed()
        self.main(sender_canonical_maps=None)

    def test_3_and_eight(self):
        inside = Path(self.mta.queue_folder) / "etc" / "resolv.conf"
        inside.write_text("nameserver 192.0.2.1\n")
        self.options(smtp_sasl_mechanism_filter="!xoauth2,static:all", smtp_tls_security_level="dane",
                     smtp_sasl_tls_verified_security_options="noplaintext")
        self.main(smtp_tls_CAfile="", smtp_tls_CApath="/etc/ssl/certs", non_smtpd_milters="", mail_version="3.3.1",
                  smtp_sasl_mechanism_filters="xoauth2")
        found = self.planted({"mechanism": "XOAUTH2 does not pass", "tlslevel": "without DNSSEC",
                              "security": "smtp_sasl_tls_verified_security_options = noplaintext",
                              "ca": f"nothing in {self.mta.queue_folder}/etc/ssl/certs",
                              "milter": "by sendmail(1) is not aligned", "resolver": "asks other name servers",
                              "version": "into the AUTH line", "postfix": "unused parameter: smtp_sasl_mechanism_filters"})
        self.main(mail_version=None, smtp_sasl_mechanism_filters=None)
        self.assertEqual([], found.pop("postfix")["lines"])
        found.pop("version")
        self.apply(*found.values())
        self.healed()
        self.main(smtp_tls_CAfile="", smtp_tls_CApath="")
        self.planted({"ca": "no certificate can be verified"})
        self.main(smtp_tls_CAfile=self.provider.ca_file, smtp_tls_CApath=None)
        self.write()
        self.main(default_transport=f"{TRANSPORT}:[127.0.0.1]:{self.provider.smtp_port}")

    def test_4_policy_for_the_server(self):
        self.main(smtp_tls_policy_maps=f"inline:{{ {{ [127.0.0.1]:{self.provider.smtp_port} = encrypt }} }}")
        self.repaired({"tlslevel": "policy encrypt in inline:"})
        self.healed()
        self.main(smtp_tls_policy_maps=None)

    def test_4_the_file_of_authorities_is_really_used(self):
        self.main(smtp_tls_CAfile=self.provider.other_ca_file)
        entry = self.planted({"tls": "openssl s_client"}, "--to", "someone@example.net")["tls"]
        self.assertIn(str(self.provider.other_ca_file), entry["advice"])
        self.main(smtp_tls_CAfile=self.provider.ca_file)
        self.healed("--to", "someone@example.net")

    def test_5_transport(self):
        self.postconf("-M", f"{SERVICE}={TRANSPORT} unix - - y - 3 lmtp")
        entry = self.planted({"transport": "is lmtp, and not smtp"})["transport"]
        self.postconf("-MX", SERVICE)
        self.main(default_transport="smtp")
        self.planted({"transport": "has no transport", "postfix": f"unused parameter: {TRANSPORT}_destination"})
        self.apply(entry)
        self.healed()
        self.main(default_transport="smtp")
        self.repaired({"transport": "no mail is led to transport"})
        self.healed()

    def test_6_several_accounts(self):
        both = self.conf["conf"] + 'account "scan@contoso.com" { client = "contoso" }\n'
        self.write(conf=both)
        self.world.sign_in("scan@contoso.com")
        self.repaired({"transport": "mailbearer-scan-contoso-com"})
        self.main(default_transport="smtp")
        entry = self.planted({"nullsender": f'default_account = "{ACCOUNT}"'})["nullsender"]
        self.write(conf=both.replace("milter {", entry["lines"][0].split("}")[0]))
        self.healed()
        self.write()
        self.main(sender_dependent_default_transport_maps=None,
                  default_transport=f"{TRANSPORT}:[127.0.0.1]:{self.provider.smtp_port}")
        self.healed()

    def test_7_milter_out_of_reach(self):
        self.write(conf=self.conf["conf"].replace(str(self.mta.queue_folder), "/run"))
        entry = self.planted({"milter": "cannot reach"})["milter"]
        self.write(conf=f'account "{ACCOUNT}" {{ client = "contoso" }}\nmilter {{ {entry["lines"][0]} }}\n')
        self.repaired({"milter": "no sender is aligned"})
        self.planted({"milter-up": "No such file"})
        self.write()
        self.main(smtpd_milters="unix:m/milter.sock", non_smtpd_milters="$smtpd_milters")

    def test_7_milter_away(self):
        self.close_milter()
        self.planted({"milter-up": "systemctl enable --now mailbearer-milter"})
        self.milter_path.unlink()
        type(self).milter = self.listen_as_milter()
        self.healed()
        self.milter_path.chmod(0o600)
        self.planted({"milter-up": "Permission denied"})
        self.milter_path.chmod(0o666)

    def test_7_milter_that_is_none(self):
        self.close_milter()
        self.milter_path.unlink()
        type(self).milter = self.listen_as_milter(b"220 mail.example ESMTP\r\n")
        self.planted({"milter-up": "no milter"})
        self.close_milter()
        self.milter_path.unlink()
        type(self).milter = self.listen_as_milter()
        self.healed()

    def test_7_milter_at_a_port(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.write(conf=self.conf["conf"].replace(f"unix:{self.milter_path}", f"inet:{port}@127.0.0.1"))
        self.main(smtpd_milters=f"inet:127.0.0.1:{port}", non_smtpd_milters="$smtpd_milters")
        self.planted({"milter-up": "Connection refused"})
        self.write()
        self.main(smtpd_milters="unix:m/milter.sock", non_smtpd_milters="$smtpd_milters")
        self.healed()

    def test_7_master_cf_that_cannot_be_read(self):
        path = Path(self.mta.config) / "master.cf"
        text = path.read_text()
        path.write_text(text + "broken\n")
        self.planted({"postfix": "master.cf", "plugin": "is not in"})
        path.write_text(text)
        self.healed()

    def test_7_plugin_of_postfix(self):
        plugin = self.mta.sasl / "libmailbearer.so"
        away = plugin.rename(self.world.folder / "away.so")
        entry = self.planted({"plugin": str(self.mta.sasl)})["plugin"]
        self.assertTrue(entry["lines"][0].endswith(f"{self.mta.sasl}/"), entry)
        away.rename(plugin)
        self.healed()

    # --- what only a process in the chroot, with Postfix's rights, can see ---

    def test_8_socket_that_is_not_in_the_chroot(self):
        inside = self.world.listen.pop()
        self.write()
        self.world.restart()
        entry = self.planted({"chroot": f'"{inside}"'})["chroot"]
        self.assertIn(f"as user {self.mta.mail_owner} in {self.mta.queue_folder}", entry["text"])
        listen = entry["lines"][0].partition("{")[2].rpartition("}")[0]
        self.world.listen[:] = [Path(path.strip(' "')) for path in listen.split(",")]
        self.write()
        self.world.restart()
        self.healed()

    def test_8_folders_that_cannot_be_passed(self):
        folder = self.world.listen[-1].parent
        folder.chmod(0o700)
        self.repaired({"chroot": f"chmod a+x {folder}"})
        self.postconf("-F", f"{SERVICE}/chroot = n")
        self.world.listen[0].parent.chmod(0o700)
        self.repaired({"chroot": "in no chroot"})
        self.postconf("-F", f"{SERVICE}/chroot = y")
        self.healed()

    def test_8_user_who_may_not_ask(self):
        users = self.world.parts["token_users"]
        self.write(token_users=["nobody"])
        entry = self.planted({"chroot": "may not ask"})["chroot"]
        self.assertEqual(f'token_users = {{ "{self.mta.mail_owner}" }}', entry["lines"][0])
        self.write(token_users=users)
        self.healed()

    def test_9a_mail_passes_through_what_was_repaired(self):
        self.main(smtpd_milters="", non_smtpd_milters="")  # nobody runs the milter here
        self.mta.reload()
        before = self.provider.count("smtp/messages")
        self.relay.send()
        self.relay.send(1, envelope="")
        self.provider.wait_for("smtp/messages", before + 2, 50)
        self.assertNotIn("status=bounced", self.mta.log())

    def test_9b_postfix_away(self):
        self.mta.stop()
        self.repaired({"running": "start", "milter": "no sender is aligned"})
        self.healed()


if __name__ == "__main__":
    tap.main()
