#ifndef MAILBEARER_TOKEND_JWT_PRIVATE_H
#define MAILBEARER_TOKEND_JWT_PRIVATE_H

#include <openssl/types.h>

/* Shared by jwt.c and jwt_key.c only. */
struct jwt_key {
	EVP_PKEY *private_key;
	X509 *certificate; /* or NULL */
};

/* What OpenSSL says of the last failure, and empties its queue. Static text. */
const char *jwt_openssl_reason(void);

#endif
