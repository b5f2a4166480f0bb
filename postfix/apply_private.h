#ifndef MAILBEARER_POSTFIX_APPLY_PRIVATE_H
#define MAILBEARER_POSTFIX_APPLY_PRIVATE_H

#include "postfix/apply.h"
#include "postfix/files.h"

/* A file that changes, or not: then both texts are the same. */
struct apply_change {
	char *path; /* without symbolic links; owned */
	struct buf before, after;
};

/* In the order in which they are replaced: a transport that nothing leads to harms nobody. */
enum { APPLY_MASTER, APPLY_MAIN, APPLY_FILES };

struct apply_plan {
	const struct installation_place *place;
	struct apply_change changes[APPLY_FILES];
	struct buf notes;
	bool is_undo;
	/* of an undo: the last backups; a file that the last change left alone has `is_of_last` false */
	struct files_backup backups[APPLY_FILES];
	bool is_of_last[APPLY_FILES];
};

/* NULL: no memory. */
struct apply_plan *apply_new_plan(const struct installation_place *place, bool is_undo, struct err *err);

/* Finds both files in the installation's folder. 0, or -1 with what was found in changes[], to be freed. */
int apply_find(const char *config_dir, struct apply_change changes[APPLY_FILES], struct err *err);
void apply_free_changes(struct apply_change changes[APPLY_FILES]);

bool apply_differs(const struct apply_change *change);

/* Replaces the files that differ; -1: none is. */
int apply_replace(const struct apply_change changes[APPLY_FILES], struct err *err);

/* Replaces the `after` by the `before` again. 0, or -1: *err is about what could not be. */
int apply_replace_back(const struct apply_change changes[APPLY_FILES], struct err *err);

/* Does Postfix understand its files? 0, or -1 with its words. */
int apply_prove(const struct installation_place *place, struct err *err);

/* apply_commit of an undo. */
int apply_commit_undo(const struct apply_plan *plan, struct buf *told, struct err *err);

#endif
