/* The socketmap protocol's requests and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire.h"

#define MAP_32 "abcdefghijklmnopqrstuvwxyz-01234"

static void assert_request(const char *payload, const char *map, const char *key)
{
	struct wire_request request;

	assert_int_equal(wire_parse_request(payload, strlen(payload), &request), 0);
	assert_string_equal(request.map, map);
	assert_int_equal(request.key_len, strlen(key));
	assert_memory_equal(request.key, key, strlen(key));
}

static void requests_are_taken_apart(void **state)
{
	(void)state;
	assert_request("token relay@contoso.com", "token", "relay@contoso.com");
	assert_request("status *", "status", "*");
	assert_request("token a b  c ", "token", "a b  c ");
	assert_request("token  a", "token", " a");
	assert_request("reload", "reload", "");
	assert_request("reload ", "reload", "");
	assert_request("a-1 \xc3\xa4\t\x7f", "a-1", "\xc3\xa4\t\x7f");
	assert_request(MAP_32 " k", MAP_32, "k");
}

static void what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *payload;
		size_t len;
	} bad[] = {
	    {"", 0},          {NULL, 0},        {" ", 1},        {" key", 4},      {"Token k", 7},     {"1map k", 6},
	    {"-map k", 6},    {"to_ken k", 8},  {"token\tk", 7}, {"tok\0en k", 8}, {"token k\0", 8},   {"token k\r", 8},
	    {"token k\n", 8}, {"token \nk", 8}, {"token\n", 6},  {"\xff k", 3},    {MAP_32 "5 k", 35}, {MAP_32 "5", 33},
	};
	struct wire_request request;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(wire_parse_request(bad[i].payload, bad[i].len, &request), -1);
}

static void requests_are_bounded(void **state)
{
	char *payload = malloc(WIRE_REQUEST_MAX + 1);
	struct buf out = BUF_INIT(2 * WIRE_REQUEST_MAX);
	struct wire_request request;

	(void)state;
	memset(payload, 'x', WIRE_REQUEST_MAX + 1);
	memcpy(payload, "import ", 7);
	assert_int_equal(wire_parse_request(payload, WIRE_REQUEST_MAX, &request), 0);
	assert_int_equal(wire_parse_request(payload, WIRE_REQUEST_MAX + 1, &request), -1);
	assert_int_equal(wire_append_request(&out, "import", payload + 7, WIRE_REQUEST_MAX - 7), 0);
	assert_int_equal(out.len, WIRE_REQUEST_MAX + strlen("81920:,"));
	buf_clear(&out);
	assert_int_equal(wire_append_request(&out, "import", payload + 7, WIRE_REQUEST_MAX - 6), -1);
	assert_true(out.failed);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	free(payload);
}

static void assert_reply(const char *payload, enum wire_result result, const char *text)
{
	struct wire_reply reply;

	assert_int_equal(wire_parse_reply(payload, strlen(payload), &reply), 0);
	assert_int_equal(reply.result, result);
	assert_int_equal(reply.len, strlen(text));
	assert_memory_equal(reply.text, text, strlen(text));
}

static void replies_are_taken_apart(void **state)
{
	(void)state;
	assert_reply("OK eyJ0eXAi", WIRE_OK, "eyJ0eXAi");
	assert_reply("OK ", WIRE_OK, "");
	assert_reply("OK", WIRE_OK, "");
	assert_reply("NOTFOUND ", WIRE_NOTFOUND, "");
	assert_reply("TEMP in a minute", WIRE_TEMP, "in a minute");
	assert_reply("TIMEOUT x", WIRE_TIMEOUT, "x");
	assert_reply("PERM  two", WIRE_PERM, " two");
}

static void what_is_no_reply_is_refused(void **state)
{
	static const char *const bad[] = {"",      " ",       "ok x",        "OKAY x", "O x",
					  "OK\tx", "NOTFOUN", "TEMPORARY x", " OK x",  "500 x"};
	struct wire_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(wire_parse_reply(bad[i], strlen(bad[i]), &reply), -1);
	assert_int_equal(wire_parse_reply("OK\0x", 4, &reply), -1);
	assert_int_equal(wire_parse_reply(NULL, 0, &reply), -1);
}

static void frames_are_netstrings(void **state)
{
	struct buf out = BUF_INIT(1000);

	(void)state;
	assert_int_equal(wire_append_request(&out, "token", "a@b", 3), 0);
	assert_string_equal(out.data, "9:token a@b,");
	buf_clear(&out);
	assert_int_equal(wire_append_request(&out, "reload", NULL, 0), 0);
	assert_string_equal(out.data, "7:reload ,");
	buf_clear(&out);
	assert_int_equal(wire_append_reply(&out, WIRE_OK, "abc", 3), 0);
	assert_int_equal(wire_append_reply(&out, WIRE_NOTFOUND, NULL, 0), 0);
	assert_int_equal(wire_append_reply(&out, WIRE_TEMP, "t", 1), 0);
	assert_int_equal(wire_append_reply(&out, WIRE_TIMEOUT, "o", 1), 0);
	assert_int_equal(wire_append_reply(&out, WIRE_PERM, "p", 1), 0);
	assert_string_equal(out.data, "6:OK abc,9:NOTFOUND ,6:TEMP t,9:TIMEOUT o,6:PERM p,");
	buf_free(&out);
}

static void what_could_not_be_parsed_is_not_made(void **state)
{
	static const struct {
		const char *map, *key;
		size_t len;
	} bad[] = {
	    {"", "k", 1},         {"Token", "k", 1},   {"to ken", "k", 1},  {MAP_32 "5", "k", 1},
	    {"token", "a\nb", 3}, {"token", "a\r", 2}, {"token", "a\0", 2},
	};
	struct buf out = BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(wire_append_request(&out, bad[i].map, bad[i].key, bad[i].len), -1);
		assert_true(out.failed);
		assert_int_equal(out.len, 0);
		buf_clear(&out);
	}
	assert_int_equal(wire_append_reply(&out, (enum wire_result)99, "x", 1), -1);
	assert_true(out.failed);
	buf_free(&out);
}

static void half_a_frame_is_never_appended(void **state)
{
	struct buf out = BUF_INIT(12);

	(void)state;
	assert_int_equal(wire_append_request(&out, "token", "a@bc", 4), -1);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
	assert_int_equal(wire_append_reply(&out, WIRE_OK, "1234567", 7), -1);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
	assert_int_equal(wire_append_reply(&out, WIRE_OK, "x", WIRE_STATUS_MAX + (size_t)1), -1);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void the_limits_fit_together(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(snprintf(text, sizeof text, "%d:,", WIRE_STATUS_MAX), WIRE_NETSTRING_EXTRA);
	assert_true(snprintf(text, sizeof text, "%d:,", WIRE_REPLY_MAX) <= WIRE_NETSTRING_EXTRA);
	assert_true(snprintf(text, sizeof text, "%d:,", WIRE_REQUEST_MAX) <= WIRE_NETSTRING_EXTRA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_are_taken_apart),
	    cmocka_unit_test(what_is_no_request_is_refused),
	    cmocka_unit_test(requests_are_bounded),
	    cmocka_unit_test(replies_are_taken_apart),
	    cmocka_unit_test(what_is_no_reply_is_refused),
	    cmocka_unit_test(frames_are_netstrings),
	    cmocka_unit_test(what_could_not_be_parsed_is_not_made),
	    cmocka_unit_test(half_a_frame_is_never_appended),
	    cmocka_unit_test(the_limits_fit_together),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
