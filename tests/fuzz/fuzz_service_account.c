/* Google's file of a service account. Its key is one of OpenSSL's to read; what is round it is ours. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/service_account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct secret *text = size > 0 ? secret_new(data, size) : NULL;
	struct service_account *account;
	struct err err = {0};

	if (text == NULL)
		return 0;
	account = service_account_parse(text, &err);
	if (account == NULL ? err.code == ERR_NONE || err.text[0] == '\0'
			    : strncmp(service_account_token_uri(account), "https://", 8) != 0)
		abort();
	service_account_free(account);
	secret_free(text);
	return 0;
}
