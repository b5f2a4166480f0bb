/*
 * Is this one value right? Each check gets a value and answers NULL or what would be right, in words that follow
 * "KEY: ". Pure; never quotes the value, which may be a secret in the wrong place. Called through the table of
 * settings_keys.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <time.h>

#include "daemon/network.h"
#include "daemon/settings_private.h"

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool consists_of(const char *value, const char *allowed)
{
	return value[strspn(value, allowed)] == '\0';
}

static bool begins_with(const char *value, const char *prefix)
{
	return strncmp(value, prefix, strlen(prefix)) == 0;
}

static bool has_control(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return true;
	return false;
}

/* Bytes in the sequence that begins here, or 0 when it is not UTF-8 (RFC 3629). */
static size_t utf8_sequence(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	size_t i;

	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)))
		return 0;
	if (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)))
		return 0;
	return n;
}

static bool is_utf8(const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t n;

	for (; *p; p += n)
		if ((n = utf8_sequence(p)) == 0)
			return false;
	return true;
}

static const char *text_problem(const char *value)
{
	if (*value == '\0')
		return "is empty; give it a value or leave it out";
	if (has_control(value))
		return "holds a control character";
	if (!is_utf8(value))
		return "is not UTF-8";
	return NULL;
}

/* What documentation and wizards leave for the reader to replace. */
static bool is_placeholder(const char *value)
{
	static const char *const parts[] = {
	    "GOES_HERE",
	    "GOES-HERE",
	    "REPLACE_ME",
	    "CHANGEME",
	    "CHANGE_ME",
	    "xxxx",
	    "<",
	    ">",
	    "/your-",
	    "/your_",
	    "@your-domain",
	    "@your_domain",
	    "@yourdomain.",
	    "11111111-2222-3333-4444-555555555555",
	    "00000000-0000-0000-0000-000000000000",
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcasestr(value, parts[i]))
			return true;
	return strncasecmp(value, "your-", 5) == 0 || strncasecmp(value, "your_", 5) == 0;
}

const char *settings_value_problem(const struct settings_key *key, const char *value)
{
	const char *problem;

	if (key->kind == KIND_REFUSED)
		return "secrets never stand in this file; put it into a file and name that with client_secret_file";
	problem = text_problem(value);
	if (problem)
		return problem;
	if (is_placeholder(value) && strcmp(value, "<>") != 0)
		return "still holds the placeholder of an example; put in your own value";
	return key->problem ? key->problem(value) : NULL;
}

const char *settings_title_problem(enum settings_section section, const char *title)
{
	const char *problem = text_problem(title);

	if (problem)
		return problem;
	if (strlen(title) > SETTINGS_TITLE_MAX)
		return "is longer than 254 bytes";
	if (is_placeholder(title))
		return "still holds the placeholder of an example; put in your own";
	return section == SECTION_ACCOUNT ? value_sender(title) : NULL;
}

const char *value_word(const char *value)
{
	return strchr(value, ' ') ? "holds a space" : NULL;
}

const char *value_tenant(const char *value)
{
	if (!consists_of(value, DIGITS LOWER UPPER ".-"))
		return "must be a domain name, a tenant ID, or common, organizations or consumers";
	return NULL;
}

/* The authority of "SCHEME://AUTHORITY/...", or NULL if there is none. */
static const char *authority(const char *url, size_t *len)
{
	const char *p = strstr(url, "://");

	if (!p)
		return NULL;
	*len = strcspn(p + 3, "/?#");
	return p + 3;
}

static const char *url_form(const char *url)
{
	size_t len = 0;
	const char *host = authority(url, &len);

	if (!host || len == 0 || *host == ':')
		return "is no URL; write https://HOST/PATH";
	if (strpbrk(url, " \"\\^`{|}"))
		return "holds a character that no URL may hold";
	if (memchr(host, '@', len))
		return "holds a user name or password, which have no place in it";
	if (strchr(url, '#'))
		return "holds a '#', which has no meaning here";
	return NULL;
}

/* http:// passes here; whether it may stand depends on the rest of the client: see settings_check.c. */
const char *value_url(const char *value)
{
	if (!begins_with(value, "https://") && !begins_with(value, "http://"))
		return "is no URL; write https://HOST/PATH";
	if (begins_with(value, "http://") && !settings_url_is_local(value))
		return "is an http:// URL, which would show secrets to everybody on the way; write https://";
	return url_form(value);
}

const char *value_proxy(const char *value)
{
	if (!begins_with(value, "http://") && !begins_with(value, "https://") && !begins_with(value, "socks5h://"))
		return "must begin with http://, https:// or socks5h://";
	return url_form(value);
}

const char *value_redirect(const char *value)
{
	if (begins_with(value, "https://") || (settings_url_is_local(value) && !begins_with(value, "http://169.254.")))
		return url_form(value);
	return "must be as it is registered at the provider: http://localhost, http://127.0.0.1, or an https:// URL";
}

