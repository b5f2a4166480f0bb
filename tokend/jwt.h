#ifndef MAILBEARER_TOKEND_JWT_H
#define MAILBEARER_TOKEND_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/secret.h"

/*
 * Signed assertions (RFC 7519, RFC 7523): how a client with a certificate proves itself, and how a Google service
 * account asks for a token. Bytes in and out, through OpenSSL; time and identifiers are parameters.
 */

enum jwt_algorithm {
	JWT_PS256, /* RSASSA-PSS, SHA-256, salt of 32 bytes; the certificate is named by x5t#S256 */
	JWT_RS256  /* RSASSA-PKCS1-v1_5, SHA-256; the certificate is named by x5t (SHA-1), as older clients do */
};

struct jwt_key;

/* Call once at process start, before any other use of OpenSSL: it shall not clean up behind exit(3), since by then a
 * token's module may be gone that it would call into. */
void jwt_init(void);

/*
 * Loads the private key and, where there is one, the certificate, through OpenSSL's OSSL_STORE: a PEM or PKCS#12 file
 * or any URI that OpenSSL has a loader for (pkcs11:...). certificate NULL: looked for at `key`, and may be missing
 * (assertions then carry no thumbprint). passphrase NULL: none. Blocks on the file or the token.
 * NULL with *err set; the text names the file and never its contents.
 */
struct jwt_key *jwt_key_load(const char *key, const char *certificate, const struct secret *passphrase,
			     struct err *err);

/* From the PEM text of a private key alone. */
struct jwt_key *jwt_key_from_pem(const struct secret *pem, struct err *err);
void jwt_key_free(struct jwt_key *key); /* NULL is legal */

/* When the certificate ends, in seconds since 1970; 0: there is no certificate. */
int64_t jwt_key_not_after(const struct jwt_key *key);
bool jwt_key_has_certificate(const struct jwt_key *key);

struct jwt_claims {
	const char *issuer;
	const char *subject; /* or NULL: left out */
	const char *audience;
	const char *scope;  /* or NULL: left out; Google's service accounts name it in the assertion */
	const char *id;     /* jti: never the same twice; or NULL: left out */
	const char *key_id; /* kid of the header; or NULL: left out */
	int64_t now;        /* seconds since 1970: iat and nbf */
	int64_t lifetime;   /* seconds: exp = now + lifetime */
};

/* A signed JWT, or NULL with *err set. */
struct secret *jwt_sign(const struct jwt_key *key, enum jwt_algorithm algorithm, const struct jwt_claims *claims,
			struct err *err);

#endif
