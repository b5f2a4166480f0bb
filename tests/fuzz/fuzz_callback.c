/* What a browser brings back, from the address to the code. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/signin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oauth_callback callback;
	struct err err;

	if (oauth_parse_callback((const char *)data, size, &callback, &err) == 0) {
		if ((callback.code == NULL) == (callback.error[0] == '\0') ||
		    memchr(callback.state, '\0', sizeof callback.state) == NULL)
			abort();
		oauth_callback_free(&callback);
	} else if (callback.code != NULL) {
		abort();
	}
	return 0;
}
