"""Certificates for the stand-in, made at its start by the openssl command line: a CA of its own, and server certificates
that are good, expired, for another name, and from another CA."""

import ssl
import subprocess
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca_extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server_extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {alternatives}
[ca]
default_ca = this
[this]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
default_days = 2
unique_subject = no
policy = anything
[anything]
CN = supplied
"""

HOST_NAMES = "DNS:localhost,DNS:*.fault.test,IP:127.0.0.1,IP:::1"


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Authority:
    """A CA in `folder`; its certificate is in .certificate."""

    def __init__(self, folder, name):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        (self.folder / "index.txt").write_text("")
        config = self._config("ca", name, HOST_NAMES)
        openssl("req", "-x509", "-config", config, "-extensions", "ca_extensions", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "2")
        # Clients of other users than ours must be able to read it, whatever our umask.
        self.folder.chmod(0o755)
        self.certificate.chmod(0o644)

    def _config(self, stem, name, alternatives):
        path = self.folder / f"{stem}.cnf"
        path.write_text(CONFIG.format(name=name, alternatives=alternatives, folder=self.folder))
        return path

    def issue(self, stem, alternatives=HOST_NAMES, dates=()):
        """A server certificate and its key, in one file."""
        config = self._config(stem, stem, alternatives)
        request, chain = self.folder / f"{stem}.csr", self.folder / f"{stem}.pem"
        openssl("req", "-new", "-config", config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.folder / f"{stem}.key", "-out", request)
        openssl("ca", "-batch", "-notext", "-config", config, "-extensions", "server_extensions", "-cert",
                self.certificate, "-keyfile", self.key, "-in", request, "-out", chain, *dates)
        chain.write_text(chain.read_text() + (self.folder / f"{stem}.key").read_text())
        return chain


class Certificates:
    """The server's TLS contexts, by the names that the settings use. more: hosts besides localhost that "good" is for."""

    def __init__(self, folder, more=()):
        folder = Path(folder)
        authority = Authority(folder / "ca", "Mailbearer stand-in CA")
        stranger = Authority(folder / "other-ca", "Another CA")
        self.ca_file = authority.certificate
        self.other_ca_file = stranger.certificate
        past = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        self.chains = {
            "good": authority.issue("good", alternatives=",".join([HOST_NAMES, *(f"DNS:{name}" for name in sorted(more))])),
            "expired": authority.issue("expired", dates=past),
            "wrong_name": authority.issue("wrong_name", alternatives="DNS:login.example.com"),
            "other_ca": stranger.issue("other_ca"),
        }

    def context(self, kind, tls_max=""):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if tls_max == "1.1":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        else:
            context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.chains[kind])
        return context
