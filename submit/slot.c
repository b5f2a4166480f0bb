/*
 * Places in a mailbox, as locks on files. Called by hop.c around each session with a server. The files stay: removing
 * one that somebody else is about to lock would make two of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fnv.h"
#include "submit/slot.h"

#define ASK_AGAIN_MS 50
#define READABLE_MAX 80 /* characters of the account in a file's name; its hash makes it unique */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '@';
}

/* Only letters that mean nothing to a file system or a shell, and a hash of the whole. */
static void file_name(const char *folder, const char *account, int number, char *out, size_t size)
{
	char readable[READABLE_MAX + 1];
	uint64_t hash = fnv(account, strlen(account));
	size_t used = 0;

	for (const char *c = account; *c != '\0' && used < READABLE_MAX; c++)
		readable[used++] = is_plain(*c) || (*c == '.' && c > account) ? *c : '_';
	readable[used] = '\0';
	snprintf(out, size, "%s/%s-%016llx.%d", folder, readable, (unsigned long long)hash, number);
}

/* A locked descriptor; -1 with errno EWOULDBLOCK when somebody else has it. */
static int try_one(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660), why;

	if (fd < 0)
		return -1;
	/* Whatever the umask: the next to come may be another user of the same group. Only its owner can, or need. */
	if (fchmod(fd, 0660) == 0 || errno == EPERM) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
	}
	why = errno;
	close(fd);
	errno = why;
	return -1;
}

static int try_all(const char *folder, const char *account, int count, struct err *err)
{
	char path[4096];
	int fd;

	for (int number = 0; number < count; number++) {
		file_name(folder, account, number, path, sizeof path);
		fd = try_one(path);
		if (fd >= 0)
			return fd;
		if (errno != EWOULDBLOCK) {
			err_sys(err, errno,
				"cannot lock %s (folder and file must be writable for the user that the "
				"mail server runs mailbearer-submit as)",
				path);
			return -1;
		}
	}
	err_set(err, ERR_BUSY, "%d other sessions of %s are under way, and the mailbox takes no more", count, account);
	return -1;
}

int slot_take(const char *folder, const char *account, int count, struct deadline deadline, struct err *err)
{
	const struct timespec pause = {0, ASK_AGAIN_MS * 1000 * 1000};
	struct err mine = {.code = ERR_NONE};
	int fd;

	while ((fd = try_all(folder, account, count, &mine)) < 0 && mine.code == ERR_BUSY &&
	       deadline_left(deadline) > 0)
		nanosleep(&pause, NULL);
	if (fd < 0 && err != NULL)
		*err = mine;
	return fd;
}

void slot_leave(int slot)
{
	if (slot >= 0)
		close(slot);
}
