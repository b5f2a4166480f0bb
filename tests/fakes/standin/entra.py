"""The provider's memory and rules: clients, accounts, refresh tokens and their rotation, access tokens. No I/O.

A grant type is a method named in GRANTS; it answers with a dict or raises Refusal.
"""

import base64
import dataclasses
import hmac
import json
import secrets
import threading
import time
import uuid

from . import assertion
from .book import ROTATIONS, BadSetting
from .errors import Refusal
from .signin import SignIns

TENANT_ID = "8a1c5d2e-6b7f-4c3a-9d10-2f4e6a8b0c1d"
TENANT = "contoso.onmicrosoft.com"
TEMPLATED = ("common", "organizations", "consumers")
SCOPE_USER = "https://outlook.office.com/SMTP.Send"
APP_SCOPES = ("https://outlook.office365.com/.default", "https://outlook.office.com/.default")
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclasses.dataclass
class Client:
    """An app registration: public if it has neither secret nor certificate (PEM) nor federated token."""
    client_id: str
    secret: str | None
    certificate: str | None = None
    federated: str | None = None


@dataclasses.dataclass
class Family:
    """A sign-in and all refresh tokens that descend from it."""
    user: str
    client_id: str
    tokens: list
    revoked: bool = False


@dataclasses.dataclass
class Account:
    """A mailbox, and how its tokens are to be."""
    user: str
    client_id: str
    send_as: list
    app: bool = False            # the app may send as this mailbox with client credentials
    rotation: str | None = None  # None: the setting counts; so for the next two
    token_size: int | None = None
    token_lifetime: float | None = None
    family: Family | None = None


@dataclasses.dataclass
class AccessToken:
    """user None: given to an app, for each mailbox that the app may use."""
    user: str | None
    client_id: str
    until: float
    revoked: bool = False


