#ifndef MAILBEARER_DAEMON_SETTINGS_PRIVATE_H
#define MAILBEARER_DAEMON_SETTINGS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/settings.h"
#include "lib/buf.h"
#include "lib/err.h"

/*
 * What the settings*.c files share, and nobody else includes. A file goes through them in this order:
 *
 *    settings_load.c   reads it; its libconfuse callbacks hand over one value after the other
 *    settings_text.c   before that: refuses what libconfuse would misread, takes comments out
 *    settings_keys.c   the table of keys
 *    settings_value.c  is this one value right?
 *    settings_raw.c    what was read, as a list of sections and values; the memory it lives in
 *    settings_build.c  the list becomes struct settings: conversions, defaults, references
 *    settings_transports.c  the smtp transport of each account
 *    settings_check.c  what no single value can show: contradictions
 *    settings_addresses.c  has each sender one owner?
 *    settings_files.c  the files that are named (settings_check_files, settings_read_secret)
 */

#define SETTINGS_TEXT_MAX (16 * 1024 * 1024) /* bytes of the file */
#define SETTINGS_VALUE_MAX 4096              /* bytes of a value */
#define SETTINGS_TITLE_MAX 254               /* bytes of a section's name, and so of an address */

/* Where an error is reported: with the file's name before it. */
struct settings_report {
	const char *path;
	struct err *err;
};

/* "PATH:LINE: text", ERR_CONFIG; line 0 is left out. Always -1. */
int settings_wrong(const struct settings_report *report, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int settings_no_memory(const struct settings_report *report);

/* Keys. */

enum settings_section {
	SECTION_CLIENT,
	SECTION_ACCOUNT,
	SECTION_CONNECTOR,
	SECTION_TOKEND,
	SECTION_MILTER,
	SECTION_RULE,
	SECTION_SUBMIT,
	SECTIONS
};

enum settings_kind {
	KIND_STRING, /* goes to the section's struct as it is */
	KIND_LIST,   /* struct settings_list */
	KIND_NUMBER, /* int */
	KIND_DATE,   /* int64_t */
	KIND_LOOKUP, /* looked up by settings_build.c */
	KIND_REFUSED /* known only to be refused with good advice */
};

struct settings_key {
	enum settings_section section;
	const char *name;
	enum settings_kind kind;
	bool lower;                                /* is kept in lower case */
	size_t offset;                             /* in the section's struct */
	const char *(*problem)(const char *value); /* NULL, or what is wrong and would be right; NULL: anything goes */
};

const char *settings_section_name(enum settings_section section);
bool settings_section_has_title(enum settings_section section);

/* SECTIONS when there is none of that name. */
enum settings_section settings_section_find(const char *name);

/* The i-th key from 0, refused ones included, or NULL after the last. */
const struct settings_key *settings_key_row(unsigned i);
const struct settings_key *settings_key_find(enum settings_section section, const char *name);

/* Writes a hint for a key that does not exist there ("; did you mean client_id?"), or "". */
void settings_suggest(enum settings_section section, const char *name, char *hint, size_t size);

/* The text (len bytes and a NUL) before libconfuse sees it. Changes it in place; *lines gets the line of each section's
 * '{', in order, ending with 0 (to be freed, on failure too). */
int settings_text_prepare(const struct settings_report *report, char *text, size_t len, int **lines);

/* Single values. Each returns NULL, or what is wrong with it. Never quotes the value: it may be a misplaced secret. */
const char *settings_value_problem(const struct settings_key *key, const char *value);
const char *settings_title_problem(enum settings_section section, const char *title);

const char *value_word(const char *value);
const char *value_tenant(const char *value);
const char *value_url(const char *value);
const char *value_redirect(const char *value);
const char *value_proxy(const char *value);
const char *value_path(const char *value);
const char *value_secret_path(const char *value);
const char *value_certificate(const char *value);
const char *value_key(const char *value);
const char *value_socket(const char *value);
const char *value_milter_socket(const char *value);
const char *value_user(const char *value);
const char *value_sender(const char *value);
const char *value_address(const char *value);
const char *value_relayhost(const char *value);
const char *value_transport(const char *value);
const char *value_date(const char *value);
const char *value_timeout(const char *value);
const char *value_min_validity(const char *value);
const char *value_algorithm(const char *value);
const char *value_identity(const char *value);
const char *value_log(const char *value);
const char *value_on_off(const char *value);
const char *value_mode(const char *value);
const char *value_limit(const char *value);
const char *value_seconds(const char *value);
const char *value_unusable(const char *value);
const char *value_network(const char *value);
const char *value_rule_sender(const char *value);
const char *value_grant(const char *value);
const char *value_bare_newlines(const char *value);
const char *value_connections(const char *value);
const char *value_helo_name(const char *value);

/* Of values that have been found right. */
int64_t settings_date(const char *value);

/* What was read. */

struct settings_arena {
	struct settings_chunk *chunks;
	size_t used; /* bytes of the newest chunk */
	size_t size;
};

void *settings_arena_take(struct settings_arena *arena, size_t size); /* zeroed; NULL: no memory */
char *settings_arena_text(struct settings_arena *arena, const char *text, bool lower);
void settings_arena_free(struct settings_arena *arena);

struct settings_value {
	const struct settings_key *key;
	int line;
	const char *text; /* NULL: an empty list was given */
};

struct settings_raw_section {
	enum settings_section section;
	const char *title; /* NULL where the section has none */
	int line;
	size_t first, count; /* its values */
	void *object;        /* the struct made of it */
};

struct settings_raw {
	struct settings_arena *arena;
	struct settings_raw_section *sections;
	size_t section_count, section_room;
	struct settings_value *values;
	size_t value_count, value_room;
};

int settings_raw_value(struct settings_raw *raw, const struct settings_key *key, int line, const char *text);

/* Closes a section over the values added since the last one. */
int settings_raw_section(struct settings_raw *raw, enum settings_section section, const char *title, int line);
void settings_raw_free(struct settings_raw *raw);

/* The section's only value of that key, or NULL. */
const struct settings_value *settings_raw_find(const struct settings_raw *raw,
					       const struct settings_raw_section *section, const char *key);

/* Meaning. */

/* One transport carries the login of one account, so each account has its own. Those given in the file come first. */
int settings_name_transports(const struct settings_report *report, struct settings_arena *arena,
			     struct settings *settings);
int settings_build(const struct settings_report *report, struct settings_raw *raw, struct settings *settings);
int settings_check(const struct settings_report *report, const struct settings *settings);

#endif
