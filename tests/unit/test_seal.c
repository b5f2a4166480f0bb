/* Sealing: what was closed opens, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokend/seal.h"

#define NAME "relay@contoso.com"
#define TEXT "a refresh token and what belongs to it"

static struct seal_key *key_of(const char *hex)
{
	struct secret *secret = secret_new(hex, strlen(hex));
	struct seal_key *key = seal_key_new(secret, NULL);

	secret_free(secret);
	return key;
}

/* 64 digits, the last of them `last`. */
static struct seal_key *make_key(char last)
{
	char hex[] = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";

	hex[63] = last;
	return key_of(hex);
}

static struct buf sealed_text(const struct seal_key *key, const char *name, const char *text)
{
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX);
	struct buf sealed = BUF_INIT(SEAL_PLAIN_MAX + SEAL_OVERHEAD);

	assert_int_equal(buf_puts(&plain, text), 0);
	assert_int_equal(seal_close(key, name, &plain, &sealed, NULL), 0);
	buf_free(&plain);
	return sealed;
}

/* The code it fails with; ERR_NONE when it opens and holds `text`. Nothing may be left in the buffer on failure. */
static enum err_code open_as(const struct seal_key *key, const char *name, const char *bytes, size_t len,
			     const char *text)
{
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX);
	struct err err = {0};
	int result;

	assert_int_equal(buf_puts(&plain, "before "), 0);
	result = seal_open(key, name, bytes, len, &plain, &err);
	if (result == 0) {
		assert_int_equal(plain.len, strlen("before ") + strlen(text));
		assert_memory_equal(plain.data + strlen("before "), text, strlen(text));
	} else {
		assert_int_equal(plain.len, strlen("before "));
		assert_true(err.text[0] != '\0');
	}
	buf_free(&plain);
	return err.code;
}

static void what_was_closed_opens(void **state)
{
	struct seal_key *key = make_key('0');
	struct buf sealed = sealed_text(key, NAME, TEXT);

	(void)state;
	assert_int_equal(sealed.len, strlen(TEXT) + SEAL_OVERHEAD);
	assert_memory_equal(sealed.data, "MBEARER\1", 8);
	assert_null(memmem(sealed.data, sealed.len, "refresh", 7));
	assert_int_equal(open_as(key, NAME, sealed.data, sealed.len, TEXT), ERR_NONE);
	buf_free(&sealed);
	sealed = sealed_text(key, NAME, "");
	assert_int_equal(open_as(key, NAME, sealed.data, sealed.len, ""), ERR_NONE);
	buf_free(&sealed);
	seal_key_free(key);
}

static void no_two_records_look_alike(void **state)
{
	struct seal_key *key = make_key('0');
	struct buf a = sealed_text(key, NAME, TEXT);
	struct buf b = sealed_text(key, NAME, TEXT);

	(void)state;
	assert_memory_not_equal(a.data + 8, b.data + 8, 12);
	assert_memory_not_equal(a.data + 20, b.data + 20, strlen(TEXT));
	buf_free(&a);
	buf_free(&b);
	seal_key_free(key);
}

static void another_key_or_another_name_does_not_open(void **state)
{
	struct seal_key *key = make_key('0');
	struct seal_key *other = make_key('1');
	struct buf sealed = sealed_text(key, NAME, TEXT);

	(void)state;
	assert_int_equal(open_as(other, NAME, sealed.data, sealed.len, ""), ERR_DENIED);
	assert_int_equal(open_as(key, "relay@contoso.co", sealed.data, sealed.len, ""), ERR_DENIED);
	assert_int_equal(open_as(key, "", sealed.data, sealed.len, ""), ERR_DENIED);
	buf_free(&sealed);
	seal_key_free(other);
	seal_key_free(key);
}

static void every_flipped_bit_is_noticed(void **state)
{
	struct seal_key *key = make_key('0');
	struct buf sealed = sealed_text(key, NAME, TEXT);
	size_t i;

	(void)state;
	for (i = 0; i < 8 * sealed.len; i++) {
		enum err_code code;

		sealed.data[i / 8] ^= (char)(1 << i % 8);
		code = open_as(key, NAME, sealed.data, sealed.len, "");
		assert_int_equal(code, i / 8 < 7 ? ERR_SYNTAX : i / 8 == 7 ? ERR_LIMIT : ERR_DENIED);
		sealed.data[i / 8] ^= (char)(1 << i % 8);
	}
	assert_int_equal(open_as(key, NAME, sealed.data, sealed.len, TEXT), ERR_NONE);
	buf_free(&sealed);
	seal_key_free(key);
}

/* Copies of the exact size, so that a sanitizer sees a read beyond the end. */
static void every_truncation_is_noticed(void **state)
{
	struct seal_key *key = make_key('0');
	struct buf sealed = sealed_text(key, NAME, TEXT);
	size_t len;

	(void)state;
	for (len = 0; len < sealed.len; len++) {
		char *copy = malloc(len + (len == 0));

		memcpy(copy, sealed.data, len);
		assert_int_equal(open_as(key, NAME, copy, len, ""), len < SEAL_OVERHEAD ? ERR_SYNTAX : ERR_DENIED);
		free(copy);
	}
	buf_free(&sealed);
	seal_key_free(key);
}

