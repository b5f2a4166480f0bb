#ifndef MAILBEARER_SETUP_ASK_H
#define MAILBEARER_SETUP_ASK_H

#include "lib/buf.h"
#include "lib/err.h"
#include "setup/doors.h"
#include "setup/question.h"

/*
 * Has the answers completed: by a person if answers->asking, one question after the other, each checked as it comes;
 * else by what the configuration says already and by the presets. `conf` is the text of the configuration, or empty.
 * Blocks on the person, and for some seconds on the provider, whose document shows whether the tenant is there. 0; or
 * -1 with ERR_SYNTAX: an option is missing or wrong, and *err names it; or another code: it cannot go on.
 */
int setup_ask(const struct setup_doors *doors, const struct buf *conf, struct setup_answers *answers, struct err *err);

/* Yes or no, from the person who is there. 1, 0, or -1 with *err set. */
int setup_confirm(const struct setup_doors *doors, const char *prompt, bool preset, struct err *err);

#endif
