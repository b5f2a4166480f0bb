/* The bytes of a message on their way through: every short input there is, in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "submit/content.h"

#define ALPHABET ".\r\nx"
#define LENGTH 8 /* so many bytes of four kinds: 87,380 inputs */

static struct buf out;

static int prepare(void **state)
{
	(void)state;
	out = BUF_INIT(1 << 20);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

/* In pieces of `step` bytes. Returns how many were taken. */
static size_t take(struct content *content, const char *in, size_t len, size_t step)
{
	size_t done = 0, piece, took;

	buf_clear(&out);
	while (done < len) {
		piece = len - done < step ? len - done : step;
		took = content_take(content, in + done, piece, &out);
		done += took;
		if (took < piece)
			break;
	}
	assert_false(out.failed);
	return done;
}

static void assert_repaired(const char *in, const char *expected)
{
	struct content content = CONTENT_INIT(CONTENT_REPAIR);

	take(&content, in, strlen(in), strlen(in));
	assert_int_equal(CONTENT_END, content.state);
	assert_string_equal(expected, out.data != NULL ? out.data : "");
}

/* What a server would make of it: no bare CR or LF, no dot alone on a line. */
static void assert_harmless(const char *text, size_t len)
{
	bool line_start = true;

	for (size_t i = 0; i < len; i++) {
		if (line_start && text[i] == '.' && i + 1 < len)
			assert_int_not_equal('\r', text[i + 1]);
		line_start = false;
		if (text[i] == '\r') {
			if (i + 1 == len)
				return; /* the LF is still to come */
			assert_int_equal('\n', text[++i]);
			line_start = true;
		} else {
			assert_int_not_equal('\n', text[i]);
		}
	}
}

static void all_short_inputs(void **state)
{
	char in[LENGTH + 1], *whole;
	size_t taken;

	(void)state;
	for (size_t len = 1; len <= LENGTH; len++) {
		for (size_t number = 0; number < (size_t)1 << (2 * len); number++) {
			struct content once = CONTENT_INIT(CONTENT_REPAIR), bytewise = CONTENT_INIT(CONTENT_REPAIR);

			for (size_t i = 0; i < len; i++)
				in[i] = ALPHABET[number >> (2 * i) & 3];
			in[len] = '\0';
			taken = take(&once, in, len, len);
			assert_harmless(out.data, out.len);
			whole = strdup(out.data != NULL ? out.data : "");
			assert_int_equal(taken, take(&bytewise, in, len, 1));
			assert_int_equal(once.state, bytewise.state);
			assert_string_equal(whole, out.data != NULL ? out.data : "");
			free(whole);
			if (once.state == CONTENT_END)
				assert_true(strncmp(in, ".\r\n", 3) == 0 || strstr(in, "\r\n.\r\n") != NULL);
			else
				assert_true(strncmp(in, ".\r\n", 3) != 0 && strstr(in, "\r\n.\r\n") == NULL);
		}
	}
}

static void clean_text_is_not_touched(void **state)
{
	(void)state;
	assert_repaired(".\r\n", "");
	assert_repaired("\r\n.\r\n", "\r\n");
	assert_repaired("a: b\r\n\r\n..\r\n...x\r\ny.\r\n.\r\n", "a: b\r\n\r\n..\r\n...x\r\ny.\r\n");
}

static void bare_line_ends_are_repaired(void **state)
{
	(void)state;
	assert_repaired("a\nb\r\n.\r\n", "a\r\nb\r\n");
	assert_repaired("a\rb\r\n.\r\n", "a b\r\n");
	assert_repaired("a\r\r\n.\r\n", "a \r\n");
	assert_repaired("a\n.\r\nb\r\n.\r\n", "a\r\n..\r\nb\r\n");
	assert_repaired("a\n.b\r\n.\r\n", "a\r\n..b\r\n");
	assert_repaired("a\r\n.\nb\r\n.\r\n", "a\r\n..\r\nb\r\n");
	assert_repaired("a\r\n.\rb\r\n.\r\n", "a\r\n. b\r\n");
}

static void bare_line_ends_are_refused(void **state)
{
	static const char *const bad[] = {"a\nb\r\n.\r\n", "a\rb\r\n.\r\n", "a\r\n.\nb\r\n.\r\n", "\r\r\n.\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct content content = CONTENT_INIT(CONTENT_REFUSE);

		assert_int_equal(strlen(bad[i]), take(&content, bad[i], strlen(bad[i]), 3));
		assert_true(content.refused);
		assert_int_equal(CONTENT_END, content.state);
	}
}

static void long_lines_are_folded(void **state)
{
	struct content content = CONTENT_INIT(CONTENT_REPAIR);
	char in[4000];

	(void)state;
	memset(in, 'x', sizeof in);
	memcpy(in + 998, "\r\n", 2);
	memcpy(in + 1000 + 999, "\r\n", 2);
	in[2001] = in[2002] = '.'; /* a stuffed line, whose first dot does not count */
	memcpy(in + 2001 + 1 + 998, "\r\n.\r\n", 5);
	assert_int_equal(2001 + 1 + 998 + 5, take(&content, in, sizeof in, 700));
	assert_int_equal(CONTENT_END, content.state);
	assert_int_equal(2001 + 1 + 998 + 2 + 3, out.len);
	assert_memory_equal("\r\nx", out.data + 998, 3);
	assert_memory_equal("x\r\n x\r\n..x", out.data + 1000 + 997, 10);
}

static void what_follows_is_left(void **state)
{
	struct content content = CONTENT_INIT(CONTENT_REPAIR);

	(void)state;
	assert_int_equal(6, take(&content, "a\r\n.\r\nQUIT\r\n", 12, 12));
	assert_int_equal(6, content.size);
	assert_int_equal(0, content_take(&content, "QUIT\r\n", 6, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(all_short_inputs, prepare, clean_up),
	    cmocka_unit_test_setup_teardown(clean_text_is_not_touched, prepare, clean_up),
	    cmocka_unit_test_setup_teardown(bare_line_ends_are_repaired, prepare, clean_up),
	    cmocka_unit_test_setup_teardown(bare_line_ends_are_refused, prepare, clean_up),
	    cmocka_unit_test_setup_teardown(long_lines_are_folded, prepare, clean_up),
	    cmocka_unit_test_setup_teardown(what_follows_is_left, prepare, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
