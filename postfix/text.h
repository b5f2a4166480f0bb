#ifndef MAILBEARER_POSTFIX_TEXT_H
#define MAILBEARER_POSTFIX_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/*
 * The form that main.cf and master.cf have in common (postconf(5), master(5)): an entry begins in the first column and
 * goes on in each line that begins with a blank; comments and empty lines are no part of it wherever they stand. Pure.
 */

#define TEXT_FILE_MAX (1024 * 1024) /* bytes of a main.cf or master.cf */

struct text_entry {
	size_t start, end; /* its bytes: from its first line's to the end of its last, comments between them included */
};

/* The next entry from *at, which moves behind it. False: there is none. */
bool text_next(const struct buf *text, size_t *at, struct text_entry *out);

/* The entry as one line, without comments and its newlines; blanks in a row become one, those at its end none. */
void text_join(const struct buf *text, const struct text_entry *entry, struct buf *out);

/* The comments that stand within the entry: whoever replaces it keeps them. */
void text_comments(const struct buf *text, const struct text_entry *entry, struct buf *out);

/* Appends what stands from there on: nothing of an empty text, which has no bytes to point at. */
void text_rest(const struct buf *text, size_t from, struct buf *out);

/* Appends `text`, up to len, with blanks in a row made one, and none at both ends. */
void text_squeeze(const char *text, size_t len, struct buf *out);

/* Are they the same but for their blanks? */
bool text_same(const char *a, const char *b);

/* The next word: `separators` part words, and braces hold together ("{ inet:a, default_action=x }"). Its length; 0:
 * there is none. *list moves to the word. */
#define TEXT_BLANKS " \t\r\n"
#define TEXT_LIST ", \t\r\n"
size_t text_word(const char **list, const char *separators);

/* Appends the list without this word, whatever parted it before by ", ". False: it is not in there. */
bool text_list_without(const char *list, const char *word, struct buf *out);

#endif
