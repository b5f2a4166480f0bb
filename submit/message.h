#ifndef MAILBEARER_SUBMIT_MESSAGE_H
#define MAILBEARER_SUBMIT_MESSAGE_H

#include <stdint.h>

#include "smtp/reply.h"
#include "submit/lmtp.h"

/* What became of one message and its recipients, for the one line that is logged of it. */
struct message {
	char sender[LMTP_PATH_MAX + 1];
	unsigned accepted; /* recipients that the server took, and so the replies after the final dot */
	unsigned deferred, refused;
	uint64_t size;     /* bytes */
	int64_t began_ms;  /* on the monotonic clock */
	struct reply last; /* the first reply that was bad, or the last good one; code 0: none yet */
};

#define MESSAGE_RECIPIENTS_MAX 1000

void message_begin(struct message *message, struct lmtp_text sender);

/* A reply that decided about one recipient, or about all that were accepted. */
void message_recipient(struct message *message, const struct reply *reply);
void message_all(struct message *message, const struct reply *reply);

/* Logs it, if anything has been decided, and forgets it. account: or "". */
void message_over(struct message *message, const char *account, const char *host);

#endif
