#!/usr/bin/python3
"""Differential test of the reader and writer of From fields: ours beside GMime's (strict) and Python's email package.

    test_from.py [CASES [SEED]]         MB_BUILDDIR says where the harness was built; TAP on standard output

Wherever we read exactly one address, all others must read that very address, and of what we write, all must read the
account's. The cases come from a grammar of the nasty, and from mutations of it; the same SEED gives the same cases.
"""

import base64
import email
import email.policy
import email.utils
import os
import quopri
import random
import re
import struct
import subprocess
import sys
import urllib.parse


CASES = 10000
MAILBOXES = ("relay@contoso.com", "m\u00fcller@contoso.com", "a.b-c+d@x.contoso.com")

# --- the fields --------------------------------------------------------------------------------------------------

ATOMS = ("relay", "scanner", "a", "Dr", "evil", "x-y", "o'neil", "1", "=", "?", "=?", "?=", "&", "M\u00fcller", "\u65e5\u672c",
         "\uff20", "\u200b", "\u3002", "\u00a0", "\u2028", "\u202e", "mailto", "%", "!", "~", "_", "*")
ENCODED = ("=?utf-8?q?M=C3=BCller?=", "=?utf-8?b?TcO8bGxlcg==?=", "=?UTF-8?Q?a=40b=2Eexample?=", "=?utf-8?q?=3Cevil=40x=3E?=",
           "=?iso-8859-1?q?=FCber?=", "=?utf-8?q?=22?=", "=?utf-8?q?=2C?=", "=?utf-8?q?a,b?=", "=?utf-8?q?a b?=",
           "=?utf-8?x?a?=", "=?unknown-8bit?q?a?=", "=?utf-8?q??=", "=?utf-8?b?PGV2aWxAeD4=?=", "=?utf-8?b?YUBi?=",
           "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "=?utf-16?b?AEAA?=", "=?utf-7?q?+AEA-?=", "=?us-ascii?q?=0Aevil?=",
           "=?utf-8?q?Dr.?=", "=?utf-8?q?=28?=", "=?utf-8?q?=29?=", "=?utf-8?q?=5C?=", "=?utf-8*en?q?a?=", "=?utf-8?q?a@b?=",
           "=?gb18030?b?yOU=?=", "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "=?utf-8?q?=3A?=", "=?utf-8?q?=3B?=", "=?utf-8?Q?=?=")
QUOTED = ('"Scanner"', '"a, b"', '"evil@x.example"', '"<evil@x.example>"', '"\\""', '"\\\\"', '"', '"a\\', '""', '"a\n b"',
          '"=?utf-8?q?a?="', '"=?utf-8?q?=22_=3Cevil=40x=3E?="', '"("', '")"', '"a\tb"', '"M\u00fcller"', '"\\a"', '"a;b:c"', '" "')
COMMENTS = ("(Cron)", "(a(b)c)", "(evil@x.example)", "(\\))", "((((((a))))))", "(", ")", "()", "(a\n b)", "(<evil@x>)",
            "(=?utf-8?q?a?=)", "(=?utf-8?q?=29=40?=)", "(\")", "(a, b)", "(\u00fc)", "(\\\\)", "(;)")
MARKS = ("@", "<", ">", ",", ";", ":", ".", "[", "]", "\\", '"', "(", ")")
BLANKS = (" ", "\t", "\n ", "\r\n ", "\n\t", "  ", "\n \n ", "\r", "\n", "\n\n", "", "", "", "")
BYTES = tuple(bytes([n]) for n in (0, 1, 7, 8, 11, 12, 14, 27, 28, 31, 127, 128, 160, 192, 255)) + (b"\xed\xa0\x80", b"\xc2\x85")
DOMAINS = ("contoso.com", "x.example", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]", "[a b]", "[", "contoso.com.",
           ".contoso.com", "a..b", "b\u00fccher.example", "x_y.example", "con(c)toso.com", "contoso.com(c)", "contoso .com",
           "contoso.com@evil.example", "xn--bcher-kva.example", "contoso.com,evil.example", "=?utf-8?q?x?=", "-a.b", "1.2")
LOCALS = ("relay", "a.b", "a..b", ".a", "a.", '"relay"', '"a@b"', '"a b"', "a b", "relay(c)", "(c)relay", "=?utf-8?q?relay?=",
          "m\u00fcller", "a%b", "a!b", "RELAY", "'relay'", "a\\@b", "x" * 64, "x" * 65, "a/b", "relay=x", "*", "\u202erelay")


def spec(rng):
    if rng.random() < 0.5:
        return rng.choice(("relay", "a.b", "scanner", "x-y", "m\u00fcller")) + "@" + rng.choice(DOMAINS[:4] + ("b\u00fccher.example",))
    return rng.choice(LOCALS) + rng.choice(("@", "@", "@", "@", " @", "@ ", "\uff20")) + rng.choice(DOMAINS)


def name(rng):
    pools = (ATOMS, ATOMS, ENCODED, QUOTED, COMMENTS, MARKS[6:])
    words = [rng.choice(rng.choice(pools)) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3)))]
    return rng.choice((" ", " ", " ", "", "\n ", "\t")).join(words)


