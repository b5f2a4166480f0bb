/* Requests and answers of the socket: what is taken apart can be put together again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf frame = BUF_INIT(1 << 20);
	struct wire_request request;
	struct wire_reply reply;

	if (wire_parse_request((const char *)data, size, &request) == 0 &&
	    (request.key_len > size || (request.key_len > 0 && memchr(request.key, '\n', request.key_len) != NULL)))
		abort();
	if (wire_parse_reply((const char *)data, size, &reply) == 0 &&
	    (reply.len > size || wire_append_reply(&frame, reply.result, reply.text, reply.len) != 0))
		abort();
	buf_free(&frame);
	return 0;
}
