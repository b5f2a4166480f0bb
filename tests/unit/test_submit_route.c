/* Which way a sender's mail goes: what tokend is asked, and what is made of its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "client/tokenclient.h"
#include "submit/route.h"
#include "tests/unit/conf_file.h"

#define ONE                                                                                                            \
	"client app { provider = microsoft tenant = t client_id = i client_secret_file = /f ca_file = /ca.pem }\n"     \
	"account relay@c.example { client = app }\n"
#define TWO                                                                                                            \
	ONE "client other { provider = google client_id = i client_secret_file = /f }\naccount b@c.example { client "  \
	    "= other }\n"

/* tokend: its answer for each question, "MAP KEY"; NULL at the end. */
struct answer {
	const char *question;
	enum wire_result result;
	const char *text; /* NULL: it cannot be reached */
};
static const struct answer *answers;
static char asked[1024];

int tokenclient_ask(const struct tokenclient_question *question, enum wire_result *result, struct buf *text,
		    struct err *err)
{
	char words[512];
	size_t used = strlen(asked);

	snprintf(words, sizeof words, "%s %.*s", question->map, (int)question->key_len, question->key);
	snprintf(asked + used, sizeof asked - used, "%s|", words);
	assert_string_equal("/run/t.sock", question->socket_path);
	assert_int_equal(WIRE_REPLY_MAX, question->reply_max);
	for (const struct answer *answer = answers; answer->question != NULL; answer++) {
		if (strcmp(answer->question, words) != 0)
			continue;
		if (answer->text == NULL)
			return err_set(err, ERR_UNREACHABLE, "nobody there");
		*result = answer->result;
		return buf_puts(text, answer->text);
	}
	*result = WIRE_NOTFOUND;
	return 0;
}

static struct router router;
static struct route route;
static struct err err;

static void use(const char *conf)
{
	char text[2048];

	snprintf(text, sizeof text, "%stokend { listen = { /run/t.sock, /run/u.sock } }\n", conf);
	router.settings = load_text(text, &err);
	if (router.settings == NULL)
		fail_msg("%s", err.text);
	router.senders = senders_new(router.settings, &err);
	assert_non_null(router.senders);
}

static int put_away(void **state)
{
	(void)state;
	senders_free((struct senders *)router.senders);
	settings_free((struct settings *)router.settings);
	router = (struct router){0};
	asked[0] = '\0';
	return 0;
}

static int find(const char *sender, const struct answer *given)
{
	answers = given;
	asked[0] = '\0';
	err = (struct err){.code = ERR_NONE};
	return route_find(&router, (struct lmtp_text){sender, strlen(sender)}, &route, &err);
}

static void tokend_says_who_logs_in_and_where(void **state)
{
	static const struct answer ok[] = {{"sasl app@x", WIRE_OK, "relay@c.example:unix:/run/t.sock"},
					   {"relayhost app@x", WIRE_OK, "[smtp.example]:2525"},
					   {NULL, 0, NULL}};

	(void)state;
	use(TWO);
	assert_int_equal(0, find("app@x", ok));
	assert_string_equal("relay@c.example", route.account);
	assert_string_equal("smtp.example", route.host);
	assert_int_equal(2525, route.port);
	assert_string_equal("/ca.pem", route.ca_file);
	assert_string_equal("sasl app@x|relayhost app@x|", asked);
}

static void a_socket_may_have_any_name(void **state)
{
	struct answer one[] = {{"sasl app@x", WIRE_OK, "relay@c.example:unix:/run/m@b:unix:/t.sock"},
			       {"relayhost app@x", WIRE_OK, "[smtp.example]:2525"},
			       {NULL, 0, NULL}};

	(void)state;
	use(TWO);
	assert_int_equal(0, find("app@x", one));
	assert_string_equal("relay@c.example", route.account);
	one[0].text = "relay@c.example:tokend";
	assert_int_equal(0, find("app@x", one));
	assert_string_equal("relay@c.example", route.account);
}

/* A connector is a way without a login. */
static void no_login_is_no_error(void **state)
{
	static const struct answer connector[] = {{"relayhost news@c.example", WIRE_OK, "mx:25"}, {NULL, 0, NULL}};
	static const struct answer nobody[] = {{NULL, 0, NULL}};

	(void)state;
	use(TWO);
	assert_int_equal(0, find("news@c.example", connector));
	assert_string_equal("", route.account);
	assert_string_equal("mx", route.host);
	assert_null(route.ca_file);
	assert_int_equal(-1, find("app@x", nobody));
	assert_int_equal(ERR_CONFIG, err.code);
	assert_non_null(strstr(err.text, "no account or connector sends for <app@x>"));
	assert_non_null(strstr(err.text, "-a"));
}

static void an_account_that_is_named_is_not_asked_for(void **state)
{
	static const struct answer ok[] = {{"relayhost b@c.example", WIRE_OK, "[h]:1"}, {NULL, 0, NULL}};

	(void)state;
	use(TWO);
	router.account = "b@c.example";
	assert_int_equal(0, find("app@x", ok));
	assert_string_equal("b@c.example", route.account);
	assert_string_equal("relayhost b@c.example|", asked);
	assert_null(route.ca_file);
}

