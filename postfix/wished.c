/*
 * main.cf's parameters and master.cf's services, made of the settings. Pure: runs nothing and reads nothing. Called by
 * apply_plan.c, and by the command postfix-config, which prints them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"
#include "postfix/wished.h"

#define QUEUE_DIRECTORY "/var/spool/postfix"
/* A file: a folder of certificates is read when smtp(8) is in its chroot, and is not there. */
#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define STATIC "static:"
#define VALUE_MAX 4096     /* bytes of a parameter's value */
#define OTHER_PARAMETERS 8 /* besides one for each account */

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

/* The text, which then is the caller's; NULL: no memory. The buffer is empty afterwards. */
static char *take(struct buf *text)
{
	char *copy = text->failed ? NULL : strdup(text->data != NULL ? text->data : "");

	buf_clear(text);
	return copy;
}

/* 0 or -1. The value is taken out of the buffer; the name may have one %s, the transport. */
static int add(struct wished *wished, enum wished_how how, const char *transport, const char *name, struct buf *value)
{
	struct wished_parameter *parameter = &wished->parameters[wished->parameter_count++];
	struct buf full = BUF_INIT(VALUE_MAX);

	buf_printf(&full, "%s%s", transport, name);
	parameter->how = how;
	parameter->name = take(&full);
	parameter->value = take(value);
	buf_free(&full);
	return parameter->name != NULL && parameter->value != NULL ? 0 : -1;
}

/* --- main.cf --- */

/*
 * One account and nothing else needs no question who sends. The next hop stands with the transport: so relayhost and
 * what other transports make of it stay as they are, and no sender-dependent relayhost gets the account's login.
 */
static int add_route(struct wished *wished, const struct settings *settings, struct buf *value)
{
	const struct settings_account *account = settings->accounts;

	if (wished->routed) {
		buf_puts(value, wished->route);
		return add(wished, WISHED_MAP, "", "sender_dependent_default_transport_maps", value);
	}
	buf_printf(value, "%s:", account->transport);
	put_literally(value, account->client->relayhost);
	return add(wished, WISHED_SET, "", "default_transport", value);
}

static int add_tls(struct wished *wished, const struct wished_site *site, struct buf *value)
{
	put_literally(value, site->ca_file != NULL ? site->ca_file : CA_FILE);
	if (add(wished, WISHED_DEFAULT, "", "smtp_tls_CAfile", value) != 0)
		return -1;
	/* tlsproxy(8), which keeps the connections, reads certificates before its chroot only if this says so. */
	buf_puts(value, "may");
	return add(wished, WISHED_DEFAULT, "", "tlsproxy_client_security_level", value);
}

/* As Postfix has it: smtpd(8) and cleanup(8) are in the queue's folder, by chroot or by chdir. False: not to be reached
 * from there. "inet:PORT@HOST" is libmilter's order, "inet:HOST:PORT" Postfix's. */
static bool put_socket(struct buf *out, const char *listen, const char *queue)
{
	const char *where = strchr(listen, ':') + 1, *host = strchr(where, '@');
	bool six = strncmp(listen, "inet6:", 6) == 0;

	if (strncmp(listen, "inet", 4) == 0) {
		if (host == NULL)
			return false;
		buf_printf(out, six ? "inet:[%s]:%.*s" : "inet:%s:%.*s", host + 1, (int)(host - where), where);
		return true;
	}
	if (strncmp(where, queue, strlen(queue)) != 0 || where[strlen(queue)] != '/')
		return false;
	buf_puts(out, "unix:");
	put_literally(out, where + strlen(queue) + 1);
	return true;
}

/* What is about this milter alone stands with it: another one's milter_default_action is none of our business. */
static int add_milter(struct wished *wished, const struct settings *settings, const struct wished_site *site,
		      struct buf *value)
{
	const char *queue = site->queue_directory != NULL ? site->queue_directory : QUEUE_DIRECTORY;

	buf_puts(value, "{ ");
	if (!put_socket(value, settings->milter.listen, queue)) {
		wished->milter_unreachable = true;
		buf_clear(value);
		return 0;
	}
	buf_puts(value, ", default_action=tempfail, protocol=6 }");
	if (add(wished, WISHED_MILTER, "", "smtpd_milters", value) != 0)
		return -1;
	buf_puts(value, "$smtpd_milters");
	if (add(wished, WISHED_LOCAL, "", "non_smtpd_milters", value) != 0)
		return -1;
	/* Exchange takes no bounce from MAILER-DAEMON either. */
	buf_puts(value, "bounce");
	if (add(wished, WISHED_WORD, "", "internal_mail_filter_classes", value) != 0)
		return -1;
	/* A NUL hides from a milter what stands behind it. */
	buf_puts(value, "\\0");
	return add(wished, WISHED_CHARACTERS, "", "message_strip_characters", value);
}

