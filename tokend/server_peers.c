/* Who holds how many connections, and whose refusals have been logged lately. Called by the other server files. */
#include "tokend/server_private.h"

#define LOG_PAUSE_MS (60 * 1000)

struct server_peer *server_peer_of(struct server *server, uid_t uid)
{
	struct server_peer *spare = NULL;

	for (size_t i = 0; i < SERVER_PEERS_MAX; i++) {
		struct server_peer *peer = &server->peers[i];

		if (peer->used && peer->uid == uid)
			return peer;
		if (spare == NULL && (!peer->used || peer->clients == 0))
			spare = peer;
	}
	if (spare == NULL)
		return &server->peers[SERVER_PEERS_MAX - 1];
	*spare = (struct server_peer){.uid = uid, .used = true};
	return spare;
}

bool server_peer_may_log(struct server *server, struct server_peer *peer, int64_t *left_out)
{
	int64_t now = loop_now(server->loop);

	if (peer->logged_at != 0 && now - peer->logged_at < LOG_PAUSE_MS) {
		peer->unlogged++;
		return false;
	}
	*left_out = peer->unlogged;
	peer->logged_at = now;
	peer->unlogged = 0;
	return true;
}
