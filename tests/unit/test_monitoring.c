/* What monitoring systems read: the line and the level for Nagios and Icinga, and the text for Prometheus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/metrics.h"
#include "cli/status_check.h"

#define NOW 1800000000
#define FRESH                                                                                                          \
	"{\"account\":\"a@b\",\"state\":\"fresh\",\"token_valid_for\":3540,\"granted_at\":1799999000,\"failures\":0}"

static struct buf out;
static json_t *accounts;

static void load(const char *text)
{
	out.max = 65536;
	buf_clear(&out);
	json_decref(accounts);
	accounts = json_loads(text, 0, NULL);
	assert_non_null(accounts);
}

static int tear_down(void **state)
{
	(void)state;
	buf_free(&out);
	json_decref(accounts);
	accounts = NULL;
	return 0;
}

static void assert_check(const char *text, enum status_level level, const char *line)
{
	load(text);
	assert_int_equal(status_check(&out, accounts, NOW), level);
	assert_string_equal(out.data, line);
}

static void all_is_well(void **state)
{
	(void)state;
	assert_check("[" FRESH "]", STATUS_OK,
		     "MAILBEARER OK - 1 of 1 accounts in order | accounts=1;;;0 critical=0;;;0 warning=0;;;0 "
		     "'a@b_token'=3540s;;;0 'a@b_failures'=0;;;0 'a@b_grant_age'=1000s;;;0");
}

static void the_worst_counts_and_comes_first(void **state)
{
	(void)state;
	assert_check(
	    "[{\"account\":\"w@b\",\"state\":\"backoff\",\"token_valid_for\":60,\"failures\":1,\"last_error\":\"no_"
	    "answer\"},"
	    "{\"account\":\"c@b\",\"state\":\"needs_login\",\"failures\":2,\"last_error\":\"invalid_grant\",\"remedy\":"
	    "\"sign "
	    "in\"}]",
	    STATUS_CRITICAL,
	    "MAILBEARER CRITICAL - 0 of 2 accounts in order; c@b: needs_login, invalid_grant; sign in; w@b: backoff, "
	    "no_answer | accounts=2;;;0 critical=1;;;0 warning=1;;;0 'w@b_token'=60s;;;0 'w@b_failures'=1;;;0 "
	    "'c@b_token'=0s;;;0 'c@b_failures'=2;;;0");
}

static void each_trouble_has_its_level(void **state)
{
	static const struct {
		const char *account;
		enum status_level level;
	} cases[] = {
	    {"[{\"state\":\"ageing\",\"token_valid_for\":5,\"failures\":0}]", STATUS_OK},
	    {"[{\"state\":\"misconfigured\",\"token_valid_for\":5}]", STATUS_CRITICAL},
	    {"[{\"state\":\"backoff\",\"failures\":1}]", STATUS_CRITICAL},
	    {"[{\"state\":\"refreshing\",\"failures\":1,\"token_valid_for\":5}]", STATUS_WARNING},
	    {"[{\"state\":\"fresh\",\"token_valid_for\":5,\"unsaved\":true}]", STATUS_CRITICAL},
	    {"[{\"state\":\"fresh\",\"token_valid_for\":5,\"other_mailbox\":true}]", STATUS_WARNING},
	    {"[{\"state\":\"fresh\",\"token_valid_for\":5,\"warnings\":[{\"what\":\"client_secret\"}]}]",
	     STATUS_WARNING},
	    {"[{\"state\":\"fresh\",\"token_valid_for\":5,\"warnings\":[]}]", STATUS_OK},
	    {"[]", STATUS_UNKNOWN},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		load(cases[i].account);
		if (status_check(&out, accounts, NOW) != cases[i].level)
			fail_msg("%s: %s", cases[i].account, out.data);
	}
}

static void hostile_texts_forge_nothing(void **state)
{
	const char *bar;

	(void)state;
	load("[{\"account\":\"o'b=c|d\\n@x\",\"state\":\"needs_login\",\"last_error\":\"| x=1\\u001b[31m\\nOK\"}]");
	status_check(&out, accounts, NOW);
	bar = strchr(out.data, '|');
	assert_non_null(bar);
	assert_null(strchr(bar + 1, '|'));
	assert_null(strchr(out.data, '\n'));
	assert_null(strchr(out.data, '\x1b'));
	assert_non_null(strstr(bar, " 'o''b_c/d\\x0a@x_token'=0s"));
}

static void many_accounts_make_a_line_of_bounded_reasons(void **state)
{
	size_t i;
	json_t *one = json_pack("{s:s,s:s,s:s}", "account", "a@b", "state", "needs_login", "last_error",
				"a rather long reason that is the same for each of the accounts of this list");

	(void)state;
	load("[]");
	for (i = 0; i < 1000; i++)
		json_array_append(accounts, one);
	json_decref(one);
	assert_int_equal(status_check(&out, accounts, NOW), STATUS_CRITICAL);
	assert_in_range(strchr(out.data, '|') - out.data, 1000, 1700);
	assert_non_null(strstr(out.data, "0 of 1000 accounts in order; "));
}

static void prometheus_gets_its_text(void **state)
{
	(void)state;
	load("[" FRESH ",{\"account\":\"q\\\"\\\\@b\",\"state\":\"backoff\",\"failures\":3,\"unsaved\":true,"
	     "\"warnings\":[{\"what\":\"certificate\",\"ends_at\":1800000500}]}]");
	metrics_text(&out, accounts);
	assert_non_null(strstr(
	    out.data, "# TYPE mailbearer_up gauge\n# HELP mailbearer_up Whether tokend answers.\nmailbearer_up 1\n"));
	assert_non_null(strstr(out.data, "\nmailbearer_account_usable{account=\"a@b\"} 1\n"
					 "mailbearer_account_usable{account=\"q\\\"\\\\@b\"} 0\n"));
	assert_non_null(strstr(out.data, "\nmailbearer_grant_timestamp_seconds{account=\"a@b\"} 1799999000\n# TYPE"));
	assert_non_null(strstr(out.data, "{account=\"a@b\",state=\"fresh\"} 1\n"));
	assert_non_null(strstr(out.data, "{account=\"a@b\",state=\"backoff\"} 0\n"));
	assert_non_null(strstr(out.data, ",what=\"certificate\"} 1800000500\n# EOF\n"));
}

static void without_tokend_only_that_is_said(void **state)
{
	(void)state;
	load("[]");
	metrics_text(&out, NULL);
	assert_string_equal(
	    out.data, "# TYPE mailbearer_up gauge\n# HELP mailbearer_up Whether tokend answers.\nmailbearer_up 0\n"
		      "# EOF\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(all_is_well, tear_down),
	    cmocka_unit_test_teardown(the_worst_counts_and_comes_first, tear_down),
	    cmocka_unit_test_teardown(each_trouble_has_its_level, tear_down),
	    cmocka_unit_test_teardown(hostile_texts_forge_nothing, tear_down),
	    cmocka_unit_test_teardown(many_accounts_make_a_line_of_bounded_reasons, tear_down),
	    cmocka_unit_test_teardown(prometheus_gets_its_text, tear_down),
	    cmocka_unit_test_teardown(without_tokend_only_that_is_said, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
