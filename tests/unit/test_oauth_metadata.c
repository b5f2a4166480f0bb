/* Metadata documents: what is taken, and what is not believed. */
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

#define WELL_KNOWN "/.well-known/openid-configuration"
#define GUID "72f988bf-86f1-41af-91ab-2d7cd011db47"

/* With the issuer and the token endpoint given, and `more` behind them. */
static int parse(const char *url, const char *issuer, const char *token, const char *more, struct oauth_metadata *out,
		 struct err *err)
{
	static char body[8192];

	snprintf(body, sizeof body, "{\"issuer\":\"%s\",\"token_endpoint\":\"%s\"%s}", issuer, token, more);
	return oauth_parse_metadata(url, body, strlen(body), out, err);
}

static void the_document_of_entra(void **state)
{
	struct oauth_metadata metadata;

	(void)state;
	assert_int_equal(parse("https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0" WELL_KNOWN,
			       "https://login.microsoftonline.com/" GUID "/v2.0",
			       "https://login.microsoftonline.com/" GUID "/oauth2/v2.0/token",
			       ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\",\"private_key_jwt\","
			       "\"client_secret_basic\"],\"authorization_endpoint\":\"https://a.example/authorize\","
			       "\"device_authorization_endpoint\":\"https://a.example/devicecode\"",
			       &metadata, NULL),
			 0);
	assert_string_equal(metadata.issuer, "https://login.microsoftonline.com/" GUID "/v2.0");
	assert_string_equal(metadata.token_endpoint, "https://login.microsoftonline.com/" GUID "/oauth2/v2.0/token");
	assert_string_equal(metadata.authorization_endpoint, "https://a.example/authorize");
	assert_string_equal(metadata.device_authorization_endpoint, "https://a.example/devicecode");
	assert_true(metadata.auth_post && metadata.auth_basic && metadata.auth_private_key_jwt);
	assert_false(metadata.iss_in_response);
	oauth_metadata_free(&metadata);
	assert_null(metadata.issuer);
	oauth_metadata_free(&metadata);
}

static void the_document_of_somebody_else(void **state)
{
	struct oauth_metadata metadata;

	(void)state;
	assert_int_equal(parse("https://as.example" WELL_KNOWN, "https://as.example", "https://t.example/token",
			       ",\"authorization_response_iss_parameter_supported\":true", &metadata, NULL),
			 0);
	assert_null(metadata.authorization_endpoint);
	assert_null(metadata.device_authorization_endpoint);
	assert_true(metadata.auth_basic);
	assert_false(metadata.auth_post || metadata.auth_private_key_jwt);
	assert_true(metadata.iss_in_response);
	oauth_metadata_free(&metadata);
}

static void methods_that_are_told_count(void **state)
{
	struct oauth_metadata metadata;

	(void)state;
	assert_int_equal(parse("https://as.example" WELL_KNOWN, "https://as.example", "https://t.example/token",
			       ",\"token_endpoint_auth_methods_supported\":[7,\"client_secret_post\"]", &metadata,
			       NULL),
			 0);
	assert_true(metadata.auth_post);
	assert_false(metadata.auth_basic || metadata.auth_private_key_jwt);
	oauth_metadata_free(&metadata);
}

static void expect_issuer(const char *url, const char *issuer, bool right)
{
	struct oauth_metadata metadata;
	struct err err = {0};
	int result = parse(url, issuer, "https://t.example/token", "", &metadata, &err);

	if (result == 0)
		oauth_metadata_free(&metadata);
	else
		assert_non_null(strstr(err.text, url));
	if ((result == 0) != right)
		fail_msg("%s for %s was %s", issuer, url, result == 0 ? "taken" : err.text);
}

static void issuers_that_are_right(void **state)
{
	(void)state;
	expect_issuer("https://a.example" WELL_KNOWN, "https://a.example", true);
	expect_issuer("https://a.example" WELL_KNOWN, "https://a.example/", true);
	expect_issuer("https://a.example/x/y" WELL_KNOWN "?appid=1", "https://a.example/x/y", true);
	expect_issuer("https://a.example/.well-known/oauth-authorization-server/x/y", "https://a.example/x/y", true);
	expect_issuer("https://a.example/x/metadata.json", "https://a.example/x", true);
	expect_issuer("https://login.example/common/v2.0" WELL_KNOWN, "https://login.example/{tenantid}/v2.0", true);
	expect_issuer("https://login.example/contoso.com/v2.0" WELL_KNOWN, "https://login.example/" GUID "/v2.0", true);
	expect_issuer("https://login.example:8443/contoso.com" WELL_KNOWN, "https://login.example:8443/" GUID, true);
}

