/* The decision in its modes, what is told of it, and that a second pass over our own output changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policy_world.h"

static bool no_memory;

void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return no_memory ? NULL : __real_calloc(count, size);
}

static void modes_differ_in_what_is_done(void **state)
{
	static const struct {
		enum policy_mode mode;
		enum policy_action action, would;
		size_t changes;
	} table[] = {{POLICY_OFF, POLICY_PASS, POLICY_PASS, 0},
		     {POLICY_MONITOR, POLICY_PASS, POLICY_CHANGE, 2},
		     {POLICY_REWRITE, POLICY_CHANGE, POLICY_CHANGE, 2},
		     {POLICY_REJECT, POLICY_REPLY, POLICY_CHANGE, 2}};
	struct policy_message message = message_of("app@x.example", "relay@c.example");
	struct rules_rule rule = {.has_mode = true};
	struct policy_verdict verdict;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		rule.mode = table[i].mode; /* wins over the section's */
		policy_decide(&with_default.policy, &rule, &message, &verdict);
		assert_int_equal(verdict.action, table[i].action);
		assert_int_equal(verdict.would, table[i].would);
		assert_int_equal(verdict.mode, table[i].mode);
		assert_int_equal(verdict.change_count, table[i].changes);
		policy_verdict_free(&verdict);
	}
	message = message_of("relay@c.example", "relay@c.example");
	rule.mode = POLICY_REJECT;
	policy_decide(&with_default.policy, &rule, &message, &verdict);
	assert_int_equal(verdict.action, POLICY_PASS);
	policy_verdict_free(&verdict);
	message = message_of("app@x.example", "a@x.example");
	rule.mode = POLICY_MONITOR;
	policy_decide(&without_default.policy, &rule, &message, &verdict);
	assert_int_equal(verdict.action, POLICY_PASS);
	assert_int_equal(verdict.would, POLICY_REPLY);
	policy_verdict_free(&verdict);
}

static void expect_reject(const char *envelope, const char *from, const char *sender, enum reply_kind kind)
{
	struct policy policy = {.senders = with_default.policy.senders, .mode = POLICY_REJECT};
	struct policy_message message = message_of(envelope, from);
	struct policy_verdict verdict;

	message.sender = fields_of(sender);
	policy_decide(&policy, NULL, &message, &verdict);
	assert_int_equal(verdict.action, POLICY_REPLY);
	assert_string_equal(reply_kind_name(verdict.reply.kind), reply_kind_name(kind));
	policy_verdict_free(&verdict);
}

static void a_reject_says_what_is_wrong(void **state)
{
	(void)state;
	expect_reject("a@x.example", "relay@c.example", NULL, REPLY_ENVELOPE);
	expect_reject("relay@c.example", "a@x.example", NULL, REPLY_FROM);
	expect_reject("a@x.example", "a@x.example", NULL, REPLY_BOTH);
	expect_reject("relay@c.example", "boss@c.example", NULL, REPLY_TWO_ACCOUNTS);
	expect_reject("x@f.example", "y@f.example", NULL, REPLY_TWO_ACCOUNTS);
	expect_reject("news@c.example", "relay@c.example", NULL, REPLY_TWO_ACCOUNTS);
	expect_reject("relay@c.example", NULL, NULL, REPLY_NOT_ONE);
	expect_reject("a@x.example", "a, b", NULL, REPLY_NOT_ONE);
	expect_reject("", "a@x.example", NULL, REPLY_FROM);
	expect_reject("relay@c.example", "relay@c.example", "a@x.example", REPLY_SENDER);
}

static void expect_text(const struct world *world, const struct rules_rule *rule, struct policy_message *message,
			const char *first, const char *second)
{
	struct policy policy = {.senders = world->policy.senders, .mode = POLICY_REJECT};
	struct policy_verdict verdict;

	policy_decide(&policy, rule, message, &verdict);
	assert_int_equal(verdict.action, POLICY_REPLY);
	if (strstr(verdict.reply.text, first) == NULL || strstr(verdict.reply.text, second) == NULL)
		fail_msg("%s does not say %s and %s", verdict.reply.text, first, second);
	policy_verdict_free(&verdict);
}

