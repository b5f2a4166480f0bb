/* A build with an application ID of its own: who gets it, and who must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_file.h"

/* The client_id of the one client, "" if it has none. Valid until the next call. */
static const char *id_of(const char *text)
{
	static char id[64];
	struct err err;
	struct settings *settings = load_text(text, &err);

	if (settings == NULL)
		fail_msg("%s", err.text);
	snprintf(id, sizeof id, "%s", settings->clients[0].client_id != NULL ? settings->clients[0].client_id : "");
	settings_free(settings);
	return id;
}

static void a_provider_is_all_that_a_client_needs(void **state)
{
	(void)state;
	assert_string_equal("shared-0001", id_of("client c { provider = microsoft }\n"
						 "account me@contoso.com { client = c }"));
	assert_string_equal("shared-0001", id_of("client c { provider = outlook }"));
	assert_string_equal("shared-0001", id_of("client c { provider = microsoft tenant = contoso.com }"));
}

static void what_stands_in_the_file_wins(void **state)
{
	(void)state;
	assert_string_equal("own", id_of("client c { provider = microsoft client_id = own }"));
}

static void clients_of_another_kind_have_none(void **state)
{
	static const char *const rows[] = {
	    "client c { provider = google }",
	    "client c { provider = microsoft cloud = china }",
	    "client c { provider = microsoft client_secret_file = /s }",
	    "client c { provider = microsoft client_certificate = /c client_key = /k }",
	    "client c { provider = microsoft federated_token_file = /f }",
	    "client c { provider = microsoft managed_identity = vm }",
	    "client c { relayhost = \"[mail.test]:587\" token_endpoint = \"https://login.test/token\" }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal("", id_of(rows[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_provider_is_all_that_a_client_needs),
	    cmocka_unit_test(what_stands_in_the_file_wins),
	    cmocka_unit_test(clients_of_another_kind_have_none),
	};

	return cmocka_run_group_tests_name("default_client", tests, NULL, NULL);
}
