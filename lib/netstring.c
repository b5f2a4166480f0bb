/*
 * Netstrings, bytes in and out: no I/O. The wire's framing on both sides of the socket; what it reads comes from
 * strangers.
 */
#include <stdio.h>
#include <string.h>

#include "lib/netstring.h"

enum netstring_status netstring_decode(const char *in, size_t in_len, size_t max, struct netstring *out)
{
	size_t len = 0, head = 0;

	for (; head < in_len && in[head] >= '0' && in[head] <= '9'; head++) {
		size_t digit = (size_t)(in[head] - '0');

		if (head == 1 && in[0] == '0')
			return NETSTRING_BAD;
		if (digit > max || len > (max - digit) / 10)
			return NETSTRING_TOO_LONG;
		len = len * 10 + digit;
	}
	if (head == in_len)
		return NETSTRING_MORE;
	if (head == 0 || in[head] != ':')
		return NETSTRING_BAD;
	head++;
	if (in_len - head <= len) /* the comma has not come yet */
		return NETSTRING_MORE;
	if (in[head + len] != ',')
		return NETSTRING_BAD;
	*out = (struct netstring){.data = in + head, .len = len, .used = head + len + 1};
	return NETSTRING_OK;
}

int netstring_append(struct buf *out, const void *bytes, size_t len)
{
	char head[24];
	int head_len = snprintf(head, sizeof head, "%zu:", len);

	/* Room for all of it first, so that a failure leaves no half of a netstring behind. */
	if (len > out->max || buf_reserve(out, (size_t)head_len + len + 1) == NULL) {
		out->failed = true;
		return -1;
	}
	buf_append(out, head, (size_t)head_len);
	buf_append(out, bytes, len);
	return buf_append(out, ",", 1);
}
