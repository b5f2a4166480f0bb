/*
 * Secrets: made, compared and wiped here and nowhere else. Called by every process; may not print, log or hand out a
 * pointer to what it keeps.
 *
 * The bytes lie in pages of their own, which the system is asked to keep out of core dumps and swap. It may say no
 * (RLIMIT_MEMLOCK is small, and 10,000 accounts are many pages): then they are as safe as the rest of the process.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/secret.h"

#define REDACT_MIN 8 /* bytes; anything shorter would star out words that are none */

struct secret {
	char *bytes; /* `len` of them, mapped */
	size_t len;
};

static char *map_private(size_t len)
{
	char *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return NULL;
#if defined(MADV_DONTDUMP)
	madvise(bytes, len, MADV_DONTDUMP);
#elif defined(MADV_NOCORE)
	madvise(bytes, len, MADV_NOCORE);
#endif
	mlock(bytes, len);
	return bytes;
}

/* mmap takes no length of 0. */
static size_t map_len(size_t len)
{
	return len > 0 ? len : 1;
}

struct secret *secret_new(const void *bytes, size_t len)
{
	struct secret *secret;

	if (len > SECRET_MAX)
		return NULL;
	secret = malloc(sizeof *secret);
	if (secret == NULL)
		return NULL;
	secret->len = len;
	secret->bytes = map_private(map_len(len));
	if (secret->bytes == NULL) {
		free(secret);
		return NULL;
	}
	if (len > 0)
		memcpy(secret->bytes, bytes, len);
	return secret;
}

struct secret *secret_dup(const struct secret *secret)
{
	return secret != NULL ? secret_new(secret->bytes, secret->len) : NULL;
}

void secret_free(struct secret *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret->bytes, secret->len);
	munmap(secret->bytes, map_len(secret->len));
	free(secret);
}

size_t secret_len(const struct secret *secret)
{
	return secret->len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	volatile unsigned char differ = 0; /* volatile: or the compiler may stop at the first difference */

	if (a == NULL || b == NULL)
		return a == b;
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		differ |= (unsigned char)(a->bytes[i] ^ b->bytes[i]);
	return differ == 0;
}

int secret_append(const struct secret *secret, struct buf *out)
{
	return buf_append(out, secret->bytes, secret->len);
}

static char *find(const struct secret *secret, char *text, const char *end)
{
	return memmem(text, (size_t)(end - text), secret->bytes, secret->len);
}

void secret_redact(const struct secret *secret, char *text)
{
	const char *end = text + strlen(text);
	char *hit, *next;

	if (secret == NULL || secret->len < REDACT_MIN)
		return;
	/* The next one is looked for before this one is overwritten: they may overlap. */
	for (hit = find(secret, text, end); hit != NULL; hit = next) {
		size_t len = secret->len;

		next = find(secret, hit + 1, end);
		if (next != NULL && (size_t)(next - hit) < len)
			len = (size_t)(next - hit);
		memset(hit, '*', len);
	}
}
