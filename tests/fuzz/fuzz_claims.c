/* What a JWT says of its user: the bytes as a token, and as the JSON in one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"
#include "tokend/claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const void *bytes, size_t len)
{
	struct secret *jwt = secret_new(bytes, len);
	char user[CLAIMS_USER_MAX];
	enum claims_user whose;

	memset(user, 'x', sizeof user);
	whose = claims_compare(jwt, "relay@contoso.com", user);
	if (memchr(user, '\0', sizeof user) == NULL || (whose == CLAIMS_NOBODY) != (user[0] == '\0'))
		abort();
	for (const char *c = user; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			abort();
	secret_free(jwt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf jwt = BUF_INIT(1 << 20);

	compare(data, size);
	buf_puts(&jwt, "e30.");
	if (base64url_append(&jwt, data, size) != 0)
		abort();
	buf_puts(&jwt, ".c2ln");
	compare(jwt.data, jwt.len);
	buf_free(&jwt);
	return 0;
}
