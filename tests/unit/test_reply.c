/* Replies: read, judged by the table of what waits and what bounces, written. And what EHLO offers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "smtp/offers.h"
#include "smtp/reply.h"

#define HOST "smtp.office365.com"

/* lines: divided by '\n'. */
static enum reply_status read_lines(struct reply_reader *reader, const char *lines)
{
	enum reply_status status = REPLY_MORE;
	size_t len;

	memset(reader, 0, sizeof *reader);
	while (status == REPLY_MORE && *lines != '\0') {
		len = strcspn(lines, "\n");
		status = reply_read(reader, lines, len);
		lines += len + (lines[len] == '\n');
	}
	return status;
}

static void assert_judged(enum reply_stage stage, const char *in, const char *expected)
{
	struct reply_reader reader;
	struct reply out;
	struct buf text = BUF_INIT(4096);

	assert_int_equal(REPLY_DONE, read_lines(&reader, in));
	reply_judge(stage, HOST, &reader.reply, &out);
	assert_int_equal(0, reply_append(&text, &out));
	assert_string_equal(expected, text.data);
	buf_free(&text);
}

static void reads(void **state)
{
	struct reply_reader reader;

	(void)state;
	assert_int_equal(REPLY_DONE, read_lines(&reader, "550-5.7.1 first\n550-5.7.1 second\n550 5.7.12 third"));
	assert_int_equal(550, reader.reply.code);
	assert_string_equal("5.7.1", reader.reply.enhanced);
	assert_string_equal("first\nsecond\n5.7.12 third", reader.reply.text);
	assert_int_equal(REPLY_DONE, read_lines(&reader, "250"));
	assert_string_equal("", reader.reply.text);
	assert_int_equal(REPLY_DONE, read_lines(&reader, "250 2.0.0"));
	assert_string_equal("2.0.0", reader.reply.enhanced);
	assert_int_equal(REPLY_DONE, read_lines(&reader, "250 2.1000.0 x\ty"));
	assert_string_equal("2.1000.0 x?y", reader.reply.text);
}

static void refuses_what_is_no_reply(void **state)
{
	static const char *const bad[] = {"2",      "25x ok", "150 early",    "600 late",    "199 early",
					  "2x0 ok", "250_ok", "250-a\n251 b", "250-a\nhello"};
	struct reply_reader reader;
	char line[REPLY_LINE_MAX + 2];
	int i;

	(void)state;
	for (size_t n = 0; n < sizeof bad / sizeof *bad; n++)
		assert_int_equal(REPLY_BAD, read_lines(&reader, bad[n]));
	memset(line, 'x', sizeof line);
	memcpy(line, "250 ", 4);
	memset(&reader, 0, sizeof reader);
	assert_int_equal(REPLY_BAD, reply_read(&reader, line, REPLY_LINE_MAX + 1));
	assert_int_equal(REPLY_DONE, reply_read(&reader, line, REPLY_LINE_MAX));
	assert_int_equal(REPLY_TEXT_MAX - 1, strlen(reader.reply.text));
	memset(&reader, 0, sizeof reader);
	for (i = 0; i < REPLY_LINES_MAX; i++)
		assert_int_equal(REPLY_MORE, reply_read(&reader, "250-x", 5));
	assert_int_equal(REPLY_BAD, reply_read(&reader, "250-x", 5));
}

static void hands_through(void **state)
{
	(void)state;
	assert_judged(REPLY_AT_RCPT, "250 2.1.5 OK", "250 2.1.5 OK\r\n");
	assert_judged(REPLY_AT_RCPT, "550 5.1.1 no such user", "550 5.1.1 no such user\r\n");
	assert_judged(REPLY_AT_END, "554-5.2.0 one\n554 5.2.0 two", "554-5.2.0 one\r\n554 5.2.0 two\r\n");
	assert_judged(REPLY_AT_DATA, "354 go", "354 go\r\n");
	assert_judged(REPLY_AT_MAIL, "452 4.3.1 full", "452 4.3.1 full\r\n");
	assert_judged(REPLY_AT_END, "554 5.2.252 SendAsDenied; a@x not allowed to send as b@y; STOREDRV.Submission",
		      "554 5.2.252 SendAsDenied; a@x not allowed to send as b@y; STOREDRV.Submission\r\n");
	assert_judged(REPLY_AT_END, "552 too big", "552 5.0.0 too big\r\n");
	assert_judged(REPLY_AT_END, "250 4.0.0 odd", "250 2.0.0 odd\r\n");
}

