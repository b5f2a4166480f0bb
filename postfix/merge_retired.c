/*
 * Transports that were written for accounts which have been taken out of mailbearer.conf since. Ours is what has a name
 * that we give and logs in at this tokend; what somebody has changed by hand is theirs. Pure. Called by merge_values.c
 * and merge_notes.c.
 */
#include <stdio.h>
#include <string.h>

#include "postfix/main_cf.h"
#include "postfix/master_cf.h"
#include "postfix/merge_private.h"
#include "postfix/text.h"

#define NAME_BEGIN "mailbearer-" /* as the settings name transports */
#define LIMIT_END "_destination_concurrency_limit"
#define MAPS "sender_dependent_default_transport_maps"
#define FIELD_MAX 16 /* bytes of master.cf's field for the processes, with the NUL */

enum state {
	NOT_OURS,
	IN_USE,
	RETIRED, /* as we write it */
	CHANGED  /* by hand; it stays */
};

static const char *text_of(const struct buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

static bool is_wished(const struct wished *wished, const char *name)
{
	for (size_t i = 0; i < wished->service_count; i++)
		if (strcmp(wished->services[i].name, name) == 0)
			return true;
	return false;
}

/* Does it log in at this tokend, and is there nothing in it but what we write? */
static void survey(const struct wished *wished, const char *arguments, bool *has_login, bool *is_pure)
{
	struct master_cf_argument argument = {.name = BUF_INIT(TEXT_FILE_MAX), .value = BUF_INIT(TEXT_FILE_MAX)};

	*has_login = false;
	*is_pure = true;
	while (master_cf_next_argument(&arguments, &argument)) {
		const char *name = text_of(&argument.name), *value = text_of(&argument.value);

		if (argument.is_option && strcmp(name, "smtp_sasl_password_maps") == 0)
			*has_login = wished_is_login(wished, value);
		else if (!argument.is_option || !wished_writes_option(name, value))
			*is_pure = false;
	}
	*is_pure &= !argument.name.failed && !argument.value.failed;
	buf_free(&argument.name);
	buf_free(&argument.value);
}

static bool has_our_fields(const struct installation_service *service)
{
	char processes[FIELD_MAX];

	snprintf(processes, sizeof processes, "%d", WISHED_SUBMISSIONS_MAX);
	return strcmp(service->private_, "-") == 0 && strcmp(service->unprivileged, "-") == 0 &&
	       strcmp(service->wakeup, "-") == 0 && strcmp(service->maxproc, processes) == 0;
}

static enum state judge(const struct wished *wished, const struct installation_service *service)
{
	bool has_login, is_pure;

	if (strcmp(service->type, "unix") != 0 || strcmp(service->command, "smtp") != 0)
		return NOT_OURS;
	survey(wished, service->arguments, &has_login, &is_pure);
	if (!has_login)
		return NOT_OURS;
	if (is_wished(wished, service->name))
		return IN_USE;
	return strncmp(service->name, NAME_BEGIN, strlen(NAME_BEGIN)) == 0 && is_pure && has_our_fields(service)
		   ? RETIRED
		   : CHANGED;
}

/* The next one that is so, from *i. NULL behind the last. */
static const struct installation_service *next_that_is(enum state state, const struct wished *wished,
						       const struct installation *installation, size_t *i)
{
	const struct installation_service *service;

	while ((service = installation_service_at(installation, (*i)++)) != NULL)
		if (judge(wished, service) == state)
			break;
	return service;
}

void merge_retire_services(const struct wished *wished, const struct installation *installation, struct buf *text)
{
	const struct installation_service *service;

	for (size_t i = 0; (service = next_that_is(RETIRED, wished, installation, &i)) != NULL;) {
		struct buf next = BUF_INIT(TEXT_FILE_MAX);

		master_cf_drop(text, service->name, &next);
		merge_move(text, &next);
	}
}

/* --- main.cf --- */

static void drop(struct buf *text, const char *name)
{
	struct buf next = BUF_INIT(TEXT_FILE_MAX);

	main_cf_drop(text, name, &next);
	merge_move(text, &next);
}

/* Ours, unless somebody has set another limit. */
static void drop_limit(struct buf *text, const char *transport)
{
	struct buf name = BUF_INIT(TEXT_FILE_MAX), given = BUF_INIT(TEXT_FILE_MAX);
	char ours[FIELD_MAX];

	snprintf(ours, sizeof ours, "%d", WISHED_SUBMISSIONS_MAX);
	buf_printf(&name, "%s%s", transport, LIMIT_END);
	if (!name.failed && main_cf_get(text, name.data, &given) && strcmp(text_of(&given), ours) == 0)
		drop(text, name.data);
	text->failed |= name.failed || given.failed;
	buf_free(&name);
	buf_free(&given);
}

/* "TRANSPORT:[host]:587", of main.cf's text or as it was there. */
static bool leads_to(const char *value, const char *transport)
{
	size_t len = strlen(transport);

	return strncmp(value, transport, len) == 0 && (value[len] == ':' || value[len] == '\0');
}

static void drop_default(struct buf *text, const char *transport)
{
	struct buf given = BUF_INIT(TEXT_FILE_MAX);

	if (main_cf_get(text, "default_transport", &given) && leads_to(text_of(&given), transport))
		drop(text, "default_transport");
	text->failed |= given.failed;
	buf_free(&given);
}

static bool has_route(const struct wished *wished)
{
	for (size_t i = 0; i < wished->parameter_count; i++)
		if (wished->parameters[i].how == WISHED_MAP)
			return true;
	return false;
}

/* Nobody asks tokend for the way when there is but one. */
static void drop_route(const struct wished *wished, struct buf *text)
{
	struct buf given = BUF_INIT(TEXT_FILE_MAX), rest = BUF_INIT(TEXT_FILE_MAX), next = BUF_INIT(TEXT_FILE_MAX);

	if (main_cf_get(text, MAPS, &given) && text_list_without(text_of(&given), wished->route, &rest)) {
		if (rest.len > 0)
			main_cf_set(text, MAPS, rest.data, &next);
		else
			main_cf_drop(text, MAPS, &next);
		next.failed |= rest.failed;
		merge_move(text, &next);
	}
	text->failed |= given.failed;
	buf_free(&given);
	buf_free(&rest);
}

void merge_retire_parameters(const struct wished *wished, const struct installation *installation, struct buf *text)
{
	const struct installation_service *service;

	for (size_t i = 0; (service = next_that_is(RETIRED, wished, installation, &i)) != NULL;) {
		drop_limit(text, service->name);
		drop_default(text, service->name);
	}
	if (!has_route(wished))
		drop_route(wished, text);
}

/* --- what is said of it --- */

/* Does what is in force lead there, and will nothing of ours take its place? */
static bool loses_default(const struct wished *wished, const struct installation *installation, const char *transport)
{
	const char *given = installation_given(installation, "default_transport");

	for (size_t i = 0; i < wished->parameter_count; i++)
		if (strcmp(wished->parameters[i].name, "default_transport") == 0)
			return false;
	return given != NULL && leads_to(given, transport);
}

void merge_retire_notes(const struct wished *wished, const struct installation *installation, struct buf *out)
{
	const struct installation_service *service;

	for (size_t i = 0; (service = next_that_is(RETIRED, wished, installation, &i)) != NULL;) {
		buf_printf(out, "The transport %s goes: mailbearer.conf has no account for it any more.\n",
			   service->name);
		if (loses_default(wished, installation, service->name))
			buf_puts(out,
				 "default_transport led there, and goes with it: mail of senders that belong to no "
				 "account leaves as Postfix does by itself, by relayhost if there is one.\n");
	}
	for (size_t i = 0; (service = next_that_is(CHANGED, wished, installation, &i)) != NULL;)
		buf_printf(out,
			   "master.cf's service %s logs in at tokend and is no transport of mailbearer.conf; it was "
			   "written or changed by hand, and stays: take it out if nothing leads to it.\n",
			   service->name);
}
