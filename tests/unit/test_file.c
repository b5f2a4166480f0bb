/* A file is written whole, or stays as it was; nothing is left beside it; what may not be replaced is not. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/file.h"

static char folder[64], path[96], temp[128];
static struct buf text = {.max = 1000};
static struct err err;
static const struct file_owner ours = {0640, (uid_t)-1, (gid_t)-1};

/* The call that fails, and with what. */
static enum { NONE, WRITE, SYNC, RENAME, LINK, SYNC_FOLDER } failing;
static int failing_with;
static int syncs;

int __wrap_fsync(int fd);
int __real_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __real_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __real_link(const char *from, const char *to);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __real_write(int fd, const void *bytes, size_t len);

static bool is_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int refuse(void)
{
	errno = failing_with;
	return -1;
}

int __wrap_fsync(int fd)
{
	syncs++;
	return failing == (is_folder(fd) ? SYNC_FOLDER : SYNC) ? refuse() : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	return failing == RENAME ? refuse() : __real_rename(from, to);
}

int __wrap_link(const char *from, const char *to)
{
	return failing == LINK ? refuse() : __real_link(from, to);
}

/* A byte at a time, as a signal or a disk that fills up may have it. */
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	return failing == WRITE && ((const char *)bytes)[0] == '!' ? refuse() : __real_write(fd, bytes, len > 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_file.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/file", folder);
	snprintf(temp, sizeof temp, "%s" FILE_DRAFT_SUFFIX, path);
	failing = NONE;
	syncs = 0;
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	failing = NONE;
	buf_free(&text);
	text.max = 1000;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static struct buf bytes(const char *literal)
{
	return (struct buf){.data = (char *)(uintptr_t)literal, .len = strlen(literal), .max = 1000};
}

static void put(const char *at, const char *what, mode_t mode)
{
	int fd = open(at, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	while (*what != '\0')
		assert_int_equal(1, write(fd, what++, 1));
	assert_int_equal(0, fchmod(fd, mode));
	close(fd);
}

static const char *now(const char *at)
{
	buf_clear(&text);
	return file_read(at, &text, &err) == 0 ? text.data : "(none)";
}

static mode_t mode_of(const char *at)
{
	struct stat st;

	assert_int_equal(0, lstat(at, &st));
	return st.st_mode;
}

static int entries(void)
{
	char command[128];

	snprintf(command, sizeof command, "exit $(ls -A %s | wc -l)", folder);
	return WEXITSTATUS(system(command));
}

static int write_it(enum file_place place, const char *what)
{
	struct buf it = bytes(what);

	err = (struct err){.code = ERR_NONE};
	return file_write(path, place, &it, &ours, &err);
}

static void it_is_made_and_replaced_whole(void **state)
{
	struct buf it = bytes("third");

	(void)state;
	assert_int_equal(0, write_it(FILE_REPLACE, "first"));
	assert_string_equal("first", now(path));
	assert_int_equal(S_IFREG | 0640, mode_of(path));
	assert_int_equal(2, syncs); /* the file, and its folder */
	assert_int_equal(0, chmod(path, 0604));
	assert_int_equal(0, write_it(FILE_FOLLOW, "second, and longer"));
	assert_string_equal("second, and longer", now(path));
	assert_int_equal(S_IFREG | 0640, mode_of(path));
	if (geteuid() == 0) {
		struct file_owner others = {0400, 10, 11};
		struct stat st;

		assert_int_equal(0, file_write(path, FILE_REPLACE, &it, &others, &err));
		assert_int_equal(0, stat(path, &st));
		assert_true(st.st_uid == 10 && st.st_gid == 11 && (st.st_mode & 07777) == 0400);
	}
	assert_int_equal(1, entries());
}

static void what_is_there_stays_where_a_new_one_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(0, write_it(FILE_NEW, "new"));
	assert_string_equal("new", now(path));
	assert_int_equal(1, write_it(FILE_NEW, "newer"));
	assert_string_equal("new", now(path));
	assert_int_equal(1, entries());
	assert_int_equal(0, unlink(path));
	assert_int_equal(0, symlink("nowhere", path));
	assert_int_equal(1, write_it(FILE_NEW, "newer"));
	assert_true(S_ISLNK(mode_of(path)));
	assert_int_equal(1, entries());
}

static void links_and_devices_are_not_replaced(void **state)
{
	char target[128];

	(void)state;
	snprintf(target, sizeof target, "%s/target", folder);
	put(target, "old", 0644);
	assert_int_equal(0, symlink(target, path));
	assert_int_equal(-1, write_it(FILE_REPLACE, "new"));
	assert_int_equal(ERR_CONFIG, err.code);
	assert_non_null(strstr(err.text, "name the file that it leads to"));
	assert_string_equal("old", now(target));
	assert_int_equal(0, write_it(FILE_FOLLOW, "new"));
	assert_true(S_ISLNK(mode_of(path)));
	assert_string_equal("new", now(target));
	assert_int_equal(2, entries());
	assert_int_equal(0, unlink(target));
	assert_int_equal(-1, write_it(FILE_FOLLOW, "new"));
	assert_non_null(strstr(err.text, "leads to nothing"));
	assert_int_equal(0, unlink(path));
	assert_int_equal(0, mkfifo(path, 0600));
	assert_int_equal(-1, write_it(FILE_REPLACE, "new"));
	assert_int_equal(-1, write_it(FILE_FOLLOW, "new"));
	assert_int_equal(ERR_CONFIG, err.code);
	assert_true(S_ISFIFO(mode_of(path)));
	assert_int_equal(1, entries());
}

static void whatever_fails_the_old_one_stays(void **state)
{
	(void)state;
	failing_with = ENOSPC;
	for (failing = WRITE; failing <= LINK; failing++) {
		put(path, "old", 0600);
		if (failing == LINK)
			unlink(path);
		assert_int_equal(-1, write_it(failing == LINK ? FILE_NEW : FILE_REPLACE, "!new"));
		assert_int_equal(ERR_SYSTEM, err.code);
		assert_non_null(strstr(err.text, "make room on its disk"));
		assert_string_equal(failing == LINK ? "(none)" : "old", now(path));
		assert_int_equal(failing == LINK ? 0 : 1, entries());
	}
	put(path, "old", 0600);
	failing = SYNC_FOLDER;
	failing_with = EIO;
	assert_int_equal(-1, write_it(FILE_REPLACE, "new"));
	assert_non_null(strstr(err.text, "cannot be made sure of"));
	assert_string_equal("new", now(path));
	failing_with = EINVAL; /* a file system that cannot */
	assert_int_equal(0, write_it(FILE_REPLACE, "newer"));
	assert_int_equal(1, entries());
}

/* It may be open elsewhere, or have another name: so it is not written into. */
static void what_others_have_left_is_not_used(void **state)
{
	char other[128];
	int fd;

	(void)state;
	put(temp, "half", 0666);
	fd = open(temp, O_RDONLY);
	assert_int_equal(0, write_it(FILE_REPLACE, "whole"));
	assert_string_equal("whole", now(path));
	assert_int_equal(0, file_read_rest(fd, "it", &text, &err));
	assert_string_equal("wholehalf", text.data);
	close(fd);
	snprintf(other, sizeof other, "%s/other", folder);
	put(other, "", 0600);
	assert_int_equal(0, link(other, temp));
	assert_int_equal(0, write_it(FILE_REPLACE, "again"));
	assert_string_equal("", now(other));
	assert_int_equal(0, symlink(other, temp));
	assert_int_equal(-1, write_it(FILE_REPLACE, "never"));
	assert_string_equal("", now(other));
	assert_string_equal("again", now(path));
}

static void two_drafts_do_not_mix(void **state)
{
	struct buf one = bytes("one"), other = bytes("other");
	struct file_draft draft;
	int fd;

	(void)state;
	assert_int_equal(0, file_draft_open(&draft, path, FILE_REPLACE, &err));
	fd = open(temp, O_RDWR);
	assert_int_equal(-1, flock(fd, LOCK_EX | LOCK_NB));
	close(fd);
	assert_int_equal(0, file_draft_fill(&draft, &one, &ours, &err));
	assert_string_equal("(none)", now(path));
	assert_int_equal(0, file_draft_commit(&draft, &err));
	/* Now it is the next one's. */
	put(temp, "next", 0600);
	file_draft_close(&draft);
	assert_string_equal("one", now(path));
	assert_string_equal("next", now(temp));
	assert_int_equal(0, file_draft_open(&draft, path, FILE_REPLACE, &err));
	assert_int_equal(0, file_draft_fill(&draft, &other, &ours, &err));
	file_draft_close(&draft);
	assert_string_equal("one", now(path));
	assert_int_equal(1, entries());
}

static void only_whole_regular_files_are_read(void **state)
{
	(void)state;
	assert_int_equal(-1, file_read(path, &text, &err));
	assert_int_equal(ERR_NOT_FOUND, err.code);
	assert_int_equal(-1, file_read(folder, &text, &err));
	assert_int_equal(ERR_CONFIG, err.code);
	assert_int_equal(0, mkfifo(path, 0600));
	assert_int_equal(-1, file_read(path, &text, &err));
	assert_int_equal(ERR_CONFIG, err.code);
	assert_int_equal(0, unlink(path));
	put(path, "", 0600);
	assert_int_equal(0, file_read(path, &text, &err));
	assert_string_equal("", text.data);
	put(path, "12345", 0600);
	buf_free(&text);
	text.max = 5;
	assert_int_equal(0, file_read(path, &text, &err));
	assert_string_equal("12345", text.data);
	buf_free(&text);
	text.max = 4;
	assert_int_equal(-1, file_read(path, &text, &err));
	assert_int_equal(ERR_LIMIT, err.code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_made_and_replaced_whole, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_there_stays_where_a_new_one_is_wanted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(links_and_devices_are_not_replaced, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(whatever_fails_the_old_one_stays, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_others_have_left_is_not_used, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(two_drafts_do_not_mix, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(only_whole_regular_files_are_read, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