static void logins_wait(void **state)
{
	(void)state;
	assert_judged(REPLY_AT_LOGIN, "535 5.7.3 Authentication unsuccessful",
		      "451 4.7.3 " HOST " said: 535 5.7.3 Authentication unsuccessful\r\n");
	assert_judged(REPLY_AT_LOGIN, "550 no", "450 4.7.0 " HOST " said: 550 no\r\n");
	assert_judged(REPLY_AT_LOGIN, "454 4.7.0 later", "454 4.7.0 later\r\n");
	assert_judged(REPLY_AT_LOGIN, "250 OK", "451 4.7.0 " HOST " said: 250 OK\r\n");
	assert_judged(REPLY_AT_MAIL, "530 5.7.57 Client not authenticated",
		      "451 4.7.57 " HOST " said: 530 5.7.57 Client not authenticated\r\n");
	assert_judged(REPLY_AT_END, "550 5.7.30 Basic authentication is not supported",
		      "450 4.7.30 " HOST " said: 550 5.7.30 Basic authentication is not supported\r\n");
}

/* Each row of the tables, and what is next to it. */
static void every_trouble_of_a_login_waits(void **state)
{
	static const char *const waits[] = {"530 5.7.0 x",   "534 5.7.0 x",
					    "535 5.7.0 x",   "538 5.7.0 x",
					    "550 5.7.57 x",  "550 5.7.139 x",
					    "550 5.7.8 x",   "550 5.7.9 x",
					    "550 5.7.11 x",  "550 5.7.12 A password transition is needed",
					    "550 5.2.121 x", "550 5.2.122 x",
					    "550 5.7.232 x", "550 5.7.1 Daily SMTP relay limit exceeded"};
	static const char *const for_good[] = {"533 5.7.0 x",
					       "536 5.7.0 x",
					       "550 5.7.58 x",
					       "550 5.7.138 x",
					       "550 5.7.12 x",
					       "550 5.2.123 x",
					       "554 5.4.5 limit exceeded",
					       "550 5.7.234 x"};
	struct reply_reader reader;
	struct reply out;

	(void)state;
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		assert_int_equal(REPLY_DONE, read_lines(&reader, waits[i]));
		reply_judge(REPLY_AT_MAIL, HOST, &reader.reply, &out);
		if (out.code / 100 != 4)
			fail_msg("%s does not wait", waits[i]);
	}
	for (size_t i = 0; i < sizeof for_good / sizeof *for_good; i++) {
		assert_int_equal(REPLY_DONE, read_lines(&reader, for_good[i]));
		reply_judge(REPLY_AT_MAIL, HOST, &reader.reply, &out);
		assert_int_equal(reader.reply.code, out.code);
	}
}

static void codes_at_the_edges(void **state)
{
	(void)state;
	assert_judged(REPLY_AT_LOGIN, "400 later", "400 4.0.0 later\r\n");
	assert_judged(REPLY_AT_LOGIN, "399 what", "451 4.7.0 " HOST " said: 399 what\r\n");
	assert_judged(REPLY_AT_LOGIN, "500 no", "451 4.7.0 " HOST " said: 500 no\r\n");
	assert_judged(REPLY_AT_LOGIN, "499 later", "499 4.0.0 later\r\n");
	assert_judged(REPLY_AT_MAIL, "500 no", "500 5.0.0 no\r\n");
	assert_judged(REPLY_AT_MAIL, "599 no", "599 5.0.0 no\r\n");
	assert_judged(REPLY_AT_MAIL, "299 yes", "299 2.0.0 yes\r\n");
	assert_judged(REPLY_AT_MAIL, "300 what", "451 4.7.0 " HOST " said: 300 what\r\n");
	assert_judged(REPLY_AT_MAIL, "200 yes", "200 2.0.0 yes\r\n");
}

static void what_heals_waits(void **state)
{
	static const char *const heals[] = {
	    "550 5.2.252 Sender throttled due to continuous send as denied errors",
	    "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException.Mapi",
	    "552 5.2.2 Submission quota exceeded",
	    "550 5.1.90 Your message can't be sent because you've reached your daily limit",
	    "550 5.7.233 tenant exceeded external recipient limit",
	    "550 5.4.5 Daily SMTP relay limit exceeded for user",
	};
	struct reply_reader reader;
	struct reply out;

	(void)state;
	for (size_t i = 0; i < sizeof heals / sizeof *heals; i++) {
		read_lines(&reader, heals[i]);
		reply_judge(REPLY_AT_END, HOST, &reader.reply, &out);
		assert_int_equal(4, out.code / 100);
		assert_int_equal('4', out.enhanced[0]);
		assert_non_null(strstr(out.text, reader.reply.text));
	}
	read_lines(&reader, "554 5.2.2 mailbox full; QuotaExceededException");
	reply_judge(REPLY_AT_END, HOST, &reader.reply, &out);
	assert_int_equal(554, out.code);
}

