"""Azure's identity services on this machine, over plain HTTP: IMDS of a virtual machine, Azure Arc's agent, App Service.

They refuse what the real ones refuse: a request without its header, one that a proxy has passed on, a POST, a scope in the
place of a resource. Whose token it is does not matter here: the identity's client ID is what book["identity"] says.
"""

import http.server
import json
import threading
import time
import urllib.parse

from .errors import Refusal

RESOURCE = "https://outlook.office365.com"
PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "Via", "Proxy-Connection", "Proxy-Authorization")
VERSIONS = {"2018-02-01": "vm", "2019-11-01": "arc", "2019-08-01": "app-service"}
PATHS = {"vm": "/metadata/identity/oauth2/token", "arc": "/metadata/identity/oauth2/token", "app-service": "/msi/token"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def log_message(self, *_):
        """Nothing: what a request holds is secret."""

    def do_POST(self):
        self.answer(405, {"error": "method_not_allowed"})

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        kind = VERSIONS.get(query.get("api-version"))
        book = self.server.book
        book.add(f"identity/{kind}")
        fault = book.take_fault("identity_fault", lambda _: True)
        if fault:
            self.answer(fault["status"], {"error": fault.get("error", "fault"), "error_description": "as the test wants it"})
            return
        try:
            self.check(kind, url, query)
            if kind != "arc" or self.proves_that_it_may_read():
                self.answer(200, self.token(kind))
        except Refusal as refusal:
            book.add(f"identity/refused/{refusal.error}")
            self.answer(refusal.status, {"error": refusal.error, "error_description": refusal.text})

    def check(self, kind, url, query):
        if kind is None or url.path != PATHS[kind] or url.netloc:
            raise Refusal(404, "not_found", 0, "There is no such path.")
        if passed := [name for name in PROXY_HEADERS if name in self.headers]:
            raise Refusal(400, "bad_request_102", 0, f"The request came through a proxy: {passed}")
        wanted = self.server.book["identity_header"] if kind == "app-service" else "true"
        if self.headers.get("X-IDENTITY-HEADER" if kind == "app-service" else "Metadata") != wanted:
            raise Refusal(400, "bad_request_102", 0, "Required metadata header not specified")
        if set(query) - {"api-version", "resource", "client_id"} or query.get("resource") != RESOURCE:
            raise Refusal(400, "invalid_resource", 50001, "AADSTS50001: the resource principal was not found")
        if query.get("client_id", self.server.book["identity"]) != self.server.book["identity"]:
            raise Refusal(400, "invalid_request", 0, "Identity not found")

    def proves_that_it_may_read(self):
        realm, key = self.server.book["arc_realm"], self.server.book["arc_key"]
        if self.headers.get("Authorization") == f"Basic {key}":
            return True
        self.server.book.add("identity/challenges")
        self.answer(401, {"error": "unauthorized"}, (("Www-Authenticate", f"Basic realm={realm}"),))
        return False

    def token(self, kind):
        client_id = self.server.book["identity"]
        answer = self.server.entra.application_token(client_id)
        lifetime = answer["expires_in"]
        told = {"access_token": answer["access_token"], "client_id": client_id, "resource": RESOURCE, "token_type": "Bearer",
                "expires_on": str(int(time.time()) + lifetime)}
        if kind != "app-service":
            told.update({"expires_in": str(lifetime), "ext_expires_in": str(lifetime), "not_before": str(int(time.time()))})
        self.server.book.add(f"identity/granted/{kind}")
        return told

    def answer(self, status, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)


class Identity(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port, book, entra):
        super().__init__(("127.0.0.1", port), Handler)
        self.book, self.entra = book, entra

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
