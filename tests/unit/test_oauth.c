/* OAuth requests and answers, byte for byte. Metadata documents are in test_oauth_metadata.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"
#include "tokend/oauth.h"

/* --- requests --- */

static struct oauth_client client_with(enum oauth_auth auth, const char *credential)
{
	struct oauth_client client = {.client_id = "id 1", .auth = auth, .scope = "https://o.example/SMTP.Send x"};

	client.credential = credential != NULL ? secret_new(credential, strlen(credential)) : NULL;
	return client;
}

static const struct oauth_grant application = {.type = OAUTH_CLIENT_CREDENTIALS};

static void expect_refresh(struct oauth_client client, const char *expected)
{
	struct secret *token = secret_new("0.AX/k+A=&", 10);
	const struct oauth_grant grant = {.type = OAUTH_REFRESH_TOKEN, .secret = token};
	struct buf body = BUF_INIT(4096);

	assert_int_equal(oauth_token_body(&client, &grant, &body), 0);
	assert_string_equal(body.data, expected);
	buf_free(&body);
	secret_free(token);
	secret_free((struct secret *)client.credential);
}

#define REFRESH "grant_type=refresh_token&refresh_token=0.AX%2Fk%2BA%3D%26"
#define SCOPE "&scope=https%3A%2F%2Fo.example%2FSMTP.Send%20x"

static void a_refresh_in_each_way_of_proving_oneself(void **state)
{
	struct oauth_client unscoped = client_with(OAUTH_AUTH_NONE, NULL);

	(void)state;
	expect_refresh(client_with(OAUTH_AUTH_NONE, NULL), REFRESH "&client_id=id%201" SCOPE);
	expect_refresh(client_with(OAUTH_AUTH_POST, "a+b/c=d&e%f~g h"),
		       REFRESH "&client_id=id%201&client_secret=a%2Bb%2Fc%3Dd%26e%25f~g%20h" SCOPE);
	expect_refresh(client_with(OAUTH_AUTH_BASIC, "secret"), REFRESH SCOPE);
	expect_refresh(client_with(OAUTH_AUTH_ASSERTION, "e30.e30.c2ln"),
		       REFRESH "&client_id=id%201&client_assertion_type="
			       "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
			       "&client_assertion=e30.e30.c2ln" SCOPE);
	unscoped.scope = NULL;
	expect_refresh(unscoped, REFRESH "&client_id=id%201");
}

static void client_credentials_ask_for_a_scope(void **state)
{
	struct oauth_client client = client_with(OAUTH_AUTH_POST, "s");
	struct buf body = BUF_INIT(4096);

	(void)state;
	assert_int_equal(oauth_token_body(&client, &application, &body), 0);
	assert_string_equal(body.data, "grant_type=client_credentials&client_id=id%201&client_secret=s" SCOPE);
	buf_free(&body);
	secret_free((struct secret *)client.credential);
}

static void other_grants_name_what_they_trade(void **state)
{
	struct secret *code = secret_new("0.D+1", 5);
	struct oauth_grant grant = {.type = OAUTH_DEVICE_CODE, .secret = code};
	struct oauth_client client = {.client_id = "id", .auth = OAUTH_AUTH_NONE};
	struct buf body = BUF_INIT(4096);

	(void)state;
	assert_int_equal(oauth_token_body(&client, &grant, &body), 0);
	assert_string_equal(body.data, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
				       "&device_code=0.D%2B1&client_id=id");
	buf_clear(&body);
	grant.type = OAUTH_JWT_BEARER;
	assert_int_equal(oauth_token_body(&client, &grant, &body), 0);
	assert_string_equal(body.data, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
				       "&assertion=0.D%2B1&client_id=id");
	buf_clear(&body);
	grant = (struct oauth_grant){.type = OAUTH_DEVICE_AUTHORIZATION};
	client.scope = "mail openid";
	assert_int_equal(oauth_token_body(&client, &grant, &body), 0);
	assert_string_equal(body.data, "client_id=id&scope=mail%20openid");
	buf_free(&body);
	secret_free(code);
}

