/*
 * The socketmap protocol's requests and answers, bytes in and out: no I/O. tokend, its clients and the plugin inside
 * smtp(8) all speak through this; what it parses comes from strangers.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/wire.h"

static const struct {
	const char *word;
	enum wire_result result;
} results[] = {
    {"OK", WIRE_OK}, {"NOTFOUND", WIRE_NOTFOUND}, {"TEMP", WIRE_TEMP}, {"TIMEOUT", WIRE_TIMEOUT}, {"PERM", WIRE_PERM},
};

#define RESULTS (sizeof results / sizeof results[0])

static bool is_map(const char *map, size_t len)
{
	if (len == 0 || len > WIRE_MAP_MAX || map[0] < 'a' || map[0] > 'z')
		return false;
	for (size_t i = 1; i < len; i++) {
		if ((map[i] < 'a' || map[i] > 'z') && (map[i] < '0' || map[i] > '9') && map[i] != '-')
			return false;
	}
	return true;
}

static bool is_key(const char *key, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (key[i] == '\0' || key[i] == '\r' || key[i] == '\n')
			return false;
	}
	return true;
}

/* The length of the first word; *rest is where what follows its space begins. */
static size_t split_word(const char *payload, size_t len, size_t *rest)
{
	const char *space = len > 0 ? memchr(payload, ' ', len) : NULL;
	size_t word = space != NULL ? (size_t)(space - payload) : len;

	*rest = space != NULL ? word + 1 : len;
	return word;
}

int wire_parse_request(const char *payload, size_t len, struct wire_request *out)
{
	size_t rest, word = split_word(payload, len, &rest);

	if (len > WIRE_REQUEST_MAX || !is_map(payload, word) || !is_key(payload + rest, len - rest))
		return -1;
	memcpy(out->map, payload, word);
	out->map[word] = '\0';
	out->key = payload + rest;
	out->key_len = len - rest;
	return 0;
}

int wire_parse_reply(const char *payload, size_t len, struct wire_reply *out)
{
	size_t rest, word = split_word(payload, len, &rest);

	for (size_t i = 0; i < RESULTS; i++) {
		if (word == strlen(results[i].word) && memcmp(payload, results[i].word, word) == 0) {
			*out = (struct wire_reply){results[i].result, payload + rest, len - rest};
			return 0;
		}
	}
	return -1;
}

/* Appends the netstring "WORD TEXT", whole or not at all. */
static int append_frame(struct buf *out, const char *word, const char *text, size_t len)
{
	size_t word_len = strlen(word);
	char head[24 + WIRE_MAP_MAX];
	int head_len = snprintf(head, sizeof head, "%zu:%s ", word_len + 1 + len, word);

	if (buf_reserve(out, (size_t)head_len + len + 1) == NULL)
		return -1;
	buf_append(out, head, (size_t)head_len);
	buf_append(out, text, len);
	return buf_append(out, ",", 1);
}

int wire_append_request(struct buf *out, const char *map, const char *key, size_t key_len)
{
	size_t map_len = strlen(map);

	if (!is_map(map, map_len) || key_len > WIRE_REQUEST_MAX - map_len - 1 || !is_key(key, key_len)) {
		out->failed = true;
		return -1;
	}
	return append_frame(out, map, key, key_len);
}

int wire_append_reply(struct buf *out, enum wire_result result, const char *text, size_t len)
{
	for (size_t i = 0; i < RESULTS; i++) {
		if (results[i].result == result && len <= WIRE_STATUS_MAX)
			return append_frame(out, results[i].word, text, len);
	}
	out->failed = true;
	return -1;
}
