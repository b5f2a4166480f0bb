"""What documents show: each line that somebody could type, or put into a file, with the place where it stands and the kind
that says how it is tried. Read are the manual pages, the Markdown files, the examples' comments, and the texts of the program
that hold commands: what check, setup, tokend and the others tell people to do.

test_documents.py tries the kinds that need nothing but this tree, tests/system/test_shown.py those that need a Postfix, a
Sendmail or root. A line of no kind fails the first: whoever shows a new command says here how it is tried.
"""

import functools
import html
import re
import subprocess
import unittest
from collections import namedtuple

from harness import BUILD, SOURCE

# place: "man/x.8:12"; text: the line, or of a whole block its lines; kind: of KINDS, or None.
Shown = namedtuple("Shown", "place text kind")

# What stands in a block of its own and is one thing, told by its first line.
WHOLE = (
    ("configuration", r"(client|account|connector|rule) \"|(tokend|milter|submit) \{"),
    ("setting", r"(listen|token_users|scope|tenant|relayhost) = [\"{]"),
    ("openssl.cnf", r"openssl_conf = "),
    ("main.cf", r"[a-z0-9_]+ = "),
    ("master.cf", r"[a-z0-9-]+ +unix +- "),
    ("sendmail.mc", r"(define|MAILER|INPUT_MAIL_FILTER|FEATURE)\(`"),
    ("message", r"MAIL FROM:<"),
    ("picture", r"printer, app --SMTP--> |lib/ +err "),
)

# The programs that commands begin with, by how they are tried.
PROGRAMS = {
    "mailbearer": "mailbearer",
    "mailbearer-submit": "mailbearer",
    **dict.fromkeys(("systemctl", "journalctl", "timedatectl"), "systemd"),
    **dict.fromkeys(("./bootstrap", "bootstrap", "../configure", "./configure", "configure", "make", "autoreconf", "python3",
                     "tests/fuzz/run.sh", "tests/fuzz/fuzz_all", "tests/fakes/microsoft.py", "tests/lint/troubleshooting.py",
                     "llvm-profdata", "llvm-cov"), "tree"),
    **dict.fromkeys(("apt-get",), "packages"),
    **dict.fromkeys(("postconf", "postfix", "postmap", "postqueue", "postsuper"), "postfix"),
    **dict.fromkeys(("chmod", "chown", "chgrp", "install", "mv", "ls", "ldd", "df", "cat", "mount", "useradd", "getent", "openssl",
                     "umask", "grep", "tail", "printf"), "files"),
}
# Programs that a command might begin with some day: in a sentence they are seen as well as in a block.
OTHERS = ("adduser", "apt", "apt-cache", "aa-status", "aa-complain", "awk", "busctl", "cp", "curl", "dig", "dnf", "docker", "dpkg",
          "echo", "file", "git", "host", "id", "ip", "kill", "ln", "logger", "m4", "mailq", "mkdir", "nc", "netstat", "nslookup",
          "ping", "pkill", "postalias", "postcat", "ps", "rm", "rpm", "sed", "sendmail", "service", "setfacl", "ss", "su", "swaks",
          "tar", "tcpdump", "telnet", "touch", "usermod", "wget", "yum", "zypper")

LINES = (
    ("powershell", r"\$\w+ = |(Add|Connect|Disable|Enable|Get|Install|New|Remove|Set|Start|Test|Update)-[A-Z]\w+"),
    ("portal", r"[a-z.]+\.microsoft\.com > "),
    ("address", r"https://"),
    ("dns", r"v=spf1 "),
    ("log", r"account=\S+ event="),
)

KINDS = {kind for kind, _ in (*WHOLE, *LINES)} | set(PROGRAMS.values())

