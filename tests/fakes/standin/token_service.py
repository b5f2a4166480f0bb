"""The token service: HTTPS with Entra's paths, its metadata documents, and every way in which such a service can fail."""

import base64
import binascii
import http.server
import json
import os
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
import urllib.parse
import uuid

from .entra import TEMPLATED, TENANT_ID
from .errors import Refusal, error_body
from .signin import Page

HANG_SECONDS = 60
FORM_MAX = 512 * 1024
FORM_TEXT = re.compile(r"(?:[A-Za-z0-9._~*+-]|%[0-9A-Fa-f]{2})*")

# kinds of token_fault. "when" of a fault: "before" (default) or "after" the request has been acted upon.
FAULTS = ("status", "error", "hang_connect", "hang_headers", "hang_body", "slow", "hold", "reset", "close", "html",
          "garbage", "not_http", "truncated", "cut_json", "huge", "wrong_types", "empty", "no_token", "nul",
          "duplicate_keys", "redirect", "answer", "raw", "slow_headers", "reset_body")

WRONG_TYPES = {"token_type": ["Bearer"], "access_token": 42, "expires_in": {"seconds": 3599}, "refresh_token": True}

NOT_WHOLE = {"token_type": "Bearer", "expires_in": 3599, "access_token": "eyJ-never-to-be-served"}


class Dropped(Exception):
    """The connection was ended on purpose."""


def form_decode(text):
    """application/x-www-form-urlencoded, by the letter: anything else in it is refused."""
    if not FORM_TEXT.fullmatch(text):
        raise Refusal(400, "invalid_request", 90014, "The request body is not form-encoded.")
    plain = re.sub(r"%(..)", lambda hit: chr(int(hit[1], 16)), text.replace("+", " "))
    return plain.encode("latin-1").decode("utf-8")


def parse_form(body):
    form = {}
    for pair in body.split("&") if body else []:
        name, equals, value = pair.partition("=")
        name = form_decode(name)
        if not equals or name in form:
            raise Refusal(400, "invalid_request", 90014, "A parameter is malformed or repeated.")
        form[name] = form_decode(value)
    return form


