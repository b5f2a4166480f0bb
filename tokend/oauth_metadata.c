/*
 * An OpenID Connect metadata document (Discovery 1.0; RFC 8414 uses the same keys). Pure: bytes to endpoints, proven
 * before anybody sends a secret to them. Called by discovery.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/jsondoc.h"
#include "tokend/oauth.h"
#include "tokend/oauth_form.h"

#define URL_MAX 2048
#define SCHEME "https://"
#define WELL_KNOWN "/.well-known/"

/* --- URLs --- */

static bool has_only_url_characters(const char *url)
{
	for (; *url != '\0'; url++)
		if (*url <= ' ' || *url >= 0x7f || strchr("\"<>\\^`", *url) != NULL)
			return false;
	return true;
}

/* What is wrong with an endpoint's URL, or NULL. */
static const char *wrong_with_url(const char *url)
{
	const char *host = url + strlen(SCHEME);
	size_t authority;

	if (strlen(url) > URL_MAX)
		return "longer than 2048 bytes";
	if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
		return "not https://";
	if (!has_only_url_characters(url))
		return "with characters that no URL may hold";
	authority = strcspn(host, "/?#");
	if (authority == 0 || host[0] == ':')
		return "without a host";
	if (memchr(host, '@', authority) != NULL)
		return "with a user name in it";
	return strchr(url, '#') != NULL ? "with a fragment" : NULL;
}

static int copy_url(const json_t *document, const char *key, bool required, char **out, struct err *err)
{
	const json_t *value = json_object_get(document, key);
	const char *url = jsondoc_string(document, key);
	const char *wrong;

	if (value == NULL || json_is_null(value)) {
		return !required ? 0
				 : err_set(err, ERR_SYNTAX,
					   "has no %s: is it an OpenID Connect metadata document "
					   "(its address ends in /.well-known/openid-configuration)?",
					   key);
	}
	wrong = url != NULL ? wrong_with_url(url) : "no text, or with control characters";
	if (wrong != NULL)
		return err_set(err, ERR_SYNTAX, "has a %s %s", key, wrong);
	*out = strdup(url);
	return *out != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory");
}

/* --- the issuer --- */

/*
 * The document's address without what makes it one: "/.well-known/NAME" (appended by Discovery 1.0, inserted after the
 * host by RFC 8414) and the query. NULL: no memory.
 */
static char *issuer_expected(const char *url)
{
	char *issuer = strndup(url, strcspn(url, "?#"));
	char *well_known = issuer != NULL ? strstr(issuer, WELL_KNOWN) : NULL;

	if (well_known != NULL) {
		char *name = well_known + strlen(WELL_KNOWN);
		char *rest = name + strcspn(name, "/");

		memmove(well_known, rest, strlen(rest) + 1);
	}
	return issuer;
}

/* "{tenantid}", or 8-4-4-4-12 hexadecimal digits */
static bool is_tenant(const char *segment, size_t len)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	static const char literal[] = "{tenantid}";
	size_t i;

	if (len == sizeof literal - 1 && memcmp(segment, literal, len) == 0)
		return true;
	if (len != sizeof form - 1)
		return false;
	for (i = 0; i < len; i++)
		if (form[i] == '-' ? segment[i] != '-' : strchr("0123456789abcdefABCDEF", segment[i]) == NULL)
			return false;
	return true;
}

/* Is `issuer` all of `address`, or the part of it before a '/'? */
static bool is_prefix(const char *issuer, const char *address)
{
	size_t len = strlen(issuer);

	if (len > 0 && issuer[len - 1] == '/')
		len--;
	return strncmp(issuer, address, len) == 0 && (address[len] == '\0' || address[len] == '/');
}

/*
 * Entra names a tenant by its GUID, or by the word {tenantid} where there are many, whatever its address said
 * ("common", "contoso.onmicrosoft.com"): the path's first segment may differ in this way, and nothing else.
 */
static bool is_issuer_of(const char *issuer, const char *address)
{
	size_t host = strlen(SCHEME) + strcspn(issuer + strlen(SCHEME), "/");
	size_t theirs, ours;

	if (is_prefix(issuer, address))
		return true;
	if (strncmp(issuer, address, host) != 0 || issuer[host] != '/' || address[host] != '/')
		return false;
	theirs = strcspn(issuer + host + 1, "/");
	ours = strcspn(address + host + 1, "/");
	return ours > 0 && is_tenant(issuer + host + 1, theirs) &&
	       is_prefix(issuer + host + 1 + theirs, address + host + 1 + ours);
}

static int check_issuer(const char *url, const char *issuer, struct err *err)
{
	char *expected = issuer_expected(url);
	bool right = expected != NULL && is_issuer_of(issuer, expected);

	free(expected);
	if (expected == NULL)
		return err_set(err, ERR_MEMORY, "no memory");
	if (!right)
		return err_set(err, ERR_SYNTAX, "is that of another issuer, %.200s: is metadata_url the right one?",
			       issuer);
	return 0;
}

/* --- the document --- */

/* RFC 8414: a document that does not say means client_secret_basic. */
static void read_methods(const json_t *document, struct oauth_metadata *out)
{
	const json_t *methods = json_object_get(document, "token_endpoint_auth_methods_supported");
	const json_t *method;
	size_t i;

	out->auth_listed = json_is_array(methods);
	out->auth_basic = !out->auth_listed;
	json_array_foreach(methods, i, method)
	{
		const char *name = json_is_string(method) ? json_string_value(method) : "";

		out->auth_basic = out->auth_basic || strcmp(name, "client_secret_basic") == 0;
		out->auth_post = out->auth_post || strcmp(name, "client_secret_post") == 0;
		out->auth_private_key_jwt = out->auth_private_key_jwt || strcmp(name, "private_key_jwt") == 0;
	}
}

static int read_document(const char *url, const json_t *document, struct oauth_metadata *out, struct err *err)
{
	if (copy_url(document, "token_endpoint", true, &out->token_endpoint, err) != 0 ||
	    copy_url(document, "issuer", true, &out->issuer, err) != 0 || check_issuer(url, out->issuer, err) != 0 ||
	    copy_url(document, "authorization_endpoint", false, &out->authorization_endpoint, err) != 0 ||
	    copy_url(document, "device_authorization_endpoint", false, &out->device_authorization_endpoint, err) != 0)
		return -1;
	read_methods(document, out);
	out->iss_in_response =
	    json_is_true(json_object_get(document, "authorization_response_iss_parameter_supported"));
	return 0;
}

int oauth_parse_metadata(const char *url, const char *body, size_t len, struct oauth_metadata *out, struct err *err)
{
	json_t *document;
	int result = -1;

	memset(out, 0, sizeof *out);
	document = jsondoc_parse_object(body, len, err);
	if (document != NULL)
		result = read_document(url, document, out, err);
	else if (oauth_looks_like_html(body, len))
		err_set(err, ERR_SYNTAX, "is HTML, not JSON: is a proxy or a captive portal in between?");
	else
		err_prefix(err, "cannot be understood");
	json_decref(document);
	if (result != 0) {
		oauth_metadata_free(out);
		err_set(err, err != NULL ? err->code : ERR_SYNTAX, "the metadata document at %.300s %s", url,
			err != NULL ? err->text : "");
	}
	return result;
}

void oauth_metadata_free(struct oauth_metadata *metadata)
{
	free(metadata->issuer);
	free(metadata->authorization_endpoint);
	free(metadata->token_endpoint);
	free(metadata->device_authorization_endpoint);
	memset(metadata, 0, sizeof *metadata);
}
