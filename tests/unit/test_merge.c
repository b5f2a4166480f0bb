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

static void the_way_out_that_was_there_is_told(void **state)
{
	static const char old[] = "relayhost = [old.example]:587\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl\n";

	(void)state;
	merged(CONTOSO RELAY, old, "");
	assert_non_null(
	    strstr(notes.data, "relayhost stays ([old.example]:587), and is not used any more: all senders"));
	assert_non_null(strstr(notes.data, "smtp_sasl_password_maps stays (hash:/etc/postfix/sasl) for what other"));
	assert_int_equal(0, strncmp(main_cf.data, old, strlen(old)));
	merged(CONTOSO RELAY SCAN, old, "");
	assert_null(strstr(notes.data, "is not used any more"));
	assert_non_null(strstr(notes.data, "go by default_transport and relayhost as before"));
	merged(CONTOSO RELAY SCAN DEFAULTED, old, "");
	assert_non_null(strstr(notes.data, "not used any more: default_account gives every sender"));
	merged(CONTOSO RELAY, "relayhost = [smtp.office365.com]:587\n", "");
	assert_string_equal(notes.data, "");
}

/* --- accounts that have been taken out --- */

#define GONE "account \"gone@contoso.com\" { client = \"c\" }\n"
#define STAYS "account \"stays@contoso.com\" { client = \"c\" }\n"
#define NAME "mailbearer-gone-contoso-com"
#define DOMAIN                                                                                                         \
	"client \"d\" { provider = \"microsoft\" tenant = \"contoso.onmicrosoft.com\""                                 \
	" client_id = \"f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357\" client_secret_file = \"/etc/d\" }\n"                    \
	"account \"*@contoso.com\" { client = \"d\" grant = \"client_credentials\" }\n"

static char was_main[8192], was_master[8192];

/* Both files as they are for a configuration. */
static void begin_with(const char *conf, const char *text)
{
	assert_int_equal(0, merge(conf, text, "", SMTP, ""));
	snprintf(was_main, sizeof was_main, "%s", main_cf.data);
	snprintf(was_master, sizeof was_master, "%s", master_cf.data);
}

/* As postconf -M prints it: a service a line. */
static const char *joined(const char *services)
{
	static char text[8192];
	size_t len = 0;

	for (; *services != '\0'; services++)
		if (strncmp(services, "\n    ", 5) != 0)
			text[len++] = *services;
		else
			services += 4, text[len++] = ' ';
	text[len] = '\0';
	return text;
}

static void continue_with(const char *conf)
{
	struct wished_site site = {.queue_directory = "/var/spool/postfix"};
	struct buf before = {.data = was_main, .len = strlen(was_main)};
	struct buf transports = {.data = was_master, .len = strlen(was_master)};
	struct installation *installation = installation_parse(was_main, was_main, joined(was_master), "");

	forget();
	settings = load_text(conf, &err);
	assert_non_null(settings);
	assert_int_equal(0, wished_make(settings, &site, &wished, &err));
	assert_int_equal(0, merge_main_cf(wished, installation, &before, &main_cf, &err));
	assert_int_equal(0, merge_master_cf(wished, installation, &transports, &master_cf, &err));
	merge_notes(wished, installation, &notes);
	if (notes.data == NULL)
		buf_puts(&notes, "");
	installation_free(installation);
}

static void an_account_that_is_taken_out_leaves_nothing(void **state)
{
	(void)state;
	begin_with(CONTOSO STAYS, "");
	snprintf(was_master + strlen(was_master), sizeof was_master - strlen(was_master), "# the end\n");
	static char main_one[8192], master_one[8192];
	snprintf(main_one, sizeof main_one, "%s", was_main);
	snprintf(master_one, sizeof master_one, "%s", was_master);

	continue_with(CONTOSO STAYS GONE);
	assert_non_null(strstr(master_cf.data, "\n" NAME " unix "));
	assert_string_equal(notes.data, "Senders that belong to no account, and bounces, go by default_transport and "
					"relayhost as before; default_account in the milter section of "
					"mailbearer.conf gives them an account.\n");
	snprintf(was_main, sizeof was_main, "%s", main_cf.data);
	snprintf(was_master, sizeof was_master, "%s", master_cf.data);
	continue_with(CONTOSO STAYS);
	assert_string_equal(master_cf.data, master_one);
	assert_string_equal(main_cf.data, main_one);
	assert_string_equal(notes.data,
			    "The transport " NAME " goes: mailbearer.conf has no account for it any more.\n");
}

