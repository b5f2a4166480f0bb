"""Programs of the distribution for the system tests: downloaded, unpacked into a folder, never installed.

Used by mta.py, sendmail.py and the tests of other mail programs.
"""

import re
import shutil
import subprocess
from pathlib import Path


class PackageError(Exception):
    """A package could not be had; the text says what to do."""


def apt(*arguments, folder=None):
    # The sandbox user of apt could not write into our folder, and would say so in a warning each time.
    got = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", *arguments], cwd=folder, check=False,
                         capture_output=True, text=True)
    if got.returncode != 0:
        raise PackageError(f"apt-get {' '.join(arguments)} failed; run apt-get update first?\n{got.stdout}{got.stderr}")
    return got.stdout


def missing_libraries(packages):
    """The names of the libraries that package files need and this machine lacks, with all that they need."""
    libraries = set()
    for package in packages:
        depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], check=True, capture_output=True, text=True).stdout
        libraries.update(name for name in re.findall(r"(?:^|, )([a-z0-9.+-]+)", depends) if name.startswith("lib"))
    if not libraries:
        return []
    plan = apt("--simulate", "--no-install-recommends", "--no-upgrade", "install", *sorted(libraries))
    return re.findall(r"^Inst (\S+)", plan, re.MULTILINE)


def fetch(cache, name, *packages):
    """The folder NAME in `cache` with these packages (NAME alone when none is given) and what libraries they need
    unpacked, downloaded the first time."""
    tree = Path(cache) / name
    if tree.exists():
        return tree
    download = Path(cache) / (name + "-download")
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    apt("download", *(packages or (name,)), folder=download)
    libraries = missing_libraries(sorted(download.glob("*.deb")))
    if libraries:
        apt("download", *libraries, folder=download)
    for package in download.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, download / "tree"], check=True)
    (download / "tree").rename(tree)
    shutil.rmtree(download)
    return tree


def search_path(tree, *first):
    """LD_LIBRARY_PATH for unpacked programs: these folders first, and those of the libraries unpacked with them."""
    others = {library.parent for library in Path(tree).glob("**/lib*.so.*")}
    return ":".join(map(str, [*first, *sorted(others)]))
