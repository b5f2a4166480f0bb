/*
 * Cuts an address field into tokens. Called by the reader of addresses and by the writer of display names. Whatever
 * could be read in two ways ends the scan: it may not guess.
 */
#include <stdint.h>
#include <string.h>

#include "lib/utf8.h"
#include "milter/scan.h"
#include "milter/encoded_word.h"

void scan_begin(struct scan *scan, struct span value)
{
	*scan = (struct scan){.at = value.at, .end = value.at, .problem = SCAN_FINE};
	if (value.len > SCAN_FIELD_MAX)
		scan->problem = SCAN_TOO_LONG;
	else if (value.len > 0)
		scan->end += value.len;
}

static bool fail(struct scan *scan, enum scan_problem problem)
{
	if (scan->problem == SCAN_FINE)
		scan->problem = problem;
	return false;
}

static size_t left(const struct scan *scan)
{
	return (size_t)(scan->end - scan->at);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The length of a line break with a blank after it; 0 when there is none. */
static size_t fold_at(const struct scan *scan)
{
	size_t n = left(scan) > 0 && *scan->at == '\r' ? 1 : 0;

	if (left(scan) < n + 2 || scan->at[n] != '\n' || !is_blank(scan->at[n + 1]))
		return 0;
	return n + 2;
}

/* Blanks and folding. A line of blanks alone is none: some readers see the header's end in it. */
static bool skip_blanks(struct scan *scan)
{
	bool folded = false;
	size_t n;

	while (left(scan) > 0) {
		n = is_blank(*scan->at) ? 1 : fold_at(scan);
		if (n == 0)
			return true;
		if (n > 1 && folded)
			return fail(scan, SCAN_BAD_SYNTAX);
		folded = folded || n > 1;
		scan->at += n;
	}
	return folded ? fail(scan, SCAN_BAD_SYNTAX) : true;
}

/* One character of text, and no control: ASCII or well-formed UTF-8. */
static bool skip_character(struct scan *scan)
{
	uint32_t code;
	size_t n = utf8_read(scan->at, left(scan), &code);

	if (n == 0)
		return fail(scan, SCAN_BAD_SYNTAX);
	if (code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029)
		return fail(scan, SCAN_CONTROLS);
	scan->at += n;
	return true;
}

/* At "=?", wherever it stands: many readers decode it there too. */
static bool skip_encoded(struct scan *scan)
{
	struct encoded_word word;

	if (!encoded_word_read(scan->at, left(scan), &word))
		return fail(scan, SCAN_BAD_SYNTAX);
	scan->encoded = true;
	if (encoded_word_hides(&word) || scan->marked)
		return fail(scan, SCAN_HIDDEN);
	scan->at += word.len;
	return true;
}

static bool encoded_at(const struct scan *scan)
{
	return left(scan) >= 2 && scan->at[0] == '=' && scan->at[1] == '?';
}

/* What may stand inside a quoted string and inside a comment. */
static bool skip_inner(struct scan *scan)
{
	if (is_blank(*scan->at) || *scan->at == '\r' || *scan->at == '\n') {
		const char *began = scan->at;

		return skip_blanks(scan) && (scan->at > began || fail(scan, SCAN_CONTROLS));
	}
	if (encoded_at(scan))
		return skip_encoded(scan);
	if (*scan->at == '\\') {
		scan->at++;
		if (left(scan) == 0 || *scan->at == '\0' || strchr("\"\\()", *scan->at) == NULL)
			return fail(scan, SCAN_BAD_SYNTAX); /* before anything else, readers do not agree */
	}
	return skip_character(scan);
}

/* From an opening parenthesis to behind its own closing one. Nested ones are counted. An address in a comment could be
 * the one that a careless reader finds, a comma
 * the end of one, and a quote the beginning of something else. */
static bool skip_comment(struct scan *scan)
{
	const char *began = scan->at + 1;
	unsigned depth = 0;

	while (left(scan) > 0) {
		char c = *scan->at;

		if ((c != '\0' && strchr("@<>,\"", c) != NULL) || (c == '(' && depth == SCAN_COMMENT_DEPTH))
			return fail(scan, SCAN_BAD_SYNTAX);
		if (c != '(' && c != ')') {
			if (!skip_inner(scan))
				return false;
			continue;
		}
		scan->at++;
		depth += c == '(' ? 1 : (unsigned)-1;
		if (depth == 0) {
			scan->comment = (struct span){began, (size_t)(scan->at - 1 - began)};
			return true;
		}
	}
	return fail(scan, SCAN_BAD_SYNTAX);
}

static bool skip_quoted(struct scan *scan)
{
	for (scan->at++; left(scan) > 0;) {
		if (*scan->at == '"') {
			scan->at++;
			return true;
		}
		if (strchr("@<>", *scan->at) != NULL && *scan->at != '\0') {
			scan->marked = true;
			if (scan->encoded)
				return fail(scan, SCAN_HIDDEN); /* an encoded quote would set it free */
		}
		if (!skip_inner(scan))
			return false;
	}
	return fail(scan, SCAN_BAD_SYNTAX);
}

/* RFC 5322 section 3.2.3. */
static bool is_atext(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool skip_word(struct scan *scan)
{
	const char *began = scan->at;

	while (left(scan) > 0 && is_atext((unsigned char)*scan->at)) {
		if (encoded_at(scan))
			return fail(scan, SCAN_BAD_SYNTAX);
		if (!skip_character(scan))
			return false;
	}
	if (scan->at > began)
		return true;
	/* A backslash, a bracket, or a control character: skip_character knows which. */
	return skip_character(scan) && fail(scan, SCAN_BAD_SYNTAX);
}

static bool skip_gap(struct scan *scan)
{
	if (!skip_blanks(scan))
		return false;
	while (left(scan) > 0 && *scan->at == '(')
		if (!skip_comment(scan) || !skip_blanks(scan))
			return false;
	return true;
}

static bool skip_token(struct scan *scan, enum scan_kind *kind)
{
	if (encoded_at(scan)) {
		*kind = SCAN_ENCODED;
		return skip_encoded(scan);
	}
	switch (*scan->at) {
	case '"':
		*kind = SCAN_QUOTED;
		return skip_quoted(scan);
	case '.':
	case '@':
	case '<':
	case '>':
	case ',':
	case ':':
	case ';':
		*kind = SCAN_MARK;
		scan->at++;
		return true;
	}
	*kind = SCAN_WORD;
	return skip_word(scan);
}

struct scan_token scan_next(struct scan *scan)
{
	struct scan_token token = {.kind = SCAN_END};
	const char *began = scan->at;
	bool good = scan->problem == SCAN_FINE && skip_gap(scan);

	token.loose = scan->at > began;
	token.text.at = scan->at;
	if (good && left(scan) > 0)
		good = skip_token(scan, &token.kind);
	if (!good) {
		token.kind = SCAN_BAD;
		scan->end = scan->at;
	}
	token.text.len = (size_t)(scan->at - token.text.at);
	return token;
}

bool scan_in_address(struct span text)
{
	/* First and last code of what is invisible, a blank, or looks like a mark of the syntax to a reader that
	 * normalises (RFC 8265 and IDNA 2003 do). */
	static const uint32_t bad[][2] = {{0x80, 0xbf},       {0x034f, 0x034f},   {0x061c, 0x061c}, {0x115f, 0x1160},
					  {0x1680, 0x1680},   {0x17b4, 0x17b5},   {0x180b, 0x180f}, {0x2000, 0x206f},
					  {0x3000, 0x3002},   {0x3164, 0x3164},   {0xd800, 0xf8ff}, {0xfe00, 0xffff},
					  {0x1bca0, 0x1bca3}, {0xe0000, 0x10ffff}};
	uint32_t code;
	size_t n;

	for (size_t i = 0; i < text.len; i += n) {
		n = utf8_read(text.at + i, text.len - i, &code);
		if (n == 0)
			return false;
		for (size_t row = 0; row < sizeof bad / sizeof bad[0]; row++)
			if (code >= bad[row][0] && code <= bad[row][1])
				return false;
	}
	return true;
}
