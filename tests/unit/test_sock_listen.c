/*
 * Listening: the socket appears whole, a dead one is replaced, and whatever else is there is left alone. What a second
 * process does at the worst moment is done from within rename() and flock(), which are watched; one test lets
 * real processes race.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/sock.h"
#include "tests/unit/socket_folder.h"

static char temporary[sizeof path + sizeof ".new"], lock_path[sizeof path + sizeof ".lock"];

static void (*at_rename)(void);
static void (*at_flock)(void);

int __wrap_rename(const char *from, const char *to);
int __real_rename(const char *from, const char *to);
int __wrap_flock(int fd, int how);
int __real_flock(int fd, int how);

static void run_once(void (**hook)(void))
{
	void (*run)(void) = *hook;

	*hook = NULL;
	if (run != NULL)
		run();
}

int __wrap_rename(const char *from, const char *to)
{
	run_once(&at_rename);
	return __real_rename(from, to);
}

int __wrap_flock(int fd, int how)
{
	run_once(&at_flock);
	return __real_flock(fd, how);
}

static bool exists(const char *at)
{
	struct stat there;

	return lstat(at, &there) == 0;
}

static bool answers(const char *at)
{
	int fd = sock_connect_unix(at, deadline_after(0), NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static mode_t mode_of(const char *at)
{
	struct stat there;

	assert_int_equal(lstat(at, &there), 0);
	assert_true(S_ISSOCK(there.st_mode));
	return there.st_mode & 07777;
}

/* A socket of any type, bound but listening to nobody. */
static int bind_socket(const char *at, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", at);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static int must_listen(mode_t mode)
{
	struct err err = {0};
	int fd = sock_listen_unix(path, mode, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	assert_false(exists(temporary));
	assert_false(exists(lock_path));
	return fd;
}

static void must_refuse(enum err_code code, const char *why)
{
	struct err err = {0};

	assert_int_equal(sock_listen_unix(path, 0666, &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, why));
	assert_non_null(strstr(err.text, path));
	assert_false(exists(temporary));
	assert_false(exists(lock_path));
}

static void look_before_it_appears(void)
{
	assert_false(exists(path));
	assert_int_equal(mode_of(temporary), 0666);
	assert_true(answers(temporary));
}

static void it_appears_with_its_rights_and_alive(void **state)
{
	mode_t old = umask(077);
	int fd;

	(void)state;
	at_rename = look_before_it_appears;
	fd = must_listen(0666);
	umask(old);
	assert_null(at_rename);
	assert_int_equal(mode_of(path), 0666);
	assert_true(answers(path));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	sock_unlisten_unix(path, fd);
	assert_false(exists(path));
	fd = must_listen(0600);
	assert_int_equal(mode_of(path), 0600);
	sock_unlisten_unix(path, fd);
}

static void a_dead_socket_is_replaced(void **state)
{
	int fd;

	(void)state;
	close(bind_socket(path, SOCK_STREAM));
	assert_false(answers(path));
	fd = must_listen(0666);
	assert_true(answers(path));
	sock_unlisten_unix(path, fd);
}

static void a_live_socket_is_busy(void **state)
{
	int fd = must_listen(0600);

	(void)state;
	must_refuse(ERR_BUSY, "another process listens there");
	assert_int_equal(mode_of(path), 0600);
	assert_true(answers(path));
	sock_unlisten_unix(path, fd);
}

static void a_live_socket_with_a_full_queue_is_busy(void **state)
{
	int fd = bind_socket(path, SOCK_STREAM), fds[16], count = 0;
	struct err err = {0};

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	while ((fds[count] = sock_connect_unix(path, deadline_after(0), &err)) >= 0)
		assert_true(++count < 16);
	assert_int_equal(err.code, ERR_TIMEOUT);
	must_refuse(ERR_BUSY, "another process listens there");
	assert_true(exists(path));
	while (count > 0)
		close(fds[--count]);
	close(fd);
	unlink(path);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	struct stat there;
	char target[128];
	int fd;

	(void)state;
	close(open(path, O_WRONLY | O_CREAT, 0600));
	must_refuse(ERR_BUSY, "not a socket");
	assert_int_equal(lstat(path, &there), 0);
	assert_true(S_ISREG(there.st_mode));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	must_refuse(ERR_BUSY, "not a socket");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	must_refuse(ERR_BUSY, "not a socket");
	unlink(path);
	snprintf(target, sizeof target, "%s/dead", folder);
	close(bind_socket(target, SOCK_STREAM)); /* not even a dead socket is replaced through a link */
	assert_int_equal(symlink(target, path), 0);
	must_refuse(ERR_BUSY, "not a socket");
	assert_int_equal(lstat(path, &there), 0);
	assert_true(S_ISLNK(there.st_mode));
	assert_true(exists(target));
	unlink(path);
	unlink(target);
	fd = bind_socket(path, SOCK_DGRAM); /* somebody else's protocol */
	must_refuse(ERR_SYSTEM, "");
	assert_true(exists(path));
	close(fd);
	unlink(path);
}

static void what_a_crash_left_is_no_hindrance(void **state)
{
	int fd;

	(void)state;
	close(bind_socket(temporary, SOCK_STREAM));
	close(open(lock_path, O_WRONLY | O_CREAT, 0600));
	fd = must_listen(0666);
	assert_true(answers(path));
	sock_unlisten_unix(path, fd);
}

static void a_path_has_to_fit_with_its_temporary_name(void **state)
{
	char at[sizeof((struct sockaddr_un *)0)->sun_path + 1];
	size_t len = sizeof at - 2; /* what a plain bind() takes */
	struct err err = {0};
	int fd;

	(void)state;
	memset(at, 'x', sizeof at);
	memcpy(at, folder, strlen(folder));
	at[strlen(folder)] = '/';
	at[len - 3] = '\0';
	assert_int_equal(sock_listen_unix(at, 0666, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	at[len - 4] = '\0';
	fd = sock_listen_unix(at, 0666, &err);
	assert_true(fd >= 0);
	sock_unlisten_unix(at, fd);
	assert_int_equal(sock_listen_unix("", 0666, &err), -1);
}

static void no_folder_is_a_system_error(void **state)
{
	char at[160];
	struct err err = {0};

	(void)state;
	snprintf(at, sizeof at, "%s/none/s", folder);
	assert_int_equal(sock_listen_unix(at, 0666, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "No such file or directory"));
	sock_unlisten_unix(at, dup(0));
}

static void unlisten_leaves_what_is_not_ours(void **state)
{
	int ours = must_listen(0666), theirs, closed;

	(void)state;
	unlink(path);
	theirs = must_listen(0666); /* somebody removed our socket and put theirs there */
	closed = ours;
	sock_unlisten_unix(path, ours);
	assert_int_equal(fcntl(closed, F_GETFD), -1);
	assert_true(answers(path));
	sock_unlisten_unix(path, theirs);
	assert_false(exists(path));
	ours = must_listen(0666);
	unlink(path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	sock_unlisten_unix(path, ours);
	assert_true(exists(path));
	unlink(path);
	sock_unlisten_unix(path, -1); /* legal, for half-built callers */
}

static void try_to_listen_too(void)
{
	struct err err = {0};

	assert_int_equal(sock_listen_unix(path, 0666, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
}

static void a_second_one_at_the_worst_moment_loses(void **state)
{
	int fd;

	(void)state;
	close(bind_socket(path, SOCK_STREAM));
	at_rename = try_to_listen_too; /* it has seen the dead socket, too */
	fd = must_listen(0666);
	assert_null(at_rename);
	assert_true(answers(path));
	sock_unlisten_unix(path, fd);
}

static int first;

static void let_another_listen(void)
{
	first = sock_listen_unix(path, 0600, NULL);
	assert_true(first >= 0);
}

static void a_lock_that_its_holder_removed_is_taken_anew(void **state)
{
	(void)state;
	at_flock = let_another_listen; /* after our open() of the lock, before our flock() */
	must_refuse(ERR_BUSY, "another process listens there");
	assert_true(answers(path));
	sock_unlisten_unix(path, first);
}

/* A child that waits for the start, tries to listen, tells how it went and holds what it has until the end. */
static void race(int start, int report, int end)
{
	struct err err = {0};
	char byte;
	int fd;

	if (read(start, &byte, 1) != 0)
		_exit(1);
	fd = sock_listen_unix(path, 0666, &err);
	byte = fd >= 0 ? 'w' : err.code == ERR_BUSY ? 'l' : 'e';
	if (write(report, &byte, 1) != 1 || read(end, &byte, 1) != 0)
		_exit(1);
	_exit(0);
}

static void one_of_many_racing_processes_wins(void **state)
{
	enum { RACERS = 8, ROUNDS = 25 };

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int start[2], report[2], end[2], won = 0, lost = 0;
		char byte;

		close(bind_socket(path, SOCK_STREAM));
		assert_int_equal(pipe(start) + pipe(report) + pipe(end), 0);
		for (int i = 0; i < RACERS; i++) {
			pid_t pid = fork();

			assert_true(pid >= 0);
			if (pid == 0) {
				close(start[1]);
				close(end[1]);
				race(start[0], report[1], end[0]);
			}
		}
		close(start[1]);
		for (int i = 0; i < RACERS; i++) {
			assert_int_equal(read(report[0], &byte, 1), 1);
			won += byte == 'w';
			lost += byte == 'l';
		}
		assert_int_equal(won, 1);
		assert_int_equal(lost, RACERS - 1);
		assert_true(answers(path));
		close(end[1]);
		for (int i = 0; i < RACERS; i++)
			assert_true(wait(NULL) > 0);
		assert_false(exists(temporary));
		assert_false(exists(lock_path));
		close(start[0]);
		close(report[0]);
		close(report[1]);
		close(end[0]);
		unlink(path);
	}
}

static int make_names(void **state)
{
	if (make_folder(state) != 0)
		return -1;
	snprintf(temporary, sizeof temporary, "%s.new", path);
	snprintf(lock_path, sizeof lock_path, "%s.lock", path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_appears_with_its_rights_and_alive),
	    cmocka_unit_test(a_dead_socket_is_replaced),
	    cmocka_unit_test(a_live_socket_is_busy),
	    cmocka_unit_test(a_live_socket_with_a_full_queue_is_busy),
	    cmocka_unit_test(what_is_no_socket_is_left_alone),
	    cmocka_unit_test(what_a_crash_left_is_no_hindrance),
	    cmocka_unit_test(a_path_has_to_fit_with_its_temporary_name),
	    cmocka_unit_test(no_folder_is_a_system_error),
	    cmocka_unit_test(unlisten_leaves_what_is_not_ours),
	    cmocka_unit_test(a_second_one_at_the_worst_moment_loses),
	    cmocka_unit_test(a_lock_that_its_holder_removed_is_taken_anew),
	    cmocka_unit_test(one_of_many_racing_processes_wins),
	};

	return cmocka_run_group_tests_name("sock_listen", tests, make_names, remove_folder);
}
