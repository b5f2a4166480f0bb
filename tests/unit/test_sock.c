/*
 * Connecting, sending and receiving with deadlines. Both ends lie in this one process: what the other side does, it
 * does while the call under test polls (poll() is watched). Nothing waits for real.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/sock.h"
#include "tests/unit/socket_folder.h"

#define DEADLINE_MS 5000

static struct {
	void (*other_side)(void); /* what happens meanwhile */
	int64_t now_ms;
	int polls;
	int waited[64]; /* ms asked of each poll */
	int interrupts; /* so many calls fail with EINTR first */
	int closed;     /* descriptors */
} world;

static int listener = -1, other = -1;

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
int __wrap_close(int fd);
int __real_close(int fd);

static int interrupted(void)
{
	if (world.interrupts == 0)
		return 0;
	world.interrupts--;
	errno = EINTR;
	return 1;
}

/* Time passes only here: all of the timeout, unless the other side made the descriptor ready. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int ready;

	assert_true(timeout > 0); /* 0 would spin, and less would wait for ever */
	if (world.polls < 64)
		world.waited[world.polls] = timeout;
	world.polls++;
	if (world.other_side != NULL)
		world.other_side();
	if (interrupted()) {
		world.now_ms++;
		return -1;
	}
	ready = count > 0 ? __real_poll(fds, count, 0) : 0;
	if (ready == 0)
		world.now_ms += timeout;
	return ready;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	(void)clock;
	*out = (struct timespec){.tv_sec = world.now_ms / 1000, .tv_nsec = world.now_ms % 1000 * 1000000};
	return 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	return interrupted() ? -1 : __real_connect(fd, address, len);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	return interrupted() ? -1 : __real_send(fd, bytes, len, flags);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
	return interrupted() ? -1 : __real_recv(fd, bytes, len, flags);
}

int __wrap_close(int fd)
{
	world.closed++;
	return __real_close(fd);
}

static int make_listener(const char *at, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", at);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static int ask_to_connect(enum err_code code, const char *at, struct err *err)
{
	int fd = sock_connect_unix(at, deadline_after(DEADLINE_MS), err);

	if (code != ERR_NONE) {
		assert_int_equal(fd, -1);
		assert_int_equal(err->code, code);
	}
	return fd;
}

static void connect_gives_a_private_descriptor(void **state)
{
	struct err err = {0};
	int fd;

	(void)state;
	listener = make_listener(path, 5);
	fd = ask_to_connect(ERR_NONE, path, &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(world.polls, 0);
	close(fd);
}

static void nobody_there_is_unreachable(void **state)
{
	char at[128];
	struct err err = {0};

	(void)state;
	snprintf(at, sizeof at, "%s/none", folder);
	ask_to_connect(ERR_UNREACHABLE, at, &err);
	assert_non_null(strstr(err.text, at));
	assert_non_null(strstr(err.text, ": No such file or directory"));
	snprintf(at, sizeof at, "%s/none/s", folder);
	ask_to_connect(ERR_UNREACHABLE, at, &err);
	listener = make_listener(path, 5);
	close(listener);
	listener = -1;
	world.closed = 0;
	ask_to_connect(ERR_UNREACHABLE, path, &err);
	assert_non_null(strstr(err.text, "Connection refused"));
	assert_int_equal(world.closed, 1);
	assert_int_equal(world.polls, 0);
}

static void a_path_has_to_fit(void **state)
{
	char at[sizeof((struct sockaddr_un *)0)->sun_path + 1];
	struct err err = {0};

	(void)state;
	memset(at, 'x', sizeof at);
	at[sizeof at - 1] = '\0';
	ask_to_connect(ERR_LIMIT, at, &err);
	at[sizeof at - 2] = '\0'; /* the longest that fits */
	ask_to_connect(ERR_UNREACHABLE, at, &err);
	ask_to_connect(ERR_LIMIT, "", &err);
}

/* Fills the queue of a listener that accepts nobody; returns how many it took. */
static int fill_queue(int *fds, int max)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int count = 0;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	for (; count < max; count++) {
		fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (__real_connect(fds[count], (struct sockaddr *)&address, sizeof address) != 0) {
			assert_int_equal(errno, EAGAIN);
			close(fds[count]);
			return count;
		}
	}
	fail_msg("%d connections, and the queue is not full", count);
	return count;
}

static void accept_one_at_the_sixth_try(void)
{
	if (world.polls == 6)
		close(accept(listener, NULL, NULL));
}

static void a_full_queue_is_waited_for(void **state)
{
	struct err err = {0};
	int fds[16], count, fd;

	(void)state;
	listener = make_listener(path, 1);
	count = fill_queue(fds, 16);
	world.other_side = accept_one_at_the_sixth_try;
	fd = ask_to_connect(ERR_NONE, path, &err);
	assert_true(fd >= 0);
	assert_int_equal(world.polls, 6);
	assert_int_equal(world.waited[0], 1); /* at once at first, then less and less often */
	assert_int_equal(world.waited[1], 2);
	assert_int_equal(world.waited[5], 16);
	close(fd);
	while (count > 0)
		close(fds[--count]);
}

static void a_queue_that_stays_full_is_a_timeout(void **state)
{
	struct err err = {0};
	int fds[16], count;

	(void)state;
	listener = make_listener(path, 1);
	count = fill_queue(fds, 16);
	world.closed = 0;
	ask_to_connect(ERR_TIMEOUT, path, &err);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(world.closed, 1);
	assert_int_equal(world.now_ms, DEADLINE_MS); /* neither before nor after */
	while (count > 0)
		close(fds[--count]);
}

static void make_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0); /* blocking: the calls must not rely on it */
	other = fds[1];
}

