#ifndef MAILBEARER_MILTER_JUDGE_H
#define MAILBEARER_MILTER_JUDGE_H

#include "lib/err.h"
#include "milter/session.h"

/*
 * Gates, tokend's word and the policy, in their order. Counts across connections, so there is one for the process. Any
 * thread may call; a call may wait for tokend as long as health.h says. In mode monitor a gate refuses nobody, and
 * session->message.gate tells the log what it would have done.
 */
struct judge;

struct judge *judge_new(struct err *err); /* NULL with *err set */
void judge_free(struct judge *judge);     /* NULL is legal */

/* MAIL FROM, and each RCPT TO before session_recipient. False: refuse it with *reply. */
bool judge_sender(struct judge *judge, struct session *session, struct reply *reply);
bool judge_recipient(struct session *session, struct reply *reply);

/* The end of the message. Always fills *verdict, to be released with policy_verdict_free; it points into the session's
 * conf. */
void judge_message(struct judge *judge, struct session *session, struct policy_verdict *verdict);

#endif
