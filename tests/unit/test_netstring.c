/* Netstrings: what is one, what may become one, and what never will. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/netstring.h"

static enum netstring_status decode(const char *text, size_t max)
{
	struct netstring out;

	return netstring_decode(text, strlen(text), max, &out);
}

static void assert_decodes(const char *in, size_t in_len, size_t max, const char *data, size_t len, size_t used)
{
	struct netstring out;

	assert_int_equal(netstring_decode(in, in_len, max, &out), NETSTRING_OK);
	assert_int_equal(out.len, len);
	assert_int_equal(out.used, used);
	assert_memory_equal(out.data, data, len);
}

static void whole_ones_decode(void **state)
{
	(void)state;
	assert_decodes("0:,", 3, 100, "", 0, 3);
	assert_decodes("0:,", 3, 0, "", 0, 3);
	assert_decodes("5:hello,", 8, 5, "hello", 5, 8);
	assert_decodes("12:hello world!,", 16, 100, "hello world!", 12, 16);
	assert_decodes("4:\0,:\xff,", 7, 100, "\0,:\xff", 4, 7);
	assert_decodes("1:a,1:b,", 8, 100, "a", 1, 4); /* the first of two */
}

static void every_beginning_needs_more(void **state)
{
	static const char text[] = "12:hello world!,";
	struct netstring out;

	(void)state;
	for (size_t len = 0; len < sizeof text - 1; len++)
		assert_int_equal(netstring_decode(text, len, 12, &out), NETSTRING_MORE);
	assert_int_equal(netstring_decode(NULL, 0, 12, &out), NETSTRING_MORE);
}

static void what_never_becomes_one_is_bad(void **state)
{
	static const char *const bad[] = {
	    "x",
	    ":",
	    ",",
	    "-1:",
	    "+1:a,",
	    " 1:a,",
	    "01:a,",
	    "00:,",
	    "1 :a,",
	    "1a",
	    "1;a,",
	    "1,",
	    "3:abcd",
	    "0:x",
	    "\n",
	    "GET / HTTP/1.1\r\n",
	    "\x16\x03\x01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(decode(bad[i], 1000), NETSTRING_BAD);
}

static void the_length_decides_before_the_payload_comes(void **state)
{
	(void)state;
	assert_int_equal(decode("1000:", 1000), NETSTRING_MORE);
	assert_int_equal(decode("1001", 1000), NETSTRING_TOO_LONG);
	assert_int_equal(decode("9999", 1000), NETSTRING_TOO_LONG);
	assert_int_equal(decode("2", 1), NETSTRING_TOO_LONG);
	assert_int_equal(decode("19", 12), NETSTRING_TOO_LONG);
	assert_int_equal(decode("12", 12), NETSTRING_MORE);
	assert_int_equal(decode("1", 0), NETSTRING_TOO_LONG);
	assert_int_equal(decode("99999999999999999999999999999999999999", 1000), NETSTRING_TOO_LONG);
	/* A length that would wrap around to a small one. */
	assert_int_equal(decode("18446744073709551617:a,", SIZE_MAX), NETSTRING_TOO_LONG);
	assert_int_equal(decode("18446744073709551615:a,", SIZE_MAX), NETSTRING_MORE);
}

static void append_makes_what_decode_takes(void **state)
{
	struct buf out = BUF_INIT(100);

	(void)state;
	assert_int_equal(netstring_append(&out, "hello world!", 12), 0);
	assert_int_equal(netstring_append(&out, NULL, 0), 0);
	assert_int_equal(netstring_append(&out, "\0", 1), 0);
	assert_int_equal(out.len, 23);
	assert_memory_equal(out.data, "12:hello world!,0:,1:\0,", 23);
	buf_free(&out);
}

static void half_a_netstring_is_never_appended(void **state)
{
	struct buf out = BUF_INIT(8);

	(void)state;
	assert_int_equal(netstring_append(&out, "hello", 5), 0);
	assert_string_equal(out.data, "5:hello,");
	buf_clear(&out);
	assert_int_equal(netstring_append(&out, "hello!", 6), -1);
	assert_true(out.failed);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
	assert_int_equal(netstring_append(&out, "x", SIZE_MAX - 5), -1);
	assert_true(out.failed);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_ones_decode),
	    cmocka_unit_test(every_beginning_needs_more),
	    cmocka_unit_test(what_never_becomes_one_is_bad),
	    cmocka_unit_test(the_length_decides_before_the_payload_comes),
	    cmocka_unit_test(append_makes_what_decode_takes),
	    cmocka_unit_test(half_a_netstring_is_never_appended),
	};

	return cmocka_run_group_tests_name("netstring", tests, NULL, NULL);
}
