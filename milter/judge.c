/*
 * In which order a message is looked at: the gates that need nothing but its first commands, then, at its end, the
 * policy, then the gates that depend on the account. Called by the callbacks; knows no libmilter and logs nothing.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/wire.h"
#include "milter/health.h"
#include "milter/judge.h"

struct judge {
	pthread_mutex_t lock; /* of the gates' counters */
	struct gates *gates;
	struct health *health;
};

struct judge *judge_new(struct err *err)
{
	struct judge *judge = calloc(1, sizeof(*judge));

	if (judge) {
		pthread_mutex_init(&judge->lock, NULL);
		judge->gates = gates_new();
		judge->health = health_new();
		if (judge->gates && judge->health)
			return judge;
	}
	judge_free(judge);
	err_set(err, ERR_MEMORY, "out of memory");
	return NULL;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	health_free(judge->health);
	gates_free(judge->gates);
	pthread_mutex_destroy(&judge->lock);
	free(judge);
}

static int64_t now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static const struct gates_limits *limits_of(const struct session *session)
{
	return &session->conf->limits;
}

/* --- saying no --- */

static struct reply_facts facts_of(const struct session *session)
{
	const struct session_message *message = &session->message;

	return (struct reply_facts){.envelope = {message->envelope, message->envelope_len}};
}

/* False: refused. In mode monitor it is only noted. */
static bool refuse(struct session *session, enum reply_kind kind, const struct reply_facts *facts, struct reply *reply)
{
	if (!session->message.gate)
		session->message.gate = reply_kind_name(kind);
	if (session->message.mode == POLICY_MONITOR)
		return true;
	reply_write(kind, facts, reply);
	return false;
}

static bool refuse_at(struct session *session, enum reply_kind kind, int64_t limit, struct reply *reply)
{
	struct reply_facts facts = facts_of(session);

	facts.limit = limit;
	return refuse(session, kind, &facts, reply);
}

/* --- the gates --- */

static bool pass_size(struct session *session, int64_t size, struct reply *reply)
{
	const struct gates_limits *limits = limits_of(session);

	return gates_size_allowed(limits, size) || refuse_at(session, REPLY_SIZE, limits->message_size, reply);
}

static bool pass_client(struct judge *judge, struct session *session, struct reply *reply)
{
	const struct gates_limits *limits = limits_of(session);
	bool allowed;

	if (!session->client.has_address || limits->messages_per_minute == 0)
		return true;
	pthread_mutex_lock(&judge->lock);
	allowed = gates_client_allowed(judge->gates, limits, session->client.address, now_seconds());
	pthread_mutex_unlock(&judge->lock);
	return allowed || refuse_at(session, REPLY_RUNAWAY, limits->messages_per_minute, reply);
}

static const char *socket_of(const struct conf *conf)
{
	const struct settings_list *listen = &conf->settings->tokend.listen;

	return listen->count > 0 ? listen->items[0] : WIRE_SOCKET_DEFAULT;
}

static bool pass_health(struct judge *judge, struct session *session, const char *mailbox, struct reply *reply)
{
	struct reply_facts facts = facts_of(session);
	struct gates_health health;

	if (!limits_of(session)->tempfail_when_unusable || *mailbox == '\0')
		return true;
	health_ask(judge->health, socket_of(session->conf), mailbox, &health);
	if (gates_health_allowed(limits_of(session), &health))
		return true;
	facts.account = mailbox;
	facts.detail = health.reason;
	return refuse(session, REPLY_UNUSABLE, &facts, reply);
}

static bool pass_day(struct judge *judge, struct session *session, const char *mailbox, struct reply *reply)
{
	const struct gates_limits *limits = limits_of(session);
	size_t recipients = session->message.recipients - session->message.elsewhere;
	struct reply_facts facts = facts_of(session);
	bool refusable = session->client.smtp && session->message.mode != POLICY_MONITOR;
	bool allowed;

	if (limits->recipients_per_day == 0 || *mailbox == '\0')
		return true;
	pthread_mutex_lock(&judge->lock);
	allowed = gates_day_allowed(judge->gates, limits, mailbox, recipients, refusable, now_seconds());
	pthread_mutex_unlock(&judge->lock);
	facts.account = mailbox;
	facts.limit = limits->recipients_per_day;
	return allowed || refuse(session, REPLY_DAILY, &facts, reply);
}

/* --- the stages --- */

/* Mail that did not come by SMTP is never put off: its sender has gone, and it would stay in maildrop for ever. */
static bool is_for_gates(const struct session *session)
{
	return session->client.smtp && session->message.mode != POLICY_OFF;
}

bool judge_sender(struct judge *judge, struct session *session, struct reply *reply)
{
	struct session_message *message = &session->message;
	struct span envelope = {message->envelope, message->envelope_len};

	if (!is_for_gates(session))
		return true;
	if (!pass_size(session, message->declared_size, reply) || !pass_client(judge, session, reply))
		return false;
	policy_early_mailbox(&session->conf->policy, message->rule, envelope, message->early_mailbox);
	return pass_health(judge, session, message->early_mailbox, reply);
}

bool judge_recipient(struct session *session, struct reply *reply)
{
	const struct gates_limits *limits = limits_of(session);

	if (!is_for_gates(session) || gates_recipients_allowed(limits, session->message.recipients + 1))
		return true;
	return refuse_at(session, REPLY_RECIPIENTS, limits->recipients_per_message, reply);
}

/* The gates that only the whole message can be measured by. */
static bool pass_late(struct judge *judge, struct session *session, const char *mailbox, struct reply *reply)
{
	bool bounce = !session->client.smtp && session->message.envelope_len == 0;

	if (session->message.mode == POLICY_OFF)
		return true;
	if (!bounce && !pass_size(session, session->message.body_size, reply))
		return false;
	if (session->client.smtp && strcmp(mailbox, session->message.early_mailbox) != 0 &&
	    !pass_health(judge, session, mailbox, reply))
		return false;
	return pass_day(judge, session, mailbox, reply);
}

static void fail(const struct session *session, struct policy_verdict *verdict)
{
	struct reply_facts facts = facts_of(session);

	*verdict = (struct policy_verdict){.action = POLICY_REPLY,
					   .would = POLICY_REPLY,
					   .mode = session->message.mode,
					   .situation = POLICY_FAILED,
					   .rule = session->message.rule};
	reply_write(REPLY_INTERNAL, &facts, &verdict->reply);
}

void judge_message(struct judge *judge, struct session *session, struct policy_verdict *verdict)
{
	struct policy_message message;
	struct reply reply;

	if (session->message.failed) {
		fail(session, verdict);
		return;
	}
	session_policy_message(session, &message);
	policy_decide(&session->conf->policy, session->message.rule, &message, verdict);
	if (verdict->action == POLICY_REPLY || verdict->situation == POLICY_OTHER_ROUTE ||
	    pass_late(judge, session, verdict->mailbox, &reply))
		return;
	verdict->action = verdict->would = POLICY_REPLY;
	verdict->reply = reply;
}
