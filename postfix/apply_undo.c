/* Takes the last change of main.cf and master.cf back. Called by the command postfix-config. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "postfix/apply_private.h"
#include "postfix/files.h"

/* The last backups of both files; a file that the last change left alone has `is_of_last` false. */
struct undo {
	struct apply_change changes[APPLY_FILES];
	struct files_backup backups[APPLY_FILES];
	bool is_of_last[APPLY_FILES];
};

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

static int find_last(struct undo *undo, const char *config_dir, struct err *err)
{
	const char *last = "";

	for (int i = 0; i < APPLY_FILES; i++) {
		undo->is_of_last[i] = files_last_backup(undo->changes[i].path, &undo->backups[i]);
		if (undo->is_of_last[i] && strcmp(undo->backups[i].stamp, last) > 0)
			last = undo->backups[i].stamp;
	}
	if (*last == '\0')
		return err_set(err, ERR_NOT_FOUND, "%.200s: there is no backup of ours, so there is nothing to undo",
			       config_dir);
	for (int i = 0; i < APPLY_FILES; i++)
		undo->is_of_last[i] = undo->is_of_last[i] && strcmp(undo->backups[i].stamp, last) == 0;
	return 0;
}

/* Reads what is to come back; refuses where somebody has edited the file since. */
static int read_backup(struct undo *undo, int i, struct err *err)
{
	struct apply_change *change = &undo->changes[i];
	struct buf path = BUF_INIT(PATH_MAX);
	int result;

	files_backup_path(change->path, &undo->backups[i], &path);
	if (path.failed)
		result = err_set(err, ERR_LIMIT, "%.200s: the path is too long", change->path);
	else if (files_sum(&change->before) != undo->backups[i].sum)
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

static int read_backups(struct undo *undo, struct err *err)
{
	for (int i = 0; i < APPLY_FILES; i++) {
		struct apply_change *change = &undo->changes[i];

		if (undo->is_of_last[i] && read_backup(undo, i, err) != 0)
			return -1;
		if (!undo->is_of_last[i])
			buf_append(&change->after, change->before.data, change->before.len);
		if (change->after.failed)
			return err_set(err, ERR_MEMORY, "out of memory");
	}
	return 0;
}

static void drop_backups(const struct undo *undo, struct buf *told)
{
	for (int i = APPLY_FILES; i-- > 0;) {
		struct buf path = BUF_INIT(PATH_MAX);

		if (!undo->is_of_last[i])
			continue;
		files_backup_path(undo->changes[i].path, &undo->backups[i], &path);
		if (!path.failed)
			unlink(path.data);
		buf_free(&path);
		buf_printf(told, "%s is as it was before %s\n", undo->changes[i].path, undo->backups[i].stamp);
	}
}

/* The file that main.cf goes back to has to be read by Postfix before master.cf loses what the newer one leads to: the
 * order of a change, turned round. */
static int replace(struct undo *undo, struct err *err)
{
	struct apply_change turned[APPLY_FILES] = {undo->changes[APPLY_MAIN], undo->changes[APPLY_MASTER]};

	return apply_replace(turned, err);
}

int apply_undo(const struct installation_place *place, struct buf *told, struct err *err)
{
	struct buf folder = BUF_INIT(PATH_MAX);
	struct undo undo = {.is_of_last = {false}};
	struct err problem;
	int result = -1;

	if (find_config_dir(place, &folder, err) != 0 || apply_find(folder.data, undo.changes, err) != 0 ||
	    find_last(&undo, folder.data, err) != 0 || read_backups(&undo, err) != 0 || replace(&undo, err) != 0)
		goto out;
	result = apply_prove(place, err);
	if (result == 0)
		drop_backups(&undo, told);
	else if (apply_replace_back(undo.changes, &problem) == 0)
		err_prefix(err, "Postfix does not like what it was before, so nothing was undone");
out:
	apply_free_changes(undo.changes);
	buf_free(&folder);
	return result;
}
