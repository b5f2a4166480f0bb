/*
 * The steps about each account's way through Postfix: its transport, the route there, its login, certificate
 * authorities, concurrency, bounces, and tables that rewrite its address on the way out. Called by check.c's table.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/mta.h"
#include "check/steps.h"
#include "check/values.h"
#include "postfix/wished.h"

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"

static const char *value_of(const struct world *world, const char *name)
{
	const char *value = installation_value(world->postfix, name);

	return value != NULL ? value : "";
}

/* --- transport --- */

/* Does the value lead to this transport: "NAME:..." or by tokend's map? */
static bool leads_to(const char *value, const char *transport)
{
	size_t len = strlen(transport);

	return strncmp(value, transport, len) == 0 && (value[len] == ':' || value[len] == '\0');
}

static bool is_routed(const struct world *world, const struct settings_account *account)
{
	const char *maps = value_of(world, "sender_dependent_default_transport_maps");

	return leads_to(value_of(world, "default_transport"), account->transport) ||
	       strstr(maps, ":transport") != NULL || (maps[0] != '\0' && strstr(maps, account->transport) != NULL);
}

static bool judge_transport(const struct world *world, const struct settings_account *account, struct finding *finding)
{
	const struct installation_service *service = installation_service(world->postfix, account->transport, "unix");

	if (service == NULL)
		finding_set(finding, FINDING_FAILED, "master.cf has no transport %s for %s", account->transport,
			    account->name);
	else if (strcmp(service->command, "smtp") != 0)
		finding_set(finding, FINDING_FAILED, "transport %s in master.cf is %s, and not smtp",
			    account->transport, service->command);
	else if (!is_routed(world, account))
		finding_set(finding, FINDING_FAILED, "no mail is led to transport %s of %s", account->transport,
			    account->name);
	else
		return true;
	finding_advise(finding, "write what mailbearer.conf asks for into main.cf and master.cf (with a backup)");
	mta_apply_all(world, finding);
	return false;
}

void step_transport(struct world *world, struct finding *finding)
{
	const struct settings_account *account;
	size_t i;

	for (i = 0; (account = mta_account_at(world, i)) != NULL; i++)
		if (!judge_transport(world, account, finding))
			return;
	finding_set(finding, FINDING_OK, "%zu, one for each account", i);
}

/* --- login --- */

static const char *wished_login(const struct world *world, const struct settings_account *account)
{
	for (size_t i = 0; i < world->wished->service_count; i++)
		if (strcmp(world->wished->services[i].name, account->transport) == 0)
			return world->wished->services[i].login;
	return "";
}

/* The one that we would write, or any that asks tokend. */
static bool is_login(const char *value, const char *wished)
{
	return strcmp(value, wished) == 0 || (strncmp(value, "socketmap:", 10) == 0 && strstr(value, ":sasl") != NULL);
}

void step_login(struct world *world, struct finding *finding)
{
	const struct settings_account *account;
	char carrier[MTA_SERVICE_MAX];

	finding_set(finding, FINDING_OK, "by tokend, with one for <> too");
	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++) {
		const char *service = mta_carrier(account, carrier);
		const char *enabled = mta_value(world, service, "smtp_sasl_auth_enable");
		const char *maps = mta_value(world, service, "smtp_sasl_password_maps");
		const char *wished = wished_login(world, account);

		if (values_login_is_on(enabled) != NULL) {
			if (finding->mark == FINDING_OK)
				finding_set(finding, FINDING_FAILED, "%s: smtp_sasl_auth_enable = no: %s", service,
					    values_login_is_on(enabled));
			mta_set_option(world, account, "smtp_sasl_auth_enable", "yes", finding);
		}
		if (maps == NULL || !is_login(maps, wished)) {
			if (finding->mark == FINDING_OK)
				finding_set(finding, FINDING_FAILED,
					    "%s: smtp_sasl_password_maps = %s: does not lead to tokend", service,
					    maps != NULL ? maps : "");
			mta_set_option(world, account, "smtp_sasl_password_maps", wished, finding);
		}
	}
	if (finding->mark != FINDING_OK)
		mta_reload(world, finding);
}

/* --- nullsender --- */

/* Bounces have no sender: a login that is looked up by sender is not found for them. */
static bool judge_sender_dependence(const struct world *world, const struct settings_account *account,
				    struct finding *finding)
{
	char carrier[MTA_SERVICE_MAX];
	const char *dependent = mta_value(world, mta_carrier(account, carrier), "smtp_sender_dependent_authentication");

