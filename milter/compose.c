/*
 * The writer of header fields. Called by the policy for From, Reply-To and the X-Original- fields. Takes any bytes;
 * what it writes may not be readable as anything but what was meant.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/utf8.h"
#include "milter/compose.h"
#include "milter/encoded_word.h"

#define FOLD_AT 76    /* columns, so that a comma still fits */
#define QUOTED_MAX 60 /* bytes after which a quoted string ends at the next blank */
#define ENCODED_HEAD "=?utf-8?q?"
#define ENCODED_TEXT_MAX 63 /* bytes between the head and "?=", so that the word has 75 */

/* The field as far as it is written, and the text that is not written yet: UTF-8, single blanks, no controls. */
struct writer {
	struct buf *out;
	size_t column;
	bool begun;         /* there is a word before this one */
	bool after_encoded; /* and it is an encoded one: a blank between two of them is not shown */
	bool unstructured;  /* nobody looks for an address in this field */
	bool tamed;         /* the name is partly encoded: then none of it is quoted, and none looks like an address */
	size_t words;       /* bytes of encoded words so far, kept ones and ours */
	bool cut;           /* no more text: what follows must not look as if it stood here */
	size_t len;
	char text[COMPOSE_NAME_MAX > COMPOSE_TEXT_MAX ? COMPOSE_NAME_MAX : COMPOSE_TEXT_MAX];
	size_t room; /* how much of text may be used */
};

/* One word, on a new line when this one is full. The first stays where the field begins. */
static void put_word(struct writer *writer, const char *word, size_t len, bool encoded)
{
	if (writer->begun) {
		bool fold = writer->column + 1 + len > FOLD_AT;

		buf_puts(writer->out, fold ? "\n " : " ");
		writer->column = fold ? 1 : writer->column + 1;
	}
	buf_append(writer->out, word, len);
	writer->column += len;
	writer->begun = true;
	writer->after_encoded = encoded;
}

/* --- collecting text --- */

static void add_bytes(struct writer *writer, const char *bytes, size_t len)
{
	if (*bytes == '?' && !writer->unstructured && writer->len > 0 && writer->text[writer->len - 1] == '=')
		add_bytes(writer, " ", 1); /* so that nobody takes it for the start of an encoded word */
	writer->cut = writer->cut || len > writer->room - writer->len;
	if (writer->cut)
		return;
	memcpy(writer->text + writer->len, bytes, len);
	writer->len += len;
}

static void add_blank(struct writer *writer)
{
	if (writer->len > 0 && writer->text[writer->len - 1] != ' ')
		add_bytes(writer, " ", 1);
}

