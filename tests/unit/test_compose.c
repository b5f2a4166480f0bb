/* The writer of header fields: what it writes has one reading, whatever it was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "milter/compose.h"
#include "milter/encoded_word.h"

#define V(text) text, sizeof(text) - 1

static struct buf write_name(struct span name, struct span mailbox)
{
	struct buf out = BUF_INIT(COMPOSE_MAX);
	size_t column = strlen("From: ");

	assert_int_equal(compose_mailbox(name, mailbox, &column, &out), 0);
	return out;
}

static void expect_name(const char *name, size_t len, const char *wanted)
{
	struct buf out = write_name((struct span){name, len}, SPAN("r@c.example"));

	if (strcmp(out.data, wanted) != 0)
		fail_msg("\"%s\" became\n%s\nnot\n%s", name, out.data, wanted);
	buf_free(&out);
}

#define EXPECT_NAME(name, wanted) expect_name(name, sizeof(name) - 1, wanted)

static void names_are_kept(void **state)
{
	(void)state;
	EXPECT_NAME("", "r@c.example");
	EXPECT_NAME("  ", "r@c.example");
	EXPECT_NAME("\"\"", "r@c.example");
	EXPECT_NAME("Scanner 3", "Scanner 3 <r@c.example>");
	EXPECT_NAME("Scanner\n  3\t", "Scanner 3 <r@c.example>");
	EXPECT_NAME("\"Scanner 3\"", "Scanner 3 <r@c.example>");
	EXPECT_NAME("Smith, John", "\"Smith, John\" <r@c.example>");
	EXPECT_NAME("\"Smith, John\"", "\"Smith, John\" <r@c.example>");
	EXPECT_NAME("Dr. Strange", "\"Dr. Strange\" <r@c.example>");
	EXPECT_NAME("a \\\"b\\\" \\\\c", "\"a \\\"b\\\" \\\\c\" <r@c.example>");
	EXPECT_NAME("=?utf-8?q?M=C3=BCller?=", "=?utf-8?q?M=C3=BCller?= <r@c.example>");
	EXPECT_NAME("=?iso-8859-2?q?=B1?= b", "=?iso-8859-2?q?=B1?= b <r@c.example>");
	EXPECT_NAME("M\xc3\xbcller", "=?utf-8?q?M=C3=BCller?= <r@c.example>");
	EXPECT_NAME("M\xfcller", "=?utf-8?q?M=C3=BCller?= <r@c.example>"); /* Latin-1 */
	EXPECT_NAME("M\xc3\xbcller, H", "=?utf-8?q?M=C3=BCller=2C_H?= <r@c.example>");
	EXPECT_NAME("\xc3\xbc\x20"
		    "09AZaz-",
		    "=?utf-8?q?=C3=BC_09AZaz-?= <r@c.example>");
	EXPECT_NAME("\xa0z", "=?utf-8?q?=C2=A0z?= <r@c.example>");
	EXPECT_NAME("\x9fz", "=?utf-8?q?=3Fz?= <r@c.example>");
	EXPECT_NAME("a@b c?", "\"a@b c?\" <r@c.example>"); /* no encoded word, so nothing of it is changed */
}

/* Between two encoded words a blank is not shown, so it goes into one of them. */
static void blanks_between_words_survive(void **state)
{
	(void)state;
	EXPECT_NAME("\xc3\xbc =?utf-8?q?a?=", "=?utf-8?q?=C3=BC_?= =?utf-8?q?a?= <r@c.example>");
	EXPECT_NAME("=?utf-8?q?a?= \xc3\xbc", "=?utf-8?q?a?= =?utf-8?q?_=C3=BC?= <r@c.example>");
	EXPECT_NAME("=?utf-8?q?a?= =?utf-8?q?b?=", "=?utf-8?q?a?= =?utf-8?q?b?= <r@c.example>");
}

