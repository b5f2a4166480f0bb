/* main.cf and master.cf as texts: what is found in them, what becomes of them, and how a change is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postfix/diff.h"
#include "postfix/main_cf.h"
#include "postfix/master_cf.h"
#include "postfix/milters.h"
#include "postfix/text.h"

static struct buf out = {.max = 1 << 20};

static struct buf text_of(const char *text)
{
	return (struct buf){.data = (char *)(uintptr_t)text, .len = strlen(text), .max = 1 << 20};
}

static int free_out(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

/* What was made, or "" */
static const char *made(void)
{
	assert_false(out.failed);
	return out.data != NULL ? out.data : "";
}

/* --- main.cf --- */

static const char *got(const char *text, const char *name)
{
	struct buf main_cf = text_of(text);

	buf_clear(&out);
	return main_cf_get(&main_cf, name, &out) ? made() : NULL;
}

static const char *set(const char *text, const char *name, const char *value)
{
	struct buf main_cf = text_of(text);

	buf_clear(&out);
	main_cf_set(&main_cf, name, value, &out);
	return made();
}

static void a_parameter_is_found_as_postfix_finds_it(void **state)
{
	(void)state;
	assert_string_equal(got("a = 1\nb=2\n", "b"), "2");
	assert_string_equal(got("a = $b  c\t\n", "a"), "$b c");
	assert_string_equal(got("a =\n", "a"), "");
	assert_string_equal(got("a = 1,\n# c = d\n\n  2,\n\t3\nb = 4\n", "a"), "1, 2, 3");
	assert_string_equal(got("a = 1\nb = 2\na = 3", "a"), "3");
	assert_null(got("aa = 1\n#a = 2\n a = 3\n", "a"));
	assert_null(got("", "a"));
}

static void a_parameter_is_set_in_its_place(void **state)
{
	(void)state;
	assert_string_equal(set("# x\na = 1\nb = 2\n", "a", "9"), "# x\na = 9\nb = 2\n");
	assert_string_equal(set("a = 1,\n  # why\n  2\n# of b\nb = 3\n", "a", "9"), "a = 9\n  # why\n# of b\nb = 3\n");
	assert_string_equal(set("a = 1\nb = 2\na = 3\n", "a", "9"), "a = 1\nb = 2\na = 9\n");
	assert_string_equal(set("a=1", "a", ""), "a =\n");
	assert_string_equal(set("#a = 1\nb = 2\n", "a", "9"), "#a = 1\nb = 2\na = 9\n");
	assert_string_equal(set("b = 2", "a", "9"), "b = 2\na = 9\n");
	assert_string_equal(set("", "a", "9"), "a = 9\n");
}

static const char *without(const char *text, const char *name)
{
	struct buf main_cf = text_of(text);

	buf_clear(&out);
	main_cf_drop(&main_cf, name, &out);
	return made();
}

static void a_parameter_goes_wherever_it_stands(void **state)
{
	(void)state;
	assert_string_equal(without("# x\na = 1\nb = 2\na = 3", "a"), "# x\nb = 2\n");
	assert_string_equal(without("a = 1,\n  # why\n  2\n# of b\nb = 3\n", "a"), "  # why\n# of b\nb = 3\n");
	assert_string_equal(without("aa = 1\n#a = 2\n", "a"), "aa = 1\n#a = 2\n");
	assert_string_equal(without("", "a"), "");
}

static void a_word_goes_out_of_a_list(void **state)
{
	(void)state;
	buf_clear(&out);
	assert_true(text_list_without("hash:/a,  { b, c }\n\thash:/d", "hash:/a", &out));
	assert_string_equal(made(), "{ b, c }, hash:/d");
	buf_clear(&out);
	assert_true(text_list_without("a", "a", &out));
	assert_string_equal(made(), "");
	assert_false(text_list_without("ab, b", "a", &out));
	assert_string_equal(made(), "ab, b");
}

/* --- master.cf --- */

static const struct master_cf_service service = {
    .name = "mb",
    .chroot = "y",
    .maxproc = 3,
    .options = {{"smtp_sasl_password_maps", "static:a:b"}, {"smtp_tls_policy_maps", ""}},
    .option_count = 2,
};
#define NEW "mb unix - - y - 3 smtp\n    -o smtp_sasl_password_maps=static:a:b\n    -o smtp_tls_policy_maps=\n"

static struct err err;

