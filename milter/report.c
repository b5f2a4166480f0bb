/* The lines of mailbearer-milter(8), LOG. Called by the callbacks, once for each message or refused command. */
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "milter/report.h"

#define FIELD_MAX 160 /* bytes of a sender in the log, with the NUL */

static const char *or_omit(const char *text)
{
	return text && *text ? text : NULL;
}

static const char *carrier_of(const struct policy_verdict *verdict)
{
	if (verdict->account)
		return verdict->account->name;
	return NULL;
}

/* A cut copy without the blanks around it; NULL when there is no such field. */
static const char *copy_field(const struct policy_fields *fields, char out[FIELD_MAX])
{
	struct span value = fields->count > 0 ? fields->values[0] : (struct span){0};

	if (fields->count == 0)
		return NULL;
	while (value.len > 0 && strchr(" \t", *value.at)) {
		value.at++;
		value.len--;
	}
	snprintf(out, FIELD_MAX, "%.*s", (int)(value.len < FIELD_MAX ? value.len : FIELD_MAX), value.at);
	return out;
}

static const char *reply_of(const struct policy_verdict *verdict)
{
	return verdict->action == POLICY_REPLY || verdict->would == POLICY_REPLY ? or_omit(verdict->reply.text) : NULL;
}

void report_message(const struct session *session, const struct policy_verdict *verdict)
{
	const struct session_message *message = &session->message;
	enum event event = verdict->action == POLICY_REPLY ? EVENT_MESSAGE_REFUSED : EVENT_MESSAGE;
	const char *account = carrier_of(verdict);
	char from[FIELD_MAX], touched[POLICY_TOUCHED_MAX];

	policy_touched(verdict, touched);
	log_event(event, account, log_text("queue_id", or_omit(message->queue_id)),
		  log_text("client", session->client.text), log_text("login", or_omit(message->login)),
		  log_text("connector", verdict->connector ? verdict->connector->name : NULL),
		  log_text("rule", verdict->rule ? verdict->rule->name : NULL),
		  log_text("mode", rules_mode_name(verdict->mode)),
		  log_text("verdict", policy_action_name(verdict->action)),
		  log_text("would", verdict->would != verdict->action ? policy_action_name(verdict->would) : NULL),
		  log_text("situation", policy_situation_name(verdict->situation)), log_text("gate", message->gate),
		  log_text("changed", or_omit(touched)), log_text("envelope", message->envelope),
		  log_text("from", copy_field(&message->from, from)),
		  log_number("recipients", (int64_t)message->recipients), log_text("reply", reply_of(verdict)));
}

void report_refused(const struct session *session, const char *command, const struct reply *reply)
{
	const struct session_message *message = &session->message;

	log_event(EVENT_MESSAGE_REFUSED, or_omit(message->early_mailbox),
		  log_text("queue_id", or_omit(message->queue_id)), log_text("client", session->client.text),
		  log_text("login", or_omit(message->login)),
		  log_text("rule", message->rule ? message->rule->name : NULL), log_text("verdict", "reply"),
		  log_text("command", command), log_text("gate", message->gate),
		  log_text("envelope", message->envelope), log_text("reply", reply->text));
}
