/* Netstrings: whatever comes, the decoder stays inside it and agrees with the encoder. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/netstring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf again = BUF_INIT(1 << 20);
	struct netstring got;

	if (netstring_decode((const char *)data, size, 65536, &got) == NETSTRING_OK) {
		if (got.used > size || got.len > 65536 || netstring_append(&again, got.data, got.len) != 0 ||
		    again.len != got.used || memcmp(again.data, data, got.used) != 0)
			abort();
	}
	buf_free(&again);
	return 0;
}
