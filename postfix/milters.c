/* Lists of milters. Pure. Called by merge_values.c and by the checks. */
#include <string.h>
#include <strings.h>

#include "postfix/milters.h"
#include "postfix/text.h"

#define MILTER_MAX 1024 /* bytes of one milter in a list that we can compare */

/* What sign, by parts of their sockets' names and by their usual ports. */
static const char *const signers[] = {"dkim", "rspamd", "openarc", "amavis", ":8891", ":8893", ":11332"};

/* The milter's socket, if it is this one; blanks around it are not its own. */
static bool is_socket(const char *milter, size_t len, const char *socket)
{
	size_t skip = 0, length = strlen(socket);

	while (skip < len && strchr("{" TEXT_BLANKS, milter[skip]) != NULL)
		skip++;
	return len - skip >= length && strncmp(milter + skip, socket, length) == 0 &&
	       (skip + length == len || strchr("}" TEXT_LIST, milter[skip + length]) != NULL);
}

/* The milter with that socket in the list, or NULL; its length. */
static const char *find(const char *list, const char *socket, size_t *len)
{
	for (; (*len = text_word(&list, TEXT_LIST)) > 0; list += *len)
		if (is_socket(list, *len, socket))
			return list;
	return NULL;
}

bool milters_has(const char *list, const char *socket)
{
	size_t len;

	return find(list, socket, &len) != NULL;
}

bool milters_has_options(const char *list, const char *socket)
{
	size_t len;
	const char *milter = find(list, socket, &len);

	return milter != NULL && milter[0] == '{';
}

bool milters_has_others(const char *list, const char *socket)
{
	size_t len;

	for (; (len = text_word(&list, TEXT_LIST)) > 0; list += len)
		if (!is_socket(list, len, socket))
			return true;
	return false;
}

static bool signs(const char *milter, size_t len)
{
	char text[MILTER_MAX];

	if (len >= sizeof text)
		return false;
	memcpy(text, milter, len);
	text[len] = '\0';
	for (size_t i = 0; i < sizeof signers / sizeof signers[0]; i++)
		if (strcasestr(text, signers[i]) != NULL)
			return true;
	return false;
}

bool milters_follows_signer(const char *list, const char *socket)
{
	bool signer = false;
	size_t len;

	for (; (len = text_word(&list, TEXT_LIST)) > 0; list += len) {
		if (is_socket(list, len, socket))
			return signer;
		signer |= signs(list, len);
	}
	return false;
}

static void put(struct buf *out, size_t first, const char *milter, size_t len)
{
	if (out->len > first)
		buf_puts(out, ", ");
	buf_append(out, milter, len);
}

void milters_put_first(const char *list, const char *socket, const char *milter, struct buf *out)
{
	size_t first = out->len, len;

	put(out, first, milter, strlen(milter));
	for (; (len = text_word(&list, TEXT_LIST)) > 0; list += len)
		if (!is_socket(list, len, socket))
			put(out, first, list, len);
}

void milters_replace(const char *list, const char *socket, const char *milter, struct buf *out)
{
	size_t first = out->len, len;

	for (; (len = text_word(&list, TEXT_LIST)) > 0; list += len)
		if (is_socket(list, len, socket))
			put(out, first, milter, strlen(milter));
		else
			put(out, first, list, len);
}

void milters_socket(const char *milter, struct buf *out)
{
	milter += strspn(milter, "{" TEXT_BLANKS);
	buf_append(out, milter, strcspn(milter, "}" TEXT_LIST));
}
