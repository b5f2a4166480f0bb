/*
 * Keeps what the MTA tells of a connection and of the message that is under way, within bounds. Called by the
 * callbacks; decides nothing but which rule is meant.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "milter/session.h"

static void keep(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

/* --- the connection --- */

/* The port, or -1. */
static int read_address(struct session_client *client, const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	bool is_v6 = address && address->sa_family == AF_INET6;

	if (!address || (address->sa_family != AF_INET && !is_v6) ||
	    !inet_ntop(address->sa_family, is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr,
		       client->text, sizeof(client->text))) {
		keep(client->text, sizeof(client->text), "local");
		return -1;
	}
	client->has_address = network_address(client->text, client->address);
	return ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
}

void session_connect(struct session *session, const struct sockaddr *address, bool queued, const char *name,
		     const char *port, const char *own_address)
{
	struct session_client *client = &session->client;

	*client = (struct session_client){0};
	client->smtp = read_address(client, address) != 0 && !queued; /* Postfix's cleanup has port 0 for local mail */
	keep(client->listener[0], SESSION_TEXT_MAX, name);
	keep(client->listener[1], SESSION_TEXT_MAX, port);
	if (port && own_address)
		snprintf(client->listener[2], SESSION_TEXT_MAX, "%.*s:%s", INET6_ADDRSTRLEN, own_address, port);
}

/* --- the sender --- */

static void read_envelope(struct session_message *message, const char *text)
{
	size_t len = strlen(text);

	if (len >= 2 && text[0] == '<' && text[len - 1] == '>') {
		text++;
		len -= 2;
	}
	message->envelope_len = len < SESSION_ENVELOPE_MAX ? len : SESSION_ENVELOPE_MAX;
	memcpy(message->envelope, text, message->envelope_len);
}

static void read_argument(struct session_message *message, const char *text)
{
	if (strncasecmp(text, "SIZE=", 5) == 0)
		message->declared_size = strtoll(text + 5, NULL, 10);
	else if (strcasecmp(text, "SMTPUTF8") == 0)
		message->smtputf8 = true;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static void find_rule(struct session *session)
{
	struct session_message *message = &session->message;
	const struct session_client *client = &session->client;
	struct rules_session facts = {
	    .has_address = client->has_address,
	    .login = or_null(message->login),
	    .listener = {or_null(client->listener[0]), or_null(client->listener[1]), or_null(client->listener[2])},
	    .envelope = {message->envelope, message->envelope_len},
	};

	memcpy(facts.address, client->address, sizeof(facts.address));
	message->rule = rules_find(&session->conf->rules, &facts);
	message->mode = message->rule && message->rule->has_mode ? message->rule->mode : session->conf->policy.mode;
}

void session_sender(struct session *session, char **arguments, const char *login, const char *queue_id)
{
	struct session_message *message = &session->message;

	session_forget(session);
	keep(message->login, sizeof(message->login), login);
	session_queue_id(session, queue_id);
	read_envelope(message, *arguments ? *arguments : "");
	while (*arguments && *++arguments)
		read_argument(message, *arguments);
	find_rule(session);
}

/* --- the rest of the message --- */

void session_recipient(struct session *session, bool elsewhere)
{
	session->message.recipients++;
	session->message.elsewhere += elsewhere;
}

static void keep_value(struct session_message *message, struct policy_fields *fields, const char *value)
{
	size_t len = strnlen(value, SESSION_VALUE_MAX);
	char *copy;

	if (fields->count++ >= POLICY_FIELDS_MAX)
		return;
	copy = malloc(len + 1);
	message->failed |= copy == NULL;
	if (copy) {
		memcpy(copy, value, len);
		copy[len] = '\0';
	}
	fields->values[fields->count - 1] = (struct span){copy, copy ? len : 0};
}

/* A blank between name and colon is obsolete syntax (RFC 5322 section 4.5), and the field is what it would be without.
 */
static bool is_field(const char *name, const char *wanted)
{
	size_t len = strlen(wanted);

	return strncasecmp(name, wanted, len) == 0 && name[len + strspn(name + len, " \t")] == '\0';
}

void session_field(struct session *session, const char *name, const char *value)
{
	struct session_message *message = &session->message;

	if (is_field(name, "From"))
		keep_value(message, &message->from, value);
	else if (is_field(name, "Sender"))
		keep_value(message, &message->sender, value);
	else if (is_field(name, "Reply-To"))
		keep_value(message, &message->reply_to, value);
	else if (is_field(name, "X-Original-From"))
		message->original_from++;
	else if (is_field(name, "X-Original-Sender"))
		message->original_sender++;
	else if (is_field(name, "X-Original-Envelope-From"))
		message->original_envelope++;
}

void session_body(struct session *session, size_t len)
{
	session->message.body_size += (int64_t)len;
}

void session_queue_id(struct session *session, const char *queue_id)
{
	if (queue_id && *queue_id)
		keep(session->message.queue_id, SESSION_QUEUE_ID_MAX, queue_id);
}

void session_policy_message(const struct session *session, struct policy_message *out)
{
	const struct session_message *message = &session->message;

	*out = (struct policy_message){
	    .smtp = session->client.smtp,
	    .smtputf8 = message->smtputf8,
	    .envelope = {message->envelope, message->envelope_len},
	    .recipients = message->recipients,
	    .recipients_elsewhere = message->elsewhere,
	    .from = message->from,
	    .sender = message->sender,
	    .reply_to = message->reply_to,
	    .original_from = message->original_from,
	    .original_sender = message->original_sender,
	    .original_envelope = message->original_envelope,
	};
}

static void free_values(struct policy_fields *fields)
{
	for (size_t i = 0; i < fields->count && i < POLICY_FIELDS_MAX; i++)
		free((char *)fields->values[i].at);
}

void session_forget(struct session *session)
{
	free_values(&session->message.from);
	free_values(&session->message.sender);
	free_values(&session->message.reply_to);
	session->message = (struct session_message){0};
}
