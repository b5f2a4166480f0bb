#!/usr/bin/python3
"""mailbearer login by device code, with public clients, and all the ways in which a sign-in is interrupted, which leaves the
account as it was."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ACCOUNT, CLIENT_ID, PATIENCE, SECRET  # noqa: E402
from person import (LoginTest, Run, caught, get, setUpModule, tearDownModule)  # noqa: E402

import tap  # noqa: E402

PUBLIC_ID = "0badc0de-1111-4222-8333-444455556666"


class Device(LoginTest):
    def setUp(self):
        super().setUp()
        self.provider.config(device_interval=1)

    def test_from_the_first_word_to_the_token(self):
        with self.login("--device") as run:
            code = run.code()
            self.assertIn("https://microsoft.com/devicelogin", run.out.decode())
            self.provider.wait_for("token/device_polls", 1)
            self.provider.device(code, ACCOUNT)
            run.until("AADSTS530036")
            self.assert_signed_in(run)

    def test_countdown_on_a_terminal(self):
        with self.login("--device", terminal=True) as run:
            code = run.code()
            run.until_shown("Waiting for the sign-in: 1")
            self.provider.device(code, ACCOUNT)
            status, out, _ = run.end()
        self.assertEqual(0, status, out)

    def test_slow_down_and_passing_trouble(self):
        for fault in ({"kind": "error", "error": "slow_down", "code": 0, "text": "slower"}, {"kind": "status", "status": 503}):
            with self.login("--device") as run:
                code = run.code()
                self.provider.config(token_fault=dict(fault, count=1))
                self.provider.wait_for("faults/token_fault", 1)
                self.provider.device(code, ACCOUNT)
                self.assert_signed_in(run)
            self.provider.reset()
            self.provider.config(device_interval=1)

    def test_declined(self):
        before = self.make_it_work()
        with self.login("--device") as run:
            self.provider.device(run.code(), None)
            self.assert_failed(run, "authorization_declined", "AADSTS65004", "nothing was changed")
        self.assert_unchanged(before)

    def test_expired(self):
        before = self.make_it_work()
        self.provider.config(device_lifetime=1)
        with self.login("--device") as run:
            run.code()
            self.assert_failed(run, "expired", "start again")
        self.assert_unchanged(before)

    def test_code_that_the_provider_does_not_know_any_more(self):
        self.provider.config(device_lifetime=60)
        with self.login("--device") as run:
            run.code()
            self.provider.token_fault("error", error="bad_verification_code", code=70019, text="not recognised", count=1)
            self.assert_failed(run, "bad_verification_code", "start again")

    def test_application_that_allows_no_public_flows(self):
        self.provider.token_fault("error", on="devicecode", status=401, error="invalid_client", code=7000218,
                                  text="The request body must contain client_assertion or client_secret.", count=1)
        with self.login("--device") as run:
            self.assert_failed(run, "AADSTS7000218", "Allow public client flows")


class PublicClient(LoginTest):
    """A public client's account beside the confidential one's."""

    def setUp(self):
        super().setUp()
        metadata = f'metadata_url = "{self.provider.metadata_url}" ca_file = "{self.provider.ca_file}"'
        tenant = self.provider.tenant
        self.configure(f'account "{ACCOUNT}" {{ client = "public" }}\n'
                       f'client "public" {{ provider = "microsoft" tenant = "{tenant}" {metadata} client_id = "{PUBLIC_ID}" }}\n')
        self.provider.account(ACCOUNT, client_id=PUBLIC_ID, public=True)

    def test_sends_no_secret(self):
        for way in ("--browser", "--device"):
            self.provider.config(device_interval=1)
            with self.login(way) as run:
                if way == "--device":
                    self.provider.device(run.code(), ACCOUNT)
                else:
                    self.assertEqual(200, self.sign_in(run)[0])
                self.assert_signed_in(run)

    def test_that_turns_out_to_be_confidential(self):
        self.provider.account(ACCOUNT, client_id=PUBLIC_ID, secret=SECRET)
        with self.login() as run:
            self.assertEqual(400, self.sign_in(run)[0])
            self.assert_failed(run, "AADSTS7000218", "client_secret_file")

    def test_confidential_one_that_turns_out_to_be_public(self):
        self.configure()
        self.provider.account(ACCOUNT, client_id=CLIENT_ID, public=True)
        with self.login() as run:
            self.assertEqual(400, self.sign_in(run)[0])
            self.assert_failed(run, "AADSTS700025", "remove client_secret_file")


class Interrupted(LoginTest):
    def setUp(self):
        super().setUp()
        self.before = self.make_it_work()

    def interrupt(self, signo, *arguments, terminal=False):
        with self.login(*arguments, terminal=terminal) as run:
            address = None if "--device" in arguments else run.address()
            if address is None:
                run.code()
            run.process.send_signal(signo)
            status, out, err = run.end()
        self.assertEqual(1, status, out + err)
        if not terminal:
            self.assertIn("interrupted; nothing was changed", err)
        self.wait_log("cancelled")
        self.assert_unchanged(self.before)
        return address

    def test_by_ctrl_c(self):
        address = self.interrupt(signal.SIGINT, "--browser")
        with self.assertRaises(OSError):
            get(self.authorize(address))

    def test_by_ctrl_c_while_a_device_code_runs(self):
        self.interrupt(signal.SIGINT, "--device")

    def test_by_ctrl_c_while_an_address_is_asked_for(self):
        self.interrupt(signal.SIGINT, "--paste", terminal=True)

    def test_by_a_hangup(self):
        self.interrupt(signal.SIGHUP, "--browser")

    def test_by_a_closed_terminal(self):
        with self.login("--paste", terminal=True) as run:
            run.until_shown("Address: ")
            os.close(run.master)
            run.master = None
            run.end()
        self.wait_log("cancelled")
        self.assert_unchanged(self.before)

    def test_by_another_login(self):
        with self.login() as first:
            first.address()
            with self.login() as second:
                address = second.address()
                self.assert_failed(first, "another")
                self.assert_unchanged(self.before)
                self.assertEqual(200, get(self.authorize(address))[0])
                self.assert_signed_in(second)

    def test_by_the_end_of_tokend(self):
        with self.login() as run:
            run.address()
            self.world.restart()
            status, _, err = run.end()
        self.assertIn(status, (1, 3), err)
        self.assertEqual("OK", self.world.ask("token " + ACCOUNT)[0])

    def test_second_ctrl_c_does_not_wait_for_tokend(self):
        with self.login() as run:
            run.address()
            self.world.daemon.send_signal(signal.SIGSTOP)
            run.process.send_signal(signal.SIGINT)
            self.world.wait(lambda: signal.SIGINT not in caught(run.process.pid), "the handler to be gone")
            run.process.send_signal(signal.SIGINT)
            self.assertEqual(-signal.SIGINT, run.process.wait(PATIENCE))
            self.world.daemon.send_signal(signal.SIGCONT)


class Refused(LoginTest):
    def test_accounts_that_nobody_signs_in_for(self):
        self.configure(f'account "{ACCOUNT}" {{ client = "contoso" grant = "client_credentials" }}\n')
        with self.login() as run:
            self.assert_failed(run, "client_credentials", "nobody signs in")
        with Run(self.world, "nobody@contoso.com") as run:
            self.assert_failed(run, "no account nobody@contoso.com")

    def test_map_by_hand(self):
        for question, text in ((f"login {ACCOUNT}", "start browser|paste|device"),
                               (f"login {ACCOUNT} start fax", "start browser|paste|device"),
                               (f"login {ACCOUNT} wait AAAA", "this sign-in is over"),
                               (f"login {ACCOUNT} cancel", "this sign-in is over")):
            word, answer = self.world.ask(question)
            self.assertEqual("PERM", word, answer)
            self.assertIn(text, answer)

    def test_discovery_in_trouble(self):
        self.world.restart()  # with nothing known of the provider
        self.provider.token_fault("status", status=503, on="discovery")
        with self.login() as run:
            self.assert_failed(run, "discovery", "503")


if __name__ == "__main__":
    tap.main()