static int add_parameters(struct wished *wished, const struct settings *settings, const struct wished_site *site,
			  struct buf *value)
{
	bool any = settings->account_count > 0 || settings->connector_count > 0;

	if (any && add_route(wished, settings, value) != 0)
		return -1;
	for (size_t i = 0; i < settings->account_count; i++) {
		buf_printf(value, "%d", WISHED_SUBMISSIONS_MAX);
		if (add(wished, WISHED_AT_MOST, settings->accounts[i].transport, "_destination_concurrency_limit",
			value) != 0)
			return -1;
	}
	if (settings->account_count > 0 && add_tls(wished, site, value) != 0)
		return -1;
	return settings->milter.line != 0 ? add_milter(wished, settings, site, value) : 0;
}

/* --- master.cf --- */

/* Port 465 has TLS from the first byte. */
static bool is_wrapped(const char *relayhost)
{
	const char *colon = strrchr(relayhost, ':');

	return colon != NULL && strcmp(colon, ":465") == 0;
}

/* The login: fixed, so that bounces have one too and connections can be kept; or for a whole domain the sender. */
static void put_login(struct buf *out, const struct wished *wished, const struct settings_account *account)
{
	if (account->name[0] == '*') {
		buf_puts(out, wished->login_map);
		return;
	}
	buf_puts(out, STATIC);
	put_literally(out, account->name);
	buf_puts(out, wished->login_end);
}

static const char *const mechanisms[] = {"xoauth2", "xoauth2,oauthbearer"};

static int add_service(struct wished *wished, const struct settings_account *account, struct buf *value)
{
	struct wished_service *service = &wished->services[wished->service_count++];
	bool microsoft = strcmp(account->client->provider->name, "microsoft") == 0;

	put_login(value, wished, account);
	service->login = take(value);
	service->name = account->transport;
	service->mechanisms = mechanisms[microsoft ? 0 : 1];
	service->sender_is_login = account->name[0] == '*';
	service->is_wrapped = is_wrapped(account->client->relayhost);
	return service->login != NULL ? 0 : -1;
}

void wished_each_option(const struct wished_service *service,
			void (*put)(void *arg, const char *name, const char *value), void *arg)
{
	put(arg, "smtp_sasl_auth_enable", "yes");
	put(arg, "smtp_sasl_password_maps", service->login);
	if (service->sender_is_login)
		put(arg, "smtp_sender_dependent_authentication", "yes");
	put(arg, "smtp_sasl_mechanism_filter", service->mechanisms);
	put(arg, "smtp_sasl_security_options", "noanonymous");
	put(arg, "smtp_sasl_tls_security_options", "noanonymous");
	put(arg, "smtp_tls_security_level", "secure");
	put(arg, "smtp_tls_connection_reuse", "yes");
	if (service->is_wrapped)
		put(arg, "smtp_tls_wrappermode", "yes");
}

bool wished_guard_at(size_t i, const char **name, const char **ours)
{
	/* Another way to log in or to encrypt, a second relay that would get it too, an answer of the server's
	 * remembered for months. */
	static const char *const guarded[][2] = {
	    {"smtp_sender_dependent_authentication", "no"},
	    {"smtp_tls_wrappermode", "no"},
	    {"smtp_sasl_auth_cache_name", ""},
	    {"smtp_sasl_auth_soft_bounce", "yes"},
	    {"smtp_sasl_type", "cyrus"},
	    {"smtp_tls_policy_maps", ""},
	    {"smtp_tls_per_site", ""},
	    {"smtp_fallback_relay", ""},
	};

	if (i >= sizeof guarded / sizeof guarded[0])
		return false;
	*name = guarded[i][0];
	*ours = guarded[i][1];
	return true;
}

struct question {
	const char *name, *value;
	bool found;
};

static void compare_option(void *arg, const char *name, const char *value)
{
	struct question *question = arg;

	question->found |= strcmp(name, question->name) == 0 && strcmp(value, question->value) == 0;
}

