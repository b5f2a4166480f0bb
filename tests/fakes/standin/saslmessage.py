"""What a client says in AUTH XOAUTH2 and AUTH OAUTHBEARER, taken apart by the letter. Pure."""

import re


class BadMessage(ValueError):
    """Not of this mechanism."""


def parse_xoauth2(message):
    """(user, token) of b"user=U^Aauth=Bearer T^A^A"."""
    match = re.fullmatch(rb"user=([^\x00\x01]+)\x01auth=Bearer ([!-~]+)\x01\x01", message)
    if not match:
        raise BadMessage("not XOAUTH2")
    return match[1].decode("utf-8", "replace"), match[2].decode("ascii")


def parse_oauthbearer(message):
    """(user, token) of b"n,a=U,^Ahost=H^Aport=P^Aauth=Bearer T^A^A" (RFC 7628; the user is a gs2 saslname)."""
    match = re.fullmatch(rb"n,a=((?:[^\x00\x01,=]|=2C|=3D)+),\x01((?:[A-Za-z]+=[^\x00\x01]*\x01)+)\x01", message)
    if not match:
        raise BadMessage("not OAUTHBEARER")
    pairs = [pair.split(b"=", 1) for pair in match[2].split(b"\x01")[:-1]]
    fields = dict(pairs)
    bearer = re.fullmatch(rb"Bearer ([!-~]+)", fields.get(b"auth", b""))
    if len(fields) != len(pairs) or not bearer or set(fields) - {b"auth", b"host", b"port"}:
        raise BadMessage("not OAUTHBEARER")
    if b"port" in fields and not fields[b"port"].isdigit():
        raise BadMessage("not OAUTHBEARER: port")
    user = match[1].replace(b"=2C", b",").replace(b"=3D", b"=").decode("utf-8", "replace")
    return user, bearer[1].decode("ascii")


PARSERS = {"XOAUTH2": parse_xoauth2, "OAUTHBEARER": parse_oauthbearer}
