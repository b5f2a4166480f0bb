/*
 * Brings main.cf and master.cf into line with the settings. What is to be in them is decided by merge_values.c, how a
 * file is replaced by files.c. Called by the commands postfix-config and setup.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fnv.h"
#include "postfix/apply_private.h"
#include "postfix/diff.h"
#include "postfix/merge.h"
#include "postfix/text.h"

/* The certification authorities in one file, as systems have them. */
static const char *const ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Alpine */
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",             /* SUSE */
    "/etc/ssl/cert.pem",                  /* FreeBSD */
};

static const char *find_ca_file(void)
{
	for (size_t i = 0; i < sizeof ca_files / sizeof ca_files[0]; i++)
		if (access(ca_files[i], R_OK) == 0)
			return ca_files[i];
	return NULL;
}

/* --- the files --- */

int apply_find(const char *config_dir, struct apply_change changes[APPLY_FILES], struct err *err)
{
	static const char *const names[APPLY_FILES] = {[APPLY_MASTER] = "master.cf", [APPLY_MAIN] = "main.cf"};
	char path[PATH_MAX];

	for (int i = 0; i < APPLY_FILES; i++)
		changes[i] = (struct apply_change){.before = BUF_INIT(TEXT_FILE_MAX), .after = BUF_INIT(TEXT_FILE_MAX)};
	for (int i = 0; i < APPLY_FILES; i++) {
		if (snprintf(path, sizeof path, "%s/%s", config_dir, names[i]) >= (int)sizeof path)
			return err_set(err, ERR_LIMIT, "%.300s: the path is too long", config_dir);
		changes[i].path = realpath(path, NULL);
		if (changes[i].path == NULL)
			return err_sys(err, errno, "%.300s", path);
		if (files_read(changes[i].path, &changes[i].before, err) != 0)
			return -1;
	}
	return 0;
}

void apply_free_changes(struct apply_change changes[APPLY_FILES])
{
	for (int i = 0; i < APPLY_FILES; i++) {
		free(changes[i].path);
		buf_free(&changes[i].before);
		buf_free(&changes[i].after);
	}
}

bool apply_differs(const struct apply_change *change)
{
	return change->before.len != change->after.len ||
	       (change->before.len > 0 && memcmp(change->before.data, change->after.data, change->before.len) != 0);
}

int apply_replace_back(const struct apply_change changes[APPLY_FILES], struct err *err)
{
	int result = 0;

	for (int i = APPLY_FILES; i-- > 0;)
		if (apply_differs(&changes[i]) &&
		    files_replace(changes[i].path, &changes[i].after, &changes[i].before, err) != 0)
			result = -1;
	return result;
}

int apply_replace(const struct apply_change changes[APPLY_FILES], struct err *err)
{
	for (int i = 0; i < APPLY_FILES; i++) {
		struct err problem;

		if (!apply_differs(&changes[i]) ||
		    files_replace(changes[i].path, &changes[i].before, &changes[i].after, err) == 0)
			continue;
		while (i-- > 0)
			if (apply_differs(&changes[i]) &&
			    files_replace(changes[i].path, &changes[i].after, &changes[i].before, &problem) != 0)
				err_prefix(err, "%.200s stays changed", changes[i].path);
		return -1;
	}
	return 0;
}

/* postfix check does not read master.cf; postconf does. */
int apply_prove(const struct installation_place *place, struct err *err)
{
	static const char *const parameters[] = {"-n", NULL}, *const services[] = {"-M", NULL},
				 *const check[] = {"check", NULL};
	struct deadline deadline = deadline_after(APPLY_CHECK_MS);

	if (installation_command(place, "postconf", parameters, deadline, err) != 0 ||
	    installation_command(place, "postconf", services, deadline, err) != 0)
		return -1;
	return installation_command(place, "postfix", check, deadline, err);
}

/* --- the plan --- */

static int make_texts(struct apply_plan *plan, const struct installation *installation, const struct settings *settings,
		      struct err *err)
{
	struct wished_site site = {.queue_directory = installation_value(installation, "queue_directory"),
				   .ca_file = find_ca_file()};
	struct apply_change *main_cf = &plan->changes[APPLY_MAIN], *master_cf = &plan->changes[APPLY_MASTER];
	struct wished *wished;
	int result = -1;