static void the_document_decides_how_a_client_proves_itself(void **state)
{
	const struct oauth_metadata silent = {.auth_basic = true};
	const struct oauth_metadata all = {
	    .auth_listed = true, .auth_basic = true, .auth_post = true, .auth_private_key_jwt = true};
	const struct oauth_metadata basic = {.auth_listed = true, .auth_basic = true};
	const struct oauth_metadata signed_only = {.auth_listed = true, .auth_private_key_jwt = true};
	const struct {
		const struct oauth_metadata *metadata;
		bool assertion, secret;
		int auth; /* -1: refused */
	} rows[] = {
	    {NULL, false, false, OAUTH_AUTH_NONE},
	    {NULL, false, true, OAUTH_AUTH_POST},
	    {NULL, true, false, OAUTH_AUTH_ASSERTION},
	    {&silent, false, true, OAUTH_AUTH_BASIC},
	    {&silent, true, false, OAUTH_AUTH_ASSERTION},
	    {&all, false, true, OAUTH_AUTH_POST},
	    {&all, true, false, OAUTH_AUTH_ASSERTION},
	    {&all, false, false, OAUTH_AUTH_NONE},
	    {&basic, false, true, OAUTH_AUTH_BASIC},
	    {&basic, true, false, -1},
	    {&signed_only, true, false, OAUTH_AUTH_ASSERTION},
	    {&signed_only, false, true, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum oauth_auth auth = OAUTH_AUTH_NONE;
		struct err err = {0};
		int status = oauth_choose_auth(rows[i].metadata, rows[i].assertion, rows[i].secret, &auth, &err);

		assert_int_equal(rows[i].auth, status == 0 ? (int)auth : -1);
		assert_int_equal(status == 0 ? ERR_NONE : ERR_CONFIG, err.code);
	}
}

static void a_service_account_is_named_by_its_assertion_alone(void **state)
{
	struct secret *assertion = secret_new("e30.e30.c2ln", 12);
	const struct oauth_grant grant = {.type = OAUTH_JWT_BEARER, .secret = assertion};
	const struct oauth_client client = {.auth = OAUTH_AUTH_NONE};
	struct buf body = BUF_INIT(4096);

	(void)state;
	assert_int_equal(oauth_token_body(&client, &grant, &body), 0);
	assert_string_equal(body.data, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
				       "&assertion=e30.e30.c2ln");
	buf_free(&body);
	secret_free(assertion);
}

static void every_byte_is_encoded_or_safe(void **state)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	int c;

	(void)state;
	for (c = 0; c < 256; c++) {
		struct buf body = BUF_INIT(16);
		char byte = (char)c, expected[16];

		assert_int_equal(oauth_form_add(&body, "n", &byte, 1), 0);
		snprintf(expected, sizeof expected, c != 0 && strchr(safe, c) ? "n=%c" : "n=%%%02X", c);
		assert_string_equal(body.data, expected);
		buf_free(&body);
	}
}

