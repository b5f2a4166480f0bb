"""A private Sendmail for the system tests.

As mta.py does for Postfix: the distribution's own packages, unpacked and never installed; configuration, queue, log and
port lie in one folder of the caller's, and the machine's own MTA is not touched. It must be run as root, as any Sendmail.
Nothing is sent before flush(): the daemon only queues, so that a test decides when a queue is run.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import packages
from mta import PATIENCE, START_SECONDS, STOP_SECONDS, MtaError, die_with_parent, free_port, greets, wait_for

BUILD = Path(os.environ.get("MB_BUILDDIR", Path(__file__).resolve().parents[2] / "build" / "gcc"))
PRIVATE_HOST = BUILD / "tests" / "system" / ".libs" / "libprivatehost.so"
HOSTNAME = "relay.factory.example"
SUBMITTER = "mail"
CF = "usr/share/sendmail/cf"

BEFORE = """divert(-1)
VERSIONID(`a private one')
OSTYPE(`linux')
define(`confCF_VERSION', `test')
define(`confDOMAIN_NAME', `{hostname}')
define(`QUEUE_DIR', `{folder}/queue')
define(`HELP_FILE', `')
define(`STATUS_FILE', `')
define(`ALIAS_FILE', `')
define(`confPID_FILE', `{folder}/pid')
define(`confSERVICE_SWITCH_FILE', `{folder}/etc/service.switch')
define(`confDEF_USER_ID', `mail:mail')
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')
define(`confTO_IDENT', `0')
define(`confTO_ICONNECT', `10s')
define(`confMIN_QUEUE_AGE', `0')
define(`confTO_QUEUEWARN', `')
define(`confDELIVERY_MODE', `queue')
define(`confLOG_LEVEL', `15')
define(`confBAD_RCPT_THROTTLE', `0')
define(`confREFUSE_LA', `1000')
define(`confQUEUE_LA', `1000')
define(`confMAX_DAEMON_CHILDREN', `100')
define(`confCONNECTION_RATE_THROTTLE', `0')
define(`confHOSTS_FILE', `/etc/hosts')
define(`confPRIVACY_FLAGS', `noverb')
FEATURE(`no_default_msa')
FEATURE(`nocanonify')
FEATURE(`accept_unresolvable_domains')
FEATURE(`promiscuous_relay')
DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MTA, Family=inet')
LOCAL_CONFIG
ESASL_PATH={folder}/sasl2
"""

SUBMISSION = """divert(-1)
VERSIONID(`a private one')
OSTYPE(`linux')
define(`confCF_VERSION', `Submit')
define(`confDOMAIN_NAME', `{hostname}')
define(`MSP_QUEUE_DIR', `{folder}/clientqueue')
define(`STATUS_FILE', `')
define(`confPID_FILE', `{folder}/submit.pid')
define(`confSERVICE_SWITCH_FILE', `{folder}/etc/service.switch')
define(`confRUN_AS_USER', `{user}')
define(`confTRUSTED_USER', `{user}')
define(`confTO_IDENT', `0')
define(`confLOG_LEVEL', `15')
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')
define(`RELAY_MAILER_ARGS', `TCP $h {port}')
FEATURE(`nocanonify')
FEATURE(`msp', `[127.0.0.1]')
"""


def fetch(cache):
    """The folder with an unpacked Sendmail, its m4 configuration and what libraries it needs."""
    tree = packages.fetch(cache, "sendmail", "sendmail-bin", "sendmail-base", "sendmail-cf")
    # A program with the setgid bit does not listen to LD_LIBRARY_PATH.
    (tree / "usr/libexec/sendmail/sendmail").chmod(0o755)
    return tree


class Sendmail:
    """One Sendmail instance in `folder`, which must be empty or missing. Not started before start(), which wants
    configure() before it."""

    def __init__(self, folder, tree, plugin=None):
        self.folder, self.tree = Path(folder), Path(tree)
        self.config, self.queue_folder = self.folder / "etc", self.folder / "queue"
        self.cf, self.maillog, self.sasl = self.config / "sendmail.cf", self.folder / "maillog", self.folder / "sasl2"
        self.smtp_port = free_port()
        self.daemon = None
        for path, mode in ((self.folder, 0o755), (self.config, 0o755), (self.queue_folder, 0o700), (self.sasl, 0o755)):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
        self.maillog.touch()
        (self.config / "service.switch").write_text("passwd files\nhosts files\naliases files\n")
        if plugin:
            shutil.copy(plugin, self.sasl / Path(plugin).name)

    # -- what is on disk

    def configure(self, features="", mailers="", mailer_files=()):
        """Makes sendmail.cf. features: lines of the .mc (m4) before the MAILER lines, mailers: those after them;
        mailer_files: paths of m4 files that go where MAILER(`NAME') finds them."""
        cf = self.folder / "cf"
        if not cf.exists():
            shutil.copytree(self.tree / CF, cf)
        for path in mailer_files:
            shutil.copy(path, cf / "mailer")
        before = BEFORE.format(folder=self.folder, hostname=HOSTNAME, port=self.smtp_port)
        (self.config / "sendmail.mc").write_text(f"{before}{features}\nMAILER(`local')\nMAILER(`smtp')\n{mailers}\n")
        made = subprocess.run(["m4", f"-D_CF_DIR_={cf}/", cf / "m4/cf.m4", self.config / "sendmail.mc"], check=False,
                              capture_output=True, text=True)
        if made.returncode != 0 or "*** ERROR" in made.stderr:
            raise MtaError("m4: " + made.stderr)
        self.cf.write_text(made.stdout)
        self.cf.chmod(0o644)

    def configure_submission(self):
        """Makes submit.cf: sendmail(1) hands over to the daemon, and keeps what that does not take in a queue of its own."""
        queue = self.folder / "clientqueue"
        queue.mkdir(exist_ok=True)
        queue.chmod(0o770)
        shutil.chown(queue, SUBMITTER, SUBMITTER)
        made = subprocess.run(["m4", f"-D_CF_DIR_={self.folder / 'cf'}/", self.folder / "cf/m4/cf.m4", "-"], check=False,
                              capture_output=True, text=True, input=SUBMISSION.format(
                                  folder=self.folder, hostname=HOSTNAME, port=self.smtp_port, user=SUBMITTER))
        if made.returncode != 0 or "*** ERROR" in made.stderr:
            raise MtaError("m4: " + made.stderr)
        (self.config / "submit.cf").write_text(made.stdout)

    def submit(self, *arguments, **options):
        """Runs sendmail as a program does that sends mail: by submit.cf; a CompletedProcess with text."""
        command = self.command(*arguments)
        command[command.index(str(self.cf))] = str(self.config / "submit.cf")
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, env=self.environment(),
                              **options)

    def environment(self):
        libraries = packages.search_path(self.tree)
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": libraries,
                "LD_PRELOAD": str(PRIVATE_HOST), "SYSLOG_FILE": str(self.maillog), "PRIVATE_HOSTNAME": HOSTNAME}

    # -- running it

    def command(self, *arguments):
        return [str(self.tree / "usr/libexec/sendmail/sendmail"), "-C", str(self.cf), *map(str, arguments)]

    def run(self, *arguments, seconds=PATIENCE, check=True, **options):
        """Runs sendmail with these arguments against this instance; a CompletedProcess with text."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=check, timeout=seconds,
                              env=self.environment(), **options)

    def make_map(self, name, text):
        """A hash map of lines "KEY<tab>VALUE": its path, as sendmail.mc names it."""
        path = self.folder / name
        subprocess.run([self.tree / "usr/libexec/sendmail/makemap", "-C", "/dev/null", "hash", path], input=text, text=True,
                       check=True, capture_output=True, timeout=PATIENCE, env=self.environment())
        return path

    def start(self):
        """Returns when mail is taken."""
        self.daemon = subprocess.Popen(self.command("-bD"), cwd="/", env=self.environment(), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                                       preexec_fn=die_with_parent)
        wait_for("Sendmail answers", START_SECONDS, lambda: self.daemon.poll() is not None or greets(self.smtp_port))
        if self.daemon.poll() is not None:
            raise MtaError("Sendmail does not start:\n" + self.daemon.stderr.read().decode() + self.log()[-2000:])

    def stop(self):
        """Ends every process of this instance; legal on one that does not run."""
        if self.daemon:
            if self.daemon.poll() is None:
                os.killpg(self.daemon.pid, signal.SIGTERM)
                try:
                    self.daemon.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(self.daemon.pid, signal.SIGKILL)
                    self.daemon.wait()
            self.daemon.stderr.close()
        self.daemon = None

    def flush(self, seconds=110):
        """One run over the queue; returns when it is over. Sendmail ends before the processes it made do."""
        seen = len(self.log())
        self.run("-q", "-v", seconds=seconds, check=False)  # its status is that of the last delivery
        return self.log()[seen:]

    # -- looking at it

    def log(self):
        return self.maillog.read_text(errors="replace")

    def wait_log(self, pattern, after=0, seconds=PATIENCE):
        """Waits for a line that matches, in what was logged after the first `after` characters; returns the match."""
        compiled = re.compile(pattern)
        return wait_for(f"/{pattern}/ in {self.maillog}", seconds, lambda: compiled.search(self.log(), after))

    def queue(self):
        """The ids of the messages that wait."""
        return sorted(path.name[2:] for path in self.queue_folder.glob("qf*"))

    def control_file(self, identity):
        """A queued message's control file (qf): envelope, headers and why it waits."""
        return (self.queue_folder / ("qf" + identity)).read_text(errors="replace")

    def wait_empty(self, seconds=PATIENCE):
        wait_for(f"the queue of {self.folder} is empty", seconds, lambda: not self.queue())


if __name__ == "__main__":
    print(fetch(Path(sys.argv[1])))