static void records_have_a_maximum(void **state)
{
	struct seal_key *key = make_key('0');
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX + 1);
	struct buf sealed = BUF_INIT(SEAL_PLAIN_MAX + SEAL_OVERHEAD + 1);
	struct err err = {0};

	(void)state;
	memset(buf_reserve(&plain, SEAL_PLAIN_MAX + 1), 'x', SEAL_PLAIN_MAX + 1);
	plain.len = SEAL_PLAIN_MAX + 1;
	assert_int_equal(seal_close(key, NAME, &plain, &sealed, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(sealed.len, 0);
	plain.len = SEAL_PLAIN_MAX;
	assert_int_equal(seal_close(key, NAME, &plain, &sealed, &err), 0);
	assert_int_equal(sealed.len, SEAL_PLAIN_MAX + SEAL_OVERHEAD);
	buf_clear(&plain);
	assert_int_equal(seal_open(key, NAME, sealed.data, sealed.len, &plain, &err), 0);
	assert_int_equal(plain.len, SEAL_PLAIN_MAX);
	assert_int_equal(buf_puts(&sealed, "x"), 0);
	assert_int_equal(open_as(key, NAME, sealed.data, sealed.len, ""), ERR_LIMIT);
	buf_free(&plain);
	buf_free(&sealed);
	seal_key_free(key);
}

/* The longest name is bound to its record to the last byte. */
static void names_have_a_maximum(void **state)
{
	struct seal_key *key = make_key('0');
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX), sealed = BUF_INIT(SEAL_PLAIN_MAX);
	char name[4098];

	(void)state;
	memset(name, 'n', sizeof name);
	name[4097] = '\0';
	assert_int_equal(buf_puts(&plain, TEXT), 0);
	assert_int_equal(seal_close(key, name, &plain, &sealed, NULL), -1);
	name[4096] = '\0';
	assert_int_equal(seal_close(key, name, &plain, &sealed, NULL), 0);
	assert_int_equal(open_as(key, name, sealed.data, sealed.len, TEXT), ERR_NONE);
	name[4095] = 'x';
	assert_int_equal(open_as(key, name, sealed.data, sealed.len, ""), ERR_DENIED);
	buf_free(&plain);
	buf_free(&sealed);
	seal_key_free(key);
}

static void a_buffer_without_room_is_an_error(void **state)
{
	struct seal_key *key = make_key('0');
	struct buf sealed = sealed_text(key, NAME, TEXT);
	struct buf plain = BUF_INIT(strlen(TEXT) - 1);
	struct buf room = BUF_INIT(sealed.len - 1);

	(void)state;
	assert_int_equal(seal_open(key, NAME, sealed.data, sealed.len, &plain, NULL), -1);
	plain.max = SEAL_PLAIN_MAX;
	plain.failed = false;
	assert_int_equal(buf_puts(&plain, TEXT), 0);
	assert_int_equal(seal_close(key, NAME, &plain, &room, NULL), -1);
	assert_int_equal(room.len, 0);
	buf_free(&room);
	buf_free(&plain);
	buf_free(&sealed);
	seal_key_free(key);
}

static void a_key_is_64_hexadecimal_digits(void **state)
{
	static const char *const bad[] = {
	    "",
	    "0",
	    "00112233445566778899aabbccddeeffFFEEDDCCBBAA9988776655443322110",
	    "00112233445566778899aabbccddeeffFFEEDDCCBBAA998877665544332211000",
	    "00112233445566778899aabbccddeeffFFEEDDCCBBAA9988776655443322110g",
	    "G0112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100",
	    "0x112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100",
	    "00112233445566778899aabbccddeeff FFEEDDCCBBAA9988776655443322110",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct secret *hex = secret_new(bad[i], strlen(bad[i]));
		struct err err = {0};

		assert_null(seal_key_new(hex, &err));
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(strstr(err.text, "must be 64 hexadecimal digits"));
		assert_null(strstr(err.text, "112233"));
		secret_free(hex);
	}
	seal_key_free(NULL);
}

/* The key's digits may be written in either case: it is the same key. */
static void digits_have_no_case(void **state)
{
	struct seal_key *lower = key_of("abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdef0123");
	struct seal_key *upper = key_of("ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEF0123");
	struct buf sealed = sealed_text(lower, NAME, TEXT);

	(void)state;
	assert_int_equal(open_as(upper, NAME, sealed.data, sealed.len, TEXT), ERR_NONE);
	buf_free(&sealed);
	seal_key_free(lower);
	seal_key_free(upper);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_closed_opens),
	    cmocka_unit_test(no_two_records_look_alike),
	    cmocka_unit_test(another_key_or_another_name_does_not_open),
	    cmocka_unit_test(every_flipped_bit_is_noticed),
	    cmocka_unit_test(every_truncation_is_noticed),
	    cmocka_unit_test(records_have_a_maximum),
	    cmocka_unit_test(names_have_a_maximum),
	    cmocka_unit_test(a_buffer_without_room_is_an_error),
	    cmocka_unit_test(a_key_is_64_hexadecimal_digits),
	    cmocka_unit_test(digits_have_no_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
