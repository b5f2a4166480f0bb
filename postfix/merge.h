#ifndef MAILBEARER_POSTFIX_MERGE_H
#define MAILBEARER_POSTFIX_MERGE_H

#include "lib/buf.h"
#include "lib/err.h"
#include "postfix/installation.h"
#include "postfix/wished.h"

/*
 * What is wished, brought together with what is there. Pure: texts in, texts out. Whatever is in order already stays as
 * it is written, so that a second time changes nothing.
 */

/* Appends main.cf's text with the parameters in it. 0, or -1: ERR_LIMIT. */
int merge_main_cf(const struct wished *wished, const struct installation *installation, const struct buf *text,
		  struct buf *out, struct err *err);

/* Appends master.cf's text with the transports in it. 0, or -1: ERR_CONFIG with the remedy where a transport's name is
 * taken, ERR_LIMIT. */
int merge_master_cf(const struct wished *wished, const struct installation *installation, const struct buf *text,
		    struct buf *out, struct err *err);

/* Appends what the administrator has to know of settings that are there and stay, a sentence a line; or nothing. */
void merge_notes(const struct wished *wished, const struct installation *installation, struct buf *out);

#endif
