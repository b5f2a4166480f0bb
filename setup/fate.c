/*
 * Finds one message in Postfix's log and in its queue's listing, and what is said of it there. Pure. Called by mta.c.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/jsondoc.h"
#include "setup/fate.h"

#define QUEUE_IDS_MAX 8 /* a filter puts a message into the queue once more */
#define QUEUE_ID_SIZE 64

struct line {
	const char *at;
	size_t len;
};

static bool next_line(const struct buf *text, size_t *at, struct line *out)
{
	const char *end;

	if (*at >= text->len)
		return false;
	out->at = text->data + *at;
	end = memchr(out->at, '\n', text->len - *at);
	out->len = end != NULL ? (size_t)(end - out->at) : text->len - *at;
	*at += out->len + 1;
	return true;
}

static const char *find(const struct line *line, const char *word)
{
	return memmem(line->at, line->len, word, strlen(word));
}

/* --- the log --- */

struct queue_ids {
	char ids[QUEUE_IDS_MAX][QUEUE_ID_SIZE];
	unsigned count;
};

/* "postfix/cleanup[123]: QID: message-id=<...>" */
static void note_queue_id(const struct line *line, const char *mark, struct queue_ids *out)
{
	const char *at = find(line, mark), *begin;
	size_t len;

	if (at == NULL || at - line->at < 3 || at[-1] != ' ' || at[-2] != ':' || out->count == QUEUE_IDS_MAX)
		return;
	for (begin = at - 2; begin > line->at && begin[-1] != ' '; begin--)
		continue;
	len = (size_t)(at - 2 - begin);
	if (len > 0 && len < QUEUE_ID_SIZE)
		snprintf(out->ids[out->count++], QUEUE_ID_SIZE, "%.*s", (int)len, begin);
}

/* What follows " QID: WORD" of one of them, or NULL. */
static const char *find_about(const struct line *line, const struct queue_ids *ids, const char *word)
{
	char mark[QUEUE_ID_SIZE + 16];

	for (unsigned i = 0; i < ids->count; i++) {
		const char *at;

		snprintf(mark, sizeof mark, " %s: %s", ids->ids[i], word);
		at = find(line, mark);
		if (at != NULL)
			return at + strlen(mark);
	}
	return NULL;
}

/* "postfix/qmgr[123]: QID: from=<...>" */
static void note_sender(const struct line *line, const struct queue_ids *ids, struct fate *out)
{
	const char *at = find_about(line, ids, "from=<"), *end = line->at + line->len;
	const char *close = at != NULL ? memchr(at, '>', (size_t)(end - at)) : NULL;

	if (close != NULL)
		snprintf(out->sender, sizeof out->sender, "%.*s", (int)(close - at), at);
}

/* "status=deferred (what the server said)" */
static void read_status(const struct line *line, struct fate *out)
{
	static const struct {
		const char *word;
		enum fate_state state;
	} words[] = {{"status=sent", FATE_SENT}, {"status=deferred", FATE_WAITS}, {"status=bounced", FATE_BOUNCED}};
	const char *at = NULL, *end = line->at + line->len;

	for (size_t i = 0; i < sizeof words / sizeof words[0] && at == NULL; i++) {
		at = find(line, words[i].word);
		if (at != NULL)
			out->state = words[i].state;
	}
	if (at == NULL)
		return;
	while (at < end && *at != '(')
		at++;
	at += at < end;
	snprintf(out->text, sizeof out->text, "%.*s", (int)(end - at - (end > at && end[-1] == ')')), at);
}

void fate_of_log(const struct buf *log, const char *message_id, struct fate *out)
{
	struct queue_ids ids = {.count = 0};
	char mark[512];
	struct line line;

	*out = (struct fate){.state = FATE_UNKNOWN};
	snprintf(mark, sizeof mark, "message-id=<%s>", message_id);
	for (size_t at = 0; next_line(log, &at, &line);) {
		note_queue_id(&line, mark, &ids);
		note_sender(&line, &ids, out);
		if (find_about(&line, &ids, "to=<") != NULL)
			read_status(&line, out);
	}
}

/* --- the queue --- */

static const char *reason_of(const json_t *message, const char *recipient)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(message, "recipients"), i, one)
	{
		const char *address = jsondoc_string(one, "address");

		if (address != NULL && strcasecmp(address, recipient) == 0)
			return jsondoc_string(one, "delay_reason");
	}
	return NULL;
}

static bool read_message(const struct line *line, const char *sender, const char *recipient, int64_t since,
			 struct fate *out)
{
	json_t *message = jsondoc_parse_object(line->at, line->len, NULL);
	const char *from = message != NULL ? jsondoc_string(message, "sender") : NULL, *reason = NULL;
	int64_t arrived = 0;

	if (from != NULL && strcasecmp(from, sender) == 0 && jsondoc_integer(message, "arrival_time", &arrived) &&
	    arrived >= since)
		reason = reason_of(message, recipient);
	if (reason != NULL) {
		out->state = FATE_WAITS;
		snprintf(out->text, sizeof out->text, "%s", reason);
	}
	json_decref(message);
	return reason != NULL;
}

void fate_of_queue(const struct buf *queue, const char *sender, const char *recipient, int64_t since, struct fate *out)
{
	struct line line;

	*out = (struct fate){.state = FATE_UNKNOWN};
	for (size_t at = 0; next_line(queue, &at, &line);)
		if (read_message(&line, sender, recipient, since, out))
			return;
}
