/* Places in a mailbox: so many and no more, each given back, and files whose names do no harm. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "submit/slot.h"

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/mb-slot-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static struct dirent *next_file(DIR *files)
{
	struct dirent *entry = readdir(files);

	while (entry != NULL && entry->d_name[0] == '.')
		entry = readdir(files);
	return entry;
}

static int tear_down(void **state)
{
	DIR *files = opendir(folder);
	struct dirent *entry;

	(void)state;
	while ((entry = next_file(files)) != NULL)
		unlinkat(dirfd(files), entry->d_name, 0);
	closedir(files);
	return rmdir(folder);
}

static int take(const char *account, int count, int64_t wait_ms, struct err *err)
{
	*err = (struct err){.code = ERR_NONE};
	return slot_take(folder, account, count, deadline_after(wait_ms), err);
}

static void there_are_so_many_and_one_that_is_given_back_is_free(void **state)
{
	struct err err;
	int first, second;

	(void)state;
	first = take("a@c.example", 2, 0, &err);
	second = take("a@c.example", 2, 0, &err);
	assert_true(first >= 0 && second >= 0);
	assert_int_equal(take("a@c.example", 2, 0, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_non_null(strstr(err.text, "2 other sessions of a@c.example"));
	assert_int_equal(slot_take(folder, "a@c.example", 2, deadline_after(0), NULL), -1);
	slot_leave(first);
	first = take("a@c.example", 2, 0, &err);
	assert_true(first >= 0);
	slot_leave(first);
	slot_leave(second);
	slot_leave(-1);
}

static void it_waits_for_one_until_its_deadline(void **state)
{
	struct deadline began = deadline_after(0);
	struct err err;
	int only = take("a@c.example", 1, 0, &err);

	(void)state;
	assert_int_equal(take("a@c.example", 1, 120, &err), -1);
	assert_int_equal(err.code, ERR_BUSY);
	assert_true(deadline_after(0).at_ms - began.at_ms >= 120);
	slot_leave(only);
}

/* The names read the same, but for what is no plain letter. */
static void each_account_has_its_own(void **state)
{
	static const char *const accounts[] = {"a.b@c.example", "a+b@c.example", "a_b@c.example", "A_b@c.example",
					       "b@c.example"};
	int slots[5];
	struct err err;

	(void)state;
	for (int i = 0; i < 5; i++) {
		slots[i] = take(accounts[i], 1, 0, &err);
		assert_true(slots[i] >= 0);
		assert_int_equal(take(accounts[i], 1, 0, &err), -1);
	}
	for (int i = 0; i < 5; i++)
		slot_leave(slots[i]);
}

static void the_files_stay_in_the_folder_with_plain_names(void **state)
{
	char account[400] = "../../etc/$(x) \n.%s@c.example";
	struct dirent *entry;
	struct stat seen;
	struct err err;
	DIR *files;
	int slot;

	(void)state;
	memset(account + strlen(account), 'y', sizeof account - 1 - strlen(account));
	slot = take(account, 1, 0, &err);
	assert_true(slot >= 0);
	files = opendir(folder);
	entry = next_file(files);
	assert_non_null(entry);
	assert_int_equal(strspn(entry->d_name, "abcdefghijklmnopqrstuvwxyz0123456789@._-"), strlen(entry->d_name));
	assert_true(strlen(entry->d_name) <= 80 + sizeof "-0123456789abcdef.0");
	assert_int_equal(fstatat(dirfd(files), entry->d_name, &seen, 0), 0);
	assert_int_equal(seen.st_mode & 07777, 0660);
	assert_null(next_file(files));
	closedir(files);
	slot_leave(slot);
}

/* Longer than the part that people read: the hash is of all of it. */
static void long_names_have_files_of_their_own(void **state)
{
	char name[254 + 1];
	struct err err;
	int first, second;

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	first = take(name, 1, 0, &err);
	assert_true(first >= 0);
	name[sizeof name - 2] = 'b';
	second = take(name, 1, 0, &err);
	assert_true(second >= 0);
	slot_leave(first);
	slot_leave(second);
}

static void a_folder_that_cannot_be_used_is_told_with_the_remedy(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(slot_take("/nowhere/at/all", "a@c.example", 3, deadline_after(60000), &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "must be writable for the user"));
}

static void a_link_is_not_followed(void **state)
{
	char path[400], target[128];
	struct dirent *entry;
	struct err err;
	DIR *files;

	(void)state;
	slot_leave(take("a@c.example", 1, 0, &err));
	files = opendir(folder);
	entry = next_file(files);
	snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
	snprintf(target, sizeof target, "%s/target", folder);
	closedir(files);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(take("a@c.example", 1, 0, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_int_equal(access(target, F_OK), -1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(there_are_so_many_and_one_that_is_given_back_is_free),
	    CASE(it_waits_for_one_until_its_deadline),
	    CASE(each_account_has_its_own),
	    CASE(the_files_stay_in_the_folder_with_plain_names),
	    CASE(long_names_have_files_of_their_own),
	    CASE(a_folder_that_cannot_be_used_is_told_with_the_remedy),
	    CASE(a_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
