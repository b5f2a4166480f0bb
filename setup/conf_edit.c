/*
 * Finds and changes single values in the text of mailbearer.conf(5). Pure: bytes in, bytes out. Knows the file's
 * grammar and no meaning of any key. Called by plan.c.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "setup/conf_edit.h"

enum kind { END, MARK, WORD, STRING };

struct token {
	enum kind kind;
	size_t at, len; /* in the text; of a string with its quotes */
};

struct cursor {
	const char *text;
	size_t len, at;
};

/* Where a section stands: its title, and its braces. */
struct section {
	struct token title;
	size_t open, close;
};

/* Where a key stands, and its value: a list with its braces. */
struct setting {
	struct token key;
	size_t at, len;
	bool list;
};

/* --- reading --- */

static bool begins(const struct cursor *cursor, const char *mark)
{
	size_t len = strlen(mark);

	return cursor->len - cursor->at >= len && memcmp(cursor->text + cursor->at, mark, len) == 0;
}

static void skip_line(struct cursor *cursor)
{
	while (cursor->at < cursor->len && cursor->text[cursor->at] != '\n')
		cursor->at++;
}

static void skip_long_comment(struct cursor *cursor)
{
	for (cursor->at += 2; cursor->at < cursor->len && !begins(cursor, "*/"); cursor->at++)
		continue;
	cursor->at += cursor->at < cursor->len ? 2 : 0;
}

static bool skip_blank(struct cursor *cursor)
{
	if (cursor->at == cursor->len)
		return false;
	if (cursor->text[cursor->at] == '#' || begins(cursor, "//"))
		skip_line(cursor);
	else if (begins(cursor, "/*"))
		skip_long_comment(cursor);
	else if (strchr(" \t\r\n", cursor->text[cursor->at]) != NULL && cursor->text[cursor->at] != '\0')
		cursor->at++;
	else
		return false;
	return true;
}

static void take_string(struct cursor *cursor)
{
	char quote = cursor->text[cursor->at++];

	while (cursor->at < cursor->len && cursor->text[cursor->at] != quote)
		cursor->at += cursor->text[cursor->at] == '\\' && cursor->at + 1 < cursor->len ? 2 : 1;
	cursor->at += cursor->at < cursor->len;
}

/* As the settings read words. */
static bool ends_word(char byte)
{
	return byte == '\0' || strchr(" \t\r\n{}=,+\"'#", byte) != NULL;
}

static struct token next(struct cursor *cursor)
{
	struct token token = {.kind = END};

	while (skip_blank(cursor))
		continue;
	token.at = cursor->at;
	if (cursor->at == cursor->len)
		return token;
	if (cursor->text[cursor->at] == '"' || cursor->text[cursor->at] == '\'') {
		token.kind = STRING;
		take_string(cursor);
	} else if (ends_word(cursor->text[cursor->at])) {
		token.kind = MARK;
		cursor->at++;
	} else {
		token.kind = WORD;
		while (cursor->at < cursor->len && !ends_word(cursor->text[cursor->at]))
			cursor->at++;
	}
	token.len = cursor->at - token.at;
	return token;
}

static bool is_mark(const struct cursor *cursor, const struct token *token, char mark)
{
	return token->kind == MARK && cursor->text[token->at] == mark;
}

/* Appends what the token means. */
static void put_meaning(const char *text, const struct token *token, struct buf *out)
{
	size_t end = token->at + token->len - (token->kind == STRING);

	for (size_t i = token->at + (token->kind == STRING); i < end; i++) {
		if (token->kind == STRING && text[i] == '\\' && i + 1 < end)
			i++;
		buf_append(out, &text[i], 1);
	}
}

static bool means(const char *text, const struct token *token, const char *word, bool any_case)
{
	struct buf meaning = BUF_INIT(token->len + 1);
	const char *is;
	bool same;

	put_meaning(text, token, &meaning);
	is = meaning.data != NULL ? meaning.data : "";
	same = !meaning.failed && (any_case ? strcasecmp(is, word) : strcmp(is, word)) == 0;
	buf_free(&meaning);
	return same;
}

