/* The hash's published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/fnv.h"

static void is_as_published(void **state)
{
	(void)state;
	assert_true(fnv(NULL, 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(fnv("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(fnv("foobar", 6) == UINT64_C(0x85944171f73967e8));
	assert_true(fnv("\xff\0", 2) != fnv("\xff", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(is_as_published),
	};

	return cmocka_run_group_tests_name("fnv", tests, NULL, NULL);
}
