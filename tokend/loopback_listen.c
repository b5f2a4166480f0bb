/*
 * The loopback listeners' sockets and their life. Called by the broker for a sign-in with a browser. Whoever connects
 * may be anybody on this machine: no visit costs more than its own connection, and none lasts longer than its deadline.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tokend/loopback_private.h"

#define SOCKETS_MAX 2 /* 127.0.0.1 and ::1 */
#define BACKLOG 8
#define ACCEPT_PAUSE_MS 100 /* when descriptors or memory have run out */
#define PORT_TRIES 8        /* a free port of the one family may be taken in the other */
#define RESPONSE_MAX (16 * 1024)

struct visit {
	TAILQ_ENTRY(visit) entry;
	struct loopback *loopback;
	struct loopback_listener *listener; /* NULL: it is gone, and only the page is to be sent */
	int fd;
	struct loop_watch *watch;
	struct loop_timer *deadline;
	struct buf in, out;
	bool answered; /* the page is in `out`, or has been sent */
};

struct loopback_listener {
	TAILQ_ENTRY(loopback_listener) entry;
	struct loopback *loopback;
	struct loopback_target target;
	char uri[LOOPBACK_URI_MAX + 64];
	int fds[SOCKETS_MAX];
	struct loop_watch *watches[SOCKETS_MAX];
	unsigned sockets;
	struct loop_timer *resume; /* after the system ran out of descriptors */
	struct visit *reported;    /* the one whose answer is being thought about, or NULL */
	loopback_cb *cb;
	void *arg;
};

struct loopback {
	struct loop *loop;
	TAILQ_HEAD(, visit) visits;
	TAILQ_HEAD(, loopback_listener) listeners;
	unsigned visit_count;
};

/* --- visits ------------------------------------------------------------------------------------------------------- */

/* Takes half-built ones, too. */
static void visit_free(struct visit *visit)
{
	struct loopback *loopback = visit->loopback;

	if (visit->listener != NULL && visit->listener->reported == visit)
		visit->listener->reported = NULL;
	TAILQ_REMOVE(&loopback->visits, visit, entry);
	loopback->visit_count--;
	loop_watch_free(visit->watch);
	loop_timer_free(visit->deadline);
	buf_free(&visit->in);
	buf_free(&visit->out);
	close(visit->fd);
	free(visit);
}

static void on_deadline(void *arg)
{
	visit_free(arg);
}

static void answer(struct visit *visit, const struct loopback_page *page)
{
	bool made = loopback_append_page(&visit->out, page) == 0;

	visit->answered = true;
	if (!made)
		shutdown(visit->fd, SHUT_RDWR);
	loop_timer_set(visit->deadline, LOOPBACK_REQUEST_MS);
	loop_watch_set(visit->watch, !made, made);
}

static void refuse(struct visit *visit, int status, const char *text)
{
	answer(visit, &(struct loopback_page){status, "Not here", text});
}

static void report(struct visit *visit, const char *query, size_t len)
{
	struct loopback_listener *listener = visit->listener;

	if (listener->reported != NULL) {
		refuse(visit, 409, "An answer has come already and is being looked at.");
		return;
	}
	listener->reported = visit;
	loop_timer_set(visit->deadline, LOOPBACK_HOLD_MS);
	loop_watch_set(visit->watch, false, false);
	listener->cb(listener->arg, query, len); /* may free the listener */
}

static void read_request(struct visit *visit)
{
	const char *query = NULL;
	size_t query_len = 0;

	switch (
	    loopback_parse_request(visit->in.data, visit->in.len, visit->listener->target.path, &query, &query_len)) {
	case LOOPBACK_MORE:
		break;
	case LOOPBACK_VISIT:
		report(visit, query, query_len);
		break;
	case LOOPBACK_OTHER:
		refuse(visit, 404, "There is nothing at this address.");
		break;
	case LOOPBACK_NOT_GET:
		refuse(visit, 405, "Only GET is answered here.");
		break;
	case LOOPBACK_TOO_LONG:
		refuse(visit, 431, "The request is too long.");
		break;
	case LOOPBACK_BAD:
		refuse(visit, 400, "This is no HTTP request.");
		break;
	}
}

