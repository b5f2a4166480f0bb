#ifndef MAILBEARER_SETUP_PLAN_H
#define MAILBEARER_SETUP_PLAN_H

#include "daemon/settings.h"
#include "lib/buf.h"
#include "setup/question.h"

/*
 * The answers as sections of mailbearer.conf(5): what stands there already is offered, and what is wanted is put there,
 * with the rest of the file as it was. Pure. The text is one that settings_load takes, or empty.
 */

#define PLAN_NAME_SIZE 256

struct setup_plan {
	char client[PLAN_NAME_SIZE]; /* the section that the account uses, or is to use */
	struct buf secret_file;      /* the path of its secret; empty: it has none */
	struct buf text;             /* of the whole file, as it is to be */
};

/* Appends what is offered as the answer: what the file says, else the question's own preset. */
void setup_preset(const struct buf *conf, const struct setup_answers *answers, enum setup_id id, struct buf *out);

/* As setup_problem, with what only the file can tell: is there such an account? */
const char *setup_problem_here(const struct buf *conf, const struct setup_answers *answers, enum setup_id id,
			       const char *answer);

/* What is particular to the machine. */
struct setup_site {
	const char *folder; /* of the configuration, where secrets lie, too */
	const char *queue;  /* Postfix's queue_directory; NULL: there is no Postfix */
};

/* 0, or -1: no memory. To be freed in both cases. */
int setup_plan(const struct buf *conf, const struct setup_site *site, const struct setup_answers *answers,
	       struct setup_plan *out);
void setup_plan_free(struct setup_plan *plan);

#endif
