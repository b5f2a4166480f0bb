#ifndef MAILBEARER_SETUP_QUESTION_H
#define MAILBEARER_SETUP_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/secret.h"

/*
 * What the guided first run wants to know, as a table: each question with its option, whether it applies after the
 * answers before it, what it is answered with when nobody says otherwise, and what a right answer is. Pure.
 */

enum setup_id {
	SETUP_MAILBOX,
	SETUP_ACCESS,
	SETUP_PROVIDER,
	SETUP_CA_FILE,
	SETUP_PROXY,
	SETUP_METADATA_URL,
	SETUP_TENANT,
	SETUP_CLOUD,
	SETUP_CLIENT_ID,
	SETUP_CREDENTIAL,
	SETUP_SECRET,
	SETUP_SECRET_EXPIRES,
	SETUP_CERTIFICATE,
	SETUP_KEY,
	SETUP_OBJECT_ID,
	SETUP_RELAYHOST,
	SETUP_MILTER,
	SETUP_DEFAULT_ACCOUNT,
	SETUP_LOGIN,
	SETUP_POSTFIX,
	SETUP_TEST_TO,
	SETUP_QUESTIONS
};

#define SETUP_ANSWER_MAX 4096 /* bytes */

/* An answer is NULL while nobody has given it, and "" when nothing is meant by it. Owned. */
struct setup_answers {
	char *text[SETUP_QUESTIONS];
	struct secret *secret; /* or NULL: there is none, or it stays as it is */
	bool asking;           /* a person is there */
};

enum setup_form {
	SETUP_TEXT,
	SETUP_SECRET_TEXT, /* the option names a file or "-"; a person types it unseen */
	SETUP_UNLESS_KNOWN /* a person is asked only if nothing can be offered */
};

struct setup_question {
	const char *option; /* "tenant": --tenant */
	const char *value;  /* "DOMAIN|ID", for the help */
	const char *about;  /* one line, for the help */
	const char *prompt; /* NULL: nobody is asked, the option alone tells */
	const char
	    *key; /* of mailbearer.conf's section client, whose rules count and whose value is offered; or NULL */
	enum setup_form form;
	bool needed; /* "" is no answer */
	bool (*applies)(const struct setup_answers *answers);
	const char *(*problem)(const struct setup_answers *answers,
			       const char *answer);                           /* NULL: right; or what would be */
	void (*preset)(const struct setup_answers *answers, struct buf *out); /* or NULL: there is none */
	const char *why; /* what a person is told before it is asked, at most 80 columns wide; or NULL */
};

/* The question, or NULL from SETUP_QUESTIONS on. */
const struct setup_question *setup_question(unsigned id);

/* By the name of its option, of `len` bytes; NULL: there is none. */
const struct setup_question *setup_question_find(const char *option, size_t len);
enum setup_id setup_question_id(const struct setup_question *question);

/* NULL: a right answer. Else what would be right, in words that follow "--OPTION: ". Never quotes the answer. */
const char *setup_problem(const struct setup_answers *answers, enum setup_id id, const char *answer);

/* Takes a copy. 0, or -1: no memory. */
int setup_answer(struct setup_answers *answers, enum setup_id id, const char *text);

/* The answer, "" when there is none. */
const char *setup_text(const struct setup_answers *answers, enum setup_id id);

/* Is it answered with this word? */
bool setup_is(const struct setup_answers *answers, enum setup_id id, const char *word);

void setup_answers_free(struct setup_answers *answers);

/* Is it such a number as Entra gives to everything: 8-4-4-4-12 hexadecimal digits? */
bool setup_is_guid(const char *text);

#endif
