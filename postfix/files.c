/*
 * Replaces a configuration file if nobody has changed it meanwhile. Knows nothing of what is in it. Called by
 * apply_plan.c and apply_undo.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "postfix/files.h"

#define MEANWHILE 16384 /* bytes that somebody may have added */

int files_read(const char *path, struct buf *out, struct err *err)
{
	if (file_read(path, out, err) != 0)
		return -1;
	return memchr(out->data, '\0', out->len) == NULL ? 0 : err_set(err, ERR_SYNTAX, "%.300s: holds a NUL", path);
}

int files_owner(const char *path, struct file_owner *out, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_sys(err, errno, "%.300s", path);
	*out = (struct file_owner){st.st_mode & 07777, st.st_uid, st.st_gid};
	return 0;
}

static int prove_unchanged(const char *path, const struct buf *before, struct err *err)
{
	struct buf now = BUF_INIT(before->len + MEANWHILE);
	int result = files_read(path, &now, err);

	if (result == 0 && (now.len != before->len || (now.len > 0 && memcmp(now.data, before->data, now.len) != 0)))
		result = err_set(err, ERR_BUSY, "%.300s: has been changed meanwhile; nothing was done to it", path);
	buf_free(&now);
	return result;
}

int files_replace(const char *path, const struct buf *before, const struct buf *after, struct err *err)
{
	struct file_draft draft;
	struct file_owner owner;
	int result;

	if (file_draft_open(&draft, path, FILE_REPLACE, err) != 0)
		return -1;
	result = prove_unchanged(path, before, err);
	if (result == 0)
		result = files_owner(path, &owner, err);
	if (result == 0)
		result = file_draft_fill(&draft, after, &owner, err);
	if (result == 0)
		result = file_draft_commit(&draft, err);
	file_draft_close(&draft);
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
