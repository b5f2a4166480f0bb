/* Assertions: field by field, and their signatures with OpenSSL's verifier, which shares no code with the signer's
 * caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base64url.h"
#include "tokend/jwt.h"

#define NOW 1790000000

struct pair {
	char folder[64], key[96], cert[96], bundle[96], other[96];
};

static struct pair pair;

static EVP_PKEY *make_key(const char *path, const char *passphrase)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *file = fopen(path, "w");

	assert_non_null(key);
	assert_non_null(file);
	assert_int_equal(1, PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_256_cbc() : NULL,
						 (const unsigned char *)passphrase,
						 passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
	fclose(file);
	return key;
}

static void make_certificate(const char *path, EVP_PKEY *key)
{
	X509 *cert = X509_new();
	FILE *file = fopen(path, "w");

	ASN1_TIME_set(X509_getm_notBefore(cert), NOW - 3600);
	ASN1_TIME_set(X509_getm_notAfter(cert), NOW + 86400);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(1, PEM_write_X509(file, cert));
	X509_free(cert);
	fclose(file);
}

static int set_up(void **state)
{
	EVP_PKEY *key;

	(void)state;
	strcpy(pair.folder, "/tmp/test_jwt.XXXXXX");
	assert_non_null(mkdtemp(pair.folder));
	snprintf(pair.key, sizeof pair.key, "%s/key.pem", pair.folder);
	snprintf(pair.cert, sizeof pair.cert, "%s/cert.pem", pair.folder);
	snprintf(pair.other, sizeof pair.other, "%s/other.pem", pair.folder);
	snprintf(pair.bundle, sizeof pair.bundle, "%s/locked.pem", pair.folder);
	key = make_key(pair.key, NULL);
	make_certificate(pair.cert, key);
	EVP_PKEY_free(key);
	EVP_PKEY_free(make_key(pair.other, NULL));
	EVP_PKEY_free(make_key(pair.bundle, "open sesame"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(pair.key);
	unlink(pair.cert);
	unlink(pair.other);
	unlink(pair.bundle);
	return rmdir(pair.folder);
}

/* Splits at the dots; parts are decoded. The caller frees. */
static void take_apart(const struct secret *assertion, struct buf part[3], struct buf *text)
{
	char *at, *dot;

	*text = BUF_INIT(SECRET_MAX);
	assert_int_equal(0, secret_append(assertion, text));
	at = text->data;
	for (int i = 0; i < 3; i++) {
		part[i] = BUF_INIT(SECRET_MAX);
		dot = i < 2 ? strchr(at, '.') : text->data + text->len;
		assert_non_null(dot);
		assert_int_equal(0, base64url_decode(&part[i], at, (size_t)(dot - at)));
		at = dot + 1;
	}
}

static int verify(enum jwt_algorithm algorithm, const struct buf *text, const struct buf *signature)
{
	FILE *file = fopen(pair.cert, "r");
	X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
	EVP_PKEY *key = X509_get_pubkey(cert);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	size_t signed_len = (size_t)(strrchr(text->data, '.') - text->data);
	int good;

	EVP_DigestVerifyInit(context, &key_context, EVP_sha256(), NULL, key);
	EVP_PKEY_CTX_set_rsa_padding(key_context, algorithm == JWT_PS256 ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
	if (algorithm == JWT_PS256)
		EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, 32);
	good = EVP_DigestVerify(context, (const unsigned char *)signature->data, signature->len,
				(const unsigned char *)text->data, signed_len);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	X509_free(cert);
	fclose(file);
	return good;
}

static struct secret *sign(enum jwt_algorithm algorithm, const char *certificate)
{
	struct jwt_claims claims = {.issuer = "client-1",
				    .subject = "client-1",
				    .audience = "https://login.test/token",
				    .id = "jti-1",
				    .now = NOW,
				    .lifetime = 600};
	struct err err = {0};
	struct jwt_key *key = jwt_key_load(pair.key, certificate, NULL, &err);
	struct secret *assertion;

	assert_non_null(key);
	assertion = jwt_sign(key, algorithm, &claims, &err);
	assert_non_null(assertion);
	jwt_key_free(key);
	return assertion;
}

