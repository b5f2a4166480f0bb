/*
 * Runs postconf(1) and Postfix's other commands on one installation. Reads no file of Postfix's itself and changes
 * none. Called by what changes, checks and sets up an installation.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postfix/installation_private.h"
#include "postfix/run.h"

#define ARGUMENTS_MAX 8
#define WARNINGS_MAX 65536

static const char *const postconfs[] = {"/usr/sbin/postconf", "/usr/local/sbin/postconf", "/sbin/postconf",
					"/usr/bin/postconf"};

static const char *find_postconf(const struct installation_place *place)
{
	if (place->postconf != NULL)
		return place->postconf;
	for (size_t i = 0; i < sizeof postconfs / sizeof postconfs[0]; i++)
		if (access(postconfs[i], X_OK) == 0)
			return postconfs[i];
	return NULL;
}

int installation_program(const struct installation_place *place, const char *name, struct buf *path, struct err *err)
{
	const char *postconf = find_postconf(place), *slash;

	if (postconf == NULL)
		return err_set(
		    err, ERR_NOT_FOUND,
		    "there is no postconf in any of the usual folders: is Postfix installed? --postconf says "
		    "where it is");
	slash = strrchr(postconf, '/');
	if (slash == NULL)
		return err_set(err, ERR_CONFIG, "%.200s: the whole path of postconf is needed", postconf);
	buf_append(path, postconf, (size_t)(slash + 1 - postconf));
	if (buf_puts(path, strcmp(name, "postconf") == 0 ? slash + 1 : name) != 0)
		return err_set(err, ERR_LIMIT, "%.200s: the path is too long", postconf);
	return 0;
}

/* argv for one of the commands; the path stays in `path`. */
static int make_argv(const struct installation_place *place, const char *name, const char *const arguments[],
		     const char *argv[ARGUMENTS_MAX + 4], struct buf *path, struct err *err)
{
	size_t n = 0;

	if (installation_program(place, name, path, err) != 0)
		return -1;
	argv[n++] = path->data;
	if (place->config_dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = place->config_dir;
	}
	for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++)
		argv[n++] = arguments[i];
	argv[n] = NULL;
	return 0;
}

int installation_command(const struct installation_place *place, const char *name, const char *const arguments[],
			 struct deadline deadline, struct err *err)
{
	const char *argv[ARGUMENTS_MAX + 4];
	struct buf path = BUF_INIT(PATH_MAX);
	struct run run = {.argv = argv, .deadline = deadline};
	int result = make_argv(place, name, arguments, argv, &path, err);

	if (result == 0)
		result = run_successfully(&run, err);
	buf_free(&path);
	return result;
}

/* Appends what postconf prints with one option, and a NUL in any case. */
static int ask_postconf(const struct installation_place *place, const char *option, struct deadline deadline,
			struct buf *out, struct buf *warnings, struct err *err)
{
	const char *arguments[] = {option, NULL}, *argv[ARGUMENTS_MAX + 4];
	struct buf path = BUF_INIT(PATH_MAX), complaints = BUF_INIT(WARNINGS_MAX);
	struct run run = {.argv = argv, .out = out, .complaints = &complaints, .deadline = deadline};
	int result = make_argv(place, "postconf", arguments, argv, &path, err);

	if (result == 0)
		result = run_successfully(&run, err);
	if (result == 0 && warnings != NULL && complaints.len > 0)
		buf_append(warnings, complaints.data, complaints.len);
	if (result == 0 && buf_append(out, "", 0) != 0)
		result = err_set(err, ERR_LIMIT, "postconf prints more than we take");
	buf_free(&complaints);
	buf_free(&path);
	return result;
}

int installation_read(const struct installation_place *place, struct installation **out, struct err *err)
{
	static const char *const options[] = {"-x", "-n", "-M", "-P"};
	struct deadline deadline = deadline_after(INSTALLATION_READ_MS);
	struct buf texts[4], warnings = BUF_INIT(WARNINGS_MAX);
	int result = 0;

	for (int i = 0; i < 4; i++)
		texts[i] = BUF_INIT(RUN_OUTPUT_MAX);
	/* -n is the one that complains about what is not used, too. */
	for (int i = 0; i < 4 && result == 0; i++)
		result = ask_postconf(place, options[i], deadline, &texts[i], i == 1 ? &warnings : NULL, err);
	if (result == 0) {
		*out = installation_parse(texts[0].data, texts[1].data, texts[2].data, texts[3].data);
		if (*out == NULL)
			result = err_set(err, ERR_LIMIT, "postconf prints more entries than we take");
		else if (warnings.data != NULL)
			(*out)->warnings = strdup(warnings.data);
	}
	for (int i = 0; i < 4; i++)
		buf_free(&texts[i]);
	buf_free(&warnings);
	return result;
}
