/*
 * Keys in PKCS#11 tokens by way of an OpenSSL engine (libengine-pkcs11-openssl): OpenSSL 3 prefers providers, but
 * distributions of its first years have the engine only. Which module drives the token is OpenSSL's configuration, not
 * ours. Called by jwt_key.c when OSSL_STORE knows no pkcs11:.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "tokend/jwt_private.h"

#ifdef OPENSSL_NO_ENGINE

int jwt_engine_load(struct jwt_key *key, bool certificate, const char *uri, UI_METHOD *method, void *passphrase,
		    struct err *err)
{
	(void)key;
	(void)certificate;
	(void)method;
	(void)passphrase;
	return err_set(err, ERR_CONFIG, "%s: OpenSSL has no store for this; install and configure pkcs11-provider",
		       uri);
}

void jwt_engine_free(struct jwt_key *key)
{
	(void)key;
}

#else

/* A functional reference, or NULL. */
static ENGINE *take_engine(struct err *err)
{
	ENGINE *engine = ENGINE_by_id("pkcs11");

	if (engine == NULL || ENGINE_init(engine) != 1) {
		err_set(err, ERR_CONFIG,
			"OpenSSL can use no PKCS#11 token (%s); install pkcs11-provider or libengine-pkcs11-openssl, "
			"and name the token's module in openssl.cnf",
			jwt_openssl_reason());
		ENGINE_free(engine);
		return NULL;
	}
	ENGINE_free(engine); /* the structural reference */
	return engine;
}

/* Of the certificate in the token, or NULL: there is none of that name. */
static X509 *load_certificate(ENGINE *engine, const char *uri)
{
	struct {
		const char *uri;
		X509 *certificate;
	} argument = {.uri = uri};

	if (ENGINE_ctrl_cmd(engine, "LOAD_CERT_CTRL", 0, &argument, NULL, 0) != 1)
		return NULL;
	return argument.certificate;
}

int jwt_engine_load(struct jwt_key *key, bool certificate, const char *uri, UI_METHOD *method, void *passphrase,
		    struct err *err)
{
	EVP_PKEY *private_key = NULL;

	if (key->engine == NULL)
		key->engine = take_engine(err);
	if (key->engine == NULL)
		return -1;
	if (certificate) {
		key->certificate = load_certificate(key->engine, uri);
		return key->certificate != NULL
			   ? 0
			   : err_set(err, ERR_CONFIG, "%s: no certificate there (%s)", uri, jwt_openssl_reason());
	}
	private_key = ENGINE_load_private_key(key->engine, uri, method, passphrase);
	if (private_key == NULL)
		return err_set(
		    err, ERR_CONFIG,
		    "%s: no key there that can be used (%s); is its name right, and the PIN's file named with "
		    "client_key_passphrase_file?",
		    uri, jwt_openssl_reason());
	EVP_PKEY_free(key->private_key);
	key->private_key = private_key;
	return 0;
}

void jwt_engine_free(struct jwt_key *key)
{
	if (key->engine != NULL)
		ENGINE_finish(key->engine);
}

#endif
