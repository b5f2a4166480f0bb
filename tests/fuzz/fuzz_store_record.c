/* Records: whatever decodes must encode, and come back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokend/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_record record, again;
	struct buf text = BUF_INIT(256 * 1024);

	if (store_record_decode((const char *)data, size, &record, NULL) != 0) {
		if (record.refresh_token != NULL)
			abort();
		return 0;
	}
	if (store_record_encode(&record, &text, NULL) != 0 ||
	    store_record_decode(text.data, text.len, &again, NULL) != 0 ||
	    !secret_equal(record.refresh_token, again.refresh_token) ||
	    strcmp(record.client_id, again.client_id) != 0 || strcmp(record.scope, again.scope) != 0 ||
	    record.granted_at != again.granted_at || record.refreshed_at != again.refreshed_at ||
	    record.generation != again.generation)
		abort();
	store_record_free(&again);
	store_record_free(&record);
	buf_free(&text);
	return 0;
}
