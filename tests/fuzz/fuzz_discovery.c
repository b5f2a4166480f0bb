/* Metadata documents: an address on the first line and the document after it in, proven endpoints or an error out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/oauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_endpoint(const char *url)
{
	if (url != NULL && (strncmp(url, "https://", 8) != 0 || strlen(url) > 2048 || strpbrk(url, " \r\n\t") != NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	struct oauth_metadata metadata;
	struct err err = {0};
	char *url;

	if (end == NULL)
		return 0;
	url = strndup((const char *)data, (size_t)(end - data));
	if (oauth_parse_metadata(url, (const char *)end + 1, size - (size_t)(end + 1 - data), &metadata, &err) == 0) {
		if (metadata.token_endpoint == NULL || metadata.issuer == NULL)
			abort();
		check_endpoint(metadata.token_endpoint);
		check_endpoint(metadata.authorization_endpoint);
		check_endpoint(metadata.device_authorization_endpoint);
		oauth_metadata_free(&metadata);
	} else if (err.code == ERR_NONE || metadata.token_endpoint != NULL) {
		abort();
	}
	free(url);
	return 0;
}
