"""The submission server: SMTP with STARTTLS that takes mail from sessions with a live access token only, and answers as
smtp.office365.com does."""

import base64
import binascii
import datetime
import email
import email.policy
import email.utils
import hashlib
import json
import re
import secrets
import socketserver
import threading
import time

from .saslmessage import PARSERS, BadMessage

HOST = "AM0PR02CA0134.eurprd02.prod.outlook.com"
SIZE_MAX = 157286400
AUTH_LINE_MAX = 128 * 1024
DATA_LINE_MAX = 1024 * 1024
KEEP_MAX = 16 * 1024 * 1024
IDLE_SECONDS = 300
HANG_SECONDS = 60
EHLO = (f"SIZE {SIZE_MAX}", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8")
PATH = re.compile(r"(FROM|TO):\s*<([^<>\s]*)>((?: [A-Za-z0-9-]+(?:=[!-~]+)?)*)\s*", re.IGNORECASE)
FAULT_POINTS = ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot", "quit")


class Ended(Exception):
    """The session is over."""


def bracket():
    """[server time id] as Exchange ends many of its answers."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"[{HOST} {now}Z {secrets.token_hex(8).upper()}]"


def send_as_denied(user, sender):
    return (f"554 5.2.252 SendAsDenied; {user} not allowed to send as {sender}; "
            "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a "
            "permanent exception with message [BeginDiagnosticData]Cannot submit message. 0.35250:0A00A784, "
            "1.36674:0A000000, 1.61250:00000000, 16.55847:A4040000, 17.43559:0000000094000000 [EndDiagnosticData] "
            f"[Hostname={HOST}]")


def header_senders(body):
    """(addresses of all From fields, is there a Sender) of a message's bytes."""
    head = body.split(b"\r\n\r\n", 1)[0]
    message = email.message_from_bytes(head, policy=email.policy.compat32)
    fields = [str(field) for field in message.get_all("From", [])]
    return [address for _, address in email.utils.getaddresses(fields)], "Sender" in message


class Content:
    """A message that comes in, block by block: its size and digests; of a large one only the beginning is kept."""

    def __init__(self):
        self.size, self.digest, self.blocks = 0, hashlib.sha256(), []
        self.body_digest = hashlib.sha256()
        self.head = b""  # until the empty line that ends it; None after that

    def add(self, block):
        self.size += len(block)
        self.digest.update(block)
        if self.size <= KEEP_MAX:
            self.blocks.append(block)
        if self.head is not None:
            self.head, end, block = (self.head + block).partition(b"\r\n\r\n")
            self.head = None if end else self.head
        self.body_digest.update(block)

    def body(self):
        return b"".join(self.blocks)


class Wire:
    """Lines in, replies out; replies are sent when no further command has arrived yet (PIPELINING, RFC 2920)."""

    def __init__(self, connection):
        self.connection = connection
        self.received = bytearray()
        self.replies = bytearray()

    def flush(self):
        self.connection.sendall(self.replies)
        self.replies.clear()

    def _more(self):
        if self.replies:
            self.flush()
        block = self.connection.recv(65536)
        if not block:
            raise Ended
        self.received += block

    def line(self, limit):
        """Without its CRLF; None: it was longer (and has been read to its end)."""
        seen = 0
        while (end := self.received.find(b"\n", seen)) < 0:
            seen = len(self.received)
            if seen > limit:
                del self.received[:]
                self._skip_line()
                return None
            self._more()
        line = bytes(self.received[:end + 1])
        del self.received[:end + 1]
        return None if len(line) > limit else line.removesuffix(b"\n").removesuffix(b"\r")

    def _skip_line(self):
        while (end := self.received.find(b"\n")) < 0:
            self.received.clear()
            self._more()
        del self.received[:end + 1]

    def lines(self, limit):
        """All lines that have arrived, at least one, without their ends; one over the limit is cut."""
        while (end := self.received.rfind(b"\n")) < 0:
            if len(self.received) > limit:
                del self.received[limit:]
            self._more()
        block = bytes(self.received[:end])
        del self.received[:end + 1]
        return [line[:limit].removesuffix(b"\r") for line in block.split(b"\n")]

    def unread(self, lines):
        """Gives lines back that belong to what follows."""
        self.received[:0] = b"".join(line + b"\r\n" for line in lines)

    def octets(self, count):
        while len(self.received) < count:
            self._more()
        block = bytes(self.received[:count])
        del self.received[:count]
        return block


class Session(socketserver.BaseRequestHandler):
    """One connection. A command's handler is do_VERB; it returns the reply, or None when it has sent its own."""

    def setup(self):
        self.book, self.entra = self.server.book, self.server.entra
        self.request.settimeout(IDLE_SECONDS)
        self.wire = Wire(self.request)
        self.secure = False
        self.greeted = False
        self.user = None
        self.number = self.book.add("smtp/connections")
        self.book.highest("smtp/sessions_max", self.book.add("smtp/sessions"))
        self.clear()

    def finish(self):
        self.book.add("smtp/sessions", -1)
        self.log_out()
        if self.secure:
            self.wire.connection.close()

    def clear(self):
        self.sender, self.recipients, self.chunks, self.parameters = None, [], Content(), []

    def handle(self):
        try:
            self.greet()
            while True:
                self.one_command()
        except (Ended, OSError):
            pass

    # --- answering ---

    def reply(self, *lines):
        """Lines that each begin with the code and a space."""
        if delay := self.book["reply_delay_ms"]:
            self.wire.flush()
            time.sleep(delay / 1000)
        for line in lines[:-1]:
            self.wire.replies += f"{line[:3]}-{line[4:]}\r\n".encode()
        self.wire.replies += f"{lines[-1]}\r\n".encode()

    def fault(self, point):
        """Does the fault of the settings if it is meant for this point; True: the command is answered."""
        fault = self.book.take_fault("smtp_fault", lambda one: one["at"] == point
                                     and one.get("user") in (None, self.user))
        if fault is None:
            return False
        if fault.get("hang"):
            self.book.add("smtp/hanging")
            self.book.hold(HANG_SECONDS)
        if fault.get("reply"):
            self.reply(fault["reply"])
            if fault["reply"].startswith("421"):
                self.wire.flush()
                raise Ended
        if fault.get("drop") or fault.get("hang"):
            raise Ended
        return True

    def greet(self):
        if not self.fault("connect"):
            now = email.utils.formatdate()
            self.reply(f"220 {HOST} Microsoft ESMTP MAIL Service ready at {now}")

    def one_command(self):
        raw = self.wire.line(self.book["max_command"])
        if raw is None:
            self.reply("500 5.3.3 Unrecognized command, line too long")
            return
        verb, _, rest = raw.decode("utf-8", "replace").partition(" ")
        verb = verb.upper()
        handler = getattr(self, "do_" + verb, None) if re.fullmatch("[A-Z]{4,8}", verb) else None
        self.book.add("smtp/commands/" + (verb if handler else "unknown"))
        answer = handler(rest) if handler else "500 5.3.3 Unrecognized command 'unknown'"
        if answer:
            self.reply(answer)

    # --- greeting and TLS ---

    def do_EHLO(self, rest):
        if self.fault("ehlo"):
            return None
        self.clear()
        self.greeted = True
        way_in = "AUTH " + " ".join(self.book["mechanisms"]) if self.secure else "STARTTLS"
        offers = [*EHLO[:4], way_in, *EHLO[4:]]  # in Exchange's order
        offers = [offer for offer in offers if offer.split()[0] not in self.book["withheld"]]
        self.reply(f"250 {HOST} Hello [127.0.0.1]", *(f"250 {offer}" for offer in offers))
        return None

    def do_HELO(self, rest):
        self.clear()
        self.greeted = True
        return f"250 {HOST} Hello [127.0.0.1]"

    def do_STARTTLS(self, rest):
        if self.fault("starttls"):
            return None
        if self.secure:
            return "503 5.5.2 Only one STARTTLS command can be issued per session"
        self.reply("220 2.0.0 SMTP server ready")
        self.wire.flush()
        # What was sent in plain text behind STARTTLS must not count as said inside it.
        self.wire.received.clear()
        context = self.server.certificates.context(self.book["smtp_certificate"])
        try:
            secure = context.wrap_socket(self.request, server_side=True)
        except OSError:
            self.book.add("smtp/tls_failed")
            raise
        self.wire = Wire(secure)
        self.secure, self.greeted = True, False
        self.book.add("smtp/tls")
        self.clear()
        return None

    # --- AUTH ---

    def do_AUTH(self, rest):
        if self.fault("auth"):
            return None
        mechanism, space, initial = rest.partition(" ")
        mechanism = mechanism.upper()
        if not self.secure:
            self.book.add("smtp/auth_before_tls")
            return "538 5.7.11 Encryption required for requested authentication mechanism"
        if not self.greeted or self.user:
            return "503 5.5.2 Bad sequence of commands"
        if mechanism in ("LOGIN", "PLAIN"):
            return "550 5.7.30 Basic authentication is not supported for Client Submission."
        if mechanism not in PARSERS:
            return "504 5.7.4 Unrecognized authentication type"
        self.book.add("smtp/auth_inline" if space else "smtp/auth_two_step")
        if not space:
            self.reply("334 ")
            line = self.wire.line(AUTH_LINE_MAX)
            if line is None:
                return "500 5.5.6 Authentication exchange line is too long"
            initial = line.decode("latin-1")
        return self.log_in(mechanism, initial)

    def log_in(self, mechanism, encoded):
        if encoded == "*":
            return "501 5.7.0 Authentication cancelled"
        try:
            message = base64.b64decode("" if encoded == "=" else encoded, validate=True)
        except (binascii.Error, ValueError):
            return "501 5.5.4 Invalid arguments: not base64"
        try:
            user, token = PARSERS[mechanism](message)
        except BadMessage:
            self.book.add("smtp/auth_malformed")
            return self.refuse_login(mechanism, "400")
        reason = self.entra.refusal_of_token(token, user)
        if reason:
            self.book.add(f"smtp/auth_refused/{reason}")
            return self.refuse_login(mechanism, "401")
        return self.admit(user.lower(), mechanism)

    def admit(self, user, mechanism):
        limit = self.book["max_sessions"]
        with self.book.changed:
            count = self.book.add(f"smtp/sessions_of/{user}")
            if limit and count > limit:
                self.book.add(f"smtp/sessions_of/{user}", -1)
                self.book.add("smtp/concurrent_refused")
                return ("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for "
                        f"more information. {bracket()}")
            self.book.highest(f"smtp/sessions_max_of/{user}", count)
        self.user = user
        self.book.add("smtp/logins")
        self.book.add(f"smtp/logins_of/{user}")
        self.book.add(f"smtp/logins_by/{mechanism}")
        return "235 2.7.0 Authentication successful"

    def log_out(self):
        if self.user:
            self.book.add(f"smtp/sessions_of/{self.user}", -1)
            self.user = None

    def refuse_login(self, mechanism, status):
        """Exchange refuses at once; Gmail, and OAUTHBEARER everywhere (RFC 7628), explain first."""
        if mechanism == "OAUTHBEARER":
            self.explain({"status": "invalid_token", "scope": "https://outlook.office.com/SMTP.Send"}, b"AQ==")
        elif self.book["gmail_mode"]:
            self.explain({"status": status, "schemes": "bearer mac", "scope": "https://mail.google.com/"}, b"")
        self.book.add("smtp/auth_failures")
        return f"535 5.7.3 Authentication unsuccessful {bracket()}"

    def explain(self, challenge, wanted):
        self.reply("334 " + base64.b64encode(json.dumps(challenge, separators=(",", ":")).encode()).decode())
        answer = self.wire.line(AUTH_LINE_MAX)
        self.book.add("smtp/challenge_answered" if answer == wanted else "smtp/challenge_answered_wrongly")

    # --- a message ---

    def not_ready(self):
        """The refusal for whoever has not logged in, or None."""
        if self.user is None and not self.book["open_relay"]:
            self.book.add("smtp/unauthenticated_refused")
            return f"530 5.7.57 Client not authenticated to send mail. {bracket()}"
        return None

    def do_MAIL(self, rest):
        if self.fault("mail"):
            return None
        if refusal := self.not_ready():
            return refusal
        match = PATH.fullmatch(rest)
        if not match or match[1].upper() != "FROM":
            return "501 5.5.4 Invalid arguments"
        size = re.search(r" SIZE=(\d+)", match[3], re.IGNORECASE)
        if size and int(size[1]) > SIZE_MAX:
            return "552 5.3.4 Message size exceeds fixed maximum message size"
        if self.sender is not None:
            return "503 5.5.2 Sender already specified"
        self.sender = match[2]
        self.parameters.append(match[3].strip())
        return "250 2.1.0 Sender OK"

    def do_RCPT(self, rest):
        if self.fault("rcpt"):
            return None
        if refusal := self.not_ready():
            return refusal
        match = PATH.fullmatch(rest)
        if self.sender is None:
            return "503 5.5.2 Need mail command"
        if not match or match[1].upper() != "TO" or "@" not in match[2]:
            return "501 5.5.4 Invalid arguments"
        self.recipients.append(match[2])
        self.parameters.append(match[3].strip())
        return "250 2.1.5 Recipient OK"

    def do_DATA(self, rest):
        if self.fault("data"):
            return None
        if refusal := self.not_ready():
            return refusal
        if not self.recipients:
            return "503 5.5.2 Need rcpt command"
        self.reply("354 Start mail input; end with <CRLF>.<CRLF>")
        content, over = Content(), False
        while not over:
            lines = self.wire.lines(DATA_LINE_MAX)
            if over := b"." in lines:
                end = lines.index(b".")
                self.wire.unread(lines[end + 1:])
                del lines[end:]
            content.add(b"".join(line.removeprefix(b".") + b"\r\n" for line in lines))
        if content.size > SIZE_MAX:
            self.clear()
            return "552 5.3.4 Message size exceeds fixed maximum message size"
        return self.judge(content)

    def do_BDAT(self, rest):
        if not re.fullmatch(r"\d{1,9}( LAST)?", rest.upper()):
            return "501 5.5.4 Invalid arguments"
        block = self.wire.octets(int(rest.split()[0]))
        if refusal := self.not_ready():
            return refusal
        if not self.recipients:
            return "503 5.5.2 Need rcpt command"
        self.chunks.add(block)
        if not rest.upper().endswith("LAST"):
            return f"250 2.6.0 {len(block)} octets received"
        return self.judge(self.chunks)

    def judge(self, content):
        """The reply to a whole message, which is stored if it is accepted."""
        if self.fault("dot"):
            self.clear()
            return None
        refusal = self.refusal_of_message(content.body())
        if refusal is None:
            self.server.post.store(self, content)
        self.clear()
        identity = f"<{secrets.token_hex(16)}@{HOST}>"
        return refusal or f"250 2.0.0 OK {identity} [Hostname={HOST}]"

    def refusal_of_message(self, body):
        senders, has_sender_field = header_senders(body)
        if len(senders) > 1 and not has_sender_field:
            self.book.add("smtp/multiple_from")
            return "550 5.1.20 Multiple From addresses are not allowed without Sender address"
        if not senders or "@" not in senders[0]:
            self.book.add("smtp/no_from")
            return ("550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant and include a valid From "
                    "address")
        for sender in ([self.sender] if self.sender else []) + senders:
            if self.user is not None and not self.entra.may_send_as(self.user, sender):
                self.book.add("smtp/send_as_denied")
                return send_as_denied(self.user, sender)
        return None

    def do_RSET(self, rest):
        self.clear()
        return "250 2.0.0 Resetting"

    def do_NOOP(self, rest):
        return "250 2.0.0 OK"

    def do_QUIT(self, rest):
        if not self.fault("quit"):
            self.reply("221 2.0.0 Service closing transmission channel")
        self.wire.flush()
        raise Ended


class Post:
    """The accepted messages, in memory and, if wanted, in a folder: NUMBER.eml and NUMBER.json."""

    def __init__(self, book, folder=None):
        self.book, self.folder = book, folder
        self.lock = threading.Lock()
        self.messages = []
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def store(self, session, content):
        body = content.body()
        senders, _ = header_senders(body)
        entry = {"user": session.user, "mail_from": session.sender, "rcpt_to": session.recipients,
                 "header_from": senders, "sha256": content.digest.hexdigest(), "size": content.size,
                 "body_sha256": content.body_digest.hexdigest(), "parameters": session.parameters,
                 "session": session.number, "time": time.time()}
        with self.lock:
            self.messages.append((entry, body))
            number = len(self.messages)
            if self.folder:
                (self.folder / f"{number}.eml").write_bytes(body)
                (self.folder / f"{number}.json").write_text(json.dumps(entry))
        self.book.add("smtp/messages")
        self.book.add(f"smtp/messages_of/{session.user}")

    def listing(self, with_bodies, since=0):
        with self.lock:
            return [dict(entry, body=body.decode("latin-1")) if with_bodies else dict(entry)
                    for entry, body in self.messages[since:]]

    def reset(self):
        with self.lock:
            self.messages.clear()


class Submission(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Listens on 127.0.0.1; a thread per connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port, book, entra, certificates, post):
        super().__init__(("127.0.0.1", port), Session)
        self.book, self.entra, self.certificates, self.post = book, entra, certificates, post

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def handle_error(self, request, client_address):
        self.book.add("smtp/broken_sessions")
