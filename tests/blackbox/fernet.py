"""Tokens of the kind Fernet, as email-oauth2-proxy has them, made after its specification (https://github.com/fernet/spec) with
the standard library and the openssl command line, so that nothing of ours judges itself."""

import base64
import hashlib
import hmac
import subprocess


def key(password, salt, iterations):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations, 32)


def seal(secret, text, made_at=1760000000, vector=bytes(range(16))):
    """The token of `text` with a key of 32 bytes."""
    aes = subprocess.run(["openssl", "enc", "-aes-128-cbc", "-K", secret[16:].hex(), "-iv", vector.hex()], input=text.encode(),
                         capture_output=True, check=True, timeout=60).stdout
    body = b"\x80" + made_at.to_bytes(8, "big") + vector + aes
    return base64.urlsafe_b64encode(body + hmac.new(secret[:16], body, "sha256").digest()).decode()


def sections(name, password, iterations=1000, salt=b"0123456789abcdef", said=True, **plain):
    """Lines of a section of emailproxy.config. plain: its keys; those that end in _sealed are encrypted first."""
    secret = key(password, salt, iterations)
    values = {"token_salt": base64.b64encode(salt).decode(), **({"token_iterations": iterations} if said else {})}
    for option, text in plain.items():
        values[option.removesuffix("_sealed")] = seal(secret, text) if option.endswith("_sealed") else text
    return f"[{name}]\n" + "".join(f"{option} = {text}\n" for option, text in values.items()) + "\n"
