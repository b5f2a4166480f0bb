/*
 * Reads the metadata document of a tenant for what a person should know of it. Pure: an answer's bytes in, a verdict
 * out. Whether the endpoints in it are good is tokend's to prove. Called by ask.c.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/jsondoc.h"
#include "setup/question.h"
#include "setup/tenant.h"

int tenant_address(const struct provider *provider, const char *tenant, const char *metadata_url, struct buf *out)
{
	const char *mark = provider->metadata_url != NULL ? strstr(provider->metadata_url, "%s") : NULL;

	if (*metadata_url != '\0')
		return buf_puts(out, metadata_url);
	if (mark == NULL)
		return -1;
	return buf_printf(out, "%.*s%s%s", (int)(mark - provider->metadata_url), provider->metadata_url,
			  *tenant != '\0' ? tenant : provider->default_tenant, mark + 2);
}

/* Microsoft's words for its clouds. The two of the United States' government share a login host. */
static const char *cloud_of(const json_t *document)
{
	const char *instance = jsondoc_string(document, "cloud_instance_name");
	const char *part = jsondoc_string(document, "tenant_region_sub_scope");

	if (instance == NULL)
		return NULL;
	if (strcmp(instance, "microsoftonline.com") == 0)
		return "public";
	if (strcmp(instance, "microsoftonline.us") == 0)
		return part != NULL && strcmp(part, "DOD") == 0 ? "dod" : "gcc-high";
	if (strcmp(instance, "partner.microsoftonline.cn") == 0)
		return "china";
	return NULL;
}

/* GCC High and DoD cannot always be told apart: only what the document says plainly counts. */
static bool is_other_cloud(const struct provider *provider, const char *cloud, const json_t *document)
{
	if (provider->cloud == NULL || cloud == NULL || strcmp(provider->cloud, cloud) == 0)
		return false;
	if (strcmp(provider->cloud, "dod") == 0 && strcmp(cloud, "gcc-high") == 0)
		return jsondoc_string(document, "tenant_region_sub_scope") != NULL;
	return true;
}

/* "https://login.microsoftonline.com/8a1c5d2e-.../v2.0" */
static void read_id(const json_t *document, struct tenant_found *out)
{
	const char *issuer = jsondoc_string(document, "issuer"), *host, *path;
	char id[37];

	if (issuer == NULL || (host = strstr(issuer, "://")) == NULL || (path = strchr(host + 3, '/')) == NULL)
		return;
	snprintf(id, sizeof id, "%.36s", path + 1);
	if (setup_is_guid(id))
		snprintf(out->id, sizeof out->id, "%s", id);
}

static enum tenant_verdict read_document(const struct provider *provider, const char *tenant, const json_t *document,
					 struct tenant_found *out, struct err *err)
{
	if (jsondoc_string(document, "issuer") == NULL || jsondoc_string(document, "token_endpoint") == NULL) {
		err_set(err, ERR_SYNTAX, "what is there is no OpenID Connect metadata document");
		return TENANT_NO_ANSWER;
	}
	read_id(document, out);
	out->cloud = cloud_of(document);
	if (!is_other_cloud(provider, out->cloud, document))
		return TENANT_FOUND;
	err_set(err, ERR_CONFIG, "%s is in Microsoft's cloud %s, not in %s", tenant, out->cloud, provider->cloud);
	return TENANT_OTHER_CLOUD;
}

static bool holds(const struct buf *body, const char *code)
{
	return body->len > 0 && memmem(body->data, body->len, code, strlen(code)) != NULL;
}

enum tenant_verdict tenant_judge(const struct provider *provider, const char *tenant, int status,
				 const struct buf *body, struct tenant_found *out, struct err *err)
{
	enum tenant_verdict verdict = TENANT_NO_ANSWER;
	json_t *document;

	*out = (struct tenant_found){.cloud = NULL};
	if ((status == 400 || status == 404) && holds(body, "AADSTS90002")) {
		err_set(err, ERR_CONFIG, "Microsoft's cloud %s has no tenant %s",
			provider->cloud != NULL ? provider->cloud : "public", tenant);
		return TENANT_UNKNOWN;
	}
	if (status == 400 && holds(body, "AADSTS90038")) {
		err_set(err, ERR_CONFIG, "%s is in another of Microsoft's clouds, not in %s", tenant,
			provider->cloud != NULL ? provider->cloud : "public");
		return TENANT_OTHER_CLOUD;
	}
	if (status != 200) {
		err_set(err, ERR_UNREACHABLE, "the answer was HTTP %d", status);
		return TENANT_NO_ANSWER;
	}
	document = jsondoc_parse_object(body->len > 0 ? body->data : "", body->len, err);
	if (document != NULL)
		verdict = read_document(provider, tenant, document, out, err);
	json_decref(document);
	return verdict;
}
