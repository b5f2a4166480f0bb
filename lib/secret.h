#ifndef MAILBEARER_LIB_SECRET_H
#define MAILBEARER_LIB_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/*
 * A secret: client secret, private key, refresh token, access token, code, verifier.
 *
 * Opaque, so that no log call and no printf can take one by mistake. The only way to its bytes is
 * secret_append(), which is easy to find with grep. Its memory is wiped before it is freed, and kept out of
 * core dumps and swap where the system allows it.
 */
struct secret;

#define SECRET_MAX (64 * 1024) /* bytes */

/* A copy of `bytes`; the caller wipes its own. NULL when there is no memory or len > SECRET_MAX. */
struct secret *secret_new(const void *bytes, size_t len);
struct secret *secret_dup(const struct secret *secret);

/* Wipes and frees. NULL is legal. */
void secret_free(struct secret *secret);

size_t secret_len(const struct secret *secret);

/* Same bytes? Takes the same time whatever they are. NULL equals nothing but NULL. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Appends the bytes to a buffer (which wipes itself). 0, or -1 with buf->failed set. */
int secret_append(const struct secret *secret, struct buf *out);

/*
 * Overwrites each occurrence of the secret in a NUL-terminated text with '*': for texts from outside that may
 * quote what we sent. Secrets shorter than 8 bytes are not looked for. NULL secret: nothing happens.
 */
void secret_redact(const struct secret *secret, char *text);

#endif
