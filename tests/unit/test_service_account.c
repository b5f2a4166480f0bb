/* Google's service accounts: what their file must hold, and that no error quotes it. Their assertions are taken apart
 * in tests/blackbox/test_grants.py, by a program that is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "daemon/jsondoc.h"
#include "tokend/service_account.h"

#define NOW 1790000000

static char pem[4096];

static int set_up(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	(void)state;
	assert_int_equal(1, PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	len = BIO_read(bio, pem, sizeof pem - 1);
	assert_true(len > 0);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return 0;
}

/* NULL leaves a member out. */
static struct service_account *parse(const char *email, const char *key, const char *token_uri, struct err *err)
{
	json_t *document = json_pack("{s:s, s:s*, s:s*, s:s, s:s*}", "type", "service_account", "client_email", email,
				     "private_key", key, "private_key_id", "kid-1", "token_uri", token_uri);
	char *text = json_dumps(document, JSON_INDENT(2));
	struct secret *secret = secret_new(text, strlen(text));
	struct service_account *account = service_account_parse(secret, err);
	json_free_t give_back;

	secret_free(secret);
	json_decref(document);
	json_get_alloc_funcs(NULL, &give_back);
	give_back(text);
	return account;
}

static void a_whole_file_makes_an_account(void **state)
{
	struct err err = {0};
	struct service_account *account = parse("sa@p.iam", pem, "https://oauth2.googleapis.com/token", &err);
	struct secret *assertion;

	(void)state;
	assert_non_null(account);
	assert_string_equal("https://oauth2.googleapis.com/token", service_account_token_uri(account));
	assertion = service_account_sign(account, "relay@contoso.com", "https://mail.google.com/",
					 service_account_token_uri(account), NOW, &err);
	assert_non_null(assertion);
	secret_free(assertion);
	service_account_free(account);
}

static void what_is_missing_is_named_and_nothing_is_quoted(void **state)
{
	static const char uri[] = "https://oauth2.googleapis.com/token";
	const struct {
		const char *email, *key, *token_uri, *said;
	} rows[] = {
	    {NULL, pem, uri, "client_email is missing"},
	    {"sa@p.iam", NULL, uri, "private_key is missing"},
	    {"sa@p.iam", pem, NULL, "token_uri is missing"},
	    {"sa@p.iam", pem, "http://oauth2.googleapis.com/token", "must be an https://"},
	    {"sa@p.iam", "-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n", uri, "private key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err err = {0};

		assert_null(parse(rows[i].email, rows[i].key, rows[i].token_uri, &err));
		assert_non_null(strstr(err.text, rows[i].said));
		assert_null(strstr(err.text, "MARKER"));
	}
}

static void another_file_is_none(void **state)
{
	struct secret *text = secret_new("MARKER {", 8);
	struct err err = {0};

	(void)state;
	assert_null(service_account_parse(text, &err));
	assert_null(strstr(err.text, "MARKER"));
	secret_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_file_makes_an_account),
	    cmocka_unit_test(what_is_missing_is_named_and_nothing_is_quoted),
	    cmocka_unit_test(another_file_is_none),
	};

	jsondoc_init();
	return cmocka_run_group_tests_name("service_account", tests, set_up, NULL);
}
