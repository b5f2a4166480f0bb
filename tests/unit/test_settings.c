/* mailbearer.conf as it should be: what is read, what is derived, what is the default. Errors: test_settings_errors.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/settings_state.h"
#include "tests/unit/conf_file.h"

static struct settings *load(const char *text)
{
	struct err err;
	struct settings *settings = load_text(text, &err);

	if (!settings)
		fail_msg("%s", err.text);
	return settings;
}

static const char everything[] =
    "# comment with a quote ' and a brace {\n"
    "client 'contoso' { /* { */ provider = microsoft\n"
    "  tenant = \"contoso.onmicrosoft.com\" // c++\n"
    "  client_id = \"21111111-2222-3333-4444-555555555555\"\n"
    "  client_secret_file = \"/etc/mailbearer/contoso.secret\" client_secret_expires = \"2027-05-01\"\n"
    "  scope = \"https://outlook.office.com/SMTP.Send offline_access\" redirect_uri = "
    "http://localhost/auth\n"
    "  ca_file = /etc/ssl/ca.pem proxy = \"http://proxy.contoso.com:3128\" timeout = 5\n"
    "  relayhost = \"[127.0.0.1]:10587\" }\n"
    "account Relay@Contoso.COM { client = contoso grant = refresh_token min_validity = 600\n"
    "  send_as = { \"Accounting@contoso.com\", '*@Branch.contoso.com', }\n"
    "  send_as += more@contoso.com transport = o365 }\n"
    "connector \"no-mailbox\" { relayhost = \"[mx.contoso.com]:25\" senders = Alerts@contoso.com }\n"
    "tokend { listen = /run/x.sock state_directory = /s seal_key_file = \"credential:seal\"\n"
    "  token_users = { postfix, exim } user = mb log = stderr }\n"
    "milter { listen = \"inet:8891@127.0.0.1\" mode = monitor default_account = RELAY@contoso.com user = "
    "mm log = stderr\n"
    "  max_message_size = 35651584 max_recipients = 100 max_recipients_per_day = 9000\n"
    "  max_messages_per_minute = 30 when_unusable = tempfail unusable_grace = 60\n"
    "  other_mailers = { Local, relay } other_hosts = \"[MX.contoso.com]\" }\n"
    "rule printers { clients = { 192.0.2.0/24, \"2001:db8::/32\" } logins = Scan listeners = 10025\n"
    "  senders = { \"<>\", Scanner@Local.x, \"*@p.x\" } mode = reject account = RELAY@contoso.com\n"
    "  address = More@contoso.com }\n"
    "rule rest { mode = monitor }\n"
    "submit { bare_newlines = refuse connections = 20 helo_name = relay.y.example lock_directory = /l log = stderr }\n";
static void everything_is_read(void **state)
{
	struct settings *s = load(everything);
	const struct settings_client *client = &s->clients[0];
	const struct settings_account *account = &s->accounts[0];

	(void)state;
	assert_int_equal(s->client_count, 1);
	assert_string_equal(client->name, "contoso");
	assert_int_equal(client->line, 2);
	assert_ptr_equal(client->provider, provider_find("microsoft", "public"));
	assert_string_equal(client->tenant, "contoso.onmicrosoft.com");
	assert_string_equal(client->client_id, "21111111-2222-3333-4444-555555555555");
	assert_string_equal(client->client_secret_file, "/etc/mailbearer/contoso.secret");
	assert_int_equal(client->client_secret_expires, 1809129600);
	assert_string_equal(client->scope, "https://outlook.office.com/SMTP.Send offline_access");
	assert_string_equal(client->redirect_uri, "http://localhost/auth");
	assert_string_equal(client->ca_file, "/etc/ssl/ca.pem");
	assert_string_equal(client->proxy, "http://proxy.contoso.com:3128");
	assert_int_equal(client->timeout, 5);
	assert_string_equal(client->relayhost, "[127.0.0.1]:10587");
	assert_int_equal(s->account_count, 1);
	assert_string_equal(account->name, "relay@contoso.com");
	assert_int_equal(account->line, 9);
	assert_ptr_equal(account->client, client);
	assert_int_equal(account->grant, SETTINGS_REFRESH_TOKEN);
	assert_int_equal(account->min_validity, 600);
	assert_string_equal(account->transport, "o365");
	assert_int_equal(account->send_as.count, 3);
	assert_string_equal(account->send_as.items[0], "accounting@contoso.com");
	assert_string_equal(account->send_as.items[1], "*@branch.contoso.com");
	assert_string_equal(account->send_as.items[2], "more@contoso.com");
	assert_int_equal(s->connector_count, 1);
	assert_string_equal(s->connectors[0].name, "no-mailbox");
	assert_int_equal(s->connectors[0].line, 12);
	assert_string_equal(s->connectors[0].relayhost, "[mx.contoso.com]:25");
	assert_string_equal(s->connectors[0].senders.items[0], "alerts@contoso.com");
	assert_int_equal(s->tokend.listen.count, 1);
	assert_string_equal(s->tokend.listen.items[0], "/run/x.sock");
	assert_string_equal(s->tokend.state_directory, "/s");
	assert_string_equal(s->tokend.seal_key_file, "credential:seal");
	assert_int_equal(s->tokend.token_users.count, 2);
	assert_string_equal(s->tokend.token_users.items[1], "exim");
	assert_string_equal(s->tokend.user, "mb");
	assert_string_equal(s->tokend.log, "stderr");
	assert_string_equal(s->milter.listen, "inet:8891@127.0.0.1");
	assert_string_equal(s->milter.mode, "monitor");
	assert_string_equal(s->milter.default_account, "relay@contoso.com");
	assert_string_equal(s->milter.user, "mm");
	assert_true(s->submit.refuse_bare_newlines);
	assert_int_equal(s->submit.connections, 20);
	assert_string_equal(s->submit.helo_name, "relay.y.example");
	assert_string_equal(s->submit.lock_directory, "/l");
	assert_string_equal(s->submit.log, "stderr");
	settings_free(s);
}

