/*
 * SMTP as a client, over a relay. Called by session.c. Everything that can go wrong with places, tokens, TLS and the
 * login ends here as a 4xx, so that the MTA keeps the mail.
 */
#include <stdlib.h>
#include <string.h>

#include "client/tokenclient.h"
#include "smtp/relay.h"
#include "submit/hop.h"
#include "submit/patience.h"
#include "submit/slot.h"

#define QUEUE_MAX (256 * 1024) /* bytes of commands that are sent together */

struct hop {
	const struct router *router;
	struct route route; /* of the session that is open */
	struct relay *relay;
	int slot;
	struct buf queue;
	bool broken;     /* something was not sent: nothing may follow it, or the server would not see the gap */
	struct err lost; /* why the connection is not there any more */
};

struct hop *hop_new(const struct router *router)
{
	struct hop *hop = calloc(1, sizeof *hop);

	if (hop == NULL)
		return NULL;
	hop->router = router;
	hop->slot = -1;
	hop->queue.max = QUEUE_MAX;
	return hop;
}

void hop_drop(struct hop *hop)
{
	relay_close(hop->relay);
	hop->relay = NULL;
	slot_leave(hop->slot);
	hop->slot = -1;
	hop->broken = false;
	buf_clear(&hop->queue);
}

void hop_free(struct hop *hop)
{
	if (hop == NULL)
		return;
	hop_drop(hop);
	buf_free(&hop->queue);
	free(hop);
}

bool hop_is_open(const struct hop *hop)
{
	return hop->relay != NULL;
}

const struct offers *hop_offers(const struct hop *hop)
{
	return relay_offers(hop->relay);
}

const struct route *hop_route(const struct hop *hop)
{
	return &hop->route;
}

/* --- opening --- */

static int wait_and_say(struct reply *refusal, const char *enhanced, const struct err *err)
{
	reply_set(refusal, 451, enhanced, "%s", err->text);
	return -1;
}

static int take_place(struct hop *hop, struct reply *refusal)
{
	const struct settings_submit *settings = &hop->router->settings->submit;
	struct err err = {.code = ERR_NONE};

	if (hop->route.account[0] == '\0')
		return 0;
	hop->slot = slot_take(settings->lock_directory, hop->route.account, settings->connections,
			      deadline_after(PATIENCE_SLOT), &err);
	return hop->slot >= 0 ? 0 : wait_and_say(refusal, err.code == ERR_BUSY ? "4.3.2" : "4.3.5", &err);
}

/* The server's own words where it had any, else ours. */
static void explain(const struct hop *hop, enum relay_trouble trouble, const struct reply *said, const struct err *err,
		    struct reply *refusal)
{
	if ((trouble == RELAY_BAD_TOKEN || trouble == RELAY_REFUSED) && said->code >= 400)
		reply_judge(REPLY_AT_LOGIN, hop->route.host, said, refusal);
	else
		reply_set(refusal, 451, trouble == RELAY_UNREACHABLE ? "4.4.1" : "4.7.0", "%s", err->text);
}

static enum relay_trouble open_once(struct hop *hop, struct buf *token, struct reply *refusal)
{
	struct relay_target target = {
	    .host = hop->route.host,
	    .port = hop->route.port,
	    .helo = hop->router->settings->submit.helo_name,
	    .ca_file = hop->route.ca_file,
	    .user = token != NULL ? hop->route.account : NULL,
	    .token = token,
	    .connect_ms = PATIENCE_CONNECT,
	    .open_ms = PATIENCE_OPEN,
	};
	enum relay_trouble trouble;
	struct reply said;
	struct err err = {.code = ERR_NONE};

	hop->relay = relay_open(&target, &trouble, &said, &err);
	if (hop->relay == NULL)
		explain(hop, trouble, &said, &err, refusal);
	return trouble;
}

