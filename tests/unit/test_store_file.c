/* Records on disk: durable, private, one owner at a time, and never destroyed by what cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>

#include "daemon/jsondoc.h"
#include "tokend/store_file.h"

#define NAME "relay@contoso.com"
#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char folder[64];
static struct loop *loop;

static int set_up(void **state)
{
	(void)state;
	loop = loop_new(NULL);
	strcpy(folder, "/tmp/test_store.XXXXXX");
	return loop == NULL || mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	loop_free(loop);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static struct store *open_with(const char *hex, struct err *err)
{
	struct secret *text = secret_new(hex, strlen(hex));
	struct seal_key *key = seal_key_new(text, err);
	struct store *store;

	secret_free(text);
	assert_non_null(key);
	store = store_open(folder, key, err);
	if (store != NULL)
		assert_int_equal(0, store_start_writer(store, loop, err));
	return store;
}

static struct store_record record_of(const char *token, int64_t generation)
{
	struct store_record record = {.granted_at = 1, .refreshed_at = 2, .generation = generation};

	record.refresh_token = secret_new(token, strlen(token));
	strcpy(record.client_id, "client-1");
	strcpy(record.scope, "scope");
	return record;
}

/* Waits for a change that has begun, or that could not. */
static int end(struct store_save *change, struct err *err)
{
	return change != NULL ? store_save_wait(change, deadline_after(60000), err) : -1;
}

static int save(struct store *store, const char *token, int64_t generation, struct err *err)
{
	struct store_record record = record_of(token, generation);
	struct store_save *change = store_save_start(store, NAME, &record, NULL, NULL, err);

	store_record_free(&record);
	return end(change, err);
}

static int take_away(struct store *store, struct err *err)
{
	return end(store_remove_start(store, NAME, NULL, NULL, err), err);
}

static int64_t load_generation(struct store *store, int *found)
{
	struct store_record record = {0};
	struct err err;
	int64_t generation;

	*found = store_load(store, NAME, &record, &err);
	generation = record.generation;
	store_record_free(&record);
	return generation;
}

static void path_of(char *path, size_t size)
{
	snprintf(path, size, "%s/%s.grant", folder, NAME);
}

static size_t read_file(const char *path, char *bytes, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t len;

	assert_non_null(file);
	len = fread(bytes, 1, size, file);
	fclose(file);
	return len;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(len, fwrite(bytes, 1, len, file));
	assert_int_equal(0, fclose(file));
}

static void saved_is_found_again_and_is_private(void **state)
{
	struct err err;
	struct store *store = open_with(KEY_A, &err);
	char path[256], bytes[8192];
	struct stat there;
	size_t len;
	int found;

	(void)state;
	assert_non_null(store);
	load_generation(store, &found);
	assert_int_equal(0, found);
	assert_int_equal(0, save(store, "MARKER-refresh-token", 7, &err));
	store_close(store);
	path_of(path, sizeof path);
	assert_int_equal(0, stat(path, &there));
	assert_int_equal(0600, there.st_mode & 07777);
	len = read_file(path, bytes, sizeof bytes);
	assert_null(memmem(bytes, len, "MARKER", 6));
	assert_null(memmem(bytes, len, "client-1", 8));
	store = open_with(KEY_A, &err);
	assert_int_equal(7, load_generation(store, &found));
	assert_int_equal(1, found);
	assert_int_equal(0, take_away(store, &err));
	assert_int_equal(0, take_away(store, &err));
	load_generation(store, &found);
	assert_int_equal(0, found);
	store_close(store);
}

static void damaged_at_every_byte_is_refused_and_kept(void **state)
{
	struct err err;
	struct store *store = open_with(KEY_A, &err);
	char path[256], whole[8192], now[8192];
	size_t len;
	int found;

	(void)state;
	assert_int_equal(0, save(store, "a-refresh-token", 1, &err));
	path_of(path, sizeof path);
	len = read_file(path, whole, sizeof whole);
	for (size_t at = 0; at < len; at++) {
		whole[at] ^= 1;
		write_file(path, whole, len);
		load_generation(store, &found);
		assert_int_equal(-1, found);
		assert_int_equal(len, read_file(path, now, sizeof now));
		assert_memory_equal(whole, now, len);
		whole[at] ^= 1;
		write_file(path, whole, at);
		load_generation(store, &found);
		assert_int_equal(-1, found);
	}
	write_file(path, whole, len);
	load_generation(store, &found);
	assert_int_equal(1, found);
	store_close(store);
}

