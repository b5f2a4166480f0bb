#!/usr/bin/python3
"""Access without a person, and how a client proves itself: certificates, tokens of a platform, managed identities, service
accounts, against stand-ins that check each field. The signatures are verified by the openssl command line."""

import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, CLIENT_ID, PATIENCE, SECRET, TIMEOUT, World, unshare_mounts  # noqa: E402

import tap  # noqa: E402
from tunnels import ConnectProxy, DoorAtIPv6  # noqa: E402

APP = "app@contoso.com"
PASSPHRASE = "MARKER-open sesame"
ENGINE = """openssl_conf = openssl_init
[openssl_init]
engines = engine_section
[engine_section]
pkcs11 = pkcs11_section
[pkcs11_section]
engine_id = pkcs11
MODULE_PATH = {module}
init = 0
"""


def run(*command, env=None):
    got = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=PATIENCE,
                         stdin=subprocess.DEVNULL, env=None if env is None else os.environ | env)
    if got.returncode != 0:
        raise AssertionError(f"{command[0]} {command[1]}: {got.stdout}{got.stderr}")
    return got.stdout


class Grants(unittest.TestCase):
    """Each test writes a client of its own, "app", and an account APP that uses it."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.provider = self.world.provider
        self.folder = self.world.folder

    # --- setting up ---

    def configure(self, client, grant="client_credentials", accounts=(APP,), provider="microsoft", client_id=CLIENT_ID):
        lines = [f'client "app" {{ provider = "{provider}" ca_file = "{self.provider.ca_file}" {TIMEOUT}']
        if client_id:
            lines.append(f' client_id = "{client_id}"')
        lines += [f" {client}", "}"]
        lines += [f'account "{name}" {{ client = "app" grant = "{grant}" }}' for name in accounts]
        self.world.write(conf="\n".join(lines) + "\n")

    def discovered(self, client):
        return f'tenant = "{self.provider.tenant}" metadata_url = "{self.provider.metadata_url}" {client}'

    def certificate(self, name="cert"):
        """(certificate, key) in files that tokend's user may read."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=relay", "-days", "30", "-keyout", key,
            "-out", cert)
        return cert, self.private(key)

    def private(self, path):
        path.chmod(0o600)
        self.world.give(path)
        return path

    def register(self, cert, **values):
        self.provider.account(values.pop("user", APP), client_id=CLIENT_ID, certificate=cert.read_text(), **values)

    # --- looking ---

    def ask(self, question):
        return self.world.ask(question)

    def token_ok(self, account=APP):
        word, text = self.ask("token " + account)
        self.assertEqual("OK", word, text)
        return text

    def assertions(self):
        return self.provider.secrets()["assertions"]

    def refused_at_start(self):
        """What tokend says when it does not start."""
        self.assertEqual(1, self.world.spawn().wait(PATIENCE))
        return self.world.log()

    def no_marker(self, *more):
        """No secret of ours in the log and the status, nor any assertion (they all begin so)."""
        seen = self.world.log() + json.dumps(self.world.status(APP)) + "".join(more)
        for secret in ("MARKER", "eyJ", "PRIVATE KEY"):
            self.assertNotIn(secret, seen)