/* RFC 7617's form with RFC 6749's encoding inside; the base64 was made with the tool of that name. */
static void the_basic_header(void **state)
{
	static const struct {
		const char *id, *secret, *value;
	} cases[] = {
	    {"id", "secret", "Basic aWQ6c2VjcmV0"},        {"id", "secre", "Basic aWQ6c2VjcmU="},
	    {"id", "secr", "Basic aWQ6c2Vjcg=="},          {"a:b", "x y~%", "Basic YSUzQWI6eCUyMHl+JTI1"},
	    {"id", "\xc3\xbf?", "Basic aWQ6JUMzJUJGJTNG"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct oauth_client client = client_with(OAUTH_AUTH_BASIC, cases[i].secret);
		struct buf value = BUF_INIT(4096);

		client.client_id = cases[i].id;
		assert_int_equal(oauth_basic_header(&client, &value), 0);
		assert_string_equal(value.data, cases[i].value);
		buf_free(&value);
		secret_free((struct secret *)client.credential);
	}
}

static void a_missing_credential_or_no_room_is_an_error(void **state)
{
	struct oauth_client client = client_with(OAUTH_AUTH_POST, NULL);
	struct buf body = BUF_INIT(4096);

	(void)state;
	assert_int_equal(oauth_token_body(&client, &application, &body), -1);
	assert_true(body.failed);
	buf_clear(&body);
	assert_int_equal(oauth_basic_header(&client, &body), -1);
	assert_true(body.failed);
	buf_free(&body);
	client.auth = OAUTH_AUTH_NONE;
	body = BUF_INIT(20);
	assert_int_equal(oauth_token_body(&client, &application, &body), -1);
	buf_free(&body);
}

/* --- answers --- */

static struct oauth_answer parse(int status, const char *body)
{
	size_t len = strlen(body);
	char *exact = malloc(len + (len == 0)); /* no NUL behind it: a sanitizer sees who looks for one */
	struct oauth_answer answer;

	memcpy(exact, body, len);
	memset(&answer, 'x', sizeof answer);
	oauth_parse_answer(status, NULL, exact, len, &answer);
	free(exact);
	return answer;
}

static void expect_secret(const struct secret *secret, const char *text)
{
	struct secret *expected = secret_new(text, strlen(text));

	assert_true(secret_equal(secret, expected));
	secret_free(expected);
}

static void a_token_as_entra_sends_it(void **state)
{
	struct oauth_answer answer =
	    parse(200, "{\"token_type\":\"Bearer\",\"scope\":\"https://outlook.office.com/SMTP.Send\","
		       "\"expires_in\":3599,\"ext_expires_in\":3599,\"access_token\":\"eyJ0.e30.c2ln\","
		       "\"refresh_token\":\"0.AXkA\",\"id_token\":\"e30.e30.\"}");

	(void)state;
	assert_int_equal(answer.outcome, OUTCOME_TOKEN);
	expect_secret(answer.access_token, "eyJ0.e30.c2ln");
	expect_secret(answer.refresh_token, "0.AXkA");
	expect_secret(answer.id_token, "e30.e30.");
	assert_int_equal(answer.expires_in, 3599);
	assert_string_equal(answer.detail, "");
	assert_string_equal(answer.error, "");
	oauth_answer_free(&answer);
	assert_null(answer.access_token);
	oauth_answer_free(&answer);
}

static int64_t expires_in(const char *value)
{
	struct oauth_answer answer;
	char body[256];
	int64_t result;

	snprintf(body, sizeof body, "{\"token_type\":\"bEARER\",\"access_token\":\"t\"%s%s}",
		 value[0] != '\0' ? ",\"expires_in\":" : "", value);
	answer = parse(200, body);
	result = answer.outcome == OUTCOME_TOKEN ? answer.expires_in : -1;
	if (result == -1) {
		assert_int_equal(answer.outcome, OUTCOME_RETRY);
		assert_null(answer.access_token);
		assert_string_equal(answer.error, "bad_answer");
		assert_non_null(strstr(answer.detail, "expired"));
	}
	oauth_answer_free(&answer);
	return result;
}

static void life_in_all_its_forms(void **state)
{
	(void)state;
	assert_int_equal(expires_in("3599"), 3599);
	assert_int_equal(expires_in("\"3599\""), 3599);
	assert_int_equal(expires_in("1"), 1);
	assert_int_equal(expires_in("3599.0"), 3599);
	assert_int_equal(expires_in("3.599e3"), 3599);
	assert_int_equal(expires_in("3599.9"), OAUTH_EXPIRES_DEFAULT);
	assert_int_equal(expires_in("1e300"), OAUTH_EXPIRES_DEFAULT);
	assert_int_equal(expires_in("0.0"), -1);
	assert_int_equal(expires_in(""), OAUTH_EXPIRES_DEFAULT);
	assert_int_equal(expires_in("null"), OAUTH_EXPIRES_DEFAULT);
	assert_int_equal(expires_in("\"soon\""), OAUTH_EXPIRES_DEFAULT);
	assert_int_equal(expires_in("9223372036854775807"), OAUTH_EXPIRES_MAX);
	assert_int_equal(expires_in("172801"), OAUTH_EXPIRES_MAX);
	assert_int_equal(expires_in("0"), -1);
	assert_int_equal(expires_in("\"-5\""), -1);
}

static void expect_useless(const char *body, const char *detail)
{
	struct oauth_answer answer = parse(200, body);

	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_null(answer.access_token);
	assert_null(answer.refresh_token);
	assert_int_equal(answer.expires_in, 0);
	assert_string_equal(answer.error, "bad_answer");
	assert_non_null(strstr(answer.detail, detail));
	oauth_answer_free(&answer);
}

static void tokens_that_cannot_be_sent(void **state)
{
	static char body[SECRET_MAX + 100];
	struct oauth_answer answer;

	(void)state;
	expect_useless("{}", "no access_token");
	expect_useless("{\"access_token\":\"\",\"token_type\":\"Bearer\"}", "no access_token");
	expect_useless("{\"access_token\":7,\"token_type\":\"Bearer\"}", "no access_token");
	expect_useless("{\"access_token\":\"t\"}", "token_type");
	expect_useless("{\"access_token\":\"t\",\"token_type\":\"mac\"}", "token_type");
	expect_useless("{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", "characters");
	expect_useless("{\"access_token\":\"a\\u0001b\",\"token_type\":\"Bearer\"}", "characters");
	expect_useless("{\"access_token\":\"a\\nb\",\"token_type\":\"Bearer\"}", "characters");
	expect_useless("{\"access_token\":\"\\u00e9\",\"token_type\":\"Bearer\"}", "characters");
	expect_useless("{\"access_token\":\"a\\u007f\",\"token_type\":\"Bearer\"}", "characters");
	sprintf(body, "{\"token_type\":\"Bearer\",\"access_token\":\"%0*d\"}", SECRET_MAX, 0);
	answer = parse(200, body);
	assert_int_equal(secret_len(answer.access_token), SECRET_MAX);
	oauth_answer_free(&answer);
	sprintf(body, "{\"token_type\":\"Bearer\",\"access_token\":\"%0*d\"}", SECRET_MAX + 1, 0);
	expect_useless(body, "longer");
}

/* The provider may have spent the one before for it. */
static void a_refresh_token_is_kept_whatever_is_wrong_with_the_access_token(void **state)
{
	static const char *const bad[] = {"\"token_type\":\"mac\",\"access_token\":\"t\"",
					  "\"token_type\":\"Bearer\",\"access_token\":\"t\",\"expires_in\":0",
					  "\"token_type\":\"Bearer\",\"access_token\":\"a b\"",
					  "\"token_type\":\"Bearer\""};
	char body[256];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct oauth_answer answer;

		snprintf(body, sizeof body, "{%s,\"refresh_token\":\"r\",\"refresh_token_expires_in\":60}", bad[i]);
		answer = parse(200, body);
		assert_int_equal(answer.outcome, OUTCOME_RETRY);
		assert_string_equal(answer.error, "bad_answer");
		assert_null(answer.access_token);
		assert_int_equal(answer.expires_in, 0);
		expect_secret(answer.refresh_token, "r");
		assert_int_equal(answer.refresh_expires_in, 60);
		oauth_answer_free(&answer);
	}
}

