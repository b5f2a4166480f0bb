#ifndef MAILBEARER_DAEMON_EVENT_H
#define MAILBEARER_DAEMON_EVENT_H

/*
 * Every event that a Mailbearer process logs, with its syslog priority: the vocabulary of `event=`.
 * The manual pages explain each one and tests/lint compares the two, both ways; so nothing can be logged that the
 * manual does not know.
 *
 *    X(identifier, "name", priority)
 */
#define EVENTS(X)                                                                                                      \
	/* tokend: the process */                                                                                      \
	X(EVENT_STARTED, "started", LOG_NOTICE)                                                                        \
	X(EVENT_STOPPING, "stopping", LOG_NOTICE)                                                                      \
	X(EVENT_START_FAILED, "start-failed", LOG_ERR)                                                                 \
	X(EVENT_RELOADED, "reloaded", LOG_NOTICE)                                                                      \
	X(EVENT_RELOAD_FAILED, "reload-failed", LOG_ERR)                                                               \
	X(EVENT_LISTENING, "listening", LOG_INFO)                                                                      \
	X(EVENT_NOT_LISTENING, "not-listening", LOG_WARNING)                                                           \
	X(EVENT_UNKNOWN_USER, "unknown-user", LOG_WARNING)                                                             \
	X(EVENT_PEER_REFUSED, "peer-refused", LOG_WARNING)                                                             \
	X(EVENT_BAD_FRAME, "bad-frame", LOG_WARNING)                                                                   \
	X(EVENT_TOO_MANY_CLIENTS, "too-many-clients", LOG_WARNING)                                                     \
	/* tokend: an account */                                                                                       \
	X(EVENT_TOKEN_REFRESHED, "token-refreshed", LOG_INFO)                                                          \
	X(EVENT_REFRESH_FAILED, "refresh-failed", LOG_WARNING)                                                         \
	X(EVENT_GRANT_LOST, "grant-lost", LOG_ERR)                                                                     \
	X(EVENT_MISCONFIGURED, "misconfigured", LOG_ERR)                                                               \
	X(EVENT_TOKEN_REFUSED, "token-refused", LOG_WARNING)                                                           \
	X(EVENT_LOGIN_STARTED, "login-started", LOG_INFO)                                                              \
	X(EVENT_LOGIN_FAILED, "login-failed", LOG_WARNING)                                                             \
	X(EVENT_OTHER_MAILBOX, "other-mailbox", LOG_WARNING)                                                           \
	X(EVENT_GRANT_SAVED, "grant-saved", LOG_NOTICE)                                                                \
	X(EVENT_GRANT_FORGOTTEN, "grant-forgotten", LOG_NOTICE)                                                        \
	X(EVENT_STORE_FAILED, "store-failed", LOG_CRIT)                                                                \
	X(EVENT_STORE_HANGS, "store-hangs", LOG_CRIT)                                                                  \
	X(EVENT_STORE_REPAIRED, "store-repaired", LOG_NOTICE)                                                          \
	X(EVENT_STORE_UNREADABLE, "store-unreadable", LOG_CRIT)                                                        \
	X(EVENT_EXPIRES_SOON, "expires-soon", LOG_WARNING)                                                             \
	X(EVENT_DISCOVERED, "discovered", LOG_INFO)                                                                    \
	X(EVENT_DISCOVERY_FAILED, "discovery-failed", LOG_WARNING)                                                     \
	/* submit */                                                                                                   \
	X(EVENT_RELAYED, "relayed", LOG_INFO)                                                                          \
	X(EVENT_RELAY_DEFERRED, "relay-deferred", LOG_WARNING)                                                         \
	X(EVENT_RELAY_REFUSED, "relay-refused", LOG_WARNING)                                                           \
	X(EVENT_MTA_LOST, "mta-lost", LOG_WARNING)                                                                     \
	/* the milter */                                                                                               \
	X(EVENT_MESSAGE, "message", LOG_INFO)                                                                          \
	X(EVENT_MESSAGE_REFUSED, "message-refused", LOG_NOTICE)                                                        \
	X(EVENT_MESSAGE_FAILED, "message-failed", LOG_ERR)                                                             \
	X(EVENT_MTA_UNFIT, "mta-unfit", LOG_ERR)                                                                       \
	X(EVENT_TOKEND_AWAY, "tokend-away", LOG_WARNING)                                                               \
	X(EVENT_TOKEND_BACK, "tokend-back", LOG_NOTICE)                                                                \
	/* any of them, with -v */                                                                                     \
	X(EVENT_DEBUG, "debug", LOG_DEBUG)

enum event {
#define EVENT_AS_ENUM(id, name, priority) id,
	EVENTS(EVENT_AS_ENUM)
#undef EVENT_AS_ENUM
};

/* "token-refreshed"; and LOG_INFO and so on of syslog(3). */
const char *event_name(enum event event);
int event_priority(enum event event);

/* The i-th name from 0, or NULL after the last: for the test that compares them with the manual. */
const char *event_at(unsigned i);

#endif
