/*
 * Loads mailbearer.conf(5): opens the file, and is the one door to libconfuse, whose callbacks hand each value over as
 * text with its line. libconfuse keeps nothing: a section is dropped as soon as it is read, because it searches all
 * earlier ones for each new title. May not judge meaning; see settings_private.h for the files that do. Called by
 * every main program of ours.
 */
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/file.h"
#include "daemon/settings_private.h"
#include "lib/fnv.h"

#define SECTION_KEYS_MAX 32 /* keys in one section, for libconfuse's arrays */

struct owner {
	struct settings settings; /* first: it is what settings_free gets */
	struct settings_arena arena;
};

struct parse {
	const struct settings_report *report;
	struct settings_raw raw;
	const int *lines;                  /* of the sections, in order */
	unsigned counts[SECTION_KEYS_MAX]; /* values per key of the section being read, in the order of its opts */
	bool failed;                       /* an error has been reported; the first one wins */
};

/* libconfuse's callbacks carry no argument of ours, and its lexer is global as well. */
static struct parse *parsing;

int settings_wrong(const struct settings_report *report, int line, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line > 0)
		return err_set(report->err, ERR_CONFIG, "%s:%d: %s", report->path, line, text);
	return err_set(report->err, ERR_CONFIG, "%s: %s", report->path, text);
}

int settings_no_memory(const struct settings_report *report)
{
	return err_sys(report->err, ENOMEM, "%s cannot be loaded", report->path);
}

/* An error while parsing; libconfuse stops when it gets the -1. */
static int stop(int line, const char *text)
{
	if (!parsing->failed)
		settings_wrong(parsing->report, line, "%s", text);
	parsing->failed = true;
	return -1;
}

static int stop_no_memory(void)
{
	if (!parsing->failed)
		settings_no_memory(parsing->report);
	parsing->failed = true;
	return -1;
}

static bool resembles_key(const char *name)
{
	return *name && strlen(name) <= 40 && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

/* The name is quoted only if it looks like one: it may be a secret that went astray. */
static void unknown_key(const cfg_t *cfg, const char *name)
{
	enum settings_section section = settings_section_find(cfg->name);
	char hint[128], text[256];

	if (!resembles_key(name)) {
		stop(cfg->line, "there is no such key; settings are written KEY = \"value\"");
		return;
	}
	settings_suggest(section, name, hint, sizeof(hint));
	if (section == SECTIONS)
		snprintf(text, sizeof(text), "no such section '%s'%s", name, hint);
	else
		snprintf(text, sizeof(text), "no such key '%s' in section %s%s", name, cfg->name, hint);
	stop(cfg->line, text);
}

/* Texts of libconfuse whose one argument is a name of ours, and so may be shown. */
static bool names_option_only(const char *fmt)
{
	static const char *const known[] = {"missing equal sign after option '%s'",
					    "missing opening brace for section '%s'", "missing title for section '%s'",
					    "attempt to append to non-list option '%s'"};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(fmt, known[i]) == 0)
			return true;
	return false;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[256];

	if (parsing->failed)
		return;
	if (strcmp(fmt, "no such option '%s'") == 0) {
		unknown_key(cfg, va_arg(ap, const char *));
		return;
	}
	if (names_option_only(fmt)) {
		vsnprintf(text, sizeof(text), fmt, ap);
		stop(cfg->line, text);
		return;
	}
	stop(cfg->line,
	     "something unexpected stands here; settings are written KEY = \"value\", lists { \"a\", \"b\" }, "
	     "sections NAME \"title\" { ... }");
}

static int wrong_value(int line, const char *name, const char *problem)
{
	char text[ERR_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %s", name, problem);
	return stop(line, text);
}

/* cfg_callback_t of every key. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	enum settings_section section = settings_section_find(cfg->name);
	const struct settings_key *key;
	const char *problem;
	unsigned *count;

	*(void **)result = NULL;
	if (section == SECTIONS) /* "tokend|log = ..." at the top */
		return stop(cfg->line, "a key must stand in its section");
	key = settings_key_find(section, opt->name);
	count = &parsing->counts[opt - cfg->opts];
	if (*count >= cfg_opt_size(opt)) /* libconfuse has forgotten an earlier value: there was a second '=' */
		return wrong_value(cfg->line, opt->name, "stands twice in this section");
	problem = settings_value_problem(key, value);
	if (problem)
		return wrong_value(cfg->line, opt->name, problem);
	++*count;
	return settings_raw_value(&parsing->raw, key, cfg->line, value) == 0 ? 0 : stop_no_memory();
}

/* `send_as = { }` gave no value to on_value. */
static int note_empty_list(cfg_t *section, enum settings_section kind, cfg_opt_t *opt)
{
	unsigned count = parsing->counts[opt - section->opts];

	if (cfg_opt_size(opt) < count)
		return wrong_value(section->line, opt->name, "stands twice in this section");
	if (!(opt->flags & CFGF_LIST) || !(opt->flags & CFGF_MODIFIED) || count > 0)
		return 0;
	if (settings_raw_value(&parsing->raw, settings_key_find(kind, opt->name), section->line, NULL) != 0)
		return stop_no_memory();
	return 0;
}

