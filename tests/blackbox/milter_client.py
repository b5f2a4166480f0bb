"""The MTA's side of the milter protocol, byte by byte, for tests of the real mailbearer-milter.

    with Milter(path) as milter:
        milter.connect("192.0.2.7")
        outcome = milter.message(envelope, recipients, fields, body)

An Outcome says what the filter answered and what it wants changed, and applies that as an MTA would. The protocol is
that of Sendmail 8.14 and later (version 6): a length of four bytes, a letter, data.
"""

import socket
import struct

VERSION = 6
ADD_HEADERS, CHANGE_HEADERS, CHANGE_FROM, SET_MACROS = 0x01, 0x10, 0x40, 0x100
ACTIONS = 0x1FF
NO_HELO, NO_BODY, NO_EOH, NO_UNKNOWN, NO_DATA = 0x02, 0x10, 0x40, 0x100, 0x200
NR_HEADER, NR_CONNECT, NR_HELO, NR_MAIL, NR_RCPT = 0x80, 0x1000, 0x2000, 0x4000, 0x8000
NR_DATA, NR_EOH, NR_BODY, LEADING_SPACE = 0x10000, 0x40000, 0x80000, 0x100000
STEPS = 0x1FFFFF
VERDICTS = {b"c": "continue", b"a": "accept", b"r": "reject", b"t": "tempfail", b"d": "discard", b"y": "reply"}
BODY_CHUNK = 65535


class MilterError(Exception):
    """The filter closed the connection or broke the protocol."""


class Outcome:
    """verdict: continue, reject, tempfail, reply...; reply: the SMTP text; stage: the letter of the command it answered;
    changes: [(letter, ...)] in the filter's order."""

    def __init__(self, verdict, reply="", stage=b"E", changes=(), leading_space=False):
        self.verdict, self.reply, self.stage, self.changes = verdict, reply, stage, list(changes)
        self.leading_space = leading_space

    def __repr__(self):
        return f"<{self.verdict} {self.reply!r} at {self.stage!r} {self.changes}>"

    def apply(self, envelope, fields):
        """(envelope, fields) as the MTA queues them. fields: [(name, value)], each value with its leading blanks."""
        fields = list(fields)
        for change in self.changes:
            if change[0] == "from":
                envelope = change[1].strip("<>")
            elif change[0] == "insert":
                fields.insert(change[1], (change[2], self.shown(change[3])))
            elif change[0] == "add":
                fields.append((change[1], self.shown(change[2])))
            else:
                self.change(fields, *change[1:])
        return envelope, fields

    def shown(self, value):
        return value if self.leading_space else " " + value

    def change(self, fields, index, name, value):
        places = [i for i, (other, _) in enumerate(fields) if other.lower() == name.lower()]
        if index > len(places):
            if value:
                fields.append((name, self.shown(value)))
        elif value:
            fields[places[index - 1]] = (fields[places[index - 1]][0], self.shown(value))
        else:
            del fields[places[index - 1]]


def text(data):
    return data.decode("utf-8", "surrogateescape")


def raw(value):
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


