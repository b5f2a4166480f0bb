/* The questions' answers, right and wrong; and what mailbearer.conf(5) is to say after them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "setup/homework.h"
#include "setup/plan.h"
#include "tests/unit/conf_file.h"

#define ID "5d3c2b1a-9f8e-4d7c-8b6a-0123456789ab"
#define OTHER_ID "0d9c7b5a-1f2e-4d3c-8b6a-7f5e3d1c9b80"
#define CONTOSO                                                                                                        \
	"client \"contoso\" {\n\tprovider = \"microsoft\"\n\ttenant = \"contoso.com\"\n\tclient_id = \"" ID "\"\n}\n"
#define RELAY "account \"relay@contoso.com\" {\n\tclient = \"contoso\"\n}\n"

static const struct setup_site site = {.folder = "/etc/mailbearer", .queue = "/var/spool/postfix"};
static struct setup_answers answers;
static struct setup_plan plan;
static struct buf out;

static int clean(void **state)
{
	(void)state;
	setup_answers_free(&answers);
	setup_plan_free(&plan);
	buf_free(&out);
	return 0;
}

static void say(enum setup_id id, const char *text)
{
	assert_int_equal(setup_answer(&answers, id, text), 0);
}

static void a_mailbox(const char *mailbox, const char *client_id)
{
	clean(NULL);
	say(SETUP_MAILBOX, mailbox);
	say(SETUP_ACCESS, "user");
	say(SETUP_PROVIDER, "microsoft");
	say(SETUP_TENANT, "contoso.com");
	say(SETUP_CLOUD, "public");
	say(SETUP_CLIENT_ID, client_id);
	say(SETUP_CREDENTIAL, "none");
	say(SETUP_RELAYHOST, "[smtp.office365.com]:587");
}

static void an_application(const char *mailbox)
{
	a_mailbox(mailbox, ID);
	say(SETUP_ACCESS, "application");
	say(SETUP_CREDENTIAL, "secret");
	say(SETUP_SECRET, "");
	say(SETUP_SECRET_EXPIRES, "2027-05-01");
}

/* The text, which must be one that the settings take. */
static const char *planned(const char *before)
{
	struct buf conf = BUF_INIT(65536);
	struct settings *settings;
	struct err err;

	buf_puts(&conf, before);
	setup_plan_free(&plan);
	assert_int_equal(setup_plan(&conf, &site, &answers, &plan), 0);
	buf_free(&conf);
	settings = load_text(plan.text.data, &err);
	if (!settings)
		fail_msg("%s\n%s", err.text, plan.text.data);
	settings_free(settings);
	return plan.text.data;
}

static void ends_with(const char *text, const char *end)
{
	assert_true(strlen(text) >= strlen(end));
	assert_string_equal(text + strlen(text) - strlen(end), end);
}

static void wrong(enum setup_id id, const char *answer, const char *part)
{
	const char *problem = setup_problem(&answers, id, answer);

	assert_non_null(problem);
	assert_non_null(strstr(problem, part));
}

static void right(enum setup_id id, const char *answer)
{
	assert_null(setup_problem(&answers, id, answer));
}

/* --- answers --- */

static void addresses_tenants_and_numbers_are_proved(void **state)
{
	(void)state;
	a_mailbox("relay@contoso.com", ID);
	right(SETUP_MAILBOX, "relay@contoso.com");
	right(SETUP_MAILBOX, "*@factory.contoso.com");
	wrong(SETUP_MAILBOX, "relay", "user@domain");
	wrong(SETUP_MAILBOX, "", "is needed");
	right(SETUP_TENANT, "contoso.onmicrosoft.com");
	right(SETUP_TENANT, ID);
	right(SETUP_TENANT, "organizations");
	wrong(SETUP_TENANT, "contoso", "contoso.onmicrosoft.com");
	wrong(SETUP_TENANT, "5d3c2b1a-9f8e-4d7c-8b6a-0123456789a", "8-4-4-4-12");
	wrong(SETUP_TENANT, "contoso com.", "must be");
	right(SETUP_CLIENT_ID, ID);
	wrong(SETUP_CLIENT_ID, "contoso", "8-4-4-4-12");
	wrong(SETUP_CLIENT_ID, "00000000-0000-0000-0000-000000000000", "placeholder");
	right(SETUP_RELAYHOST, "[smtp.office365.com]:587");
	wrong(SETUP_RELAYHOST, "smtp.office365.com", "[HOST]:PORT");
	right(SETUP_SECRET_EXPIRES, "");
	wrong(SETUP_SECRET_EXPIRES, "2027-02-30", "exists");
	wrong(SETUP_METADATA_URL, "http://x", "https://");
	wrong(SETUP_LOGIN, "fax", "browser");
	wrong(SETUP_POSTFIX, "ask", "apply");
	right(SETUP_TEST_TO, "none");
	wrong(SETUP_TEST_TO, "*@contoso.com", "one address");
}

