#ifndef MAILBEARER_TOKEND_BROKER_PRIVATE_H
#define MAILBEARER_TOKEND_BROKER_PRIVATE_H

#include <sys/queue.h>

#include "daemon/senders.h"
#include "lib/secret.h"
#include "tokend/account.h"
#include "tokend/broker.h"
#include "tokend/claims.h"
#include "tokend/consent.h"
#include "tokend/discovery.h"
#include "tokend/expiry.h"
#include "tokend/identity.h"
#include "tokend/jwt.h"
#include "tokend/loopback.h"
#include "tokend/oauth.h"
#include "tokend/service_account.h"
#include "tokend/signin.h"
#include "tokend/store.h"
#include "tokend/turns.h"

/*
 * Shared by the files of the broker only:
 *
 *    broker_life.c       its life, who waits for what, the maps that ask for a token
 *    broker_client.c     what a client proves itself with
 *    broker_configure.c  settings in force and their replacement
 *    broker_expiry.c     warnings ahead
 *    broker_grant.c      refresh tokens: store, import, forget
 *    broker_begin.c      the beginning of a sign-in
 *    broker_consent.c    a sign-in that is running: what consent.h's machine says is done here
 *    broker_login.c      the `login` map
 *    broker_keeper.c     one account: drives the state machine of account.h, answers how things stand
 *    broker_maps.c       the maps that answer from the settings alone, and `account`
 *    broker_message.c    what one token request says
 *    broker_outcome.c    what came of a request
 *    broker_remedy.c     what to do about a refusal
 *    broker_request.c    one token request, from the metadata document to the parsed answer
 *    broker_status.c     the `status` map
 *    broker_turns.c      the pace at which requests go out
 */

/* --- clients --- */

/* What a client of the settings needs at run time. Lives as long as they do. It has one of the credentials at most,
 * which settings_load sees to; none: a public client, or one whose credential is read anew each time. */
struct broker_client {
	const struct settings_client *conf;
	struct secret *secret;           /* or NULL */
	struct jwt_key *key;             /* to sign assertions with; or NULL */
	struct service_account *account; /* Google's; or NULL */
	char *identity_endpoint;         /* App Service's; or NULL */
	struct secret *identity_header;  /* App Service's; or NULL */
	struct discovery_source *source; /* or NULL: no metadata document is needed */
};

/* Reads the client's credentials; may block on files and tokens. 0, or -1 with *err set and what was read to be
 * unloaded all the same. */
int client_load(struct broker_client *client, const struct settings_client *conf, struct err *err);
void client_unload(struct broker_client *client); /* legal on a zeroed one */

/*
 * How the client proves itself in one request: *auth, and with it *credential, to be freed: the secret, or a new
 * assertion for `audience`, or what the federated token's file holds now. 0, or -1 with *err set: ERR_CONFIG when the
 * provider takes nothing that the client has.
 */
int client_prove(const struct broker_client *client, struct loop *loop, const struct oauth_metadata *metadata,
		 const char *audience, enum oauth_auth *auth, struct secret **credential, struct err *err);

/* The endpoint as it is configured or as the service account's file says, or NULL: the metadata document says it. */
const char *client_token_endpoint(const struct broker_client *client);

/* The assertion by which a service account asks for a mailbox's token, to be freed; or NULL with *err set. */
struct secret *client_speak_for(const struct broker_client *client, struct loop *loop, const char *mailbox,
				struct err *err);

/* --- messages --- */

/* One request as it goes out. Made and freed by broker_request.c; nothing of it outlives http_start. */
struct broker_message {
	struct http_request http; /* borrows from what follows */
	struct buf url, body, header;
	struct http_header headers[4];
	struct secret *credential; /* what proves who we are; or NULL */
};

void broker_message_init(struct broker_message *message);
void broker_message_free(struct broker_message *message);

/* metadata NULL: the client needs none. 0, or -1 with *err set: ERR_CONFIG where somebody must repair something. */
int broker_message_for_token(struct broker_message *message, const struct broker_client *client, struct loop *loop,
			     const struct oauth_grant *grant, const struct oauth_metadata *metadata, struct err *err);

