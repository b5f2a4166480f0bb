/*
 * The folders that the files of a plan stand in, with the mode and owner they are to have from the beginning on. Knows
 * nothing of what is in them. Called by flow.c and write.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/files.h"

#define STAGED_SUFFIX ".new"

int file_make_folder(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : err_set(err, ERR_CONFIG, "%s: is no folder", path);
	if (mkdir(path, 0755) != 0 || chmod(path, 0755) != 0) /* the mask is tighter */
		return err_sys(err, errno, "%s cannot be made", path);
	return 0;
}

/* All that is above it. */
static int make_parents(const char *path, struct err *err)
{
	char parent[4096];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
		if (file_make_folder(parent, err) != 0)
			return -1;
	}
	return 0;
}

/* Under another name first, so that it is never there with the wrong owner. */
int file_make_owned_folder(const char *path, const struct file_owner *owner, struct err *err)
{
	struct buf staged = BUF_INIT(4096);
	struct stat st;
	int result = -1;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : err_set(err, ERR_CONFIG, "%s: is no folder", path);
	if (make_parents(path, err) != 0)
		return -1;
	if (buf_printf(&staged, "%s" STAGED_SUFFIX, path) != 0)
		err_set(err, ERR_LIMIT, "%s: the name is too long", path);
	else if ((mkdir(staged.data, 0700) != 0 && errno != EEXIST) || chmod(staged.data, owner->mode) != 0 ||
		 lchown(staged.data, owner->uid, owner->gid) != 0 || rename(staged.data, path) != 0)
		err_sys(err, errno, "%s cannot be made", path);
	else
		result = 1;
	buf_free(&staged);
	return result;
}

int file_lock_folder(const char *folder, struct err *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "%s", folder);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	close(fd);
	return err_set(err, ERR_BUSY, "another mailbearer setup is at work in %s", folder);
}