static void a_reject_names_what_there_was_and_what_there_should_be(void **state)
{
	struct rules_rule any = {.account = &with_default.settings->accounts[2]};
	struct policy_message message = message_of("a@x.example", "A <b@x.example>");

	(void)state;
	assert_string_equal(any.account->name, "*@f.example");
	expect_text(&with_default, NULL, &message, "Sender <a@x.example>, From <b@x.example>:", "relay@c.example");
	expect_text(&with_default, &any, &message, "From <b@x.example>:", "*@f.example");
	message = message_of("a@x.example", "a, b");
	expect_text(&with_default, NULL, &message, "From <a, b>:", "exactly one address");
	message = message_of("relay@c.example", "relay@c.example");
	message.sender = fields_of("root@x.example");
	expect_text(&with_default, NULL, &message, "the Sender field,", "root@x.example");
}

static void without_memory_a_message_is_put_off(void **state)
{
	struct policy_message message = message_of("a@x.example", "A <b@x.example>");
	struct policy_verdict verdict;

	(void)state;
	for (int smtp = 0; smtp < 2; smtp++) {
		message.smtp = smtp != 0;
		no_memory = true;
		policy_decide(&with_default.policy, NULL, &message, &verdict);
		no_memory = false;
		assert_int_equal(verdict.situation, POLICY_FAILED);
		assert_int_equal(verdict.action, POLICY_REPLY);
		assert_int_equal(verdict.would, POLICY_REPLY);
		assert_int_equal(verdict.change_count, 0);
		assert_int_equal(verdict.reply.kind, REPLY_INTERNAL);
		assert_string_equal(verdict.reply.code, smtp ? "451" : "550"); /* who sent it has gone */
		assert_string_equal(verdict.reply.status, smtp ? "4.3.0" : "5.3.0");
		policy_verdict_free(&verdict);
	}
}

static void a_bounce_of_the_mtas_own_is_refused_in_no_mode(void **state)
{
	struct policy reject = {.senders = with_default.policy.senders, .mode = POLICY_REJECT};
	struct policy_message message = message_of("", "MAILER-DAEMON@relay.example");
	struct policy_verdict verdict;

	(void)state;
	message.smtp = false;
	policy_decide(&reject, NULL, &message, &verdict);
	assert_int_equal(verdict.action, POLICY_CHANGE);
	assert_int_equal(verdict.situation, POLICY_NULL_FOREIGN);
	policy_verdict_free(&verdict);
	policy_decide(&without_default.policy, NULL, &message, &verdict);
	assert_int_equal(verdict.action, POLICY_PASS);
	assert_int_equal(verdict.would, POLICY_REPLY);
	policy_verdict_free(&verdict);
	message.envelope = span_of("root@relay.example");
	policy_decide(&reject, NULL, &message, &verdict);
	assert_int_equal(verdict.action, POLICY_REPLY);
	policy_verdict_free(&verdict);
}

static void a_message_without_recipients_is_looked_at(void **state)
{
	struct policy_message message = message_of("a@x.example", "A <b@x.example>");
	struct policy_verdict verdict;

	(void)state;
	message.recipients = 0;
	policy_decide(&with_default.policy, NULL, &message, &verdict);
	assert_int_equal(verdict.situation, POLICY_BOTH_FOREIGN);
	policy_verdict_free(&verdict);
}

