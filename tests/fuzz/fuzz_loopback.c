/* Requests to the loopback listener: what is taken for a visit lies within the bytes and holds no control character. */
#include <stdint.h>
#include <stdlib.h>

#include "tokend/loopback_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data, *query = NULL;
	struct loopback_target target;
	size_t len = 0;
	char uri[LOOPBACK_URI_MAX + 1] = "";
	struct err err;

	if (loopback_parse_request(bytes, size, "/auth", &query, &len) == LOOPBACK_VISIT) {
		if (query < bytes || query + len > bytes + size)
			abort();
		for (size_t i = 0; i < len; i++)
			if (query[i] <= ' ' || query[i] >= 0x7f)
				abort();
	}
	for (size_t i = 0; i < size && i < LOOPBACK_URI_MAX; i++)
		uri[i] = bytes[i];
	if (loopback_parse_uri(uri, &target, &err) == 0 && (target.port < 0 || target.port > 65535))
		abort();
	return 0;
}
