/* A milter is told from what is none. The other side is a child process at a socket of its own. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/milter_knock.h"

#define PATIENCE_MS 20000
#define OPTIONS "\0\0\0\rO\0\0\0\6\0\0\1\xff\0\0\0\0"

static char folder[] = "/tmp/mb-knock-XXXXXX";
static char path[sizeof folder + sizeof "/m"], listen_unix[sizeof path + sizeof "unix:"], listen_inet[64];
static int unix_fd = -1, inet_fd = -1;
static struct err err;

static int begin(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof loopback;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/m", folder);
	snprintf(listen_unix, sizeof listen_unix, "unix:%s", path);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	unix_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	inet_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(unix_fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(unix_fd, 8) != 0 ||
	    bind(inet_fd, (struct sockaddr *)&loopback, sizeof loopback) != 0 || listen(inet_fd, 8) != 0 ||
	    getsockname(inet_fd, (struct sockaddr *)&loopback, &len) != 0)
		return -1;
	snprintf(listen_inet, sizeof listen_inet, "inet:%d@127.0.0.1", ntohs(loopback.sin_port));
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

/* The child takes one connection, and says these bytes once it has been spoken to; its status: was the offer right, and
 * did the leave come? */
static pid_t answer(int fd, const char *bytes, size_t len)
{
	char offer[64];
	pid_t pid = fork();
	int got, status;

	if (pid != 0)
		return pid;
	alarm(PATIENCE_MS / 1000);
	fd = accept(fd, NULL, NULL);
	got = (int)recv(fd, offer, 17, MSG_WAITALL);
	status = got == 17 && memcmp(offer, OPTIONS, 9) == 0 ? 0 : 1;
	(void)!write(fd, bytes, len);
	shutdown(fd, SHUT_WR);
	got = (int)recv(fd, offer, sizeof offer, MSG_WAITALL);
	_exit(status + (got == 5 && offer[4] == 'Q' ? 0 : 2));
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int knock(const char *listen)
{
	err = (struct err){.code = ERR_NONE};
	return milter_knock(listen, deadline_after(PATIENCE_MS), &err);
}

static void a_milter_is_greeted_and_left(void **state)
{
	pid_t pid = answer(unix_fd, OPTIONS, 17);

	(void)state;
	assert_int_equal(knock(listen_unix), 0);
	assert_int_equal(status_of(pid), 0);
	/* libmilter's has the macros behind it. */
	pid = answer(inet_fd, "\0\0\0\x15O\0\0\0\6\0\0\1\xff\0\0\0\0\0\0\0\0{i}", 25);
	assert_int_equal(knock(listen_inet), 0);
	assert_int_equal(status_of(pid), 0);
}

static void what_is_no_milter_is_told(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *words;
	} others[] = {
	    {"220 mail.example ESMTP\r\n", 24, "is no milter"},
	    {"\0\0\0\rR\0\0\0\6\0\0\1\xff\0\0\0\0", 17, "is no milter"},
	    {"\0\0\0\6O\0\0\0\6\0\0\1\xff\0\0\0\0", 17, "is no milter"},
	    {"\0\0\0\rO\0\0", 7, "closes the connection"},
	    {"", 0, "closes the connection"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		pid_t pid = answer(inet_fd, others[i].bytes, others[i].len);

		assert_int_equal(knock(listen_inet), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
		assert_non_null(strstr(err.text, others[i].words));
		assert_non_null(strstr(err.text, listen_inet));
		assert_int_equal(status_of(pid), 2);
	}
}

static void nobody_is_there(void **state)
{
	(void)state;
	assert_int_equal(knock("unix:/nonexistent/m"), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_int_equal(knock("inet:1@127.0.0.1"), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_int_equal(knock("inet:8891@name.invalid"), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
}

/* The connection waits in the backlog for ever. */
static void one_that_says_nothing_has_its_time(void **state)
{
	(void)state;
	assert_int_equal(milter_knock(listen_unix, deadline_after(1), &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_milter_is_greeted_and_left),
	    cmocka_unit_test(what_is_no_milter_is_told),
	    cmocka_unit_test(nobody_is_there),
	    cmocka_unit_test(one_that_says_nothing_has_its_time),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