class Certificates(Grants):
    def check_assertion(self, algorithm, thumbprint):
        self.world.start()
        self.token_ok()
        self.assertEqual("OK", self.ask("refresh " + APP)[0])
        first, second = self.assertions()
        for one in (first, second):
            self.assertEqual({"alg", "typ", thumbprint}, set(one["header"]))
            self.assertEqual(algorithm, one["header"]["alg"])
            self.assertEqual(self.provider.token_endpoint, one["claims"]["aud"])
            self.assertEqual((CLIENT_ID, CLIENT_ID), (one["claims"]["iss"], one["claims"]["sub"]))
            self.assertEqual(600, one["claims"]["exp"] - one["claims"]["nbf"])
            self.assertRegex(one["claims"]["jti"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertNotEqual(first["claims"]["jti"], second["claims"]["jti"])
        self.no_marker()

    def test_ps256(self):
        cert, key = self.certificate()
        self.register(cert, app=True)
        self.configure(self.discovered(f'client_certificate = "{cert}" client_key = "{key}"'))
        self.check_assertion("PS256", "x5t#S256")

    def test_rs256(self):
        cert, key = self.certificate()
        self.register(cert, app=True)
        self.configure(self.discovered(f'client_certificate = "{cert}" client_key = "{key}" assertion_algorithm = "RS256"'))
        self.check_assertion("RS256", "x5t")

    def test_key_and_certificate_in_one_file(self):
        cert, key = self.certificate()
        self.register(cert, app=True)
        both = self.world.secret("both.pem", cert.read_text() + key.read_text())
        self.configure(self.discovered(f'client_key = "{both}"'))
        self.check_assertion("PS256", "x5t#S256")

    def test_pkcs12_with_a_passphrase(self):
        cert, key = self.certificate()
        self.register(cert, app=True)
        bundle, phrase = self.folder / "bundle.p12", self.world.secret("phrase", PASSPHRASE)
        run("openssl", "pkcs12", "-export", "-in", cert, "-inkey", key, "-out", bundle, "-passout", f"file:{phrase}")
        self.private(bundle)
        self.configure(self.discovered(f'client_certificate = "{bundle}" client_key = "{bundle}" '
                                       f'client_key_passphrase_file = "{phrase}"'))
        self.check_assertion("PS256", "x5t#S256")

    def test_locked_key_and_a_wrong_passphrase(self):
        cert, key = self.certificate()
        self.register(cert, app=True)
        phrase, locked = self.world.secret("phrase", PASSPHRASE), self.folder / "locked.key"
        run("openssl", "pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", f"file:{phrase}")
        self.private(locked)
        client = f'client_certificate = "{cert}" client_key = "{locked}"'
        self.configure(self.discovered(client))
        self.assertIn("if it has a passphrase", self.refused_at_start())
        self.configure(self.discovered(f'{client} client_key_passphrase_file = "{phrase}"'))
        self.world.start()
        self.token_ok()
        self.world.secret("phrase", "MARKER-wrong")
        word, text = self.ask("reload ")
        self.assertEqual("PERM", word)
        self.assertIn(str(locked), text)
        self.token_ok()
        self.no_marker(text)

    def test_a_certificate_is_needed_and_must_fit(self):
        cert, key = self.certificate()
        other, _ = self.certificate("other")
        self.configure(self.discovered(f'client_key = "{key}"'))
        self.assertIn("no certificate in it", self.refused_at_start())
        self.configure(self.discovered(f'client_key = "{key}" client_certificate = "{other}"'))
        self.assertIn("does not belong to the certificate", self.refused_at_start())
        self.assertTrue(cert.exists())

    def test_a_person_signs_in_for_a_client_with_a_certificate(self):
        cert, key = self.certificate()
        self.configure(self.discovered(f'client_certificate = "{cert}" client_key = "{key}"'), grant="refresh_token")
        self.register(cert, refresh_token="MARKER-RT-one")
        self.world.start()
        self.assertEqual("OK", self.ask(f"import {APP} MARKER-RT-one")[0])
        self.token_ok()
        self.assertGreaterEqual(len(self.assertions()), 1)
        self.no_marker()

    def test_one_that_is_not_registered(self):
        cert, key = self.certificate()
        self.register(self.certificate("other")[0], app=True)
        self.configure(self.discovered(f'client_certificate = "{cert}" client_key = "{key}"'))
        self.world.start()
        self.assertEqual("TEMP", self.ask("token " + APP)[0])
        status = self.world.status(APP)
        self.assertEqual("misconfigured", status["state"])
        self.assertIn("register this certificate", status["remedy"])
        self.no_marker()

    @unittest.skipUnless(shutil.which("softhsm2-util"), "SoftHSM is not installed")
    def test_key_in_a_pkcs11_token(self):
        cert, key = self.certificate()
        self.register(cert, app=True)
        tokens, pkcs8, pin = self.folder / "hsm", self.folder / "pkcs8.pem", self.world.secret("pin", "87654321")
        conf, openssl = self.folder / "softhsm.conf", self.folder / "openssl.cnf"
        tokens.mkdir()
        conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        module = next(path for path in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
                                        "/usr/lib64/softhsm/libsofthsm.so") if os.path.exists(path))
        openssl.write_text(ENGINE.format(module=module))
        hsm = {"SOFTHSM2_CONF": str(conf)}
        run("softhsm2-util", "--init-token", "--free", "--label", "relay", "--pin", "87654321", "--so-pin", "1234", env=hsm)
        run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key, "-out", pkcs8)
        run("softhsm2-util", "--import", pkcs8, "--token", "relay", "--label", "entra", "--id", "01", "--pin", "87654321",
            env=hsm)
        for path in [tokens, *tokens.rglob("*")]:
            self.world.give(path)
        for path in (pkcs8, key):
            path.unlink()
        self.world.more_environment = hsm | {"OPENSSL_CONF": str(openssl)}
        client = f'client_certificate = "{cert}" client_key = "pkcs11:token=relay;object=entra;type=private"'
        self.configure(self.discovered(client))
        self.assertIn("client_key_passphrase_file", self.refused_at_start())
        self.configure(self.discovered(f'{client} client_key_passphrase_file = "{pin}"'))
        self.check_assertion("PS256", "x5t#S256")
        self.assertEqual(0, self.world.stop())
        self.assertNotIn("87654321", self.world.log())