/* challenge: what the file of Arc's challenge holds, in the answer to it; else NULL. */
int broker_message_for_identity(struct broker_message *message, const struct broker_client *client,
				const struct secret *challenge, struct err *err);

/* --- requests --- */

struct broker_request;

/* How a request ended. Borrowed for the call; whoever wants a secret of the answer takes it out and leaves NULL. */
struct broker_result {
	struct oauth_answer answer; /* in its texts, what was sent is blotted out */
	bool has_device;            /* OAUTH_DEVICE_AUTHORIZATION was granted: this and not `answer` counts */
	struct oauth_device device;
	bool undiscovered; /* it failed for want of the metadata document */
	bool rotated;      /* its refresh token replaced the one before: broker_outcome.c's */
	int64_t sent_at;   /* loop_now() */
	int64_t took_ms;
	int64_t retry_after_ms; /* 0: none was given */
};

typedef void broker_request_cb(void *arg, struct broker_result *result);

/* Asks for a token with the grant, which is copied. Calls back exactly once, never before it has returned, not at all
 * after broker_request_abort. NULL with *err set: nothing was started. */
struct broker_request *broker_request_start(struct broker *broker, const struct broker_client *client,
					    const struct oauth_grant *grant, broker_request_cb *cb, void *arg,
					    struct err *err);
void broker_request_abort(struct broker_request *request); /* NULL is legal; illegal once its callback has begun */

/* The client's new settings count for what is not sent yet. False: it waits for a document that the new ones do not
 * want, and must be aborted before the old ones go. */
bool broker_request_change_client(struct broker_request *request, const struct broker_client *client);

/* The scope that a client asks for, or NULL. */
const char *broker_scope(const struct settings_client *conf, enum settings_grant grant);

/* Appends what a person is asked for at a sign-in: the same, and who they are where that does no harm. 0 or -1. */
int broker_signin_scope(const struct settings_client *conf, struct buf *scope);

/* What to do about an `error` of RFC 6749, or one of our own words, that somebody must repair. Never NULL. */
const char *broker_remedy(const struct settings_client *conf, const char *error);

/* The same for trouble that passes by itself, should it not pass. */
const char *broker_remedy_if_it_lasts(const char *error);

/* --- those who wait --- */

enum wait_for {
	WAIT_TOKEN,   /* the access token, or why there is none */
	WAIT_REFRESH, /* how the refresh in flight goes */
	WAIT_IMPORT,  /* the same, for a token that is saved already */
	WAIT_TRIAL,   /* how the trial of a token goes: whoever runs it settles this */
	WAIT_LOGIN,   /* how the sign-in goes, or that it goes on */
	WAIT_TEXT     /* `text` is the answer */
};

TAILQ_HEAD(wait_list, broker_wait);

struct keeper;

struct broker_wait {
	TAILQ_ENTRY(broker_wait) entry;
	struct wait_list *list; /* the one it is in */
	struct broker *broker;
	struct keeper *keeper; /* whose answer it is; NULL with WAIT_TEXT */
	enum wait_for what;
	enum wire_result result;
	char text[ERR_TEXT_MAX];
	struct loop_timer *timer;
	broker_cb *cb;
	void *arg;
};

#define BROKER_TOKEN_WAIT_MS (25 * 1000) /* the plugin gives up after 30 s */
#define BROKER_ADMIN_WAIT_MS (60 * 1000) /* longer than discovery and request together */

/* Waits for `what` of the keeper. NULL with *now filled in: no memory. */
struct broker_wait *broker_wait_new(struct keeper *keeper, enum wait_for what, const struct broker_question *question,
				    struct broker_answer *now);

