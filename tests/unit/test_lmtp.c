/* LMTP's commands, what is refused of them, and their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "submit/lmtp.h"

static struct lmtp_command command;
static struct reply refusal;

static int parse(const char *line)
{
	return lmtp_parse(line, strlen(line), &command, &refusal);
}

static void assert_text(const char *expected, struct lmtp_text text)
{
	assert_int_equal(strlen(expected), text.len);
	assert_memory_equal(expected, text.at, text.len);
}

static void assert_refused(int code, const char *line)
{
	assert_int_equal(-1, parse(line));
	assert_int_equal(code, refusal.code);
}

static void mail_with_everything(void **state)
{
	(void)state;
	assert_refused(501, "MAIL FROM:<a b@x.example>");
	assert_int_equal(
	    0, parse("MAIL FROM: <\"a >b\"@x.example> SIZE=157286400 BODY=8BITMIME SMTPUTF8 RET=hdrs ENVID=q+2B"));
	assert_text("\"a >b\"@x.example", command.path);
	assert_true(command.has_size && command.eight_bit && command.utf8);
	assert_int_equal(157286400, command.size);
	assert_text("hdrs", command.ret);
	assert_text("q+2B", command.envid);
	assert_int_equal(0, parse("MAIL FROM:<> BODY=7BIT"));
	assert_int_equal(0, command.path.len);
	assert_false(command.eight_bit);
	assert_int_equal(0, parse("MAIL FROM:<\"a\\\">b\"@x.example>"));
	assert_text("\"a\\\">b\"@x.example", command.path);
	assert_int_equal(0, parse("MAIL FROM:<a@x.example> ")); /* blanks at the end are none of the line's */
}

static void rcpt_with_everything(void **state)
{
	(void)state;
	assert_int_equal(0, parse("RCPT TO:<b@y.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40y"));
	assert_text("b@y.example", command.path);
	assert_text("SUCCESS,DELAY", command.notify);
	assert_text("rfc822;b+40y", command.orcpt);
}

static void bad_lines(void **state)
{
	char line[LMTP_LINE_MAX];

	(void)state;
	assert_refused(500, "");
	assert_refused(500, "EHLO x");
	assert_refused(500, "HELO x");
	assert_refused(500, "MAIL\tFROM:<a@b>");
	assert_refused(500, "RCPT TO:<a@b\rx>");
	assert_refused(501, "LHLO");
	assert_refused(501, "DATA now");
	assert_refused(501, "MAIL");
	assert_refused(501, "MAIL FROM:");
	assert_refused(501, "MAIL FROM:a@b");
	assert_refused(501, "MAIL FROM:<a@b");
	assert_refused(501, "MAIL FROM:<a@b>SIZE=1");
	assert_refused(501, "MAIL FROM:<a@b>x");
	assert_refused(501, "MAIL FROM:xa@b>");
	assert_refused(501, "MAIL TO:<a@b>");
	assert_refused(501, "RCPT FROM:<a@b>");
	assert_refused(501, "MAIL FROM:<a<@b>");
	assert_refused(501, "MAIL FROM:<\"a@b>");
	assert_refused(501, "RCPT TO:<>");
	assert_refused(555, "MAIL FROM:<a@b> SIZE=");
	assert_refused(555, "MAIL FROM:<a@b> SIZE=-1");
	assert_refused(555, "MAIL FROM:<a@b> SIZE=1234567890123456789");
	assert_refused(555, "MAIL FROM:<a@b> BODY=BINARYMIME");
	assert_refused(555, "MAIL FROM:<a@b> AUTH=<>");
	assert_refused(555, "MAIL FROM:<a@b> NOTIFY=NEVER");
	assert_refused(555, "MAIL FROM:<a@b> SMTPUTF8=yes");
	assert_refused(555, "RCPT TO:<a@b> ORCPT=nothing");
	assert_refused(555, "RCPT TO:<a@b> NOTIFY");
	memset(line, 'a', sizeof line);
	memcpy(line, "RCPT TO:<", 9);
	memcpy(line + 9 + LMTP_PATH_MAX + 1, ">", 2);
	assert_refused(501, line);
	memcpy(line + 9 + LMTP_PATH_MAX, ">", 2);
	assert_int_equal(0, parse(line));
}

static void try_value(const char *before, size_t len, bool taken)
{
	char line[LMTP_LINE_MAX];

	snprintf(line, sizeof line, "%s", before);
	memset(line + strlen(before), 'x', len);
	line[strlen(before) + len] = '\0';
	if (taken)
		assert_int_equal(0, parse(line));
	else
		assert_refused(555, line);
}

