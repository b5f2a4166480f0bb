/*
 * Which state of which file a program's settings are: told by tokend, compared by whoever has read the file, so that
 * nobody takes what is in it for what is in force. Called by the broker's map, by check and by the command setup.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/settings_state.h"

int settings_state_tell(const struct settings *settings, struct buf *out)
{
	return buf_printf(out, "%016" PRIx64 " %" PRId64 " %s", settings->digest, settings->loaded_at, settings->path);
}

enum settings_state settings_state_compare(const struct settings *ours, const char *told, struct settings_told *theirs)
{
	uint64_t digest;

	if (sscanf(told, "%" SCNx64 " %" SCNd64 " %4095[^\n]", &digest, &theirs->loaded_at, theirs->path) != 3)
		return SETTINGS_NOT_TOLD;
	if (digest == ours->digest)
		return SETTINGS_IN_FORCE;
	return strcmp(theirs->path, ours->path) == 0 ? SETTINGS_CHANGED : SETTINGS_OF_ANOTHER_FILE;
}
