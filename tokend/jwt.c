/*
 * Builds and signs assertions. Called by the broker for clients that prove themselves with a key; knows nothing of
 * requests and reads no clock. The private key stays inside OpenSSL's object, which may be a token's handle.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/jsondoc.h"
#include "lib/base64url.h"
#include "lib/buf.h"
#include "tokend/jwt.h"
#include "tokend/jwt_private.h"

#define PSS_SALT_BYTES 32
#define JWT_MAX (16 * 1024) /* bytes of a whole assertion */

void jwt_key_free(struct jwt_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->private_key);
	X509_free(key->certificate);
	jwt_engine_free(key);
	free(key);
}

bool jwt_key_has_certificate(const struct jwt_key *key)
{
	return key->certificate != NULL;
}

int64_t jwt_key_not_after(const struct jwt_key *key)
{
	struct tm end;

	if (key->certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(key->certificate), &end) != 1)
		return 0;
	return (int64_t)timegm(&end);
}

/* The thumbprint member that tells the provider which of the registered certificates to check with. */
static int add_thumbprint(const struct jwt_key *key, enum jwt_algorithm algorithm, json_t *header)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf text = BUF_INIT(128);
	int status = -1;

	if (key->certificate == NULL)
		return 0;
	if (X509_digest(key->certificate, algorithm == JWT_PS256 ? EVP_sha256() : EVP_sha1(), digest, &len) == 1 &&
	    base64url_append(&text, digest, len) == 0)
		status =
		    json_object_set_new(header, algorithm == JWT_PS256 ? "x5t#S256" : "x5t", json_string(text.data));
	buf_free(&text);
	return status;
}

static json_t *make_header(const struct jwt_key *key, enum jwt_algorithm algorithm, const struct jwt_claims *claims)
{
	json_t *header = json_pack("{s:s, s:s}", "alg", algorithm == JWT_PS256 ? "PS256" : "RS256", "typ", "JWT");

	if (header != NULL &&
	    (add_thumbprint(key, algorithm, header) != 0 ||
	     (claims->key_id != NULL && json_object_set_new(header, "kid", json_string(claims->key_id)) != 0))) {
		json_decref(header);
		return NULL;
	}
	return header;
}

static json_t *make_payload(const struct jwt_claims *claims)
{
	/* "s*": a NULL value leaves the member out */
	return json_pack("{s:s, s:s*, s:s, s:s*, s:s*, s:I, s:I, s:I}", "iss", claims->issuer, "sub", claims->subject,
			 "aud", claims->audience, "scope", claims->scope, "jti", claims->id, "iat",
			 (json_int_t)claims->now, "nbf", (json_int_t)claims->now, "exp",
			 (json_int_t)(claims->now + claims->lifetime));
}

/* Appends BASE64URL(JSON); takes the object over. */
static int append_part(struct buf *out, json_t *object)
{
	struct buf json = BUF_INIT(JWT_MAX);
	int status = -1;

	if (object != NULL && jsondoc_append(object, &json) == 0)
		status = base64url_append(out, json.data, json.len);
	json_decref(object);
	buf_free(&json);
	return status;
}

static int set_padding(EVP_PKEY_CTX *context, enum jwt_algorithm algorithm)
{
	if (algorithm == JWT_RS256)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING);
	if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) != 1)
		return 0;
	return EVP_PKEY_CTX_set_rsa_pss_saltlen(context, PSS_SALT_BYTES);
}

/* Appends "." and the signature of what the buffer holds. */
static int append_signature(struct buf *out, const struct jwt_key *key, enum jwt_algorithm algorithm)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context = NULL; /* owned by context */
	unsigned char *signature = NULL;
	size_t len = 0;
	int status = -1;

	if (context == NULL || EVP_DigestSignInit(context, &key_context, EVP_sha256(), NULL, key->private_key) != 1 ||
	    set_padding(key_context, algorithm) != 1 ||
	    EVP_DigestSign(context, NULL, &len, (const unsigned char *)out->data, out->len) != 1)
		goto out;
	signature = malloc(len);
	if (signature != NULL &&
	    EVP_DigestSign(context, signature, &len, (const unsigned char *)out->data, out->len) == 1 &&
	    buf_puts(out, ".") == 0)
		status = base64url_append(out, signature, len);
out:
	free(signature);
	EVP_MD_CTX_free(context);
	return status;
}

struct secret *jwt_sign(const struct jwt_key *key, enum jwt_algorithm algorithm, const struct jwt_claims *claims,
			struct err *err)
{
	struct buf text = BUF_INIT(JWT_MAX);
	struct secret *assertion = NULL;

	if (append_part(&text, make_header(key, algorithm, claims)) == 0 && buf_puts(&text, ".") == 0 &&
	    append_part(&text, make_payload(claims)) == 0 && append_signature(&text, key, algorithm) == 0)
		assertion = secret_new(text.data, text.len);
	if (assertion == NULL)
		err_set(err, ERR_CONFIG, "cannot sign an assertion: %s", jwt_openssl_reason());
	buf_free(&text);
	return assertion;
}
