#ifndef MAILBEARER_TESTS_UNIT_SESSION_WORLD_H
#define MAILBEARER_TESTS_UNIT_SESSION_WORLD_H

/* For the tests of the milter's shell without libmilter: a configuration in force, and a session as the callbacks fill
 * it. */
#include <arpa/inet.h>

#include "milter/session.h"
#include "tests/unit/conf_file.h"

static struct conf_keeper *keeper;
static struct session session;

static inline void use(const char *milter_and_rules)
{
	static const struct stat nowhere;
	static const char accounts[] =
	    "client app { provider = microsoft tenant = t client_id = i client_secret_file = /f }\n"
	    "account relay@c.example { client = app }\naccount boss@c.example { client = app }\n";
	struct settings *settings;
	char text[2048];
	struct err err;

	snprintf(text, sizeof text, "%s%s", accounts, milter_and_rules);
	settings = load_text(text, &err);
	if (settings == NULL)
		fail_msg("%s", err.text);
	keeper = conf_keeper_new("/nowhere/mailbearer.conf", &nowhere, settings, &err);
	assert_non_null(keeper);
	session = (struct session){.conf = conf_take(keeper)};
}

static inline int put_away(void **state)
{
	(void)state;
	if (keeper == NULL)
		return 0;
	session_forget(&session);
	conf_give_back(keeper, session.conf);
	conf_keeper_free(keeper);
	keeper = NULL;
	return 0;
}

static inline void connect_v4(const char *address, unsigned port, bool queued)
{
	struct sockaddr_in client = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	assert_int_equal(inet_pton(AF_INET, address, &client.sin_addr), 1);
	session_connect(&session, (const struct sockaddr *)&client, queued, "MTA", "25", "192.0.2.1");
}

static inline void mail_from(const char *sender, const char *argument, const char *login)
{
	char *arguments[] = {(char *)sender, (char *)argument, NULL};

	session_sender(&session, arguments, login, NULL);
}

#endif