bool settings_url_is_local(const char *url)
{
	static const char *const hosts[] = {"localhost", "[::1]"};
	size_t len = 0, i;
	const char *host = authority(url, &len);

	if (!begins_with(url, "http://") || !host)
		return false;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strncmp(host, hosts[i], strlen(hosts[i])) == 0 && strchr(":/?#", host[strlen(hosts[i])]))
			return true; /* strchr finds the NUL as well */
	len = len < strcspn(host, ":") ? len : strcspn(host, ":");
	return strspn(host, DIGITS ".") == len && (begins_with(host, "127.") || begins_with(host, "169.254."));
}

const char *value_path(const char *value)
{
	return *value == '/' ? NULL : "must be an absolute path";
}

const char *value_secret_path(const char *value)
{
	if (begins_with(value, "credential:"))
		return value[11] && !strchr(value, '/') ? NULL : "must name a systemd credential: credential:NAME";
	return *value == '/' ? NULL : "must be an absolute path, or credential:NAME for one of systemd's credentials";
}

/* RFC 3986's scheme, as OpenSSL's stores have one. credential: is ours. */
bool settings_is_uri(const char *name)
{
	size_t len = strspn(name, DIGITS LOWER UPPER "+.-");

	return len > 1 && name[len] == ':' && !begins_with(name, "credential:");
}

static const char *uri_problem(const char *value)
{
	if (strcasestr(value, "pin-value="))
		return "holds a PIN, and secrets never stand in this file; name its file with "
		       "client_key_passphrase_file";
	if (strncasecmp(value, "file:", 5) == 0 || strncasecmp(value, "data:", 5) == 0)
		return "must name a file by its absolute path alone";
	return NULL;
}

const char *value_certificate(const char *value)
{
	if (settings_is_uri(value))
		return uri_problem(value);
	return *value == '/' ? NULL : "must be an absolute path, or the URI of a certificate in a token: pkcs11:...";
}

const char *value_key(const char *value)
{
	if (settings_is_uri(value))
		return uri_problem(value);
	if (*value != '/' && !begins_with(value, "credential:"))
		return "must be an absolute path, credential:NAME, or the URI of a key in a token: pkcs11:...";
	return value_secret_path(value);
}

#define STRING_OF_(x) #x
#define STRING_OF(x) STRING_OF_(x)
#define SOCKET_PATH_MAX 100 /* bytes; sun_path has 108, less room for the temporary name a socket is born under */
_Static_assert(SOCKET_PATH_MAX < sizeof(((struct sockaddr_un *)0)->sun_path), "a socket's path must fit");

const char *value_socket(const char *value)
{
	if (*value != '/')
		return "must be the absolute path of a socket";
	if (strlen(value) > SOCKET_PATH_MAX)
		return "is longer than a socket's path may be: at most " STRING_OF(SOCKET_PATH_MAX) " bytes";
	return value[strlen(value) - 1] == '/' ? "names a folder; it must name the socket in it" : NULL;
}

static bool is_port_of(const char *text, size_t len)
{
	return len >= 1 && len <= 5 && strspn(text, DIGITS) >= len && atoi(text) >= 1 && atoi(text) <= 65535;
}

static bool is_port(const char *text)
{
	return is_port_of(text, strlen(text));
}

const char *value_milter_socket(const char *value)
{
	const char *port = strchr(value, ':'), *at = strchr(value, '@');

	if (begins_with(value, "unix:") || begins_with(value, "local:"))
		return value_socket(strchr(value, ':') + 1);
	if ((begins_with(value, "inet:") || begins_with(value, "inet6:")) && at != NULL && at[1] != '\0' &&
	    is_port_of(port + 1, (size_t)(at - port) - 1))
		return NULL;
	return "must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST";
}

const char *value_user(const char *value)
{
	if (!consists_of(value, DIGITS LOWER UPPER "._-") || *value == '-')
		return "must be the name of a system user";
	return strlen(value) > 64 ? "is longer than a user's name can be" : NULL;
}

static bool is_domain(const char *domain)
{
	if (*domain == '[')
		return domain[strlen(domain) - 1] == ']' && domain[2] != '\0';
	if (*domain == '\0' || *domain == '.' || *domain == '-' || domain[strlen(domain) - 1] == '.')
		return false;
	for (; *domain; domain++)
		if ((unsigned char)*domain < 0x80 && !strchr(DIGITS LOWER UPPER ".-_", *domain))
			return false;
	return true;
}

const char *value_sender(const char *value)
{
	const char *at = strrchr(value, '@');

	if (strlen(value) > SETTINGS_TITLE_MAX)
		return "is longer than an address may be (254 bytes)";
	if (!at || at == value || strpbrk(value, " <>,;") || !is_domain(at + 1))
		return "must be an address, user@domain, or *@domain";
	if (memchr(value, '*', (size_t)(at - value)) && at != value + 1)
		return "may hold '*' only as *@domain, which means every address of that domain";
	return NULL;
}

