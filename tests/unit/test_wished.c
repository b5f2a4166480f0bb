/* What Postfix is told, made of whole configurations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postfix/wished.h"
#include "tests/unit/conf_file.h"

#define CONTOSO                                                                                                        \
	"client \"c\" { provider = \"microsoft\" tenant = \"contoso.onmicrosoft.com\""                                 \
	" client_id = \"f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357\" }\n"
#define CONFIDENTIAL                                                                                                   \
	"client \"k\" { provider = \"microsoft\" tenant = \"contoso.onmicrosoft.com\""                                 \
	" client_id = \"f3a1c9d2-5b7e-4c60-9a8d-2e4b6f801357\" client_secret_file = \"/s\" }\n"
#define RELAY "account \"relay@contoso.com\" { client = \"c\" }\n"
#define LOGIN_OPTIONS(mechanisms)                                                                                      \
	" -o smtp_sasl_mechanism_filter=" mechanisms " -o smtp_sasl_security_options=noanonymous"                      \
	" -o smtp_sasl_tls_security_options=noanonymous -o smtp_tls_security_level=secure"                             \
	" -o smtp_tls_connection_reuse=yes"
#define TLSPROXY "# and, unless it is there: tlsproxy unix - - y - 0 tlsproxy\n"
#define TLS                                                                                                            \
	"smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n"                                                       \
	"tlsproxy_client_security_level = may\n"
#define MILTER(socket) "smtpd_milters = { " socket ", default_action=tempfail, protocol=6 }"
#define ROUTED "sender_dependent_default_transport_maps = socketmap:unix:/run/mailbearer/tokend.sock:transport\n"

static struct buf out;

static const char *made(void (*print)(const struct wished *, struct buf *), const char *text)
{
	struct wished_site site = {.queue_directory = NULL};
	struct err err;
	struct settings *settings = load_text(text, &err);
	struct wished *wished;

	if (!settings)
		fail_msg("%s", err.text);
	buf_free(&out);
	out.max = 65536;
	assert_int_equal(0, wished_make(settings, &site, &wished, &err));
	print(wished, &out);
	wished_free(wished);
	settings_free(settings);
	assert_false(out.failed);
	return out.data ? out.data : "";
}

static int free_out(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

static void one_account_is_the_default_way(void **state)
{
	(void)state;
	assert_string_equal(made(wished_print_parameters, CONTOSO RELAY),
			    "default_transport = mailbearer-relay-contoso-com:[smtp.office365.com]:587\n"
			    "mailbearer-relay-contoso-com_destination_concurrency_limit = 3\n" TLS);
	assert_string_equal(
	    made(wished_print_services, CONTOSO RELAY),
	    "mailbearer-relay-contoso-com unix - - y - 3 smtp -o smtp_sasl_auth_enable=yes"
	    " -o smtp_sasl_password_maps=static:relay@contoso.com:tokend" LOGIN_OPTIONS("xoauth2") "\n" TLSPROXY);
}

static void several_accounts_are_told_apart_by_tokend(void **state)
{
	static const char two[] =
	    CONTOSO RELAY "account \"scan@contoso.com\" { client = \"c\" transport = \"scan\" }\n";

	(void)state;
	assert_string_equal(made(wished_print_parameters, two),
			    ROUTED "mailbearer-relay-contoso-com_destination_concurrency_limit = 3\n"
				   "scan_destination_concurrency_limit = 3\n" TLS);
	assert_non_null(strstr(made(wished_print_services, two), "\nscan unix - - y - 3 smtp -o"));
	assert_non_null(strstr(out.data, "=static:scan@contoso.com:tokend "));
}

static void a_connector_has_no_transport_of_its_own(void **state)
{
	static const char text[] =
	    CONTOSO RELAY "connector \"c\" { relayhost = \"[contoso-com.mail.protection.outlook.com]:25\""
			  " senders = {\"alarm@contoso.com\"} }\n";

	(void)state;
	assert_string_equal(made(wished_print_parameters, text),
			    ROUTED "mailbearer-relay-contoso-com_destination_concurrency_limit = 3\n" TLS);
	made(wished_print_services, text);
	assert_null(strstr(out.data, "outlook"));
	assert_string_equal(strchr(out.data, '\n') + 1, TLSPROXY);
}

static void a_whole_domain_logs_in_as_the_sender(void **state)
{
	(void)state;
	made(wished_print_services, CONFIDENTIAL
	     "account \"*@contoso.com\" { client = \"k\" grant = \"client_credentials\" transport = \"all\" }\n");
	assert_string_equal(out.data,
			    "all unix - - y - 3 smtp -o smtp_sasl_auth_enable=yes"
			    " -o smtp_sasl_password_maps=socketmap:unix:/run/mailbearer/tokend.sock:sasl"
			    " -o smtp_sender_dependent_authentication=yes" LOGIN_OPTIONS("xoauth2") "\n" TLSPROXY);
}

static void others_than_microsoft_may_have_the_standard_mechanism(void **state)
{
	(void)state;
	made(wished_print_services, "client \"g\" { provider = \"google\" client_id = \"x.apps.googleusercontent.com\" "
				    "client_secret_file = \"/s\""
				    " relayhost = \"[smtp.gmail.com]:465\" }\n"
				    "account \"a@b.example\" { client = \"g\" transport = \"g\" }\n");
	assert_non_null(strstr(out.data, LOGIN_OPTIONS("xoauth2,oauthbearer") " -o smtp_tls_wrappermode=yes\n"));
}

static void another_socket_is_named(void **state)
{
	static const char text[] = CONTOSO RELAY "connector \"c\" { relayhost = \"[a.example]:25\""
						 " senders = {\"alarm@contoso.com\"} }\n"
						 "tokend { listen = {\"/srv/t.sock\"} }\n";

	(void)state;
	assert_non_null(strstr(made(wished_print_services, text), "=static:relay@contoso.com:unix:/srv/t.sock -o "));
	assert_non_null(strstr(made(wished_print_parameters, text), "= socketmap:unix:/srv/t.sock:transport\n"));
}

static void a_dollar_is_no_parameter(void **state)
{
	(void)state;
	made(wished_print_services, CONTOSO "account \"a$b@contoso.com\" { client = \"c\" }\n");
	assert_non_null(strstr(out.data, "=static:a$$b@contoso.com:tokend "));
}

static const char *milter_line(const char *listen)
{
	static char line[200];
	char text[1000];
	const char *found;

	snprintf(text, sizeof text, CONTOSO RELAY "milter { listen = \"%s\" }\n", listen);
	found = strstr(made(wished_print_parameters, text), "smtpd_milters = ");
	snprintf(line, sizeof line, "%.*s", found ? (int)strcspn(found, "\n") : 0, found ? found : "");
	return line;
}

static void the_milter_is_named_as_postfix_sees_it(void **state)
{
	(void)state;
	assert_string_equal(milter_line("unix:/var/spool/postfix/run/m/milter.sock"), MILTER("unix:run/m/milter.sock"));
	assert_non_null(strstr(out.data, "\nnon_smtpd_milters = $smtpd_milters\ninternal_mail_filter_classes = "
					 "bounce\nmessage_strip_characters = \\0\n"));
	assert_string_equal(milter_line("inet:8891@127.0.0.1"), MILTER("inet:127.0.0.1:8891"));
	assert_string_equal(milter_line("inet6:8891@::1"), MILTER("inet:[::1]:8891"));
	assert_string_equal(milter_line("unix:/run/mailbearer-milter/milter.sock"), "");
	assert_string_equal(milter_line("unix:/var/spool/postfixes/milter.sock"), "");
	made(wished_print_notes, CONTOSO RELAY "milter { listen = \"unix:/run/m.sock\" }\n");
	assert_non_null(strstr(out.data, "Postfix cannot reach its socket"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_account_is_the_default_way),
	    cmocka_unit_test(several_accounts_are_told_apart_by_tokend),
	    cmocka_unit_test(a_connector_has_no_transport_of_its_own),
	    cmocka_unit_test(a_whole_domain_logs_in_as_the_sender),
	    cmocka_unit_test(others_than_microsoft_may_have_the_standard_mechanism),
	    cmocka_unit_test(another_socket_is_named),
	    cmocka_unit_test(a_dollar_is_no_parameter),
	    cmocka_unit_test(the_milter_is_named_as_postfix_sees_it),
	};

	return cmocka_run_group_tests(tests, NULL, free_out);
}
