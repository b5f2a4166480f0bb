#ifndef MAILBEARER_TOKEND_ACCESS_H
#define MAILBEARER_TOKEND_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who may ask what: decided from the peer's uid alone. Pure (the uids are looked up by whoever makes the table). */

enum access_right {
	ACCESS_TOKEN = 1,  /* token, sasl, relayhost, transport, refused */
	ACCESS_HEALTH = 2, /* account */
	ACCESS_ADMIN = 4   /* all the rest */
};

#define ACCESS_USERS_MAX 64

struct access_rules {
	uid_t self; /* tokend's own user: may do all, as root */
	size_t token_user_count;
	uid_t token_users[ACCESS_USERS_MAX]; /* ACCESS_TOKEN and ACCESS_HEALTH */
	bool has_milter;
	uid_t milter; /* ACCESS_HEALTH only */
};

/* access_right bits of a peer. */
unsigned access_of(const struct access_rules *rules, uid_t peer);

#endif