#define WITH_TOKEN "{\"token_type\":\"Bearer\",\"access_token\":\"t\",\"refresh_token\":"

static void a_bad_refresh_token_costs_nothing(void **state)
{
	static const char *const absent[] = {WITH_TOKEN "null}", WITH_TOKEN "\"\"}"};
	static const char *const bad[] = {WITH_TOKEN "7}", WITH_TOKEN "\"a\\nb\"}", WITH_TOKEN "[\"x\"]}"};
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct oauth_answer answer = parse(200, absent[i]);

		assert_int_equal(answer.outcome, OUTCOME_TOKEN);
		assert_null(answer.refresh_token);
		assert_string_equal(answer.detail, "");
		oauth_answer_free(&answer);
	}
	for (i = 0; i < 3; i++) {
		struct oauth_answer answer = parse(200, bad[i]);

		assert_int_equal(answer.outcome, OUTCOME_TOKEN);
		expect_secret(answer.access_token, "t");
		assert_null(answer.refresh_token);
		assert_non_null(strstr(answer.detail, "the one we have is kept"));
		oauth_answer_free(&answer);
	}
}

static void an_error_as_entra_sends_it(void **state)
{
	struct oauth_answer answer =
	    parse(400, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS700082: The refresh token has "
		       "expired due to  inactivity.\\r\\nTrace ID: 7\\r\\nCorrelation ID: 8\","
		       "\"error_codes\":[700082,1],\"suberror\":\"bad_token\"}");

	(void)state;
	assert_int_equal(answer.outcome, OUTCOME_GRANT_LOST);
	assert_string_equal(answer.error, "invalid_grant");
	assert_string_equal(answer.detail, "AADSTS700082: The refresh token has expired due to inactivity.");
	assert_int_equal(answer.aadsts, 700082);
	assert_null(answer.access_token);
	oauth_answer_free(&answer);
}