static void an_answer_must_go_with_those_before_it(void **state)
{
	(void)state;
	an_application("*@contoso.com");
	wrong(SETUP_ACCESS, "user", "application");
	wrong(SETUP_TENANT, "organizations", "own");
	wrong(SETUP_CREDENTIAL, "none", "secret or certificate");
	wrong(SETUP_PROVIDER, "yahoo", "microsoft");
	wrong(SETUP_OBJECT_ID, ID, "Enterprise");
	right(SETUP_OBJECT_ID, OTHER_ID);
	say(SETUP_PROVIDER, "google");
	wrong(SETUP_CREDENTIAL, "none", "secret");
	right(SETUP_CLIENT_ID, "123-abc.apps.googleusercontent.com");
}

static void the_id_of_a_secret_is_told_from_its_value(void **state)
{
	(void)state;
	an_application("relay@contoso.com");
	wrong(SETUP_SECRET, OTHER_ID, "Value");
	right(SETUP_SECRET, "abc~Q8.def ghi");
	wrong(SETUP_SECRET, "two\nlines", "one line");
}

static void every_question_has_an_option_of_its_own(void **state)
{
	const struct setup_question *question;

	(void)state;
	for (unsigned id = 0; (question = setup_question(id)) != NULL; id++) {
		assert_ptr_equal(setup_question_find(question->option, strlen(question->option)), question);
		assert_int_equal(setup_question_id(question), id);
		assert_non_null(question->about);
		assert_non_null(question->applies);
	}
	assert_null(setup_question_find("tenants", 7));
	assert_null(setup_question_find("tena", 4));
}

/* --- the file --- */

static void a_new_file(void **state)
{
	(void)state;
	a_mailbox("relay@contoso.com", ID);
	ends_with(planned(""), "\n\n# The app registration: what this relay is to the provider.\n" CONTOSO
			       "\n# The mailbox that mail goes through. Its state: mailbearer status\n" RELAY);
	assert_string_equal(plan.client, "contoso");
	assert_int_equal(plan.secret_file.len, 0);
}

static void again_nothing_changes(void **state)
{
	char first[8192];

	(void)state;
	a_mailbox("relay@contoso.com", ID);
	snprintf(first, sizeof first, "%s", planned("# mine\ntokend { log = \"stderr\" }\n"));
	assert_memory_equal(first, "# mine\ntokend", 13);
	assert_string_equal(planned(first), first);
	an_application("*@factory.contoso.com");
	snprintf(first, sizeof first, "%s", planned(first));
	assert_string_equal(planned(first), first);
}

static void an_application_has_a_secret_of_its_own(void **state)
{
	(void)state;
	an_application("*@factory.contoso.com");
	ends_with(planned(CONTOSO RELAY),
		  "client \"factory\" {\n\tprovider = \"microsoft\"\n\ttenant = \"contoso.com\"\n"
		  "\tclient_id = \"" ID "\"\n"
		  "\tclient_secret_file = \"/etc/mailbearer/factory.secret\"\n"
		  "\tclient_secret_expires = \"2027-05-01\"\n}\n\n"
		  "# Each mailbox of the domain, which the application may use.\n"
		  "account \"*@factory.contoso.com\" {\n\tclient = \"factory\"\n"
		  "\tgrant = \"client_credentials\"\n}\n");
	assert_string_equal(plan.secret_file.data, "/etc/mailbearer/factory.secret");
}

