/*
 * main.cf's parameters and master.cf's services, made of the settings. Pure: runs nothing and reads nothing. Called by
 * postfix_config.c.
 */
#include <stdbool.h>
#include <string.h>

#include "cli/postfix.h"
#include "lib/wire.h"

#define QUEUE_DIRECTORY "/var/spool/postfix/"
/* A file: a folder of certificates is read when smtp(8) is in its chroot, and is not there. */
#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define SUBMISSIONS_MAX 3 /* that Exchange Online takes at a time from one mailbox */

/* Postfix expands $name in what it reads. */
static void put_literally(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_append(out, *text == '$' ? "$$" : text, *text == '$' ? 2 : 1);
}

static const char *socket_of(const struct settings *settings)
{
	return settings->tokend.listen.count > 0 ? settings->tokend.listen.items[0] : WIRE_SOCKET_DEFAULT;
}

static void put_map(struct buf *out, const struct settings *settings, const char *map)
{
	buf_puts(out, "socketmap:unix:");
	put_literally(out, socket_of(settings));
	buf_printf(out, ":%s", map);
}

/* --- main.cf --- */

/* One account and nothing else needs no question who sends. */
static void put_route(struct buf *out, const struct settings *settings)
{
	const struct settings_account *account = settings->accounts;

	if (settings->account_count == 1 && settings->connector_count == 0) {
		buf_printf(out, "default_transport = %s\nrelayhost = ", account->transport);
		put_literally(out, account->client->relayhost);
	} else {
		buf_puts(out, "sender_dependent_default_transport_maps = ");
		put_map(out, settings, "transport");
	}
	buf_puts(out, "\n");
}

/* As Postfix has it: smtpd(8) and cleanup(8) are in the queue's folder, by chroot or by chdir. False: not to be reached
 * from there. "inet:PORT@HOST" is libmilter's order, "inet:HOST:PORT" Postfix's. */
static bool put_milter(struct buf *out, const char *listen)
{
	const char *where = strchr(listen, ':') + 1, *host = strchr(where, '@');
	bool six = strncmp(listen, "inet6:", 6) == 0;

	if (strncmp(listen, "inet", 4) == 0) {
		if (host == NULL)
			return false;
		buf_printf(out, six ? "inet:[%s]:%.*s" : "inet:%s:%.*s", host + 1, (int)(host - where), where);
		return true;
	}
	if (strncmp(where, QUEUE_DIRECTORY, strlen(QUEUE_DIRECTORY)) != 0)
		return false;
	buf_puts(out, "unix:");
	put_literally(out, where + strlen(QUEUE_DIRECTORY));
	return true;
}

static void put_milter_parameters(const struct settings *settings, struct buf *out)
{
	struct buf socket = BUF_INIT(out->max);

	if (settings->milter.line != 0 && put_milter(&socket, settings->milter.listen) && !socket.failed)
		buf_printf(out,
			   "smtpd_milters = %s\n"
			   "non_smtpd_milters = $smtpd_milters\n"
			   "milter_default_action = tempfail\n"
			   "milter_protocol = 6\n"
			   "message_strip_characters = \\0\n",
			   socket.data);
	out->failed |= socket.failed;
	buf_free(&socket);
}

bool postfix_milter_unreachable(const struct settings *settings)
{
	struct buf unused = BUF_INIT(4096);
	bool reachable = settings->milter.line == 0 || put_milter(&unused, settings->milter.listen);

	buf_free(&unused);
	return !reachable;
}

void postfix_parameters(const struct settings *settings, struct buf *out)
{
	size_t i;

	if (settings->account_count > 0 || settings->connector_count > 0)
		put_route(out, settings);
	for (i = 0; i < settings->account_count; i++)
		buf_printf(out, "%s_destination_concurrency_limit = %d\n", settings->accounts[i].transport,
			   SUBMISSIONS_MAX);
	/* tlsproxy(8), which keeps the connections, reads certificates before its chroot only if these two say so here.
	 */
	if (settings->account_count > 0)
		buf_puts(out, "smtp_tls_CAfile = " CA_FILE "\n"
			      "tlsproxy_client_security_level = may\n");
	put_milter_parameters(settings, out);
}

/* --- master.cf --- */

/* The login: fixed, so that bounces have one too and connections can be kept; or for a whole domain the sender. */
static void put_login(struct buf *out, const struct settings *settings, const struct settings_account *account)
{
	const char *socket = socket_of(settings);

	buf_puts(out, " -o smtp_sasl_password_maps=");
	if (account->name[0] == '*') {
		put_map(out, settings, "sasl");
		buf_puts(out, " -o smtp_sender_dependent_authentication=yes");
		return;
	}
	buf_puts(out, "static:");
	put_literally(out, account->name);
	if (strcmp(socket, WIRE_SOCKET_DEFAULT) == 0) {
		buf_puts(out, ":tokend");
		return;
	}
	buf_puts(out, ":unix:");
	put_literally(out, socket);
}

static bool is_microsoft(const struct settings_account *account)
{
	return strcmp(account->client->provider->name, "microsoft") == 0;
}

/* Port 465 has TLS from the first byte. */
static bool is_wrapped(const char *relayhost)
{
	const char *colon = strrchr(relayhost, ':');

	return colon != NULL && strcmp(colon, ":465") == 0;
}

static void put_service(struct buf *out, const struct settings *settings, const struct settings_account *account)
{
	buf_printf(out, "%s unix - - y - %d smtp -o smtp_sasl_auth_enable=yes", account->transport, SUBMISSIONS_MAX);
	put_login(out, settings, account);
	buf_printf(out, " -o smtp_sasl_mechanism_filter=%s", is_microsoft(account) ? "xoauth2" : "xoauth2,oauthbearer");
	buf_puts(out, " -o smtp_sasl_security_options=noanonymous"
		      " -o smtp_sasl_tls_security_options=noanonymous"
		      " -o smtp_tls_security_level=secure"
		      " -o smtp_tls_connection_reuse=yes");
	if (is_wrapped(account->client->relayhost))
		buf_puts(out, " -o smtp_tls_wrappermode=yes");
	buf_puts(out, "\n");
}

void postfix_services(const struct settings *settings, struct buf *out)
{
	for (size_t i = 0; i < settings->account_count; i++)
		put_service(out, settings, &settings->accounts[i]);
}