static size_t passed;

/* The other side reads all that is there. */
static void pass(void)
{
	char bytes[4096];
	ssize_t got;

	while ((got = __real_recv(other, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			assert_int_equal(bytes[i], 'x');
		passed += (size_t)got;
	}
}

static void a_long_message_is_sent_in_pieces(void **state)
{
	enum { LEN = 1024 * 1024 };
	char *bytes = malloc(LEN);
	struct err err = {0};
	int fds[2];

	(void)state;
	make_pair(fds);
	memset(bytes, 'x', LEN);
	world.other_side = pass;
	assert_int_equal(sock_send(fds[0], bytes, LEN, deadline_after(DEADLINE_MS), &err), 0);
	assert_true(world.polls > 1);
	pass();
	assert_int_equal(passed, LEN);
	assert_int_equal(sock_send(fds[0], bytes, 0, deadline_after(0), &err), 0);
	free(bytes);
	close(fds[0]);
	close(fds[1]);
}

static void a_peer_that_takes_nothing_is_a_timeout(void **state)
{
	enum { LEN = 1024 * 1024 };
	char *bytes = calloc(1, LEN);
	struct err err = {0};
	int fds[2];

	(void)state;
	make_pair(fds);
	assert_int_equal(sock_send(fds[0], bytes, LEN, deadline_after(DEADLINE_MS), &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(world.now_ms, DEADLINE_MS);
	free(bytes);
	close(fds[0]);
	close(fds[1]);
}

static void a_peer_that_is_gone_raises_no_signal(void **state)
{
	struct err err = {0};
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_DFL); /* it would be the end of this test */
	make_pair(fds);
	close(fds[1]);
	assert_int_equal(sock_send(fds[0], "x", 1, deadline_after(DEADLINE_MS), &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "Broken pipe"));
	close(fds[0]);
}

static void say_hello_after_an_interruption(void)
{
	if (world.polls == 1)
		world.interrupts = 1;
	else
		assert_int_equal(write(other, "hello", 5), 5);
}

static void what_is_there_is_received_when_time_is_up(void **state)
{
	struct err err = {0};
	char bytes[16];
	int fds[2];

	(void)state;
	make_pair(fds);
	assert_int_equal(write(fds[1], "hello", 5), 5);
	assert_int_equal(sock_recv(fds[0], bytes, 2, deadline_after(0), &err), 2);
	assert_int_equal(sock_recv(fds[0], bytes + 2, 14, deadline_after(0), &err), 3);
	assert_memory_equal(bytes, "hello", 5);
	close(fds[1]);
	assert_int_equal(sock_recv(fds[0], bytes, 16, deadline_after(0), &err), 0);
	assert_int_equal(world.polls, 0);
	close(fds[0]);
}

static void interrupted_calls_are_made_again(void **state)
{
	struct err err = {0};
	char bytes[16];
	int fds[2], fd;

	(void)state;
	listener = make_listener(path, 5);
	world.interrupts = 2;
	fd = ask_to_connect(ERR_NONE, path, &err);
	assert_true(fd >= 0);
	close(fd);
	make_pair(fds);
	world.interrupts = 2;
	assert_int_equal(sock_send(fds[0], "x", 1, deadline_after(DEADLINE_MS), &err), 0);
	world.interrupts = 2;
	world.other_side = say_hello_after_an_interruption;
	assert_int_equal(sock_recv(fds[0], bytes, 16, deadline_after(DEADLINE_MS), &err), 5);
	assert_int_equal(world.polls, 2);
	close(fds[0]);
	close(fds[1]);
}

static void a_silent_peer_is_a_timeout(void **state)
{
	struct err err = {0};
	char bytes[16];
	int fds[2];

	(void)state;
	make_pair(fds);
	assert_int_equal(sock_recv(fds[0], bytes, 16, deadline_after(DEADLINE_MS), &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(world.now_ms, DEADLINE_MS);
	assert_int_equal(world.polls, 1);
	assert_int_equal(sock_recv(fds[0], bytes, 16, deadline_after(0), &err), -1);
	assert_int_equal(world.polls, 1); /* no time left: not even a poll */
	assert_int_equal(sock_recv(-1, bytes, 16, deadline_after(DEADLINE_MS), &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	close(fds[0]);
	close(fds[1]);
}

static void the_end_is_told_and_answers_still_come(void **state)
{
	struct err err = {0};
	char bytes[16];
	int fds[2];

	(void)state;
	make_pair(fds);
	sock_end(fds[0]);
	assert_int_equal(__real_recv(fds[1], bytes, 16, MSG_DONTWAIT), 0);
	assert_int_equal(write(fds[1], "hello", 5), 5);
	assert_int_equal(sock_recv(fds[0], bytes, 16, deadline_after(DEADLINE_MS), &err), 5);
	assert_int_equal(sock_send(fds[0], "x", 1, deadline_after(DEADLINE_MS), &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	close(fds[0]);
	close(fds[1]);
}

static void the_peer_is_known(void **state)
{
	struct sock_peer peer = {.uid = 4711, .gid = 4711, .pid = 4711};
	struct err err = {0};
	int fds[2];

	(void)state;
	make_pair(fds);
	assert_int_equal(sock_peer(fds[0], &peer, &err), 0);
	assert_int_equal(peer.uid, getuid());
	assert_int_equal(peer.gid, getgid());
	assert_true(peer.pid == getpid() || peer.pid == 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(sock_peer(-1, &peer, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
}

static int new_world(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	return 0;
}

static int end_of_world(void **state)
{
	(void)state;
	if (listener >= 0)
		close(listener);
	listener = -1;
	unlink(path);
	return 0;
}

#define SOCK_TEST(test) cmocka_unit_test_setup_teardown(test, new_world, end_of_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SOCK_TEST(connect_gives_a_private_descriptor),
	    SOCK_TEST(nobody_there_is_unreachable),
	    SOCK_TEST(a_path_has_to_fit),
	    SOCK_TEST(a_full_queue_is_waited_for),
	    SOCK_TEST(a_queue_that_stays_full_is_a_timeout),
	    SOCK_TEST(a_long_message_is_sent_in_pieces),
	    SOCK_TEST(a_peer_that_takes_nothing_is_a_timeout),
	    SOCK_TEST(a_peer_that_is_gone_raises_no_signal),
	    SOCK_TEST(what_is_there_is_received_when_time_is_up),
	    SOCK_TEST(interrupted_calls_are_made_again),
	    SOCK_TEST(a_silent_peer_is_a_timeout),
	    SOCK_TEST(the_end_is_told_and_answers_still_come),
	    SOCK_TEST(the_peer_is_known),
	};

	return cmocka_run_group_tests_name("sock", tests, make_folder, remove_folder);
}
