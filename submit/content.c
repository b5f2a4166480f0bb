/*
 * The bytes of a message on their way from LMTP to SMTP. Pure; memory is the caller's buffer. Called by session.c with
 * one block after the other, and by the fuzz target.
 */
#include "submit/content.h"

static void emit(struct content *content, struct buf *out, const char *bytes, size_t len)
{
	if (!content->refused)
		buf_append(out, bytes, len);
}

/* Text of a line, folded where it would become too long: CRLF and a space, as smtp(8) does. */
static void emit_text(struct content *content, struct buf *out, const char *bytes, size_t len)
{
	size_t room;

	while (len > 0) {
		if (content->line_len == CONTENT_LINE_MAX) {
			emit(content, out, "\r\n ", 3);
			content->line_len = 1;
		}
		room = CONTENT_LINE_MAX - content->line_len;
		if (room > len)
			room = len;
		emit(content, out, bytes, room);
		content->line_len += room;
		bytes += room;
		len -= room;
	}
	content->state = CONTENT_IN_LINE;
}

static void end_line(struct content *content, struct buf *out, bool bare)
{
	if (bare && content->policy == CONTENT_REFUSE)
		content->refused = true;
	emit(content, out, "\r\n", 2);
	content->state = CONTENT_LINE_START;
	content->line_len = 0;
	content->after_bare = bare;
}

/* A CR that no LF follows. */
static void bare_cr(struct content *content, struct buf *out)
{
	if (content->policy == CONTENT_REFUSE)
		content->refused = true;
	emit_text(content, out, " ", 1);
}

/* A dot at the start of a line, once it is clear that it does not end the message. Stuffing goes through as it is: the
 * server takes it off as we would have. It is not part of the line. */
static void first_dot(struct content *content, struct buf *out)
{
	emit(content, out, ".", 1);
	content->state = CONTENT_IN_LINE;
}

/* Bytes up to the next CR or LF. */
static size_t span(const char *in, size_t len)
{
	size_t i = 0;

	while (i < len && in[i] != '\r' && in[i] != '\n')
		i++;
	return i;
}

static size_t take_line_start(struct content *content, const char *in, struct buf *out)
{
	if (*in != '.') {
		content->state = CONTENT_IN_LINE;
		return 0;
	}
	if (content->after_bare) {
		emit(content, out, ".", 1);
		emit_text(content, out, ".", 1);
	} else {
		content->state = CONTENT_DOT;
	}
	return 1;
}

static size_t take_in_line(struct content *content, const char *in, size_t len, struct buf *out)
{
	size_t text = span(in, len);

	if (text > 0) {
		emit_text(content, out, in, text);
		return text;
	}
	if (*in == '\r')
		content->state = CONTENT_CR;
	else
		end_line(content, out, true);
	return 1;
}

/* After a CR, of which nothing has been sent yet. */
static size_t take_after_cr(struct content *content, const char *in, struct buf *out)
{
	if (*in == '\n') {
		end_line(content, out, false);
		return 1;
	}
	bare_cr(content, out);
	return 0;
}

/* After the first dot of a line, not sent yet. */
static size_t take_after_dot(struct content *content, const char *in, struct buf *out)
{
	if (*in == '\r') {
		content->state = CONTENT_DOT_CR;
		return 1;
	}
	/* A dot and a bare LF is not the end: once repaired, it would look like it. */
	if (*in == '\n')
		emit(content, out, ".", 1);
	first_dot(content, out);
	return 0;
}

static size_t take_after_dot_cr(struct content *content, const char *in, struct buf *out)
{
	if (*in == '\n') {
		content->state = CONTENT_END;
		return 1;
	}
	first_dot(content, out);
	bare_cr(content, out);
	return 0;
}

static size_t take_some(struct content *content, const char *in, size_t len, struct buf *out)
{
	switch (content->state) {
	case CONTENT_LINE_START:
		return take_line_start(content, in, out);
	case CONTENT_IN_LINE:
		return take_in_line(content, in, len, out);
	case CONTENT_CR:
		return take_after_cr(content, in, out);
	case CONTENT_DOT:
		return take_after_dot(content, in, out);
	case CONTENT_DOT_CR:
		return take_after_dot_cr(content, in, out);
	case CONTENT_END:
		break;
	}
	return 0;
}

size_t content_take(struct content *content, const char *in, size_t len, struct buf *out)
{
	size_t done = 0;

	while (done < len && content->state != CONTENT_END)
		done += take_some(content, in + done, len - done, out);
	content->size += done;
	return done;
}
