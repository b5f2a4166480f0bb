/*
 * Records on disk: one of tokend's doors. Knows files, not what is in a record. Every file is written beside and then
 * renamed, so that whoever is killed at whatever moment leaves the old record or the new one. Called by the broker.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tokend/store_file.h"

#define SUFFIX ".grant"
#define TEMP_MARK ".tmp-"
#define LOCK_FILE "lock"
#define FILE_MAX (SEAL_PLAIN_MAX + SEAL_OVERHEAD)
#define SAME_SECOND_MAX 100

/* NAME_MAX is 255 on every file system that matters; an account's file leaves room for what is put around its name: the
 * marks of a temporary file, or ".unreadable-SECONDS". */
#define NAME_SIZE 220
#define MARKED_SIZE 256

struct store {
	char *path;
	int dir;  /* the directory; -1: not open yet */
	int lock; /* the lock file, locked; -1: not yet */
	struct seal_key *key;
};

/* --- names --- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("@-_+.", c) != NULL);
}

/* The account's file name: no '/', no leading '.', and no two accounts with the same one. */
static int file_name(const char *account, char out[NAME_SIZE], struct err *err)
{
	size_t used = 0;
	const char *c;

	for (c = account; *c != '\0'; c++) {
		bool plain = is_plain(*c) && !(*c == '.' && c == account);

		if (used + 3 + sizeof SUFFIX > NAME_SIZE)
			return err_set(err, ERR_LIMIT, "the account name %.64s... is too long for a file name",
				       account);
		used += (size_t)snprintf(out + used, 4, plain ? "%c" : "%%%02X", (unsigned char)*c);
	}
	if (used == 0)
		return err_set(err, ERR_SYNTAX, "an account without a name cannot be kept");
	memcpy(out + used, SUFFIX, sizeof SUFFIX);
	return 0;
}

int store_name_check(const char *account, struct err *err)
{
	char name[NAME_SIZE];

	return file_name(account, name, err);
}

/* --- errors --- */

static const char *remedy(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return " (make room on its disk)";
	case EACCES:
	case EPERM:
		return " (tokend's user must be able to write there)";
	case EROFS:
		return " (the file system must be writable)";
	default:
		return "";
	}
}

static int cannot(const char *verb, const struct store *store, const char *name, int errnum, struct err *err)
{
	return err_sys(err, errnum, "cannot %s %s/%s%s", verb, store->path, name, remedy(errnum));
}

/* --- opening --- */

static int open_directory(struct store *store, struct err *err)
{
	struct stat st;

	if (mkdir(store->path, 0700) != 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot make the state directory %s%s", store->path, remedy(errno));
	store->dir = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0 || fstat(store->dir, &st) != 0)
		return err_sys(err, errno, "cannot open the state directory %s", store->path);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_CONFIG,
			       "the state directory %s belongs to uid %lu, and tokend runs as uid %lu: chown it",
			       store->path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	if ((st.st_mode & 077) != 0)
		return err_set(err, ERR_CONFIG, "the state directory %s is open to others (mode %04o): chmod 700 %s",
			       store->path, (unsigned)st.st_mode & 07777, store->path);
	return 0;
}

static int held_by_another(const struct store *store, struct err *err)
{
	char pid[24] = "";
	ssize_t len = pread(store->lock, pid, sizeof pid - 1, 0);

	pid[len > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	return err_set(err, ERR_BUSY, "another mailbearer-tokend (pid %s) uses the state directory %s: stop it first",
		       pid[0] != '\0' ? pid : "unknown", store->path);
}

/* For the error text above only: that a full disk has no room for it is no reason not to start. */
static void note_pid(int fd)
{
	char pid[24];
	int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	ssize_t put = ftruncate(fd, 0) == 0 ? pwrite(fd, pid, (size_t)len, 0) : 0;

	(void)put;
}

static int take_lock(struct store *store, struct err *err)
{
	store->lock = openat(store->dir, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (store->lock < 0)
		return cannot("open", store, LOCK_FILE, errno, err);
	if (flock(store->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? held_by_another(store, err)
					    : cannot("lock", store, LOCK_FILE, errno, err);
	note_pid(store->lock);
	return 0;
}

static int remove_temporary_files(struct store *store, struct err *err)
{
	int fd = openat(store->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		err_sys(err, errno, "cannot read the state directory %s", store->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] == '.' && strstr(entry->d_name, SUFFIX TEMP_MARK) != NULL)
			unlinkat(store->dir, entry->d_name, 0);
	closedir(dir);
	return 0;
}

struct store *store_open(const char *directory, struct seal_key *key, struct err *err)
{
	struct store *store = calloc(1, sizeof *store);

	if (store == NULL) {
		seal_key_free(key);
		err_set(err, ERR_MEMORY, "no memory for the store");
		return NULL;
	}
	store->dir = store->lock = -1;
	store->key = key;
	store->path = strdup(directory);
	if (store->path == NULL)
		err_set(err, ERR_MEMORY, "no memory for the store");
	else if (open_directory(store, err) == 0 && take_lock(store, err) == 0 &&
		 remove_temporary_files(store, err) == 0)
		return store;
	store_close(store);
	return NULL;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->lock >= 0)
		close(store->lock);
	if (store->dir >= 0)
		close(store->dir);
	seal_key_free(store->key);
	free(store->path);
	free(store);
}

/* --- reading --- */

static int read_whole(const struct store *store, int fd, const char *name, struct buf *out, struct err *err)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) != 0)
		return cannot("read", store, name, errno, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_SYNTAX, "%s/%s is no regular file", store->path, name);
	if (st.st_size > FILE_MAX)
		return err_set(err, ERR_LIMIT, "%s/%s has %lld bytes, more than any record", store->path, name,
			       (long long)st.st_size);
	do {
		/* No more than it has, and one for the end: what is reserved is wiped, for each of thousands of
		 * records. */
		size_t most = (size_t)st.st_size + 1 > out->len ? (size_t)st.st_size + 1 : FILE_MAX + 1;
		char *room = buf_reserve(out, most - out->len);

		if (room == NULL)
			return err_set(err, ERR_MEMORY, "no memory to read %s/%s", store->path, name);
		got = read(fd, room, most - out->len);
		if (got < 0 && errno != EINTR)
			return cannot("read", store, name, errno, err);
		out->len += got > 0 ? (size_t)got : 0;
	} while (got != 0 && out->len <= FILE_MAX);
	return 0;
}