class Methods(Grants):
    """The metadata document says how a client is to prove itself."""

    def start_with(self, *methods):
        self.provider.config(auth_methods=list(methods))
        self.provider.account(APP, client_id=CLIENT_ID, secret=SECRET, app=True)
        self.configure(self.discovered(f'client_secret_file = "{self.world.secret_file}"'))
        self.world.start()

    def test_post_where_there_is_a_choice(self):
        self.start_with("client_secret_basic", "client_secret_post")
        self.token_ok()
        self.assertEqual((1, 0), (self.provider.count("token/auth/post"), self.provider.count("token/auth/basic")))

    def test_basic_where_there_is_none(self):
        self.start_with("client_secret_basic", "private_key_jwt")
        self.token_ok()
        self.assertEqual((0, 1), (self.provider.count("token/auth/post"), self.provider.count("token/auth/basic")))
        self.no_marker()

    def test_secret_is_not_sent_to_who_does_not_take_it(self):
        self.start_with("private_key_jwt", "tls_client_auth")
        word, text = self.ask("token " + APP)
        self.assertEqual("TEMP", word)
        self.assertIn("neither client_secret_post nor client_secret_basic", text)
        self.assertEqual("misconfigured", self.world.status(APP)["state"])
        self.assertEqual(0, self.world.requests())


class Federated(Grants):
    def test_token_of_the_platform_is_read_each_time(self):
        path = self.world.secret("platform.token", "MARKER.first.token")
        path.chmod(0o644)
        self.provider.account(APP, client_id=CLIENT_ID, federated="MARKER.first.token", app=True)
        self.configure(self.discovered(f'federated_token_file = "{path}"'))
        self.world.start()
        self.token_ok()
        path.write_text("MARKER.second.token\n")
        self.provider.account(APP, client_id=CLIENT_ID, federated="MARKER.second.token", app=True)
        self.assertEqual("OK", self.ask("refresh " + APP)[0])
        path.unlink()
        word, text = self.ask("refresh " + APP)
        self.assertEqual("TEMP", word)
        self.assertIn(str(path), text)
        self.world.wait_state("backoff", APP)
        self.token_ok()  # the one before is good still
        path.write_text("MARKER.third.token\n")
        path.chmod(0o644)
        self.ask("refresh " + APP)
        status = self.world.status(APP)
        self.assertEqual("misconfigured", status["state"])
        self.assertIn("federated credential", status["remedy"])
        path.chmod(0o666)
        self.assertIn("anybody may write it", self.ask("refresh " + APP)[1])
        self.no_marker()


class ServiceAccounts(Grants):
    def google(self, **changes):
        key, public = self.folder / "sa.pem", self.folder / "sa.pub"
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        run("openssl", "pkey", "-in", key, "-pubout", "-out", public)
        self.sa = {"email": "relay@project.iam.gserviceaccount.com", "key_id": "kid-7", "public_key": public.read_text()}
        for user in (APP, ACCOUNT):
            self.provider.account(user, client_id=self.sa["email"], service_account=self.sa)
        text = json.dumps({"type": "service_account", "client_email": self.sa["email"], "private_key": key.read_text(),
                           "private_key_id": "kid-7", "token_uri": self.provider.token_endpoint} | changes, indent=2)
        return self.world.secret("sa.json", text)

    def test_each_mailbox_is_spoken_for(self):
        path = self.google()
        self.configure(f'service_account_file = "{path}"', "jwt_bearer", (APP, ACCOUNT), "google", None)
        self.world.start()
        for user in (APP, ACCOUNT):
            self.token_ok(user)
            self.assertEqual(1, self.provider.count("token/jwt_bearer/" + user))
        first = self.assertions()[0]
        self.assertEqual({"alg": "RS256", "typ": "JWT", "kid": "kid-7"}, first["header"])
        self.assertEqual(self.sa["email"], first["claims"]["iss"])
        self.assertEqual(self.provider.token_endpoint, first["claims"]["aud"])
        self.assertEqual("https://mail.google.com/", first["claims"]["scope"])
        self.no_marker()

    def test_nobody_is_sent_to_sign_in(self):
        path = self.google()
        self.configure(f'service_account_file = "{path}"', "jwt_bearer", ("nobody@contoso.com", APP), "google", None)
        self.world.start()
        self.assertEqual("TEMP", self.ask("token nobody@contoso.com")[0])
        status = self.world.status("nobody@contoso.com")
        self.assertEqual("misconfigured", status["state"])
        self.assertIn("check that the mailbox exists", status["remedy"])
        self.assertNotIn("event=grant-lost", self.world.log())

    def test_file_must_be_one_and_lead_to_https(self):
        for changes, said in (({"token_uri": "http://localhost/t"}, "https://"), ({"client_email": 7}, "client_email")):
            path = self.google(**changes)
            self.configure(f'service_account_file = "{path}"', "jwt_bearer", (APP,), "google", None)
            log = self.refused_at_start()
            self.assertIn(said, log)
            self.assertNotIn("PRIVATE KEY", log)