static void the_milters_gates_and_rules_are_read(void **state)
{
	struct settings *s = load(everything);
	const struct settings_rule *rule = s->rules;

	(void)state;
	assert_int_equal(s->milter.line, 15);
	assert_string_equal(s->milter.log, "stderr");
	assert_int_equal(s->milter.max_message_size, 35651584);
	assert_int_equal(s->milter.max_recipients, 100);
	assert_int_equal(s->milter.max_recipients_per_day, 9000);
	assert_int_equal(s->milter.max_messages_per_minute, 30);
	assert_string_equal(s->milter.when_unusable, "tempfail");
	assert_int_equal(s->milter.unusable_grace, 60);
	assert_int_equal(s->milter.mailers.count, 2);
	assert_string_equal(s->milter.mailers.items[0], "local");
	assert_string_equal(s->milter.hosts.items[0], "[mx.contoso.com]");
	assert_int_equal(s->rule_count, 2);
	assert_string_equal(rule->name, "printers");
	assert_int_equal(rule->line, 19);
	assert_int_equal(rule->clients.count, 2);
	assert_string_equal(rule->clients.items[1], "2001:db8::/32");
	assert_string_equal(rule->logins.items[0], "scan");
	assert_string_equal(rule->listeners.items[0], "10025");
	assert_int_equal(rule->senders.count, 3);
	assert_string_equal(rule->senders.items[0], "<>");
	assert_string_equal(rule->senders.items[1], "scanner@local.x");
	assert_string_equal(rule->mode, "reject");
	assert_ptr_equal(rule->account, &s->accounts[0]);
	assert_string_equal(rule->address, "more@contoso.com");
	assert_string_equal(rule[1].name, "rest"); /* the file's order, not the alphabet's */
	assert_null(rule[1].account);
	assert_null(rule[1].address);
	settings_free(s);
}

static void defaults_fill_the_rest(void **state)
{
	struct settings *s = load("client a { provider = microsoft client_id = i } account x@y.z { client = a }");

	(void)state;
	assert_string_equal(s->clients[0].tenant, "organizations");
	assert_string_equal(s->clients[0].relayhost, "[smtp.office365.com]:587");
	assert_string_equal(s->clients[0].assertion_algorithm, "PS256");
	assert_string_equal(s->clients[0].redirect_uri, "http://localhost");
	assert_int_equal(s->clients[0].timeout, 20);
	assert_null(s->clients[0].scope);
	assert_null(s->clients[0].client_secret_file);
	assert_int_equal(s->clients[0].client_secret_expires, 0);
	assert_int_equal(s->accounts[0].grant, SETTINGS_REFRESH_TOKEN);
	assert_int_equal(s->accounts[0].min_validity, 60);
	assert_int_equal(s->accounts[0].send_as.count, 0);
	assert_int_equal(s->tokend.listen.count, 2);
	assert_string_equal(s->tokend.listen.items[1], "/var/spool/postfix/run/mailbearer/tokend.sock");
	assert_int_equal(s->tokend.token_users.count, 1);
	assert_string_equal(s->tokend.token_users.items[0], "postfix");
	assert_string_equal(s->tokend.user, "mailbearer");
	assert_string_equal(s->tokend.log, "syslog");
	assert_string_equal(s->milter.mode, "rewrite");
	assert_string_equal(s->milter.user, "mailbearer-milter");
	assert_null(s->milter.default_account);
	assert_string_equal(s->milter.log, "syslog");
	assert_int_equal(s->milter.max_message_size + s->milter.max_recipients + s->milter.max_recipients_per_day +
			     s->milter.max_messages_per_minute,
			 0);
	assert_string_equal(s->milter.when_unusable, "accept");
	assert_int_equal(s->milter.unusable_grace, 900);
	assert_string_equal(s->milter.mailers.items[0], "virtual");
	assert_int_equal(s->milter.hosts.count, 0);
	assert_int_equal(s->rule_count, 0);
	assert_false(s->submit.refuse_bare_newlines);
	assert_int_equal(s->submit.connections, 3);
	assert_null(s->submit.helo_name);
	assert_string_equal(s->submit.log, "syslog");
	settings_free(s);
}