	if (account->name[0] == '*' || dependent == NULL || strcasecmp(dependent, "yes") != 0)
		return true;
	finding_set(
	    finding, FINDING_FAILED,
	    "%s: smtp_sender_dependent_authentication = yes: bounces have no login, and no connection is reused",
	    carrier);
	mta_set_option(world, account, "smtp_sender_dependent_authentication", "no", finding);
	mta_reload(world, finding);
	return false;
}

void step_nullsender(struct world *world, struct finding *finding)
{
	const struct settings_account *account;

	finding_set(finding, FINDING_OK, "bounces, whose sender is <>, have a login");
	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++)
		if (!judge_sender_dependence(world, account, finding))
			return;
	for (size_t i = 0; i < world->settings->account_count; i++)
		if (leads_to(value_of(world, "default_transport"), world->settings->accounts[i].transport))
			return;
	if (world->settings->milter.default_account != NULL)
		return;
	finding_set(finding, FINDING_WARNING, "bounces, and senders without an account, go by %s%s%s as before",
		    value_of(world, "default_transport"), value_of(world, "relayhost")[0] != '\0' ? ":" : "",
		    value_of(world, "relayhost"));
	finding_advise(finding, "if they are to go by an account, put this into %s, and reload tokend",
		       world->options->config);
	finding_line(finding, "milter { default_account = \"%s\" }", world->settings->accounts[0].name);
}

/* --- concurrency --- */

static void judge_concurrency(const struct world *world, const struct settings_account *account,
			      struct finding *finding)
{
	const struct installation_service *service = installation_service(world->postfix, account->transport, "unix");
	char name[MTA_SERVICE_MAX];
	const char *limit;

	snprintf(name, sizeof name, "%s_destination_concurrency_limit", account->transport);
	limit = installation_given(world->postfix, name);
	if (limit == NULL)
		limit = value_of(world, "default_destination_concurrency_limit");
	if (values_concurrency(limit) != NULL && (service == NULL || values_concurrency(service->maxproc) != NULL)) {
		if (finding->mark == FINDING_OK)
			finding_set(finding, FINDING_WARNING, "%s = %s: %s", name, limit, values_concurrency(limit));
		mta_set_parameter(world, name, "3", finding);
	}
}

void step_concurrency(struct world *world, struct finding *finding)
{
	const struct settings_account *account;

	finding_set(finding, FINDING_OK, "three at a time for each mailbox at most");
	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++)
		judge_concurrency(world, account, finding);
	if (finding->mark != FINDING_OK)
		mta_reload(world, finding);
}

/* --- ca --- */

static bool is_folder_with_files(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* What smtp(8) finds there: a file is read before the chroot, a folder each time, in the chroot. */
static bool judge_authorities(const struct world *world, const struct settings_account *account,
			      struct finding *finding)
{
	char carrier[MTA_SERVICE_MAX], inside[4096];
	const char *service = mta_carrier(account, carrier), *file = mta_value(world, service, "smtp_tls_CAfile");
	const char *folder = mta_value(world, service, "smtp_tls_CApath");
	struct stat st;

	if (file != NULL && file[0] != '\0') {
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
			return true;
		finding_set(finding, FINDING_FAILED, "%s: smtp_tls_CAfile = %s: is no file with certificates", carrier,
			    file);
	} else if (folder != NULL && folder[0] != '\0') {
		snprintf(inside, sizeof inside, "%s%s",
			 mta_is_chrooted(world, service) ? value_of(world, "queue_directory") : "", folder);
		if (is_folder_with_files(inside))
			return true;
		finding_set(finding, FINDING_FAILED,
			    "%s: smtp_tls_CApath = %s: there is nothing in %s, where smtp looks", carrier, folder,
			    inside);
	} else {
		finding_set(finding, FINDING_FAILED, "%s: smtp_tls_CAfile is empty: no certificate can be verified",
			    carrier);
	}
	mta_set_parameter(world, "smtp_tls_CAfile", CA_FILE, finding);
	mta_reload(world, finding);
	return false;
}

/* tlsproxy(8), which keeps connections for reuse, reads them before its own chroot only if it is told of it. */
static bool judge_tlsproxy(const struct world *world, const struct settings_account *account, struct finding *finding)
{
	char carrier[MTA_SERVICE_MAX];
	const char *reuse = mta_value(world, mta_carrier(account, carrier), "smtp_tls_connection_reuse");

	if (reuse == NULL || strcasecmp(reuse, "yes") != 0 || !mta_is_chrooted(world, "tlsproxy/unix") ||
	    value_of(world, "tlsproxy_client_security_level")[0] != '\0')
		return true;
	finding_set(finding, FINDING_FAILED,
		    "tlsproxy_client_security_level is empty: in its chroot tlsproxy finds no certificate authorities");
	mta_set_parameter(world, "tlsproxy_client_security_level", "may", finding);
	mta_reload(world, finding);
	return false;
}

void step_ca(struct world *world, struct finding *finding)
{
	const struct settings_account *account;

	finding_set(finding, FINDING_OK, "certificate authorities are where smtp finds them");
	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++)
		if (!judge_authorities(world, account, finding) || !judge_tlsproxy(world, account, finding))
			return;
}