def mailbox(rng):
    address = spec(rng)
    form = rng.random()
    if form < 0.2:
        return address
    if form < 0.3:
        return address + rng.choice((" ", "", "\n ")) + rng.choice(COMMENTS)
    if form < 0.35:
        address = rng.choice(("@x.example:", "@a,@b:", " ", "<", "x@y.example ")) + address
    return name(rng) + rng.choice(BLANKS) + "<" + address + rng.choice((">", ">", ">", ">", ">", " >", ">>", ""))


def field(rng):
    parts = [mailbox(rng)]
    while rng.random() < 0.15:
        parts += [rng.choice((",", ", ", ";", " ", "", ":", ",,")), mailbox(rng)]
    if rng.random() < 0.1:
        parts.append(rng.choice(COMMENTS + MARKS + (" ", "x", "\n ", " evil@x.example", "<evil@x.example>")))
    if rng.random() < 0.1:
        parts.insert(0, rng.choice(COMMENTS + BLANKS + ("Team:", "a:", ",", "(", "undisclosed-recipients:;")))
    return "".join(parts).encode("utf-8", "surrogatepass")


def mutate(rng, text):
    text = bytearray(text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(text) + 1)
        what = rng.random()
        if what < 0.4:
            pool = rng.choice((MARKS, BLANKS, QUOTED, COMMENTS, ENCODED, ATOMS))
            text[at:at] = rng.choice(pool).encode("utf-8", "surrogatepass")
        elif what < 0.5:
            text[at:at] = rng.choice(BYTES)
        elif what < 0.75:
            del text[at:at + rng.choice((1, 1, 2, 5))]
        else:
            other = rng.randrange(len(text) + 1)
            text[at:at] = text[other:other + rng.choice((1, 3, 8))]
    return bytes(text)


def any_field(rng):
    value = field(rng)
    return mutate(rng, value) if rng.random() < 0.4 else value


def any_name(rng):
    if rng.random() < 0.3:
        return any_field(rng)
    value = name(rng).encode("utf-8", "surrogatepass")
    return mutate(rng, value) if rng.random() < 0.4 else value


# --- the readers -------------------------------------------------------------------------------------------------

class Harness:
    def __init__(self):
        path = os.path.join(os.environ.get("MB_BUILDDIR", "build/gcc"), "tests/differential/harness")
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        self.process.stdin.write(struct.pack(">I", len(question)) + question)
        self.process.stdin.flush()
        return self.process.stdout.readline().decode("ascii").rstrip("\n").split("\t")


def unquote(text):
    return urllib.parse.unquote_to_bytes(text).decode("utf-8", "replace").lower()


def python_policy(value):
    """The modern API: what message["From"] gives under email.policy.SMTPUTF8."""
    text = "From: " + value.decode("utf-8", "surrogateescape")
    message = email.message_from_string(text + "\n\nbody\n", policy=email.policy.SMTPUTF8)
    if message.get_payload() != "body\n":
        return ["the header ends in the field"]
    return [address.addr_spec for address in message["From"].addresses]


