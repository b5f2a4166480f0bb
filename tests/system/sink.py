"""Servers that the examples for Postfix want beside the stand-in for the submission server: one that takes mail as an
organisation's own host at Microsoft does, with STARTTLS and without a login; and those that know who may log in at Postfix.
"""

import base64
import os
import socketserver
import ssl
import struct
import threading


class Listener:
    """A server that runs in a thread until close()."""

    def __init__(self, base, address, handler, **values):
        server = type("Server", (socketserver.ThreadingMixIn, base), {"daemon_threads": True, "allow_reuse_address": True})
        self.server = server(address, handler)
        for name, value in values.items():
            setattr(self.server, name, value)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mail(socketserver.BaseRequestHandler):
    """One SMTP session. Messages go to server.messages as (envelope sender, recipients, whether by TLS, bytes)."""

    def reply(self, text):
        self.request.sendall(text.encode() + b"\r\n")

    def handle(self):
        file, sender, recipients = self.request.makefile("rb"), None, []
        self.reply("220 contoso-com.mail.protection.outlook.com")
        while line := file.readline():
            word, argument = line[:4].upper().decode(), line.decode().strip()
            if word == "EHLO":
                tls = isinstance(self.request, ssl.SSLSocket)
                self.reply("250-contoso-com.mail.protection.outlook.com\r\n" + ("" if tls else "250-STARTTLS\r\n") + "250 8BITMIME")
            elif word == "STAR":
                self.reply("220 go on")
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
                file = self.request.makefile("rb")
            elif word == "DATA":
                self.reply("354 go on")
                body = b"".join(iter(file.readline, b".\r\n"))
                with self.server.arrived:
                    self.server.messages.append((sender, recipients, isinstance(self.request, ssl.SSLSocket), body))
                    self.server.arrived.notify_all()
                self.reply("250 2.6.0 queued")
            elif word == "QUIT":
                self.reply("221 bye")
                return
            else:
                if word == "MAIL":
                    sender, recipients = argument.split("<", 1)[1].split(">")[0], []
                elif word == "RCPT":
                    recipients.append(argument.split("<", 1)[1].split(">")[0])
                self.reply("250 2.1.0 good")


class MailSink(Listener):
    """chain: a file with certificate and key."""

    def __init__(self, chain):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        super().__init__(socketserver.TCPServer, ("127.0.0.1", 0), Mail, context=context, messages=[],
                         arrived=threading.Condition())
        self.port = self.server.server_address[1]

    def delivered(self, count, timeout=80):
        """The messages, once there are so many."""
        with self.server.arrived:
            if not self.server.arrived.wait_for(lambda: len(self.server.messages) >= count, timeout):
                raise AssertionError(f"{len(self.server.messages)} messages, not {count}")
            return list(self.server.messages)


class Saslauthd(socketserver.StreamRequestHandler):
    """saslauthd's protocol: user, password, service and realm, each behind its length; "OK" or "NO" in the same way."""

    def handle(self):
        user, password, _, _ = (self.rfile.read(struct.unpack(">H", self.rfile.read(2))[0]).decode() for _ in range(4))
        answer = b"OK" if (user, password) in self.server.users else b"NO"
        self.wfile.write(struct.pack(">H", len(answer)) + answer)


class DovecotAuth(socketserver.StreamRequestHandler):
    """Dovecot's authentication protocol, version 1.1, as far as PLAIN."""

    def handle(self):
        self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef\nDONE\n")
        for line in self.rfile:
            word, *values = line.decode().rstrip("\n").split("\t")
            if word == "AUTH":
                response = next(v for v in values if v.startswith("resp="))[5:]
                _, user, password = base64.b64decode(response).decode().split("\0")
                good = (user, password) in self.server.users
                self.wfile.write((f"OK\t{values[0]}\tuser={user}\n" if good else f"FAIL\t{values[0]}\tuser={user}\n").encode())


def unix_server(path, handler, users):
    """At a socket that every user may open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = Listener(socketserver.UnixStreamServer, str(path), handler, users=users)
    os.chmod(path, 0o666)
    return listener
