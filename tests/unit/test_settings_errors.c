/* What mailbearer.conf may not hold: each refused with file, line and what would be right, and no secret ever quoted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/conf_file.h"

struct bad {
	const char *text;
	const char *error; /* how the text begins, after "FILE" */
};

static void refuse(const struct bad *bad)
{
	struct err err;
	struct settings *settings = load_text(bad->text, &err);

	if (settings)
		fail_msg("taken: %s", bad->text);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_int_equal(strncmp(err.text, "FILE", 4), 0);
	if (strncmp(err.text + 4, bad->error, strlen(bad->error)) != 0)
		fail_msg("%s: wanted \"FILE%s\", got \"%s\"", bad->text, bad->error, err.text);
}

#define REFUSE_ALL(table)                                                                                              \
	do {                                                                                                           \
		size_t i_;                                                                                             \
		for (i_ = 0; i_ < sizeof(table) / sizeof((table)[0]); i_++)                                            \
			refuse(&(table)[i_]);                                                                          \
	} while (0)

static void bad_syntax_is_refused(void **state)
{
	static const struct bad table[] = {
	    {"tokend {\n log = stderr\n", ":1: what begins here is not closed; is a '}' missing?"},
	    {"# a\n# b\n\ntokend { } }", ":4: a '}' too many"},
	    {"client a {\n scope = s\n\naccount x@y { send_as = { a@b } }\n}",
	     ":4: a '{' within a list; is a '}' missing after line 1?"},
	    {"client a {\n scope = s\n\naccount x@y { client = a }\n}",
	     ":4: no such key 'account' in section client; is a '}' missing above?"},
	    {"/* a\n\n", ":1: the comment that begins here has no end"},
	    {"\n\ntokend { user = \"abc\n\" }", ":3: the string that begins here is not closed in its line"},
	    {"tokend { user = 'abc", ":1: the string that begins here is not closed in its line"},
	    {"tokend { user = \"a\\n\" }", ":1: in quotes, only the quote and another backslash may follow"},
	    {"tokend { user = \"a\\101\" }", ":1: in quotes, only the quote"},
	    {"tokend { user = \"\\", ":1: in quotes, only the quote"},
	    {"tokend { user = mb; }", ":1: a ';' that is not needed"},
	    {"account *@y.z { }", ":1: a character that may only stand in quotes"},
	    {"tokend { listen + = /x }", ":1: a character that may only stand in quotes"},
	    {"tokend { user mb }", ":1: missing equal sign after option 'user'"},
	    {"tokend { user = }", ":1: something unexpected stands here"},
	    {"tokend { listen = { /a /b } }", ":1: something unexpected stands here"},
	    {"tokend { user = { mb } }", ":1: something unexpected stands here"},
	    {"client { }", ":1: missing title for section 'client'"},
	    {"tokend x { }", ":1: missing opening brace for section 'tokend'"},
	    {"tokend { user += mb }", ":1: attempt to append to non-list option 'user'"},
	    {"\"\" = x", ":1: cannot be understood from here on"},
	    {"\"tokend|log\" = stderr", ":1: something unexpected stands here"},
	    {"tokend { }\n\"tokend|log\" = stderr", ":2: something unexpected stands here"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void the_environment_and_other_files_stay_out(void **state)
{
	static const struct bad table[] = {
	    {"tokend { user = \"${HOME}\" }", ":1: ${NAME} is not replaced by anything here"},
	    {"tokend { user = ${HOME} }", ":1: ${NAME} is not replaced"},
	    {"tokend { user = '${HOME}' }", ":1: ${NAME} is not replaced"},
	    {"${HOME} { }", ":1: ${NAME} is not replaced"},
	    {"include(\"/etc/hosts\")", ":1: a character that may only stand in quotes"},
	    {"include = \"/etc/hosts\"", ":1: no such section 'include'"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void unknown_keys_are_refused_with_a_guess(void **state)
{
	static const struct bad table[] = {
	    {"client a {\n clientid = x }", ":2: no such key 'clientid' in section client; did you mean client_id?"},
	    {"milter { modus = x }", ":1: no such key 'modus' in section milter; did you mean mode?"},
	    {"milter { tenant = x }",
	     ":1: no such key 'tenant' in section milter; tenant belongs into a section client"},
	    {"acount x@y { }", ":1: no such section 'acount'; did you mean account?"},
	    {"user = x", ":1: no such section 'user'; user belongs into a section tokend"},
	    {"milter { zzzzzzzz = x }", ":1: no such key 'zzzzzzzz' in section milter"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void what_stands_twice_is_refused(void **state)
{
	static const struct bad table[] = {
	    {"tokend { user = a\n user = b }", ":2: user: stands twice in this section"},
	    {"tokend { listen = /a\n listen = /b }", ":2: listen: stands twice in this section"},
	    {"tokend { listen = { /a, /b }\n listen = { } }", ":2: listen: stands twice in this section"},
	    {"tokend { }\ntokend { }", ":2: section tokend stands twice, first on line 1"},
	    {"client b { provider = yahoo }\nclient a { provider = yahoo }\n\nclient b { provider = yahoo }",
	     ":4: client \"b\" stands twice, first on line 1"},
	    {"client a { provider = microsoft client_id = i }\naccount x@y { client = a }\naccount X@Y { client = "
	     "a }",
	     ":3: account \"x@y\" stands twice, first on line 2"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void values_of_the_wrong_form_are_refused(void **state)
{
	static const struct bad table[] = {
	    {"client a {\n\n timeout = x }", ":3: timeout: must be a whole number of seconds from 1 to 20"},
	    {"client a { timeout = 0 }", ":1: timeout: must be"},
	    {"client a { timeout = 21 }", ":1: timeout: must be"},
	    {"client a { timeout = 1e1 }", ":1: timeout: must be"},
	    {"client a { timeout = -1 }", ":1: timeout: must be"},
	    {"client a { timeout = 99999999999999999999 }", ":1: timeout: must be"},
	    {"account a@b { min_validity = 3001 }",
	     ":1: min_validity: must be a whole number of seconds from 0 to 3000"},
	    {"account a@b { grant = password }", ":1: grant: must be refresh_token, client_credentials,"},
	    {"account a@b { send_as = { a@b, c } }", ":1: send_as: must be an address, user@domain, or *@domain"},
	    {"account a@b { send_as = \"x*@b\" }", ":1: send_as: may hold '*' only as *@domain"},
	    {"account a@b { send_as = \"<a@b>\" }", ":1: send_as: still holds the placeholder"},
	    {"account a@b { send_as = \"a b@c\" }", ":1: send_as: must be an address"},
	    {"account a@b { send_as = a@b..c. }", ":1: send_as: must be an address"},
	    {"account a@b { transport = \"a b\" }", ":1: transport: must be the name of a service in master.cf"},
	    {"\n\naccount printer { }", ":3: account: must be an address, user@domain, or *@domain"},
	    {"client a { tenant = \"a/b\" }", ":1: tenant: must be a domain name, a tenant ID, or common"},
	    {"client a { client_id = \"a b\" }", ":1: client_id: holds a space"},
	    {"client a { client_id = \"a\tb\" }", ":1: client_id: holds a control character"},
	    {"client a { client_id = \"\xff\" }", ":1: client_id: is not UTF-8"},
	    {"client a { client_id = \"\xed\xa0\x80\" }", ":1: client_id: is not UTF-8"},
	    {"client a { client_id = \"\" }", ":1: client_id: is empty"},
	    {"client \"\" { }", ":1: client: is empty"},
	    {"client a { client_secret_expires = 2027-02-29 }",
	     ":1: client_secret_expires: must be a date that exists"},
	    {"client a { client_secret_expires = 2027-5-1 }", ":1: client_secret_expires: must be a date"},
	    {"client a { client_secret_file = secret }",
	     ":1: client_secret_file: must be an absolute path, or credential:"},
	    {"client a { client_secret_file = credential:../x }",
	     ":1: client_secret_file: must name a systemd credential"},
	    {"client a { ca_file = ca.pem }", ":1: ca_file: must be an absolute path"},
	    {"client a { relayhost = smtp.example.com }", ":1: relayhost: must be [HOST]:PORT, HOST:PORT or [HOST]"},
	    {"client a { relayhost = \"[a\" }", ":1: relayhost: must be"},
	    {"client a { relayhost = \"[a]:0\" }", ":1: relayhost: must be"},
	    {"client a { relayhost = \"[a]:65536\" }", ":1: relayhost: must be"},
	    {"client a { relayhost = \"[]:1\" }", ":1: relayhost: must be"},
	    {"client a { relayhost = \"a b:1\" }", ":1: relayhost: must be"},
	    {"client a { assertion_algorithm = HS256 }", ":1: assertion_algorithm: must be PS256 or RS256"},
	    {"client a { managed_identity = yes }", ":1: managed_identity: must be vm, arc or app-service"},
	    {"client a { redirect_uri = http://contoso.com/ }", ":1: redirect_uri: must be as it is registered"},
	    {"client a { redirect_uri = http://169.254.169.254/ }", ":1: redirect_uri: must be as it is registered"},
	    {"client a { proxy = proxy:3128 }", ":1: proxy: must begin with http://"},
	    {"client a { proxy = http://u:p@proxy:3128 }", ":1: proxy: holds a user name or password"},
	    {"tokend { state_directory = state }", ":1: state_directory: must be an absolute path"},
	    {"tokend { listen = run/x }", ":1: listen: must be the absolute path of a socket"},
	    {"tokend { listen = /run/x/ }", ":1: listen: names a folder"},
	    {"tokend { log = file }", ":1: log: must be syslog or stderr"},
	    {"tokend { user = \"a b\" }", ":1: user: must be the name of a system user"},
	    {"tokend { listen = { } }", ": section tokend: listen names no socket"},
	    {"submit { bare_newlines = keep }", ":1: bare_newlines: must be repair or refuse"},
	    {"submit { connections = 0 }", ":1: connections: must be a whole number from 1 to 20"},
	    {"submit { helo_name = \"a b\" }", ":1: helo_name: must be a host's full name"},
	    {"milter { mode = silent }", ":1: mode: must be off, monitor, rewrite or reject"},
	    {"milter { listen = /run/x }", ":1: listen: must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST"},
	    {"milter { listen = \"inet:65536@127.0.0.1\" }",
	     ":1: listen: must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST"},
	    {"milter { listen = \"inet:0@127.0.0.1\" }",
	     ":1: listen: must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST"},
	    {"milter { listen = \"inet:@127.0.0.1\" }",
	     ":1: listen: must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST"},
	    {"milter { listen = \"inet6:8891@\" }",
	     ":1: listen: must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST"},
	    {"milter { listen = \"inet:smtp@::1\" }",
	     ":1: listen: must be unix:/PATH, inet:PORT@HOST or inet6:PORT@HOST"},
	    {"milter { default_account = \"*@a\" }", ":1: default_account: must be one address"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void placeholders_are_refused(void **state)
{
	static const struct bad table[] = {
	    {"client a { client_id = CLIENT_ID_GOES_HERE }",
	     ":1: client_id: still holds the placeholder of an example"},
	    {"client a { client_id = your-client-id }", ":1: client_id: still holds"},
	    {"client a { client_id = <id> }", ":1: client_id: still holds"},
	    {"client a { client_id = xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx }", ":1: client_id: still holds"},
	    {"client a { client_id = 11111111-2222-3333-4444-555555555555 }", ":1: client_id: still holds"},
	    {"client a { tenant = YOUR_TENANT }", ":1: tenant: still holds"},
	    {"client a { metadata_url = https://login.microsoftonline.com/your-tenant/v2.0 }",
	     ":1: metadata_url: still"},
	    {"account you@your-domain.com { }", ":1: account: still holds the placeholder"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void endpoints_must_be_https(void **state)
{
	static const struct bad table[] = {
	    {"client a { metadata_url = http://login.example/m }",
	     ":1: metadata_url: is an http:// URL, which would show"},
	    {"client a { token_endpoint = http://127.0.0.1.evil.example/t }", ":1: token_endpoint: is an http:// URL"},
	    {"client a { token_endpoint = http://localhost.evil.example/t }", ":1: token_endpoint: is an http:// URL"},
	    {"\nclient a { token_endpoint = http://127.0.0.1:1/t relayhost = a:1 }",
	     ":2: client \"a\": an http:// endpoint; only managed_identity has those"},
	    {"client a { token_endpoint = ftp://a/t }", ":1: token_endpoint: is no URL; write https://HOST/PATH"},
	    {"client a { token_endpoint = https:///t }", ":1: token_endpoint: is no URL"},
	    {"client a { token_endpoint = \"https://u:p@a/t\" }", ":1: token_endpoint: holds a user name or password"},
	    {"client a { token_endpoint = \"https://a/t x\" }", ":1: token_endpoint: holds a character that no URL"},
	    {"client a { token_endpoint = \"https://a/t#x\" }", ":1: token_endpoint: holds a '#'"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void graph_scopes_are_refused(void **state)
{
	static const struct bad table[] = {
	    {"client a { provider = microsoft scope = \"offline_access User.Read\" }",
	     ":1: client \"a\": scope asks for Microsoft Graph, whose tokens the mail server refuses; leave scope "
	     "out, or "
	     "write \"https://outlook.office.com/SMTP.Send offline_access\"; for client_credentials "
	     "\"https://outlook.office365.com/.default\""},
	    {"client a { provider = microsoft scope = Mail.Send }", ":1: client \"a\": scope asks for Microsoft Graph"},
	    {"client a { provider = microsoft scope = \"https://graph.microsoft.com/.default\" }",
	     ":1: client \"a\": scope"},
	    {"client a { provider = outlook scope = \"https://graph.microsoft.com/Mail.Send\" }",
	     ":1: client \"a\": scope"},
	};

	(void)state;
	REFUSE_ALL(table);
}

#define MS "client a { provider = microsoft "
#define ACCOUNT " }\naccount x@y.z { client = a "

static void contradictions_in_a_client_are_refused(void **state)
{
	static const struct bad table[] = {
	    {MS "client_secret = Marker }",
	     ":1: client_secret: secrets never stand in this file; put it into a file and "
	     "name that with client_secret_file"},
	    {MS "client_secret_file = /a client_certificate = /c client_key = /k }", ":1: client \"a\": only one of"},
	    {MS "client_secret_file = /a federated_token_file = /f }", ":1: client \"a\": only one of"},
	    {MS "managed_identity = vm client_secret_file = /f }", ":1: client \"a\": only one of"},
	    {MS "client_certificate = /c }", ":1: client \"a\": client_certificate without client_key"},
	    {MS "client_key_passphrase_file = /p }", ":1: client \"a\": client_key_passphrase_file without client_key"},
	    {MS "client_key = \"pkcs11:token=a?pin-value=Marker\" }", ":1: client_key: holds a PIN, and secrets never"},
	    {MS "client_key = \"file:/k\" }", ":1: client_key: must name a file by its absolute path alone"},
	    {MS "client_key = k.pem }", ":1: client_key: must be an absolute path, credential:NAME, or the URI"},
	    {MS "client_certificate = c.pem }", ":1: client_certificate: must be an absolute path, or the URI"},
	    {MS "managed_identity = vm proxy = http://p:1 }",
	     ":1: client \"a\": managed_identity is told by this machine"},
	    {MS "managed_identity = arc client_id = i }", ":1: client \"a\": Azure Arc gives a machine one identity"},
	    {MS "managed_identity = vm token_endpoint = \"http://10.0.0.1/t\" }",
	     ":1: token_endpoint: is an http:// URL, which would show"},
	    {MS "client_secret_expires = 2030-01-01 }", ":1: client \"a\": client_secret_expires without"},
	    {MS "service_account_file = /f }", ":1: client \"a\": service_account_file is Google's"},
	    {"client a { provider = google managed_identity = vm }",
	     ":1: client \"a\": managed_identity is Microsoft's"},
	    {"client a { provider = google tenant = t }", ":1: client \"a\": tenant is Microsoft's"},
	    {"client a { relayhost = a:1 }", ":1: client \"a\": nothing says where tokens come from"},
	    {"client a { token_endpoint = https://a/t }", ":1: client \"a\": relayhost is missing"},
	    {"client a { provider = \"micro\" }",
	     ":1: provider: there is none of that name; known are microsoft, outlook, "
	     "google, yahoo, aol, fastmail, yandex, mailru, generic"},
	    {MS "\ncloud = germany }",
	     ":2: cloud: provider microsoft has none of that name; it has public, gcc-high, dod, "
	     "china"},
	    {"client a { provider = google cloud = public }", ":1: cloud: provider google has but one; leave it out"},
	};

	(void)state;
	REFUSE_ALL(table);
}

static void contradictions_in_an_account_are_refused(void **state)
{
	static const struct bad table[] = {
	    {"account x@y.z { }", ":1: account \"x@y.z\": key client is missing"},
	    {"account x@y.z {\n client = b }", ":2: there is no section client \"b\""},
	    {MS ACCOUNT "}", ":1: client \"a\": client_id is missing; account \"x@y.z\" needs it"},
	    {MS "client_id = i client_secret_file = /f" ACCOUNT "grant = client_credentials }",
	     ":2: account \"x@y.z\": grant client_credentials needs a tenant of its own"},
	    {MS "tenant = common client_id = i client_secret_file = /f" ACCOUNT "grant = client_credentials }",
	     ":2: account \"x@y.z\": grant client_credentials needs a tenant of its own"},
	    {MS "tenant = t client_id = i" ACCOUNT "grant = client_credentials }",
	     ":2: account \"x@y.z\": grant client_credentials needs client_secret_file"},
	    {MS "tenant = t client_secret_file = /f" ACCOUNT "grant = client_credentials }",
	     ":1: client \"a\": client_id"},
	    {"client a { provider = google client_id = i client_secret_file = /f" ACCOUNT
	     "grant = client_credentials }",
	     ":2: account \"x@y.z\": this provider has no grant client_credentials"},
	    {"client a { provider = google client_id = i" ACCOUNT "}",
	     ":2: account \"x@y.z\": this provider wants the client's secret of desktop applications"},
	    {MS ACCOUNT "grant = managed_identity }", ":2: account \"x@y.z\": grant managed_identity needs"},
	    {MS ACCOUNT "grant = jwt_bearer }", ":2: account \"x@y.z\": grant jwt_bearer needs service_account_file"},
	    {MS "managed_identity = vm client_id = i" ACCOUNT "}",
	     ":2: account \"x@y.z\": a client with managed_identity"},
	    {MS "client_id = i }\naccount '*@y.z' { client = a }", ":2: account \"*@y.z\": a person signs in for one"},
	    {"client a { provider = google service_account_file = /f }\naccount '*@y.z' { client = a grant = "
	     "jwt_bearer }",
	     ":2: account \"*@y.z\": Google gives a service account a token for one mailbox at a time"},
	    {MS "client_id = i" ACCOUNT "transport = t }\naccount v@y.z { client = a transport = t }",
	     ":3: account \"v@y.z\": transport t belongs to another account"},
	    {"connector c { senders = a@b }", ":1: connector \"c\": relayhost is missing"},
	    {"connector c { relayhost = a:1 senders = { } }", ":1: connector \"c\": senders is missing"},
	    {"milter { default_account = a@b }", ":1: section milter: there is no section account \"a@b\""},
	    {MS "client_id = i" ACCOUNT "send_as = b@y.z }\nconnector c { relayhost = a:1 senders = B@Y.Z }",
	     ":3: b@y.z of connector \"c\" belongs already to account \"x@y.z\" on line 2; an address has one "
	     "owner"},
	};

	(void)state;
	REFUSE_ALL(table);
}

/* A secret may land anywhere: where a key is expected, where a mark is expected, as a value of the wrong form. */
static void values_are_never_quoted(void **state)
{
	static const char *const texts[] = {
	    "client a { client_secret = Marker~8Q }",
	    "client a { client_secret \"Marker~8Q\" }",
	    "client a { client_id = x \"Marker~8Q\" }",
	    "client a { client_id = x Marker_8Q = y }",
	    "client a { client_secret_file = \"Marker~8Q\" }",
	    "client a { timeout = Marker~8Q }",
	    "client a { token_endpoint = Marker~8Q }",
	    "Marker~8Q",
	    "\"Marker~8Q|x\" = y",
	    "client a { = Marker~8Q }",
	    "client a { scope = { \"Marker~8Q\" } }",
	    "tokend { listen = { /a \"Marker~8Q\" } }",
	    "client a { provider = microsoft scope = Marker~8Q }",
	    "account x@y { password = Marker~8Q }",
	    "client a { \"x|Marker~8Q\" = x }",
	    "client a { \"x=Marker~8Q|z\" = x }",
	    "\"client=Marker~8Q|scope\" = x",
	};
	struct settings *settings;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		settings = load_text(texts[i], &err);
		if (settings || strstr(err.text, "Marker") || err.text[0] == '\0')
			fail_msg("%s: %s", texts[i], err.text);
	}
}

/* libconfuse's lexer is global, and a string left open would swallow the next file. */
static void a_bad_file_does_not_spoil_the_next(void **state)
{
	static const char *const bad[] = {"tokend { user = \"x", "tokend { user = 'x", "/* x",
					  "tokend { user = \"\\9\" }"};
	struct settings *settings;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(load_text(bad[i], &err));
		settings = load_text("tokend { user = mb }", &err);
		assert_non_null(settings);
		assert_string_equal(settings->tokend.user, "mb");
		settings_free(settings);
	}
}

static void binary_and_oversized_files_are_refused(void **state)
{
	struct settings *settings;
	char *bytes = malloc(16 * 1024 * 1024 + 1);
	struct err err;
	clock_t began;

	(void)state;
	assert_int_equal(load_bytes("tokend { }\0x", 12, &settings, &err), -1);
	assert_string_equal(err.text, "FILE: holds a NUL byte; save the file as plain text in UTF-8");
	memset(bytes, ' ', 16 * 1024 * 1024 + 1);
	assert_int_equal(load_bytes(bytes, 16 * 1024 * 1024 + 1, &settings, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	began = clock();
	assert_int_equal(load_bytes(bytes, 16 * 1024 * 1024, &settings, &err), 0);
	assert_true(clock() - began < 10 * CLOCKS_PER_SEC); /* libconfuse alone takes minutes for these blanks */
	settings_free(settings);
	sprintf(bytes, "tokend { user = \"%0*d\" }", 4097, 0);
	assert_int_equal(load_bytes(bytes, strlen(bytes), &settings, &err), -1);
	assert_string_equal(err.text, "FILE:1: a value of more than 4096 bytes");
	free(bytes);
}

static void a_socket_must_fit_its_address(void **state)
{
	struct settings *settings;
	struct err err;
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "tokend { listen = /%0*d }", 99, 0);
	settings = load_text(text, &err);
	assert_non_null(settings);
	settings_free(settings);
	snprintf(text, sizeof(text), "tokend { listen = /%0*d }", 100, 0);
	assert_null(load_text(text, &err));
	assert_string_equal(err.text, "FILE:1: listen: is longer than a socket's path may be: at most 100 bytes");
}

static void only_regular_files_of_ours_are_read(void **state)
{
	char folder[] = "/tmp/mailbearer-test.XXXXXX";
	struct settings *settings;
	struct err err = {0};
	char path[64];

	(void)state;
	assert_int_equal(settings_load("/nonexistent/mailbearer.conf", &settings, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_null(settings);
	assert_int_equal(settings_load("/tmp", &settings, &err), -1);
	assert_string_equal(err.text, "/tmp: is not a regular file");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/f", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(settings_load(path, &settings, &err), -1); /* and does not wait for a writer */
	unlink(path);
	assert_int_equal(close(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600)), 0);
	assert_int_equal(chmod(path, 0646), 0);
	assert_int_equal(settings_load(path, &settings, &err), -1);
	assert_non_null(strstr(err.text, "everybody may write to it; chmod o-w /tmp/"));
	unlink(path);
	rmdir(folder);
}

#define TWO_ACCOUNTS                                                                                                   \
	"client a { provider = microsoft client_id = i } account x@y.z { client = a send_as = { s@y.z, '*@p.z' } } "   \
	"account b@y.z { client = a } connector c { relayhost = mx:25 senders = n@y.z }\n"

static void rules_that_cannot_be_meant_are_refused(void **state)
{
	static const struct bad table[] = {
	    {"rule r { clients = 192.0.2.1/24 mode = off }", ":1: clients: must be an address or a network"},
	    {"rule r { clients = printer.local mode = off }", ":1: clients: must be an address or a network"},
	    {"rule r { senders = \"<x@y.z>\" mode = off }", ":1: senders: still holds the placeholder"},
	    {"rule r { senders = scanner mode = off }", ":1: senders: must be an address"},
	    {"rule r { mode = silent }", ":1: mode: must be off, monitor, rewrite or reject"},
	    {"rule { mode = off }", ":1: missing title for section 'rule'"},
	    {"\nrule r { mode = off clients = 192.0.2.1 }\nrule r { mode = off }",
	     ":3: rule \"r\" stands twice, first on line 2"},
	    {"rule r { clients = 192.0.2.1 }", ":1: rule \"r\" says nothing; give it mode or account"},
	    {TWO_ACCOUNTS "rule r {\n account = q@y.z }", ":3: there is no section account \"q@y.z\""},
	    {TWO_ACCOUNTS "rule r { account = s@y.z }", ":2: there is no section account \"s@y.z\""},
	    {TWO_ACCOUNTS "rule r { address = s@y.z }", ":2: rule \"r\" names an address and not whose it is"},
	    {TWO_ACCOUNTS "rule r { account = b@y.z address = s@y.z }",
	     ":2: rule \"r\" names an address that is not its account's"},
	    {TWO_ACCOUNTS "rule r { account = b@y.z address = n@y.z }", ":2: rule \"r\" names an address that is not"},
	    {TWO_ACCOUNTS "rule r { account = b@y.z address = q@y.z }", ":2: rule \"r\" names an address that is not"},
	    {TWO_ACCOUNTS "rule r { account = b@y.z address = q@p.z }", ":2: rule \"r\" names an address that is not"},
	    {TWO_ACCOUNTS "\nrule r { account = b@y.z }\nrule q { mode = off }",
	     ":3: rule \"r\" fits all mail, so that no rule after it counts"},
	};
	struct settings *settings;
	struct err err;

	(void)state;
	REFUSE_ALL(table);
	settings = load_text(TWO_ACCOUNTS "rule r { logins = l account = x@y.z address = q@p.z }\n"
					  "rule q { account = x@y.z address = s@y.z }\n",
			     &err);
	assert_non_null(settings); /* by a pattern, by its name; and the last one may fit everything */
	settings_free(settings);
}

static void gates_want_numbers(void **state)
{
	static const struct bad table[] = {
	    {"milter { max_message_size = 35M }", ":1: max_message_size: must be a whole number from 0 (no limit)"},
	    {"milter { max_recipients = -1 }", ":1: max_recipients: must be a whole number"},
	    {"milter { max_recipients_per_day = 1000000000 }", ":1: max_recipients_per_day: must be a whole number"},
	    {"milter { max_messages_per_minute = many }", ":1: max_messages_per_minute: must be a whole number"},
	    {"milter { unusable_grace = 604801 }", ":1: unusable_grace: must be a whole number of seconds from 0"},
	    {"milter { when_unusable = reject }", ":1: when_unusable: must be accept or tempfail"},
	};

	(void)state;
	REFUSE_ALL(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_syntax_is_refused),
	    cmocka_unit_test(the_environment_and_other_files_stay_out),
	    cmocka_unit_test(unknown_keys_are_refused_with_a_guess),
	    cmocka_unit_test(what_stands_twice_is_refused),
	    cmocka_unit_test(values_of_the_wrong_form_are_refused),
	    cmocka_unit_test(placeholders_are_refused),
	    cmocka_unit_test(endpoints_must_be_https),
	    cmocka_unit_test(graph_scopes_are_refused),
	    cmocka_unit_test(contradictions_in_a_client_are_refused),
	    cmocka_unit_test(contradictions_in_an_account_are_refused),
	    cmocka_unit_test(values_are_never_quoted),
	    cmocka_unit_test(a_bad_file_does_not_spoil_the_next),
	    cmocka_unit_test(binary_and_oversized_files_are_refused),
	    cmocka_unit_test(a_socket_must_fit_its_address),
	    cmocka_unit_test(only_regular_files_of_ours_are_read),
	    cmocka_unit_test(rules_that_cannot_be_meant_are_refused),
	    cmocka_unit_test(gates_want_numbers),
	};

	return cmocka_run_group_tests_name("settings_errors", tests, NULL, NULL);
}
