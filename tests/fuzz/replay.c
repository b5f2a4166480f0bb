/*
 * Runs a fuzz target over files: the corpus of its name by default, so that what fuzzing once found stays found
 * in every `make check`, with no fuzzer on the machine. TAP on standard output. Linked with one fuzz_*.c each.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLAY_FILE_MAX (8 * 1024 * 1024)

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(REPLAY_FILE_MAX);
	int failed = 1;
	if (file != NULL && bytes != NULL) {
		size_t len = fread(bytes, 1, REPLAY_FILE_MAX, file);
		/* A copy of the exact size lets the address sanitizer see the first byte too many. */
		uint8_t *exact = malloc(len > 0 ? len : 1);
		if (!ferror(file) && exact != NULL) {
			memcpy(exact, bytes, len);
			failed = LLVMFuzzerTestOneInput(exact, len);
		}
		free(exact);
	}
	free(bytes);
	if (file != NULL)
		fclose(file);
	return failed;
}

static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	int count = 0, failed = 0;
	if (dir == NULL) {
		printf("1..1\nnot ok 1 - %s: %s\n", folder, strerror(errno));
		return 1;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		char path[PATH_MAX + NAME_MAX + 2];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (replay_file(path) != 0) {
			printf("# %s failed\n", path);
			failed++;
		}
		count++;
	}
	closedir(dir);
	printf("1..1\n%s 1 - %s: %d inputs replayed\n", failed == 0 && count > 0 ? "ok" : "not ok", folder, count);
	return failed != 0 || count == 0;
}

int main(int argc, char **argv)
{
	const char *source = getenv("MB_SRCDIR");
	const char *name = strstr(argv[0], "replay_");
	char folder[PATH_MAX];
	if (argc > 1)
		return replay_file(argv[1]);
	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".",
		 name != NULL ? name + strlen("replay_") : "");
	return replay_folder(folder);
}
