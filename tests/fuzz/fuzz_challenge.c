/* The plugin's reader of a server's error challenge: any bytes in, a short word for the log out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sasl/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-?";
	char status[RESPONSE_STATUS_MAX];

	memset(status, 'x', sizeof status);
	response_error_status((const char *)data, size, status);
	if (memchr(status, '\0', sizeof status) == NULL || status[strspn(status, allowed)] != '\0')
		abort();
	return 0;
}