static void a_client_that_fits_is_used_again(void **state)
{
	(void)state;
	a_mailbox("scan@contoso.com", ID);
	planned(CONTOSO RELAY);
	assert_string_equal(plan.client, "contoso");
	a_mailbox("scan@contoso.com", OTHER_ID);
	planned(CONTOSO RELAY);
	assert_string_equal(plan.client, "contoso-2");
}

static void a_client_of_one_account_is_changed_in_its_place(void **state)
{
	(void)state;
	a_mailbox("relay@contoso.com", OTHER_ID);
	assert_string_equal(
	    planned(CONTOSO RELAY),
	    "client \"contoso\" {\n\tprovider = \"microsoft\"\n\ttenant = \"contoso.com\"\n\tclient_id = \"" OTHER_ID
	    "\"\n}\n" RELAY);
}

static void a_client_of_two_accounts_is_left_to_the_other(void **state)
{
	(void)state;
	a_mailbox("relay@contoso.com", OTHER_ID);
	planned(CONTOSO RELAY "account \"scan@contoso.com\" { client = \"contoso\" }\n");
	assert_string_equal(plan.client, "contoso-2");
	assert_non_null(strstr(plan.text.data, "account \"relay@contoso.com\" {\n\tclient = \"contoso-2\"\n}\n"));
	assert_non_null(strstr(plan.text.data, CONTOSO));
}

static void what_proved_the_client_before_goes(void **state)
{
	(void)state;
	a_mailbox("relay@contoso.com", ID);
	assert_string_equal(planned("client \"contoso\" {\n\tprovider = \"microsoft\"\n\ttenant = \"contoso.com\"\n"
				    "\tclient_id = \"" ID "\"\n\tclient_secret_file = \"/x\"\n"
				    "\tclient_secret_expires = \"2027-05-01\"\n}\n" RELAY),
			    CONTOSO RELAY);
	say(SETUP_CREDENTIAL, "certificate");
	say(SETUP_CERTIFICATE, "/c.pem");
	say(SETUP_KEY, "/k.pem");
	assert_non_null(
	    strstr(planned(CONTOSO RELAY), "\tclient_certificate = \"/c.pem\"\n\tclient_key = \"/k.pem\"\n}"));
}

static void a_secret_stays_in_the_file_that_it_has(void **state)
{
	(void)state;
	an_application("relay@contoso.com");
	planned("client \"contoso\" { client_secret_file = \"/elsewhere\" tenant = \"contoso.com\" provider = "
		"\"microsoft\" client_id = \"" ID "\" }\naccount \"relay@contoso.com\" { client = \"contoso\" }\n");
	assert_string_equal(plan.secret_file.data, "/elsewhere");
	planned("client \"contoso\" { client_secret_file = \"credential:s\" tenant = \"contoso.com\" provider = "
		"\"microsoft\" client_id = \"" ID "\" }\naccount \"relay@contoso.com\" { client = \"contoso\" }\n");
	assert_string_equal(plan.secret_file.data, "/etc/mailbearer/contoso.secret");
}

static const char *offered(const char *before, enum setup_id id)
{
	struct buf conf = BUF_INIT(65536);

	buf_puts(&conf, before);
	buf_free(&out);
	out.max = 4096;
	setup_preset(&conf, &answers, id, &out);
	buf_free(&conf);
	return out.data ? out.data : "";
}

static void what_stands_in_the_file_is_offered(void **state)
{
	(void)state;
	say(SETUP_MAILBOX, "Relay@contoso.com");
	assert_string_equal(offered(CONTOSO RELAY, SETUP_TENANT), "contoso.com");
	assert_string_equal(offered(CONTOSO RELAY, SETUP_CREDENTIAL), "none");
	assert_string_equal(offered("", SETUP_ACCESS), "user");
	assert_string_equal(offered("", SETUP_TENANT), "contoso.com");
	assert_string_equal(offered("", SETUP_PROVIDER), "microsoft");
	say(SETUP_MAILBOX, "scan@contoso.com");
	assert_string_equal(offered(CONTOSO RELAY, SETUP_CLIENT_ID), "");
	answers.asking = true;
	assert_string_equal(offered(CONTOSO RELAY, SETUP_CLIENT_ID), ID);
	say(SETUP_MAILBOX, "*@contoso.com");
	assert_string_equal(offered("", SETUP_ACCESS), "application");
	say(SETUP_ACCESS, "application");
	assert_string_equal(offered(CONTOSO RELAY, SETUP_CREDENTIAL), "secret"); /* "none" does not go with it */
	say(SETUP_MAILBOX, "me@gmail.com");
	assert_string_equal(offered("", SETUP_PROVIDER), "google");
	say(SETUP_TENANT, "agency.onmicrosoft.us");
	assert_string_equal(offered("", SETUP_CLOUD), "gcc-high");
}