static const char *with_service(const char *text)
{
	struct buf master_cf = text_of(text);

	buf_clear(&out);
	return master_cf_set(&master_cf, &service, &out, &err) == 0 ? made() : NULL;
}

static const char *without_service(const char *text)
{
	struct buf master_cf = text_of(text);

	buf_clear(&out);
	master_cf_drop(&master_cf, "mb", &out);
	return made();
}

static void a_service_goes(void **state)
{
	(void)state;
	assert_string_equal(without_service("# ours\n" NEW "smtp unix - - y - - smtp\n"),
			    "# ours\nsmtp unix - - y - - smtp\n");
	assert_string_equal(without_service("a unix - - y - - smtp\nmb unix - - y - 3 smtp\n# why\n  -v"),
			    "a unix - - y - - smtp\n# why\n");
	assert_string_equal(without_service("mb inet n - y - - smtpd\n"), "mb inet n - y - - smtpd\n");
	assert_string_equal(without_service(""), "");
}

static void a_service_is_added(void **state)
{
	(void)state;
	assert_string_equal(with_service("smtp unix - - y - - smtp\n"), "smtp unix - - y - - smtp\n" NEW);
	assert_string_equal(with_service("#mb unix - - y - 3 smtp\nsmtp unix - - y - - smtp"),
			    "#mb unix - - y - 3 smtp\nsmtp unix - - y - - smtp\n" NEW);
	assert_string_equal(with_service("mb inet n - y - - smtpd\n"), "mb inet n - y - - smtpd\n" NEW);
}