/* Past the closing brace of what has just been opened; where that brace stands. */
static size_t skip_to_close(struct cursor *cursor)
{
	struct token token;
	int depth = 1;

	while ((token = next(cursor)).kind != END) {
		depth += is_mark(cursor, &token, '{');
		depth -= is_mark(cursor, &token, '}');
		if (depth == 0)
			break;
	}
	return token.at;
}

/* The next section, whatever it is called; its name in *name. */
static bool next_section(struct cursor *cursor, struct token *name, struct section *out)
{
	struct token token;

	*name = next(cursor);
	if (name->kind == END)
		return false;
	token = next(cursor);
	out->title = (struct token){.kind = END};
	if (token.kind == WORD || token.kind == STRING) {
		out->title = token;
		token = next(cursor);
	}
	out->open = token.at;
	out->close = skip_to_close(cursor);
	return token.kind != END;
}

static bool find_section(const struct buf *text, const char *section, const char *title, struct section *out)
{
	struct cursor cursor = {text->data, text->len, 0};
	struct token name;

	while (next_section(&cursor, &name, out)) {
		if (!means(text->data, &name, section, false))
			continue;
		if (title == NULL || means(text->data, &out->title, title, strcmp(section, "account") == 0))
			return true;
	}
	return false;
}

/* The next setting of a section, the cursor being behind its brace. */
static bool next_setting(struct cursor *cursor, struct setting *out)
{
	struct token token;

	out->key = next(cursor);
	if (out->key.kind != WORD)
		return false;
	do
		token = next(cursor);
	while (is_mark(cursor, &token, '+') || is_mark(cursor, &token, '='));
	out->at = token.at;
	out->list = is_mark(cursor, &token, '{');
	out->len = out->list ? skip_to_close(cursor) + 1 - token.at : token.len;
	return token.kind != END;
}

static bool find_setting(const struct buf *text, const struct section *section, const char *key, struct setting *out)
{
	struct cursor cursor = {text->data, section->close, section->open + 1};

	while (next_setting(&cursor, out))
		if (means(text->data, &out->key, key, false))
			return true;
	return false;
}

bool conf_get(const struct buf *text, const char *section, const char *title, const char *key, struct buf *out)
{
	struct section place;
	struct setting setting;
	struct cursor cursor;
	struct token value;

	if (!find_section(text, section, title, &place) || !find_setting(text, &place, key, &setting) || setting.list)
		return false;
	cursor = (struct cursor){text->data, text->len, setting.at};
	value = next(&cursor);
	put_meaning(text->data, &value, out);
	return !out->failed;
}

bool conf_has_section(const struct buf *text, const char *section, const char *title)
{
	struct section place;

	return find_section(text, section, title, &place);
}

bool conf_title(const struct buf *text, const char *section, unsigned i, struct buf *out)
{
	struct cursor cursor = {text->data, text->len, 0};
	struct section place;
	struct token name;

	while (next_section(&cursor, &name, &place)) {
		if (!means(text->data, &name, section, false) || i-- > 0)
			continue;
		put_meaning(text->data, &place.title, out);
		return !out->failed;
	}
	return false;
}

/* --- writing --- */

/* `len` bytes at `at` give way to others. */
static int splice(struct buf *text, size_t at, size_t len, const char *bytes)
{
	struct buf whole = BUF_INIT(text->max);

	if (at > 0)
		buf_append(&whole, text->data, at);
	buf_puts(&whole, bytes);
	if (at + len < text->len)
		buf_append(&whole, text->data + at + len, text->len - at - len);
	if (whole.failed) {
		buf_free(&whole);
		return -1;
	}
	buf_free(text);
	*text = whole;
	return 0;
}

