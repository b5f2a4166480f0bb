#ifndef MAILBEARER_TESTS_UNIT_POLICY_WORLD_H
#define MAILBEARER_TESTS_UNIT_POLICY_WORLD_H

/* For the tests of the policy: accounts of every kind, with and without a default one, and messages. */
#include "milter/policy.h"
#include "tests/unit/conf_file.h"

static const char accounts[] =
    "client app { provider = microsoft tenant = t client_id = i client_secret_file = /f }\n"
    "account relay@c.example { client = app send_as = { list@c.example, '*@branch.example' } }\n"
    "account boss@c.example { client = app }\n"
    "account '*@f.example' { client = app grant = client_credentials send_as = shared@g.example }\n"
    "account 'r\xc3\xbc@c.example' { client = app }\n"
    "connector mx { relayhost = mx:25 senders = { news@c.example, '*@n.example' } }\n"
    "connector my { relayhost = my:25 senders = other@c.example }\n";

struct world {
	struct settings *settings;
	struct policy policy;
};

static struct world with_default, without_default;

static inline struct world make_world(const char *more)
{
	char text[2048];
	struct world world = {0};
	struct err err;

	snprintf(text, sizeof text, "%s%s", accounts, more);
	world.settings = load_text(text, &err);
	if (world.settings == NULL)
		fail_msg("%s", err.text);
	world.policy = (struct policy){.senders = senders_new(world.settings, &err), .mode = POLICY_REWRITE};
	return world;
}

static inline int set_up(void **state)
{
	(void)state;
	with_default = make_world("milter { default_account = relay@c.example }");
	without_default = make_world("");
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	senders_free((struct senders *)with_default.policy.senders);
	senders_free((struct senders *)without_default.policy.senders);
	settings_free(with_default.settings);
	settings_free(without_default.settings);
	return 0;
}

static inline struct span span_of(const char *text)
{
	return (struct span){text, text != NULL ? strlen(text) : 0};
}

static inline struct policy_fields fields_of(const char *value)
{
	return (struct policy_fields){.count = value != NULL ? 1 : 0, .values = {span_of(value)}};
}

static inline struct policy_message message_of(const char *envelope, const char *from)
{
	return (struct policy_message){
	    .smtp = true, .envelope = span_of(envelope), .recipients = 1, .from = fields_of(from)};
}

#endif