static void a_service_that_is_in_order_stays_as_it_is_written(void **state)
{
	static const char *const good[] = {
	    NEW,
	    "mb unix - - y - 3 smtp -o smtp_sasl_password_maps=static:a:b -o smtp_tls_policy_maps=\n",
	    "mb  unix -  - n -  2 smtp\n  -v\n# why\n -o { smtp_tls_policy_maps = }\n\n "
	    "-osmtp_sasl_password_maps=static:a:b"
	    " -o smtp_bind_address=10.0.0.1\nother unix - - y - - smtp\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_string_equal(with_service(good[i]), good[i]);
}

static void a_service_is_brought_up_to_date_and_keeps_its_own(void **state)
{
	(void)state;
	assert_string_equal(with_service("a unix - - y - - smtp\n"
					 "mb unix - - n - 20 smtp -v\n"
					 "  -o smtp_sasl_password_maps=static:old:b\n"
					 "# ours\n"
					 "  -o { smtp_bind_address = 10.0.0.1 }\n"
					 "# of z\n"
					 "z unix - - y - - smtp\n"),
			    "a unix - - y - - smtp\n"
			    "mb unix - - n - 3 smtp\n"
			    "    -o smtp_sasl_password_maps=static:a:b\n"
			    "    -o smtp_tls_policy_maps=\n"
			    "    -v\n"
			    "    -o { smtp_bind_address = 10.0.0.1 }\n"
			    "# ours\n"
			    "# of z\n"
			    "z unix - - y - - smtp\n");
	with_service("mb unix - - n - 2 smtp -o smtp_sasl_password_maps=static:old:b\n");
	assert_non_null(strstr(made(), "mb unix - - n - 2 smtp\n"));
	with_service("mb unix - - n - - smtp -o smtp_sasl_password_maps=static:a:b -o smtp_tls_policy_maps=\n");
	assert_non_null(strstr(made(), "mb unix - - n - 3 smtp\n"));
}

static void a_service_of_somebody_else_is_left_alone(void **state)
{
	(void)state;
	assert_null(with_service("mb unix - n n - - pipe\n  flags=R argv=/bin/true\n"));
	assert_int_equal(ERR_CONFIG, err.code);
	assert_non_null(strstr(err.text, "none of ours (pipe)"));
	assert_non_null(strstr(err.text, "transport = "));
	assert_null(with_service("mb unix - - n - - smtp -o smtp_helo_name=x\n"));
}

/* --- milters --- */

#define OURS "unix:run/m.sock"
#define BRACED "{ unix:run/m.sock, default_action=tempfail }"

static void milters_are_told_apart_by_their_sockets(void **state)
{
	(void)state;
	assert_true(milters_has("inet:a:1, " OURS, OURS));
	assert_true(milters_has("inet:a:1 " BRACED, OURS));
	assert_true(milters_has("{" OURS ", x=y}", OURS));
	assert_true(milters_has("{" OURS "}", OURS));
	assert_false(milters_has(OURS "2", OURS));
	assert_false(milters_has("{ inet:a:1, x=" OURS " }", OURS));
	assert_false(milters_has("", OURS));
	assert_true(milters_has_options("inet:a:1, " BRACED, OURS));
	assert_false(milters_has_options(OURS ", { inet:a:1 }", OURS));
	assert_true(milters_has_others(OURS ", inet:a:1", OURS));
	assert_false(milters_has_others(BRACED, OURS));
}

static void ours_stands_before_those_who_sign(void **state)
{
	(void)state;
	assert_true(milters_follows_signer("inet:localhost:8891, " OURS, OURS));
	assert_true(milters_follows_signer("unix:opendkim/opendkim.sock " BRACED, OURS));
	assert_false(milters_follows_signer(OURS ", inet:localhost:8891", OURS));
	assert_false(milters_follows_signer("unix:spamass/spamass.sock " OURS, OURS));
	assert_false(milters_follows_signer("inet:localhost:8891", OURS));
	buf_clear(&out);
	milters_put_first("inet:a:8891 $more, " OURS ", { inet:b:1, x=y }", OURS, BRACED, &out);
	assert_string_equal(made(), BRACED ", inet:a:8891, $more, { inet:b:1, x=y }");
	buf_clear(&out);
	milters_replace("inet:a:1, " OURS " inet:b:1", OURS, BRACED, &out);
	assert_string_equal(made(), "inet:a:1, " BRACED ", inet:b:1");
}

/* --- the diff --- */

static const char *difference(const char *before, const char *after)
{
	struct buf a = text_of(before), b = text_of(after);

	buf_clear(&out);
	diff_unified("f", &a, &b, &out);
	return made();
}

static void a_diff_is_unified(void **state)
{
	(void)state;
	assert_string_equal(difference("a\nb\n", "a\nb\n"), "");
	assert_string_equal(difference("", ""), "");
	assert_string_equal(difference("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n"),
			    "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
	assert_string_equal(difference("a\n", "a\nb\n"), "--- f\n+++ f\n@@ -1 +1,2 @@\n a\n+b\n");
	assert_string_equal(difference("", "a\n"), "--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n");
	assert_string_equal(difference("a\n", ""), "--- f\n+++ f\n@@ -1 +0,0 @@\n-a\n");
	assert_string_equal(difference("a", "a\n"),
			    "--- f\n+++ f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

static void changes_far_from_each_other_are_pieces_of_their_own(void **state)
{
	(void)state;
	assert_string_equal(difference("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n"),
			    "--- f\n+++ f\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
	assert_string_equal(difference("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n"),
			    "--- f\n+++ f\n@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
}

/* More lines than are compared one with each other: still a diff. */
static void what_is_too_much_to_compare_is_shown_whole(void **state)
{
	struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);

	(void)state;
	for (int i = 0; i <= DIFF_LINES_MAX; i++) {
		buf_printf(&before, "a%d\n", i);
		buf_printf(&after, "b%d\n", i);
	}
	buf_clear(&out);
	diff_unified("f", &before, &after, &out);
	assert_ptr_equal(made(), strstr(made(), "--- f\n+++ f\n@@ -1,2001 +1,2001 @@\n-a0\n"));
	assert_non_null(strstr(out.data, "\n-a2000\n+b0\n"));
	buf_free(&before);
	buf_free(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_parameter_is_found_as_postfix_finds_it),
	    cmocka_unit_test(a_parameter_is_set_in_its_place),
	    cmocka_unit_test(a_parameter_goes_wherever_it_stands),
	    cmocka_unit_test(a_word_goes_out_of_a_list),
	    cmocka_unit_test(a_service_goes),
	    cmocka_unit_test(a_service_is_added),
	    cmocka_unit_test(a_service_that_is_in_order_stays_as_it_is_written),
	    cmocka_unit_test(a_service_is_brought_up_to_date_and_keeps_its_own),
	    cmocka_unit_test(a_service_of_somebody_else_is_left_alone),
	    cmocka_unit_test(milters_are_told_apart_by_their_sockets),
	    cmocka_unit_test(ours_stands_before_those_who_sign),
	    cmocka_unit_test(a_diff_is_unified),
	    cmocka_unit_test(changes_far_from_each_other_are_pieces_of_their_own),
	    cmocka_unit_test(what_is_too_much_to_compare_is_shown_whole),
	};

	return cmocka_run_group_tests(tests, NULL, free_out);
}