static void every_sender_field_is_looked_at(void **state)
{
	struct policy_message message = message_of("relay@c.example", "relay@c.example");
	struct policy_verdict verdict;

	(void)state;
	for (size_t i = 0; i < POLICY_FIELDS_MAX; i++)
		message.sender.values[i] = SPAN("list@c.example");
	for (size_t count = 0; count < POLICY_FIELDS_MAX + 2; count++) {
		message.sender.count = count;
		policy_decide(&with_default.policy, NULL, &message, &verdict);
		assert_int_equal(verdict.situation,
				 count <= POLICY_FIELDS_MAX ? POLICY_ALIGNED : POLICY_SENDER_FOREIGN);
		policy_verdict_free(&verdict);
	}
	message.sender.count = POLICY_FIELDS_MAX;
	message.sender.values[POLICY_FIELDS_MAX - 1] = SPAN("root@x.example");
	policy_decide(&with_default.policy, NULL, &message, &verdict);
	assert_int_equal(verdict.situation, POLICY_SENDER_FOREIGN);
	policy_verdict_free(&verdict);
}

static void the_login_is_named(void **state)
{
	static const struct {
		const char *envelope, *from, *mailbox;
	} table[] = {{"app@x.example", "list@c.example", "relay@c.example"},
		     {"x@f.example", "shared@g.example", "x@f.example"},
		     {"a@x.example", "Y <Y@f.example>", "y@f.example"},
		     {"news@c.example", "news@c.example", ""},
		     {"", "boss@c.example", "relay@c.example"}};
	char early[ADDRESS_MAX + 1];
	struct rules_rule rule = {.account = &with_default.settings->accounts[1]};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct policy_message message = message_of(table[i].envelope, table[i].from);
		struct policy_verdict verdict;

		policy_decide(&with_default.policy, NULL, &message, &verdict);
		assert_string_equal(verdict.mailbox, table[i].mailbox);
		policy_verdict_free(&verdict);
	}
	policy_early_mailbox(&with_default.policy, NULL, SPAN("list@c.example"), early);
	assert_string_equal(early, "relay@c.example");
	policy_early_mailbox(&with_default.policy, NULL, SPAN("x@f.example"), early);
	assert_string_equal(early, "x@f.example");
	policy_early_mailbox(&with_default.policy, NULL, SPAN("a@x.example"), early);
	assert_string_equal(early, ""); /* the From may yet name another account than the default one */
	policy_early_mailbox(&with_default.policy, NULL, SPAN("a"), early);
	assert_string_equal(early, "");
	policy_early_mailbox(&with_default.policy, NULL, SPAN(""), early);
	assert_string_equal(early, "relay@c.example");
	policy_early_mailbox(&with_default.policy, &rule, SPAN("a@x.example"), early);
	assert_string_equal(early, "boss@c.example");
	rule.account = &with_default.settings->accounts[2]; /* which mailbox of it? */
	policy_early_mailbox(&with_default.policy, &rule, SPAN("a@x.example"), early);
	assert_string_equal(early, "");
	policy_early_mailbox(&with_default.policy, NULL, SPAN("news@c.example"), early);
	assert_string_equal(early, "");
}

/* --- a second pass --- */

static void apply_field(const struct policy_change *change, struct policy_fields *fields)
{
	if (change->kind == POLICY_DELETE)
		fields->count = change->first - 1;
	else if (change->kind == POLICY_REPLACE)
		fields->values[0] = (struct span){change->value.data, change->value.len};
	else
		*fields = (struct policy_fields){.count = 1, .values = {{change->value.data, change->value.len}}};
}

static void apply(const struct policy_verdict *verdict, struct policy_message *message)
{
	for (size_t i = 0; i < verdict->change_count; i++) {
		const struct policy_change *change = &verdict->changes[i];

		if (change->header == NULL)
			message->envelope = (struct span){change->value.data, change->value.len};
		else if (strcmp(change->header, "From") == 0)
			apply_field(change, &message->from);
		else if (strcmp(change->header, "Reply-To") == 0)
			apply_field(change, &message->reply_to);
		else if (strcmp(change->header, "Sender") == 0)
			apply_field(change, &message->sender);
	}
}

