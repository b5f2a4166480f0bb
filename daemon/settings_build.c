/*
 * Makes struct settings of what was read: defaults, conversions, and the references from accounts to clients and from
 * clients to provider presets. Values have been checked one by one before. Pure but for memory. Called by
 * settings_load.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings_private.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef LOCALSTATEDIR
#define LOCALSTATEDIR "/var"
#endif
#ifndef RUNSTATEDIR
#define RUNSTATEDIR "/run"
#endif

static const char *const grants[] = {
    [SETTINGS_REFRESH_TOKEN] = "refresh_token",
    [SETTINGS_CLIENT_CREDENTIALS] = "client_credentials",
    [SETTINGS_MANAGED_IDENTITY] = "managed_identity",
    [SETTINGS_JWT_BEARER] = "jwt_bearer",
};

struct build {
	const struct settings_report *report;
	struct settings_raw *raw;
	struct settings *settings;
	struct settings_raw_section **sorted; /* by section and title; within those in the file's order */
};

const char *settings_grant_name(enum settings_grant grant)
{
	return grants[grant];
}

static int compare_sections(const void *a, const void *b)
{
	const struct settings_raw_section *const *x = a, *const *y = b;

	if ((*x)->section != (*y)->section)
		return (*x)->section < (*y)->section ? -1 : 1;
	return (*x)->title ? strcmp((*x)->title, (*y)->title) : 0;
}

static int refuse_twins(const struct build *build)
{
	const struct settings_raw_section *a, *b, *first, *second;
	size_t i;

	for (i = 1; i < build->raw->section_count; i++) {
		a = build->sorted[i - 1];
		b = build->sorted[i];
		if (compare_sections(&a, &b) != 0)
			continue;
		first = a < b ? a : b;
		second = a < b ? b : a;
		if (!a->title)
			return settings_wrong(build->report, second->line, "section %s stands twice, first on line %d",
					      settings_section_name(a->section), first->line);
		return settings_wrong(build->report, second->line, "%s \"%.100s\" stands twice, first on line %d",
				      settings_section_name(a->section), a->title, first->line);
	}
	return 0;
}

static int sort_sections(struct build *build)
{
	size_t i;

	build->sorted = calloc(build->raw->section_count + 1, sizeof(struct settings_raw_section *));
	if (!build->sorted)
		return settings_no_memory(build->report);
	for (i = 0; i < build->raw->section_count; i++)
		build->sorted[i] = &build->raw->sections[i];
	qsort(build->sorted, build->raw->section_count, sizeof(build->sorted[0]), compare_sections);
	return refuse_twins(build);
}

static int add_to_list(struct build *build, struct settings_list *list, const struct settings_raw_section *section,
		       const struct settings_key *key)
{
	const struct settings_value *values = build->raw->values;
	size_t end = section->first + section->count;
	size_t count = 0, i;

	for (i = section->first; i < end; i++)
		count += values[i].key == key && values[i].text;
	list->count = 0;
	list->items = settings_arena_take(build->raw->arena, (count + 1) * sizeof(char *));
	if (!list->items)
		return settings_no_memory(build->report);
	for (i = section->first; i < end; i++)
		if (values[i].key == key && values[i].text)
			list->items[list->count++] = (char *)values[i].text;
	return 0;
}

/* Puts the values that need no look-up to where the table of keys says. */
static int fill(struct build *build, const struct settings_raw_section *section, void *object)
{
	const struct settings_value *value;
	const struct settings_key *list = NULL;
	char *field;
	size_t i;

	for (i = section->first; i < section->first + section->count; i++) {
		value = &build->raw->values[i];
		field = (char *)object + value->key->offset;
		switch (value->key->kind) {
		case KIND_STRING:
			*(const char **)field = value->text;
			break;
		case KIND_NUMBER:
			*(int *)field = atoi(value->text);
			break;
		case KIND_DATE:
			*(int64_t *)field = settings_date(value->text);
			break;
		case KIND_LIST:
			if (value->key != list &&
			    add_to_list(build, (struct settings_list *)field, section, value->key) != 0)
				return -1;
			list = value->key;
			break;
		case KIND_LOOKUP:
		case KIND_REFUSED:
			break;
		}
	}
	return 0;
}

