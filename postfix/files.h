#ifndef MAILBEARER_POSTFIX_FILES_H
#define MAILBEARER_POSTFIX_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/file.h"

/*
 * main.cf and master.cf on disk: read, replaced as a whole, kept beside as a backup, and brought back. Each path is one
 * without symbolic links (realpath(3)). The functions block on the disk, and for FILE_LOCK_MS on an editor's lock.
 */

#define FILES_STAMP_SIZE 32

/* A backup is PATH.mailbearer-STAMP-SUM: when it was made, and the sum of what then took its place. */
struct files_backup {
	char stamp[FILES_STAMP_SIZE];
	uint64_t sum;
};

/* Appends the file's text. 0, or -1: not to be read, no regular file, holds a NUL, larger than the buffer takes. */
int files_read(const char *path, struct buf *out, struct err *err);

/* The file's mode and owner. 0 or -1. */
int files_owner(const char *path, struct file_owner *out, struct err *err);

/*
 * Replaces the file by `after` if it still is `before`, with its mode and owner, under the lock that postconf(1) takes
 * for its own edits. 0, or -1 with the file as it was; ERR_BUSY: somebody has changed it, or is about to.
 */
int files_replace(const char *path, const struct buf *before, const struct buf *after, struct err *err);

/* The moment's stamp, which sorts by time: "20261124T202500.123Z". */
void files_stamp(char stamp[FILES_STAMP_SIZE]);

/* Appends a backup's path. */
void files_backup_path(const char *path, const struct files_backup *backup, struct buf *out);

/* Writes `text`, which is what the file holds, as its backup: a new file with the mode and owner of the other. */
int files_back_up(const char *path, const struct files_backup *backup, const struct buf *text, struct err *err);

/* The file's last backup. False: it has none. */
bool files_last_backup(const char *path, struct files_backup *out);

#endif
