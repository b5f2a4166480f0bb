#ifndef MAILBEARER_MILTER_CONF_H
#define MAILBEARER_MILTER_CONF_H

#include <sys/stat.h>

#include "daemon/settings.h"
#include "lib/err.h"
#include "milter/gates.h"
#include "milter/policy.h"
#include "milter/rules.h"

/*
 * The configuration in force, in the forms that the pure modules want. A snapshot never changes; a connection keeps the
 * one that it began with. When the file has changed, the next connection gets a new one, if that can be read: otherwise
 * the old one stays, and the log says so once. Any thread may call.
 */
struct conf {
	struct settings *settings;
	struct senders *senders;
	struct policy policy;
	struct rules_list rules;
	struct gates_limits limits;
};

struct conf_keeper;

/*
 * Takes the settings over, on success only; `path` is where they were read, and `seen` is what stat(2) said of it
 * before that, so that what was written since is not missed. NULL with *err set.
 */
struct conf_keeper *conf_keeper_new(const char *path, const struct stat *seen, struct settings *settings,
				    struct err *err);
void conf_keeper_free(struct conf_keeper *keeper); /* NULL is legal; all snapshots have been given back */

/* Looks at the file, which blocks on the disk. Never NULL. */
const struct conf *conf_take(struct conf_keeper *keeper);
void conf_give_back(struct conf_keeper *keeper, const struct conf *conf);

#endif