class ManagedIdentities(Grants):
    """tokend's environment names a proxy that nobody must ask."""

    CLIENT = "6f0e2d4c-8b1a-4f3e-9d7c-5a6b7c8d9e0f"

    def setUp(self):
        super().setUp()
        self.proxy = ConnectProxy()
        self.addCleanup(self.proxy.close)
        address = f"http://127.0.0.1:{self.proxy.port}"
        self.world.more_environment = {"http_proxy": address, "HTTP_PROXY": address, "all_proxy": address}
        self.provider.account(APP, client_id=self.CLIENT, secret="unused", app=True)
        self.endpoint = f"http://127.0.0.1:{self.provider.identity_port}/metadata/identity/oauth2/token"

    def start_as(self, kind, more="", accounts=(APP,)):
        endpoint = f'token_endpoint = "{self.endpoint}"' if kind != "app-service" else ""
        self.configure(f'managed_identity = "{kind}" {endpoint} {more}', "managed_identity", accounts, client_id=None)
        self.world.start()

    def granted(self, kind):
        self.assertEqual(self.provider.count("identity/granted/" + kind), 1)
        self.assertEqual([], self.proxy.asked)
        self.assertGreater(self.world.status(APP)["token_valid_for"], 3500)
        self.no_marker()

    def test_virtual_machine(self):
        self.start_as("vm")
        self.token_ok()
        self.granted("vm")

    def test_user_assigned(self):
        self.start_as("vm", f'client_id = "{self.CLIENT}"')
        self.token_ok()
        self.granted("vm")

    def test_one_that_is_not_assigned(self):
        self.start_as("vm", f'client_id = "{CLIENT_ID}"')
        self.assertEqual("TEMP", self.ask("token " + APP)[0])
        status = self.world.status(APP)
        self.assertEqual("misconfigured", status["state"])
        self.assertIn("managed identity", status["remedy"])

    def test_what_passes_and_what_does_not(self):
        self.start_as("vm")
        for status, state in ((404, "backoff"), (410, "backoff"), (429, "backoff"), (503, "backoff"), (400, "misconfigured"),
                              (403, "misconfigured")):
            self.provider.config(identity_fault={"status": status, "error": "invalid_grant"})
            self.ask("refresh " + APP)
            self.world.wait_state(state, APP)
            self.provider.config(identity_fault=None)
            self.world.refreshes(APP)
        self.assertNotIn("event=grant-lost", self.world.log())

    def test_app_service(self):
        endpoint = f"http://127.0.0.1:{self.provider.identity_port}/msi/token"
        self.provider.config(identity_header="MARKER-identity-header")
        self.start_as_app_service(endpoint)
        self.token_ok()
        self.granted("app-service")

    def start_as_app_service(self, endpoint):
        self.world.more_environment.update({"IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": "MARKER-identity-header"})
        self.start_as("app-service")

    def test_app_service_without_its_environment(self):
        self.configure('managed_identity = "app-service"', "managed_identity", client_id=None)
        self.assertIn("IDENTITY_ENDPOINT and IDENTITY_HEADER are not both", self.refused_at_start())
        self.world.more_environment.update({"IDENTITY_ENDPOINT": "http://192.0.2.1/t", "IDENTITY_HEADER": "MARKER"})
        log = self.refused_at_start()
        self.assertIn("leads away from this machine", log)
        self.assertNotIn("MARKER", log)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give tokend a folder /var/opt/azcmagent of its own")
    def test_azure_arc(self):
        """In a mount namespace of its own, so that nothing of the system is touched."""
        key = "MARKER-arc-key"
        keys = self.folder / "azcmagent" / "tokens"
        keys.mkdir(parents=True)
        for name, text in (("good.key", key), ("large.key", "x" * 4097), ("lines.key", "a\nb")):
            (keys / name).write_text(text)
            self.private(keys / name)
        (keys / "link.key").symlink_to(keys / "good.key")
        spawn = self.world.spawn

        def spawn_apart(notify=None):
            script = ('mount -t tmpfs none /var/opt && mkdir /var/opt/azcmagent && '
                      f'mount --bind "{keys.parent}" /var/opt/azcmagent && exec "$@"')
            return spawn(notify, (*unshare_mounts(), "sh", "-c", script, "sh"))

        self.world.spawn = spawn_apart
        self.provider.config(arc_realm="/var/opt/azcmagent/tokens/good.key", arc_key=key)
        self.start_as("arc")
        self.token_ok()
        self.granted("arc")
        self.assertEqual(1, self.provider.count("identity/challenges"))
        for name, said in (("large.key", "larger than 4096"), ("lines.key", "one line"), ("link.key", "cannot be read"),
                           ("../good.key", "no *.key of"), ("none.key", "No such file")):
            self.provider.config(arc_realm=f"/var/opt/azcmagent/tokens/{name}")
            word, text = self.ask("refresh " + APP)
            self.assertEqual("TEMP", word)
            self.assertIn(said, text)
            self.assertEqual("misconfigured", self.world.status(APP)["state"])
        self.provider.config(arc_realm="/var/opt/azcmagent/tokens/good.key", arc_key="another")
        self.assertEqual("TEMP", self.ask("refresh " + APP)[0])
        self.no_marker()


