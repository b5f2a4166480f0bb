/* Whose is this sender? The whole order of precedence, and one owner for each address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/senders.h"
#include "tests/unit/conf_file.h"

#define CLIENT "client app { provider = microsoft tenant = t client_id = i client_secret_file = /f }\n"
#define APP_ONLY "client = app grant = client_credentials "

static const char everything[] =
    CLIENT "account relay@a.example { client = app send_as = { list@b.example, '*@c.example', relay@d.example } }\n"
	   "account '*@b.example' { " APP_ONLY "send_as = '*@e.example' }\n"
	   "account boss@b.example { client = app }\n"
	   "connector mx { relayhost = mx:25 senders = { news@b.example, boss@c.example, '*@f.example' } }\n";

struct loaded {
	struct settings *settings;
	struct senders *senders;
};

static struct loaded load(const char *text, const char *more)
{
	char whole[2048];
	struct loaded loaded;
	struct err err;

	snprintf(whole, sizeof(whole), "%s%s", text, more);
	loaded.settings = load_text(whole, &err);
	if (!loaded.settings)
		fail_msg("%s", err.text);
	loaded.senders = senders_new(loaded.settings, &err);
	assert_non_null(loaded.senders);
	return loaded;
}

static void unload(struct loaded *loaded)
{
	senders_free(loaded->senders);
	settings_free(loaded->settings);
}

static void expect(const struct loaded *loaded, const char *address, enum senders_how how, const char *owner)
{
	struct senders_match match = senders_find(loaded->senders, address, strlen(address));
	const char *name = match.account ? match.account->name : match.connector ? match.connector->name : "";

	if (match.how != how || strcmp(name, owner) != 0 || (match.account && match.connector))
		fail_msg("%s: %d \"%s\"", address, (int)match.how, name);
}

static void the_nearest_owner_wins(void **state)
{
	struct loaded l = load(everything, "");

	(void)state;
	expect(&l, "relay@a.example", SENDERS_EXACT, "relay@a.example");
	expect(&l, "boss@b.example", SENDERS_EXACT, "boss@b.example");  /* an exact name before *@b.example */
	expect(&l, "list@b.example", SENDERS_EXACT, "relay@a.example"); /* an exact send_as before it */
	expect(&l, "news@b.example", SENDERS_EXACT, "mx");              /* an exact connector sender before it */
	expect(&l, "x@b.example", SENDERS_WILDCARD, "*@b.example");
	expect(&l, "x@c.example", SENDERS_WILDCARD, "relay@a.example");
	expect(&l, "boss@c.example", SENDERS_EXACT, "mx");
	expect(&l, "x@e.example", SENDERS_WILDCARD, "*@b.example");
	expect(&l, "x@f.example", SENDERS_WILDCARD, "mx");
	expect(&l, "x@a.example", SENDERS_NOBODY, "");
	unload(&l);
}

static void case_does_not_matter(void **state)
{
	struct loaded l = load(everything, "");

	(void)state;
	expect(&l, "Relay@A.Example", SENDERS_EXACT, "relay@a.example");
	expect(&l, "ANY@B.EXAMPLE", SENDERS_WILDCARD, "*@b.example");
	unload(&l);
}

static void what_belongs_to_nobody_goes_to_the_default(void **state)
{
	struct loaded l = load(everything, "milter { default_account = relay@a.example }");

	(void)state;
	expect(&l, "root@localhost", SENDERS_DEFAULT, "relay@a.example");
	expect(&l, "", SENDERS_DEFAULT, "relay@a.example"); /* the null sender */
	expect(&l, "news@b.example", SENDERS_EXACT, "mx");
	unload(&l);
}