/* A content filter sends a message through the milter again, and then no rule knows the client. */
static void our_own_output_is_aligned(void **state)
{
	static const char *const envelopes[] = {"relay@c.example", "boss@c.example", "list@c.example",    "x@f.example",
						"news@c.example",  "app@x.example",  "\"a b\"@c.example", "",
						"y@f.example",     "a@n.example"};
	static const char *const froms[] = {"relay@c.example",
					    "Boss <boss@c.example>",
					    "X <x@f.example>",
					    "shared@g.example",
					    "app@x.example (Cron)",
					    "\"evil@x\" <a@x.example>",
					    "Smith, J <a@x.example>",
					    "M\xfcller <a@x>",
					    "M\xc3\xbcller, J <a@x>",
					    "=?utf-8?q?a=40b?= <a@x>",
					    "a@x, b@x",
					    "T:;",
					    "",
					    "News <news@c.example>",
					    "\001",
					    "a@n.example",
					    "=?utf-8?q?a?= \"<b@c>\" <a@x.example>"};
	static const char *const senders[] = {NULL, "root@x.example", "list@c.example"};
	struct rules_rule rule = {.account = &with_default.settings->accounts[1], .address = "boss@c.example"};

	(void)state;
	for (size_t n = 0; n < 2 * 10 * 17 * 3; n++) {
		struct policy_message message = message_of(envelopes[n / 6 % 10], froms[n / 60]);
		struct policy_verdict first, second;

		message.sender = fields_of(senders[n / 2 % 3]);
		policy_decide(&with_default.policy, n % 2 == 0 ? NULL : &rule, &message, &first);
		apply(&first, &message);
		policy_decide(&with_default.policy, NULL, &message, &second);
		if (second.action != POLICY_PASS && first.action != POLICY_REPLY)
			fail_msg("%s, %s: %s, then %s", envelopes[n / 6 % 10], froms[n / 60],
				 policy_situation_name(first.situation), policy_situation_name(second.situation));
		policy_verdict_free(&second);
		policy_verdict_free(&first);
	}
}

static void everything_has_a_word_for_the_log(void **state)
{
	struct policy_message message = message_of("app@x.example", "a@x.example");
	char text[POLICY_TOUCHED_MAX];
	struct policy_verdict verdict;

	(void)state;
	for (int i = 0; i < POLICY_SITUATIONS; i++)
		assert_non_null(policy_situation_name((enum policy_situation)i));
	message.sender = fields_of("a@x.example");
	policy_decide(&with_default.policy, NULL, &message, &verdict);
	policy_touched(&verdict, text);
	assert_string_equal(text, "envelope,from,reply-to,sender");
	policy_verdict_free(&verdict);
	policy_touched(&verdict, text);
	assert_string_equal(text, "");
	message = message_of("app@x.example", "relay@c.example");
	policy_decide(&with_default.policy, NULL, &message, &verdict);
	policy_touched(&verdict, text);
	assert_string_equal(text, "envelope");
	policy_verdict_free(&verdict);
	message = message_of("relay@c.example", "a, b");
	policy_decide(&with_default.policy, NULL, &message, &verdict);
	policy_touched(&verdict, text);
	assert_string_equal(text, "from");
	policy_verdict_free(&verdict);
	assert_string_equal(policy_action_name(POLICY_CHANGE), "change");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(modes_differ_in_what_is_done),
	    cmocka_unit_test(a_reject_says_what_is_wrong),
	    cmocka_unit_test(a_reject_names_what_there_was_and_what_there_should_be),
	    cmocka_unit_test(without_memory_a_message_is_put_off),
	    cmocka_unit_test(a_bounce_of_the_mtas_own_is_refused_in_no_mode),
	    cmocka_unit_test(a_message_without_recipients_is_looked_at),
	    cmocka_unit_test(every_sender_field_is_looked_at),
	    cmocka_unit_test(the_login_is_named),
	    cmocka_unit_test(our_own_output_is_aligned),
	    cmocka_unit_test(everything_has_a_word_for_the_log),
	};

	return cmocka_run_group_tests_name("policy_modes", tests, set_up, tear_down);
}
