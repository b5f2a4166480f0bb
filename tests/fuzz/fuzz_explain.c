/* The reader of log lines: any bytes in; every span lies within them, and what is known has all its words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prove(struct explain_span span, const char *text, size_t size)
{
	if (span.len > 0 && (span.at < text || span.at + span.len > text + size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct explain_found found;

	explain_text(text, size, &found);
	const struct explain_span spans[] = {found.oauth,  found.event, found.account, found.queue_id,
					     found.sender, found.relay, found.time,    found.reply.text};
	for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
		prove(spans[i], text, size);
	if (found.known && (strlen(found.cause.name) == 0 || strlen(found.cause.advice->remedy) == 0))
		abort();
	return 0;
}