static void odd_addresses_match_nothing(void **state)
{
	static const char *const odd[] = {"",
					  "@b.example",
					  "relay",
					  "*@b.example",
					  "x@sub.b.example",
					  "b.example",
					  "x@b.example ",
					  "x@b.example@other.example"};
	struct loaded l = load(everything, "");
	char big[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		expect(&l, odd[i], SENDERS_NOBODY, "");
	memset(big, 'x', sizeof(big));
	memcpy(big + sizeof(big) - 11, "@b.example", 11);
	expect(&l, big, SENDERS_NOBODY, "");
	assert_int_equal(senders_find(l.senders, "relay@a.example\0", 16).how, SENDERS_NOBODY);
	assert_int_equal(senders_find(l.senders, "relay@a.example.org", 15).how,
			 SENDERS_EXACT); /* not NUL-terminated */
	assert_int_equal(senders_find(l.senders, "\"a@b\"@b.example", 15).how, SENDERS_WILDCARD);
	unload(&l);
}

static void expect_account(const struct loaded *loaded, const char *name, const char *wanted)
{
	const struct settings_account *account = senders_account(loaded->senders, name, strlen(name));

	if (!account ? *wanted != '\0' : strcmp(account->name, wanted) != 0)
		fail_msg("%s: \"%s\"", name, account ? account->name : "");
}

static void an_account_is_found_by_its_name_only(void **state)
{
	struct loaded l = load(everything, "milter { default_account = relay@a.example }");

	(void)state;
	expect_account(&l, "RELAY@a.example", "relay@a.example");
	expect_account(&l, "boss@b.example", "boss@b.example");
	expect_account(&l, "x@b.example", "*@b.example");
	expect_account(&l, "list@b.example", "*@b.example"); /* relay's send_as; a mailbox of the domain all the same */
	expect_account(&l, "relay@d.example", "");           /* send_as */
	expect_account(&l, "x@c.example", "");               /* wildcard send_as */
	expect_account(&l, "x@f.example", "");               /* connector */
	expect_account(&l, "nobody@nowhere.example", "");    /* default */
	expect_account(&l, "*@b.example", "");
	expect_account(&l, "", "");
	unload(&l);
}

static void an_address_has_one_owner(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} table[] = {
	    {CLIENT "account a@x.y { client = app send_as = c@x.y }\naccount b@x.y { client = app send_as = C@x.y }",
	     "FILE:3: c@x.y of account \"b@x.y\" belongs already to account \"a@x.y\" on line 2; an address has "
	     "one owner"},
	    {CLIENT "account a@x.y { client = app send_as = b@x.y }\naccount b@x.y { client = app }",
	     "FILE:3: b@x.y of account \"b@x.y\" belongs already to account \"a@x.y\" on line 2; an address has "
	     "one owner"},
	    {CLIENT "connector c { relayhost = m:1 senders = '*@x.y' }\naccount '*@x.y' { " APP_ONLY "}",
	     "FILE:3: *@x.y of account \"*@x.y\" belongs already to connector \"c\" on line 2; an address has one "
	     "owner"},
	};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_null(load_text(table[i].text, &err));
		assert_string_equal(err.text, table[i].error);
	}
}

static void an_owner_may_name_an_address_twice(void **state)
{
	struct loaded l = load(CLIENT, "account a@x.y { client = app send_as = { a@x.y, b@x.y, B@x.y } }");

	(void)state;
	expect(&l, "b@x.y", SENDERS_EXACT, "a@x.y");
	expect_account(&l, "a@x.y", "a@x.y");
	unload(&l);
	senders_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_nearest_owner_wins),
	    cmocka_unit_test(case_does_not_matter),
	    cmocka_unit_test(what_belongs_to_nobody_goes_to_the_default),
	    cmocka_unit_test(odd_addresses_match_nothing),
	    cmocka_unit_test(an_account_is_found_by_its_name_only),
	    cmocka_unit_test(an_address_has_one_owner),
	    cmocka_unit_test(an_owner_may_name_an_address_twice),
	};

	return cmocka_run_group_tests_name("senders", tests, NULL, NULL);
}
