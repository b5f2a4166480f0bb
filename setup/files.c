/*
 * Writes files atomically, with the mode and owner they are to have from the beginning on. Knows nothing of what is in
 * them. Called by flow.c.
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

int file_read(const char *path, struct buf *out, bool *there, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *room = NULL;
	ssize_t n = -1;
	int result = 0;

	*there = fd >= 0;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, errno, "%s", path);
	while ((room = buf_reserve(out, 4096)) != NULL && (n = read(fd, room, 4096)) > 0)
		out->len += (size_t)n;
	if (room == NULL)
		result = err_set(err, ERR_LIMIT, "%s: is larger than %zu bytes", path, out->max);
	else if (n < 0)
		result = err_sys(err, errno, "%s", path);
	else
		out->data[out->len] = '\0';
	close(fd);
	return result;
}

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
		 (geteuid() == 0 && lchown(staged.data, owner->uid, owner->gid) != 0) || rename(staged.data, path) != 0)
		err_sys(err, errno, "%s cannot be made", path);
	else
		result = 1;
	buf_free(&staged);
	return result;
}

static int flush_folder(const char *path, struct err *err)
{
	char folder[4096];
	char *slash;
	int fd, result = 0;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		strcpy(folder, ".");
	else
		slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		result = err_sys(err, errno, "%s", folder);
	if (fd >= 0)
		close(fd);
	return result;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, bytes, len);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd);
}

/* Owner before mode: nobody else is to read it in between. */
static int fill(int fd, const struct buf *bytes, const struct file_owner *owner)
{
	if (geteuid() == 0 && fchown(fd, owner->uid, owner->gid) != 0)
		return -1;
	if (fchmod(fd, owner->mode) != 0)
		return -1;
	return write_all(fd, bytes->data, bytes->len);
}

int file_stage(const char *path, const struct buf *bytes, const struct file_owner *owner, struct buf *staged,
	       struct err *err)
{
	int fd, result = 0;

	if (buf_printf(staged, "%s" STAGED_SUFFIX, path) != 0)
		return err_set(err, ERR_LIMIT, "%s: the name is too long", path);
	unlink(staged->data); /* of a run that was interrupted */
	fd = open(staged->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%s cannot be made", staged->data);
	if (fill(fd, bytes, owner) != 0)
		result = err_sys(err, errno, "%s cannot be written", staged->data);
	if (close(fd) != 0 && result == 0)
		result = err_sys(err, errno, "%s cannot be written", staged->data);
	if (result != 0)
		unlink(staged->data);
	return result;
}

int file_commit(const char *staged, const char *path, struct err *err)
{
	if (rename(staged, path) == 0)
		return flush_folder(path, err);
	err_sys(err, errno, "%s cannot be put in its place", path);
	unlink(staged);
	return -1;
}

int file_write(const char *path, const struct buf *bytes, const struct file_owner *owner, struct err *err)
{
	struct buf staged = BUF_INIT(4096);
	int result = file_stage(path, bytes, owner, &staged, err);

	if (result == 0)
		result = file_commit(staged.data, path, err);
	buf_free(&staged);
	return result;
}

int file_make(const char *path, const struct buf *bytes, const struct file_owner *owner, struct err *err)
{
	struct buf staged = BUF_INIT(4096);
	int result = 0;

	if (access(path, F_OK) == 0)
		buf_printf(&staged, "%s" STAGED_SUFFIX, path); /* a run that was interrupted may have left it */
	else if (file_stage(path, bytes, owner, &staged, err) != 0)
		result = -1;
	else if (link(staged.data, path) == 0)
		result = flush_folder(path, err) == 0 ? 1 : -1;
	else if (errno != EEXIST)
		result = err_sys(err, errno, "%s cannot be put in its place", path);
	if (staged.data != NULL)
		unlink(staged.data);
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