static void an_address_in_a_name_is_no_address(void **state)
{
	(void)state;
	EXPECT_NAME("evil@x.example", "\"evil@x.example\" <r@c.example>");
	EXPECT_NAME("<evil@x.example>", "\"<evil@x.example>\" <r@c.example>");
	EXPECT_NAME("a\" <evil@x.example>, \"b", "\"a <evil@x.example>, b\" <r@c.example>");
	EXPECT_NAME("\xc3\xbc evil@x", "=?utf-8?q?=C3=BC_evil_at_x?= <r@c.example>");
	EXPECT_NAME("=?utf-8?q?=3Cevil=40x=3E?=", "=?utf-8?q?=28evil_at_x=29?= <r@c.example>");
	EXPECT_NAME("=?utf-8?q?a?= <evil@x>", "=?utf-8?q?a?= =?utf-8?q?_=28evil_at_x=29?= <r@c.example>");
	EXPECT_NAME("=?utf-8?q?=22?=", "' <r@c.example>");
	EXPECT_NAME("=?utf-16?b?AEAA?=", "=?utf-8?q?=3D_=3Futf-16=3Fb=3FAEAA=3F=3D?= <r@c.example>");
	EXPECT_NAME("=?gb18030?q?a=40b?= c", "c <r@c.example>"); /* hides one, and is not ours to decode */
}

static void nothing_breaks_out_of_its_line(void **state)
{
	(void)state;
	EXPECT_NAME("a\r\nBcc: evil@x", "\"a Bcc: evil@x\" <r@c.example>");
	EXPECT_NAME("a\n\n\nb", "a b <r@c.example>");
	EXPECT_NAME("a\rb", "a b <r@c.example>");
	EXPECT_NAME("a\0b", "\"a?b\" <r@c.example>");
	EXPECT_NAME("a\x1b[2Jb", "\"a?[2Jb\" <r@c.example>");
	EXPECT_NAME("a\xc2\x85z", "=?utf-8?q?a=3Fz?= <r@c.example>");
	EXPECT_NAME("a\\", "\"a\\\\\" <r@c.example>");
}

static void expect_lines(const struct buf *out, size_t first, size_t longest)
{
	size_t column = first;

	for (size_t i = 0; i < out->len; i++) {
		assert_true(out->data[i] == '\n' || (out->data[i] >= ' ' && out->data[i] <= '~'));
		if (out->data[i] == '\n')
			assert_int_equal(out->data[i + 1], ' ');
		column = out->data[i] == '\n' ? 0 : column + 1;
		assert_in_range(column, 0, longest);
	}
}

static void long_fields_are_folded(void **state)
{
	char words[4096], big[65536];
	struct buf out;

	(void)state;
	words[0] = '\0';
	while (strlen(words) < 240)
		strcat(words, "scan, ner ");
	out = write_name((struct span){words, strlen(words)}, SPAN("r@c.example"));
	expect_lines(&out, 6, 78);
	buf_free(&out);

	memset(big, 'x', sizeof big);
	out = write_name((struct span){big, sizeof big}, SPAN("r@c.example"));
	assert_in_range(out.len, COMPOSE_NAME_MAX, 300);
	expect_lines(&out, 6, 300); /* a word that is too long for a line stays whole */
	buf_free(&out);

	memset(big, 0xfc, sizeof big);
	out = write_name((struct span){big, sizeof big}, SPAN("r@c.example"));
	assert_in_range(out.len, COMPOSE_NAME_MAX, 1200);
	expect_lines(&out, 6, 78);
	buf_free(&out);

	out = (struct buf)BUF_INIT(COMPOSE_MAX);
	assert_int_equal(compose_original((struct span){big, sizeof big}, 17, &out), 0);
	expect_lines(&out, 17, 78);
	assert_in_range(out.len, COMPOSE_TEXT_MAX, 3000);
	buf_free(&out);
}

