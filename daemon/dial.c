/*
 * TCP connections within a deadline. Sends nothing. Called by check, and by milter_knock.c for a milter at a port.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/dial.h"

#define ADDRESSES_MAX 8

/* 0, or an errno. */
static int wait_for_connection(int fd, struct deadline deadline)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int status, error = 0;
	socklen_t len = sizeof error;

	do
		status = poll(&ready, 1, deadline_left(deadline));
	while (status < 0 && errno == EINTR);
	if (status == 0)
		return ETIMEDOUT;
	if (status < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

/* A descriptor, or -1 with errno set. */
static int try_address(const struct addrinfo *address, struct deadline deadline)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

	if (fd < 0)
		return -1;
	/* After EINTR it goes on connecting, too. */
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
		error = errno == EINPROGRESS || errno == EINTR ? wait_for_connection(fd, deadline) : errno;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/* A descriptor, or -1 with *error set. */
static int try_each(const struct addrinfo *list, struct deadline deadline, int *error)
{
	int fd = -1, tried = 0;

	for (const struct addrinfo *at = list; at != NULL && fd < 0 && tried < ADDRESSES_MAX; at = at->ai_next) {
		bool last = at->ai_next == NULL || tried == ADDRESSES_MAX - 1;

		fd = try_address(at, last ? deadline : deadline_after(deadline_left(deadline) / 2));
		if (fd < 0 && tried++ == 0)
			*error = errno;
	}
	return fd;
}

int dial_tcp(const char *host, const char *service, int family, struct deadline deadline, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = family};
	struct addrinfo *list = NULL;
	int status = getaddrinfo(host, service, &hints, &list), fd, error = 0;

	if (status != 0)
		return err_set(err, ERR_UNREACHABLE, "%s", gai_strerror(status));
	fd = try_each(list, deadline, &error);
	freeaddrinfo(list);
	if (fd < 0)
		err_set(err, error == ETIMEDOUT ? ERR_TIMEOUT : ERR_UNREACHABLE, "%s", strerror(error));
	return fd;
}
