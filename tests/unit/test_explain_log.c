/* A log grouped by causes: counts, accounts, what is unknown, and that hostile lines and long logs do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/explain_log.h"

static struct explain_log *log_;
static struct buf out;

static int set_up(void **state)
{
	(void)state;
	out.max = 1024 * 1024;
	log_ = explain_log_new();
	return log_ == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	explain_log_free(log_);
	buf_free(&out);
	return 0;
}

static void line(const char *text)
{
	explain_log_line(log_, text, strlen(text));
}

static const char *report(void)
{
	buf_clear(&out);
	explain_log_report(log_, &out, 80);
	assert_false(out.failed);
	return out.data;
}

static void assert_has(const char *text)
{
	if (!strstr(out.data, text))
		fail_msg("\"%s\" is not in:\n%s", text, out.data);
}

#define DENIED                                                                                                         \
	"dsn=5.2.252, status=bounced (host x[1.2.3.4] said: 554 5.2.252 SendAsDenied; STOREDRV (in reply to end))"
#define REFUSED "SASL authentication failed; server x[1.2.3.4] said: 535 5.7.3 Authentication unsuccessful"

static void causes_are_counted_and_their_senders_named(void **state)
{
	(void)state;
	line(
	    "Nov 24 10:00:00 r postfix/qmgr[5]: 4Zh3gK2VvKz1X: from=<one@contoso.com>, size=2, nrcpt=1 (queue active)");
	line(
	    "Nov 24 10:00:00 r postfix/qmgr[5]: 4Zh3gK2VvKz2Y: from=<two@contoso.com>, size=2, nrcpt=1 (queue active)");
	line("Nov 24 10:00:01 r postfix/smtp[5]: 4Zh3gK2VvKz1X: to=<a@b>, " DENIED);
	line("Nov 24 10:00:02 r postfix/smtp[5]: 4Zh3gK2VvKz2Y: " REFUSED);
	line("Nov 24 10:00:03 r postfix/smtp[5]: 4Zh3gK2VvKz2Y: " REFUSED);
	line("Nov 24 10:00:04 r postfix/smtp[5]: 4Zh3gK2VvKz1X: " REFUSED);
	report();
	assert_memory_equal(out.data, "3 times: 5.7.3\n", strlen("3 times: 5.7.3\n"));
	assert_has("Accounts: two@contoso.com (2), one@contoso.com (1)\n");
	assert_has("From Nov 24 10:00:02 to Nov 24 10:00:04.\n");
	assert_has("<mailbox>");
	assert_has("1 time: SendAsDenied\n");
	assert_has("Accounts: one@contoso.com (1)\n");
	assert_has("6 lines read, 2 causes found.\n");
}

static void a_single_account_stands_in_the_steps(void **state)
{
	(void)state;
	line("account=a@contoso.com event=grant-lost reason=\"invalid_grant: AADSTS700082: old\"");
	report();
	assert_has("\n        mailbearer login a@contoso.com\n");
}

static void what_is_unknown_is_shown_and_counted(void **state)
{
	int i;

	(void)state;
	line("postfix/smtp[5]: 4Zh3gK2VvKz1X: to=<a@b>, dsn=5.9.9, status=bounced (host x said: 599 5.9.9 odd)");
	for (i = 0; i < 20; i++)
		line("postfix/smtp[5]: warning: odd \x1b[31m thing");
	line("postfix/smtp[5]: 4Zh3gK2VvKz1X: status=sent (250 2.0.0 OK)");
	report();
	assert_has("21 lines of trouble that the tables do not know; the first of them:\n");
	assert_has("odd \\x1b[31m thing\n");
	assert_null(strchr(out.data, '\x1b'));
	assert_has("22 lines read, 0 causes found.\n");
}

static void many_accounts_are_counted_as_others(void **state)
{
	char text[128];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "account=a%d@b event=x reason=\"AADSTS700082\"", i);
		line(text);
	}
	report();
	assert_has("a5@b (1) and\n    others (94)\n");
}

static void more_causes_than_there_is_room_for_are_counted(void **state)
{
	/* Numbers of Entra's that are all different; more than there is room for. */
	static const int first[] = {50000, 50085, 50126, 53000, 65001, 70000, 80001, 90002, 90090};
	char text[64];
	int i, j;

	(void)state;
	for (i = 0; i < 9; i++)
		for (j = 0; j < 60; j++) {
			snprintf(text, sizeof text, "AADSTS%d", first[i] + j);
			line(text);
		}
	report();
	assert_has("64 causes found.\n");
	assert_has(" lines more, of other causes.\n");
}

static void hostile_lines_do_no_harm(void **state)
{
	static const char zeros[64];
	char large[20000];

	(void)state;
	memset(large, 'x', sizeof large);
	memcpy(large, "account=", 8);
	memcpy(large + sizeof large - 20, " AADSTS700082", 13);
	explain_log_line(log_, large, sizeof large);
	explain_log_line(log_, zeros, sizeof zeros);
	explain_log_line(log_, "", 0);
	line("]: 4Zh3gK2VvKz1X: from=<\x1b[2Jevil>");
	line("postfix/smtp[5]: 4Zh3gK2VvKz1X: " REFUSED);
	report();
	assert_null(strchr(out.data, '\x1b'));
	assert_has("\\x1b[2Jevil (1)\n");
	assert_has("5 lines read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(causes_are_counted_and_their_senders_named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_single_account_stands_in_the_steps, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_unknown_is_shown_and_counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_accounts_are_counted_as_others, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(more_causes_than_there_is_room_for_are_counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(hostile_lines_do_no_harm, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