static void issuers_that_are_not(void **state)
{
	(void)state;
	expect_issuer("https://a.example" WELL_KNOWN, "https://b.example", false);
	expect_issuer("https://a.example" WELL_KNOWN, "https://a.exampl", false);
	expect_issuer("https://a.example.evil" WELL_KNOWN, "https://a.example", false);
	expect_issuer("https://a.example/x" WELL_KNOWN, "https://a.example/xy", false);
	expect_issuer("https://a.example/xy" WELL_KNOWN, "https://a.example/x", false);
	expect_issuer("https://a.example/x" WELL_KNOWN, "https://a.example/x/y", false);
	expect_issuer("https://login.example/a/v2.0" WELL_KNOWN, "https://login.example/b/v2.0", false);
	expect_issuer("https://login.example/a/v2.0" WELL_KNOWN, "https://evil.example/" GUID "/v2.0", false);
	expect_issuer("https://login.example/a/v2.0" WELL_KNOWN, "https://login.example/" GUID "/v1.0", false);
	expect_issuer("https://login.example/a/v2.0" WELL_KNOWN, "https://login.example/" GUID "f/v2.0", false);
	expect_issuer("https://login.example/a" WELL_KNOWN,
		      "https://login.example/72f988bf-86f1-41af-91ab-2d7cd011db4g", false);
	expect_issuer("https://login.example" WELL_KNOWN, "https://login.example/" GUID, false);
}

static void expect_endpoint(const char *url, const char *wrong)
{
	struct oauth_metadata metadata;
	struct err err = {0};
	int result = parse("https://a.example" WELL_KNOWN, "https://a.example", url, "", &metadata, &err);

	if (wrong == NULL) {
		assert_int_equal(result, 0);
		oauth_metadata_free(&metadata);
		return;
	}
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_null(metadata.token_endpoint);
	assert_null(metadata.issuer);
	if (strstr(err.text, wrong) == NULL)
		fail_msg("%s: %s", url, err.text);
}

static void endpoints_are_proved(void **state)
{
	char url[2100] = "https://a.example/";

	(void)state;
	expect_endpoint("https://a.example:8443/token?x=1", NULL);
	expect_endpoint("https://[::1]/token", NULL);
	expect_endpoint("http://a.example/token", "has a token_endpoint not https://");
	expect_endpoint("HTTPS://a.example/token", "not https://");
	expect_endpoint("", "not https://");
	expect_endpoint("https://", "without a host");
	expect_endpoint("https:///token", "without a host");
	expect_endpoint("https://:443/token", "without a host");
	expect_endpoint("https://user@a.example/token", "user name");
	expect_endpoint("https://a.example:pw@evil.example/token", "user name");
	expect_endpoint("https://a.example/to ken", "characters");
	expect_endpoint("https://a.example/to\\\\ken", "characters");
	expect_endpoint("https://a.example/\xc3\xa9", "characters");
	expect_endpoint("https://a.example/to\\nken", "control characters");
	expect_endpoint("https://a.example/token#x", "fragment");
	memset(url + strlen(url), 'x', 2048 - strlen(url));
	url[2048] = '\0';
	expect_endpoint(url, NULL);
	strcat(url, "x");
	expect_endpoint(url, "longer");
}

static void expect_wrong(const char *body, const char *wrong)
{
	struct oauth_metadata metadata;
	struct err err = {0};

	assert_int_equal(oauth_parse_metadata("https://a.example" WELL_KNOWN, body, strlen(body), &metadata, &err), -1);
	assert_true(err.code != ERR_NONE);
	assert_non_null(strstr(err.text, "the metadata document at https://a.example" WELL_KNOWN));
	if (strstr(err.text, wrong) == NULL)
		fail_msg("%s: %s", body, err.text);
	assert_int_equal(oauth_parse_metadata("https://a.example" WELL_KNOWN, body, strlen(body), &metadata, NULL), -1);
}

static void documents_that_are_none(void **state)
{
	(void)state;
	expect_wrong("{}", "has no token_endpoint: is it an OpenID Connect metadata document");
	expect_wrong("{\"token_endpoint\":null}", "has no token_endpoint");
	expect_wrong("{\"token_endpoint\":7}", "has a token_endpoint no text");
	expect_wrong("{\"token_endpoint\":\"https://a.example/t\"}", "has no issuer");
	expect_wrong("{\"token_endpoint\":\"https://a.example/t\",\"issuer\":\"https://a.example\","
		     "\"authorization_endpoint\":\"http://a.example\"}",
		     "has a authorization_endpoint not https://");
	expect_wrong("{\"token_endpoint\":\"https://a.example/t\",\"issuer\":\"https://a.example\","
		     "\"device_authorization_endpoint\":[]}",
		     "device_authorization_endpoint");
	expect_wrong("<html>", "is HTML, not JSON");
	expect_wrong("", "cannot be understood");
	expect_wrong("[]", "cannot be understood");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_document_of_entra),       cmocka_unit_test(the_document_of_somebody_else),
	    cmocka_unit_test(methods_that_are_told_count), cmocka_unit_test(issuers_that_are_right),
	    cmocka_unit_test(issuers_that_are_not),        cmocka_unit_test(endpoints_are_proved),
	    cmocka_unit_test(documents_that_are_none),
	};

	jsondoc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
