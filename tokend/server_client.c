/*
 * One connection: bytes in, frames out, one question at a time in the order they came. The plugin opens one for each
 * SMTP session, so the usual way is short: accepted, read, answered with one send, all before the loop runs again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/log.h"
#include "lib/netstring.h"
#include "tokend/server_private.h"

#define RECEIVE_STEP 4096
#define IN_MAX (WIRE_REQUEST_MAX + WIRE_NETSTRING_EXTRA)
#define OUT_MAX (WIRE_STATUS_MAX + WIRE_NETSTRING_EXTRA)

/* --- its end ------------------------------------------------------------------------------------------------------ */

void server_client_close(struct server_client *client)
{
	struct server *server = client->server;

	if (client->busy) {
		client->doomed = true;
		return;
	}
	broker_cancel(client->wait);
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		server->clients = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	server->client_count--;
	client->peer->clients--;
	loop_watch_free(client->watch);
	close(client->fd);
	buf_free(&client->in);
	buf_free(&client->out);
	free(client);
}

/* --- bytes out ---------------------------------------------------------------------------------------------------- */

static void update_watch(struct server_client *client)
{
	bool read = !client->closing && !client->ended && client->in.len < IN_MAX && client->out.len == 0;

	loop_watch_set(client->watch, read, client->out.len > 0);
}

static void send_some(struct server_client *client)
{
	while (client->out.len > 0) {
		ssize_t sent = send(client->fd, client->out.data, client->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				client->doomed = true;
			return;
		}
		client->moved_at = loop_now(client->server->loop);
		buf_consume(&client->out, (size_t)sent);
	}
	buf_free(&client->out);
	if (client->closing)
		client->doomed = true;
}

static void reply(struct server_client *client, enum wire_result result, const char *text, size_t len)
{
	if (wire_append_reply(&client->out, result, text, len) != 0)
		client->doomed = true;
	else
		send_some(client);
}