static void check_assertion(enum jwt_algorithm algorithm, const char *alg, const char *thumbprint, size_t digits)
{
	struct secret *assertion = sign(algorithm, pair.cert);
	struct buf part[3], text;
	json_t *header, *payload;

	take_apart(assertion, part, &text);
	header = json_loadb(part[0].data, part[0].len, 0, NULL);
	payload = json_loadb(part[1].data, part[1].len, 0, NULL);
	assert_string_equal(alg, json_string_value(json_object_get(header, "alg")));
	assert_string_equal("JWT", json_string_value(json_object_get(header, "typ")));
	assert_int_equal(digits, json_string_length(json_object_get(header, thumbprint)));
	assert_int_equal(3, json_object_size(header));
	assert_string_equal("client-1", json_string_value(json_object_get(payload, "iss")));
	assert_string_equal("client-1", json_string_value(json_object_get(payload, "sub")));
	assert_string_equal("https://login.test/token", json_string_value(json_object_get(payload, "aud")));
	assert_string_equal("jti-1", json_string_value(json_object_get(payload, "jti")));
	assert_int_equal(NOW, json_integer_value(json_object_get(payload, "iat")));
	assert_int_equal(NOW, json_integer_value(json_object_get(payload, "nbf")));
	assert_int_equal(NOW + 600, json_integer_value(json_object_get(payload, "exp")));
	assert_int_equal(7, json_object_size(payload));
	assert_int_equal(1, verify(algorithm, &text, &part[2]));
	json_decref(header);
	json_decref(payload);
	for (int i = 0; i < 3; i++)
		buf_free(&part[i]);
	buf_free(&text);
	secret_free(assertion);
}

static void ps256_as_entra_wants_it(void **state)
{
	(void)state;
	check_assertion(JWT_PS256, "PS256", "x5t#S256", 43);
}

static void rs256_as_older_clients_do(void **state)
{
	(void)state;
	check_assertion(JWT_RS256, "RS256", "x5t", 27);
}

static void end_of_the_certificate_is_told(void **state)
{
	struct jwt_key *key = jwt_key_load(pair.key, pair.cert, NULL, NULL);

	(void)state;
	assert_int_equal(NOW + 86400, jwt_key_not_after(key));
	jwt_key_free(key);
	key = jwt_key_load(pair.key, NULL, NULL, NULL);
	assert_int_equal(0, jwt_key_not_after(key));
	jwt_key_free(key);
}

static void key_of_another_certificate_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(jwt_key_load(pair.other, pair.cert, NULL, &err));
	assert_int_equal(ERR_CONFIG, err.code);
	assert_non_null(strstr(err.text, "does not belong"));
}

static void passphrase_opens_a_locked_key(void **state)
{
	struct secret *right = secret_new("open sesame", 11), *wrong = secret_new("MARKER-wrong", 12);
	struct err err = {0};
	struct jwt_key *key = jwt_key_load(pair.bundle, NULL, right, &err);

	(void)state;
	assert_non_null(key);
	jwt_key_free(key);
	assert_null(jwt_key_load(pair.bundle, NULL, wrong, &err));
	assert_null(strstr(err.text, "MARKER"));
	assert_null(jwt_key_load(pair.bundle, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "passphrase"));
	secret_free(right);
	secret_free(wrong);
}

static void missing_file_is_named(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(jwt_key_load("/nowhere/key.pem", NULL, NULL, &err));
	assert_non_null(strstr(err.text, "/nowhere/key.pem"));
}

static void base64url_both_ways(void **state)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {{"", ""},        {"f", "Zg"},        {"fo", "Zm8"},
		    {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xff\xfe\xfd", "__79"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = BUF_INIT(64), back = BUF_INIT(64);

		assert_int_equal(0, base64url_append(&out, rows[i].bytes, strlen(rows[i].bytes)));
		assert_int_equal(strlen(rows[i].text), out.len);
		assert_memory_equal(rows[i].text, out.data ? out.data : "", out.len);
		assert_int_equal(0, base64url_decode(&back, rows[i].text, strlen(rows[i].text)));
		assert_int_equal(strlen(rows[i].bytes), back.len);
		assert_memory_equal(rows[i].bytes, back.data ? back.data : "", back.len);
		buf_free(&out);
		buf_free(&back);
	}
}

static void base64url_refuses_what_is_not(void **state)
{
	static const char *const rows[] = {"Z", "Zg==", "Zh", "Zm9+", "Zm9/", "Zm 9", "Zm9v\n"};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = BUF_INIT(64);

		assert_int_equal(-1, base64url_decode(&out, rows[i], strlen(rows[i])));
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ps256_as_entra_wants_it),
	    cmocka_unit_test(rs256_as_older_clients_do),
	    cmocka_unit_test(end_of_the_certificate_is_told),
	    cmocka_unit_test(key_of_another_certificate_is_refused),
	    cmocka_unit_test(passphrase_opens_a_locked_key),
	    cmocka_unit_test(missing_file_is_named),
	    cmocka_unit_test(base64url_both_ways),
	    cmocka_unit_test(base64url_refuses_what_is_not),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
