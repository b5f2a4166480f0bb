#!/usr/bin/python3
"""What other systems than ours want of us: systemd units, AppArmor, SELinux, RPM, OpenRC and FreeBSD files are at least
read by the programs that read them there; the units leave little to attack, and what tokend needs. Run by
`sudo ./bootstrap check-deb`."""

import re
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

    def calls_of(self, group):
        """The system calls of a group of systemd's, and of the groups in it."""
        got = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True,
                             timeout=100)
        words = [line.strip() for line in got.stdout.splitlines() if line.startswith("    ") and "#" not in line]
        calls = {word for word in words if not word.startswith("@")}
        return calls.union(*(self.calls_of(word) for word in words if word.startswith("@")))

    def units(self):
        """As they are installed: [path]."""
        with tempfile.TemporaryDirectory() as folder:
            for source in (SOURCE / "etc").glob("mailbearer-*.service.in"):
                text = re.sub(r"@s?bindir@", "/bin", source.read_text()).replace("@sysconfdir@", "/etc")
                unit = Path(folder) / source.stem
                unit.write_text(re.sub(r"^(Exec\w+)=\S*mailbearer\S*", r"\1=/bin/true", text, flags=re.M))
                yield unit

    def test_units_are_read_without_a_word(self):
        for unit in self.units():
            got = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False,
                                 timeout=100)
            about = [line for line in got.stderr.splitlines() if unit.stem in line]
            self.assertEqual((0, []), (got.returncode, about), got.stderr)

    def test_units_leave_little_to_attack(self):
        for unit in self.units():
            got = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit], capture_output=True,
                                 text=True, check=True, timeout=100)
            level = re.search(r"Overall exposure level for \S+: ([\d.]+)", got.stdout)[1]
            self.assertLess(float(level), 2.0, got.stdout)

    def test_the_unit_lets_through_what_tokends_own_filter_does(self):
        unit = (SOURCE / "etc/mailbearer-tokend.service.in").read_text()
        allowed, refused = re.findall(r"^SystemCallFilter=(.*)$", unit, re.M)
        self.assertTrue(refused.startswith("~"))
        leaves = set().union(*(self.calls_of(word) if word.startswith("@") else {word} for word in allowed.split()))
        leaves -= set().union(*(self.calls_of(group) for group in refused[1:].split()))
        table = (SOURCE / "tokend/sandbox.c").read_text().split("allowed[] =", 1)[1].split(";", 1)[0]
        needs = {word for line in re.findall(r'"([^"]*)"', table) for word in line.split()} | {"seccomp"}  # which sets it
        self.assertLess(100, len(needs))
        self.assertEqual(set(), needs - leaves)

    def test_rpm_spec(self):
        self.accept("rpmspec", "-P", SOURCE / "packaging/mailbearer.spec")

    def test_scripts(self):
        for script in [*(SOURCE / "etc/openrc").iterdir(), *(SOURCE / "etc/freebsd").iterdir()]:
            self.accept("sh", "-n", script)


if __name__ == "__main__":
    tap.main()
