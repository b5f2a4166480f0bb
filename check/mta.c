/*
 * What the steps about Postfix share. Reads what `postfix/` has read; runs postmap(1) and nothing else. Called by
 * postfix.c, transport.c, milter.c and chroot.c.
 */
#include <stdio.h>
#include <string.h>

#include "check/mta.h"
#include "postfix/run.h"

#define LOOK_UP_MS 10000
#define TABLE_MAX 1024

const struct settings_account *mta_account_at(const struct world *world, size_t i)
{
	const char *wanted = world->options->account;

	if (wanted != NULL)
		return i == 0 ? senders_account(world->senders, wanted, strlen(wanted)) : NULL;
	return i < world->settings->account_count ? &world->settings->accounts[i] : NULL;
}

const char *mta_carrier(const struct settings_account *account, char out[MTA_SERVICE_MAX])
{
	snprintf(out, MTA_SERVICE_MAX, "%s/unix", account->transport);
	return out;
}

/* Parameters whose default is another one's value: postconf -x tells main.cf's, and the service may have its own. */
static const char *default_of(const char *name)
{
	static const char *const chains[][2] = {
	    {"smtp_sasl_tls_verified_security_options", "smtp_sasl_tls_security_options"},
	    {"smtp_sasl_tls_security_options", "smtp_sasl_security_options"},
	};

	for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++)
		if (strcmp(name, chains[i][0]) == 0)
			return chains[i][1];
	return NULL;
}

const char *mta_value(const struct world *world, const char *service, const char *name)
{
	const char *option, *other, *value;

	while ((option = installation_option(world->postfix, service, name)) == NULL &&
	       installation_given(world->postfix, name) == NULL && (other = default_of(name)) != NULL)
		name = other;
	value = option != NULL ? option : installation_value(world->postfix, name);
	other = value != NULL && value[0] == '$' ? installation_in_force(world->postfix, service, value + 1) : NULL;
	return other != NULL ? other : value;
}

bool mta_is_chrooted(const struct world *world, const char *service)
{
	char name[MTA_SERVICE_MAX];
	const struct installation_service *found;

	snprintf(name, sizeof name, "%.*s", (int)strcspn(service, "/"), service);
	found = installation_service(world->postfix, name, "unix");
	return found != NULL && installation_is_chrooted(world->postfix, found);
}

/* --- commands --- */

/* One of Postfix's commands on this installation. */
static void put_command(const struct world *world, const char *name, struct buf *out)
{
	const struct check_options *options = world->options;
	const char *slash = options->postconf != NULL ? strrchr(options->postconf, '/') : NULL;

	if (slash != NULL)
		buf_printf(out, "%.*s", (int)(slash - options->postconf) + 1, options->postconf);
	buf_puts(out, name);
	if (options->config_dir != NULL)
		buf_printf(out, " -c %s", options->config_dir);
}

void mta_command(const struct world *world, const char *name, const char *rest, struct finding *finding)
{
	struct buf command = BUF_INIT(4096);

	put_command(world, name, &command);
	if (!command.failed)
		finding_line(finding, "%s %s", command.data, rest);
	buf_free(&command);
}

void mta_set_option(const struct world *world, const struct settings_account *account, const char *name,
		    const char *value, struct finding *finding)
{
	char rest[FINDING_TEXT_MAX];

	snprintf(rest, sizeof rest, "-P '%s/unix/%s = %s'", account->transport, name, value);
	mta_command(world, "postconf", rest, finding);
}

void mta_set_parameter(const struct world *world, const char *name, const char *value, struct finding *finding)
{
	char rest[FINDING_TEXT_MAX];

	snprintf(rest, sizeof rest, "-e '%s = %s'", name, value);
	mta_command(world, "postconf", rest, finding);
}

void mta_apply_all(const struct world *world, struct finding *finding)
{
	const struct check_options *options = world->options;

	finding_line(
	    finding, "%s postfix-config --apply --yes%s%s%s%s", options->program,
	    options->config_dir != NULL ? " --config-dir " : "", options->config_dir != NULL ? options->config_dir : "",
	    options->postconf != NULL ? " --postconf " : "", options->postconf != NULL ? options->postconf : "");
	mta_reload(world, finding);
}

void mta_reload(const struct world *world, struct finding *finding)
{
	mta_command(world, "postfix", "reload", finding);
}

/* --- tables --- */

int mta_look_up(const struct world *world, const char *table, const char *key, struct buf *value)
{
	struct installation_place place = {.postconf = world->options->postconf,
					   .config_dir = world->options->config_dir};
	struct buf path = BUF_INIT(4096), complaints = BUF_INIT(65536);
	const char *with_dir[] = {NULL, "-c", world->options->config_dir, "-q", key, table, NULL};
	const char *without[] = {NULL, "-q", key, table, NULL};
	const char **argv = world->options->config_dir != NULL ? with_dir : without;
	struct run run = {
	    .argv = argv, .out = value, .complaints = &complaints, .deadline = deadline_after(LOOK_UP_MS)};
	int result = -1;

	if (installation_program(&place, "postmap", &path, NULL) == 0) {
		argv[0] = path.data;
		if (run_program(&run, NULL) == 0)
			result = run.status == 0 ? 1 : complaints.len > 0 ? -1 : 0;
	}
	while (value->len > 0 && value->data[value->len - 1] == '\n')
		value->data[--value->len] = '\0';
	buf_free(&path);
	buf_free(&complaints);
	return result;
}

/* The length of the first word of a list, in which braces hold together. */
static size_t word_len(const char *list)
{
	size_t len = 0;
	int depth = 0;

	for (; list[len] != '\0' && (depth > 0 || strchr(", \t\r\n", list[len]) == NULL); len++)
		depth += (list[len] == '{') - (list[len] == '}');
	return len;
}

int mta_look_up_in(const struct world *world, const char *tables, const char *key, struct buf *table, struct buf *value)
{
	int result = 0;

	for (size_t len; result == 0 && *tables != '\0'; tables += len) {
		tables += strspn(tables, ", \t\r\n");
		len = word_len(tables);
		if (len == 0 || len > TABLE_MAX)
			continue;
		buf_clear(table);
		buf_clear(value);
		buf_append(table, tables, len);
		if (!table->failed)
			result = mta_look_up(world, table->data, key, value);
	}
	return result;
}