bool wished_writes_option(const char *name, const char *value)
{
	struct question question = {name, value, false};
	const char *guarded, *ours;
	char none[] = "";

	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
		const struct wished_service any = {
		    .login = none, .mechanisms = mechanisms[i], .sender_is_login = true, .is_wrapped = true};

		wished_each_option(&any, compare_option, &question);
	}
	for (size_t i = 0; wished_guard_at(i, &guarded, &ours); i++)
		compare_option(&question, guarded, ours);
	return question.found;
}

bool wished_is_login(const struct wished *wished, const char *value)
{
	size_t len = strlen(value), end = strlen(wished->login_end);

	if (strcmp(value, wished->login_map) == 0)
		return true;
	return len > strlen(STATIC) + end && strncmp(value, STATIC, strlen(STATIC)) == 0 &&
	       strcmp(value + len - end, wished->login_end) == 0;
}

/* --- all of it --- */

/* 0 or -1. The value is left empty. */
static int name_ours(struct wished *wished, const struct settings *settings, struct buf *value)
{
	const char *socket = socket_of(settings);

	put_map(value, settings, "transport");
	wished->route = take(value);
	put_map(value, settings, "sasl");
	wished->login_map = take(value);
	buf_puts(value, strcmp(socket, WIRE_SOCKET_DEFAULT) == 0 ? ":tokend" : ":unix:");
	if (strcmp(socket, WIRE_SOCKET_DEFAULT) != 0)
		put_literally(value, socket);
	wished->login_end = take(value);
	return wished->route != NULL && wished->login_map != NULL && wished->login_end != NULL ? 0 : -1;
}

static int fill(struct wished *wished, const struct settings *settings, const struct wished_site *site)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	int result = name_ours(wished, settings, &value);

	if (result == 0)
		result = add_parameters(wished, settings, site, &value);
	for (size_t i = 0; i < settings->account_count && result == 0; i++)
		result = add_service(wished, &settings->accounts[i], &value);
	buf_free(&value);
	return result;
}

int wished_make(const struct settings *settings, const struct wished_site *site, struct wished **out, struct err *err)
{
	struct wished *wished = calloc(1, sizeof *wished);

	if (wished == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	wished->routed = settings->account_count != 1 || settings->connector_count > 0;
	wished->default_account = settings->milter.default_account != NULL;
	wished->parameters = calloc(settings->account_count + OTHER_PARAMETERS, sizeof *wished->parameters);
	wished->services = calloc(settings->account_count + 1, sizeof *wished->services);
	if (wished->parameters == NULL || wished->services == NULL || fill(wished, settings, site) != 0) {
		wished_free(wished);
		return err_set(err, ERR_MEMORY, "out of memory");
	}
	*out = wished;
	return 0;
}

void wished_free(struct wished *wished)
{
	if (wished == NULL)
		return;
	for (size_t i = 0; i < wished->parameter_count; i++) {
		free(wished->parameters[i].name);
		free(wished->parameters[i].value);
	}
	for (size_t i = 0; i < wished->service_count; i++)
		free(wished->services[i].login);
	free(wished->parameters);
	free(wished->services);
	free(wished->route);
	free(wished->login_end);
	free(wished->login_map);
	free(wished);
}

void wished_print_parameters(const struct wished *wished, struct buf *out)
{
	for (size_t i = 0; i < wished->parameter_count; i++)
		buf_printf(out, "%s = %s\n", wished->parameters[i].name, wished->parameters[i].value);
}

static void put_option(void *arg, const char *name, const char *value)
{
	struct buf *out = arg;

	buf_printf(out, " -o %s=%s", name, value);
}

void wished_print_services(const struct wished *wished, struct buf *out)
{
	for (size_t i = 0; i < wished->service_count; i++) {
		buf_printf(out, "%s unix - - y - %d smtp", wished->services[i].name, WISHED_SUBMISSIONS_MAX);
		wished_each_option(&wished->services[i], put_option, out);
		buf_puts(out, "\n");
	}
	if (wished->service_count > 0)
		buf_printf(out, "# and, unless it is there: " WISHED_TLSPROXY_FORMAT "\n", "y");
}

void wished_print_notes(const struct wished *wished, struct buf *out)
{
	if (wished->routed && !wished->default_account)
		buf_puts(out,
			 "Senders that belong to no account, and bounces, go by default_transport and relayhost as "
			 "before; default_account in the milter section of mailbearer.conf gives them an account.\n");
	if (wished->milter_unreachable)
		buf_puts(out, "The milter's lines are left out: Postfix cannot reach its socket from the folder of its "
			      "queue; see mailbearer-milter(8).\n");
}
