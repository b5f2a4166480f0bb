#ifndef MAILBEARER_TESTS_UNIT_BROKER_WORLD_H
#define MAILBEARER_TESTS_UNIT_BROKER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_http.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/fake_loop.h"
#include "tests/unit/fake_store.h"
#include "tokend/broker.h"

/* A broker on fakes, and somebody who asks it. */

#define CLIENT_ID "9f8e7d6c-0000-4000-8000-000000000001"
#define CLIENT_SECRET "the+client/secret=&%~"
#define ENDPOINT "https://login.example/token"
#define RELAY "relay@contoso.com"

/* Parts of a configuration; %s in a client's is the path of the secret's file. */
#define CONF_CLIENT_OPEN "client \"contoso\" { provider = \"microsoft\" tenant = \"contoso.onmicrosoft.com\" "
#define CONF_CLIENT                                                                                                    \
	CONF_CLIENT_OPEN "client_id = \"" CLIENT_ID "\" client_secret_file = \"%s\" token_endpoint = \"" ENDPOINT      \
			 "\" }\n"
#define CONF_RELAY "account \"" RELAY "\" { client = \"contoso\" grant = \"refresh_token\" }\n"

struct world {
	struct loop *loop;
	struct http *http;
	struct store *store;
	struct broker *broker;
	char secret_file[64];
};

/* A question, and its answer when there is one. */
struct asked {
	unsigned answers;
	enum wire_result result;
	char text[8192];
	struct broker_wait *wait;
};

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_world, tear_down_world)

/* For cmocka. set_up_world makes a broker without settings. */
int set_up_world(void **state);
int tear_down_world(void **state);

/* A new broker on the same store, as after a restart. */
void restart(struct world *world);

/* 0, or -1 with *err set, as broker_configure. The text may hold one %s for the secret's file. */
int configure(struct world *world, const char *text, struct err *err);

/* The same, which must succeed. */
void configure_well(struct world *world, const char *text);

/* Starts with a stored refresh token "RT-1" for RELAY. */
void configure_with_grant(struct world *world);

/* Asks; `asked` is filled in now or later. */
void ask(struct world *world, broker_map *map, const char *key, struct asked *asked);

/* Asks what must be answered at once, and expects this answer: "OK token", "TEMP reason". Ends in '*': the beginning.
 */
void expect(struct world *world, broker_map *map, const char *key, const char *answer);

/* The answer that a question got, after a turn of the loop. */
void expect_answer(struct world *world, const struct asked *asked, const char *answer);

/* The body of a token endpoint's answer; refresh_token may be NULL. Valid until the next call. */
const char *token_answer(const char *access_token, const char *refresh_token, int expires_in);

/* Lets RELAY get this access token: asks, answers, checks. */
void get_token(struct world *world, const char *access_token, int expires_in);

#endif