def parse_basic(header):
    """(client id, secret) of RFC 6749 section 2.3.1, or None without a header."""
    if header is None:
        return None
    word, _, rest = header.partition(" ")
    try:
        user, colon, secret = base64.b64decode(rest, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if word.lower() != "basic" or not colon:
        raise Refusal(400, "invalid_request", 90023, "The Authorization header is malformed.")
    return form_decode(user), form_decode(secret)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection; the server's book, entra and base are shared."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-IIS/10.0"
    sys_version = ""
    timeout = 120

    def handle(self):
        try:
            super().handle()
        except (Dropped, OSError, ValueError):
            self.close_connection = True

    def log_message(self, *_):
        """Nothing: what a request holds is secret."""

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if match := re.fullmatch(r"/([^/?]+)/oauth2/v2\.0/authorize", url.path):
            self.authorize(match[1], dict(urllib.parse.parse_qsl(url.query)))
            return
        match = re.fullmatch(r"/([^/?]+)(/v2\.0)?/\.well-known/openid-configuration", self.path)
        if not match:
            self.server.book.add("token/not_found")
            self.answer(404, b"", "text/html")
            return
        self.server.book.add("token/discovery")
        fault = self.server.book.take_fault("token_fault", lambda one: one.get("on") == "discovery")
        self.reply(lambda: self.metadata(match[1]), fault)

    def authorize(self, tenant, query):
        """The person's browser: back to the application, or a page of Entra's."""
        try:
            location = self.server.entra.signins.authorize(tenant, query)
            self.answer(302, b"", "text/html", headers=[("Location", location)])
        except Page as page:
            self.answer(400, f"<html><body>AADSTS{page.code}: {page.text}</body></html>".encode(), "text/html")

    def device_authorization(self, tenant, body):
        try:
            return 200, self.server.entra.signins.device_authorization(tenant, parse_form(body.decode("latin-1")))
        except Refusal as refusal:
            return refusal.status, error_body(refusal.error, refusal.code, refusal.text, self.server.base)

    def do_POST(self):
        # The body is read on every path: what stays unread would become the connection's next request.
        body = self.read_body()
        if match := re.fullmatch(r"/([^/?]+)/oauth2/v2\.0/devicecode", self.path):
            fault = self.server.book.take_fault("token_fault", lambda one: one.get("on") == "devicecode")
            self.reply(lambda: self.device_authorization(match[1], body), fault)
            return
        match = re.fullmatch(r"/([^/?]+)/oauth2/v2\.0/token", self.path)
        if not match:
            self.server.book.add("token/not_found")
            self.answer(404, b"", "text/html")
            return
        book = self.server.book
        book.add("token/requests")
        book.highest("token/in_flight_max", book.add("token/in_flight"))
        try:
            time.sleep(book["token_delay_s"])
            fault = book.take_fault("token_fault", lambda one: one.get("on", "token") == "token"
                                    and one["kind"] != "hang_connect")
            self.reply(lambda: self.grant(match[1], body), fault)
            book.add("token/answered")
        finally:
            book.add("token/in_flight", -1)

    def read_body(self):
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 <= length <= FORM_MAX:
            raise Dropped
        return self.rfile.read(length)

    # --- what is answered when nothing is wrong: (status, dict) ---

    def grant(self, tenant, body):
        try:
            if self.headers.get_content_type() != "application/x-www-form-urlencoded":
                raise Refusal(400, "invalid_request", 900561, "The endpoint only accepts form-encoded POST requests.")
            answer = self.server.entra.grant(tenant, parse_form(body.decode("latin-1")),
                                             parse_basic(self.headers.get("Authorization")),
                                             f"{self.server.base}/{tenant}/oauth2/v2.0/token")
            self.server.book.add("token/granted")
            return 200, answer
        except Refusal as refusal:
            self.server.book.add(f"token/refused/{refusal.error}")
            return refusal.status, error_body(refusal.error, refusal.code, refusal.text, self.server.base,
                                              refusal.suberror)

    def metadata(self, tenant):
        server, base = self.server, self.server.base
        if not server.entra.tenant_known(tenant):
            return 400, error_body("invalid_tenant", 90002, f"Tenant '{tenant}' not found. Check to make sure you have the "
                                   "correct tenant ID and are signing into the correct cloud.", base)
        here = f"{base}/{tenant}"
        issuer = "{tenantid}" if tenant in TEMPLATED else TENANT_ID
        return 200, {
            "token_endpoint": f"{here}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": server.book["auth_methods"],
            "jwks_uri": f"{here}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/{issuer}/v2.0",
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
            "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "end_session_endpoint": f"{here}/oauth2/v2.0/logout",
            "claims_supported": ["sub", "iss", "cloud_instance_name", "aud", "exp", "iat", "nonce", "name", "tid", "email"],
            "kerberos_endpoint": f"{here}/kerberos",
            "tenant_region_scope": None if tenant in TEMPLATED else "EU",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }

    # --- answering, and failing to ---

    def reply(self, act, fault):
        """Acts and answers, or does what the fault says (which may act first: "when": "after")."""
        if fault is None:
            status, body = act()
            self.answer(status, json.dumps(body).encode())
            return
        if fault["kind"] == "hold":
            self.hold(act, fault)
            return
        body = act()[1] if fault.get("when") == "after" else dict(NOT_WHOLE)
        getattr(self, "fault_" + fault["kind"])(fault, body)

    def answer(self, status, body, content_type="application/json; charset=utf-8", headers=(), length=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Cache-Control", "no-store, no-cache")
        self.send_header("x-ms-request-id", str(uuid.uuid4()))
        for name, value in headers:
            self.send_header(name, value)
        if not self.server.book["token_keep_alive"]:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def hold(self, act, fault):
        """Keeps the request until POST /release, before or after it is acted upon."""
        book = self.server.book
        early = act() if fault.get("when") == "after" else None
        book.add("token/held")
        book.hold(HANG_SECONDS)
        status, body = early or act()
        self.answer(status, json.dumps(body).encode())

    def hang(self):
        self.server.book.add("token/hanging")
        self.server.book.hold(HANG_SECONDS, self.peer_gone)
        raise Dropped

    def peer_gone(self):
        """TLS closes with an alert, so anything that can be read means that the client has done with us."""
        self.connection.settimeout(0)
        try:
            self.connection.recv(1)
            return True
        except ssl.SSLWantReadError:
            return False
        except OSError:
            return True

    def fault_status(self, fault, _):
        headers = [("Retry-After", str(fault["retry_after"]))] if "retry_after" in fault else []
        body = fault.get("body", "Too Many Requests" if fault["status"] == 429 else "")
        self.answer(fault["status"], body.encode(), fault.get("content_type", "text/plain"), headers)

    def fault_error(self, fault, _):
        body = error_body(fault["error"], fault.get("code", 90033), fault.get("text", "A fault of the stand-in."),
                          self.server.base, fault.get("suberror"))
        headers = [("Retry-After", str(fault["retry_after"]))] if "retry_after" in fault else []
        self.answer(fault.get("status", 400), json.dumps(body).encode(), headers=headers)

    def fault_hang_headers(self, *_):
        self.hang()

    def fault_hang_body(self, _, body):
        text = json.dumps(body).encode()
        self.answer(200, text[:len(text) // 2], length=len(text))
        self.hang()

    def fault_slow(self, _, body):
        """A byte each 0.2 s: a timeout that starts anew with every byte would never come."""
        self.answer(200, b"", length=100000)
        end = time.monotonic() + HANG_SECONDS
        while time.monotonic() < end:
            self.wfile.write(b" ")
            time.sleep(0.2)
        raise Dropped

    def fault_slow_headers(self, *_):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        end = time.monotonic() + HANG_SECONDS
        while time.monotonic() < end:
            self.wfile.write(b"X-Slow: 1\r\n")
            time.sleep(0.2)
        raise Dropped

    def fault_reset_body(self, _, body):
        text = json.dumps(body).encode()
        self.answer(200, text[:len(text) // 2], length=len(text))
        self.fault_reset()

    def fault_reset(self, *_):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        raise Dropped

    def fault_close(self, *_):
        raise Dropped

    def fault_html(self, fault, _):
        self.answer(fault.get("status", 200), b"<!DOCTYPE html><html><body>Sign in to the guest network</body></html>",
                    "text/html; charset=utf-8")

    def fault_garbage(self, *_):
        self.answer(200, bytes(range(256)) * 4)

    def fault_not_http(self, *_):
        self.wfile.write(b"\x00\xff220 this is not HTTP\r\n" * 8)
        raise Dropped

    def fault_truncated(self, _, body):
        text = json.dumps(body).encode()
        self.answer(200, text[:-5], length=len(text))
        raise Dropped

    def fault_cut_json(self, _, body):
        self.answer(200, json.dumps(body).encode()[:-5])

    def fault_huge(self, fault, _):
        size, sent, block = fault.get("size", 50 * 1024 * 1024), 0, b'{"token_type":"Bearer",' + b" " * 65536
        self.answer(200, b"", length=size)
        try:
            while sent < size:
                sent += len(block)
                self.wfile.write(block)
        finally:
            self.server.book.highest("token/huge_sent", sent)
            self.server.book.add("token/huge_ended")

    def fault_wrong_types(self, *_):
        self.answer(200, json.dumps(WRONG_TYPES).encode())

    def fault_empty(self, *_):
        self.answer(200, b"")

    def fault_no_token(self, *_):
        self.answer(200, json.dumps({"token_type": "Bearer", "expires_in": 3599}).encode())

    def fault_nul(self, *_):
        self.answer(200, json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": "eyJ\0x"}).encode())

    def fault_duplicate_keys(self, *_):
        self.answer(200, b'{"token_type":"Bearer","expires_in":3599,"access_token":"eyJa","access_token":"eyJb"}')

    def fault_answer(self, fault, body):
        """What would be answered, but with these values, and without those of "drop"."""
        body = {**body, "access_token": "MARKER-never-to-be-served", **fault.get("values", {})}
        for name in fault.get("drop", ()):
            body.pop(name, None)
        self.answer(fault.get("status", 200), json.dumps(body).encode())

    def fault_raw(self, fault, _):
        """These bytes, as Latin-1."""
        self.answer(fault.get("status", 200), fault["text"].encode("latin-1"))

    def fault_redirect(self, fault, _):
        self.answer(fault.get("status", 307), b"", headers=[("Location", fault["location"])])


class TokenService(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Listens on 127.0.0.1; a thread per connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name, port, book, entra, certificates):
        super().__init__(("127.0.0.1", port), Handler)
        self.book, self.entra, self.certificates = book, entra, certificates
        here = self.server_address[1]
        self.base = f"https://{name}" + ("" if here == 443 else f":{here}")

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def finish_request(self, request, client_address):
        book = self.book
        book.add("token/connections")
        if book.take_fault("token_fault", lambda one: one["kind"] == "hang_connect"):
            book.add("token/hanging")
            book.hold(HANG_SECONDS)
            return
        request.settimeout(30)
        context = self.certificates.context(book["token_certificate"], book["token_tls_max"])
        try:
            with context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except OSError:
            book.add("token/connections_failed")

    def handle_error(self, request, client_address):
        self.book.add("token/connections_failed")