static void other_key_and_other_account_do_not_open(void **state)
{
	struct err err;
	struct store *store = open_with(KEY_A, &err);
	struct store_record record = {0};
	char path[256], other[256], bytes[8192];
	size_t len;
	int found;

	(void)state;
	assert_int_equal(0, save(store, "a-refresh-token", 1, &err));
	path_of(path, sizeof path);
	snprintf(other, sizeof other, "%s/thief@contoso.com.grant", folder);
	len = read_file(path, bytes, sizeof bytes);
	write_file(other, bytes, len);
	chmod(other, 0600);
	assert_int_equal(-1, store_load(store, "thief@contoso.com", &record, &err));
	assert_non_null(strstr(err.text, "thief@contoso.com.grant"));
	store_close(store);
	store = open_with(KEY_B, &err);
	load_generation(store, &found);
	assert_int_equal(-1, found);
	store_close(store);
}

static int count_files(const char *part)
{
	DIR *dir = opendir(folder);
	int count = 0;

	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += strstr(entry->d_name, part) != NULL;
	closedir(dir);
	return count;
}

static void unreadable_file_is_put_aside_by_a_save(void **state)
{
	struct err err;
	struct store *store = open_with(KEY_A, &err);
	char path[256];
	int found;

	(void)state;
	path_of(path, sizeof path);
	write_file(path, "nonsense", 8);
	chmod(path, 0600);
	load_generation(store, &found);
	assert_int_equal(-1, found);
	assert_int_equal(0, save(store, "a-newer-token", 2, &err));
	assert_int_equal(2, load_generation(store, &found));
	assert_int_equal(1, count_files(".unreadable-"));
	store_close(store);
}

/* Somebody else's, as far as we can know: neither that file nor what has the names is touched. */
static void unreadable_file_that_cannot_be_put_aside_stays(void **state)
{
	struct err err;
	struct store *store = open_with(KEY_A, &err);
	long long now = (long long)time(NULL);
	char path[256], bytes[16];

	(void)state;
	path_of(path, sizeof path);
	write_file(path, "nonsense", 8);
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof path, "%s/%s.grant.unreadable-%lld", folder, NAME, now + i);
		write_file(path, "taken", 5);
	}
	assert_int_equal(-1, save(store, "a-newer-token", 2, &err));
	assert_non_null(strstr(err.text, "cannot put the unreadable"));
	assert_int_equal(0, count_files(".tmp-"));
	assert_int_equal(1000, count_files(".unreadable-"));
	path_of(path, sizeof path);
	assert_int_equal(8, read_file(path, bytes, sizeof bytes));
	store_close(store);
}

/* RLIMIT_FSIZE makes every write fail, for root too, as a full disk would. */
static void full_disk_keeps_the_old_record(void **state)
{
	struct rlimit before, none = {0, 0};
	struct err err;
	struct store *store = open_with(KEY_A, &err);
	int found, status;

	(void)state;
	assert_int_equal(0, save(store, "a-refresh-token", 1, &err));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	none.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	status = save(store, "a-newer-token", 2, &err);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(-1, status);
	assert_int_equal(0, count_files(".tmp-"));
	assert_int_equal(1, load_generation(store, &found));
	assert_int_equal(1, found);
	assert_int_equal(0, save(store, "a-newer-token", 2, &err));
	assert_int_equal(2, load_generation(store, &found));
	assert_int_equal(0, count_files(".tmp-"));
	store_close(store);
}

static void second_owner_is_refused(void **state)
{
	struct err err;
	struct store *store = open_with(KEY_A, &err);
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		struct store *second = open_with(KEY_A, &err);

		_exit(second == NULL && err.code == ERR_BUSY ? 0 : 1);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
	store_close(store);
}

/* --- off the loop --- */

struct told {
	int times;
	struct err err;
};

static void on_saved(void *arg, const struct err *err)
{
	struct told *told = arg;

	told->times++;
	told->err = *err;
	loop_stop(loop);
}

static struct store_save *start(struct store *store, const char *token, int64_t generation, struct told *told)
{
	struct store_record record = record_of(token, generation);
	struct store_save *save = store_save_start(store, NAME, &record, on_saved, told, &told->err);

	store_record_free(&record);
	return save;
}

