#ifndef MAILBEARER_TOKEND_SERVER_PRIVATE_H
#define MAILBEARER_TOKEND_SERVER_PRIVATE_H

#include "lib/sock.h"
#include "tokend/server.h"

/* Shared by server.c (listeners), server_client.c (frames) and server_peers.c (who has how much) only. */

#define SERVER_LISTENERS_MAX 16
#define SERVER_PEERS_MAX 256 /* uids that are told apart; more share the last place */

/* What one uid holds, and what was last logged of it. */
struct server_peer {
	uid_t uid;
	unsigned clients;
	int64_t logged_at; /* loop_now(); 0: never */
	unsigned unlogged; /* events since */
	bool used;
};

struct server_listener {
	int fd;
	char *path;
	struct loop_watch *watch;
	struct server *server;
};

struct server_client {
	struct server *server;
	struct server_client *next, *previous;
	int fd;
	uid_t uid;
	unsigned rights;
	struct server_peer *peer;
	struct loop_watch *watch;
	struct buf in;            /* bytes that are not answered yet */
	struct buf out;           /* bytes that are not sent yet */
	struct broker_wait *wait; /* a question that the broker still thinks about */
	int64_t moved_at;         /* loop_now() when bytes last moved */
	bool ended;               /* it asks no more, but may wait for answers */
	bool closing;             /* to be closed once `out` is sent */
	bool doomed;              /* to be freed when the call that is running is over */
	bool busy;                /* a call about it is running */
};

struct server {
	struct loop *loop;
	struct broker *broker;
	server_reload_cb *reload;
	void *reload_arg;
	struct access_rules rules;
	char *conf;
	struct server_listener listeners[SERVER_LISTENERS_MAX];
	unsigned listener_count;
	struct server_client *clients;
	unsigned client_count;
	struct server_peer peers[SERVER_PEERS_MAX];
	struct loop_timer *sweep;
	struct loop_timer *resume; /* after the system ran out of descriptors */
	bool stopped;
};

/* Takes fd over. Answers what has come already. */
void server_client_open(struct server *server, int fd);
void server_client_close(struct server_client *client);

/* Closes it if it has been still for too long. */
void server_client_sweep(struct server_client *client, int64_t now);

struct server_peer *server_peer_of(struct server *server, uid_t uid);

/* At most one line a minute for each uid: true if this one may be logged, with the number left out before. */
bool server_peer_may_log(struct server *server, struct server_peer *peer, int64_t *left_out);

#endif
