/* JSON from outside: bounded, strict, wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"

static json_t *parse(const char *text)
{
	return jsondoc_parse_object(text, strlen(text), NULL);
}

static void refuse(const char *bytes, size_t len, enum err_code code)
{
	struct err err = {0};

	assert_null(jsondoc_parse_object(bytes, len, &err));
	assert_int_equal(err.code, code);
	assert_null(strstr(err.text, "SECRET"));
	assert_true(err.text[0] != '\0');
}

static void bad_documents_are_refused_and_not_quoted(void **state)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "{",
	    "[1]",
	    "\"SECRET\"",
	    "{\"SECRET\":1,\"SECRET\":2}",
	    "{\"a\":1} SECRET",
	    "{\"a\":SECRET}",
	    "{\"a\":\"SECRET\\u0000\"}",
	    "{\"a\":\"\xff\"}",
	    "{\"a\":1e999}",
	    "{\"a\":99999999999999999999}",
	    "SECRET",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(bad[i], strlen(bad[i]), ERR_SYNTAX);
	refuse("{\"a\":\"\0\"}", 9, ERR_SYNTAX);
	refuse(NULL, 0, ERR_SYNTAX);
}

static json_t *nested(int depth, const char *inside, struct err *err)
{
	char text[256] = "{\"a\":";
	int i;

	for (i = 1; i < depth; i++)
		strcat(text, "[");
	strcat(text, inside);
	for (i = 1; i < depth; i++)
		strcat(text, "]");
	strcat(text, "}");
	return jsondoc_parse_object(text, strlen(text), err);
}

static void depth_is_bounded(void **state)
{
	struct err err = {0};
	json_t *object;

	(void)state;
	object = nested(32, "1", &err);
	assert_non_null(object);
	json_decref(object);
	assert_null(nested(33, "1", &err));
	assert_int_equal(err.code, ERR_LIMIT);
	object = nested(32, "\"[[\\\"[{\"", &err); /* brackets in strings do not nest */
	assert_non_null(object);
	json_decref(object);
}

static void size_is_bounded(void **state)
{
	char *bytes = malloc(JSONDOC_MAX + 1);
	json_t *object;

	(void)state;
	memset(bytes, ' ', JSONDOC_MAX + 1);
	memcpy(bytes, "{}", 2);
	object = jsondoc_parse_object(bytes, JSONDOC_MAX, NULL);
	assert_non_null(object);
	json_decref(object);
	refuse(bytes, JSONDOC_MAX + 1, ERR_LIMIT);
	free(bytes);
}

static void strings_are_read_strictly(void **state)
{
	json_t *object =
	    parse("{\"a\":\"\xc3\xa4\",\"tab\":\"x\\ty\",\"del\":\"\\u007f\",\"n\":1,\"o\":{},\"z\":null}");

	(void)state;
	assert_non_null(object);
	assert_string_equal(jsondoc_string(object, "a"), "\xc3\xa4");
	assert_null(jsondoc_string(object, "tab"));
	assert_null(jsondoc_string(object, "del"));
	assert_null(jsondoc_string(object, "n"));
	assert_null(jsondoc_string(object, "o"));
	assert_null(jsondoc_string(object, "z"));
	assert_null(jsondoc_string(object, "absent"));
	json_decref(object);
}

static void secrets_are_secrets(void **state)
{
	json_t *object = parse("{\"access_token\":\"eyJ0\",\"n\":1}");
	struct secret *secret = jsondoc_secret(object, "access_token");
	struct secret *wanted = secret_new("eyJ0", 4);

	(void)state;
	assert_true(secret_equal(secret, wanted));
	assert_null(jsondoc_secret(object, "n"));
	assert_null(jsondoc_secret(object, "absent"));
	secret_free(secret);
	secret_free(wanted);
	json_decref(object);
}

static void integers_come_in_three_forms(void **state)
{
	static const char *const bad[] = {"real", "empty", "word", "sign", "tail", "space",
					  "plus", "big",   "null", "true", "huge"};
	json_t *object = parse("{\"n\":3599,\"s\":\"3600\",\"m\":\"-5\",\"min\":-9223372036854775808,\"real\":1.5,"
			       "\"whole\":3600.0,\"down\":-2e0,\"huge\":9007199254740994.0,"
			       "\"empty\":\"\",\"word\":\"x\",\"sign\":\"-\",\"tail\":\"1x\",\"space\":\" 1\","
			       "\"plus\":\"+1\",\"big\":\"9223372036854775808\",\"null\":null,\"true\":true}");
	int64_t out = 0;
	size_t i;

	(void)state;
	assert_non_null(object);
	assert_true(jsondoc_integer(object, "n", &out) && out == 3599);
	assert_true(jsondoc_integer(object, "s", &out) && out == 3600);
	assert_true(jsondoc_integer(object, "m", &out) && out == -5);
	assert_true(jsondoc_integer(object, "min", &out) && out == INT64_MIN);
	assert_true(jsondoc_integer(object, "whole", &out) && out == 3600);
	assert_true(jsondoc_integer(object, "down", &out) && out == -2);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(jsondoc_integer(object, bad[i], &out));
	assert_false(jsondoc_integer(object, "absent", &out));
	json_decref(object);
}

static void writing_keeps_the_order_in_one_ascii_line(void **state)
{
	static const char text[] = "{\"z\":1,\"a\":\"\\u00e4\\n\",\"m\":[true,null]}";
	json_t *object = parse(text);
	struct buf out = BUF_INIT(1024);
	struct buf small = BUF_INIT(10);

	(void)state;
	assert_int_equal(jsondoc_append(object, &out), 0);
	assert_string_equal(out.data, "{\"z\":1,\"a\":\"\\u00E4\\n\",\"m\":[true,null]}");
	assert_int_equal(jsondoc_append(object, &small), -1);
	assert_true(small.failed);
	buf_free(&out);
	buf_free(&small);
	json_decref(object);
}

static void freed_memory_is_wiped(void **state)
{
	json_malloc_t take;
	json_free_t give;
	static char *volatile block;
	size_t i;

	(void)state;
	json_get_alloc_funcs(&take, &give);
	assert_ptr_not_equal(give, free);
	/* The C library hands the same memory out again and writes at most to its first bytes. */
	block = take(4096);
	memset(block, 'S', 4096);
	give(block);
	block = take(4096);
	for (i = 64; i < 4096; i++)
		assert_int_not_equal(block[i], 'S');
	give(block);
	give(NULL);
	assert_null(take(SIZE_MAX));
}

static int set_up(void **state)
{
	(void)state;
	jsondoc_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_documents_are_refused_and_not_quoted),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(size_is_bounded),
	    cmocka_unit_test(strings_are_read_strictly),
	    cmocka_unit_test(secrets_are_secrets),
	    cmocka_unit_test(integers_come_in_three_forms),
	    cmocka_unit_test(writing_keeps_the_order_in_one_ascii_line),
	    cmocka_unit_test(freed_memory_is_wiped),
	};

	return cmocka_run_group_tests_name("jsondoc", tests, set_up, NULL);
}
