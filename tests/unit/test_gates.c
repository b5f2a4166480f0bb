/* The gates: limits, counters with a clock of our own, and the reading of an account's health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "milter/address.h"
#include "milter/gates.h"

#define HOUR 3600

static void nothing_is_limited_unless_set(void **state)
{
	const struct gates_limits none = {0};
	const uint8_t client[NETWORK_ADDRESS_SIZE] = {0};
	struct gates_health dead = {.known = true, .unusable_for = 1000000};
	struct gates *gates = gates_new();

	(void)state;
	assert_true(gates_size_allowed(&none, INT64_MAX));
	assert_true(gates_recipients_allowed(&none, SIZE_MAX));
	assert_true(gates_health_allowed(&none, &dead));
	for (int i = 0; i < 1000; i++) {
		assert_true(gates_client_allowed(gates, &none, client, 0));
		assert_true(gates_day_allowed(gates, &none, "a@b", 1000, true, 0));
	}
	gates_free(gates);
	gates_free(NULL);
}

static void sizes_and_recipients_have_a_most(void **state)
{
	const struct gates_limits limits = {.message_size = 1000, .recipients_per_message = 3};

	(void)state;
	assert_true(gates_size_allowed(&limits, 1000));
	assert_false(gates_size_allowed(&limits, 1001));
	assert_true(gates_recipients_allowed(&limits, 3));
	assert_false(gates_recipients_allowed(&limits, 4));
}

static bool client_at(struct gates *gates, const char *address, int64_t now)
{
	const struct gates_limits limits = {.messages_per_minute = 2};
	uint8_t bytes[NETWORK_ADDRESS_SIZE];

	assert_true(network_address(address, bytes));
	return gates_client_allowed(gates, &limits, bytes, now);
}

static void a_client_has_so_many_messages_a_minute(void **state)
{
	struct gates *gates = gates_new();

	(void)state;
	assert_true(client_at(gates, "192.0.2.1", 1000));
	assert_true(client_at(gates, "192.0.2.1", 1030));
	assert_false(client_at(gates, "192.0.2.1", 1059));
	assert_true(client_at(gates, "192.0.2.2", 1059)); /* another */
	assert_true(client_at(gates, "192.0.2.1", 1065)); /* the first one is over; a refused one was not counted */
	assert_false(client_at(gates, "192.0.2.1", 1066));
	assert_false(client_at(gates, "192.0.2.1", 5)); /* the clock went back: no harm, and no way out */
	assert_true(client_at(gates, "192.0.2.1", 1000000));
	gates_free(gates);
}

static void a_host_of_ipv6_has_one_count(void **state)
{
	struct gates *gates = gates_new();

	(void)state;
	assert_true(client_at(gates, "2001:db8::1", 1000));
	assert_true(client_at(gates, "2001:db8::2", 1000));
	assert_false(client_at(gates, "2001:db8::3", 1000));
	assert_true(client_at(gates, "2001:db8:0:1::3", 1000));
	assert_true(client_at(gates, "192.0.2.1", 1000));
	assert_true(client_at(gates, "192.0.2.2", 1000));
	assert_true(client_at(gates, "192.0.2.3", 1000));
	gates_free(gates);
}

static bool day_at(struct gates *gates, const char *mailbox, size_t recipients, int64_t now)
{
	const struct gates_limits limits = {.recipients_per_day = 10};

	return gates_day_allowed(gates, &limits, mailbox, recipients, true, now);
}

static void a_mailbox_has_so_many_recipients_a_day(void **state)
{
	struct gates *gates = gates_new();

	(void)state;
	assert_true(day_at(gates, "a@b", 6, 100 * HOUR));
	assert_true(day_at(gates, "a@b", 4, 110 * HOUR));
	assert_false(day_at(gates, "a@b", 1, 110 * HOUR));
	assert_true(day_at(gates, "c@d", 10, 110 * HOUR));
	assert_false(day_at(gates, "a@b", 1, 124 * HOUR + HOUR - 1)); /* within 24 hours of the end of that hour */
	assert_true(day_at(gates, "a@b", 6, 125 * HOUR));
	assert_false(day_at(gates, "a@b", 1, 125 * HOUR));
	assert_true(day_at(gates, "", 100, 125 * HOUR)); /* nobody's */
	gates_free(gates);
}

static void what_is_not_refusable_is_counted(void **state)
{
	const struct gates_limits limits = {.recipients_per_day = 10};
	struct gates *gates = gates_new();

	(void)state;
	assert_true(gates_day_allowed(gates, &limits, "a@b", 50, false, 0));
	assert_false(gates_day_allowed(gates, &limits, "a@b", 1, true, 0));
	gates_free(gates);
}

