/* What is warned of, and from when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tokend/expiry.h"

#define NOW 1790000000
#define DAY (24 * 60 * 60)

static struct expiry list[EXPIRY_MAX];

static size_t warnings(struct expiry_facts facts)
{
	facts.now = NOW;
	return expiry_list(&facts, list);
}

static void nothing_that_ends_is_nothing_to_say(void **state)
{
	(void)state;
	assert_int_equal(0, warnings((struct expiry_facts){.works = true}));
	assert_int_equal(0, warnings((struct expiry_facts){.works = false}));
}

static void thirty_days_ahead(void **state)
{
	(void)state;
	assert_int_equal(0, warnings((struct expiry_facts){.secret_expires = NOW + 30 * DAY + 1}));
	assert_int_equal(1, warnings((struct expiry_facts){.secret_expires = NOW + 30 * DAY}));
	assert_string_equal("client_secret", list[0].what);
	assert_int_equal(NOW + 30 * DAY, list[0].ends);
	assert_non_null(strstr(list[0].remedy, "client_secret_file"));
	assert_int_equal(1, warnings((struct expiry_facts){.secret_expires = NOW - 400 * DAY}));
	assert_int_equal(0, warnings((struct expiry_facts){.certificate_not_after = NOW + 31 * DAY}));
	assert_int_equal(1, warnings((struct expiry_facts){.certificate_not_after = NOW + DAY}));
	assert_string_equal("client_certificate", list[0].what);
}

static struct expiry_facts token(int64_t came, int64_t expires)
{
	return (struct expiry_facts){.token_came = came, .token_expires = expires, .token_used = came, .works = true};
}

static void a_token_that_is_replaced_daily_is_not_warned_of(void **state)
{
	(void)state;
	assert_int_equal(0, warnings(token(NOW - DAY, NOW + 13 * DAY)));    /* 14 days, a day old */
	assert_int_equal(0, warnings(token(NOW - 3 * DAY, NOW + 4 * DAY))); /* Google's seven */
	assert_int_equal(1, warnings(token(NOW - 4 * DAY, NOW + 3 * DAY)));
	assert_string_equal("refresh_token", list[0].what);
	assert_int_equal(0, warnings(token(NOW - 300 * DAY, NOW + 65 * DAY)));
	assert_int_equal(1, warnings(token(NOW - 340 * DAY, NOW + 25 * DAY)));
}

static void disuse_counts_only_while_it_does_not_work(void **state)
{
	struct expiry_facts facts = {.token_came = NOW - 300 * DAY, .token_used = NOW - 61 * DAY, .unused_days = 90};

	(void)state;
	assert_int_equal(1, warnings(facts));
	assert_int_equal(NOW + 29 * DAY, list[0].ends);
	facts.works = true;
	assert_int_equal(0, warnings(facts));
	facts.works = false;
	facts.token_used = NOW - 59 * DAY;
	assert_int_equal(0, warnings(facts));
	facts.unused_days = 0;
	facts.token_used = NOW - 900 * DAY;
	assert_int_equal(0, warnings(facts));
}

static void all_at_once_fit(void **state)
{
	struct expiry_facts facts = {.secret_expires = NOW,
				     .certificate_not_after = NOW,
				     .token_came = NOW - 200 * DAY,
				     .token_used = NOW - 200 * DAY,
				     .token_expires = NOW,
				     .unused_days = 90};

	(void)state;
	assert_int_equal(EXPIRY_MAX, warnings(facts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_that_ends_is_nothing_to_say),
	    cmocka_unit_test(thirty_days_ahead),
	    cmocka_unit_test(a_token_that_is_replaced_daily_is_not_warned_of),
	    cmocka_unit_test(disuse_counts_only_while_it_does_not_work),
	    cmocka_unit_test(all_at_once_fit),
	};

	return cmocka_run_group_tests_name("expiry", tests, NULL, NULL);
}
