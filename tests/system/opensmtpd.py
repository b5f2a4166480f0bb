"""A private OpenSMTPD for the system tests: the distribution's own package, unpacked and never installed. It must be run as
root. The paths that are built into it are there in mounts of its own, with users of its own."""

import re
import signal
import smtplib
import subprocess
from pathlib import Path

import packages
from mta import HOST, PATIENCE, START_SECONDS, STOP_SECONDS, die_with_parent, free_port, wait_for
from relay import unshare_mounts
from sendmail import HOSTNAME

USERS = ("opensmtpd", "opensmtpq")  # whom the package was built for
FIRST_ID = 64990


class OpenSmtpd:
    """One OpenSMTPD in `folder`, whose configuration is a line of our own and then the text that configure() is given."""

    def __init__(self, folder, cache):
        self.folder, self.tree = Path(folder), packages.fetch(cache, "opensmtpd")
        self.conf, self.log_file = self.folder / "smtpd.conf", self.folder / "log"
        self.port, self.daemon = free_port(), None
        for name in ("", "etc", "run", "spool", "lib", "lib/opensmtpd/empty"):
            (self.folder / name).mkdir(parents=name.count("/") > 1, exist_ok=True)
        self._add_users()

    def _add_users(self):
        for name, line in (("passwd", "{}:x:{}:{}::/nonexistent:/usr/sbin/nologin\n"), ("group", "{}:x:{}:\n")):
            more = "".join(line.format(user, FIRST_ID + i, FIRST_ID + i) for i, user in enumerate(USERS))
            (self.folder / "etc" / name).write_text(Path("/etc", name).read_text() + more)

    def _inside(self, name, *arguments, as_whom=()):
        """The command line of one of its programs where the paths are that it knows."""
        mounts = [(self.tree / "usr/libexec", "/usr/libexec"), (self.folder / "etc/passwd", "/etc/passwd"),
                  (self.folder / "etc/group", "/etc/group"), (self.folder / "spool", "/var/spool"),
                  (self.folder / "lib", "/var/lib"), (self.folder / "run", "/run")]
        script = "".join(f"mount --bind '{there}' '{here}'\n" for there, here in mounts) + 'exec "$@"'
        return [*unshare_mounts(), "/bin/sh", "-ec", script, "sh", *as_whom, str(self.tree / "usr/sbin" / name), *arguments]

    def _environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": packages.search_path(self.tree)}

    def configure(self, text):
        self.conf.write_text(f"listen on {HOST} port {self.port} hostname {HOSTNAME}\n{text}")
        self.conf.chmod(0o600)

    def start(self):
        """Returns when mail is taken."""
        with self.log_file.open("ab") as log:
            self.daemon = subprocess.Popen(self._inside("smtpd", "-d", "-f", str(self.conf)), stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, env=self._environment(), cwd="/", preexec_fn=die_with_parent)
        wait_for("OpenSMTPD answers", START_SECONDS, self._answers)

    def _answers(self):
        if self.daemon.poll() is not None:
            raise AssertionError("OpenSMTPD does not start:\n" + self.log()[-3000:])
        try:
            with smtplib.SMTP(HOST, self.port, timeout=PATIENCE):
                return True
        except OSError:
            return False

    def stop(self):
        """Legal on one that does not run."""
        if self.daemon is None:
            return
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(STOP_SECONDS)
        self.daemon = None

    def send(self, content, *recipients, sender):
        """Into the queue, and on."""
        with smtplib.SMTP(HOST, self.port, timeout=PATIENCE) as client:
            client.sendmail(sender, recipients, content)

    def control(self, *arguments):
        # The package has it setgid, in which case it would not find libraries that are unpacked only.
        group = ("/usr/bin/setpriv", "--regid", str(FIRST_ID + 1), "--clear-groups")
        got = subprocess.run(self._inside("smtpctl", *arguments, as_whom=group), capture_output=True, text=True, check=False,
                             timeout=PATIENCE, env=self._environment(), cwd="/")
        if got.returncode != 0:
            raise AssertionError(got.stdout + got.stderr)
        return got.stdout

    def queue(self):
        """A line for each recipient who waits, bounces with them."""
        return self.control("show", "queue").splitlines()

    def flush(self):
        """One try for each recipient, whenever the next was due."""
        self.control("schedule", "all")

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, pattern, count=1):
        """Waits for so many lines that match."""
        wait_for(f"{count} of /{pattern}/ in {self.log_file}", PATIENCE, lambda: len(re.findall(pattern, self.log())) >= count)
