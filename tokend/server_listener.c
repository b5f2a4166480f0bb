/* The socketmap server's listeners and housekeeping. Called by the process; connections are server_client.c's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/log.h"
#include "tokend/server_private.h"

#define ACCEPT_PAUSE_MS 100 /* when descriptors or memory have run out */
#define SWEEP_MS 5000
#define SOCKET_MODE 0666 /* access is by peer */

static void listen_for(struct server *server, bool on)
{
	for (unsigned i = 0; i < server->listener_count; i++)
		loop_watch_set(server->listeners[i].watch, on, false);
}

static void on_resume(void *arg)
{
	struct server *server = arg;

	listen_for(server, !server->stopped);
}

/* One connection; the loop comes back at once if there are more. To try until there are none would be a call in vain
 * for each mail. */
static void on_connection(void *arg, bool readable, bool writable)
{
	struct server_listener *listener = arg;
	struct server *server = listener->server;
	int fd;

	(void)readable;
	(void)writable;
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		server_client_open(server, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* The connection stays in the queue and would wake us at once again. */
		listen_for(server, false);
		loop_timer_set(server->resume, ACCEPT_PAUSE_MS);
	}
}

static void on_sweep(void *arg)
{
	struct server *server = arg;
	int64_t now = loop_now(server->loop);
	struct server_client *next;

	for (struct server_client *client = server->clients; client != NULL; client = next) {
		next = client->next;
		server_client_sweep(client, now);
	}
	loop_timer_set(server->sweep, SWEEP_MS);
}

struct server *server_new(struct loop *loop, struct broker *broker, server_reload_cb *reload, void *arg,
			  struct err *err)
{
	struct server *server = calloc(1, sizeof *server);

	if (server != NULL) {
		server->loop = loop;
		server->broker = broker;
		server->reload = reload;
		server->reload_arg = arg;
		server->sweep = loop_timer_new(loop, on_sweep, server);
		server->resume = loop_timer_new(loop, on_resume, server);
		server->conf = strdup("mailbearer.conf");
	}
	if (server == NULL || server->sweep == NULL || server->resume == NULL || server->conf == NULL) {
		err_set(err, ERR_MEMORY, "out of memory for the server");
		server_free(server);
		return NULL;
	}
	loop_timer_set(server->sweep, SWEEP_MS);
	return server;
}

int server_listen(struct server *server, const char *path, struct err *err)
{
	struct server_listener *listener = &server->listeners[server->listener_count];

	if (server->listener_count == SERVER_LISTENERS_MAX)
		return err_set(err, ERR_LIMIT, "cannot listen at %s: at most %d sockets", path, SERVER_LISTENERS_MAX);
	*listener = (struct server_listener){.server = server, .path = strdup(path)};
	if (listener->path == NULL)
		return err_set(err, ERR_MEMORY, "cannot listen at %s: out of memory", path);
	listener->fd = sock_listen_unix(path, SOCKET_MODE, err);
	if (listener->fd >= 0)
		listener->watch = loop_watch_new(server->loop, listener->fd, on_connection, listener);
	if (listener->watch == NULL) {
		if (listener->fd >= 0) {
			sock_unlisten_unix(path, listener->fd);
			err_set(err, ERR_MEMORY, "cannot listen at %s: out of memory", path);
		}
		free(listener->path);
		return -1;
	}
	server->listener_count++;
	loop_watch_set(listener->watch, true, false);
	return 0;
}

void server_set_access(struct server *server, const struct access_rules *rules, const char *conf)
{
	char *copy = strdup(conf);

	server->rules = *rules;
	if (copy != NULL) {
		free(server->conf);
		server->conf = copy;
	}
	for (struct server_client *client = server->clients; client != NULL; client = client->next)
		client->rights = access_of(rules, client->uid);
}

void server_stop(struct server *server)
{
	server->stopped = true;
	for (unsigned i = 0; i < server->listener_count; i++) {
		loop_watch_free(server->listeners[i].watch);
		sock_unlisten_unix(server->listeners[i].path, server->listeners[i].fd);
		free(server->listeners[i].path);
	}
	server->listener_count = 0;
}

bool server_busy(const struct server *server)
{
	for (const struct server_client *client = server->clients; client != NULL; client = client->next)
		if (client->out.len > 0)
			return true;
	return false;
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	server_stop(server);
	while (server->clients != NULL)
		server_client_close(server->clients);
	loop_timer_free(server->sweep);
	loop_timer_free(server->resume);
	free(server->conf);
	free(server);
}
