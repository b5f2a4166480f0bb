/*
 * Records on disk: one of tokend's doors. Knows files, not what is in a record. Here: opening, names, reading; what
 * changes the disk is in store_file_write.c. Called by the process and the broker.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/file.h"
#include "tokend/store_file_private.h"

#define LOCK_FILE "lock"

/* --- names --- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("@-_+.", c) != NULL);
}

int store_file_name(const char *account, char out[STORE_FILE_NAME_SIZE], struct err *err)
{
	size_t used = 0;
	const char *c;

	for (c = account; *c != '\0'; c++) {
		bool plain = is_plain(*c) && !(*c == '.' && c == account);

		if (used + 3 + sizeof STORE_FILE_SUFFIX > STORE_FILE_NAME_SIZE)
			return err_set(err, ERR_LIMIT, "the account name %.64s... is too long for a file name",
				       account);
		used += (size_t)snprintf(out + used, 4, plain ? "%c" : "%%%02X", (unsigned char)*c);
	}
	if (used == 0)
		return err_set(err, ERR_SYNTAX, "an account without a name cannot be kept");
	memcpy(out + used, STORE_FILE_SUFFIX, sizeof STORE_FILE_SUFFIX);
	return 0;
}

int store_name_check(const char *account, struct err *err)
{
	char name[STORE_FILE_NAME_SIZE];

	return store_file_name(account, name, err);
}

/* --- errors --- */

int store_file_cannot(const char *verb, const struct store *store, const char *name, int errnum, struct err *err)
{
	return err_sys(err, errnum, "cannot %s %s/%s%s", verb, store->path, name, file_remedy(errnum));
}

/* --- opening --- */

static int open_directory(struct store *store, struct err *err)
{
	struct stat st;

	if (mkdir(store->path, 0700) != 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot make the state directory %s%s", store->path, file_remedy(errno));
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
		return store_file_cannot("open", store, LOCK_FILE, errno, err);
	if (flock(store->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? held_by_another(store, err)
					    : store_file_cannot("lock", store, LOCK_FILE, errno, err);
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
		if (entry->d_name[0] == '.' && strstr(entry->d_name, STORE_FILE_SUFFIX STORE_FILE_TEMP_MARK) != NULL)
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
	if (store == NULL || !writer_free(store->writer))
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
		return store_file_cannot("read", store, name, errno, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_SYNTAX, "%s/%s is no regular file", store->path, name);
	if (st.st_size > STORE_FILE_MAX)
		return err_set(err, ERR_LIMIT, "%s/%s has %lld bytes, more than any record", store->path, name,
			       (long long)st.st_size);
	do {
		/* No more than it has, and one for the end: what is reserved is wiped, for each of thousands of
		 * records. */
		size_t most = (size_t)st.st_size + 1 > out->len ? (size_t)st.st_size + 1 : STORE_FILE_MAX + 1;
		char *room = buf_reserve(out, most - out->len);

		if (room == NULL)
			return err_set(err, ERR_MEMORY, "no memory to read %s/%s", store->path, name);
		got = read(fd, room, most - out->len);
		if (got < 0 && errno != EINTR)
			return store_file_cannot("read", store, name, errno, err);
		out->len += got > 0 ? (size_t)got : 0;
	} while (got != 0 && out->len <= STORE_FILE_MAX);
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

int store_file_load(const struct store *store, const char *account, const char *name, struct store_record *out,
		    struct err *err)
{
	struct buf sealed = BUF_INIT(STORE_FILE_MAX + 1);
	int fd = openat(store->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int result;

	if (fd < 0)
		return errno == ENOENT ? 0 : store_file_cannot("open", store, name, errno, err);
	result = read_whole(store, fd, name, &sealed, err);
	close(fd);
	if (result == 0)
		result = unseal(store, account, name, &sealed, out, err);
	buf_free(&sealed);
	return result == 0 ? 1 : -1;
}

int store_load(struct store *store, const char *account, struct store_record *out, struct err *err)
{
	char name[STORE_FILE_NAME_SIZE];

	memset(out, 0, sizeof *out);
	if (store_file_name(account, name, err) != 0)
		return -1;
	return store_file_load(store, account, name, out, err);
}
