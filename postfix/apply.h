#ifndef MAILBEARER_POSTFIX_APPLY_H
#define MAILBEARER_POSTFIX_APPLY_H

#include <stdbool.h>

#include "daemon/settings.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "postfix/installation.h"

/*
 * An installation's main.cf and master.cf brought into line with the settings: planned, shown, done, undone. A symbolic
 * link stays one: what it leads to is changed, and the backup stands beside that. Postfix has to be reloaded afterwards
 * by the caller.
 */

#define APPLY_CHECK_MS 60000 /* for Postfix's own check of the result */

struct apply_plan;

/*
 * Reads all and changes nothing. The place and the settings are borrowed for as long as the plan lives. 0 with *out to
 * be freed, or -1: what keeps it from being done, and the remedy. Blocks: see installation_read.
 */
int apply_plan(const struct installation_place *place, const struct settings *settings, struct apply_plan **out,
	       struct err *err);

/*
 * The way back: what the last apply_commit replaced is to come again; once done, the next plan is the one before that.
 * As apply_plan, and -1 also with ERR_NOT_FOUND: there is no backup; ERR_BUSY: a file has been changed since by
 * somebody else (the text names its backup).
 */
int apply_plan_undo(const struct installation_place *place, struct apply_plan **out, struct err *err);

/* NULL is legal. */
void apply_plan_free(struct apply_plan *plan);

/* Is there anything to do? */
bool apply_is_needed(const struct apply_plan *plan);

/* Appends the change as a unified diff; and what the administrator has to know besides, a sentence a line. Each may be
 * nothing. */
void apply_diff(const struct apply_plan *plan, struct buf *out);
void apply_notes(const struct apply_plan *plan, struct buf *out);

/*
 * Does it: a backup of each file that changes, the files replaced, master.cf first, and Postfix asked to prove them; if
 * it does not like them, all is as before. On the way back main.cf comes first, and the backups go away. 0, and `told`
 * has a line for each file; or -1, and nothing has been changed (or *err names the file that could not be brought back,
 * and its backup). ERR_BUSY: a file is no longer what the plan was made of.
 */
int apply_commit(const struct apply_plan *plan, struct buf *told, struct err *err);

#endif
