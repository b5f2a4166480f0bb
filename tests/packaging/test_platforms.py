#!/usr/bin/python3
"""What other systems than ours want of us: AppArmor, SELinux, RPM, OpenRC and FreeBSD files are at least read by the
programs that read them there. Run by `sudo ./bootstrap check-deb`."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))

import tap  # noqa: E402


class Platforms(unittest.TestCase):
    def accept(self, *command, **options):
        got = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=100, check=False,
                             stdin=subprocess.DEVNULL, **options)
        self.assertEqual(0, got.returncode, got.stdout + got.stderr)

    def test_apparmor_profiles(self):
        for profile in (SOURCE / "etc/apparmor").iterdir():
            self.accept("apparmor_parser", "--skip-kernel-load", "--skip-cache", profile)

    def test_selinux_module(self):
        with tempfile.TemporaryDirectory() as folder:
            for source in (SOURCE / "etc/selinux").glob("mailbearer.*"):
                shutil.copy(source, folder)
            self.accept("make", "-f", "/usr/share/selinux/devel/Makefile", "mailbearer.pp", cwd=folder)
            self.assertTrue((Path(folder) / "mailbearer.pp").stat().st_size)

    def test_rpm_spec(self):
        self.accept("rpmspec", "-P", SOURCE / "packaging/mailbearer.spec")

    def test_scripts(self):
        for script in [*(SOURCE / "etc/openrc").iterdir(), *(SOURCE / "etc/freebsd").iterdir()]:
            self.accept("sh", "-n", script)


if __name__ == "__main__":
    tap.main()