static bool is_control(uint32_t code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

/* What a reader that decodes before it parses must not find (encoded_word_hides looks for the same). */
static bool add_tamed(struct writer *writer, char c)
{
	switch (c) {
	case '@':
		add_blank(writer);
		add_bytes(writer, "at", 2);
		add_blank(writer);
		return true;
	case '<':
		add_bytes(writer, "(", 1);
		return true;
	case '>':
		add_bytes(writer, ")", 1);
		return true;
	case '"':
		add_bytes(writer, "'", 1);
		return true;
	}
	return false;
}

/* Adds the character that begins here; returns how many bytes it took. */
static size_t add_character(struct writer *writer, const char *at, size_t len)
{
	unsigned char c = (unsigned char)*at;
	char latin1[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
	uint32_t code = 0;
	size_t n = utf8_read(at, len, &code);

	if (writer->tamed && add_tamed(writer, *at))
		return 1;
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		add_blank(writer);
	else if (n == 0 && c >= 0xa0)
		add_bytes(writer, latin1, 2);
	else if (n == 0 || is_control(code))
		add_bytes(writer, "?", 1);
	else
		add_bytes(writer, at, n);
	return n > 0 ? n : 1;
}

/* --- writing it --- */

static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Of the marks of an atom, those that nobody misreads. */
static bool is_atoms(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && (text[i] == '\0' || strchr(" !#$&'*+-/_~", text[i]) == NULL))
			return false;
	return true;
}

static size_t word_len(const char *text, size_t len)
{
	const char *blank = len > 0 ? memchr(text, ' ', len) : NULL;

	return blank != NULL ? (size_t)(blank - text) : len;
}

static void put_words(struct writer *writer, const char *text, size_t len)
{
	size_t n;

	for (size_t i = 0; i < len; i += n + 1) {
		n = word_len(text + i, len - i);
		put_word(writer, text + i, n, false);
	}
}

/* As many words as make a string that still folds well; returns how many bytes of the text it took. */
static size_t put_quoted(struct writer *writer, const char *text, size_t len)
{
	char quoted[2 * sizeof writer->text + 2];
	size_t used = 0, i;

	quoted[used++] = '"';
	for (i = 0; i < len; i++) {
		if (text[i] == ' ' && used + word_len(text + i + 1, len - i - 1) > QUOTED_MAX)
			break;
		if (text[i] == '"' || text[i] == '\\')
			quoted[used++] = '\\';
		quoted[used++] = text[i];
	}
	quoted[used++] = '"';
	put_word(writer, quoted, used, false);
	return i;
}

static size_t encode_byte(char c, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	if (is_alnum(c) || c == '-') {
		out[0] = c;
		return 1;
	}
	if (c == ' ') {
		out[0] = '_';
		return 1;
	}
	out[0] = '=';
	out[1] = digits[(unsigned char)c >> 4];
	out[2] = digits[(unsigned char)c & 0xf];
	return 3;
}

static size_t encode_character(const char *at, size_t len, char out[12])
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++)
		used += encode_byte(at[i], out + used);
	return used;
}

/* The first word stands in the field's first line, behind the field's name. */
static size_t encoded_room(const struct writer *writer)
{
	size_t taken = writer->column + strlen(ENCODED_HEAD) + strlen("?=");

	if (writer->begun || taken + ENCODED_TEXT_MAX <= FOLD_AT)
		return ENCODED_TEXT_MAX;
	return FOLD_AT - taken;
}

/* Ours count, too: what was written is read again one day, all its words are kept ones then, and all of them must be.
 */
static bool has_room_for_word(struct writer *writer, size_t len)
{
	if (!writer->unstructured && writer->words + len > COMPOSE_WORDS_MAX)
		return false;
	writer->words += len;
	return true;
}

/* One encoded word of as many whole characters as fit; returns how many bytes of the text it took. */
static size_t put_encoded(struct writer *writer, const char *text, size_t len, bool first, bool more)
{
	char word[sizeof ENCODED_HEAD + ENCODED_TEXT_MAX + 3] = ENCODED_HEAD, piece[12];
	size_t head = strlen(ENCODED_HEAD), used = head, most = encoded_room(writer), i = 0, n, piece_len;
	uint32_t code;

	if (writer->after_encoded && first)
		word[used++] = '_';
	for (; i < len; i += n) {
		n = utf8_read(text + i, len - i, &code);
		n = n > 0 ? n : 1;
		piece_len = encode_character(text + i, n, piece);
		if (used - head + piece_len + 1 > most)
			break;
		memcpy(word + used, piece, piece_len);
		used += piece_len;
	}
	if (i == len && more)
		word[used++] = '_';
	memcpy(word + used, "?=", 2);
	if (!has_room_for_word(writer, used + 2))
		return len;
	put_word(writer, word, used + 2, true);
	return i;
}

