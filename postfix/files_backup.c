/* The backups of a configuration file, beside it. Called by apply_plan.c and apply_undo.c. */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postfix/files.h"

#define MARK ".mailbearer-"
#define SUM_DIGITS 16

void files_backup_path(const char *path, const struct files_backup *backup, struct buf *out)
{
	buf_printf(out, "%s" MARK "%s-%016" PRIx64, path, backup->stamp, backup->sum);
}

int files_back_up(const char *path, const struct files_backup *backup, const struct buf *text, struct err *err)
{
	struct buf name = BUF_INIT(PATH_MAX);
	struct file_owner owner;
	int result;

	files_backup_path(path, backup, &name);
	if (name.failed)
		result = err_set(err, ERR_LIMIT, "%.300s: the path is too long", path);
	else if ((result = files_owner(path, &owner, err)) == 0)
		result = file_write(name.data, FILE_NEW, text, &owner, err);
	if (result == 1)
		err_set(err, ERR_BUSY, "%.300s: is there already", name.data);
	buf_free(&name);
	return result == 0 ? 0 : -1;
}

/* The backup whose file's name this is, if it is one of a file called `base`. */
static bool read_name(const char *name, const char *base, struct files_backup *out)
{
	size_t len = strlen(base);
	const char *stamp, *dash;
	char *end;

	if (strncmp(name, base, len) != 0 || strncmp(name + len, MARK, strlen(MARK)) != 0)
		return false;
	stamp = name + len + strlen(MARK);
	dash = strchr(stamp, '-');
	if (dash == NULL || (size_t)(dash - stamp) >= sizeof out->stamp || strlen(dash + 1) != SUM_DIGITS)
		return false;
	snprintf(out->stamp, sizeof out->stamp, "%.*s", (int)(dash - stamp), stamp);
	out->sum = strtoull(dash + 1, &end, 16);
	return *end == '\0';
}

bool files_last_backup(const char *path, struct files_backup *out)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	const struct dirent *entry;
	struct files_backup one;
	bool found = false;
	DIR *dir;

	if (slash == NULL || snprintf(folder, sizeof folder, "%.*s/", (int)(slash - path), path) >= (int)sizeof folder)
		return false;
	dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (read_name(entry->d_name, slash + 1, &one) && (!found || strcmp(one.stamp, out->stamp) > 0)) {
			*out = one;
			found = true;
		}
	if (dir != NULL)
		closedir(dir);
	return found;
}
