/*
 * The maps that Postfix asks for routing and for the login, and `account`, which the milter asks: what the settings say
 * about a sender. No secret passes through here.
 */
#include <string.h>
#include <strings.h>

#include "daemon/settings_state.h"
#include "tokend/broker_private.h"

static struct senders_match match_of(const struct broker *broker, const struct broker_question *question)
{
	return senders_find(broker->senders, question->key, question->key_len);
}

static struct broker_wait *not_found(struct broker_answer *now)
{
	return broker_say(now, WIRE_NOTFOUND, "%s", "");
}

/* --- sasl --- */

/* A relayhost as Postfix writes it: "[host]:port", "host:port", or without the port. */
struct relay {
	const char *host, *port;
	size_t host_len, port_len; /* port_len 0: none was given */
};

static struct relay parse_relay(const char *text, size_t len)
{
	struct relay relay = {.host = text, .host_len = len};
	const char *end = len > 0 && text[0] == '[' ? memchr(text, ']', len) : NULL;
	const char *colon;

	if (end != NULL) {
		relay.host = text + 1;
		relay.host_len = (size_t)(end - relay.host);
		colon = end + 1 < text + len && end[1] == ':' ? end + 1 : NULL;
	} else {
		colon = len > 0 ? memchr(text, ':', len) : NULL;
		if (colon != NULL)
			relay.host_len = (size_t)(colon - text);
	}
	if (colon != NULL) {
		relay.port = colon + 1;
		relay.port_len = (size_t)(text + len - relay.port);
	}
	return relay;
}

static bool is_relay_of(const struct settings_account *account, const struct relay *asked)
{
	const char *text = account->client->relayhost;
	struct relay own = parse_relay(text, strlen(text));

	if (own.host_len != asked->host_len || strncasecmp(own.host, asked->host, own.host_len) != 0)
		return false;
	return asked->port_len == 0 ||
	       (own.port_len == asked->port_len && memcmp(own.port, asked->port, own.port_len) == 0);
}

static bool is_wildcard(const struct settings_account *account)
{
	return account->name[0] == '*';
}

static struct broker_wait *say_login(const struct broker *broker, const char *user, size_t len,
				     struct broker_answer *now)
{
	const struct settings_list *listen = &broker->settings->tokend.listen;

	if (listen->count == 0 || strcmp(listen->items[0], WIRE_SOCKET_DEFAULT) == 0)
		return broker_say(now, WIRE_OK, "%.*s:tokend", (int)len, user);
	return broker_say(now, WIRE_OK, "%.*s:unix:%s", (int)len, user, listen->items[0]);
}

/* The account that is meant when only the server is known, as for bounces: MAIL FROM:<> has no sender to look up. */
static struct broker_wait *say_login_at(const struct broker *broker, const struct relay *relay,
					struct broker_answer *now)
{
	const struct settings *settings = broker->settings;
	const char *preferred = settings->milter.default_account;
	const struct settings_account *account, *only = NULL;
	size_t found = 0;

	account = preferred != NULL ? senders_account(broker->senders, preferred, strlen(preferred)) : NULL;
	if (account != NULL && is_relay_of(account, relay))
		return say_login(broker, preferred, strlen(preferred), now);
	for (size_t i = 0; i < settings->account_count; i++) {
		if (is_relay_of(&settings->accounts[i], relay)) {
			only = &settings->accounts[i];
			found++;
		}
	}
	if (found != 1 || is_wildcard(only))
		return not_found(now);
	return say_login(broker, only->name, strlen(only->name), now);
}

struct broker_wait *broker_sasl(struct broker *broker, const struct broker_question *question,
				struct broker_answer *now)
{
	struct senders_match match;
	struct relay relay;

	if (question->key_len > 0 && memchr(question->key, '@', question->key_len) == NULL) {
		relay = parse_relay(question->key, question->key_len);
		return say_login_at(broker, &relay, now);
	}
	match = match_of(broker, question);
	if (match.account == NULL)
		return not_found(now);
	if (!is_wildcard(match.account))
		return say_login(broker, match.account->name, strlen(match.account->name), now);
	if (match.how == SENDERS_DEFAULT)
		return say_login(broker, broker->settings->milter.default_account,
				 strlen(broker->settings->milter.default_account), now);
	/* Any mailbox of the domain can log in as itself; a send_as of such an account names no mailbox. */
	if (senders_account(broker->senders, question->key, question->key_len) != match.account)
		return not_found(now);
	return say_login(broker, question->key, question->key_len, now);
}

/* --- relayhost, transport --- */

struct broker_wait *broker_relayhost(struct broker *broker, const struct broker_question *question,
				     struct broker_answer *now)
{
	struct senders_match match = match_of(broker, question);

	if (match.connector != NULL)
		return broker_say(now, WIRE_OK, "%s", match.connector->relayhost);
	return match.account != NULL ? broker_say(now, WIRE_OK, "%s", match.account->client->relayhost)
				     : not_found(now);
}

struct broker_wait *broker_transport(struct broker *broker, const struct broker_question *question,
				     struct broker_answer *now)
{
	struct senders_match match = match_of(broker, question);

	if (match.connector != NULL)
		return broker_say(now, WIRE_OK, "smtp:%s", match.connector->relayhost);
	if (match.account == NULL)
		return not_found(now);
	return broker_say(now, WIRE_OK, "%s:%s", match.account->transport, match.account->client->relayhost);
}

/* --- account --- */

struct broker_wait *broker_account(struct broker *broker, const struct broker_question *question,
				   struct broker_answer *now)
{
	struct senders_match match = match_of(broker, question);
	const struct keeper *keeper;
	char reason[ERR_TEXT_MAX];
	int64_t seconds;

	if (match.connector != NULL)
		return broker_say(now, WIRE_OK, "connector %s", match.connector->name);
	if (match.account == NULL)
		return not_found(now);
	keeper = broker_keeper_of(broker, match.account);
	seconds = keeper_unusable_for(keeper);
	if (seconds < 0)
		return broker_say(now, WIRE_OK, "account %s usable", keeper->conf->name);
	return broker_say(now, WIRE_OK, "account %s unusable %lld %s", keeper->conf->name, (long long)seconds,
			  keeper_reason(keeper, reason, sizeof(reason)));
}

/* --- version --- */

/* So that a program of one version sees that it speaks to a daemon of another. */
struct broker_wait *broker_version(struct broker *broker, const struct broker_question *question,
				   struct broker_answer *now)
{
	(void)broker;
	(void)question;
	return broker_say(now, WIRE_OK, "%s", PACKAGE_VERSION);
}

/* --- configuration --- */

/* So that a program which reads the file sees whether tokend runs with what is in it now. */
struct broker_wait *broker_configuration(struct broker *broker, const struct broker_question *question,
					 struct broker_answer *now)
{
	(void)question;
	if (settings_state_tell(broker_settings(broker), &now->text) != 0)
		return broker_say(now, WIRE_TEMP, "out of memory");
	now->result = WIRE_OK;
	return NULL;
}
