#ifndef MAILBEARER_MILTER_SESSION_H
#define MAILBEARER_MILTER_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "milter/conf.h"
#include "milter/policy.h"

/*
 * What one connection of the MTA has told so far. One message at a time, each kept within bounds: of the header only
 * the fields that decide, at most SESSION_MESSAGE_MAX bytes. No I/O, no libmilter, no log. Not for two threads at once;
 * the library promises that.
 */
#define SESSION_TEXT_MAX 256     /* bytes of a login or a listener's name, with the NUL */
#define SESSION_QUEUE_ID_MAX 64  /* with the NUL */
#define SESSION_ENVELOPE_MAX 512 /* bytes of an envelope sender that are kept; a longer one is nobody's address */
#define SESSION_VALUE_MAX (SCAN_FIELD_MAX + 1) /* bytes of a field that are kept: enough of a long one to be too long */
#define SESSION_MESSAGE_MAX (3 * POLICY_FIELDS_MAX * SESSION_VALUE_MAX)

struct session_client {
	bool smtp; /* it speaks SMTP; else the MTA pretends one, for mail of sendmail(1) or of its own queue */
	bool has_address;
	uint8_t address[NETWORK_ADDRESS_SIZE];
	char text[INET6_ADDRSTRLEN + 1];    /* for the log */
	char listener[3][SESSION_TEXT_MAX]; /* name, port, ADDRESS:PORT; "" where not known */
};

struct session_message {
	char queue_id[SESSION_QUEUE_ID_MAX]; /* "" until the MTA tells */
	char login[SESSION_TEXT_MAX];        /* "" for none */
	char envelope[SESSION_ENVELOPE_MAX + 1];
	size_t envelope_len;
	bool smtputf8;
	int64_t declared_size; /* of MAIL FROM's SIZE=; 0: none */
	int64_t body_size;     /* as far as the body was wanted and came */
	size_t recipients, elsewhere;
	struct policy_fields from, sender, reply_to; /* values are owned */
	size_t original_from, original_sender, original_envelope;
	bool failed; /* out of memory: what was read is not all */

	const struct rules_rule *rule; /* or NULL */
	enum policy_mode mode;
	char early_mailbox[ADDRESS_MAX + 1]; /* whose health was asked for at MAIL FROM; "" for nobody's */
	const char *gate;                    /* the first gate that said no, or would have: reply_kind_name; or NULL */
};

struct session {
	const struct conf *conf; /* borrowed: the keeper's, for as long as the connection */
	struct session_client client;
	struct session_message message;
};

/* address: AF_INET or AF_INET6, or NULL for any other. queued: the MTA knows a queue ID before there is a message, so
 * it replays one that it has. listener texts: or NULL. */
void session_connect(struct session *session, const struct sockaddr *address, bool queued, const char *name,
		     const char *port, const char *own_address);

/* MAIL FROM: forgets the message before. arguments: as libmilter has them, NULL at the end; the first is the sender.
 * login, queue_id: or NULL. Finds the rule. */
void session_sender(struct session *session, char **arguments, const char *login, const char *queue_id);

void session_recipient(struct session *session, bool elsewhere);
void session_field(struct session *session, const char *name, const char *value);
void session_body(struct session *session, size_t len);
void session_queue_id(struct session *session, const char *queue_id);

/* The message in the policy's form; points into the session. */
void session_policy_message(const struct session *session, struct policy_message *out);

/* Forgets the message, if there is one. */
void session_forget(struct session *session);

#endif