static void what_leads_to_the_only_account_goes_with_it(void **state)
{
	(void)state;
	begin_with(CONTOSO GONE, "relayhost = [old.example]\n");
	assert_string_equal(value("default_transport"), NAME ":[smtp.office365.com]:587");
	continue_with(CONTOSO STAYS SCAN);
	assert_string_equal(value("default_transport"), "(not there)");
	assert_string_equal(value("relayhost"), "[old.example]");
	assert_string_equal(value(NAME "_destination_concurrency_limit"), "(not there)");
	assert_null(strstr(master_cf.data, NAME));
	assert_non_null(strstr(notes.data, "default_transport led there"));
	/* One that takes its place is no loss. */
	continue_with(CONTOSO STAYS);
	assert_null(strstr(notes.data, "default_transport led there"));
	assert_string_equal(value("default_transport"), "mailbearer-stays-contoso-com:[smtp.office365.com]:587");
	continue_with("# nothing is left\n");
	assert_string_equal(value("default_transport"), "(not there)");
	assert_null(strstr(master_cf.data, NAME));
}

static void a_domain_s_transport_goes_as_well(void **state)
{
	(void)state;
	begin_with(CONTOSO DOMAIN STAYS, "smtp_fallback_relay = [b.example]\nsmtp_tls_wrappermode = yes\n");
	assert_non_null(strstr(was_master, "\nmailbearer-contoso-com unix "));
	continue_with(CONTOSO STAYS);
	assert_null(strstr(master_cf.data, "\nmailbearer-contoso-com unix "));
}

static void replace_in(char *text, const char *old, const char *new)
{
	char rest[8192];
	char *at = strstr(text, old);

	assert_non_null(at);
	snprintf(rest, sizeof rest, "%s", at + strlen(old));
	strcpy(stpcpy(at, new), rest);
}

static void what_somebody_has_changed_stays_and_is_named(void **state)
{
	static const char *const changes[][2] = {
	    {NAME " unix - - n - 3 smtp", NAME " unix - - n - 2 smtp"},
	    {NAME " unix - - n - 3 smtp", NAME " unix - - n 60 3 smtp"},
	    {NAME " unix - - n - 3 smtp", NAME " unix n - n - 3 smtp"},
	    {NAME " unix - - n - 3 smtp", NAME " unix - y n - 3 smtp"},
	    {NAME " unix - - n - 3 smtp", NAME " unix - - n - 3 smtp\n    -v"},
	    {NAME " unix - - n - 3 smtp", NAME " unix - - n - 3 smtp\n    -o smtp_helo_name=relay.example"},
	    {NAME " unix - - n - 3 smtp\n    -o smtp_sasl_auth_enable=yes",
	     NAME " unix - - n - 3 smtp\n    -o smtp_sasl_auth_enable=no"},
	    {NAME " unix - - n - 3 smtp", "theirs unix - - n - 3 smtp"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		begin_with(CONTOSO GONE, "");
		replace_in(was_master, changes[i][0], changes[i][1]);
		continue_with(CONTOSO STAYS);
		assert_non_null(strstr(master_cf.data, changes[i][1]));
		assert_non_null(strstr(notes.data, "written or changed by hand, and stays"));
		assert_null(strstr(notes.data, "goes"));
	}
}

static void services_that_are_none_of_ours_are_left_alone(void **state)
{
	static const char *const others[] = {
	    NAME " unix - - n - 3 smtp -o smtp_sasl_password_maps=hash:/etc/postfix/sasl\n",
	    NAME " unix - - n - 3 smtp -o smtp_sasl_password_maps=static:a@b.example:unix:/run/another.sock\n",
	    NAME " inet n - n - 3 smtp -o smtp_sasl_password_maps=static:a@b.example:tokend\n",
	    NAME " unix - - n - 3 lmtp -o smtp_sasl_password_maps=static:a@b.example:tokend\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_int_equal(0, merge(CONTOSO STAYS, "", "", others[i], ""));
		assert_int_equal(0, strncmp(master_cf.data, others[i], strlen(others[i])));
		assert_string_equal(notes.data, "");
	}
}

static void a_limit_and_tables_of_somebody_else_s_stay(void **state)
{
	(void)state;
	begin_with(CONTOSO GONE STAYS, NAME "_destination_concurrency_limit = 2\n"
					    "sender_dependent_default_transport_maps = hash:/a, hash:/b\n");
	continue_with(CONTOSO STAYS);
	assert_string_equal(value(NAME "_destination_concurrency_limit"), "2");
	assert_string_equal(value("sender_dependent_default_transport_maps"), "hash:/a, hash:/b");
	assert_non_null(strstr(notes.data, "senders in hash:/a, hash:/b do not go"));
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
	    cmocka_unit_test(the_way_out_that_was_there_is_told),
	    cmocka_unit_test(an_account_that_is_taken_out_leaves_nothing),
	    cmocka_unit_test(what_leads_to_the_only_account_goes_with_it),
	    cmocka_unit_test(a_domain_s_transport_goes_as_well),
	    cmocka_unit_test(what_somebody_has_changed_stays_and_is_named),
	    cmocka_unit_test(services_that_are_none_of_ours_are_left_alone),
	    cmocka_unit_test(a_limit_and_tables_of_somebody_else_s_stay),
	};

	return cmocka_run_group_tests(tests, NULL, forget_all);
}
