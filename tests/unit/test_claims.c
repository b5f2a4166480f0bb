/* Whose token is it, from JWTs of every kind and from what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"
#include "lib/base64url.h"
#include "tokend/claims.h"

#define ACCOUNT "relay@contoso.com"

static char user[CLAIMS_USER_MAX];

static enum claims_user compare_text(const char *text)
{
	struct secret *jwt = secret_new(text, strlen(text));
	enum claims_user result = claims_compare(jwt, ACCOUNT, user);

	secret_free(jwt);
	return result;
}

static enum claims_user compare(const char *claims)
{
	struct buf jwt = BUF_INIT(SECRET_MAX);
	enum claims_user result;

	buf_puts(&jwt, "e30.");
	base64url_append(&jwt, claims, strlen(claims));
	buf_puts(&jwt, ".c2ln");
	result = compare_text(jwt.data);
	buf_free(&jwt);
	return result;
}

static void one_name_that_fits_is_enough(void **state)
{
	(void)state;
	assert_int_equal(CLAIMS_SAME, compare("{\"upn\":\"Relay@Contoso.com\"}"));
	assert_string_equal("Relay@Contoso.com", user);
	assert_int_equal(CLAIMS_SAME, compare("{\"upn\":\"r17@contoso.onmicrosoft.com\",\"email\":\"" ACCOUNT "\"}"));
	assert_string_equal(ACCOUNT, user);
	assert_int_equal(CLAIMS_SAME, compare("{\"preferred_username\":\"" ACCOUNT "\"}"));
	assert_int_equal(CLAIMS_SAME, compare("{\"unique_name\":\"live.com#" ACCOUNT "\"}"));
}

static void another_one_is_named(void **state)
{
	(void)state;
	assert_int_equal(CLAIMS_OTHER, compare("{\"email\":\"b@contoso.com\",\"upn\":\"a@contoso.com\"}"));
	assert_string_equal("a@contoso.com", user);
}

static void what_says_nothing_is_nobody(void **state)
{
	static const char *const claims[] = {
	    "{}",        "[]", "\"" ACCOUNT "\"", "{\"upn\":7}", "{\"upn\":\"no address\"}", "{\"upn\":\"a@b\\u000a\"}",
	    "{\"upn\":",
	};
	static const char *const texts[] = {"", "EwBopaque", ".", "..", "e30.e30", "e30.%%.x", "a.b.c"};
	char longest[600];

	(void)state;
	for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
		assert_int_equal(CLAIMS_NOBODY, compare(claims[i]));
		assert_string_equal("", user);
	}
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(CLAIMS_NOBODY, compare_text(texts[i]));
	memset(longest, 'a', sizeof longest);
	memcpy(longest, "{\"upn\":\"a@", 10);
	memcpy(longest + sizeof longest - 3, "\"}", 3);
	assert_int_equal(CLAIMS_NOBODY, compare(longest));
	assert_int_equal(CLAIMS_NOBODY, claims_compare(NULL, ACCOUNT, user));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_name_that_fits_is_enough),
	    cmocka_unit_test(another_one_is_named),
	    cmocka_unit_test(what_says_nothing_is_nobody),
	};

	jsondoc_init();
	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
