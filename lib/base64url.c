/* base64url for JWTs and PKCE. Pure; OpenSSL's encoder pads and breaks lines, so this is ours. */
#include <string.h>

#include "lib/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int base64url_append(struct buf *out, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;

	for (size_t at = 0; at < len; at += 3) {
		size_t left = len - at < 3 ? len - at : 3;
		unsigned group =
		    (unsigned)in[at] << 16 | (left > 1 ? (unsigned)in[at + 1] << 8 : 0) | (left > 2 ? in[at + 2] : 0);
		const char text[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63], alphabet[group >> 6 & 63],
				      alphabet[group & 63]};

		if (buf_append(out, text, left + 1) != 0)
			return -1;
	}
	return 0;
}

/* 0 to 63, or -1 */
static int value_of(char c)
{
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

	return at != NULL ? (int)(at - alphabet) : -1;
}

int base64url_decode(struct buf *out, const char *text, size_t len)
{
	unsigned bits = 0;
	int have = 0;

	if (len % 4 == 1)
		return -1;
	for (size_t at = 0; at < len; at++) {
		int value = value_of(text[at]);
		char byte;

		if (value < 0)
			return -1;
		bits = bits << 6 | (unsigned)value;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		byte = (char)(bits >> have & 0xff);
		if (buf_append(out, &byte, 1) != 0)
			return -1;
	}
	return (bits & ((1u << have) - 1)) == 0 ? 0 : -1;
}
