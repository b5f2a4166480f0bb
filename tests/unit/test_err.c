/* Errors: a code, a whole text, and nothing that a caller has to check. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

static void code_and_text_are_set(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, ERR_CONFIG, "line %d: %s", 12, "unknown key"), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(err.text, "line 12: unknown key");
}

static void the_cause_is_appended(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_sys(&err, ENOENT, "cannot open %s", "/x"), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_string_equal(err.text, "cannot open /x: No such file or directory");
	err_sys(&err, ENOMEM, "x");
	assert_int_equal(err.code, ERR_MEMORY);
}

static void a_prefix_keeps_code_and_text(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_DENIED, "no");
	assert_int_equal(err_prefix(&err, "account %s", "a@b"), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_string_equal(err.text, "account a@b: no");
}

static void the_old_text_may_be_an_argument(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_LIMIT, "inner");
	err_set(&err, ERR_LIMIT, "<%s>", err.text);
	assert_string_equal(err.text, "<inner>");
	err_prefix(&err, "%s", err.text);
	assert_string_equal(err.text, "<inner>: <inner>");
	err_sys(&err, ENOENT, "%s", err.text);
	assert_string_equal(err.text, "<inner>: <inner>: No such file or directory");
}

static void long_texts_are_cut(void **state)
{
	struct {
		struct err err;
		char guard[8];
	} box;
	char text[2 * ERR_TEXT_MAX];
	static const char cause[] = ": No such file or directory";

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memset(&box, '#', sizeof box);
	err_set(&box.err, ERR_SYNTAX, "%s", text);
	assert_int_equal(strlen(box.err.text), ERR_TEXT_MAX - 1);
	err_prefix(&box.err, "y");
	assert_int_equal(strlen(box.err.text), ERR_TEXT_MAX - 1);
	assert_memory_equal(box.err.text, "y: x", 4);
	/* What the system said is worth more than the end of a long path. */
	err_sys(&box.err, ENOENT, "%s", text);
	assert_int_equal(strlen(box.err.text), ERR_TEXT_MAX - 1);
	assert_string_equal(box.err.text + ERR_TEXT_MAX - sizeof cause, cause);
	assert_memory_equal(box.guard, "########", 8);
}

static void nobody_has_to_care(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_SYSTEM, "x"), -1);
	assert_int_equal(err_sys(NULL, ENOENT, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(code_and_text_are_set),        cmocka_unit_test(the_cause_is_appended),
	    cmocka_unit_test(a_prefix_keeps_code_and_text), cmocka_unit_test(the_old_text_may_be_an_argument),
	    cmocka_unit_test(long_texts_are_cut),           cmocka_unit_test(nobody_has_to_care),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
