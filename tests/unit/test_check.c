/* The pure judgements of mailbearer check: claims, and what libsasl2 finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "check/claims.h"
#include "check/plugins.h"
#include "check/refused.h"
#include "check/values.h"
#include "tests/unit/conf_file.h"

#define TENANT "8a1c5d2e-6b7f-4c3a-9d10-2f4e6a8b0c1d"
#define CLIENT(more)                                                                                                   \
	"client \"c\" { provider = \"microsoft\" tenant = \"" TENANT "\" client_id = \"f3a1c9d2-5b7e-4c60-9a8d-"       \
	"2e4b6f801357\" " more " }\n"
#define NOW 1700000000

static struct finding finding;

static int begin(void **state)
{
	(void)state;
	finding = FINDING_INIT;
	return 0;
}

static int end(void **state)
{
	(void)state;
	finding_free(&finding);
	return 0;
}

/* --- claims --- */

static void judge(const char *conf, const char *text)
{
	struct err err;
	struct settings *settings = load_text(conf, &err);
	json_t *claims = text != NULL ? json_loads(text, 0, NULL) : NULL;
	struct claims_wish wish = {.mailbox = "relay@contoso.com", .program = "mailbearer", .now = NOW};

	if (settings == NULL)
		fail_msg("%s", err.text);
	wish.account = &settings->accounts[0];
	claims_judge(claims, &wish, &finding);
	json_decref(claims);
	settings_free(settings);
}

static void judge_user(const char *text)
{
	judge(CLIENT("") "account \"relay@contoso.com\" { client = \"c\" }\n", text);
}

static void judge_app(const char *text)
{
	judge(CLIENT("client_secret_file = \"/s\"") "account \"relay@contoso.com\" { client = \"c\" grant = "
						    "\"client_credentials\" }\n",
	      text);
}

#define GOOD                                                                                                           \
	"\"aud\":\"https://outlook.office.com\",\"scp\":\"SMTP.Send\",\"upn\":\"Relay@contoso.com\",\"tid\":\"" TENANT \
	"\",\"nbf\":1699999999,\"exp\":1700003600"

static void a_token_that_is_right_or_opaque_passes(void **state)
{
	(void)state;
	judge_user("{" GOOD "}");
	assert_int_equal(finding.mark, FINDING_OK);
	assert_non_null(strstr(finding.text, "for https://outlook.office.com, of tenant " TENANT));
	judge_user("{}");
	assert_int_equal(finding.mark, FINDING_OK);
	judge_user(NULL);
	assert_int_equal(finding.mark, FINDING_OK);
	assert_non_null(strstr(finding.text, "opaque"));
}

static void expect_warning(const char *words, const char *line)
{
	assert_int_equal(finding.mark, FINDING_WARNING);
	if (strstr(finding.text, words) == NULL)
		fail_msg("%s", finding.text);
	assert_non_null(finding.lines.data);
	if (strstr(finding.lines.data, line) == NULL)
		fail_msg("%s", finding.lines.data);
}

static void a_token_of_graph(void **state)
{
	(void)state;
	judge_user("{\"aud\":\"https://graph.microsoft.com\",\"scp\":\"SMTP.Send\"}");
	expect_warning("not for Exchange Online", "scope = \"https://outlook.office.com/SMTP.Send offline_access\"\n");
	judge_app("{\"aud\":\"00000003-0000-0000-c000-000000000000\"}");
	expect_warning("not for Exchange Online", "scope = \"https://outlook.office365.com/.default\"\n");
	judge_app("{\"aud\":\"00000002-0000-0ff1-ce00-000000000000\",\"roles\":[\"SMTP.SendAsApp\"]}");
	assert_int_equal(finding.mark, FINDING_OK);
}

static void a_token_without_the_permission(void **state)
{
	(void)state;
	judge_user("{\"aud\":\"https://outlook.office.com\",\"scp\":\"IMAP.AccessAsUser.All SMTP.SendX\"}");
	expect_warning("without SMTP.Send", "mailbearer consent-url c\nmailbearer login relay@contoso.com\n");
	judge_user("{\"aud\":\"https://outlook.office.com\",\"scp\":\"IMAP.AccessAsUser.All smtp.send\"}");
	assert_int_equal(finding.mark, FINDING_OK);
	/* With RBAC for Applications there is no role, and it is right. */
	judge_app("{\"aud\":\"https://outlook.office365.com\",\"roles\":[\"Mail.Read\"]}");
	assert_int_equal(finding.mark, FINDING_OK);
	assert_non_null(strstr(finding.text, "RBAC"));
}

