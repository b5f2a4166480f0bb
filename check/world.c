/* What steps share: a question to tokend, and the end of an account's turn. */
#include <string.h>

#include "check/world.h"
#include "client/tokenclient.h"
#include "smtp/relay.h"

int world_ask(const struct world *world, const char *socket, const char *map, const char *key, enum wire_result *result,
	      struct buf *answer, struct err *err)
{
	struct tokenclient_question question = {
	    .socket_path = socket != NULL ? socket : world->settings->tokend.listen.items[0],
	    .map = map,
	    .key = key,
	    .key_len = strlen(key),
	    .reply_max = WIRE_REPLY_MAX,
	    .deadline = deadline_after(WORLD_ASK_MS),
	};

	return tokenclient_ask(&question, result, answer, err);
}

void world_leave_account(struct world *world)
{
	relay_close(world->relay);
	world->relay = NULL;
	json_decref(world->status);
	world->status = NULL;
	json_decref(world->claims);
	world->claims = NULL;
	world->claims_fit = false;
	buf_clear(&world->token);
	world->account = NULL;
	world->mailbox = NULL;
}
