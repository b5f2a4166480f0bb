#ifndef MAILBEARER_LIB_UTF8_H
#define MAILBEARER_LIB_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The bytes (1 to 4) of the character at the start, which is put in *code; 0 when they are no UTF-8 (RFC 3629: shortest
 * form, no surrogates, up to U+10FFFF), or when len is 0. Pure. */
size_t utf8_read(const char *at, size_t len, uint32_t *code);

#endif
