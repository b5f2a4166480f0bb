"""Signed assertions, checked field by field and by the openssl command line, which shares no code with who signed them."""

import base64
import hashlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

from .errors import Refusal

CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT_CLAIMS = {"aud", "iss", "sub", "jti", "iat", "nbf", "exp"}
SERVICE_CLAIMS = {"aud", "iss", "sub", "scope", "iat", "nbf", "exp"}


def refuse(text, code=700027, error="invalid_client"):
    return Refusal(401 if error == "invalid_client" else 400, error, code, text)


def decode(part):
    if "=" in part or "+" in part or "/" in part:
        raise refuse("The assertion is not base64url without padding.", 50027)
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def take_apart(assertion):
    try:
        head, body, signature = assertion.split(".")
        return json.loads(decode(head)), json.loads(decode(body)), decode(signature), f"{head}.{body}".encode()
    except ValueError as problem:
        raise refuse(f"The assertion is malformed: {problem}", 50027) from None


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *map(str, arguments)], input=given, capture_output=True, check=False, timeout=30)


def thumbprint(certificate, digest):
    der = openssl("x509", "-outform", "DER", given=certificate.encode()).stdout
    return base64.urlsafe_b64encode(hashlib.new(digest, der).digest()).rstrip(b"=").decode()


def public_key(certificate):
    return openssl("x509", "-pubkey", "-noout", given=certificate.encode()).stdout


def signature_is_good(key, algorithm, text, signature):
    options = {"RS256": (), "PS256": ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32",
                                      "-sigopt", "rsa_mgf1_md:sha256")}
    with tempfile.TemporaryDirectory(prefix="mb-assertion-") as name:
        folder = Path(name)
        (folder / "key").write_bytes(key)
        (folder / "sig").write_bytes(signature)
        return openssl("dgst", "-sha256", "-verify", folder / "key", *options[algorithm], "-signature", folder / "sig",
                       given=text).returncode == 0


def check_times(claims, shortest, longest):
    now, lifetime = time.time(), claims["exp"] - claims["nbf"]
    if claims["iat"] != claims["nbf"] or abs(claims["iat"] - now) > 60 or not shortest <= lifetime <= longest:
        raise refuse("Client assertion is not within its valid time range.", 700024)


def check_client(assertion, certificate, client_id, audience):
    """(header, claims) of a client's assertion that is as Entra ID wants it; else raises Refusal."""
    header, claims, signature, text = take_apart(assertion)
    algorithm = header.get("alg")
    named = {"PS256": ("x5t#S256", "sha256"), "RS256": ("x5t", "sha1")}.get(algorithm)
    if named is None or header != {"alg": algorithm, "typ": "JWT", named[0]: thumbprint(certificate, named[1])}:
        raise refuse(f"The certificate with this thumbprint is not registered: {header}")
    if set(claims) != CLIENT_CLAIMS or claims["iss"] != client_id or claims["sub"] != client_id:
        raise refuse(f"Client assertion names somebody else, or has other claims: {sorted(claims)}", 50027)
    if claims["aud"] != audience:
        raise refuse(f"Client assertion audience claim is {claims['aud']}, not {audience}.", 700023)
    check_times(claims, 300, 600)
    if not signature_is_good(public_key(certificate), algorithm, text, signature):
        raise refuse("Client assertion failed signature validation.")
    return header, claims


def check_service_account(assertion, account, audience):
    """The mailbox that a Google service account {email, public_key, key_id} asks for, with (header, claims)."""
    header, claims, signature, text = take_apart(assertion)
    if header != {"alg": "RS256", "typ": "JWT", "kid": account["key_id"]}:
        raise refuse("Invalid JWT header", 0, "invalid_grant")
    if set(claims) != SERVICE_CLAIMS or claims["iss"] != account["email"] or claims["aud"] != audience:
        raise refuse("Invalid JWT claims", 0, "invalid_grant")
    if claims["scope"] != "https://mail.google.com/":
        raise refuse("Client is unauthorized to retrieve access tokens using this method.", 0, "unauthorized_client")
    check_times(claims, 1, 3600)
    if not signature_is_good(account["public_key"].encode(), "RS256", text, signature):
        raise refuse("Invalid JWT Signature.", 0, "invalid_grant")
    return claims["sub"].lower(), (header, claims)
