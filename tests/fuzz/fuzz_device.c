/* A device code's answer (RFC 8628 section 3.2): what is taken can be shown to a person and is good for a while. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/signin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prove_line(const char *text, size_t size)
{
	if (text[0] == '\0' || memchr(text, '\0', size) == NULL)
		abort();
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oauth_device device;
	struct err err = {0};

	if (oauth_parse_device((const char *)data, size, &device, &err) != 0) {
		if (device.device_code != NULL || err.code == ERR_NONE)
			abort();
		return 0;
	}
	prove_line(device.user_code, sizeof device.user_code);
	prove_line(device.verification_uri, sizeof device.verification_uri);
	if (device.device_code == NULL || strncmp(device.verification_uri, "https://", 8) != 0 ||
	    device.expires_in < 1 || device.interval < 1 || device.interval > 60)
		abort();
	oauth_device_free(&device);
	return 0;
}
