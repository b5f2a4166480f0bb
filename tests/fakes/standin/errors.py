"""The error bodies of Microsoft's token endpoint, field by field."""

import datetime
import uuid


class Refusal(Exception):
    """A request that the token endpoint does not grant."""

    def __init__(self, status, error, code, text, suberror=None):
        super().__init__(error)
        self.status, self.error, self.code, self.text, self.suberror = status, error, code, text, suberror


def error_body(error, code, text, base="https://login.microsoftonline.com", suberror=None):
    """{error, error_description, error_codes, timestamp, trace_id, correlation_id, error_uri} as a dict."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\n"
                             f"Timestamp: {now}",
        "error_codes": [code],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"{base}/error?code={code}",
    }
    if suberror:
        body["suberror"] = suberror
    return body
