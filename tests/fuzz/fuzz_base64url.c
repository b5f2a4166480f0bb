/* base64url: what decodes is encoded to the same text again, and any bytes come back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prove(const struct buf *a, const void *bytes, size_t len)
{
	if (a->failed || a->len != len || (len > 0 && memcmp(a->data, bytes, len) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(4 << 20), bytes = BUF_INIT(4 << 20);

	if (base64url_decode(&bytes, (const char *)data, size) == 0) {
		base64url_append(&text, bytes.data, bytes.len);
		prove(&text, data, size);
	}
	buf_clear(&text);
	buf_clear(&bytes);
	base64url_append(&text, data, size);
	if (base64url_decode(&bytes, text.data, text.len) != 0)
		abort();
	prove(&bytes, data, size);
	buf_free(&text);
	buf_free(&bytes);
	return 0;
}
