/* The decision: every situation of mailbearer-milter(8), and what is changed in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policy_world.h"

static bool met[POLICY_SITUATIONS];

/* --- how a verdict reads --- */

/* "envelope=a@b From=x Reply-To+y Sender-" : "=" replaced, "+" inserted, "-" deleted. Folds are shown as they are. */
static void describe(const struct policy_verdict *verdict, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < verdict->change_count; i++) {
		const struct policy_change *change = &verdict->changes[i];
		char how = change->kind == POLICY_INSERT ? '+' : change->kind == POLICY_DELETE ? '-' : '=';

		used += (size_t)snprintf(out + used, size - used, "%s%s%c%s", i > 0 ? "|" : "",
					 change->header != NULL ? change->header : "envelope", how,
					 change->value.data != NULL ? change->value.data : "");
		if (change->kind == POLICY_DELETE || change->first > 1)
			used += (size_t)snprintf(out + used, size - used, "%u-%u", change->first, change->last);
	}
}

static void expect(const struct world *world, const struct rules_rule *rule, const struct policy_message *message,
		   enum policy_situation situation, const char *changes)
{
	struct policy_verdict verdict;
	char text[4096];

	policy_decide(&world->policy, rule, message, &verdict);
	describe(&verdict, text, sizeof text);
	met[verdict.situation] = true;
	if (verdict.situation != situation || strcmp(text, changes) != 0)
		fail_msg("%.*s, %.*s: %s\n%s\nnot %s\n%s", (int)message->envelope.len, message->envelope.at,
			 (int)message->from.values[0].len, message->from.values[0].at,
			 policy_situation_name(verdict.situation), text, policy_situation_name(situation), changes);
	assert_int_equal(verdict.action, *changes != '\0' ? POLICY_CHANGE : POLICY_PASS);
	assert_int_equal(verdict.would, verdict.action);
	policy_verdict_free(&verdict);
}

static void expect_pair(const struct world *world, const char *envelope, const char *from,
			enum policy_situation situation, const char *changes)
{
	struct policy_message message = message_of(envelope, from);

	expect(world, NULL, &message, situation, changes);
}

static void expect_refusal(const struct world *world, const struct policy_message *message,
			   enum policy_situation situation, enum reply_kind kind, const char *code)
{
	struct policy_verdict verdict;

	policy_decide(&world->policy, NULL, message, &verdict);
	met[verdict.situation] = true;
	assert_string_equal(policy_situation_name(verdict.situation), policy_situation_name(situation));
	assert_int_equal(verdict.action, POLICY_REPLY);
	assert_int_equal(verdict.reply.kind, kind);
	assert_string_equal(verdict.reply.code, code);
	assert_true(strlen(verdict.reply.text) > 0);
	policy_verdict_free(&verdict);
}

/* --- the situations --- */

static void what_is_aligned_is_untouched(void **state)
{
	(void)state;
	expect_pair(&with_default, "relay@c.example", "relay@c.example", POLICY_ALIGNED, "");
	expect_pair(&with_default, "Relay@C.example", "\"evil@x\" <RELAY@c.EXAMPLE>", POLICY_ALIGNED, "");
	expect_pair(&with_default, "relay@c.example", "A <list@c.example>", POLICY_ALIGNED, "");
	expect_pair(&with_default, "a@branch.example", "b@branch.example (B)", POLICY_ALIGNED, "");
	expect_pair(&with_default, "x@f.example", "X <x@f.example>", POLICY_ALIGNED, "");
	expect_pair(&with_default, "x@f.example", "shared@g.example", POLICY_ALIGNED, "");
	expect_pair(&with_default, "news@c.example", "a@n.example", POLICY_CONNECTOR, "");
	expect_pair(&with_default, "", "relay@c.example", POLICY_NULL_SENDER, "");
	expect_pair(&without_default, "", "boss@c.example", POLICY_NULL_SENDER, "");
}

