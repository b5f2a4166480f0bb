#!/usr/bin/python3
"""The Debian package in a Debian of its own, made by debootstrap: installed, configured, upgraded, removed, purged.

    sudo ./bootstrap check-deb     builds the package and runs this

Nothing of this machine is touched: the folder is deleted at the end. The provider's stand-in runs outside it, on loopback.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests"), str(SOURCE / "tests" / "fakes")]

from provider import Provider  # noqa: E402

import tap  # noqa: E402

DEBS = SOURCE / "build" / "deb"
SUITE = "bookworm"
ACCOUNT, CLIENT_ID = "relay@contoso.com", "5d3c2b1a-9f8e-4d7c-8b6a-0123456789ab"
STATE = "var/lib/mailbearer"


def run(*command, **options):
    got = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, timeout=900, **options)
    if got.returncode != 0:
        raise AssertionError(f"{command}: {got.returncode}\n{got.stdout}{got.stderr}")
    return got.stdout


def mirror():
    """Where this machine gets its Debian from."""
    for sources in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if sources.exists():
            if found := re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?) *(\S+/debian)/?(?:\s|$)", sources.read_text(), re.M):
                return found[1]
    return "http://deb.debian.org/debian"


class Debian:
    """A bare Debian in a folder."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="mbdeb", dir=DEBS))
        self.root.chmod(0o755)  # a root that only root may pass would be no Debian
        run("debootstrap", "--variant=minbase", SUITE, self.root, mirror())
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        shutil.copy("/etc/hosts", self.root / "etc/hosts")
        # No service is started when a package is installed: there is no init.
        self.file("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        run("mount", "-t", "proc", "proc", self.root / "proc")

    def file(self, name, text, mode=0o644):
        path = self.root / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def run(self, *command):
        return run("chroot", self.root, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                   "DEBIAN_FRONTEND=noninteractive", *command)

    def install(self, package):
        shutil.copy(package, self.root / "tmp")
        self.run("apt-get", "-q", "-y", "--no-install-recommends", "install", f"/tmp/{package.name}")

    def listing(self):
        """Every path, as far as a package may be answerable for it."""
        skip = ("/proc", "/tmp", "/var/cache", "/var/log", "/var/lib/dpkg", "/var/lib/apt", "/run", "/dev")
        paths = set()
        for folder, names, files in os.walk(self.root):
            inside = "/" + str(Path(folder).relative_to(self.root)).removeprefix(".")
            names[:] = [name for name in names if not os.path.join(inside, name).startswith(skip)]
            paths.update(os.path.join(inside, name) for name in [*names, *files])
        return paths

    def close(self):
        subprocess.run(["umount", self.root / "proc"], check=False)
        shutil.rmtree(self.root)


def newer(package, version):
    """The same package as the next release."""
    with tempfile.TemporaryDirectory(dir=DEBS) as folder:
        run("dpkg-deb", "-R", package, f"{folder}/tree")
        control = Path(folder) / "tree/DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.M))
        target = DEBS / f"mailbearer_{version}_all-new.deb"
        run("dpkg-deb", "--root-owner-group", "-b", f"{folder}/tree", target)
        return target


class Package(unittest.TestCase):
    """One life of the package, in the order of the methods' names: each stands on the one before."""

    @classmethod
    def setUpClass(cls):
        cls.package = next(DEBS.glob("mailbearer_*.deb"))
        cls.debian = Debian()
        cls.addClassCleanup(cls.debian.close)
        cls.debian.run("apt-get", "-q", "update")
        # What it depends on belongs to the bare system.
        cls.debian.run("apt-get", "-q", "-y", "--no-install-recommends", "install",
                       "systemd", "adduser", *cls.libraries())
        cls.bare = cls.debian.listing()
        cls.users = (cls.debian.root / "etc/passwd").read_text()

    @classmethod
    def libraries(cls):
        depends = run("dpkg-deb", "-f", cls.package, "Depends")
        return [name for name in re.findall(r"(?:^|, )(lib[a-z0-9.+-]+)", depends)]

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
        """What the command prints while tokend runs, as the unit would run it."""
        script = ("mailbearer-tokend; trap 'kill $(pidof mailbearer-tokend); "
                  "while pidof mailbearer-tokend >/dev/null; do :; done' EXIT; " + command)
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
