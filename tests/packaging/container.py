"""Boots a Debian in a folder with its own systemd, by systemd-nspawn, in namespaces and a control group of the test's own:
nothing is registered with this machine's systemd, nothing outlives the test, and the network is a loopback of its own, on
which the stand-ins of the Internet listen at the ports of the real ones."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from debian import PATH
from mta import MtaError, die_with_parent, wait_for
from terminal import Person

BOOT_SECONDS = 90
COMMAND_SECONDS = 90
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "TERM": "dumb", "DEBIAN_FRONTEND": "noninteractive"}
OWN_NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]


class NoSystemd(Exception):
    """This machine does not let a systemd boot; the text says what is in the way."""


def _hierarchies():
    """The folders of this process's control group: of systemd's old hierarchy, and of the unified one."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        kind = {"name=systemd": "cgroup", "": "cgroup2"}.get(names)
        for _, where, what, options, *_ in mounts:
            if what == kind and (not names or names in options.split(",")):
                yield Path(where + path)
                break


@contextlib.contextmanager
def control_group():
    """Makes one below our own; yields what a child has to call to be in it."""
    made = [folder / f"mailbearer.{os.getpid()}" for folder in _hierarchies()]
    if not made:
        raise NoSystemd("no control groups are mounted below /sys/fs/cgroup, and systemd needs a hierarchy of them")

    def enter():
        for folder in made:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    try:
        for folder in made:
            try:
                folder.mkdir()
            except OSError as error:
                raise NoSystemd(f"no control group can be made: {error}") from error
        yield enter
    finally:
        for folder in made:
            for inside, _, _ in os.walk(folder, topdown=False):
                with contextlib.suppress(OSError):
                    wait_for("its processes end", 10, lambda inside=inside: not Path(inside, "cgroup.procs").read_text())
                    os.rmdir(inside)


def run_apart(*command):
    """Runs it where a Container may be booted; its exit status."""
    if os.geteuid() != 0:
        raise NoSystemd("only root may boot a container")
    try:
        got = subprocess.run([*OWN_NAMESPACES, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoSystemd(str(error)) from error
    if got.returncode != 0:
        raise NoSystemd("namespaces of its own are refused (a container without privileges?): " + got.stderr.strip())
    with control_group() as enter:
        script = 'ip link set lo up; exec "$@"'
        return subprocess.run([*OWN_NAMESPACES, "/bin/sh", "-ec", script, "sh", *map(str, command)], check=False,
                              preexec_fn=lambda: (die_with_parent(), enter())).returncode


class Container:
    """In `root`; what its console says is appended to the file `console`. To be used in what run_apart() runs."""

    def __init__(self, root, console):
        self.root, self.console = Path(root), Path(console)
        self.nspawn, self.leader = None, None

    # --- its life ---

    def boot(self):
        """Returns when all of its units have been started, or have failed."""
        command = ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--register=no", "--keep-unit",
                   "--link-journal=no", "--resolv-conf=off", "--timezone=off", "--boot"]
        with self.console.open("ab") as log:
            try:
                self.nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                               preexec_fn=die_with_parent)
            except FileNotFoundError as error:
                raise NoSystemd("systemd-nspawn is missing (package systemd-container)") from error
        self._come_up()

    def _come_up(self):
        try:
            self.leader = wait_for("a first process", BOOT_SECONDS, self._find_leader)
            wait_for("systemd answers", BOOT_SECONDS, lambda: self._alive() and
                     self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"))
        except MtaError as error:
            raise NoSystemd(f"systemd does not boot in a container here: {error}; its console:\n{self._console_end()}") from error

    def _console_end(self):
        return self.console.read_text(errors="replace")[-3000:]

    def _alive(self):
        if self.nspawn.poll() is not None:
            raise MtaError(f"systemd-nspawn ended with {self.nspawn.returncode}")
        return True

    def _find_leader(self):
        self._alive()
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                text = status.read_text()
                if f"\nPPid:\t{self.nspawn.pid}\n" in text and text.startswith("Name:\tsystemd\n"):
                    return int(status.parent.name)
        return None

    def power_off(self):
        """boot() starts it again."""
        self.run("systemctl", "poweroff")
        self.nspawn.wait(BOOT_SECONDS)

    def close(self):
        """Legal on one that has not come up."""
        if self.nspawn is not None and self.nspawn.poll() is None:
            self.nspawn.terminate()
            try:
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()

    # --- what is done in it ---

    def inside(self, *command):
        """The command line that runs it there, as root."""
        return ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root",
                "env", "--chdir=/root", *map(str, command)]

    def run(self, *command, given=""):
        return subprocess.run(self.inside(*command), input=given, capture_output=True, text=True, check=False,
                              timeout=COMMAND_SECONDS, env=ENVIRONMENT)

    def do(self, *command, given=""):
        """Its standard output; it must succeed."""
        got = self.run(*command, given=given)
        if got.returncode != 0:
            raise AssertionError(f"{command}: {got.returncode}\n{got.stdout}{got.stderr}")
        return got.stdout

    def person(self, *command):
        """Somebody at a terminal there, in whose session it runs."""
        return Person(self.inside("systemd-run", "--quiet", "--pty", "--wait", "--collect", *command), ENVIRONMENT)

    def show(self, unit, *properties):
        """Their values, in that order."""
        found = dict(line.split("=", 1) for line in self.do("systemctl", "show", unit, "-p", ",".join(properties)).splitlines())
        return [found[name] for name in properties]

    def path(self, inside):
        """Of a file there, with all that is mounted there, for this side."""
        return Path(f"/proc/{self.leader}/root{inside}")

    def main_pid(self, unit):
        return int(self.show(unit, "MainPID")[0])

    def status_of(self, pid):
        """/proc/PID/status, by its names."""
        return dict(re.findall(r"^(\w+):\s*(.*)$", self.do("cat", f"/proc/{pid}/status"), re.M))

    def journal(self, *arguments):
        return self.do("journalctl", "--no-pager", "-q", "-o", "cat", *arguments)

    def wait(self, what, probe, seconds=30):
        try:
            return wait_for(what, seconds, probe)
        except MtaError as error:
            raise AssertionError(f"{error}\n{self.journal('-n', '60')}") from error

    def wait_journal(self, pattern, *arguments):
        return self.wait(f"/{pattern}/ in the journal", lambda: re.search(pattern, self.journal(*arguments), re.M))

    def restarted(self, unit, before):
        """Waits until the unit runs in another invocation than `before`; the new one."""
        def again():
            state, invocation = self.show(unit, "ActiveState", "InvocationID")
            return state == "active" and invocation != before and invocation
        return self.wait(f"{unit} is started again", again)


def main_of_test(prepare, run_inside):
    """What a test program's main is: prepare() makes a Debian with this machine's network; then this program again, apart, with
    its folder in $MB_ROOT, where run_inside() has the word."""
    if "MB_ROOT" in os.environ:
        run_inside()
        return
    started = time.monotonic()
    try:
        debian = prepare()
        print(f"# a Debian is ready after {time.monotonic() - started:.0f} s", flush=True)
        os.environ["MB_ROOT"] = str(debian.root)
        try:
            with tempfile.TemporaryDirectory(prefix="mbapart") as folder:  # goes, too, when what is apart is killed
                os.environ["TMPDIR"] = folder
                status = run_apart(sys.executable, "-B", *sys.argv)
        finally:
            debian.close()
    except NoSystemd as error:
        print(f"not ok 1 - systemd boots: {error}\n1..1", flush=True)
        status = 1
    sys.exit(status)
