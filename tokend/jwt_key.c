/*
 * Loads what assertions are signed with, through OSSL_STORE: so a file, a PKCS#12 bundle and a key inside a hardware
 * token are one thing to us. Called when a configuration is proved.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "tokend/jwt.h"
#include "tokend/jwt_private.h"

#define RSA_BITS_MIN 2048

void jwt_init(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

const char *jwt_openssl_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return reason != NULL ? reason : "OpenSSL gives no reason";
}

/* Answers OpenSSL's question for a passphrase: the one that is configured, or none. Never a prompt. */
static int give_passphrase(char *into, int size, int rwflag, void *arg)
{
	const struct secret *passphrase = arg;
	struct buf bytes = BUF_INIT(SECRET_MAX);
	int len = 0;

	(void)rwflag;
	if (passphrase != NULL && secret_len(passphrase) <= (size_t)size && secret_append(passphrase, &bytes) == 0) {
		memcpy(into, bytes.data, bytes.len);
		len = (int)bytes.len;
	}
	buf_free(&bytes);
	return len;
}

/* What a file or a token is read for. */
enum part { CERTIFICATE, KEY_AND_CERTIFICATE };

/* Keeps the first private key and the first certificate. */
static void keep(struct jwt_key *key, enum part part, OSSL_STORE_INFO *info)
{
	if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY && key->private_key == NULL && part != CERTIFICATE)
		key->private_key = OSSL_STORE_INFO_get1_PKEY(info);
	else if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT && key->certificate == NULL)
		key->certificate = OSSL_STORE_INFO_get1_CERT(info);
	OSSL_STORE_INFO_free(info);
}

static int read_store(struct jwt_key *key, enum part part, const char *uri, const struct secret *passphrase,
		      struct err *err)
{
	UI_METHOD *method = UI_UTIL_wrap_read_pem_callback(give_passphrase, 0);
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, method, (void *)(uintptr_t)passphrase, NULL, NULL);
	int result = store != NULL ? 0 : -1;

	if (store == NULL && strncmp(uri, "pkcs11:", 7) == 0)
		result = jwt_engine_load(key, part == CERTIFICATE, uri, method, (void *)(uintptr_t)passphrase, err);
	else if (store == NULL)
		err_set(err, ERR_CONFIG, "cannot open %s: %s", uri, jwt_openssl_reason());
	while (store != NULL && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info != NULL)
			keep(key, part, info);
		else if (OSSL_STORE_error(store))
			break;
	}
	OSSL_STORE_close(store);
	UI_destroy_method(method);
	return result;
}

/* certificate: where it must have been found, or NULL */
static int prove(const struct jwt_key *key, const char *where, const char *certificate, struct err *err)
{
	if (key->private_key == NULL)
		return err_set(err, ERR_CONFIG,
			       "%s: no private key in it that can be read (%s); if it has a passphrase, "
			       "name the file that holds it",
			       where, jwt_openssl_reason());
	if (EVP_PKEY_get_base_id(key->private_key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(key->private_key) < RSA_BITS_MIN)
		return err_set(err, ERR_CONFIG, "%s: assertions are signed with an RSA key of at least %d bits", where,
			       RSA_BITS_MIN);
	if (certificate != NULL && key->certificate == NULL)
		return err_set(err, ERR_CONFIG, "%s: no certificate in it", certificate);
	if (key->certificate != NULL && X509_check_private_key(key->certificate, key->private_key) != 1)
		return err_set(err, ERR_CONFIG, "%s: the private key does not belong to the certificate", where);
	ERR_clear_error();
	return 0;
}

struct jwt_key *jwt_key_load(const char *uri, const char *certificate, const struct secret *passphrase, struct err *err)
{
	struct jwt_key *key = calloc(1, sizeof *key);

	if (key == NULL) {
		err_set(err, ERR_MEMORY, "%s: out of memory", uri);
		return NULL;
	}
	/* The certificate first: a bundle may bring one of its own, which must not win over the one that is named. */
	if ((certificate != NULL && strcmp(certificate, uri) != 0 &&
	     read_store(key, CERTIFICATE, certificate, passphrase, err) != 0) ||
	    read_store(key, KEY_AND_CERTIFICATE, uri, passphrase, err) != 0 || prove(key, uri, certificate, err) != 0) {
		jwt_key_free(key);
		return NULL;
	}
	return key;
}

struct jwt_key *jwt_key_from_pem(const struct secret *pem, struct err *err)
{
	struct jwt_key *key = calloc(1, sizeof *key);
	struct buf text = BUF_INIT(SECRET_MAX);
	BIO *bio = NULL;

	if (key != NULL && secret_append(pem, &text) == 0)
		bio = BIO_new_mem_buf(text.data, (int)text.len);
	if (bio != NULL)
		key->private_key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, NULL);
	BIO_free(bio);
	buf_free(&text);
	if (key == NULL || prove(key, "private key", NULL, err) != 0) {
		jwt_key_free(key);
		return NULL;
	}
	return key;
}
