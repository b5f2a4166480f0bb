/* In which order a message is looked at, whom a gate refuses and whom it only notes, and the line in the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/wire.h"
#include "milter/health.h"
#include "milter/judge.h"
#include "milter/report.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/session_world.h"

/* --- in the place of health.c --- */

static struct {
	const char *socket; /* where it should be asked */
	const char *dead;   /* this mailbox cannot send; or NULL */
	char asked[256];    /* whom it was asked about, in order */
} tokend;

struct health {
	int unused;
};

struct health *health_new(void)
{
	static struct health health;

	return &health;
}

void health_free(struct health *health)
{
	(void)health;
}

void health_ask(struct health *health, const char *socket_path, const char *mailbox, struct gates_health *out)
{
	size_t used = strlen(tokend.asked);

	(void)health;
	snprintf(tokend.asked + used, sizeof tokend.asked - used, "%s;", mailbox);
	assert_string_equal(socket_path, tokend.socket);
	*out = (struct gates_health){.known = true, .usable = true};
	if (tokend.dead != NULL && strcmp(tokend.dead, mailbox) == 0)
		*out = (struct gates_health){.known = true, .unusable_for = 1000, .reason = "AADSTS700082"};
}

/* --- a message --- */

static struct judge *judge;
static struct reply reply;
static struct policy_verdict verdict;

static int begin(void **state)
{
	struct err err;

	(void)state;
	judge = judge_new(&err);
	memset(&tokend, 0, sizeof tokend);
	tokend.socket = WIRE_SOCKET_DEFAULT;
	fake_log_reset();
	return judge == NULL;
}

static int end(void **state)
{
	policy_verdict_free(&verdict);
	memset(&verdict, 0, sizeof verdict);
	judge_free(judge);
	return put_away(state);
}

static bool sender(const char *envelope, const char *argument)
{
	mail_from(envelope, argument, NULL);
	return judge_sender(judge, &session, &reply);
}

static void content(const char *from, size_t recipients, size_t body)
{
	for (size_t i = 0; i < recipients; i++)
		session_recipient(&session, false);
	session_field(&session, "From", from);
	session_body(&session, body);
	policy_verdict_free(&verdict);
	judge_message(judge, &session, &verdict);
}

#define GATES                                                                                                          \
	"max_message_size = 1000 max_recipients = 2 max_messages_per_minute = 2 max_recipients_per_day = 3 "           \
	"when_unusable = tempfail unusable_grace = 900 "

/* --- the gates --- */

static void each_gate_refuses_at_its_stage(void **state)
{
	(void)state;
	use("milter { default_account = relay@c.example " GATES "}\n");
	connect_v4("192.0.2.7", 40000, false);
	assert_false(sender("<relay@c.example>", "SIZE=1001"));
	assert_int_equal(reply.kind, REPLY_SIZE);
	assert_non_null(strstr(reply.text, "larger than 1000 bytes"));
	assert_true(sender("<relay@c.example>", "SIZE=1000"));
	assert_true(judge_recipient(&session, &reply));
	session_recipient(&session, false);
	assert_true(judge_recipient(&session, &reply));
	session_recipient(&session, false);
	assert_false(judge_recipient(&session, &reply));
	assert_int_equal(reply.kind, REPLY_RECIPIENTS);
	content("relay@c.example", 0, 1001);
	assert_int_equal(verdict.action, POLICY_REPLY);
	assert_int_equal(verdict.reply.kind, REPLY_SIZE);
	assert_true(sender("<relay@c.example>", NULL));
	content("relay@c.example", 2, 1000);
	assert_int_equal(verdict.action, POLICY_PASS);
	assert_false(sender("<relay@c.example>", NULL));
	assert_int_equal(reply.kind, REPLY_RUNAWAY);
}

