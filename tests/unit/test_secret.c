/* Secrets: kept apart, compared, redacted, and wiped before their pages go back (the mapping calls are watched). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "lib/secret.h"

static struct {
	char *bytes; /* of the latest mapping */
	int open;    /* mappings that stand */
	bool dump;   /* the latest may be part of a core dump */
	bool refuse; /* no more mappings */
} pages;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *bytes, size_t len);
int __wrap_munmap(void *bytes, size_t len);
int __real_madvise(void *bytes, size_t len, int advice);
int __wrap_madvise(void *bytes, size_t len, int advice);
int __wrap_mlock(const void *bytes, size_t len);

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (pages.refuse)
		return MAP_FAILED;
	pages.bytes = __real_mmap(at, len, prot, flags, fd, offset);
	pages.dump = true;
	pages.open++;
	return pages.bytes;
}

int __wrap_munmap(void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(((char *)bytes)[i], 0);
	pages.open--;
	return __real_munmap(bytes, len);
}

int __wrap_madvise(void *bytes, size_t len, int advice)
{
	int result = __real_madvise(bytes, len, advice);

#ifdef MADV_DONTDUMP
	if (result == 0 && bytes == pages.bytes && advice == MADV_DONTDUMP)
		pages.dump = false;
#else
	pages.dump = false;
#endif
	return result;
}

/* RLIMIT_MEMLOCK is used up. */
int __wrap_mlock(const void *bytes, size_t len)
{
	(void)bytes;
	(void)len;
	return -1;
}

static struct secret *make(const char *text)
{
	struct secret *secret = secret_new(text, strlen(text));

	assert_non_null(secret);
	return secret;
}

static void assert_holds(const struct secret *secret, const void *bytes, size_t len)
{
	struct buf buf = BUF_INIT(SECRET_MAX);

	assert_int_equal(secret_len(secret), len);
	assert_int_equal(secret_append(secret, &buf), 0);
	assert_int_equal(buf.len, len);
	assert_memory_equal(buf.data, bytes, len);
	buf_free(&buf);
}

static void it_is_a_copy(void **state)
{
	char bytes[] = "hun\0ter2";
	struct secret *secret = secret_new(bytes, 8), *copy;

	(void)state;
	memset(bytes, 0, sizeof bytes);
	assert_holds(secret, "hun\0ter2", 8);
	copy = secret_dup(secret);
	secret_free(secret);
	assert_holds(copy, "hun\0ter2", 8);
	secret_free(copy);
	assert_null(secret_dup(NULL));
	secret_free(NULL);
	assert_int_equal(pages.open, 0);
}

static void its_pages_are_not_dumped(void **state)
{
	struct secret *secret = make("hunter2");

	(void)state;
	assert_false(pages.dump);
	assert_memory_equal(pages.bytes, "hunter2", 7);
	secret_free(secret); /* __wrap_munmap sees whether it was wiped */
	assert_int_equal(pages.open, 0);
}

static void lengths_are_bounded(void **state)
{
	static char bytes[SECRET_MAX + 1];
	struct secret *secret;

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	assert_null(secret_new(bytes, SECRET_MAX + 1));
	secret = secret_new(bytes, SECRET_MAX);
	assert_non_null(secret);
	assert_holds(secret, bytes, SECRET_MAX);
	secret_free(secret);
	secret = secret_new(NULL, 0);
	assert_non_null(secret);
	assert_int_equal(secret_len(secret), 0);
	secret_free(secret);
}

static void no_memory_is_no_secret(void **state)
{
	(void)state;
	pages.refuse = true;
	assert_null(secret_new("hunter2", 7));
	pages.refuse = false;
}

static void append_obeys_the_buffer(void **state)
{
	struct secret *secret = make("hunter2");
	struct buf buf = BUF_INIT(6);

	(void)state;
	assert_int_equal(secret_append(secret, &buf), -1);
	assert_true(buf.failed);
	assert_int_equal(buf.len, 0);
	buf_free(&buf);
	secret_free(secret);
}

static void equal_means_every_byte(void **state)
{
	struct secret *a = make("abcdefgh"), *same = make("abcdefgh"), *shorter = make("abcdefg");
	struct secret *first = make("Xbcdefgh"), *last = make("abcdefgX"), *empty = secret_new("", 0);

	(void)state;
	assert_true(secret_equal(a, a));
	assert_true(secret_equal(a, same));
	assert_false(secret_equal(a, shorter));
	assert_false(secret_equal(shorter, a));
	assert_false(secret_equal(a, first));
	assert_false(secret_equal(a, last));
	assert_false(secret_equal(a, empty));
	assert_false(secret_equal(a, NULL));
	assert_false(secret_equal(NULL, a));
	assert_false(secret_equal(NULL, empty));
	assert_true(secret_equal(NULL, NULL));
	secret_free(a);
	secret_free(same);
	secret_free(shorter);
	secret_free(first);
	secret_free(last);
	secret_free(empty);
}

static void assert_redacted(const char *bytes, const char *text, const char *wanted)
{
	struct secret *secret = make(bytes);
	char copy[128];

	strcpy(copy, text);
	secret_redact(secret, copy);
	assert_string_equal(copy, wanted);
	secret_free(secret);
}

static void every_occurrence_is_overwritten(void **state)
{
	char text[] = "hunter22";

	(void)state;
	assert_redacted("hunter22", "", "");
	assert_redacted("hunter22", "hunter2", "hunter2");
	assert_redacted("hunter22", "hunter22", "********");
	assert_redacted("hunter22", "a hunter22hunter22 b hunter22", "a **************** b ********");
	/* They may overlap, and then no piece of one may stay. */
	assert_redacted("abababab", "<abababababab>", "<************>");
	assert_redacted("aaaaaaaa", "aaaaaaaaaaab", "***********b");
	/* Words that happen to be a very short secret are left alone. */
	assert_redacted("invalid", "invalid grant", "invalid grant");
	secret_redact(NULL, text);
	assert_string_equal(text, "hunter22");
}

static void ten_thousand_accounts_with_two_each(void **state)
{
	enum { MANY = 20000 };
	static struct secret *secrets[MANY];
	char text[32];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "refresh token %d", i);
		secrets[i] = make(text);
	}
	for (int i = 0; i < MANY; i += 2) /* every second page becomes a hole */
		secret_free(secrets[i]);
	for (int i = 1; i < MANY; i += 2) {
		snprintf(text, sizeof text, "refresh token %d", i);
		assert_holds(secrets[i], text, strlen(text));
		secret_free(secrets[i]);
	}
	assert_int_equal(pages.open, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_a_copy),
	    cmocka_unit_test(its_pages_are_not_dumped),
	    cmocka_unit_test(lengths_are_bounded),
	    cmocka_unit_test(no_memory_is_no_secret),
	    cmocka_unit_test(append_obeys_the_buffer),
	    cmocka_unit_test(equal_means_every_byte),
	    cmocka_unit_test(every_occurrence_is_overwritten),
	    cmocka_unit_test(ten_thousand_accounts_with_two_each),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
