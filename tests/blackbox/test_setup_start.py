#!/usr/bin/python3
"""mailbearer setup on a machine with systemd, where a daemon does not start: it says why in the daemon's own words. systemctl
and journalctl are stand-ins, put over the machine's in mounts of the test's own; the daemons are the real ones."""

import contextlib
import itertools
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, BUILD, CLI, CLIENT_ID, DAEMON_USER, TOKEND, World, unshare_mounts  # noqa: E402
from postfix_standin import make_postfix  # noqa: E402

import tap  # noqa: E402

# As systemd does: the daemon's words go to the journal, and a failure is told without them.
SYSTEMCTL = """#!/bin/sh
cd {folder}
echo "systemctl $*" >>told
[ "$1" = restart ] && [ ! -e unit-starts ] || exit 0
[ -e unit-fails ] || {build}/$2 -F 2>>journal
echo "Job for $2.service failed because the control process exited with error code." >&2
echo 'See "systemctl status" and "journalctl -xe" for details.' >&2
exit 1
"""

# What was written last is there only once it has been waited for. With -t: the daemon's own lines.
JOURNALCTL = """#!/bin/sh
cd {folder}
echo "journalctl $*" >>told
case "$*" in
--sync) touch synced ;;
*" -t "*) [ ! -e synced ] || cat journal ;;
*) sh ./unit ;;
esac
"""


@contextlib.contextmanager
def slow_milter(told, refusals):
    """At a port, which is yielded: takes leave of the first ones that knock, and is ready from then on. Adds to `told` what it
    does, before it does it."""
    def serve():
        for n in itertools.count():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, open(told, "a", encoding="ascii") as log:
                log.write("refused\n" if n < refusals else "answered\n")
                log.flush()
                if n >= refusals:
                    connection.sendall(b"\0\0\0\x0dO\0\0\0\x06" + bytes(8))
                    connection.recv(64)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@unittest.skipUnless(os.geteuid() == 0, "only root can put a stand-in in the place of systemctl")
class SetupStart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.etc = cls.world.folder / "etc"
        cls.world.conf = cls.etc / "mailbearer.conf"

    def setUp(self):
        self.folder = self.world.folder / "systemd"
        for folder in (self.folder, self.etc):
            folder.mkdir()
            folder.chmod(0o755)
            self.addCleanup(shutil.rmtree, folder)
        self.write()
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            path = self.folder / name
            path.write_text(text.format(folder=shlex.quote(str(self.folder)), build=shlex.quote(str(BUILD.resolve()))))
            path.chmod(0o755)
        (self.folder / "journal").touch()

    def write(self, more=""):
        world = self.world
        world.conf.write_text(world.tokend_section() + more)
        world.conf.chmod(0o644)

    def setup(self, postfix=("--postfix", "no")):
        """On that machine, with the configuration at its usual place."""
        usual = re.search(r"(/\S+)/mailbearer/mailbearer\.conf", subprocess.run(
            [TOKEND, "--help"], capture_output=True, text=True, check=True).stdout)[1]
        script = ["mount -t tmpfs none /run", "mkdir -p /run/systemd/system", f"mount -t tmpfs none {usual}",
                  f"mkdir {usual}/mailbearer", f"mount --bind {self.etc} {usual}/mailbearer",
                  "mount --bind /bin/true /usr/bin/systemd-tmpfiles",
                  *(f"mount --bind {self.folder}/{name} /usr/bin/{name}" for name in ("systemctl", "journalctl")),
                  'exec "$@"']
        provider = self.world.provider
        return subprocess.run(
            [*unshare_mounts(), "/bin/sh", "-ec", "\n".join(script), "sh", CLI, "setup", ACCOUNT, "--yes",
             "--provider", "microsoft", "--metadata-url", provider.metadata_url, "--ca-file", provider.ca_file,
             "--client-id", CLIENT_ID, "--login", "later", *postfix],
            capture_output=True, text=True, timeout=90, check=False, env=self.world.environment())

    def failed(self, name="mailbearer-tokend"):
        """What setup says of it."""
        got = self.setup()
        self.assertEqual(1, got.returncode, got)
        said, = re.findall(rf"^mailbearer: {name} cannot be started: (.*)$", got.stderr, re.M)
        return said

    def test_the_reason_is_tokend_s_with_its_remedy(self):
        key = self.world.seal_key.read_text()
        self.addCleanup(self.world.seal_key.write_text, key)
        self.world.seal_key.write_text("not a key\n")
        said = self.failed()
        self.assertTrue(said.startswith(f"seal_key_file: {self.world.seal_key}: the seal key must be"), said)
        self.assertIn("put the copy of it back", said)
        told = (self.folder / "told").read_text()
        self.assertIn("systemctl enable mailbearer-tokend\nsystemctl restart mailbearer-tokend\njournalctl --sync\n", told)
        self.assertRegex(told, r"journalctl -q --no-pager -o cat -n 20 --since @\d+ -u mailbearer-tokend -t mailbearer-tokend\n")

    def test_what_is_in_the_way_of_its_socket(self):
        self.world.socket.mkdir()
        self.addCleanup(self.world.socket.rmdir)
        self.assertIn(str(self.world.socket), self.failed())

    def test_the_milter_s_reason(self):
        self.world.start()
        self.addCleanup(self.world.stop)
        with socket.socket() as occupied:
            occupied.bind(("127.0.0.1", 0))
            listen = f"inet:{occupied.getsockname()[1]}@127.0.0.1"
            self.write(f'milter {{ listen = "{listen}" user = "{DAEMON_USER}" }}\n')
            said = self.failed("mailbearer-milter")
        self.assertIn(listen, said)
        self.assertNotIn("systemctl", said)

    def test_what_never_came_as_far_as_the_daemon(self):
        (self.folder / "unit-fails").touch()
        unit = self.folder / "unit"
        unit.write_text("printf 'Failed to set up mount namespacing: \\033[31mPermission denied\\n'")
        said = self.failed()
        self.assertIn("it last said: Failed to set up mount namespacing: ", said)
        self.assertIn("Permission denied", said)
        self.assertNotIn("\033", said)
        for script in ("yes", ""):  # more than is read; nothing
            unit.write_text(script)
            self.assertIn("See \"systemctl status\"", self.failed())

    def test_postfix_is_told_of_a_milter_that_answers(self):
        """One that is started may take a moment, and mail would be put off until then."""
        self.world.start()
        self.addCleanup(self.world.stop)
        (self.folder / "unit-starts").touch()
        mta = self.folder / "mta"
        make_postfix(mta)
        with slow_milter(mta / "told", refusals=2) as port:
            self.write(f'milter {{ listen = "inet:{port}@127.0.0.1" user = "{DAEMON_USER}" }}\n')
            got = self.setup(["--postfix", "apply", "--postconf", mta / "postconf", "--config-dir", mta / "etc"])
        self.assertEqual(0, got.returncode, got)
        told = [word for word in (mta / "told").read_text().split() if word in ("refused", "answered", "reload")]
        self.assertEqual(["refused", "refused", "answered", "reload"], told)


if __name__ == "__main__":
    tap.main()