# What check, and the others, print in the place of %s and %u. The lines that check composes for Postfix (mta_command) are
# tried as printed, by tests/system/test_check.py.
FILLED = {
    "%s %s": None,
    "%s login %s": "mailbearer login relay@contoso.com",
    "%s reload": "mailbearer reload",
    "sudo %s check": "sudo mailbearer check",
    "%s refresh %s": "mailbearer refresh relay@contoso.com",
    "%s status %s": "mailbearer status relay@contoso.com",
    "%s check %s": "mailbearer check relay@contoso.com",
    "%s consent-url %s": "mailbearer consent-url relay@contoso.com",
    "%s postfix-config --apply --yes%s%s%s%s": "mailbearer postfix-config --apply --yes --config-dir /etc/postfix --postconf "
                                               "/usr/sbin/postconf",
    "ls -ld %s; df -h %s": "ls -ld /var/lib/mailbearer; df -h /var/lib/mailbearer",
    "df -h %s; df -i %s": "df -h /var/lib/mailbearer; df -i /var/lib/mailbearer",
    "chmod a+x %.*s": "chmod a+x /run/mailbearer",
    "listen = { %s\"%s\" }": 'listen = { "/run/mailbearer/tokend.sock", "/var/spool/postfix/run/mailbearer/tokend.sock" }',
    "token_users = { \"%s\" }": 'token_users = { "postfix" }',
    "scope = \"%s\"": 'scope = "https://outlook.office.com/SMTP.Send offline_access"',
    "tenant = \"%.*s\"": 'tenant = "contoso.onmicrosoft.com"',
    "relayhost = \"%s\"": 'relayhost = "[smtp.office365.com]:587"',
    "listen = \"unix:%s/run/mailbearer/milter.sock\"": 'listen = "unix:/var/spool/postfix/run/mailbearer/milter.sock"',
    "milter { default_account = \"%s\" }": 'milter { default_account = "relay@contoso.com" }',
    "mv %s %s.old": "mv /run/mailbearer/tokend.sock /run/mailbearer/tokend.sock.old",
    "chmod 0666 %s": "chmod 0666 /run/mailbearer/tokend.sock",
    "install -o %s -m 0600 /dev/stdin %s": "install -o mailbearer -m 0600 /dev/stdin /etc/mailbearer/contoso.secret",
    "chmod o= %s": "chmod o= /etc/mailbearer/contoso.secret",
    "chmod o-w %s": "chmod o-w /etc/mailbearer/mailbearer.conf",
    "cat >%s": "cat >/etc/mailbearer/relay.pem",
    "chgrp %s %.*s && chmod g+%c %.*s": "chgrp mailbearer /etc/mailbearer && chmod g+x /etc/mailbearer",
    "(umask 077; openssl rand -hex 32 >%s && chown %s %s)":
        "(umask 077; openssl rand -hex 32 >/etc/mailbearer/seal.key && chown mailbearer /etc/mailbearer/seal.key)",
    "mount -o remount,rw $(df --output=target %s | tail -n 1)":
        "mount -o remount,rw $(df --output=target /var/lib/mailbearer | tail -n 1)",
    "useradd --system --home-dir / --shell /usr/sbin/nologin %s":
        "useradd --system --home-dir / --shell /usr/sbin/nologin mailbearer",
    "useradd --system --home-dir /var/lib/mailbearer --shell /usr/sbin/nologin %s":
        "useradd --system --home-dir /var/lib/mailbearer --shell /usr/sbin/nologin mailbearer",
    "chown -R %s: %s": "chown -R mailbearer: /var/lib/mailbearer",
    "chmod 0700 %s": "chmod 0700 /var/lib/mailbearer",
    "chmod 700 %s": "chmod 700 /var/lib/mailbearer",
    "install -d -o %s -m 0700 %s": "install -d -o mailbearer -m 0700 /var/lib/mailbearer",
    "install -m 0644 %s/%s %s/": "install -m 0644 /usr/lib/sasl2/libmailbearer.so /usr/lib/x86_64-linux-gnu/sasl2/",
    "chmod a+r %s/%s; ldd %s/%s": "chmod a+r /usr/lib/sasl2/libmailbearer.so; ldd /usr/lib/sasl2/libmailbearer.so",
    "ls %s/*oauth*": "ls /usr/lib/sasl2/*oauth*",
    "getent hosts %s; cat /etc/resolv.conf": "getent hosts smtp.office365.com; cat /etc/resolv.conf",
    "openssl s_client -starttls smtp -connect %s:%u </dev/null":
        "openssl s_client -starttls smtp -connect smtp.office365.com:587 </dev/null",
    "openssl s_client -starttls smtp -connect %s:%u -verify_hostname %s </dev/null":
        "openssl s_client -starttls smtp -connect smtp.office365.com:587 -verify_hostname smtp.office365.com </dev/null",
    "install -D -m 0644 /etc/resolv.conf %s": "install -D -m 0644 /etc/resolv.conf /var/spool/postfix/etc/resolv.conf",
}


