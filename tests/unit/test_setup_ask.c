/*
 * The conversation: what a person is asked, what options and the configuration answer, and what the provider says of
 * the tenant. fetch() and the doors are the test's own: the person's answers, the provider's documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/jsondoc.h"
#include "setup/ask.h"
#include "setup/fetch.h"

#define ID "5d3c2b1a-9f8e-4d7c-8b6a-0123456789ab"
#define TENANT_ID "8a1c5d2e-6b7f-4c3a-9d10-2f4e6a8b0c1d"
#define DOCUMENT(host, instance)                                                                                       \
	"{\"issuer\": \"https://" host "/" TENANT_ID "/v2.0\", \"token_endpoint\": \"https://" host                    \
	"/t\", \"cloud_instance_name\": \"" instance "\"}"
#define PUBLIC DOCUMENT("login.microsoftonline.com", "microsoftonline.com")
#define NO_TENANT "{\"error\": \"invalid_tenant\", \"error_description\": \"AADSTS90002: Tenant not found.\"}"

/* What the provider has to say, by a part of the address; the last has none. */
static struct {
	const char *part;
	int status;
	const char *body;
} documents[4];
static char fetched[1024];

/* What the person says, what is asked in turn, and what is told. */
static const char *typed[20];
static unsigned next_typed;
static char asked[4096], told[8192];
static struct setup_answers answers;
static struct err err;

int fetch(const struct fetch *request, struct buf *body, struct err *fetch_err)
{
	snprintf(fetched + strlen(fetched), sizeof fetched - strlen(fetched), "%s\n", request->url);
	for (unsigned i = 0; i < 4 && documents[i].body; i++) {
		if (!strstr(request->url, documents[i].part))
			continue;
		buf_puts(body, documents[i].body);
		return documents[i].status;
	}
	err_set(fetch_err, ERR_UNREACHABLE, "no network");
	return 0;
}

static int ask_person(void *arg, const char *prompt, const char *preset, struct buf *out, struct err *ask_err)
{
	(void)arg;
	snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%s [%s]\n", prompt, preset);
	if (!typed[next_typed])
		return err_set(ask_err, ERR_DENIED, "no answer");
	return buf_puts(out, typed[next_typed++]);
}

static int ask_secret(void *arg, const char *prompt, const char *file, struct buf *out, struct err *ask_err)
{
	return ask_person(arg, prompt, file ? file : "", out, ask_err);
}

static int say(void *arg, const struct buf *text, struct err *say_err)
{
	(void)arg;
	(void)say_err;
	snprintf(told + strlen(told), sizeof told - strlen(told), "%s", text->data);
	return 0;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	snprintf(told + strlen(told), sizeof told - strlen(told), "warning: %s\n", text);
}

static int talk(const char *before)
{
	const struct setup_doors doors = {.ask = ask_person, .ask_secret = ask_secret, .say = say, .warn = warn};
	struct buf conf = BUF_INIT(65536);
	int result;

	buf_puts(&conf, before);
	err = (struct err){.code = ERR_NONE};
	result = setup_ask(&doors, &conf, &answers, &err);
	buf_free(&conf);
	return result;
}

static int clean(void **state)
{
	(void)state;
	setup_answers_free(&answers);
	memset(documents, 0, sizeof documents);
	memset(typed, 0, sizeof typed);
	next_typed = 0;
	fetched[0] = asked[0] = told[0] = '\0';
	return 0;
}

static void option(enum setup_id id, const char *text)
{
	assert_int_equal(setup_answer(&answers, id, text), 0);
}

static void document(unsigned i, const char *part, int status, const char *body)
{
	documents[i].part = part;
	documents[i].status = status;
	documents[i].body = body;
}

static void answered(enum setup_id id, const char *text)
{
	assert_string_equal(setup_text(&answers, id), text);
}

static void options_for_a_mailbox(void)
{
	option(SETUP_MAILBOX, "relay@contoso.com");
	option(SETUP_CLIENT_ID, ID);
	option(SETUP_LOGIN, "later");
	option(SETUP_TENANT, "contoso.onmicrosoft.com");
}