static void an_empty_file_is_legal(void **state)
{
	struct settings *s = load("");

	(void)state;
	assert_int_equal(s->account_count, 0);
	assert_int_equal(s->client_count, 0);
	settings_free(s);
	settings_free(NULL);
}

static void an_empty_list_replaces_the_default(void **state)
{
	struct settings *s = load("tokend { token_users = { } }");

	(void)state;
	assert_int_equal(s->tokend.token_users.count, 0);
	settings_free(s);
}

static void sections_stand_in_any_order(void **state)
{
	struct settings *s = load("milter { default_account = b@y.z }\naccount b@y.z { client = two }\n"
				  "account a@y.z { client = one }\n"
				  "client two { provider = google client_id = i client_secret_file = /f }\n"
				  "client one { provider = microsoft client_id = i }\n");

	(void)state;
	assert_string_equal(s->accounts[0].name, "b@y.z");
	assert_string_equal(s->accounts[0].client->name, "two");
	assert_string_equal(s->accounts[1].client->name, "one");
	settings_free(s);
}

static void windows_files_are_read(void **state)
{
	struct settings *s = load("\xef\xbb\xbftokend {\r\n\tlog = stderr\r\n}\r\n");

	(void)state;
	assert_string_equal(s->tokend.log, "stderr");
	settings_free(s);
}

/* Nothing is there to copy: not even an array of values. The sanitizers see whoever looks for it. */
static void a_section_may_be_empty(void **state)
{
	struct settings *s = load("tokend {}");

	(void)state;
	assert_string_equal(s->tokend.log, "syslog");
	settings_free(s);
}

static void endpoints_follow_the_provider(void **state)
{
	struct settings *s = load("client a { provider = microsoft cloud = china tenant = contoso.cn }"
				  "client b { provider = yahoo }"
				  "client c { provider = microsoft token_endpoint = https://login.example/t }"
				  "client d { provider = google metadata_url = https://idp.example/m }"
				  "client e { token_endpoint = https://idp.example/t relayhost = smtp.example:25 }"
				  "client f { provider = google token_endpoint = https://idp.example/t }"
				  "client g { provider = outlook }");

	(void)state;
	assert_string_equal(
	    s->clients[0].metadata_url,
	    "https://login.partner.microsoftonline.cn/contoso.cn/v2.0/.well-known/openid-configuration");
	assert_null(s->clients[0].token_endpoint);
	assert_null(s->clients[1].metadata_url);
	assert_string_equal(s->clients[1].token_endpoint, "https://api.login.yahoo.com/oauth2/get_token");
	assert_null(s->clients[2].metadata_url); /* naming token_endpoint means: no discovery */
	assert_string_equal(s->clients[2].token_endpoint, "https://login.example/t");
	assert_null(s->clients[3].token_endpoint); /* the preset's would win over the document's */
	assert_string_equal(s->clients[4].provider->name, "generic");
	assert_string_equal(s->clients[5].token_endpoint, "https://idp.example/t");
	assert_string_equal(s->clients[5].authorization_endpoint, "https://accounts.google.com/o/oauth2/v2/auth");
	assert_string_equal(s->clients[6].tenant, "consumers");
	settings_free(s);
}

static void managed_identity_may_use_plain_http_on_this_machine(void **state)
{
	struct settings *s = load("client a { provider = microsoft managed_identity = vm client_id = i\n"
				  "  token_endpoint = \"http://169.254.169.254/metadata/identity/oauth2/token\" }\n"
				  "account \"*@y.z\" { client = a grant = managed_identity }");

	(void)state;
	assert_int_equal(s->accounts[0].grant, SETTINGS_MANAGED_IDENTITY);
	settings_free(s);
}