static void put_quoted(struct buf *out, const char *value)
{
	buf_puts(out, "\"");
	for (; *value != '\0'; value++)
		buf_printf(out, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
	buf_puts(out, "\"");
}

int conf_add_section(struct buf *text, const char *section, const char *title, const char *comment)
{
	struct buf out = BUF_INIT(text->max);
	int result;

	if (text->len > 0)
		buf_puts(&out, text->data[text->len - 1] == '\n' ? "\n" : "\n\n");
	for (; *comment != '\0'; comment += strcspn(comment, "\n") + 1)
		buf_printf(&out, "# %.*s\n", (int)strcspn(comment, "\n"), comment);
	buf_printf(&out, "%s ", section);
	if (title != NULL) {
		put_quoted(&out, title);
		buf_puts(&out, " ");
	}
	buf_puts(&out, "{\n}\n");
	result = out.failed ? -1 : splice(text, text->len, 0, out.data);
	buf_free(&out);
	return result;
}

/* The blanks before what stands at `at`, if nothing else is before it in its line; else a tab. */
static void put_indent(const struct buf *text, size_t at, struct buf *out)
{
	size_t line = at;

	while (line > 0 && strchr(" \t", text->data[line - 1]) != NULL)
		line--;
	if (line < at && (line == 0 || text->data[line - 1] == '\n'))
		buf_append(out, text->data + line, at - line);
	else
		buf_puts(out, "\t");
}

/* Does the section stand on one line? */
static bool is_short(const struct buf *text, const struct section *section)
{
	return memchr(text->data + section->open, '\n', section->close - section->open) == NULL;
}

/* Where the line of the closing brace begins, if nothing but blanks stands before it; else at the brace. */
static size_t before_close(const struct buf *text, const struct section *section)
{
	size_t at = section->close;

	while (at > 0 && strchr(" \t", text->data[at - 1]) != NULL)
		at--;
	return at > 0 && text->data[at - 1] == '\n' ? at : section->close;
}

static int add(struct buf *text, const struct section *section, const char *key, const char *value)
{
	struct cursor cursor = {text->data, section->close, section->open + 1};
	struct buf line = BUF_INIT(text->max);
	size_t at = before_close(text, section);
	struct setting first;
	int result;

	if (is_short(text, section)) {
		buf_puts(&line, text->data[section->close - 1] == ' ' ? "" : " ");
	} else {
		buf_puts(&line, text->data[at - 1] == '\n' ? "" : "\n");
		put_indent(text, next_setting(&cursor, &first) ? first.key.at : 0, &line);
	}
	buf_printf(&line, "%s = ", key);
	put_quoted(&line, value);
	buf_puts(&line, is_short(text, section) ? " " : "\n");
	result = line.failed ? -1 : splice(text, at, 0, line.data);
	buf_free(&line);
	return result;
}

/* With its line, if it has one to itself. */
static int drop(struct buf *text, const struct setting *setting)
{
	size_t from = setting->key.at, to = setting->at + setting->len;

	while (from > 0 && strchr(" \t", text->data[from - 1]) != NULL)
		from--;
	while (to < text->len && strchr(" \t\r", text->data[to]) != NULL)
		to++;
	if ((from == 0 || text->data[from - 1] == '\n') && to < text->len && text->data[to] == '\n')
		return splice(text, from, to + 1 - from, "");
	return splice(text, setting->key.at, to - setting->key.at, "");
}

static int replace(struct buf *text, const struct setting *setting, const char *value)
{
	struct buf quoted = BUF_INIT(text->max);
	int result;

	put_quoted(&quoted, value);
	result = quoted.failed ? -1 : splice(text, setting->at, setting->len, quoted.data);
	buf_free(&quoted);
	return result;
}

int conf_set(struct buf *text, const char *section, const char *title, const char *key, const char *value)
{
	struct buf old = BUF_INIT(text->max);
	struct section place;
	struct setting setting;
	bool same;

	if (!find_section(text, section, title, &place))
		return -1;
	if (!find_setting(text, &place, key, &setting))
		return value != NULL ? add(text, &place, key, value) : 0;
	if (value == NULL)
		return drop(text, &setting);
	same = conf_get(text, section, title, key, &old) && strcmp(old.data != NULL ? old.data : "", value) == 0;
	buf_free(&old);
	return same ? 0 : replace(text, &setting, value);
}