# --- where lines stand ---

def blocks_of_page(text):
    """(number of the first line, lines) of each literal block and each .Dl, as the reader sees them."""
    lines, block = text.splitlines(), None
    for number, line in enumerate(lines, 1):
        if line.startswith(".Bd -literal"):
            block = (number + 1, [])
        elif line.startswith(".Ed") and block:
            yield block
            block = None
        elif line.startswith(".Dl "):
            yield number, [unescaped(line[4:])]
        elif block and not line.startswith("."):
            block[1].append(unescaped(line))


def unescaped(line):
    return line.replace("\\(ga", "`").replace("\\(dq", '"').replace("\\e", "\\").replace("\\&", "").replace("\\-", "-")


def blocks_of_text(text):
    """The same of a Markdown file: what is indented by four blanks, or fenced; in a list by more."""
    number, block, fenced = 0, [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            block.append(line)
            continue
        if block and (line.strip() or fenced):
            yield number - len(block), block
            block = []
        elif block:
            block.append("")
    if block:
        yield number + 1 - len(block), block


def spans_of_page(text):
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(".Ql "):
            yield number, unescaped(re.sub(r" [.,:;)]+$", "", line[4:]).strip('"'))


def spans_of_text(text):
    for number, line in enumerate(text.splitlines(), 1):
        for span in re.findall(r"`([^`\n]+)`", line):
            yield number, span


def sentences(text):
    """Commands of ours in running text, with their options and what they are about."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in re.findall(r"\bmailbearer [a-z]+(?:-[a-z]+)*(?: --[a-z-]+| <mailbox>| %\.?\d*s\b)*", html.unescape(line)):
            yield number, re.sub(r"<mailbox>|%\.?\d*s", "relay@contoso.com", found)


def literals(text):
    """(number, string, is it one of check's lines?) of a C file's strings, those that stand together put together."""
    for found in re.finditer(r'(finding_line\(\s*finding,\s*)?("(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*)', text):
        pieces = re.findall(r'"((?:\\.|[^"\\\n])*)"', found.group(2))
        yield text.count("\n", 0, found.start(2)) + 1, "".join(pieces).replace('\\"', '"').replace("\\n", "\n"), bool(found.group(1))


# --- what kind they are ---

def kind_of_command(text):
    """The kind of the first program of a command line, or None."""
    words = re.sub(r"^\(", "", text).split()
    while words and (words[0] in ("sudo", "exec") or re.match(r"[A-Z_]+=", words[0])):
        words.pop(0)
    return PROGRAMS.get(words[0]) if words else None


def kind_of_line(text):
    for kind, pattern in LINES:
        if re.match(pattern, text):
            return kind
    return kind_of_command(text)


def is_command(text):
    """Would somebody type this span of a sentence? Of one word it is but a name."""
    words = text.removeprefix("sudo ").split()
    return len(words) > 1 and (words[0] in OTHERS or kind_of_line(text) is not None)


def bare(line):
    """Without a remark, and without what msmtp's configuration has before a command."""
    line = re.sub(r"\s{2,}\(.*\)$|\s+#\s.*", "", line.strip())
    return re.sub(r"^(passwordeval |For [^:]*: )(?=.)", "", line)


def joined(lines):
    """With a backslash at its end, or PowerShell's backquote, or a blank before it, a line goes on."""
    whole, offset = "", 0
    for number, line in enumerate(lines):
        offset = offset if whole else number
        whole += line if not whole else " " + line.strip()
        if whole.endswith(("\\", " `")):
            whole = whole[:-1].rstrip()
            continue
        yield offset, whole
        whole = ""


def of_block(place, number, lines):
    first = next((line.strip() for line in lines if line.strip()), "")
    for kind, pattern in WHOLE:
        if re.match(pattern, first):
            yield Shown(f"{place}:{number}", "\n".join(lines), kind)
            return
    for offset, line in joined(lines):
        line = bare(line)
        if line and not re.fullmatch(r"For .*:", line):
            yield Shown(f"{place}:{number + offset}", line, kind_of_line(line))


def of_documents():
    pages = sorted((SOURCE / "man").glob("*.[1-8]"))
    texts = [SOURCE / name for name in ("README.md", "HACKING.md", "SECURITY.md")] + sorted(SOURCE.glob("*-examples/**/README.md"))
    for path in (*pages, *texts):
        place, text = path.relative_to(SOURCE), path.read_text(encoding="utf-8")
        blocks, spans = (blocks_of_page, spans_of_page) if path in pages else (blocks_of_text, spans_of_text)
        for number, lines in blocks(text):
            yield from of_block(place, number, lines)
        for number, span in spans(text):
            if is_command(span):
                yield Shown(f"{place}:{number}", span, kind_of_line(span))
        for number, command in sentences(text if path in texts else re.sub(r"(?m)^\.(?!Ss).*", "", text)):
            yield Shown(f"{place}:{number}", command, "mailbearer")


def of_comments():
    """Commands on lines of their own in the comments of examples and of what is installed."""
    for path in sorted([*SOURCE.glob("*-examples/**/*"), *SOURCE.glob("etc/**/*")]):
        if path.is_file() and path.suffix != ".md":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                found = re.match(r"[#;] {2,}(\S.*)", line)
                if found and is_command(found.group(1)) and not line.endswith("{"):
                    yield Shown(f"{path.relative_to(SOURCE)}:{number}", found.group(1), kind_of_line(found.group(1)))


def of_program():
    """What the program tells people to type, filled in. The tables of explain are in a page of the manual, whole."""
    for path in sorted(SOURCE.glob("*/*.c")):
        place, text = path.relative_to(SOURCE), path.read_text(encoding="utf-8")
        if path.name.endswith("_table.c") or path.parts[-2] in ("tests", "build"):
            continue
        for number, string, printed in literals(text):
            if printed and filled(string):
                yield from of_block(place, number, [filled(string)])
            if printed:
                continue
            for offset, command in sentences(string):
                yield Shown(f"{place}:{number + offset - 1}", command, "mailbearer")
            for command in re.findall(r"\(umask .*\)|\b(?:useradd|chmod) [^;,]*%s(?=\W*$|;)", string):
                yield Shown(f"{place}:{number}", filled(command), kind_of_command(filled(command)))


def of_setup():
    """What setup prints to be done at the provider, for some mailboxes and clouds."""
    out = subprocess.run([BUILD / "tests/lint/dump_tables"], capture_output=True, text=True, check=True, timeout=60).stdout
    for line in re.findall(r"(?m)^homework {5}(\S.*)", out):
        if is_command(line) or kind_of_line(line):
            yield Shown("setup/homework.c", line, kind_of_line(line))


def filled(text):
    return FILLED.get(text, text) if "%" in text else text


@functools.lru_cache
def everything():
    """Each line once, at the first place where it stands."""
    seen = {}
    for shown in (*of_documents(), *of_comments(), *of_program(), *of_setup()):
        seen.setdefault((shown.text, shown.kind), shown)
    return list(seen.values())


def of_kind(kind):
    return [shown for shown in everything() if shown.kind == kind]


class ShownCase(unittest.TestCase):
    def each(self, kind, tried):
        """Each line of this kind is tried, in a subtest that has its place for a name."""
        found = of_kind(kind)
        self.assertTrue(found, kind)
        for shown in found:
            with self.subTest(f"{shown.place}: {shown.text}"):
                tried(shown.text)
