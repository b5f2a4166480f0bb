/*
 * Files of sections and keys, as Python programs have them. Pure; called by takeover_proxy.c.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "cli/ini.h"
#include "lib/buf.h"

#define TEXT_MAX (1024 * 1024)

struct ini {
	json_t *all, *section; /* the section is borrowed; NULL: none has begun */
	struct buf key, value; /* of the line before, to which this one may belong; no key: none is open */
	unsigned line;
	struct err *err;
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Without the blanks around it. */
static void trim(const char **text, size_t *len)
{
	while (*len > 0 && is_blank((*text)[*len - 1]))
		--*len;
	while (*len > 0 && is_blank(**text)) {
		++*text;
		--*len;
	}
}

static int refuse(const struct ini *ini, const char *why)
{
	return err_set(ini->err, ERR_SYNTAX, "line %u: %s", ini->line, why);
}

/* Empty lines behind a value are none of it. */
static int end_value(struct ini *ini)
{
	json_t *text;

	if (ini->key.len == 0)
		return 0;
	while (ini->value.len > 0 && ini->value.data[ini->value.len - 1] == '\n')
		ini->value.len--;
	text = json_stringn(ini->value.len > 0 ? ini->value.data : "", ini->value.len);
	if (ini->key.failed || ini->value.failed || text == NULL ||
	    json_object_set_new(ini->section, ini->key.data, text) != 0)
		return refuse(ini, "the value that ends above it is no text in UTF-8");
	buf_clear(&ini->key);
	buf_clear(&ini->value);
	return 0;
}

static int begin_section(struct ini *ini, const char *line, size_t len)
{
	const char *end = memrchr(line, ']', len);
	struct buf name = BUF_INIT(TEXT_MAX);
	int result = -1;

	if (end == NULL || end == line + 1)
		return refuse(ini, "a section's name has no end");
	buf_append(&name, line + 1, (size_t)(end - line) - 1);
	if (!name.failed && json_object_get(ini->all, name.data) == NULL)
		json_object_set_new(ini->all, name.data, json_object());
	ini->section = name.failed ? NULL : json_object_get(ini->all, name.data);
	result = ini->section != NULL ? 0 : refuse(ini, "a section's name is no text in UTF-8");
	buf_free(&name);
	return result;
}

static int begin_value(struct ini *ini, const char *line, size_t len)
{
	size_t key_len = 0, value_len;
	const char *value, *key = line;

	while (key_len < len && line[key_len] != '=' && line[key_len] != ':')
		key_len++;
	if (ini->section == NULL || key_len == 0 || key_len == len)
		return refuse(ini, "neither a section nor a key with its value");
	value = line + key_len + 1;
	value_len = len - key_len - 1;
	trim(&key, &key_len);
	trim(&value, &value_len);
	for (size_t i = 0; i < key_len; i++)
		buf_append(&ini->key, &(char){(char)tolower((unsigned char)key[i])}, 1);
	buf_append(&ini->value, value, value_len);
	return 0;
}

static int read_line(struct ini *ini, const char *line, size_t len)
{
	bool goes_on = len > 0 && is_blank(*line) && ini->key.len > 0;

	trim(&line, &len);
	if (memchr(line, '\0', len) != NULL)
		return refuse(ini, "a NUL");
	if (len > 0 && (*line == '#' || *line == ';'))
		return 0;
	if (len == 0 && ini->key.len == 0)
		return 0;
	if (len == 0 || goes_on) {
		buf_puts(&ini->value, "\n");
		buf_append(&ini->value, line, len);
		return 0;
	}
	if (end_value(ini) != 0)
		return -1;
	return *line == '[' ? begin_section(ini, line, len) : begin_value(ini, line, len);
}

json_t *ini_read(const char *text, size_t len, struct err *err)
{
	struct ini ini = {.all = json_object(), .key = BUF_INIT(TEXT_MAX), .value = BUF_INIT(TEXT_MAX), .err = err};
	int result = ini.all != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory");

	while (result == 0 && len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end != NULL ? (size_t)(end - text) : len;

		ini.line++;
		result = read_line(&ini, text, line_len);
		line_len += end != NULL;
		text += line_len;
		len -= line_len;
	}
	if (result == 0)
		result = end_value(&ini);
	buf_free(&ini.key);
	buf_free(&ini.value);
	if (result == 0)
		return ini.all;
	json_decref(ini.all);
	return NULL;
}
