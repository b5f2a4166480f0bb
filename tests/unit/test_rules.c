/* Networks, and which rule is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "milter/rules.h"

static bool is_in(const char *network, const char *address)
{
	uint8_t bytes[NETWORK_ADDRESS_SIZE];
	struct network parsed;

	assert_true(network_parse(network, &parsed));
	assert_true(network_address(address, bytes));
	return network_contains(&parsed, bytes);
}

static void networks_contain_addresses(void **state)
{
	(void)state;
	assert_true(is_in("192.0.2.0/24", "192.0.2.255"));
	assert_false(is_in("192.0.2.0/24", "192.0.3.0"));
	assert_true(is_in("192.0.2.128/25", "192.0.2.128"));
	assert_false(is_in("192.0.2.128/25", "192.0.2.127"));
	assert_true(is_in("192.0.2.7", "192.0.2.7"));
	assert_false(is_in("192.0.2.7", "192.0.2.6"));
	assert_true(is_in("0.0.0.0/0", "255.255.255.255"));
	assert_false(is_in("0.0.0.0/0", "2001:db8::1"));
	assert_true(is_in("::/0", "2001:db8::1"));
	assert_true(is_in("2001:db8::/33", "2001:db8:7fff::"));
	assert_false(is_in("2001:db8::/33", "2001:db8:8000::"));
	assert_true(is_in("192.0.2.0/24", "::ffff:192.0.2.1")); /* over a dual-stack socket */
	assert_true(is_in("::1", "::1"));
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "x",
					  "192.0.2",
					  "192.0.2.0/33",
					  "192.0.2.1/24",
					  "192.0.2.0/",
					  "192.0.2.0/-1",
					  "192.0.2.0/ 8",
					  "/8",
					  "2001:db8::/129",
					  "2001:db8::1/64",
					  "[::1]",
					  "fe80::1%eth0/64",
					  "192.0.2.0/8x",
					  "1.2.3.4.5"};
	uint8_t bytes[NETWORK_ADDRESS_SIZE];
	struct network parsed;
	char big[200];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (network_parse(bad[i], &parsed))
			fail_msg("%s", bad[i]);
	memset(big, ':', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	assert_false(network_parse(big, &parsed));
	assert_false(network_address("192.0.2.1 ", bytes));
}

/* The settings own their strings, so a list's are not const. */
static struct settings_list list_of(const char **items)
{
	struct settings_list list = {.items = (char **)items};

	while (items[list.count] != NULL)
		list.count++;
	return list;
}

#define LIST(...) list_of((const char *[]){__VA_ARGS__, NULL})

static bool fits(const struct rules_rule *rule, const struct rules_session *session)
{
	struct rules_list list = {1, rule};

	return rules_find(&list, session) == rule;
}

static struct rules_session session_from(const char *address)
{
	struct rules_session session = {.has_address = true, .envelope = SPAN("Scanner@c.example")};

	assert_true(network_address(address, session.address));
	return session;
}

static void a_rule_fits_by_client(void **state)
{
	struct rules_rule rule = {.clients = LIST("192.0.2.0/24", "2001:db8::/32")};
	struct rules_session session = session_from("192.0.2.9");

	(void)state;
	assert_true(fits(&rule, &session));
	session = session_from("2001:db8::9");
	assert_true(fits(&rule, &session));
	session = session_from("198.51.100.9");
	assert_false(fits(&rule, &session));
	session = (struct rules_session){0}; /* no SMTP client at all */
	assert_false(fits(&rule, &session));
}

static void a_rule_fits_by_login_and_listener(void **state)
{
	struct rules_rule rule = {.logins = LIST("printer", "fax")};
	struct rules_session session = session_from("192.0.2.9");

	(void)state;
	assert_false(fits(&rule, &session));
	session.login = "FAX";
	assert_true(fits(&rule, &session));
	session.login = "faxes";
	assert_false(fits(&rule, &session));
	rule = (struct rules_rule){.listeners = LIST("2525", "printers")};
	assert_false(fits(&rule, &session));
	session.listener[1] = "2525";
	assert_true(fits(&rule, &session));
	session.listener[1] = "25";
	session.listener[0] = "printers";
	assert_true(fits(&rule, &session));
	session.listener[0] = NULL;
	session.listener[RULES_LISTENER_NAMES - 1] = "Printers";
	assert_true(fits(&rule, &session));
}

static bool fits_sender(const char *pattern, const char *sender)
{
	struct rules_rule rule = {.senders = LIST(pattern)};
	struct rules_session session = {.envelope = {sender, strlen(sender)}};

	return fits(&rule, &session);
}

static void a_rule_fits_by_sender(void **state)
{
	(void)state;
	assert_true(fits_sender("scanner@c.example", "Scanner@C.example"));
	assert_false(fits_sender("scanner@c.example", "scanner@c.example.org"));
	assert_true(fits_sender("*@c.example", "any@C.EXAMPLE"));
	assert_false(fits_sender("*@c.example", "@c.example"));
	assert_false(fits_sender("*@c.example", "any@xc.example"));
	assert_false(fits_sender("*@c.example", "any@x.c.example"));
	assert_true(fits_sender("<>", ""));
	assert_false(fits_sender("<>", "a@b"));
	assert_false(fits_sender("*@c.example", ""));
}

static void all_of_a_rule_must_fit_and_the_first_rule_wins(void **state)
{
	struct rules_rule rules[] = {
	    {.clients = LIST("192.0.2.0/24"), .senders = LIST("*@x.example")},
	    {.clients = LIST("192.0.2.0/24")},
	    {.name = "everybody"},
	};
	struct rules_list list = {3, rules}, none = {0};
	struct rules_session session = session_from("192.0.2.9");

	(void)state;
	assert_ptr_equal(rules_find(&list, &session), &rules[1]);
	session.envelope = SPAN("a@x.example");
	assert_ptr_equal(rules_find(&list, &session), &rules[0]);
	session.has_address = false;
	assert_ptr_equal(rules_find(&list, &session), &rules[2]);
	assert_null(rules_find(&none, &session));
}

static void modes_have_names(void **state)
{
	enum policy_mode mode;

	(void)state;
	for (int i = POLICY_OFF; i <= POLICY_REJECT; i++) {
		assert_true(rules_mode_parse(rules_mode_name((enum policy_mode)i), &mode));
		assert_int_equal((int)mode, i);
	}
	assert_false(rules_mode_parse("Rewrite", &mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(networks_contain_addresses),
	    cmocka_unit_test(what_is_no_network_is_refused),
	    cmocka_unit_test(a_rule_fits_by_client),
	    cmocka_unit_test(a_rule_fits_by_login_and_listener),
	    cmocka_unit_test(a_rule_fits_by_sender),
	    cmocka_unit_test(all_of_a_rule_must_fit_and_the_first_rule_wins),
	    cmocka_unit_test(modes_have_names),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