static const char *text_of(const struct build *build, const struct settings_raw_section *section, const char *key)
{
	const struct settings_value *value = settings_raw_find(build->raw, section, key);

	return value ? value->text : NULL;
}

/* "microsoft, google, ...", or with a name the clouds of that provider. */
static void list_providers(const char *name, char *out, size_t size)
{
	struct buf list = BUF_INIT(size - 1);
	const struct provider *provider;
	const char *last = "";
	unsigned i;

	for (i = 0; (provider = provider_at(i)) != NULL; i++) {
		const char *item = name ? provider->cloud : provider->name;

		if (!item || (name && strcmp(provider->name, name) != 0) || strcmp(item, last) == 0)
			continue;
		buf_printf(&list, "%s%s", *last ? ", " : "", item);
		last = item;
	}
	memcpy(out, list.data ? list.data : "", list.len + 1);
	buf_free(&list);
}

static int find_provider(struct build *build, const struct settings_raw_section *section,
			 struct settings_client *client)
{
	const struct settings_value *provider = settings_raw_find(build->raw, section, "provider");
	const struct settings_value *cloud = settings_raw_find(build->raw, section, "cloud");
	const char *name = provider ? provider->text : "generic";
	char known[256];

	client->provider = provider_find(name, cloud ? cloud->text : NULL);
	if (client->provider)
		return 0;
	if (!provider_find(name, NULL)) {
		list_providers(NULL, known, sizeof(known));
		return settings_wrong(build->report, provider->line,
				      "provider: there is none of that name; known are %s", known);
	}
	list_providers(name, known, sizeof(known));
	if (!*known)
		return settings_wrong(build->report, cloud->line, "cloud: provider %s has but one; leave it out", name);
	return settings_wrong(build->report, cloud->line, "cloud: provider %s has none of that name; it has %s", name,
			      known);
}

/* Endpoints that stand in the file win over the preset's; naming token_endpoint means: no discovery. */
static int derive_endpoints(struct build *build, struct settings_client *client)
{
	const struct provider *provider = client->provider;
	struct buf url = BUF_INIT(SETTINGS_VALUE_MAX);
	const char *mark;

	if (client->managed_identity && !client->token_endpoint)
		client->token_endpoint = provider_identity_endpoint(client->managed_identity);
	if (client->metadata_url || client->managed_identity || client->service_account_file)
		return 0;
	if (!client->token_endpoint && provider->metadata_url) {
		if (!client->tenant)
			client->tenant = provider->default_tenant;
		mark = strstr(provider->metadata_url, "%s");
		buf_printf(&url, "%.*s%s%s", (int)(mark - provider->metadata_url), provider->metadata_url,
			   client->tenant, mark + 2);
		if (!url.failed)
			client->metadata_url = settings_arena_text(build->raw->arena, url.data, false);
		buf_free(&url);
		return client->metadata_url ? 0 : settings_no_memory(build->report);
	}
	if (!client->token_endpoint)
		client->token_endpoint = provider->token_endpoint;
	if (!client->authorization_endpoint)
		client->authorization_endpoint = provider->authorization_endpoint;
	if (!client->device_authorization_endpoint)
		client->device_authorization_endpoint = provider->device_authorization_endpoint;
	return 0;
}

/* The build's own registration is a public client in the public cloud: configure --with-default-client-id. */
static bool may_use_default_id(const struct settings_client *client)
{
	const char *cloud = client->provider->cloud;

	return DEFAULT_CLIENT_ID[0] != '\0' && client->provider->tenant && (!cloud || strcmp(cloud, "public") == 0) &&
	       !client->client_secret_file && !client->client_key && !client->federated_token_file &&
	       !client->managed_identity && !client->service_account_file;
}