/* A name of one or two words of so many letters, what then stands between them, and before the address. */
static void expect_fold(size_t first, size_t second, const char *between, const char *before_address)
{
	char name[256], wanted[256];

	memset(name, 'x', first);
	memset(wanted, 'x', first);
	if (second > 0) {
		name[first] = ' ';
		memset(name + first + 1, 'y', second);
		memcpy(wanted + first, between, strlen(between));
		memset(wanted + first + strlen(between), 'y', second);
		snprintf(wanted + first + strlen(between) + second, 40, "%s<r@c.example>", before_address);
		expect_name(name, first + 1 + second, wanted);
	} else {
		snprintf(wanted + first, 40, "%s<r@c.example>", before_address);
		expect_name(name, first, wanted);
	}
}

static void lines_are_as_long_as_they_may_be(void **state)
{
	(void)state;
	expect_fold(56, 0, "", " ");
	expect_fold(57, 0, "", "\n ");
	expect_fold(35, 34, " ", "\n ");
	expect_fold(35, 35, "\n ", " ");
	expect_fold(70, 61, "\n ", " ");
	expect_fold(70, 62, "\n ", "\n ");
	expect_fold(28, 27, " ", " ");
	expect_fold(28, 28, " ", "\n ");
}

static void encoded_words_are_as_long_as_they_may_be(void **state)
{
	char name[256] = "\xc3\xbc", wanted[512], a[63];

	(void)state;
	memset(name + 2, 'a', 51 + 62 + 5);
	memset(a, 'a', 62);
	a[62] = '\0';
	snprintf(wanted, sizeof wanted, "=?utf-8?q?=C3=BC%.51s?=\n =?utf-8?q?%s?=\n =?utf-8?q?aaaaa?= <r@c.example>", a,
		 a);
	expect_name(name, 2 + 51 + 62 + 5, wanted);
}

static void quoted_strings_end_at_a_blank(void **state)
{
	char name[128], wanted[128];

	(void)state;
	memset(name, 'x', sizeof name);
	name[0] = ',';
	name[20] = ' ';
	snprintf(wanted, sizeof wanted, "\"%.60s\"\n <r@c.example>", name);
	expect_name(name, 60, wanted);
	snprintf(wanted, sizeof wanted, "\"%.20s\" \"%.40s\"\n <r@c.example>", name, name + 21);
	expect_name(name, 61, wanted);
}

static void words_that_are_kept_are_bounded(void **state)
{
	static char pieces[16384];
	struct buf out;

	(void)state;
	while (strlen(pieces) + 64 < sizeof pieces)
		strcat(pieces, "=?utf-8?q?a?= ");
	out = write_name((struct span){pieces, strlen(pieces)}, SPAN("r@c.example"));
	assert_in_range(out.len, COMPOSE_WORDS_MAX / 2, 2 * COMPOSE_WORDS_MAX);
	buf_free(&out);
}

static void a_name_of_many_pieces_is_bounded(void **state)
{
	static char pieces[16384];
	struct buf out;

	(void)state;
	while (strlen(pieces) + 64 < sizeof pieces)
		strcat(pieces, "=?utf-8?q?a?= \xc3\xbc, sixteen and more bytes of text, ");
	out = write_name((struct span){pieces, strlen(pieces)}, SPAN("r@c.example"));
	expect_lines(&out, 6, 78);
	assert_in_range(out.len, COMPOSE_NAME_MAX, 2500);
	buf_free(&out);
}

static void a_full_buffer_is_an_error(void **state)
{
	struct buf out = BUF_INIT(8);
	size_t column = 6;

	(void)state;
	assert_int_equal(compose_mailbox(SPAN("Name"), SPAN("r@c.example"), &column, &out), -1);
	buf_free(&out);
}

static void expect_original(const char *value, size_t len, const char *wanted)
{
	struct buf out = BUF_INIT(COMPOSE_MAX);

	assert_int_equal(compose_original((struct span){value, len}, 17, &out), 0);
	assert_string_equal(out.data != NULL ? out.data : "", wanted);
	buf_free(&out);
}

