/* Token endpoint answers: status and body in, an outcome and one printable line out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/oauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes choose the status, the rest is the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 401, 403, 404, 429, 503, 302, 0};
	struct oauth_answer answer;
	const char *c;
	int status;

	if (size < 2)
		return 0;
	status = statuses[data[0] % 9];
	oauth_parse_answer(status, data[1] % 2 == 0 ? NULL : "could not resolve host", (const char *)data + 2, size - 2,
			   &answer);
	if ((answer.outcome == OUTCOME_TOKEN) != (answer.access_token != NULL))
		abort();
	if (answer.outcome == OUTCOME_TOKEN && (answer.expires_in < 1 || answer.expires_in > OAUTH_EXPIRES_MAX))
		abort();
	if (answer.outcome != OUTCOME_TOKEN && answer.error[0] == '\0')
		abort();
	if (answer.refresh_token != NULL &&
	    (status != 200 || (answer.outcome != OUTCOME_TOKEN && answer.outcome != OUTCOME_RETRY)))
		abort();
	if (memchr(answer.error, '\0', sizeof answer.error) == NULL ||
	    memchr(answer.detail, '\0', sizeof answer.detail) == NULL || answer.aadsts < 0)
		abort();
	for (c = answer.detail; *c != '\0'; c++)
		if (*c < ' ' || *c >= 0x7f)
			abort();
	oauth_answer_free(&answer);
	return 0;
}
