"""The control port: plain HTTP with JSON on 127.0.0.1, by which a test sets up accounts and faults and reads what happened.

    GET  /stats                                     every counter there is, by its path
    GET  /wait?path=P&at_least=N&timeout=S          {"value": n} once the counter is that high, or the time is over;
                                                    at_most=N waits for it to fall
    GET  /messages?since=N&bodies=0                 the accepted messages
    GET  /secrets                                   every token given out, and the state of each account's sign-in
    GET  /settings                                  what POST /config can change
    POST /config   {name: value, ...}               all of it or nothing
    POST /account  {user, client_id, secret | certificate | federated | service_account | public, refresh_token, send_as,
                   app, rotation, token_size, token_lifetime}
    POST /revoke   {user | family | access_tokens_of: user} or {token}
    POST /device   {user_code, user}                types a device code in and signs in; user null: declines
    POST /release  {}                               lets go of the requests that a fault holds
    POST /reset    {}                               settings, counters and messages; {"accounts": true}: those too
"""

import http.server
import json
import threading
import urllib.parse

from .book import BadSetting
from .submission import FAULT_POINTS
from .token_service import FAULTS

WAIT_MAX = 60
BODY_MAX = 16 * 1024 * 1024


def check_faults(values):
    token, smtp = values.get("token_fault"), values.get("smtp_fault")
    if token is not None and token.get("kind") not in (*FAULTS, None):
        raise BadSetting(f"token_fault: kind is one of {', '.join(FAULTS)}")
    if token is not None and "kind" not in token:
        raise BadSetting("token_fault: needs kind")
    if smtp is not None and smtp.get("at") not in FAULT_POINTS:
        raise BadSetting(f"smtp_fault: at is one of {', '.join(FAULT_POINTS)}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def log_message(self, *_):
        """Nothing: it would drown the tests' own output."""

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.act("get_" + url.path.strip("/"), query)

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), BODY_MAX))
        try:
            values = json.loads(body or b"{}")
            if not isinstance(values, dict):
                raise ValueError("not an object")
        except ValueError as error:
            self.answer(400, {"error": f"not JSON: {error}"})
            return
        self.act("post_" + self.path.strip("/"), values)

    def act(self, name, values):
        method = getattr(self, name, None)
        if method is None:
            # Redirects of the token service may point here: a client that follows one is seen.
            self.server.book.add("control/not_found")
            self.answer(404, {"error": "no such path"})
            return
        try:
            self.answer(200, method(values))
        except (BadSetting, KeyError, TypeError, ValueError) as error:
            self.answer(400, {"error": str(error)})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def get_stats(self, _):
        return self.server.book.snapshot()

    def get_wait(self, query):
        timeout = min(float(query.get("timeout", "10")), WAIT_MAX)
        bounds = {name: int(query[name]) for name in ("at_least", "at_most") if name in query}
        return {"value": self.server.book.wait(query["path"], timeout, **bounds)}

    def get_messages(self, query):
        return self.server.post.listing(query.get("bodies", "1") != "0", int(query.get("since", "0")))

    def get_secrets(self, _):
        return self.server.entra.secrets()

    def get_settings(self, _):
        with self.server.book.changed:
            return dict(self.server.book.settings)

    def post_config(self, values):
        check_faults(values)
        self.server.book.configure(values)
        return {}

    def post_account(self, values):
        return {"refresh_token": self.server.entra.add_account(values)}

    def post_revoke(self, values):
        self.server.entra.revoke(values)
        return {}

    def post_device(self, values):
        self.server.entra.signins.decide(values["user_code"], values["user"])
        return {}

    def post_release(self, _):
        self.server.book.release()
        return {}

    def post_reset(self, values):
        self.server.book.reset()
        self.server.post.reset()
        if values.get("accounts"):
            self.server.entra.reset()
        return {}


class Control(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, book, entra, post):
        super().__init__(("127.0.0.1", port), Handler)
        self.book, self.entra, self.post = book, entra, post

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
