/*
 * The messages of Azure's managed identities. Pure; the file of Arc's challenge is read by broker_request.c, which is
 * the only caller.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/jsondoc.h"
#include "tokend/identity.h"

#define DEFAULT_SCOPE "/.default"
#define KEY_SUFFIX ".key"

static const struct {
	const char *name, *version, *header;
} kinds[] = {
    [IDENTITY_VM] = {"vm", "2018-02-01", "Metadata"},
    [IDENTITY_ARC] = {"arc", "2019-11-01", "Metadata"},
    [IDENTITY_APP_SERVICE] = {"app-service", "2019-08-01", "X-IDENTITY-HEADER"},
};

enum identity_kind identity_kind_of(const char *name)
{
	enum identity_kind kind = IDENTITY_VM;

	while (kind < IDENTITY_APP_SERVICE && strcmp(kinds[kind].name, name) != 0)
		kind++;
	return kind;
}

const char *identity_header_name(enum identity_kind kind)
{
	return kinds[kind].header;
}

static size_t resource_length(const char *resource)
{
	size_t len = strlen(resource), suffix = strlen(DEFAULT_SCOPE);

	return len > suffix && strcmp(resource + len - suffix, DEFAULT_SCOPE) == 0 ? len - suffix : len;
}

int identity_url(enum identity_kind kind, const char *endpoint, const char *resource, const char *client_id,
		 struct buf *url)
{
	struct buf query = BUF_INIT(url->max);

	oauth_form_add(&query, "api-version", kinds[kind].version, strlen(kinds[kind].version));
	oauth_form_add(&query, "resource", resource, resource_length(resource));
	if (client_id != NULL)
		oauth_form_add(&query, "client_id", client_id, strlen(client_id));
	if (query.failed)
		url->failed = true;
	else
		buf_printf(url, "%s%c%s", endpoint, strchr(endpoint, '?') != NULL ? '&' : '?', query.data);
	buf_free(&query);
	return url->failed ? -1 : 0;
}

/* --- Arc's challenge --- */

/* The realm, in quotes or bare, or NULL. */
static const char *find_realm(const char *authenticate, size_t *len)
{
	const char *realm = authenticate != NULL ? strcasestr(authenticate, "realm=") : NULL;

	if (realm == NULL || strncasecmp(authenticate, "Basic ", 6) != 0)
		return NULL;
	realm += strlen("realm=");
	if (*realm == '"')
		realm++;
	*len = strcspn(realm, "\",; \t");
	return realm;
}

/* Directly in the folder, so that no ".." can lead out of it. */
static bool is_key_in(const char *path, size_t len, const char *folder)
{
	size_t in = strlen(folder), suffix = strlen(KEY_SUFFIX);

	return len > in + 1 + suffix && strncmp(path, folder, in) == 0 && path[in] == '/' &&
	       memchr(path + in + 1, '/', len - in - 1) == NULL &&
	       strncmp(path + len - suffix, KEY_SUFFIX, suffix) == 0;
}

int identity_challenge(const char *authenticate, const char *folder, struct buf *path, struct err *err)
{
	size_t len = 0;
	const char *realm = find_realm(authenticate, &len);

	if (realm == NULL)
		return err_set(err, ERR_SYNTAX, "the answer is 401 and names no file: is this Azure Arc's agent?");
	if (!is_key_in(realm, len, folder))
		return err_set(err, ERR_DENIED, "the challenge names a file that is no *.key of %s: not answered",
			       folder);
	return buf_append(path, realm, len) == 0 ? 0 : err_set(err, ERR_MEMORY, "out of memory");
}

/* --- answers --- */

static bool is_passing(int status)
{
	return status == 0 || status == 404 || status == 408 || status == 410 || status == 429 || status >= 500;
}

static void is_over(struct oauth_answer *out)
{
	oauth_answer_free(out);
	out->outcome = OUTCOME_RETRY;
	snprintf(out->error, sizeof(out->error), "bad_answer");
	snprintf(out->detail, sizeof(out->detail),
		 "the answer says that the token has expired already: is the clock of this machine right?");
}

/* Gives a token that only says when it ends the life that it has from now. */
static void read_expires_on(const char *body, size_t len, int64_t now, struct oauth_answer *out)
{
	json_t *document = jsondoc_parse_object(body, len, NULL);
	int64_t life, end;

	if (!jsondoc_integer(document, "expires_in", &life) && jsondoc_integer(document, "expires_on", &end)) {
		if (end <= now)
			is_over(out);
		else
			out->expires_in = end - now < OAUTH_EXPIRES_MAX ? end - now : OAUTH_EXPIRES_MAX;
	}
	json_decref(document);
}

void identity_parse_answer(int status, const char *transport_error, const char *body, size_t len, int64_t now,
			   struct oauth_answer *out)
{
	oauth_parse_answer(status, transport_error, body, len, out);
	if (out->outcome == OUTCOME_TOKEN)
		read_expires_on(body, len, now, out);
	else if (status != 200)
		out->outcome = is_passing(status) ? OUTCOME_RETRY : OUTCOME_MISCONFIGURED;
}