/* --- the provider's side --- */

static const char *told(void)
{
	buf_free(&out);
	out.max = 65536;
	homework(&answers, &out);
	return out.data ? out.data : "";
}

static void the_steps_hold_this_installation_s_values(void **state)
{
	(void)state;
	a_mailbox("relay@contoso.com", ID);
	assert_non_null(
	    strstr(told(), "Set-CASMailbox -Identity relay@contoso.com -SmtpClientAuthenticationDisabled $false\n"));
	assert_non_null(strstr(told(), "http://localhost"));
	assert_null(strstr(told(), "New-ServicePrincipal"));
	an_application("relay@contoso.com");
	say(SETUP_OBJECT_ID, OTHER_ID);
	assert_non_null(strstr(told(), "New-ServicePrincipal -AppId " ID " -ObjectId " OTHER_ID " "));
	assert_non_null(
	    strstr(told(), "Add-MailboxPermission -Identity relay@contoso.com -User " OTHER_ID " -AccessRights "));
	assert_non_null(strstr(told(), "'Application SMTP.SendAsApp' -App " ID " "));
	assert_null(strstr(told(), "<object id>"));
	say(SETUP_MAILBOX, "o'neil@contoso.com");
	assert_non_null(strstr(told(), "-Identity 'o''neil@contoso.com' "));
	say(SETUP_CLOUD, "gcc-high");
	assert_non_null(strstr(told(), "-ExchangeEnvironmentName O365USGovGCCHigh\n"));
	say(SETUP_PROVIDER, "yahoo");
	assert_string_equal(told(), "");
}

/* --- the milter --- */

#define LISTEN "\tlisten = \"unix:/var/spool/postfix/run/mailbearer-milter/milter.sock\"\n"

static void a_milter_is_offered_to_a_person_and_as_it_is(void **state)
{
	(void)state;
	a_mailbox("relay@contoso.com", ID);
	assert_string_equal(offered("", SETUP_MILTER), "off");
	answers.asking = true;
	assert_string_equal(offered("", SETUP_MILTER), "rewrite");
	assert_string_equal(offered("", SETUP_DEFAULT_ACCOUNT), "relay@contoso.com");
	assert_string_equal(offered(CONTOSO RELAY, SETUP_MILTER), "off");
	assert_string_equal(offered(CONTOSO RELAY "milter { }\n", SETUP_MILTER), "rewrite");
	assert_string_equal(offered(CONTOSO RELAY "milter { }\n", SETUP_DEFAULT_ACCOUNT), "none");
	assert_string_equal(offered(CONTOSO RELAY
				    "milter { mode = \"monitor\" default_account = \"scan@contoso.com\" }\n",
				    SETUP_MILTER),
			    "monitor");
	assert_string_equal(offered(CONTOSO RELAY
				    "milter { mode = \"monitor\" default_account = \"scan@contoso.com\" }\n",
				    SETUP_DEFAULT_ACCOUNT),
			    "scan@contoso.com");
	say(SETUP_POSTFIX, "no");
	assert_string_equal(offered("", SETUP_MILTER), "off");
	an_application("*@factory.contoso.com");
	answers.asking = true;
	assert_string_equal(offered("", SETUP_MILTER), "off");
	say(SETUP_MILTER, "rewrite");
	assert_string_equal(offered("", SETUP_DEFAULT_ACCOUNT), "none");
}

