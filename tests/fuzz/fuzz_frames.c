/* What comes over one connection, in pieces: socketmap questions as tokend reads them, answers as its clients do. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/netstring.h"
#include "lib/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asked again with more bytes, the decoder may never take back what it has said. */
static enum netstring_status decode_in_pieces(const char *bytes, size_t len, struct netstring *frame)
{
	enum netstring_status status = NETSTRING_MORE, whole = netstring_decode(bytes, len, WIRE_REQUEST_MAX, frame);

	for (size_t some = 0; status == NETSTRING_MORE && some <= len; some += 1 + some / 8)
		status = netstring_decode(bytes, some, WIRE_REQUEST_MAX, frame);
	if (status != NETSTRING_MORE && status != whole)
		abort();
	return netstring_decode(bytes, len, WIRE_REQUEST_MAX, frame);
}

static void read_frame(const struct netstring *frame)
{
	struct buf again = BUF_INIT(WIRE_REQUEST_MAX + 64);
	struct wire_request request;
	struct wire_reply reply;

	if (wire_parse_request(frame->data, frame->len, &request) == 0 &&
	    wire_append_request(&again, request.map, request.key, request.key_len) != 0)
		abort();
	buf_clear(&again);
	if (wire_parse_reply(frame->data, frame->len, &reply) == 0 &&
	    wire_append_reply(&again, reply.result, reply.text, reply.len) != 0)
		abort();
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct netstring frame;

	while (size > 0 && decode_in_pieces(bytes, size, &frame) == NETSTRING_OK) {
		if (frame.used > size || frame.data < bytes || frame.data + frame.len >= bytes + size)
			abort();
		read_frame(&frame);
		bytes += frame.used;
		size -= frame.used;
	}
	return 0;
}
