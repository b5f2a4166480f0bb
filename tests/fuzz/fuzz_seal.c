/* Sealed records: foreign bytes never open; what was sealed here opens, and not when a byte of it is changed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct seal_key *key, const struct buf *plain)
{
	struct buf sealed = BUF_INIT(SEAL_PLAIN_MAX + SEAL_OVERHEAD);
	struct buf opened = BUF_INIT(SEAL_PLAIN_MAX);

	if (seal_close(key, "a@b", plain, &sealed, NULL) != 0 ||
	    seal_open(key, "a@b", sealed.data, sealed.len, &opened, NULL) != 0 || opened.len != plain->len ||
	    (plain->len > 0 && memcmp(opened.data, plain->data, plain->len) != 0))
		abort();
	sealed.data[plain->len % sealed.len] ^= 1;
	buf_clear(&opened);
	if (seal_open(key, "a@b", sealed.data, sealed.len, &opened, NULL) == 0 || opened.len != 0)
		abort();
	buf_free(&sealed);
	buf_free(&opened);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	struct secret *text = secret_new(hex, sizeof hex - 1);
	struct seal_key *key = seal_key_new(text, NULL);
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX);

	if (seal_open(key, "a@b", (const char *)data, size, &plain, NULL) == 0 || plain.len != 0)
		abort();
	if (buf_append(&plain, data, size) == 0)
		round_trip(key, &plain);
	buf_free(&plain);
	seal_key_free(key);
	secret_free(text);
	return 0;
}