static void values_have_a_most_and_their_marks(void **state)
{
	(void)state;
	try_value("MAIL FROM:<a@b> ENVID=", 100, true);
	try_value("MAIL FROM:<a@b> ENVID=", 101, false);
	try_value("RCPT TO:<a@b> ORCPT=x;", 498, true);
	try_value("RCPT TO:<a@b> ORCPT=x;", 499, false);
	try_value("RCPT TO:<a@b> NOTIFY=", 40, true);
	try_value("RCPT TO:<a@b> NOTIFY=", 41, false);
	assert_refused(555, "MAIL FROM:<a@b> ENVID=a=b");
	assert_refused(555, "MAIL FROM:<a@b> SIZE=1:");
	assert_refused(555, "MAIL FROM:<a@b> SIZE=1/");
	assert_int_equal(0, parse("MAIL FROM:<a@b> SIZE=7 SIZE=0990"));
	assert_int_equal(990, command.size);
	assert_refused(501, "RSET x");
	assert_int_equal(0, parse("RSET"));
	assert_int_equal(0, parse("RCPT TO:<a@b>"));
	assert_false(command.has_size);
	assert_refused(501, "RCPT TO:<");
}

/* What the parser makes of a line, in one text. */
static void describe(const char *line, size_t len, char *out, size_t size)
{
	int rc = lmtp_parse(line, len, &command, &refusal);

	snprintf(out, size, "%d %d verb %d, path %zu, size %d %llu, envid %zu, notify %zu, orcpt %zu", rc,
		 rc != 0 ? refusal.code : 0, (int)command.verb, command.path.len, command.has_size,
		 (unsigned long long)command.size, command.envid.len, command.notify.len, command.orcpt.len);
}

/* Nothing behind the end of the line is looked at: it may be the next command. */
static void only_the_line(void **state)
{
	static const char *const lines[] = {"RCPT TO: <b@y.example> NOTIFY=NEVER ORCPT=rfc822;b",
					    "MAIL FROM:<\"a\\\">b\"@x> SIZE=99 ENVID=q", "QUIT"};
	char alone[200], followed[200];

	(void)state;
	for (size_t n = 0; n < sizeof lines / sizeof *lines; n++) {
		for (size_t len = 1; len <= strlen(lines[n]); len++) {
			char *copy = malloc(len + 1);

			memcpy(copy, lines[n], len);
			copy[len] = '\r';
			describe(copy, len, alone, sizeof alone);
			for (const char *next = "TFx:9 =;<>\"\\"; *next != '\0'; next++) {
				copy[len] = *next;
				describe(copy, len, followed, sizeof followed);
				assert_string_equal(alone, followed);
			}
			free(copy);
			copy = malloc(len); /* here the sanitizers look on */
			memcpy(copy, lines[n], len);
			describe(copy, len, followed, sizeof followed);
			assert_string_equal(alone, followed);
			free(copy);
		}
	}
}

static void order(void **state)
{
	enum lmtp_state s = LMTP_GREETED;

	(void)state;
	assert_false(lmtp_may(s, LMTP_MAIL, &refusal));
	assert_int_equal(503, refusal.code);
	assert_true(lmtp_may(s, LMTP_NOOP, &refusal) && lmtp_may(s, LMTP_QUIT, &refusal));
	assert_int_equal(LMTP_GREETED, lmtp_next(s, LMTP_RSET, true));
	s = lmtp_next(s, LMTP_LHLO, true);
	assert_int_equal(LMTP_READY, s);
	assert_false(lmtp_may(s, LMTP_RCPT, &refusal));
	assert_int_equal(LMTP_READY, lmtp_next(s, LMTP_MAIL, false));
	s = lmtp_next(s, LMTP_MAIL, true);
	assert_int_equal(LMTP_IN_MAIL, s);
	assert_false(lmtp_may(s, LMTP_MAIL, &refusal));
	assert_non_null(strstr(refusal.text, "a sender already"));
	assert_false(lmtp_may(s, LMTP_DATA, &refusal));
	assert_null(strstr(refusal.text, "a sender already"));
	assert_int_equal(LMTP_IN_MAIL, lmtp_next(s, LMTP_RCPT, false));
	s = lmtp_next(s, LMTP_RCPT, true);
	assert_true(lmtp_may(s, LMTP_RCPT, &refusal) && lmtp_may(s, LMTP_DATA, &refusal));
	assert_int_equal(LMTP_IN_RCPT, lmtp_next(s, LMTP_RCPT, false));
	assert_int_equal(LMTP_READY, lmtp_next(s, LMTP_RSET, true));
	assert_int_equal(LMTP_READY, lmtp_next(s, LMTP_LHLO, true));
	assert_int_equal(LMTP_READY, lmtp_next(s, LMTP_DATA, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mail_with_everything),
	    cmocka_unit_test(rcpt_with_everything),
	    cmocka_unit_test(bad_lines),
	    cmocka_unit_test(values_have_a_most_and_their_marks),
	    cmocka_unit_test(only_the_line),
	    cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
