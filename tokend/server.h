#ifndef MAILBEARER_TOKEND_SERVER_H
#define MAILBEARER_TOKEND_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/wire.h"
#include "tokend/access.h"
#include "tokend/broker.h"
#include "tokend/loop.h"

/*
 * The socketmap server: listeners, clients, frames and rights; what an answer says is the broker's business.
 * Each peer is asked once, at accept, who it is. A bad frame costs that client its connection and nobody else anything.
 */
struct server;

#define SERVER_CLIENTS_MAX 4096        /* connections in all */
#define SERVER_UID_CLIENTS_MAX 512     /* connections of one uid; root and tokend's own user may use all */
#define SERVER_IDLE_MS (5 * 60 * 1000) /* a connection that asks nothing is closed after this */
#define SERVER_STALL_MS (10 * 1000)    /* half a frame, or an answer that is not taken */

/* The `reload` map: 0 with what to say in *text, or -1 with *err set. */
typedef int server_reload_cb(void *arg, struct buf *text, struct err *err);

/* Borrows loop and broker. NULL with *err set. */
struct server *server_new(struct loop *loop, struct broker *broker, server_reload_cb *reload, void *arg,
			  struct err *err);

/* One more socket, mode 0666: access is by peer. 0 or -1. */
int server_listen(struct server *server, const char *path, struct err *err);

/* Who may ask what, for peers that come from now on; conf names the file to edit in a refusal. Copied. */
void server_set_access(struct server *server, const struct access_rules *rules, const char *conf);

/* Takes no more connections and no more questions; answers that are owed still go out. */
void server_stop(struct server *server);

/* Is an answer still on its way? */
bool server_busy(const struct server *server);

/* Closes everything. Nobody may be waiting for the broker any more. NULL is legal. */
void server_free(struct server *server);

/* The operations table: {map, right needed, handler}. */
struct server_operation {
	const char *map;
	unsigned right;      /* access_right */
	broker_map *handler; /* NULL: reload */
};

/* The i-th operation, or NULL after the last; for dispatch, messages and the test that reads the manual. */
const struct server_operation *server_operation_at(unsigned i);

#endif