	if (wished_make(settings, &site, &wished, err) != 0)
		return -1;
	if (merge_main_cf(wished, installation, &main_cf->before, &main_cf->after, err) == 0 &&
	    merge_master_cf(wished, installation, &master_cf->before, &master_cf->after, err) == 0)
		result = 0;
	merge_notes(wished, installation, &plan->notes);
	wished_free(wished);
	return result;
}

struct apply_plan *apply_new_plan(const struct installation_place *place, bool is_undo, struct err *err)
{
	struct apply_plan *plan = calloc(1, sizeof *plan);

	if (plan == NULL) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	plan->place = place;
	plan->notes = BUF_INIT(TEXT_FILE_MAX);
	plan->is_undo = is_undo;
	return plan;
}

int apply_plan(const struct installation_place *place, const struct settings *settings, struct apply_plan **out,
	       struct err *err)
{
	struct apply_plan *plan = apply_new_plan(place, false, err);
	struct installation *installation = NULL;
	const char *config_dir = place->config_dir;
	int result;

	if (plan == NULL)
		return -1;
	result = installation_read(place, &installation, err);
	if (result == 0 && config_dir == NULL &&
	    (config_dir = installation_value(installation, "config_directory")) == NULL)
		result = err_set(err, ERR_SYSTEM, "postconf does not say where Postfix's configuration is");
	if (result == 0)
		result = apply_find(config_dir, plan->changes, err);
	if (result == 0)
		result = make_texts(plan, installation, settings, err);
	installation_free(installation);
	if (result == 0)
		*out = plan;
	else
		apply_plan_free(plan);
	return result;
}

void apply_plan_free(struct apply_plan *plan)
{
	if (plan == NULL)
		return;
	apply_free_changes(plan->changes);
	buf_free(&plan->notes);
	free(plan);
}

bool apply_is_needed(const struct apply_plan *plan)
{
	return apply_differs(&plan->changes[APPLY_MAIN]) || apply_differs(&plan->changes[APPLY_MASTER]);
}

void apply_diff(const struct apply_plan *plan, struct buf *out)
{
	for (int i = APPLY_FILES; i-- > 0;)
		diff_unified(plan->changes[i].path, &plan->changes[i].before, &plan->changes[i].after, out);
}

void apply_notes(const struct apply_plan *plan, struct buf *out)
{
	buf_append(out, plan->notes.data, plan->notes.len);
}

/* --- doing it --- */

static struct files_backup backup_of(const struct apply_change *change, const char *stamp)
{
	struct files_backup backup = {.sum = fnv(change->after.data, change->after.len)};

	snprintf(backup.stamp, sizeof backup.stamp, "%s", stamp);
	return backup;
}

static int back_up(const struct apply_plan *plan, const char *stamp, struct buf *told, struct err *err)
{
	for (int i = APPLY_FILES; i-- > 0;) {
		const struct apply_change *change = &plan->changes[i];
		struct files_backup backup = backup_of(change, stamp);

		if (!apply_differs(change))
			continue;
		if (files_back_up(change->path, &backup, &change->before, err) != 0)
			return -1;
		buf_printf(told, "%s was changed; as it was before: ", change->path);
		files_backup_path(change->path, &backup, told);
		buf_puts(told, "\n");
	}
	return 0;
}

static void drop_backups(const struct apply_plan *plan, const char *stamp)
{
	for (int i = 0; i < APPLY_FILES; i++) {
		struct files_backup backup = backup_of(&plan->changes[i], stamp);
		struct buf path = BUF_INIT(PATH_MAX);

		files_backup_path(plan->changes[i].path, &backup, &path);
		if (!path.failed)
			unlink(path.data);
		buf_free(&path);
	}
}

int apply_commit(const struct apply_plan *plan, struct buf *told, struct err *err)
{
	char stamp[FILES_STAMP_SIZE];
	struct err problem;

	if (plan->is_undo)
		return apply_commit_undo(plan, told, err);
	files_stamp(stamp);
	if (back_up(plan, stamp, told, err) != 0 || apply_replace(plan->changes, err) != 0)
		goto failed;
	if (apply_prove(plan->place, err) == 0)
		return 0;
	if (apply_replace_back(plan->changes, &problem) != 0)
		return err_set(err, ERR_SYSTEM,
			       "Postfix does not like the result, and the files could not be brought back "
			       "from their backups, %s: %.250s",
			       stamp, problem.text);
	err_prefix(err, "Postfix does not like the result, so nothing was changed");
failed:
	drop_backups(plan, stamp);
	buf_clear(told);
	return -1;
}
