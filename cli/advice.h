#ifndef MAILBEARER_CLI_ADVICE_H
#define MAILBEARER_CLI_ADVICE_H

#include "daemon/explain.h"
#include "lib/buf.h"

/*
 * A cause of daemon/explain.h as a person reads it: paragraphs of at most `width` columns that begin with `indent`
 * blanks, and below them the steps, one a line and never folded, so that they can be copied. Pure; leaves out->failed
 * to be checked at the end.
 */
void advice_append(struct buf *out, const struct explain_cause *cause, const struct explain_values *values,
		   size_t indent, size_t width);

/* Only what it means, and whether it heals. */
void advice_append_meaning(struct buf *out, const struct explain_cause *cause, size_t indent, size_t width);

/* Only what to do: the remedy and the steps. */
void advice_append_remedy(struct buf *out, const struct explain_advice *advice, const struct explain_values *values,
			  size_t indent, size_t width);

#endif
