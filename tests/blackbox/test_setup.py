#!/usr/bin/python3
"""mailbearer setup without a mail server: options only, and with a person at a terminal; files, modes, and what a second
run does. The real tokend runs; the provider is the stand-in."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, CLI, CLIENT_ID, DAEMON_USER, SECRET, World  # noqa: E402
from person import authorize, get  # noqa: E402
from postfix_standin import make_postfix  # noqa: E402
from shim import KILL_BEFORE, STORE, Shim  # noqa: E402
from terminal import Person  # noqa: E402

import tap  # noqa: E402

WORLDS = []
MINE = "# by hand, and to stay\n"


def setUpModule():
    WORLDS.append(World())


def tearDownModule():
    WORLDS.pop().close()


class Setup(unittest.TestCase):
    def setUp(self):
        self.world = WORLDS[0]
        self.provider = self.world.provider
        self.provider.reset(accounts=True)
        self.etc = self.world.folder / "etc"
        self.etc.mkdir()
        self.addCleanup(self.clean)
        self.etc.chmod(0o755)
        self.world.conf = self.etc / "mailbearer.conf"
        self.world.seal_key = self.etc / "seal.key"
        self.write_first()
        self.world.account(public=True, secret=None)

    def clean(self):
        self.world.stop()
        self.world.log_file.unlink(missing_ok=True)
        shutil.rmtree(self.etc)
        for path in self.world.state.iterdir():
            path.unlink()

    def write_first(self, more=""):
        """What is there before: tokend's section, and a remark."""
        world = self.world
        world.conf.write_text(f"{MINE}{world.tokend_section()}{more}")
        world.conf.chmod(0o640)
        world.give(world.conf)

    # --- a Postfix that is a stand-in ---

    def postfix(self, status=0):
        """Its folder: postconf and postfix as far as they are asked, with a list of what postfix was told."""
        mta = self.world.folder / "mta"
        make_postfix(mta, status)
        self.addCleanup(shutil.rmtree, mta)
        return mta

    def told(self, mta):
        """What postfix was told since the last time, but for the questions."""
        log = mta / "told"
        words = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return [word for word in words if word not in ("status", "check")]

    def with_postfix(self, mta, **changes):
        return {"postfix": "apply", "postconf": mta / "postconf", "config_dir": mta / "etc"} | changes

    def start_tokend(self):
        """With a key that is there already."""
        self.world.seal_key.write_text(os.urandom(32).hex() + "\n")
        self.world.seal_key.chmod(0o600)
        self.world.give(self.world.seal_key)
        self.world.start()

    def options(self, **changes):
        values = {"provider": "microsoft", "metadata_url": self.provider.metadata_url, "ca_file": self.provider.ca_file,
                  "relayhost": f"[127.0.0.1]:{self.provider.smtp_port}", "client_id": CLIENT_ID, "login": "later",
                  "postfix": "no"} | changes
        return [word for name, value in values.items() if value is not None
                for word in ("--" + name.replace("_", "-"), str(value))]

    def setup(self, *arguments, mailbox=ACCOUNT, given=None, **changes):
        return self.world.cli("setup", mailbox, "--yes", *self.options(**changes), *arguments, given=given)

    def application(self, **changes):
        self.world.account(app=True)
        return self.setup(access="application", client_secret_file=self.world.secret_file, login=None, **changes)

    def done(self, got):
        self.assertEqual((0, ""), (got.returncode, got.stderr), got.stdout)
        return got.stdout

    def picture(self, folder=None):
        """Every file of the configuration's folder: what is in it, when it was written, whose it is."""
        return {path.name: (path.read_bytes(), (s := path.stat()).st_mtime_ns, s.st_ino, s.st_mode, s.st_uid, s.st_gid)
                for path in (folder or self.etc).iterdir()}

    # --- options only ---

    def test_an_application(self):
        self.start_tokend()
        key = self.world.seal_key.read_text()
        out = self.done(self.application(object_id="0d9c7b5a-1f2e-4d3c-8b6a-7f5e3d1c9b80"))
        self.assertIn(f"New-ServicePrincipal -AppId {CLIENT_ID} -ObjectId 0d9c7b5a-1f2e-4d3c-8b6a-7f5e3d1c9b80 ", out)
        self.assertIn(f"Add-MailboxPermission -Identity {ACCOUNT} -User 0d9c7b5a", out)
        self.assertTrue(out.endswith("Done.\n"), out)
        self.assertEqual("fresh", self.world.status()["state"])
        self.assertEqual(key, self.world.seal_key.read_text())
        self.assertEqual({"mailbearer.conf", "seal.key", "contoso.secret"}, set(self.picture()))

        before, refreshes = self.picture(), self.world.requests()
        self.assertTrue(self.done(self.application()).endswith("\nnothing to change\n"))
        self.assertEqual(before, self.picture())
        self.assertEqual(refreshes, self.world.requests())

    def test_a_second_run_writes_tells_and_restarts_nothing(self):
        self.start_tokend()
        mta = self.postfix()
        self.assertIn("+default_transport = ", self.done(self.application(**self.with_postfix(mta))))
        self.assertEqual(["reload"], self.told(mta))
        self.assertEqual(1, self.world.log().count("event=reloaded"))
        before, files = self.picture(), self.picture(mta / "etc")
        self.assertTrue(self.done(self.application(**self.with_postfix(mta))).endswith("nothing to change\n"))
        self.assertEqual((before, files), (self.picture(), self.picture(mta / "etc")))
        self.assertEqual([], self.told(mta))
        self.assertEqual(1, self.world.log().count("event=reloaded"))

        got = self.application(**self.with_postfix(mta, client_secret_expires="2031-05-01"))
        self.assertTrue(self.done(got).endswith("Done.\n"))
        self.assertEqual([], self.told(mta))
        self.assertEqual(2, self.world.log().count("event=reloaded"))
        self.assertEqual(files, self.picture(mta / "etc"))

    def test_what_was_edited_by_hand_is_read_again(self):
        self.start_tokend()
        self.done(self.application())
        self.world.conf.write_text(self.world.conf.read_text() + 'account "scan@contoso.com" { client = "contoso" }\n')
        for reloads, last in ((2, "Done.\n"), (2, "nothing to change\n")):
            self.assertTrue(self.done(self.application()).endswith(last))
            self.assertEqual(reloads, self.world.log().count("event=reloaded"))
        self.assertEqual("needs_login", self.world.status("scan@contoso.com")["state"])

    def test_what_an_interrupted_run_has_not_told_is_told_by_the_next(self):
        self.start_tokend()
        mta = self.postfix()
        (mta / "no-reload").touch()
        got = self.application(**self.with_postfix(mta))
        self.assertEqual(1, got.returncode, got)
        self.assertIn("reload", got.stderr)
        self.assertEqual(["reload"], self.told(mta))
        (mta / "no-reload").unlink()
        self.done(self.application(**self.with_postfix(mta)))
        self.assertEqual(["reload"], self.told(mta))
        self.done(self.application(**self.with_postfix(mta)))
        self.assertEqual([], self.told(mta))
        self.assertEqual({"mailbearer.conf", "seal.key", "contoso.secret"}, set(self.picture()))

    def test_the_way_back_is_shown_and_asked_about(self):
        self.start_tokend()
        mta = self.postfix()
        where = ("--undo", "--postconf", str(mta / "postconf"), "--config-dir", str(mta / "etc"))
        first = {name: files[0] for name, files in self.picture(mta / "etc").items()}
        self.done(self.application(**self.with_postfix(mta)))
        self.told(mta)
        self.assertIn("add --yes", self.world.cli("setup", *where).stderr)
        for answer in ("no", "yes"):
            person = self.person(*where)
            self.assertIn("-default_transport = ", person.until("Change Postfix's files back so [no]"))
            os.write(person.master, answer.encode() + b"\n")
            self.assertEqual(0, person.end()[0])
            self.assertEqual(["reload"] if answer == "yes" else [], self.told(mta))
            self.assertEqual(answer == "yes", first == {name: files[0] for name, files in self.picture(mta / "etc").items()})

    def test_files_modes_and_owners(self):
        self.start_tokend()
        self.world.seal_key.unlink()  # tokend has read it
        self.done(self.application())
        self.assertTrue(self.world.conf.read_text().startswith(MINE))
        user = pwd.getpwnam(DAEMON_USER)
        for name, mode, uid in (("mailbearer.conf", 0o640, user.pw_uid), ("contoso.secret", 0o640, os.geteuid()),
                                ("seal.key", 0o600, user.pw_uid)):
            found = (self.etc / name).stat()
            self.assertEqual((oct(mode), uid, user.pw_gid), (oct(stat.S_IMODE(found.st_mode)), found.st_uid, found.st_gid),
                             name)
        self.assertEqual(SECRET + "\n", (self.etc / "contoso.secret").read_text())
        self.assertRegex(self.world.seal_key.read_text(), r"\A[0-9a-f]{64}\n\Z")
        key = self.world.seal_key.read_text()
        self.application()
        self.assertEqual(key, self.world.seal_key.read_text())

    def test_the_folder_of_the_state_is_made_for_tokend(self):
        state = self.world.folder / "var" / "lib" / "mb"
        self.addCleanup(shutil.rmtree, self.world.folder / "var")
        self.world.conf.write_text(self.world.conf.read_text().replace(str(self.world.state), str(state)))
        (self.etc / "seal.key").write_text("00" * 32 + "\n")
        (self.etc / "seal.key").chmod(0o600)
        self.world.give(self.etc / "seal.key")
        self.addCleanup(self.end_tokend)
        self.done(self.application())  # starts it
        user = pwd.getpwnam(DAEMON_USER)
        self.assertEqual((0o700, user.pw_uid, user.pw_gid),
                         (stat.S_IMODE(state.stat().st_mode), state.stat().st_uid, state.stat().st_gid))
        self.assertEqual(0o755, stat.S_IMODE(state.parent.stat().st_mode))

    def test_the_milter_is_written_and_started_once(self):
        self.start_tokend()
        listen = self.world.folder / "run" / "m" / "milter.sock"
        self.addCleanup(shutil.rmtree, self.world.folder / "run")
        self.write_first(f'milter {{ listen = "unix:{listen}" user = "{DAEMON_USER}" mode = "off" }}\n')
        self.addCleanup(self.end, listen)
        got = self.application(milter="rewrite", default_account="else@contoso.com")
        self.assertEqual(2, got.returncode)
        self.assertIn("--default-account must be an account of its own", got.stderr)
        self.assertIn("mailbearer-milter -c ", self.done(self.application(milter="rewrite", default_account=ACCOUNT)))
        self.assertIn('mode = "rewrite" default_account = "relay@contoso.com" }\n', self.world.conf.read_text())
        pid = self.pid_behind(listen)
        before = self.picture()
        for options in ({"milter": "rewrite", "default_account": ACCOUNT}, {}):
            self.assertTrue(self.done(self.application(**options)).endswith("\nnothing to change\n"))
            self.assertEqual((before, pid), (self.picture(), self.pid_behind(listen)))
        self.assertNotIn("milter was started", self.done(self.application(milter="monitor")))
        self.assertEqual(pid, self.pid_behind(listen))
        self.assertIn('mode = "monitor"', self.world.conf.read_text())

    def test_a_milter_that_does_not_start_keeps_postfix_as_it_is(self):
        self.start_tokend()
        mta = self.postfix()
        main = (mta / "etc" / "main.cf").read_text()
        with socket.socket() as occupied:
            occupied.bind(("127.0.0.1", 0))
            port = occupied.getsockname()[1]
            self.write_first(f'milter {{ listen = "inet:{port}@127.0.0.1" user = "{DAEMON_USER}" }}\n')
            got = self.application(**self.with_postfix(mta))
        self.assertEqual(1, got.returncode)
        self.assertRegex(got.stderr, rf"mailbearer-milter cannot be started: .*\binet:{port}@127\.0\.0\.1\b")
        self.assertEqual(main, (mta / "etc" / "main.cf").read_text())

    def pid_behind(self, path):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def end(self, path):
        pid = self.pid_behind(path)
        os.kill(pid, signal.SIGTERM)
        self.world.wait(lambda: not os.path.exists(f"/proc/{pid}"), "it ends")

    def end_tokend(self):
        """The one that setup has started."""
        self.end(self.world.socket)

    def test_only_what_changed_is_changed(self):
        self.start_tokend()
        self.done(self.application())
        before = self.picture()
        self.done(self.application(client_secret_expires="2031-05-01"))
        after = self.picture()
        self.assertEqual(before["mailbearer.conf"][0].replace(b".secret\"\n", b".secret\"\n", 1).count(b"\n") + 1,
                         after["mailbearer.conf"][0].count(b"\n"))
        self.assertIn(b'client_secret_expires = "2031-05-01"\n', after["mailbearer.conf"][0])
        self.assertEqual([before[name] for name in ("contoso.secret", "seal.key")],
                         [after[name] for name in ("contoso.secret", "seal.key")])

    def test_a_second_mailbox_shares_the_client(self):
        self.start_tokend()
        self.done(self.setup())
        self.done(self.setup(mailbox="scan@contoso.com"))
        text = self.world.conf.read_text()
        self.assertEqual(1, text.count('client "'))
        self.assertEqual(2, len(re.findall(r'^account "', text, re.M)))

    def test_the_secret_comes_on_standard_input(self):
        self.start_tokend()
        self.world.account(app=True)
        self.done(self.setup(access="application", client_secret_file="-", login=None, given=SECRET + "\n"))
        self.assertEqual(SECRET + "\n", (self.etc / "contoso.secret").read_text())

    def test_no_secret_is_shown(self):
        self.start_tokend()
        got = self.application()
        refused = self.setup(access="application", client_secret_file="-", login=None, given="MARKER\x01x\n")
        self.assertEqual(2, refused.returncode)
        for text in (got.stdout, got.stderr, refused.stdout, refused.stderr, self.world.log(), self.world.conf.read_text()):
            self.assertNotIn("MARKER", text)
            self.assertNotIn(self.world.seal_key.read_text().strip(), text)

    def test_what_is_missing_or_wrong_is_named_and_nothing_is_done(self):
        before = self.picture()
        for changes, words in (({"client_id": None}, "--client-id is missing"), ({"login": None}, "--login is missing"),
                               ({"client_id": "contoso"}, "--client-id must be"), ({"cloud": "china"}, "--cloud"),
                               ({"metadata_url": self.provider.metadata_url.replace("contoso", "kontoso")},
                                "has no tenant"),
                               ({"client_key": "/k"}, "--client-key does not go with")):
            got = self.setup(**changes)
            self.assertEqual(2, got.returncode, got)
            self.assertIn(words, got.stderr)
            self.assertEqual("", got.stdout)
        self.assertEqual(before, self.picture())
        got = self.world.cli("setup", ACCOUNT)
        self.assertEqual(2, got.returncode)
        self.assertIn("add --yes", got.stderr)

    def test_a_configuration_with_an_error_is_not_built_upon(self):
        self.write_first('client "x" { tenent = "y" }\n')
        before = self.picture()
        got = self.setup()
        self.assertEqual(1, got.returncode)
        self.assertIn("tenent", got.stderr)
        self.assertEqual(before, self.picture())

    def test_the_provider_says_no_and_the_second_run_goes_on(self):
        self.start_tokend()
        self.world.account(app=True, secret="another")
        got = self.setup(access="application", client_secret_file=self.world.secret_file, login=None)
        self.assertEqual(1, got.returncode)
        self.assertIn("7000215", got.stderr)
        self.world.account(app=True)
        self.world.cli("refresh", ACCOUNT)
        self.assertTrue(self.done(self.application()).endswith("nothing to change\n"))

    def test_half_written_leftovers_of_an_interrupted_run(self):
        self.start_tokend()
        for name in ("mailbearer.conf.tmp", "contoso.secret.tmp", "seal.key.tmp"):
            (self.etc / name).write_text("half")
        self.done(self.application())
        self.assertEqual({"mailbearer.conf", "seal.key", "contoso.secret"}, set(self.picture()))

    # --- a person ---

    def person(self, *arguments, **how):
        person = Person([CLI, "-c", self.world.conf, "setup", *arguments], self.world.environment(), **how)
        self.addCleanup(person.close)
        return person

    def talk(self, person, mailbox=ACCOUNT):
        person.answer("Mailbox that mail is to go through", mailbox)
        person.answer("Access as user or application [user]")
        person.answer("Application (client) ID of the app registration", CLIENT_ID)
        person.answer("The client has a secret, a certificate or none [none]")
        self.assertIn("scanner@printer.local", person.until("Senders that are no mailbox: rewrite, reject, monitor or off [off]"))
        os.write(person.master, b"\n")

    def terminal_options(self):
        return self.options(client_id=None, login=None)

    def test_a_person_signs_in(self):
        self.start_tokend()
        person = self.person(*self.terminal_options(), "--login", "browser", "--test-to", "none")
        self.talk(person)
        self.assertIn("Set-CASMailbox", person.until("Enter goes on"))
        os.write(person.master, b"\n")
        person.until("at this address")
        person.until("\n\n  ")
        address = person.until("\n")
        get(authorize(self.provider, address))
        status, seen = person.end()
        self.assertEqual(0, status, seen)
        self.assertIn("saved; token good for", seen)
        self.assertEqual("fresh", self.world.status()["state"])

        again = self.person("--postfix", "no", "--test-to", "none")
        again.answer("Mailbox that mail is to go through", ACCOUNT)
        again.answer("[user]")
        again.answer("[microsoft]")
        again.answer(f"[{self.provider.metadata_url}]")
        again.answer(f"[{CLIENT_ID}]")
        again.answer("[none]")
        again.answer("[off]")
        self.assertTrue(again.end()[1].endswith("nothing to change\n"))

    def test_interrupted_nothing_is_lost(self):
        self.start_tokend()
        before = self.picture()
        person = self.person(*self.terminal_options(), "--test-to", "none")
        person.answer("Mailbox that mail is to go through", ACCOUNT)
        person.until("Access as user or application")
        os.write(person.master, b"\x03")
        status, seen = person.end()
        self.assertEqual(1, status)
        self.assertIn("run mailbearer setup again", seen)
        self.assertEqual(before, self.picture())

        person = self.person(*self.terminal_options(), "--login", "paste", "--test-to", "none")
        self.talk(person)
        person.answer("Enter goes on")
        person.until("Address: ")
        os.write(person.master, b"\x03")
        status, seen = person.end()
        self.assertEqual(1, status)
        self.assertIn("interrupted; run mailbearer setup again, and it goes on from here", seen)
        self.assertNotIn("nothing was changed", seen)
        written = self.picture()
        self.assertTrue(self.done(self.setup()).endswith("nothing to change\n"))
        self.assertEqual(written, self.picture())

    def test_left_at_each_question(self):
        self.start_tokend()
        before = self.picture()
        answers = (("Mailbox that mail is to go through", ACCOUNT), ("Access as user or application", ""),
                   ("Application (client) ID", CLIENT_ID), ("a secret, a certificate or none", "secret"),
                   ("Value of the client secret", "MARKER value"), ("The day on which the secret ends", ""),
                   ("Senders that are no mailbox", "rewrite"), ("Account that such senders get", ACCOUNT),
                   ("Send a test message to", None))
        for number in range(len(answers)):
            person = self.person(*self.terminal_options())
            for prompt, answer in answers[:number]:
                person.answer(prompt, answer)
            person.until(answers[number][0])
            person.until(": ")
            os.write(person.master, b"\x04" if number % 2 else b"\x03")
            status, seen = person.end()
            self.assertEqual(1, status, (answers[number], seen))
            self.assertIn("run mailbearer setup again", seen, answers[number])
            self.assertEqual(before, self.picture())

    def test_left_before_the_first_question(self):
        """The terminal keeps another byte for it than it gives to a program that reads key by key."""
        self.start_tokend()
        status, seen = self.person(*self.terminal_options(), typed_ahead=b"\x04").end()
        self.assertEqual(1, status, seen)
        self.assertIn("run mailbearer setup again", seen)

    def test_without_postfix_no_message_is_promised(self):
        self.start_tokend()
        nowhere = {"postconf": "/nonexistent/postconf", "test_to": "someone@example.net"}
        out = self.done(self.application(postfix="apply", **nowhere))
        self.assertIn("There is no Postfix here", out)
        self.assertIn(f"mailbearer check {ACCOUNT} --to someone@example.net\n", out)
        mta = self.postfix()
        out = self.done(self.application(**self.with_postfix(mta, postfix="show", test_to="someone@example.net")))
        self.assertIn("Postfix does not send by the account yet", out)

    def test_killed_at_any_moment_leaves_whole_files(self):
        """Before each of its calls on the folder, one after the other, until there are no more."""
        self.start_tokend()
        first = self.world.conf.read_bytes()
        self.done(self.application())
        whole = self.world.conf.read_bytes()
        shim, n, killed = Shim(self.world.folder, self.etc), 0, True
        while killed:
            n += 1
            for path in self.etc.iterdir():
                path.unlink()
            self.world.conf.write_bytes(first)
            self.world.conf.chmod(0o644)
            shim.arm(STORE, KILL_BEFORE, n)
            with self.world_with(shim):
                self.application()
            killed = shim.clear()
            found = {name: picture[0] for name, picture in self.picture().items() if not name.endswith(".tmp")}
            self.assertIn(found.pop("mailbearer.conf"), (first, whole))
            self.assertEqual(65, len(found.pop("seal.key", b"x" * 65)))
            self.assertEqual(SECRET.encode() + b"\n", found.pop("contoso.secret", SECRET.encode() + b"\n"))
        self.assertGreater(n, 10)
        self.assertEqual(whole, self.world.conf.read_bytes())

    @contextlib.contextmanager
    def world_with(self, shim):
        self.world.more_environment = shim.environment
        yield
        self.world.more_environment = {}

    def test_help_names_each_question(self):
        out = self.world.cli("setup", "--help").stdout
        self.assertIn("--client-secret-file FILE|-", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)


if __name__ == "__main__":
    tap.main()
