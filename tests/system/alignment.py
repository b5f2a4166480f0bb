"""What a relay with the milter must make of senders: messages, what each is to arrive as, and the comparing. For any MTA."""

import email
import email.policy
import hashlib
import re
import smtplib

from harness import ACCOUNT

SEND_AS = ("accounting@contoso.com", "*@branch.contoso.com")
BOSS = "boss@contoso.com"  # whom the configuration allows and the server does not
ALLOWED = ", ".join(f'"{address}"' for address in (*SEND_AS, BOSS))
ACCOUNTS = f'account "{ACCOUNT}" {{ client = "contoso" send_as = {{ {ALLOWED} }} }}'
FOREIGN = "scanner@printer.local"
BODY = "scanned\n" + "x" * 70 + "\n.a line with a dot\n" + "From here on\n"
KEPT = "help@printer.local"

# envelope, header fields, (envelope, From, Reply-To) as they arrive; None: no such field
CASES = (
    (ACCOUNT, f"From: Scanner <{ACCOUNT}>\n", (ACCOUNT, ACCOUNT, None)),
    ("a@branch.contoso.com", f"From: {SEND_AS[0]}\n", ("a@branch.contoso.com", SEND_AS[0], None)),
    (ACCOUNT, f"From: Scanner <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, FOREIGN)),
    (FOREIGN, f"From: Scanner <{ACCOUNT}>\n", (ACCOUNT, ACCOUNT, None)),
    (FOREIGN, f"From: Scanner <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, FOREIGN)),
    (FOREIGN, f"From: {FOREIGN}\nReply-To: {KEPT}\n", (ACCOUNT, ACCOUNT, KEPT)),
    (FOREIGN, f"From: {FOREIGN}\nFrom: {ACCOUNT}\nFrom: boss@contoso.com\n", (ACCOUNT, ACCOUNT, None)),
    (FOREIGN, f"From: {ACCOUNT}, {FOREIGN}\n", (ACCOUNT, ACCOUNT, None)),
    (FOREIGN, f"From: Team: {ACCOUNT};\n", (ACCOUNT, ACCOUNT, None)),
    (ACCOUNT, f"From: =?UTF-8?Q?Z=C3=BCrich?= <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, FOREIGN)),
    (FOREIGN, f"From: =?UTF-8?Q?<{ACCOUNT}>?= <{FOREIGN}>\n", (ACCOUNT, ACCOUNT, None)),
    ("", f"From: Mail Delivery System <{FOREIGN}>\n", ("", ACCOUNT, FOREIGN)),
    ("", f"From: {ACCOUNT}\n", ("", ACCOUNT, None)),
)
# A filter is given a text that ends at the first NUL, here in the middle of an address; so the MTA takes it out before.
NUL = (ACCOUNT, f"From: {FOREIGN[:-3]}\0{FOREIGN[-3:]}\n", (ACCOUNT, ACCOUNT, FOREIGN))
# Of mail that comes by sendmail(1), the MTA itself writes a From that is missing.
NO_FROM = (FOREIGN, "", (ACCOUNT, ACCOUNT, None))
REFUSED = ("smtp/send_as_denied", "smtp/multiple_from", "smtp/no_from", "smtp/unauthenticated_refused")


def text_of(number, fields):
    return f"{fields}To: someone@example.net\nSubject: case {number}\nMessage-ID: <{number}@scanner>\n\n{BODY}"


class Aligned:
    """For a TestCase that has `provider` and `mta`."""

    def by_smtp(self, envelope, text):
        with smtplib.SMTP("127.0.0.1", self.mta.smtp_port, timeout=60) as client:
            client.sendmail(envelope, ["someone@example.net"], text.replace("\n", "\r\n").encode())

    def send(self, way, cases, first=0):
        for number, (envelope, fields, _) in enumerate(cases, first):
            way(envelope, text_of(number, fields))

    def arrived(self, count):
        """The messages by their subject, each of which came once."""
        self.provider.wait_for("smtp/messages", count, 50)
        messages = self.provider.messages()
        found = {re.search(r"(?m)^Subject: (.*?)\r?$", stored["body"])[1]: stored for stored in messages}
        self.assertEqual(count, len(messages))
        self.assertEqual(count, len(found), sorted(found))
        for counter in REFUSED:
            self.assertEqual(0, self.provider.count(counter), (counter, self.mta.log()[-3000:]))
        return found

    def assert_case(self, stored, case):
        envelope, sender, reply_to = case[2]
        self.assertNotIn("\0", stored["body"], case)
        message = email.message_from_bytes(stored["body"].encode("latin-1"), policy=email.policy.SMTP)
        self.assertEqual((envelope, [sender]), (stored["mail_from"], stored["header_from"]), case)
        self.assertEqual([sender], [address.addr_spec for address in message["From"].addresses], case)
        self.assertEqual([] if reply_to is None else [reply_to],
                         [a.addr_spec for field in message.get_all("Reply-To", []) for a in field.addresses], case)
        for name in ("X-Original-From", "X-Original-Envelope-From"):
            self.assertLessEqual(len(message.get_all(name, [])), max(1, case[1].count("From:")), case)
        body = stored["body"].encode("latin-1").split(b"\r\n\r\n", 1)[1]
        self.assertEqual(hashlib.sha256(BODY.replace("\n", "\r\n").encode()).hexdigest(), hashlib.sha256(body).hexdigest())

    def assert_bounced(self, sender):
        """The bounce of a message as `sender`, which says why, was taken by the server: its From is the account's."""
        self.provider.wait_for("smtp/messages", 1, 50)
        bounce = self.provider.messages()[0]
        self.assertEqual(["", [ACCOUNT], [ACCOUNT]], [bounce[key] for key in ("mail_from", "header_from", "rcpt_to")])
        self.assertIn(f"SendAsDenied; {ACCOUNT} not allowed to send as {sender}", re.sub(r"\r\n +", " ", bounce["body"]))

    def assert_all(self, cases):
        found = self.arrived(len(cases))
        for number, case in enumerate(cases):
            self.assert_case(found[f"case {number}"], case)
