/* What devices are told: one short line of ASCII that names both senders, whatever they sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "milter/reply.h"

static void every_text_names_both_senders(void **state)
{
	const struct reply_facts facts = {.envelope = SPAN("app@x.example"),
					  .from = SPAN("Me@y.example"),
					  .sender = SPAN("s@z.example"),
					  .account = "relay@c.example",
					  .detail = "invalid_grant",
					  .limit = 12345};
	struct reply reply;

	(void)state;
	for (int kind = 0; kind < REPLY_KINDS; kind++) {
		reply_write((enum reply_kind)kind, &facts, &reply);
		assert_int_equal((int)reply.kind, kind);
		assert_non_null(reply_kind_name(reply.kind));
		assert_ptr_equal(strstr(reply.text, "Sender <app@x.example>, From <Me@y.example>: "), reply.text);
		assert_true(strlen(reply.code) == 3 && strlen(reply.status) == 5 && reply.code[0] == reply.status[0]);
	}
}

/* libmilter refuses some of this, and a device shows the rest. */
static void hostile_senders_are_tamed(void **state)
{
	char big[5000];
	struct reply_facts facts = {
	    .envelope = {big, sizeof big}, .from = {big, sizeof big}, .sender = {big, sizeof big}, .limit = INT64_MIN};
	struct reply reply;

	(void)state;
	for (int kind = 0; kind < REPLY_KINDS; kind++) {
		for (int byte = 0; byte < 256; byte++) {
			memset(big, byte, sizeof big);
			big[sizeof big - 1] = '\0';
			facts.account = facts.detail = big;
			reply_write((enum reply_kind)kind, &facts, &reply);
			assert_in_range(strlen(reply.text), 40, REPLY_TEXT_MAX - 2); /* whole, not cut at the end */
			assert_true(strlen(reply.code) + 1 + strlen(reply.status) + 1 + strlen(reply.text) < 400);
			for (const char *c = reply.text; *c != '\0'; c++)
				assert_true(*c >= ' ' && *c <= '~' && *c != '%');
		}
	}
}

static void facts_that_are_missing_are_left_out(void **state)
{
	const struct reply_facts nothing = {0};
	struct reply reply;

	(void)state;
	for (int kind = 0; kind < REPLY_KINDS; kind++) {
		reply_write((enum reply_kind)kind, &nothing, &reply);
		assert_ptr_equal(strstr(reply.text, "Sender <>, From <>: "), reply.text);
	}
}

static void long_addresses_are_cut_visibly(void **state)
{
	struct reply_facts facts = {.from = SPAN("Name <a@b>")};
	char big[400];
	struct reply reply;

	(void)state;
	memset(big, 'x', sizeof big);
	facts.envelope = (struct span){big, sizeof big};
	reply_write(REPLY_NO_ACCOUNT, &facts, &reply);
	assert_non_null(strstr(reply.text, "xxx...>, From <Name (a@b)>: "));
}

static void expect_shown(enum reply_kind kind, const struct reply_facts *facts, const char *shown)
{
	struct reply reply;

	reply_write(kind, facts, &reply);
	if (strstr(reply.text, shown) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", reply.text, shown);
}

static void texts_show_what_they_are_about(void **state)
{
	struct reply_facts facts = {
	    .envelope = SPAN("~a\tb\nc@d"), .account = "relay@c.example", .detail = "AADSTS1", .limit = 1000};
	char sixty[61];

	(void)state;
	expect_shown(REPLY_SIZE, &facts, "larger than 1000 bytes");
	expect_shown(REPLY_RUNAWAY, &facts, "more than 1000 messages a minute");
	expect_shown(REPLY_ENVELOPE, &facts, "relay@c.example");
	expect_shown(REPLY_UNUSABLE, &facts, "(AADSTS1)");
	expect_shown(REPLY_SENDER, &facts, "the Sender field, unknown, is");
	expect_shown(REPLY_SIZE, &facts, "Sender <~a b c@d>, From <>: ");
	memset(sixty, 'x', sizeof sixty);
	facts.envelope = (struct span){sixty, 60};
	expect_shown(REPLY_SIZE, &facts, "xxx>, From");
	facts.envelope.len = 61;
	expect_shown(REPLY_SIZE, &facts, "xxx...>, From");
	facts.envelope.len = 1;
	expect_shown(REPLY_SIZE, &facts, "Sender <x>,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_text_names_both_senders),       cmocka_unit_test(hostile_senders_are_tamed),
	    cmocka_unit_test(facts_that_are_missing_are_left_out), cmocka_unit_test(long_addresses_are_cut_visibly),
	    cmocka_unit_test(texts_show_what_they_are_about),
	};

	return cmocka_run_group_tests_name("milter_reply", tests, NULL, NULL);
}
