/* Managed identities: addresses, the challenge of Azure Arc's agent, and answers whose numbers are strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"
#include "tokend/identity.h"

#define NOW 1790000000
#define EXO "https://outlook.office365.com"

static void expect_url(const char *kind, const char *endpoint, const char *resource, const char *client_id,
		       const char *expected)
{
	struct buf url = BUF_INIT(1024);

	assert_int_equal(0, identity_url(identity_kind_of(kind), endpoint, resource, client_id, &url));
	assert_string_equal(expected, url.data);
	buf_free(&url);
}

static void each_service_is_asked_in_its_own_way(void **state)
{
	(void)state;
	expect_url("vm", "http://169.254.169.254/t", EXO, NULL,
		   "http://169.254.169.254/t?api-version=2018-02-01&resource=https%3A%2F%2Foutlook.office365.com");
	expect_url("vm", "http://169.254.169.254/t", EXO, "id 1",
		   "http://169.254.169.254/t?api-version=2018-02-01&resource=https%3A%2F%2Foutlook.office365.com"
		   "&client_id=id%201");
	expect_url("arc", "http://localhost:40342/t", EXO, NULL,
		   "http://localhost:40342/t?api-version=2019-11-01&resource=https%3A%2F%2Foutlook.office365.com");
	expect_url("app-service", "http://127.0.0.1/t?x=1", EXO, NULL,
		   "http://127.0.0.1/t?x=1&api-version=2019-08-01&resource=https%3A%2F%2Foutlook.office365.com");
	assert_string_equal("Metadata", identity_header_name(IDENTITY_VM));
	assert_string_equal("Metadata", identity_header_name(IDENTITY_ARC));
	assert_string_equal("X-IDENTITY-HEADER", identity_header_name(IDENTITY_APP_SERVICE));
}

static void a_scope_becomes_a_resource(void **state)
{
	(void)state;
	expect_url("vm", "http://h", "https://a/.default", NULL,
		   "http://h?api-version=2018-02-01&resource=https%3A%2F%2Fa");
	expect_url("vm", "http://h", "/.default", NULL, "http://h?api-version=2018-02-01&resource=%2F.default");
}

static void an_address_that_is_too_long_is_an_error(void **state)
{
	struct buf url = BUF_INIT(40);

	(void)state;
	assert_int_equal(-1, identity_url(IDENTITY_VM, "http://169.254.169.254/t", EXO, NULL, &url));
	buf_free(&url);
}

static void only_keys_in_the_folder_answer_a_challenge(void **state)
{
	static const struct {
		const char *authenticate, *path; /* NULL: refused */
	} rows[] = {
	    {"Basic realm=/f/a-1.key", "/f/a-1.key"},
	    {"basic realm=\"/f/a.key\"", "/f/a.key"},
	    {"Basic realm=/f/a.key, charset=x", "/f/a.key"},
	    {NULL, NULL},
	    {"", NULL},
	    {"Basic", NULL},
	    {"Bearer realm=/f/a.key", NULL},
	    {"Basic realm=", NULL},
	    {"Basic realm=/f/.key", NULL},
	    {"Basic realm=/f/a.pem", NULL},
	    {"Basic realm=/f/a.key.pem", NULL},
	    {"Basic realm=/f/../etc/a.key", NULL},
	    {"Basic realm=/f/x/a.key", NULL},
	    {"Basic realm=/fa.key", NULL},
	    {"Basic realm=/g/a.key", NULL},
	    {"Basic realm=f/a.key", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf path = BUF_INIT(512);
		struct err err = {0};
		int status = identity_challenge(rows[i].authenticate, "/f", &path, &err);

		assert_int_equal(rows[i].path != NULL ? 0 : -1, status);
		if (rows[i].path != NULL)
			assert_string_equal(rows[i].path, path.data);
		else
			assert_true(err.text[0] != '\0');
		buf_free(&path);
	}
}

static struct oauth_answer parse(int status, const char *body)
{
	struct oauth_answer answer;

	identity_parse_answer(status, NULL, body, strlen(body), NOW, &answer);
	return answer;
}

#define TOKEN "{\"access_token\":\"AT\",\"token_type\":\"Bearer\","

static void expect_life(const char *body, int64_t expires_in)
{
	struct oauth_answer answer = parse(200, body);

	assert_int_equal(OUTCOME_TOKEN, answer.outcome);
	assert_int_equal(expires_in, answer.expires_in);
	oauth_answer_free(&answer);
}

static void a_tokens_end_is_told_in_several_ways(void **state)
{
	struct oauth_answer answer;

	(void)state;
	expect_life(TOKEN "\"expires_in\":\"3599\",\"expires_on\":\"1790009999\",\"not_before\":\"1789990000\"}", 3599);
	expect_life(TOKEN "\"expires_on\":\"1790001234\"}", 1234);
	expect_life(TOKEN "\"expires_on\":1790001234}", 1234);
	expect_life(TOKEN "\"expires_on\":\"1890000000\"}", OAUTH_EXPIRES_MAX);
	expect_life(TOKEN "\"expires_on\":\"09/14/2027 00:00:00 PM +00:00\"}", OAUTH_EXPIRES_DEFAULT);
	answer = parse(200, TOKEN "\"expires_on\":\"1790000000\"}");
	assert_int_equal(OUTCOME_RETRY, answer.outcome);
	assert_null(answer.access_token);
	assert_non_null(strstr(answer.detail, "clock"));
	oauth_answer_free(&answer);
}

static void errors_pass_or_want_a_repair_by_their_status(void **state)
{
	static const struct {
		int status;
		enum outcome outcome;
	} rows[] = {
	    {0, OUTCOME_RETRY},           {400, OUTCOME_MISCONFIGURED}, {401, OUTCOME_MISCONFIGURED},
	    {403, OUTCOME_MISCONFIGURED}, {404, OUTCOME_RETRY},         {405, OUTCOME_MISCONFIGURED},
	    {410, OUTCOME_RETRY},         {429, OUTCOME_RETRY},         {500, OUTCOME_RETRY},
	    {503, OUTCOME_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct oauth_answer answer =
		    parse(rows[i].status, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}");

		assert_int_equal(rows[i].outcome, answer.outcome);
		oauth_answer_free(&answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_service_is_asked_in_its_own_way),
	    cmocka_unit_test(a_scope_becomes_a_resource),
	    cmocka_unit_test(an_address_that_is_too_long_is_an_error),
	    cmocka_unit_test(only_keys_in_the_folder_answer_a_challenge),
	    cmocka_unit_test(a_tokens_end_is_told_in_several_ways),
	    cmocka_unit_test(errors_pass_or_want_a_repair_by_their_status),
	};

	jsondoc_init();
	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
