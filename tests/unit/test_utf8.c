/* The strict reader of one character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/utf8.h"

static void utf8_is_read_strictly(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, taken;
		uint32_t code;
	} table[] = {
	    {"a", 1, 1, 'a'},
	    {"\0", 1, 1, 0},
	    {"\xc3\xbc", 2, 2, 0xfc},
	    {"\xe2\x82\xac", 3, 3, 0x20ac},
	    {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
	    {"", 0, 0, 0},
	    {"\xc3", 1, 0, 0},
	    {"\xc3q", 2, 0, 0},
	    {"\x80", 1, 0, 0},
	    {"\xc0\x80", 2, 0, 0},         /* longer than need be */
	    {"\xe0\x9f\xbf", 3, 0, 0},     /* so too */
	    {"\xed\xa0\x80", 3, 0, 0},     /* a surrogate */
	    {"\xf4\x90\x80\x80", 4, 0, 0}, /* beyond the last one */
	    {"\xf8\x88\x80\x80\x80", 5, 0, 0},
	    {"\xff", 1, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		uint32_t code = 0;

		assert_int_equal(utf8_read(table[i].bytes, table[i].len, &code), table[i].taken);
		assert_int_equal(code, table[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(utf8_is_read_strictly)};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
