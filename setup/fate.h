#ifndef MAILBEARER_SETUP_FATE_H
#define MAILBEARER_SETUP_FATE_H

#include <stdint.h>

#include "lib/buf.h"

/*
 * What has become of one message, told by Postfix's log and by its queue. Pure; any bytes will do. So that a log that
 * is being written can be read again and again, nothing is kept between calls.
 */

enum fate_state {
	FATE_UNKNOWN, /* nothing has been said of it yet */
	FATE_SENT,
	FATE_WAITS, /* deferred: it stays in the queue */
	FATE_BOUNCED
};

#define FATE_TEXT_MAX 1024
#define FATE_SENDER_MAX 256

struct fate {
	enum fate_state state;
	char text[FATE_TEXT_MAX];     /* what the other side said, or why it waits; cut where it is longer */
	char sender[FATE_SENDER_MAX]; /* of the envelope as it was queued last, by the log; "": it does not say so */
};

/* Of a log's lines: those of the queue files that hold the message. message_id without its brackets. */
void fate_of_log(const struct buf *log, const char *message_id, struct fate *out);

/* Of what `postqueue -j` prints: the first message from this sender to this recipient since that time (seconds since
 * 1970) for which a reason to wait is given. */
void fate_of_queue(const struct buf *queue, const char *sender, const char *recipient, int64_t since, struct fate *out);

#endif
