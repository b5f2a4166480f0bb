/* What is wished and what is there, made one: by whole configurations and whole main.cfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "postfix/main_cf.h"
#include "postfix/merge.h"
#include "tests/unit/conf_file.h"

#define CONTOSO                                                                                                        \
	"client \"c\" { provider = \"microsoft\" tenant = \"contoso.onmicrosoft.com\""                                 \
	" client_id = \"f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357\" }\n"
#define RELAY "account \"relay@contoso.com\" { client = \"c\" transport = \"mb\" }\n"
#define SCAN "account \"scan@contoso.com\" { client = \"c\" transport = \"scan\" }\n"
#define MILTER "milter { listen = \"unix:/var/spool/postfix/run/m.sock\" }\n"
#define DEFAULTED "milter { listen = \"unix:/var/spool/postfix/run/m.sock\" default_account = \"relay@contoso.com\" }\n"
#define OURS "{ unix:run/m.sock, default_action=tempfail, protocol=6 }"
#define TABLE "socketmap:unix:/run/mailbearer/tokend.sock:transport"
#define SMTP "smtp unix - - n - - smtp\n"

static struct settings *settings;
static struct wished *wished;
static struct buf main_cf = {.max = 1 << 20}, master_cf = {.max = 1 << 20}, notes = {.max = 1 << 20};
static struct err err;

static void forget(void)
{
	wished_free(wished);
	settings_free(settings);
	wished = NULL;
	settings = NULL;
	buf_free(&main_cf);
	buf_free(&master_cf);
	buf_free(&notes);
}

static int forget_all(void **state)
{
	(void)state;
	forget();
	return 0;
}

/* Merges, with what postconf would print for it: `values` besides what main.cf's text says. */
static int merge(const char *conf, const char *text, const char *values, const char *services, const char *options)
{
	struct wished_site site = {.queue_directory = "/var/spool/postfix"};
	struct buf before = {.data = (char *)(uintptr_t)text, .len = strlen(text)};
	struct buf transports = {.data = (char *)(uintptr_t)services, .len = strlen(services)};
	struct buf all = BUF_INIT(1 << 20);
	struct installation *installation;
	int result;

	forget();
	settings = load_text(conf, &err);
	if (settings == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(0, wished_make(settings, &site, &wished, &err));
	buf_printf(&all, "milter_default_action = tempfail\n%s%s", text, values);
	installation = installation_parse(all.data, text, services, options);
	assert_non_null(installation);
	result = merge_main_cf(wished, installation, &before, &main_cf, &err) == 0 &&
			 merge_master_cf(wished, installation, &transports, &master_cf, &err) == 0
		     ? 0
		     : -1;
	merge_notes(wished, installation, &notes);
	if (notes.data == NULL)
		buf_puts(&notes, "");
	installation_free(installation);
	buf_free(&all);
	return result;
}

/* The parameter's value in the merged main.cf. */
static const char *value(const char *name)
{
	static char text[1000];
	struct buf found = BUF_INIT(sizeof text - 1);

	if (!main_cf_get(&main_cf, name, &found))
		return "(not there)";
	snprintf(text, sizeof text, "%s", found.data != NULL ? found.data : "");
	buf_free(&found);
	return text;
}

static const char *merged(const char *conf, const char *text, const char *name)
{
	if (merge(conf, text, "", SMTP, "") != 0)
		fail_msg("%s", err.text);
	return value(name);
}

static void an_empty_installation_gets_all(void **state)
{
	(void)state;
	assert_int_equal(0, merge(CONTOSO RELAY MILTER, "", "", SMTP, ""));
	assert_string_equal(main_cf.data, "default_transport = mb:[smtp.office365.com]:587\n"
					  "mb_destination_concurrency_limit = 3\n"
					  "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n"
					  "tlsproxy_client_security_level = may\n"
					  "smtpd_milters = " OURS "\n"
					  "non_smtpd_milters = $smtpd_milters\n"
					  "internal_mail_filter_classes = bounce\n"
					  "message_strip_characters = \\0\n");
	/* The chroot is as the distribution's own transport has it. */
	assert_non_null(strstr(master_cf.data, SMTP "mb unix - - n - 3 smtp\n    -o smtp_sasl_auth_enable=yes\n"));
	assert_non_null(strstr(master_cf.data, "\ntlsproxy unix - - n - 0 tlsproxy\n"));
	assert_string_equal(notes.data, "");
	/* That is Debian's own, wherever it stands. */
	assert_int_equal(0, merge(CONTOSO RELAY, "", "", "tlsproxy unix - - y - 0 tlsproxy\n" SMTP, ""));
	assert_null(strstr(master_cf.data, "\ntlsproxy"));
}

static void a_second_time_changes_nothing(void **state)
{
	static char first[8192], second[8192];

	(void)state;
	assert_int_equal(0, merge(CONTOSO RELAY SCAN DEFAULTED, "smtpd_milters = inet:localhost:8891\n", "", SMTP, ""));
	snprintf(first, sizeof first, "%s", main_cf.data);
	snprintf(second, sizeof second, "%s", master_cf.data);
	assert_int_equal(0, merge(CONTOSO RELAY SCAN DEFAULTED, first, "", second, ""));
	assert_string_equal(main_cf.data, first);
	assert_string_equal(master_cf.data, second);
}

static void values_that_are_good_stay(void **state)
{
	static const char text[] = "smtp_tls_CAfile = /own.pem\nmb_destination_concurrency_limit = 2\n"
				   "tlsproxy_client_security_level = encrypt\n";

	(void)state;
	merged(CONTOSO RELAY, text, "");
	assert_int_equal(0, strncmp(main_cf.data, text, strlen(text)));
	assert_string_equal(
	    merged(CONTOSO RELAY, "mb_destination_concurrency_limit = 20\n", "mb_destination_concurrency_limit"), "3");
	assert_string_equal(
	    merged(CONTOSO RELAY, "tlsproxy_client_security_level = none\n", "tlsproxy_client_security_level"), "may");
	assert_string_equal(merged(CONTOSO RELAY, "relayhost = [old.example]\n", "relayhost"), "[old.example]");
}

static void other_tables_stay_behind_ours(void **state)
{
	(void)state;
	assert_string_equal(merged(CONTOSO RELAY SCAN, "sender_dependent_default_transport_maps = hash:/a,\n  $more\n",
				   "sender_dependent_default_transport_maps"),
			    TABLE ", hash:/a, $more");
	assert_null(strstr(notes.data, "no table is reached"));
	assert_string_equal(merged(CONTOSO RELAY SCAN, "sender_dependent_default_transport_maps = hash:/a " TABLE "\n",
				   "sender_dependent_default_transport_maps"),
			    "hash:/a " TABLE);
	merged(CONTOSO RELAY SCAN DEFAULTED, "sender_dependent_default_transport_maps = hash:/a\n", "");
	assert_non_null(strstr(notes.data, "no table is reached"));
}

static void one_account_leaves_the_tables_and_says_so(void **state)
{
	(void)state;
	merged(CONTOSO RELAY,
	       "sender_dependent_default_transport_maps = hash:/a\nsender_dependent_relayhost_maps = hash:/b\n", "");
	assert_non_null(strstr(notes.data, "senders in hash:/a do not go by the account"));
	assert_non_null(strstr(notes.data, "sender_dependent_relayhost_maps stays"));
	assert_string_equal(value("sender_dependent_default_transport_maps"), "hash:/a");
}

static void other_milters_stay_behind_ours(void **state)
{
	(void)state;
	assert_string_equal(
	    merged(CONTOSO RELAY MILTER, "smtpd_milters = inet:localhost:8891, $more\n", "smtpd_milters"),
	    OURS ", inet:localhost:8891, $more");
	/* What comes by sendmail(1) had no milters, and gets none but ours. */
	assert_string_equal(value("non_smtpd_milters"), OURS);
	merged(CONTOSO RELAY MILTER, "smtpd_milters = inet:a:1\nnon_smtpd_milters = $smtpd_milters\n", "");
	assert_string_equal(value("non_smtpd_milters"), "$smtpd_milters");
	merged(CONTOSO RELAY MILTER, "smtpd_milters = inet:a:1\nnon_smtpd_milters = inet:b:2\n", "");
	assert_string_equal(value("non_smtpd_milters"), OURS ", inet:b:2");
}

static void our_milter_moves_before_a_signer_only(void **state)
{
	(void)state;
	assert_string_equal(
	    merged(CONTOSO RELAY MILTER, "smtpd_milters = unix:spam.sock, unix:run/m.sock\n", "smtpd_milters"),
	    "unix:spam.sock, unix:run/m.sock");
	assert_string_equal(
	    merged(CONTOSO RELAY MILTER, "smtpd_milters = inet:localhost:8891, unix:run/m.sock\n", "smtpd_milters"),
	    OURS ", inet:localhost:8891");
}

/* main.cf alone, with all that postconf would print of it. */
static void merge_main(const char *conf, const char *text, const char *values)
{
	struct wished_site site = {.queue_directory = "/var/spool/postfix"};
	struct buf before = {.data = (char *)(uintptr_t)text, .len = strlen(text)};
	struct installation *installation = installation_parse(values, text, SMTP, "");

	forget();
	settings = load_text(conf, &err);
	assert_non_null(settings);
	assert_int_equal(0, wished_make(settings, &site, &wished, &err));
	assert_int_equal(0, merge_main_cf(wished, installation, &before, &main_cf, &err));
	installation_free(installation);
}

/* With "accept" for all, mail would go unaligned while ours does not answer. */
static void our_milter_has_its_own_default_action(void **state)
{
	static const char text[] = "milter_default_action = accept\nsmtpd_milters = unix:run/m.sock, inet:a:1\n";

	(void)state;
	merge_main(CONTOSO RELAY MILTER, text, text);
	assert_string_equal(value("smtpd_milters"), OURS ", inet:a:1");
	assert_string_equal(value("milter_default_action"), "accept");
}

static void what_another_parameter_says_counts(void **state)
{
	static const char text[] =
	    "mine = " OURS "\nsmtpd_milters = $mine inet:a:1\nhop = mb:[smtp.office365.com]:587\n"
	    "default_transport = $hop\n";
	static const char values[] = "smtpd_milters = " OURS " inet:a:1\n"
				     "default_transport = mb:[smtp.office365.com]:587\n";

	(void)state;
	merge_main(CONTOSO RELAY MILTER, text, values);
	assert_string_equal(value("smtpd_milters"), "$mine inet:a:1");
	assert_string_equal(value("default_transport"), "$hop");
}

static void words_and_characters_are_added(void **state)
{
	(void)state;
	assert_string_equal(
	    merged(CONTOSO RELAY MILTER, "internal_mail_filter_classes = notify\n", "internal_mail_filter_classes"),
	    "bounce, notify");
	assert_string_equal(merged(CONTOSO RELAY MILTER, "internal_mail_filter_classes = notify bounce\n",
				   "internal_mail_filter_classes"),
			    "notify bounce");
	assert_string_equal(
	    merged(CONTOSO RELAY MILTER, "message_strip_characters = \\r\n", "message_strip_characters"), "\\r\\0");
	assert_string_equal(
	    merged(CONTOSO RELAY MILTER, "message_strip_characters = \\0\\r\n", "message_strip_characters"), "\\0\\r");
}

static void the_login_is_guarded_against_what_main_cf_says_for_all(void **state)
{
	(void)state;
	assert_int_equal(0, merge(CONTOSO RELAY,
				  "smtp_sasl_auth_cache_name = proxy:btree:/x\nsmtp_fallback_relay = [b.example]\n"
				  "smtp_tls_wrappermode = yes\nsmtp_sender_dependent_authentication = yes\n",
				  "smtp_sasl_auth_soft_bounce = yes\nsmtp_tls_policy_maps =\n", SMTP, ""));
	assert_non_null(strstr(master_cf.data, " -o smtp_sasl_auth_cache_name=\n"));
	assert_non_null(strstr(master_cf.data, " -o smtp_fallback_relay=\n"));
	assert_non_null(strstr(master_cf.data, " -o smtp_tls_wrappermode=no\n"));
	assert_non_null(strstr(master_cf.data, " -o smtp_sender_dependent_authentication=no\n"));
	assert_null(strstr(master_cf.data, "soft_bounce"));
	assert_null(strstr(master_cf.data, "policy_maps"));
}

static void a_name_that_is_taken_is_refused(void **state)
{
	(void)state;
	assert_int_equal(-1, merge(CONTOSO RELAY, "", "", SMTP "mb unix - n n - - pipe argv=/x\n", ""));
	assert_int_equal(ERR_CONFIG, err.code);
}

static void services_that_go_past_the_milter_are_named(void **state)
{
	(void)state;
	merge(CONTOSO RELAY MILTER, "smtp_generic_maps = hash:/g\n", "",
	      SMTP "submission inet n - y - - smtpd\n10025 inet n - y - - smtpd\nsmtps inet n - y - - smtpd\n",
	      "submission/inet/smtpd_milters =\n10025/inet/smtpd_milters = unix:run/m.sock\n"
	      "smtps/inet/smtpd_milters = $smtpd_milters\n");
	assert_non_null(strstr(notes.data, "service submission/inet has smtpd_milters of its own (none)"));
	assert_null(strstr(notes.data, "10025"));
	assert_null(strstr(notes.data, "smtps"));
	assert_non_null(strstr(notes.data, "smtp_generic_maps stays (hash:/g)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_installation_gets_all),
	    cmocka_unit_test(a_second_time_changes_nothing),
	    cmocka_unit_test(values_that_are_good_stay),
	    cmocka_unit_test(other_tables_stay_behind_ours),
	    cmocka_unit_test(one_account_leaves_the_tables_and_says_so),
	    cmocka_unit_test(other_milters_stay_behind_ours),
	    cmocka_unit_test(our_milter_moves_before_a_signer_only),
	    cmocka_unit_test(our_milter_has_its_own_default_action),
	    cmocka_unit_test(what_another_parameter_says_counts),
	    cmocka_unit_test(words_and_characters_are_added),
	    cmocka_unit_test(the_login_is_guarded_against_what_main_cf_says_for_all),
	    cmocka_unit_test(a_name_that_is_taken_is_refused),
	    cmocka_unit_test(services_that_go_past_the_milter_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, forget_all);
}