static void a_bounce_goes_by_the_only_account(void **state)
{
	static const struct answer ok[] = {
	    {"relayhost relay@c.example", WIRE_OK, "[h]:1"}, {"relayhost ", WIRE_OK, "[h]:2"}, {NULL, 0, NULL}};

	(void)state;
	use(ONE);
	assert_int_equal(0, find("", ok));
	assert_string_equal("relay@c.example", route.account);
	assert_int_equal(1, route.port);
	assert_int_equal(-1, find("app@x", ok)); /* which is for tokend to say */
	assert_string_equal("sasl app@x|relayhost app@x|", asked);
	put_away(NULL);
	use(TWO); /* which one? tokend may know */
	assert_int_equal(0, find("", ok));
	assert_string_equal("sasl |relayhost |", asked);
	put_away(NULL);
	use(ONE "milter { default_account = relay@c.example }\n");
	assert_int_equal(0, find("", ok));
	assert_string_equal("sasl |relayhost |", asked);
	put_away(NULL);
	use("client app { provider = microsoft tenant = t client_id = i client_secret_file = /f }\n"
	    "account '*@c.example' { client = app grant = client_credentials }\n"); /* which mailbox of it? */
	assert_int_equal(0, find("", ok));
	assert_string_equal("sasl |relayhost |", asked);
}

static void servers_are_read(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} good[] = {{"[h.example]:25", "h.example", 25},
		    {"h.example:465", "h.example", 465},
		    {"[h.example]", "h.example", 587},
		    {"h.example", "h.example", 587},
		    {"[2001:db8::1]:25", "2001:db8::1", 25}};
	static const char *const bad[] = {"", "[]:25", ":25"};
	struct answer one[] = {{"relayhost relay@c.example", WIRE_OK, NULL}, {NULL, 0, NULL}};
	char longest[400];

	(void)state;
	use(ONE);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		one[0].text = good[i].text;
		assert_int_equal(0, find("", one));
		assert_string_equal(good[i].host, route.host);
		assert_int_equal(good[i].port, route.port);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		one[0].text = bad[i];
		assert_int_equal(-1, find("", one));
		assert_int_equal(ERR_CONFIG, err.code);
		assert_non_null(strstr(err.text, "must be [host]:port"));
	}
	memset(longest, 'h', sizeof longest);
	longest[ROUTE_HOST_MAX - 1] = '\0';
	one[0].text = longest;
	assert_int_equal(0, find("", one));
	longest[ROUTE_HOST_MAX - 1] = 'h';
	longest[ROUTE_HOST_MAX] = '\0';
	assert_int_equal(-1, find("", one));
}

static void what_tokend_refuses_is_handed_up(void **state)
{
	struct answer one[] = {{"sasl app@x", WIRE_TEMP, "not now"}, {NULL, 0, NULL}};

	(void)state;
	use(TWO);
	assert_int_equal(-1, find("app@x", one));
	assert_int_equal(ERR_UNREACHABLE, err.code);
	assert_string_equal("tokend: not now", err.text);
	one[0].result = WIRE_PERM;
	assert_int_equal(-1, find("app@x", one));
	assert_int_equal(ERR_DENIED, err.code);
	one[0].text = "";
	assert_int_equal(-1, find("app@x", one));
	assert_string_equal("tokend: no reason given", err.text);
	one[0].text = NULL;
	assert_int_equal(-1, find("app@x", one));
	assert_string_equal("nobody there", err.text);
	one[0] = (struct answer){"sasl app@x", WIRE_OK, "no login in it"};
	assert_int_equal(-1, find("app@x", one));
	assert_int_equal(ERR_SYNTAX, err.code);
}

static void a_token_is_handed_on_and_never_in_an_error(void **state)
{
	struct answer one[] = {{"token relay@c.example", WIRE_OK, "MARKER"}, {NULL, 0, NULL}};
	struct buf token = BUF_INIT(WIRE_REPLY_MAX);

	(void)state;
	use(ONE);
	strcpy(route.account, "relay@c.example");
	answers = one;
	assert_int_equal(0, route_token(&router, &route, &token, &err));
	assert_string_equal("MARKER", token.data);
	buf_clear(&token);
	one[0].text = "";
	assert_int_equal(-1, route_token(&router, &route, &token, &err));
	assert_int_equal(ERR_SYNTAX, err.code);
	one[0] = (struct answer){"token relay@c.example", WIRE_TEMP, "sign in again"};
	assert_int_equal(-1, route_token(&router, &route, &token, &err));
	assert_string_equal("tokend: sign in again", err.text);
	buf_clear(&token);
	one[0].question = "nothing";
	assert_int_equal(-1, route_token(&router, &route, &token, &err));
	assert_int_equal(ERR_CONFIG, err.code);
	buf_free(&token);
	asked[0] = '\0';
	route_refused(&router, &route);
	assert_string_equal("refused relay@c.example|", asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(tokend_says_who_logs_in_and_where, put_away),
	    cmocka_unit_test_teardown(a_socket_may_have_any_name, put_away),
	    cmocka_unit_test_teardown(no_login_is_no_error, put_away),
	    cmocka_unit_test_teardown(an_account_that_is_named_is_not_asked_for, put_away),
	    cmocka_unit_test_teardown(a_bounce_goes_by_the_only_account, put_away),
	    cmocka_unit_test_teardown(servers_are_read, put_away),
	    cmocka_unit_test_teardown(what_tokend_refuses_is_handed_up, put_away),
	    cmocka_unit_test_teardown(a_token_is_handed_on_and_never_in_an_error, put_away),
	};

	return cmocka_run_group_tests_name("submit_route", tests, NULL, NULL);
}