static int unseal(const struct store *store, const char *account, const char *name, const struct buf *sealed,
		  struct store_record *out, struct err *err)
{
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX);
	int result = seal_open(store->key, account, sealed->data, sealed->len, &plain, err);

	if (result == 0)
		result = store_record_decode(plain.data, plain.len, out, err);
	buf_free(&plain);
	if (result != 0)
		err_prefix(err, "%s/%s (restore it, or its seal key, or sign in again)", store->path, name);
	return result;
}

/* As store_load, by the file's name. */
static int load(const struct store *store, const char *account, const char *name, struct store_record *out,
		struct err *err)
{
	struct buf sealed = BUF_INIT(FILE_MAX + 1);
	int fd = openat(store->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int result;

	if (fd < 0)
		return errno == ENOENT ? 0 : cannot("open", store, name, errno, err);
	result = read_whole(store, fd, name, &sealed, err);
	close(fd);
	if (result == 0)
		result = unseal(store, account, name, &sealed, out, err);
	buf_free(&sealed);
	return result == 0 ? 1 : -1;
}

int store_load(struct store *store, const char *account, struct store_record *out, struct err *err)
{
	char name[NAME_SIZE];

	memset(out, 0, sizeof *out);
	if (file_name(account, name, err) != 0)
		return -1;
	return load(store, account, name, out, err);
}

/* --- writing --- */

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
static int sync_directory(const struct store *store)
{
	return fsync(store->dir) == 0 || errno == EINVAL ? 0 : -1;
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
		return cannot("make", store, temp, errno, err);
	wrong = write_whole(fd, bytes->data, bytes->len) != 0 || fsync(fd) != 0 ? errno : 0;
	if (close(fd) != 0 && wrong == 0)
		wrong = errno;
	if (wrong == 0)
		return 0;
	unlinkat(store->dir, temp, 0);
	return cannot("write", store, temp, wrong, err);
}

/* A second name for the file, which the rename that follows then leaves as the only one; so it is never missing. Never
 * takes a name that is taken. */
static int put_aside(const struct store *store, const char *name, struct err *err)
{
	char aside[MARKED_SIZE];
	long long seconds = (long long)time(NULL);
	int i;

	for (i = 0; i < SAME_SECOND_MAX; i++) {
		snprintf(aside, sizeof aside, "%.*s.unreadable-%lld", NAME_SIZE, name, seconds + i);
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
	int found = load(store, account, name, &old, NULL);

	store_record_free(&old);
	return found >= 0 ? 0 : put_aside(store, name, err);
}

static int replace(const struct store *store, const char *account, const char *name, const struct buf *sealed,
		   struct err *err)
{
	char temp[MARKED_SIZE];

	snprintf(temp, sizeof temp, ".%.*s" TEMP_MARK "%ld", NAME_SIZE, name, (long)getpid());
	if (write_temporary(store, temp, sealed, err) != 0)
		return -1;
	if (put_aside_if_unreadable(store, account, name, err) != 0) {
		unlinkat(store->dir, temp, 0);
		return -1;
	}
	if (renameat(store->dir, temp, store->dir, name) != 0) {
		cannot("replace", store, name, errno, err);
		unlinkat(store->dir, temp, 0);
		return -1;
	}
	return sync_directory(store) == 0 ? 0 : cannot("make sure of", store, name, errno, err);
}

int store_save(struct store *store, const char *account, const struct store_record *record, struct err *err)
{
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX);
	struct buf sealed = BUF_INIT(FILE_MAX);
	char name[NAME_SIZE];
	int result = -1;

	if (file_name(account, name, err) == 0 && store_record_encode(record, &plain, err) == 0 &&
	    seal_close(store->key, account, &plain, &sealed, err) == 0)
		result = replace(store, account, name, &sealed, err);
	buf_free(&plain);
	buf_free(&sealed);
	return result;
}

int store_remove(struct store *store, const char *account, struct err *err)
{
	char name[NAME_SIZE];

	if (file_name(account, name, err) != 0)
		return -1;
	if (unlinkat(store->dir, name, 0) != 0)
		return errno == ENOENT ? 0 : cannot("remove", store, name, errno, err);
	return sync_directory(store) == 0 ? 0 : cannot("make sure that nothing is left of", store, name, errno, err);
}
