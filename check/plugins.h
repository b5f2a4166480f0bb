#ifndef MAILBEARER_CHECK_PLUGINS_H
#define MAILBEARER_CHECK_PLUGINS_H

#include "check/finding.h"
#include "lib/buf.h"

/* What libsasl2 found, told by a child process line by line, and what that means. Pure. */

enum plugins_line { PLUGINS_FILE, PLUGINS_MECH, PLUGINS_LOG, PLUGINS_NO_LIBRARY };

/* A line: a file that is about to be loaded; a mechanism, and the plugin that brought it; a word of libsasl2's. */
void plugins_put(struct buf *out, enum plugins_line kind, const char *text, const char *plugin);

/* lines: all of them. folder: where libsasl2 is thought to look, for when it found no file at all. */
void plugins_judge(const char *lines, const char *folder, struct finding *finding);

#endif
