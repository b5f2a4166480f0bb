/* The table of accounts: what stands in it, what stands below an account in trouble, and that 80 columns hold it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/status.h"

#define NOW 1800000000

static struct buf out;

static const char *table(const char *accounts, size_t width)
{
	json_t *root = json_loads(accounts, 0, NULL);

	assert_non_null(root);
	out.max = 65536;
	buf_clear(&out);
	status_table(&out, root, NOW, width);
	assert_false(out.failed);
	json_decref(root);
	return out.data;
}

static int free_out(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

static void a_healthy_account_takes_one_line(void **state)
{
	(void)state;
	assert_string_equal(
	    table("[{\"account\":\"a@b.invalid\",\"state\":\"fresh\",\"client\":\"c\",\"grant\":\"refresh_token\","
		  "\"token_valid_for\":3540,\"granted_at\":1798963200,\"refreshed_at\":1799999940,"
		  "\"last_refresh_at\":1799999940,\"next_try_in\":1700,\"failures\":0,\"last_error\":null,"
		  "\"remedy\":null,\"unsaved\":false}]",
		  80),
	    "ACCOUNT      STATE  TOKEN     GRANT    LAST REFRESH\n"
	    "a@b.invalid  fresh  59m left  12d old  1m ago\n");
}

static void what_is_null_is_named(void **state)
{
	(void)state;
	assert_string_equal(
	    table("[{\"account\":\"app@b\",\"state\":\"empty\",\"token_valid_for\":null,\"granted_at\":null,"
		  "\"last_refresh_at\":null,\"next_try_in\":null,\"failures\":0}]",
		  80),
	    "ACCOUNT  STATE  TOKEN  GRANT  LAST REFRESH\n"
	    "app@b    empty  none   -      never\n");
}

static void trouble_is_explained_below(void **state)
{
	(void)state;
	assert_string_equal(
	    table("[{\"account\":\"a@b\",\"state\":\"backoff\",\"failures\":3,\"next_try_in\":240,"
		  "\"last_error\":\"could not resolve host\",\"remedy\":\"check DNS\"},"
		  "{\"account\":\"c@d\",\"state\":\"fresh\",\"last_error\":\"long ago\",\"failures\":0}]",
		  80),
	    "ACCOUNT  STATE    TOKEN  GRANT  LAST REFRESH\n"
	    "a@b      backoff  none   -      never\n"
	    "    could not resolve host\n"
	    "    check DNS\n"
	    "    Failed 3 times in a row. Next try in 4m.\n"
	    "c@d      fresh    none   -      never\n");
}

static void what_ends_is_told_below(void **state)
{
	(void)state;
	assert_string_equal(table("[{\"account\":\"a@b\",\"state\":\"fresh\",\"warnings\":["
				  "{\"what\":\"client_secret\",\"ends_at\":1800950400,\"remedy\":\"make a new one\"},"
				  "{\"what\":\"client_certificate\",\"ends_at\":86400,\"remedy\":\"make one\"}]}]",
				  200),
			    "ACCOUNT  STATE  TOKEN  GRANT  LAST REFRESH\n"
			    "a@b      fresh  none   -      never\n"
			    "    client_secret ends on 2027-01-26, in 11d: make a new one.\n"
			    "    client_certificate ended on 1970-01-02: make one.\n");
}

static void each_kind_of_trouble_counts(void **state)
{
	static const char *const troubles[] = {
	    "[{\"state\":\"needs_login\",\"remedy\":\"REMEDY\"}]",
	    "[{\"state\":\"backoff\",\"remedy\":\"REMEDY\"}]",
	    "[{\"state\":\"misconfigured\",\"remedy\":\"REMEDY\"}]",
	    "[{\"state\":\"refreshing\",\"failures\":1,\"remedy\":\"REMEDY\"}]",
	    "[{\"state\":\"fresh\",\"unsaved\":true,\"remedy\":\"REMEDY\"}]",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof troubles / sizeof troubles[0]; i++)
		assert_non_null(strstr(table(troubles[i], 80), "\n    REMEDY\n"));
	assert_null(strstr(table("[{\"state\":\"ageing\",\"failures\":0,\"remedy\":\"REMEDY\"}]", 80), "REMEDY"));
}

static void what_is_not_on_disk_is_said(void **state)
{
	const char *text = table("[{\"account\":\"a@b\",\"state\":\"fresh\",\"unsaved\":true}]", 80);

	(void)state;
	assert_non_null(strstr(text, "could not be saved"));
}

static void long_things_fit_into_80_columns(void **state)
{
	const char *text =
	    table("[{\"account\":\"a.very.long.name.of.a.printer.in.the.basement@branch.office.of.contoso.example\","
		  "\"state\":\"misconfigured\",\"token_valid_for\":86399,\"granted_at\":1798963200,\"last_refresh_at\":"
		  "1799990000,"
		  "\"failures\":4000000000,\"next_try_in\":3599,"
		  "\"last_error\":\"invalid_client: AADSTS7000215: Invalid client secret provided. Ensure the secret "
		  "being sent in the request is the client secret value, not the client secret ID, for a secret "
		  "added to app.\",\"remedy\":\"write the secret's value into the file\"}]",
		  80);
	const char *end;

	(void)state;
	assert_non_null(strstr(text, "\na.very.long.n...toso.example  misconfigured  23h 59m left  "));
	for (; (end = strchr(text, '\n')) != NULL; text = end + 1)
		assert_in_range(end - text, 1, 80);
}

static void nonsense_is_shown_as_unknown(void **state)
{
	(void)state;
	assert_string_equal(table("[7, {\"account\":[],\"state\":{},\"token_valid_for\":\"x\",\"granted_at\":-1,"
				  "\"last_refresh_at\":1800000999,\"failures\":\"\"}]",
				  80),
			    "ACCOUNT  STATE  TOKEN  GRANT  LAST REFRESH\n"
			    "?        ?      none   -      never\n"
			    "?        ?      none   -      0s ago\n");
}

static void a_hostile_error_cannot_drive_the_terminal(void **state)
{
	const char *text = table("[{\"account\":\"a\\u001b[31m\",\"state\":\"backoff\\r\",\"failures\":1,\"last_"
				 "error\":\"\\u001b]0;owned\\u0007\\nx\"}]",
				 80);

	(void)state;
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\r'));
	assert_non_null(strstr(text, "\n    \\x1b]0;owned\\x07\\x0ax\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_healthy_account_takes_one_line, free_out),
	    cmocka_unit_test_teardown(what_is_null_is_named, free_out),
	    cmocka_unit_test_teardown(trouble_is_explained_below, free_out),
	    cmocka_unit_test_teardown(what_ends_is_told_below, free_out),
	    cmocka_unit_test_teardown(each_kind_of_trouble_counts, free_out),
	    cmocka_unit_test_teardown(what_is_not_on_disk_is_said, free_out),
	    cmocka_unit_test_teardown(long_things_fit_into_80_columns, free_out),
	    cmocka_unit_test_teardown(nonsense_is_shown_as_unknown, free_out),
	    cmocka_unit_test_teardown(a_hostile_error_cannot_drive_the_terminal, free_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
