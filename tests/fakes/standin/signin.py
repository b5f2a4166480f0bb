"""How a person signs in: the authorization code with PKCE and the device code, by Entra's rules. No I/O.

Whoever asks for the authorize address is taken for a browser in which the person signs in at once, as `signin_as` or, without
that setting, as the login_hint. A device code waits for approve() or decline().
"""

import base64
import dataclasses
import hashlib
import json
import re
import secrets
import time
import urllib.parse

from .errors import Refusal

CODE_CHARACTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"
NATIVE_CLIENT = "https://login.microsoftonline.com/common/oauth2/nativeclient"
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
OPENID = ("openid", "profile", "email", "offline_access")


class Page(Exception):
    """What the browser shows instead of going back: Entra never redirects to an address that it does not know."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


@dataclasses.dataclass
class Code:
    client_id: str
    redirect_uri: str
    challenge: str | None
    scope: list
    user: str
    until: float
    used: bool = False


@dataclasses.dataclass
class Device:
    client_id: str
    scope: list
    user_code: str
    until: float
    user: str | None = None
    declined: bool = False


def redirect_is_registered(uri):
    """http://localhost with any port, path included (/ and /auth are registered), and the native client's."""
    parts = urllib.parse.urlsplit(uri)
    if uri == NATIVE_CLIENT:
        return True
    return (parts.scheme == "http" and parts.hostname == "localhost" and parts.path in ("", "/", "/auth")
            and not parts.query and not parts.fragment)