static void originals_are_kept_for_the_eye(void **state)
{
	(void)state;
	expect_original(V("A <a@b.example>, c@d"), "A <a@b.example>, c@d");
	expect_original(V("A\n <a@b.example>\n"), "A <a@b.example>");
	expect_original(V("A\r\nEvil: x"), "A Evil: x");
	expect_original(V("=?utf-8?q?a?= <a@b>"), "=?utf-8?q?a?= <a@b>");
	expect_original(V("M\xc3\xbcller <a@b>"), "=?utf-8?q?M=C3=BCller_=3Ca=40b=3E?=");
	expect_original(V("a\0b"), "a?b");
	expect_original(V(""), "");
}

static void expect_salvage(const char *value, size_t len, const char *wanted)
{
	struct span kept = compose_salvage((struct span){value, len});

	assert_int_equal(kept.len, strlen(wanted));
	if (kept.len > 0)
		assert_memory_equal(kept.at, wanted, kept.len);
}

static void what_names_a_sender_is_salvaged(void **state)
{
	(void)state;
	expect_salvage(V("Smith, John <a@b>"), "Smith, John ");
	expect_salvage(V("a@b <c@d>"), "a@b ");
	expect_salvage(V("Scanner 3"), "Scanner 3");
	expect_salvage(V("a@b c"), "");
	expect_salvage(V("x"), "x");
	expect_salvage(V("<ab>"), "");
	expect_salvage(V(""), "");
	expect_salvage(NULL, 0, "");
}

static void hidden_things_are_found(void **state)
{
	struct encoded_word word;
	char bytes[ENCODED_WORD_MAX], big[ENCODED_WORD_MAX + 2];

	(void)state;
	assert_true(encoded_word_read(V("=?UTF-8?b?TcO8?= rest"), &word));
	assert_int_equal(word.len, 16);
	assert_int_equal(encoded_word_decode(&word, bytes), 3);
	assert_memory_equal(bytes, "M\xc3\xbc", 3);
	assert_false(encoded_word_hides(&word));
	assert_true(encoded_word_read(V("=?koi8-r?Q?a_=3c?="), &word));
	assert_int_equal(encoded_word_decode(&word, bytes), 3);
	assert_memory_equal(bytes, "a <", 3);
	assert_true(encoded_word_hides(&word));
	memset(big, 'a', sizeof big);
	memcpy(big, "=?utf-8?q?", 10);
	memcpy(big + ENCODED_WORD_MAX - 2, "?=", 2);
	assert_true(encoded_word_read(big, ENCODED_WORD_MAX, &word));
	assert_int_equal(encoded_word_decode(&word, bytes), ENCODED_WORD_MAX - 12);
	memcpy(big + ENCODED_WORD_MAX - 2, "a?=", 3);
	assert_false(encoded_word_read(big, ENCODED_WORD_MAX + 1, &word));
	for (size_t len = 0; len < 15; len++)
		assert_false(encoded_word_read("=?UTF-8?b?TcO8?=", len, &word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_kept),
	    cmocka_unit_test(blanks_between_words_survive),
	    cmocka_unit_test(an_address_in_a_name_is_no_address),
	    cmocka_unit_test(nothing_breaks_out_of_its_line),
	    cmocka_unit_test(long_fields_are_folded),
	    cmocka_unit_test(lines_are_as_long_as_they_may_be),
	    cmocka_unit_test(encoded_words_are_as_long_as_they_may_be),
	    cmocka_unit_test(quoted_strings_end_at_a_blank),
	    cmocka_unit_test(words_that_are_kept_are_bounded),
	    cmocka_unit_test(a_name_of_many_pieces_is_bounded),
	    cmocka_unit_test(a_full_buffer_is_an_error),
	    cmocka_unit_test(originals_are_kept_for_the_eye),
	    cmocka_unit_test(what_names_a_sender_is_salvaged),
	    cmocka_unit_test(hidden_things_are_found),
	};

	return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
