/*
 * Looks causes up in the tables, and words them. Pure. Called by tokend for the remedy in its log lines, and by the
 * CLI. explain_text.c takes texts apart.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/explain_private.h"

/* --- by number and by word --- */

static int compare_code(const void *key, const void *row)
{
	long code = *(const long *)key, other = ((const struct explain_code_row *)row)->code;

	return code < other ? -1 : code > other;
}

static void set_cause(struct explain_cause *out, const char *name, const char *meaning, enum advice advice)
{
	out->name = name;
	out->meaning = meaning;
	out->advice = &explain_advices[advice];
}

bool explain_aadsts(long code, struct explain_cause *out)
{
	const struct explain_code_row *row =
	    bsearch(&code, explain_aadsts_rows, explain_aadsts_count, sizeof *row, compare_code);

	if (row)
		set_cause(out, row->name, row->meaning, row->advice);
	return row != NULL;
}

bool explain_word(const struct explain_word_row *rows, size_t count, struct explain_span word,
		  struct explain_cause *out)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(rows[i].word) == word.len && memcmp(rows[i].word, word.at, word.len) == 0) {
			set_cause(out, rows[i].word, rows[i].meaning, rows[i].advice);
			return true;
		}
	return false;
}

bool explain_oauth(const char *error, size_t len, struct explain_cause *out)
{
	return explain_word(explain_oauth_rows, explain_oauth_count, (struct explain_span){error, len}, out);
}

/* --- by reply --- */

const char *explain_search(struct explain_span text, const char *word)
{
	size_t len = strlen(word);
	int first = tolower((unsigned char)word[0]);

	for (size_t i = 0; i + len <= text.len; i++)
		if (tolower((unsigned char)text.at[i]) == first && strncasecmp(text.at + i, word, len) == 0)
			return text.at + i;
	return NULL;
}

static bool fits_code(const struct explain_reply_row *row, const struct explain_reply *reply)
{
	if (row->class_ == 0)
		return true;
	return reply->class_ != 0 && row->subject == reply->subject && row->first <= reply->detail &&
	       reply->detail <= row->last && (!row->exact || reply->softened || row->class_ == reply->class_);
}

const struct explain_reply_row *explain_reply_find(const struct explain_reply *reply, struct explain_span line)
{
	const struct explain_reply_row *row;

	for (size_t i = 0; i < explain_reply_count; i++) {
		row = &explain_reply_rows[i];
		if (fits_code(row, reply) && (!row->keyword || explain_search(line, row->keyword)))
			return row;
	}
	return NULL;
}

void explain_row_cause(const struct explain_reply_row *row, struct explain_cause *out)
{
	set_cause(out, row->name, row->meaning, row->advice);
}

bool explain_variant(const struct explain_reply *reply, unsigned i, struct explain_cause *out, const char **words)
{
	for (size_t at = 0; at < explain_reply_count; at++) {
		const struct explain_reply_row *row = &explain_reply_rows[at];

		if (row->class_ == 0 || !row->keyword || !fits_code(row, reply) || i-- > 0)
			continue;
		explain_row_cause(row, out);
		*words = row->keyword;
		return true;
	}
	return false;
}

/* --- all of them --- */

bool explain_at(unsigned i, struct explain_cause *out)
{
	size_t at = i;

	if (at < explain_aadsts_count)
		return explain_aadsts(explain_aadsts_rows[at].code, out);
	at -= explain_aadsts_count;
	if (at < explain_oauth_count)
		return explain_oauth(explain_oauth_rows[at].word, strlen(explain_oauth_rows[at].word), out);
	at -= explain_oauth_count;
	if (at < explain_reply_count) {
		explain_row_cause(&explain_reply_rows[at], out);
		return true;
	}
	at -= explain_reply_count;
	if (at >= explain_event_count)
		return false;
	set_cause(out, explain_event_rows[at].word, explain_event_rows[at].meaning, explain_event_rows[at].advice);
	return true;
}

/* --- words --- */

const char *explain_course_text(enum explain_course course)
{
	static const char *const texts[] = {
	    [EXPLAIN_HEALS] = "heals by itself",
	    [EXPLAIN_STAYS] = "does not heal by itself",
	    [EXPLAIN_STEP] = "belongs to a sign-in that is under way",
	};

	return texts[course];
}

const char *explain_who_text(enum explain_who who)
{
	static const char *const texts[] = {
	    [EXPLAIN_NOBODY] = "nobody",
	    [EXPLAIN_POSTMASTER] = "whoever runs this relay",
	    [EXPLAIN_OWNER] = "whoever can sign in as the mailbox",
	    [EXPLAIN_ENTRA] = "an Entra administrator",
	    [EXPLAIN_EXCHANGE] = "an Exchange administrator",
	    [EXPLAIN_SENDER] = "whoever wrote the message",
	    [EXPLAIN_OTHERS] = "somebody outside this relay",
	};

	return texts[who];
}

/* The value for the brace that `text` begins with, and how long the brace is; NULL: it is none of ours. */
static const char *value_of(const char *text, const struct explain_values *values, size_t *len)
{
	const struct {
		const char *brace, *value, *absent;
	} all[] = {
	    {"{mailbox}", values->mailbox, "<mailbox>"},
	    {"{app}", values->app, "<client id>"},
	    {"{tenant}", values->tenant, "<tenant>"},
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		*len = strlen(all[i].brace);
		if (strncmp(text, all[i].brace, *len) == 0)
			return all[i].value ? all[i].value : all[i].absent;
	}
	return NULL;
}

int explain_fill(const char *text, const struct explain_values *values, struct buf *out)
{
	while (*text) {
		size_t len = strcspn(text, "{");
		const char *value;

		buf_append(out, text, len);
		text += len;
		value = *text ? value_of(text, values, &len) : NULL;
		if (value) {
			buf_puts(out, value);
			text += len;
		} else if (*text) {
			buf_append(out, text++, 1);
		}
	}
	return out->failed ? -1 : 0;
}
