"""A private Exim for the system tests: the distribution's own package, unpacked and never installed. It must be run as root.
Nothing is sent before flush()."""

import shutil
import subprocess
from pathlib import Path

import packages
from mta import PATIENCE
from sendmail import HOSTNAME, PRIVATE_HOST

USER = "Debian-exim"  # whom the package was built for; private_host.c makes "mail" of it
BEFORE = """primary_hostname = {hostname}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/pid
keep_environment = LD_PRELOAD : LD_LIBRARY_PATH : PRIVATE_USERS : PRIVATE_HOSTNAME : SYSLOG_FILE
add_environment = PATH=/usr/bin:/bin
domainlist local_domains = @
log_selector = +all
tls_advertise_hosts =
"""


class Exim:
    """One Exim in `folder`, whose configuration is a few lines of our own and then the text that configure() is given."""

    def __init__(self, folder, cache):
        self.folder, self.tree = Path(folder), packages.fetch(cache, "exim4-daemon-heavy")
        self.conf = self.folder / "exim.conf"
        for path in (self.folder, self.folder / "spool", self.folder / "log"):
            path.mkdir()
            shutil.chown(path, "mail", "mail")

    def configure(self, text):
        self.conf.write_text(BEFORE.format(hostname=HOSTNAME, folder=self.folder) + text)
        self.conf.chmod(0o644)

    def run(self, *arguments, given=b"", check=True):
        environment = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": packages.search_path(self.tree),
                       "LD_PRELOAD": str(PRIVATE_HOST), "PRIVATE_HOSTNAME": HOSTNAME, "PRIVATE_USERS": USER,
                       "SYSLOG_FILE": str(self.folder / "log" / "syslog")}
        got = subprocess.run([self.tree / "usr/sbin/exim4", "-C", self.conf, *arguments], input=given, check=False,
                             capture_output=True, timeout=PATIENCE, env=environment, cwd="/")
        if check and got.returncode != 0:
            raise AssertionError(got.stdout + got.stderr)
        return (got.stdout + got.stderr).decode(errors="replace")

    def send(self, content, *recipients, sender):
        """Into the queue."""
        self.run("-odq", "-oi", "-f", sender, *recipients, given=content)

    def flush(self):
        """One try for each message, whatever its retry time; what Exim said beside its logs."""
        return self.run("-qff", check=False)

    def queue(self):
        """The ids of the messages that wait, bounces with them."""
        return sorted(path.name[:-2] for path in (self.folder / "spool" / "input").glob("**/*-H"))

    def log(self):
        return "".join(path.read_text(errors="replace") for path in sorted((self.folder / "log").iterdir()))
