#ifndef MAILBEARER_TOKEND_JWT_PRIVATE_H
#define MAILBEARER_TOKEND_JWT_PRIVATE_H

#include <openssl/types.h>
#include <stdbool.h>

#include "lib/err.h"

/* Shared by jwt.c, jwt_key.c and jwt_engine.c only. */
struct jwt_key {
	EVP_PKEY *private_key;
	X509 *certificate; /* or NULL */
	ENGINE *engine;    /* behind the private key, which must not outlive it; or NULL */
};

/* What OpenSSL says of the last failure, and empties its queue. Static text. */
const char *jwt_openssl_reason(void);

/* The key, or else the certificate, of a pkcs11: URI through the engine of that name, where OpenSSL has no store for
 * it: as in Debian 12. The PIN is asked of the method. 0, or -1 with *err set. */
int jwt_engine_load(struct jwt_key *key, bool certificate, const char *uri, UI_METHOD *method, void *passphrase,
		    struct err *err);
void jwt_engine_free(struct jwt_key *key);

#endif
