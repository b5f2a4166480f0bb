/*
 * Listening on a Unix socket, and giving it up: what makes the socket appear at once with its final rights, takes over
 * a dead one, and never pushes a live one aside. Called by daemons, at start and at the end.
 *
 * To prove a socket dead and to replace it are two steps, and a second daemon may take the same two at the same
 * moment. So both are done under PATH.lock, which exists only meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/sock.h"
#include "lib/sock_private.h"

#define LOCK_TRIES 10

struct lock {
	char path[PATH_MAX];
	int fd;
};

enum occupant { NOTHING, STALE, LIVE, UNREADABLE, NO_SOCKET };

/* Is the file that was locked still the one at its path? Its last holder may just have removed it. */
static bool lock_stands(const struct lock *lock)
{
	struct stat held, there;

	return fstat(lock->fd, &held) == 0 && lstat(lock->path, &there) == 0 && held.st_dev == there.st_dev &&
	       held.st_ino == there.st_ino;
}

static int lock_take(struct lock *lock, const char *path, struct err *err)
{
	if ((size_t)snprintf(lock->path, sizeof lock->path, "%s.lock", path) >= sizeof lock->path)
		return err_set(err, ERR_LIMIT, "too long for a socket's path: %s", path);
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		if (lock->fd < 0)
			return err_sys(err, errno, "cannot listen at %s: cannot make %s", path, lock->path);
		if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
			close(lock->fd);
			break;
		}
		if (lock_stands(lock))
			return 0;
		close(lock->fd);
	}
	return err_set(err, ERR_BUSY, "cannot listen at %s: another process is just beginning to", path);
}

static void lock_drop(struct lock *lock)
{
	unlink(lock->path); /* while it is still ours */
	close(lock->fd);
}

/* What is at `path`? *errnum says more about UNREADABLE. Leaves everything as it is. */
static enum occupant look_at(const char *path, const struct sockaddr_un *address, int *errnum)
{
	struct stat there;
	int fd, result;

	*errnum = 0;
	if (lstat(path, &there) != 0) {
		*errnum = errno;
		return errno == ENOENT ? NOTHING : UNREADABLE;
	}
	if (!S_ISSOCK(there.st_mode))
		return NO_SOCKET;
	fd = sock_open();
	result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof *address);
	*errnum = errno;
	if (fd >= 0)
		close(fd);
	if (result == 0 || *errnum == EAGAIN) /* EAGAIN: so alive that its queue is full */
		return LIVE;
	return *errnum == ECONNREFUSED ? STALE : UNREADABLE;
}

/* 0 when `path` is free to be taken, stale sockets included. */
static int prove_free(const char *path, const struct sockaddr_un *address, struct err *err)
{
	int errnum;

	switch (look_at(path, address, &errnum)) {
	case LIVE:
		return err_set(err, ERR_BUSY, "cannot listen at %s: another process listens there", path);
	case NO_SOCKET:
		return err_set(err, ERR_BUSY,
			       "cannot listen at %s: it exists and is not a socket; remove it, or name "
			       "another path",
			       path);
	case UNREADABLE:
		return err_sys(err, errnum, "cannot listen at %s", path);
	case NOTHING:
	case STALE:
		break;
	}
	return 0;
}

/* Binds and listens under the temporary name, which only the holder of the lock uses. A file that is left there when
 * the caller fails is the caller's to remove. */
static int listen_at(const struct sockaddr_un *temporary, mode_t mode, struct err *err)
{
	const char *path = temporary->sun_path;
	struct stat there;
	int fd;

	if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode)) /* a crash left it */
		unlink(path);
	fd = sock_open();
	if (fd < 0)
		return err_sys(err, errno, "cannot make a socket");
	if (bind(fd, (const struct sockaddr *)temporary, sizeof *temporary) != 0) {
		err_sys(err, errno, "cannot make %s", path);
	} else if (chmod(path, mode) != 0 || listen(fd, SOMAXCONN) != 0) {
		err_sys(err, errno, "cannot listen at %s", path);
		unlink(path);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

static int listen_locked(const char *path, mode_t mode, struct err *err)
{
	struct sockaddr_un address, temporary;
	char name[sizeof address.sun_path + sizeof ".new"];
	int fd;

	if (sock_address(path, &address, err) != 0)
		return -1;
	snprintf(name, sizeof name, "%s.new", path);
	if (sock_address(name, &temporary, err) != 0 || prove_free(path, &address, err) != 0)
		return -1;
	fd = listen_at(&temporary, mode, err);
	if (fd >= 0 && rename(name, path) != 0) {
		err_sys(err, errno, "cannot listen at %s: cannot rename %s to it", path, name);
		unlink(name);
		close(fd);
		fd = -1;
	}
	return fd;
}

int sock_listen_unix(const char *path, mode_t mode, struct err *err)
{
	struct lock lock;
	int fd;

	if (lock_take(&lock, path, err) != 0)
		return -1;
	fd = listen_locked(path, mode, err);
	lock_drop(&lock);
	return fd;
}

void sock_unlisten_unix(const char *path, int fd)
{
	struct sockaddr_un address;
	struct lock lock;
	int errnum;

	if (fd < 0)
		return;
	close(fd);
	/* No system tells what path a descriptor listens on after a rename. But a socket that nobody answers at now is
	 * ours, or as dead as ours. A lock that is taken means that somebody is about to replace it. */
	if (sock_address(path, &address, NULL) != 0 || lock_take(&lock, path, NULL) != 0)
		return;
	if (look_at(path, &address, &errnum) == STALE)
		unlink(path);
	lock_drop(&lock);
}
