/* Lines of the log: nothing from outside may forge one, and none is longer than syslog takes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/log.h"

static char line[LOG_LINE_MAX + 1];

#define FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {.key = NULL}})

static void expect(const char *wanted, enum event event, const char *account, const struct log_field *fields)
{
	int len = log_format(line, sizeof(line), event, account, fields);

	assert_string_equal(line, wanted);
	assert_int_equal(len, strlen(wanted));
}

static void plain_values_are_not_quoted(void **state)
{
	(void)state;
	expect("account=relay@contoso.com event=token-refreshed valid_for=3599 took_ms=-2", EVENT_TOKEN_REFRESHED,
	       "relay@contoso.com", FIELDS(log_number("valid_for", 3599), log_number("took_ms", -2)));
	expect("event=started", EVENT_STARTED, NULL, NULL);
}

static void values_cannot_forge_keys_or_lines(void **state)
{
	(void)state;
	expect("account=\"a event=grant-lost\" event=debug x=\"a=b\" y=\"\\\"\\\\\" "
	       "z=\"\\n\\r\\t\\x1b\\x7f\\xc3\\xa4\"",
	       EVENT_DEBUG, "a event=grant-lost",
	       FIELDS(log_text("x", "a=b"), log_text("y", "\"\\"), log_text("z", "\n\r\t\x1b\x7f\xc3\xa4")));
	expect("event=debug empty=\"\"", EVENT_DEBUG, NULL, FIELDS(log_text("empty", "")));
}

static void absent_texts_are_left_out(void **state)
{
	const char *absent = NULL;

	(void)state;
	expect("event=debug last=1", EVENT_DEBUG, NULL, FIELDS(log_text("reason", absent), log_number("last", 1)));
}

static void long_lines_are_cut_between_characters(void **state)
{
	char text[3 * LOG_LINE_MAX];
	int len;
	size_t size;

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size = 30; size < 60; size++) {
		memset(line, 'Z', sizeof(line));
		len = log_format(line, (int)size, EVENT_DEBUG, NULL, FIELDS(log_text("r", text), log_number("n", 1)));
		assert_true(len < (int)size);
		assert_int_equal(line[len], '\0');
		assert_int_equal(line[size], 'Z');
		assert_string_equal(line + len - 6, "\\n\"...");
		assert_null(strstr(line, "n=1"));
	}
	memset(text, 'x', sizeof(text) - 1);
	len = log_format(line, LOG_LINE_MAX, EVENT_DEBUG, NULL, FIELDS(log_text("r", text)));
	assert_in_range(len, LOG_LINE_MAX - 8, LOG_LINE_MAX - 1);
	assert_string_equal(line + len - 4, "x...");
}

/* Runs log_fields with standard error in a file and returns what came. */
static const char *captured(enum log_target target, bool verbose, bool journal, enum event event)
{
	static char text[2 * LOG_LINE_MAX];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	struct stat st;
	char stream[64];
	size_t n;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + !journal);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fileno(file), STDERR_FILENO);
	log_open("testd", target, verbose);
	errno = EXDEV;
	log_event(event, "a@b", log_text("reason", "x y"));
	assert_int_equal(errno, EXDEV);
	log_close();
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void stderr_gets_one_line_with_ident_and_pid(void **state)
{
	char wanted[256];

	(void)state;
	snprintf(wanted, sizeof(wanted), "testd[%ld]: account=a@b event=grant-lost reason=\"x y\"\n", (long)getpid());
	assert_string_equal(captured(LOG_TO_STDERR, false, false, EVENT_GRANT_LOST), wanted);
}

static void the_journal_gets_the_priority_and_no_second_name(void **state)
{
	char wanted[256];

	(void)state;
	snprintf(wanted, sizeof(wanted), "<%d>account=a@b event=grant-lost reason=\"x y\"\n", LOG_ERR);
	assert_string_equal(captured(LOG_TO_STDERR, false, true, EVENT_GRANT_LOST), wanted);
}

static void debug_lines_want_verbose(void **state)
{
	(void)state;
	assert_string_equal(captured(LOG_TO_STDERR, false, false, EVENT_DEBUG), "");
	assert_non_null(strstr(captured(LOG_TO_STDERR, true, false, EVENT_DEBUG), "event=debug"));
}

static void syslog_keeps_off_stderr(void **state)
{
	(void)state;
	assert_string_equal(captured(LOG_TO_SYSLOG, false, false, EVENT_STARTED), "");
}

static void every_event_has_a_name_of_its_own(void **state)
{
	unsigned i, j;

	(void)state;
	for (i = 0; event_at(i); i++) {
		assert_string_equal(event_at(i), event_name((enum event)i));
		assert_int_equal(strspn(event_at(i), "abcdefghijklmnopqrstuvwxyz-"), strlen(event_at(i)));
		assert_in_range(event_priority((enum event)i), LOG_CRIT, LOG_DEBUG);
		for (j = 0; j < i; j++)
			assert_string_not_equal(event_at(i), event_at(j));
	}
	assert_int_equal(i, EVENT_DEBUG + 1);
	assert_int_equal(event_priority(EVENT_STORE_FAILED), LOG_CRIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_values_are_not_quoted),
	    cmocka_unit_test(values_cannot_forge_keys_or_lines),
	    cmocka_unit_test(absent_texts_are_left_out),
	    cmocka_unit_test(long_lines_are_cut_between_characters),
	    cmocka_unit_test(stderr_gets_one_line_with_ident_and_pid),
	    cmocka_unit_test(the_journal_gets_the_priority_and_no_second_name),
	    cmocka_unit_test(debug_lines_want_verbose),
	    cmocka_unit_test(syslog_keeps_off_stderr),
	    cmocka_unit_test(every_event_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
