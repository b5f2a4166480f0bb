/* The messages of XOAUTH2 and OAUTHBEARER, byte by byte, and the reading of the server's error challenge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sasl/response.h"

static void assert_message(enum response_mech mech, const struct response_fields *fields, const char *want)
{
	struct buf out = BUF_INIT(4096);

	assert_int_equal(response_append(mech, fields, &out), 0);
	assert_string_equal(out.data, want);
	assert_int_equal(out.len, strlen(want));
	buf_free(&out);
}

static struct response_fields fields_of(const char *user, const char *host, unsigned port)
{
	return (struct response_fields){
	    .user = user, .user_len = strlen(user), .host = host, .port = port, .token = "vF9dft4qmT", .token_len = 10};
}

static void xoauth2_is_as_google_and_microsoft_write_it(void **state)
{
	struct response_fields fields = fields_of("someuser@example.com", "smtp.example.com", 587);

	(void)state;
	assert_message(RESPONSE_XOAUTH2, &fields, "user=someuser@example.com\001auth=Bearer vF9dft4qmT\x01\x01");
}

static void oauthbearer_is_as_rfc_7628_writes_it(void **state)
{
	struct response_fields fields = fields_of("user@example.com", "server.example.com", 143);

	(void)state;
	assert_message(RESPONSE_OAUTHBEARER, &fields,
		       "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
		       "auth=Bearer vF9dft4qmT\x01\x01");
}

static void oauthbearer_leaves_out_what_is_not_known(void **state)
{
	struct response_fields fields = fields_of("u@example.com", NULL, 0);
	char host[RESPONSE_HOST_MAX + 2];

	(void)state;
	assert_message(RESPONSE_OAUTHBEARER, &fields, "n,a=u@example.com,\001auth=Bearer vF9dft4qmT\x01\x01");
	fields.host = "a\x01port=1";
	assert_message(RESPONSE_OAUTHBEARER, &fields, "n,a=u@example.com,\001auth=Bearer vF9dft4qmT\x01\x01");
	fields.host = "";
	assert_message(RESPONSE_OAUTHBEARER, &fields, "n,a=u@example.com,\001auth=Bearer vF9dft4qmT\x01\x01");
	memset(host, 'h', sizeof host - 1);
	host[sizeof host - 1] = '\0';
	fields.host = host;
	assert_message(RESPONSE_OAUTHBEARER, &fields, "n,a=u@example.com,\001auth=Bearer vF9dft4qmT\x01\x01");
}

static void oauthbearer_escapes_the_user(void **state)
{
	struct response_fields fields = fields_of("a=b,c@example.com", NULL, 0);

	(void)state;
	assert_message(RESPONSE_OAUTHBEARER, &fields, "n,a=a=3Db=2Cc@example.com,\001auth=Bearer vF9dft4qmT\x01\x01");
	assert_message(RESPONSE_XOAUTH2, &fields, "user=a=b,c@example.com\001auth=Bearer vF9dft4qmT\x01\x01");
}

static void what_a_message_adds_to_the_token_is_bounded(void **state)
{
	char user[RESPONSE_USER_MAX + 1] = "", host[RESPONSE_HOST_MAX + 1] = "";
	struct response_fields fields = {
	    .user = user, .user_len = RESPONSE_USER_MAX, .host = host, .port = 65535, .token = "t", .token_len = 1};
	struct buf out = BUF_INIT(RESPONSE_EXTRA_MAX + 1);

	(void)state;
	memset(user, '=', RESPONSE_USER_MAX);
	memset(host, 'h', RESPONSE_HOST_MAX);
	assert_int_equal(response_append(RESPONSE_OAUTHBEARER, &fields, &out), 0);
	assert_non_null(strstr(out.data, "hhh\x01port=65535\x01"));
	buf_free(&out);
	out = BUF_INIT(20);
	assert_int_equal(response_append(RESPONSE_XOAUTH2, &fields, &out), -1);
	buf_free(&out);
}

static void users_that_could_forge_a_field_are_refused(void **state)
{
	char longest[RESPONSE_USER_MAX + 1];

	(void)state;
	memset(longest, 'u', sizeof longest);
	assert_true(response_user_valid("relay@contoso.com", 17));
	assert_true(response_user_valid("m\xc3\xbcller@contoso.com", 18));
	assert_true(response_user_valid(longest, RESPONSE_USER_MAX));
	assert_false(response_user_valid(longest, RESPONSE_USER_MAX + 1));
	assert_false(response_user_valid("", 0));
	assert_false(response_user_valid("a\001auth=Bearer x", 15));
	assert_false(response_user_valid("a\0b", 3));
	assert_false(response_user_valid("a\r\nb", 4));
	assert_false(response_user_valid("a b", 3));
	assert_false(response_user_valid("a\x7f", 2));
}

static void tokens_are_visible_ascii(void **state)
{
	(void)state;
	assert_true(response_token_valid("eyJ0.eyJ~-_+/==", 15));
	assert_false(response_token_valid("", 0));
	assert_false(response_token_valid("a\x01"
					  "b",
					  3));
	assert_false(response_token_valid("a\nb", 3));
	assert_false(response_token_valid("a b", 3));
	assert_false(response_token_valid("a\x7f", 2));
	assert_false(response_token_valid("\xc3\xbc", 2));
	assert_false(response_token_valid("a\0", 2));
}

static void the_command_is_counted_with_all_that_goes_over_the_line(void **state)
{
	(void)state;
	assert_int_equal(response_command_len(RESPONSE_XOAUTH2, 0), strlen("AUTH XOAUTH2 \r\n"));
	assert_int_equal(response_command_len(RESPONSE_XOAUTH2, 1), strlen("AUTH XOAUTH2 eA==\r\n"));
	assert_int_equal(response_command_len(RESPONSE_OAUTHBEARER, 3), strlen("AUTH OAUTHBEARER eHh4\r\n"));
	assert_int_equal(response_command_len(RESPONSE_XOAUTH2, 4), strlen("AUTH XOAUTH2 eHh4eA==\r\n"));
}

static void each_mechanism_has_its_answer_to_an_error(void **state)
{
	unsigned len = 7;

	(void)state;
	assert_non_null(response_to_error(RESPONSE_XOAUTH2, &len));
	assert_int_equal(len, 0);
	assert_memory_equal(response_to_error(RESPONSE_OAUTHBEARER, &len), "\x01", 1);
	assert_int_equal(len, 1);
}

static void ports_are_read_from_what_sasl_writes(void **state)
{
	(void)state;
	assert_int_equal(response_port("127.0.0.1;587"), 587);
	assert_int_equal(response_port("2001:db8::1;65535"), 65535);
	assert_int_equal(response_port(NULL), 0);
	assert_int_equal(response_port("127.0.0.1"), 0);
	assert_int_equal(response_port("127.0.0.1;"), 0);
	assert_int_equal(response_port("127.0.0.1;-1"), 0);
	assert_int_equal(response_port("127.0.0.1; 25"), 0);
	assert_int_equal(response_port("127.0.0.1;25x"), 0);
	assert_int_equal(response_port("127.0.0.1;65536"), 0);
	assert_int_equal(response_port("127.0.0.1;99999999999999999999999"), 0);
}

static void assert_status(const char *challenge, size_t len, const char *want)
{
	char status[RESPONSE_STATUS_MAX];
	char *exact = malloc(len > 0 ? len : 1);

	assert_non_null(exact);
	memcpy(exact, challenge, len);
	memset(status, 'x', sizeof status);
	response_error_status(exact, len, status);
	assert_string_equal(status, want);
	free(exact);
}

#define ASSERT_STATUS(challenge, want) assert_status(challenge, sizeof(challenge) - 1, want)

static void the_status_of_real_challenges_is_found(void **state)
{
	(void)state;
	ASSERT_STATUS("{\"status\":\"401\",\"schemes\":\"bearer mac\",\"scope\":\"https://mail.google.com/\"}\n",
		      "401");
	ASSERT_STATUS("{\"status\":\"invalid_token\",\"scope\":\"example_scope\",\"openid-configuration\":"
		      "\"https://example.com/.well-known/openid-configuration\"}",
		      "invalid_token");
	ASSERT_STATUS("{ \"schemes\" : \"Bearer\" ,\r\n\t\"status\" : 400 }", "400");
}

static void only_the_outermost_member_counts(void **state)
{
	(void)state;
	ASSERT_STATUS("{\"a\":{\"status\":\"1\"},\"b\":[{\"status\":\"2\"}],\"status\":\"3\"}", "3");
	ASSERT_STATUS("{\"a\":\"status\",\"b\":\"\\\"status\\\":\\\"4\\\"\",\"status\":\"5\"}", "5");
	ASSERT_STATUS("{\"a\":\"\\\\\",\"status\":\"8\"}", "8");
	ASSERT_STATUS("}]{\"status\":\"9\"}", "9");
	ASSERT_STATUS("{\"statuses\":\"6\",\"tatus\":\"7\"}", "");
}

static void challenges_that_make_no_sense_have_no_status(void **state)
{
	(void)state;
	ASSERT_STATUS("", "");
	ASSERT_STATUS("{", "");
	ASSERT_STATUS("not json", "");
	ASSERT_STATUS("\"status\":\"401\"", "");
	ASSERT_STATUS("{\"status\"", "");
	ASSERT_STATUS("{\"status\":", "");
	ASSERT_STATUS("{\"status\" \"401\"}", "");
	ASSERT_STATUS("{\"status\\", "");
	ASSERT_STATUS("}}]]{\"status\":[\"401\"]}", "");
	ASSERT_STATUS("\xff\xfe\0\x01", "");
}

static void a_status_cannot_break_a_log_line(void **state)
{
	char status[RESPONSE_STATUS_MAX];

	(void)state;
	ASSERT_STATUS("{\"status\":\"4\n0\x01 \\\"1\"}", "4?0????1");
	ASSERT_STATUS("{\"status\":\"0123456789012345678901234567890123456789\"}", "0123456789012345678901234567890");
	ASSERT_STATUS("{\"status\":\"cut in the mid", "cut?in?the?mid");
	response_error_status(NULL, 3, status);
	assert_string_equal(status, "");
}

static void no_more_than_the_first_bytes_are_looked_at(void **state)
{
	char *challenge = malloc(9000);

	(void)state;
	assert_non_null(challenge);
	memset(challenge, ' ', 9000);
	challenge[0] = '{';
	memcpy(challenge + 4000, "\"status\":\"401\"", 14);
	assert_status(challenge, 9000, "401");
	memset(challenge + 4000, ' ', 14);
	memcpy(challenge + 8000, "\"status\":\"401\"", 14);
	assert_status(challenge, 9000, "");
	memset(challenge, '[', 9000);
	assert_status(challenge, 9000, "");
	free(challenge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(xoauth2_is_as_google_and_microsoft_write_it),
	    cmocka_unit_test(oauthbearer_is_as_rfc_7628_writes_it),
	    cmocka_unit_test(oauthbearer_leaves_out_what_is_not_known),
	    cmocka_unit_test(oauthbearer_escapes_the_user),
	    cmocka_unit_test(what_a_message_adds_to_the_token_is_bounded),
	    cmocka_unit_test(users_that_could_forge_a_field_are_refused),
	    cmocka_unit_test(tokens_are_visible_ascii),
	    cmocka_unit_test(the_command_is_counted_with_all_that_goes_over_the_line),
	    cmocka_unit_test(each_mechanism_has_its_answer_to_an_error),
	    cmocka_unit_test(ports_are_read_from_what_sasl_writes),
	    cmocka_unit_test(the_status_of_real_challenges_is_found),
	    cmocka_unit_test(only_the_outermost_member_counts),
	    cmocka_unit_test(challenges_that_make_no_sense_have_no_status),
	    cmocka_unit_test(a_status_cannot_break_a_log_line),
	    cmocka_unit_test(no_more_than_the_first_bytes_are_looked_at),
	};

	return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
