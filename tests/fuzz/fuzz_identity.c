/* Managed identities: the agent's challenge, which may name a file of one folder only, and the service's answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prove_challenge(const char *text)
{
	struct buf path = BUF_INIT(4096);
	struct err err;

	if (identity_challenge(text, IDENTITY_ARC_FOLDER, &path, &err) == 0 &&
	    (strncmp(path.data, IDENTITY_ARC_FOLDER "/", sizeof IDENTITY_ARC_FOLDER) != 0 ||
	     strchr(path.data + sizeof IDENTITY_ARC_FOLDER, '/') != NULL || strstr(path.data, ".key") == NULL))
		abort();
	buf_free(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 401, 404, 410, 429, 500, 0};
	char *text = strndup((const char *)data, size);
	struct oauth_answer answer;

	prove_challenge(text);
	free(text);
	if (size < 1)
		return 0;
	identity_parse_answer(statuses[data[0] % 8], NULL, (const char *)data + 1, size - 1, 1800000000, &answer);
	if ((answer.outcome == OUTCOME_TOKEN) != (answer.access_token != NULL) || answer.refresh_token != NULL)
		abort();
	if (answer.outcome == OUTCOME_TOKEN ? answer.expires_in < 1 || answer.expires_in > OAUTH_EXPIRES_MAX
					    : answer.error[0] == '\0')
		abort();
	oauth_answer_free(&answer);
	return 0;
}