/* From now on its answer is this text, and it is due. NULL is legal, and so is one that has its text. */
void broker_wait_settle(struct broker_wait *wait, enum wire_result result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The answers to those who wait for it are due, or only to those who want a token. They are told from the loop, since
 * whoever is told may ask again at once. */
void broker_tell(struct keeper *keeper, bool tokens_only);

/* Everybody who waits for it gets this answer instead; or only those who wait for the sign-in. */
void broker_dismiss(struct keeper *keeper, const char *reason);
void broker_dismiss_login(struct keeper *keeper, const char *reason);

/* The answers to those who wait for the sign-in are due. */
void broker_tell_login(struct keeper *keeper);

/* Fills in an answer. Always returns NULL: nobody waits. */
struct broker_wait *broker_say(struct broker_answer *now, enum wire_result result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- accounts --- */

#define KEEPER_REMEDY_MAX 360

/* What is kept of an account: its machine, its secrets, its requests, and what is known of its troubles. */
struct keeper {
	struct broker *broker;
	const struct settings_account *conf;
	const struct broker_client *client;

	struct account machine;
	struct loop_timer *tick;
	int64_t tick_at; /* what it is set to; 0: not */
	struct secret *access_token;
	struct turn turn;               /* while the machine is refreshing: it may have to wait for it */
	struct broker_request *refresh; /* in flight, or NULL */
	bool outdated;                  /* settings changed since it was sent: its access token is of no use */

	struct store_record record; /* refresh_token NULL: there is none */
	bool unsaved;               /* the record is newer than the one on disk, where it could not be put */
	unsigned save_failures;     /* in a row */
	struct loop_timer *save_timer;
	struct store_save *saving; /* the record is on its way to the disk, or its removal; or NULL */
	int64_t saving_generation; /* as it is on its way: the record may be newer again; below 0: removal */
	struct broker_result
	    *held; /* what is taken over once `saving` has ended, while the machine is refreshing; or NULL */

	struct broker_request *trial; /* of a refresh token that is to replace the one that works, or NULL */
	struct secret *candidate;     /* that token */
	struct broker_wait *importer; /* who brought it; NULL when gone */

	struct login *login; /* the sign-in that is running, or the last one's outcome; or NULL */

	char user[CLAIMS_USER_MAX]; /* whose the tokens are, as far as they say; "" */
	bool other_mailbox;         /* and that is not the account */

	struct wait_list waits;
	int64_t failing_since;    /* loop_now() of the first failure in a row; 0: not failing */
	int64_t served_until;     /* loop_now() until which the last access token could be served */
	int64_t last_success;     /* loop_wall(); 0: never */
	char error[ERR_TEXT_MAX]; /* "ERROR: DETAIL" of the last failure, "" after a success */
	char remedy[KEEPER_REMEDY_MAX];
};

/* With its record, if its grant has one and the store has it. NULL with *err set. */
struct keeper *keeper_new(struct broker *broker, const struct settings_account *conf,
			  const struct broker_client *client, struct err *err);

/* New settings for the same grant, `changed` if they alter what is asked for. */
void keeper_reconfigure(struct keeper *keeper, const struct settings_account *conf, const struct broker_client *client,
			bool changed);

/* Aborts what is in flight and frees; nobody may be waiting. NULL is legal. */
void keeper_free(struct keeper *keeper);

/* What an event brings along, and what is made of it. */
struct keeper_feed {
	struct account_input in; /* without its time and random bits */
	unsigned mask;           /* of account_action: those that are done */
	enum turn_kind kind;     /* of the request, should it start one */
};

/* An event of the state machine, and those of the actions that it asks for which are in the mask. */
void keeper_feed(struct keeper *keeper, enum account_event event, struct keeper_feed *with);

/* The same with nothing but all that follows from it. */
void keeper_event(struct keeper *keeper, enum account_event event);

/* The same for a grant that replaces the old one and has brought an access token along, which is taken over. */
void keeper_grant_with_token(struct keeper *keeper, struct broker_result *result);

/* A refresh whatever the state: pauses end. TURN_AT_ONCE: a person waits for it; TURN_IDLE: it is one of many. */
void keeper_force(struct keeper *keeper, enum turn_kind kind);

/* Its turn has come: the request that the machine wants goes out. */
void keeper_send(struct keeper *keeper);

/* Puts the answer for `what`, as things stand, into *now. */
void keeper_answer(const struct keeper *keeper, enum wait_for what, struct broker_answer *now);

/* Why there is no token, with the remedy: "invalid_grant: ...". Returns `text`. */
const char *keeper_reason(const struct keeper *keeper, char *text, size_t size);

/* Remembers a failure for the answers and the status, and since when it lasts. */
void keeper_blame(struct keeper *keeper, const char *error, const char *detail, const char *remedy);

/* For how long the account has been unable to send, in seconds; -1: it is able to. */
int64_t keeper_unusable_for(const struct keeper *keeper);

/* Seconds until a moment of loop_now(), rounded up, never negative. */
int64_t keeper_seconds_until(const struct keeper *keeper, int64_t at);

/* --- outcomes --- */

/* The account's request has ended: a broker_request_cb. */
void outcome_of_refresh(void *keeper, struct broker_result *result);

/* The token is the account's from now on, and answers those who wait; its refresh token has been seen to. */
void outcome_token(struct keeper *keeper, struct broker_result *result);

/* There is no token: `outcome` is one of the other three. */
void outcome_failed(struct keeper *keeper, const struct broker_result *result, enum outcome outcome);

/* The refresh token is safe, or as safe as it can be: what came with it is taken over. Legal when nothing is held. */
void outcome_go_on(struct keeper *keeper);

/* Forgets what is held. */
void outcome_drop(struct keeper *keeper);

/* --- the pace --- */

/* The machine wants a request, or the one that waits for its turn is wanted more than before. */
void broker_take_turn(struct keeper *keeper, enum turn_kind kind);

/* The timer of those who wait; `arg` is the broker. */
void broker_next_turn(void *arg);

/* --- what ends --- */

/* Starts the daily warnings in the log. 0, or -1: no memory. */
int broker_expiry_begin(struct broker *broker);

/* What of the account and its client ends soon: as expiry_list. */
size_t broker_expiries(const struct keeper *keeper, struct expiry out[EXPIRY_MAX]);

/* Remembers the end of the refresh token that an answer tells, without saving. True: the record on disk has another. */
bool keeper_note_end(struct keeper *keeper, const struct oauth_answer *answer);

/* --- grants --- */

/* Reads the record of a new keeper. True if it holds a grant for its client; else the reason is remembered. */
bool grant_load(struct keeper *keeper);

/* A refresh token that came with an answer replaces the old one, and is saved as by grant_save. */
void grant_rotate(struct keeper *keeper, struct secret *refresh_token);

/*
 * Puts the record on its way to the disk. While keeper->saving is set, it is under way, the record as it is then if
 * that changes meanwhile; when it has ended, so that the record is on disk, or unsaved and tried again, outcome_go_on
 * is called. Where it could not even begin, that is not called.
 */
void grant_save(struct keeper *keeper);

/* Waits until nothing is on its way; outcome_go_on has been called. Before anything else changes what is on disk. -1
 * with *err set: the disk does not answer in time, and all is as it was. */
int grant_settle(struct keeper *keeper, struct err *err);
void grant_settle_at_end(struct keeper *keeper); /* for longer, and says in the log what it means */

/* The time for the next try has come; or the one that is under way takes long. */
void grant_on_save_timer(struct keeper *keeper);

/* Aborts the trial of an imported token, if there is one, and tells the importer why. */
void grant_end_trial(struct keeper *keeper, const char *reason);

/* A sign-in's tokens replace the old grant: on disk first, or on their way there if it does not answer, then taken
 * over, the access token as well. -1 with *err set: nothing has changed. What is taken out of the answer is NULL
 * afterwards. */
int grant_adopt(struct keeper *keeper, struct broker_result *result, struct err *err);

/* --- signing in --- */

#define LOGINS_MAX 32 /* that run at a time */
#define LOGIN_ID_LEN 16
#define LOGIN_STATE_LEN 43
#define LOGIN_HOLD_MS 1000 /* a question for the outcome is held for so long: the CLI counts seconds */

struct login {
	struct keeper *keeper;
	struct consent machine;
	struct loop_timer *tick;
	char id[LOGIN_ID_LEN + 1];
	char state[LOGIN_STATE_LEN + 1];    /* RFC 6749's, which binds the answer to the question */
	struct secret *verifier;            /* PKCE; not with device */
	struct secret *code;                /* that is being traded */
	char *redirect_uri;                 /* as it was asked for; not with device */
	char *issuer;                       /* that the answer must name (RFC 9207); NULL: any or none */
	struct buf address;                 /* what the person opens */
	struct loopback_listener *listener; /* browser */
	struct discovery_wait *discovery;   /* the metadata document that is waited for */
	struct broker_request *request;     /* for a device code, or for tokens */
	struct oauth_device device;
	enum wire_result result; /* when over */
	char text[ERR_TEXT_MAX];
};

/* Begins one; another one of the account is ended. keeper->login is set, and may be over when this returns. -1 with
 * *err set: ERR_DENIED, ERR_CONFIG: for good. */
int login_start(struct keeper *keeper, enum consent_kind kind, struct err *err);

/* Its asker has asked again. */
void login_heard(struct login *login);

/* The address that the browser ended at, or what follows its '?'. 0, or -1 with *err set: it is not the answer that was
 * asked for, and the sign-in goes on. */
int login_answer(struct login *login, const char *address, size_t len, struct err *err);

/* Ends it without a grant, unless it is over or being completed. NULL is legal. */
void login_stop(struct login *login, const char *reason);

/* Is a code of it being traded? It may be a grant in a moment; a poll for the device is hardly ever. */
bool login_is_being_completed(const struct login *login);

/* New settings of its account. */
void login_reconfigure(struct keeper *keeper, const struct broker_client *client, bool changed);

/* Seconds until it ends by itself. */
int64_t login_seconds_left(const struct login *login);

/* Ends it, forgets it. */
void login_free(struct keeper *keeper);

/* An event of the machine, and all that follows from it. After a tick, `login` may be gone. */
void login_feed(struct login *login, enum consent_event event, struct consent_input *in);
void login_on_tick(void *arg);

/* How a sign-in failed, where `error` is RFC 6749's or a word of ours. */
struct login_failure {
	enum wire_result result;
	const char *error, *detail, *remedy; /* detail and remedy may be "" */
};

/* Ends it, logs that, and tells everybody. The account is as it was. */
void login_fail(struct login *login, const struct login_failure *failure);

/* The answer to WAIT_LOGIN, as things stand: broker_login.c */
void login_describe(const struct login *login, struct broker_answer *now);

/* --- the whole --- */

struct broker {
	struct loop *loop;
	struct http *http;
	struct store *store;
	struct discovery *discovery;
	struct loopback *loopback;
	struct settings *settings; /* NULL before the first broker_configure */
	struct senders *senders;
	struct broker_client *clients; /* one for each client of the settings */
	struct keeper **keepers;       /* one for each account of the settings */
	struct wait_list due;
	struct turns turns;
	struct loop_timer *soon;      /* tells those in `due` */
	struct loop_timer *next_turn; /* sends for those in `turns` */
	struct loop_timer *daily;     /* warns of what ends */
	bool stopping;
	bool disk_hangs; /* a wait for it was in vain, and nothing was saved since */
};

/* The account of this very name; also a wildcard account, by its own name or by one of its mailboxes. Or NULL. */
struct keeper *broker_find(const struct broker *broker, const char *name, size_t len);

/* "PERM no account KEY in FILE". Returns NULL. */
struct broker_wait *broker_say_no_account(const struct broker *broker, const char *name, size_t len,
					  struct broker_answer *now);

/* The keeper of an account of the settings in force. */
struct keeper *broker_keeper_of(const struct broker *broker, const struct settings_account *conf);

/* Frees what the settings in force stand on; keepers must be gone. */
void broker_clients_free(struct broker_client *clients, size_t count);

#endif
