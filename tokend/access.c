/*
 * Who may ask what, from the peer's uid alone. Looks nothing up and logs nothing. Called by the server, once per
 * connection.
 */
#include "tokend/access.h"

unsigned access_of(const struct access_rules *rules, uid_t peer)
{
	unsigned rights = 0;
	size_t i;

	if (peer == 0 || peer == rules->self)
		return ACCESS_TOKEN | ACCESS_HEALTH | ACCESS_ADMIN;
	for (i = 0; i < rules->token_user_count && i < ACCESS_USERS_MAX; i++) {
		if (rules->token_users[i] == peer)
			rights |= ACCESS_TOKEN | ACCESS_HEALTH;
	}
	if (rules->has_milter && rules->milter == peer)
		rights |= ACCESS_HEALTH;
	return rights;
}
