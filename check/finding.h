#ifndef MAILBEARER_CHECK_FINDING_H
#define MAILBEARER_CHECK_FINDING_H

#include "daemon/explain.h"
#include "lib/buf.h"

/*
 * What a step has found, and what to do about it. Pure. Texts are cut at their maximum; they may hold bytes from
 * outside, which whoever prints them makes safe. They never hold a token or another secret.
 */

enum finding_mark { FINDING_OK, FINDING_WARNING, FINDING_FAILED, FINDING_SKIPPED };

#define FINDING_TEXT_MAX 1024
#define FINDING_LINES_MAX (64 * 1024)

struct finding {
	enum finding_mark mark;
	char text[FINDING_TEXT_MAX];   /* what was found: one line */
	char advice[FINDING_TEXT_MAX]; /* what to do: a sentence without full stop; or "" */
	struct buf lines;              /* commands, or lines for a file, to be pasted: each ended by a newline */
	bool known;                    /* the tables of explain.h know it, and `cause` says more */
	bool leads_back;               /* what those say to do is this check: advice and lines stand in its place */
	const char *needs;             /* the step without which this one was not tried; NULL: it was */
	struct explain_cause cause;
};

#define FINDING_INIT                                                                                                   \
	(struct finding)                                                                                               \
	{                                                                                                              \
		.mark = FINDING_OK, .lines = BUF_INIT(FINDING_LINES_MAX)                                               \
	}

void finding_free(struct finding *finding);

/* The mark and the text. What was there before goes. */
void finding_set(struct finding *finding, enum finding_mark mark, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What to do, and one line more to be pasted. */
void finding_advise(struct finding *finding, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_line(struct finding *finding, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Looks a provider's or a server's words up in the tables. Whoever finds that they lead back says what is to be done
 * next. */
void finding_explain(struct finding *finding, const char *words);

/* Does this line, ended by a newline or NUL, run the command check? */
bool finding_is_this_check(const char *line);

/* "ok", "warning", "FAILED", "skipped". */
const char *finding_mark_name(enum finding_mark mark);

#endif