static void odd_codes_wait(void **state)
{
	(void)state;
	assert_judged(REPLY_AT_MAIL, "421 4.3.2 closing", "451 4.3.2 " HOST " said: 421 4.3.2 closing\r\n");
	assert_judged(REPLY_AT_MAIL, "354 what", "451 4.7.0 " HOST " said: 354 what\r\n");
	assert_judged(REPLY_AT_DATA, "250 what", "451 4.7.0 " HOST " said: 250 what\r\n");
}

static void ehlo(void **state)
{
	static const char *const lines[] = {"250-host Hello",
					    "250-SIZE 157286400",
					    "250-pipelining",
					    "250-DSN",
					    "250-8BITMIME",
					    "250-SMTPUTF8",
					    "250-AUTH LOGIN XOAUTH2 XOAUTH2X OAUTHBEARER"};
	struct offers offers = {0}, none = {0};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		offers_read(&offers, lines[i], strlen(lines[i]));
	assert_true(offers.size && offers.pipelining && offers.dsn && offers.eight_bit && offers.utf8);
	assert_true(offers.xoauth2 && offers.oauthbearer);
	offers_read(&none, "250-DSNX", 8);
	offers_read(&none, "250-AUTH LOGIN XOAUTH", 21);
	offers_read(&none, "550-DSN", 7);
	offers_read(&none, "250", 3);
	assert_false(none.dsn || none.xoauth2);
}

static void shortens(void **state)
{
	struct reply reply;
	char text[REPLY_TEXT_MAX];
	struct buf line = BUF_INIT(4096);

	(void)state;
	reply_set(&reply, 550, "5.7.1", "first\nsecond");
	reply_shorten(&reply);
	assert_string_equal("first second", reply.text);
	reply_set(&reply, 550, "5.7.1", "x");
	memset(reply.text, 'x', REPLY_SHORT_MAX);
	reply.text[REPLY_SHORT_MAX] = '\0';
	reply_shorten(&reply);
	assert_int_equal(REPLY_SHORT_MAX - sizeof "250  \r\n" - strlen("5.7.1"), strlen(reply.text));
	/* Cut at each of the two bytes of a character, once with and once without a byte before. */
	for (int shift = 0; shift < 2; shift++) {
		reply_set(&reply, 550, "5.7.1", "%s", shift == 0 ? "" : "x");
		for (int i = 0; i < 500; i++)
			strcat(reply.text, "\xc3\xa9");
		reply_shorten(&reply);
		buf_clear(&line);
		assert_int_equal(0, reply_append(&line, &reply));
		assert_in_range(line.len, REPLY_SHORT_MAX - 2, REPLY_SHORT_MAX);
		assert_int_equal(shift, strlen(reply.text) % 2);
	}
	/* The longest that stays whole. */
	reply_set(&reply, 550, "5.7.1", "%0*d", (int)(REPLY_SHORT_MAX - sizeof "250  \r\n" - strlen("5.7.1")), 7);
	memcpy(text, reply.text, sizeof text);
	reply_shorten(&reply);
	assert_string_equal(text, reply.text);
	/* No character of it begins anywhere: nothing is left, and nothing before it is touched. */
	reply_set(&reply, 550, "5.7.1", "%s", "");
	memset(reply.text, 0x80, REPLY_SHORT_MAX);
	reply_shorten(&reply);
	assert_string_equal("", reply.text);
	buf_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads),
	    cmocka_unit_test(refuses_what_is_no_reply),
	    cmocka_unit_test(hands_through),
	    cmocka_unit_test(logins_wait),
	    cmocka_unit_test(every_trouble_of_a_login_waits),
	    cmocka_unit_test(codes_at_the_edges),
	    cmocka_unit_test(what_heals_waits),
	    cmocka_unit_test(odd_codes_wait),
	    cmocka_unit_test(ehlo),
	    cmocka_unit_test(shortens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