static void off_the_loop_it_is_durable_when_told(void **state)
{
	struct told told = {0}, nobody = {0};
	struct store *store = open_with(KEY_A, NULL);
	char path[256], bytes[8192];
	int found;

	(void)state;
	assert_non_null(start(store, "MARKER-refresh-token", 3, &told));
	assert_int_equal(0, told.times);
	assert_int_equal(0, loop_run(loop, NULL));
	assert_int_equal(1, told.times);
	assert_int_equal(ERR_NONE, told.err.code);
	assert_int_equal(3, load_generation(store, &found));
	path_of(path, sizeof path);
	assert_null(memmem(bytes, read_file(path, bytes, sizeof bytes), "MARKER", 6));
	assert_int_equal(0, count_files(".tmp-"));
	assert_int_equal(0, store_save_wait(start(store, "a-newer-token", 4, &told), deadline_after(60000), NULL));
	assert_int_equal(4, load_generation(store, &found));
	assert_int_equal(1, told.times);
	store_save_leave(start(store, "nobody-waits-for-it", 5, &nobody));
	assert_non_null(start(store, "the-newest", 6, &told));
	assert_int_equal(0, loop_run(loop, NULL));
	assert_int_equal(0, nobody.times);
	assert_int_equal(6, load_generation(store, &found));
	store_close(store);
}

static void off_the_loop_failures_are_told_and_keep_the_old_record(void **state)
{
	struct told told = {0};
	struct store *store = open_with(KEY_A, NULL);
	struct store_record empty = {0};
	struct err err = {.code = ERR_NONE};
	char path[256];
	int found;

	(void)state;
	path_of(path, sizeof path);
	assert_int_equal(0, save(store, "a-refresh-token", 1, NULL));
	snprintf(path, sizeof path, "%s/.%s.grant.tmp-%ld", folder, NAME, (long)getpid());
	assert_int_equal(0, mkdir(path, 0700)); /* in the temporary file's place */
	assert_non_null(start(store, "a-newer-token", 2, &told));
	assert_int_equal(0, loop_run(loop, NULL));
	assert_int_equal(ERR_SYSTEM, told.err.code);
	assert_non_null(strstr(told.err.text, folder));
	assert_int_equal(-1, store_save_wait(start(store, "a-newer-token", 2, &told), deadline_after(60000), &err));
	assert_string_equal(told.err.text, err.text);
	assert_int_equal(1, load_generation(store, &found));
	assert_int_equal(0, rmdir(path));
	assert_null(store_save_start(store, NAME, &empty, on_saved, &told, &err));
	assert_int_equal(ERR_SYNTAX, err.code);
	assert_int_equal(1, told.times);
	store_close(store);
}

/* --- killed --- */

static void save_for_ever(int64_t generation, int told)
{
	struct store *store = open_with(KEY_A, NULL);

	for (;; generation++)
		if (save(store, "a-refresh-token", generation, NULL) != 0 || write(told, "k", 1) != 1)
			_exit(1);
}

/* However it is killed, what a save promised is there, and nothing older. */
static void killed_forty_times_it_never_goes_back(void **state)
{
	int64_t generation = 0;

	(void)state;
	for (int turn = 0; turn < 40; turn++) {
		int ends[2], found, count = 0;
		struct err err;
		struct store *store;
		pid_t child;
		char word;

		assert_int_equal(0, pipe(ends));
		child = fork();
		if (child == 0)
			save_for_ever(generation + 1, ends[1]);
		close(ends[1]);
		for (int i = 0; i < 1 + turn % 7; i++)
			assert_int_equal(1, read(ends[0], &word, 1));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(ends[0], &word, 1) == 1)
			count++;
		close(ends[0]);
		store = open_with(KEY_A, &err);
		assert_non_null(store);
		assert_true(load_generation(store, &found) >= generation + 1 + turn % 7 + count);
		assert_int_equal(1, found);
		generation = load_generation(store, &found);
		assert_int_equal(0, count_files(".tmp-"));
		store_close(store);
	}
}

static void folder_that_others_may_read_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(0, chmod(folder, 0755));
	assert_null(open_with(KEY_A, &err));
	assert_non_null(strstr(err.text, folder));
}

static void names_that_are_too_long_are_told(void **state)
{
	char name[600];
	struct err err;

	(void)state;
	memset(name, '/', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(-1, store_name_check(name, &err));
	assert_int_equal(0, store_name_check("*@factory.contoso.com", &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(saved_is_found_again_and_is_private),
	    TEST(damaged_at_every_byte_is_refused_and_kept),
	    TEST(other_key_and_other_account_do_not_open),
	    TEST(unreadable_file_is_put_aside_by_a_save),
	    TEST(unreadable_file_that_cannot_be_put_aside_stays),
	    TEST(full_disk_keeps_the_old_record),
	    TEST(second_owner_is_refused),
	    TEST(off_the_loop_it_is_durable_when_told),
	    TEST(off_the_loop_failures_are_told_and_keep_the_old_record),
	    TEST(killed_forty_times_it_never_goes_back),
	    TEST(folder_that_others_may_read_is_refused),
	    TEST(names_that_are_too_long_are_told),
	};

	jsondoc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