/* A token that the server will not have may only be old: tokend gets a new one, and it is tried once more. */
static int log_in(struct hop *hop, struct reply *refusal)
{
	struct buf token = BUF_INIT(WIRE_REPLY_MAX);
	enum relay_trouble trouble = RELAY_BAD_TOKEN;
	struct err err = {.code = ERR_NONE};

	for (int attempt = 0; attempt < 2 && trouble == RELAY_BAD_TOKEN; attempt++) {
		if (attempt > 0)
			route_refused(hop->router, &hop->route);
		if (route_token(hop->router, &hop->route, &token, &err) != 0) {
			wait_and_say(refusal, "4.7.0", &err);
			break;
		}
		trouble = open_once(hop, &token, refusal);
	}
	buf_free(&token);
	return hop->relay != NULL ? 0 : -1;
}

static int open_session(struct hop *hop, struct reply *refusal)
{
	hop->lost = (struct err){.code = ERR_NONE};
	if (take_place(hop, refusal) == 0) {
		if (hop->route.account[0] != '\0')
			log_in(hop, refusal);
		else
			open_once(hop, NULL, refusal);
	}
	if (hop->relay != NULL)
		return 0;
	hop_drop(hop);
	return -1;
}

static bool same_way(const struct route *a, const struct route *b)
{
	return strcmp(a->account, b->account) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port;
}

int hop_ready(struct hop *hop, struct lmtp_text sender, struct reply *refusal)
{
	struct route wanted;
	struct err err = {.code = ERR_NONE};

	if (route_find(hop->router, sender, &wanted, &err) != 0)
		return wait_and_say(refusal, "4.3.5", &err);
	if (hop->relay != NULL && same_way(&wanted, &hop->route))
		return 0;
	hop_quit(hop);
	hop->route = wanted;
	return open_session(hop, refusal);
}

/* --- commands and replies --- */

void hop_queue(struct hop *hop, const struct buf *line)
{
	if (line->failed)
		hop->queue.failed = true;
	buf_append(&hop->queue, line->data, line->len);
	buf_puts(&hop->queue, "\r\n");
}

int hop_send(struct hop *hop, const char *bytes, size_t len)
{
	if (hop->relay == NULL || hop->broken)
		return -1;
	hop->broken = relay_send(hop->relay, bytes, len, deadline_after(PATIENCE_BLOCK), &hop->lost) != 0;
	return hop->broken ? -1 : 0;
}

static int send_queue(struct hop *hop)
{
	if (hop->queue.failed) {
		err_set(&hop->lost, ERR_MEMORY, "out of memory for its commands");
		hop->broken = true;
	} else if (hop->queue.len > 0) {
		hop_send(hop, hop->queue.data, hop->queue.len);
	}
	buf_clear(&hop->queue);
	return hop->broken ? -1 : 0;
}

void hop_reply(struct hop *hop, enum reply_stage stage, int patience_ms, struct reply *reply)
{
	struct reply said;
	bool sent = hop->relay != NULL && send_queue(hop) == 0;

	/* A server that closes has often said why before; but what it has not got it cannot have taken. */
	if (hop->relay == NULL ||
	    relay_reply(hop->relay, &said, deadline_after(sent ? patience_ms : 0), &hop->lost) != 0 ||
	    (!sent && said.code < 400)) {
		reply_set(reply, 451, "4.4.2", "%s: %s", hop->route.host,
			  hop->lost.text[0] != '\0' ? hop->lost.text : "the connection was lost");
		hop_drop(hop);
		return;
	}
	reply_judge(stage, hop->route.host, &said, reply);
	if (said.code == 421 || !sent)
		hop_drop(hop);
}

void hop_quit(struct hop *hop)
{
	static const char quit[] = "QUIT\r\n";
	struct deadline deadline = deadline_after(PATIENCE_QUIT);
	struct reply ignored;

	if (hop->relay != NULL && !hop->broken && relay_send(hop->relay, quit, sizeof quit - 1, deadline, NULL) == 0)
		relay_reply(hop->relay, &ignored, deadline, NULL);
	hop_drop(hop);
}
