/* The messages of a sign-in: what goes out, and everything that may come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokend/signin.h"

static struct secret *secret(const char *text)
{
	return secret_new(text, strlen(text));
}

/* The verifier and challenge are RFC 7636's own example, appendix B. */
static void address_as_entra_documents_it(void **state)
{
	struct secret *verifier = secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
	struct oauth_authorization wanted = {
	    .endpoint = "https://login.test/t/authorize",
	    .client_id = "c-1",
	    .redirect_uri = "http://localhost:8400/auth",
	    .scope = "https://outlook.office.com/SMTP.Send offline_access",
	    .state = "st-1",
	    .verifier = verifier,
	    .login_hint = "relay+1@contoso.com",
	};
	struct buf url = BUF_INIT(OAUTH_URL_MAX);

	(void)state;
	assert_int_equal(0, oauth_authorization_url(&wanted, &url));
	assert_string_equal("https://login.test/t/authorize?client_id=c-1&response_type=code"
			    "&redirect_uri=http%3A%2F%2Flocalhost%3A8400%2Fauth"
			    "&scope=https%3A%2F%2Foutlook.office.com%2FSMTP.Send%20offline_access&state=st-1"
			    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
			    "&login_hint=relay%2B1%40contoso.com",
			    url.data);
	buf_clear(&url);
	wanted.endpoint = "https://login.test/authorize?p=policy";
	wanted.login_hint = NULL;
	wanted.extra = "access_type=offline&prompt=consent";
	assert_int_equal(0, oauth_authorization_url(&wanted, &url));
	assert_non_null(strstr(url.data, "?p=policy&client_id="));
	assert_non_null(strstr(url.data, "&access_type=offline&prompt=consent"));
	assert_null(strstr(url.data, "login_hint"));
	assert_null(strstr(url.data, "dBjftJeZ4CVP"));
	buf_free(&url);
	secret_free(verifier);
}

static void code_is_traded_with_its_verifier(void **state)
{
	struct secret *code = secret("0.A+/="), *verifier = secret("v~1"), *password = secret("p&=");
	struct oauth_client client = {.client_id = "c-1", .auth = OAUTH_AUTH_POST, .credential = password};
	const struct oauth_grant grant = {.type = OAUTH_AUTHORIZATION_CODE,
					  .secret = code,
					  .verifier = verifier,
					  .redirect_uri = "http://localhost/auth"};
	struct buf body = BUF_INIT(4096);

	(void)state;
	assert_int_equal(0, oauth_token_body(&client, &grant, &body));
	assert_string_equal("grant_type=authorization_code&code=0.A%2B%2F%3D&redirect_uri=http%3A%2F%2Flocalhost%2Fauth"
			    "&code_verifier=v~1&client_id=c-1&client_secret=p%26%3D",
			    body.data);
	buf_clear(&body);
	client.auth = OAUTH_AUTH_NONE;
	assert_int_equal(0, oauth_token_body(&client, &grant, &body));
	assert_null(strstr(body.data, "client_secret"));
	buf_free(&body);
	secret_free(code);
	secret_free(verifier);
	secret_free(password);
}

static int parse(const char *query, struct oauth_callback *out, struct err *err)
{
	return oauth_parse_callback(query, strlen(query), out, err);
}

static void callback_with_a_code(void **state)
{
	struct oauth_callback got;
	struct secret *expected = secret("0.A b+c");
	struct err err;

	(void)state;
	assert_int_equal(0, parse("code=0.A%20b%2Bc&state=st-1&session_state=x&iss=https%3A%2F%2Fi.test", &got, &err));
	assert_true(secret_equal(expected, got.code));
	assert_string_equal("st-1", got.state);
	assert_string_equal("https://i.test", got.issuer);
	assert_string_equal("", got.error);
	oauth_callback_free(&got);
	secret_free(expected);
}

static void callback_with_an_error(void **state)
{
	struct oauth_callback got;
	struct err err;

	(void)state;
	assert_int_equal(
	    0, parse("error=access_denied&error_description=AADSTS65004%3a+User+declined.%0d%0aTrace+ID&state=s", &got,
		     &err));
	assert_null(got.code);
	assert_string_equal("access_denied", got.error);
	assert_string_equal("AADSTS65004: User declined.", got.detail);
	oauth_callback_free(&got);
}

static void callback_that_is_none(void **state)
{
	static const char *const rows[] = {
	    "",         "state=only", "code=",      "code=a&code=b",          "code=a&error=b",
	    "code=%zz", "code=%4",    "code=a%00b", "code=a&state=1&state=2", "=",
	    "&&&",
	};
	struct oauth_callback got;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(-1, parse(rows[i], &got, &err));
		assert_null(got.code);
	}
}

static void callback_that_is_too_long(void **state)
{
	size_t len = OAUTH_URL_MAX + 1;
	char *query = malloc(len);
	struct oauth_callback got;
	struct err err;

	(void)state;
	memset(query, 'a', len);
	memcpy(query, "code=", 5);
	assert_int_equal(-1, oauth_parse_callback(query, len, &got, &err));
	assert_int_equal(ERR_LIMIT, err.code);
	assert_int_equal(0, oauth_parse_callback(query, len - 1, &got, &err));
	oauth_callback_free(&got);
	free(query);
}

static int parse_device(const char *text, struct oauth_device *out, struct err *err)
{
	return oauth_parse_device(text, strlen(text), out, err);
}

static void device_answer(void **state)
{
	struct oauth_device got;
	struct err err;

	(void)state;
	assert_int_equal(0, parse_device("{\"device_code\":\"DC\",\"user_code\":\"ABCD-1\",\"verification_uri\":"
					 "\"https://microsoft.com/devicelogin\",\"expires_in\":900,\"interval\":7}",
					 &got, &err));
	assert_string_equal("ABCD-1", got.user_code);
	assert_string_equal("https://microsoft.com/devicelogin", got.verification_uri);
	assert_int_equal(900, got.expires_in);
	assert_int_equal(7, got.interval);
	oauth_device_free(&got);
	assert_int_equal(
	    0, parse_device("{\"device_code\":\"DC\",\"user_code\":\"A\",\"verification_url\":\"https://g.test/d\","
			    "\"expires_in\":\"999999\",\"interval\":-3}",
			    &got, &err));
	assert_int_equal(OAUTH_DEVICE_LIFE_MAX, got.expires_in);
	assert_int_equal(OAUTH_DEVICE_INTERVAL, got.interval);
	oauth_device_free(&got);
}

static void device_answer_that_is_none(void **state)
{
	static const char *const rows[] = {
	    "{}",
	    "[]",
	    "{\"user_code\":\"A\",\"verification_uri\":\"https://x.test\"}",
	    "{\"device_code\":\"D\",\"verification_uri\":\"https://x.test\"}",
	    "{\"device_code\":\"D\",\"user_code\":\"A\",\"verification_uri\":\"http://x.test\"}",
	    "{\"device_code\":\"D\",\"user_code\":\"A\\u001b[2J\",\"verification_uri\":\"https://x.test\"}",
	};
	struct oauth_device got;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(-1, parse_device(rows[i], &got, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(address_as_entra_documents_it),
	    cmocka_unit_test(code_is_traded_with_its_verifier),
	    cmocka_unit_test(callback_with_a_code),
	    cmocka_unit_test(callback_with_an_error),
	    cmocka_unit_test(callback_that_is_none),
	    cmocka_unit_test(callback_that_is_too_long),
	    cmocka_unit_test(device_answer),
	    cmocka_unit_test(device_answer_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
