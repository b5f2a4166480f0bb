/* Each address has its chance, and its time. The resolver, the clock and the waiting are the test's; the sockets are
 * real. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/dial.h"

#define PATIENCE_MS 16384
#define ADDRESSES 9

/* What the resolver finds: an address a socket, which listens or does not. */
static struct addrinfo found[ADDRESSES];
static struct sockaddr_in addresses[ADDRESSES];
static int sockets[ADDRESSES], resolver_says;
static const char *asked_host, *asked_service;
static int asked_family;

/* What a connection comes to: what poll() says in turn of one that is under way, and how long it was to wait at most.
 */
enum { READY, SILENT, INTERRUPTED };
static const int *polls;
static size_t polled;
static int waits[ADDRESSES];
static int64_t now_ms = 1000;
static struct err err;

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	asked_host = node;
	asked_service = service;
	asked_family = hints->ai_family;
	*list = found;
	return resolver_says;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
	assert_ptr_equal(list, found);
}

/* On the loopback it may be there at once, which is told as any other. */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	if (__real_connect(fd, address, len) != 0)
		return -1;
	errno = EINPROGRESS;
	return -1;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	assert_int_equal(count, 1);
	assert_in_range(polled, 0, ADDRESSES - 1);
	waits[polled] = timeout;
	switch (polls[polled++]) {
	case READY:
		return __real_poll(fds, count, timeout);
	case SILENT:
		now_ms += timeout;
		return 0;
	default:
		errno = EINTR;
		return -1;
	}
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	*time = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
	return 0;
}

/* As many addresses as there are letters: 'l' one that listens, 'r' one that refuses. */
static void resolve_to(const char *kinds, const int *says)
{
	size_t count = strlen(kinds);
	socklen_t len = sizeof addresses[0];

	memset(found, 0, sizeof found);
	for (size_t i = 0; i < count; i++) {
		addresses[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(bind(sockets[i], (struct sockaddr *)&addresses[i], len), 0);
		assert_int_equal(getsockname(sockets[i], (struct sockaddr *)&addresses[i], &len), 0);
		if (kinds[i] == 'l')
			assert_int_equal(listen(sockets[i], 8), 0);
		found[i].ai_family = AF_INET;
		found[i].ai_addr = (struct sockaddr *)&addresses[i];
		found[i].ai_addrlen = len;
		found[i].ai_next = i + 1 < count ? &found[i + 1] : NULL;
	}
	polls = says;
	polled = 0;
	resolver_says = 0;
}

static int dial(void)
{
	err = (struct err){.code = ERR_NONE};
	return dial_tcp("mail.example", "587", AF_INET, deadline_after(PATIENCE_MS), &err);
}

/* That it has led to the address with this number, which is the last one that was tried. */
static void leads_to(int fd, size_t which)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof peer;

	assert_true(fd >= 0);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	assert_int_equal(peer.sin_port, addresses[which].sin_port);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static int forget(void **state)
{
	(void)state;
	for (size_t i = 0; i < ADDRESSES; i++)
		if (found[i].ai_addr != NULL)
			close(sockets[i]);
	memset(found, 0, sizeof found);
	return 0;
}

static void one_that_listens_is_reached(void **state)
{
	static const int says[] = {READY};

	(void)state;
	resolve_to("l", says);
	leads_to(dial(), 0);
	assert_string_equal(asked_host, "mail.example");
	assert_string_equal(asked_service, "587");
	assert_int_equal(asked_family, AF_INET);
}

static void one_that_refuses_is_told(void **state)
{
	static const int says[] = {READY};

	(void)state;
	resolve_to("r", says);
	assert_int_equal(dial(), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_string_equal(err.text, strerror(ECONNREFUSED));
}

static void a_name_that_nobody_knows_is_told(void **state)
{
	(void)state;
	resolver_says = EAI_NONAME;
	assert_int_equal(dial(), -1);
	assert_int_equal(err.code, ERR_UNREACHABLE);
	assert_string_equal(err.text, gai_strerror(EAI_NONAME));
}

/* The one address has all the time that there is. */
static void one_that_says_nothing_has_its_time(void **state)
{
	static const int says[] = {SILENT};

	(void)state;
	resolve_to("l", says);
	assert_int_equal(dial(), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(waits[0], PATIENCE_MS);
}

/* A signal is no connection, and no end of the time either. */
static void a_signal_changes_nothing(void **state)
{
	static const int and_silent[] = {INTERRUPTED, INTERRUPTED, SILENT}, and_ready[] = {INTERRUPTED, READY};

	(void)state;
	resolve_to("l", and_silent);
	assert_int_equal(dial(), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(polled, 3);
	forget(NULL);
	resolve_to("l", and_ready);
	leads_to(dial(), 0);
}

static void the_next_address_has_its_chance(void **state)
{
	static const int says[] = {SILENT, SILENT, READY};

	(void)state;
	resolve_to("lll", says);
	leads_to(dial(), 2);
	assert_int_equal(waits[0], PATIENCE_MS / 2);
	assert_int_equal(waits[1], PATIENCE_MS / 4);
	assert_int_equal(waits[2], PATIENCE_MS / 4);
}

/* The first of them is the one that the resolver thinks best of. */
static void the_first_reason_is_told(void **state)
{
	static const int says[] = {SILENT, READY};

	(void)state;
	resolve_to("lr", says);
	assert_int_equal(dial(), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
}

static void there_is_a_last_address(void **state)
{
	static const int says[] = {SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, READY};

	(void)state;
	resolve_to("lllllllll", says);
	assert_int_equal(dial(), -1);
	assert_int_equal(polled, 8);
	assert_in_range(waits[7], waits[6], PATIENCE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(one_that_listens_is_reached, forget),
	    cmocka_unit_test_teardown(one_that_refuses_is_told, forget),
	    cmocka_unit_test_teardown(a_name_that_nobody_knows_is_told, forget),
	    cmocka_unit_test_teardown(one_that_says_nothing_has_its_time, forget),
	    cmocka_unit_test_teardown(a_signal_changes_nothing, forget),
	    cmocka_unit_test_teardown(the_next_address_has_its_chance, forget),
	    cmocka_unit_test_teardown(the_first_reason_is_told, forget),
	    cmocka_unit_test_teardown(there_is_a_last_address, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