static void person(const char *const lines[])
{
	answers.asking = true;
	for (unsigned i = 0; lines[i]; i++)
		typed[i] = lines[i];
}

/* --- nobody is asked --- */

static void options_and_presets_are_enough(void **state)
{
	(void)state;
	document(0, "contoso.onmicrosoft.com", 200, PUBLIC);
	options_for_a_mailbox();
	assert_int_equal(talk(""), 0);
	assert_string_equal(asked, "");
	assert_string_equal(
	    fetched,
	    "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration\n");
	answered(SETUP_ACCESS, "user");
	answered(SETUP_CREDENTIAL, "none");
	answered(SETUP_CLOUD, "public");
	answered(SETUP_POSTFIX, "apply");
	answered(SETUP_TEST_TO, "none");
}

static void refused(const char *text)
{
	assert_int_equal(talk(""), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	if (!strstr(err.text, text))
		fail_msg("%s", err.text);
	assert_string_equal(asked, "");
}

static void what_is_missing_is_named_by_its_option(void **state)
{
	static const enum setup_id needed[] = {SETUP_MAILBOX, SETUP_CLIENT_ID, SETUP_LOGIN};
	static const char *const texts[] = {"--mailbox is missing", "--client-id is missing", "--login is missing"};

	for (unsigned i = 0; i < 3; i++) {
		clean(state);
		document(0, "contoso", 200, PUBLIC);
		for (unsigned j = 0; j < 3; j++)
			if (i != j)
				option(needed[j], j == 0 ? "relay@contoso.com" : j == 1 ? ID : "later");
		refused(texts[i]);
	}
	clean(state);
	document(0, "contoso", 200, PUBLIC);
	options_for_a_mailbox();
	option(SETUP_CREDENTIAL, "secret");
	refused("--client-secret-file is missing");
}

static void what_is_wrong_is_named_by_its_option(void **state)
{
	(void)state;
	document(0, "contoso", 200, PUBLIC);
	options_for_a_mailbox();
	option(SETUP_CLIENT_ID, "contoso");
	refused("--client-id must be");
	option(SETUP_CLIENT_ID, ID);
	option(SETUP_KEY, "/key");
	refused("--client-key does not go with the other answers");
}

static void the_file_answers_as_well(void **state)
{
	(void)state;
	document(0, "contoso", 200, PUBLIC);
	option(SETUP_MAILBOX, "relay@contoso.com");
	option(SETUP_LOGIN, "later");
	assert_int_equal(talk("client \"c\" { provider = \"microsoft\" tenant = \"contoso.com\" client_id = \"" ID
			      "\" client_secret_file = \"/s\" }\naccount \"relay@contoso.com\" { client = \"c\" }\n"),
			 0);
	answered(SETUP_TENANT, "contoso.com");
	answered(SETUP_CREDENTIAL, "secret");
	assert_null(answers.secret); /* it stays as it is */
}

/* --- what the provider says --- */

static void an_unknown_tenant(void **state)
{
	(void)state;
	document(0, "login.", 400, NO_TENANT);
	options_for_a_mailbox();
	refused("--tenant: Microsoft's cloud public has no tenant contoso.onmicrosoft.com");
	assert_non_null(strstr(fetched, "login.microsoftonline.us"));
	assert_non_null(strstr(fetched, "login.partner.microsoftonline.cn"));
}

static void a_tenant_of_another_cloud_is_found_there(void **state)
{
	(void)state;
	document(0, "microsoftonline.com", 400, NO_TENANT);
	document(1, "microsoftonline.cn", 200,
		 DOCUMENT("login.partner.microsoftonline.cn", "partner.microsoftonline.cn"));
	options_for_a_mailbox();
	refused("give --cloud china");
}

static void a_document_that_names_another_cloud(void **state)
{
	(void)state;
	document(0, "contoso", 200, DOCUMENT("login.microsoftonline.com", "microsoftonline.us"));
	options_for_a_mailbox();
	refused("give --cloud gcc-high");
	option(SETUP_CLOUD, "gcc-high");
	assert_int_equal(talk(""), 0);
}

static void without_a_network_there_is_a_warning(void **state)
{
	(void)state;
	options_for_a_mailbox();
	assert_int_equal(talk(""), 0);
	assert_string_equal(told, "warning: The tenant cannot be checked now: no network\n");
}

static void what_is_no_document_is_told(void **state)
{
	(void)state;
	document(0, "contoso", 200, "<html>Sign in to the network</html>");
	options_for_a_mailbox();
	assert_int_equal(talk(""), 0);
	assert_non_null(strstr(told, "warning: The tenant cannot be checked now: "));
	document(0, "contoso", 200, "{}");
	assert_int_equal(talk(""), 0);
	assert_non_null(strstr(told, "no OpenID Connect metadata document"));
	document(0, "contoso", 503, "");
	assert_int_equal(talk(""), 0);
	assert_non_null(strstr(told, "HTTP 503"));
}

/* --- a person is asked --- */

static void a_person_is_asked_once_for_each(void **state)
{
	(void)state;
	document(0, "contoso.com", 200, PUBLIC);
	person((const char *const[]){"relay@contoso.com", "", "", "", ID, "", "", "", "", NULL});
	assert_int_equal(talk(""), 0);
	assert_string_equal(asked, "Mailbox that mail is to go through []\n"
				   "Access as user or application [user]\n"
				   "Provider (microsoft, outlook, google, ..., generic) [microsoft]\n"
				   "Tenant: a domain of the organisation, or its tenant ID [contoso.com]\n"
				   "Application (client) ID of the app registration []\n"
				   "The client has a secret, a certificate or none [none]\n"
				   "Senders that are no mailbox: rewrite, reject, monitor or off [rewrite]\n"
				   "Account that such senders get (or: none) [relay@contoso.com]\n"
				   "Send a test message to (or: none) [relay@contoso.com]\n");
	assert_int_equal(0, strncmp(told, "  Found: tenant ID " TENANT_ID ", in Microsoft's cloud public.\n", 70));
	assert_non_null(strstr(told, "scanner@printer.local"));
	answered(SETUP_MILTER, "rewrite");
	answered(SETUP_DEFAULT_ACCOUNT, "relay@contoso.com");
	answered(SETUP_LOGIN, "auto");
	answered(SETUP_POSTFIX, "ask");
}

static void a_wrong_answer_is_asked_for_again(void **state)
{
	(void)state;
	document(0, "contoso.com", 200, PUBLIC);
	document(1, "", 400, NO_TENANT);
	person((const char *const[]){"relay", "relay@contoso.com", "", "", "kontoso.com", "contoso.com", "id", ID, "",
				     "off", "none", NULL});
	assert_int_equal(talk(""), 0);
	assert_non_null(strstr(told, "  That must be an address, user@domain, or *@domain.\n"));
	assert_non_null(strstr(told, "  Microsoft's cloud public has no tenant kontoso.com\n"));
	assert_non_null(strstr(told, "  That must be the Application (client) ID"));
	for (const char *line = told; *line != '\0'; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 1, 80);
	answered(SETUP_TENANT, "contoso.com");
}

static void the_default_account_is_one_that_there_is(void **state)
{
	(void)state;
	document(0, "contoso.com", 200, PUBLIC);
	person((const char *const[]){"relay@contoso.com", "", "", "", ID, "", "on", "monitor", "other@contoso.com",
				     "relay@contoso.com", "none", NULL});
	assert_int_equal(talk(""), 0);
	assert_non_null(strstr(told, "  That must be off, monitor, rewrite or reject.\n"));
	assert_non_null(strstr(told, "  That must be an account of its own"));
	answered(SETUP_MILTER, "monitor");
	answered(SETUP_DEFAULT_ACCOUNT, "relay@contoso.com");
}

static void the_other_cloud_is_taken(void **state)
{
	(void)state;
	document(0, "microsoftonline.com", 400, NO_TENANT);
	document(1, "microsoftonline.us", 200, DOCUMENT("login.microsoftonline.us", "microsoftonline.us"));
	person((const char *const[]){"relay@contoso.com", "", "", "", ID, "", "off", "none", NULL});
	assert_int_equal(talk(""), 0);
	answered(SETUP_CLOUD, "gcc-high");
	answered(SETUP_RELAYHOST, "[outlook.office365.us]:587");
}

static void the_metadata_document_may_be_pasted_for_the_tenant(void **state)
{
	static const char url[] =
	    "https://login.microsoftonline.com/" TENANT_ID "/v2.0/.well-known/openid-configuration";

	(void)state;
	document(0, TENANT_ID, 200, PUBLIC);
	person((const char *const[]){"relay@contoso.com", "", "", url, ID, "", "off", "none", NULL});
	assert_int_equal(talk(""), 0);
	answered(SETUP_METADATA_URL, url);
	answered(SETUP_TENANT, "");
}

static void one_can_go_on_without_a_network(void **state)
{
	(void)state;
	person((const char *const[]){"relay@contoso.com", "", "", "contoso.com", "no", "contoso.net", "yes", ID, "",
				     "off", "none", NULL});
	assert_int_equal(talk(""), 0);
	answered(SETUP_TENANT, "contoso.net");
	assert_non_null(strstr(asked, "Go on without this check [yes]\n"));
}

static void a_secret_is_taken_and_its_id_is_not(void **state)
{
	(void)state;
	document(0, "contoso.com", 200, PUBLIC);
	person((const char *const[]){"*@contoso.com", "", "", "", ID, "", TENANT_ID, "MARKER value", "", "", "", "",
				     NULL});
	assert_int_equal(talk(""), 0);
	assert_non_null(answers.secret);
	assert_int_equal(secret_len(answers.secret), strlen("MARKER value"));
	assert_non_null(strstr(told, "is the Secret ID"));
	assert_null(strstr(told, "MARKER"));
	answered(SETUP_TEST_TO, "none");
}

static void whoever_says_nothing_more_ends_it(void **state)
{
	(void)state;
	person((const char *const[]){"relay@contoso.com", NULL});
	assert_int_equal(talk(""), -1);
	assert_string_equal(err.text, "no answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(options_and_presets_are_enough, clean),
	    cmocka_unit_test_teardown(what_is_missing_is_named_by_its_option, clean),
	    cmocka_unit_test_teardown(what_is_wrong_is_named_by_its_option, clean),
	    cmocka_unit_test_teardown(the_file_answers_as_well, clean),
	    cmocka_unit_test_teardown(an_unknown_tenant, clean),
	    cmocka_unit_test_teardown(a_tenant_of_another_cloud_is_found_there, clean),
	    cmocka_unit_test_teardown(a_document_that_names_another_cloud, clean),
	    cmocka_unit_test_teardown(without_a_network_there_is_a_warning, clean),
	    cmocka_unit_test_teardown(what_is_no_document_is_told, clean),
	    cmocka_unit_test_teardown(a_person_is_asked_once_for_each, clean),
	    cmocka_unit_test_teardown(a_wrong_answer_is_asked_for_again, clean),
	    cmocka_unit_test_teardown(the_default_account_is_one_that_there_is, clean),
	    cmocka_unit_test_teardown(the_other_cloud_is_taken, clean),
	    cmocka_unit_test_teardown(the_metadata_document_may_be_pasted_for_the_tenant, clean),
	    cmocka_unit_test_teardown(one_can_go_on_without_a_network, clean),
	    cmocka_unit_test_teardown(a_secret_is_taken_and_its_id_is_not, clean),
	    cmocka_unit_test_teardown(whoever_says_nothing_more_ends_it, clean),
	};

	jsondoc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
