/*
 * What postconf(1) prints, as tables to look things up in. Pure but for memory; installation_read.c is what runs it.
 * Called by what changes, checks and sets up an installation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postfix/installation_private.h"

#define FIELDS 8

/* "NAME = VALUE", cut in two in its place; of a line without a value, the value is "". False: it is no such line. */
static bool cut(char *line, struct installation_pair *pair)
{
	char *equals = strchr(line, '=');

	if (equals == NULL || equals == line)
		return false;
	pair->name = line;
	pair->value = equals + 1 + strspn(equals + 1, " ");
	while (equals > line && equals[-1] == ' ')
		equals--;
	*equals = '\0';
	return true;
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct installation_pair *)a)->name, ((const struct installation_pair *)b)->name);
}

static int parse_pairs(const char *text, struct installation_pairs *pairs)
{
	size_t most = count_lines(text);
	char *next, *line;

	pairs->text = strdup(text);
	pairs->items = most <= INSTALLATION_ENTRIES_MAX ? calloc(most, sizeof *pairs->items) : NULL;
	if (pairs->text == NULL || pairs->items == NULL)
		return -1;
	for (next = pairs->text; (line = strsep(&next, "\n")) != NULL;)
		pairs->count += cut(line, &pairs->items[pairs->count]);
	qsort(pairs->items, pairs->count, sizeof *pairs->items, compare_pairs);
	return 0;
}

static bool cut_service(char *line, struct installation_service *service)
{
	const char **fields[FIELDS] = {&service->name,   &service->type,   &service->private_, &service->unprivileged,
				       &service->chroot, &service->wakeup, &service->maxproc,  &service->command};

	for (int i = 0; i < FIELDS; i++) {
		line += strspn(line, " \t");
		if (*line == '\0')
			return false;
		*fields[i] = line;
		line += strcspn(line, " \t");
		if (*line != '\0')
			*line++ = '\0';
	}
	service->arguments = line + strspn(line, " \t");
	return true;
}

static int parse_services(const char *text, struct installation *installation)
{
	size_t most = count_lines(text);
	char *next, *line;

	installation->services_text = strdup(text);
	installation->services = most <= INSTALLATION_ENTRIES_MAX ? calloc(most, sizeof *installation->services) : NULL;
	if (installation->services_text == NULL || installation->services == NULL)
		return -1;
	for (next = installation->services_text; (line = strsep(&next, "\n")) != NULL;)
		installation->service_count += cut_service(line, &installation->services[installation->service_count]);
	return 0;
}

struct installation *installation_parse(const char *values, const char *given, const char *services,
					const char *options)
{
	struct installation *installation = calloc(1, sizeof *installation);

	if (installation != NULL &&
	    (parse_pairs(values, &installation->values) != 0 || parse_pairs(given, &installation->given) != 0 ||
	     parse_pairs(options, &installation->options) != 0 || parse_services(services, installation) != 0)) {
		installation_free(installation);
		installation = NULL;
	}
	return installation;
}

static void free_pairs(struct installation_pairs *pairs)
{
	free(pairs->items);
	free(pairs->text);
}

void installation_free(struct installation *installation)
{
	if (installation == NULL)
		return;
	free_pairs(&installation->values);
	free_pairs(&installation->given);
	free_pairs(&installation->options);
	free(installation->services);
	free(installation->services_text);
	free(installation->warnings);
	free(installation);
}

static const char *look_up(const struct installation_pairs *pairs, const char *name)
{
	struct installation_pair key = {.name = name};
	const struct installation_pair *found =
	    bsearch(&key, pairs->items, pairs->count, sizeof *pairs->items, compare_pairs);

	return found != NULL ? found->value : NULL;
}

const char *installation_value(const struct installation *installation, const char *name)
{
	return look_up(&installation->values, name);
}

const char *installation_given(const struct installation *installation, const char *name)
{
	return look_up(&installation->given, name);
}

const char *installation_option(const struct installation *installation, const char *service, const char *name)
{
	char key[512];

	if (snprintf(key, sizeof key, "%s/%s", service, name) >= (int)sizeof key)
		return NULL;
	return look_up(&installation->options, key);
}

const char *installation_in_force(const struct installation *installation, const char *service, const char *name)
{
	const char *option = installation_option(installation, service, name);

	return option != NULL ? option : installation_value(installation, name);
}

const struct installation_service *installation_service_at(const struct installation *installation, size_t i)
{
	return i < installation->service_count ? &installation->services[i] : NULL;
}

const struct installation_service *installation_service(const struct installation *installation, const char *name,
							const char *type)
{
	const struct installation_service *service;

	for (size_t i = 0; (service = installation_service_at(installation, i)) != NULL; i++)
		if (strcmp(service->name, name) == 0 && strcmp(service->type, type) == 0)
			break;
	return service;
}

bool installation_is_chrooted(const struct installation *installation, const struct installation_service *service)
{
	const char *level = installation_value(installation, "compatibility_level");

	if (strcmp(service->chroot, "-") != 0)
		return strcmp(service->chroot, "y") == 0;
	return level == NULL || atoi(level) < 1;
}

bool installation_is_from(const struct installation *installation, int major, int minor, int patch)
{
	const char *version = installation_value(installation, "mail_version");
	int have[3] = {0}, want[3] = {major, minor, patch};

	if (version != NULL)
		sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2]);
	for (int i = 0; i < 3; i++)
		if (have[i] != want[i])
			return have[i] > want[i];
	return true;
}

const char *installation_warnings(const struct installation *installation)
{
	return installation->warnings != NULL ? installation->warnings : "";
}
