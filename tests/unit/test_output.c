/* What a person sees: texts from outside made harmless, lines that wrap, a table that fits. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/output.h"

static int in_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static int in_c(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C") ? 0 : -1;
}

static void assert_safe(const char *text, size_t len, const char *expected)
{
	struct buf out = BUF_INIT(4096);

	output_safe(&out, text, len);
	assert_false(out.failed);
	assert_string_equal(out.data, expected);
	buf_free(&out);
}

#define safe(literal, expected) assert_safe(literal, sizeof literal - 1, expected)

static void plain_text_stays(void **state)
{
	(void)state;
	safe("invalid_grant: sign in again (AADSTS700082) \\ \"x\" ~",
	     "invalid_grant: sign in again (AADSTS700082) \\ \"x\" ~");
	safe("Gr\xc3\xbc\xc3\x9f"
	     "e \xe6\x97\xa5\xe6\x9c\xac",
	     "Gr\xc3\xbc\xc3\x9f"
	     "e \xe6\x97\xa5\xe6\x9c\xac");
}

static void controls_become_visible(void **state)
{
	(void)state;
	safe("a\x1b[2Jb\r\nc\td\x7f", "a\\x1b[2Jb\\x0d\\x0ac\\x09d\\x7f");
	safe("a\0b", "a\\x00b");
	safe("\xc2\x9b"
	     "2J",
	     "\\xc2\\x9b2J");                        /* CSI as one character */
	safe("x\xe2\x80\xaey", "x\\xe2\\x80\\xaey"); /* right-to-left override */
	safe("x\xe2\x80\x8by", "x\\xe2\\x80\\x8by"); /* zero width space */
}

static void broken_characters_become_visible(void **state)
{
	(void)state;
	safe("\xff\xfe", "\\xff\\xfe");
	safe("a\xe6\x97", "a\\xe6\\x97");
	safe("\xc3(", "\\xc3(");
}

static void the_c_locale_shows_ascii_only(void **state)
{
	(void)state;
	safe("Gr\xc3\xbc", "Gr\\xc3\\xbc");
}

static void assert_paragraph(const char *text, size_t indent, size_t width, const char *expected)
{
	struct buf out = BUF_INIT(4096);

	output_paragraph(&out, text, indent, width);
	assert_false(out.failed);
	assert_string_equal(out.data ? out.data : "", expected);
	buf_free(&out);
}

static void lines_break_at_blanks(void **state)
{
	(void)state;
	assert_paragraph("", 4, 80, "");
	assert_paragraph("   ", 4, 80, "");
	assert_paragraph("one line", 4, 80, "    one line\n");
	assert_paragraph("the mail waits in the queue", 2, 17, "  the mail waits\n  in the queue\n");
	assert_paragraph("the mail  waits  ", 2, 17, "  the mail  waits\n");
	assert_paragraph("the mail waits, in it", 2, 16, "  the mail\n  waits, in it\n");
}

static void long_words_break_anywhere(void **state)
{
	(void)state;
	assert_paragraph("abcdefghijklmnopqrstuvwxyz yes", 2, 16, "  abcdefghijklmn\n  opqrstuvwxyz\n  yes\n");
	assert_paragraph("\x1b\x1b\x1b\x1b", 2, 16, "  \\x1b\\x1b\\x1b\n  \\x1b\n");
}

static void assert_duration(int64_t seconds, const char *expected)
{
	struct buf out = BUF_INIT(64);

	output_duration(&out, seconds);
	assert_string_equal(out.data, expected);
	buf_free(&out);
}

static void durations_are_short(void **state)
{
	(void)state;
	assert_duration(INT64_MIN, "0s");
	assert_duration(0, "0s");
	assert_duration(59, "59s");
	assert_duration(60, "1m");
	assert_duration(3599, "59m");
	assert_duration(3600, "1h 0m");
	assert_duration(12345, "3h 25m");
	assert_duration(86399, "23h 59m");
	assert_duration(86400, "1d");
	assert_duration(90 * 86400, "90d");
}

/* The table of these rows, each of OUTPUT_TABLE_COLUMNS cells. */
static void assert_table(const char *rows[][OUTPUT_TABLE_COLUMNS], size_t count, size_t width, const char *expected)
{
	struct buf out = BUF_INIT(4096);
	struct output_table table = {{0}};
	size_t i;

	for (i = 0; i < count; i++)
		output_measure(&table, rows[i]);
	output_fit(&table, width);
	for (i = 0; i < count; i++)
		output_row(&out, &table, rows[i]);
	assert_false(out.failed);
	assert_string_equal(out.data, expected);
	buf_free(&out);
}