static int build_client(struct build *build, struct settings_raw_section *section, struct settings_client *client)
{
	client->name = section->title;
	client->line = section->line;
	client->assertion_algorithm = "PS256";
	client->redirect_uri = "http://localhost";
	client->timeout = 20;
	section->object = client;
	if (fill(build, section, client) != 0 || find_provider(build, section, client) != 0)
		return -1;
	if (!client->relayhost)
		client->relayhost = client->provider->relayhost;
	if (!client->client_id && may_use_default_id(client))
		client->client_id = DEFAULT_CLIENT_ID;
	return derive_endpoints(build, client);
}

static const struct settings_client *find_client(const struct build *build, const char *name)
{
	struct settings_raw_section wanted = {.section = SECTION_CLIENT, .title = name};
	struct settings_raw_section *key = &wanted;
	struct settings_raw_section **found;

	found = bsearch(&key, build->sorted, build->raw->section_count, sizeof(key), compare_sections);
	return found ? (*found)->object : NULL;
}

static int build_account(struct build *build, struct settings_raw_section *section, struct settings_account *account)
{
	const char *grant = text_of(build, section, "grant");
	const struct settings_value *client = settings_raw_find(build->raw, section, "client");

	account->name = section->title;
	account->line = section->line;
	account->min_validity = 60;
	if (!client)
		return settings_wrong(build->report, section->line,
				      "account \"%.100s\": key client is missing; it names a section client",
				      account->name);
	account->client = find_client(build, client->text);
	if (!account->client)
		return settings_wrong(build->report, client->line, "there is no section client \"%.100s\"",
				      client->text);
	account->grant = SETTINGS_REFRESH_TOKEN;
	while (grant && strcmp(grants[account->grant], grant) != 0)
		account->grant++;
	return fill(build, section, account);
}

static int build_connector(struct build *build, struct settings_raw_section *section,
			   struct settings_connector *connector)
{
	connector->name = section->title;
	connector->line = section->line;
	return fill(build, section, connector);
}

static const struct settings_account *find_account(const struct build *build, const char *name)
{
	for (size_t i = 0; i < build->settings->account_count; i++)
		if (strcmp(build->settings->accounts[i].name, name) == 0)
			return &build->settings->accounts[i];
	return NULL;
}

static int build_rule(struct build *build, struct settings_raw_section *section, struct settings_rule *rule)
{
	const struct settings_value *account = settings_raw_find(build->raw, section, "account");

	rule->name = section->title;
	rule->line = section->line;
	if (account && (rule->account = find_account(build, account->text)) == NULL)
		return settings_wrong(build->report, account->line, "there is no section account \"%.100s\"",
				      account->text);
	return fill(build, section, rule);
}

static int build_submit(struct build *build, struct settings_raw_section *section, struct settings_submit *submit)
{
	const char *bare = text_of(build, section, "bare_newlines");

	submit->refuse_bare_newlines = bare && strcmp(bare, "refuse") == 0;
	return fill(build, section, submit);
}

static void set_defaults(struct settings *settings)
{
	static char run[] = RUNSTATEDIR "/mailbearer/tokend.sock";
	static char chroot[] = "/var/spool/postfix/run/mailbearer/tokend.sock";
	static char postfix[] = "postfix";
	static char *sockets[] = {run, chroot};
	static char *users[] = {postfix};
	/* What Postfix and Sendmail call the ways that do not lead to a submission server. Not "local": aliases(5) is
	 * where most hosts send root's mail away. Not "error", which in Postfix are the recipients of a virtual alias
	 * domain. Not "retry", which ends when the administrator says so. */
	static char elsewhere[][12] = {"virtual", "lmtp",      "discard",  "prog",
				       "*file*",  "*include*", "procmail", "cyrus"};
	static char *mailers[] = {elsewhere[0], elsewhere[1], elsewhere[2], elsewhere[3],
				  elsewhere[4], elsewhere[5], elsewhere[6], elsewhere[7]};

	settings->tokend = (struct settings_tokend){
	    .listen = {2, sockets},
	    .state_directory = LOCALSTATEDIR "/lib/mailbearer",
	    .seal_key_file = SYSCONFDIR "/mailbearer/seal.key",
	    .token_users = {1, users},
	    .user = "mailbearer",
	    .log = "syslog",
	    .seccomp = "on",
	};
	settings->milter = (struct settings_milter){
	    .listen = "unix:" RUNSTATEDIR "/mailbearer-milter/milter.sock",
	    .mode = "rewrite",
	    .user = "mailbearer-milter",
	    .log = "syslog",
	    .when_unusable = "accept",
	    .unusable_grace = 900,
	    .mailers = {sizeof(mailers) / sizeof(mailers[0]), mailers},
	};
	settings->submit = (struct settings_submit){
	    .connections = 3,
	    .lock_directory = RUNSTATEDIR "/mailbearer/submit",
	    .log = "syslog",
	};
}

