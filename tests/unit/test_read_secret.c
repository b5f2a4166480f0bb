/* A refresh token from a file: what is taken, what is refused, and that no refusal quotes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/read_secret.h"

static int patience; /* of the last wait, in ms; it is over as soon as there is nothing to read */

/* In place of the C library's. */
int poll(struct pollfd *fds, nfds_t count, int ms)
{
	const struct timespec at_once = {0};

	patience = ms;
	return ppoll(fds, count, &at_once, NULL);
}

static char path[] = "/tmp/test_read_secret.XXXXXX";
static struct buf out;
static struct err err;

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) != 0 ? -1 : 0;
}

static int remove_file(void **state)
{
	(void)state;
	buf_free(&out);
	return unlink(path);
}

static int read_bytes(const char *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	buf_free(&out);
	out = BUF_INIT(READ_SECRET_SPACE);
	err = (struct err){.code = ERR_NONE};
	return read_secret(&read_secret_refresh_token, path, &out, &err);
}

static int read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void blanks_around_it_are_dropped(void **state)
{
	(void)state;
	assert_int_equal(read_text("0.AXoA-token_~!"), 0);
	assert_string_equal(out.data, "0.AXoA-token_~!");
	assert_int_equal(read_text(" \t\n1//token\r\n\n"), 0);
	assert_string_equal(out.data, "1//token");
	assert_int_equal(out.len, 8);
}

static void assert_refused(const char *bytes, size_t len, const char *part)
{
	assert_int_equal(read_bytes(bytes, len), -1);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, part));
	assert_null(strstr(err.text, "MARKER"));
}

static void what_is_no_token_is_refused(void **state)
{
	(void)state;
	assert_refused("", 0, "is empty");
	assert_refused(" \r\n", 3, "is empty");
	assert_refused("MARKER 2", 8, "byte 7 cannot");
	assert_refused("MARKER\nMARKER\n", 14, "byte 7 cannot");
	assert_refused("MARKER\0", 7, "byte 7 cannot");
	assert_refused("MARKER\xc3\xbc", 8, "byte 7 cannot");
	assert_refused("MARKER\x7f", 7, "byte 7 cannot");
	assert_refused("{\"refresh_token\": \"MARKER\"}", 27, "looks like JSON");
}

static void the_longest_token_is_taken(void **state)
{
	static char bytes[2 * SECRET_MAX];

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	bytes[SECRET_MAX] = '\n';
	assert_int_equal(read_bytes(bytes, SECRET_MAX + 1), 0);
	assert_int_equal(out.len, SECRET_MAX);
	bytes[SECRET_MAX] = 'x';
	assert_refused(bytes, SECRET_MAX + 1, "more than 65536 bytes");
	assert_int_equal(err.code, ERR_LIMIT);
	assert_refused(bytes, sizeof bytes, "more than 65536 bytes");
	assert_int_equal(err.code, ERR_LIMIT);
}

static void what_cannot_be_read_is_named(void **state)
{
	(void)state;
	buf_clear(&out);
	assert_int_equal(read_secret(&read_secret_refresh_token, "/nonexistent/token", &out, &err), -1);
	assert_string_equal(err.text, "/nonexistent/token cannot be opened: No such file or directory");
	assert_int_equal(read_secret(&read_secret_refresh_token, "/", &out, &err), -1);
	assert_string_equal(err.text, "/ cannot be read: Is a directory");
}

static int read_pipe(const char *fifo)
{
	buf_free(&out);
	out = BUF_INIT(READ_SECRET_SPACE);
	patience = 0;
	return read_secret(&read_secret_refresh_token, fifo, &out, &err);
}

static void a_pipe_is_waited_for_and_not_for_ever(void **state)
{
	char fifo[64];
	int writer;

	(void)state;
	snprintf(fifo, sizeof fifo, "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(read_pipe(fifo), -1); /* nobody has opened it */
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_non_null(strstr(err.text, fifo));
	assert_in_range(patience, READ_SECRET_WAIT_MS - 60000, READ_SECRET_WAIT_MS);
	writer = open(fifo, O_RDWR);
	assert_int_equal(write(writer, "MARKER", 6), 6);
	assert_int_equal(read_pipe(fifo), -1); /* somebody has, and comes to no end */
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_null(strstr(err.text, "MARKER"));
	close(writer);
	unlink(fifo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blanks_around_it_are_dropped),
	    cmocka_unit_test(what_is_no_token_is_refused),
	    cmocka_unit_test(the_longest_token_is_taken),
	    cmocka_unit_test(what_cannot_be_read_is_named),
	    cmocka_unit_test(a_pipe_is_waited_for_and_not_for_ever),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