def unfolded(value):
    return re.sub(r"\r?\n(?=[ \t])", "", value.decode("utf-8", "surrogateescape"))


def python_utils(value):
    """The old API, which most programs use."""
    return [address for _, address in email.utils.getaddresses([unfolded(value)])]


def decode_first(value):
    """What a careless program does: decodes the encoded words, and then parses. Only an address counts."""
    def decode(match):
        charset, encoding, text = match.groups()
        plain = quopri.decodestring(text, header=True) if encoding in "qQ" else base64.b64decode(text)
        return plain.decode(charset, "replace")
    text = re.sub(r"(\?=)[ \t]+(?==\?)", r"\1", unfolded(value))
    text = re.sub(r"=\?([^?]+)\?([bqBQ])\?([^?]*)\?=", decode, text)
    return [address for _, address in email.utils.getaddresses([text]) if "@" in address]


READERS = (python_policy, python_utils, decode_first)


def encoded_domain(address):
    """GMime decodes the domain, so domains are compared in the encoded form."""
    local, at, domain = address.rpartition("@")
    return local + at + ".".join(part if part.isascii() else "xn--" + part.encode("punycode").decode()
                                 for part in domain.split("."))


def disagreements(value, mailbox_read, gmime):
    """Who reads something else than exactly that mailbox, and what."""
    found = [encoded_domain(unquote(address)) for address in gmime.split(" ")]
    wrong = [] if found == [encoded_domain(mailbox_read)] else [f"gmime: {found}"]
    for reader in READERS:
        try:
            found = [address.lower() for address in reader(value)]
        except Exception as error:  # a reader that falls over has not agreed
            found = [f"{type(error).__name__}: {error}"]
        if found != [mailbox_read] and not (reader is decode_first and found == []):
            wrong.append(f"{reader.__name__}: {found}")
    return wrong


# --- the tests ---------------------------------------------------------------------------------------------------

def check_reader(harness, rng, cases):
    """every address that we read is read by all"""
    accepted, wrong = 0, []
    for _ in range(cases):
        value = any_field(rng)
        kind, mailbox_read, gmime = harness.ask(b"R" + value)
        if kind != "one":
            continue
        accepted += 1
        others = disagreements(value, unquote(mailbox_read), gmime)
        if others:
            wrong.append(f"{value!r}: we read {unquote(mailbox_read)}; {'; '.join(others)}")
    if accepted < cases / 20:
        wrong.append(f"only {accepted} of {cases} were read at all: what is tested here?")
    return wrong, f"{accepted} of {cases} fields are one mailbox"


def check_writer(harness, rng, cases):
    """every address that we write is read by all, whatever the name"""
    wrong = []
    for _ in range(cases):
        mailbox_written, text = rng.choice(MAILBOXES), any_name(rng)
        kind, mailbox_read, gmime, written = harness.ask(b"W" + mailbox_written.encode() + b"\0" + text)
        value = urllib.parse.unquote_to_bytes(written)
        others = [] if kind == "one" and unquote(mailbox_read) == mailbox_written else [f"we: {kind} {mailbox_read}"]
        others += disagreements(value, mailbox_written, gmime)
        if max(map(len, value.split(b"\n"))) > 900 or re.search(rb"[\r\0]|\n[^ ]|\n *(\n|$)", value):
            others.append("the lines are wrong")
        if others:
            wrong.append(f"{text!r} became {value!r}: {'; '.join(others)}")
    return wrong, f"{cases} fields written"


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    harness, failed = Harness(), False
    print("1..2")
    for number, check in enumerate((check_reader, check_writer), 1):
        wrong, summary = check(harness, random.Random(seed), cases)
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {check.__doc__}")
        print(f"# {summary}; seed {seed}")
        for text in wrong[:20]:
            print("# " + text)
    return failed


if __name__ == "__main__":
    sys.exit(main())