/* cfg_validate_callback_t of every section: called at its closing brace. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	enum settings_section kind = settings_section_find(opt->name);
	int line = *parsing->lines ? *parsing->lines++ : section->line;
	const char *problem = section->title ? settings_title_problem(kind, section->title) : NULL;
	cfg_opt_t *inner;

	(void)cfg;
	if (problem)
		return wrong_value(line, opt->name, problem);
	for (inner = section->opts; inner->name; inner++)
		if (note_empty_list(section, kind, inner) != 0)
			return -1;
	if (settings_raw_section(&parsing->raw, kind, section->title, line) != 0)
		return stop_no_memory();
	memset(parsing->counts, 0, sizeof(parsing->counts));
	return cfg_opt_rmnsec(opt, 0);
}

/* Our table in libconfuse's form. Every value is taken as text; what it means is not libconfuse's business. */
static void fill_options(enum settings_section section, cfg_opt_t *options)
{
	static const cfg_opt_t end = CFG_END();
	const struct settings_key *key;
	unsigned i, n = 0;

	for (i = 0; (key = settings_key_row(i)) != NULL; i++) {
		cfg_opt_t one = CFG_PTR_CB(key->name, NULL, CFGF_NODEFAULT, on_value, NULL);

		if (key->section != section)
			continue;
		if (key->kind == KIND_LIST)
			one.flags |= CFGF_LIST;
		options[n++] = one;
	}
	options[n] = end;
}

static cfg_t *new_parser(void)
{
	cfg_opt_t options[SECTIONS][SECTION_KEYS_MAX];
	cfg_opt_t sections[SECTIONS + 1];
	cfg_t *cfg;
	unsigned i;

	for (i = 0; i < SECTIONS; i++) {
		cfg_flag_t title = settings_section_has_title(i) ? CFGF_TITLE : CFGF_NONE;
		cfg_opt_t one = CFG_SEC(settings_section_name(i), options[i], CFGF_MULTI | title);

		fill_options(i, options[i]);
		one.validcb = on_section;
		sections[i] = one;
	}
	sections[SECTIONS] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(sections, CFGF_NONE); /* copies the arrays */
	if (cfg)
		cfg_set_error_function(cfg, on_error);
	return cfg;
}

/* The text holds no NUL. */
static int parse_text(struct parse *parse, const char *text)
{
	cfg_t *cfg = new_parser();

	if (!cfg)
		return settings_no_memory(parse->report);
	parsing = parse;
	if (cfg_parse_buf(cfg, text) != CFG_SUCCESS && !parse->failed)
		stop(cfg->line, "cannot be understood from here on");
	parsing = NULL;
	cfg_free(cfg);
	return parse->failed ? -1 : 0;
}

static int read_open_file(int fd, struct buf *text, const struct settings_report *report)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(report->err, errno, "%s", report->path);
	if (!S_ISREG(st.st_mode))
		return err_set(report->err, ERR_CONFIG, "%s: is not a regular file", report->path);
	if (st.st_mode & S_IWOTH)
		return err_set(report->err, ERR_CONFIG, "%s: everybody may write to it; chmod o-w %s", report->path,
			       report->path);
	if (st.st_size > SETTINGS_TEXT_MAX)
		return err_set(report->err, ERR_LIMIT, "%s: is larger than 16 MiB", report->path);
	return file_read_rest(fd, report->path, text, report->err);
}

static int read_file(struct buf *text, const struct settings_report *report)
{
	int fd = open(report->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int result;

	if (fd < 0)
		return err_sys(report->err, errno, "%s", report->path);
	result = read_open_file(fd, text, report);
	close(fd);
	return result;
}

static int load(const struct settings_report *report, struct buf *text, struct owner *owner)
{
	struct parse parse = {.report = report, .raw.arena = &owner->arena};
	int *lines = NULL;
	int result;

	result = read_file(text, report);
	owner->settings.digest = fnv(text->data, text->len);
	owner->settings.loaded_at = time(NULL);
	if (result == 0)
		result = settings_text_prepare(report, text->data, text->len, &lines);
	parse.lines = lines ? lines : (const int[]){0};
	if (result == 0)
		result = parse_text(&parse, text->data);
	if (result == 0)
		result = settings_build(report, &parse.raw, &owner->settings);
	if (result == 0)
		result = settings_check(report, &owner->settings);
	settings_raw_free(&parse.raw);
	free(lines);
	return result;
}

int settings_load(const char *path, struct settings **out, struct err *err)
{
	struct settings_report report = {path, err};
	struct buf text = BUF_INIT(SETTINGS_TEXT_MAX);
	struct owner *owner = calloc(1, sizeof(*owner));
	int result;

	*out = NULL;
	if (!owner)
		return settings_no_memory(&report);
	result = load(&report, &text, owner);
	buf_free(&text);
	if (result != 0) {
		settings_free(&owner->settings);
		return -1;
	}
	*out = &owner->settings;
	return 0;
}

void settings_free(struct settings *settings)
{
	struct owner *owner = (struct owner *)settings;

	if (!owner)
		return;
	settings_arena_free(&owner->arena);
	free(owner);
}
