/* Changes of a configuration's text: what is changed, and above all what stays as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "setup/conf_edit.h"
#include "tests/unit/conf_file.h"

static struct buf text;

static void given(const char *bytes)
{
	buf_free(&text);
	text.max = 65536;
	assert_int_equal(buf_puts(&text, bytes), 0);
}

static int free_text(void **state)
{
	(void)state;
	buf_free(&text);
	return 0;
}

static const char *value(const char *section, const char *title, const char *key)
{
	static char copy[256];
	struct buf out = BUF_INIT(sizeof copy - 1);
	bool found = conf_get(&text, section, title, key, &out);

	snprintf(copy, sizeof copy, "%s", out.data ? out.data : "");
	buf_free(&out);
	return found ? copy : NULL;
}

static void set(const char *title, const char *key, const char *to, const char *expected)
{
	assert_int_equal(conf_set(&text, "client", title, key, to), 0);
	assert_string_equal(text.data, expected);
}

static void values_are_read_whatever_their_form(void **state)
{
	(void)state;
	given("# client \"a\" { tenant = \"no\" }\n/* client \"a\" { } */ tokend { log = stderr // no\n }\n"
	      "client \"b\" { tenant = 'b' }\nclient a { # client_id = x\n client_id = plain.word tenant = "
	      "\"q\\\"\\\\\"\n"
	      " scope = \"}\" }\naccount \"Relay@Contoso.com\" { send_as = { \"x\", \"y\" } client = a }\n");
	assert_string_equal(value("tokend", NULL, "log"), "stderr");
	assert_string_equal(value("client", "b", "tenant"), "b");
	assert_string_equal(value("client", "a", "tenant"), "q\"\\");
	assert_string_equal(value("client", "a", "client_id"), "plain.word");
	assert_string_equal(value("client", "a", "scope"), "}");
	assert_string_equal(value("account", "relay@contoso.com", "client"), "a");
	assert_null(value("account", "relay@contoso.com", "send_as"));
	assert_null(value("client", "A", "tenant"));
	assert_null(value("client", "c", "tenant"));
	assert_null(value("client", "a", "ca_file"));
}

static void titles_are_told_in_order(void **state)
{
	struct buf out = BUF_INIT(100);

	(void)state;
	given("client \"a\" { }\naccount \"x@y.z\" { client = a }\nclient 'b' { }\n");
	assert_true(conf_title(&text, "client", 1, &out));
	assert_string_equal(out.data, "b");
	assert_false(conf_title(&text, "client", 2, &out));
	buf_free(&out);
	assert_true(conf_has_section(&text, "account", "X@Y.Z"));
	assert_false(conf_has_section(&text, "account", "z@y.z"));
}

static void a_value_is_replaced_in_its_place(void **state)
{
	(void)state;
	given("client \"a\" {\n\ttenant = \"old\"  # why\n\tscope = \"s\"\n}\n# end\n");
	set("a", "tenant", "new", "client \"a\" {\n\ttenant = \"new\"  # why\n\tscope = \"s\"\n}\n# end\n");
	set("a", "scope", "a\"b\\c",
	    "client \"a\" {\n\ttenant = \"new\"  # why\n\tscope = \"a\\\"b\\\\c\"\n}\n# end\n");
}

static void the_same_value_stays_as_it_is_written(void **state)
{
	(void)state;
	given("client 'a' { tenant=old client_id  =  'x' }");
	set("a", "tenant", "old", "client 'a' { tenant=old client_id  =  'x' }");
	set("a", "client_id", "x", "client 'a' { tenant=old client_id  =  'x' }");
}