/* --- resolver --- */

static bool is_literal(const char *relayhost)
{
	const char *host = relayhost + (*relayhost == '[');

	return host[strspn(host, "0123456789.")] == ']' || strchr(host, ':') < strchrnul(host, ']');
}

/* 0: the same, 1: they differ, -1: the second is not there. */
static int compare_files(const char *one, const char *two)
{
	char a[8192], b[sizeof a];
	FILE *first = fopen(one, "re"), *second = fopen(two, "re");
	size_t len = first != NULL ? fread(a, 1, sizeof a, first) : 0;
	int result = second == NULL ? -1 : fread(b, 1, sizeof b, second) == len && memcmp(a, b, len) == 0 ? 0 : 1;

	if (first != NULL)
		fclose(first);
	if (second != NULL)
		fclose(second);
	return result;
}

void step_resolver(struct world *world, struct finding *finding)
{
	const struct settings_account *account;
	char carrier[MTA_SERVICE_MAX], inside[4096];
	int difference;

	finding_set(finding, FINDING_OK, "smtp finds the same name servers as this host");
	snprintf(inside, sizeof inside, "%s/etc/resolv.conf", value_of(world, "queue_directory"));
	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++) {
		if (is_literal(account->client->relayhost) || !mta_is_chrooted(world, mta_carrier(account, carrier)))
			continue;
		difference = compare_files("/etc/resolv.conf", inside);
		if (difference == 0)
			return;
		finding_set(finding, difference < 0 ? FINDING_FAILED : FINDING_WARNING,
			    difference < 0
				? "%s is not there: in its chroot smtp finds no name server"
				: "%s differs from /etc/resolv.conf: in its chroot smtp asks other name servers",
			    inside);
		finding_line(finding, "install -D -m 0644 /etc/resolv.conf %s", inside);
		mta_reload(world, finding);
		return;
	}
}

/* --- rewriting --- */

/* Tables that change addresses, and by whose hand. */
static const struct {
	const char *name;
	bool in_smtp; /* an option of the transport's */
} rewriters[] = {
    {"smtp_generic_maps", true},
    {"canonical_maps", false},
    {"sender_canonical_maps", false},
};

static bool judge_rewriter(const struct world *world, const struct settings_account *account, size_t i,
			   struct finding *finding)
{
	char carrier[MTA_SERVICE_MAX];
	const char *name = rewriters[i].name;
	const char *tables = mta_value(world, mta_carrier(account, carrier), name);
	struct buf table = BUF_INIT(4096), value = BUF_INIT(4096);
	bool good = tables == NULL || tables[0] == '\0' ||
		    mta_look_up_in(world, tables, account->name, &table, &value) != 1 ||
		    strcasecmp(value.data != NULL ? value.data : "", account->name) == 0;

	if (!good) {
		finding_set(finding, FINDING_FAILED,
			    "%s: %s makes %s of %s: Exchange refuses a sender that is not the login's", name,
			    table.data, value.data, account->name);
		if (rewriters[i].in_smtp) {
			finding_advise(finding, "use no such table for this transport");
			mta_set_option(world, account, name, "", finding);
			mta_reload(world, finding);
		} else {
			finding_advise(finding, "take the entry for %s out of it", account->name);
		}
	}
	buf_free(&table);
	buf_free(&value);
	return good;
}

void step_rewriting(struct world *world, struct finding *finding)
{
	const struct settings_account *account;

	finding_set(finding, FINDING_OK, "no table changes an account's own address");
	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++)
		for (size_t j = 0; account->name[0] != '*' && j < sizeof rewriters / sizeof rewriters[0]; j++)
			if (!judge_rewriter(world, account, j, finding))
				return;
}
