#!/usr/bin/python3
"""A real, certified OpenID Provider (npm: oidc-provider) in the place of Microsoft's stand-in, and a real browser in the place
of the person: sign-ins through its own pages, rotation with reuse detection, and every way in which a client proves itself."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "blackbox"))
from browser import Browser  # noqa: E402
from harness import ACCOUNT, BUILD, SECRET, World  # noqa: E402
from person import Run  # noqa: E402

import tap  # noqa: E402

HERE = Path(__file__).resolve().parent / "oidc"
CACHE = Path(BUILD).parent / "cache" / "oidc"
BASIC, POST, KEY = "client_secret_basic", "client_secret_post", "private_key_jwt"
PEOPLE = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]


def install():
    """The provider, as the lock file names it, once for each state of that."""
    lock = (HERE / "package-lock.json").read_text()
    if (CACHE / "installed").exists() and (CACHE / "installed").read_text() == lock:
        return
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, CACHE)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=CACHE, check=True,
                   stdout=subprocess.DEVNULL, timeout=600)
    (CACHE / "installed").write_text(lock)


def person_client(name, method="none"):
    return {"client_id": name, "application_type": "native", "grant_types": PEOPLE, "response_types": ["code"],
            "redirect_uris": ["http://localhost/auth"], "token_endpoint_auth_method": method, "scope": "openid profile mail",
            **({"client_secret": SECRET} if method in (BASIC, POST) else {})}


def application_client(name, method, **more):
    return {"client_id": name, "grant_types": ["client_credentials"], "response_types": [], "redirect_uris": [],
            "token_endpoint_auth_method": method, "scope": "mail", **more,
            **({"client_secret": SECRET} if method in (BASIC, POST) else {})}


class OpenIdProvider:
    """node with the provider; ends with close()."""

    def __init__(self, world, clients, methods):
        settings = world.folder / "oidc.json"
        chain = world.folder / "p" / "ca" / "good.pem"
        settings.write_text(json.dumps({"pem": str(chain), "clients": clients, "methods": methods}))
        self.process = subprocess.Popen(["node", HERE / "provider.mjs", settings], cwd=CACHE, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, NO_COLOR="1"))
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1].decode())
        self.metadata = f"https://localhost:{json.loads(line)['port']}/.well-known/openid-configuration"

    def close(self):
        self.process.communicate(timeout=20)


class OidcTest(unittest.TestCase):
    def serve(self, clients, methods=("none", BASIC, POST, KEY)):
        self.world = World()
        self.addCleanup(self.world.close)
        provider = OpenIdProvider(self.world, clients, list(methods))
        self.addCleanup(provider.close)
        return provider

    def configure(self, provider, client_id, client="", grant="refresh_token"):
        scope = "mail" if grant == "client_credentials" else "openid profile mail"
        self.world.write(conf=f'client "oidc" {{ metadata_url = "{provider.metadata}" ca_file = "{self.world.provider.ca_file}"\n'
                         f'client_id = "{client_id}" relayhost = "[mail.test]:587" scope = "{scope}"\n'
                         f'redirect_uri = "http://localhost/auth" {client} }}\n'
                         f'account "{ACCOUNT}" {{ client = "oidc" grant = "{grant}" }}\n')
        self.world.start()

    def browser(self):
        browser = Browser()
        self.addCleanup(browser.close)
        return browser

    def sign_in_at(self, browser):
        """The provider's own pages: who, and whether they agree."""
        browser.type("input[name=login]", ACCOUNT)
        browser.type("input[name=password]", "any")
        browser.click("button[type=submit].login-submit")
        browser.click("form[action*=interaction] button[type=submit]:not(.login-submit), button[autofocus]")

    def assert_signed_in(self, run):
        status, out, err = run.end()
        self.assertEqual((0, ""), (status, err), out)
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])
        self.assertEqual((ACCOUNT, False), tuple(self.world.status()[key] for key in ("signed_in_as", "other_mailbox")))

    def login_by_browser(self, browser):
        with Run(self.world, ACCOUNT) as run:
            browser.open(run.address())
            self.sign_in_at(browser)
            browser.wait_for("Signed in")
            self.assert_signed_in(run)


class People(OidcTest):
    def test_browser_rotation_and_reuse(self):
        provider = self.serve([person_client("desk", POST)])
        self.configure(provider, "desk", f'client_secret_file = "{self.world.secret_file}"')
        self.login_by_browser(self.browser())
        grant, = self.world.state.glob("*.grant")
        spent = grant.read_bytes()
        self.assertEqual("OK", self.world.ask("refresh " + ACCOUNT)[0])
        self.assertNotEqual(spent, grant.read_bytes())
        self.assertEqual("OK", self.world.ask("refresh " + ACCOUNT)[0])
        self.world.stop()
        grant.write_bytes(spent)
        self.world.start()
        word, text = self.world.ask("token " + ACCOUNT)
        self.assertEqual("TEMP", word)
        self.assertIn("invalid_grant", text)
        self.assertIn("mailbearer login " + ACCOUNT, text)

    def test_device(self):
        provider = self.serve([person_client("pocket")])
        self.configure(provider, "pocket")
        browser = self.browser()
        with Run(self.world, ACCOUNT, "--device") as run:
            code = run.until(r"\n  (\S+)\n")[1]
            browser.open(run.until(r"Open (https://\S+) in a browser")[1])
            browser.type("input[name=user_code]", code)
            browser.click("button[type=submit]")
            browser.click("button[type=submit][autofocus]")
            self.sign_in_at(browser)
            self.assert_signed_in(run)


class Applications(OidcTest):
    def test_metadata_decides_between_form_and_header(self):
        for method in (BASIC, POST):
            provider = self.serve([application_client("app", method)], [method])
            self.configure(provider, "app", f'client_secret_file = "{self.world.secret_file}" ', "client_credentials")
            word, text = self.world.ask("token " + ACCOUNT)
            self.assertEqual("OK", word, method + ": " + text)
            self.world.stop()

    def test_key_by_both_algorithms(self):
        for algorithm in ("PS256", "RS256"):
            key, certificate, jwk = self.make_key(algorithm)
            client = application_client("app", KEY, jwks={"keys": [jwk]}, token_endpoint_auth_signing_alg=algorithm)
            provider = self.serve([client], [KEY])
            self.configure(provider, "app", f'client_key = "{self.keep(key)}" client_certificate = "{self.keep(certificate)}"\n'
                           f'assertion_algorithm = "{algorithm}"\n', "client_credentials")
            word, text = self.world.ask("token " + ACCOUNT)
            self.assertEqual("OK", word, algorithm + ": " + text)
            self.world.stop()

    def make_key(self, name):
        """(key, certificate, public key as a JWK), the first two as PEM."""
        def openssl(*arguments, given=None):
            return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True, text=True).stdout
        key = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(key)
            file.flush()
            certificate = openssl("req", "-x509", "-key", file.name, "-subj", "/CN=" + name, "-days", "2")
        modulus = bytes.fromhex(openssl("rsa", "-noout", "-modulus", given=key).strip().split("=")[1])
        number = base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()
        return key, certificate, {"kty": "RSA", "use": "sig", "n": number, "e": "AQAB"}

    def keep(self, pem):
        return self.world.secret("key" if "PRIVATE" in pem else "certificate", pem.rstrip())


if __name__ == "__main__":
    install()
    tap.main()
