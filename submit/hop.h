#ifndef MAILBEARER_SUBMIT_HOP_H
#define MAILBEARER_SUBMIT_HOP_H

#include <stdbool.h>
#include <stddef.h>

#include "smtp/offers.h"
#include "smtp/reply.h"
#include "submit/route.h"

/*
 * The client's side of SMTP: a session with the server that a sender's mail goes to, kept for the messages that follow.
 * Replies come out judged (reply.h), whatever happens: a connection that is lost is a 4xx too, and so is a token that
 * cannot be had.
 */
struct hop;

/* Borrows the router. NULL: out of memory. */
struct hop *hop_new(const struct router *router);

/* Drops the session. NULL is legal. */
void hop_free(struct hop *hop);

/*
 * A session for this sender: the one that stands, if it is of the right account, or a new one, with a place in the
 * mailbox, a token, and a second try with a fresh token when the server refuses the first. 0, or -1 with the reply for
 * the MTA. Blocks.
 */
int hop_ready(struct hop *hop, struct lmtp_text sender, struct reply *refusal);

/* Has a session been opened, and not been lost? */
bool hop_is_open(const struct hop *hop);

/* Of the session that is open. */
const struct offers *hop_offers(const struct hop *hop);
const struct route *hop_route(const struct hop *hop);

/* Puts a command line (without CRLF) into the queue of those that are sent together. */
void hop_queue(struct hop *hop, const struct buf *line);

/* The reply to the oldest command whose reply is outstanding; sends the queue first. */
void hop_reply(struct hop *hop, enum reply_stage stage, int patience_ms, struct reply *reply);

/* Sends a piece of a message. 0, or -1: the connection is lost, nothing more is sent over it, and hop_reply will say
 * so. */
int hop_send(struct hop *hop, const char *bytes, size_t len);

/* Ends the session: with QUIT if there is no message under way, else by dropping the connection. */
void hop_quit(struct hop *hop);
void hop_drop(struct hop *hop);

#endif
