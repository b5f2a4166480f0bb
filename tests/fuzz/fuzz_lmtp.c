/* Fuzz target: LMTP as an MTA, or somebody in its place, may send it: command lines, then a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "submit/content.h"
#include "submit/lmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_message(const char *bytes, size_t len, enum content_policy policy)
{
	struct content content = CONTENT_INIT(policy);
	struct buf out = BUF_INIT(len * CONTENT_GROWTH + CONTENT_EXTRA);

	content_take(&content, bytes, len, &out);
	if (out.failed || (out.len > 0 && strstr(out.data, "\r\n.\r\n") != NULL))
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data, *end;
	struct lmtp_command command;
	struct reply refusal;

	take_message(bytes, size, CONTENT_REPAIR);
	take_message(bytes, size, CONTENT_REFUSE);
	for (; size > 0 && (end = memchr(bytes, '\n', size)) != NULL; bytes = end + 1) {
		size -= (size_t)(end - bytes) + 1;
		if (lmtp_parse(bytes, (size_t)(end - bytes), &command, &refusal) == 0)
			lmtp_may(LMTP_IN_RCPT, command.verb, &refusal);
	}
	return 0;
}