class Milter:
    """One connection of an MTA. address: of a Unix socket, or (host, port)."""

    def __init__(self, address, actions=ACTIONS, steps=STEPS, timeout=60):
        family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout)
        self.socket.connect(address if isinstance(address, tuple) else str(address))
        self.actions = self.steps = 0
        self.macros = {}
        self.buffer = b""
        self.negotiate(actions, steps)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.send(b"Q")
        except OSError:
            pass  # the filter has gone before
        self.socket.close()

    # --- packets ---

    def send(self, letter, data=b""):
        self.socket.sendall(struct.pack("!I", len(data) + 1) + letter + data)

    def exactly(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise MilterError("the filter closed the connection")
            self.buffer += piece
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def receive(self):
        length = struct.unpack("!I", self.exactly(4))[0]
        data = self.exactly(length)
        return data[:1], data[1:]

    # --- the conversation ---

    def negotiate(self, actions, steps):
        self.send(b"O", struct.pack("!III", VERSION, actions, steps))
        letter, data = self.receive()
        if letter != b"O":
            raise MilterError(f"negotiation was answered {letter!r}")
        _, self.actions, self.steps = struct.unpack("!III", data[:12])
        rest = data[12:]
        while len(rest) > 4:
            names, _, after = rest[4:].partition(b"\0")
            self.macros[struct.unpack("!I", rest[:4])[0]] = text(names).replace(",", " ").split()
            rest = after

    def define(self, letter, macros):
        if macros:
            self.send(b"D", letter + b"".join(raw(k) + b"\0" + raw(v) + b"\0" for k, v in macros.items()))

    def command(self, letter, data=b"", silent=0, skip=0):
        """None, or the Outcome of a command that did not go on. silent, skip: the SMFIP bits of this step."""
        if self.steps & skip:
            return None
        self.send(letter, data)
        if self.steps & silent:
            return None
        outcome = self.outcome(letter)
        return None if outcome.verdict == "continue" else outcome

    def outcome(self, stage):
        changes = []
        while True:
            letter, data = self.receive()
            if letter in VERDICTS:
                reply = text(data.rstrip(b"\0"))
                return Outcome(VERDICTS[letter], reply, stage, changes, bool(self.steps & LEADING_SPACE))
            change = self.change(letter, data)
            if change:
                changes.append(change)

    @staticmethod
    def change(letter, data):
        if letter == b"p":
            return None
        if letter == b"e":
            return ("from", text(data.split(b"\0")[0]))
        if letter == b"h":
            name, value = data.split(b"\0")[:2]
            return ("add", text(name), text(value))
        if letter in (b"m", b"i"):
            name, value = data[4:].split(b"\0")[:2]
            return ("change" if letter == b"m" else "insert", struct.unpack("!I", data[:4])[0], text(name), text(value))
        raise MilterError(f"unexpected answer {letter!r}")

    def connect(self, client="127.0.0.1", port=40000, macros=None, host="client.example"):
        """client: an address, or None for a connection that is none of the internet's."""
        self.define(b"C", {"j": "mx.example", "{daemon_name}": "mx.example", "v": "Postfix 3.7", **(macros or {})})
        if client is None:
            data = raw(host) + b"\0U"
        else:
            family = b"6" if ":" in client else b"4"
            data = raw(host) + b"\0" + family + struct.pack("!H", port) + raw(client) + b"\0"
        return self.command(b"C", data, NR_CONNECT)

    def mail(self, envelope, arguments=(), macros=None):
        self.define(b"M", macros)
        data = b"\0".join([b"<" + raw(envelope) + b">", *map(raw, arguments)]) + b"\0"
        return self.command(b"M", data, NR_MAIL)

    def rcpt(self, recipient, macros=None):
        self.define(b"R", macros)
        return self.command(b"R", b"<" + raw(recipient) + b">\0", NR_RCPT)

    def header(self, name, value):
        value = raw(value)
        if not self.steps & LEADING_SPACE and value.startswith(b" "):
            value = value[1:]
        return self.command(b"L", raw(name) + b"\0" + value + b"\0", NR_HEADER)

    def body(self, data):
        if self.steps & NO_BODY:
            return None
        for at in range(0, len(data), BODY_CHUNK):
            stopped = self.command(b"B", data[at:at + BODY_CHUNK], NR_BODY)
            if stopped:
                return stopped
        return None

    def end(self, macros=None):
        self.define(b"E", macros)
        self.send(b"E")
        return self.outcome(b"E")

    def abort(self):
        self.send(b"A")

    def message(self, envelope, recipients=("you@example.net",), fields=(), body=b"", arguments=(), mail_macros=None,
                rcpt_macros=None, queue_id="4XyZ1"):
        """The whole of one message. A recipient that is refused is left out, as an MTA does; when all are, the message is
        aborted. fields: [(name, value)], each value as it stands behind the colon."""
        stopped = self.mail(envelope, arguments, mail_macros)
        taken, refused = 0, None
        for recipient in recipients if not stopped else ():
            answer = self.rcpt(recipient, {"i": queue_id, **(rcpt_macros or {})})
            taken, refused = taken + (answer is None), answer or refused
        if not stopped and not taken:
            stopped = refused
        if not stopped:
            stopped = self.command(b"T", skip=NO_DATA, silent=NR_DATA) or self.content(fields, body)
        if stopped:
            self.abort()
            return stopped
        return self.end({"i": queue_id})

    def content(self, fields, body):
        for name, value in fields:
            stopped = self.header(name, value)
            if stopped:
                return stopped
        return self.command(b"N", silent=NR_EOH, skip=NO_EOH) or self.body(body)