static int make_arrays(struct build *build)
{
	size_t counts[SECTIONS] = {0};
	struct settings *settings = build->settings;
	struct settings_arena *arena = build->raw->arena;
	size_t i;

	for (i = 0; i < build->raw->section_count; i++)
		counts[build->raw->sections[i].section]++;
	settings->clients = settings_arena_take(arena, (counts[SECTION_CLIENT] + 1) * sizeof(struct settings_client));
	settings->accounts =
	    settings_arena_take(arena, (counts[SECTION_ACCOUNT] + 1) * sizeof(struct settings_account));
	settings->connectors =
	    settings_arena_take(arena, (counts[SECTION_CONNECTOR] + 1) * sizeof(struct settings_connector));
	settings->rules = settings_arena_take(arena, (counts[SECTION_RULE] + 1) * sizeof(struct settings_rule));
	if (!settings->clients || !settings->accounts || !settings->connectors || !settings->rules)
		return settings_no_memory(build->report);
	return 0;
}

static int build_section(struct build *build, struct settings_raw_section *section)
{
	struct settings *settings = build->settings;

	switch (section->section) {
	case SECTION_CLIENT:
		return build_client(build, section, &settings->clients[settings->client_count++]);
	case SECTION_CONNECTOR:
		return build_connector(build, section, &settings->connectors[settings->connector_count++]);
	case SECTION_TOKEND:
		return fill(build, section, &settings->tokend);
	case SECTION_MILTER:
		settings->milter.line = section->line;
		return fill(build, section, &settings->milter);
	case SECTION_SUBMIT:
		return build_submit(build, section, &settings->submit);
	case SECTION_ACCOUNT:
	case SECTION_RULE:
	case SECTIONS:
		break;
	}
	return 0;
}

/* Accounts later, since they may stand before the client that they name; and rules last. */
static int build_sections(struct build *build)
{
	struct settings *settings = build->settings;
	struct settings_raw_section *section = build->raw->sections;
	struct settings_raw_section *end =
	    section ? section + build->raw->section_count : NULL; /* NULL: an empty file */

	for (; section < end; section++)
		if (build_section(build, section) != 0)
			return -1;
	for (section = build->raw->sections; section < end; section++)
		if (section->section == SECTION_ACCOUNT &&
		    build_account(build, section, &settings->accounts[settings->account_count++]) != 0)
			return -1;
	for (section = build->raw->sections; section < end; section++)
		if (section->section == SECTION_RULE &&
		    build_rule(build, section, &settings->rules[settings->rule_count++]) != 0)
			return -1;
	return settings_name_transports(build->report, build->raw->arena, settings);
}

int settings_build(const struct settings_report *report, struct settings_raw *raw, struct settings *settings)
{
	struct build build = {.report = report, .raw = raw, .settings = settings};
	int result;

	settings->path = settings_arena_text(raw->arena, report->path, false);
	if (!settings->path)
		return settings_no_memory(report);
	set_defaults(settings);
	result = make_arrays(&build);
	if (result == 0)
		result = sort_sections(&build);
	if (result == 0)
		result = build_sections(&build);
	free(build.sorted);
	return result;
}
