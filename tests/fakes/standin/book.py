"""What every part of the stand-in shares: the settings that a test may change while it runs, and the counters.

A counter is named by a path such as "token/requests" or "smtp/logins/relay@contoso.com"; one that was never
touched is 0. Tests wait for counters (Book.wait) instead of sleeping.
"""

import threading
import time

ROTATIONS = ("none", "entra", "single-use")
CERTIFICATES = ("good", "expired", "wrong_name", "other_ca")

# name -> (default, the types a new value may have)
SETTINGS = {
    "rotation": ("entra", (str,)),            # of refresh tokens, where the account has none of its own
    "token_delay_s": (0, (int, float)),       # a token request is thought about for this long, then acted upon
    "token_fault": (None, (dict, type(None))),
    "token_size": (1536, (int,)),             # bytes of an access token
    "token_lifetime": (3599, (int, float)),   # seconds
    "no_expires_in": (False, (bool,)),
    "no_refresh_token": (False, (bool,)),     # answers without one: the client must keep the old one
    "token_keep_alive": (True, (bool,)),      # False: each answer ends its connection
    "signin_as": ("", (str,)),                # who signs in at the authorize address; "": whom the login_hint names
    "signin_error": (None, (dict, type(None))),  # {error, code, text}: the browser goes back with that
    "code_lifetime": (600, (int, float)),
    "device_lifetime": (900, (int, float)),
    "device_interval": (5, (int,)),
    "token_certificate": ("good", (str,)),
    "token_tls_max": ("", (str,)),            # "1.1": offers nothing newer
    "auth_methods": (["client_secret_post", "private_key_jwt", "client_secret_basic"], (list,)),
    "identity": ("6f0e2d4c-8b1a-4f3e-9d7c-5a6b7c8d9e0f", (str,)),  # the client ID of this machine's managed identity
    "identity_header": ("", (str,)),          # what App Service puts into the environment
    "identity_fault": (None, (dict, type(None))),  # {"status": n, "error": text, "count": n}
    "arc_realm": ("", (str,)),                # the file that the agent of Azure Arc names, and what it holds
    "arc_key": ("", (str,)),
    "smtp_fault": (None, (dict, type(None))),
    "smtp_certificate": ("good", (str,)),
    "gmail_mode": (False, (bool,)),           # a refused XOAUTH2 gets a 334 with JSON first
    "mechanisms": (["LOGIN", "XOAUTH2"], (list,)),  # what EHLO shows; XOAUTH2 and OAUTHBEARER are always taken
    "open_relay": (False, (bool,)),           # takes mail from sessions that have not logged in
    "withheld": ([], (list,)),                # keywords that EHLO does not show
    "max_sessions": (0, (int,)),              # logged-in sessions of one mailbox; 0: any number
    "max_command": (65536, (int,)),           # bytes of a command line, CRLF included
    "reply_delay_ms": (0, (int, float)),      # before each reply
}


# These say how many there are now; a reset leaves them, since those who added will subtract.
GAUGES = ("token/in_flight", "smtp/sessions", "smtp/sessions_of/")


class BadSetting(ValueError):
    """What a test asked for does not exist, or not in this form."""


class Book:
    """Settings and counters. All methods may be called from any thread."""

    def __init__(self):
        self.changed = threading.Condition(threading.RLock())
        self.counters = {}
        self.settings = {}
        self.released = 0
        self.reset()

    def reset(self):
        with self.changed:
            self.counters = {path: number for path, number in self.counters.items() if path.startswith(GAUGES)
                             and not path.startswith(("token/in_flight_max", "smtp/sessions_max"))}
            self.settings = {name: default for name, (default, _) in SETTINGS.items()}
            self.release()

    # --- settings ---

    def __getitem__(self, name):
        with self.changed:
            return self.settings[name]

    def configure(self, values):
        """Takes all of the new values, or none."""
        for name, value in values.items():
            if name not in SETTINGS:
                raise BadSetting(f"no such setting: {name}")
            if not isinstance(value, SETTINGS[name][1]) or (isinstance(value, bool) and bool not in SETTINGS[name][1]):
                raise BadSetting(f"{name}: wrong type {type(value).__name__}")
            if name == "rotation" and value not in ROTATIONS:
                raise BadSetting(f"rotation: one of {', '.join(ROTATIONS)}")
            if name.endswith("_certificate") and value not in CERTIFICATES:
                raise BadSetting(f"{name}: one of {', '.join(CERTIFICATES)}")
        with self.changed:
            self.settings.update(values)
            self.changed.notify_all()

    def take_fault(self, name, applies):
        """The fault of that setting if applies(fault) says so; its "count" goes down, and at 0 the fault is over."""
        with self.changed:
            fault = self.settings[name]
            if fault is None or not applies(fault):
                return None
            if fault.get("count") is not None:
                left = fault["count"] - 1
                self.settings[name] = dict(fault, count=left) if left > 0 else None
            self.add(f"faults/{name}")
            return fault

    # --- counters ---

    def add(self, path, number=1):
        with self.changed:
            self.counters[path] = self.counters.get(path, 0) + number
            self.changed.notify_all()
            return self.counters[path]

    def highest(self, path, number):
        with self.changed:
            if number > self.counters.get(path, 0):
                self.counters[path] = number
                self.changed.notify_all()

    def snapshot(self):
        with self.changed:
            return dict(self.counters)

    def wait(self, path, timeout, at_least=None, at_most=None):
        """The counter, as soon as it is within these bounds or the time is over."""
        def reached():
            number = self.counters.get(path, 0)
            return (at_least is None or number >= at_least) and (at_most is None or number <= at_most)

        with self.changed:
            self.changed.wait_for(reached, timeout)
            return self.counters.get(path, 0)

    # --- requests that are held until the test lets them go ---

    def release(self):
        with self.changed:
            self.released += 1
            self.changed.notify_all()

    def hold(self, timeout, gone=lambda: False):
        """Waits for release(), for gone() (asked ten times a second) or for the time to pass."""
        with self.changed:
            mine = self.released
            end = time.monotonic() + timeout
            while self.released == mine and time.monotonic() < end and not gone():
                self.changed.wait(0.1)
