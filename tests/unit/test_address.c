/* The strict reader of From fields: every syntax of RFC 5322 and its obsolete forms, and what is nearly one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "milter/address.h"

struct row {
	const char *value;
	size_t len;
	enum address_kind kind;
	const char *mailbox;
	enum scan_problem problem;
};

#define V(value) value, sizeof(value) - 1
#define ONE(value, mailbox)                                                                                            \
	{                                                                                                              \
		V(value), ADDRESS_ONE, mailbox, SCAN_FINE                                                              \
	}
#define NONE(value)                                                                                                    \
	{                                                                                                              \
		V(value), ADDRESS_NONE, "", SCAN_FINE                                                                  \
	}
#define MANY(value)                                                                                                    \
	{                                                                                                              \
		V(value), ADDRESS_MANY, "", SCAN_FINE                                                                  \
	}
#define GROUP(value)                                                                                                   \
	{                                                                                                              \
		V(value), ADDRESS_GROUP, "", SCAN_FINE                                                                 \
	}
#define BAD(value)                                                                                                     \
	{                                                                                                              \
		V(value), ADDRESS_UNPARSABLE, "", SCAN_BAD_SYNTAX                                                      \
	}
#define CONTROLS(value)                                                                                                \
	{                                                                                                              \
		V(value), ADDRESS_UNPARSABLE, "", SCAN_CONTROLS                                                        \
	}
#define HIDDEN(value)                                                                                                  \
	{                                                                                                              \
		V(value), ADDRESS_UNPARSABLE, "", SCAN_HIDDEN                                                          \
	}

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *exact = malloc(rows[i].len + 1); /* so that a sanitizer sees the first byte too many */
		struct address address;

		assert_non_null(exact);
		memcpy(exact, rows[i].value, rows[i].len);
		address_parse((struct span){exact, rows[i].len}, &address);
		if (address.kind != rows[i].kind || strcmp(address.mailbox, rows[i].mailbox) != 0 ||
		    address.problem != rows[i].problem || address.len != strlen(rows[i].mailbox))
			fail_msg("\"%s\": %s \"%s\", problem %d", rows[i].value, address_kind_name(address.kind),
				 address.mailbox, (int)address.problem);
		free(exact);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void plain_mailboxes(void **state)
{
	static const struct row rows[] = {
	    ONE("relay@contoso.com", "relay@contoso.com"),
	    ONE("Relay@CONTOSO.Com", "relay@contoso.com"),
	    ONE(" relay@contoso.com", "relay@contoso.com"),
	    ONE("relay@contoso.com \t", "relay@contoso.com"),
	    ONE("\trelay@contoso.com", "relay@contoso.com"),
	    ONE("a@b", "a@b"),
	    ONE("scanner@local", "scanner@local"),
	    ONE("root@localhost.localdomain", "root@localhost.localdomain"),
	    ONE("a.b.c@d.e.f", "a.b.c@d.e.f"),
	    ONE("a+b-c_d@x-y.example", "a+b-c_d@x-y.example"),
	    ONE("o'neil@contoso.com", "o'neil@contoso.com"),
	    ONE("!#$%&'*+-/?=^_`{|}~@contoso.com", "!#$%&'*+-/?=^_`{|}~@contoso.com"),
	    ONE("a%b@contoso.com", "a%b@contoso.com"),
	    ONE("host!user@contoso.com", "host!user@contoso.com"),
	    ONE("1@2.3", "1@2.3"),
	    ONE("x_y@a_b.example", "x_y@a_b.example"),
	    ONE("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
	    ONE("prvs=12=a@contoso.com", "prvs=12=a@contoso.com"),
	    ONE("<relay@contoso.com>", "relay@contoso.com"),
	    ONE("  <relay@contoso.com>  ", "relay@contoso.com"),
	    BAD("scanner@[192.0.2.1]"),
	    BAD("<scanner@[IPv6:2001:db8::1]>"),
	    BAD("relay"),
	    BAD("relay@"),
	    BAD("@contoso.com"),
	    BAD("@"),
	    BAD("relay@@contoso.com"),
	    BAD("relay@contoso.com@evil.example"),
	    BAD("<relay@contoso.com@evil.example>"),
	    BAD("relay contoso.com"),
	    BAD("relay.@contoso.com"),
	    BAD(".relay@contoso.com"),
	    BAD("re..lay@contoso.com"),
	    BAD("relay@contoso.com."),
	    BAD("relay@.contoso.com"),
	    BAD("relay@contoso..com"),
	    BAD("relay@con'toso.com"),
	    BAD("relay@contoso.com/x"),
	    BAD("relay@con toso.com"),
	    BAD("relay @contoso.com"),
	    BAD("relay@ contoso.com"),
	    BAD("relay\n @contoso.com"),
	    BAD("re lay@contoso.com"),
	    BAD("relay@contoso.com x"),
	    BAD("relay@contoso.com evil@x.example"),
	    BAD("relay@contoso.com; evil@x.example"),
	    BAD("relay@contoso.com;"),
	    BAD("relay@[192.0.2.1"),
	    BAD("relay@192.0.2.1]"),
	    BAD("relay@[]"),
	    BAD("relay@[192.0.2.1 ]"),
	    BAD("relay@[contoso.com]"),
	    BAD("relay@[192.0.2.1].example"),
	    BAD("relay@[192.0.2\\.1]"),
	    BAD("mailto%3arelay@contoso.com>"),
	    BAD("[relay@contoso.com]"),
	    BAD("relay\\@contoso.com"),
	};

	(void)state;
	CHECK(rows);
}

static void names_and_brackets(void **state)
{
	static const struct row rows[] = {
	    ONE("Scanner <relay@contoso.com>", "relay@contoso.com"),
	    ONE("Scanner<relay@contoso.com>", "relay@contoso.com"),
	    ONE("Scanner 3rd floor <relay@contoso.com>", "relay@contoso.com"),
	    ONE("Dr. Strange <relay@contoso.com>", "relay@contoso.com"),
	    ONE("J. R. R. Tolkien <relay@contoso.com>", "relay@contoso.com"),
	    ONE("J.R.R. Tolkien <relay@contoso.com>", "relay@contoso.com"),
	    ONE("contoso.com <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"Scanner\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"Smith, John\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"relay@contoso.com\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"evil@x.example\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"<evil@x.example>\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"a \\\"b\\\" c\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"a\\\\\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"a\" b \"c\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"a\"b <relay@contoso.com>", "relay@contoso.com"),
	    ONE("'Scanner' <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"a:b;c\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"(\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("M\xc3\xbcller <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\"M\xc3\xbcller, H\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("\xe6\x97\xa5\xe6\x9c\xac <relay@contoso.com>", "relay@contoso.com"),
	    BAD("Smith, John <relay@contoso.com>"),
	    BAD("evil@x.example <relay@contoso.com>"),
	    BAD("<relay@contoso.com> <evil@x.example>"),
	    BAD("<relay@contoso.com><evil@x.example>"),
	    BAD("A <relay@contoso.com> B"),
	    BAD("A <relay@contoso.com> B <evil@x.example>"),
	    BAD("A <relay@contoso.com>> "),
	    BAD("A <<relay@contoso.com>>"),
	    BAD("A <relay@contoso.com"),
	    BAD("A relay@contoso.com>"),
	    BAD("A < relay@contoso.com>"),
	    BAD("A <relay@contoso.com >"),
	    BAD("A <>"),
	    BAD("<>"),
	    BAD("A <relay>"),
	    BAD("A <A <relay@contoso.com>>"),
	    BAD("A"),
	    BAD("\"relay@contoso.com\""),
	    BAD("\"A <relay@contoso.com>"),
	    BAD("A\" <relay@contoso.com>"),
	    BAD("\"A\\\" <relay@contoso.com>"),
	    BAD("\"A\\n\" <relay@contoso.com>"),
	    BAD("A\\, B <relay@contoso.com>"),
	    BAD(". <relay@contoso.com>"),
	    BAD("A . <relay@contoso.com>"),
	    BAD("\"A\". <relay@contoso.com>"),
	    BAD("[A] <relay@contoso.com>"),
	    BAD("A] <relay@contoso.com>"),
	    BAD("A; <relay@contoso.com>"),
	    BAD("A <relay@contoso.com>;"),
	    BAD("A <relay@contoso.com>."),
	    BAD("\xfc <relay@contoso.com>"),
	    BAD("M\xfcller <relay@contoso.com>"),
	    BAD("\"M\xfcller\" <relay@contoso.com>"),
	    BAD("\xc0\xbcrelay@contoso.com>"),
	    BAD("\xed\xa0\x80 <relay@contoso.com>"),
	    BAD("\xf4\x90\x80\x80 <relay@contoso.com>"),
	    BAD("\xc3 <relay@contoso.com>"),
	};

	(void)state;
	CHECK(rows);
}

static void several_groups_and_none(void **state)
{
	static const struct row rows[] = {
	    NONE(""),
	    NONE(" "),
	    NONE(" \t "),
	    NONE("(nobody)"),
	    NONE(" (a) (b) "),
	    MANY("relay@contoso.com, evil@x.example"),
	    MANY("evil@x.example, relay@contoso.com"),
	    MANY("relay@contoso.com, relay@contoso.com"),
	    MANY("A <relay@contoso.com>, B <evil@x.example>"),
	    MANY("relay@contoso.com,"),
	    MANY("<relay@contoso.com>,,"),
	    MANY("relay@contoso.com,\n evil@x.example"),
	    MANY("relay@contoso.com (a b), evil@x.example"),
	    BAD(",relay@contoso.com"),
	    BAD(", relay@contoso.com"),
	    BAD(","),
	    BAD(";"),
	    BAD(":"),
	    BAD(":relay@contoso.com;"),
	    GROUP("Team: relay@contoso.com;"),
	    GROUP("Team: relay@contoso.com, evil@x.example;"),
	    GROUP("undisclosed-recipients:;"),
	    GROUP("\"A B\": <relay@contoso.com>;"),
	    GROUP("Team: relay@contoso.com"),
	    GROUP("mailto:relay@contoso.com"),
	    GROUP("From: relay@contoso.com"),
	    BAD("<@x.example:relay@contoso.com>"),
	    BAD("<@a.example,@b.example:relay@contoso.com>"),
	    BAD("A <@x.example:relay@contoso.com>"),
	    BAD("@x.example:relay@contoso.com"),
	    BAD("<relay:x@contoso.com>"),
	};

	(void)state;
	CHECK(rows);
}

static void quoted_local_parts(void **state)
{
	static const struct row rows[] = {
	    BAD("\"relay\"@contoso.com"),
	    BAD("\"re lay\"@contoso.com"),
	    BAD("\"evil@x.example\"@contoso.com"),
	    BAD("<\"evil@x.example\"@contoso.com>"),
	    BAD("\"relay@contoso.com\"@evil.example"),
	    BAD("A <\"relay@contoso.com>\"@evil.example>"),
	    BAD("\"a\".b@contoso.com"),
	    BAD("a.\"b\"@contoso.com"),
	    BAD("\"\"@contoso.com"),
	    BAD("\"relay\\\"@contoso.com"),
	    BAD("\"<relay@contoso.com>\"@evil.example"),
	};

	(void)state;
	CHECK(rows);
}

static void comments(void **state)
{
	static const struct row rows[] = {
	    ONE("relay@contoso.com (Cron Daemon)", "relay@contoso.com"),
	    ONE("relay@contoso.com(Cron)", "relay@contoso.com"),
	    ONE("(Cron) relay@contoso.com", "relay@contoso.com"),
	    ONE("(a)(b) relay@contoso.com (c) (d)", "relay@contoso.com"),
	    ONE("<relay@contoso.com> (Name)", "relay@contoso.com"),
	    ONE("A (b) <relay@contoso.com>", "relay@contoso.com"),
	    ONE("A (b) C <relay@contoso.com> (d)", "relay@contoso.com"),
	    ONE("relay@contoso.com (a (b (c)))", "relay@contoso.com"),
	    ONE("relay@contoso.com (((a)))", "relay@contoso.com"),
	    ONE("relay@contoso.com (a\\)b)", "relay@contoso.com"),
	    ONE("relay@contoso.com (a\\(b)", "relay@contoso.com"),
	    BAD("relay@contoso.com (\")"),
	    ONE("relay@contoso.com ()", "relay@contoso.com"),
	    ONE("relay@contoso.com (a b; c: d.)", "relay@contoso.com"),
	    ONE("relay@contoso.com (M\xc3\xbcller)", "relay@contoso.com"),
	    ONE("relay@contoso.com (a\n b)", "relay@contoso.com"),
	    BAD("relay(a)@contoso.com"),
	    BAD("relay@(a)contoso.com"),
	    BAD("relay@contoso(a).com"),
	    BAD("<(a)relay@contoso.com>"),
	    BAD("<relay@contoso.com(a)>"),
	    BAD("<relay(a)@contoso.com>"),
	    BAD("relay@contoso.com (evil@x.example)"),
	    BAD("relay@contoso.com (<evil>)"),
	    BAD("relay@contoso.com (a, b)"),
	    BAD("(<relay@contoso.com>) evil@x.example"),
	    BAD("relay@contoso.com (a"),
	    BAD("relay@contoso.com (a\\)"),
	    BAD("relay@contoso.com (a))"),
	    BAD("relay@contoso.com )a("),
	    BAD("relay@contoso.com (((((a)))))"),
	    BAD("relay@contoso.com (a\\n)"),
	    BAD("(((((((((((((((((((((((((((((((((((((((((((((((((((((relay@contoso.com"),
	};

	(void)state;
	CHECK(rows);
}

static void encoded_words(void **state)
{
	static const struct row rows[] = {
	    ONE("=?utf-8?q?M=C3=BCller?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?UTF-8?Q?M=C3=BCller?=<relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?utf-8?B?TcO8bGxlcg==?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?iso-8859-15?Q?M=FCller?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?windows-1252?Q?M=FCller?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?utf-8?q?a?= =?utf-8?q?b?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?utf-8?q?a?=\n =?utf-8?q?b?= c <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?utf-8?q?Dr._M=C3=BCller=2C_H?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?utf-8?q?M=C3=BCller_=28Zentrale=29?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?gb18030?b?yOU=?= <relay@contoso.com>", "relay@contoso.com"),
	    ONE("=?shift_jis?q?=83=40?= <relay@contoso.com>", "relay@contoso.com"), /* its second byte is no "@" */
	    ONE("\"=?utf-8?q?a?=\" <relay@contoso.com>", "relay@contoso.com"),
	    ONE("relay@contoso.com (=?utf-8?q?a?=)", "relay@contoso.com"),
	    HIDDEN("=?utf-8?q?evil=40x=2Eexample?= <relay@contoso.com>"),
	    HIDDEN("=?utf-8?q?=3Cevil=40x=2Eexample=3E?= <relay@contoso.com>"),
	    HIDDEN("=?utf-8?b?PGV2aWxAeD4=?= <relay@contoso.com>"),
	    HIDDEN("=?utf-8?b?YUBi?= <relay@contoso.com>"),
	    HIDDEN("=?iso-8859-1?q?evil=40x?= <relay@contoso.com>"),
	    HIDDEN("=?shift_jis?q?a=40b?= <relay@contoso.com>"),
	    HIDDEN("=?iso-2022-jp?q?=1B=24B=1B=28Ba=40b?= <relay@contoso.com>"),
	    HIDDEN("=?utf-8?q?=0D=0AEvil=3A_x?= <relay@contoso.com>"),
	    HIDDEN("=?utf-8?q?=00?= <relay@contoso.com>"),
	    HIDDEN("=?utf-8?q?=22?= <relay@contoso.com>"),
	    HIDDEN("=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=40b=3F=3D?= <relay@contoso.com>"),
	    HIDDEN("\"=?utf-8?q?=22_=3Cevil=40x=3E?=\" <relay@contoso.com>"),
	    HIDDEN("relay@contoso.com (=?utf-8?q?=29_evil=40x?=)"),
	    HIDDEN("=?utf-8?q?a?= \"evil@x.example\" <relay@contoso.com>"),
	    HIDDEN("\"evil@x.example\" =?utf-8?q?a?= <relay@contoso.com>"),
	    BAD("=?utf-8?q?relay?=@contoso.com"),
	    BAD("relay@=?utf-8?q?contoso=2Ecom?="),
	    BAD("<=?utf-8?q?relay?=@contoso.com>"),
	    BAD("=?utf-8?q?=3Crelay=40contoso=2Ecom=3E_"),
	    BAD("=?utf-8?q?a b?= <relay@contoso.com>"),
	    BAD("=?utf-8?q?a,b?= <relay@contoso.com>"),
	    BAD("=?utf-8?q?a@b?= <relay@contoso.com>"),
	    BAD("=?utf-8?q?a=4?= <relay@contoso.com>"),
	    BAD("=?utf-8?q?a=zz?= <relay@contoso.com>"),
	    BAD("=?utf-8?q?\?= <relay@contoso.com>"),
	    BAD("=?utf-8?b?YQ?= <relay@contoso.com>"),
	    BAD("=?utf-8?b?Y!==?= <relay@contoso.com>"),
	    BAD("=?utf-8?x?a?= <relay@contoso.com>"),
	    BAD("=?utf-7?q?+AEA-?= <relay@contoso.com>"),
	    BAD("=?utf-16?b?AEAA?= <relay@contoso.com>"),
	    BAD("=?unknown?q?a?= <relay@contoso.com>"),
	    BAD("=?utf-8*en?q?a?= <relay@contoso.com>"),
	    BAD("a=?utf-8?q?b?= <relay@contoso.com>"),
	    BAD("\"=?x\" <relay@contoso.com>"),
	    BAD("=? <relay@contoso.com>"),
	};

	(void)state;
	CHECK(rows);
}

static void folding_and_controls(void **state)
{
	static const struct row rows[] = {
	    ONE("A\n <relay@contoso.com>", "relay@contoso.com"),
	    ONE("A\r\n <relay@contoso.com>", "relay@contoso.com"),
	    ONE("A\n\t<relay@contoso.com>", "relay@contoso.com"),
	    ONE("\n relay@contoso.com", "relay@contoso.com"),
	    ONE("\"a\n b\" <relay@contoso.com>", "relay@contoso.com"),
	    BAD("A\n \n <relay@contoso.com>"),
	    BAD("relay@contoso.com\n "),
	    CONTROLS("A\n<relay@contoso.com>"),
	    CONTROLS("relay@contoso.com\n"),
	    CONTROLS("relay@contoso.com\r"),
	    CONTROLS("A\r<relay@contoso.com>"),
	    CONTROLS("A\r <relay@contoso.com>"),
	    CONTROLS("A\r\r\n <relay@contoso.com>"),
	    CONTROLS("\"a\nb\" <relay@contoso.com>"),
	    CONTROLS("relay@contoso.com\nBcc: evil@x.example"),
	    CONTROLS("relay@contoso.com\0"),
	    CONTROLS("relay@contoso.com\0evil"),
	    CONTROLS("A\0 <relay@contoso.com>"),
	    CONTROLS("\"\0\" <relay@contoso.com>"),
	    CONTROLS("(\0) relay@contoso.com"),
	    CONTROLS("A\001 <relay@contoso.com>"),
	    CONTROLS("A\x0b <relay@contoso.com>"),
	    CONTROLS("A\x0c <relay@contoso.com>"),
	    CONTROLS("A\x1b[31m <relay@contoso.com>"),
	    CONTROLS("A\x7f <relay@contoso.com>"),
	    CONTROLS("A\xc2\x85 <relay@contoso.com>"),
	    CONTROLS("A\xe2\x80\xa8 <relay@contoso.com>"),
	    CONTROLS("relay@contoso.com\x0b"),
	};

	(void)state;
	CHECK(rows);
}

static void international_addresses(void **state)
{
	static const struct row rows[] = {
	    ONE("m\xc3\xbcller@contoso.com", "m\xc3\xbcller@contoso.com"),
	    ONE("M\xc3\x9cLLER@contoso.com", "m\xc3\x9cller@contoso.com"), /* only ASCII has one lower case */
	    ONE("A <a@b\xc3\xbc"
		"cher.example>",
		"a@b\xc3\xbc"
		"cher.example"),
	    ONE("\xe6\x97\xa5@\xe6\x9c\xac.example", "\xe6\x97\xa5@\xe6\x9c\xac.example"),
	    BAD("relay\xef\xbc\xa0"
		"contoso.com"), /* fullwidth commercial at */
	    BAD("relay\xef\xb9\xab"
		"contoso.com"),
	    BAD("a\xef\xbc\xa0"
		"b@contoso.com"),
	    BAD("relay@contoso\xe3\x80\x82"
		"com"),                           /* ideographic full stop */
	    BAD("relay\xe2\x80\x8b@contoso.com"), /* zero width space */
	    BAD("\xe2\x80\xaerelay@contoso.com"), /* right-to-left override */
	    BAD("relay@contoso.com\xc2\xa0"),     /* no-break space */
	    BAD("re\xc2\xadlay@contoso.com"),     /* soft hyphen */
	    BAD("relay\xfc@contoso.com"),
	};

	(void)state;
	CHECK(rows);
}

static void sizes(void **state)
{
	static char big[SCAN_FIELD_MAX + 64];
	struct address address;
	size_t n;

	(void)state;
	memset(big, 'a', sizeof big);
	memcpy(big + 64, "@contoso.com", 12);
	address_parse((struct span){big, 76}, &address);
	assert_int_equal(address.kind, ADDRESS_ONE);
	assert_int_equal(address.local_len, 64);
	memcpy(big + 65, "@contoso.com", 12);
	address_parse((struct span){big, 77}, &address);
	assert_int_equal(address.kind, ADDRESS_UNPARSABLE); /* a local part of 65 */
	memset(big, 'a', sizeof big);
	big[1] = '@';
	address_parse((struct span){big, ADDRESS_MAX}, &address);
	assert_int_equal(address.len, ADDRESS_MAX);
	address_parse((struct span){big, ADDRESS_MAX + 1}, &address);
	assert_int_equal(address.kind, ADDRESS_UNPARSABLE);

	memset(big, ' ', sizeof big);
	memcpy(big, "a@b.example", 11);
	address_parse((struct span){big, SCAN_FIELD_MAX}, &address);
	assert_int_equal(address.kind, ADDRESS_ONE);
	address_parse((struct span){big, SCAN_FIELD_MAX + 1}, &address);
	assert_int_equal(address.kind, ADDRESS_UNPARSABLE);
	assert_int_equal(address.problem, SCAN_TOO_LONG);

	/* Sixteen thousand of anything take one pass and no stack. */
	for (const char *c = "(<\"=?.,@:;[\\"; *c != '\0'; c++) {
		memset(big, *c, SCAN_FIELD_MAX);
		address_parse((struct span){big, SCAN_FIELD_MAX}, &address);
		assert_int_not_equal(address.kind, ADDRESS_ONE);
	}
	for (n = 0; n + 4 <= SCAN_FIELD_MAX; n += 4)
		memcpy(big + n, "a@b,", 4);
	address_parse((struct span){big, SCAN_FIELD_MAX}, &address);
	assert_int_equal(address.kind, ADDRESS_MANY);
	address_parse((struct span){NULL, 0}, &address);
	assert_int_equal(address.kind, ADDRESS_NONE);
}

static void expect_name(const char *value, const char *name, bool in_comment)
{
	struct address address;

	address_parse((struct span){value, strlen(value)}, &address);
	assert_int_equal(address.kind, ADDRESS_ONE);
	assert_int_equal(address.name_is_comment, in_comment);
	assert_int_equal(address.name.len, strlen(name));
	if (address.name.len > 0)
		assert_memory_equal(address.name.at, name, address.name.len);
}

static void the_display_name_is_found(void **state)
{
	(void)state;
	expect_name("relay@contoso.com", "", false);
	expect_name("<relay@contoso.com>", "", false);
	expect_name("Scanner 3 <relay@contoso.com>", "Scanner 3", false);
	expect_name(" \"A, B\" C.  <relay@contoso.com> (d)", "\"A, B\" C.", false);
	expect_name("=?utf-8?q?a?= b<relay@contoso.com>", "=?utf-8?q?a?= b", false);
	expect_name("relay@contoso.com (Cron Daemon)", "Cron Daemon", true);
	expect_name("relay@contoso.com (a (b) c)", "a (b) c", true);
}

static void the_address_is_found_as_it_was_written(void **state)
{
	struct address address;

	(void)state;
	address_parse(SPAN("A <Relay@Contoso.COM>"), &address);
	assert_int_equal(address.written.len, 17);
	assert_memory_equal(address.written.at, "Relay@Contoso.COM", 17);
	assert_int_equal(address.local_len, 5);
}

static void plain_addresses_have_nothing_around_them(void **state)
{
	static const char *const bad[] = {
	    "",  " a@b.example",   "a@b.example ",      "<a@b.example>", "A <a@b.example>",
	    "a", "a@b.example(c)", "\"a b\"@b.example", "a@b.example,",  "MAILER-DAEMON"};
	struct address address;

	(void)state;
	assert_true(address_plain(SPAN("A@b.example"), &address));
	assert_string_equal(address.mailbox, "a@b.example");
	assert_false(address_is_international(address.mailbox, address.len));
	assert_true(address_plain(SPAN("\xc3\xbc@b.example"), &address));
	assert_true(address_is_international(address.mailbox, address.len));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (address_plain((struct span){bad[i], strlen(bad[i])}, &address))
			fail_msg("%s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_mailboxes),
	    cmocka_unit_test(names_and_brackets),
	    cmocka_unit_test(several_groups_and_none),
	    cmocka_unit_test(quoted_local_parts),
	    cmocka_unit_test(comments),
	    cmocka_unit_test(encoded_words),
	    cmocka_unit_test(folding_and_controls),
	    cmocka_unit_test(international_addresses),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(the_display_name_is_found),
	    cmocka_unit_test(the_address_is_found_as_it_was_written),
	    cmocka_unit_test(plain_addresses_have_nothing_around_them),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
