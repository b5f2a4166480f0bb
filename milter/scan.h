#ifndef MAILBEARER_MILTER_SCAN_H
#define MAILBEARER_MILTER_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The tokens of an address field (RFC 5322 section 3.2), one after the other. The only thing that reads the bytes of a
 * field as syntax: address.c makes a mailbox of the tokens, compose.c the words of a display name. Pure.
 */
#define SCAN_FIELD_MAX 16384 /* bytes of a field's value; a longer one is not looked at */
#define SCAN_COMMENT_DEPTH 4 /* parentheses within parentheses, the outermost counted */

struct span {
	const char *at; /* not NUL-terminated; may be NULL when len is 0 */
	size_t len;
};

#define SPAN(text_) ((struct span){(text_), sizeof(text_) - 1})

enum scan_problem {
	SCAN_FINE,
	SCAN_TOO_LONG,   /* the field is over SCAN_FIELD_MAX */
	SCAN_CONTROLS,   /* NUL, a control character, a CR or LF that is no folding */
	SCAN_BAD_SYNTAX, /* what has two readings, bytes that are no UTF-8, ... */
	SCAN_HIDDEN      /* an encoded word with an address, a bracket or a quote in it */
};

enum scan_kind {
	SCAN_END,
	SCAN_WORD,    /* letters, digits and the other marks of an atom; UTF-8 */
	SCAN_ENCODED, /* an encoded word */
	SCAN_QUOTED,  /* a quoted string; with its quotes */
	SCAN_MARK,    /* one of . @ < > , : ; */
	SCAN_BAD      /* something that readers could differ about; it stays there */
};

struct scan_token {
	enum scan_kind kind;
	struct span text;
	bool loose; /* a blank or a comment stands before it */
};

struct scan {
	const char *at;
	const char *end;
	enum scan_problem problem; /* why SCAN_BAD */
	bool encoded, marked;      /* so far: an encoded word; an @, < or > in a quoted string */
	struct span comment;       /* the last one that was stepped over; without its parentheses */
};

void scan_begin(struct scan *scan, struct span value);
struct scan_token scan_next(struct scan *scan);

/* May the character stand in an address? Not if it is invisible, a blank, or one that some readers take for "@" or ".".
 */
bool scan_in_address(struct span text);

#endif