static void a_key_is_added_in_the_section_s_own_manner(void **state)
{
	(void)state;
	given("client \"a\" {\n    tenant = \"t\"\n}\nclient \"b\" { tenant = \"t\" }\nclient \"c\" {}\nclient \"d\" "
	      "{\n}\n"
	      "client \"e\" {\n  tenant = \"t\" }\n");
	assert_int_equal(conf_set(&text, "client", "a", "cloud", "dod"), 0);
	assert_int_equal(conf_set(&text, "client", "b", "cloud", "dod"), 0);
	assert_int_equal(conf_set(&text, "client", "c", "cloud", "dod"), 0);
	assert_int_equal(conf_set(&text, "client", "d", "cloud", "dod"), 0);
	set("e", "cloud", "dod",
	    "client \"a\" {\n    tenant = \"t\"\n    cloud = \"dod\"\n}\nclient \"b\" { tenant = \"t\" cloud = \"dod\" "
	    "}\n"
	    "client \"c\" { cloud = \"dod\" }\nclient \"d\" {\n\tcloud = \"dod\"\n}\n"
	    "client \"e\" {\n  tenant = \"t\" \n  cloud = \"dod\"\n}\n");
}

static void a_key_goes_with_its_line(void **state)
{
	(void)state;
	given("client \"a\" {\n\ttenant = \"t\"\n\tcloud = \"dod\"  # by hand\n\tscope += { \"x\", \"y\" }\n}\n");
	set("a", "tenant", NULL, "client \"a\" {\n\tcloud = \"dod\"  # by hand\n\tscope += { \"x\", \"y\" }\n}\n");
	set("a", "cloud", NULL, "client \"a\" {\n\t# by hand\n\tscope += { \"x\", \"y\" }\n}\n");
	set("a", "scope", NULL, "client \"a\" {\n\t# by hand\n}\n");
	set("a", "proxy", NULL, "client \"a\" {\n\t# by hand\n}\n");
	given("client \"a\" { tenant = \"t\" cloud = \"dod\" }\n");
	set("a", "tenant", NULL, "client \"a\" { cloud = \"dod\" }\n");
}

static void a_section_comes_at_the_end(void **state)
{
	(void)state;
	given("");
	assert_int_equal(conf_add_section(&text, "client", "a\"b", "One.\nTwo.\n"), 0);
	assert_string_equal(text.data, "# One.\n# Two.\nclient \"a\\\"b\" {\n}\n");
	given("tokend { }");
	assert_int_equal(conf_add_section(&text, "milter", NULL, ""), 0);
	assert_string_equal(text.data, "tokend { }\n\nmilter {\n}\n");
	assert_int_equal(conf_set(&text, "milter", NULL, "mode", "off"), 0);
	assert_string_equal(value("milter", NULL, "mode"), "off");
	assert_int_equal(conf_set(&text, "client", "none", "tenant", "x"), -1);
}

static void a_full_buffer_is_an_error_and_changes_nothing(void **state)
{
	(void)state;
	given("client \"a\" { tenant = \"t\" }\n");
	text.max = text.len + 3;
	assert_int_equal(conf_set(&text, "client", "a", "cloud", "public"), -1);
	assert_int_equal(conf_set(&text, "client", "a", "tenant", "longer"), -1);
	assert_int_equal(conf_add_section(&text, "client", "b", ""), -1);
	assert_string_equal(text.data, "client \"a\" { tenant = \"t\" }\n");
}

/* What is half a file is no crash. */
static void torn_text_ends(void **state)
{
	static const char whole[] = "client \"a\" { tenant = { \"t\", 'u' } /* c */ scope = \"\\\"\" # x\n}\n";

	(void)state;
	for (size_t len = 0; len < sizeof whole; len++) {
		given("");
		buf_append(&text, whole, len);
		value("client", "a", "scope");
		value("client", "b", "scope");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(values_are_read_whatever_their_form, free_text),
	    cmocka_unit_test_teardown(titles_are_told_in_order, free_text),
	    cmocka_unit_test_teardown(a_value_is_replaced_in_its_place, free_text),
	    cmocka_unit_test_teardown(the_same_value_stays_as_it_is_written, free_text),
	    cmocka_unit_test_teardown(a_key_is_added_in_the_section_s_own_manner, free_text),
	    cmocka_unit_test_teardown(a_key_goes_with_its_line, free_text),
	    cmocka_unit_test_teardown(a_section_comes_at_the_end, free_text),
	    cmocka_unit_test_teardown(a_full_buffer_is_an_error_and_changes_nothing, free_text),
	    cmocka_unit_test_teardown(torn_text_ends, free_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