static void columns_are_as_wide_as_needed(void **state)
{
	const char *rows[][OUTPUT_TABLE_COLUMNS] = {{"A", "B", "C", "D", "E"}, {"aaa", "b", "cc", "d", "eeee"}};

	(void)state;
	assert_table(rows, 2, 80, "A    B  C   D  E\naaa  b  cc  d  eeee\n");
}

static void the_first_column_is_cut_in_the_middle(void **state)
{
	const char *rows[][OUTPUT_TABLE_COLUMNS] = {{"abcdefghijklmnopqrstuvwxyz", "b", "c", "d", "e"},
						    {"short", "b", "c", "d", "e"},
						    {"abcdefghijklmnopqr", "b", "c", "d", "e"}};

	(void)state;
	assert_table(rows, 3, 30,
		     "abcdefgh...tuvwxyz  b  c  d  e\n"
		     "short               b  c  d  e\n"
		     "abcdefghijklmnopqr  b  c  d  e\n");
	assert_table(rows, 1, 31, "abcdefgh...stuvwxyz  b  c  d  e\n");
	assert_table(rows, 1, 3, "abcde...wxyz  b  c  d  e\n"); /* never narrower than that */
}

static void wide_and_unsafe_names_keep_the_columns(void **state)
{
	const char *rows[][OUTPUT_TABLE_COLUMNS] = {
	    {"\xe6\x97\xa5\xe6\x9c\xac", "b", "c", "d", "e"},
	    {"\x1b[2Jaaaaaaaaaaaaaaa", "b", "c", "d", "e"},
	    {"\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", "b", "c", "d",
	     "e"}};

	(void)state;
	assert_table(rows, 3, 24,
		     "\xe6\x97\xa5\xe6\x9c\xac          b  c  d  e\n"
		     "\\x1b[...aaaa  b  c  d  e\n"
		     "\xe6\x97\xa5\xe6\x97\xa5...\xe6\x97\xa5\xe6\x97\xa5   b  c  d  e\n");
}

/* A line for a program, with standard output in a pipe. Returns what output_line did; `got` is what came out. */
static int print_line(const char *text, size_t len, char got[64], struct err *err)
{
	struct buf line = BUF_INIT(64);
	int ends[2], saved = dup(STDOUT_FILENO), result;
	ssize_t n;

	buf_append(&line, text, len);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	result = output_line(&line, err);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	n = read(ends[0], got, 63);
	got[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	buf_free(&line);
	return result;
}

static void lines_for_programs_are_ascii(void **state)
{
	struct err err;
	char got[64];

	(void)state;
	assert_int_equal(print_line("eyJ0~ \"x\"", 9, got, &err), 0);
	assert_string_equal(got, "eyJ0~ \"x\"\n");
	assert_int_equal(print_line("eyJ0\x1b[2J", 8, got, &err), -1);
	assert_string_equal(got, "");
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_null(strstr(err.text, "eyJ0"));
	assert_int_equal(print_line("\xc3\xbc", 2, got, &err), -1);
	assert_int_equal(print_line("a\nb", 3, got, &err), -1);
}

static void a_failed_buffer_is_not_printed(void **state)
{
	struct buf out = BUF_INIT(3);
	struct err err;

	(void)state;
	buf_puts(&out, "longer");
	assert_int_equal(output_print(&out, &err), -1);
	assert_int_equal(err.code, ERR_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(plain_text_stays, in_utf8),
	    cmocka_unit_test_setup(controls_become_visible, in_utf8),
	    cmocka_unit_test_setup(broken_characters_become_visible, in_utf8),
	    cmocka_unit_test_setup(the_c_locale_shows_ascii_only, in_c),
	    cmocka_unit_test_setup(lines_break_at_blanks, in_utf8),
	    cmocka_unit_test_setup(long_words_break_anywhere, in_utf8),
	    cmocka_unit_test(durations_are_short),
	    cmocka_unit_test_setup(columns_are_as_wide_as_needed, in_utf8),
	    cmocka_unit_test_setup(the_first_column_is_cut_in_the_middle, in_utf8),
	    cmocka_unit_test_setup(wide_and_unsafe_names_keep_the_columns, in_utf8),
	    cmocka_unit_test(lines_for_programs_are_ascii),
	    cmocka_unit_test(a_failed_buffer_is_not_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
