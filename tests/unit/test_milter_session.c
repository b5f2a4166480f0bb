/* What the milter keeps of a connection and a message, which rule is meant, and which recipients are not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "milter/route.h"
#include "tests/unit/session_world.h"

/* --- the connection --- */

static void a_client_of_smtp_has_an_address_and_a_port(void **state)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(40000)};

	(void)state;
	use("");
	connect_v4("192.0.2.7", 40000, false);
	assert_true(session.client.smtp);
	assert_true(session.client.has_address);
	assert_string_equal(session.client.text, "192.0.2.7");
	assert_string_equal(session.client.listener[0], "MTA");
	assert_string_equal(session.client.listener[1], "25");
	assert_string_equal(session.client.listener[2], "192.0.2.1:25");
	inet_pton(AF_INET6, "2001:db8::7", &six.sin6_addr);
	session_connect(&session, (const struct sockaddr *)&six, false, NULL, NULL, NULL);
	assert_true(session.client.smtp);
	assert_string_equal(session.client.text, "2001:db8::7");
	assert_string_equal(session.client.listener[0], "");
	assert_string_equal(session.client.listener[2], "");
}

static void other_clients_do_not_speak_smtp_or_have_no_address(void **state)
{
	struct sockaddr local = {.sa_family = AF_UNIX};

	(void)state;
	use("");
	connect_v4("127.0.0.1", 0, false); /* Postfix's cleanup(8) */
	assert_false(session.client.smtp);
	assert_true(session.client.has_address);
	connect_v4("127.0.0.1", 40000, true); /* it replays what is queued */
	assert_false(session.client.smtp);
	session_connect(&session, &local, false, NULL, "25", NULL);
	assert_true(session.client.smtp);
	assert_false(session.client.has_address);
	assert_string_equal(session.client.text, "local");
	assert_string_equal(session.client.listener[2], "");
	session_connect(&session, NULL, false, NULL, NULL, "192.0.2.1");
	assert_string_equal(session.client.text, "local");
	assert_string_equal(session.client.listener[2], "");
}

/* --- the message --- */

static void the_envelope_is_kept_without_its_brackets(void **state)
{
	char longest[SESSION_ENVELOPE_MAX + 10];

	(void)state;
	use("");
	mail_from("<a@b.example>", NULL, NULL);
	assert_string_equal(session.message.envelope, "a@b.example");
	assert_int_equal(session.message.envelope_len, 11);
	mail_from("<>", NULL, NULL);
	assert_int_equal(session.message.envelope_len, 0);
	assert_string_equal(session.message.envelope, "");
	mail_from("a@b.example", NULL, NULL);
	assert_string_equal(session.message.envelope, "a@b.example");
	mail_from("<a@b.example", NULL, NULL);
	assert_string_equal(session.message.envelope, "<a@b.example");
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	mail_from(longest, NULL, NULL);
	assert_int_equal(session.message.envelope_len, SESSION_ENVELOPE_MAX);
	session_sender(&session, (char *[]){NULL}, NULL, NULL);
	assert_int_equal(session.message.envelope_len, 0);
}

static void parameters_logins_and_queue_ids_are_kept(void **state)
{
	char *several[] = {(char *)"<a@b.example>", (char *)"BODY=8BITMIME", (char *)"SmtpUtf8", (char *)"size=12345",
			   NULL};

	(void)state;
	use("");
	mail_from("<a@b.example>", "SIZES=1", "boss");
	assert_int_equal(session.message.declared_size, 0);
	assert_false(session.message.smtputf8);
	assert_string_equal(session.message.login, "boss");
	session_sender(&session, several, NULL, "4XyZ1");
	assert_int_equal(session.message.declared_size, 12345);
	assert_true(session.message.smtputf8);
	assert_string_equal(session.message.login, "");
	assert_string_equal(session.message.queue_id, "4XyZ1");
	session_queue_id(&session, NULL);
	session_queue_id(&session, "");
	assert_string_equal(session.message.queue_id, "4XyZ1");
	session_queue_id(&session, "4XyZ2");
	assert_string_equal(session.message.queue_id, "4XyZ2");
}

static void only_the_fields_that_decide_are_kept(void **state)
{
	struct policy_message seen;

	(void)state;
	use("");
	connect_v4("192.0.2.7", 40000, false);
	mail_from("<a@b.example>", "SMTPUTF8", NULL);
	session_field(&session, "from", " A <a@b.example>");
	session_field(&session, "FROM \t", " B <b@b.example>");
	session_field(&session, "From-", "no");
	session_field(&session, "Fro", "no");
	session_field(&session, "Sender", "s@b.example");
	session_field(&session, "Reply-To", "r@b.example");
	session_field(&session, "Subject", "no");
	session_field(&session, "X-Original-From", "1");
	session_field(&session, "X-Original-Sender", "1");
	session_field(&session, "X-Original-Sender", "2");
	session_field(&session, "X-Original-Envelope-From", "1");
	session_recipient(&session, false);
	session_recipient(&session, true);
	session_policy_message(&session, &seen);
	assert_int_equal(seen.from.count, 2);
	assert_memory_equal(seen.from.values[1].at, " B <b@b.example>", seen.from.values[1].len);
	assert_int_equal(seen.sender.count, 1);
	assert_int_equal(seen.reply_to.count, 1);
	assert_int_equal(seen.original_from, 1);
	assert_int_equal(seen.original_sender, 2);
	assert_int_equal(seen.original_envelope, 1);
	assert_int_equal(seen.recipients, 2);
	assert_int_equal(seen.recipients_elsewhere, 1);
	assert_true(seen.smtp && seen.smtputf8);
	assert_int_equal(seen.envelope.len, 11);
}

