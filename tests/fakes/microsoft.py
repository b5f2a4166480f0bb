#!/usr/bin/python3 -B
"""A stand-in for Microsoft's side: token service, submission server, managed identity and a control port, on 127.0.0.1.

Starts, prints one line of JSON that says where everything is, and runs until SIGTERM, SIGINT or (with --until-eof) the end of
its standard input. By hand:

    tests/fakes/microsoft.py --directory /tmp/standin --token-port 8443 --smtp-port 5587 --control-port 8080 \\
        --account relay@contoso.com:CLIENT_ID:SECRET:REFRESH_TOKEN
    curl --cacert /tmp/standin/ca/ca.pem https://localhost:8443/common/v2.0/.well-known/openid-configuration
    curl -d '{"token_fault": {"kind": "status", "status": 503}}' http://127.0.0.1:8080/config
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from standin import control  # noqa: E402
from standin.book import Book  # noqa: E402
from standin.control import Control  # noqa: E402
from standin.entra import TENANT, TENANT_ID, Entra  # noqa: E402
from standin.identity import Identity  # noqa: E402
from standin.pki import Certificates  # noqa: E402
from standin.submission import Post, Submission  # noqa: E402
from standin.token_service import TokenService  # noqa: E402


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog="The control port:\n\n"
                                     + control.__doc__.split("\n\n", 1)[1],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, help="for certificates; kept (default: a temporary one, removed)")
    parser.add_argument("--token-port", type=int, default=0, help="default: any free one")
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--token-name", default="localhost", help="the token service's host, for certificate and documents")
    parser.add_argument("--smtp-name", default="localhost", help="the submission server's, for its certificate")
    parser.add_argument("--messages", type=Path, help="a folder in which accepted messages are stored too")
    parser.add_argument("--marker", default="MARKER", help="what every token has in it, for grep (default: %(default)s)")
    parser.add_argument("--account", action="append", default=[], metavar="USER:CLIENT_ID:SECRET:REFRESH_TOKEN",
                        help="an account to start with; an empty SECRET makes a public client")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def add_account(entra, text):
    user, client_id, secret, refresh_token = text.split(":", 3)
    entra.add_account({"user": user, "client_id": client_id, "secret": secret, "public": not secret,
                       "refresh_token": refresh_token})


def wait_for_the_end(until_eof):
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    if until_eof:
        def watch():
            while os.read(0, 4096):
                pass
            over.set()
        threading.Thread(target=watch, daemon=True).start()
    over.wait()


def run(folder, settings):
    book = Book()
    entra = Entra(book, settings.marker)
    post = Post(book, settings.messages)
    certificates = Certificates(folder, {settings.token_name, settings.smtp_name})
    for account in settings.account:
        add_account(entra, account)
    tokens = TokenService(settings.token_name, settings.token_port, book, entra, certificates)
    smtp = Submission(settings.smtp_port, book, entra, certificates, post)
    steering = Control(settings.control_port, book, entra, post)
    identity = Identity(0, book, entra)
    for server in (tokens, smtp, steering, identity):
        server.start()
    print(json.dumps({
        "token_port": tokens.server_address[1],
        "smtp_port": smtp.server_address[1],
        "control_port": steering.server_address[1],
        "identity_port": identity.server_address[1],
        "base": tokens.base,
        "tenant": TENANT,
        "tenant_id": TENANT_ID,
        "metadata_url": f"{tokens.base}/{TENANT}/v2.0/.well-known/openid-configuration",
        "token_endpoint": f"{tokens.base}/{TENANT}/oauth2/v2.0/token",
        "ca_file": str(certificates.ca_file),
        "other_ca_file": str(certificates.other_ca_file),
        "pid": os.getpid(),
    }), flush=True)
    wait_for_the_end(settings.until_eof)


def main():
    settings = options()
    threading.stack_size(512 * 1024)
    if settings.directory:
        run(settings.directory.resolve(), settings)
        return
    with tempfile.TemporaryDirectory(prefix="mailbearer-standin-") as folder:
        os.chmod(folder, 0o755)
        run(Path(folder), settings)


if __name__ == "__main__":
    main()