def check_scope(text):
    """The words of the scope, if they are for the mail server."""
    words = text.split()
    resources = {word.rsplit("/", 1)[0] for word in words if word not in OPENID}
    if not resources:
        raise Refusal(400, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
    if len(resources) > 1:
        raise Refusal(400, "invalid_scope", 700022, "The provided value for the input parameter scope is not valid because "
                      "it contains more than one resource.")
    return words


class SignIns:
    """Shares entra's lock, clients and accounts, and the book's settings."""

    def __init__(self, entra):
        self.entra, self.book = entra, entra.book
        self.codes, self.devices = {}, {}

    # --- authorization code ---

    def authorize(self, tenant, query):
        """The address that the browser is sent to; raises Page."""
        entra = self.entra
        if not entra.tenant_known(tenant):
            raise Page(90002, f"Tenant '{tenant}' not found.")
        with entra.lock:
            if query.get("client_id") not in entra.clients:
                raise Page(700016, f"Application with identifier '{query.get('client_id')}' was not found in the directory.")
            redirect = query.get("redirect_uri", "")
            if not redirect_is_registered(redirect):
                raise Page(50011, f"The redirect URI '{redirect}' specified in the request does not match the redirect URIs "
                           "configured for the application.")
            return self.back(redirect, query)

    def back(self, redirect, query):
        try:
            answer = {"code": self.make_code(redirect, query)}
        except Refusal as refusal:
            answer = {"error": refusal.error, "error_description": f"AADSTS{refusal.code}: {refusal.text}\r\nTrace ID: 0"}
        if "state" in query:
            answer["state"] = query["state"]
        if "code" in answer:
            answer["session_state"] = secrets.token_hex(16)
        slash = "" if urllib.parse.urlsplit(redirect).path else "/"  # as Entra does in the mode "query"
        return redirect + slash + "?" + urllib.parse.urlencode(answer)

    def make_code(self, redirect, query):
        wrong = self.book["signin_error"]
        if wrong:
            raise Refusal(400, wrong["error"], wrong["code"], wrong["text"])
        if query.get("response_type") != "code" or query.get("response_mode") != "query":
            raise Refusal(400, "invalid_request", 900144, "response_type and response_mode are to be code and query here.")
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            raise Refusal(400, "invalid_request", 50147, "The size of the code challenge parameter is not valid.")
        user = self.user(query.get("login_hint", ""))
        code = f"{self.entra.marker}-CODE-{secrets.token_urlsafe(400)}"
        self.codes[code] = Code(query["client_id"], redirect, query["code_challenge"],
                                check_scope(query.get("scope", "")), user, time.monotonic() + self.book["code_lifetime"])
        self.book.add("token/authorized")
        return code

    def user(self, hint):
        user = (self.book["signin_as"] or hint).lower()
        if user not in self.entra.accounts:
            raise Refusal(400, "invalid_request", 50034, f"The user account {user} does not exist in the directory.")
        return user

    def redeem(self, client, form):
        code = self.codes.get(form.get("code"))
        if "scope" in form:
            check_scope(form["scope"])
        if code is None:
            raise Refusal(400, "invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        if code.used:
            raise Refusal(400, "invalid_grant", 54005, "OAuth2 Authorization code was already redeemed, please retry with a "
                          "new valid code or use an existing refresh token.")
        if time.monotonic() >= code.until:
            raise Refusal(400, "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to "
                          "inactivity. Send a new interactive authorization request for this user and resource.")
        if code.client_id != client.client_id:
            raise Refusal(400, "invalid_grant", 70000, "The code was issued to another client.")
        if code.redirect_uri != form.get("redirect_uri"):
            raise Refusal(400, "invalid_client", 500112, f"The reply address '{form.get('redirect_uri')}' does not match the "
                          f"reply address '{code.redirect_uri}' provided when requesting Authorization code.")
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not VERIFIER.fullmatch(verifier) or digest != code.challenge:
            raise Refusal(400, "invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the "
                          "authorization request.")
        code.used = True
        return self.tokens(code.user, client, code.scope)

    def tokens(self, user, client, scope):
        """A new sign-in's answer; the old one's tokens stay good, as at Entra."""
        refresh = "offline_access" in scope and not self.book["no_refresh_token"]
        answer, token = self.entra.new_sign_in(user, client.client_id, refresh)
        if token:
            answer["refresh_token"] = token
        if "openid" in scope:
            claims = {"aud": client.client_id, "name": "A Person", "oid": secrets.token_hex(16)}
            claims.update({"preferred_username": user} if "profile" in scope else {})
            parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
                     for part in ({"typ": "JWT", "alg": "RS256"}, claims)]
            answer["id_token"] = ".".join([*parts, secrets.token_urlsafe(256)])
        self.book.add(f"token/signed_in/{user}")
        return answer

    # --- device code ---

    def device_authorization(self, tenant, form):
        entra = self.entra
        if not entra.tenant_known(tenant):
            raise Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        with entra.lock:
            client = entra.clients.get(form.get("client_id"))
            if client is None:
                raise Refusal(400, "unauthorized_client", 700016, "Application was not found in the directory.")
            scope = check_scope(form.get("scope", ""))
            code = f"{entra.marker}-DC-{secrets.token_urlsafe(64)}"
            user_code = "".join(secrets.choice(CODE_CHARACTERS) for _ in range(9))
            life = self.book["device_lifetime"]
            self.devices[code] = Device(client.client_id, scope, user_code, time.monotonic() + life)
            self.book.add("token/device_codes")
            uri = "https://microsoft.com/devicelogin"
            return {"user_code": user_code, "device_code": code, "verification_uri": uri, "expires_in": int(life) or 1,
                    "interval": self.book["device_interval"],
                    "message": f"To sign in, use a web browser to open the page {uri} and enter the code {user_code} to "
                               "authenticate."}

    def poll(self, client, form):
        device = self.devices.get(form.get("device_code"))
        if device is None or device.client_id != client.client_id:
            raise Refusal(400, "bad_verification_code", 70019, "The device_code is not recognised.")
        if device.declined:
            raise Refusal(400, "authorization_declined", 65004, "User declined to consent to access the app.")
        if time.monotonic() >= device.until:
            raise Refusal(400, "expired_token", 70020, "The provided value for the input parameter 'device_code' is not "
                          "valid. This device code has expired.")
        if device.user is None:
            self.book.add("token/device_polls")
            raise Refusal(400, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. "
                          "Continue polling.")
        del self.devices[form["device_code"]]
        return self.tokens(device.user, client, device.scope)

    def decide(self, user_code, user):
        """The person types the code in, and signs in as user; None: declines."""
        with self.entra.lock:
            for device in self.devices.values():
                if device.user_code == user_code:
                    device.user, device.declined = user, user is None
                    return
        raise ValueError(f"user_code {user_code}: no such thing")