static void every_grant_can_be_configured(void **state)
{
	struct settings *s =
	    load("client s { provider = microsoft tenant = t client_id = i client_secret_file = /f }"
		 "client c { provider = microsoft tenant = t client_id = i client_certificate = /c client_key = /k }"
		 "client f { provider = microsoft tenant = t client_id = i federated_token_file = /f }"
		 "client m { provider = microsoft managed_identity = app-service }"
		 "client j { provider = google service_account_file = /j }"
		 "account '*@s.z' { client = s grant = client_credentials }"
		 "account a@c.z { client = c grant = client_credentials }"
		 "account a@f.z { client = f grant = client_credentials }"
		 "account a@m.z { client = m grant = managed_identity }"
		 "account '*@m.z' { client = m grant = managed_identity }"
		 "account a@j.z { client = j grant = jwt_bearer }");
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(s->accounts[i].grant, SETTINGS_CLIENT_CREDENTIALS);
	assert_string_equal(settings_grant_name(s->accounts[3].grant), "managed_identity");
	assert_string_equal(settings_grant_name(s->accounts[4].grant), "managed_identity");
	assert_string_equal(settings_grant_name(s->accounts[5].grant), "jwt_bearer");
	settings_free(s);
}

static void a_platform_is_asked_where_it_is(void **state)
{
	struct settings *s =
	    load("client v { provider = microsoft managed_identity = vm }"
		 "client a { provider = microsoft managed_identity = arc }"
		 "client s { provider = microsoft managed_identity = app-service }"
		 "client o { provider = microsoft managed_identity = vm token_endpoint = 'http://127.0.0.1:80/t' }"
		 "client j { provider = google service_account_file = /j }"
		 "client k { provider = microsoft client_id = i client_key = 'pkcs11:token=a;object=b' "
		 "client_certificate = /c client_key_passphrase_file = /p }"
		 "account a@b.c { client = v grant = managed_identity }");

	(void)state;
	assert_string_equal(s->clients[0].token_endpoint, "http://169.254.169.254/metadata/identity/oauth2/token");
	assert_string_equal(s->clients[1].token_endpoint, "http://localhost:40342/metadata/identity/oauth2/token");
	assert_null(s->clients[2].token_endpoint);
	assert_string_equal(s->clients[3].token_endpoint, "http://127.0.0.1:80/t");
	assert_null(s->clients[4].token_endpoint); /* the service account's file says */
	assert_null(s->clients[4].metadata_url);
	for (size_t i = 0; i < 4; i++)
		assert_null(s->clients[i].metadata_url);
	assert_true(settings_is_uri(s->clients[5].client_key));
	assert_false(settings_is_uri("credential:key"));
	assert_false(settings_is_uri("/etc/key"));
	settings_free(s);
}

static void transports_have_names_of_their_own(void **state)
{
	struct settings *s = load("client a { provider = microsoft tenant = t client_id = i client_secret_file = /f }"
				  "account relay@contoso.com { client = a }"
				  "account relay.contoso@com.x { client = a }"
				  "account relay-contoso@com.x { client = a }"
				  "account '*@factory.x' { client = a grant = client_credentials }"
				  "account abcdefghij.abcdefghij.abcdefghij.abcdefghij@x.y { client = a }"
				  "account other@x.y { client = a transport = mailbearer-relay-contoso-com }");

	(void)state;
	assert_string_equal(s->accounts[0].transport, "mailbearer-relay-contoso-com-2"); /* the file's own came first */
	assert_string_equal(s->accounts[1].transport, "mailbearer-relay-contoso-com-x");
	assert_string_equal(s->accounts[2].transport, "mailbearer-relay-contoso-com-x-2");
	assert_string_equal(s->accounts[3].transport, "mailbearer-factory-x");
	assert_string_equal(s->accounts[4].transport, "mailbearer-abcdefghij-abcdefghij-abcdefghij-abcdefg");
	assert_string_equal(s->accounts[5].transport, "mailbearer-relay-contoso-com");
	settings_free(s);
}

