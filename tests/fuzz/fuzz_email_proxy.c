/* Files of email-oauth2-proxy: sections, of which each that is taken makes sections of ours, whole; its tokens are
 * opened with the key of the specification's example, since no password could be guessed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/email_proxy.h"
#include "cli/fernet.h"
#include "cli/ini.h"
#include "tests/fuzz/foreign_sections.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fernet_key key = {
	    "s\x0f\xf4\xc7\xaf=F\x92>\x8e\xd4Q\xee\x81<\x87\xf7\x90\xb0\xa2&\xbc\x96\xa9-\xe4\x9b^\x9c"
	    "\x05\xe1\xee"};
	struct email_proxy proxy = {NULL, NULL};
	struct email_proxy_sealed sealed;
	char name[EMAIL_PROXY_NAME_MAX];
	struct err err = {0};
	const char *section;
	json_t *values;

	proxy.config = ini_read((const char *)data, size, &err);
	if (proxy.config == NULL && err.code == ERR_NONE)
		abort();
	json_object_foreach(proxy.config, section, values)
	{
		struct foreign one = {.user = NULL};

		if (email_proxy_read(&proxy, section, name, &one, &sealed, &err) == 0)
			prove_sections(&one);
		else if (err.code == ERR_NONE)
			abort();
		if (sealed.refresh_token != NULL && one.refresh_token == NULL)
			one.refresh_token = fernet_open(&key, sealed.refresh_token, strlen(sealed.refresh_token));
		foreign_free(&one);
	}
	json_decref(proxy.config);
	return 0;
}
