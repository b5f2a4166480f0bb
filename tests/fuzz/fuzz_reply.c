/* Fuzz target: replies of a server that is none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/offers.h"
#include "smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data, *end;
	struct reply_reader reader = {.lines = 0};
	struct offers offers = {0};
	struct buf out = BUF_INIT(1 << 20);
	struct reply judged;

	for (; size > 0 && (end = memchr(line, '\n', size)) != NULL; line = end + 1) {
		size -= (size_t)(end - line) + 1;
		offers_read(&offers, line, (size_t)(end - line));
		if (reply_read(&reader, line, (size_t)(end - line)) != REPLY_DONE)
			continue;
		for (int stage = REPLY_AT_LOGIN; stage <= REPLY_AT_END; stage++) {
			reply_judge((enum reply_stage)stage, "host", &reader.reply, &judged);
			if (judged.code == 421 || (stage == REPLY_AT_LOGIN && judged.code / 100 != 4))
				abort();
			reply_append(&out, &judged);
		}
		reader = (struct reply_reader){.lines = 0};
		buf_clear(&out);
	}
	buf_free(&out);
	return 0;
}