static void ten_thousand_accounts_load_quickly(void **state)
{
	static char text[4 * 1024 * 1024];
	struct timespec before, after;
	struct settings *s;
	char *p = text;
	int i;

	(void)state;
	p += sprintf(p, "client c { provider = microsoft client_id = i }\n");
	for (i = 0; i < 10000; i++)
		p += sprintf(p, "account user%d@contoso.com { client = c send_as = { a%d@contoso.com, b%d@x.y } }\n", i,
			     i, i);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	s = load(text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_int_equal(s->account_count, 10000);
	assert_string_equal(s->accounts[9999].name, "user9999@contoso.com");
	assert_int_equal(s->accounts[9999].line, 10001);
	assert_true(after.tv_sec - before.tv_sec < 4); /* quadratic work would take far more, sanitizers included */
	settings_free(s);
}

/* "SECTION TITLE { PREFIXKEY = ' ' }" of "SECTION.KEY" is loaded; the error's text tells whether the key was known. */
static const char *error_of_key(const char *name, const char *prefix)
{
	static struct err err;
	const char *dot = strchr(name, '.');
	bool title =
	    strncmp(name, "tokend.", 7) != 0 && strncmp(name, "milter.", 7) != 0 && strncmp(name, "submit.", 7) != 0;
	char text[256];

	snprintf(text, sizeof(text), "%.*s %s { %s%s = ' ' }", (int)(dot - name), name, title ? "a@b.c" : "", prefix,
		 dot + 1);
	settings_free(load_text(text, &err));
	return err.text;
}

static void the_table_of_keys_and_the_parser_agree(void **state)
{
	const char *error, *key;
	char meant[64];
	unsigned i;

	(void)state;
	for (i = 0; (key = settings_key_at(i)) != NULL; i++) {
		snprintf(meant, sizeof(meant), "did you mean %s?", strchr(key, '.') + 1);
		assert_null(strstr(error_of_key(key, ""), "no such"));
		error = error_of_key(key, "x");
		assert_non_null(strstr(error, "no such key 'x"));
		assert_non_null(strstr(error, meant));
	}
	assert_true(i > 35);
}

/* What tokend tells of its own settings, to a program that has read the file. */
static enum settings_state compare(const struct settings *ours, const struct settings *its, struct settings_told *told)
{
	struct buf text = BUF_INIT(8192);
	enum settings_state result;

	assert_int_equal(0, settings_state_tell(its, &text));
	result = settings_state_compare(ours, text.data, told);
	buf_free(&text);
	return result;
}

static void states_of_a_file_are_told_apart(void **state)
{
	struct settings *one = load("tokend { log = stderr }"), *two = load("tokend { log = syslog }");
	struct settings ours = *one, its = *one;
	struct settings_told told;

	(void)state;
	ours.path = its.path = "/etc/with a blank.conf";
	assert_int_equal(SETTINGS_IN_FORCE, compare(&ours, &its, &told));
	its.digest = two->digest;
	its.loaded_at = 1700000000;
	assert_int_equal(SETTINGS_CHANGED, compare(&ours, &its, &told));
	assert_int_equal(1700000000, told.loaded_at);
	assert_string_equal("/etc/with a blank.conf", told.path);
	its.path = "/etc/other.conf";
	assert_int_equal(SETTINGS_OF_ANOTHER_FILE, compare(&ours, &its, &told));
	assert_string_equal("/etc/other.conf", told.path);
	assert_int_equal(SETTINGS_NOT_TOLD,
			 settings_state_compare(&ours, "no map 'configuration'; there are: token", &told));
	assert_int_equal(SETTINGS_NOT_TOLD, settings_state_compare(&ours, "", &told));
	settings_free(one);
	settings_free(two);
}

static void the_shipped_example_loads(void **state)
{
	const char *source = getenv("MB_SRCDIR");
	struct settings *settings;
	struct err err = {0};
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/mailbearer.conf.example", source ? source : ".");
	if (settings_load(path, &settings, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(settings->account_count > 0);
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everything_is_read),
	    cmocka_unit_test(the_milters_gates_and_rules_are_read),
	    cmocka_unit_test(defaults_fill_the_rest),
	    cmocka_unit_test(an_empty_file_is_legal),
	    cmocka_unit_test(an_empty_list_replaces_the_default),
	    cmocka_unit_test(sections_stand_in_any_order),
	    cmocka_unit_test(windows_files_are_read),
	    cmocka_unit_test(a_section_may_be_empty),
	    cmocka_unit_test(endpoints_follow_the_provider),
	    cmocka_unit_test(managed_identity_may_use_plain_http_on_this_machine),
	    cmocka_unit_test(every_grant_can_be_configured),
	    cmocka_unit_test(a_platform_is_asked_where_it_is),
	    cmocka_unit_test(transports_have_names_of_their_own),
	    cmocka_unit_test(ten_thousand_accounts_load_quickly),
	    cmocka_unit_test(the_table_of_keys_and_the_parser_agree),
	    cmocka_unit_test(states_of_a_file_are_told_apart),
	    cmocka_unit_test(the_shipped_example_loads),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
