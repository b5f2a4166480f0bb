#ifndef MAILBEARER_CLI_FERNET_H
#define MAILBEARER_CLI_FERNET_H

#include <stddef.h>

#include "lib/secret.h"

/*
 * Opens tokens of the kind Fernet (https://github.com/fernet/spec): AES-128-CBC and HMAC-SHA256 in base64url, with a
 * key that is made of a password by PBKDF2-HMAC-SHA256. Pure; made for taking over what another program has encrypted,
 * and so it makes none.
 */

#define FERNET_KEY_BYTES 32
#define FERNET_ITERATIONS_MAX 10000000 /* some seconds */

/* Wiped by who has it. */
struct fernet_key {
	unsigned char bytes[FERNET_KEY_BYTES]; /* half of it signs, half of it encrypts */
};

/* 0, or -1: no iterations or too many, or OpenSSL has no memory. Takes its time, as it is meant to. */
int fernet_key_derive(const void *password, size_t len, const void *salt, size_t salt_len, unsigned long iterations,
		      struct fernet_key *out);
void fernet_key_wipe(struct fernet_key *key);

/* NULL: another key's, damaged, larger than SECRET_MAX, or no token at all. When it was made does not matter. */
struct secret *fernet_open(const struct fernet_key *key, const char *token, size_t len);

#endif
