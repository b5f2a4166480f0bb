/*
 * Replaces a configuration file so that whoever reads it, and whatever happens meanwhile, finds the old one or the new
 * one, whole. Knows nothing of what is in it. Called by apply.c and undo.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/deadline.h"
#include "postfix/files.h"

#define PIECE 16384
#define LOCK_TRY_NS 20000000

static int read_all(int fd, struct buf *out)
{
	char piece[PIECE];
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) != 0) {
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0 && buf_append(out, piece, (size_t)n) != 0)
			return EFBIG;
	}
	return 0;
}

int files_read(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int error;

	if (fd < 0)
		return err_sys(err, errno, "%.300s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_CONFIG, "%.300s: is no regular file", path);
	}
	error = read_all(fd, out);
	close(fd);
	if (error == EFBIG)
		return err_set(err, ERR_LIMIT, "%.300s: is larger than %zu bytes", path, out->max);
	if (error != 0)
		return err_sys(err, error, "%.300s", path);
	if (out->len > 0 && memchr(out->data, '\0', out->len) != NULL)
		return err_set(err, ERR_SYNTAX, "%.300s: holds a NUL", path);
	return 0;
}

static int write_all(int fd, const struct buf *text)
{
	size_t at = 0;
	ssize_t n;

	while (at < text->len) {
		n = write(fd, text->data + at, text->len - at);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			at += (size_t)n;
	}
	return fsync(fd);
}

/* Gives the new file the old one's owner and mode. */
static int dress(int fd, const char *like)
{
	struct stat st;

	if (stat(like, &st) != 0)
		return -1;
	return fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & 07777) != 0 ? -1 : 0;
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, result;

	if (slash == NULL || snprintf(folder, sizeof folder, "%.*s/", (int)(slash - path), path) >= (int)sizeof folder)
		return -1;
	fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (fd < 0)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

/* Is the file that we have locked still the one of that name? An editor that was before us may have renamed it. */
static bool is_still(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
	       ours.st_dev == there.st_dev;
}

/* Opens and locks PATH.tmp as postconf(1) does (its edit_file(3)), so that the two wait for each other. */
static int open_locked(const char *temporary, struct err *err)
{
	struct deadline deadline = deadline_after(FILES_LOCK_MS);
	struct timespec pause = {.tv_nsec = LOCK_TRY_NS};
	int fd;

	for (;;) {
		fd = open(temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_sys(err, errno, "%.300s", temporary);
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_still(fd, temporary))
			return fd;
		close(fd);
		if (deadline_left(deadline) == 0)
			return err_set(err, ERR_BUSY, "%.300s: is locked by somebody who edits; try again later",
				       temporary);
		nanosleep(&pause, NULL);
	}
}

static int prove_unchanged(const char *path, const struct buf *before, struct err *err)
{
	struct buf now = BUF_INIT(before->len + PIECE);
	int result = files_read(path, &now, err);

	if (result == 0 && (now.len != before->len || (now.len > 0 && memcmp(now.data, before->data, now.len) != 0)))
		result = err_set(err, ERR_BUSY, "%.300s: has been changed meanwhile; nothing was done to it", path);
	buf_free(&now);
	return result;
}

int files_replace(const char *path, const struct buf *before, const struct buf *after, struct err *err)
{
	char temporary[PATH_MAX];
	int fd, result;

	if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
		return err_set(err, ERR_LIMIT, "%.300s: the path is too long", path);
	fd = open_locked(temporary, err);
	if (fd < 0)
		return -1;
	result = prove_unchanged(path, before, err);
	if (result == 0 && (ftruncate(fd, 0) != 0 || write_all(fd, after) != 0 || dress(fd, path) != 0 ||
			    rename(temporary, path) != 0 || sync_folder(path) != 0))
		result = err_sys(err, errno, "%.300s", path);
	if (result != 0)
		unlink(temporary);
	close(fd);
	return result;
}

void files_stamp(char stamp[FILES_STAMP_SIZE])
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(stamp, FILES_STAMP_SIZE, "%Y%m%dT%H%M%S", &tm);
	snprintf(stamp + len, FILES_STAMP_SIZE - len, ".%03ldZ", now.tv_nsec / 1000000);
}

/* FNV-1a: tells a file that somebody has edited from one that nobody has. */
uint64_t files_sum(const struct buf *text)
{
	uint64_t sum = 14695981039346656037u;

	for (size_t i = 0; i < text->len; i++)
		sum = (sum ^ (unsigned char)text->data[i]) * 1099511628211u;
	return sum;
}
