/*
 * Asks tokend whether an account can send, and remembers when tokend is away, so that mail is not held up by it. Called
 * by judge.c, in any thread.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client/tokenclient.h"
#include "daemon/log.h"
#include "milter/health.h"

struct health {
	pthread_mutex_t lock; /* not held while tokend is asked */
	bool away;
	struct deadline until; /* while away: when to ask again */
};

struct health *health_new(void)
{
	struct health *health = calloc(1, sizeof(*health));

	if (health)
		pthread_mutex_init(&health->lock, NULL);
	return health;
}

void health_free(struct health *health)
{
	if (!health)
		return;
	pthread_mutex_destroy(&health->lock);
	free(health);
}

/* One of those who come when the time has passed asks again; the others do not wait for its answer. */
static bool may_ask(struct health *health)
{
	bool may;

	pthread_mutex_lock(&health->lock);
	may = !health->away || deadline_left(health->until) == 0;
	if (may && health->away)
		health->until = deadline_after(HEALTH_AWAY_MS);
	pthread_mutex_unlock(&health->lock);
	return may;
}

static void note(struct health *health, const char *problem)
{
	bool changed;

	pthread_mutex_lock(&health->lock);
	changed = health->away != (problem != NULL);
	health->away = problem != NULL;
	health->until = deadline_after(HEALTH_AWAY_MS);
	pthread_mutex_unlock(&health->lock);
	if (changed && problem)
		log_event(EVENT_TOKEND_AWAY, NULL, log_text("reason", problem),
			  log_text("remedy", "mail is taken and aligned all the same; is mailbearer-tokend running?"));
	else if (changed)
		log_event(EVENT_TOKEND_BACK, NULL, log_number("asked_again_after_ms", HEALTH_AWAY_MS));
}

void health_ask(struct health *health, const char *socket_path, const char *mailbox, struct gates_health *out)
{
	struct tokenclient_question question = {
	    .socket_path = socket_path,
	    .map = "account",
	    .key = mailbox,
	    .key_len = strlen(mailbox),
	    .reply_max = WIRE_REPLY_MAX,
	};
	struct buf answer = BUF_INIT(WIRE_REPLY_MAX);
	struct err err = {.code = ERR_NONE};
	enum wire_result result;

	*out = (struct gates_health){.usable = true};
	if (!may_ask(health))
		return;
	question.deadline = deadline_after(HEALTH_MS);
	if (tokenclient_ask(&question, &result, &answer, &err) != 0) {
		note(health, err.text);
	} else if (result == WIRE_OK || result == WIRE_NOTFOUND) {
		note(health, NULL);
		if (result == WIRE_OK)
			gates_health_parse(answer.data, answer.len, out);
	} else { /* it is there and will not tell: another user is the milter's, by its settings */
		err_set(&err, ERR_DENIED, "%.*s", (int)answer.len, answer.data ? answer.data : "");
		note(health, err.text);
	}
	buf_free(&answer);
}
