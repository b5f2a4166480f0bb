/* Values in forms and queries (application/x-www-form-urlencoded). Pure; for OAuth's messages and what we print. */
#include <stdbool.h>
#include <string.h>

#include "lib/urlencode.h"

/* '~' is one, and every Entra secret holds it: servers that forget to decode a Basic header's parts still know it. */
static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~", c) != NULL);
}

int urlencode(struct buf *out, const char *bytes, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		char escape[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (is_unreserved(c))
			buf_append(out, &c, 1);
		else
			buf_append(out, escape, sizeof escape);
	}
	return out->failed ? -1 : 0;
}
