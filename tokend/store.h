#ifndef MAILBEARER_TOKEND_STORE_H
#define MAILBEARER_TOKEND_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

/*
 * What is kept of an account between runs: records, not their meaning. The codec is pure; where records lie is the
 * business of store_file.h, or of a test's fake with the same functions.
 */
struct store_record {
	struct secret *refresh_token;
	char client_id[128];  /* to whom it was given: a refresh token is of no use to another client */
	char scope[512];      /* what was granted; "" when not told */
	int64_t granted_at;   /* seconds since 1970: when a person signed in or an import was made */
	int64_t refreshed_at; /* seconds since 1970: when this refresh token came; 0: never */
	int64_t expires_at;   /* seconds since 1970: its end, as the provider told; 0: it did not */
	int64_t generation;   /* counts up with every save */
};

/* Wipes; legal on a zeroed one. */
void store_record_free(struct store_record *record);

/* JSON, version 1 (unknown keys are kept out, missing ones but expires_at are errors). 0 or -1. */
int store_record_encode(const struct store_record *record, struct buf *out, struct err *err);
int store_record_decode(const char *bytes, size_t len, struct store_record *out, struct err *err);

#endif
