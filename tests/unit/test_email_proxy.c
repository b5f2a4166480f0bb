/* What an installation of email-oauth2-proxy becomes: its file of sections, its encrypted tokens, and what is refused
 * without being quoted. The tokens were made by tests/blackbox/fernet.py; one is the specification's own example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/email_proxy.h"
#include "cli/fernet.h"
#include "cli/ini.h"
#include "daemon/jsondoc.h"

#define SPEC_TOKEN                                                                                                     \
	"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="

/* The same in all but its version. */
#define OTHER_VERSION                                                                                                  \
	"gQAAAABo53gAAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLuUGIp6LrkBD1PgrKEjuuU3_MmmOV4uq2dT7SnjSnlpw=="

/* Of "pass word é", 1,000 times. */
#define PASSWORD "pass word \xc3\xa9"
#define SALT "8PHy8/T19vf4+fr7/P3+/w=="
#define SEALED_RT "gAAAAABo53gAAAECAwQFBgcICQoLDA0OD0ttX3rX82hOB9rm0GVYqN7aQhatnoIdaz76u_wPo1Xy4E2-ae7HLNw-6ArrZtJP1A=="
#define SEALED_CS "gAAAAABo53gAAAECAwQFBgcICQoLDA0OD_fOmAzc6g5iVfZrH4yInHlhQTv--0KE7nF8xem6bkdwUOq2H-VFF27drP4mvbIuww=="

#define ENDPOINT "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
#define PUBLIC "client_id = id\ntoken_url = " ENDPOINT "\n"
#define TOKENS "token_salt = " SALT "\ntoken_iterations = 1000\nrefresh_token = " SEALED_RT "\n"

static struct email_proxy proxy;
static struct email_proxy_sealed sealed;
static struct foreign one;
static char name[EMAIL_PROXY_NAME_MAX];
static struct err err;
static struct buf out = BUF_INIT(65536);

static void drop(void)
{
	foreign_free(&one);
	json_decref(proxy.config);
	json_decref(proxy.cache);
	proxy = (struct email_proxy){NULL, NULL};
	buf_clear(&out);
	err = (struct err){.code = ERR_NONE};
}

static int teardown(void **state)
{
	(void)state;
	drop();
	buf_free(&out);
	return 0;
}

static int take(const char *config, const char *section)
{
	drop();
	proxy.config = ini_read(config, strlen(config), &err);
	assert_non_null(proxy.config);
	return email_proxy_read(&proxy, section, name, &one, &sealed, &err);
}

static const char *text(const struct secret *secret)
{
	buf_clear(&out);
	assert_int_equal(secret_append(secret, &out), 0);
	return out.data;
}

static void sections_are_read_as_python_reads_them(void **state)
{
	static const char file[] = "# a comment\n"
				   "\n"
				   "[One two]\n"
				   "KEY = a = b : c \n"
				   "other: x # no comment\r\n"
				   "long = first\n"
				   "\n"
				   "\tsecond\n"
				   "  ; a comment\n"
				   "  third\n"
				   "\n"
				   "none =\n"
				   "[a@b.c]\n"
				   "key=1\n"
				   "[One two]\n"
				   "late = 2";
	json_t *all = ini_read(file, strlen(file), &err), *first;

	(void)state;
	assert_non_null(all);
	first = json_object_get(all, "One two");
	assert_string_equal(jsondoc_string(first, "key"), "a = b : c");
	assert_string_equal(jsondoc_string(first, "other"), "x # no comment");
	assert_string_equal(json_string_value(json_object_get(first, "long")), "first\n\nsecond\nthird");
	assert_string_equal(jsondoc_string(first, "none"), "");
	assert_string_equal(jsondoc_string(first, "late"), "2");
	assert_string_equal(jsondoc_string(json_object_get(all, "a@b.c"), "key"), "1");
	json_decref(all);
}

static void what_is_no_file_of_sections_is_named_by_its_line(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *said;
	} rows[] = {{"MARKER = 1\n", 11, "line 1: neither"},
		    {"[a]\nMARKER\n", 11, "line 2: neither"},
		    {"[a]\n = MARKER\n", 14, "line 2: neither"},
		    {"[a\n", 3, "line 1: a section's name has no end"},
		    {"[]\n", 3, "line 1: a section's name has no end"},
		    {"[a]\nb = MARKER\xff\n", 16, "line 2: the value"},
		    {"[\xff]\nb = 1\n", 10, "line 1: a section's name is no text"},
		    {"[a]\nb = \0MARKER\n", 16, "line 2: a NUL"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_null(ini_read(rows[i].text, rows[i].len, &err));
		assert_non_null(strstr(err.text, rows[i].said));
		assert_null(strstr(err.text, "MARKER"));
	}
}

/* cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4= */
static const struct fernet_key spec_key = {{0x73, 0x0f, 0xf4, 0xc7, 0xaf, 0x3d, 0x46, 0x92, 0x3e, 0x8e, 0xd4,
					    0x51, 0xee, 0x81, 0x3c, 0x87, 0xf7, 0x90, 0xb0, 0xa2, 0x26, 0xbc,
					    0x96, 0xa9, 0x2d, 0xe4, 0x9b, 0x5e, 0x9c, 0x05, 0xe1, 0xee}};

static void the_specifications_token_opens_and_nothing_like_it(void **state)
{
	char token[] = SPEC_TOKEN;
	struct secret *secret = fernet_open(&spec_key, token, strlen(token));
	struct fernet_key other = spec_key;

	(void)state;
	assert_string_equal(text(secret), "hello");
	secret_free(secret);
	for (size_t i = 0; i < strcspn(token, "="); i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_null(fernet_open(&spec_key, token, strlen(token)));
		token[i] = was;
	}
	for (size_t len = 0; len < strcspn(token, "="); len++)
		assert_null(fernet_open(&spec_key, token, len));
	assert_null(fernet_open(&spec_key, OTHER_VERSION, strlen(OTHER_VERSION)));
	other.bytes[0] ^= 1;
	assert_null(fernet_open(&other, token, strlen(token)));
}

static void keys_are_made_of_passwords_within_bounds(void **state)
{
	struct fernet_key key;

	(void)state;
	assert_int_equal(fernet_key_derive("p", 1, "s", 1, 0, &key), -1);
	assert_int_equal(fernet_key_derive("p", 1, "s", 1, FERNET_ITERATIONS_MAX + 1UL, &key), -1);
	assert_int_equal(fernet_key_derive("", 0, NULL, 0, 1, &key), 0);
}

