/*
 * What changes the store's disk. Every file is written beside and then renamed, so that whoever is killed at whatever
 * moment leaves the old record or the new one. A record is sealed on the loop; what the disk may hold up is then done
 * by the writer's thread. Called by the broker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tokend/store_file_private.h"

#define SAME_SECOND_MAX 100

/* A record on its way to the disk, or the removal of one. */
struct store_save {
	struct writer_job job;
	struct store *store;
	char name[STORE_FILE_NAME_SIZE];
	char *account;
	struct buf sealed; /* empty: to be removed */
	store_save_cb *cb;
	void *arg;
};

/* --- files --- */

static int write_whole(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0) {
			bytes += put;
			len -= (size_t)put;
		}
	}
	return 0;
}

/* Not every file system can do it to a folder; those which cannot say EINVAL. */
static int sync_directory(const struct store *store, struct err *err)
{
	if (fsync(store->dir) == 0 || errno == EINVAL)
		return 0;
	return store_file_cannot("make sure of what was changed in", store, ".", errno, err);
}

static int open_temporary(const struct store *store, const char *temp)
{
	/* The lock is ours: whatever has this name was left by a dead process with our pid. */
	unlinkat(store->dir, temp, 0);
	return openat(store->dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int write_temporary(const struct store *store, const char *temp, const struct buf *bytes, struct err *err)
{
	int fd = open_temporary(store, temp);
	int wrong;

	if (fd < 0)
		return store_file_cannot("make", store, temp, errno, err);
	wrong = write_whole(fd, bytes->data, bytes->len) != 0 || fsync(fd) != 0 ? errno : 0;
	if (close(fd) != 0 && wrong == 0)
		wrong = errno;
	if (wrong == 0)
		return 0;
	unlinkat(store->dir, temp, 0);
	return store_file_cannot("write", store, temp, wrong, err);
}

/* A second name for the file, which the rename that follows then leaves as the only one; so it is never missing. Never
 * takes a name that is taken. */
static int put_aside(const struct store *store, const char *name, struct err *err)
{
	char aside[STORE_FILE_MARKED_SIZE];
	long long seconds = (long long)time(NULL);
	int i;

	for (i = 0; i < SAME_SECOND_MAX; i++) {
		snprintf(aside, sizeof aside, "%.*s.unreadable-%lld", STORE_FILE_NAME_SIZE, name, seconds + i);
		if (linkat(store->dir, name, store->dir, aside, 0) == 0)
			return 0;
		if (errno == EEXIST)
			continue;
		/* a file system without hard links, or not a file at all */
		if (faccessat(store->dir, aside, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
		    renameat(store->dir, name, store->dir, aside) == 0)
			return 0;
		break;
	}
	return err_sys(err, errno, "cannot put the unreadable %s/%s aside", store->path, name);
}

static int put_aside_if_unreadable(const struct store *store, const char *account, const char *name, struct err *err)
{
	struct store_record old = {0};
	int found = store_file_load(store, account, name, &old, NULL);

	store_record_free(&old);
	return found >= 0 ? 0 : put_aside(store, name, err);
}

/* All but the last step, which makes sure of the folder. */
static int replace(const struct store *store, const char *account, const char *name, const struct buf *sealed,
		   struct err *err)
{
	char temp[STORE_FILE_MARKED_SIZE];

	snprintf(temp, sizeof temp, ".%.*s" STORE_FILE_TEMP_MARK "%ld", STORE_FILE_NAME_SIZE, name, (long)getpid());
	if (write_temporary(store, temp, sealed, err) != 0)
		return -1;
	if (put_aside_if_unreadable(store, account, name, err) != 0) {
		unlinkat(store->dir, temp, 0);
		return -1;
	}
	if (renameat(store->dir, temp, store->dir, name) != 0) {
		store_file_cannot("replace", store, name, errno, err);
		unlinkat(store->dir, temp, 0);
		return -1;
	}
	return 0;
}

static int take_away(const struct store *store, const char *name, struct err *err)
{
	if (unlinkat(store->dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return store_file_cannot("remove", store, name, errno, err);
}

/* --- off the loop --- */

static struct store_save *save_of(struct writer_job *job)
{
	return (struct store_save *)((char *)job - offsetof(struct store_save, job));
}

static void save_free(struct store_save *save)
{
	buf_free(&save->sealed);
	free(save->account);
	free(save);
}

static int put(void *arg, struct writer_job *job, struct err *err)
{
	const struct store_save *save = save_of(job);

	if (save->sealed.len == 0)
		return take_away(arg, save->name, err);
	return replace(arg, save->account, save->name, &save->sealed, err);
}

static int sync_all(void *arg, struct err *err)
{
	return sync_directory(arg, err);
}

static void saved(void *arg, struct writer_job *job)
{
	struct store_save *save = save_of(job);
	store_save_cb *cb = save->cb;
	void *cb_arg = save->arg;
	struct err err = job->err;

	(void)arg;
	save_free(save);
	if (cb != NULL)
		cb(cb_arg, &err);
}

int store_start_writer(struct store *store, struct loop *loop, struct err *err)
{
	const struct writer_work work = {.put = put, .sync = sync_all, .done = saved, .arg = store};

	store->writer = writer_new(loop, &work, err);
	return store->writer != NULL ? 0 : -1;
}

static int seal(const struct store *store, const char *account, const struct store_record *record, struct buf *sealed,
		struct err *err)
{
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX);
	int result = store_record_encode(record, &plain, err);

	if (result == 0)
		result = seal_close(store->key, account, &plain, sealed, err);
	buf_free(&plain);
	return result;
}

static struct store_save *save_new(struct store *store, const char *account, store_save_cb *cb, void *arg,
				   struct err *err)
{
	struct store_save *save = calloc(1, sizeof *save);

	if (save != NULL) {
		*save = (struct store_save){.store = store, .sealed = BUF_INIT(STORE_FILE_MAX), .cb = cb, .arg = arg};
		save->account = strdup(account);
	}
	if (save == NULL || save->account == NULL)
		err_set(err, ERR_MEMORY, "no memory to save the grant of %s", account);
	else if (store_file_name(account, save->name, err) == 0)
		return save;
	if (save != NULL)
		save_free(save);
	return NULL;
}

struct store_save *store_save_start(struct store *store, const char *account, const struct store_record *record,
				    store_save_cb *cb, void *arg, struct err *err)
{
	struct store_save *save = save_new(store, account, cb, arg, err);

	if (save != NULL && seal(store, account, record, &save->sealed, err) != 0) {
		save_free(save);
		return NULL;
	}
	if (save != NULL)
		writer_add(store->writer, &save->job);
	return save;
}

struct store_save *store_remove_start(struct store *store, const char *account, store_save_cb *cb, void *arg,
				      struct err *err)
{
	struct store_save *save = save_new(store, account, cb, arg, err);

	if (save != NULL)
		writer_add(store->writer, &save->job);
	return save;
}

int store_save_wait(struct store_save *save, struct deadline deadline, struct err *err)
{
	int result;

	if (!writer_wait(save->store->writer, &save->job, deadline))
		return 1;
	result = save->job.err.code == ERR_NONE ? 0 : -1;
	if (result != 0 && err != NULL)
		*err = save->job.err;
	save_free(save);
	return result;
}

void store_save_leave(struct store_save *save)
{
	save->cb = NULL;
}
