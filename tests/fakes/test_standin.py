#!/usr/bin/python3 -B
"""The stand-in against clients that are not ours: Python's http.client, ssl and smtplib."""

import base64
import concurrent.futures
import hashlib
import http.client
import json
import smtplib
import socket
import ssl
import sys
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import tap  # noqa: E402
from provider import Provider, ProviderError  # noqa: E402

USER = "relay@contoso.com"
CLIENT = "11111111-2222-3333-4444-555555555555"
SECRET = "MARKER-CS-a+b/c=d&e%f~g h"
MESSAGE = b"From: Relay <relay@contoso.com>\r\nTo: <a@example.com>\r\nSubject: one\r\n\r\n.dot\r\nbody\r\n"


def xoauth2(user, token):
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


class StandinTest(unittest.TestCase):
    """One stand-in for all; each test starts with a fresh account."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mb-standin-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.provider = Provider(cls.folder.name)
        cls.addClassCleanup(cls.provider.close)

    def setUp(self):
        self.provider.reset(accounts=True)
        self.refresh_token = self.provider.account(USER, client_id=CLIENT, secret=SECRET)

    # --- HTTPS ---

    def https(self, method, path, body=None, headers=None, ca_file=None, timeout=10):
        context = ssl.create_default_context(cafile=ca_file or self.provider.ca_file)
        connection = http.client.HTTPSConnection("127.0.0.1", self.provider.token_port, context=context, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, form, tenant="contoso.onmicrosoft.com", headers=None, timeout=10):
        body = form if isinstance(form, str) else urllib.parse.urlencode(form)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, answer = self.https("POST", f"/{tenant}/oauth2/v2.0/token", body, kind | (headers or {}), None, timeout)
        return status, json.loads(answer)

    def refresh(self, token=None, **more):
        return self.post({"grant_type": "refresh_token", "client_id": CLIENT, "client_secret": SECRET,
                          "refresh_token": token or self.refresh_token} | more)

    def token(self):
        status, answer = self.refresh()
        self.assertEqual(status, 200, answer)
        self.refresh_token = answer.get("refresh_token", self.refresh_token)
        return answer["access_token"]

    # --- SMTP ---

    def smtp(self):
        client = smtplib.SMTP("127.0.0.1", self.provider.smtp_port, timeout=20)
        self.addCleanup(client.close)
        client.ehlo()
        client.starttls(context=ssl.create_default_context(cafile=self.provider.ca_file))
        client.ehlo()
        return client

    def log_in(self, token, user=USER, inline=True):
        client = self.smtp()
        code, text = client.auth("XOAUTH2", lambda challenge=None: xoauth2(user, token), initial_response_ok=inline)
        self.assertEqual((code, text), (235, b"2.7.0 Authentication successful"))
        return client

    def raw(self):
        """A plain socket after the greeting."""
        connection = socket.create_connection(("127.0.0.1", self.provider.smtp_port), 10)
        self.addCleanup(connection.close)
        lines = connection.makefile("rwb")
        self.addCleanup(lines.close)
        lines.readline()
        return lines


class TokenService(StandinTest):
    def test_metadata_of_a_tenant(self):
        status, _, body = self.https("GET", "/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration")
        document = json.loads(body)
        self.assertEqual(status, 200)
        self.assertEqual(document["token_endpoint"], self.provider.token_endpoint)
        self.assertEqual(document["issuer"], f"{self.provider.base}/{self.provider.tenant_id}/v2.0")

    def test_metadata_of_common_has_the_template(self):
        _, _, body = self.https("GET", "/common/v2.0/.well-known/openid-configuration")
        self.assertEqual(json.loads(body)["issuer"], f"{self.provider.base}/{{tenantid}}/v2.0")

    def test_unknown_tenant(self):
        status, _, body = self.https("GET", "/nobody.example/v2.0/.well-known/openid-configuration")
        self.assertEqual((status, json.loads(body)["error_codes"]), (400, [90002]))

    def test_refresh_and_the_fields_of_the_answer(self):
        status, answer = self.refresh()
        self.assertEqual(status, 200)
        self.assertEqual((answer["token_type"], answer["expires_in"], answer["scope"]),
                         ("Bearer", 3599, "https://outlook.office.com/SMTP.Send"))
        self.assertTrue(answer["access_token"].startswith("eyJ"))
        self.assertTrue(answer["refresh_token"].startswith("MARKER-RT-"))
        self.assertEqual(self.provider.count(f"token/refreshes/{USER}"), 1)

    def test_secret_by_basic(self):
        pair = f"{CLIENT}:{urllib.parse.quote_plus(SECRET)}".encode()
        header = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        self.assertEqual(self.post(form, headers=header)[0], 200)
        unescaped = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        status, answer = self.post(form, headers={"Authorization": "Basic " + unescaped})
        self.assertEqual((status, answer["error"]), (400, "invalid_request"))
        status, answer = self.post(form | {"client_secret": SECRET}, headers=header)
        self.assertEqual((status, answer["error"]), (400, "invalid_request"))

    def test_a_form_that_is_not_encoded_is_refused(self):
        body = f"grant_type=refresh_token&client_id={CLIENT}&client_secret={SECRET}&refresh_token={self.refresh_token}"
        status, answer = self.post(body)
        self.assertEqual((status, answer["error"]), (400, "invalid_request"))
        self.assertEqual(self.post("grant_type=refresh_token&grant_type=refresh_token")[0], 400)

    def test_error_body_field_by_field(self):
        status, answer = self.refresh(client_secret="wrong")
        self.assertEqual((status, answer["error"], answer["error_codes"]), (401, "invalid_client", [7000215]))
        first, second, third, fourth = answer["error_description"].split("\r\n")
        self.assertTrue(first.startswith("AADSTS7000215: Invalid client secret provided."))
        self.assertEqual((second, third), (f"Trace ID: {answer['trace_id']}", f"Correlation ID: {answer['correlation_id']}"))
        self.assertEqual(fourth, f"Timestamp: {answer['timestamp']}")
        self.assertTrue(answer["error_uri"].endswith("/error?code=7000215"))

    def test_unknown_things(self):
        for change, error, code in (({"client_id": "x"}, "unauthorized_client", 700016),
                                    ({"refresh_token": "x"}, "invalid_grant", 70000),
                                    ({"grant_type": "password"}, "unsupported_grant_type", 70003),
                                    ({"scope": "https://graph.microsoft.com/Mail.Send"}, "invalid_scope", 70011)):
            with self.subTest(change=change):
                status, answer = self.refresh(**change)
                self.assertEqual((status, answer["error"], answer["error_codes"]), (400, error, [code]))

    def test_public_client(self):
        token = self.provider.account("p@contoso.com", client_id="public", public=True)
        form = {"grant_type": "refresh_token", "client_id": "public", "refresh_token": token}
        self.assertEqual(self.post(form)[0], 200)
        status, answer = self.post(form | {"client_secret": "x"})
        self.assertEqual((status, answer["error_codes"]), (401, [700025]))

    def test_client_credentials(self):
        self.provider.account("app@contoso.com", client_id="app", secret="s", app=True)
        form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s",
                "scope": "https://outlook.office365.com/.default"}
        status, answer = self.post(form)
        self.assertEqual((status, "refresh_token" in answer), (200, False))
        self.assertEqual(self.provider.count("token/client_credentials/app"), 1)
        self.assertEqual(self.post(form | {"scope": "https://outlook.office.com/SMTP.Send"})[1]["error"], "invalid_scope")
        self.assertEqual(self.post(form, tenant="common")[1]["error_codes"], [9001023])
        self.log_in(answer["access_token"], "app@contoso.com").quit()

    def test_three_rotations(self):
        first = self.refresh_token
        self.provider.config(rotation="none")
        self.assertNotIn("refresh_token", self.refresh()[1])
        self.provider.config(rotation="entra")
        second = self.refresh()[1]["refresh_token"]
        self.assertEqual([self.refresh(first)[0], self.refresh(second)[0]], [200, 200])

    def test_reuse_of_a_single_use_token_revokes_the_family(self):
        self.provider.config(rotation="single-use")
        second = self.refresh()[1]["refresh_token"]
        third = self.refresh(second)[1]["refresh_token"]
        self.assertEqual(self.refresh()[1]["error"], "invalid_grant")
        self.assertEqual(self.refresh(third)[1]["error"], "invalid_grant")
        self.assertEqual(self.provider.count(f"token/reuse_detected/{USER}"), 1)

    def test_token_sizes(self):
        for size in (1536, 4096, 16384):
            self.provider.config(token_size=size)
            token = self.token()
            self.assertEqual((len(token), token.count(".")), (size, 2))
            self.assertIn(".MARKER-AT-", token)
            head, claims = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")[:2])
            self.assertEqual((json.loads(head)["typ"], json.loads(claims)["upn"]), ("JWT", USER))

    def test_faults(self):
        for fault, status in (({"status": 503, "retry_after": 7}, 503), ({"status": 429}, 429)):
            self.provider.token_fault("status", count=1, **fault)
            path = f"/{self.provider.tenant}/oauth2/v2.0/token"
            seen, headers, body = self.https("POST", path, "", {})
            self.assertEqual((seen, headers.get("Retry-After")), (status, "7" if status == 503 else None))
        self.assertEqual(body, b"Too Many Requests")
        for kind in ("reset", "close", "not_http", "truncated"):
            self.provider.token_fault(kind, count=1)
            with self.assertRaises((OSError, http.client.HTTPException)):
                self.refresh()
        for kind in ("html", "garbage", "cut_json", "empty"):
            self.provider.token_fault(kind, count=1)
            with self.assertRaises(ValueError):
                self.refresh()
        self.assertEqual(self.refresh()[0], 200)

    def test_hanging_faults(self):
        for kind in ("hang_connect", "hang_headers", "hang_body"):
            self.provider.token_fault(kind, count=1)
            with self.assertRaises(OSError):
                self.post("", timeout=0.5)
        self.assertEqual(self.provider.count("token/hanging"), 3)

    def test_a_held_request_is_acted_upon_before_or_after(self):
        for when, rotations in (("before", 0), ("after", 1)):
            self.provider.reset()
            self.provider.token_fault("hold", count=1, when=when)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                answer = pool.submit(self.refresh)
                self.provider.wait_for("token/held", 1)
                self.assertEqual(self.provider.count(f"token/rotations/{USER}"), rotations)
                self.provider.release()
                self.assertEqual(answer.result()[0], 200)

    def test_certificates(self):
        for kind in ("expired", "wrong_name", "other_ca"):
            self.provider.config(token_certificate=kind)
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.refresh()
        status, _, _ = self.https("POST", "/common/oauth2/v2.0/token", "", {}, self.provider.other_ca_file)
        self.assertEqual(status, 400)
        self.provider.config(token_certificate="good", token_tls_max="1.1")
        with self.assertRaises(ssl.SSLError):
            self.refresh()

    def test_control_refuses_what_it_does_not_know(self):
        for values in ({"no_such": 1}, {"token_size": "4096"}, {"token_size": True}, {"rotation": "sometimes"},
                       {"token_fault": {"kind": "sometimes"}}, {"smtp_fault": {"at": "sometimes"}}):
            with self.assertRaises(ProviderError):
                self.provider.config(**values)


class SubmissionServer(StandinTest):
    def test_ehlo_before_and_after_tls(self):
        client = smtplib.SMTP("127.0.0.1", self.provider.smtp_port, timeout=20)
        self.addCleanup(client.close)
        client.ehlo()
        plain = "size pipelining dsn enhancedstatuscodes starttls 8bitmime binarymime chunking smtputf8".split()
        self.assertEqual(list(client.esmtp_features), plain)
        self.assertEqual(client.docmd("AUTH XOAUTH2 x")[0], 538)
        self.assertEqual(client.docmd("MAIL FROM:<relay@contoso.com>")[0], 530)
        client.starttls(context=ssl.create_default_context(cafile=self.provider.ca_file))
        client.ehlo()
        self.assertEqual(list(client.esmtp_features), [word.replace("starttls", "auth") for word in plain])
        self.assertEqual(client.esmtp_features["auth"].split(), ["LOGIN", "XOAUTH2"])

    def test_mail_without_login(self):
        code, text = self.smtp().docmd("MAIL FROM:<relay@contoso.com>")
        self.assertEqual(code, 530)
        self.assertTrue(text.startswith(b"5.7.57 Client not authenticated to send mail."))

    def test_login_inline_and_in_two_steps(self):
        for size in (1536, 16384):
            self.provider.config(token_size=size)
            token = self.token()
            self.log_in(token, inline=True).quit()
            self.log_in(token, inline=False).quit()
        stats = self.provider.stats()
        self.assertEqual((stats["smtp/logins"], stats["smtp/auth_inline"], stats["smtp/auth_two_step"]), (4, 2, 2))

    def test_oauthbearer(self):
        token = self.token()
        message = f"n,a={USER},\x01host=localhost\x01port=587\x01auth=Bearer {token}\x01\x01"
        self.assertEqual(self.smtp().auth("OAUTHBEARER", lambda challenge=None: message)[0], 235)
        client = self.smtp()
        wrong = base64.b64encode(message.replace("eyJ", "eyK").encode()).decode()
        code, challenge = client.docmd("AUTH OAUTHBEARER " + wrong)
        self.assertEqual((code, json.loads(base64.b64decode(challenge))["status"]), (334, "invalid_token"))
        self.assertEqual(client.docmd("AQ==")[0], 535)
        self.assertEqual(self.provider.count("smtp/challenge_answered"), 1)

    def test_tokens_that_are_not_taken(self):
        token = self.token()
        self.provider.account("other@contoso.com", client_id=CLIENT, secret=SECRET)
        self.provider.config(token_lifetime=0)
        short = self.token()
        for user, bad, reason in ((USER, "eyJ0", "unknown token"), ("other@contoso.com", token, "another user's token"),
                                  ("nobody@contoso.com", token, "no such mailbox"), (USER, short, "expired token")):
            with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
                self.log_in(bad, user)
            self.assertEqual(caught.exception.smtp_code, 535)
            self.assertRegex(caught.exception.smtp_error, rb"^5\.7\.3 Authentication unsuccessful \[\S+ \S+Z [0-9A-F]{16}\]$")
            self.assertEqual(self.provider.count(f"smtp/auth_refused/{reason}"), 1)
        self.provider.revoke(token=token)
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.log_in(token)

    def test_gmail_explains_first(self):
        self.provider.config(gmail_mode=True)
        client = self.smtp()
        bad = base64.b64encode(xoauth2(USER, "eyJ0").encode()).decode()
        code, challenge = client.docmd("AUTH XOAUTH2 " + bad)
        self.assertEqual((code, json.loads(base64.b64decode(challenge))),
                         (334, {"status": "401", "schemes": "bearer mac", "scope": "https://mail.google.com/"}))
        self.assertEqual(client.docmd("")[0], 535)

    def test_messages_are_kept_byte_for_byte(self):
        client = self.log_in(self.token())
        client.sendmail(USER, ["a@example.com", "b@example.com"], MESSAGE)
        client.sendmail("", ["a@example.com"], MESSAGE)
        first, second = self.provider.messages()
        self.assertEqual((first["user"], first["mail_from"], first["rcpt_to"]),
                         (USER, USER, ["a@example.com", "b@example.com"]))
        self.assertEqual((first["body"], first["sha256"]), (MESSAGE.decode(), hashlib.sha256(MESSAGE).hexdigest()))
        self.assertEqual((second["mail_from"], second["session"]), ("", first["session"]))

    def test_bdat(self):
        client = self.log_in(self.token())
        client.docmd(f"MAIL FROM:<{USER}>")
        client.docmd("RCPT TO:<a@example.com>")
        client.send(b"BDAT 10\r\n" + MESSAGE[:10])
        self.assertEqual(client.getreply()[0], 250)
        client.send(f"BDAT {len(MESSAGE) - 10} LAST\r\n".encode() + MESSAGE[10:])
        self.assertEqual(client.getreply()[0], 250)
        self.assertEqual(self.provider.messages()[0]["body"], MESSAGE.decode())

    def test_wrong_senders(self):
        self.refresh_token = self.provider.account(USER, client_id=CLIENT, secret=SECRET,
                                                   send_as=["books@contoso.com", "*@branch.contoso.com"])
        client = self.log_in(self.token())
        for good in ("books@contoso.com", "x@branch.contoso.com"):
            client.sendmail(good, ["a@example.com"], MESSAGE.replace(USER.encode(), good.encode()))
        for sender, body in (("x@contoso.com", MESSAGE), (USER, MESSAGE.replace(b"relay@", b"scanner@"))):
            with self.assertRaises(smtplib.SMTPDataError) as caught:
                client.sendmail(sender, ["a@example.com"], body)
            self.assertEqual(caught.exception.smtp_code, 554)
            self.assertRegex(caught.exception.smtp_error, rb"^5\.2\.252 SendAsDenied; relay@contoso\.com not allowed to send as ")
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            client.sendmail(USER, ["a@example.com"], MESSAGE.replace(b"From:", b"X-From:"))
        self.assertEqual(caught.exception.smtp_code, 550)
        self.assertEqual(len(self.provider.messages()), 2)

    def test_concurrent_sessions(self):
        self.provider.config(max_sessions=3)
        token = self.token()
        clients = [self.log_in(token) for _ in range(3)]
        with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
            self.log_in(token)
        self.assertEqual(caught.exception.smtp_code, 432)
        self.assertTrue(caught.exception.smtp_error.startswith(b"4.3.2 Concurrent connections limit exceeded."))
        clients[0].quit()
        self.provider.wait_until_down(f"smtp/sessions_of/{USER}", 2)
        self.log_in(token)
        self.assertEqual(self.provider.count(f"smtp/sessions_max_of/{USER}"), 3)

    def test_pipelining_in_one_packet(self):
        lines = self.raw()
        lines.write(b"EHLO x\r\nNOOP\r\nMAIL FROM:<a@b.example>\r\nNONSENSE\r\nRSET\r\nQUIT\r\n")
        lines.flush()
        codes = [line[:3] for line in lines if line[3:4] == b" "]
        self.assertEqual(codes, [b"250", b"250", b"530", b"500", b"250", b"221"])

    def test_what_is_sent_behind_starttls_is_dropped(self):
        lines = self.raw()
        lines.write(b"EHLO x\r\n")
        lines.flush()
        while lines.readline()[3:4] == b"-":
            pass
        before = self.provider.count("smtp/commands/NOOP")
        lines.write(b"STARTTLS\r\nNOOP\r\n")
        lines.flush()
        self.assertEqual(lines.readline()[:3], b"220")
        self.assertEqual(self.provider.count("smtp/commands/NOOP"), before)

    def test_faults(self):
        token = self.token()
        client = self.log_in(token)
        self.provider.config(smtp_fault={"at": "mail", "reply": "451 4.7.0 Temporary server error. PRX4", "count": 1})
        self.assertEqual(client.docmd(f"MAIL FROM:<{USER}>"), (451, b"4.7.0 Temporary server error. PRX4"))
        self.assertEqual(client.docmd(f"MAIL FROM:<{USER}>")[0], 250)
        self.provider.config(smtp_fault={"at": "rcpt", "drop": True, "count": 1})
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            client.docmd("RCPT TO:<a@example.com>")

    def test_reply_delay(self):
        client = self.smtp()
        self.provider.config(reply_delay_ms=100)
        started = time.monotonic()
        client.noop()
        self.assertGreaterEqual(time.monotonic() - started, 0.1)

    def test_twenty_sessions_at_once(self):
        token = self.token()

        def send(number):
            client = self.log_in(token)
            for _ in range(10):
                client.sendmail(USER, ["a@example.com"], MESSAGE + str(number).encode())
            client.quit()

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(send, range(20)))
        self.assertEqual(len(self.provider.messages(bodies=False)), 200)
        self.assertEqual(self.provider.count("smtp/logins"), 20)


if __name__ == "__main__":
    tap.main()
