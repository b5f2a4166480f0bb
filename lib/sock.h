#ifndef MAILBEARER_LIB_SOCK_H
#define MAILBEARER_LIB_SOCK_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/deadline.h"
#include "lib/err.h"

/*
 * Unix stream sockets with deadlines. Every descriptor is close-on-exec and non-blocking; no call raises SIGPIPE;
 * EINTR is retried. Calls return -1 with *err set: ERR_TIMEOUT when the deadline passed, ERR_UNREACHABLE when
 * nobody listens, ERR_LIMIT for a path that does not fit sockaddr_un, ERR_SYSTEM otherwise.
 */

struct sock_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0 where the system does not tell */
};

/* A connected descriptor, or -1. Blocks up to the deadline. */
int sock_connect_unix(const char *path, struct deadline deadline, struct err *err);

/* Sends all of it. 0 or -1. Blocks up to the deadline. */
int sock_send(int fd, const void *bytes, size_t len, struct deadline deadline, struct err *err);

/* Tells the other side that no more is sent to it; it may still send. */
void sock_end(int fd);

/* Receives at least one byte: how many, 0 at the end of the stream, or -1. Blocks up to the deadline. */
ssize_t sock_recv(int fd, void *bytes, size_t len, struct deadline deadline, struct err *err);

/*
 * A listening descriptor at `path`, or -1. The socket appears at its path with `mode` in one step (bound under a
 * temporary name in the same folder, then renamed), so nobody ever meets it with other rights. A stale socket
 * (nobody listening) is replaced; a live one is ERR_BUSY; anything that is not a socket is left alone: ERR_BUSY.
 */
int sock_listen_unix(const char *path, mode_t mode, struct err *err);

/* Removes `path` if it is still the socket that `fd` listens on; closes fd. */
void sock_unlisten_unix(const char *path, int fd);

/* Who is at the other end (SO_PEERCRED, getpeereid). 0 or -1. */
int sock_peer(int fd, struct sock_peer *peer, struct err *err);

#endif
