/* The way back of main.cf and master.cf: planned here, and done. Called by apply_plan.c and whoever has it planned. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/fnv.h"
#include "postfix/apply_private.h"
#include "postfix/files.h"

static int find_config_dir(const struct installation_place *place, struct buf *out, struct err *err)
{
	struct installation *installation;
	const char *folder;

	if (place->config_dir != NULL)
		return buf_puts(out, place->config_dir) == 0 ? 0 : err_set(err, ERR_LIMIT, "the path is too long");
	if (installation_read(place, &installation, err) != 0)
		return -1;
	folder = installation_value(installation, "config_directory");
	if (folder != NULL)
		buf_puts(out, folder);
	installation_free(installation);
	return out->len > 0 ? 0 : err_set(err, ERR_SYSTEM, "postconf does not say where Postfix's configuration is");
}

static int find_last(struct apply_plan *plan, const char *config_dir, struct err *err)
{
	const char *last = "";

	for (int i = 0; i < APPLY_FILES; i++) {
		plan->is_of_last[i] = files_last_backup(plan->changes[i].path, &plan->backups[i]);
		if (plan->is_of_last[i] && strcmp(plan->backups[i].stamp, last) > 0)
			last = plan->backups[i].stamp;
	}
	if (*last == '\0')
		return err_set(err, ERR_NOT_FOUND, "%.200s: there is no backup of ours, so there is nothing to undo",
			       config_dir);
	for (int i = 0; i < APPLY_FILES; i++)
		plan->is_of_last[i] = plan->is_of_last[i] && strcmp(plan->backups[i].stamp, last) == 0;
	return 0;
}

/* Reads what is to come back; refuses where somebody has edited the file since. */
static int read_backup(struct apply_plan *plan, int i, struct err *err)
{
	struct apply_change *change = &plan->changes[i];
	struct buf path = BUF_INIT(PATH_MAX);
	int result;

	files_backup_path(change->path, &plan->backups[i], &path);
	if (path.failed)
		result = err_set(err, ERR_LIMIT, "%.200s: the path is too long", change->path);
	else if (fnv(change->before.data, change->before.len) != plan->backups[i].sum)
		result =
		    err_set(err, ERR_BUSY,
			    "%.120s was changed by somebody else since then; nothing was undone. Compare it with what "
			    "it was before: diff -u %.200s %.120s",
			    change->path, path.data, change->path);
	else
		result = files_read(path.data, &change->after, err);
	buf_free(&path);
	return result;
}

static int read_backups(struct apply_plan *plan, struct err *err)
{
	for (int i = 0; i < APPLY_FILES; i++) {
		struct apply_change *change = &plan->changes[i];

		if (plan->is_of_last[i] && read_backup(plan, i, err) != 0)
			return -1;
		if (!plan->is_of_last[i])
			buf_append(&change->after, change->before.data, change->before.len);
		if (change->after.failed)
			return err_set(err, ERR_MEMORY, "out of memory");
	}
	return 0;
}

static void drop_backups(const struct apply_plan *plan, struct buf *told)
{
	for (int i = APPLY_FILES; i-- > 0;) {
		struct buf path = BUF_INIT(PATH_MAX);

		if (!plan->is_of_last[i])
			continue;
		files_backup_path(plan->changes[i].path, &plan->backups[i], &path);
		if (!path.failed)
			unlink(path.data);
		buf_free(&path);
		buf_printf(told, "%s is as it was before %s\n", plan->changes[i].path, plan->backups[i].stamp);
	}
}

/* The file that main.cf goes back to has to be read by Postfix before master.cf loses what the newer one leads to: the
 * order of a change, turned round. */
static int replace(const struct apply_plan *plan, struct err *err)
{
	const struct apply_change turned[APPLY_FILES] = {plan->changes[APPLY_MAIN], plan->changes[APPLY_MASTER]};

	return apply_replace(turned, err);
}

int apply_commit_undo(const struct apply_plan *plan, struct buf *told, struct err *err)
{
	struct err problem;

	if (replace(plan, err) != 0)
		return -1;
	if (apply_prove(plan->place, err) == 0) {
		drop_backups(plan, told);
		return 0;
	}
	if (apply_replace_back(plan->changes, &problem) == 0)
		err_prefix(err, "Postfix does not like what it was before, so nothing was undone");
	return -1;
}

int apply_plan_undo(const struct installation_place *place, struct apply_plan **out, struct err *err)
{
	struct apply_plan *plan = apply_new_plan(place, true, err);
	struct buf folder = BUF_INIT(PATH_MAX);
	int result = -1;

	if (plan != NULL && find_config_dir(place, &folder, err) == 0 &&
	    apply_find(folder.data, plan->changes, err) == 0 && find_last(plan, folder.data, err) == 0)
		result = read_backups(plan, err);
	buf_free(&folder);
	if (result == 0)
		*out = plan;
	else
		apply_plan_free(plan);
	return result;
}