class Sharing(Grants):
    def test_mailboxes_of_a_wildcard_share_one_token(self):
        self.provider.account(APP, client_id=CLIENT_ID, secret=SECRET, app=True)
        self.configure(self.discovered(f'client_secret_file = "{self.world.secret_file}"'), accounts=("*@factory.contoso.com",))
        self.world.start()
        tokens = {self.token_ok(f"{name}@factory.contoso.com") for name in ("press", "lathe", "press")}
        self.assertEqual(1, len(tokens))
        self.assertEqual(1, self.provider.count(f"token/client_credentials/{CLIENT_ID}"))
        self.assertEqual("fresh", self.world.status("mill@factory.contoso.com")["state"])


class Ways(Grants):
    """To the token endpoint: through a proxy, over IPv6, with a CA of one's own."""

    def secret_client(self, more):
        self.provider.account(APP, client_id=CLIENT_ID, secret=SECRET, app=True)
        self.configure(f'client_secret_file = "{self.world.secret_file}" {more}')

    def test_http_proxy(self):
        proxy = ConnectProxy()
        self.addCleanup(proxy.close)
        self.secret_client(self.discovered(f'proxy = "http://127.0.0.1:{proxy.port}"'))
        self.world.start()
        self.token_ok()
        self.assertTrue(proxy.asked)
        self.assertEqual({f"CONNECT localhost:{self.provider.token_port} HTTP/1.1"}, set(proxy.asked))

    def test_proxy_that_is_away(self):
        proxy = ConnectProxy()
        proxy.close()
        self.secret_client(self.discovered(f'proxy = "http://127.0.0.1:{proxy.port}"'))
        self.world.start()
        word, text = self.ask("token " + APP)
        self.assertEqual("TEMP", word)
        self.assertIn("the proxy", text)
        self.assertEqual(0, self.provider.count("token/discovery"))

    def test_ipv6(self):
        door = DoorAtIPv6(self.provider.token_port)
        self.addCleanup(door.close)
        path = self.provider.token_endpoint.split("/", 3)[3]
        self.secret_client(f'tenant = "{self.provider.tenant}" token_endpoint = "https://[::1]:{door.port}/{path}"')
        self.world.start()
        self.token_ok()
        self.assertEqual({"::1"}, set(door.asked))

    def test_another_ca(self):
        self.secret_client(self.discovered(""))
        text = self.world.conf.read_text()
        self.world.conf.write_text(text.replace(str(self.provider.ca_file), str(self.provider.other_ca_file)))
        self.world.start()
        word, text = self.ask("token " + APP)
        self.assertEqual("TEMP", word)
        self.assertIn("name its CA with ca_file", text)
        self.assertEqual(0, self.world.requests())


if __name__ == "__main__":
    tap.main()