static void an_account_that_is_the_default_is_there(void **state)
{
	struct buf text = BUF_INIT(65536);

	(void)state;
	a_mailbox("relay@contoso.com", ID);
	buf_puts(&text, CONTOSO "account \"scan@contoso.com\" { client = \"contoso\" }\n");
	wrong(SETUP_MILTER, "on", "off, monitor, rewrite or reject");
	right(SETUP_DEFAULT_ACCOUNT, "none");
	wrong(SETUP_DEFAULT_ACCOUNT, "relay", "domain");
	assert_null(setup_problem_here(&text, &answers, SETUP_DEFAULT_ACCOUNT, "none"));
	assert_null(setup_problem_here(&text, &answers, SETUP_DEFAULT_ACCOUNT, "Relay@contoso.com"));
	assert_null(setup_problem_here(&text, &answers, SETUP_DEFAULT_ACCOUNT, "scan@contoso.com"));
	assert_non_null(setup_problem_here(&text, &answers, SETUP_DEFAULT_ACCOUNT, "other@contoso.com"));
	assert_non_null(setup_problem_here(&text, &answers, SETUP_TENANT, "contoso"));
	buf_free(&text);
}

static void a_milter_is_written_changed_and_turned_off(void **state)
{
	char first[8192];

	(void)state;
	a_mailbox("relay@contoso.com", ID);
	say(SETUP_MILTER, "off");
	assert_null(strstr(planned(""), "milter"));
	say(SETUP_MILTER, "rewrite");
	say(SETUP_DEFAULT_ACCOUNT, "relay@contoso.com");
	ends_with(planned(""),
		  RELAY "\n# Mail whose sender no account has. See mailbearer-milter(8).\nmilter {\n" LISTEN
			"\tmode = \"rewrite\"\n\tdefault_account = \"relay@contoso.com\"\n}\n");
	snprintf(first, sizeof first, "%s", plan.text.data);
	assert_string_equal(planned(first), first);
	say(SETUP_MILTER, "reject");
	say(SETUP_DEFAULT_ACCOUNT, "none");
	ends_with(planned(first), "milter {\n" LISTEN "\tmode = \"reject\"\n}\n");
	say(SETUP_MILTER, "off");
	ends_with(planned(first), "\tmode = \"off\"\n}\n");
}

static void a_milter_that_is_there_keeps_what_is_not_asked_about(void **state)
{
	static const char mine[] = "milter { listen = \"inet:8891@127.0.0.1\" max_recipients = 50 }\n";

	(void)state;
	a_mailbox("relay@contoso.com", ID);
	say(SETUP_MILTER, "rewrite");
	say(SETUP_DEFAULT_ACCOUNT, "none");
	assert_non_null(strstr(planned(mine), mine));
	say(SETUP_MILTER, "monitor");
	assert_non_null(strstr(planned(mine),
			       "milter { listen = \"inet:8891@127.0.0.1\" max_recipients = 50 mode = \"monitor\" }\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(addresses_tenants_and_numbers_are_proved, clean),
	    cmocka_unit_test_teardown(an_answer_must_go_with_those_before_it, clean),
	    cmocka_unit_test_teardown(the_id_of_a_secret_is_told_from_its_value, clean),
	    cmocka_unit_test_teardown(every_question_has_an_option_of_its_own, clean),
	    cmocka_unit_test_teardown(a_new_file, clean),
	    cmocka_unit_test_teardown(a_milter_is_offered_to_a_person_and_as_it_is, clean),
	    cmocka_unit_test_teardown(an_account_that_is_the_default_is_there, clean),
	    cmocka_unit_test_teardown(a_milter_is_written_changed_and_turned_off, clean),
	    cmocka_unit_test_teardown(a_milter_that_is_there_keeps_what_is_not_asked_about, clean),
	    cmocka_unit_test_teardown(again_nothing_changes, clean),
	    cmocka_unit_test_teardown(an_application_has_a_secret_of_its_own, clean),
	    cmocka_unit_test_teardown(a_client_that_fits_is_used_again, clean),
	    cmocka_unit_test_teardown(a_client_of_one_account_is_changed_in_its_place, clean),
	    cmocka_unit_test_teardown(a_client_of_two_accounts_is_left_to_the_other, clean),
	    cmocka_unit_test_teardown(what_proved_the_client_before_goes, clean),
	    cmocka_unit_test_teardown(a_secret_stays_in_the_file_that_it_has, clean),
	    cmocka_unit_test_teardown(what_stands_in_the_file_is_offered, clean),
	    cmocka_unit_test_teardown(the_steps_hold_this_installation_s_values, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
