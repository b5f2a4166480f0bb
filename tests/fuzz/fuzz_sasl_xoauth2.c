/* Files of sasl-xoauth2: its configuration, an empty line, a token file. What is taken makes sections of ours, whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sasl_xoauth2.h"
#include "tests/fuzz/foreign_sections.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data, *middle = memmem(data, size, "\n\n", 2);
	struct foreign one;
	struct err err = {0};
	json_t *config, *tokens;

	if (middle == NULL)
		return 0;
	config = json_loadb(bytes, (size_t)(middle - bytes), 0, NULL);
	tokens = json_loadb(middle, size - (size_t)(middle - bytes), 0, NULL);
	if (json_is_object(config) && json_is_object(tokens)) {
		if (sasl_xoauth2_read(config, tokens, "/etc/tokens/a@b.example", &one, &err) == 0)
			prove_sections(&one);
		else if (err.code == ERR_NONE)
			abort();
		foreign_free(&one);
	}
	json_decref(config);
	json_decref(tokens);
	return 0;
}
