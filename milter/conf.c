/*
 * Which configuration is in force? Looks at the file's time stamp at each connection, since libmilter takes SIGHUP for
 * a stop, and swaps a new one in when it can be read. Called by the callbacks, in any thread.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/senders.h"
#include "milter/conf.h"

struct snapshot {
	struct conf conf; /* first: it is what conf_give_back gets */
	struct rules_rule *rules;
	size_t users; /* connections, and the keeper while it is the newest */
};

struct conf_keeper {
	pthread_mutex_t lock;
	const char *path;
	struct stat seen; /* of the file, when it was last read, right or wrong */
	bool again;       /* it may be right: the system would not let us read it */
	struct snapshot *newest;
};

/* --- snapshots --- */

static void free_snapshot(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	senders_free(snapshot->conf.senders);
	settings_free(snapshot->conf.settings);
	free(snapshot->rules);
	free(snapshot);
}

/* Under the keeper's lock. */
static void drop(struct snapshot *snapshot)
{
	if (--snapshot->users == 0)
		free_snapshot(snapshot);
}

static void fill_limits(struct gates_limits *limits, const struct settings_milter *milter)
{
	*limits = (struct gates_limits){
	    .message_size = milter->max_message_size,
	    .recipients_per_message = (unsigned)milter->max_recipients,
	    .recipients_per_day = (unsigned)milter->max_recipients_per_day,
	    .messages_per_minute = (unsigned)milter->max_messages_per_minute,
	    .tempfail_when_unusable = strcmp(milter->when_unusable, "tempfail") == 0,
	    .unusable_grace = milter->unusable_grace,
	};
}

static void fill_rule(struct rules_rule *rule, const struct settings_rule *from)
{
	*rule = (struct rules_rule){
	    .name = from->name,
	    .clients = from->clients,
	    .logins = from->logins,
	    .listeners = from->listeners,
	    .senders = from->senders,
	    .has_mode = from->mode != NULL,
	    .account = from->account,
	    .address = from->address,
	};
	if (from->mode)
		rules_mode_parse(from->mode, &rule->mode);
}

/* Takes the settings over, on success only. */
static struct snapshot *new_snapshot(struct settings *settings, struct err *err)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	size_t i;

	if (snapshot)
		snapshot->rules = calloc(settings->rule_count + 1, sizeof(*snapshot->rules));
	if (!snapshot || !snapshot->rules) {
		err_set(err, ERR_MEMORY, "out of memory");
		free_snapshot(snapshot);
		return NULL;
	}
	snapshot->conf.senders = senders_new(settings, err);
	if (!snapshot->conf.senders) {
		free_snapshot(snapshot);
		return NULL;
	}
	for (i = 0; i < settings->rule_count; i++)
		fill_rule(&snapshot->rules[i], &settings->rules[i]);
	snapshot->users = 1;
	snapshot->conf.settings = settings;
	snapshot->conf.rules = (struct rules_list){settings->rule_count, snapshot->rules};
	snapshot->conf.policy.senders = snapshot->conf.senders;
	rules_mode_parse(settings->milter.mode, &snapshot->conf.policy.mode);
	fill_limits(&snapshot->conf.limits, &settings->milter);
	return snapshot;
}

/* --- the file --- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* What of the new settings only a restart brings into force; NULL: nothing. */
static const char *wants_restart(const struct settings_milter *old, const struct settings_milter *new)
{
	if (strcmp(old->listen, new->listen) != 0)
		return "listen";
	if (strcmp(old->user, new->user) != 0)
		return "user";
	return strcmp(old->log, new->log) != 0 ? "log" : NULL;
}

/* An editor's file is empty for a moment, and on a full disk for longer: no reason to refuse everybody's mail. */
static int prove_not_emptied(const struct conf_keeper *keeper, const struct settings *settings, struct err *err)
{
	if (settings->account_count + settings->connector_count > 0 ||
	    keeper->newest->conf.settings->account_count + keeper->newest->conf.settings->connector_count == 0)
		return 0;
	return err_set(err, ERR_CONFIG, "%s: no account is left in it; is it half-written?", keeper->path);
}

static struct snapshot *read_again(const struct conf_keeper *keeper, struct err *err)
{
	struct snapshot *snapshot = NULL;
	struct settings *settings;

	if (settings_load(keeper->path, &settings, err) != 0)
		return NULL;
	if (prove_not_emptied(keeper, settings, err) == 0)
		snapshot = new_snapshot(settings, err);
	if (!snapshot)
		settings_free(settings);
	return snapshot;
}

/* A failure is told once for each state of the file, however often it is tried. */
static void swap_in(struct conf_keeper *keeper, bool is_news)
{
	struct err err = {.code = ERR_NONE};
	struct snapshot *snapshot = read_again(keeper, &err);

	keeper->again = !snapshot && (err.code == ERR_SYSTEM || err.code == ERR_MEMORY);
	if (!snapshot) {
		if (is_news)
			log_event(
			    EVENT_RELOAD_FAILED, NULL, log_text("reason", err.text),
			    log_text("remedy", keeper->again
						   ? "the old settings stay in force until the file can be read; it is "
						     "tried at each connection"
						   : "the old settings stay in force; correct the file"));
		return;
	}
	log_event(EVENT_RELOADED, NULL, log_number("accounts", (int64_t)snapshot->conf.settings->account_count),
		  log_number("rules", (int64_t)snapshot->conf.rules.count),
		  log_text("needs_restart_for",
			   wants_restart(&keeper->newest->conf.settings->milter, &snapshot->conf.settings->milter)));
	drop(keeper->newest);
	keeper->newest = snapshot;
}

/* A file that has gone is one that was changed, and is reported once as well. */
static void look(struct conf_keeper *keeper)
{
	struct stat now = {0};
	bool is_news;

	if (stat(keeper->path, &now) != 0)
		now = (struct stat){0};
	is_news = !same_file(&now, &keeper->seen);
	if (!is_news && !keeper->again)
		return;
	keeper->seen = now;
	swap_in(keeper, is_news);
}

/* --- the keeper --- */

struct conf_keeper *conf_keeper_new(const char *path, const struct stat *seen, struct settings *settings,
				    struct err *err)
{
	struct conf_keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&keeper->lock, NULL);
	keeper->path = path;
	keeper->seen = *seen;
	keeper->newest = new_snapshot(settings, err);
	if (!keeper->newest) {
		conf_keeper_free(keeper);
		return NULL;
	}
	return keeper;
}

void conf_keeper_free(struct conf_keeper *keeper)
{
	if (!keeper)
		return;
	free_snapshot(keeper->newest);
	pthread_mutex_destroy(&keeper->lock);
	free(keeper);
}

const struct conf *conf_take(struct conf_keeper *keeper)
{
	struct snapshot *snapshot;

	pthread_mutex_lock(&keeper->lock);
	look(keeper);
	snapshot = keeper->newest;
	snapshot->users++;
	pthread_mutex_unlock(&keeper->lock);
	return &snapshot->conf;
}

void conf_give_back(struct conf_keeper *keeper, const struct conf *conf)
{
	pthread_mutex_lock(&keeper->lock);
	drop((struct snapshot *)conf);
	pthread_mutex_unlock(&keeper->lock);
}
