/* The log's one line about a message. Called by session.c. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/log.h"
#include "submit/message.h"

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void message_begin(struct message *message, struct lmtp_text sender)
{
	memset(message, 0, sizeof *message);
	snprintf(message->sender, sizeof message->sender, "%.*s", (int)sender.len, sender.at);
	message->began_ms = now_ms();
}

static void remember(struct message *message, const struct reply *reply)
{
	if (message->last.code < 400)
		message->last = *reply;
}

void message_recipient(struct message *message, const struct reply *reply)
{
	if (reply->code < 400)
		message->accepted++;
	else if (reply->code < 500)
		message->deferred++;
	else
		message->refused++;
	remember(message, reply);
}

void message_all(struct message *message, const struct reply *reply)
{
	if (reply->code >= 500)
		message->refused += message->accepted;
	else if (reply->code >= 400)
		message->deferred += message->accepted > 0 ? message->accepted : 1;
	if (reply->code >= 400)
		message->accepted = 0;
	if (reply->code >= 500 && message->refused == 0)
		message->refused = 1;
	remember(message, reply);
}

static void log_line(const struct message *message, const char *account, const char *host)
{
	enum event event = message->refused > 0    ? EVENT_RELAY_REFUSED
			   : message->deferred > 0 ? EVENT_RELAY_DEFERRED
						   : EVENT_RELAYED;
	char reply[REPLY_TEXT_MAX + 32];

	snprintf(reply, sizeof reply, "%d %s %s", message->last.code, message->last.enhanced, message->last.text);
	log_event(event, account[0] != '\0' ? account : NULL, log_text("from", message->sender),
		  log_text("relay", host[0] != '\0' ? host : NULL), log_number("accepted", message->accepted),
		  log_number("deferred", message->deferred), log_number("refused", message->refused),
		  log_number("size", (int64_t)message->size), log_number("took_ms", now_ms() - message->began_ms),
		  log_text("reply", reply));
}

void message_over(struct message *message, const char *account, const char *host)
{
	if (message->last.code != 0)
		log_line(message, account, host);
	memset(message, 0, sizeof *message);
}
