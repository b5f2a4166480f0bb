/*
 * Reads and writes files whole. Knows nothing of what is in them. Called by whoever writes a file that is no record of
 * tokend's: settings and secrets, Postfix's configuration and its backups, the metrics.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/file.h"
#include "lib/deadline.h"

#define PIECE 16384
#define LOCK_TRY_NS 20000000

/* --- reading --- */

/* At the maximum one byte more is asked for, so that a file which is just as large is told from a larger one. */
int file_read_rest(int fd, const char *path, struct buf *out, struct err *err)
{
	char *room, more;
	size_t size;
	ssize_t n;

	for (;;) {
		size = out->max - out->len < PIECE ? out->max - out->len : PIECE;
		room = buf_reserve(out, size);
		if (room == NULL)
			return err_set(err, ERR_MEMORY, "no memory to read %.300s", path);
		n = size > 0 ? read(fd, room, size) : read(fd, &more, 1);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "%.300s", path);
		if (n > 0 && size == 0)
			return err_set(err, ERR_LIMIT, "%.300s: is larger than %zu bytes", path, out->max);
		out->len += n > 0 ? (size_t)n : 0;
	}
}

/* A pipe that nobody writes into would be waited for, a device has no end. */
int file_read(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(err, ERR_NOT_FOUND, "%.300s: %s", path, strerror(errno));
	if (fd < 0)
		return err_sys(err, errno, "%.300s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		result = err_set(err, ERR_CONFIG, "%.300s: is not a regular file", path);
	else
		result = file_read_rest(fd, path, out, err);
	close(fd);
	return result;
}

/* --- errors --- */

const char *file_remedy(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return " (make room on its disk)";
	case EACCES:
	case EPERM:
		return " (the user that this runs as must be able to write there)";
	case EROFS:
		return " (the file system must be writable)";
	case ENOENT:
	case ENOTDIR:
		return " (its folder must be there)";
	default:
		return "";
	}
}

static int cannot(const char *what, const char *path, int errnum, struct err *err)
{
	return err_sys(err, errnum, "%.300s cannot be %s%s", path, what, file_remedy(errnum));
}

/* --- the place --- */

static int prove_place(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "%.300s", path);
	if (S_ISLNK(st.st_mode))
		return err_set(
		    err, ERR_CONFIG,
		    "%.300s: is a symbolic link, which is not written through; name the file that it leads to", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONFIG, "%.300s: is not a regular file, and stays as it is", path);
	return 0;
}

static int find_place(struct file_draft *draft, const char *path, struct err *err)
{
	struct stat st;

	if (draft->place == FILE_FOLLOW && lstat(path, &st) == 0) {
		if (realpath(path, draft->path) == NULL)
			return err_sys(err, errno, "%.300s: leads to nothing", path);
	} else if (snprintf(draft->path, sizeof draft->path, "%s", path) >= (int)sizeof draft->path) {
		return err_set(err, ERR_LIMIT, "%.300s: the path is too long", path);
	}
	if (snprintf(draft->temp, sizeof draft->temp, "%s" FILE_DRAFT_SUFFIX, draft->path) >= (int)sizeof draft->temp)
		return err_set(err, ERR_LIMIT, "%.300s: the path is too long", path);
	return draft->place == FILE_NEW ? 0 : prove_place(draft->path, err);
}

static int flush_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	int fd, result;

	if (slash != NULL)
		snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* Not every file system can do it to a folder; those which cannot say EINVAL. */
	result = fsync(fd) == 0 || errno == EINVAL ? 0 : -1;
	close(fd);
	return result;
}

/* --- the draft --- */

/* Is the file that we have locked still the one of that name? An editor that was before us may have renamed it. */
static bool is_still(const struct stat *ours, const char *path)
{
	struct stat there;

	return lstat(path, &there) == 0 && ours->st_ino == there.st_ino && ours->st_dev == there.st_dev;
}

/* Nobody else has it, and nothing is in it that anybody could have open. */
static bool is_fresh(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_nlink == 1 && st->st_size == 0;
}

/* 0: locked; 1: try again; or -1. What a dead writer or a stranger has left under the name goes. */
static int try_lock(struct file_draft *draft, struct err *err)
{
	struct stat st;

	draft->fd = open(draft->temp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (draft->fd < 0)
		return cannot("made", draft->temp, errno, err);
	if (flock(draft->fd, LOCK_EX | LOCK_NB) == 0 && fstat(draft->fd, &st) == 0 && is_still(&st, draft->temp)) {
		if (is_fresh(&st))
			return 0;
		unlink(draft->temp);
	}
	close(draft->fd);
	return 1;
}

int file_draft_open(struct file_draft *draft, const char *path, enum file_place place, struct err *err)
{
	struct deadline deadline = deadline_after(FILE_LOCK_MS);
	struct timespec pause = {.tv_nsec = LOCK_TRY_NS};
	int result;

	draft->place = place;
	if (find_place(draft, path, err) != 0)
		return -1;
	while ((result = try_lock(draft, err)) == 1) {
		if (deadline_left(deadline) == 0)
			return err_set(err, ERR_BUSY, "%.300s: is locked by somebody who edits; try again later",
				       draft->temp);
		nanosleep(&pause, NULL);
	}
	return result;
}

static int write_all(int fd, const struct buf *bytes)
{
	size_t at = 0;
	ssize_t n;

	while (at < bytes->len) {
		n = write(fd, bytes->data + at, bytes->len - at);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

/* Owner before mode: nobody else is to read it in between. */
int file_draft_fill(struct file_draft *draft, const struct buf *bytes, const struct file_owner *owner, struct err *err)
{
	if (fchown(draft->fd, owner->uid, owner->gid) != 0 || fchmod(draft->fd, owner->mode) != 0 ||
	    write_all(draft->fd, bytes) != 0)
		return cannot("written", draft->temp, errno, err);
	return 0;
}

int file_draft_commit(struct file_draft *draft, struct err *err)
{
	if (draft->place != FILE_NEW) {
		if (rename(draft->temp, draft->path) != 0)
			return cannot("replaced", draft->path, errno, err);
		*draft->temp = '\0';
	} else if (link(draft->temp, draft->path) != 0) {
		return errno == EEXIST ? 1 : cannot("made", draft->path, errno, err);
	}
	return flush_folder(draft->path) == 0 ? 0 : cannot("made sure of", draft->path, errno, err);
}

/* Removed while the lock is ours: a moment later it may be somebody else's. */
void file_draft_close(struct file_draft *draft)
{
	if (*draft->temp != '\0')
		unlink(draft->temp);
	close(draft->fd);
}

int file_write(const char *path, enum file_place place, const struct buf *bytes, const struct file_owner *owner,
	       struct err *err)
{
	struct file_draft draft;
	int result;

	if (file_draft_open(&draft, path, place, err) != 0)
		return -1;
	result = file_draft_fill(&draft, bytes, owner, err);
	if (result == 0)
		result = file_draft_commit(&draft, err);
	file_draft_close(&draft);
	return result;
}