static int aadsts(const char *rest)
{
	struct oauth_answer answer;
	char body[256];
	int number;

	snprintf(body, sizeof body, "{\"error\":\"invalid_client\"%s}", rest);
	answer = parse(401, body);
	assert_int_equal(answer.outcome, OUTCOME_MISCONFIGURED);
	number = answer.aadsts;
	oauth_answer_free(&answer);
	return number;
}

static void the_aadsts_number_is_found_but_never_trusted(void **state)
{
	(void)state;
	assert_int_equal(aadsts(""), 0);
	assert_int_equal(aadsts(",\"error_description\":\"AADSTS7000215: Invalid client secret\""), 7000215);
	assert_int_equal(aadsts(",\"error_description\":\"AADSTS\""), 0);
	assert_int_equal(aadsts(",\"error_description\":\"AADSTS99999999999999999999\""), 0);
	assert_int_equal(aadsts(",\"error_codes\":[\"7\"]"), 0);
	assert_int_equal(aadsts(",\"error_codes\":[]"), 0);
	assert_int_equal(aadsts(",\"error_codes\":[-3]"), 0);
	assert_int_equal(aadsts(",\"error_codes\":[4294967297]"), 0);
}

static void expect_retry(int status, const char *body, const char *error, const char *detail)
{
	struct oauth_answer answer = parse(status, body);

	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_string_equal(answer.error, error);
	assert_non_null(strstr(answer.detail, detail));
	assert_null(answer.access_token);
	oauth_answer_free(&answer);
}

static void what_cannot_be_understood_passes(void **state)
{
	(void)state;
	expect_retry(200, "<!DOCTYPE html>", "http_200", "HTTP 200: the answer is HTML, not JSON: is a proxy");
	expect_retry(407, "\xef\xbb\xbf<html>", "http_407", "captive portal");
	expect_retry(404, " \r\n<html>", "http_404", "HTML");
	expect_retry(429, "Too Many Requests", "http_429", "HTTP 429: the answer cannot be understood");
	expect_retry(502, "", "http_502", "HTTP 502: the answer is empty");
	expect_retry(200, "", "http_200", "empty");
	expect_retry(200, "[]", "http_200", "cannot be understood");
	expect_retry(200, "{\"access_token\":\"t\",\"access_token\":\"u\"}", "http_200", "twice");
	expect_retry(400, "{}", "http_400", "neither a token nor an error");
	expect_retry(503, "{\"error\":\"invalid_grant\"}", "invalid_grant", "");
	expect_retry(400, "{\"error\":null}", "http_400", "neither");
	expect_retry(201, WITH_TOKEN "\"r\"}", "http_201", "neither");
}

static void no_answer_at_all(void **state)
{
	struct oauth_answer answer;

	(void)state;
	oauth_parse_answer(0, "could not resolve host login.example\nx", NULL, 0, &answer);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_string_equal(answer.error, "no_answer");
	assert_string_equal(answer.detail, "could not resolve host login.example");
	oauth_answer_free(&answer);
	oauth_parse_answer(0, NULL, NULL, 0, &answer);
	assert_string_equal(answer.detail, "no answer");
	oauth_answer_free(&answer);
}