static void what_does_not_fit_is_replaced(void **state)
{
	(void)state;
	expect_pair(&with_default, "app@x.example", "App <list@c.example>", POLICY_ENVELOPE_FOREIGN,
		    "envelope=relay@c.example|X-Original-Envelope-From+app@x.example");
	expect_pair(&with_default, "relay@c.example", "App <App@x.example>", POLICY_FROM_FOREIGN,
		    "X-Original-From+App <App@x.example>|Reply-To+App <App@x.example>|From=App <relay@c.example>");
	expect_pair(&with_default, "boss@c.example", "app@x.example", POLICY_FROM_FOREIGN,
		    "X-Original-From+app@x.example|Reply-To+app@x.example|From=boss@c.example");
	expect_pair(&with_default, "root@x.example", "root@x.example (Cron Daemon)", POLICY_BOTH_FOREIGN,
		    "X-Original-From+root@x.example (Cron Daemon)|Reply-To+Cron Daemon <root@x.example>|"
		    "From=Cron Daemon <relay@c.example>|envelope=relay@c.example|"
		    "X-Original-Envelope-From+root@x.example");
	expect_pair(&with_default, "relay@c.example", "Boss <boss@c.example>", POLICY_TWO_ACCOUNTS,
		    "envelope=boss@c.example|X-Original-Envelope-From+relay@c.example");
	expect_pair(&with_default, "x@f.example", "y@f.example", POLICY_TWO_MAILBOXES,
		    "envelope=y@f.example|X-Original-Envelope-From+x@f.example");
	expect_pair(&with_default, "app@x.example", "X <X@f.example>", POLICY_ENVELOPE_FOREIGN,
		    "envelope=x@f.example|X-Original-Envelope-From+app@x.example");
	expect_pair(&with_default, "x@f.example", "app@x.example", POLICY_FROM_FOREIGN,
		    "X-Original-From+app@x.example|Reply-To+app@x.example|From=x@f.example");
}

static void the_null_sender_stays(void **state)
{
	(void)state;
	expect_pair(&with_default, "", "MAILER-DAEMON <md@x.example>", POLICY_NULL_FOREIGN,
		    "X-Original-From+MAILER-DAEMON <md@x.example>|Reply-To+MAILER-DAEMON <md@x.example>|"
		    "From=MAILER-DAEMON <relay@c.example>");
	/* Its route is the default account's, whoever wrote it. */
	expect_pair(&with_default, "", "boss@c.example", POLICY_NULL_FOREIGN,
		    "X-Original-From+boss@c.example|Reply-To+boss@c.example|From=relay@c.example");
	expect_pair(&with_default, "", "news@c.example", POLICY_NULL_FOREIGN,
		    "X-Original-From+news@c.example|Reply-To+news@c.example|From=relay@c.example");
	expect_pair(&without_default, "", "news@c.example", POLICY_NULL_SENDER, "");
	expect_pair(&with_default, "", NULL, POLICY_FROM_NONE, "From=relay@c.example");
}

static void connectors_carry_their_own(void **state)
{
	(void)state;
	expect_pair(&with_default, "relay@c.example", "News <news@c.example>", POLICY_CONNECTOR_MIXED,
		    "envelope=news@c.example|X-Original-Envelope-From+relay@c.example");
	expect_pair(&with_default, "news@c.example", "relay@c.example", POLICY_CONNECTOR_MIXED,
		    "envelope=relay@c.example|X-Original-Envelope-From+news@c.example");
	expect_pair(&with_default, "app@x.example", "a@n.example", POLICY_CONNECTOR_MIXED,
		    "envelope=a@n.example|X-Original-Envelope-From+app@x.example");
	expect_pair(&with_default, "news@c.example", "app@x.example", POLICY_CONNECTOR_MIXED,
		    "X-Original-From+app@x.example|Reply-To+app@x.example|From=news@c.example");
	expect_pair(&with_default, "other@c.example", "news@c.example", POLICY_CONNECTOR_MIXED,
		    "envelope=news@c.example|X-Original-Envelope-From+other@c.example");
}

