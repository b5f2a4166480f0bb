#ifndef MAILBEARER_TOKEND_SEAL_H
#define MAILBEARER_TOKEND_SEAL_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

/*
 * Sealing of state at rest: AES-256-GCM (NIST SP 800-38D) through OpenSSL, with a fresh random 96-bit nonce each time.
 * A sealed record is
 *
 *    "MBEARER" version(1 byte) nonce(12) ciphertext tag(16)
 *
 * with the header and the account's name as additional data: a file copied over another account's does not open.
 * Pure but for OpenSSL's random source.
 */
#define SEAL_KEY_BYTES 32
#define SEAL_VERSION 1
#define SEAL_OVERHEAD (7 + 1 + 12 + 16)
#define SEAL_PLAIN_MAX (256 * 1024)

struct seal_key;

/* From the text of the key file: 64 hexadecimal digits. NULL with *err set. */
struct seal_key *seal_key_new(const struct secret *hex, struct err *err);
void seal_key_free(struct seal_key *key); /* wipes; NULL is legal */

/* Appends the sealed record. 0 or -1. */
int seal_close(const struct seal_key *key, const char *name, const struct buf *plain, struct buf *out, struct err *err);

/* Appends the plain text. 0, or -1 with *err set: ERR_SYNTAX (not a record, or truncated), ERR_LIMIT (a version this
 * program does not know), ERR_DENIED (does not open: another key, another account's, or changed). */
int seal_open(const struct seal_key *key, const char *name, const char *bytes, size_t len, struct buf *plain,
	      struct err *err);

#endif