static void an_error_that_cannot_be_shown_is_still_one(void **state)
{
	static const char *const bad[] = {"{\"error\":7}", "{\"error\":\"\"}", "{\"error\":\"a b\"}",
					  "{\"error\":\"a\\nb\"}", "{\"error\":{\"code\":1}}"};
	struct oauth_answer answer;
	char body[100];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		answer = parse(400, bad[i]);
		assert_int_equal(answer.outcome, OUTCOME_MISCONFIGURED);
		assert_string_equal(answer.error, "unreadable_error");
		oauth_answer_free(&answer);
	}
	snprintf(body, sizeof body, "{\"error\":\"%064d\"}", 0);
	answer = parse(400, body);
	assert_string_equal(answer.error, "unreadable_error");
	oauth_answer_free(&answer);
}

static void expect_detail(const char *description, const char *detail)
{
	struct oauth_answer answer;
	char body[2048];

	snprintf(body, sizeof body, "{\"error\":\"invalid_grant\",\"error_description\":\"%s\"}", description);
	answer = parse(400, body);
	assert_string_equal(answer.detail, detail);
	oauth_answer_free(&answer);
}

static void a_description_becomes_one_printable_line(void **state)
{
	(void)state;
	expect_detail("", "");
	expect_detail("  a\\t b  ", "a b");
	expect_detail("bell \\u0007 \\u001b[31m", "bell ? ?[31m");
	expect_detail("caf\\u00e9", "caf??");
	expect_detail("one\\rtwo", "one");
	expect_detail("\\nsecond", "");
}

/* Whoever quotes a token must not get it into our log: long words go, and a cut falls between words only. */
static void a_quoted_token_is_not_shown_nor_cut_in_two(void **state)
{
	char words[1024] = "", expected[1024] = "", description[1024];
	int i;

	(void)state;
	snprintf(description, sizeof description, "the token %0101d is bad", 0);
	expect_detail(description, "the token [...] is bad");
	snprintf(description, sizeof description, "the token %0100d is bad", 0);
	expect_detail(description, description);
	for (i = 0; i < 30; i++) {
		snprintf(words + strlen(words), 32, "%ssecret-word-%02d", i > 0 ? " " : "", i);
		if (strlen(words) < OAUTH_DETAIL_MAX)
			strcpy(expected, words);
	}
	assert_in_range(strlen(expected), OAUTH_DETAIL_MAX - 16, OAUTH_DETAIL_MAX - 1);
	expect_detail(words, expected);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refresh_in_each_way_of_proving_oneself),
	    cmocka_unit_test(client_credentials_ask_for_a_scope),
	    cmocka_unit_test(other_grants_name_what_they_trade),
	    cmocka_unit_test(the_document_decides_how_a_client_proves_itself),
	    cmocka_unit_test(a_service_account_is_named_by_its_assertion_alone),
	    cmocka_unit_test(every_byte_is_encoded_or_safe),
	    cmocka_unit_test(the_basic_header),
	    cmocka_unit_test(a_missing_credential_or_no_room_is_an_error),
	    cmocka_unit_test(a_token_as_entra_sends_it),
	    cmocka_unit_test(life_in_all_its_forms),
	    cmocka_unit_test(tokens_that_cannot_be_sent),
	    cmocka_unit_test(a_refresh_token_is_kept_whatever_is_wrong_with_the_access_token),
	    cmocka_unit_test(a_bad_refresh_token_costs_nothing),
	    cmocka_unit_test(an_error_as_entra_sends_it),
	    cmocka_unit_test(the_aadsts_number_is_found_but_never_trusted),
	    cmocka_unit_test(what_cannot_be_understood_passes),
	    cmocka_unit_test(no_answer_at_all),
	    cmocka_unit_test(an_error_that_cannot_be_shown_is_still_one),
	    cmocka_unit_test(a_description_becomes_one_printable_line),
	    cmocka_unit_test(a_quoted_token_is_not_shown_nor_cut_in_two),
	};

	jsondoc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
