/*
 * The steps about Postfix as a whole, and about the options of each account's way out: main.cf and master.cf as
 * postconf(1) tells them, judged by values.c. Called by check.c's table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/mta.h"
#include "check/steps.h"
#include "check/values.h"
#include "postfix/wished.h"

#define STATUS_MS 20000

/* --- postfix, running, version --- */

/* What smtp(8) has as SASL_PATH: master(8) passes on what import_environment names, or gives it that value. */
static void find_sasl_path(struct world *world)
{
	const char *list = installation_value(world->postfix, "import_environment");
	const char *at = list != NULL ? strstr(list, "SASL_PATH=") : NULL;

	if (at != NULL && (at == list || strchr(", \t{", at[-1]) != NULL)) {
		at += strlen("SASL_PATH=");
		snprintf(world->sasl_path_text, sizeof world->sasl_path_text, "%.*s", (int)strcspn(at, ", \t}"), at);
		world->sasl_path = world->sasl_path_text;
	}
}

static void judge_warnings(const struct world *world, struct finding *finding)
{
	const char *warnings = installation_warnings(world->postfix);

	const char *warning = strstr(warnings, "warning: ");

	if (warnings[0] == '\0')
		return;
	warning = warning != NULL ? warning + strlen("warning: ") : warnings;
	finding_set(finding, FINDING_WARNING, "%.*s", (int)strcspn(warning, "\n"), warning);
	finding_advise(finding, "correct main.cf or master.cf; postconf names all that it does not understand");
}

void step_postfix(struct world *world, struct finding *finding)
{
	struct installation_place place = {.postconf = world->options->postconf,
					   .config_dir = world->options->config_dir};
	struct err err = {.code = ERR_NONE};
	struct wished_site site = {.ca_file = NULL};

	if (installation_read(&place, &world->postfix, &err) != 0) {
		finding_set(finding, err.code == ERR_NOT_FOUND ? FINDING_SKIPPED : FINDING_FAILED, "%s", err.text);
		finding_advise(finding, "correct main.cf and master.cf until postconf has no complaint");
		return;
	}
	site.queue_directory = installation_value(world->postfix, "queue_directory");
	if (wished_make(world->settings, &site, &world->wished, &err) != 0) {
		finding_set(finding, FINDING_FAILED, "%s", err.text);
		return;
	}
	find_sasl_path(world);
	finding_set(finding, FINDING_OK, "version %s, %s", installation_value(world->postfix, "mail_version"),
		    installation_value(world->postfix, "config_directory"));
	judge_warnings(world, finding);
}

void step_running(struct world *world, struct finding *finding)
{
	static const char *const status[] = {"status", NULL};
	struct installation_place place = {.postconf = world->options->postconf,
					   .config_dir = world->options->config_dir};
	struct err err = {.code = ERR_NONE};

	finding_set(finding, FINDING_OK, "its master process is there");
	if (installation_command(&place, "postfix", status, deadline_after(STATUS_MS), &err) == 0)
		return;
	finding_set(finding, FINDING_FAILED, "Postfix does not run: no mail is taken or sent");
	mta_command(world, "postfix", "start", finding);
}

void step_version(struct world *world, struct finding *finding)
{
	const char *version = installation_value(world->postfix, "mail_version");
	int major = 0, minor = 0, patch = 0;

	sscanf(version != NULL ? version : "", "%d.%d.%d", &major, &minor, &patch);
	finding_set(finding, FINDING_OK, "%s does all that is needed", version);
	if (!installation_is_from(world->postfix, 3, 4, 0)) {
		finding_set(finding, FINDING_FAILED, "%s puts a long token into the AUTH line, which servers refuse",
			    version);
		finding_advise(finding, "upgrade to Postfix 3.4 or later");
		finding_line(finding, "apt-get update && apt-get install postfix");
	} else if (world->settings->milter.line != 0 && values_wrong_header(major, minor, patch)) {
		finding_set(finding, FINDING_WARNING,
			    "%s changes the wrong header for a milter, once an access table has used PREPEND", version);
		finding_advise(
		    finding,
		    "upgrade to 3.5.25, 3.6.15, 3.7.11, 3.8.6 or 3.9, or use no PREPEND in smtpd's restrictions");
		finding_line(finding, "apt-get update && apt-get install postfix");
	}
}

/* --- options of each account's service --- */

struct rule {
	const char *name;
	const char *(*judge)(const char *value);
	const char *wished; /* NULL: that of the account's wished service */
};