static void a_token_of_somebody_else(void **state)
{
	(void)state;
	judge_user("{\"aud\":\"https://outlook.office.com\",\"scp\":\"SMTP.Send\",\"upn\":\"admin@contoso.com\"}");
	expect_warning("it is admin@contoso.com's", "mailbearer login relay@contoso.com\n");
	judge_user("{\"tid\":\"00000000-6b7f-4c3a-9d10-2f4e6a8b0c1d\"}");
	expect_warning("of tenant 00000000", "tenant = \"00000000-6b7f-4c3a-9d10-2f4e6a8b0c1d\"\n");
}

static void a_token_of_another_time(void **state)
{
	(void)state;
	judge_user("{\"nbf\":1700000300}");
	expect_warning("clock is slow", "timedatectl");
	judge_user("{\"exp\":1700000059}");
	expect_warning("sooner than tokend believes", "timedatectl");
	judge_user("{\"exp\":1700000060}");
	assert_int_equal(finding.mark, FINDING_OK);
}

/* --- plugins --- */

struct line {
	enum plugins_line kind;
	const char *text, *plugin;
};

static void judge_lines(const struct line *lines, size_t count)
{
	struct buf text = BUF_INIT(4096);

	for (size_t i = 0; i < count; i++)
		plugins_put(&text, lines[i].kind, lines[i].text, lines[i].plugin);
	plugins_judge(text.data != NULL ? text.data : "", "/nowhere", &finding);
	buf_free(&text);
}

#define JUDGE(...)                                                                                                     \
	do {                                                                                                           \
		const struct line lines_[] = {__VA_ARGS__};                                                            \
		judge_lines(lines_, sizeof lines_ / sizeof lines_[0]);                                                 \
	} while (0)

#define PLAIN                                                                                                          \
	{PLUGINS_FILE, "/p/libplain.so", ""},                                                                          \
	{                                                                                                              \
		PLUGINS_MECH, "PLAIN", "plain"                                                                         \
	}
#define OURS                                                                                                           \
	{PLUGINS_FILE, "/p/libmailbearer.so", ""},                                                                     \
	{                                                                                                              \
		PLUGINS_MECH, "XOAUTH2", "mailbearer"                                                                  \
	}

static void the_folder_is_the_one_that_libsasl2_scans(void **state)
{
	(void)state;
	JUDGE(PLAIN, OURS);
	assert_int_equal(finding.mark, FINDING_OK);
	assert_non_null(strstr(finding.text, "/p/libmailbearer.so"));
	JUDGE(PLAIN);
	assert_int_equal(finding.mark, FINDING_FAILED);
	assert_non_null(strstr(finding.text, "not in /p,"));
	plugins_judge("", "/nowhere", &finding);
	assert_non_null(strstr(finding.text, "not in /nowhere,"));
}

static void a_plugin_that_is_not_taken(void **state)
{
	(void)state;
	JUDGE(PLAIN, {PLUGINS_FILE, "/p/libmailbearer.so", ""},
	      {PLUGINS_LOG, "unable to dlopen /p/libmailbearer.so: file too short", ""});
	assert_int_equal(finding.mark, FINDING_FAILED);
	assert_non_null(strstr(finding.text, "file too short"));
}

static void two_plugins_for_one_mechanism(void **state)
{
	(void)state;
	JUDGE(OURS, {PLUGINS_FILE, "/p/libsasl-xoauth2.so", ""}, {PLUGINS_MECH, "XOAUTH2", "sasl-xoauth2"});
	assert_int_equal(finding.mark, FINDING_FAILED);
	assert_non_null(strstr(finding.text, "\"sasl-xoauth2\" in /p brings XOAUTH2 too"));
}