static void an_account_is_taken_over(void **state)
{
	(void)state;
	assert_int_equal(take("[a@b.c]\n" PUBLIC "redirect_uri = http://localhost\nclient_secret_encrypted = " SEALED_CS
			      "\n" TOKENS,
			      "a@b.c"),
			 0);
	assert_null(one.refresh_token);
	assert_int_equal(email_proxy_open(&sealed, "wrong", 5, &one, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	assert_int_equal(email_proxy_open(&sealed, PASSWORD, strlen(PASSWORD), &one, &err), 0);
	assert_string_equal(text(one.refresh_token), "MARKER-RT");
	assert_string_equal(text(one.client_secret), "MARKER-CS");
	buf_clear(&out);
	foreign_client(&one, "imported-1", "/s", &out);
	foreign_account(&one, "imported-1", &out);
	assert_string_equal(out.data,
			    "client \"imported-1\" {\n    provider = \"microsoft\"\n    tenant = \"contoso.com\"\n"
			    "    client_id = \"id\"\n    client_secret_file = \"/s\"\n"
			    "    redirect_uri = \"http://localhost\"\n}\n"
			    "account \"a@b.c\" {\n    client = \"imported-1\"\n    grant = \"refresh_token\"\n}\n");
}

/* As the proxy does: the plain secret wins, and a section of the domain fills in what the account's lacks. */
static void values_are_inherited(void **state)
{
	(void)state;
	assert_int_equal(
	    take("[@b.c]\n" PUBLIC "client_secret = MARKER-plain\noauth2_flow = client_credentials\n"
		 "refresh_token = MARKER-not-inherited\n[@]\njwt_key_path = /k\njwt_certificate_path = /c\n"
		 "[a@b.c]\nclient_secret_encrypted = x\nclient_id = own\n",
		 "a@b.c"),
	    0);
	assert_string_equal(one.client_id, "own");
	assert_string_equal(one.grant, "client_credentials");
	assert_string_equal(one.key, "/k");
	assert_string_equal(one.certificate, "/c");
	assert_null(sealed.client_secret);
	assert_null(sealed.refresh_token);
	assert_string_equal(text(one.client_secret), "MARKER-plain");
	assert_true(email_proxy_has_account(&proxy, "a@b.c"));
	assert_false(email_proxy_has_account(&proxy, "@"));
	foreign_free(&one);
	assert_int_equal(email_proxy_read(&proxy, "@b.c", name, &one, &sealed, &err), 0);
	assert_string_equal(one.user, "*@b.c");
}

static void service_accounts_name_their_file(void **state)
{
	(void)state;
	assert_int_equal(
	    take("[a@b.c]\ntoken_url = https://oauth2.googleapis.com/token\noauth2_flow = service_account\n"
		 "client_id = file\nclient_secret = /k.json\n",
		 "a@b.c"),
	    0);
	foreign_client(&one, "g", "/s", &out);
	foreign_account(&one, "g", &out);
	assert_string_equal(out.data,
			    "client \"g\" {\n    provider = \"google\"\n    service_account_file = \"/k.json\"\n"
			    "}\naccount \"a@b.c\" {\n    client = \"g\"\n    grant = \"jwt_bearer\"\n}\n");
}

static void the_cache_has_the_tokens(void **state)
{
	static const char cache[] = "[a@b.c]\n" TOKENS;

	(void)state;
	assert_int_equal(take("[a@b.c]\n" PUBLIC, "a@b.c"), -1);
	assert_non_null(strstr(err.text, "has no refresh_token"));
	proxy.cache = ini_read(cache, strlen(cache), &err);
	assert_int_equal(email_proxy_read(&proxy, "a@b.c", name, &one, &sealed, &err), 0);
	assert_int_equal(email_proxy_open(&sealed, PASSWORD, strlen(PASSWORD), &one, &err), 0);
}

static void what_cannot_be_taken_over_is_said(void **state)
{
	static const struct {
		const char *config, *said;
	} rows[] = {
	    {"[x@b.c]\n" PUBLIC, "a@b.c: no section"},
	    {"[a@b.c]\nclient_id = MARKER\n" TOKENS, "no token_url"},
	    {"[a@b.c]\ntoken_url = " ENDPOINT "\n" TOKENS, "no client_id"},
	    {"[@b.c]\n" PUBLIC "refresh_token = MARKER\n[a@b.c]\nclient_id = own\n", "has no refresh_token"},
	    {"[a@b.c]\n" PUBLIC "oauth2_flow = client_credentials\n", "neither a secret nor a certificate"},
	    {"[a@b.c]\ntoken_url = x\noauth2_flow = service_account\nclient_id = key\nclient_secret = {MARKER}\n",
	     "stands in the file itself"},
	    {"[a@b.c]\ntoken_url = x\noauth2_flow = service_account\nclient_id = file\n", "names no file"},
	    {"[a@b.c]\nclient_id = *** MARKER ***\ntoken_url = " ENDPOINT "\n" TOKENS, "character that it cannot have"},
	    {"[a@b.c]\nclient_id = id\ntoken_url = https://u:MARKER@h/\n" TOKENS, "a name or a password"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(take(rows[i].config, "a@b.c"), -1);
		assert_non_null(strstr(err.text, rows[i].said));
		assert_null(strstr(err.text, "MARKER"));
	}
}

static void salts_that_are_none_are_said(void **state)
{
	static const char *const rows[] = {"", "token_salt = *\n",
					   "token_salt = " SALT "\ntoken_iterations = 10000001\n"};
	char config[1024];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(config, sizeof config, "[a@b.c]\n%srefresh_token = " SEALED_RT "\n%s", PUBLIC, rows[i]);
		assert_int_equal(take(config, "a@b.c"), 0);
		assert_int_equal(email_proxy_open(&sealed, "p", 1, &one, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sections_are_read_as_python_reads_them),
	    cmocka_unit_test(what_is_no_file_of_sections_is_named_by_its_line),
	    cmocka_unit_test(the_specifications_token_opens_and_nothing_like_it),
	    cmocka_unit_test(keys_are_made_of_passwords_within_bounds),
	    cmocka_unit_test(an_account_is_taken_over),
	    cmocka_unit_test(values_are_inherited),
	    cmocka_unit_test(service_accounts_name_their_file),
	    cmocka_unit_test(the_cache_has_the_tokens),
	    cmocka_unit_test(what_cannot_be_taken_over_is_said),
	    cmocka_unit_test(salts_that_are_none_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