/* However many clients come, the table keeps its size, and one that is busy is not forgotten for them. */
static void the_table_forgets_the_idle(void **state)
{
	struct gates *gates = gates_new();
	char address[64];

	(void)state;
	assert_true(client_at(gates, "192.0.2.1", 1000));
	assert_true(client_at(gates, "192.0.2.1", 1000));
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, i >> 8 & 0xff, i & 0xff);
		assert_true(client_at(gates, address, 1000));
		if (i % 1000 == 0)
			assert_false(client_at(gates, "192.0.2.1", 1000));
	}
	assert_true(client_at(gates, "10.0.0.0", 1000)); /* forgotten */
	gates_free(gates);
}

static struct gates_health health_of(const char *text)
{
	struct gates_health health;

	gates_health_parse(text, strlen(text), &health);
	return health;
}

static void health_is_read(void **state)
{
	struct gates_health health = health_of("account relay@c.example usable");

	(void)state;
	assert_true(health.known && health.usable);
	health = health_of("account relay@c.example unusable 3700 invalid_grant: AADSTS70000\tx");
	assert_true(health.known && !health.usable);
	assert_int_equal(health.unusable_for, 3700);
	assert_string_equal(health.reason, "invalid_grant: AADSTS70000?x");
	health = health_of("account *@f.example unusable 0 ");
	assert_true(health.known && !health.usable);
	assert_string_equal(health.reason, "");
}

static void what_is_too_long_is_cut(void **state)
{
	char text[2 * ERR_TEXT_MAX] = "account x unusable 1 ";
	size_t head = strlen(text);
	struct gates_health health = health_of("account x unusable 999999999999999999 y");

	(void)state;
	assert_int_equal(health.unusable_for, 999999999999999999);
	assert_string_equal(health.reason, "y");
	health = health_of("account x unusable 1234567890123456789 y"); /* of 18 digits, so that nothing overflows */
	assert_int_equal(health.unusable_for, 123456789012345678);
	memset(text + head, 'r', ERR_TEXT_MAX - 1);
	health = health_of(text);
	assert_string_equal(health.reason, text + head);
	memset(text + head, 'r', ERR_TEXT_MAX);
	health = health_of(text);
	assert_int_equal(strlen(health.reason), ERR_TEXT_MAX - 1);
}

static void the_longest_mailbox_is_counted(void **state)
{
	struct gates *gates = gates_new();
	char mailbox[ADDRESS_MAX + 2] = "";

	(void)state;
	memset(mailbox, 'm', ADDRESS_MAX);
	assert_true(day_at(gates, mailbox, 10, 0));
	assert_false(day_at(gates, mailbox, 1, 0));
	mailbox[ADDRESS_MAX] = 'm'; /* nobody's */
	assert_true(day_at(gates, mailbox, 100, 0));
	gates_free(gates);
}

static void what_makes_no_sense_is_healthy(void **state)
{
	static const char *const odd[] = {"",
					  "connector mx",
					  "account",
					  "account x",
					  "account x unusable",
					  "account x unusable ",
					  "account x unusable -5 y",
					  "account x unusable soon",
					  "account x broken"};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct gates_health health = health_of(odd[i]);

		if (health.known || !health.usable)
			fail_msg("%s", odd[i]);
	}
}

static void a_dead_grant_has_its_grace(void **state)
{
	const struct gates_limits limits = {.tempfail_when_unusable = true, .unusable_grace = 600};
	struct gates_health health = {.known = true, .usable = false, .unusable_for = 599};

	(void)state;
	assert_true(gates_health_allowed(&limits, &health));
	health.unusable_for = 600;
	assert_false(gates_health_allowed(&limits, &health));
	health.known = false;
	assert_true(gates_health_allowed(&limits, &health));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_limited_unless_set),
	    cmocka_unit_test(sizes_and_recipients_have_a_most),
	    cmocka_unit_test(a_client_has_so_many_messages_a_minute),
	    cmocka_unit_test(a_host_of_ipv6_has_one_count),
	    cmocka_unit_test(a_mailbox_has_so_many_recipients_a_day),
	    cmocka_unit_test(what_is_not_refusable_is_counted),
	    cmocka_unit_test(the_table_forgets_the_idle),
	    cmocka_unit_test(health_is_read),
	    cmocka_unit_test(what_is_too_long_is_cut),
	    cmocka_unit_test(the_longest_mailbox_is_counted),
	    cmocka_unit_test(what_makes_no_sense_is_healthy),
	    cmocka_unit_test(a_dead_grant_has_its_grace),
	};

	return cmocka_run_group_tests_name("gates", tests, NULL, NULL);
}
