/* A configuration file replaced, with its mode and under the lock of postconf; its backups. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "postfix/files.h"

static char folder[64], path[96];
static struct buf text = {.max = 1000};
static struct err err;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_files.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/main.cf", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	buf_free(&text);
	text.max = 1000;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void put(const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(len, write(fd, bytes, len));
	close(fd);
}

static struct buf bytes(const char *literal)
{
	return (struct buf){.data = (char *)(uintptr_t)literal, .len = strlen(literal), .max = 1000};
}

static const char *now(void)
{
	buf_clear(&text);
	assert_int_equal(0, files_read(path, &text, &err));
	return text.data;
}

static int entries(void)
{
	char command[128];

	snprintf(command, sizeof command, "exit $(ls -A %s | wc -l)", folder);
	return WEXITSTATUS(system(command));
}

static void what_is_no_configuration_is_refused(void **state)
{
	(void)state;
	assert_int_equal(-1, files_read(path, &text, &err));
	assert_int_equal(ERR_NOT_FOUND, err.code);
	put("a\0b", 3);
	assert_int_equal(-1, files_read(path, &text, &err));
	assert_int_equal(ERR_SYNTAX, err.code);
}

static void a_file_is_replaced_whole_and_keeps_its_mode(void **state)
{
	struct buf before = bytes("old\n"), after = bytes("new\n");
	struct stat st;

	(void)state;
	put("old\n", 4);
	assert_int_equal(0, chmod(path, 0604));
	assert_int_equal(0, geteuid() == 0 ? chown(path, 10, 11) : 0);
	assert_int_equal(0, files_replace(path, &before, &after, &err));
	assert_string_equal(now(), "new\n");
	assert_int_equal(0, stat(path, &st));
	assert_int_equal(0604, st.st_mode & 07777);
	assert_true(geteuid() != 0 || (st.st_uid == 10 && st.st_gid == 11));
	assert_int_equal(1, entries());
}

static void a_file_that_somebody_has_changed_is_left_alone(void **state)
{
	struct buf before = bytes("old\n"), after = bytes("new\n");

	(void)state;
	put("old\n# theirs\n", 13);
	assert_int_equal(-1, files_replace(path, &before, &after, &err));
	assert_int_equal(ERR_BUSY, err.code);
	assert_string_equal(now(), "old\n# theirs\n");
	put("OLD\n", 4);
	assert_int_equal(-1, files_replace(path, &before, &after, &err));
	assert_string_equal(now(), "OLD\n");
	assert_int_equal(1, entries());
}

/* As postconf does it: it locks PATH.tmp, writes into it, renames it; who waits for the lock finds another file. */
static void another_editor_is_waited_for(void **state)
{
	struct buf before = bytes("old\n"), after = bytes("new\n");
	char temporary[128], word = 'x';
	int ready[2], status;
	pid_t editor;

	(void)state;
	put("old\n", 4);
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	assert_int_equal(0, pipe(ready));
	editor = fork();
	if (editor == 0) {
		int fd = open(temporary, O_RDWR | O_CREAT, 0644);

		flock(fd, LOCK_EX);
		(void)!write(fd, "edited\n", 7);
		(void)!write(ready[1], &word, 1);
		usleep(200000); /* while the other one tries */
		rename(temporary, path);
		_exit(0);
	}
	assert_int_equal(1, read(ready[0], &word, 1));
	assert_int_equal(-1, files_replace(path, &before, &after, &err));
	assert_int_equal(ERR_BUSY, err.code);
	assert_non_null(strstr(err.text, "changed meanwhile"));
	assert_string_equal(now(), "edited\n");
	assert_int_equal(editor, waitpid(editor, &status, 0));
	close(ready[0]);
	close(ready[1]);
}

static void backups_stand_beside_and_the_last_is_found(void **state)
{
	struct files_backup first = {.stamp = "20261124T202500.123Z", .sum = 0x12ab}, second = first, found;
	struct buf old = bytes("old\n"), older = bytes("older\n"), name = BUF_INIT(1000);
	struct stat st;

	(void)state;
	put("new\n", 4);
	assert_int_equal(0, chmod(path, 0640));
	assert_false(files_last_backup(path, &found));
	strcpy(second.stamp, "20261124T202500.124Z");
	second.sum = UINT64_MAX;
	assert_int_equal(0, files_back_up(path, &second, &old, &err));
	assert_int_equal(0, files_back_up(path, &first, &older, &err));
	assert_int_equal(-1, files_back_up(path, &first, &older, &err));
	assert_true(files_last_backup(path, &found));
	assert_string_equal(found.stamp, second.stamp);
	assert_true(found.sum == UINT64_MAX);
	files_backup_path(path, &first, &name);
	assert_string_equal(name.data + strlen(path), ".mailbearer-20261124T202500.123Z-00000000000012ab");
	assert_int_equal(0, stat(name.data, &st));
	assert_int_equal(0640, st.st_mode & 07777);
	assert_int_equal(6, st.st_size);
	buf_free(&name);
}

static void names_that_are_no_backups_are_passed_over(void **state)
{
	static const char *const names[] = {
	    "main.cf.mailbearer-",     "main.cf.mailbearer-zzzz",
	    "main.cf.mailbearer-z-12", "main.cf.mailbearer-z-00000000000012xy",
	    "main.cf.mailbearer",      "main.cf.mailbearer-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-00000000000012ab"};
	struct files_backup found;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		put("", 0);
	}
	snprintf(path, sizeof path, "%s/main.cf", folder);
	assert_false(files_last_backup(path, &found));
}

static void stamps(void **state)
{
	char stamp[FILES_STAMP_SIZE];

	(void)state;
	files_stamp(stamp);
	assert_int_equal(strlen("20261124T202500.123Z"), strlen(stamp));
	assert_int_equal('T', stamp[8]);
	assert_int_equal('.', stamp[15]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_no_configuration_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_file_is_replaced_whole_and_keeps_its_mode, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_file_that_somebody_has_changed_is_left_alone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_editor_is_waited_for, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(backups_stand_beside_and_the_last_is_found, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_that_are_no_backups_are_passed_over, set_up, tear_down),
	    cmocka_unit_test(stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
