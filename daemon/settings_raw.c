/*
 * The list of what a configuration file says, as it was read, and the arena in which all strings of a settings object
 * live. Pure but for memory. Filled by settings_load.c, read by settings_build.c.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/settings_private.h"

#define CHUNK (64 * 1024)

struct settings_chunk {
	struct settings_chunk *next;
	max_align_t bytes[];
};

void *settings_arena_take(struct settings_arena *arena, size_t size)
{
	struct settings_chunk *chunk;
	void *block;

	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (size > arena->size - arena->used) {
		arena->size = size > CHUNK ? size : CHUNK;
		arena->used = 0;
		chunk = calloc(1, sizeof(*chunk) + arena->size);
		if (!chunk) {
			arena->size = 0;
			return NULL;
		}
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	block = (char *)arena->chunks->bytes + arena->used;
	arena->used += size;
	return block;
}

char *settings_arena_text(struct settings_arena *arena, const char *text, bool lower)
{
	char *copy = settings_arena_take(arena, strlen(text) + 1);
	char *p = copy;

	if (!copy)
		return NULL;
	for (; *text; text++) /* not tolower(3), which asks the locale */
		*p++ = lower && *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
	return copy;
}

void settings_arena_free(struct settings_arena *arena)
{
	struct settings_chunk *next;

	for (; arena->chunks; arena->chunks = next) {
		next = arena->chunks->next;
		free(arena->chunks);
	}
	arena->used = arena->size = 0;
}

/* Room for one more item; the array grows by doubling. */
static void *grown(void *items, size_t count, size_t *room, size_t item_size)
{
	size_t wanted = *room ? *room * 2 : 64;
	void *bigger;

	if (count < *room)
		return items;
	bigger = reallocarray(items, wanted, item_size);
	if (bigger)
		*room = wanted;
	return bigger;
}

int settings_raw_value(struct settings_raw *raw, const struct settings_key *key, int line, const char *text)
{
	struct settings_value *values = grown(raw->values, raw->value_count, &raw->value_room, sizeof(*values));
	char *copy = NULL;

	if (!values)
		return -1;
	raw->values = values;
	if (text && !(copy = settings_arena_text(raw->arena, text, key->lower)))
		return -1;
	values[raw->value_count++] = (struct settings_value){key, line, copy};
	return 0;
}

int settings_raw_section(struct settings_raw *raw, enum settings_section section, const char *title, int line)
{
	struct settings_raw_section *sections, *last = NULL;
	struct settings_raw_section now = {.section = section, .line = line};

	sections = grown(raw->sections, raw->section_count, &raw->section_room, sizeof(*sections));
	if (!sections)
		return -1;
	raw->sections = sections;
	if (raw->section_count > 0)
		last = &sections[raw->section_count - 1];
	now.first = last ? last->first + last->count : 0;
	now.count = raw->value_count - now.first;
	if (title && !(now.title = settings_arena_text(raw->arena, title, section == SECTION_ACCOUNT)))
		return -1;
	sections[raw->section_count++] = now;
	return 0;
}

void settings_raw_free(struct settings_raw *raw)
{
	free(raw->sections);
	free(raw->values);
}

const struct settings_value *settings_raw_find(const struct settings_raw *raw,
					       const struct settings_raw_section *section, const char *key)
{
	size_t i;

	for (i = section->first; i < section->first + section->count; i++)
		if (strcmp(raw->values[i].key->name, key) == 0)
			return &raw->values[i];
	return NULL;
}