static const char *wished_mechanisms(const struct world *world, const struct settings_account *account)
{
	for (size_t i = 0; i < world->wished->service_count; i++)
		if (strcmp(world->wished->services[i].name, account->transport) == 0)
			return world->wished->services[i].mechanisms;
	return "xoauth2";
}

static void judge_rule(const struct world *world, const struct settings_account *account, const struct rule *rule,
		       struct finding *finding)
{
	char carrier[MTA_SERVICE_MAX];
	const char *value = mta_value(world, mta_carrier(account, carrier), rule->name);
	const char *problem = rule->judge(value);

	if (problem == NULL)
		return;
	if (finding->mark == FINDING_OK)
		finding_set(finding, FINDING_FAILED, "%s: %s = %s: %s", carrier, rule->name, value != NULL ? value : "",
			    problem);
	mta_set_option(world, account, rule->name,
		       rule->wished != NULL ? rule->wished : wished_mechanisms(world, account), finding);
}

static void judge_rules(const struct world *world, const struct rule *rules, size_t count, struct finding *finding)
{
	const struct settings_account *account;

	for (size_t i = 0; (account = mta_account_at(world, i)) != NULL; i++)
		for (size_t j = 0; j < count; j++)
			judge_rule(world, account, &rules[j], finding);
	if (finding->mark != FINDING_OK)
		mta_reload(world, finding);
}

#define JUDGE(rules) judge_rules(world, rules, sizeof(rules) / sizeof((rules)[0]), finding)

void step_mechanism(struct world *world, struct finding *finding)
{
	static const struct rule rules[] = {{"smtp_sasl_mechanism_filter", values_mechanism, NULL}};

	finding_set(finding, FINDING_OK, "XOAUTH2 and no password");
	JUDGE(rules);
}

void step_security(struct world *world, struct finding *finding)
{
	static const struct rule rules[] = {
	    {"smtp_sasl_security_options", values_security, "noanonymous"},
	    {"smtp_sasl_tls_security_options", values_security, "noanonymous"},
	    {"smtp_sasl_tls_verified_security_options", values_security, "noanonymous"},
	};

	finding_set(finding, FINDING_OK, "nothing that XOAUTH2 cannot promise is asked of it");
	JUDGE(rules);
}

void step_authcache(struct world *world, struct finding *finding)
{
	static const struct rule rules[] = {{"smtp_sasl_auth_cache_name", values_auth_cache, ""}};

	finding_set(finding, FINDING_OK, "off");
	JUDGE(rules);
}

void step_softbounce(struct world *world, struct finding *finding)
{
	static const struct rule rules[] = {{"smtp_sasl_auth_soft_bounce", values_soft_bounce, "yes"}};

	finding_set(finding, FINDING_OK, "mail waits when a login is refused");
	JUDGE(rules);
}

/* --- tls level --- */

/* A policy for the server wins over the level. */
static void judge_policy(const struct world *world, const struct settings_account *account, struct finding *finding)
{
	char carrier[MTA_SERVICE_MAX];
	const char *tables = mta_value(world, mta_carrier(account, carrier), "smtp_tls_policy_maps");
	struct buf table = BUF_INIT(4096), value = BUF_INIT(4096);

	if (tables != NULL && tables[0] != '\0' &&
	    mta_look_up_in(world, tables, account->client->relayhost, &table, &value) == 1) {
		value.data[strcspn(value.data, " \t")] = '\0';
		if (values_tls_level(value.data) != NULL) {
			finding_set(finding, FINDING_FAILED, "%s: policy %s in %s: %s", account->client->relayhost,
				    value.data, table.data, values_tls_level(value.data));
			finding_advise(finding, "write \"secure\" there, or use no policy table for this transport");
			mta_set_option(world, account, "smtp_tls_policy_maps", "", finding);
			mta_reload(world, finding);
		}
	}
	buf_free(&table);
	buf_free(&value);
}

void step_tlslevel(struct world *world, struct finding *finding)
{
	static const struct rule rules[] = {{"smtp_tls_security_level", values_tls_level, "secure"}};
	const struct settings_account *account;

	finding_set(finding, FINDING_OK, "the server is verified before it gets the token");
	JUDGE(rules);
	for (size_t i = 0; finding->mark == FINDING_OK && (account = mta_account_at(world, i)) != NULL; i++)
		judge_policy(world, account, finding);
}