static void a_from_that_is_not_one_mailbox_is_written_anew(void **state)
{
	char big[SCAN_FIELD_MAX + 2];
	struct policy_message message = message_of("relay@c.example", "a@x.example");
	struct policy_verdict verdict;

	(void)state;
	expect_pair(&with_default, "relay@c.example", NULL, POLICY_FROM_NONE, "From=relay@c.example");
	expect_pair(&with_default, "relay@c.example", "  ", POLICY_FROM_NONE, "From=relay@c.example");
	expect_pair(&with_default, "relay@c.example", "relay@c.example, evil@x.example", POLICY_FROM_MANY,
		    "X-Original-From+relay@c.example, evil@x.example|From=relay@c.example");
	expect_pair(&with_default, "relay@c.example", "Team: relay@c.example;", POLICY_FROM_GROUP,
		    "X-Original-From+Team: relay@c.example;|From=relay@c.example");
	expect_pair(&with_default, "relay@c.example", "Smith, John <relay@c.example>", POLICY_FROM_UNPARSABLE,
		    "X-Original-From+Smith, John <relay@c.example>|From=\"Smith, John\" <relay@c.example>");
	expect_pair(&with_default, "boss@c.example", "Scanner 3", POLICY_FROM_UNPARSABLE,
		    "X-Original-From+Scanner 3|From=Scanner 3 <boss@c.example>");
	expect_pair(&with_default, "relay@c.example", "a\001 <relay@c.example>", POLICY_FROM_CONTROLS,
		    "X-Original-From+a? <relay@c.example>|From=relay@c.example");
	expect_pair(&with_default, "relay@c.example", "=?utf-8?q?=3Cevil=40x=3E?= <relay@c.example>",
		    POLICY_FROM_HIDDEN,
		    "X-Original-From+=?utf-8?q?=3Cevil=40x=3E?= <relay@c.example>|"
		    "From==?utf-8?q?=28evil_at_x=29?= <relay@c.example>");
	memset(big, 'a', sizeof big);
	message.from.values[0] = (struct span){big, sizeof big};
	policy_decide(&with_default.policy, NULL, &message, &verdict);
	assert_int_equal(verdict.situation, POLICY_FROM_TOO_LONG);
	met[verdict.situation] = true;
	assert_string_equal(verdict.changes[1].value.data, "relay@c.example");
	policy_verdict_free(&verdict);
}

static void of_several_froms_one_is_left(void **state)
{
	struct policy_message message = message_of("app@x.example", "a@x.example");

	(void)state;
	message.from.count = 3;
	message.from.values[1] = span_of("relay@c.example");
	message.from.values[2] = span_of("a@x.example\n B");
	expect(&with_default, NULL, &message, POLICY_FROM_SEVERAL,
	       "X-Original-From+a@x.example B|X-Original-From+relay@c.example|X-Original-From+a@x.example|"
	       "From-2-3|From=relay@c.example|envelope=relay@c.example|X-Original-Envelope-From+app@x.example");
	message.from.count = 2;
	expect(&with_default, NULL, &message, POLICY_FROM_SEVERAL,
	       "X-Original-From+relay@c.example|X-Original-From+a@x.example|"
	       "From-2-2|From=relay@c.example|envelope=relay@c.example|X-Original-Envelope-From+app@x.example");
	message.from.count = 3000; /* more than are kept */
	for (size_t i = 0; i < POLICY_FIELDS_MAX; i++)
		message.from.values[i] = span_of("");
	expect(&with_default, NULL, &message, POLICY_FROM_SEVERAL,
	       "From-2-3000|From=relay@c.example|envelope=relay@c.example|X-Original-Envelope-From+app@x.example");
}

static void what_nobody_carries_is_refused(void **state)
{
	struct policy_message message = message_of("app@x.example", "a@x.example");

	(void)state;
	expect_refusal(&without_default, &message, POLICY_NO_ACCOUNT, REPLY_NO_ACCOUNT, "550");
	message = message_of("app@x.example", NULL);
	expect_refusal(&without_default, &message, POLICY_NO_ACCOUNT, REPLY_NO_ACCOUNT, "550");
	message = message_of("", "MAILER-DAEMON");
	expect_refusal(&without_default, &message, POLICY_NO_ACCOUNT, REPLY_NO_ACCOUNT, "550");
	message = message_of("app@x.example", "shared@g.example"); /* of a wildcard account, but no mailbox of it */
	expect_refusal(&without_default, &message, POLICY_NO_MAILBOX, REPLY_NO_MAILBOX, "550");
	message = message_of("shared@g.example", "shared@g.example");
	expect_refusal(&without_default, &message, POLICY_NO_MAILBOX, REPLY_NO_MAILBOX, "550");
}

/* --- rules --- */

