/*
 * The growing byte buffer. Called by everybody; may not leave a byte of what it held in memory that it gives back.
 *
 * Everything from data[len] to data[cap] is zero at all times: that is the NUL at the end, whoever wrote into the room
 * that buf_reserve made.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

#define FIRST_CAP 64

/* Moves the contents to a larger piece of memory. Not realloc(), which would leave the old one as it was. */
static int grow(struct buf *buf, size_t cap)
{
	char *data = calloc(1, cap + 1);

	if (data == NULL)
		return -1;
	if (buf->data != NULL) {
		memcpy(data, buf->data, buf->len);
		explicit_bzero(buf->data, buf->cap);
		free(buf->data);
	}
	buf->data = data;
	buf->cap = cap;
	return 0;
}

/* The capacity for `want` bytes: doubled, so that many small appends cost few copies. */
static size_t next_cap(const struct buf *buf, size_t want)
{
	size_t cap = buf->cap * 2;

	if (cap < FIRST_CAP)
		cap = FIRST_CAP;
	if (cap < want)
		cap = want;
	return cap < buf->max ? cap : buf->max;
}

char *buf_reserve(struct buf *buf, size_t len)
{
	/* Once failed, nothing more goes in: what comes after a gap must not look whole. */
	if (buf->failed || buf->max > SIZE_MAX / 2 || buf->len > buf->max || len > buf->max - buf->len) {
		buf->failed = true;
		return NULL;
	}
	if ((buf->data == NULL || len > buf->cap - buf->len) && grow(buf, next_cap(buf, buf->len + len)) != 0) {
		buf->failed = true;
		return NULL;
	}
	return buf->data + buf->len;
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
	char *room = buf_reserve(buf, len);

	if (room == NULL)
		return -1;
	if (len > 0)
		memcpy(room, bytes, len);
	buf->len += len;
	return 0;
}

int buf_puts(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;
	char *room;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		buf->failed = true;
	room = buf_reserve(buf, len < 0 ? 0 : (size_t)len);
	if (room == NULL)
		return -1;
	va_start(args, fmt);
	vsnprintf(room, (size_t)len + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)len;
	return 0;
}

void buf_consume(struct buf *buf, size_t len)
{
	if (len > buf->len)
		len = buf->len;
	if (len == 0)
		return;
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
	explicit_bzero(buf->data + buf->len, len);
}

void buf_clear(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->cap); /* all of it: room that was reserved may have been written to */
	buf->len = 0;
	buf->failed = false;
}

void buf_free(struct buf *buf)
{
	buf_clear(buf);
	free(buf->data);
	buf->data = NULL;
	buf->cap = 0;
}