static void no_libsasl2_at_all(void **state)
{
	(void)state;
	JUDGE({PLUGINS_NO_LIBRARY, "libsasl2.so.2: cannot open\nshared object file", ""});
	assert_int_equal(finding.mark, FINDING_FAILED);
	assert_non_null(strstr(finding.text, "cannot open shared object file"));
}

/* --- values of Postfix's --- */

static void a_filter_passes_the_token_and_no_password(void **state)
{
	static const char *const good[] = {"xoauth2", "xoauth2, oauthbearer", "XOAUTH2", "oauthbearer"};
	static const char *const bad[] = {
	    "", " ", "plain", "xoauth2,plain", "!xoauth2 static:all", "gssapi", "LOGIN xoauth2"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_null(values_mechanism(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(values_mechanism(bad[i]));
}

static void options_that_forbid_a_bearer_token(void **state)
{
	(void)state;
	assert_null(values_security("noanonymous"));
	assert_null(values_security(""));
	assert_null(values_security(NULL));
	assert_non_null(values_security("noplaintext, noanonymous"));
	assert_non_null(values_security("noanonymous,mutual_auth"));
}

static void levels_that_verify(void **state)
{
	static const char *const good[] = {"secure", "verify", "fingerprint", "dane-only"};
	static const char *const bad[] = {"", "none", "may", "encrypt", "dane", "half-dane", "secur"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_null(values_tls_level(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_non_null(values_tls_level(bad[i]));
	assert_non_null(values_tls_level(NULL));
}

static void other_values(void **state)
{
	(void)state;
	assert_null(values_login_is_on("yes"));
	assert_non_null(values_login_is_on("no"));
	assert_non_null(values_login_is_on(NULL));
	assert_null(values_soft_bounce("yes"));
	assert_null(values_soft_bounce(NULL));
	assert_non_null(values_soft_bounce("no"));
	assert_null(values_auth_cache(""));
	assert_null(values_auth_cache(NULL));
	assert_non_null(values_auth_cache("btree:/x"));
	assert_null(values_concurrency("1"));
	assert_null(values_concurrency("3"));
	assert_non_null(values_concurrency("4"));
	assert_non_null(values_concurrency("0"));
	assert_non_null(values_concurrency("-"));
}

static void versions_with_the_wrong_header(void **state)
{
	static const int bad[][3] = {{2, 11, 9}, {3, 4, 29}, {3, 5, 24}, {3, 6, 14}, {3, 7, 10}, {3, 8, 5}};
	static const int good[][3] = {{3, 5, 25}, {3, 6, 15}, {3, 7, 11}, {3, 8, 6}, {3, 9, 0}, {3, 10, 1}, {4, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_true(values_wrong_header(bad[i][0], bad[i][1], bad[i][2]));
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_false(values_wrong_header(good[i][0], good[i][1], good[i][2]));
}

/* --- the table --- */

static void steps_have_names_of_their_own(void **state)
{
	const char *name, *other;

	(void)state;
	for (unsigned i = 0; (name = check_step_at(i)) != NULL; i++) {
		assert_in_range(strlen(name), 2, 11);
		for (unsigned j = 0; j < i && (other = check_step_at(j)) != NULL; j++)
			assert_string_not_equal(name, other);
	}
}

/* --- a login that was refused --- */

static void refuse(const char *conf, const char *claims, bool fit)
{
	struct err err;
	struct settings *settings = load_text(conf, &err);
	json_t *object = claims != NULL ? json_loads(claims, 0, NULL) : NULL;
	struct refused_login login = {.mailbox = "relay@contoso.com", .program = "mailbearer", .claims_fit = fit};

	if (settings == NULL)
		fail_msg("%s", err.text);
	login.account = &settings->accounts[0];
	login.claims = object;
	finding_set(&finding, FINDING_FAILED, "535 5.7.3 Authentication unsuccessful");
	refused_advise(&login, &finding);
	buf_puts(&finding.lines, "");
	json_decref(object);
	settings_free(settings);
}

static void an_application_that_is_refused_needs_rights_in_exchange(void **state)
{
	static const char conf[] =
	    CLIENT("client_secret_file = \"/x\"") "account \"relay@contoso.com\" { client = \"c\" "
						  "grant = \"client_credentials\" }\n";

	(void)state;
	refuse(conf, "{\"oid\": \"0d9c7b5a\", \"appid\": \"f3a1c9d2\"}", true);
	assert_non_null(strstr(finding.lines.data, "New-ServicePrincipal -AppId f3a1c9d2 -ObjectId 0d9c7b5a "));
	assert_non_null(
	    strstr(finding.lines.data, "Add-MailboxPermission -Identity relay@contoso.com -User 0d9c7b5a "));
	assert_non_null(strstr(finding.lines.data, "Set-CASMailbox -Identity relay@contoso.com "));
	refuse(conf, NULL, true);
	assert_non_null(strstr(finding.lines.data, "-AppId f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357 -ObjectId <object id"));
}

static void a_token_that_does_not_fit_comes_first(void **state)
{
	(void)state;
	refuse(CLIENT("") "account \"relay@contoso.com\" { client = \"c\" }\n", "{}", false);
	assert_non_null(strstr(finding.advice, "below claims"));
	assert_string_equal(finding.lines.data, "");
}

static void other_providers_have_no_powershell(void **state)
{
	(void)state;
	refuse("client \"c\" { provider = \"google\" client_secret_file = \"/x\" client_id = "
	       "\"1-a.apps.googleusercontent.com\" }\n"
	       "account \"relay@contoso.com\" { client = \"c\" }\n",
	       NULL, true);
	assert_string_equal(finding.lines.data, "mailbearer login relay@contoso.com\n");
}

/* Nothing that is printed below a step may send one back to where one is. */
static void what_leads_back_is_seen(void **state)
{
	struct explain_cause cause;
	unsigned back = 0;

	(void)state;
	for (unsigned i = 0; explain_at(i, &cause); i++) {
		const char *steps = cause.advice->steps;

		assert_null(strstr(cause.advice->remedy, "mailbearer check "));
		for (; steps != NULL && *steps != '\0'; steps = strchr(steps, '\n') + 1)
			back += finding_is_this_check(steps);
	}
	assert_true(back > 3);
	assert_true(finding_is_this_check("mailbearer check a@b.example\n"));
	assert_true(finding_is_this_check("mailbearer check\nmore\n"));
	assert_false(finding_is_this_check("mailbearer check-config\n"));
	finding_explain(&finding, "535 5.7.3 Authentication unsuccessful");
	assert_true(finding.known && finding.leads_back);
	finding_explain(&finding, "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox.");
	assert_true(finding.known && !finding.leads_back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_token_that_is_right_or_opaque_passes, begin, end),
	    cmocka_unit_test_setup_teardown(a_token_of_graph, begin, end),
	    cmocka_unit_test_setup_teardown(a_token_without_the_permission, begin, end),
	    cmocka_unit_test_setup_teardown(a_token_of_somebody_else, begin, end),
	    cmocka_unit_test_setup_teardown(a_token_of_another_time, begin, end),
	    cmocka_unit_test_setup_teardown(the_folder_is_the_one_that_libsasl2_scans, begin, end),
	    cmocka_unit_test_setup_teardown(a_plugin_that_is_not_taken, begin, end),
	    cmocka_unit_test_setup_teardown(two_plugins_for_one_mechanism, begin, end),
	    cmocka_unit_test_setup_teardown(no_libsasl2_at_all, begin, end),
	    cmocka_unit_test_setup_teardown(an_application_that_is_refused_needs_rights_in_exchange, begin, end),
	    cmocka_unit_test_setup_teardown(a_token_that_does_not_fit_comes_first, begin, end),
	    cmocka_unit_test_setup_teardown(other_providers_have_no_powershell, begin, end),
	    cmocka_unit_test_setup_teardown(what_leads_back_is_seen, begin, end),
	    cmocka_unit_test(a_filter_passes_the_token_and_no_password),
	    cmocka_unit_test(options_that_forbid_a_bearer_token),
	    cmocka_unit_test(levels_that_verify),
	    cmocka_unit_test(other_values),
	    cmocka_unit_test(versions_with_the_wrong_header),
	    cmocka_unit_test(steps_have_names_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