static void a_rule_names_the_account(void **state)
{
	struct rules_rule rule = {.name = "printers", .account = &with_default.settings->accounts[0]};
	struct policy_message message = message_of("scanner@local", "Scanner <scanner@local>");

	(void)state;
	rule.address = "list@c.example";
	expect(&with_default, &rule, &message, POLICY_RULED,
	       "X-Original-From+Scanner <scanner@local>|Reply-To+Scanner <scanner@local>|"
	       "From=Scanner <list@c.example>|envelope=list@c.example|X-Original-Envelope-From+scanner@local");
	message = message_of("relay@c.example", "boss@c.example"); /* the rule's account, not the From's */
	expect(&with_default, &rule, &message, POLICY_RULED,
	       "X-Original-From+boss@c.example|Reply-To+boss@c.example|From=list@c.example");
	message = message_of("relay@c.example", "relay@c.example"); /* what is the account's stays */
	expect(&with_default, &rule, &message, POLICY_ALIGNED, "");
	rule.address = NULL;
	message = message_of("scanner@local", "relay@c.example");
	expect(&with_default, &rule, &message, POLICY_RULED,
	       "envelope=relay@c.example|X-Original-Envelope-From+scanner@local");
	rule.account = &with_default.settings->accounts[1];
	message = message_of("", "boss@c.example"); /* but where <> goes is not for a rule to say */
	expect(&with_default, &rule, &message, POLICY_NULL_FOREIGN,
	       "X-Original-From+boss@c.example|Reply-To+boss@c.example|From=relay@c.example");
}

static void a_rule_may_name_a_mailbox_of_a_wildcard(void **state)
{
	struct rules_rule rule = {.name = "factory", .account = &with_default.settings->accounts[2]};
	struct policy_message message = message_of("scanner@local", "scanner@local");
	struct policy_verdict verdict;

	(void)state;
	policy_decide(&with_default.policy, &rule, &message, &verdict);
	assert_int_equal(verdict.situation, POLICY_NO_MAILBOX);
	policy_verdict_free(&verdict);
	rule.address = "line1@f.example";
	policy_decide(&with_default.policy, &rule, &message, &verdict);
	assert_int_equal(verdict.situation, POLICY_RULED);
	assert_string_equal(verdict.mailbox, "line1@f.example");
	policy_verdict_free(&verdict);
}

/* --- the other fields --- */

static void a_reply_to_is_kept(void **state)
{
	struct policy_message message = message_of("relay@c.example", "a@x.example");

	(void)state;
	message.reply_to = fields_of("help@x.example");
	expect(&with_default, NULL, &message, POLICY_FROM_FOREIGN, "X-Original-From+a@x.example|From=relay@c.example");
	message.reply_to = fields_of(" \t");
	expect(&with_default, NULL, &message, POLICY_FROM_FOREIGN,
	       "X-Original-From+a@x.example|Reply-To=a@x.example|From=relay@c.example");
	message.reply_to = fields_of("Help <Help@x.example>");
	message.reply_to.count = 3;
	message.reply_to.values[1] = span_of("b@x.example");
	message.reply_to.values[2] = span_of("HELP@x.example");
	expect(&with_default, NULL, &message, POLICY_FROM_FOREIGN,
	       "X-Original-From+a@x.example|Reply-To-2-3|Reply-To=Help <Help@x.example>,\n b@x.example|"
	       "From=relay@c.example");
	message.reply_to.values[1] = span_of("b@x.example, c@x.example"); /* not one mailbox each: not ours to touch */
	expect(&with_default, NULL, &message, POLICY_FROM_FOREIGN, "X-Original-From+a@x.example|From=relay@c.example");
	message.reply_to.count = POLICY_FIELDS_MAX + 1;
	expect(&with_default, NULL, &message, POLICY_FROM_FOREIGN, "X-Original-From+a@x.example|From=relay@c.example");
}

static void a_foreign_sender_field_goes(void **state)
{
	struct policy_message message = message_of("relay@c.example", "relay@c.example");

	(void)state;
	message.sender = fields_of("List <list@c.example>");
	expect(&with_default, NULL, &message, POLICY_ALIGNED, "");
	message.sender = fields_of("root@x.example");
	expect(&with_default, NULL, &message, POLICY_SENDER_FOREIGN, "Sender-1-1|X-Original-Sender+root@x.example");
	message.sender.count = 20;
	message.original_sender = 1;
	expect(&with_default, NULL, &message, POLICY_SENDER_FOREIGN, "Sender-1-20");
	message = message_of("x@f.example", "x@f.example");
	message.sender = fields_of("y@f.example"); /* another login */
	expect(&with_default, NULL, &message, POLICY_SENDER_FOREIGN, "Sender-1-1|X-Original-Sender+y@f.example");
	message = message_of("news@c.example", "news@c.example");
	message.sender = fields_of("root@x.example"); /* a connector does not look at it */
	expect(&with_default, NULL, &message, POLICY_CONNECTOR, "");
}

