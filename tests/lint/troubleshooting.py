#!/usr/bin/python3
"""Writes mailbearer-troubleshooting(7) from the tables of `mailbearer explain`, so that the page knows what the program knows:

    MB_BUILDDIR=build/gcc tests/lint/troubleshooting.py >man/mailbearer-troubleshooting.7

check_documents.py proves that the page in the tree is the one that this prints."""

import os
import re
import subprocess
from pathlib import Path

SOURCE = Path(os.environ.get("MB_SRCDIR", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("MB_BUILDDIR", SOURCE / "build" / "gcc"))

HEAD = r""".\" Made by tests/lint/troubleshooting.py from daemon/explain_*_table.c: change those.
.Dd November 24, 2026
.Dt MAILBEARER-TROUBLESHOOTING 7
.Os
.Sh NAME
.Nm mailbearer-troubleshooting
.Nd what the errors mean, whether they heal, and who must do what
.Sh DESCRIPTION
When mail has stopped, it waits in the queue, and nothing is lost by reading on.
Three commands say what is wrong, in this order:
.Bd -literal -offset indent
mailbearer check
mailbearer status
journalctl --facility=mail --since today | mailbearer explain
.Ed
.Pp
The first goes the whole way from the configuration to the server's reply and explains the first thing that fails.
The second shows each account and what to do about it.
The third reads a log, sorts it by cause and counts; without systemd, give it the file:
.Ql mailbearer explain </var/log/mail.log .
.Pp
A single code or line is explained by
.Ql mailbearer explain AADSTS700082 .
This page holds all that it knows, by who has to act.
A cause is named by its code: a number of Entra's, an
.Ql error
of OAuth 2.0, or a mail server's reply, which can stand for several: the words that come with it tell them apart, and
.Ic mailbearer explain
knows them, so give it the whole line.
Digits alone mislead: 430 4.2.0 never heals where it says MapiExceptionLogonFailed, and 550 5.2.252 does.
.Pp
Where a step names
.Ar <mailbox> ,
.Ar <client id>
or
.Ar <tenant> ,
.Ic mailbearer explain
has put in the values of the account that the line is about.
When the cause is gone, nothing has to be restarted: mail is tried again by itself, and at once with
.Ql postqueue -f .
"""

TAIL = r""".Sh SEE ALSO
.Xr mailbearer-setup 7 ,
.Xr mailbearer 8 ,
.Xr mailbearer-tokend 8
"""

SECTIONS = {
    "nobody": ("WHAT HEALS BY ITSELF", "There is nothing to do but wait, or to look for what causes the load."),
    "whoever runs this relay": ("FOR WHO RUNS THIS RELAY", "You, with this machine's configuration."),
    "whoever can sign in as the mailbox": ("FOR WHO CAN SIGN IN AS THE MAILBOX", "A browser and the mailbox's password are needed."),
    "an Entra administrator": ("FOR AN ENTRA ADMINISTRATOR", "Users, applications and policies of the tenant."),
    "an Exchange administrator": ("FOR AN EXCHANGE ADMINISTRATOR", "Mailboxes of the tenant, by PowerShell."),
    "whoever wrote the message": ("FOR WHO WROTE THE MESSAGE", "The message itself is refused; the account is in order."),
    "somebody outside this relay": ("FOR OTHERS", "The recipient, the network or an identity provider."),
}


def plain(text):
    """Text that mdoc takes as it is."""
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", r"\e"))


def sentence(text):
    return text[0].upper() + text[1:] + "."


def wrapped(text):
    """One sentence a line, as mandoc wants it."""
    return re.sub(r"([a-z)]{2,}[.?!]) (?=[A-Z(])", r"\1" + "\n", plain(text))


def rows():
    out = subprocess.run([BUILD / "tests/lint/dump_tables"], capture_output=True, text=True, check=True, timeout=60).stdout
    for line in out.splitlines():
        if line.startswith("cause\t"):
            name, meaning, course, who, remedy, steps = line.split("\t")[1:]
            yield who, (remedy, course, steps.replace("\x1f", "\n")), name, meaning


def remedy_part(remedy, causes):
    text, course, steps = remedy
    yield f".Ss {sentence(plain(text))[:-1]}"
    yield f"It {course}." if not course.startswith("belongs") else f"This {course}."
    if steps:
        yield ".Bd -literal -offset indent"
        yield "\n".join(plain(line) for line in steps.strip("\n").split("\n"))
        yield ".Ed"
    yield ".Bl -tag -width Ds"
    for name, meaning in causes:
        yield f".It {plain(name)}"
        yield wrapped(sentence(meaning))
    yield ".El"


def page():
    parts, order, known = [HEAD.rstrip("\n")], list(SECTIONS), {}
    for who, remedy, name, meaning in rows():
        causes = known.setdefault(who, {}).setdefault(remedy, [])
        if (name, meaning) not in causes:
            causes.append((name, meaning))
    for who in order:
        title, about = SECTIONS[who]
        parts += [f".Sh {title}", about]
        for remedy, causes in known.pop(who, {}).items():
            parts += remedy_part(remedy, causes)
    assert not known, f"nobody's section: {list(known)}"
    return "\n".join(parts) + "\n" + TAIL


if __name__ == "__main__":
    print(page(), end="")