static void the_day_counts_what_goes_our_way(void **state)
{
	(void)state;
	use("milter { max_recipients_per_day = 3 }\n");
	connect_v4("192.0.2.7", 40000, false);
	assert_true(sender("<relay@c.example>", NULL));
	session_recipient(&session, true);
	session_recipient(&session, true);
	content("relay@c.example", 2, 0);
	assert_int_equal(verdict.action, POLICY_PASS);
	assert_true(sender("<relay@c.example>", NULL));
	content("relay@c.example", 2, 0);
	assert_int_equal(verdict.action, POLICY_REPLY);
	assert_int_equal(verdict.would, POLICY_REPLY);
	assert_int_equal(verdict.reply.kind, REPLY_DAILY);
	assert_true(sender("<boss@c.example>", NULL));
	content("boss@c.example", 2, 0);
	assert_int_equal(verdict.action, POLICY_PASS);
	/* Counted, though it cannot be refused. */
	connect_v4("127.0.0.1", 0, true);
	assert_true(sender("<boss@c.example>", NULL));
	content("boss@c.example", 2, 0);
	assert_int_equal(verdict.action, POLICY_PASS);
	connect_v4("192.0.2.7", 40000, false);
	assert_true(sender("<boss@c.example>", NULL));
	content("boss@c.example", 1, 0);
	assert_int_equal(verdict.reply.kind, REPLY_DAILY);
}

static void health_is_asked_for_once_where_the_sender_tells_and_else_at_the_end(void **state)
{
	(void)state;
	use("milter { default_account = relay@c.example when_unusable = tempfail unusable_grace = 900 }\n");
	connect_v4("192.0.2.7", 40000, false);
	assert_true(sender("<boss@c.example>", NULL));
	content("boss@c.example", 1, 0);
	assert_string_equal(tokend.asked, "boss@c.example;");
	assert_true(sender("<boss@c.example>", NULL));
	content("relay@c.example", 1, 0);
	assert_string_equal(tokend.asked, "boss@c.example;boss@c.example;relay@c.example;");
	tokend.dead = "boss@c.example";
	assert_false(sender("<boss@c.example>", NULL));
	assert_int_equal(reply.kind, REPLY_UNUSABLE);
	assert_non_null(strstr(reply.text, "AADSTS700082"));
	assert_true(sender("<x@y.example>", NULL));
	content("boss@c.example", 1, 0);
	assert_int_equal(verdict.reply.kind, REPLY_UNUSABLE);
	tokend.asked[0] = '\0';
	connect_v4("127.0.0.1", 0, true);
	assert_true(sender("<boss@c.example>", NULL));
	content("boss@c.example", 1, 0);
	assert_int_equal(verdict.action, POLICY_PASS);
	assert_string_equal(tokend.asked, "");
}

static void tokend_is_asked_where_it_listens(void **state)
{
	(void)state;
	use("tokend { listen = { /run/a.sock, /run/b.sock } }\n"
	    "milter { when_unusable = tempfail }\n");
	tokend.socket = "/run/a.sock";
	connect_v4("192.0.2.7", 40000, false);
	assert_true(sender("<boss@c.example>", NULL));
	assert_string_equal(tokend.asked, "boss@c.example;");
}

static void what_did_not_come_by_smtp_meets_no_early_gate(void **state)
{
	(void)state;
	use("milter { default_account = relay@c.example " GATES "}\n");
	connect_v4("127.0.0.1", 0, true);
	for (int i = 0; i < 5; i++) {
		assert_true(sender("<relay@c.example>", "SIZE=5000"));
		assert_true(judge_recipient(&session, &reply));
		session_recipient(&session, false);
		session_recipient(&session, false);
		assert_true(judge_recipient(&session, &reply));
	}
	content("x@y.example", 1, 0);
	assert_int_equal(verdict.action, POLICY_CHANGE);
	content("x@y.example", 1, 1001);
	assert_int_equal(verdict.action, POLICY_REPLY);
	assert_true(sender("<>", NULL)); /* a bounce: nobody could be told */
	content("MAILER-DAEMON", 1, 1001);
	assert_int_equal(verdict.action, POLICY_CHANGE);
}

