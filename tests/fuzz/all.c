/* All fuzz targets in one program, since linking one for each takes longer than running them; $FUZZ_TARGET says which
 * runs. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int target(const uint8_t *data, size_t size);

#define TARGET(name) target fuzz_##name;
#include "tests/fuzz/targets.inc"
#undef TARGET

static const struct {
	const char *name;
	target *run;
} targets[] = {
#define TARGET(name) {#name, fuzz_##name},
#include "tests/fuzz/targets.inc"
};

static target *chosen;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");

	(void)argc;
	(void)argv;
	for (size_t i = 0; name != NULL && i < sizeof targets / sizeof targets[0]; i++)
		if (strcmp(targets[i].name, name) == 0)
			chosen = targets[i].run;
	if (chosen == NULL) {
		fprintf(stderr, "FUZZ_TARGET names no target\n");
		exit(2);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return chosen(data, size);
}
