#ifndef MAILBEARER_POSTFIX_APPLY_PRIVATE_H
#define MAILBEARER_POSTFIX_APPLY_PRIVATE_H

#include "postfix/apply.h"

/* A file that changes, or not: then both texts are the same. */
struct apply_change {
	char *path; /* without symbolic links; owned */
	struct buf before, after;
};

/* In the order in which they are replaced: a transport that nothing leads to harms nobody. */
enum { APPLY_MASTER, APPLY_MAIN, APPLY_FILES };

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

#endif