static void monitor_only_notes_and_off_does_not_look(void **state)
{
	(void)state;
	use("milter { mode = monitor default_account = relay@c.example " GATES
	    "}\nrule off { senders = o@y.example mode = off }");
	tokend.dead = "relay@c.example";
	connect_v4("192.0.2.7", 40000, false);
	assert_true(sender("<relay@c.example>", "SIZE=1001"));
	assert_string_equal(session.message.gate, reply_kind_name(REPLY_SIZE));
	content("relay@c.example", 9, 5000);
	assert_int_equal(verdict.action, POLICY_PASS);
	assert_string_equal(session.message.gate, reply_kind_name(REPLY_SIZE));
	report_message(&session, &verdict);
	assert_true(fake_log_says(EVENT_MESSAGE, "gate=size"));
	assert_true(sender("<o@y.example>", "SIZE=1001"));
	assert_true(judge_recipient(&session, &reply));
	content("o@y.example", 9, 5000);
	assert_int_equal(verdict.action, POLICY_PASS);
	assert_null(session.message.gate);
}

static void a_message_of_which_not_all_was_read_is_put_off(void **state)
{
	(void)state;
	use("milter { default_account = relay@c.example }\n");
	connect_v4("192.0.2.7", 40000, false);
	assert_true(sender("<relay@c.example>", NULL));
	session.message.failed = true;
	content("relay@c.example", 1, 0);
	assert_int_equal(verdict.action, POLICY_REPLY);
	assert_int_equal(verdict.situation, POLICY_FAILED);
	assert_string_equal(verdict.reply.code, "451");
}

/* --- the log --- */

static void one_line_tells_what_became_of_a_message(void **state)
{
	(void)state;
	use("milter { default_account = relay@c.example }\nrule net { clients = 192.0.2.7 mode = rewrite }\n");
	connect_v4("192.0.2.7", 40000, false);
	mail_from("<x@y.example>", NULL, "boss");
	session_queue_id(&session, "4XyZ1");
	content("  Some One <x@y.example>", 3, 0);
	report_message(&session, &verdict);
	assert_int_equal(fake_log_lines(), 1);
	assert_true(fake_log_says(
	    EVENT_MESSAGE, "account=relay@c.example queue_id=4XyZ1 client=192.0.2.7 login=boss rule=net mode=rewrite "
			   "verdict=change situation=both-foreign changed=envelope,from,reply-to envelope=x@y.example "
			   "from=Some One <x@y.example> recipients=3"));
}

static void a_refusal_is_told_with_its_text(void **state)
{
	(void)state;
	use("milter { mode = reject max_recipients = 1 }\n");
	connect_v4("192.0.2.7", 40000, false);
	assert_true(sender("<relay@c.example>", NULL));
	session_recipient(&session, false);
	assert_false(judge_recipient(&session, &reply));
	report_refused(&session, "RCPT", &reply);
	assert_true(fake_log_says(EVENT_MESSAGE_REFUSED,
				  "account=relay@c.example client=192.0.2.7 verdict=reply command=RCPT "
				  "gate=recipients envelope=relay@c.example reply=Sender "));
	content("x@y.example", 0, 0);
	report_message(&session, &verdict);
	assert_true(fake_log_says(EVENT_MESSAGE_REFUSED, "verdict=reply would=change situation=from-foreign"));
	assert_true(fake_log_says(EVENT_MESSAGE_REFUSED, "set the device's From"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(each_gate_refuses_at_its_stage),
	    CASE(the_day_counts_what_goes_our_way),
	    CASE(health_is_asked_for_once_where_the_sender_tells_and_else_at_the_end),
	    CASE(tokend_is_asked_where_it_listens),
	    CASE(what_did_not_come_by_smtp_meets_no_early_gate),
	    CASE(monitor_only_notes_and_off_does_not_look),
	    CASE(a_message_of_which_not_all_was_read_is_put_off),
	    CASE(one_line_tells_what_became_of_a_message),
	    CASE(a_refusal_is_told_with_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
