#ifndef MAILBEARER_LIB_BUF_H
#define MAILBEARER_LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A byte buffer that grows up to a maximum it is born with.
 *
 * Any buffer may have held a secret, so every byte is wiped before its memory goes back: on growth, on
 * buf_clear and on buf_free. `data` is NUL-terminated whenever it is not NULL (the NUL is not counted in len).
 * A failed append (maximum passed, no memory) leaves the contents as they were and sets `failed`, which stays
 * set until buf_clear: several appends may be made in a row and checked once at the end.
 */
struct buf {
	char *data; /* owned; NULL while empty */
	size_t len;
	size_t cap;
	size_t max; /* the most that len may become */
	bool failed;
};

#define BUF_INIT(max_) ((struct buf){.max = (max_)})

/* Each returns 0, or -1 with `failed` set. */
int buf_append(struct buf *buf, const void *bytes, size_t len);
int buf_puts(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for `len` more bytes and returns where they go (then add to buf->len what was written), or NULL. */
char *buf_reserve(struct buf *buf, size_t len);

/* Drops the first `len` bytes (at most all). */
void buf_consume(struct buf *buf, size_t len);

/* Wipes the contents and keeps the memory and the maximum. */
void buf_clear(struct buf *buf);

/* Wipes and frees; the buffer is empty and usable again. Legal on a zeroed buffer. */
void buf_free(struct buf *buf);

#endif
