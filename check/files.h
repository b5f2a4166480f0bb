#ifndef MAILBEARER_CHECK_FILES_H
#define MAILBEARER_CHECK_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "check/finding.h"
#include "daemon/settings.h"

/* The files that the settings name, and what may be wrong with one. */

#define FILES_MAX ((size_t)4096)

struct named_file {
	const char *key;  /* of the settings: "client_secret_file" */
	const char *path; /* absolute */
	bool secret;      /* others may not read it */
	bool elsewhere;   /* judged in a step of its own */
};

struct file_list {
	size_t count;
	struct named_file items[FILES_MAX];
};

/* Those of all clients, the sealing key, and the configuration itself; not those that systemd or a token keeps.
 * Borrows. */
void files_list(const struct settings *settings, struct file_list *out);

/* Is it there, regular, not empty, closed to others if it must be? Sets the finding if not. */
void files_judge(const struct named_file *file, const char *user, struct finding *finding);

/* Appends what keeps this process from reading `path`: the first folder on the way that it may not pass, with a '/' at
 * the end, or the path itself. */
void files_obstacle(const char *path, struct buf *out);

/* The command that lets `user` pass what files_obstacle named. */
void files_give(const char *obstacle, const char *user, struct finding *finding);

#endif
