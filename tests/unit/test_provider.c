/* The provider presets: complete enough to be used, and only https. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/provider.h"

static void the_first_cloud_is_the_default(void **state)
{
	(void)state;
	assert_string_equal(provider_find("microsoft", NULL)->cloud, "public");
	assert_string_equal(provider_find("microsoft", "china")->relayhost, "[smtp.partner.outlook.cn]:587");
	assert_ptr_not_equal(provider_find("microsoft", "dod"), provider_find("microsoft", "gcc-high"));
}

static void what_is_not_there_is_not_found(void **state)
{
	(void)state;
	assert_null(provider_find("micro", NULL));
	assert_null(provider_find("microsoft", "germany"));
	assert_null(provider_find("google", "public"));
	assert_null(provider_find("", NULL));
}

static void microsoft_is_as_its_documentation_says(void **state)
{
	const struct provider *microsoft = provider_find("microsoft", "public");

	(void)state;
	assert_true(microsoft->verified);
	assert_string_equal(microsoft->metadata_url,
			    "https://login.microsoftonline.com/%s/v2.0/.well-known/openid-configuration");
	assert_string_equal(microsoft->scope_user, "https://outlook.office.com/SMTP.Send offline_access");
	assert_string_equal(microsoft->scope_application, "https://outlook.office365.com/.default");
	assert_string_equal(microsoft->relayhost, "[smtp.office365.com]:587");
}

static void google_is_as_its_documentation_says(void **state)
{
	const struct provider *google = provider_find("google", NULL);

	(void)state;
	assert_true(google->verified);
	assert_string_equal(google->scope_user, "https://mail.google.com/");
	assert_null(google->device_authorization_endpoint); /* it may not ask for mail */
	assert_null(google->metadata_url);                  /* which would offer the device flow */
	assert_true(google->public_client_sends_secret);
}

static void is_https_or_null(const char *url)
{
	if (url)
		assert_int_equal(strncmp(url, "https://", 8), 0);
}

static void every_preset_is_usable(void **state)
{
	const struct provider *p;
	unsigned i;

	(void)state;
	for (i = 0; (p = provider_at(i)) != NULL; i++) {
		assert_ptr_equal(provider_find(p->name, p->cloud), p);
		is_https_or_null(p->metadata_url);
		is_https_or_null(p->authorization_endpoint);
		is_https_or_null(p->token_endpoint);
		is_https_or_null(p->device_authorization_endpoint);
		assert_int_equal(p->tenant, p->metadata_url && strstr(p->metadata_url, "%s"));
		assert_int_equal(p->tenant, p->default_tenant != NULL);
		if (strcmp(p->name, "generic") == 0)
			continue;
		assert_true(p->metadata_url || (p->authorization_endpoint && p->token_endpoint));
		assert_non_null(p->scope_user);
		assert_non_null(p->relayhost);
	}
	assert_true(i > 8);
}

static void generic_knows_nothing(void **state)
{
	const struct provider *generic = provider_find("generic", NULL);

	(void)state;
	assert_non_null(generic);
	assert_false(generic->verified);
	assert_null(generic->metadata_url);
	assert_null(generic->token_endpoint);
	assert_null(generic->scope_user);
	assert_null(generic->relayhost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_cloud_is_the_default),
	    cmocka_unit_test(what_is_not_there_is_not_found),
	    cmocka_unit_test(microsoft_is_as_its_documentation_says),
	    cmocka_unit_test(google_is_as_its_documentation_says),
	    cmocka_unit_test(every_preset_is_usable),
	    cmocka_unit_test(generic_knows_nothing),
	};

	return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
