"""A Debian of one's own in a folder, made by debootstrap, for the tests of the packages. What costs time is kept as a tarball
in build/cache for some days."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests" / part) for part in ("", "fakes", "blackbox", "system")]

from harness import unshare_mounts  # noqa: E402

DEBS, CACHE = SOURCE / "build" / "deb", SOURCE / "build" / "cache"
SUITE = "bookworm"
CACHE_SECONDS = 7 * 24 * 3600
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*command, given=None, **options):
    where = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    got = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=1800,
                         **where, **options)
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


def package():
    """The one that `bootstrap deb` has built."""
    return next(DEBS.glob("mailbearer_0*.deb"))


def libraries():
    """What the package needs besides the bare system."""
    return re.findall(r"(?:^|, )(lib[a-z0-9.+-]+)", run("dpkg-deb", "-f", package(), "Depends"))


def newer(old, version):
    """The same package as the next release."""
    with tempfile.TemporaryDirectory(dir=DEBS) as folder:
        run("dpkg-deb", "-R", old, f"{folder}/tree")
        control = Path(folder) / "tree/DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.M))
        target = DEBS / f"mailbearer_{version}_all-new.deb"
        run("dpkg-deb", "--root-owner-group", "-b", f"{folder}/tree", target)
        return target


class Debian:
    """A bare Debian in a folder. packages: what is installed in it besides. answers: for debconf. later: what apt finds in
    its cache when it is asked for it, and there is no network any more."""

    def __init__(self, packages=(), answers="", later=()):
        self.root = Path(tempfile.mkdtemp(prefix="mbdeb", dir=DEBS))
        self.root.chmod(0o755)  # a root that only root may pass would be no Debian
        try:
            self._cached(self._add, sorted(packages), answers, sorted(later))
        except BaseException:
            self.close()
            raise

    def _cached(self, make, *wishes):
        """What make() puts into the folder, from the tarball if there is a young one."""
        tarball = CACHE / f"debian-{hashlib.sha256(repr((SUITE, wishes)).encode()).hexdigest()[:16]}.tar"
        if tarball.exists() and time.time() - tarball.stat().st_mtime < CACHE_SECONDS:
            run("tar", "-C", self.root, "--numeric-owner", "-xpf", tarball)
            return
        make(*wishes)
        CACHE.mkdir(exist_ok=True)
        half = f"{tarball}.{os.getpid()}"
        run("tar", "-C", self.root, "--numeric-owner", "-cf", half, ".")
        os.rename(half, tarball)

    def _bootstrap(self):
        run(*unshare_mounts(), "debootstrap", "--variant=minbase", SUITE, self.root, mirror())
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc", name), self.root / "etc" / name)
        # No service is started when a package is installed: there is no init.
        self.file("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        self.run("apt-get", "-q", "update")
        self.run("apt-get", "clean")

    def _add(self, packages, answers, later):
        self._cached(self._bootstrap)
        if answers:
            self.run("debconf-set-selections", given=answers)
        if packages:
            self.apt("install", *packages)
        self.run("apt-get", "clean")
        if later:
            self.run("apt-get", "-q", "-y", "--download-only", "install", *later)  # with all that an operator's apt installs

    def file(self, name, text, mode=0o644):
        path = self.root / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def run(self, *command, given=None):
        """In the folder, with a /proc for as long as it lasts."""
        script = 'mount -t proc proc "$1/proc"; exec chroot "$@"'
        return run(*unshare_mounts(), "/bin/sh", "-ec", script, "sh", self.root, "/usr/bin/env", "-i", f"PATH={PATH}",
                   "DEBIAN_FRONTEND=noninteractive", *command, given=given)

    def apt(self, *arguments):
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", *arguments)

    def install(self, what):
        shutil.copy(what, self.root / "tmp")
        self.apt("install", f"/tmp/{what.name}")

    def listing(self):
        """Every path, as far as a package may be answerable for it."""
        skip = ("/proc", "/tmp", "/var/cache", "/var/log", "/var/lib/dpkg", "/var/lib/apt", "/run", "/dev", "/sys")
        paths = set()
        for folder, names, files in os.walk(self.root):
            inside = "/" + str(Path(folder).relative_to(self.root)).removeprefix(".")
            names[:] = [name for name in names if not os.path.join(inside, name).startswith(skip)]
            paths.update(os.path.join(inside, name) for name in [*names, *files])
        return paths

    def close(self):
        shutil.rmtree(self.root)