/* encoded_next: an encoded word comes next, so a blank before it must be inside ours. */
static void flush(struct writer *writer, bool encoded_next)
{
	size_t len = writer->len, i;
	const char *text = writer->text;

	while (len > 0 && text[len - 1] == ' ')
		len--;
	writer->room -= len; /* the whole name has one maximum, and a blank that is not written does not count */
	writer->len = 0;
	if (is_plain(text, len) && is_atoms(text, len))
		put_words(writer, text, len);
	else if (is_plain(text, len) && !writer->tamed)
		for (i = 0; i < len; i++)
			i += put_quoted(writer, text + i, len - i);
	else
		for (i = 0; i < len;)
			i += put_encoded(writer, text + i, len - i, i == 0, encoded_next);
}

/* --- names --- */

/* At "=?". A word that hides something is decoded if we can, and then it is text like any other. */
static size_t add_encoded(struct writer *writer, const char *at, size_t len)
{
	char bytes[ENCODED_WORD_MAX];
	struct encoded_word word;
	size_t decoded;

	if (!encoded_word_read(at, len, &word)) {
		add_bytes(writer, "=", 1);
		return 1;
	}
	if (!encoded_word_hides(&word)) {
		flush(writer, true);
		if (has_room_for_word(writer, word.len))
			put_word(writer, at, word.len, true);
		return word.len;
	}
	decoded = encoded_word_decode(&word, bytes);
	if (word.charset == ENCODED_UTF8 || word.charset == ENCODED_LATIN1)
		for (size_t i = 0; i < decoded;)
			i += add_character(writer, bytes + i, decoded - i);
	return word.len;
}

/* Will a part of the name be encoded? */
static bool is_encoded(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.at[i] >= 0x80 ||
		    (name.at[i] == '=' && i + 1 < name.len && name.at[i + 1] == '?'))
			return true;
	return false;
}

static void add_name(struct writer *writer, struct span name)
{
	for (size_t i = 0; i < name.len;) {
		const char *at = name.at + i;
		size_t left = name.len - i;

		if (*at == '"') {
			i++;
		} else if (*at == '\\' && left > 1) {
			i += 1 + add_character(writer, at + 1, left - 1);
		} else if (left > 1 && at[0] == '=' && at[1] == '?') {
			i += add_encoded(writer, at, left);
		} else {
			i += add_character(writer, at, left);
		}
	}
	flush(writer, false);
}

int compose_mailbox(struct span name, struct span mailbox, size_t *column, struct buf *out)
{
	struct writer writer = {.out = out, .column = *column, .tamed = is_encoded(name), .room = COMPOSE_NAME_MAX};
	char address[ADDRESS_MAX + 2];
	size_t len = mailbox.len < ADDRESS_MAX ? mailbox.len : ADDRESS_MAX;

	add_name(&writer, name);
	address[0] = '<';
	memcpy(address + 1, mailbox.at, len);
	address[len + 1] = '>';
	if (writer.begun)
		put_word(&writer, address, len + 2, false);
	else
		put_word(&writer, address + 1, len, false);
	*column = writer.column;
	return out->failed ? -1 : 0;
}

struct span compose_salvage(struct span value)
{
	size_t end = value.len;

	if (value.len == 0 || value.len > SCAN_FIELD_MAX)
		return (struct span){value.at, 0};
	while (end > 0 && value.at[end - 1] != '<')
		end--;
	if (end > 0)
		return (struct span){value.at, end - 1};
	return (struct span){value.at, memchr(value.at, '@', value.len) == NULL ? value.len : 0};
}

/* --- originals --- */

int compose_original(struct span value, size_t column, struct buf *out)
{
	struct writer writer = {.out = out, .column = column, .unstructured = true, .room = COMPOSE_TEXT_MAX};
	size_t i = 0;

	while (i < value.len)
		i += add_character(&writer, value.at + i, value.len - i);
	if (is_plain(writer.text, writer.len)) {
		while (writer.len > 0 && writer.text[writer.len - 1] == ' ')
			writer.len--;
		put_words(&writer, writer.text, writer.len);
	} else {
		flush(&writer, false);
	}
	return out->failed ? -1 : 0;
}
