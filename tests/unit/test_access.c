/* Who may ask what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tokend/access.h"

#define ALL (ACCESS_TOKEN | ACCESS_HEALTH | ACCESS_ADMIN)

enum { SELF = 990, POSTFIX = 101, MILTER = 991, STRANGER = 1000 };

static const struct access_rules rules = {
    .self = SELF,
    .token_user_count = 2,
    .token_users = {77, POSTFIX, STRANGER},
    .has_milter = true,
    .milter = MILTER,
};

static void root_and_tokend_may_do_all(void **state)
{
	(void)state;
	assert_int_equal(access_of(&rules, 0), ALL);
	assert_int_equal(access_of(&rules, SELF), ALL);
}

static void token_users_may_ask_but_not_administer(void **state)
{
	(void)state;
	assert_int_equal(access_of(&rules, 77), ACCESS_TOKEN | ACCESS_HEALTH);
	assert_int_equal(access_of(&rules, POSTFIX), ACCESS_TOKEN | ACCESS_HEALTH);
}

static void the_milter_sees_health_only(void **state)
{
	(void)state;
	assert_int_equal(access_of(&rules, MILTER), ACCESS_HEALTH);
}

static void nobody_else_gets_anything(void **state)
{
	const struct access_rules empty = {.self = SELF};

	(void)state;
	assert_int_equal(access_of(&rules, STRANGER), 0); /* beyond the count */
	assert_int_equal(access_of(&rules, 65534), 0);
	assert_int_equal(access_of(&rules, (uid_t)-1), 0);
	assert_int_equal(access_of(&empty, POSTFIX), 0);
}

static void a_milter_that_is_not_set_is_nobody(void **state)
{
	struct access_rules without = rules;

	(void)state;
	without.has_milter = false;
	assert_int_equal(access_of(&without, MILTER), 0);
}

static void one_user_in_two_parts_has_both(void **state)
{
	struct access_rules both = rules;

	(void)state;
	both.milter = POSTFIX;
	assert_int_equal(access_of(&both, POSTFIX), ACCESS_TOKEN | ACCESS_HEALTH);
}

static void a_count_beyond_the_table_is_not_believed(void **state)
{
	struct access_rules over = rules;

	(void)state;
	over.token_user_count = (size_t)-1;
	over.has_milter = false;
	assert_int_equal(access_of(&over, 65533), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(root_and_tokend_may_do_all),
	    cmocka_unit_test(token_users_may_ask_but_not_administer),
	    cmocka_unit_test(the_milter_sees_health_only),
	    cmocka_unit_test(nobody_else_gets_anything),
	    cmocka_unit_test(a_milter_that_is_not_set_is_nobody),
	    cmocka_unit_test(one_user_in_two_parts_has_both),
	    cmocka_unit_test(a_count_beyond_the_table_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