static void what_is_kept_has_its_most(void **state)
{
	static char longest[SESSION_VALUE_MAX + 100];

	(void)state;
	use("");
	mail_from("<a@b.example>", NULL, NULL);
	memset(longest, 'x', sizeof longest - 1);
	for (int i = 0; i < POLICY_FIELDS_MAX + 5; i++)
		session_field(&session, "From", longest);
	assert_int_equal(session.message.from.count, POLICY_FIELDS_MAX + 5);
	for (int i = 0; i < POLICY_FIELDS_MAX; i++)
		assert_int_equal(session.message.from.values[i].len, SESSION_VALUE_MAX);
	assert_false(session.message.failed);
	session_body(&session, 1000);
	session_body(&session, 500);
	assert_int_equal(session.message.body_size, 1500);
	session_forget(&session);
	assert_int_equal(session.message.from.count, 0);
	assert_int_equal(session.message.body_size, 0);
	session_forget(&session);
}

/* --- the rule --- */

static const char *rule_of(const char *address, const char *login, const char *sender)
{
	connect_v4(address, 40000, false);
	mail_from(sender, NULL, login);
	return session.message.rule != NULL ? session.message.rule->name : "none";
}

static void the_rule_that_fits_brings_its_mode(void **state)
{
	(void)state;
	use("milter { mode = reject default_account = relay@c.example }\n"
	    "rule net { clients = 192.0.2.0/24 mode = monitor }\nrule login { logins = boss mode = off }\n"
	    "rule port { listeners = '192.0.2.1:25' senders = p@b.example account = relay@c.example }\n"
	    "rule named { listeners = MTA senders = n@b.example mode = monitor }\n"
	    "rule null { senders = '<>' mode = rewrite }\n");
	assert_string_equal(rule_of("192.0.2.7", "boss", "<x@y.example>"), "net");
	assert_int_equal(session.message.mode, POLICY_MONITOR);
	assert_string_equal(rule_of("198.51.100.1", "BOSS", "<x@y.example>"), "login");
	assert_int_equal(session.message.mode, POLICY_OFF);
	assert_string_equal(rule_of("198.51.100.1", NULL, "<p@b.example>"), "port");
	assert_int_equal(session.message.mode, POLICY_REJECT);
	assert_string_equal(rule_of("198.51.100.1", NULL, "<n@b.example>"), "named");
	assert_string_equal(rule_of("198.51.100.1", NULL, "<>"), "null");
	assert_int_equal(session.message.mode, POLICY_REWRITE);
	assert_string_equal(rule_of("198.51.100.1", "", "<x@y.example>"), "none");
	assert_int_equal(session.message.mode, POLICY_REJECT);
}

/* --- recipients --- */

static bool elsewhere(const char *mailer, const char *host)
{
	return route_is_elsewhere(&session.conf->settings->milter, mailer, host);
}

static void recipients_by_other_mailers_or_hosts_are_not_ours(void **state)
{
	(void)state;
	use("milter { other_hosts = { '[mx.c.example]:25', mail.c.example, '2001:db8::1' } }\n");
	assert_true(elsewhere("lmtp", "x"));
	assert_true(elsewhere("LMTP", NULL));
	assert_false(elsewhere("lmt", NULL));
	assert_false(elsewhere("lmtps", NULL));
	/* From these an alias, or the administrator, may lead to us. */
	assert_false(elsewhere("local", "x"));
	assert_false(elsewhere("error", "x"));
	assert_false(elsewhere("retry", "x"));
	assert_false(elsewhere("smtp", "[smtp.office365.com]:587"));
	assert_false(elsewhere(NULL, NULL));
	assert_false(elsewhere("smtp", ""));
	assert_true(elsewhere("smtp", "[MX.c.example]:25"));
	assert_false(elsewhere("smtp", "[mx.c.example]:26"));
	assert_true(elsewhere("smtp", "[mail.c.example]:25"));
	assert_true(elsewhere("smtp", "mail.c.example:25"));
	assert_true(elsewhere("smtp", "[2001:db8::1]:25"));
	assert_false(elsewhere("smtp", "mail.c.example.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_client_of_smtp_has_an_address_and_a_port, put_away),
	    cmocka_unit_test_teardown(other_clients_do_not_speak_smtp_or_have_no_address, put_away),
	    cmocka_unit_test_teardown(the_envelope_is_kept_without_its_brackets, put_away),
	    cmocka_unit_test_teardown(parameters_logins_and_queue_ids_are_kept, put_away),
	    cmocka_unit_test_teardown(only_the_fields_that_decide_are_kept, put_away),
	    cmocka_unit_test_teardown(what_is_kept_has_its_most, put_away),
	    cmocka_unit_test_teardown(the_rule_that_fits_brings_its_mode, put_away),
	    cmocka_unit_test_teardown(recipients_by_other_mailers_or_hosts_are_not_ours, put_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