const char *value_address(const char *value)
{
	return *value == '*' ? "must be one address, user@domain" : value_sender(value);
}

const char *value_relayhost(const char *value)
{
	static const char form[] = "must be [HOST]:PORT, HOST:PORT or [HOST]";
	bool bracket = *value == '[';
	const char *host = value + bracket;
	size_t len = strcspn(host, bracket ? "]" : ":");
	const char *rest = host + len;

	if (len == 0 || (bracket && *rest++ != ']') || (!bracket && *rest == '\0'))
		return form;
	if (strspn(host, DIGITS LOWER UPPER ".-:_") < len || (!bracket && memchr(host, ':', len)))
		return form;
	if (*rest == '\0')
		return NULL;
	return *rest == ':' && is_port(rest + 1) ? NULL : form;
}

const char *value_transport(const char *value)
{
	if (!consists_of(value, DIGITS LOWER UPPER "_-") || strlen(value) > 64 || *value == '-')
		return "must be the name of a service in master.cf: letters, digits, '-' and '_', at most 64";
	return NULL;
}

static bool is_number(const char *value, long least, long most)
{
	long number;

	if (!consists_of(value, DIGITS) || strlen(value) > 9)
		return false;
	number = strtol(value, NULL, 10);
	return number >= least && number <= most;
}

const char *value_timeout(const char *value)
{
	return is_number(value, 1, 20) ? NULL : "must be a whole number of seconds from 1 to 20";
}

const char *value_limit(const char *value)
{
	return is_number(value, 0, 999999999) ? NULL : "must be a whole number from 0 (no limit) to 999999999";
}

const char *value_seconds(const char *value)
{
	return is_number(value, 0, 604800) ? NULL : "must be a whole number of seconds from 0 to 604800, a week";
}

const char *value_min_validity(const char *value)
{
	return is_number(value, 0, 3000) ? NULL : "must be a whole number of seconds from 0 to 3000";
}

int64_t settings_date(const char *value)
{
	struct tm tm = {0};

	tm.tm_year = atoi(value) - 1900;
	tm.tm_mon = atoi(value + 5) - 1;
	tm.tm_mday = atoi(value + 8);
	return timegm(&tm);
}

const char *value_date(const char *value)
{
	static const char form[] = "must be a date that exists, YYYY-MM-DD";
	char again[32];
	struct tm tm;
	time_t time;

	if (strlen(value) != 10 || !consists_of(value, DIGITS "-") || value[4] != '-' || value[7] != '-')
		return form;
	time = (time_t)settings_date(value);
	if (time <= 0 || !gmtime_r(&time, &tm) || strftime(again, sizeof(again), "%Y-%m-%d", &tm) == 0)
		return form;
	return strcmp(again, value) == 0 ? NULL : form; /* the 31st of June comes back as the 1st of July */
}

/* words: separated by '|'. */
static bool is_one_of(const char *value, const char *words)
{
	size_t len = strlen(value);
	const char *word;

	for (word = words; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
		if (strcspn(word, "|") == len && strncmp(word, value, len) == 0)
			return true;
	return false;
}

const char *value_algorithm(const char *value)
{
	return is_one_of(value, "PS256|RS256") ? NULL : "must be PS256 or RS256";
}

const char *value_identity(const char *value)
{
	return is_one_of(value, "vm|arc|app-service") ? NULL : "must be vm, arc or app-service";
}

const char *value_log(const char *value)
{
	return is_one_of(value, "syslog|stderr") ? NULL : "must be syslog or stderr";
}

const char *value_on_off(const char *value)
{
	return is_one_of(value, "on|off") ? NULL : "must be on or off";
}

const char *value_mode(const char *value)
{
	return is_one_of(value, "off|monitor|rewrite|reject") ? NULL : "must be off, monitor, rewrite or reject";
}

const char *value_unusable(const char *value)
{
	return is_one_of(value, "accept|tempfail") ? NULL : "must be accept or tempfail";
}

const char *value_network(const char *value)
{
	struct network network;

	if (network_parse(value, &network))
		return NULL;
	return "must be an address or a network: 192.0.2.7, 192.0.2.0/24, 2001:db8::/32; no bit may be set after the "
	       "mask";
}

const char *value_rule_sender(const char *value)
{
	return strcmp(value, "<>") == 0 ? NULL : value_sender(value);
}

const char *value_bare_newlines(const char *value)
{
	return is_one_of(value, "repair|refuse") ? NULL : "must be repair or refuse";
}

const char *value_connections(const char *value)
{
	return is_number(value, 1, 20) ? NULL : "must be a whole number from 1 to 20";
}

const char *value_helo_name(const char *value)
{
	return strlen(value) <= 255 && *value != '[' && is_domain(value) ? NULL : "must be a host's full name";
}

const char *value_grant(const char *value)
{
	if (is_one_of(value, "refresh_token|client_credentials|managed_identity|jwt_bearer"))
		return NULL;
	return "must be refresh_token, client_credentials, managed_identity or jwt_bearer";
}