static void what_was_kept_once_is_not_kept_again(void **state)
{
	struct policy_message message = message_of("app@x.example", "a@x.example");

	(void)state;
	message.original_from = message.original_envelope = 1;
	message.reply_to = fields_of("a@x.example");
	expect(&with_default, NULL, &message, POLICY_BOTH_FOREIGN, "From=relay@c.example|envelope=relay@c.example");
}

/* --- everything around --- */

static void other_routes_are_left_alone(void **state)
{
	struct policy_message message = message_of("app@x.example", "a@x.example");

	(void)state;
	message.recipients = 2;
	message.recipients_elsewhere = 2;
	expect(&with_default, NULL, &message, POLICY_OTHER_ROUTE, "");
	message.recipients_elsewhere = 1; /* one of ours is enough */
	expect(&with_default, NULL, &message, POLICY_BOTH_FOREIGN,
	       "X-Original-From+a@x.example|Reply-To+a@x.example|From=relay@c.example|envelope=relay@c.example|"
	       "X-Original-Envelope-From+app@x.example");
}

static void international_addresses_want_smtputf8(void **state)
{
	struct policy_message message = message_of("app@x.example", "r\xc3\xbc@c.example");

	(void)state;
	expect_refusal(&with_default, &message, POLICY_INTERNATIONAL, REPLY_INTERNATIONAL, "550");
	message.smtputf8 = true;
	expect(&with_default, NULL, &message, POLICY_ENVELOPE_FOREIGN,
	       "envelope=r\xc3\xbc@c.example|X-Original-Envelope-From+app@x.example");
	message = message_of("relay@c.example", "\xc3\xbc@x.example"); /* the answers' address would be UTF-8 */
	expect(&with_default, NULL, &message, POLICY_FROM_FOREIGN,
	       "X-Original-From+=?utf-8?q?=C3=BC=40x=2Eexample?=|From=relay@c.example");
	message.smtputf8 = true;
	expect(&with_default, NULL, &message, POLICY_FROM_FOREIGN,
	       "X-Original-From+=?utf-8?q?=C3=BC=40x=2Eexample?=|Reply-To+\xc3\xbc@x.example|From=relay@c.example");
}

/* Envelope senders that are not plain addresses belong to nobody, whatever a pattern would say. */
static void an_odd_envelope_is_nobodys(void **state)
{
	(void)state;
	expect_pair(&with_default, "\"a b\"@branch.example", "relay@c.example", POLICY_ENVELOPE_FOREIGN,
		    "envelope=relay@c.example|X-Original-Envelope-From+\"a b\"@branch.example");
	expect_pair(&with_default, "root", "relay@c.example", POLICY_ENVELOPE_FOREIGN,
		    "envelope=relay@c.example|X-Original-Envelope-From+root");
}

/* The last one. A message that is not looked at, and one for which there is no memory, are test_policy_modes.c's. */
static void every_situation_was_met(void **state)
{
	(void)state;
	for (int i = 0; i < POLICY_SITUATIONS; i++)
		if (!met[i] && i != POLICY_MODE_OFF && i != POLICY_FAILED)
			fail_msg("no test has met %s", policy_situation_name((enum policy_situation)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_aligned_is_untouched),
	    cmocka_unit_test(what_does_not_fit_is_replaced),
	    cmocka_unit_test(the_null_sender_stays),
	    cmocka_unit_test(connectors_carry_their_own),
	    cmocka_unit_test(a_from_that_is_not_one_mailbox_is_written_anew),
	    cmocka_unit_test(of_several_froms_one_is_left),
	    cmocka_unit_test(what_nobody_carries_is_refused),
	    cmocka_unit_test(a_rule_names_the_account),
	    cmocka_unit_test(a_rule_may_name_a_mailbox_of_a_wildcard),
	    cmocka_unit_test(a_reply_to_is_kept),
	    cmocka_unit_test(a_foreign_sender_field_goes),
	    cmocka_unit_test(what_was_kept_once_is_not_kept_again),
	    cmocka_unit_test(other_routes_are_left_alone),
	    cmocka_unit_test(international_addresses_want_smtputf8),
	    cmocka_unit_test(an_odd_envelope_is_nobodys),
	    cmocka_unit_test(every_situation_was_met),
	};

	return cmocka_run_group_tests_name("policy", tests, set_up, tear_down);
}
