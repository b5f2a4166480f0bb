"""A private Postfix for the system tests and the demo.

The binaries come from the distribution's own package, unpacked into a folder and never installed: the machine's own
MTA, its queue and /etc stay untouched, whatever it is. Everything that this Postfix reads or writes lies in one
folder of the caller's. It must be run as root, as any Postfix; it makes no users, but borrows two that every
Debian has and that own no other process here.

Used by tests/system/test_*.py and tests/system/demo.py.
"""

import ctypes
import grp
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import packages

HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 60
PATIENCE = 90

# Postfix insists on a user and a group of its own: existing, not root, and sharing their number with nobody.
MAIL_OWNERS = ("uucp", "lp", "games")
SETGID_GROUPS = ("news", "games", "lp")

# name, folder mode, owner ("root" or "mail"), and whether it belongs to the setgid group
QUEUE_FOLDERS = (
    ("pid", 0o755, "root", False), ("private", 0o700, "mail", False), ("public", 0o710, "mail", True),
    ("maildrop", 0o730, "mail", True), ("incoming", 0o700, "mail", False), ("active", 0o700, "mail", False),
    ("bounce", 0o700, "mail", False), ("corrupt", 0o700, "mail", False), ("defer", 0o700, "mail", False),
    ("deferred", 0o700, "mail", False), ("flush", 0o700, "mail", False), ("hold", 0o700, "mail", False),
    ("saved", 0o700, "mail", False), ("trace", 0o700, "mail", False),
)

# What Debian's master.cf has of this, chroot (the fifth column) included. The smtp line is made in Mta.configure.
SERVICES = """
pickup    unix  n  -  y  60    1  pickup
cleanup   unix  n  -  y  -     0  cleanup
qmgr      unix  n  -  n  300   1  qmgr
tlsmgr    unix  -  -  y  1000? 1  tlsmgr
tlsproxy  unix  -  -  y  -     0  tlsproxy
rewrite   unix  -  -  y  -     -  trivial-rewrite
bounce    unix  -  -  y  -     0  bounce
defer     unix  -  -  y  -     0  bounce
trace     unix  -  -  y  -     0  bounce
proxymap  unix  -  -  n  -     -  proxymap
showq     unix  n  -  y  -     -  showq
error     unix  -  -  y  -     -  error
retry     unix  -  -  y  -     -  error
anvil     unix  -  -  y  -     1  anvil
scache    unix  -  -  y  -     1  scache
local     unix  -  n  n  -     -  local
postlog   unix-dgram n - n -   1  postlogd
"""


class MtaError(Exception):
    """Postfix could not be had, started or stopped; the text says what to do."""


def wait_for(what, seconds, probe):
    """Returns probe()'s first true value; raises MtaError with `what` when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise MtaError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def greets(port):
    """Whether an SMTP server takes connections there."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            return connection.recv(4).startswith(b"220")
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def fetch(cache):
    """The folder with an unpacked Postfix and what libraries it needs, downloaded into `cache` the first time."""
    tree = packages.fetch(cache, "postfix")
    keep_within(tree)
    return tree


def keep_within(tree):
    """From Debian 13 on, Postfix's scripts run others of the package by the paths at which it is installed."""
    for script in tree.glob("usr/lib/postfix/**/*"):
        if script.name not in ("post-install", "configure-instance.sh"):
            continue
        text = script.read_text()
        ours = re.sub(r"(?m)^([^#\n]*?\s)[^\s]*(/usr/lib/postfix/[a-z-]+\.(?:sh|pl) )", rf"\1{tree}\2", text)
        if ours != text:
            draft = script.with_name(f"{script.name}.{os.getpid()}")
            draft.write_text(ours)
            draft.chmod(0o755)
            draft.rename(script)


def search_path(tree):
    """LD_LIBRARY_PATH for the unpacked programs: Postfix's own folder, and those of libraries unpacked with it."""
    return packages.search_path(tree, tree / "usr/lib/postfix")


def only_user(names):
    for name in names:
        try:
            if pwd.getpwuid(pwd.getpwnam(name).pw_uid).pw_name == name:
                return name
        except KeyError:
            pass
    raise MtaError(f"none of the users {', '.join(names)} is there with a number of its own")


def only_group(names):
    for name in names:
        try:
            if grp.getgrgid(grp.getgrnam(name).gr_gid).gr_name == name:
                return name
        except KeyError:
            pass
    raise MtaError(f"none of the groups {', '.join(names)} is there with a number of its own")