static void reply_text(struct server_client *client, enum wire_result result, const struct err *err)
{
	reply(client, result, err->text, strlen(err->text));
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static void refuse_frame(struct server_client *client, const char *what)
{
	struct err err;
	int64_t left_out;

	err_set(&err, ERR_SYNTAX, "this is no socketmap request: %s", what);
	if (server_peer_may_log(client->server, client->peer, &left_out))
		log_event(EVENT_BAD_FRAME, NULL, log_number("uid", client->uid), log_text("reason", what),
			  log_number("not_logged_before", left_out));
	client->closing = true;
	buf_clear(&client->in);
	reply_text(client, WIRE_PERM, &err);
}

static void refuse_peer(struct server_client *client, const struct wire_request *request, unsigned right)
{
	struct err err;
	int64_t left_out;
	const char *remedy = right == ACCESS_ADMIN ? "only root may: use sudo" : "add its user to token_users in";

	err_set(&err, ERR_DENIED, "uid %lu may not ask '%s': %s%s%s", (unsigned long)client->uid, request->map, remedy,
		right == ACCESS_ADMIN ? "" : " ", right == ACCESS_ADMIN ? "" : client->server->conf);
	if (server_peer_may_log(client->server, client->peer, &left_out))
		log_event(EVENT_PEER_REFUSED, NULL, log_number("uid", client->uid), log_text("map", request->map),
			  log_text("remedy", right == ACCESS_ADMIN
						 ? "ask as root"
						 : "add the user to token_users if it is a mail server's"),
			  log_number("not_logged_before", left_out));
	reply_text(client, WIRE_PERM, &err);
}

static void unknown_map(struct server_client *client, const struct wire_request *request)
{
	struct buf text = BUF_INIT(ERR_TEXT_MAX);

	buf_printf(&text, "no map '%s'; there are:", request->map);
	for (unsigned i = 0; server_operation_at(i) != NULL; i++)
		buf_printf(&text, " %s", server_operation_at(i)->map);
	reply(client, WIRE_PERM, text.data, text.len);
	buf_free(&text);
}

static void reload(struct server_client *client)
{
	struct buf text = BUF_INIT(ERR_TEXT_MAX);
	struct err err = {.code = ERR_NONE};

	if (client->server->reload(client->server->reload_arg, &text, &err) == 0)
		reply(client, WIRE_OK, text.data, text.len);
	else
		reply_text(client, WIRE_PERM, &err);
	buf_free(&text);
}

static void serve(struct server_client *client);

/* The broker has made up its mind. Called from the loop, not from within ask(). */
static void on_answer(void *arg, const struct broker_answer *answer)
{
	struct server_client *client = arg;

	client->wait = NULL;
	client->busy = true;
	reply(client, answer->result, answer->text.data, answer->text.len);
	serve(client);
}

static void ask(struct server_client *client, const struct wire_request *request,
		const struct server_operation *operation)
{
	struct broker_question question = {
	    .key = request->key, .key_len = request->key_len, .cb = on_answer, .arg = client};
	struct broker_answer now = {.result = WIRE_TEMP, .text = BUF_INIT(WIRE_STATUS_MAX)};

	if (operation->handler == NULL) {
		reload(client);
		return;
	}
	client->wait = operation->handler(client->server->broker, &question, &now);
	if (client->wait == NULL)
		reply(client, now.result, now.text.data, now.text.len);
	buf_free(&now.text);
}

static const struct server_operation *find_operation(const char *map)
{
	const struct server_operation *operation;

	for (unsigned i = 0; (operation = server_operation_at(i)) != NULL; i++)
		if (strcmp(operation->map, map) == 0)
			return operation;
	return NULL;
}

static void handle(struct server_client *client, const struct netstring *frame)
{
	const struct server_operation *operation;
	struct wire_request request;

	if (wire_parse_request(frame->data, frame->len, &request) != 0) {
		refuse_frame(client, "\"MAP KEY\" is expected");
		return;
	}
	operation = find_operation(request.map);
	if (operation == NULL)
		unknown_map(client, &request);
	else if ((client->rights & operation->right) == 0)
		refuse_peer(client, &request, operation->right);
	else
		ask(client, &request, operation);
}

/* Answers the frames that are there, until one has to wait or its answer cannot be sent whole. */
static void handle_frames(struct server_client *client)
{
	struct netstring frame;

	while (client->in.len > 0 && client->wait == NULL && client->out.len == 0 && !client->closing &&
	       !client->doomed && !client->server->stopped) {
		switch (netstring_decode(client->in.data, client->in.len, WIRE_REQUEST_MAX, &frame)) {
		case NETSTRING_OK:
			handle(client, &frame);
			if (!client->closing)
				buf_consume(&client->in, frame.used);
			break;
		case NETSTRING_MORE:
			return;
		case NETSTRING_TOO_LONG:
			refuse_frame(client, "it is too long");
			break;
		case NETSTRING_BAD:
			refuse_frame(client, "a netstring is expected");
			break;
		}
	}
	if (client->in.len == 0)
		buf_free(&client->in);
}

/* After anything that happened: go on with what has come, then free it, or tell the loop what to wait for. Expects and
 * ends `busy`. */
static void serve(struct server_client *client)
{
	handle_frames(client);
	if (client->ended && client->wait == NULL && client->out.len == 0)
		client->doomed = true;
	client->busy = false;
	if (client->doomed)
		server_client_close(client);
	else
		update_watch(client);
}

/* --- bytes in ----------------------------------------------------------------------------------------------------- */

/* True when there may be more. */
static bool receive(struct server_client *client)
{
	size_t room = IN_MAX - client->in.len < RECEIVE_STEP ? IN_MAX - client->in.len : RECEIVE_STEP;
	char *space = room > 0 ? buf_reserve(&client->in, room) : NULL;
	ssize_t got;

	if (space == NULL) {
		client->doomed = room > 0;
		return false;
	}
	do
		got = recv(client->fd, space, room, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		client->in.len += (size_t)got;
		client->moved_at = loop_now(client->server->loop);
	} else if (got == 0) {
		client->ended = true;
	} else if (errno != EAGAIN && errno != EWOULDBLOCK) {
		client->doomed = true;
	}
	return got > 0;
}

static void on_ready(void *arg, bool readable, bool writable)
{
	struct server_client *client = arg;

	client->busy = true;
	if (writable)
		send_some(client);
	if (readable && !client->doomed)
		receive(client);
	serve(client);
}

/* --- its beginning ------------------------------------------------------------------------------------------------ */

static bool too_many(const struct server_client *client)
{
	const struct server *server = client->server;

	return server->client_count > SERVER_CLIENTS_MAX ||
	       (client->peer->clients > SERVER_UID_CLIENTS_MAX && (client->rights & ACCESS_ADMIN) == 0);
}

static void turn_away(struct server_client *client)
{
	struct err err;
	int64_t left_out;

	err_set(&err, ERR_LIMIT, "too many connections; try again later");
	if (server_peer_may_log(client->server, client->peer, &left_out))
		log_event(EVENT_TOO_MANY_CLIENTS, NULL, log_number("uid", client->uid),
			  log_number("of_this_uid", client->peer->clients),
			  log_number("in_all", client->server->client_count),
			  log_number("not_logged_before", left_out));
	client->closing = true;
	reply_text(client, WIRE_TEMP, &err);
}

static struct server_client *client_new(struct server *server, int fd)
{
	struct server_client *client = calloc(1, sizeof *client);
	struct sock_peer who;

	if (client == NULL || sock_peer(fd, &who, NULL) != 0)
		goto fail;
	client->watch = loop_watch_new(server->loop, fd, on_ready, client);
	if (client->watch == NULL)
		goto fail;
	client->server = server;
	client->fd = fd;
	client->uid = who.uid;
	client->rights = access_of(&server->rules, who.uid);
	client->peer = server_peer_of(server, who.uid);
	client->peer->clients++;
	client->in = BUF_INIT(IN_MAX);
	client->out = BUF_INIT(OUT_MAX);
	client->moved_at = loop_now(server->loop);
	client->next = server->clients;
	if (server->clients != NULL)
		server->clients->previous = client;
	server->clients = client;
	server->client_count++;
	return client;
fail:
	free(client);
	close(fd);
	return NULL;
}

void server_client_open(struct server *server, int fd)
{
	struct server_client *client = client_new(server, fd);

	if (client == NULL)
		return;
	client->busy = true;
	if (too_many(client))
		turn_away(client);
	else if (receive(client))
		receive(client); /* the end, as a rule: our own clients ask once and say so */
	serve(client);
}

void server_client_sweep(struct server_client *client, int64_t now)
{
	bool owes = client->in.len > 0 || client->out.len > 0 || client->closing;
	int64_t still = now - client->moved_at;

	if (client->wait == NULL && still > (owes ? SERVER_STALL_MS : SERVER_IDLE_MS))
		server_client_close(client);
}
