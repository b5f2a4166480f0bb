/* What an installation of sasl-xoauth2 becomes, what of it is ignored, and what is refused without being quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/sasl_xoauth2.h"
#include "daemon/jsondoc.h"

#define ENDPOINT "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
#define CONFIG "{\"client_id\": \"id\", \"client_secret\": \"MARKER-CS\", \"token_endpoint\": \"" ENDPOINT "\""

static struct foreign one;
static json_t *documents[2];
static struct err err;
static struct buf out = BUF_INIT(65536);

static json_t *document(const char *text)
{
	json_t *got = jsondoc_parse_object(text, strlen(text), &err);

	assert_non_null(got);
	return got;
}

static void drop(void)
{
	foreign_free(&one);
	json_decref(documents[0]);
	json_decref(documents[1]);
	documents[0] = documents[1] = NULL;
	buf_clear(&out);
}

static int take(const char *config, const char *tokens, const char *path)
{
	drop();
	documents[0] = document(config);
	documents[1] = document(tokens);
	return sasl_xoauth2_read(documents[0], documents[1], path, &one, &err);
}

static int teardown(void **state)
{
	(void)state;
	drop();
	buf_free(&out);
	return 0;
}

static void sections_hold_what_is_public(void **state)
{
	(void)state;
	assert_int_equal(take(CONFIG "}", "{\"refresh_token\": \"MARKER-RT\", \"user\": \"a@b.c\"}", "/x/y"), 0);
	foreign_client(&one, "imported-1", "/s", &out);
	foreign_account(&one, "imported-1", &out);
	assert_string_equal(out.data, "client \"imported-1\" {\n"
				      "    provider = \"microsoft\"\n"
				      "    tenant = \"contoso.com\"\n"
				      "    client_id = \"id\"\n"
				      "    client_secret_file = \"/s\"\n"
				      "}\n"
				      "account \"a@b.c\" {\n"
				      "    client = \"imported-1\"\n"
				      "    grant = \"refresh_token\"\n"
				      "}\n");
}

static void the_file_is_the_user_where_it_does_not_say(void **state)
{
	(void)state;
	assert_int_equal(take(CONFIG "}", "{\"refresh_token\": \"t\"}", "/etc/tokens/a@b.c"), 0);
	assert_string_equal(one.user, "a@b.c");
	assert_int_equal(take(CONFIG "}", "{\"refresh_token\": \"t\"}", "/etc/a@b.c/tokens"), -1);
}

static void an_empty_member_overrides_and_is_none(void **state)
{
	(void)state;
	assert_int_equal(take(CONFIG "}", "{\"refresh_token\": \"t\", \"client_secret\": \"\"}", "a@b.c"), 0);
	assert_null(one.client_secret);
	assert_int_equal(take(CONFIG "}", "{\"refresh_token\": \"t\", \"client_id\": \"\"}", "a@b.c"), -1);
}

/* The first is what version 0.27 writes into each file. */
static void a_poisoned_window_is_ignored(void **state)
{
	static const struct {
		const char *config, *tokens;
		int window;
	} rows[] = {
	    {"}", ", \"refresh_window\": \"0\"}", 0},
	    {", \"refresh_window\": 600}", ", \"refresh_window\": \"0\"}", 600},
	    {", \"refresh_window\": 600}", ", \"refresh_window\": 0}", 600},
	    {", \"refresh_window\": 600}", ", \"refresh_window\": -5}", 600},
	    {", \"refresh_window\": 600}", ", \"refresh_window\": [\"0\"]}", 600},
	    {", \"refresh_window\": 600}", ", \"refresh_window\": \"90\"}", 90},
	    {", \"refresh_window\": \"0\"}", "}", 0},
	    {", \"refresh_window\": -9223372036854775807}", "}", 0},
	    {", \"refresh_window\": 9223372036854775807}", "}", SASL_XOAUTH2_WINDOW_MAX},
	};
	char config[512], tokens[512];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(config, sizeof config, "%s%s", CONFIG, rows[i].config);
		snprintf(tokens, sizeof tokens, "{\"refresh_token\": \"t\"%s", rows[i].tokens);
		assert_int_equal(take(config, tokens, "a@b.c"), 0);
		assert_int_equal(one.window, rows[i].window);
	}
}

static void what_is_hostile_is_refused_and_not_quoted(void **state)
{
	static const char *const rows[][2] = {
	    {"{}", "{\"refresh_token\": \"MARKER\"}"},
	    {"{\"client_id\": 7}", "{\"refresh_token\": \"MARKER\"}"},
	    {"{\"client_id\": \"MARKER\\\"\\n}\"}", "{\"refresh_token\": \"t\"}"},
	    {"{\"client_id\": \"MARKER$x\"}", "{\"refresh_token\": \"t\"}"},
	    {"{\"client_id\": \"MARKER\\u00e9\"}", "{\"refresh_token\": \"t\"}"},
	    {CONFIG "}", "{\"refresh_token\": {\"MARKER\": 1}}"},
	    {CONFIG "}", "{\"refresh_token\": \"\", \"access_token\": \"MARKER\"}"},
	    {CONFIG "}", "{\"refresh_token\": \"t\", \"user\": \"MARKER\"}"},
	    {CONFIG "}", "{\"refresh_token\": \"t\", \"user\": \"a@b\\\" { MARKER\"}"},
	    {CONFIG ", \"proxy\": \"http://u:MARKER@proxy:3128\"}", "{\"refresh_token\": \"t\"}"},
	    {CONFIG "}", "{\"refresh_token\": \"t\", \"token_endpoint\": \"https://u:MARKER@host/token\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(take(rows[i][0], rows[i][1], "a@b.c"), -1);
		assert_null(strstr(err.text, "MARKER"));
		assert_non_null(strstr(err.text, "a@b.c: "));
	}
}

static void endpoints_name_the_provider(void **state)
{
	static const char *const rows[][2] = {
	    {"https://accounts.google.com/o/oauth2/token", "provider = \"google\"\n"},
	    {"https://login.microsoftonline.com/consumers/oauth2/v2.0/token", "provider = \"outlook\"\n"},
	    {"https://login.microsoftonline.com/consumersx/oauth2/v2.0/token", "tenant = \"consumersx\"\n"},
	    {"https://login.microsoftonline.us/t/oauth2/v2.0/token", "cloud = \"gcc-high\""},
	    {"https://login.microsoftonline.com", "token_endpoint = \"https://login.microsoftonline.com\"\n"},
	    {"https://idp.example/token", "token_endpoint = \"https://idp.example/token\"\n"},
	};
	char tokens[512];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(tokens, sizeof tokens, "{\"refresh_token\": \"t\", \"token_endpoint\": \"%s\"}", rows[i][0]);
		assert_int_equal(take(CONFIG "}", tokens, "a@b.c"), 0);
		foreign_client(&one, "c", "/s", &out);
		assert_non_null(strstr(out.data, rows[i][1]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sections_hold_what_is_public),
	    cmocka_unit_test(the_file_is_the_user_where_it_does_not_say),
	    cmocka_unit_test(an_empty_member_overrides_and_is_none),
	    cmocka_unit_test(a_poisoned_window_is_ignored),
	    cmocka_unit_test(what_is_hostile_is_refused_and_not_quoted),
	    cmocka_unit_test(endpoints_name_the_provider),
	};

	jsondoc_init();
	return cmocka_run_group_tests(tests, NULL, teardown);
}