def die_with_parent():
    """In the child: a test run that is killed takes its Postfix with it (master passes SIGTERM on to its children)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


class Mta:
    """One Postfix instance in `folder`, which must be empty or missing. Not started before start()."""

    def __init__(self, folder, tree, plugin=None):
        self.folder = Path(folder)
        self.tree = Path(tree)
        self.config = self.folder / "etc"
        self.queue_folder = self.folder / "queue"
        self.data = self.folder / "data"
        self.sasl = self.folder / "sasl2"
        self.maillog = self.folder / "maillog"
        self.mail_owner = only_user(MAIL_OWNERS)
        self.setgid_group = only_group([name for name in SETGID_GROUPS if name != self.mail_owner])
        self.smtp_port = free_port()
        self.master = None
        self._make_folders()
        if plugin:
            shutil.copy(plugin, self.sasl / Path(plugin).name)

    # -- what is on disk

    def _make_folders(self):
        owner = pwd.getpwnam(self.mail_owner).pw_uid
        setgid = grp.getgrnam(self.setgid_group).gr_gid
        for folder in (self.folder, self.config, self.queue_folder, self.sasl):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        self.data.mkdir(mode=0o700)
        os.chown(self.data, owner, 0)
        for name, mode, who, group in QUEUE_FOLDERS:
            folder = self.queue_folder / name
            folder.mkdir()
            os.chown(folder, owner if who == "mail" else 0, setgid if group else 0)
            folder.chmod(mode)

    def _environment(self):
        return {"LD_LIBRARY_PATH": search_path(self.tree), "SASL_PATH": str(self.sasl)}

    def _defaults(self):
        environment = " ".join(f"{name}={value}" for name, value in self._environment().items())
        return {
            "compatibility_level": "3.6",
            "queue_directory": self.queue_folder,
            "data_directory": self.data,
            "daemon_directory": self.tree / "usr/lib/postfix/sbin",
            "command_directory": self.tree / "usr/sbin",
            "shlib_directory": self.tree / "usr/lib/postfix",
            "meta_directory": self.config,
            "mail_owner": self.mail_owner,
            "setgid_group": self.setgid_group,
            "import_environment": "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME "
                                  "MALLOC_CHECK_ MALLOC_PERTURB_ " + environment,
            "export_environment": "TZ MAIL_CONFIG LANG " + environment,  # what sendmail(1) gives to postdrop(1)
            "maillog_file": self.maillog,
            "maillog_file_prefixes": self.folder,
            "myhostname": "relay.factory.example",
            "inet_interfaces": HOST,
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "mydestination": "",
            "alias_maps": "",
            "local_recipient_maps": "",
            "smtpd_peername_lookup": "no",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtp_dns_support_level": "disabled",
        }

    def configure(self, settings, transports=(), chroot=True, smtpd_options=()):
        """Writes main.cf and master.cf: our defaults with `settings` (a dict) over them. transports: further lines of
        master.cf, with {chroot} where that column is. Before start(), or with reload() after it."""
        lines = [f"{key} = {value}\n" for key, value in {**self._defaults(), **settings}.items()]
        self._replace("main.cf", "".join(lines))
        flag = "y" if chroot else "n"
        services = [f"{HOST}:{self.smtp_port} inet n - y - - smtpd " + " ".join(f"-o {o}" for o in smtpd_options),
                    f"smtp unix - - {flag} - - smtp", *(line.format(chroot=flag) for line in transports)]
        self._replace("master.cf", "\n".join(services) + SERVICES)

    def _replace(self, name, text):
        """In one step: a process of Postfix's that starts meanwhile reads the old file or the new one, whole."""
        new = self.config / f"{name}.new"
        new.write_text(text)
        new.rename(self.config / name)

    def install(self, main_cf="", master_cf=""):
        """Writes main.cf and master.cf as somebody's whose Postfix this is: these texts, main.cf behind what makes it
        private; in master.cf the smtp service of smtpd is made to listen at our port. Returns the path of a postconf
        beside which the other commands are, as they are in /usr/sbin."""
        theirs = re.findall(r"(?m)^(\w+)\s*=", main_cf)
        lines = [f"{key} = {value}\n" for key, value in self._defaults().items() if key not in theirs]
        (self.config / "main.cf").write_text("".join(lines) + main_cf)
        (self.config / "master.cf").write_text(
            re.sub(r"(?m)^smtp(\s+inet\s)", rf"{HOST}:{self.smtp_port}\1", master_cf or "smtp inet n - y - - smtpd\nsmtp unix - - y "
                   "- - smtp\n" + SERVICES.lstrip()))
        # What "postfix check" wants of a package, and makes if it is missing.
        (self.config / "postfix-files").write_text("$queue_directory:d:root:-:755:uc\n")
        commands = self.folder / "sbin"
        commands.mkdir(exist_ok=True)
        for name in ("postconf", "postfix", "postmap", "postqueue", "sendmail"):
            (commands / name).write_text(f"#!/bin/sh\nLD_LIBRARY_PATH='{search_path(self.tree)}' SASL_PATH='{self.sasl}' "
                                         f"exec {self.tree}/usr/sbin/{name} \"$@\"\n")
            (commands / name).chmod(0o755)
        return commands / "postconf"

    # -- running it

    def _program(self, name, *arguments):
        return [str(self.tree / "usr/sbin" / name), *map(str, arguments)]

    def run(self, name, *arguments, check=True, given=None):
        """Runs one of Postfix's commands against this instance, `given` its input; a CompletedProcess with text."""
        return subprocess.run(self._program(name, *arguments), capture_output=True, text=True, check=check, input=given,
                              timeout=PATIENCE, env=self.environment())

    def environment(self):
        """The environment with which Postfix's programs find this instance."""
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(self.config), **self._environment()}

    def start(self, outlive=False):
        """Returns when mail is taken. outlive: keep running when this process ends."""
        for attempt in range(3):
            if self._start_once(outlive):
                return
            self.smtp_port = self._another_port()
        raise MtaError("Postfix does not start:\n" + self.log()[-2000:])

    def _another_port(self):
        port = free_port()
        text = (self.config / "master.cf").read_text()
        (self.config / "master.cf").write_text(text.replace(f"{HOST}:{self.smtp_port} ", f"{HOST}:{port} "))
        return port

    def _start_once(self, outlive):
        seen = len(self.log())
        self.master = subprocess.Popen(
            [self.tree / "usr/lib/postfix/sbin/master", "-s", "-c", self.config], cwd="/", env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=None if outlive else die_with_parent)
        wait_for("Postfix starts", START_SECONDS,
                 lambda: self.master.poll() is not None or "daemon started" in self.log()[seen:])
        if self.master.poll() is not None:
            return False
        wait_for("smtpd answers", START_SECONDS, lambda: greets(self.smtp_port))
        return True

    def stop(self):
        """Ends every process of this instance; legal on one that does not run."""
        if self.master and self.master.poll() is None:
            self.master.terminate()
            try:
                self.master.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.master.kill()
                self.master.wait()
        self.master = None
        end_processes(self.config)

    def reload(self):
        """Takes changed configuration files over."""
        seen = len(self.log())
        self.master.send_signal(signal.SIGHUP)
        self.wait_log(r"postfix/master\[\d+\]: reload", seen)

    def processes(self):
        return processes_of(self.config)

    # -- looking at it

    def log(self):
        try:
            return self.maillog.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, after=0, seconds=PATIENCE):
        """Waits for a line that matches, in what was logged after the first `after` characters; returns the match."""
        compiled = re.compile(pattern)
        return wait_for(f"/{pattern}/ in {self.maillog}", seconds, lambda: compiled.search(self.log(), after))

    def queue(self):
        """What is queued, as postqueue -j tells it: a list of dictionaries."""
        return [json.loads(line) for line in self.run("postqueue", "-j").stdout.splitlines()]

    def flush(self):
        self.run("postqueue", "-f")

    def wait_empty(self, seconds=PATIENCE):
        wait_for(f"the queue of {self.folder} is empty", seconds, lambda: not self.queue())

    def postmap(self, key, table, user=None):
        """postmap -q, as root or as another user; a CompletedProcess with text."""
        return subprocess.run(self._program("postmap", "-q", key, table), capture_output=True, text=True, check=False,
                              timeout=PATIENCE, env=self.environment(), user=user)


def processes_of(config):
    """The ids of all processes that run with this configuration folder."""
    mark = f"MAIL_CONFIG={config}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def end_processes(config):
    """Ends what is left of an instance, by process id, when its master has gone."""
    for pid in processes_of(config):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    wait_for("Postfix's processes end", STOP_SECONDS, lambda: not processes_of(config))
