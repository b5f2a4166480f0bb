/*
 * Unix stream sockets with deadlines: connect, send, receive, and who the peer is. Runs inside smtp(8) too: touches no
 * signal and no descriptor but its own. Listening is in sock_listen.c.
 *
 * On the way that mail takes, every system call counts. So connecting and sending, which hardly ever have to wait, try
 * first and poll only when the system says so; receiving polls first, since an answer is hardly ever there already.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/sock.h"
#include "lib/sock_private.h"

#define BACKOFF_MAX_MS 16

int sock_address(const char *path, struct sockaddr_un *address, struct err *err)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof address->sun_path)
		return err_set(err, ERR_LIMIT, "a socket's path has 1 to %zu bytes, not %zu: %s",
			       sizeof address->sun_path - 1, len, path);
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len + 1);
	return 0;
}

int sock_open(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* True when it is worth trying again, false when the deadline has passed. */
static bool wait_for(int fd, short events, struct deadline deadline)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int left = deadline_left(deadline);

	if (left == 0)
		return false;
	poll(&pfd, 1, left); /* whatever it says, the next try tells more */
	return true;
}

/* Waits a little longer each time, as there is nothing to poll for. The same result as wait_for. */
static bool back_off(int *ms, struct deadline deadline)
{
	int left = deadline_left(deadline);

	if (left == 0)
		return false;
	poll(NULL, 0, *ms < left ? *ms : left);
	if (*ms < BACKOFF_MAX_MS)
		*ms *= 2;
	return true;
}

static int refused(struct err *err, int errnum, const char *path)
{
	err_sys(err, errnum, "%s", path);
	if (err != NULL && (errnum == ENOENT || errnum == ENOTDIR || errnum == ECONNREFUSED))
		err->code = ERR_UNREACHABLE;
	return -1;
}

/* EAGAIN: the listener's queue of connections is full. Linux does not tell when it has room again. */
static int connect_fd(int fd, const struct sockaddr_un *address, struct deadline deadline, struct err *err)
{
	int ms = 1;

	while (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return refused(err, errno, address->sun_path);
		if (!back_off(&ms, deadline))
			return err_set(err, ERR_TIMEOUT, "%s: no connection in time, too many others are waiting",
				       address->sun_path);
	}
	return 0;
}

int sock_connect_unix(const char *path, struct deadline deadline, struct err *err)
{
	struct sockaddr_un address;
	int fd;

	if (sock_address(path, &address, err) != 0)
		return -1;
	fd = sock_open();
	if (fd < 0)
		return err_sys(err, errno, "%s: cannot make a socket", path);
	if (connect_fd(fd, &address, deadline, err) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int sock_send(int fd, const void *bytes, size_t len, struct deadline deadline, struct err *err)
{
	const char *next = bytes;

	while (len > 0) {
		ssize_t sent = send(fd, next, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			next += sent;
			len -= (size_t)sent;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!wait_for(fd, POLLOUT, deadline))
				return err_set(err, ERR_TIMEOUT, "timed out while sending");
		} else if (errno != EINTR) {
			return err_sys(err, errno, "cannot send");
		}
	}
	return 0;
}

void sock_end(int fd)
{
	shutdown(fd, SHUT_WR); /* if that fails, so does the next call */
}

ssize_t sock_recv(int fd, void *bytes, size_t len, struct deadline deadline, struct err *err)
{
	for (;;) {
		bool in_time = wait_for(fd, POLLIN, deadline);
		ssize_t got = recv(fd, bytes, len, MSG_DONTWAIT);

		if (got >= 0)
			return got;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!in_time)
				return err_set(err, ERR_TIMEOUT, "timed out while waiting");
		} else if (errno != EINTR) {
			return err_sys(err, errno, "cannot receive");
		}
	}
}

int sock_peer(int fd, struct sock_peer *peer, struct err *err)
{
#ifdef SO_PEERCRED
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return err_sys(err, errno, "cannot tell who is at the other end");
	*peer = (struct sock_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
#else
	*peer = (struct sock_peer){.pid = 0};
	if (getpeereid(fd, &peer->uid, &peer->gid) != 0)
		return err_sys(err, errno, "cannot tell who is at the other end");
#endif
	return 0;
}