def base64url(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def filler(length):
    return secrets.token_urlsafe(length)[:length]


class Entra:
    """Thread-safe; `book` has the settings and counters, `marker` starts every secret that is made here."""

    def __init__(self, book, marker):
        self.book = book
        self.marker = marker
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        with self.lock:
            self.clients, self.accounts, self.families, self.access_tokens = {}, {}, {}, {}
            self.assertions, self.service_accounts = [], {}
            self.signins = SignIns(self)

    # --- what a test sets up ---

    def add_account(self, spec):
        """Adds or replaces; returns the new sign-in's refresh token, if the account has one."""
        known = {"user", "client_id", "secret", "public", "refresh_token", "send_as", "app", "rotation", "token_size",
                 "token_lifetime", "certificate", "federated", "service_account"}
        if unknown := set(spec) - known:
            raise BadSetting(f"unknown: {', '.join(sorted(unknown))}")
        if not spec.get("user") or not spec.get("client_id"):
            raise BadSetting("user and client_id are needed")
        ways = [way for way in ("public", "secret", "certificate", "federated", "service_account") if spec.get(way)]
        if len(ways) != 1:
            raise BadSetting("one of secret, certificate, federated, service_account, or public: true")
        if spec.get("rotation") not in (None, *ROTATIONS):
            raise BadSetting(f"rotation: one of {', '.join(ROTATIONS)}")
        user, client_id = spec["user"].lower(), spec["client_id"]
        with self.lock:
            self.clients[client_id] = Client(client_id, spec.get("secret"), spec.get("certificate"),
                                             spec.get("federated"))
            if spec.get("service_account"):
                self.service_accounts[spec["service_account"]["email"]] = spec["service_account"]
            account = Account(user, client_id, [name.lower() for name in spec.get("send_as", [])],
                              bool(spec.get("app")), spec.get("rotation"), spec.get("token_size"),
                              spec.get("token_lifetime"))
            self.accounts[user] = account
            if account.app:
                return None
            token = spec.get("refresh_token") or self._refresh_token()
            account.family = Family(user, client_id, [token])
            self.families[token] = account.family
            return token

    def revoke(self, spec):
        """{user}: everything; {family: user}: the sign-in; {access_tokens_of: user}; {token}: one of either kind."""
        if len(spec) != 1:
            raise BadSetting("one of user, family, access_tokens_of, token")
        (kind, value), = spec.items()
        with self.lock:
            if kind == "token":
                self._revoke_one(value)
                return
            account = self.accounts.get(str(value).lower())
            if account is None or kind not in ("user", "family", "access_tokens_of"):
                raise BadSetting(f"{kind}: {value}: no such thing")
            if kind in ("user", "family") and account.family:
                account.family.revoked = True
            if kind in ("user", "access_tokens_of"):
                for token in self.access_tokens.values():
                    if token.user == account.user or (token.user is None and token.client_id == account.client_id):
                        token.revoked = True

    def _revoke_one(self, text):
        if text in self.access_tokens:
            self.access_tokens[text].revoked = True
        elif text in self.families:
            self.families[text].revoked = True
        else:
            raise BadSetting("token: no such thing")

    def secrets(self):
        """Every token that was ever given out, for a test that looks where they have got to."""
        with self.lock:
            return {
                "access_tokens": list(self.access_tokens),
                "refresh_tokens": list(self.families),
                "assertions": [{"header": header, "claims": claims} for header, claims in self.assertions],
                "accounts": {user: {"alive": bool(account.family and not account.family.revoked),
                                    "refresh_token": account.family.tokens[-1] if account.family else None,
                                    "rotations": len(account.family.tokens) - 1 if account.family else 0}
                             for user, account in self.accounts.items()},
            }

    # --- the token endpoint ---

    def tenant_known(self, tenant):
        return tenant.lower() in (TENANT_ID, TENANT, *TEMPLATED)

    def grant(self, tenant, form, basic, endpoint):
        """form: name -> value; basic: (id, secret) from the Authorization header, or None; endpoint: the URL that was
        asked. The answer's fields."""
        if not self.tenant_known(tenant):
            raise Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found. Check to make sure you have the "
                          "correct tenant ID and are signing into the correct cloud.")
        kind = form.get("grant_type")
        if not kind:
            raise Refusal(400, "invalid_request", 900144,
                          "The request body must contain the following parameter: 'grant_type'.")
        if kind not in (*self.GRANTS, JWT_BEARER):
            raise Refusal(400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{kind}'.")
        with self.lock:
            if kind == JWT_BEARER:
                return self._grant_jwt_bearer(form, endpoint)
            client = self._authenticate(form, basic, endpoint)
            return self.GRANTS[kind](self, tenant, client, form)

    def _check_assertion(self, client, form, endpoint):
        given = form.get("client_assertion")
        if client.secret is not None or "client_secret" in form or not given \
                or form.get("client_assertion_type") != assertion.CLIENT_ASSERTION:
            raise Refusal(401, "invalid_client", 7000218, "The request body must contain the following parameter: "
                          "'client_assertion' or 'client_secret'.")
        self.book.add(f"token/assertions/{client.client_id}")
        if client.federated is not None:
            if not hmac.compare_digest(client.federated.encode(), given.encode()):
                raise Refusal(401, "invalid_client", 700211, "No matching federated identity record found for presented "
                              "assertion issuer.")
            return
        header, claims = assertion.check_client(given, client.certificate, client.client_id, endpoint)
        if any(claims["jti"] == other["jti"] for _, other in self.assertions if "jti" in other):
            raise Refusal(401, "invalid_client", 50027, "The assertion has been used before.")
        self.assertions.append((header, claims))

    def _grant_jwt_bearer(self, form, endpoint):
        given = form.get("assertion", "")
        if set(form) != {"grant_type", "assertion"} or given.count(".") != 2:
            raise Refusal(400, "invalid_request", 0, "grant_type and assertion are wanted, and nothing else")
        account = self.service_accounts.get(assertion.take_apart(given)[1].get("iss"))
        if account is None:
            raise Refusal(400, "invalid_grant", 0, "Invalid grant: account not found")
        user, parts = assertion.check_service_account(given, account, endpoint)
        self.book.add(f"token/jwt_bearer/{user}")
        if user not in self.accounts:
            raise Refusal(400, "invalid_grant", 0, "Invalid email or User ID")
        self.assertions.append(parts)
        return self._token_answer(self.accounts[user], user, account["email"], None)

    def application_token(self, client_id):
        """For an identity that has proved itself elsewhere."""
        with self.lock:
            account = next((one for one in self.accounts.values() if one.client_id == client_id), None)
            return self._token_answer(account, None, client_id, None)

    def _authenticate(self, form, basic, endpoint):
        if basic and ("client_secret" in form or form.get("client_id", basic[0]) != basic[0]):
            raise Refusal(400, "invalid_request", 90023, "The client authenticates in two ways at once.")
        how = "basic" if basic else "post" if "client_secret" in form else "assertion" if "client_assertion" in form else "none"
        self.book.add(f"token/auth/{how}")
        client_id, secret = basic if basic else (form.get("client_id"), form.get("client_secret"))
        if not client_id:
            raise Refusal(400, "invalid_request", 900144,
                          "The request body must contain the following parameter: 'client_id'.")
        client = self.clients.get(client_id)
        if client is None:
            raise Refusal(400, "unauthorized_client", 700016, f"Application with identifier '{client_id}' was not found "
                          "in the directory 'Contoso'.")
        if client.certificate is not None or client.federated is not None:
            self._check_assertion(client, form, endpoint)
            return client
        if client.secret is not None and "client_assertion" in form:
            raise Refusal(401, "invalid_client", 700027, "The certificate with this thumbprint is not registered.")
        if client.secret is None and secret is not None:
            raise Refusal(401, "invalid_client", 700025, "Client is public so neither 'client_assertion' nor "
                          "'client_secret' should be presented.")
        if client.secret is not None and secret is None:
            raise Refusal(401, "invalid_client", 7000218, "The request body must contain the following parameter: "
                          "'client_assertion' or 'client_secret'.")
        if client.secret is not None and not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise Refusal(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in "
                          "the request is the client secret value, not the client secret ID, for a secret added to app "
                          f"'{client_id}'.")
        return client

    def _grant_refresh_token(self, tenant, client, form):
        presented = form.get("refresh_token")
        if not presented:
            raise Refusal(400, "invalid_request", 900144,
                          "The request body must contain the following parameter: 'refresh_token'.")
        family = self.families.get(presented)
        if family is None or family.client_id != client.client_id:
            raise Refusal(400, "invalid_grant", 70000, "Provided grant is invalid or malformed.", "bad_token")
        self.book.add(f"token/refreshes/{family.user}")
        if family.revoked:
            raise Refusal(400, "invalid_grant", 50173, "The provided grant has expired due to it being revoked, a fresh "
                          "auth token is needed.", "bad_token")
        account = self.accounts[family.user]
        rotation = account.rotation or self.book["rotation"]
        if rotation == "single-use" and presented != family.tokens[-1]:
            family.revoked = True
            self.book.add(f"token/reuse_detected/{family.user}")
            raise Refusal(400, "invalid_grant", 70000, "The refresh token has been used before; all tokens of its grant "
                          "are revoked.", "bad_token")
        scope = form.get("scope") or f"{SCOPE_USER} offline_access"
        if SCOPE_USER.split("//")[1].split("/")[0] not in scope:
            raise Refusal(400, "invalid_scope", 70011, f"The provided value for the input parameter 'scope' is not valid. "
                          f"The scope {scope} is not valid.")
        answer = self._token_answer(account, family.user, client.client_id, SCOPE_USER)
        if rotation != "none" and not self.book["no_refresh_token"]:
            newer = self._refresh_token()
            family.tokens.append(newer)
            self.families[newer] = family
            answer["refresh_token"] = newer
            self.book.add(f"token/rotations/{family.user}")
        return answer

    def _grant_client_credentials(self, tenant, client, form):
        self.book.add(f"token/client_credentials/{client.client_id}")
        if client.secret is None and client.certificate is None and client.federated is None:
            raise Refusal(401, "invalid_client", 7000218, "The request body must contain the following parameter: "
                          "'client_assertion' or 'client_secret'.")
        if tenant.lower() in TEMPLATED:
            raise Refusal(400, "invalid_request", 9001023, "The grant type is not supported over the /common or "
                          "/consumers endpoints. Please use the /organizations or tenant-specific endpoint.")
        if form.get("scope") not in APP_SCOPES:
            raise Refusal(400, "invalid_scope", 1002012, f"The provided value for scope {form.get('scope')} is not valid. "
                          "Client credential flows must have a scope value with /.default suffixed to the resource "
                          "identifier (application ID URI).")
        account = next((one for one in self.accounts.values() if one.client_id == client.client_id), None)
        return self._token_answer(account, None, client.client_id, None)

    def _grant_authorization_code(self, _, client, form):
        return self.signins.redeem(client, form)

    def _grant_device_code(self, _, client, form):
        return self.signins.poll(client, form)

    GRANTS = {"refresh_token": _grant_refresh_token, "client_credentials": _grant_client_credentials,
              "authorization_code": _grant_authorization_code,
              "urn:ietf:params:oauth:grant-type:device_code": _grant_device_code}

    def new_sign_in(self, user, client_id, refresh):
        """An access token's answer and, if wanted, a refresh token, which starts a family of its own."""
        account, token = self.accounts[user], None
        if refresh:
            token = self._refresh_token()
            account.family = self.families[token] = Family(user, client_id, [token])
        return self._token_answer(account, user, client_id, SCOPE_USER), token

    # --- tokens ---

    def _refresh_token(self):
        return f"{self.marker}-RT-{filler(64)}"

    def _token_answer(self, account, user, client_id, scope):
        lifetime = (account and account.token_lifetime) or self.book["token_lifetime"]
        size = (account and account.token_size) or self.book["token_size"]
        token = self._access_token(user, client_id, scope, size, lifetime)
        self.access_tokens[token] = AccessToken(user, client_id, time.monotonic() + lifetime)
        answer = {"token_type": "Bearer"}
        if scope:
            answer["scope"] = scope
        if not self.book["no_expires_in"]:
            answer["expires_in"] = answer["ext_expires_in"] = int(lifetime)
        answer["access_token"] = token
        return answer

    def _access_token(self, user, client_id, scope, size, lifetime):
        """Three parts as a JWT; the last one starts with the marker and brings the whole to `size` bytes."""
        now = int(time.time())
        claims = {"aud": "https://outlook.office365.com" if user is None else "https://outlook.office.com",
                  "iss": f"https://sts.windows.net/{TENANT_ID}/", "iat": now, "nbf": now, "exp": now + int(lifetime),
                  "appid": client_id, "tid": TENANT_ID, "uti": str(uuid.uuid4()), "ver": "1.0"}
        claims.update({"roles": ["SMTP.SendAsApp"]} if user is None else {"scp": "SMTP.Send", "upn": user})
        head = base64url(json.dumps({"typ": "JWT", "alg": "RS256", "x5t": filler(27)})) + "."
        signature = 342
        room = size - len(head) - len(base64url(json.dumps(claims))) - 1 - signature
        claims["xms_pad"] = "x" * max(room * 3 // 4 - 20, 0)
        while True:
            body = head + base64url(json.dumps(claims)) + "."
            last = f"{self.marker}-AT-" + filler(max(size - len(body) - len(self.marker) - 4, 43))
            if len(last) % 4 != 1:  # no base64 has that length
                return body + last
            claims["xms_pad"] += "x"

    def refusal_of_token(self, token, user):
        """Why the submission server does not take this token for this user, or None: it does."""
        with self.lock:
            known = self.access_tokens.get(token)
            account = self.accounts.get(user.lower())
            if known is None:
                return "unknown token"
            if known.revoked:
                return "revoked token"
            if time.monotonic() >= known.until:
                return "expired token"
            if account is None:
                return "no such mailbox"
            if known.user is None:
                return None if account.app and account.client_id == known.client_id else "not this app's mailbox"
            return None if known.user == account.user else "another user's token"

    def may_send_as(self, user, address):
        """The mailbox itself, an address of its send_as, or one that "*@domain" there covers."""
        address = address.lower()
        with self.lock:
            account = self.accounts.get(user.lower())
            if account is None:
                return False
            return address in (account.user, *account.send_as) or "*@" + address.rpartition("@")[2] in account.send_as
