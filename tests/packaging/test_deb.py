#!/usr/bin/python3
"""The Debian package in a Debian of its own, made by debootstrap: installed, configured, upgraded, removed, purged.

    sudo ./bootstrap check-deb     builds the package and runs this

Nothing of this machine is touched: the folder is deleted at the end. The provider's stand-in runs outside it, on loopback.
"""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from debian import Debian, libraries, newer, package  # noqa: E402
from provider import Provider  # noqa: E402

import tap  # noqa: E402

ACCOUNT, CLIENT_ID = "relay@contoso.com", "5d3c2b1a-9f8e-4d7c-8b6a-0123456789ab"
STATE = "var/lib/mailbearer"


class Package(unittest.TestCase):
    """One life of the package, in the order of the methods' names: each stands on the one before."""

    @classmethod
    def setUpClass(cls):
        cls.package = package()
        # What it depends on belongs to the bare system.
        cls.debian = Debian(packages=["systemd", "adduser", *libraries()])
        cls.addClassCleanup(cls.debian.close)
        cls.bare = cls.debian.listing()
        cls.users = (cls.debian.root / "etc/passwd").read_text()

    def key(self):
        return (self.debian.root / "etc/mailbearer/seal.key").read_text()

    def test_1_install(self):
        self.debian.install(self.package)
        self.assertRegex(self.key(), r"\A[0-9a-f]{64}\n\Z")
        self.assertEqual("600 mailbearer", self.debian.run("stat", "-c", "%a %U", "/etc/mailbearer/seal.key").strip())
        for user in ("mailbearer", "mailbearer-milter"):
            self.debian.run("getent", "passwd", user)
        enabled = self.debian.root / "etc/systemd/system/multi-user.target.wants/mailbearer-tokend.service"
        self.assertTrue(enabled.is_symlink())
        self.assertIn("mailbearer", self.debian.run("mailbearer", "--version"))

    def test_2_a_grant_survives_the_upgrade(self):
        provider = Provider(self.debian.root / "tmp/p")
        self.addCleanup(provider.close)
        for path in [self.debian.root / "tmp/p", *(self.debian.root / "tmp/p").rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        token = provider.account(ACCOUNT, client_id=CLIENT_ID, public=True)
        authority = Path(provider.ca_file).relative_to(self.debian.root)
        self.debian.file("etc/mailbearer/mailbearer.conf",
                         f'client "contoso" {{ provider = "microsoft" tenant = "{provider.tenant}"\n'
                         f' metadata_url = "{provider.metadata_url}" client_id = "{CLIENT_ID}" ca_file = "/{authority}" }}\n'
                         f'account "{ACCOUNT}" {{ client = "contoso" grant = "refresh_token" }}\n'
                         'tokend { token_users = { "mail" } }\n')
        self.debian.run("systemd-tmpfiles", "--create", "mailbearer.conf")
        self.debian.run("install", "-d", "-o", "mailbearer", "-m", "0700", "/" + STATE)
        self.debian.file("tmp/token", token, 0o600)
        self.serve("mailbearer import " + ACCOUNT + " --refresh-token-file /tmp/token")
        key, generation = self.key(), {p.name for p in (self.debian.root / STATE).glob("*")}
        self.assertTrue(generation)
        self.debian.install(newer(self.package, "99.0"))
        self.assertIn("99.0", self.debian.run("dpkg-query", "-W", "mailbearer"))
        self.assertEqual(key, self.key())
        self.assertIn('"state":"fresh"', self.serve(f"mailbearer refresh {ACCOUNT} && mailbearer status --json"))

    def serve(self, command):
        """What the command prints while tokend runs, as the unit would run it. -c: not one that this machine runs for itself."""
        script = ("mailbearer-tokend; trap 'kill $(pidof -c mailbearer-tokend); "
                  "while pidof -c mailbearer-tokend >/dev/null; do :; done' EXIT; " + command)
        return self.debian.run("sh", "-ec", script)

    def test_3_removed_it_leaves_what_is_the_administrators(self):
        self.debian.run("apt-get", "-q", "-y", "remove", "mailbearer")
        self.assertFalse((self.debian.root / "usr/sbin/mailbearer-tokend").exists())
        self.assertTrue(self.key())
        self.assertTrue(list((self.debian.root / STATE).glob("*")))

    def test_4_purged_it_leaves_nothing(self):
        self.debian.run("apt-get", "-q", "-y", "purge", "mailbearer")
        self.assertEqual(set(), self.debian.listing() - self.bare)
        self.assertEqual(self.users, (self.debian.root / "etc/passwd").read_text())


if __name__ == "__main__":
    tap.main()
