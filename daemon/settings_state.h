#ifndef MAILBEARER_DAEMON_SETTINGS_STATE_H
#define MAILBEARER_DAEMON_SETTINGS_STATE_H

#include "daemon/settings.h"
#include "lib/buf.h"

/* The text of tokend's map `configuration`, written and read. Pure. */

enum settings_state {
	SETTINGS_IN_FORCE, /* or another file with the same bytes */
	SETTINGS_CHANGED,  /* since they were read there */
	SETTINGS_OF_ANOTHER_FILE,
	SETTINGS_NOT_TOLD /* the text is none of ours */
};

struct settings_told {
	int64_t loaded_at; /* seconds since 1970 */
	char path[4096];   /* cut where it is longer */
};

/* Appends it. 0, or -1 with out->failed set. */
int settings_state_tell(const struct settings *settings, struct buf *out);

/* told: any text. Of *theirs is something to be used only with SETTINGS_CHANGED and SETTINGS_OF_ANOTHER_FILE. */
enum settings_state settings_state_compare(const struct settings *ours, const char *told, struct settings_told *theirs);

#endif