/* One byte more than a request may have, so that the parser sees that it is too long. */
static void receive(struct visit *visit)
{
	char *space = buf_reserve(&visit->in, LOOPBACK_REQUEST_MAX + 1 - visit->in.len);
	ssize_t got;

	if (space == NULL) {
		visit_free(visit);
		return;
	}
	got = recv(visit->fd, space, LOOPBACK_REQUEST_MAX + 1 - visit->in.len, MSG_DONTWAIT);
	if (got > 0) {
		visit->in.len += (size_t)got;
		visit->in.data[visit->in.len] = '\0';
		read_request(visit);
	} else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
		visit_free(visit);
	}
}

static void transmit(struct visit *visit)
{
	ssize_t sent = send(visit->fd, visit->out.data, visit->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		visit_free(visit);
		return;
	}
	if (sent > 0)
		buf_consume(&visit->out, (size_t)sent);
	if (visit->out.len == 0) {
		/* To close with bytes unread would reset the connection, and the browser would lose the page. */
		shutdown(visit->fd, SHUT_WR);
		loop_watch_set(visit->watch, true, false);
	}
}

static void drain(struct visit *visit)
{
	char waste[4096];
	ssize_t got = recv(visit->fd, waste, sizeof waste, MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		visit_free(visit);
}

static void on_ready(void *arg, bool readable, bool writable)
{
	struct visit *visit = arg;

	if (visit->out.len > 0 && writable)
		transmit(visit);
	else if (visit->answered && readable)
		drain(visit);
	else if (readable)
		receive(visit);
}

static void visit_new(struct loopback_listener *listener, int fd)
{
	struct loopback *loopback = listener->loopback;
	struct visit *visit = loopback->visit_count < LOOPBACK_VISITS_MAX ? calloc(1, sizeof *visit) : NULL;

	if (visit == NULL) {
		close(fd);
		return;
	}
	visit->loopback = loopback;
	visit->listener = listener;
	visit->fd = fd;
	visit->in = BUF_INIT(LOOPBACK_REQUEST_MAX + 1);
	visit->out = BUF_INIT(RESPONSE_MAX);
	TAILQ_INSERT_TAIL(&loopback->visits, visit, entry);
	loopback->visit_count++;
	visit->watch = loop_watch_new(loopback->loop, fd, on_ready, visit);
	visit->deadline = loop_timer_new(loopback->loop, on_deadline, visit);
	if (visit->watch == NULL || visit->deadline == NULL) {
		visit_free(visit);
		return;
	}
	loop_timer_set(visit->deadline, LOOPBACK_REQUEST_MS);
	loop_watch_set(visit->watch, true, false);
}

/* --- listeners ---------------------------------------------------------------------------------------------------- */

static void listen_for(struct loopback_listener *listener, bool on)
{
	for (unsigned i = 0; i < listener->sockets; i++)
		loop_watch_set(listener->watches[i], on, false);
}

static void on_resume(void *arg)
{
	listen_for(arg, true);
}

/* One connection for each turn: the socket stays readable while there are more. */
static void on_connection(struct loopback_listener *listener, unsigned socket)
{
	int fd = accept4(listener->fds[socket], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		visit_new(listener, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		listen_for(listener, false); /* the connection would wake us at once again */
		loop_timer_set(listener->resume, ACCEPT_PAUSE_MS);
	}
}

static void on_first(void *arg, bool readable, bool writable)
{
	(void)readable;
	(void)writable;
	on_connection(arg, 0);
}

static void on_second(void *arg, bool readable, bool writable)
{
	(void)readable;
	(void)writable;
	on_connection(arg, 1);
}

static void close_sockets(struct loopback_listener *listener)
{
	while (listener->sockets > 0) {
		listener->sockets--;
		loop_watch_free(listener->watches[listener->sockets]);
		close(listener->fds[listener->sockets]);
	}
}

/* Binds to loopback and nothing else. *port 0: any, which it then says. A descriptor, or -1 with errno set. */
static int bind_loopback(int family, int *port)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&in4 : (struct sockaddr *)&in6;
	in_port_t *place = family == AF_INET ? &in4.sin_port : &in6.sin6_port;
	socklen_t len = family == AF_INET ? sizeof in4 : sizeof in6;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	*place = htons((in_port_t)*port);
	if (fd >= 0 && bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0 && getsockname(fd, address, &len) == 0) {
		*port = ntohs(*place);
		return fd;
	}
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static int add_socket(struct loopback_listener *listener, int fd)
{
	static loop_watch_cb *const callbacks[SOCKETS_MAX] = {on_first, on_second};
	struct loop_watch *watch = loop_watch_new(listener->loopback->loop, fd, callbacks[listener->sockets], listener);

	if (watch == NULL) {
		close(fd);
		errno = ENOMEM;
		return -1;
	}
	loop_watch_set(watch, true, false);
	listener->fds[listener->sockets] = fd;
	listener->watches[listener->sockets++] = watch;
	return 0;
}

/* A browser takes "localhost" for either address: both must be ours, or the second must not be there at all. */
static int open_sockets(struct loopback_listener *listener, int *port)
{
	bool both = listener->target.host == LOOPBACK_LOCALHOST;
	int fd = bind_loopback(listener->target.host == LOOPBACK_IPV6 ? AF_INET6 : AF_INET, port);

	if (fd < 0 || add_socket(listener, fd) != 0)
		return -1;
	if (!both)
		return 0;
	fd = bind_loopback(AF_INET6, port);
	if (fd >= 0)
		return add_socket(listener, fd);
	return errno == EADDRINUSE || errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -1 : 0;
}

static int start_listening(struct loopback_listener *listener, struct err *err)
{
	const struct loopback_target *target = &listener->target;
	int port = 0, error = 0;

	for (int i = 0; i < (target->port == 0 ? PORT_TRIES : 1); i++) {
		port = target->port;
		if (open_sockets(listener, &port) == 0) {
			snprintf(listener->uri, sizeof listener->uri, "http://%s:%d%s", target->authority, port,
				 target->path);
			return 0;
		}
		error = errno;
		close_sockets(listener);
	}
	return err_sys(err, error, "cannot listen at %s, port %d", target->authority, port);
}

/* It is in the list. */
static void listener_free(struct loopback_listener *listener)
{
	TAILQ_REMOVE(&listener->loopback->listeners, listener, entry);
	close_sockets(listener);
	loop_timer_free(listener->resume);
	free(listener);
}

struct loopback_listener *loopback_listen(struct loopback *loopback, const char *redirect_uri, loopback_cb *cb,
					  void *arg, struct err *err)
{
	struct loopback_listener *listener = calloc(1, sizeof *listener);

	if (listener == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	listener->loopback = loopback;
	listener->cb = cb;
	listener->arg = arg;
	TAILQ_INSERT_TAIL(&loopback->listeners, listener, entry);
	listener->resume = loop_timer_new(loopback->loop, on_resume, listener);
	if (listener->resume == NULL)
		err_set(err, ERR_MEMORY, "out of memory");
	else if (loopback_parse_uri(redirect_uri, &listener->target, err) == 0 && start_listening(listener, err) == 0)
		return listener;
	listener_free(listener);
	return NULL;
}

const char *loopback_uri(const struct loopback_listener *listener)
{
	return listener->uri;
}

void loopback_reply(struct loopback_listener *listener, const struct loopback_page *page)
{
	struct visit *visit = listener->reported;

	listener->reported = NULL;
	if (visit != NULL)
		answer(visit, page);
}

void loopback_finish(struct loopback_listener *listener, const struct loopback_page *page)
{
	struct visit *visit, *next;

	if (listener == NULL)
		return;
	loopback_reply(listener, page);
	for (visit = TAILQ_FIRST(&listener->loopback->visits); visit != NULL; visit = next) {
		next = TAILQ_NEXT(visit, entry);
		if (visit->listener != listener)
			continue;
		visit->listener = NULL;
		if (!visit->answered)
			visit_free(visit);
	}
	listener_free(listener);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

struct loopback *loopback_new(struct loop *loop)
{
	struct loopback *loopback = calloc(1, sizeof *loopback);

	if (loopback == NULL)
		return NULL;
	loopback->loop = loop;
	TAILQ_INIT(&loopback->visits);
	TAILQ_INIT(&loopback->listeners);
	return loopback;
}

void loopback_free(struct loopback *loopback)
{
	struct loopback_listener *listener;
	struct visit *visit;

	if (loopback == NULL)
		return;
	while ((visit = TAILQ_FIRST(&loopback->visits)) != NULL)
		visit_free(visit);
	while ((listener = TAILQ_FIRST(&loopback->listeners)) != NULL)
		listener_free(listener);
	free(loopback);
}
