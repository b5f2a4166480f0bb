/* Lines and bytes of the mail server: their ends, their most, and what happens when it says or takes nothing. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "submit/channel.h"

#define PATIENCE 5000
#define NONE 1 /* ms: it will not come */

static struct channel channel;
static int in[2], out[2]; /* pipes: the mail server writes in[1] and reads out[0] */
static char line[16];
static size_t len;
static bool bare;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (pipe(in) != 0 || pipe(out) != 0)
		return -1;
	channel_init(&channel, in[0], out[1]);
	err = (struct err){.code = ERR_NONE};
	return 0;
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int tear_down(void **state)
{
	(void)state;
	channel_free(&channel);
	for (int i = 0; i < 2; i++) {
		hang_up(&in[i]);
		hang_up(&out[i]);
	}
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(in[1], text, strlen(text)), strlen(text));
}

static enum channel_status read_line(int patience)
{
	return channel_line(&channel, patience, line, sizeof line, &len, &bare, &err);
}

static void expect_line(const char *text, bool is_bare)
{
	assert_int_equal(read_line(PATIENCE), CHANNEL_OK);
	assert_string_equal(line, text);
	assert_int_equal(len, strlen(text));
	assert_int_equal(bare, is_bare);
}

/* --- lines --- */

static void lines_end_with_crlf_or_a_bare_lf(void **state)
{
	(void)state;
	say("LHLO x\r\nNOOP\n\r\n\nQU");
	expect_line("LHLO x", false);
	assert_true(channel_has_line(&channel));
	expect_line("NOOP", true);
	expect_line("", false);
	expect_line("", true);
	assert_false(channel_has_line(&channel));
	say("IT\r");
	say("\n");
	expect_line("QUIT", false);
}

static void a_line_has_its_most_and_a_longer_one_is_skipped(void **state)
{
	(void)state;
	say("0123456789abcd\r\n");
	expect_line("0123456789abcd", false);
	say("0123456789abcde\n");
	expect_line("0123456789abcde", true);
	say("0123456789abcde\r\n0123456789abcdef and so on\r\nNOOP\r\n");
	assert_int_equal(read_line(PATIENCE), CHANNEL_LONG);
	assert_int_equal(read_line(PATIENCE), CHANNEL_LONG);
	expect_line("NOOP", false);
}

static void the_end_and_silence_are_told_apart(void **state)
{
	(void)state;
	say("NOO");
	assert_int_equal(read_line(NONE), CHANNEL_FAILED);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_non_null(strstr(err.text, "said nothing"));
	say("RSE");
	hang_up(&in[1]);
	assert_int_equal(read_line(PATIENCE), CHANNEL_ENDED);
	assert_int_equal(read_line(PATIENCE), CHANNEL_ENDED);
}

static void a_channel_that_cannot_be_read_fails(void **state)
{
	(void)state;
	channel.in = out[1];
	assert_int_equal(fcntl(out[1], F_GETFL) & O_ACCMODE, O_WRONLY);
	hang_up(&out[0]);
	assert_int_equal(read_line(PATIENCE), CHANNEL_FAILED);
	assert_non_null(strstr(err.text, "cannot read from the mail server"));
}

/* --- bytes --- */

static void bytes_that_were_not_taken_come_again(void **state)
{
	const char *bytes;
	size_t got;

	(void)state;
	say("abcdef");
	assert_true(channel_wait(&channel, PATIENCE));
	assert_int_equal(channel_bytes(&channel, PATIENCE, &bytes, &got, &err), CHANNEL_OK);
	assert_int_equal(got, 6);
	channel_took(&channel, 2);
	assert_int_equal(channel_bytes(&channel, PATIENCE, &bytes, &got, &err), CHANNEL_OK);
	assert_int_equal(got, 4);
	assert_memory_equal(bytes, "cdef", 4);
	assert_true(channel_wait(&channel, NONE));
	channel_took(&channel, 4);
	assert_false(channel_wait(&channel, NONE));
	hang_up(&in[1]);
	assert_true(channel_wait(&channel, PATIENCE));
}

/* --- replies --- */

static void replies_are_written_before_it_waits(void **state)
{
	char got[16] = "";

	(void)state;
	buf_puts(&channel.replies, "250 ok\r\n");
	say("NOOP\r\n");
	expect_line("NOOP", false);
	assert_int_equal(read(out[0], got, sizeof got), 8);
	assert_string_equal(got, "250 ok\r\n");
	buf_puts(&channel.replies, "221\r\n");
	assert_false(channel_wait(&channel, NONE));
	assert_int_equal(read(out[0], got, sizeof got), 5);
	assert_int_equal(channel.replies.len, 0);
}

static void replies_that_nobody_takes_are_not_waited_for_for_ever(void **state)
{
	char many[8192];

	(void)state;
	memset(many, 'x', sizeof many);
	for (int i = 0; i < 32; i++)
		buf_append(&channel.replies, many, sizeof many);
	assert_int_equal(channel_flush(&channel, NONE, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_non_null(strstr(err.text, "took no reply"));
	assert_true(channel.replies.len > 0 && channel.replies.len < 32 * sizeof many);
	hang_up(&out[0]);
	assert_int_equal(channel_flush(&channel, PATIENCE, &err), -1);
	assert_non_null(strstr(err.text, "cannot write to the mail server"));
	say("NOOP\r\n");
	assert_int_equal(read_line(PATIENCE), CHANNEL_FAILED);
}

/* A blocking socket with little room left must not hold it up either. */
static void a_socket_is_written_without_blocking(void **state)
{
	char many[8192];
	int pair[2], small = 1;
	ssize_t got;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	channel.out = pair[0];
	memset(many, 'x', sizeof many);
	for (int i = 0; i < 4; i++)
		buf_append(&channel.replies, many, sizeof many);
	assert_int_equal(channel_flush(&channel, NONE, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	do
		got = recv(pair[1], many, sizeof many, MSG_DONTWAIT);
	while (got > 0);
	buf_clear(&channel.replies);
	buf_puts(&channel.replies, "250 ok\r\n");
	assert_int_equal(channel_flush(&channel, PATIENCE, &err), 0);
	assert_int_equal(recv(pair[1], many, sizeof many, 0), 8);
	close(pair[0]);
	close(pair[1]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(lines_end_with_crlf_or_a_bare_lf),
	    CASE(a_line_has_its_most_and_a_longer_one_is_skipped),
	    CASE(the_end_and_silence_are_told_apart),
	    CASE(a_channel_that_cannot_be_read_fails),
	    CASE(bytes_that_were_not_taken_come_again),
	    CASE(replies_are_written_before_it_waits),
	    CASE(replies_that_nobody_takes_are_not_waited_for_for_ever),
	    CASE(a_socket_is_written_without_blocking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
